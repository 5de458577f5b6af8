/* The manifest of a backup, as a struct and as text (FORMAT.md). Pure, but for reading and writing the file. */
#ifndef ORBIT_BACKUP_BACKUP_MANIFEST_H
#define ORBIT_BACKUP_BACKUP_MANIFEST_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define BACKUP_NAME     100
#define BACKUP_SUM      64 /* hexadecimal digits of a SHA-256 */
#define BACKUP_MANIFEST "MANIFEST"
#define BACKUP_PART     ".part"

struct backup_file {
    char sum[BACKUP_SUM + 1];
    uint64_t bytes;
    char *path; /* below the backup */
};

struct backup_manifest {
    bool full;
    char name[BACKUP_NAME + 1], parent[BACKUP_NAME + 1];
    char parent_sum[BACKUP_SUM + 1];
    char version[64], provider[32], data_dir[4096];
    char log_id[33]; /* "": there was no log */
    uint64_t start_seq, end_seq;
    int64_t begun_ms, end_ms;
    struct backup_file *files;
    size_t nfiles, cap;
    char sum[BACKUP_SUM + 1]; /* of the manifest itself, once read or written */
};

/* Letters, digits, dot, underscore and minus, the first no dot, and not ending like an unfinished one. */
bool backup_name_ok(struct slice name);
void backup_manifest_free(struct backup_manifest *m);
void backup_manifest_add(struct backup_manifest *m, const char *path, uint64_t bytes,
                         const char *sum);
uint64_t backup_manifest_bytes(const struct backup_manifest *m);
/* Appends the text to out and sets m->sum. */
void backup_manifest_encode(struct backup_manifest *m, struct buf *out);
/* The other way; m is to be freed in any case. ST_CORRUPT, ST_TOO_NEW. */
MUST_USE enum status backup_manifest_decode(struct slice text, struct backup_manifest *m,
                                            struct error *err);
/* Of the backup at path. ST_NOT_FOUND: there is none. m is to be freed in any case. */
MUST_USE enum status backup_manifest_read(const char *path, struct backup_manifest *m,
                                          struct error *err);

#endif
