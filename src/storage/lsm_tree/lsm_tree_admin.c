/* The whole lsm_tree store: sync, checkpoint, compaction, verification, health, statistics. */
#include "base/mem.h"
#include "storage/files.h"
#include "storage/lsm_tree/lsm_tree_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Keys that the statistics look at; the rest is estimated from them. */
#define SAMPLE           4096
#define CHECKPOINT_BATCH ((size_t)4 << 20)

/* LevelDB has no call for it; an empty batch that is synced takes everything before it along. */
enum status lsm__sync(void *h, struct error *err)
{
    struct lsm *l = h;
    leveldb_writebatch_t *b = leveldb_writebatch_create();
    char *message = NULL;

    leveldb_write(l->db, l->write_sync, b, &message);
    leveldb_writebatch_destroy(b);
    return message ? lsm__error(l, message, "sync", err) : ST_OK;
}

/* Copies a snapshot, key by key, into a database of its own. */
static enum status copy_to(struct lsm *l, leveldb_t *to, struct error *err)
{
    const leveldb_snapshot_t *snap = leveldb_create_snapshot(l->db);
    leveldb_readoptions_t *read = leveldb_readoptions_create();
    leveldb_writebatch_t *b = leveldb_writebatch_create();
    char *message = NULL;
    size_t pending = 0;

    leveldb_readoptions_set_snapshot(read, snap);
    leveldb_readoptions_set_fill_cache(read, 0);
    leveldb_readoptions_set_verify_checksums(read, 1);
    leveldb_iterator_t *it = leveldb_create_iterator(l->db, read);
    for (leveldb_iter_seek_to_first(it); leveldb_iter_valid(it) && !message;
         leveldb_iter_next(it)) {
        size_t kn, vn;
        const char *k = leveldb_iter_key(it, &kn), *v = leveldb_iter_value(it, &vn);
        leveldb_writebatch_put(b, k, kn, v, vn);
        pending += kn + vn;
        if (pending >= CHECKPOINT_BATCH) {
            leveldb_write(to, l->write, b, &message);
            leveldb_writebatch_clear(b);
            pending = 0;
        }
    }
    if (!message)
        leveldb_iter_get_error(it, &message);
    if (!message)
        leveldb_write(to, l->write_sync, b, &message);
    leveldb_iter_destroy(it);
    leveldb_writebatch_destroy(b);
    leveldb_readoptions_destroy(read);
    leveldb_release_snapshot(l->db, snap);
    return message ? lsm__error(l, message, "checkpoint", err) : ST_OK;
}

enum status lsm__checkpoint(void *h, const char *dir, struct error *err)
{
    struct lsm *l = h;
    char *message = NULL;

    if (access(dir, F_OK) == 0)
        return error_set(err, ST_EXISTS, "lsm_tree: checkpoint: the directory exists");
    char *tables = stor_path_join(dir, "sstables");
    enum status st = stor_dir_make(tables, false, err);
    if (st != ST_OK) {
        mem_free(tables);
        return st;
    }
    leveldb_options_t *o = lsm__options_new(l);
    leveldb_options_set_create_if_missing(o, 1);
    leveldb_options_set_error_if_exists(o, 1);
    leveldb_t *to = leveldb_open(o, tables, &message);
    st = message ? lsm__error(l, message, "checkpoint", err) : copy_to(l, to, err);
    if (to)
        leveldb_close(to);
    leveldb_options_destroy(o);
    mem_free(tables);
    return st;
}

/* Both ends of a range as they stand on disk. */
static void range_keys(const struct lsm *l, unsigned space, struct slice from, struct slice to,
                       struct buf *a, struct buf *b)
{
    lsm__key(l, space, from, a);
    if (to.p)
        lsm__key(l, space, to, b);
    else
        lsm__space_end(l, space, b);
}

enum status lsm__compact(void *h, unsigned space, struct slice from, struct slice to,
                         struct error *err)
{
    struct lsm *l = h;
    struct buf a = BUF_INIT, b = BUF_INIT;

    range_keys(l, space, from, to, &a, &b);
    leveldb_compact_range(l->db, a.p, a.n, b.p, b.n);
    buf_free(&a);
    buf_free(&b);
    return ST_OK;
}

/* Each block that is read is checked, now or when it came into the cache. */
enum status lsm__verify(void *h, struct error *err)
{
    struct lsm *l = h;
    leveldb_readoptions_t *read = leveldb_readoptions_create();
    char *message = NULL;

    leveldb_readoptions_set_verify_checksums(read, 1);
    leveldb_readoptions_set_fill_cache(read, 0);
    leveldb_iterator_t *it = leveldb_create_iterator(l->db, read);
    for (leveldb_iter_seek_to_first(it); leveldb_iter_valid(it); leveldb_iter_next(it))
        continue;
    leveldb_iter_get_error(it, &message);
    leveldb_iter_destroy(it);
    leveldb_readoptions_destroy(read);
    return message ? lsm__error(l, message, "verify", err) : ST_OK;
}

static uint64_t approximate(struct lsm *l, struct slice from, struct slice to)
{
    uint64_t bytes = 0;

    leveldb_approximate_sizes(l->db, 1, &from.p, &from.n, &to.p, &to.n, &bytes);
    return bytes;
}

enum status lsm__approx_size(void *h, unsigned space, struct slice from, struct slice to,
                             uint64_t *bytes, struct error *err)
{
    struct lsm *l = h;
    struct buf a = BUF_INIT, b = BUF_INIT;

    range_keys(l, space, from, to, &a, &b);
    *bytes = approximate(l, buf_slice(&a), buf_slice(&b));
    buf_free(&a);
    buf_free(&b);
    return ST_OK;
}

enum stor_health lsm__health(void *h, char *reason, size_t reason_size)
{
    struct lsm *l = h;

    /* After a failed flush or compaction LevelDB refuses writes too, so this shows both. */
    if (atomic_load(&l->write_failed)) {
        snprintf(
            reason, reason_size,
            "the last write failed; after a full disk LevelDB writes again only when reopened");
        return STOR_UNHEALTHY;
    }
    char *files = leveldb_property_value(l->db, "leveldb.num-files-at-level0");
    int n = files ? atoi(files) : 0;
    if (files)
        leveldb_free(files);
    if (n >= 8) {
        snprintf(reason, reason_size, "writes are slowed down: %d tables wait for compaction", n);
        return STOR_DEGRADED;
    }
    return STOR_HEALTHY;
}

/* LevelDB counts nothing. The first keys are looked at; what share of the files they make up gives the rest. */
static void sample(struct lsm *l, struct stor_stats *out, uint64_t memory)
{
    static const char first[] = {0, 1}, end[] = {'\xff', '\xff'};
    leveldb_readoptions_t *read = leveldb_readoptions_create();
    uint64_t n = 0, keys = 0, values = 0, table_bytes, all;
    struct buf last = BUF_INIT;
    size_t len;

    leveldb_readoptions_set_fill_cache(read, 0);
    leveldb_iterator_t *it = leveldb_create_iterator(l->db, read);
    leveldb_iter_seek(it, first, sizeof first);
    for (; leveldb_iter_valid(it) && n < SAMPLE; leveldb_iter_next(it), n++) {
        const char *k = leveldb_iter_key(it, &len);
        keys += len - LSM_PREFIX;
        if (n + 1 == SAMPLE)
            buf_put(&last, k, len);
        leveldb_iter_value(it, &len);
        values += len;
    }
    bool more = leveldb_iter_valid(it);
    leveldb_iter_destroy(it);
    leveldb_readoptions_destroy(read);
    if (n) {
        out->average_key_size = (double)keys / (double)n;
        out->average_value_size = (double)values / (double)n;
    }
    out->total_keys = n;
    if (more) {
        all = approximate(l, slice_make(first, sizeof first), slice_make(end, sizeof end));
        table_bytes = approximate(l, slice_make(first, sizeof first), buf_slice(&last));
        double factor = table_bytes ? (double)all / (double)table_bytes
                                    : (double)(all + memory) / (double)(keys + values + 1);
        out->total_keys = (uint64_t)((double)n * (factor > 1 ? factor : 1));
    }
    out->total_size_bytes =
        (uint64_t)((double)out->total_keys * (out->average_key_size + out->average_value_size));
    buf_free(&last);
}

void lsm__stats(void *h, struct stor_stats *out, uint64_t *cache_hits, uint64_t *cache_misses)
{
    struct lsm *l = h;

    if (!out)
        return;
    char *memory = leveldb_property_value(l->db, "leveldb.approximate-memory-usage");
    out->memory_usage_bytes = memory ? strtoull(memory, NULL, 10) : 0;
    if (memory)
        leveldb_free(memory);
    out->disk_usage_bytes = stor_dir_bytes(l->path);
    sample(l, out, out->memory_usage_bytes);
}

void lsm__report(void *h, struct buf *out)
{
    struct lsm *l = h;
    char *text = leveldb_property_value(l->db, "leveldb.stats");

    buf_printf(out, "directory: %s\n", l->path);
    if (text) {
        buf_put_str(out, text);
        leveldb_free(text);
    }
}
