/* ZRANGE in all its forms, its older relatives, and ZRANGESTORE. */
#include "base/arena.h"
#include "commands/zset/zset_commands.h"
#include "commands/zset/zset_priv.h"
#include "commands/zset/zset_result.h"
#include "session/reply.h"

enum range_by { BY_ANY, BY_RANK, BY_SCORE, BY_MEMBER };
enum range_way { WAY_ANY, WAY_UP, WAY_DOWN };

/* What is wanted. by and way are what the command's name says, ANY where options decide. */
struct range_plan {
    int key; /* argument of the source; both ends follow */
    bool store;
    enum range_by by;
    enum range_way way;
    bool scores;
    int64_t offset, limit; /* limit -1: all */
    int64_t first, last;   /* BY_RANK */
    struct kv_zset_range range;
};

static bool parse_options(struct call *c, struct range_plan *p)
{
    p->limit = -1;
    for (int i = p->key + 3; i < c->argc; i++) {
        if (!p->store && call_arg_is(c, i, "withscores")) {
            p->scores = true;
        } else if (call_arg_is(c, i, "limit") && c->argc - i > 2) {
            if (!call_arg_int(c, i + 1, &p->offset, NULL) ||
                !call_arg_int(c, i + 2, &p->limit, NULL))
                return false;
            i += 2;
        } else if (p->way == WAY_ANY && call_arg_is(c, i, "rev")) {
            p->way = WAY_DOWN;
        } else if (p->by == BY_ANY && call_arg_is(c, i, "bylex")) {
            p->by = BY_MEMBER;
        } else if (p->by == BY_ANY && call_arg_is(c, i, "byscore")) {
            p->by = BY_SCORE;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    return true;
}

static bool parse_ends(struct call *c, struct range_plan *p)
{
    int min = p->key + 1, max = p->key + 2;
    if (p->way == WAY_DOWN && p->by != BY_RANK) {
        min = p->key + 2;
        max = p->key + 1;
    }
    if (p->by == BY_SCORE)
        return zset__score_range(c, min, max, &p->range);
    if (p->by == BY_MEMBER)
        return zset__member_range(c, min, max, p->way == WAY_DOWN, &p->range);
    return call_arg_int(c, min, &p->first, NULL) && call_arg_int(c, max, &p->last, NULL);
}

static bool parse(struct call *c, struct range_plan *p)
{
    if (!parse_options(c, p))
        return false;
    if (p->by == BY_ANY)
        p->by = BY_RANK;
    if (p->limit != -1 && p->by == BY_RANK) {
        reply_error(c, "ERR syntax error, LIMIT is only supported in combination with either "
                       "BYSCORE or BYLEX");
        return false;
    }
    if (p->scores && p->by == BY_MEMBER) {
        reply_error(c, "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
        return false;
    }
    return parse_ends(c, p);
}

/* The ranks that are wanted: n of them from *rank on, or down from it. */
static enum status resolve(const struct range_plan *p, struct kv_rec *rec, uint64_t *rank,
                           uint64_t *n, struct error *err)
{
    uint64_t first, len;
    if (p->by == BY_RANK) {
        zset__clip_ranks(p->first, p->last, kv_zset_count(rec), &first, n);
        *rank = p->way == WAY_DOWN ? kv_zset_count(rec) - 1 - first : first;
        return ST_OK;
    }
    enum status st = kv_zset_span(rec, &p->range, &first, &len, err);
    if (st != ST_OK)
        return st;
    if (p->offset < 0 || (uint64_t)p->offset >= len)
        len = 0;
    else
        len -= (uint64_t)p->offset;
    *n = p->limit >= 0 && (uint64_t)p->limit < len ? (uint64_t)p->limit : len;
    *rank = p->way == WAY_DOWN ? first + len - 1 : first + (uint64_t)p->offset;
    return ST_OK;
}

/* Collects n members; those of a key that is about to be replaced are copied. NULL: the error is answered. */
static struct kv_zset_item *collect(struct call *c, struct kv_rec *rec, uint64_t rank, uint64_t n,
                                    bool down, bool copy)
{
    struct kv_zset_cur cur;
    struct error err;
    struct kv_zset_item *items = arena_try_alloc(c->arena, (size_t)n * sizeof *items);
    if (!items) {
        call_reply_status(c, error_set(&err, ST_NO_MEMORY, "out of memory for a range"), &err);
        return NULL;
    }
    enum status st = kv_zset_at(rec, rank, &cur, &err);
    for (uint64_t i = 0; i < n && st == ST_OK; i++) {
        items[i] = kv_zset_item(&cur);
        if (copy)
            items[i].member = arena_dup(c->arena, items[i].member);
        if (i + 1 < n)
            st = down ? kv_zset_prev(&cur, &err) : kv_zset_next(&cur, &err);
    }
    if (st == ST_OK)
        return items;
    call_reply_status(c, st, &err);
    return NULL;
}

static void store(struct call *c, const struct range_plan *p, struct kv_rec *rec, uint64_t rank,
                  uint64_t n)
{
    struct slice to = c->argv[1];
    struct kv_zset_item *items = NULL;
    if (n > 0) {
        items = collect(c, rec, rank, n, p->way == WAY_DOWN, slice_eq(to, c->argv[p->key]));
        if (!items)
            return;
    }
    zset_result_store(c, to, items, (size_t)n, "zrangestore");
}

static void run(struct call *c, struct range_plan p)
{
    struct kv_rec *rec;
    struct error err;
    uint64_t rank = 0, n = 0;
    if (!parse(c, &p) || !call_lookup_type(c, c->argv[p.key], KV_READ, KV_ZSET, &rec))
        return;
    enum status st = rec ? resolve(&p, rec, &rank, &n, &err) : ST_OK;
    if (st != ST_OK)
        call_reply_status(c, st, &err);
    else if (p.store)
        store(c, &p, rec, rank, n);
    else
        zset__reply_ranks(c, rec, rank, n, p.way == WAY_DOWN, p.scores);
}

void cmd_zrange(struct call *c)
{
    run(c, (struct range_plan){.key = 1});
}

void cmd_zrangestore(struct call *c)
{
    run(c, (struct range_plan){.key = 2, .store = true});
}

void cmd_zrevrange(struct call *c)
{
    run(c, (struct range_plan){.key = 1, .by = BY_RANK, .way = WAY_DOWN});
}

void cmd_zrangebyscore(struct call *c)
{
    run(c, (struct range_plan){.key = 1, .by = BY_SCORE, .way = WAY_UP});
}

void cmd_zrevrangebyscore(struct call *c)
{
    run(c, (struct range_plan){.key = 1, .by = BY_SCORE, .way = WAY_DOWN});
}

void cmd_zrangebylex(struct call *c)
{
    run(c, (struct range_plan){.key = 1, .by = BY_MEMBER, .way = WAY_UP});
}

void cmd_zrevrangebylex(struct call *c)
{
    run(c, (struct range_plan){.key = 1, .by = BY_MEMBER, .way = WAY_DOWN});
}
