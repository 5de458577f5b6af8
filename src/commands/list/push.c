/* LPUSH, RPUSH, LPUSHX, RPUSHX, LINSERT, LSET: elements come. */
#include "commands/list/list_commands.h"
#include "commands/list/list_priv.h"
#include "session/reply.h"

/* Some of the elements are in the list when memory runs out or the store fails: these are the effect. */
static void push_failed(struct call *c, struct kv_rec *rec, size_t pushed, enum status st,
                        const struct error *err)
{
    if (pushed) {
        call_changed(c, pushed);
        call_propagate(c, c->db, 2 + pushed, c->argv);
    } else if (kv_list_count(rec) == 0) {
        kv_del(c->kv, rec);
    }
    call_reply_status(c, st, err);
}

static void push(struct call *c, enum kv_list_side side, bool only_if_there)
{
    struct slice key = c->argv[1];
    const struct slice *values = c->argv + 2;
    size_t n = (size_t)c->argc - 2, pushed = 0;
    struct kv_rec *rec;
    struct error err;
    enum status st = ST_OK;
    if (!call_lookup_type(c, key, KV_WRITE, KV_LIST, &rec))
        return;
    if (!rec && only_if_there) {
        reply_int(c, 0);
        return;
    }
    if (rec) {
        kv_edit(c->kv, rec);
    } else if ((st = kv_list_make(c->kv, c->db, key, &rec, &err)) != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    st = kv_list_expect(rec, values, n, &err);
    while (st == ST_OK && pushed < n) {
        st = kv_list_push(rec, side, values[pushed], &err);
        pushed += st == ST_OK;
    }
    uint64_t count = kv_list_count(rec);
    kv_edit_end(c->kv, rec, pushed);
    if (st != ST_OK) {
        push_failed(c, rec, pushed, st, &err);
        return;
    }
    kv_notify(c->kv, NOTIFY_LIST, list__push_event(side), c->db, key);
    call_changed(c, pushed);
    reply_int(c, (int64_t)count);
}

void cmd_lpush(struct call *c)
{
    push(c, KV_LIST_HEAD, false);
}

void cmd_rpush(struct call *c)
{
    push(c, KV_LIST_TAIL, false);
}

void cmd_lpushx(struct call *c)
{
    push(c, KV_LIST_HEAD, true);
}

void cmd_rpushx(struct call *c)
{
    push(c, KV_LIST_TAIL, true);
}

/* The place before (or behind) the first element that equals pivot. *found false: there is none. */
static enum status find_place(struct kv_rec *rec, struct slice pivot, bool after,
                              struct kv_list_cur *at, bool *found, struct error *err)
{
    *found = false;
    enum status st = kv_list_first(rec, at, err);
    while (st == ST_OK && !kv_list_end(at)) {
        *found = slice_eq(kv_list_value(at), pivot);
        if (*found && !after)
            return ST_OK;
        st = kv_list_next(at, err);
        if (*found)
            break;
    }
    return st;
}

/* Inside of an edit. As in Redis the encoding changes for the value even when it finds no place. */
static enum status insert(struct kv_rec *rec, struct slice pivot, bool after, struct slice value,
                          bool *inserted, struct error *err)
{
    struct kv_list_cur at;
    bool found = false;
    *inserted = false;
    enum status st = kv_list_expect(rec, &value, 1, err);
    if (st == ST_OK)
        st = find_place(rec, pivot, after, &at, &found, err);
    if (st == ST_OK && found) {
        st = kv_list_cur_insert(&at, value, err);
        *inserted = st == ST_OK;
    }
    return st;
}

void cmd_linsert(struct call *c)
{
    struct slice key = c->argv[1];
    struct kv_rec *rec;
    struct error err;
    bool inserted;
    bool after = call_arg_is(c, 2, "after");
    if (!after && !call_arg_is(c, 2, "before")) {
        reply_syntax_error(c);
        return;
    }
    if (!call_lookup_type(c, key, KV_WRITE, KV_LIST, &rec))
        return;
    if (!rec) {
        reply_int(c, 0);
        return;
    }
    kv_edit(c->kv, rec);
    enum status st = insert(rec, c->argv[3], after, c->argv[4], &inserted, &err);
    kv_edit_end(c->kv, rec, inserted);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    if (!inserted) {
        reply_int(c, -1);
        return;
    }
    kv_notify(c->kv, NOTIFY_LIST, "linsert", c->db, key);
    call_changed(c, 1);
    reply_int(c, (int64_t)kv_list_count(rec));
}

/* Inside of an edit; the encoding as in insert. */
static enum status replace(struct kv_rec *rec, bool inside, uint64_t index, struct slice value,
                           struct error *err)
{
    struct kv_list_cur at;
    enum status st = kv_list_expect(rec, &value, 1, err);
    if (st != ST_OK || !inside)
        return st;
    st = kv_list_at(rec, index, &at, err);
    if (st == ST_OK)
        st = kv_list_cur_set(&at, value, err);
    if (st == ST_OK)
        list__shrunk(rec);
    return st;
}

void cmd_lset(struct call *c)
{
    struct slice key = c->argv[1];
    struct kv_rec *rec;
    struct error err;
    uint64_t index;
    bool inside;
    if (!call_lookup_type(c, key, KV_WRITE, KV_LIST, &rec))
        return;
    if (!rec) {
        reply_error(c, "ERR no such key");
        return;
    }
    if (!list__arg_index(c, 2, kv_list_count(rec), &inside, &index))
        return;
    kv_edit(c->kv, rec);
    enum status st = replace(rec, inside, index, c->argv[3], &err);
    kv_edit_end(c->kv, rec, st == ST_OK && inside);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    if (!inside) {
        reply_error(c, "ERR index out of range");
        return;
    }
    kv_notify(c->kv, NOTIFY_LIST, "lset", c->db, key);
    call_changed(c, 1);
    reply_ok(c);
}
