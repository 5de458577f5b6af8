/* An append-only file of a redis-server as a row of commands. A dump in front of them is the caller's to read.
 * Borrows from the bytes; pure; thread: any. */
#ifndef ORBIT_RDB_AOF_FILE_H
#define ORBIT_RDB_AOF_FILE_H

#include "base/slice.h"

enum aof_got {
    AOF_COMMAND, /* argv[0..argc) */
    AOF_END,
    AOF_CUT, /* the file ends within a command, or within MULTI and EXEC: what begins at `at` is incomplete */
    AOF_BAD, /* there is no command at `at` */
};

struct aof_file {
    struct slice bytes;
    size_t at;         /* where the next command begins */
    size_t whole_unit; /* up to here transactions are known to have their end */
    struct slice *argv;
    size_t argc, cap;
};

/* From byte `at` on. */
void aof_file_begin(struct aof_file *f, struct slice bytes, size_t at);
/* The next command; valid until the one after it. A MULTI is given only when its EXEC is in the file. After anything but
 * AOF_COMMAND the file stays where it is. */
enum aof_got aof_file_next(struct aof_file *f);
void aof_file_end(struct aof_file *f);

#endif
