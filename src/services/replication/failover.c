/* FAILOVER: the master hands its role to a replica, and nothing is lost between the two.
 *
 *   NONE --FAILOVER--> WAITS --a replica has everything, or FORCE's time is over--> PROGRESS --it goes on with our stream--> NONE
 *                        |                                                             |
 *                        +--time is over, ABORT--> NONE, still a master                +--it refuses, ABORT--> NONE, a master again
 *
 * Writes are held back until the end. In PROGRESS we are a replica already, and "PSYNC id offset FAILOVER" makes the other one a
 * master: there is never more than one. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "services/replication/replica_priv.h"
#include "services/replication/replication_commands.h"
#include "session/block.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct {
    enum { FAILOVER_NONE, FAILOVER_WAITS, FAILOVER_PROGRESS } state;
    char *host; /* NULL: any */
    int port;
    bool force;
    int64_t until_ms; /* steady clock; 0: for ever */
} failover;

const char *failover__word(void)
{
    switch (failover.state) {
    case FAILOVER_WAITS:
        return "waiting-for-sync";
    case FAILOVER_PROGRESS:
        return "failover-in-progress";
    case FAILOVER_NONE:
        break;
    }
    return "no-failover";
}

bool failover__on(void)
{
    return failover.state != FAILOVER_NONE;
}

bool failover__hands_over(void)
{
    return failover.state == FAILOVER_PROGRESS;
}

void failover__done(void)
{
    mem_free(failover.host);
    memset(&failover, 0, sizeof failover);
    pause_end(PAUSE_BY_FAILOVER);
}

void failover__abort(const char *why)
{
    struct error err = {.message = ""};
    bool master = failover.state == FAILOVER_WAITS;
    log_notice(LOG_SERVER, "FAILOVER to %s:%d aborted: %s",
               failover.host ? failover.host : "any replica", failover.port, why);
    failover__done();
    if (!master && replica__promote(&err) != ST_OK)
        log_warning(LOG_SERVER, "This is a replica still: %s", err.message);
}

static void set_target(const char *host, int port)
{
    failover.host = mem_strdup(host);
    failover.port = port;
}

static bool caught_up(const struct repl_client *r)
{
    return r->state == REPL_ONLINE && r->acked == repl.offset;
}

static struct repl_client *find(const char *host, int port)
{
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        char ip[128];
        repl__address(r, ip, sizeof ip);
        if (r->port == port && strcasecmp(ip, host) == 0)
            return r;
    }
    return NULL;
}

/* The replica that may take over now; NULL: none yet. */
static struct repl_client *successor(void)
{
    if (failover.host) {
        struct repl_client *r = find(failover.host, failover.port);
        return r && caught_up(r) ? r : NULL;
    }
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (caught_up(r))
            return r;
    }
    return NULL;
}

static void hand_over(void)
{
    struct error err = {.message = ""};
    failover.state = FAILOVER_PROGRESS;
    if (replica__follow(slice_str(failover.host), failover.port, &err) == ST_OK)
        return;
    failover.state = FAILOVER_WAITS;
    failover__abort(err.message);
}

void failover__check(void)
{
    if (failover.state != FAILOVER_WAITS || kv_tick_bytes(lifecycle.kv) > 0)
        return;
    if (failover.until_ms && clock_steady_ms() >= failover.until_ms) {
        if (!failover.force) {
            failover__abort("Replica never caught up before timeout");
            return;
        }
        log_notice(LOG_SERVER, "FAILOVER to %s:%d time out exceeded, failing over.", failover.host,
                   failover.port);
        hand_over();
        return;
    }
    const struct repl_client *r = successor();
    if (!r)
        return;
    if (!failover.host) {
        char ip[128];
        repl__address(r, ip, sizeof ip);
        set_target(ip, r->port);
    }
    log_notice(LOG_SERVER, "Failover target %s:%d is synced, failing over.", failover.host,
               failover.port);
    hand_over();
}

struct failover_args {
    struct slice host; /* p NULL: none */
    int64_t port, timeout_ms;
    bool force;
};

/* False: answered. */
static bool parse(struct call *c, struct failover_args *a)
{
    for (int i = 1; i < c->argc; i++) {
        if (call_arg_is(c, i, "timeout") && i + 1 < c->argc && !a->timeout_ms) {
            if (!call_arg_int(c, ++i, &a->timeout_ms, NULL))
                return false;
            if (a->timeout_ms <= 0) {
                reply_error(c, "ERR FAILOVER timeout must be greater than 0");
                return false;
            }
        } else if (call_arg_is(c, i, "to") && i + 2 < c->argc && !a->host.p) {
            if (!call_arg_int(c, i + 2, &a->port, NULL))
                return false;
            a->host = c->argv[i + 1];
            i += 2;
        } else if (call_arg_is(c, i, "force") && !a->force) {
            a->force = true;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    return true;
}

/* NULL: it may begin. */
static const char *refusal(const struct failover_args *a)
{
    if (failover__on())
        return "ERR FAILOVER already in progress.";
    if (lifecycle.following)
        return "ERR FAILOVER is not valid when server is a replica.";
    if (list_empty(&repl.clients))
        return "ERR FAILOVER requires connected replicas.";
    if (a->force && (!a->timeout_ms || !a->host.p))
        return "ERR FAILOVER with force option requires both a timeout and target HOST and IP.";
    return NULL;
}

static void abort_by_hand(struct call *c)
{
    if (!failover__on()) {
        reply_error(c, "ERR No failover in progress.");
        return;
    }
    failover__abort("Failover manually aborted");
    reply_ok(c);
}

void cmd_failover(struct call *c)
{
    struct failover_args a = {.host = SLICE_NULL};
    char host[256] = "";
    if (c->argc == 2 && call_arg_is(c, 1, "abort")) {
        abort_by_hand(c);
        return;
    }
    if (!parse(c, &a))
        return;
    const char *why = refusal(&a);
    if (!why && a.host.p) {
        snprintf(host, sizeof host, "%.*s", SLICE_FMT(a.host));
        const struct repl_client *r = find(host, (int)a.port);
        if (!r)
            why = "ERR FAILOVER target HOST and PORT is not a replica.";
        else if (r->state != REPL_ONLINE)
            why = "ERR FAILOVER target replica is not online.";
    }
    if (why) {
        reply_error(c, why);
        return;
    }
    if (a.host.p)
        set_target(host, (int)a.port);
    failover.force = a.force;
    failover.until_ms = a.timeout_ms ? clock_steady_ms() + a.timeout_ms : 0;
    failover.state = FAILOVER_WAITS;
    pause_set(PAUSE_BY_FAILOVER, PAUSE_WRITE, INT64_MAX);
    log_notice(LOG_SERVER, "FAILOVER requested to %s:%d.",
               failover.host ? failover.host : "any replica", failover.port);
    reply_ok(c);
}
