/* XGROUP and XACK. */
#include "base/clock.h"
#include "commands/stream/stream_commands.h"
#include "commands/stream/stream_priv.h"
#include "session/reply.h"

/* The changes of one subcommand are done: notifies event and counts one change. */
static void changed(struct call *c, const char *event)
{
    kv_notify(c->kv, NOTIFY_STREAM, event, c->db, c->argv[2]);
    call_changed(c, 1);
}

/* Options behind the ID of CREATE and SETID. */
static bool parse_options(struct call *c, bool create, bool *make, int64_t *entries_read)
{
    *make = false;
    *entries_read = KV_STREAM_UNKNOWN;
    for (int i = 5; i < c->argc; i++) {
        if (create && call_arg_is(c, i, "mkstream")) {
            *make = true;
        } else if (call_arg_is(c, i, "entriesread") && i + 1 < c->argc) {
            if (!call_arg_int(c, ++i, entries_read, NULL))
                return false;
            if (*entries_read < 0 && *entries_read != KV_STREAM_UNKNOWN) {
                reply_error(c, "ERR value for ENTRIESREAD must be positive or -1");
                return false;
            }
        } else {
            reply_unknown_sub(c);
            return false;
        }
    }
    return true;
}

/* Looks the stream of argument 2 up; it has to be there unless it may be made. */
static bool lookup_stream(struct call *c, bool may_make, struct kv_rec **rec)
{
    if (!call_lookup_type(c, c->argv[2], KV_WRITE, KV_STREAM, rec))
        return false;
    if (*rec || may_make)
        return true;
    reply_error(c, "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you "
                   "may want to use the MKSTREAM option to create an empty stream automatically.");
    return false;
}

/* Looks the stream and the group of argument 3 up; both have to be there. */
static bool lookup_group(struct call *c, struct stream_group *g)
{
    struct error err;
    bool found;
    enum status st;
    *g = (struct stream_group){.c = c, .key = c->argv[2], .name = c->argv[3]};
    if (!lookup_stream(c, false, &g->rec))
        return false;
    st = kv_stream_group(g->rec, g->name, &found, &g->g, &err);
    if (st != ST_OK)
        return stream__failed(c, st, &err);
    if (!found)
        reply_errorf(c, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                     SLICE_FMT(g->name), SLICE_FMT(g->key));
    return found;
}

/* Argument 4 as an ID; "$": the stream's last one. */
static bool group_id(struct call *c, const struct kv_rec *rec, bool edges, struct kv_stream_id *id)
{
    struct kv_stream_info s = {0};
    if (c->argv[4].n == 1 && c->argv[4].p[0] == '$') {
        if (rec)
            kv_stream_info(rec, &s);
        *id = s.last;
        return true;
    }
    if (stream__id_parse(c->argv[4], 0, edges, id, NULL))
        return true;
    stream__bad_id(c);
    return false;
}

void cmd_xgroup_create(struct call *c)
{
    struct kv_stream_group g;
    struct kv_stream_id id;
    struct kv_rec *rec;
    struct error err;
    int64_t entries_read;
    bool make, made, added = false;
    enum status st = ST_OK;
    if (!parse_options(c, true, &make, &entries_read) || !lookup_stream(c, make, &rec))
        return;
    if (c->argc > 8) {
        reply_unknown_sub(c);
        return;
    }
    if (!group_id(c, rec, false, &id))
        return;
    made = !rec;
    if (made)
        st = kv_stream_make(c->kv, c->db, c->argv[2], &rec, &err);
    else
        kv_edit(c->kv, rec);
    if (st == ST_OK) {
        st = kv_stream_group_add(rec, c->argv[3], id, entries_read, &added, &g, &err);
        kv_edit_end(c->kv, rec, made); /* watchers are told of the stream, not of its groups */
        if (st != ST_OK && made)
            kv_del(c->kv, rec);
    }
    if (st != ST_OK) {
        stream__failed(c, st, &err);
    } else if (!added) {
        reply_error(c, "BUSYGROUP Consumer Group name already exists");
    } else {
        reply_ok(c);
        changed(c, "xgroup-create");
    }
}

void cmd_xgroup_setid(struct call *c)
{
    struct stream_group g;
    struct error err;
    int64_t entries_read;
    bool make;
    enum status st;
    if (!parse_options(c, false, &make, &entries_read) || !lookup_group(c, &g))
        return;
    if (c->argc > 7) {
        reply_unknown_sub(c);
        return;
    }
    if (!group_id(c, g.rec, true, &g.g.last))
        return;
    g.g.entries_read = entries_read;
    kv_edit(c->kv, g.rec);
    st = kv_stream_group_set(g.rec, g.name, &g.g, &err);
    kv_edit_end(c->kv, g.rec, 0);
    if (st != ST_OK) {
        stream__failed(c, st, &err);
        return;
    }
    reply_ok(c);
    changed(c, "xgroup-setid");
}

void cmd_xgroup_destroy(struct call *c)
{
    struct kv_rec *rec;
    struct error err;
    bool found = false;
    enum status st;
    if (!lookup_stream(c, false, &rec))
        return;
    kv_edit(c->kv, rec);
    st = kv_stream_group_del(rec, c->argv[3], &found, &err);
    kv_edit_end(c->kv, rec, found);
    if (st != ST_OK)
        stream__failed(c, st, &err);
    else
        reply_int(c, found);
    if (st == ST_OK && found)
        changed(c, "xgroup-destroy");
}

void cmd_xgroup_createconsumer(struct call *c)
{
    struct kv_stream_consumer who;
    struct stream_group g;
    struct error err;
    bool found;
    enum status st;
    if (!lookup_group(c, &g))
        return;
    st = kv_stream_consumer(g.rec, &g.g, c->argv[4], &found, &who, &err);
    if (st == ST_OK && !found) {
        who = (struct kv_stream_consumer){.seen_ms = clock_cached_ms(),
                                          .active_ms = KV_STREAM_UNKNOWN};
        kv_edit(c->kv, g.rec);
        st = kv_stream_consumer_add(g.rec, &g.g, c->argv[4], &who, &err);
        kv_edit_end(c->kv, g.rec, 0);
    }
    if (st != ST_OK) {
        stream__failed(c, st, &err);
        return;
    }
    reply_int(c, !found);
    if (!found)
        changed(c, "xgroup-createconsumer");
}

void cmd_xgroup_delconsumer(struct call *c)
{
    struct stream_group g;
    struct error err;
    uint64_t pending;
    bool found;
    enum status st;
    if (!lookup_group(c, &g))
        return;
    kv_edit(c->kv, g.rec);
    st = kv_stream_consumer_del(g.rec, &g.g, c->argv[4], &found, &pending, &err);
    kv_edit_end(c->kv, g.rec, 0);
    if (st != ST_OK) {
        stream__failed(c, st, &err);
        return;
    }
    reply_int(c, (int64_t)pending);
    if (found)
        changed(c, "xgroup-delconsumer");
}

void cmd_xgroup_help(struct call *c)
{
    static const char *const lines[] = {
        "CREATE <key> <groupname> <id|$> [MKSTREAM] [ENTRIESREAD <n>]",
        "    Make a group that reads what stands behind the ID ($: what comes from now on).",
        "    MKSTREAM makes the stream too; ENTRIESREAD says how many entries were read.",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Make a consumer in the group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Delete a consumer and what is pending for it.",
        "DESTROY <key> <groupname>",
        "    Delete a group with all that is in it.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD <n>]",
        "    Let the group go on behind another ID.",
        NULL,
    };
    reply_help(c, lines);
}

void cmd_xack(struct call *c)
{
    struct kv_stream_id *ids;
    struct stream_group g;
    struct error err;
    uint64_t n = 0;
    bool found;
    enum status st = ST_OK;
    if (!stream__group(c, c->argv[1], c->argv[2], &g, &found))
        return;
    if (!found) {
        reply_int(c, 0);
        return;
    }
    ids = stream__id_args(c, 3, c->argc);
    if (!ids)
        return;
    kv_edit(c->kv, g.rec);
    for (int i = 0; i < c->argc - 3 && st == ST_OK; i++) {
        bool pending = false;
        st = kv_stream_pending_del(g.rec, &g.g, ids[i], &pending, &err);
        n += pending;
    }
    kv_edit_end(c->kv, g.rec, 0);
    call_changed(c, n);
    if (st != ST_OK)
        stream__failed(c, st, &err);
    else
        reply_int(c, (int64_t)n);
}
