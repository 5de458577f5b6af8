/* What the files of the lsm_tree provider share. FORMAT.md gives the keys. */
#ifndef ORBIT_STORAGE_LSM_TREE_LSM_TREE_PRIV_H
#define ORBIT_STORAGE_LSM_TREE_LSM_TREE_PRIV_H

#include "storage/provider.h"

#include <leveldb/c.h>
#include <stdatomic.h>

#define LSM_PREFIX 2 /* bytes of space number before each key */

struct lsm_config {
    int64_t memtable_size, block_size, block_cache;
    int64_t max_levels, level_size_multiplier, compaction_threshold, bloom_bits;
    bool bloom, compression;
};

struct lsm {
    char *path;   /* the store's directory */
    char *tables; /* path/sstables */
    struct lsm_config config;
    leveldb_t *db;
    leveldb_options_t *options;
    leveldb_cache_t *cache;
    leveldb_filterpolicy_t *filter;
    leveldb_readoptions_t *read;
    leveldb_writeoptions_t *write, *write_sync;
    size_t nspaces;
    uint16_t *ids; /* space number on disk, for each space of the caller */
    _Atomic bool write_failed;
    _Atomic uint64_t last_logged_ms;
};

struct lsm_snap {
    const leveldb_snapshot_t *snap;
    leveldb_readoptions_t *read;
};

/* Turns a message of the library into a status, logs it, and frees it. */
enum status lsm__error(struct lsm *l, char *message, const char *what, struct error *err);
leveldb_options_t *lsm__options_new(const struct lsm *l);

/* Replaces out with the key as it stands on disk. */
void lsm__key(const struct lsm *l, unsigned space, struct slice key, struct buf *out);
/* First key behind the space. */
void lsm__space_end(const struct lsm *l, unsigned space, struct buf *out);

void *lsm__iter_new(void *h, unsigned space, const struct stor_iter_opts *opts, void *snap);
void lsm__iter_free(void *it);
void lsm__iter_first(void *it);
void lsm__iter_last(void *it);
void lsm__iter_seek(void *it, struct slice key);
void lsm__iter_seek_prev(void *it, struct slice key);
void lsm__iter_next(void *it);
void lsm__iter_prev(void *it);
bool lsm__iter_valid(const void *it);
struct slice lsm__iter_key(const void *it);
struct slice lsm__iter_value(const void *it);
enum status lsm__iter_status(const void *it, struct error *err);

enum status lsm__sync(void *h, struct error *err);
enum status lsm__checkpoint(void *h, const char *dir, struct error *err);
enum status lsm__compact(void *h, unsigned space, struct slice from, struct slice to,
                         struct error *err);
enum status lsm__verify(void *h, struct error *err);
enum status lsm__approx_size(void *h, unsigned space, struct slice from, struct slice to,
                             uint64_t *bytes, struct error *err);
enum stor_health lsm__health(void *h, char *reason, size_t reason_size);
void lsm__stats(void *h, struct stor_stats *out, uint64_t *cache_hits, uint64_t *cache_misses);
void lsm__report(void *h, struct buf *out);

#endif
