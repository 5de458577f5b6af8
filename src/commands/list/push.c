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

/* Index of the first element that equals value; the count of the list: there is none. */
static enum status find_first(struct kv_rec *rec, struct slice value, uint64_t *index,
                              struct error *err)
{
    struct kv_list_cur at;
    *index = 0;
    enum status st = kv_list_first(rec, &at, err);
    while (st == ST_OK && !kv_list_end(&at) && !slice_eq(kv_list_value(&at), value)) {
        ++*index;
        st = kv_list_next(&at, err);
    }
    return st;
}

/* Inside of an edit. */
static enum status insert_at(struct kv_rec *rec, uint64_t index, const struct slice *value,
                             struct error *err)
{
    struct kv_list_cur at;
    enum status st = kv_list_expect(rec, value, 1, err);
    if (st == ST_OK)
        st = kv_list_at(rec, index, &at, err);
    return st == ST_OK ? kv_list_cur_insert(&at, *value, err) : st;
}

void cmd_linsert(struct call *c)
{
    struct slice key = c->argv[1];
    struct kv_rec *rec;
    struct error err;
    uint64_t index;
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
    enum status st = find_first(rec, c->argv[3], &index, &err);
    if (st == ST_OK && index == kv_list_count(rec)) {
        reply_int(c, -1);
        return;
    }
    if (st == ST_OK) {
        kv_edit(c->kv, rec);
        st = insert_at(rec, index + after, &c->argv[4], &err);
        kv_edit_end(c->kv, rec, st == ST_OK);
    }
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    kv_notify(c->kv, NOTIFY_LIST, "linsert", c->db, key);
    call_changed(c, 1);
    reply_int(c, (int64_t)kv_list_count(rec));
}

/* Inside of an edit. */
static enum status replace_at(struct kv_rec *rec, uint64_t index, const struct slice *value,
                              struct error *err)
{
    struct kv_list_cur at;
    enum status st = kv_list_expect(rec, value, 1, err);
    if (st == ST_OK)
        st = kv_list_at(rec, index, &at, err);
    if (st == ST_OK)
        st = kv_list_cur_set(&at, *value, err);
    return st == ST_OK ? kv_list_shrunk(rec, err) : st;
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
    if (!inside) {
        reply_error(c, "ERR index out of range");
        return;
    }
    kv_edit(c->kv, rec);
    enum status st = replace_at(rec, index, &c->argv[3], &err);
    kv_edit_end(c->kv, rec, st == ST_OK);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    kv_notify(c->kv, NOTIFY_LIST, "lset", c->db, key);
    call_changed(c, 1);
    reply_ok(c);
}
