/* XPENDING: what a group has not acknowledged, in sum or one by one. */
#include "base/clock.h"
#include "base/num.h"
#include "commands/stream/stream_commands.h"
#include "commands/stream/stream_priv.h"
#include "session/reply.h"

struct pending_query {
    int64_t min_idle_ms;
    uint64_t count;
    struct kv_stream_id start, end;
    struct slice consumer; /* p NULL: of all */
};

static bool parse_query(struct call *c, struct pending_query *q)
{
    int64_t count;
    int at = 3;
    *q = (struct pending_query){.consumer = SLICE_NULL};
    if (call_arg_is(c, 3, "idle")) {
        if (!call_arg_int(c, 4, &q->min_idle_ms, NULL))
            return false;
        if (c->argc < 8) {
            reply_syntax_error(c);
            return false;
        }
        at = 5;
    }
    if (!call_arg_int(c, at + 2, &count, NULL) || !stream__start_arg(c, at, &q->start) ||
        !stream__end_arg(c, at + 1, &q->end))
        return false;
    q->count = count < 0 ? 0 : (uint64_t)count;
    if (at + 3 < c->argc)
        q->consumer = c->argv[at + 3];
    return true;
}

/* -- In sum ---------------------------------------------------------------------------------------------------------------- */

/* The consumers that have something pending, and how much. */
static void reply_owners(struct call *c, const struct stream_group *g)
{
    struct kv_stream_walk w;
    struct error err;
    char text[NUM_BUF];
    size_t token = reply_begin(c), owners = 0;
    enum status st = kv_stream_walk_consumers(g->rec, &g->g, &w, &err);
    while (st == ST_OK) {
        struct kv_stream_consumer who;
        struct slice name;
        uint64_t n = 0;
        bool found;
        st = kv_stream_next_consumer(&w, &found, &name, &who, &err);
        if (st != ST_OK || !found)
            break;
        st = kv_stream_pendings(g->rec, &g->g, who.no, &n, &err);
        if (n == 0)
            continue;
        reply_array(c, 2);
        reply_bulk(c, name);
        reply_bulk(c, slice_make(text, num_format_int(text, (int64_t)n)));
        owners++;
    }
    if (st != ST_OK) {
        stream__failed(c, st, &err);
        owners++;
    }
    reply_end(c, token, SINK_ARRAY, owners);
}

static void reply_sum(struct call *c, const struct stream_group *g)
{
    struct kv_stream_pending first;
    struct kv_stream_id last;
    struct kv_stream_walk w;
    struct error err;
    uint64_t n;
    bool found = false;
    enum status st = kv_stream_pendings(g->rec, &g->g, 0, &n, &err);
    if (st == ST_OK)
        st = kv_stream_walk_pending(g->rec, &g->g, 0, KV_STREAM_ID_MIN, &w, &err);
    if (st == ST_OK)
        st = kv_stream_next_pending(&w, &found, &first, &err);
    if (st == ST_OK && found)
        st = kv_stream_last_pending(g->rec, &g->g, &last, &err);
    if (st != ST_OK) {
        stream__failed(c, st, &err);
        return;
    }
    reply_array(c, 4);
    reply_int(c, (int64_t)n);
    if (!found) {
        reply_null(c);
        reply_null(c);
        reply_null_array(c);
        return;
    }
    stream__reply_id(c, first.id);
    stream__reply_id(c, last);
    reply_owners(c, g);
}

/* -- One by one ------------------------------------------------------------------------------------------------------------ */

static MUST_USE enum status reply_pending(struct call *c, const struct stream_group *g,
                                          const struct kv_stream_pending *p, struct error *err)
{
    struct slice name;
    int64_t idle = clock_cached_ms() - p->delivered_ms;
    enum status st = kv_stream_consumer_name(g->rec, &g->g, p->consumer, &name, err);
    if (st != ST_OK)
        return st;
    reply_array(c, 4);
    stream__reply_id(c, p->id);
    reply_bulk(c, name);
    reply_int(c, idle < 0 ? 0 : idle);
    reply_int(c, (int64_t)p->deliveries);
    return ST_OK;
}

static void reply_list(struct call *c, const struct stream_group *g, const struct pending_query *q,
                       uint64_t consumer)
{
    struct kv_stream_walk w;
    struct error err;
    size_t token = reply_begin(c), n = 0;
    enum status st = ST_OK;
    if (q->count)
        st = kv_stream_walk_pending(g->rec, &g->g, consumer, q->start, &w, &err);
    while (st == ST_OK && n < q->count) {
        struct kv_stream_pending p;
        bool found;
        st = kv_stream_next_pending(&w, &found, &p, &err);
        if (st != ST_OK || !found || kv_stream_id_cmp(p.id, q->end) > 0)
            break;
        if (q->min_idle_ms && clock_cached_ms() - p.delivered_ms < q->min_idle_ms)
            continue;
        st = reply_pending(c, g, &p, &err);
        n += st == ST_OK;
    }
    if (st != ST_OK) {
        stream__failed(c, st, &err);
        n++;
    }
    reply_end(c, token, SINK_ARRAY, n);
}

void cmd_xpending(struct call *c)
{
    struct kv_stream_consumer who = {.no = 0};
    struct pending_query q;
    struct stream_group g;
    struct error err;
    bool sum = c->argc == 3, found;
    enum status st = ST_OK;
    if (!sum && (c->argc < 6 || c->argc > 9)) {
        reply_syntax_error(c);
        return;
    }
    if (!sum && !parse_query(c, &q))
        return;
    if (!stream__group(c, c->argv[1], c->argv[2], &g, &found))
        return;
    if (!found) {
        stream__no_group(c, c->argv[1], c->argv[2], "");
        return;
    }
    if (sum) {
        reply_sum(c, &g);
        return;
    }
    if (q.consumer.p)
        st = kv_stream_consumer(g.rec, &g.g, q.consumer, &found, &who, &err);
    if (st != ST_OK)
        stream__failed(c, st, &err);
    else if (!found)
        reply_array(c, 0);
    else
        reply_list(c, &g, &q, who.no);
}
