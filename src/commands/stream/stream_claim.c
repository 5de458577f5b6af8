/* XCLAIM and XAUTOCLAIM: pending entries get another consumer. Those whose entry is gone from the stream are forgotten. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "commands/stream/stream_commands.h"
#include "commands/stream/stream_priv.h"
#include "session/reply.h"

/* A claim under way. */
struct claim {
    struct stream_group g;
    struct slice consumer;
    struct kv_stream_consumer who;
    int64_t min_idle_ms, deliver_ms; /* deliver_ms: the new time of delivery */
    int64_t retries;                 /* the new count; -1: counted on unless just_id */
    bool force, just_id;
};

static bool begin(struct call *c, struct claim *cl, int64_t min_idle, bool *found)
{
    *cl = (struct claim){.consumer = c->argv[3],
                         .min_idle_ms = min_idle < 0 ? 0 : min_idle,
                         .deliver_ms = clock_cached_ms(),
                         .retries = -1};
    return stream__group(c, c->argv[1], c->argv[2], &cl->g, found);
}

/* The consumer is there, seen now. Inside of the edit. */
static MUST_USE enum status open_consumer(struct claim *cl, struct error *err)
{
    bool made;
    return stream__consumer(&cl->g, cl->consumer, &cl->who, &made, err);
}

/* Stores when the consumer was active. */
static MUST_USE enum status close_consumer(struct claim *cl, bool active, struct error *err)
{
    if (!active)
        return ST_OK;
    cl->who.active_ms = clock_cached_ms();
    return kv_stream_consumer_set(cl->g.rec, &cl->g.g, cl->consumer, &cl->who, err);
}

/* The entry is no longer in the stream: nobody can process it. */
static MUST_USE enum status forget(struct claim *cl, const struct kv_stream_pending *p,
                                   struct error *err)
{
    struct slice owner;
    bool found;
    enum status st = kv_stream_consumer_name(cl->g.rec, &cl->g.g, p->consumer, &owner, err);
    if (st != ST_OK)
        return st;
    stream__propagate_pending(&cl->g, p, owner);
    call_changed(cl->g.c, 1);
    return kv_stream_pending_del(cl->g.rec, &cl->g.g, p->id, &found, err);
}

enum outcome { CLAIM_NOT, CLAIM_TAKEN, CLAIM_GONE };

/* Claims one entry. pending: it is pending, as p says. */
static MUST_USE enum status claim_one(struct claim *cl, struct kv_stream_pending *p, bool pending,
                                      enum outcome *out, struct error *err)
{
    struct kv_stream_entry e;
    bool there;
    enum status st = kv_stream_find(cl->g.rec, p->id, &there, &e, err);
    *out = CLAIM_NOT;
    if (st != ST_OK)
        return st;
    if (!there) {
        *out = pending ? CLAIM_GONE : CLAIM_NOT;
        return pending ? forget(cl, p, err) : ST_OK;
    }
    if (!pending && !cl->force)
        return ST_OK;
    if (pending && cl->min_idle_ms && clock_cached_ms() - p->delivered_ms < cl->min_idle_ms)
        return ST_OK;
    if (!pending)
        p->deliveries = 1;
    if (cl->retries >= 0)
        p->deliveries = (uint64_t)cl->retries;
    else if (!cl->just_id)
        p->deliveries++;
    p->consumer = cl->who.no;
    p->delivered_ms = cl->deliver_ms;
    st = kv_stream_pending_put(cl->g.rec, &cl->g.g, p, err);
    if (st != ST_OK)
        return st;
    stream__propagate_pending(&cl->g, p, cl->consumer);
    call_changed(cl->g.c, 1);
    *out = CLAIM_TAKEN;
    return ST_OK;
}

/* Answers a claimed entry, or its ID. */
static void reply_claimed(struct call *c, const struct claim *cl, struct kv_stream_id id)
{
    struct kv_stream_entry e;
    struct error err;
    bool found;
    enum status st;
    if (cl->just_id) {
        stream__reply_id(c, id);
        return;
    }
    st = kv_stream_find(cl->g.rec, id, &found, &e, &err);
    if (st != ST_OK)
        stream__failed(c, st, &err);
    else
        stream__reply_entry(c, e);
}

/* -- XCLAIM ---------------------------------------------------------------------------------------------------------------- */

/* Options behind the IDs, from argument i on. */
static bool claim_options(struct call *c, int i, struct claim *cl, struct kv_stream_id *last)
{
    int64_t now = clock_cached_ms(), when = -1;
    for (; i < c->argc; i++) {
        bool more = i + 1 < c->argc;
        if (call_arg_is(c, i, "force")) {
            cl->force = true;
        } else if (call_arg_is(c, i, "justid")) {
            cl->just_id = true;
        } else if (more && call_arg_is(c, i, "idle")) {
            if (!call_arg_int(c, ++i, &when, "Invalid IDLE option argument for XCLAIM"))
                return false;
            if (__builtin_sub_overflow(now, when, &when))
                when = now;
        } else if (more && call_arg_is(c, i, "time")) {
            if (!call_arg_int(c, ++i, &when, "Invalid TIME option argument for XCLAIM"))
                return false;
        } else if (more && call_arg_is(c, i, "retrycount")) {
            if (!call_arg_int(c, ++i, &cl->retries,
                              "Invalid RETRYCOUNT option argument for XCLAIM"))
                return false;
        } else if (more && call_arg_is(c, i, "lastid")) {
            if (!stream__id_arg(c, ++i, last))
                return false;
        } else {
            reply_errorf(c, "ERR Unrecognized XCLAIM option '%.*s'", SLICE_FMT(c->argv[i]));
            return false;
        }
    }
    cl->deliver_ms = when < 0 || when > now ? now : when;
    return true;
}

/* The group's last ID is raised to the one given. What the log says of an entry that was read counts as its reading: the
 * group's counter has to come out as it was. */
static MUST_USE enum status raise_last(struct call *c, struct claim *cl, struct kv_stream_id last,
                                       const struct kv_stream_id *ids, int n, struct error *err)
{
    struct kv_stream_info s;
    kv_stream_info(cl->g.rec, &s);
    if (c->replaying && n == 1 && kv_stream_id_cmp(ids[0], last) == 0)
        stream__advance(&s, &cl->g.g, last);
    cl->g.g.last = last;
    return kv_stream_group_set(cl->g.rec, cl->g.name, &cl->g.g, err);
}

/* Claims the IDs and answers them. *settled: the group's last ID was propagated with one. */
static MUST_USE enum status claim_ids(struct call *c, struct claim *cl,
                                      const struct kv_stream_id *ids, int n, bool *settled,
                                      struct error *err)
{
    enum status st = open_consumer(cl, err);
    uint64_t taken = 0;
    size_t token = reply_begin(c);
    for (int i = 0; i < n && st == ST_OK; i++) {
        struct kv_stream_pending p = {.id = ids[i]};
        enum outcome out = CLAIM_NOT;
        bool pending;
        st = kv_stream_pending(cl->g.rec, &cl->g.g, ids[i], &pending, &p, err);
        if (st == ST_OK)
            st = claim_one(cl, &p, pending, &out, err);
        *settled = *settled || out != CLAIM_NOT;
        if (out != CLAIM_TAKEN)
            continue;
        reply_claimed(c, cl, ids[i]);
        taken++;
    }
    if (st == ST_OK)
        st = close_consumer(cl, taken > 0, err);
    if (st != ST_OK) {
        stream__failed(c, st, err);
        taken++;
    }
    reply_end(c, token, SINK_ARRAY, taken);
    return st;
}

void cmd_xclaim(struct call *c)
{
    struct kv_stream_id *ids, last = KV_STREAM_ID_MIN;
    struct claim cl;
    struct error err;
    int64_t min_idle;
    int end = 5;
    bool found, raised, settled = false;
    enum status st = ST_OK;
    if (!begin(c, &cl, 0, &found))
        return;
    if (!found) {
        stream__no_group(c, c->argv[1], c->argv[2], "");
        return;
    }
    if (!call_arg_int(c, 4, &min_idle, "Invalid min-idle-time argument for XCLAIM"))
        return;
    cl.min_idle_ms = min_idle < 0 ? 0 : min_idle;
    ids = arena_alloc(c->arena, (size_t)c->argc * sizeof *ids);
    while (end < c->argc && stream__id_parse(c->argv[end], 0, false, &ids[end - 5], NULL))
        end++;
    if (!claim_options(c, end, &cl, &last))
        return;
    call_no_propagate(c); /* each entry for itself */
    kv_edit(c->kv, cl.g.rec);
    raised = kv_stream_id_cmp(last, cl.g.g.last) > 0;
    if (raised)
        st = raise_last(c, &cl, last, ids, end - 5, &err);
    if (st == ST_OK)
        st = claim_ids(c, &cl, ids, end - 5, &settled, &err);
    else
        stream__failed(c, st, &err);
    if (st == ST_OK && raised && !settled) {
        stream__propagate_group(&cl.g);
        call_changed(c, 1);
    }
    kv_edit_end(c->kv, cl.g.rec, 0);
}

/* -- XAUTOCLAIM ------------------------------------------------------------------------------------------------------------ */

#define ATTEMPTS  10 /* pending entries looked at for each one that may be claimed */
#define MAX_COUNT (INT64_MAX / (int64_t)sizeof(struct kv_stream_id))

struct auto_claim {
    struct claim cl;
    struct kv_stream_id next; /* where to go on; 0-0: at the end */
    int64_t count, attempts;
    struct buf taken, gone; /* IDs */
};

static bool auto_options(struct call *c, int64_t *count, bool *just_id)
{
    *count = 100;
    *just_id = false;
    for (int i = 6; i < c->argc; i++) {
        if (call_arg_is(c, i, "count") && i + 1 < c->argc) {
            if (!call_arg_range(c, ++i, 1, MAX_COUNT, count, "COUNT must be > 0"))
                return false;
        } else if (call_arg_is(c, i, "justid")) {
            *just_id = true;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    return true;
}

static MUST_USE enum status remember(struct buf *ids, struct kv_stream_id id, struct error *err)
{
    if (!buf_try_reserve(ids, sizeof id))
        return error_set(err, ST_NO_MEMORY, "the IDs that are claimed");
    buf_put(ids, &id, sizeof id);
    return ST_OK;
}

/* The pending entry at or behind a->next; a->next is 0-0 when there is none. */
static MUST_USE enum status next_pending(struct auto_claim *a, struct kv_stream_pending *p,
                                         bool *found, struct error *err)
{
    struct kv_stream_walk w;
    enum status st = kv_stream_walk_pending(a->cl.g.rec, &a->cl.g.g, 0, a->next, &w, err);
    if (st == ST_OK)
        st = kv_stream_next_pending(&w, found, p, err);
    if (st == ST_OK)
        a->next = *found ? p->id : KV_STREAM_ID_MIN;
    return st;
}

static MUST_USE enum status auto_claim(struct auto_claim *a, struct error *err)
{
    enum status st = open_consumer(&a->cl, err);
    while (st == ST_OK) {
        struct kv_stream_pending p;
        enum outcome out;
        bool found;
        st = next_pending(a, &p, &found, err);
        if (st != ST_OK || !found || a->count == 0 || a->attempts-- == 0)
            break;
        st = claim_one(&a->cl, &p, true, &out, err);
        if (st == ST_OK && out != CLAIM_NOT) {
            st = remember(out == CLAIM_TAKEN ? &a->taken : &a->gone, p.id, err);
            a->count--;
        }
        if (!stream__id_next(&a->next))
            break; /* it was the last ID that there can be: next is 0-0 */
    }
    return st == ST_OK ? close_consumer(&a->cl, a->taken.n > 0, err) : st;
}

static void reply_auto(struct call *c, const struct auto_claim *a)
{
    struct kv_stream_id id;
    reply_array(c, 3);
    stream__reply_id(c, a->next);
    reply_array(c, a->taken.n / sizeof id);
    for (size_t i = 0; i < a->taken.n; i += sizeof id) {
        memcpy(&id, a->taken.p + i, sizeof id);
        reply_claimed(c, &a->cl, id);
    }
    reply_array(c, a->gone.n / sizeof id);
    for (size_t i = 0; i < a->gone.n; i += sizeof id) {
        memcpy(&id, a->gone.p + i, sizeof id);
        stream__reply_id(c, id);
    }
}

void cmd_xautoclaim(struct call *c)
{
    struct auto_claim a = {.count = 0};
    struct kv_stream_id start;
    struct error err;
    int64_t min_idle, count;
    bool found, just_id;
    enum status st;
    if (!call_arg_int(c, 4, &min_idle, "Invalid min-idle-time argument for XAUTOCLAIM") ||
        !stream__start_arg(c, 5, &start) || !auto_options(c, &count, &just_id))
        return;
    if (!begin(c, &a.cl, min_idle, &found))
        return;
    if (!found) {
        stream__no_group(c, c->argv[1], c->argv[2], "");
        return;
    }
    call_no_propagate(c);
    a.cl.just_id = just_id;
    a.next = start;
    a.count = count;
    if (__builtin_mul_overflow(count, (int64_t)ATTEMPTS, &a.attempts))
        a.attempts = INT64_MAX;
    kv_edit(c->kv, a.cl.g.rec);
    st = auto_claim(&a, &err);
    kv_edit_end(c->kv, a.cl.g.rec, 0);
    if (st != ST_OK)
        stream__failed(c, st, &err);
    else
        reply_auto(c, &a);
    buf_free(&a.taken);
    buf_free(&a.gone);
}
