/* ZREM and the removal of ranges. */
#include "commands/zset/zset_commands.h"
#include "commands/zset/zset_priv.h"
#include "session/reply.h"

static enum status remove_member(struct call *c, struct kv_rec *rec, struct slice member,
                                 uint64_t *removed, struct error *err)
{
    struct kv_zset_place p;
    enum status st = kv_zset_find(rec, member, &p, err);
    if (st != ST_OK || !p.found)
        return st;
    if (*removed == 0)
        kv_edit(c->kv, rec);
    st = kv_zset_place_remove(&p, err);
    if (st == ST_OK)
        ++*removed;
    else if (*removed == 0)
        kv_edit_end(c->kv, rec, 0);
    return st;
}

void cmd_zrem(struct call *c)
{
    struct kv_rec *rec;
    struct error err;
    uint64_t removed = 0;
    enum status st = ST_OK;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_ZSET, &rec))
        return;
    for (int i = 2; rec && i < c->argc && st == ST_OK; i++) {
        st = remove_member(c, rec, c->argv[i], &removed, &err);
        if (kv_zset_count(rec) == 0)
            break;
    }
    if (removed > 0)
        zset__removed(c, rec, c->argv[1], removed, "zrem");
    if (st == ST_OK)
        reply_int(c, (int64_t)removed);
    else
        call_reply_status(c, st, &err);
}

static void remove_range(struct call *c, struct kv_rec *rec, uint64_t rank, uint64_t n,
                         const char *event)
{
    if (n == 0 || zset__remove_ranks(c, rec, c->argv[1], rank, n, event))
        reply_int(c, (int64_t)n);
}

void cmd_zremrangebyrank(struct call *c)
{
    struct kv_rec *rec;
    int64_t first, last;
    uint64_t rank = 0, n = 0;
    if (!call_arg_int(c, 2, &first, NULL) || !call_arg_int(c, 3, &last, NULL) ||
        !call_lookup_type(c, c->argv[1], KV_WRITE, KV_ZSET, &rec))
        return;
    if (rec)
        zset__clip_ranks(first, last, kv_zset_count(rec), &rank, &n);
    remove_range(c, rec, rank, n, "zremrangebyrank");
}

static void remove_span(struct call *c, const struct kv_zset_range *range, const char *event)
{
    struct kv_rec *rec;
    struct error err;
    uint64_t rank = 0, n = 0;
    enum status st = ST_OK;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_ZSET, &rec))
        return;
    if (rec)
        st = kv_zset_span(rec, range, &rank, &n, &err);
    if (st == ST_OK)
        remove_range(c, rec, rank, n, event);
    else
        call_reply_status(c, st, &err);
}

void cmd_zremrangebyscore(struct call *c)
{
    struct kv_zset_range range;
    if (zset__score_range(c, 2, 3, &range))
        remove_span(c, &range, "zremrangebyscore");
}

void cmd_zremrangebylex(struct call *c)
{
    struct kv_zset_range range;
    if (zset__member_range(c, 2, 3, false, &range))
        remove_span(c, &range, "zremrangebylex");
}
