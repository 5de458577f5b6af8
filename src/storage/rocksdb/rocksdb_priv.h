/* What the files of the rocksdb provider share. */
#ifndef ORBIT_STORAGE_ROCKSDB_ROCKSDB_PRIV_H
#define ORBIT_STORAGE_ROCKSDB_ROCKSDB_PRIV_H

#include "storage/provider.h"

#include <rocksdb/c.h>
#include <stdatomic.h>

struct rocks_config {
    int compression;
    int64_t block_cache, write_buffer, db_write_buffer, max_write_buffer_number;
    int64_t target_file_size, max_background_jobs, max_open_files;
    bool enable_wal, enable_statistics;
};

struct rocks {
    char *path;
    struct rocks_config config;
    bool read_only;
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_cache_t *cache;
    size_t nspaces;
    rocksdb_column_family_handle_t **spaces; /* one for each space of the caller */
    rocksdb_column_family_handle_t *
        *all;     /* every column family of the database; owns the handles */
    char **names; /* of all[] */
    size_t nall;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write, *write_sync;
    /* Health: a failed write makes the store unhealthy until the next one works. */
    _Atomic bool write_failed;
    _Atomic uint64_t writes_ok;
    _Atomic uint64_t errors_seen, writes_at_error;
    _Atomic uint64_t last_logged_ms;
};

struct rocks_snap {
    const rocksdb_snapshot_t *snap;
    rocksdb_readoptions_t *read;
};

/* Turns a message of the library into a status, logs it, and frees it. The caller's message holds no file names. */
enum status rocks__error(struct rocks *r, char *message, const char *what, struct error *err);
/* Status that a message of the library stands for. */
enum status rocks__classify(const char *message);
/* Name of the table or log file in a message, or "" (borrowed from the message; *n its length). */
const char *rocks__file_in(const char *message, size_t *n);

/* The options of one open, made of the configuration. cache may be NULL. */
rocksdb_options_t *rocks__options_new(const struct rocks_config *c, rocksdb_cache_t *cache);
enum status rocks__config_read(const struct stor_config *cfg, struct rocks_config *out,
                               struct error *err);
/* The block cache that every open store of the process shares; as large as the largest that was asked for. */
rocksdb_cache_t *rocks__cache_ref(size_t bytes);
void rocks__cache_unref(void);

enum status rocks__get(void *h, void *snap, unsigned space, struct slice key, struct buf *v,
                       struct error *err);
enum status rocks__multi_get(void *h, void *snap, unsigned space, size_t n,
                             const struct slice *keys, struct buf *vals, enum status *st,
                             struct error *err);
enum status rocks__snap_new(void *h, void **snap, struct error *err);
void rocks__snap_free(void *h, void *snap);

void *rocks__iter_new(void *h, unsigned space, const struct stor_iter_opts *opts, void *snap);
void rocks__iter_free(void *it);
void rocks__iter_first(void *it);
void rocks__iter_last(void *it);
void rocks__iter_seek(void *it, struct slice key);
void rocks__iter_seek_prev(void *it, struct slice key);
void rocks__iter_next(void *it);
void rocks__iter_prev(void *it);
bool rocks__iter_valid(const void *it);
struct slice rocks__iter_key(const void *it);
struct slice rocks__iter_value(const void *it);
enum status rocks__iter_status(const void *it, struct error *err);

void *rocks__batch_new(void *h);
void rocks__batch_free(void *b);
void rocks__batch_clear(void *b);
void rocks__batch_put(void *b, unsigned space, struct slice key, struct slice value);
void rocks__batch_del(void *b, unsigned space, struct slice key);
void rocks__batch_del_range(void *b, unsigned space, struct slice from, struct slice to);
enum status rocks__write(void *h, void *batch, unsigned flags, struct error *err);

void *rocks__bulk_new(void *h, unsigned space);
void rocks__bulk_put(void *bulk, struct slice key, struct slice value);
void rocks__bulk_del(void *bulk, struct slice key);
enum status rocks__bulk_commit(void *bulk, struct error *err);
void rocks__bulk_abort(void *bulk);
/* Removes files of bulks that a crash left in the database's folder. */
void rocks__bulk_clean(const char *path);

enum status rocks__sync(void *h, struct error *err);
enum status rocks__checkpoint(void *h, const char *dir, struct error *err);
enum status rocks__compact(void *h, unsigned space, struct slice from, struct slice to,
                           struct error *err);
enum status rocks__verify(void *h, struct error *err);
enum status rocks__approx_size(void *h, unsigned space, struct slice from, struct slice to,
                               uint64_t *bytes, struct error *err);
enum stor_health rocks__health(void *h, char *reason, size_t reason_size);
void rocks__stats(void *h, struct stor_stats *out, uint64_t *cache_hits, uint64_t *cache_misses);
void rocks__report(void *h, struct buf *out);

/* No ordinary key is as large as this: where a range delete without end stops first. */
#define ROCKS_END_N 16
extern const char rocks__end[ROCKS_END_N];

#endif
