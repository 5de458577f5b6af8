/* What follows a change of a sorted set. */
#include "commands/zset/zset_priv.h"
#include "commands/zset/zset_result.h"
#include "session/reply.h"

static void delete_key(struct call *c, struct kv_rec *rec, struct slice key)
{
    kv_del(c->kv, rec);
    kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, key);
}

void zset__removed(struct call *c, struct kv_rec *rec, struct slice key, uint64_t n,
                   const char *event)
{
    kv_edit_end(c->kv, rec, n);
    if (n == 0)
        return;
    kv_notify(c->kv, NOTIFY_ZSET, event, c->db, key);
    if (kv_zset_count(rec) == 0)
        delete_key(c, rec, key);
    call_changed(c, n);
}

bool zset__remove_ranks(struct call *c, struct kv_rec *rec, struct slice key, uint64_t rank,
                        uint64_t n, const char *event)
{
    struct error err;
    /* Who is told of removals finds the key empty. */
    if (n == kv_zset_count(rec) && !kv_tells_removals(c->kv)) {
        kv_notify(c->kv, NOTIFY_ZSET, event, c->db, key);
        delete_key(c, rec, key);
        call_changed(c, n);
        return true;
    }
    kv_edit(c->kv, rec);
    enum status st = kv_zset_remove_ranks(rec, rank, n, &err);
    zset__removed(c, rec, key, st == ST_OK ? n : 0, event);
    if (st != ST_OK)
        call_reply_status(c, st, &err);
    return st == ST_OK;
}

void zset_result_store(struct call *c, struct slice key, struct kv_zset_item *items, size_t n,
                       const char *event)
{
    struct kv_rec *rec;
    struct error err;
    if (n == 0) {
        if (!call_lookup(c, key, KV_WRITE, &rec))
            return;
        if (rec) {
            delete_key(c, rec, key);
            call_changed(c, 1);
        }
        reply_int(c, 0);
        return;
    }
    enum status st = kv_zset_build(c->kv, c->db, key, items, n, &rec, &err);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    kv_edit_end(c->kv, rec, 1);
    kv_notify(c->kv, NOTIFY_ZSET, event, c->db, key);
    call_changed(c, 1);
    reply_int(c, (int64_t)n);
}
