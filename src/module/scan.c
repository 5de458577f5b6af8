/* Scanning for modules: databases, and the elements of a key. What a step finds is gathered before the module sees it, so that
 * it may change what it likes. */
#include "base/mem.h"
#include "base/num.h"
#include "keyspace/kv_hash.h"
#include "keyspace/kv_set.h"
#include "module/key.h"

#include <errno.h>

#define STEP 10 /* about so many at a time */

struct RedisModuleScanCursor {
    uint64_t at;
    bool done;
};

RedisModuleScanCursor *rm_ScanCursorCreate(void)
{
    return mem_calloc(1, sizeof(RedisModuleScanCursor));
}

void rm_ScanCursorRestart(RedisModuleScanCursor *c)
{
    *c = (RedisModuleScanCursor){0};
}

void rm_ScanCursorDestroy(RedisModuleScanCursor *c)
{
    mem_free(c);
}

/* What a step has found: pairs, the second one NULL where there is none. */
struct found {
    struct buf strings; /* of RedisModuleString * */
};

static void gather(struct found *f, struct slice a, const struct slice *b)
{
    RedisModuleString *pair[2] = {module__string(a), b ? module__string(*b) : NULL};
    buf_put(&f->strings, pair, sizeof pair);
}

static size_t count(const struct found *f)
{
    return f->strings.n / sizeof(RedisModuleString *) / 2;
}

static RedisModuleString **pair_at(const struct found *f, size_t i)
{
    return (RedisModuleString **)(void *)f->strings.p + i * 2;
}

static void release(struct found *f)
{
    for (size_t i = 0; i < count(f); i++) {
        module__string_unref(pair_at(f, i)[0]);
        module__string_unref(pair_at(f, i)[1]);
    }
    buf_free(&f->strings);
}

/* The cursor after a step. False: this was the last one. */
static int advance(RedisModuleScanCursor *c, uint64_t next)
{
    c->at = next;
    c->done = next == 0;
    errno = 0;
    return !c->done;
}

static bool finished(const RedisModuleScanCursor *c)
{
    if (c->done)
        errno = ENOENT;
    return c->done;
}

/* -- Databases ------------------------------------------------------------------------------------------------------------ */

static void on_key(void *arg, const struct kv_scan_entry *e)
{
    gather(arg, e->key, NULL);
}

int rm_Scan(RedisModuleCtx *ctx, RedisModuleScanCursor *c, RedisModuleScanCB fn, void *privdata)
{
    struct error err = {.message = ""};
    struct found f = {BUF_INIT};
    uint64_t next = 0;
    if (finished(c))
        return 0;
    enum status st = kv_scan(ctx->kv, ctx->db, c->at, STEP, &next, on_key, &f, &err);
    if (module__key_failed(st, &err))
        next = 0;
    for (size_t i = 0; i < count(&f); i++) {
        RedisModuleKey key;
        module__key_init(&key, ctx, pair_at(&f, i)[0], REDISMODULE_READ);
        fn(ctx, key.name, &key, privdata);
        module__key_deinit(&key);
    }
    release(&f);
    return advance(c, next);
}

/* -- Elements of a key ---------------------------------------------------------------------------------------------------- */

static void on_field(void *arg, const struct kv_hash_item *item)
{
    gather(arg, item->field, &item->value);
}

static void on_member(void *arg, struct slice member)
{
    gather(arg, member, NULL);
}

static void on_scored(void *arg, const struct kv_zset_item *item)
{
    char text[NUM_BUF];
    struct slice score = slice_make(text, num_format_double(text, item->score));
    gather(arg, item->member, &score);
}

static bool scannable(const struct kv_rec *rec)
{
    enum kv_type type = rec ? kv_rec_type(rec) : KV_NONE;
    return type == KV_HASH || type == KV_SET || type == KV_ZSET;
}

static enum status scan_elements(struct kv_rec *rec, uint64_t at, uint64_t *next, struct found *f,
                                 struct error *err)
{
    if (kv_rec_type(rec) == KV_HASH)
        return kv_hash_scan(rec, at, STEP, next, on_field, f, err);
    if (kv_rec_type(rec) == KV_SET)
        return kv_set_scan(rec, at, STEP, next, on_member, f, err);
    return kv_zset_scan(rec, at, STEP, next, on_scored, f, err);
}

int rm_ScanKey(RedisModuleKey *key, RedisModuleScanCursor *c, RedisModuleScanKeyCB fn,
               void *privdata)
{
    struct error err = {.message = ""};
    struct found f = {BUF_INIT};
    uint64_t next = 0;
    struct kv_rec *rec = key ? module__key_rec(key) : NULL;
    if (!scannable(rec)) {
        errno = EINVAL;
        return 0;
    }
    if (finished(c))
        return 0;
    if (module__key_failed(scan_elements(rec, c->at, &next, &f, &err), &err))
        next = 0;
    for (size_t i = 0; i < count(&f); i++)
        fn(key, pair_at(&f, i)[0], pair_at(&f, i)[1], privdata);
    release(&f);
    return advance(c, next);
}
