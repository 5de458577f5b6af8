/* SYNC, PSYNC and REPLCONF. */
#include "base/clock.h"
#include "base/num.h"
#include "config/compat_options.h"
#include "event/loop.h"
#include "services/replication/replication_commands.h"
#include "services/replication/replication_priv.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#include <stdio.h>

static void on_tick(void *arg)
{
    if (!list_empty(&repl.clients) && repl__dump_step())
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

static struct repl_client *become_replica(struct call *c, bool psync)
{
    struct repl_client *r;
    if (c->s->flags & SESS_REPLICA)
        return NULL;
    if (lifecycle.following && !lifecycle.master_up) {
        reply_error(c, "NOMASTERLINK Can't SYNC while not connected with my master");
        return NULL;
    }
    if (list_empty(&repl.clients))
        repl.pinged_ms = clock_mono_us() / 1000;
    r = repl__client(c->s);
    r->psync = psync;
    r->state = REPL_WAITS;
    r->acked_s = clock_wall_ms() / 1000;
    c->s->flags |= SESS_REPLICA;
    list_push(&repl.clients, &r->link);
    attach_to_ticks();
    loop_wake(lifecycle.loop);
    return r;
}

void cmd_sync(struct call *c)
{
    (void)become_replica(c, false);
}

void cmd_psync(struct call *c)
{
    int64_t offset;
    if (!call_arg_int(c, 2, &offset, NULL))
        return;
    struct repl_client *r = become_replica(c, true);
    /* Effects of this tick are not in the stream yet: they come to it like to all others. */
    if (r && !repl__continue(r, c->argv[1], offset) && !slice_is(c->argv[1], "?"))
        repl_partial_err++;
}

void cmd_replicaof(struct call *c)
{
    int64_t port;
    if (call_arg_is(c, 1, "no") && call_arg_is(c, 2, "one")) {
        repl__follow_nobody();
        compat_replicaof[0] = 0;
        reply_ok(c);
        return;
    }
    if (c->s->flags & SESS_REPLICA) {
        reply_error(c, "ERR Command is not valid when client is a replica.");
        return;
    }
    if (!call_arg_range(c, 2, 0, 65535, &port, "Invalid master port"))
        return;
    if (repl__follows(c->argv[1], (int)port)) {
        reply_status(c, "OK Already connected to specified master");
        return;
    }
    repl__follow(c->argv[1], (int)port);
    snprintf(compat_replicaof, sizeof compat_replicaof, "%.*s %d", SLICE_FMT(c->argv[1]),
             (int)port);
    reply_ok(c);
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
    r->acked_s = clock_wall_ms() / 1000;
    repl__count_good();
}

void cmd_replconf(struct call *c)
{
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
            return; /* a question of masters to replicas */
        } else if (!call_arg_is(c, i, "capa")) {
            reply_errorf(c, "ERR Unrecognized REPLCONF option: %.*s", SLICE_FMT(c->argv[i]));
            return;
        }
        if (!ok)
            return;
    }
    reply_ok(c);
}
