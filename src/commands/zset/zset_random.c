/* ZRANDMEMBER. */
#include "base/mem.h"
#include "commands/pick.h"
#include "commands/zset/zset_commands.h"
#include "commands/zset/zset_priv.h"
#include "session/reply.h"

/* The member of this rank, as element i of n. False: answered. */
static bool reply_rank(struct call *c, struct kv_rec *rec, uint64_t rank, uint64_t i, uint64_t n,
                       bool scores)
{
    struct kv_zset_cur cur;
    struct error err;
    enum status st = kv_zset_at(rec, rank, &cur, &err);
    if (st != ST_OK) {
        zset__reply_failed(c, i, n, scores, st, &err);
        return false;
    }
    struct kv_zset_item item = kv_zset_item(&cur);
    zset__reply_item(c, &item, scores);
    return true;
}

/* n members, the same one perhaps more than once. */
static void with_repeats(struct call *c, struct kv_rec *rec, uint64_t n, bool scores)
{
    uint64_t count = kv_zset_count(rec);
    zset__reply_begin(c, n, scores);
    for (uint64_t i = 0; i < n && !(c->s->flags & SESS_CLOSING); i++)
        if (!reply_rank(c, rec, pick_one(count), i, n, scores))
            return;
}

/* n different members, in order. */
static void by_walk(struct call *c, struct kv_rec *rec, uint64_t n, bool scores)
{
    struct pick_walk w = {.left = kv_zset_count(rec), .wanted = n};
    struct kv_zset_cur cur;
    struct error err;
    enum status st = kv_zset_first(rec, &cur, &err);
    zset__reply_begin(c, n, scores);
    while (st == ST_OK && w.wanted > 0) {
        if (pick_next(&w)) {
            struct kv_zset_item item = kv_zset_item(&cur);
            zset__reply_item(c, &item, scores);
        }
        if (w.wanted > 0)
            st = kv_zset_next(&cur, &err);
    }
    if (st != ST_OK)
        zset__reply_failed(c, n - w.wanted, n, scores, st, &err);
}

/* n different members of many. */
static void by_draw(struct call *c, struct kv_rec *rec, uint64_t n, bool scores)
{
    uint64_t *ranks = pick_distinct(kv_zset_count(rec), n);
    struct error err;
    if (!ranks) {
        call_reply_status(c, error_set(&err, ST_NO_MEMORY, "out of memory for a choice"), &err);
        return;
    }
    zset__reply_begin(c, n, scores);
    for (uint64_t i = 0; i < n; i++)
        if (!reply_rank(c, rec, ranks[i], i, n, scores))
            break;
    mem_free(ranks);
}

static void several(struct call *c, struct kv_rec *rec, int64_t want, bool scores)
{
    uint64_t count = rec ? kv_zset_count(rec) : 0, n = (uint64_t)(want < 0 ? -want : want);
    if (count == 0 || n == 0)
        reply_array(c, 0);
    else if (want < 0)
        with_repeats(c, rec, n, scores);
    else if (n >= count)
        zset__reply_ranks(c, rec, 0, count, false, scores);
    else if (kv_zset_packed(rec) || n > count / 3)
        by_walk(c, rec, n, scores);
    else
        by_draw(c, rec, n, scores);
}

void cmd_zrandmember(struct call *c)
{
    struct kv_rec *rec;
    int64_t want = 0;
    bool scores = c->argc == 4;
    if (c->argc > 2) {
        if (!call_arg_range(c, 2, -INT64_MAX, INT64_MAX, &want, NULL))
            return;
        if (c->argc > 4 || (scores && !call_arg_is(c, 3, "withscores"))) {
            reply_syntax_error(c);
            return;
        }
        if (scores && (want < -INT64_MAX / 2 || want > INT64_MAX / 2)) {
            reply_error(c, "ERR value is out of range");
            return;
        }
    }
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec))
        return;
    if (c->argc > 2)
        several(c, rec, want, scores);
    else if (rec)
        (void)reply_rank(c, rec, pick_one(kv_zset_count(rec)), 0, 1, false);
    else
        reply_null(c);
}
