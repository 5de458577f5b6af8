/* The provider "lsm_tree" on LevelDB: opening, point reads, batches, snapshots. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "storage/files.h"
#include "storage/lsm_tree/lsm_tree_priv.h"
#include "storage/manifest.h"
#include "storage/options.h"

#include <stdio.h>

#define FIELD(f) offsetof(struct lsm_config, f)
static const struct stor_option_row rows[] = {
    {"memtable_size_mb", STOR_OPT_MB, FIELD(memtable_size), 1, 4096, NULL},
    {"write_buffer_mb", STOR_OPT_MB, FIELD(memtable_size), 1, 4096, NULL},
    {"max_levels", STOR_OPT_INT, FIELD(max_levels), 2, 64, NULL},
    {"level_size_multiplier", STOR_OPT_INT, FIELD(level_size_multiplier), 2, 100, NULL},
    {"compaction_threshold", STOR_OPT_INT, FIELD(compaction_threshold), 2, 100, NULL},
    {"enable_bloom_filters", STOR_OPT_BOOL, FIELD(bloom), 0, 0, NULL},
    {"bloom_filter_bits_per_key", STOR_OPT_INT, FIELD(bloom_bits), 1, 64, NULL},
    {"enable_compression", STOR_OPT_BOOL, FIELD(compression), 0, 0, NULL},
    {"sstable_block_size_kb", STOR_OPT_KB, FIELD(block_size), 1, 4096, NULL},
    {"block_cache_mb", STOR_OPT_MB, FIELD(block_cache), 1, 1 << 20, NULL},
};

#define FORMAT 1 /* of the keys, FORMAT.md */

/* LevelDB fixes these when it is built. */
#define FIXED_LEVELS     7
#define FIXED_MULTIPLIER 10
#define FIXED_THRESHOLD  4

/* -- Errors ------------------------------------------------------------------------------------------------------------- */

static enum status classify(const char *m)
{
    if (strstr(m, "No space left"))
        return ST_FULL;
    if (strstr(m, "/LOCK: "))
        return ST_LOCKED;
    if (strncmp(m, "Corruption", 10) == 0)
        return ST_CORRUPT;
    if (strstr(m, "Permission denied") || strstr(m, "Read-only file system"))
        return ST_DENIED;
    if (strncmp(m, "Invalid argument", 16) == 0)
        return ST_INVALID;
    return ST_IO;
}

/* Name of a table, log or manifest in a message. */
static const char *file_in(const char *message, size_t *n)
{
    const char *slash = strrchr(message, '/');

    *n = slash ? strcspn(slash + 1, " :") : 0;
    return slash ? slash + 1 : "";
}

enum status lsm__error(struct lsm *l, char *message, const char *what, struct error *err)
{
    enum status st = classify(message);
    uint64_t now = (uint64_t)clock_mono_us() / 1000;
    uint64_t last = atomic_load(&l->last_logged_ms);
    size_t n;
    const char *file = file_in(message, &n);

    /* A failing device fails every operation: one line a second tells it. */
    if ((last == 0 || now - last >= 1000) &&
        atomic_compare_exchange_strong(&l->last_logged_ms, &last, now + (now == 0)))
        log_warning(LOG_STORAGE, "lsm_tree: %s in %s: %s", what, l->tables, message);
    if (st == ST_CORRUPT && strcmp(what, "verify") == 0)
        /* LevelDB rarely says which table it is. */
        error_set(err, st, "lsm_tree: verify: %s: sstables/%.*s", status_name(st),
                  (int)(n < 64 ? n : 64), file);
    else
        error_set(err, st, "lsm_tree: %s: %s", what, status_name(st));
    leveldb_free(message);
    return st;
}

static enum status open_error(struct lsm *l, char *message, struct error *err)
{
    enum status st = classify(message);
    size_t n;
    const char *file = file_in(message, &n);

    log_warning(LOG_STORAGE, "lsm_tree: cannot open %s: %s", l->tables, message);
    if (st == ST_LOCKED)
        error_set(err, st, "lsm_tree: %s is in use by another process (its LOCK file is held)",
                  l->path);
    else
        error_set(err, st, "lsm_tree: cannot open %s: %s (%.*s)", l->path, status_name(st),
                  (int)(n < 64 ? n : 64), file);
    leveldb_free(message);
    return st;
}

/* -- Keys and spaces ---------------------------------------------------------------------------------------------------- */

void lsm__key(const struct lsm *l, unsigned space, struct slice key, struct buf *out)
{
    buf_clear(out);
    buf_put_u16be(out, l->ids[space]);
    buf_put_slice(out, key);
}

void lsm__space_end(const struct lsm *l, unsigned space, struct buf *out)
{
    buf_clear(out);
    buf_put_u16be(out, (uint16_t)(l->ids[space] + 1));
}

/* The numbers of the spaces are kept under number 0: name -> number. These are no spaces; a space's name has no NUL. */
static const struct slice format_name = {"\0format", 7}, highest_name = {"\0highest", 8};

static enum status find_space(struct lsm *l, struct slice name, uint16_t *id, struct error *err)
{
    struct buf key = BUF_INIT;
    char *message = NULL;
    size_t n = 0;

    buf_put_u16be(&key, 0);
    buf_put_slice(&key, name);
    char *value = leveldb_get(l->db, l->read, key.p, key.n, &n, &message);
    buf_free(&key);
    if (message)
        return open_error(l, message, err);
    *id = 0;
    if (value && n == 2)
        *id = (uint16_t)((uint8_t)value[0] << 8 | (uint8_t)value[1]);
    if (value)
        leveldb_free(value);
    return ST_OK;
}

static void put_space(leveldb_writebatch_t *b, struct slice name, uint16_t id)
{
    struct buf key = BUF_INIT;
    char value[2] = {(char)(id >> 8), (char)id};

    buf_put_u16be(&key, 0);
    buf_put_slice(&key, name);
    leveldb_writebatch_put(b, key.p, key.n, value, sizeof value);
    buf_free(&key);
}

static enum status open_spaces(struct lsm *l, const struct stor_config *cfg, struct error *err)
{
    leveldb_writebatch_t *b = leveldb_writebatch_create();
    char *message = NULL;
    uint16_t highest = 0, format = 0;
    enum status st = find_space(l, format_name, &format, err);
    bool changed = format == 0 && !cfg->read_only;

    if (st == ST_OK && format > FORMAT)
        st = error_set(err, ST_TOO_NEW, "lsm_tree: %s was written by a newer version", l->path);
    if (st == ST_OK)
        st = find_space(l, highest_name, &highest, err);

    l->nspaces = cfg->nspaces;
    l->ids = mem_calloc(cfg->nspaces, sizeof *l->ids);
    for (size_t i = 0; i < cfg->nspaces && st == ST_OK; i++) {
        st = find_space(l, slice_str(cfg->spaces[i]), &l->ids[i], err);
        if (st != ST_OK || l->ids[i])
            continue;
        if (cfg->read_only) {
            st = error_set(err, ST_NOT_FOUND, "lsm_tree: %s has no space '%s'", l->path,
                           cfg->spaces[i]);
        } else if (highest >= UINT16_MAX - 1) {
            st = error_set(err, ST_TOO_LONG, "lsm_tree: %s holds too many spaces", l->path);
        } else {
            l->ids[i] = ++highest;
            put_space(b, slice_str(cfg->spaces[i]), l->ids[i]);
            changed = true;
        }
    }
    if (st == ST_OK && changed) {
        put_space(b, highest_name, highest);
        put_space(b, format_name, FORMAT);
        leveldb_write(l->db, l->write_sync, b, &message);
        if (message)
            st = open_error(l, message, err);
    }
    leveldb_writebatch_destroy(b);
    return st;
}

/* -- Opening ------------------------------------------------------------------------------------------------------------ */

static void note_fixed(const char *name, int64_t value, int64_t fixed)
{
    if (value != fixed)
        log_notice(LOG_STORAGE, "lsm_tree: %s %lld has no effect: LevelDB is built with %lld", name,
                   (long long)value, (long long)fixed);
}

leveldb_options_t *lsm__options_new(const struct lsm *l)
{
    leveldb_options_t *o = leveldb_options_create();

    leveldb_options_set_write_buffer_size(o, (size_t)l->config.memtable_size);
    leveldb_options_set_block_size(o, (size_t)l->config.block_size);
    leveldb_options_set_compression(o, l->config.compression ? leveldb_snappy_compression
                                                             : leveldb_no_compression);
    leveldb_options_set_cache(o, l->cache);
    if (l->filter)
        leveldb_options_set_filter_policy(o, l->filter);
    leveldb_options_set_paranoid_checks(o, 1);
    return o;
}

static void lsm_close(void *h)
{
    struct lsm *l = h;

    if (l->db)
        leveldb_close(l->db);
    if (l->options) {
        leveldb_options_destroy(l->options);
        leveldb_cache_destroy(l->cache);
        leveldb_readoptions_destroy(l->read);
        leveldb_writeoptions_destroy(l->write);
        leveldb_writeoptions_destroy(l->write_sync);
    }
    if (l->filter)
        leveldb_filterpolicy_destroy(l->filter);
    mem_free(l->ids);
    mem_free(l->path);
    mem_free(l->tables);
    mem_free(l);
}

static enum status open_db(struct lsm *l, const struct stor_config *cfg, struct error *err)
{
    char *message = NULL;

    l->cache = leveldb_cache_create_lru((size_t)l->config.block_cache);
    if (l->config.bloom)
        l->filter = leveldb_filterpolicy_create_bloom((int)l->config.bloom_bits);
    l->options = lsm__options_new(l);
    leveldb_options_set_create_if_missing(l->options, !cfg->read_only);
    l->read = leveldb_readoptions_create();
    leveldb_readoptions_set_verify_checksums(l->read, 1);
    l->write = leveldb_writeoptions_create();
    l->write_sync = leveldb_writeoptions_create();
    leveldb_writeoptions_set_sync(l->write_sync, 1);
    l->db = leveldb_open(l->options, l->tables, &message);
    return message ? open_error(l, message, err) : ST_OK;
}

static enum status lsm_open(const struct stor_config *cfg, void **handle, struct error *err)
{
    struct lsm *l = mem_calloc(1, sizeof *l);

    l->path = mem_strdup(cfg->path);
    l->tables = stor_path_join(cfg->path, "sstables");
    l->config = (struct lsm_config){
        .memtable_size = 64 << 20,
        .block_size = 4096,
        .block_cache = 256 << 20,
        .max_levels = FIXED_LEVELS,
        .level_size_multiplier = FIXED_MULTIPLIER,
        .compaction_threshold = FIXED_THRESHOLD,
        .bloom_bits = 10,
        .bloom = true,
        .compression = true,
    };
    enum status st = stor_options_read("lsm_tree", cfg, rows, COUNT_OF(rows), &l->config, err);
    if (st != ST_OK)
        goto out;
    note_fixed("max_levels", l->config.max_levels, FIXED_LEVELS);
    note_fixed("level_size_multiplier", l->config.level_size_multiplier, FIXED_MULTIPLIER);
    note_fixed("compaction_threshold", l->config.compaction_threshold, FIXED_THRESHOLD);
    st = stor_dir_make(l->path, cfg->read_only, err);
    if (st == ST_OK)
        st = stor_dir_make(l->tables, cfg->read_only, err);
    if (st != ST_OK) {
        error_prefix(err, "lsm_tree");
        goto out;
    }
    st = open_db(l, cfg, err);
    if (st == ST_OK)
        st = open_spaces(l, cfg, err);
    if (st == ST_OK && !cfg->read_only)
        st =
            stor_manifest_write(l->path, "manifest.json", "lsm_tree", "LevelDB", cfg, NULL, 0, err);
out:
    if (st != ST_OK)
        lsm_close(l);
    else
        *handle = l;
    return st;
}

/* -- Reading and writing ------------------------------------------------------------------------------------------------ */

static enum status lsm_get(void *h, void *snap, unsigned space, struct slice key, struct buf *v,
                           struct error *err)
{
    struct lsm *l = h;
    const leveldb_readoptions_t *read = snap ? ((const struct lsm_snap *)snap)->read : l->read;
    char small[256], *full = small, *message = NULL;
    enum status st = ST_OK;
    size_t n = 0;

    if (key.n + LSM_PREFIX > sizeof small)
        full = mem_alloc(key.n + LSM_PREFIX);
    full[0] = (char)(l->ids[space] >> 8);
    full[1] = (char)l->ids[space];
    memcpy(full + LSM_PREFIX, key.p, key.n);
    char *value = leveldb_get(l->db, read, full, key.n + LSM_PREFIX, &n, &message);
    if (full != small)
        mem_free(full);
    buf_clear(v);
    if (message)
        return lsm__error(l, message, "read", err);
    if (!value)
        return ST_NOT_FOUND;
    if (buf_try_reserve(v, n))
        buf_put(v, value, n);
    else
        st = error_set(err, ST_NO_MEMORY, "lsm_tree: no memory for a value of %zu bytes", n);
    leveldb_free(value);
    return st;
}

struct lsm_batch {
    struct lsm *l;
    leveldb_writebatch_t *b;
    struct buf key;
};

static void *lsm_batch_new(void *h)
{
    struct lsm_batch *b = mem_calloc(1, sizeof *b);

    b->l = h;
    b->b = leveldb_writebatch_create();
    return b;
}

static void lsm_batch_free(void *p)
{
    struct lsm_batch *b = p;

    leveldb_writebatch_destroy(b->b);
    buf_free(&b->key);
    mem_free(b);
}

static void lsm_batch_clear(void *p)
{
    leveldb_writebatch_clear(((struct lsm_batch *)p)->b);
}

static void lsm_batch_put(void *p, unsigned space, struct slice key, struct slice value)
{
    struct lsm_batch *b = p;

    lsm__key(b->l, space, key, &b->key);
    leveldb_writebatch_put(b->b, b->key.p, b->key.n, value.p, value.n);
}

static void lsm_batch_del(void *p, unsigned space, struct slice key)
{
    struct lsm_batch *b = p;

    lsm__key(b->l, space, key, &b->key);
    leveldb_writebatch_delete(b->b, b->key.p, b->key.n);
}

static enum status lsm_write(void *h, void *batch, unsigned flags, struct error *err)
{
    struct lsm *l = h;
    struct lsm_batch *b = batch;
    char *message = NULL;

    leveldb_write(l->db, flags & STOR_SYNC ? l->write_sync : l->write, b->b, &message);
    atomic_store_explicit(&l->write_failed, message != NULL, memory_order_relaxed);
    return message ? lsm__error(l, message, "write", err) : ST_OK;
}

static enum status lsm_snap_new(void *h, void **snap, struct error *err)
{
    struct lsm *l = h;
    struct lsm_snap *s = mem_alloc(sizeof *s);

    s->snap = leveldb_create_snapshot(l->db);
    s->read = leveldb_readoptions_create();
    leveldb_readoptions_set_verify_checksums(s->read, 1);
    leveldb_readoptions_set_snapshot(s->read, s->snap);
    *snap = s;
    return ST_OK;
}

static void lsm_snap_free(void *h, void *snap)
{
    struct lsm *l = h;
    struct lsm_snap *s = snap;

    leveldb_readoptions_destroy(s->read);
    leveldb_release_snapshot(l->db, s->snap);
    mem_free(s);
}

static const char *const aliases[] = {"lsm", NULL};

extern const struct stor_provider stor_provider_lsm_tree;
const struct stor_provider stor_provider_lsm_tree = {
    .name = "lsm_tree",
    .type = "LsmTree",
    .aliases = aliases,
    .maturity = "beta",
    .caps = STOR_CAP_DURABLE | STOR_CAP_SYNC | STOR_CAP_SNAPSHOT | STOR_CAP_CHECKPOINT,
    .open = lsm_open,
    .close = lsm_close,
    .get = lsm_get,
    .batch_new = lsm_batch_new,
    .batch_free = lsm_batch_free,
    .batch_clear = lsm_batch_clear,
    .batch_put = lsm_batch_put,
    .batch_del = lsm_batch_del,
    .write = lsm_write,
    .iter_new = lsm__iter_new,
    .iter_free = lsm__iter_free,
    .iter_first = lsm__iter_first,
    .iter_last = lsm__iter_last,
    .iter_seek = lsm__iter_seek,
    .iter_seek_prev = lsm__iter_seek_prev,
    .iter_next = lsm__iter_next,
    .iter_prev = lsm__iter_prev,
    .iter_valid = lsm__iter_valid,
    .iter_key = lsm__iter_key,
    .iter_value = lsm__iter_value,
    .iter_status = lsm__iter_status,
    .snap_new = lsm_snap_new,
    .snap_free = lsm_snap_free,
    .sync = lsm__sync,
    .checkpoint = lsm__checkpoint,
    .compact = lsm__compact,
    .verify = lsm__verify,
    .approx_size = lsm__approx_size,
    .health = lsm__health,
    .stats = lsm__stats,
    .report = lsm__report,
};
