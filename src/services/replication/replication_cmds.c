/* SYNC, PSYNC and REPLCONF. */
#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "event/loop.h"
#include "rdb/rdb_format.h"
#include "services/replication/replica_priv.h"
#include "services/replication/replication_commands.h"
#include "services/replication/replication_priv.h"
#include "session/lifecycle.h"
#include "session/reply.h"
#include "session/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void on_tick(void *arg)
{
    if (repl__dump_step())
        loop_wake(lifecycle.loop);
}

/* Until somebody asks for a dump ticks pay nothing for it. */
static void attach_to_ticks(void)
{
    static bool attached;
    if (!attached)
        loop_on_tick(lifecycle.loop, LOOP_PRIO_BACKGROUND, on_tick, NULL);
    attached = true;
}

/* False: answered, or it is one already. */
static bool may_follow(struct call *c)
{
    if (c->s->flags & SESS_REPLICA)
        return false;
    if (failover__on()) {
        reply_error(c, "NOMASTERLINK Can't SYNC while failing over");
        return false;
    }
    if (lifecycle.following && !lifecycle.master_up) {
        reply_error(c, "NOMASTERLINK Can't SYNC while not connected with my master");
        return false;
    }
    return true;
}

static struct repl_client *add(struct call *c, bool psync, enum repl_state state)
{
    struct repl_client *r = repl__client(c->s);
    if (list_empty(&repl.clients))
        repl.pinged_ms = clock_mono_us() / 1000;
    r->psync = psync;
    r->state = state;
    r->acked_s = clock_wall_ms() / 1000;
    r->moved_ms = clock_mono_us() / 1000;
    c->s->flags |= SESS_REPLICA;
    c->s->ops->set_reply(c->s, false);
    list_push(&repl.clients, &r->link);
    lifecycle.replicas++;
    return r;
}

static void begin_with_dump(struct call *c, bool psync)
{
    char ip[128];
    struct repl_client *r = add(c, psync, REPL_WAITS);
    repl__address(r, ip, sizeof ip);
    log_notice(LOG_SERVER, "Replica %s:%d asks for synchronization", ip, r->port);
    sess_stats.sync_full++;
    attach_to_ticks();
    loop_wake(lifecycle.loop);
}

void cmd_sync(struct call *c)
{
    if (may_follow(c))
        begin_with_dump(c, false);
}

/* True: the stream id is ours up to byte from. */
static bool knows(struct slice id, int64_t from)
{
    if (slice_is(id, repl.id))
        return true;
    return slice_is(id, repl.former_id) && from <= repl.former_end;
}

/* True: it goes on from where it was. */
static bool go_on(struct call *c, int64_t from)
{
    char text[64], ip[128];
    struct slice id = c->argv[1];
    if (!knows(id, from)) {
        if (!slice_is(id, "?"))
            log_notice(LOG_SERVER,
                       "Partial resynchronization not accepted: Replication ID mismatch (Replica "
                       "asked for '%.*s', my replication IDs are '%s' and '%s')",
                       SLICE_FMT(id), repl.id, repl.former_id);
        return false;
    }
    struct repl_place place = {.block = NULL};
    if (from < 1 || !repl__place_find(&place, (uint64_t)from - 1)) {
        log_notice(LOG_SERVER,
                   "Unable to partial resync with replica for lack of backlog (Replica request "
                   "was: %" PRId64 ").",
                   from);
        return false;
    }
    struct repl_client *r = add(c, true, REPL_WAITS);
    r->place = place;
    int n = r->psync2 ? snprintf(text, sizeof text, "+CONTINUE %s\r\n", repl.id)
                      : snprintf(text, sizeof text, "+CONTINUE\r\n");
    repl__address(r, ip, sizeof ip);
    log_notice(LOG_SERVER,
               "Partial resynchronization request from %s:%d accepted. Sending %" PRIu64
               " bytes of backlog starting from offset %" PRId64 ".",
               ip, r->port, repl.offset + 1 - (uint64_t)from, from);
    repl__send(r, slice_make(text, (size_t)n));
    repl__online(r);
    sess_stats.sync_partial_ok++;
    return true;
}

/* PSYNC ... FAILOVER: our master follows us from now on. False: answered. */
static bool take_over(struct call *c)
{
    struct error err = {.message = ""};
    if (!lifecycle.following) {
        reply_error(c, "ERR PSYNC FAILOVER can't be sent to a master.");
        return false;
    }
    if (!repl.known || !slice_is(c->argv[1], repl.id)) {
        reply_error(c, "ERR PSYNC FAILOVER replid must match my replid.");
        return false;
    }
    if (replica__promote(&err) != ST_OK) {
        reply_errorf(c, "MISCONF Errors writing to the AOF file: %s", err.message);
        return false;
    }
    log_notice(LOG_SERVER, "The master hands over: this is the master now");
    return true;
}

void cmd_psync(struct call *c)
{
    int64_t from;
    if (!call_arg_int(c, 2, &from, NULL)) {
        char ip[128];
        struct repl_client *r = repl__client(c->s);
        repl__address(r, ip, sizeof ip);
        log_warning(LOG_SERVER, "Replica %s:%d asks for synchronization but with a wrong offset",
                    ip, r->port);
        return;
    }
    if (c->argc > 3 && call_arg_is(c, 3, "failover") && !take_over(c))
        return;
    if (!may_follow(c) || go_on(c, from))
        return;
    if (!slice_is(c->argv[1], "?"))
        sess_stats.sync_partial_err++;
    begin_with_dump(c, true);
}

static bool set_port(struct call *c, struct repl_client *r, int i)
{
    int64_t port;
    if (!call_arg_int(c, i, &port, NULL))
        return false;
    r->port = (int)port;
    return true;
}

static bool set_address(struct call *c, struct repl_client *r, int i)
{
    struct slice ip = c->argv[i];
    if (ip.n >= sizeof r->ip) {
        reply_errorf(
            c, "ERR REPLCONF ip-address provided by replica instance is too long: %zu bytes", ip.n);
        return false;
    }
    snprintf(r->ip, sizeof r->ip, "%.*s", SLICE_FMT(ip));
    return true;
}

/* "rdb-N": it reads dumps up to that format. What else it can do is not for us. */
static void note_dump_version(struct repl_client *r, struct slice capa)
{
    uint64_t version;
    if (capa.n > 4 && memcmp(capa.p, "rdb-", 4) == 0 &&
        num_parse_uint(slice_make(capa.p + 4, capa.n - 4), &version))
        r->dump_version = version > RDB_VERSION ? RDB_VERSION : (unsigned)version;
}

static bool set_dump_only(struct call *c, struct repl_client *r, int i)
{
    int64_t on;
    if (!call_arg_range(c, i, 0, 1, &on, NULL))
        return false;
    r->dump_only = on != 0;
    return true;
}

/* Which parts of a dump are wanted: words divided by spaces, of which there is one. */
static bool set_filter(struct call *c, struct repl_client *r, int i)
{
    struct slice wanted = c->argv[i];
    if (!slice_is(wanted, "functions") && wanted.n > 0) {
        reply_errorf(c, "ERR Unsupported rdb-filter-only option: %.*s", SLICE_FMT(wanted));
        return false;
    }
    r->functions_only = true;
    return true;
}

/* How far the replica is; nothing is answered. */
static void acknowledge(struct call *c, struct repl_client *r, int i)
{
    int64_t offset;
    if (!(c->s->flags & SESS_REPLICA) || !num_parse_int(c->argv[i], &offset) || offset < 0)
        return;
    if ((uint64_t)offset > r->acked)
        r->acked = (uint64_t)offset;
    int64_t synced;
    if (c->argc > i + 2 && call_arg_is(c, i + 1, "fack") &&
        num_parse_int(c->argv[i + 2], &synced) && synced > r->synced)
        r->synced = synced;
    r->acked_s = clock_wall_ms() / 1000;
    if (r->state == REPL_LOADS) {
        log_notice(LOG_SERVER, "A replica has loaded its dump, the stream begins");
        repl__online(r);
    }
    repl__count_good();
}

void cmd_replconf(struct call *c)
{
    if (c->s->flags & SESS_LOADING_LOG) {
        replica__replay_position(c);
        return;
    }
    if (c->argc % 2 == 0) {
        reply_syntax_error(c);
        return;
    }
    struct repl_client *r = repl__client(c->s);
    for (int i = 1; i < c->argc; i += 2) {
        bool ok = true;
        if (call_arg_is(c, i, "listening-port")) {
            ok = set_port(c, r, i + 1);
        } else if (call_arg_is(c, i, "ip-address")) {
            ok = set_address(c, r, i + 1);
        } else if (call_arg_is(c, i, "rdb-only")) {
            ok = set_dump_only(c, r, i + 1);
        } else if (call_arg_is(c, i, "rdb-filter-only")) {
            ok = set_filter(c, r, i + 1);
        } else if (call_arg_is(c, i, "ack")) {
            acknowledge(c, r, i + 1);
            return;
        } else if (call_arg_is(c, i, "getack")) {
            repl_link.want_ack |= (c->s->flags & SESS_MASTER) != 0;
            return;
        } else if (call_arg_is(c, i, "capa")) {
            r->psync2 |= call_arg_is(c, i + 1, "psync2");
            r->eof |= call_arg_is(c, i + 1, "eof");
            note_dump_version(r, c->argv[i + 1]);
        } else {
            reply_errorf(c, "ERR Unrecognized REPLCONF option: %.*s", SLICE_FMT(c->argv[i]));
            return;
        }
        if (!ok)
            return;
    }
    reply_ok(c);
}
