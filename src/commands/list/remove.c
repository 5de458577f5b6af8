/* LREM and LTRIM: elements go, nobody gets them. */
#include "base/num.h"
#include "commands/list/list_commands.h"
#include "commands/list/list_priv.h"
#include "session/reply.h"

/* Walks from at in one direction to the next element that equals value; *index follows. *found false: there is none. */
static enum status seek(struct kv_list_cur *at, bool backwards, struct slice value, uint64_t *index,
                        bool *found, struct error *err)
{
    enum status st = ST_OK;
    while (!kv_list_end(at) && !slice_eq(kv_list_value(at), value)) {
        st = backwards ? kv_list_prev(at, err) : kv_list_next(at, err);
        if (st != ST_OK)
            return st;
        *index += backwards ? UINT64_MAX : 1;
    }
    *found = !kv_list_end(at);
    return st;
}

/* Inside of an edit: removes the element at index and up to max - 1 more behind (or before) it. */
static enum status remove_equal(struct kv_rec *rec, uint64_t index, bool backwards,
                                struct slice value, uint64_t max, uint64_t *removed,
                                struct error *err)
{
    struct kv_list_cur at;
    bool found = true;
    enum status st = kv_list_at(rec, index, &at, err);
    while (st == ST_OK && found) {
        st = kv_list_cur_delete(&at, err);
        if (st != ST_OK)
            break;
        if (++*removed == max || (backwards && index == 0))
            break;
        if (backwards)
            st = kv_list_at(rec, --index, &at, err);
        if (st == ST_OK)
            st = seek(&at, backwards, value, &index, &found, err);
    }
    return st;
}

/* What was removed before a failure cannot be told by the command's own words: the log gets the same removal, bounded. */
static void propagate_part(struct call *c, bool backwards, uint64_t removed)
{
    char num[NUM_BUF];
    size_t n = num_format_int(num, backwards ? -(int64_t)removed : (int64_t)removed);
    call_propagate_words(c, c->db, 4, c->argv[0], c->argv[1], slice_make(num, n), c->argv[3]);
}

void cmd_lrem(struct call *c)
{
    struct slice key = c->argv[1], value = c->argv[3];
    struct kv_rec *rec;
    struct kv_list_cur at;
    struct error err;
    int64_t count;
    if (!call_arg_int(c, 2, &count, NULL) || !call_lookup_type(c, key, KV_WRITE, KV_LIST, &rec))
        return;
    if (!rec) {
        reply_int(c, 0);
        return;
    }
    bool backwards = count < 0, found = false;
    uint64_t max = backwards ? 0 - (uint64_t)count : (uint64_t)count, removed = 0;
    uint64_t index = backwards ? kv_list_count(rec) - 1 : 0;
    enum status st = backwards ? kv_list_last(rec, &at, &err) : kv_list_first(rec, &at, &err);
    if (st == ST_OK)
        st = seek(&at, backwards, value, &index, &found, &err);
    if (st == ST_OK && found) {
        kv_edit(c->kv, rec);
        st = remove_equal(rec, index, backwards, value, max, &removed, &err);
        if (removed)
            list__removed(c, key, rec, "lrem", removed);
        else
            kv_edit_end(c->kv, rec, 0);
    }
    if (st == ST_OK) {
        reply_int(c, (int64_t)removed);
        return;
    }
    if (removed)
        propagate_part(c, backwards, removed);
    call_reply_status(c, st, &err);
}

/* Inside of an edit: keeps r only. The end goes first; *removed says how far it came. */
static enum status keep(struct kv_rec *rec, struct list_range r, uint64_t *removed,
                        struct error *err)
{
    uint64_t behind = kv_list_count(rec) - r.first - r.n;
    enum status st = list__cut(rec, KV_LIST_TAIL, behind, err);
    if (st != ST_OK)
        return st;
    *removed = behind;
    st = list__cut(rec, KV_LIST_HEAD, r.first, err);
    if (st == ST_OK)
        *removed += r.first;
    return st;
}

void cmd_ltrim(struct call *c)
{
    struct slice key = c->argv[1];
    struct kv_rec *rec;
    struct error err;
    int64_t start, stop;
    uint64_t removed = 0;
    if (!call_arg_int(c, 2, &start, NULL) || !call_arg_int(c, 3, &stop, NULL) ||
        !call_lookup_type(c, key, KV_WRITE, KV_LIST, &rec))
        return;
    if (!rec) {
        reply_ok(c);
        return;
    }
    struct list_range r = list__range(start, stop, kv_list_count(rec));
    kv_edit(c->kv, rec);
    enum status st = keep(rec, r, &removed, &err);
    if (st == ST_OK || removed)
        list__removed(c, key, rec, "ltrim", removed);
    else
        kv_edit_end(c->kv, rec, 0);
    if (st == ST_OK) {
        reply_ok(c);
        return;
    }
    if (removed) { /* the end is gone, the beginning is not */
        char num[NUM_BUF];
        size_t n = num_format_int(num, (int64_t)(r.first + r.n) - 1);
        call_propagate_words(c, c->db, 4, c->argv[0], key, SLICE("0"), slice_make(num, n));
    }
    call_reply_status(c, st, &err);
}
