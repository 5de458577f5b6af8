/* Files of backups: shared inside backup/. */
#ifndef ORBIT_BACKUP_BACKUP_PRIV_H
#define ORBIT_BACKUP_BACKUP_PRIV_H

#include "backup/backup.h"

#define BACKUP_PATH 8192

/* Puts a path together; one that is too long becomes "", which names nothing. */
void backup__path(char out[BACKUP_PATH], const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends the whole file to out. ST_TOO_LONG above max. */
MUST_USE enum status backup__read_file(const char *path, size_t max, struct buf *out,
                                       struct error *err);
/* Reads from, and writes it to the new file to unless that is NULL, which is on the device afterwards. sync: so is from. */
MUST_USE enum status backup__pass(const char *from, const char *to, bool sync,
                                  struct backup_watch *watch, char sum[BACKUP_SUM + 1],
                                  uint64_t *bytes, struct error *err);
/* Makes the folders above the last slash of path that are missing below base (base is a prefix of path, and is there). */
MUST_USE enum status backup__make_parents(const char *base, const char *path, struct error *err);
MUST_USE enum status backup__sync_dir(const char *path, struct error *err);
/* Calls fn for each file below root/rel with its path from root, in order of names. */
typedef enum status (*backup__walk_fn)(void *arg, const char *rel, uint64_t bytes,
                                       struct error *err);
MUST_USE enum status backup__walk(const char *root, const char *rel, backup__walk_fn fn, void *arg,
                                  struct error *err);
/* Syncs root and each folder below it. */
MUST_USE enum status backup__sync_tree(const char *root, struct error *err);
/* A file of the backup at path against the manifest; copied to the new file to unless that is NULL. ST_CORRUPT: differs, or is
 * missing. */
MUST_USE enum status backup__check_file(const char *path, const struct backup_file *f,
                                        const char *to, struct backup_watch *watch,
                                        struct error *err);

/* A backup and what it goes on from: [0] is the full one. */
struct backup__chain {
    struct backup_manifest *m;
    char **paths;
    size_t n;
};
MUST_USE enum status backup__chain_read(const char *path, struct backup__chain *out,
                                        struct error *err);
void backup__chain_free(struct backup__chain *c);

#endif
