/* What the list commands share. */
#include "base/arena.h"
#include "commands/list/list_priv.h"
#include "session/reply.h"

bool list__arg_side(struct call *c, int i, enum kv_list_side *side)
{
    if (call_arg_is(c, i, "left")) {
        *side = KV_LIST_HEAD;
        return true;
    }
    if (call_arg_is(c, i, "right")) {
        *side = KV_LIST_TAIL;
        return true;
    }
    reply_syntax_error(c);
    return false;
}

bool list__arg_index(struct call *c, int i, uint64_t n, bool *inside, uint64_t *index)
{
    int64_t v;
    if (!call_arg_int(c, i, &v, NULL))
        return false;
    if (v < 0)
        v += (int64_t)n;
    *inside = v >= 0 && (uint64_t)v < n;
    *index = (uint64_t)v;
    return true;
}

struct list_range list__range(int64_t start, int64_t stop, uint64_t count)
{
    int64_t n = (int64_t)count;
    if (start < 0)
        start += n;
    if (stop < 0)
        stop += n;
    if (start < 0)
        start = 0;
    if (start > stop || start >= n)
        return (struct list_range){0, 0};
    if (stop >= n)
        stop = n - 1;
    return (struct list_range){(uint64_t)start, (uint64_t)(stop - start) + 1};
}

void list__shrunk(struct kv_rec *rec)
{
    struct error ignored;
    (void)!kv_list_shrunk(rec, &ignored);
}

void list__removed(struct call *c, struct slice key, struct kv_rec *rec, const char *event,
                   uint64_t n)
{
    uint64_t told = n ? n : 1; /* LTRIM: watchers hear of it even when nothing goes */
    kv_notify(c->kv, NOTIFY_LIST, event, c->db, key);
    if (kv_list_count(rec) == 0) {
        kv_edit_end(c->kv, rec, told);
        kv_del(c->kv, rec);
        kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, key);
    } else {
        list__shrunk(rec);
        kv_edit_end(c->kv, rec, told);
    }
    call_changed(c, n);
}

enum status list__peek(struct call *c, struct kv_rec *rec, enum kv_list_side side,
                       struct slice *value, struct error *err)
{
    struct kv_list_cur at;
    enum status st =
        side == KV_LIST_HEAD ? kv_list_first(rec, &at, err) : kv_list_last(rec, &at, err);
    if (st == ST_OK)
        *value = arena_dup(c->arena, kv_list_value(&at));
    return st;
}

enum status list__cut(struct kv_rec *rec, enum kv_list_side side, uint64_t n, struct error *err)
{
    return kv_list_remove(rec, side == KV_LIST_HEAD ? 0 : kv_list_count(rec) - n, n, err);
}

const char *list__push_event(enum kv_list_side side)
{
    return side == KV_LIST_HEAD ? "lpush" : "rpush";
}

const char *list__pop_event(enum kv_list_side side)
{
    return side == KV_LIST_HEAD ? "lpop" : "rpop";
}

struct slice list__pop_word(enum kv_list_side side)
{
    return side == KV_LIST_HEAD ? SLICE("LPOP") : SLICE("RPOP");
}
