/* Sorted sets of modules. A range is walked by rank, so a walk survives changes elsewhere. */
#include "keyspace/kv_zset.h"
#include "module/key.h"

#include <errno.h>
#include <math.h>

/* -- Members -------------------------------------------------------------------------------------------------------------- */

struct add {
    double score;
    bool increment;
    int in;  /* REDISMODULE_ZADD_* asked for */
    int out; /* and what was done */
    double now;
};

static bool conflicting(int flags)
{
    bool nx = flags & REDISMODULE_ZADD_NX;
    bool gt = flags & REDISMODULE_ZADD_GT, lt = flags & REDISMODULE_ZADD_LT;
    return (nx && (gt || lt || (flags & REDISMODULE_ZADD_XX))) || (gt && lt);
}

/* False: the result would be no number. */
static bool decide(struct add *a, const struct kv_zset_place *p)
{
    a->now = a->score;
    a->out = REDISMODULE_ZADD_NOP;
    if (!p->found) {
        if (!(a->in & REDISMODULE_ZADD_XX))
            a->out = REDISMODULE_ZADD_ADDED;
        return true;
    }
    if (a->increment)
        a->now = p->score + a->score;
    if (isnan(a->now))
        return false;
    if ((a->in & REDISMODULE_ZADD_NX) || ((a->in & REDISMODULE_ZADD_GT) && a->now <= p->score) ||
        ((a->in & REDISMODULE_ZADD_LT) && a->now >= p->score)) {
        a->now = p->score;
        return true;
    }
    if (a->now != p->score)
        a->out = REDISMODULE_ZADD_UPDATED;
    else
        a->out = 0;
    return true;
}

static int add(RedisModuleKey *key, const RedisModuleString *ele, struct add *a)
{
    struct error err = {.message = ""};
    struct kv_zset_place at;
    if (isnan(a->score) || conflicting(a->in))
        return REDISMODULE_ERR;
    struct kv_rec *rec = module__key_edit(key, KV_ZSET);
    if (!rec)
        return REDISMODULE_ERR;
    bool number = true;
    enum status st = kv_zset_find(rec, module__slice(ele), &at, &err);
    if (st == ST_OK) {
        number = decide(a, &at);
        if (number && (a->out & (REDISMODULE_ZADD_ADDED | REDISMODULE_ZADD_UPDATED)))
            st = kv_zset_place_set(&at, a->now, &err);
    }
    module__key_edit_end(key, rec, kv_zset_count(rec));
    return module__key_failed(st, &err) || !number ? REDISMODULE_ERR : REDISMODULE_OK;
}

#define ZADD_IN                                                                                    \
    (REDISMODULE_ZADD_XX | REDISMODULE_ZADD_NX | REDISMODULE_ZADD_GT | REDISMODULE_ZADD_LT)

int rm_ZsetAdd(RedisModuleKey *key, double score, RedisModuleString *ele, int *flags)
{
    struct add a = {.score = score, .in = flags ? *flags & ZADD_IN : 0};
    int rc = add(key, ele, &a);
    if (flags)
        *flags = a.out;
    return rc;
}

int rm_ZsetIncrby(RedisModuleKey *key, double score, RedisModuleString *ele, int *flags,
                  double *newscore)
{
    struct add a = {.score = score, .increment = true, .in = flags ? *flags & ZADD_IN : 0};
    int rc = add(key, ele, &a);
    if (flags)
        *flags = a.out;
    if (newscore && rc == REDISMODULE_OK)
        *newscore = a.now;
    return rc;
}

int rm_ZsetRem(RedisModuleKey *key, RedisModuleString *ele, int *deleted)
{
    struct error err = {.message = ""};
    struct kv_zset_place at;
    if (deleted)
        *deleted = 0;
    if (!(key->mode & REDISMODULE_WRITE))
        return REDISMODULE_ERR;
    struct kv_rec *rec = module__key_rec(key);
    if (!rec)
        return REDISMODULE_OK;
    rec = module__key_edit(key, KV_ZSET);
    if (!rec)
        return REDISMODULE_ERR;
    enum status st = kv_zset_find(rec, module__slice(ele), &at, &err);
    if (st == ST_OK && at.found)
        st = kv_zset_place_remove(&at, &err);
    if (st == ST_OK && at.found && deleted)
        *deleted = 1;
    module__key_edit_end(key, rec, kv_zset_count(rec));
    return module__key_failed(st, &err) ? REDISMODULE_ERR : REDISMODULE_OK;
}

int rm_ZsetScore(RedisModuleKey *key, RedisModuleString *ele, double *score)
{
    struct error err = {.message = ""};
    bool found = false;
    struct kv_rec *rec = module__key_rec(key);
    if (!rec || kv_rec_type(rec) != KV_ZSET)
        return REDISMODULE_ERR;
    enum status st = kv_zset_score(rec, module__slice(ele), &found, score, &err);
    return module__key_failed(st, &err) || !found ? REDISMODULE_ERR : REDISMODULE_OK;
}

/* -- Ranges --------------------------------------------------------------------------------------------------------------- */

void rm_ZsetRangeStop(RedisModuleKey *key)
{
    key->zset.active = false;
    key->zset.end = true;
}

static int start(RedisModuleKey *key, struct kv_zset_range *range, bool last)
{
    struct error err = {.message = ""};
    struct kv_rec *rec = module__key_rec(key);
    if (!rec || kv_rec_type(rec) != KV_ZSET)
        return REDISMODULE_ERR;
    struct module_zset_walk *w = &key->zset;
    range->from_end = last;
    if (module__key_failed(kv_zset_span(rec, range, &w->first, &w->n, &err), &err))
        return REDISMODULE_ERR;
    w->active = true;
    w->end = w->n == 0;
    w->at = last && w->n ? w->first + w->n - 1 : w->first;
    return REDISMODULE_OK;
}

static int start_score(RedisModuleKey *key, double min, double max, int minex, int maxex, bool last)
{
    struct kv_zset_range range = {
        .min = {.edge = KV_ZSET_AT, .exclusive = minex != 0, .score = min},
        .max = {.edge = KV_ZSET_AT, .exclusive = maxex != 0, .score = max}};
    return start(key, &range, last);
}

int rm_ZsetFirstInScoreRange(RedisModuleKey *key, double min, double max, int minex, int maxex)
{
    return start_score(key, min, max, minex, maxex, false);
}

int rm_ZsetLastInScoreRange(RedisModuleKey *key, double min, double max, int minex, int maxex)
{
    return start_score(key, min, max, minex, maxex, true);
}

/* "-", "+", "[member", "(member". */
static bool lex_bound(const RedisModuleString *s, struct kv_zset_bound *out)
{
    struct slice text = module__slice(s);
    *out = (struct kv_zset_bound){.edge = KV_ZSET_AT};
    if (slice_is(text, "-"))
        out->edge = KV_ZSET_LOWEST;
    else if (slice_is(text, "+"))
        out->edge = KV_ZSET_HIGHEST;
    else if (text.n == 0 || (text.p[0] != '[' && text.p[0] != '('))
        return false;
    else {
        out->exclusive = text.p[0] == '(';
        out->member = slice_make(text.p + 1, text.n - 1);
    }
    return true;
}

static int start_lex(RedisModuleKey *key, const RedisModuleString *min,
                     const RedisModuleString *max, bool last)
{
    struct kv_zset_range range = {.by_member = true};
    if (!lex_bound(min, &range.min) || !lex_bound(max, &range.max))
        return REDISMODULE_ERR;
    return start(key, &range, last);
}

int rm_ZsetFirstInLexRange(RedisModuleKey *key, RedisModuleString *min, RedisModuleString *max)
{
    return start_lex(key, min, max, false);
}

int rm_ZsetLastInLexRange(RedisModuleKey *key, RedisModuleString *min, RedisModuleString *max)
{
    return start_lex(key, min, max, true);
}

int rm_ZsetRangeEndReached(RedisModuleKey *key)
{
    return key->zset.end;
}

RedisModuleString *rm_ZsetRangeCurrentElement(RedisModuleKey *key, double *score)
{
    struct error err = {.message = ""};
    struct kv_zset_cur cur;
    struct kv_rec *rec = module__key_rec(key);
    if (!key->zset.active || key->zset.end || !rec || kv_rec_type(rec) != KV_ZSET)
        return NULL;
    if (module__key_failed(kv_zset_at(rec, key->zset.at, &cur, &err), &err) || kv_zset_end(&cur))
        return NULL;
    struct kv_zset_item item = kv_zset_item(&cur);
    if (score)
        *score = item.score;
    return rm_CreateString(key->ctx, item.member.p, item.member.n);
}

int rm_ZsetRangeNext(RedisModuleKey *key)
{
    struct module_zset_walk *w = &key->zset;
    if (!w->active || w->end || w->at + 1 >= w->first + w->n) {
        w->end = true;
        return 0;
    }
    w->at++;
    return 1;
}

int rm_ZsetRangePrev(RedisModuleKey *key)
{
    struct module_zset_walk *w = &key->zset;
    if (!w->active || w->end || w->at == w->first) {
        w->end = true;
        return 0;
    }
    w->at--;
    return 1;
}
