/* What a sorted set tells about itself and single members: ZCARD, ZSCORE, ZMSCORE, ranks, and counts of ranges. */
#include "commands/zset/zset_commands.h"
#include "commands/zset/zset_priv.h"
#include "session/reply.h"

void cmd_zcard(struct call *c)
{
    struct kv_rec *rec;
    if (call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec))
        reply_int(c, rec ? (int64_t)kv_zset_count(rec) : 0);
}

static void reply_score(struct call *c, struct kv_rec *rec, struct slice member)
{
    struct error err;
    bool found = false;
    double score = 0;
    enum status st = rec ? kv_zset_score(rec, member, &found, &score, &err) : ST_OK;
    if (st != ST_OK)
        call_reply_status(c, st, &err);
    else if (found)
        reply_double(c, score);
    else
        reply_null(c);
}

void cmd_zscore(struct call *c)
{
    struct kv_rec *rec;
    if (call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec))
        reply_score(c, rec, c->argv[2]);
}

void cmd_zmscore(struct call *c)
{
    struct kv_rec *rec;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec))
        return;
    reply_array(c, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc; i++)
        reply_score(c, rec, c->argv[i]);
}

static void rank(struct call *c, bool reverse)
{
    struct kv_rec *rec;
    struct error err;
    bool found = false, with_score = c->argc == 4;
    uint64_t at = 0;
    double score = 0;
    if (c->argc > 4) {
        reply_arity_error(c);
        return;
    }
    if (with_score && !call_arg_is(c, 3, "withscore")) {
        reply_syntax_error(c);
        return;
    }
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec))
        return;
    enum status st = rec ? kv_zset_rank(rec, c->argv[2], &found, &at, &score, &err) : ST_OK;
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    if (!found) {
        if (with_score)
            reply_null_array(c);
        else
            reply_null(c);
        return;
    }
    if (with_score)
        reply_array(c, 2);
    reply_int(c, (int64_t)(reverse ? kv_zset_count(rec) - 1 - at : at));
    if (with_score)
        reply_double(c, score);
}

void cmd_zrank(struct call *c)
{
    rank(c, false);
}

void cmd_zrevrank(struct call *c)
{
    rank(c, true);
}

static void count(struct call *c, const struct kv_zset_range *range)
{
    struct kv_rec *rec;
    struct error err;
    uint64_t first, n = 0;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec))
        return;
    enum status st = rec ? kv_zset_span(rec, range, &first, &n, &err) : ST_OK;
    if (st == ST_OK)
        reply_int(c, (int64_t)n);
    else
        call_reply_status(c, st, &err);
}

void cmd_zcount(struct call *c)
{
    struct kv_zset_range range;
    if (zset__score_range(c, 2, 3, &range))
        count(c, &range);
}

void cmd_zlexcount(struct call *c)
{
    struct kv_zset_range range;
    if (zset__member_range(c, 2, 3, false, &range))
        count(c, &range);
}
