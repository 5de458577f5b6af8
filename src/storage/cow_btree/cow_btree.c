/* The provider "cow_btree": opening, reads, batches, statistics. cow_btree_priv.h draws how the parts work together. */
#include "base/log.h"
#include "base/mem.h"
#include "storage/cow_btree/cow_btree_priv.h"
#include "storage/files.h"
#include "storage/manifest.h"
#include "storage/merge.h"
#include "storage/oplog.h"
#include "storage/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define DEFAULT_KEYS_PER_NODE 64
#define SAMPLE                4096

#define FIELD(f) offsetof(struct cow_config, f)
static const struct stor_option_row rows[] = {
    {"max_keys_per_node", STOR_OPT_INT, FIELD(max_keys_per_node), 4, 65536, NULL},
    {"wal_buffer_size", STOR_OPT_BYTES, FIELD(wal_buffer_size), 4096, (int64_t)1 << 36, NULL},
    {"enable_snapshots", STOR_OPT_BOOL, FIELD(enable_snapshots), 0, 0, NULL},
    {"snapshot_interval", STOR_OPT_INT, FIELD(snapshot_interval), 1, INT64_MAX, NULL},
    {"enable_compression", STOR_OPT_BOOL, FIELD(enable_compression), 0, 0, NULL},
    {"wal_sync_interval", STOR_OPT_INT, FIELD(wal_sync_interval), 1, 86400, NULL},
    {"map_size", STOR_OPT_BYTES, FIELD(map_size), 1 << 20, (int64_t)1 << 46, NULL},
};

/* -- Opening ------------------------------------------------------------------------------------------------------------ */

/* LMDB lets processes share a file; our log does not. */
static enum status take_lock(struct cow *c, struct error *err)
{
    char *path = stor_path_join(c->path, "LOCK");
    enum status st = ST_OK;

    c->lock_fd =
        open(path, c->read_only ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (c->lock_fd < 0 && c->read_only && errno == ENOENT)
        st = error_set(err, ST_NOT_FOUND, "cow_btree: there is no database in %s", c->path);
    else if (c->lock_fd < 0)
        st = error_set_errno(err, errno, "cow_btree: cannot open %s", path);
    else if (flock(c->lock_fd, LOCK_EX | LOCK_NB) != 0)
        st = error_set(err, ST_LOCKED,
                       "cow_btree: %s is in use by another process (its LOCK file is held)",
                       c->path);
    mem_free(path);
    return st;
}

static void init_locks(struct cow *c)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&c->write_lock, NULL);
    pthread_mutex_init(&c->state_lock, NULL);
    pthread_mutex_init(&c->reader_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attr);
    pthread_cond_init(&c->folded, NULL);
    pthread_condattr_destroy(&attr);
}

static void cow_close(void *h)
{
    struct cow *c = h;

    cow__fold_stop(c);
    if (c->log_path)
        cow__log_close(c);
    cow__tree_close(c);
    mvcc_free(c->m);
    if (c->lock_fd >= 0)
        close(c->lock_fd);
    for (size_t i = 0; i < c->nspaces; i++)
        mem_free(c->names[i]);
    mem_free(c->names);
    mem_free(c->ids);
    buf_free(&c->frame);
    mem_free(c->path);
    mem_free(c->log_path);
    mem_free(c->log_old_path);
    pthread_mutex_destroy(&c->write_lock);
    pthread_mutex_destroy(&c->state_lock);
    pthread_mutex_destroy(&c->reader_lock);
    pthread_cond_destroy(&c->wake);
    pthread_cond_destroy(&c->folded);
    mem_free(c);
}

static enum status write_metadata(struct cow *c, const char *dir, const struct stor_config *cfg,
                                  struct error *err)
{
    const struct stor_manifest_field fields[] = {
        {"max_keys_per_node", c->config.max_keys_per_node},
        {"wal_buffer_size", c->config.wal_buffer_size},
        {"snapshot_interval", c->config.enable_snapshots ? c->config.snapshot_interval : 0},
    };

    return stor_manifest_write(dir, "metadata.json", "cow_btree", "LMDB", cfg, fields,
                               COUNT_OF(fields), err);
}

static enum status open_files(struct cow *c, const struct stor_config *cfg, struct error *err)
{
    uint64_t seq = 0;
    enum status st = take_lock(c, err);

    if (st == ST_OK)
        st = cow__tree_open(c, err);
    if (st == ST_OK)
        st = cow__tree_spaces(c, cfg, &seq, err);
    if (st != ST_OK)
        return st;
    c->m = mvcc_new(c->highest + 1u, true);
    mvcc_set_seq(c->m, seq);
    mvcc_flushed(c->m, seq);
    st = cow__log_open(c, err);
    if (st == ST_OK && !c->read_only)
        st = write_metadata(c, c->path, cfg, err);
    if (st == ST_OK && !c->read_only)
        st = cow__fold_start(c, err);
    return st;
}

static enum status cow_open(const struct stor_config *cfg, void **handle, struct error *err)
{
    struct cow *c = mem_calloc(1, sizeof *c);

    init_locks(c);
    c->lock_fd = c->log.fd = -1;
    c->read_only = cfg->read_only;
    c->path = mem_strdup(cfg->path);
    c->log_path = stor_path_join(cfg->path, COW_LOG);
    c->log_old_path = stor_path_join(cfg->path, COW_LOG_OLD);
    c->config = (struct cow_config){
        .max_keys_per_node = DEFAULT_KEYS_PER_NODE,
        .wal_buffer_size = 1 << 20,
        .enable_snapshots = true,
        .snapshot_interval = 1000,
        .enable_compression = true,
        .wal_sync_interval = 5,
        .map_size = (int64_t)1 << 40,
    };
    c->nspaces = cfg->nspaces;
    c->ids = mem_calloc(cfg->nspaces, sizeof *c->ids);
    c->names = mem_calloc(cfg->nspaces, sizeof *c->names);
    for (size_t i = 0; i < cfg->nspaces; i++)
        c->names[i] = mem_strdup(cfg->spaces[i]);
    enum status st = stor_options_read("cow_btree", cfg, rows, COUNT_OF(rows), &c->config, err);
    if (st == ST_OK) {
        if (c->config.max_keys_per_node != DEFAULT_KEYS_PER_NODE)
            log_notice(LOG_STORAGE,
                       "cow_btree: max_keys_per_node %lld has no effect: the page size "
                       "sets the fan-out of LMDB's tree",
                       (long long)c->config.max_keys_per_node);
        st = stor_dir_make(c->path, c->read_only, err);
        if (st != ST_OK)
            error_prefix(err, "cow_btree");
    }
    if (st == ST_OK)
        st = open_files(c, cfg, err);
    if (st != ST_OK)
        cow_close(c);
    else
        *handle = c;
    return st;
}

/* -- Snapshots and reads ------------------------------------------------------------------------------------------------ */

/* A view and a reader of the tree that fit: the tree holds at least what the view leaves to it, and nothing newer. A fold that
 * ends in between makes them not fit; the later one is then taken again. */
enum status cow__snap_open(struct cow *c, struct cow_snap *snap, struct error *err)
{
    mvcc_view_open(c->m, &snap->view);
    for (;;) {
        enum status st = cow__reader_begin(c, &snap->txn, err);
        if (st != ST_OK) {
            mvcc_view_close(c->m, &snap->view);
            return st;
        }
        uint64_t seq = cow__tree_seq(snap->txn);
        if (seq <= snap->view.seq)
            return ST_OK;
        cow__reader_end(c, snap->txn);
        mvcc_view_close(c->m, &snap->view);
        mvcc_view_open(c->m, &snap->view);
    }
}

void cow__snap_close(struct cow *c, struct cow_snap *snap)
{
    cow__reader_end(c, snap->txn);
    mvcc_view_close(c->m, &snap->view);
}

static enum status cow_snap_new(void *h, void **out, struct error *err)
{
    struct cow_snap *snap = mem_alloc(sizeof *snap);
    enum status st = cow__snap_open(h, snap, err);

    if (st != ST_OK)
        mem_free(snap);
    else
        *out = snap;
    return st;
}

static void cow_snap_free(void *h, void *snap)
{
    cow__snap_close(h, snap);
    mem_free(snap);
}

static enum status cow_get(void *h, void *p, unsigned space, struct slice key, struct buf *v,
                           struct error *err)
{
    struct cow *c = h;
    struct cow_snap *snap = p;
    enum mvcc_found found;
    MDB_txn *txn = NULL;
    enum status st = mvcc_get(c->m, snap ? &snap->view : NULL, c->ids[space], key, &found, v, err);

    if (st != ST_OK || found == MVCC_VALUE)
        return st;
    if (found == MVCC_DELETED)
        return ST_NOT_FOUND;
    if (snap)
        return cow__tree_get(snap->txn, c->ids[space], key, v, err);
    st = cow__reader_begin(c, &txn, err);
    if (st != ST_OK)
        return st;
    st = cow__tree_get(txn, c->ids[space], key, v, err);
    cow__reader_end(c, txn);
    return st;
}

/* -- Iterators ---------------------------------------------------------------------------------------------------------- */

void *cow__iter_open(struct cow *c, struct cow_snap *snap, uint16_t id, struct slice lower,
                     struct slice upper)
{
    return merge_iter_new(&cow__tree_iter_table, cow__tree_iter_new(snap->txn, id, lower, upper),
                          mvcc_iter_new(c->m, &snap->view, id, lower, upper), NULL, NULL);
}

struct own_snap {
    struct cow *c;
    struct cow_snap snap;
};

static void own_snap_done(void *arg)
{
    struct own_snap *own = arg;

    cow__snap_close(own->c, &own->snap);
    mem_free(own);
}

/* Without a snapshot of the caller's, the iterator has one of its own. Should that fail, the iterator is empty and says so. */
static void *cow_iter_new(void *h, unsigned space, const struct stor_iter_opts *opts, void *p)
{
    struct cow *c = h;
    struct cow_snap *snap = p;

    if (snap)
        return cow__iter_open(c, snap, c->ids[space], opts->lower, opts->upper);
    struct own_snap *own = mem_alloc(sizeof *own);
    own->c = c;
    if (cow__snap_open(c, &own->snap, NULL) != ST_OK) {
        mem_free(own);
        return merge_iter_new(&cow__tree_iter_table, cow__tree_iter_failed(), NULL, NULL, NULL);
    }
    void *base = cow__tree_iter_new(own->snap.txn, c->ids[space], opts->lower, opts->upper);
    struct mvcc_iter *over =
        mvcc_iter_new(c->m, &own->snap.view, c->ids[space], opts->lower, opts->upper);
    return merge_iter_new(&cow__tree_iter_table, base, over, own_snap_done, own);
}

/* -- Writes ------------------------------------------------------------------------------------------------------------- */

struct cow_batch {
    struct cow *c;
    struct buf log;
    uint64_t count;
};

static void *cow_batch_new(void *h)
{
    struct cow_batch *b = mem_calloc(1, sizeof *b);

    b->c = h;
    return b;
}

static void cow_batch_free(void *p)
{
    struct cow_batch *b = p;

    buf_free(&b->log);
    mem_free(b);
}

static void cow_batch_clear(void *p)
{
    struct cow_batch *b = p;

    buf_clear(&b->log);
    b->count = 0;
}

static void cow_batch_put(void *p, unsigned space, struct slice key, struct slice value)
{
    struct cow_batch *b = p;

    oplog_put(&b->log, b->c->ids[space], key, value);
    b->count++;
}

static void cow_batch_del(void *p, unsigned space, struct slice key)
{
    struct cow_batch *b = p;

    oplog_del(&b->log, b->c->ids[space], key);
    b->count++;
}

static enum status cow_write(void *h, void *batch, unsigned flags, struct error *err)
{
    struct cow *c = h;
    struct cow_batch *b = batch;
    enum status st = cow__fold_throttle(c, err);

    if (st != ST_OK)
        return st;
    pthread_mutex_lock(&c->write_lock);
    uint64_t before = c->log.size;
    bool unsynced = c->log.unsynced;
    if (b->count)
        st = cow__log_append(c, mvcc_seq(c->m) + 1, buf_slice(&b->log), (flags & STOR_SYNC) != 0,
                             err);
    else
        st = cow__log_sync(c, err);
    if (st == ST_OK && b->count) {
        st = mvcc_apply(c->m, buf_slice(&b->log), err);
        if (st != ST_OK) {
            c->log.size = before;
            c->log.unsynced = unsynced;
            cow__log_cut(c);
        }
    }
    bool fold = c->log.size >= (uint64_t)c->config.wal_buffer_size || c->log.broken;
    pthread_mutex_unlock(&c->write_lock);
    atomic_store_explicit(&c->write_failed, st != ST_OK, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->writes_since_snapshot, b->count, memory_order_relaxed);
    if (fold)
        cow__fold_request(c);
    return st;
}

/* -- The whole store ---------------------------------------------------------------------------------------------------- */

static enum status cow_sync(void *h, struct error *err)
{
    struct cow *c = h;

    pthread_mutex_lock(&c->write_lock);
    enum status st = cow__log_sync(c, err);
    pthread_mutex_unlock(&c->write_lock);
    return st;
}

static enum status cow_checkpoint(void *h, const char *dir, struct error *err)
{
    struct cow *c = h;

    if (access(dir, F_OK) == 0)
        return error_set(err, ST_EXISTS, "cow_btree: checkpoint: the directory exists");
    enum status st = cow__fold_wait(c, err);
    if (st == ST_OK)
        st = stor_dir_make(dir, false, err);
    if (st != ST_OK)
        return st;
    int rc = mdb_env_copy2(c->env, dir, MDB_CP_COMPACT);
    if (rc != 0)
        return cow__tree_error(rc, "checkpoint", err);
    struct stor_config cfg = {.spaces = (const char *const *)c->names, .nspaces = c->nspaces};
    return write_metadata(c, dir, &cfg, err);
}

/* LMDB uses freed pages again by itself; what is left to do is to bring deletions into the tree. */
static enum status cow_compact(void *h, unsigned space, struct slice from, struct slice to,
                               struct error *err)
{
    return cow__fold_wait(h, err);
}

/* Calls fn for keys of a range, until it returns false. */
static enum status visit(struct cow *c, uint16_t id, struct slice from, struct slice to,
                         bool (*fn)(void *arg, struct slice key, struct slice value), void *arg,
                         struct error *err)
{
    struct cow_snap snap;
    enum status st = cow__snap_open(c, &snap, err);

    if (st != ST_OK)
        return st;
    void *it = cow__iter_open(c, &snap, id, from, to);
    for (merge_iter_first(it); merge_iter_valid(it); merge_iter_next(it))
        if (!fn(arg, merge_iter_key(it), merge_iter_value(it)))
            break;
    st = merge_iter_status(it, err);
    merge_iter_free(it);
    cow__snap_close(c, &snap);
    return st;
}

/* Touches every page of a value, as a reader would. */
static bool touch(void *arg, struct slice key, struct slice value)
{
    unsigned char *sum = arg;

    for (size_t i = 0; i < value.n; i += 4096)
        *sum = (unsigned char)(*sum ^ (unsigned char)value.p[i]);
    return true;
}

static enum status cow_verify(void *h, struct error *err)
{
    struct cow *c = h;
    unsigned char sum = 0;
    enum status st = cow__log_verify(c, err);

    for (unsigned id = 1; id <= c->highest && st == ST_OK; id++)
        st = visit(c, (uint16_t)id, SLICE_NULL, SLICE_NULL, touch, &sum, err);
    if (st == ST_OK)
        st = cow__snapshot_verify(c, err);
    return st;
}

static bool add_size(void *arg, struct slice key, struct slice value)
{
    *(uint64_t *)arg += key.n + value.n;
    return true;
}

static enum status cow_approx_size(void *h, unsigned space, struct slice from, struct slice to,
                                   uint64_t *bytes, struct error *err)
{
    struct cow *c = h;

    *bytes = 0;
    return visit(c, c->ids[space], from, to, add_size, bytes, err);
}

static enum stor_health cow_health(void *h, char *reason, size_t reason_size)
{
    struct cow *c = h;

    if (atomic_load(&c->write_failed)) {
        snprintf(reason, reason_size, "the last write failed");
        return STOR_UNHEALTHY;
    }
    if (atomic_load(&c->fold_failed)) {
        snprintf(reason, reason_size, "the log cannot be folded into data.mdb");
        return STOR_DEGRADED;
    }
    return STOR_HEALTHY;
}

struct sample {
    uint64_t n, keys, values;
};

static bool take_sample(void *arg, struct slice key, struct slice value)
{
    struct sample *s = arg;

    s->keys += key.n;
    s->values += value.n;
    return ++s->n < SAMPLE;
}

static void cow_stats(void *h, struct stor_stats *out, uint64_t *cache_hits, uint64_t *cache_misses)
{
    struct cow *c = h;
    struct sample s = {0};
    struct mvcc_stats maps;
    MDB_stat tree;

    if (!out)
        return;
    for (unsigned id = 1; id <= c->highest && s.n < SAMPLE; id++)
        if (visit(c, (uint16_t)id, SLICE_NULL, SLICE_NULL, take_sample, &s, NULL) != ST_OK)
            break;
    mvcc_stats(c->m, &maps);
    if (s.n) {
        out->average_key_size = (double)s.keys / (double)s.n;
        out->average_value_size = (double)s.values / (double)s.n;
    }
    /* Keys in the maps may or may not be in the tree as well. */
    out->total_keys = s.n;
    if (s.n >= SAMPLE && mdb_env_stat(c->env, &tree) == 0)
        out->total_keys = tree.ms_entries > maps.entries ? tree.ms_entries : maps.entries;
    out->total_size_bytes =
        (uint64_t)((double)out->total_keys * (out->average_key_size + out->average_value_size));
    out->memory_usage_bytes = maps.memory;
    out->disk_usage_bytes = stor_dir_bytes(c->path);
}

static void cow_report(void *h, struct buf *out)
{
    struct cow *c = h;
    struct mvcc_stats maps;
    MDB_envinfo info;
    MDB_stat tree;

    mvcc_stats(c->m, &maps);
    buf_printf(out,
               "directory: %s\nsequence: %llu\nunfolded_entries: %llu\nunfolded_memory: %llu\n",
               c->path, (unsigned long long)mvcc_seq(c->m), (unsigned long long)maps.entries,
               (unsigned long long)maps.memory);
    if (mdb_env_info(c->env, &info) == 0 && mdb_env_stat(c->env, &tree) == 0)
        buf_printf(out, "tree_depth: %u\ntree_entries: %zu\npages: %zu\nmap_size: %zu\n",
                   tree.ms_depth, tree.ms_entries, info.me_last_pgno + 1, info.me_mapsize);
}

static const char *const aliases[] = {"cow", NULL};

extern const struct stor_provider stor_provider_cow_btree;
const struct stor_provider stor_provider_cow_btree = {
    .name = "cow_btree",
    .type = "CowBTree",
    .aliases = aliases,
    .maturity = "beta",
    .caps = STOR_CAP_DURABLE | STOR_CAP_SYNC | STOR_CAP_SNAPSHOT | STOR_CAP_CHECKPOINT,
    .open = cow_open,
    .close = cow_close,
    .get = cow_get,
    .batch_new = cow_batch_new,
    .batch_free = cow_batch_free,
    .batch_clear = cow_batch_clear,
    .batch_put = cow_batch_put,
    .batch_del = cow_batch_del,
    .write = cow_write,
    .iter_new = cow_iter_new,
    .iter_free = merge_iter_free,
    .iter_first = merge_iter_first,
    .iter_last = merge_iter_last,
    .iter_seek = merge_iter_seek,
    .iter_seek_prev = merge_iter_seek_prev,
    .iter_next = merge_iter_next,
    .iter_prev = merge_iter_prev,
    .iter_valid = merge_iter_valid,
    .iter_key = merge_iter_key,
    .iter_value = merge_iter_value,
    .iter_status = merge_iter_status,
    .snap_new = cow_snap_new,
    .snap_free = cow_snap_free,
    .sync = cow_sync,
    .checkpoint = cow_checkpoint,
    .compact = cow_compact,
    .verify = cow_verify,
    .approx_size = cow_approx_size,
    .health = cow_health,
    .stats = cow_stats,
    .report = cow_report,
};
