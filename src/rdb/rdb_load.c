#include "rdb/rdb_load.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_load.h"
#include "rdb/rdb_build.h"
#include "rdb/rdb_decode.h"
#include "rdb/rdb_file.h"
#include "rdb/rdb_functions.h"
#include "rdb/rdb_modules.h"
#include "rdb/rdb_options.h"
#include "storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_US       5000
#define BACKGROUND_US 2000
#define WAIT_US       2000
#define EMPTY_LOGGED  10

static void note(struct rdb_load *l, const struct rdb_file_item *item)
{
    int64_t n = 0;
    if (slice_eq(item->key, SLICE("redis-ver")))
        log_notice(LOG_KEYSPACE, "Loading RDB produced by version %.*s", SLICE_FMT(item->text));
    else if (slice_eq(item->key, SLICE("repl-id")) && item->text.n < sizeof l->stream_id)
        snprintf(l->stream_id, sizeof l->stream_id, "%.*s", SLICE_FMT(item->text));
    else if (!num_parse_int(item->text, &n))
        return;
    else if (slice_eq(item->key, SLICE("repl-offset")))
        l->stream_offset = (uint64_t)n;
    else if (slice_eq(item->key, SLICE("ctime")))
        log_notice(LOG_KEYSPACE, "RDB age %" PRId64 " seconds", clock_wall_ms() / 1000 - n);
    else if (slice_eq(item->key, SLICE("used-mem")))
        log_notice(LOG_KEYSPACE, "RDB memory usage when created %.2f Mb", (double)n / (1 << 20));
    else if (slice_eq(item->key, SLICE("repl-stream-db")))
        l->stream_db = n;
}

static void delay(uint64_t keys)
{
    int64_t us = rdb_opts.key_load_delay;
    if (us > 0)
        (void)usleep((useconds_t)us);
    else if (us < 0 && keys % (uint64_t)-us == 0)
        (void)usleep(1);
}

static void set_access(struct kv *kv, struct kv_rec *rec, const struct rdb_file_item *item)
{
    if (keyspace_policy_is_lfu(keyspace_opts.maxmemory_policy)) {
        if (item->freq >= 0)
            kv_rec_set_freq(kv, rec, (unsigned)item->freq);
    } else if (item->idle_s >= 0) {
        kv_rec_set_idle(kv, rec, item->idle_s);
    }
}

static enum status load_function(struct rdb_load *l, struct slice code, struct error *err)
{
    l->libraries++;
    if (!l->functions)
        return rdb_load_function(code, l->merge, err);
    buf_put_u32be(l->functions, (uint32_t)code.n);
    buf_put_slice(l->functions, code);
    return ST_OK;
}

/* A value that need not be kept: decoded all the same, for it may be broken. */
static enum status pass(struct rdb_file *f, const struct rdb_file_item *item, struct error *err)
{
    return rdb_decode(&f->r, item->type, false, NULL, err);
}

static enum status load_key(struct kv *kv, struct rdb_load *l, struct rdb_file *f,
                            const struct rdb_file_item *item, int64_t now, struct error *err)
{
    struct kv_rec *rec;
    enum status st;
    int db = l->first_db + (int)item->db;
    if (item->db >= (uint64_t)kv_databases(kv))
        return error_set(err, ST_RANGE,
                         "FATAL: Data file was created with a Redis server configured to handle "
                         "more than %d databases",
                         kv_databases(kv));
    bool late = !l->keep_expired && item->expire != -1 && item->expire < now;
    bool over = late && !l->stream_id[0];
    uint64_t before = kv_dbsize(kv, db);
    if (over)
        st = pass(f, item, err);
    else
        st = rdb_build(kv, db, item->key, &f->r, item->type,
                       item->expire == -1 ? KV_NO_EXPIRE : item->expire, &rec, err);
    if (st == ST_NOT_FOUND) {
        if (l->empty++ < EMPTY_LOGGED)
            log_notice(LOG_KEYSPACE, "rdbLoadObject skipping empty key: %.*s",
                       SLICE_FMT(item->key));
        return ST_OK;
    }
    if (st != ST_OK)
        return st;
    l->expired += late;
    if (over)
        return ST_OK;
    if (!l->merge && kv_dbsize(kv, db) == before)
        return error_set(err, ST_CORRUPT, "RDB has duplicated key '%.*s' in DB %d",
                         SLICE_FMT(item->key), db);
    l->keys += !late;
    if (l->bulk)
        return kv_load_take(kv, rec, err);
    set_access(kv, rec, item);
    return ST_OK;
}

struct rdb_loading {
    struct kv *kv;
    struct rdb_load *l;
    int fd;
    struct rdb_file f;
    struct slice window; /* of the file, mapped */
    bool begun;
    int64_t now;     /* keys whose time is over by then are left out */
    uint64_t wanted; /* bytes of the file without which it is of no use to look again */
};

#define HEAD_BYTES   9 /* magic and version */
#define WINDOW_BYTES (8u << 20)

struct rdb_loading *rdb_loading_new(struct kv *kv, struct rdb_load *l, struct error *err)
{
    int fd = open(l->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        (void)error_set_errno(err, errno, "cannot open %s", l->path);
        return NULL;
    }
    struct rdb_loading *g = mem_calloc(1, sizeof(*g));
    l->stream_db = -1;
    l->stream_id[0] = 0;
    l->stream_offset = 0;
    l->keys = l->expired = l->empty = l->libraries = 0;
    g->kv = kv;
    kv_log_anew(kv);
    g->l = l;
    g->fd = fd;
    g->now = clock_wall_ms();
    g->wanted = HEAD_BYTES;
    return g;
}

void rdb_loading_free(struct rdb_loading *g)
{
    if (!g)
        return;
    rdb_file_end(&g->f);
    rdb_unmap(g->window);
    close(g->fd);
    mem_free(g);
}

uint64_t rdb_loading_at(const struct rdb_loading *g)
{
    return g->begun ? rdb_file_at(&g->f) : 0;
}

uint64_t rdb_loading_needs(const struct rdb_loading *g)
{
    return g->begun ? g->f.before : 0;
}

/* Maps what is there from the reader's place on: at least least bytes of it, or all. */
static enum status look_at(struct rdb_loading *g, uint64_t size, uint64_t least, struct error *err)
{
    uint64_t stands = rdb_loading_at(g);
    uint64_t from = stands & ~(uint64_t)(sysconf(_SC_PAGESIZE) - 1);
    uint64_t n = stands - from + (least > WINDOW_BYTES ? least : WINDOW_BYTES);
    if (n > size - from)
        n = size - from;
    void *p = mmap(NULL, (size_t)n, PROT_READ, MAP_SHARED, g->fd, (off_t)from);
    if (p == MAP_FAILED)
        return error_set_errno(err, errno, "cannot read %s", g->l->path);
    struct slice window = slice_make(p, (size_t)n), old = g->window;
    enum status st = ST_OK;
    if (g->begun)
        rdb_file_move(&g->f, window, from);
    else
        st = rdb_file_begin(&g->f, window, rdb_opts.rdbchecksum && !rdb_opts.skip_checksum, err);
    g->begun = true;
    g->window = window;
    rdb_unmap(old);
    return st;
}

/* One item. *cut: it is not all in the window. */
static enum status load_item(struct rdb_loading *g, bool *cut, bool *end, struct error *err)
{
    struct rdb_file *f = &g->f, before = *f;
    struct rdb_file_item item;
    enum status st = rdb_file_next(f, &item, err);
    struct reader value = f->r;
    *cut = f->r.bad || (st == ST_OK && item.kind == RDB_ITEM_KEY && rdb_is_type(item.type) &&
                        !rdb_skip_value(&value, item.type));
    if (*cut) {
        rdb_file_back(f, &before);
        return ST_OK;
    }
    if (st != ST_OK)
        return st;
    switch (item.kind) {
    case RDB_ITEM_AUX:
        note(g->l, &item);
        return ST_OK;
    case RDB_ITEM_FUNCTION:
        return load_function(g->l, item.text, err);
    case RDB_ITEM_MODULE_AUX:
        return rdb_load_module_aux(item.module, (enum rdb_aux_when)item.when, item.text, err);
    case RDB_ITEM_KEY:
        st = load_key(g->kv, g->l, f, &item, g->now, err);
        delay(g->l->keys);
        return st;
    case RDB_ITEM_END:
        *end = true;
    }
    return ST_OK;
}

static enum status step(struct rdb_loading *g, uint64_t size, bool whole, int64_t until_us,
                        enum rdb_progress *out, struct error *err)
{
    unsigned n = 0;
    bool cut = true, end = false;
    *out = RDB_LOAD_STARVED;
    if (!whole && size < g->wanted)
        return ST_OK;
    enum status st = look_at(g, size, 0, err);
    while (st == ST_OK && !end) {
        *out = RDB_LOAD_MORE;
        if (((++n & 15) == 0 || rdb_opts.key_load_delay) &&
            (clock_mono_us() >= until_us || kv_pressure(g->kv)))
            return ST_OK;
        st = load_item(g, &cut, &end, err);
        if (st != ST_OK || !cut)
            continue;
        uint64_t at = rdb_file_at(&g->f), end_of_window = g->f.before + g->window.n;
        if (end_of_window < size) {
            /* It may be longer than a window. */
            st = look_at(g, size, 2 * (end_of_window - at), err);
            continue;
        }
        if (whole)
            return error_set(err, ST_CORRUPT, "Unexpected EOF reading RDB file, at byte %" PRIu64,
                             size);
        g->wanted = at + 2 * (size - at) + 1;
        *out = RDB_LOAD_STARVED;
        return ST_OK;
    }
    *out = RDB_LOAD_DONE;
    return st;
}

static void log_failure(uint64_t at, const struct error *err)
{
    log_warning(LOG_KEYSPACE, "Internal error in RDB reading offset %" PRIu64 " -> %s", at,
                err->message);
}

static void log_result(const struct rdb_load *l)
{
    if (l->empty)
        log_notice(LOG_KEYSPACE,
                   "Done loading RDB, keys loaded: %" PRIu64 ", keys expired: %" PRIu64
                   ", empty keys skipped: %" PRIu64 ".",
                   l->keys, l->expired, l->empty);
    else
        log_notice(LOG_KEYSPACE,
                   "Done loading RDB, keys loaded: %" PRIu64 ", keys expired: %" PRIu64 ".",
                   l->keys, l->expired);
}

enum status rdb_loading_step(struct rdb_loading *g, uint64_t size, bool whole, int64_t until_us,
                             enum rdb_progress *out, struct error *err)
{
    kv_effects_off(g->kv);
    enum status st = step(g, size, whole, until_us, out, err);
    kv_effects_on(g->kv);
    if (st != ST_OK)
        log_failure(rdb_loading_at(g), err);
    else if (*out == RDB_LOAD_DONE)
        log_result(g->l);
    return st;
}

enum status rdb_check(const char *path, struct error *err)
{
    struct slice bytes;
    struct rdb_file f = {.check = false};
    struct rdb_file_item item = {.kind = RDB_ITEM_AUX};
    enum status st = rdb_map(path, &bytes, err);
    if (st != ST_OK)
        return st;
    st = rdb_file_begin(&f, bytes, rdb_opts.rdbchecksum && !rdb_opts.skip_checksum, err);
    while (st == ST_OK && item.kind != RDB_ITEM_END) {
        st = rdb_file_next(&f, &item, err);
        if (st == ST_OK && item.kind == RDB_ITEM_KEY)
            st = rdb_decode(&f.r, item.type, true, NULL, err);
        if (st == ST_NOT_FOUND)
            st = ST_OK;
    }
    if (st != ST_OK)
        log_failure(f.begin ? rdb_file_at(&f) : 0, err);
    rdb_file_end(&f);
    rdb_unmap(bytes);
    return st;
}

/* Lets folding and clients go on. */
static enum status look_around(struct kv *kv, struct rdb_load *l, uint64_t at, uint64_t total,
                               struct error *err)
{
    enum status st = kv_commit(kv, err);
    (void)kv_background(kv, BACKGROUND_US);
    if (l->progress)
        l->progress(l->arg, at, total);
    return st == ST_OK && kv_pressure(kv) ? kv_fold_now(kv, err) : st;
}

static enum status end_bulk(struct kv *kv, struct rdb_load *l, enum status st, uint64_t size,
                            struct error *err)
{
    if (st == ST_OK)
        st = kv_load_merge(kv, err);
    if (st != ST_OK) {
        kv_load_abort(kv);
        return st;
    }
    while (!kv_load_merged(kv)) {
        if (l->progress)
            l->progress(l->arg, size, size);
        (void)usleep(WAIT_US);
    }
    st = kv_load_end(kv, err);
    if (st != ST_OK)
        log_failure(size, err);
    return st;
}

enum status rdb_load(struct kv *kv, struct rdb_load *l, struct error *err)
{
    struct stat file;
    enum rdb_progress p = RDB_LOAD_MORE;
    struct rdb_loading *g = rdb_loading_new(kv, l, err);
    if (!g)
        return err->code;
    enum status st =
        fstat(g->fd, &file) == 0 ? ST_OK : error_set_errno(err, errno, "cannot read %s", l->path);
    uint64_t size = st == ST_OK ? (uint64_t)file.st_size : 0;
    if (st == ST_OK && !l->merge && kv_load_suits(kv)) {
        st = kv_load_begin(kv, err);
        l->bulk = st == ST_OK;
    }
    while (st == ST_OK && p != RDB_LOAD_DONE) {
        st = rdb_loading_step(g, size, true, clock_mono_us() + STEP_US, &p, err);
        if (st == ST_OK)
            st = look_around(kv, l, rdb_loading_at(g), size, err);
    }
    l->end = rdb_loading_at(g);
    rdb_loading_free(g);
    if (l->bulk)
        st = end_bulk(kv, l, st, size, err);
    if (st == ST_OK)
        st = kv_fold_now(kv, err);
    /* The log has nothing of it, so the store must have it for good. */
    if (st == ST_OK && (stor_caps(kv_store(kv)) & STOR_CAP_SYNC))
        st = stor_sync(kv_store(kv), err);
    return st;
}
