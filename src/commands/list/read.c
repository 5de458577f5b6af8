/* LLEN, LINDEX, LRANGE, LPOS: nothing changes. */
#include "commands/list/list_commands.h"
#include "commands/list/list_priv.h"
#include "session/reply.h"

void cmd_llen(struct call *c)
{
    struct kv_rec *rec;
    if (call_lookup_type(c, c->argv[1], KV_READ, KV_LIST, &rec))
        reply_int(c, rec ? (int64_t)kv_list_count(rec) : 0);
}

void cmd_lindex(struct call *c)
{
    struct kv_rec *rec;
    struct kv_list_cur at;
    struct error err;
    uint64_t index;
    bool inside;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_LIST, &rec))
        return;
    if (!rec) {
        reply_null(c);
        return;
    }
    if (!list__arg_index(c, 2, kv_list_count(rec), &inside, &index))
        return;
    if (!inside) {
        reply_null(c);
        return;
    }
    enum status st = kv_list_at(rec, index, &at, &err);
    if (st == ST_OK)
        reply_bulk(c, kv_list_value(&at));
    else
        call_reply_status(c, st, &err);
}

void cmd_lrange(struct call *c)
{
    struct kv_rec *rec;
    struct kv_list_cur at;
    struct error err;
    int64_t start, stop;
    if (!call_arg_int(c, 2, &start, NULL) || !call_arg_int(c, 3, &stop, NULL) ||
        !call_lookup_type(c, c->argv[1], KV_READ, KV_LIST, &rec))
        return;
    struct list_range r = list__range(start, stop, rec ? kv_list_count(rec) : 0);
    if (r.n == 0) {
        reply_array(c, 0);
        return;
    }
    enum status st = kv_list_at(rec, r.first, &at, &err);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    reply_array(c, r.n);
    for (uint64_t i = 0; i < r.n; i++) {
        if (st == ST_OK && i > 0)
            st = kv_list_next(&at, &err);
        if (st == ST_OK)
            reply_bulk(c, kv_list_value(&at));
        else /* the length is out already */
            call_reply_status(c, st, &err);
    }
}

/* -- LPOS ---------------------------------------------------------------------------------------------------------------- */

struct search {
    int64_t rank, count, maxlen; /* count -1: not given; maxlen 0: all */
    bool backwards;
};

static bool search_parse(struct call *c, struct search *s)
{
    *s = (struct search){.rank = 1, .count = -1};
    for (int i = 3; i < c->argc; i += 2) {
        bool has_value = i + 1 < c->argc;
        if (has_value && call_arg_is(c, i, "rank")) {
            if (!call_arg_range(c, i + 1, -INT64_MAX, INT64_MAX, &s->rank, NULL))
                return false;
            if (s->rank == 0) {
                reply_error(c, "ERR RANK can't be zero: use 1 to start from the first match, 2 "
                               "from the second ... or use negative to start from the end of the "
                               "list");
                return false;
            }
        } else if (has_value && call_arg_is(c, i, "count")) {
            if (!call_arg_range(c, i + 1, 0, INT64_MAX, &s->count, "COUNT can't be negative"))
                return false;
        } else if (has_value && call_arg_is(c, i, "maxlen")) {
            if (!call_arg_range(c, i + 1, 0, INT64_MAX, &s->maxlen, "MAXLEN can't be negative"))
                return false;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    s->backwards = s->rank < 0;
    if (s->backwards)
        s->rank = -s->rank;
    return true;
}

/* Answers each match that is wanted. */
static enum status search_run(struct call *c, const struct search *s, struct kv_rec *rec,
                              uint64_t *found, struct error *err)
{
    struct kv_list_cur at;
    uint64_t count = kv_list_count(rec), wanted = s->count < 0 ? 1 : (uint64_t)s->count;
    int64_t matches = 0;
    enum status st = s->backwards ? kv_list_last(rec, &at, err) : kv_list_first(rec, &at, err);
    for (uint64_t i = 0; st == ST_OK && i < count; i++) {
        if (s->maxlen && i >= (uint64_t)s->maxlen)
            break;
        if (slice_eq(kv_list_value(&at), c->argv[2]) && ++matches >= s->rank) {
            reply_int(c, (int64_t)(s->backwards ? count - i - 1 : i));
            if (++*found == wanted)
                break;
        }
        st = s->backwards ? kv_list_prev(&at, err) : kv_list_next(&at, err);
    }
    return st;
}

void cmd_lpos(struct call *c)
{
    struct search s;
    struct kv_rec *rec;
    struct error err;
    uint64_t found = 0;
    enum status st = ST_OK;
    if (!search_parse(c, &s) || !call_lookup_type(c, c->argv[1], KV_READ, KV_LIST, &rec))
        return;
    bool many = s.count >= 0;
    size_t token = many ? reply_begin(c) : 0;
    if (rec)
        st = search_run(c, &s, rec, &found, &err);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        found++;
    }
    if (many)
        reply_end(c, token, SINK_ARRAY, found);
    else if (found == 0)
        reply_null(c);
}
