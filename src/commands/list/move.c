/* LMOVE, RPOPLPUSH, BLMOVE, BRPOPLPUSH: from one end of a list to an end of another, or of the same. */
#include "commands/list/list_commands.h"
#include "commands/list/list_priv.h"
#include "session/block_keys.h"
#include "session/reply.h"

struct move {
    enum kv_list_side from, to;
};

/* Within one list, inside of its edit. */
static enum status rotate(struct kv_rec *rec, struct move m, struct slice value, struct error *err)
{
    struct error ignored;
    enum status st = kv_list_push(rec, m.to, value, err);
    if (st != ST_OK)
        return st;
    uint64_t last = kv_list_count(rec) - 1;
    uint64_t old = m.from == KV_LIST_HEAD ? (m.to == KV_LIST_HEAD ? 1 : 0)
                                          : (m.to == KV_LIST_HEAD ? last : last - 1);
    st = kv_list_remove(rec, old, 1, err);
    if (st != ST_OK)
        (void)!list__cut(rec, m.to, 1, &ignored);
    return st;
}

static bool move_within(struct call *c, struct kv_rec *rec, struct move m, struct slice value)
{
    struct error err;
    kv_edit(c->kv, rec);
    enum status st = rotate(rec, m, value, &err);
    if (st != ST_OK) {
        kv_edit_end(c->kv, rec, 0);
        call_reply_status(c, st, &err);
        return false;
    }
    kv_notify(c->kv, NOTIFY_LIST, list__push_event(m.to), c->db, c->argv[2]);
    list__removed(c, c->argv[1], rec, list__pop_event(m.from), 1);
    return true;
}

/* Inside of an edit of both. */
static enum status pass(struct kv_rec *from, struct kv_rec *to, struct move m, struct slice value,
                        struct error *err)
{
    struct error ignored;
    enum status st = kv_list_expect(to, &value, 1, err);
    if (st == ST_OK)
        st = kv_list_push(to, m.to, value, err);
    if (st != ST_OK)
        return st;
    st = list__cut(from, m.from, 1, err);
    if (st != ST_OK)
        (void)!list__cut(to, m.to, 1, &ignored);
    return st;
}

/* to NULL: the destination is made. */
static bool move_across(struct call *c, struct kv_rec *from, struct kv_rec *to, struct move m,
                        struct slice value)
{
    struct error err;
    bool is_new = !to;
    enum status st = ST_OK;
    if (to)
        kv_edit(c->kv, to);
    else if ((st = kv_list_make(c->kv, c->db, c->argv[2], &to, &err)) != ST_OK) {
        call_reply_status(c, st, &err);
        return false;
    }
    kv_edit(c->kv, from);
    st = pass(from, to, m, value, &err);
    kv_edit_end(c->kv, to, st == ST_OK);
    if (st != ST_OK) {
        kv_edit_end(c->kv, from, 0);
        if (is_new)
            kv_del(c->kv, to);
        call_reply_status(c, st, &err);
        return false;
    }
    kv_notify(c->kv, NOTIFY_LIST, list__push_event(m.to), c->db, c->argv[2]);
    list__removed(c, c->argv[1], from, list__pop_event(m.from), 1);
    return true;
}

/* The source is there. False: an error was answered, nothing was moved. */
static bool move_from(struct call *c, struct kv_rec *from, struct move m)
{
    struct kv_rec *to;
    struct slice value;
    struct error err;
    if (!call_lookup_type(c, c->argv[2], KV_WRITE, KV_LIST, &to))
        return false;
    enum status st = list__peek(c, from, m.from, &value, &err);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return false;
    }
    if (to == from ? !move_within(c, from, m, value) : !move_across(c, from, to, m, value))
        return false;
    reply_bulk(c, value);
    return true;
}

static void move_now(struct call *c, struct move m)
{
    struct kv_rec *from;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_LIST, &from))
        return;
    if (from)
        (void)move_from(c, from, m);
    else
        reply_null(c);
}

/* effect: the name of the command that does the same without waiting; its arguments are those but the timeout. */
static void move_or_wait(struct call *c, struct move m, int64_t deadline_ms, struct slice effect)
{
    struct kv_rec *from;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_LIST, &from))
        return;
    if (!from) {
        if (block_denied(c))
            reply_null(c);
        else
            block_on_keys(c, c->argv + 1, 1, KV_LIST, deadline_ms, 0);
        return;
    }
    if (!move_from(c, from, m))
        return;
    struct slice words[5] = {effect};
    size_t n = (size_t)c->argc - 1;
    memcpy(words + 1, c->argv + 1, (n - 1) * sizeof words[0]);
    call_propagate(c, c->db, n, words);
}

void cmd_lmove(struct call *c)
{
    struct move m;
    if (list__arg_side(c, 3, &m.from) && list__arg_side(c, 4, &m.to))
        move_now(c, m);
}

void cmd_rpoplpush(struct call *c)
{
    move_now(c, (struct move){KV_LIST_TAIL, KV_LIST_HEAD});
}

void cmd_blmove(struct call *c)
{
    struct move m;
    int64_t deadline_ms;
    if (list__arg_side(c, 3, &m.from) && list__arg_side(c, 4, &m.to) &&
        call_arg_timeout(c, 5, &deadline_ms))
        move_or_wait(c, m, deadline_ms, SLICE("LMOVE"));
}

void cmd_brpoplpush(struct call *c)
{
    int64_t deadline_ms;
    if (call_arg_timeout(c, 3, &deadline_ms))
        move_or_wait(c, (struct move){KV_LIST_TAIL, KV_LIST_HEAD}, deadline_ms, SLICE("RPOPLPUSH"));
}
