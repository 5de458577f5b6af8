/* What XREADGROUP, XCLAIM and XAUTOCLAIM share: the group they work on, its consumers, and what goes to the log: as in Redis the
 * state that follows, as commands that can be repeated. */
#include "base/clock.h"
#include "base/num.h"
#include "commands/stream/stream_priv.h"
#include "session/reply.h"

bool stream__group(struct call *c, struct slice key, struct slice name, struct stream_group *g,
                   bool *found)
{
    struct error err;
    enum status st;
    *found = false;
    *g = (struct stream_group){.c = c, .key = key, .name = name};
    if (!call_lookup_type(c, key, KV_READ, KV_STREAM, &g->rec))
        return false;
    if (!g->rec)
        return true;
    st = kv_stream_group(g->rec, name, found, &g->g, &err);
    return st == ST_OK || stream__failed(c, st, &err);
}

void stream__no_group(struct call *c, struct slice key, struct slice group, const char *suffix)
{
    reply_errorf(c, "NOGROUP No such key '%.*s' or consumer group '%.*s'%s", SLICE_FMT(key),
                 SLICE_FMT(group), suffix);
}

enum status stream__consumer(struct stream_group *g, struct slice name,
                             struct kv_stream_consumer *out, bool *made, struct error *err)
{
    bool found;
    enum status st = kv_stream_consumer(g->rec, &g->g, name, &found, out, err);
    *made = false;
    if (st != ST_OK)
        return st;
    if (found) {
        out->seen_ms = clock_cached_ms();
        return kv_stream_consumer_set(g->rec, &g->g, name, out, err);
    }
    *out =
        (struct kv_stream_consumer){.seen_ms = clock_cached_ms(), .active_ms = KV_STREAM_UNKNOWN};
    st = kv_stream_consumer_add(g->rec, &g->g, name, out, err);
    if (st != ST_OK)
        return st;
    *made = true;
    kv_notify(g->c->kv, NOTIFY_STREAM, "xgroup-createconsumer", g->c->db, g->key);
    call_changed(g->c, 1);
    return ST_OK;
}

void stream__propagate_pending(const struct stream_group *g, const struct kv_stream_pending *p,
                               struct slice consumer)
{
    char id[STREAM_ID_TEXT], last[STREAM_ID_TEXT], when[NUM_BUF], count[NUM_BUF];
    struct slice argv[] = {
        SLICE("XCLAIM"),
        g->key,
        g->name,
        consumer,
        SLICE("0"),
        slice_make(id, stream__id_format(p->id, id)),
        SLICE("TIME"),
        slice_make(when, num_format_int(when, p->delivered_ms)),
        SLICE("RETRYCOUNT"),
        slice_make(count, num_format_int(count, (int64_t)p->deliveries)),
        SLICE("FORCE"),
        SLICE("JUSTID"),
        SLICE("LASTID"),
        slice_make(last, stream__id_format(g->g.last, last)),
    };
    call_propagate(g->c, g->c->db, COUNT_OF(argv), argv);
}

void stream__propagate_group(const struct stream_group *g)
{
    char last[STREAM_ID_TEXT], read[NUM_BUF];
    struct slice argv[] = {
        SLICE("XGROUP"),
        SLICE("SETID"),
        g->key,
        g->name,
        slice_make(last, stream__id_format(g->g.last, last)),
        SLICE("ENTRIESREAD"),
        slice_make(read, num_format_int(read, g->g.entries_read)),
    };
    call_propagate(g->c, g->c->db, COUNT_OF(argv), argv);
}

void stream__propagate_consumer(const struct stream_group *g, struct slice name)
{
    call_propagate_words(g->c, g->c->db, 5, SLICE("XGROUP"), SLICE("CREATECONSUMER"), g->key,
                         g->name, name);
}
