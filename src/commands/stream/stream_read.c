/* XREAD and XREADGROUP: what is new in several streams, or what a consumer has not acknowledged; waiting for more. */
#include "base/arena.h"
#include "base/clock.h"
#include "commands/stream/stream_commands.h"
#include "commands/stream/stream_priv.h"
#include "session/block_keys.h"
#include "session/reply.h"

/* One stream that is read. */
struct source {
    struct stream_group g; /* of XREAD only rec and key */
    struct kv_stream_id after;
    bool fresh; /* ">" */
};

struct read_command {
    bool is_group, blocks, noack;
    int64_t deadline_ms;
    uint64_t count; /* 0: all */
    struct slice group, consumer;
    int keys; /* argument of the first key */
    int n;    /* streams */
    struct source *v;
};

/* -- Arguments ------------------------------------------------------------------------------------------------------------- */

static bool block_arg(struct call *c, int i, struct read_command *r)
{
    int64_t ms, now = clock_wall_ms();
    if (c->in_script) {
        reply_errorf(c, "ERR %.*s command is not allowed with BLOCK option from scripts",
                     SLICE_FMT(c->argv[0]));
        return false;
    }
    if (!call_arg_int(c, i, &ms, "timeout is not an integer or out of range"))
        return false;
    if (ms < 0 || ms > INT64_MAX - now) {
        reply_error(c, ms < 0 ? "ERR timeout is negative" : "ERR timeout is out of range");
        return false;
    }
    r->blocks = true;
    r->deadline_ms = ms ? ms + now : 0;
    return true;
}

static bool streams_arg(struct call *c, int i, struct read_command *r)
{
    int left = c->argc - i;
    if (left % 2 != 0) {
        reply_errorf(c,
                     "ERR Unbalanced '%s' list of streams: for each stream key an ID or '%c' must "
                     "be specified.",
                     c->cmd->fullname, r->is_group ? '>' : '$');
        return false;
    }
    r->keys = i;
    r->n = left / 2;
    return true;
}

/* Options up to STREAMS. */
static bool parse_options(struct call *c, struct read_command *r)
{
    for (int i = 1; i < c->argc && !r->n; i++) {
        int more = c->argc - i - 1;
        int64_t count;
        if (more && call_arg_is(c, i, "block")) {
            if (!block_arg(c, ++i, r))
                return false;
        } else if (more && call_arg_is(c, i, "count")) {
            if (!call_arg_int(c, ++i, &count, NULL))
                return false;
            r->count = count < 0 ? 0 : (uint64_t)count;
        } else if (more && call_arg_is(c, i, "streams")) {
            if (!streams_arg(c, i + 1, r))
                return false;
        } else if ((more >= 2 && call_arg_is(c, i, "group")) || call_arg_is(c, i, "noack")) {
            bool group = !call_arg_is(c, i, "noack");
            if (!r->is_group) {
                reply_errorf(c,
                             "ERR The %s option is only supported by XREADGROUP. You called XREAD "
                             "instead.",
                             group ? "GROUP" : "NOACK");
                return false;
            }
            if (group) {
                r->group = c->argv[i + 1];
                r->consumer = c->argv[i + 2];
                i += 2;
            } else {
                r->noack = true;
            }
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    if (!r->n)
        reply_syntax_error(c);
    else if (r->is_group && !r->group.p)
        reply_error(c, "ERR Missing GROUP option for XREADGROUP");
    return r->n && (!r->is_group || r->group.p);
}

static bool after_arg(struct call *c, int i, const struct read_command *r, struct source *s)
{
    struct slice id = c->argv[i];
    if (id.n == 1 && id.p[0] == '$') {
        struct kv_stream_info info = {0};
        if (r->is_group) {
            reply_error(c,
                        "ERR The $ ID is meaningless in the context of XREADGROUP: you want to "
                        "read the history of this consumer by specifying a proper ID, or use the > "
                        "ID to get new messages. The $ ID would just return an empty result set.");
            return false;
        }
        if (s->g.rec)
            kv_stream_info(s->g.rec, &info);
        s->after = info.last;
        return true;
    }
    if (id.n == 1 && id.p[0] == '>') {
        if (!r->is_group)
            reply_error(c, "ERR The > ID can be specified only when calling XREADGROUP using the "
                           "GROUP <group> <consumer> option.");
        s->fresh = true;
        return r->is_group;
    }
    if (!stream__id_arg(c, i, &s->after))
        return false;
    s->fresh = r->is_group && kv_stream_id_cmp(s->after, KV_STREAM_ID_MAX) == 0;
    return true;
}

static bool open_sources(struct call *c, struct read_command *r)
{
    r->v = arena_alloc(c->arena, (size_t)r->n * sizeof *r->v);
    for (int i = 0; i < r->n; i++) {
        struct source *s = &r->v[i];
        struct slice key = c->argv[r->keys + i];
        bool found = true;
        *s = (struct source){.g = {.c = c, .key = key}};
        if (r->is_group) {
            if (!stream__group(c, key, r->group, &s->g, &found))
                return false;
        } else if (!call_lookup_type(c, key, KV_READ, KV_STREAM, &s->g.rec)) {
            return false;
        }
        if (!found) {
            stream__no_group(c, key, r->group, " in XREADGROUP with GROUP option");
            return false;
        }
        if (!after_arg(c, r->keys + r->n + i, r, s))
            return false;
    }
    return true;
}

/* -- Entries for a consumer ------------------------------------------------------------------------------------------------ */

/* The entry is delivered: pending for the consumer from now on, whoever had it. */
static MUST_USE enum status deliver(struct stream_group *g, struct kv_stream_consumer *who,
                                    struct slice name, struct kv_stream_id id, struct error *err)
{
    struct kv_stream_pending p = {
        .id = id, .consumer = who->no, .delivered_ms = clock_cached_ms(), .deliveries = 1};
    enum status st = kv_stream_pending_put(g->rec, &g->g, &p, err);
    if (st != ST_OK)
        return st;
    who->active_ms = p.delivered_ms;
    stream__propagate_pending(g, &p, name);
    return ST_OK;
}

/* Answers the entries behind the group's last one and hands them to the consumer. */
static void read_fresh(struct call *c, const struct read_command *r, struct stream_group *g,
                       struct kv_stream_consumer *who)
{
    struct kv_stream_id start = g->g.last;
    struct kv_stream_info info;
    struct kv_stream_entry e;
    struct kv_stream_cur cur;
    struct error err;
    size_t token = reply_begin(c);
    uint64_t n = 0;
    bool found = stream__id_next(&start);
    enum status st = ST_OK;
    kv_stream_info(g->rec, &info);
    if (found)
        st = kv_stream_seek(g->rec, start, KV_STREAM_ID_MAX, false, &cur, &err);
    while (st == ST_OK && found && (!r->count || n < r->count)) {
        st = kv_stream_next(&cur, &found, &e, &err);
        if (st != ST_OK || !found)
            break;
        stream__advance(&info, &g->g, e.id);
        if (!r->noack)
            st = deliver(g, who, r->consumer, e.id, &err);
        if (st != ST_OK)
            break;
        stream__reply_entry(c, e);
        n++;
    }
    if (r->noack && n)
        stream__propagate_group(g);
    if (st == ST_OK && n)
        st = kv_stream_group_set(g->rec, g->name, &g->g, &err);
    if (st == ST_OK && n && !r->noack)
        st = kv_stream_consumer_set(g->rec, &g->g, r->consumer, who, &err);
    if (st != ST_OK) {
        stream__failed(c, st, &err);
        n++;
    }
    reply_end(c, token, SINK_ARRAY, n);
}

/* Answers one entry that was delivered before, and counts the delivery; an entry that is gone has no fields. */
static MUST_USE enum status redeliver(struct call *c, struct stream_group *g,
                                      struct kv_stream_pending *p, struct error *err)
{
    struct kv_stream_entry e;
    bool found;
    enum status st = kv_stream_find(g->rec, p->id, &found, &e, err);
    if (st != ST_OK)
        return st;
    if (!found) {
        reply_array(c, 2);
        stream__reply_id(c, p->id);
        reply_null_array(c);
        return ST_OK;
    }
    p->delivered_ms = clock_cached_ms();
    p->deliveries++;
    st = kv_stream_pending_put(g->rec, &g->g, p, err);
    if (st == ST_OK)
        stream__reply_entry(c, e);
    return st;
}

/* Answers what is pending for the consumer, behind the ID given. */
static void read_history(struct call *c, const struct read_command *r, struct source *s,
                         const struct kv_stream_consumer *who)
{
    struct kv_stream_id next = s->after;
    struct kv_stream_pending p;
    struct kv_stream_walk w;
    struct error err;
    size_t token = reply_begin(c);
    uint64_t n = 0;
    enum status st = ST_OK;
    while (st == ST_OK && stream__id_next(&next) && (!r->count || n < r->count)) {
        bool found = false;
        st = kv_stream_walk_pending(s->g.rec, &s->g.g, who->no, next, &w, &err);
        if (st == ST_OK)
            st = kv_stream_next_pending(&w, &found, &p, &err);
        if (st != ST_OK || !found)
            break;
        next = p.id;
        st = redeliver(c, &s->g, &p, &err);
        n += st == ST_OK;
    }
    if (st != ST_OK) {
        stream__failed(c, st, &err);
        n++;
    }
    reply_end(c, token, SINK_ARRAY, n);
}

/* -- Serving --------------------------------------------------------------------------------------------------------------- */

/* Whether the stream has an entry behind this ID. */
static MUST_USE enum status has_more(struct kv_rec *rec, struct kv_stream_id after, bool *yes,
                                     struct error *err)
{
    struct kv_stream_id top;
    struct kv_stream_info info;
    enum status st = kv_stream_top(rec, &top, err);
    kv_stream_info(rec, &info);
    *yes = st == ST_OK && info.length && kv_stream_id_cmp(top, after) > 0;
    return st;
}

/* The head of one stream's part of the answer; the first one begins the answer itself. */
static void begin_stream(struct call *c, struct slice key, size_t *served, size_t *token)
{
    if ((*served)++ == 0)
        *token = reply_begin(c);
    if (c->out->resp == 2)
        reply_array(c, 2);
    reply_bulk(c, key);
}

static MUST_USE enum status serve_group(struct call *c, const struct read_command *r,
                                        struct source *s, size_t *served, size_t *token,
                                        struct error *err)
{
    struct kv_stream_consumer who;
    bool made, found, ready = !s->fresh;
    enum status st = ST_OK;
    if (r->n > 1) /* the same stream may have been served already */
        st = kv_stream_group(s->g.rec, s->g.name, &found, &s->g.g, err);
    if (st == ST_OK && s->fresh)
        st = has_more(s->g.rec, s->g.g.last, &ready, err);
    if (st == ST_OK)
        st = stream__consumer(&s->g, r->consumer, &who, &made, err);
    if (st != ST_OK)
        return st;
    if (made && r->noack)
        stream__propagate_consumer(&s->g, r->consumer);
    if (!ready)
        return ST_OK;
    begin_stream(c, s->g.key, served, token);
    if (s->fresh)
        read_fresh(c, r, &s->g, &who);
    else
        read_history(c, r, s, &who);
    call_changed(c, 1);
    return ST_OK;
}

static MUST_USE enum status serve_plain(struct call *c, const struct read_command *r,
                                        const struct source *s, size_t *served, size_t *token,
                                        struct error *err)
{
    struct kv_stream_id start = s->after;
    bool ready;
    enum status st = has_more(s->g.rec, s->after, &ready, err);
    if (st != ST_OK || !ready || !stream__id_next(&start))
        return st;
    begin_stream(c, s->g.key, served, token);
    stream__reply_range(c, s->g.rec, start, KV_STREAM_ID_MAX, false, r->count);
    return ST_OK;
}

/* Answers from all streams that have something; how many those were. */
static size_t serve(struct call *c, struct read_command *r)
{
    size_t served = 0, token = 0;
    for (int i = 0; i < r->n; i++) {
        struct source *s = &r->v[i];
        struct error err;
        enum status st;
        if (!s->g.rec)
            continue;
        if (r->is_group) {
            kv_edit(c->kv, s->g.rec);
            st = serve_group(c, r, s, &served, &token, &err);
            kv_edit_end(c->kv, s->g.rec, 0);
        } else {
            st = serve_plain(c, r, s, &served, &token, &err);
        }
        if (st == ST_OK)
            continue;
        begin_stream(c, s->g.key, &served, &token);
        stream__failed(c, st, &err);
    }
    if (served)
        reply_end(c, token, c->out->resp == 2 ? SINK_ARRAY : SINK_MAP, served);
    return served;
}

/* When the command runs again, "$" has to mean what it means now. */
static void fix_last_ids(struct call *c, const struct read_command *r)
{
    for (int i = 0; i < r->n; i++) {
        struct slice *id = &c->argv[r->keys + r->n + i];
        if (id->n == 1 && id->p[0] == '$')
            *id = stream__id_text(c, r->v[i].after);
    }
}

static void read_streams(struct call *c, bool is_group)
{
    struct read_command r = {.is_group = is_group};
    call_no_propagate(c); /* what it changes is propagated bit by bit */
    if (!parse_options(c, &r) || !open_sources(c, &r))
        return;
    if (serve(c, &r))
        return;
    if (!r.blocks || block_denied(c)) {
        reply_null_array(c);
        return;
    }
    fix_last_ids(c, &r);
    block_on_keys(c, c->argv + r.keys, (size_t)r.n, KV_STREAM, r.deadline_ms,
                  is_group ? BLOCK_KEYS_NOKEY : 0);
}

void cmd_xread(struct call *c)
{
    read_streams(c, false);
}

void cmd_xreadgroup(struct call *c)
{
    read_streams(c, true);
}
