/* XINFO. */
#include "base/clock.h"
#include "commands/stream/stream_commands.h"
#include "commands/stream/stream_priv.h"
#include "session/reply.h"

static bool lookup(struct call *c, struct kv_rec **rec)
{
    if (!call_lookup_type(c, c->argv[2], KV_READ, KV_STREAM, rec))
        return false;
    if (!*rec)
        reply_error(c, "ERR no such key");
    return *rec != NULL;
}

static void field_int(struct call *c, const char *name, int64_t v)
{
    reply_str(c, name);
    reply_int(c, v);
}

static void field_id(struct call *c, const char *name, struct kv_stream_id id)
{
    reply_str(c, name);
    stream__reply_id(c, id);
}

static void field_known(struct call *c, const char *name, bool known, int64_t v)
{
    reply_str(c, name);
    if (known)
        reply_int(c, v);
    else
        reply_null(c);
}

/* Ends an array that was begun with token; a failure stands in it as its last element. */
static void end_array(struct call *c, size_t token, size_t n, enum status st,
                      const struct error *err)
{
    if (st != ST_OK) {
        stream__failed(c, st, err);
        n++;
    }
    reply_end(c, token, SINK_ARRAY, n);
}

/* last-delivered-id, entries-read and lag of a group. */
static void reply_progress(struct call *c, struct kv_rec *rec, const struct kv_stream_group *g)
{
    struct kv_stream_info s;
    int64_t lag;
    bool known;
    kv_stream_info(rec, &s);
    known = stream__lag(&s, g, &lag);
    field_id(c, "last-delivered-id", g->last);
    field_known(c, "entries-read", g->entries_read != KV_STREAM_UNKNOWN, g->entries_read);
    field_known(c, "lag", known, lag);
}

/* -- FULL ------------------------------------------------------------------------------------------------------------------ */

/* The first count (0: all) pending entries of a group, or of a consumer (then without its name). */
static void reply_pending(struct call *c, struct kv_rec *rec, const struct kv_stream_group *g,
                          uint64_t consumer, uint64_t count)
{
    struct kv_stream_walk w;
    struct error err;
    size_t token, n = 0;
    enum status st;
    reply_str(c, "pending");
    token = reply_begin(c);
    st = kv_stream_walk_pending(rec, g, consumer, KV_STREAM_ID_MIN, &w, &err);
    while (st == ST_OK && (!count || n < count)) {
        struct kv_stream_pending p;
        struct slice name;
        bool found;
        st = kv_stream_next_pending(&w, &found, &p, &err);
        if (st != ST_OK || !found)
            break;
        if (!consumer)
            st = kv_stream_consumer_name(rec, g, p.consumer, &name, &err);
        if (st != ST_OK)
            break;
        reply_array(c, consumer ? 3 : 4);
        stream__reply_id(c, p.id);
        if (!consumer)
            reply_bulk(c, name);
        reply_int(c, p.delivered_ms);
        reply_int(c, (int64_t)p.deliveries);
        n++;
    }
    end_array(c, token, n, st, &err);
}

static void reply_full_consumers(struct call *c, struct kv_rec *rec,
                                 const struct kv_stream_group *g, uint64_t count)
{
    struct kv_stream_walk w;
    struct error err;
    size_t token, n = 0;
    enum status st;
    reply_str(c, "consumers");
    token = reply_begin(c);
    st = kv_stream_walk_consumers(rec, g, &w, &err);
    while (st == ST_OK) {
        struct kv_stream_consumer who;
        struct slice name;
        uint64_t pending = 0;
        bool found;
        st = kv_stream_next_consumer(&w, &found, &name, &who, &err);
        if (st != ST_OK || !found)
            break;
        st = kv_stream_pendings(rec, g, who.no, &pending, &err);
        if (st != ST_OK)
            break;
        reply_map(c, 5);
        reply_str(c, "name");
        reply_bulk(c, name);
        field_int(c, "seen-time", who.seen_ms);
        field_int(c, "active-time", who.active_ms);
        field_int(c, "pel-count", (int64_t)pending);
        reply_pending(c, rec, g, who.no, count);
        n++;
    }
    end_array(c, token, n, st, &err);
}

static void reply_full_groups(struct call *c, struct kv_rec *rec, uint64_t count)
{
    struct kv_stream_walk w;
    struct error err;
    size_t token, n = 0;
    enum status st;
    reply_str(c, "groups");
    token = reply_begin(c);
    st = kv_stream_walk_groups(rec, &w, &err);
    while (st == ST_OK) {
        struct kv_stream_group g;
        struct slice name;
        uint64_t pending = 0;
        bool found;
        st = kv_stream_next_group(&w, &found, &name, &g, &err);
        if (st != ST_OK || !found)
            break;
        st = kv_stream_pendings(rec, &g, 0, &pending, &err);
        if (st != ST_OK)
            break;
        reply_map(c, 7);
        reply_str(c, "name");
        reply_bulk(c, name);
        reply_progress(c, rec, &g);
        field_int(c, "pel-count", (int64_t)pending);
        reply_pending(c, rec, &g, 0, count);
        reply_full_consumers(c, rec, &g, count);
        n++;
    }
    end_array(c, token, n, st, &err);
}

/* -- XINFO STREAM ---------------------------------------------------------------------------------------------------------- */

/* The first or the last entry. */
static void field_edge(struct call *c, const char *name, struct kv_rec *rec, bool last)
{
    reply_str(c, name);
    if (!stream__reply_entries(c, rec, KV_STREAM_ID_MIN, KV_STREAM_ID_MAX, last, 1))
        reply_null(c);
}

static bool full_options(struct call *c, bool *full, uint64_t *count)
{
    int64_t n = 10;
    *full = c->argc > 3;
    if (*full && ((c->argc != 4 && c->argc != 6) || !call_arg_is(c, 3, "full") ||
                  (c->argc == 6 && !call_arg_is(c, 4, "count")))) {
        reply_unknown_sub(c);
        return false;
    }
    if (c->argc == 6 && !call_arg_int(c, 5, &n, NULL))
        return false;
    *count = n < 0 ? 10 : (uint64_t)n;
    return true;
}

void cmd_xinfo_stream(struct call *c)
{
    struct kv_stream_info s;
    struct kv_rec *rec;
    struct error err;
    uint64_t count, nodes, groups;
    bool full;
    enum status st;
    if (!lookup(c, &rec) || !full_options(c, &full, &count))
        return;
    kv_stream_info(rec, &s);
    st = kv_stream_nodes(rec, &nodes, &err);
    if (st == ST_OK)
        st = kv_stream_groups(rec, &groups, &err);
    if (st != ST_OK) {
        stream__failed(c, st, &err);
        return;
    }
    reply_map(c, full ? 9 : 10);
    field_int(c, "length", (int64_t)s.length);
    field_int(c, "radix-tree-keys", (int64_t)nodes);
    field_int(c, "radix-tree-nodes", (int64_t)s.tree_nodes);
    field_id(c, "last-generated-id", s.last);
    field_id(c, "max-deleted-entry-id", s.max_gone);
    field_int(c, "entries-added", (int64_t)s.added);
    field_id(c, "recorded-first-entry-id", s.first);
    if (full) {
        reply_str(c, "entries");
        stream__reply_range(c, rec, KV_STREAM_ID_MIN, KV_STREAM_ID_MAX, false, count);
        reply_full_groups(c, rec, count);
        return;
    }
    field_int(c, "groups", (int64_t)groups);
    field_edge(c, "first-entry", rec, false);
    field_edge(c, "last-entry", rec, true);
}

/* -- XINFO GROUPS, CONSUMERS, HELP ----------------------------------------------------------------------------------------- */

void cmd_xinfo_groups(struct call *c)
{
    struct kv_stream_walk w;
    struct kv_rec *rec;
    struct error err;
    size_t token, n = 0;
    enum status st;
    if (!lookup(c, &rec))
        return;
    token = reply_begin(c);
    st = kv_stream_walk_groups(rec, &w, &err);
    while (st == ST_OK) {
        struct kv_stream_group g;
        struct slice name;
        uint64_t consumers = 0, pending = 0;
        bool found;
        st = kv_stream_next_group(&w, &found, &name, &g, &err);
        if (st != ST_OK || !found)
            break;
        st = kv_stream_consumers(rec, &g, &consumers, &err);
        if (st == ST_OK)
            st = kv_stream_pendings(rec, &g, 0, &pending, &err);
        if (st != ST_OK)
            break;
        reply_map(c, 6);
        reply_str(c, "name");
        reply_bulk(c, name);
        field_int(c, "consumers", (int64_t)consumers);
        field_int(c, "pending", (int64_t)pending);
        reply_progress(c, rec, &g);
        n++;
    }
    end_array(c, token, n, st, &err);
}

static void reply_consumer(struct call *c, struct slice name, const struct kv_stream_consumer *who,
                           uint64_t pending)
{
    int64_t now = clock_cached_ms(), idle = now - who->seen_ms;
    reply_map(c, 4);
    reply_str(c, "name");
    reply_bulk(c, name);
    field_int(c, "pending", (int64_t)pending);
    field_int(c, "idle", idle < 0 ? 0 : idle);
    field_int(c, "inactive",
              who->active_ms == KV_STREAM_UNKNOWN ? KV_STREAM_UNKNOWN : now - who->active_ms);
}

static void reply_consumers(struct call *c, const struct stream_group *g)
{
    struct kv_stream_walk w;
    struct error err;
    size_t token = reply_begin(c), n = 0;
    enum status st = kv_stream_walk_consumers(g->rec, &g->g, &w, &err);
    while (st == ST_OK) {
        struct kv_stream_consumer who;
        struct slice name;
        uint64_t pending = 0;
        bool found;
        st = kv_stream_next_consumer(&w, &found, &name, &who, &err);
        if (st != ST_OK || !found)
            break;
        st = kv_stream_pendings(g->rec, &g->g, who.no, &pending, &err);
        if (st != ST_OK)
            break;
        reply_consumer(c, name, &who, pending);
        n++;
    }
    end_array(c, token, n, st, &err);
}

void cmd_xinfo_consumers(struct call *c)
{
    struct stream_group g = {.c = c, .key = c->argv[2], .name = c->argv[3]};
    struct error err;
    bool found;
    enum status st;
    if (!lookup(c, &g.rec))
        return;
    st = kv_stream_group(g.rec, g.name, &found, &g.g, &err);
    if (st != ST_OK)
        stream__failed(c, st, &err);
    else if (!found)
        reply_errorf(c, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                     SLICE_FMT(g.name), SLICE_FMT(g.key));
    else
        reply_consumers(c, &g);
}

void cmd_xinfo_help(struct call *c)
{
    static const char *const lines[] = {
        "CONSUMERS <key> <groupname>",
        "    The consumers of a group.",
        "GROUPS <key>",
        "    The groups of a stream.",
        "STREAM <key> [FULL [COUNT <n>]]",
        "    The numbers of a stream; FULL: its entries, groups, consumers and pending entries.",
        NULL,
    };
    reply_help(c, lines);
}
