/* The data root: its lock, its format number, its layout.
 *
 *   ROOT/format                 "1\n": what this program understands
 *   ROOT/LOCK                   held by the running server
 *   ROOT/redis/PROVIDER/        the store of the keyspace
 *   ROOT/wal/                   the log
 *   ROOT/dump-load             whether a redis-server's files were loaded at the start (dump_load.c)
 */
#ifndef ORBIT_SERVER_DATADIR_H
#define ORBIT_SERVER_DATADIR_H

#include "base/status.h"

#define DATADIR_FORMAT 1

/* The data root that the options name: data-dir, else "data" below the working directory. Valid for ever. */
const char *datadir_root(void);
/* Makes the directory if it is missing, takes the lock, checks the format number. ST_LOCKED, ST_TOO_NEW, ST_DENIED...: err
 * says what to do. */
MUST_USE enum status datadir_open(struct error *err);
void datadir_close(void);

#endif
