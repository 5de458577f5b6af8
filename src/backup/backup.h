/* Backups: FORMAT.md beside this file. A backup is a folder with a manifest; a full one holds a checkpoint of the store and the log
 * that goes with it, an incremental one the log since its parent.
 * Thread: any but the loop's, everything here blocks. Paths are absolute or relative to the working directory. */
#ifndef ORBIT_BACKUP_BACKUP_H
#define ORBIT_BACKUP_BACKUP_H

#include "backup/backup_manifest.h"
#include "wal/wal.h"

/* Called while bytes are read or written; false: stop, with ST_CANCELLED. NULL: nobody looks. */
struct backup_watch {
    bool (*step)(void *arg, uint64_t done, uint64_t total);
    void *arg;
    uint64_t done, total;
};

/* -- Making one (a worker of the server) ---------------------------------------------------------------------------------- */

/* Where and of what. m: all but the files is filled in. */
struct backup_job {
    const char *dir;  /* of the backups */
    const char *root; /* data directory */
    const char
        *checkpoint; /* of the store, a folder that becomes part of the backup; NULL: incremental */
    struct backup_manifest *m;
};
/* Locks dir, made if missing, against other servers and removes what an earlier one left unfinished. ST_LOCKED. */
MUST_USE enum status backup_dir_open(const char *dir, int *fd, struct error *err);
void backup_dir_close(int fd);
/* Makes dir/m->name from start_seq to end_seq. On failure nothing is left, the checkpoint neither. */
MUST_USE enum status backup_make(const struct backup_job *job, struct backup_watch *watch,
                                 struct error *err);
/* Removes a folder with everything in it. ST_OK too when there is none. */
enum status backup_remove_tree(const char *path, struct error *err);

/* -- Looking at them ------------------------------------------------------------------------------------------------------- */

/* The backup that an incremental of a log with this id would go on from: the one that ends last. ST_NOT_FOUND. */
MUST_USE enum status backup_latest(const char *dir, const char *log_id, struct backup_manifest *out,
                                   struct error *err);
/* Calls each for every backup in dir, by time; err_text: why it cannot be read (m has only the name then), else NULL. */
MUST_USE enum status backup_list(const char *dir,
                                 void (*each)(void *arg, const struct backup_manifest *m,
                                              const char *err_text),
                                 void *arg, struct error *err);
/* Compares every file of the backup at path, and of those it goes on from, with its checksum. bad gets one line for each that is
 * missing or differs. ST_CORRUPT: some are; err names the first. */
MUST_USE enum status backup_verify(const char *path, struct backup_watch *watch, struct buf *bad,
                                   struct error *err);
/* Calls each for the frames that hold a command called word, in the log at wal_dir. */
struct backup_hit {
    uint64_t seq, end_seq; /* restoring to seq leaves it out, to end_seq takes it */
    int64_t time_ms;
};
MUST_USE enum status backup_find(const char *wal_dir, struct slice word,
                                 void (*each)(void *arg, const struct backup_hit *hit), void *arg,
                                 struct error *err);

/* -- Restoring ------------------------------------------------------------------------------------------------------------- */

struct backup_restore {
    const char *path;     /* the backup */
    const char *data_dir; /* what is made; NULL: where the backup was taken from */
    const char *
        log_dir; /* log to go on with behind the backup; NULL: the one in data_dir, if it is of the same history */
    bool to_seq, to_time, to_latest; /* none: what the backup holds */
    struct wal_limit limit;          /* with to_seq or to_time */
    /* answers */
    char made[4096],
        aside[4096]; /* the data directory, and where the former one is; "": there was none */
    uint64_t end_seq;
    int64_t last_ms; /* of the last frame taken; 0: none */
    bool log_used;
};
/* Makes a data directory from a backup. What was there is moved aside when the new one is complete; on failure it stays as it was.
 * ST_LOCKED: a server uses it. ST_CORRUPT: the backup is damaged, err names the file. ST_RANGE: the target lies before the
 * backup, or behind everything there is. */
MUST_USE enum status backup_restore(struct backup_restore *r, struct backup_watch *watch,
                                    struct error *err);

#endif
