#include "rdb/rdb_load.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "keyspace/keyspace_options.h"
#include "rdb/rdb_build.h"
#include "rdb/rdb_decode.h"
#include "rdb/rdb_file.h"
#include "rdb/rdb_functions.h"
#include "rdb/rdb_options.h"
#include "storage/storage.h"

#include <inttypes.h>
#include <unistd.h>

#define LOOK_BYTES    (1 << 20)
#define BACKGROUND_US 2000
#define EMPTY_LOGGED  10

static void note(struct rdb_load *l, const struct rdb_file_item *item)
{
    int64_t n = 0;
    if (slice_eq(item->key, SLICE("redis-ver")))
        log_notice(LOG_KEYSPACE, "Loading RDB produced by version %.*s", SLICE_FMT(item->text));
    else if (!num_parse_int(item->text, &n))
        return;
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
    int db = (int)item->db;
    if (item->db >= (uint64_t)kv_databases(kv))
        return error_set(err, ST_RANGE,
                         "FATAL: Data file was created with a Redis server configured to handle "
                         "more than %d databases",
                         kv_databases(kv));
    bool over = !l->keep_expired && item->expire != -1 && item->expire < now;
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
    if (over) {
        l->expired++;
        return ST_OK;
    }
    if (!l->merge && kv_dbsize(kv, db) == before)
        return error_set(err, ST_CORRUPT, "RDB has duplicated key '%.*s' in DB %d",
                         SLICE_FMT(item->key), db);
    l->keys++;
    set_access(kv, rec, item);
    return ST_OK;
}

/* Lets folding and clients go on. */
static enum status look_around(struct kv *kv, struct rdb_load *l, const struct rdb_file *f,
                               uint64_t total, struct error *err)
{
    enum status st = kv_commit(kv, err);
    (void)kv_background(kv, BACKGROUND_US);
    if (l->progress)
        l->progress(l->arg, rdb_file_at(f), total);
    return st == ST_OK && kv_pressure(kv) ? kv_fold_now(kv, err) : st;
}

static enum status load_items(struct kv *kv, struct rdb_load *l, struct rdb_file *f, uint64_t total,
                              struct error *err)
{
    struct rdb_file_item item;
    uint64_t looked = 0;
    int64_t now = clock_wall_ms();
    for (;;) {
        enum status st = rdb_file_next(f, &item, err);
        if (st != ST_OK || item.kind == RDB_ITEM_END)
            return st;
        if (item.kind == RDB_ITEM_AUX)
            note(l, &item);
        else if (item.kind == RDB_ITEM_FUNCTION)
            st = rdb_load_function(item.text, l->merge, err);
        else
            st = load_key(kv, l, f, &item, now, err);
        if (item.kind == RDB_ITEM_KEY)
            delay(l->keys);
        if (st == ST_OK && (rdb_file_at(f) - looked > LOOK_BYTES || rdb_opts.key_load_delay)) {
            looked = rdb_file_at(f);
            st = look_around(kv, l, f, total, err);
        }
        if (st != ST_OK)
            return st;
    }
}

static void log_failure(const struct rdb_file *f, const struct error *err)
{
    log_warning(LOG_KEYSPACE, "Internal error in RDB reading offset %" PRIu64 " -> %s",
                f->begin ? rdb_file_at(f) : 0, err->message);
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
        log_failure(&f, err);
    rdb_file_end(&f);
    rdb_unmap(bytes);
    return st;
}

enum status rdb_load(struct kv *kv, struct rdb_load *l, struct error *err)
{
    struct slice bytes;
    struct rdb_file f = {.check = false};
    enum status st = rdb_map(l->path, &bytes, err);
    if (st != ST_OK)
        return st;
    l->stream_db = -1;
    kv_effects_off(kv);
    st = rdb_file_begin(&f, bytes, rdb_opts.rdbchecksum && !rdb_opts.skip_checksum, err);
    if (st == ST_OK)
        st = load_items(kv, l, &f, bytes.n, err);
    if (st != ST_OK)
        log_failure(&f, err);
    kv_effects_on(kv);
    rdb_file_end(&f);
    rdb_unmap(bytes);
    if (st == ST_OK)
        st = kv_fold_now(kv, err);
    /* The log has nothing of it, so the store must have it for good. */
    if (st == ST_OK && (stor_caps(kv_store(kv)) & STOR_CAP_SYNC))
        st = stor_sync(kv_store(kv), err);
    if (l->empty)
        log_notice(LOG_KEYSPACE,
                   "Done loading RDB, keys loaded: %" PRIu64 ", keys expired: %" PRIu64
                   ", empty keys skipped: %" PRIu64 ".",
                   l->keys, l->expired, l->empty);
    else
        log_notice(LOG_KEYSPACE,
                   "Done loading RDB, keys loaded: %" PRIu64 ", keys expired: %" PRIu64 ".",
                   l->keys, l->expired);
    return st;
}
