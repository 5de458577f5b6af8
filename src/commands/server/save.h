/* Dump files: what others need of SAVE and BGSAVE. Thread: loop. */
#ifndef ORBIT_COMMANDS_SERVER_SAVE_H
#define ORBIT_COMMANDS_SERVER_SAVE_H

#include "base/status.h"

#include <limits.h>
#include <stdint.h>

struct kv;

/* Registers with the cron and INFO. Once, before the start. */
void save_start(void);
/* Where the dump file stands: dbfilename in the working directory. */
const char *save_path(char out[PATH_MAX]);
/* Writes the dump file and waits; a save under way is stopped. */
MUST_USE enum status save_now(struct kv *kv, struct error *err);
/* What a dump file holds takes the place of what is there. The log hears nothing of it: everything is in the store at the end.
 * Other clients are served meanwhile, with -LOADING for most. */
enum save_load_flags {
    SAVE_LOAD_KEEP = 1 << 0,  /* what is there stays, a key of the file must not be */
    SAVE_LOAD_MERGE = 1 << 1, /* keys of the file replace those that are there */
};
MUST_USE enum status save_load(struct kv *kv, const char *path, unsigned flags, struct error *err);
/* Stops the save under way, if any, and waits for its end. */
void save_stop(void);
/* Everything was deleted: with save points, a dump file that says so takes the place of the old one. */
void save_after_flush(struct kv *kv);
/* What INFO tells of the last load. */
void save_note_load(uint64_t keys, uint64_t expired);

#endif
