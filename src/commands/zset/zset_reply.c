/* Answers of members with scores. */
#include "commands/partial.h"
#include "commands/zset/zset_priv.h"
#include "session/reply.h"

static bool flat(const struct call *c)
{
    return c->out->resp < 3;
}

void zset__reply_begin(struct call *c, uint64_t n, bool scores)
{
    reply_array(c, (size_t)(scores && flat(c) ? n * 2 : n));
}

void zset__reply_item(struct call *c, const struct kv_zset_item *item, bool scores)
{
    if (scores && !flat(c))
        reply_array(c, 2);
    reply_bulk(c, item->member);
    if (scores)
        reply_double(c, item->score);
}

void zset__reply_failed(struct call *c, uint64_t done, uint64_t n, bool scores, enum status st,
                        const struct error *err)
{
    partial_fail(c, st, err, (n - done) * (scores && flat(c) ? 2 : 1));
}

void zset__reply_ranks(struct call *c, struct kv_rec *rec, uint64_t rank, uint64_t n, bool reverse,
                       bool scores)
{
    struct kv_zset_cur cur;
    struct error err;
    if (n == 0) {
        reply_array(c, 0);
        return;
    }
    enum status st = kv_zset_at(rec, rank, &cur, &err);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    zset__reply_begin(c, n, scores);
    for (uint64_t i = 0; i < n; i++) {
        struct kv_zset_item item = kv_zset_item(&cur);
        zset__reply_item(c, &item, scores);
        if (i + 1 == n)
            break;
        st = reverse ? kv_zset_prev(&cur, &err) : kv_zset_next(&cur, &err);
        if (st != ST_OK) {
            zset__reply_failed(c, i + 1, n, scores, st, &err);
            break;
        }
    }
}
