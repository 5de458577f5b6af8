/* Master or replica: REPLICAOF, the start as one or the other, INFO and ROLE of a replica. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/compat_options.h"
#include "event/loop.h"
#include "services/replication/replica_priv.h"
#include "services/replication/replication.h"
#include "services/replication/replication_commands.h"
#include "session/block.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RETRY_MS 1000
#define HOST_MAX 255 /* of a name */

struct link repl_link = {.dump = {.fd = -1}};

static int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

/* -- REPLICAOF ----------------------------------------------------------------------------------------------------------- */

static void set_master(struct slice host, int port)
{
    mem_free(repl_link.host);
    repl_link.host = mem_strndup(host.p, host.n);
    repl_link.port = port;
    repl_link.state = LINK_WAITS;
    lifecycle.following = true;
    kv_follow(lifecycle.kv, true);
    snprintf(compat_replicaof, sizeof compat_replicaof, "%s %d", repl_link.host, port);
    log_set_role('S');
    hook_run(HOOK_ROLE, NULL);
}

static void answer_unblocked(struct call *c, void *state, void *arg)
{
    reply_error(c, "UNBLOCKED force unblock from blocking operation, instance state changed "
                   "(master -> replica?)");
}

/* Whoever waits for a write would wait for one that only the master can make. */
static void unblock_all(void)
{
    LIST_EACH_SAFE(it, tmp, session_list())
    {
        struct session *s = LIST_ENTRY(it, struct session, link);
        if (!(s->flags & SESS_BLOCKED))
            continue;
        block_wake(s, answer_unblocked, NULL);
        session_close(s, SESS_CLOSE_AFTER_REPLY);
    }
}

/* The tick's effects so far belong to the role we had. Within a transaction they cannot be parted from what follows: then the
 * stream goes on with another name, and nobody can continue the former one. */
static enum status settle(bool in_exec, struct error *err)
{
    bool known = repl.known && !in_exec;
    if (lifecycle.following)
        replica__forget_position();
    repl.known = known;
    return in_exec ? ST_OK : kv_commit(lifecycle.kv, err);
}

/* The same for a command. False: answered. */
static bool settle_for(struct call *c)
{
    struct error err = {.message = ""};
    enum status st = settle(c->in_exec, &err);
    if (st != ST_OK)
        reply_errorf(c, "MISCONF Errors writing to the AOF file: %s", err.message);
    return st == ST_OK;
}

static void become_master(void)
{
    log_notice(LOG_SERVER, "MASTER MODE enabled");
    replica__drop(NULL);
    mem_free(repl_link.host);
    repl_link.host = NULL;
    repl_link.state = LINK_NONE;
    compat_replicaof[0] = 0;
    lifecycle.following = false;
    kv_follow(lifecycle.kv, false);
    repl__disconnect_all();
    repl__new_id(repl.known);
    if (!repl.known)
        repl__backlog_drop();
    repl.known = true;
    repl.alone_ms = now_ms();
    repl__update_stream();
    log_set_role('M');
    hook_run(HOOK_ROLE, NULL);
}

static void become_replica(struct slice host, int port)
{
    bool was_master = !lifecycle.following;
    replica__drop(NULL);
    set_master(host, port);
    if (was_master) {
        unblock_all();
        repl_link.db = 0;
        repl_link.down_ms = now_ms();
    }
    repl__update_stream();
    log_notice(LOG_SERVER, "REPLICAOF %s:%d enabled", repl_link.host, repl_link.port);
    replica__connect();
}

enum status replica__promote(struct error *err)
{
    enum status st = settle(false, err);
    if (st == ST_OK)
        become_master();
    return st;
}

enum status replica__follow(struct slice host, int port, struct error *err)
{
    enum status st = settle(false, err);
    if (st == ST_OK)
        become_replica(host, port);
    return st;
}

void cmd_replicaof(struct call *c)
{
    int64_t port;
    if (failover__on()) {
        reply_error(c, "ERR REPLICAOF not allowed while failing over.");
        return;
    }
    if (call_arg_is(c, 1, "no") && call_arg_is(c, 2, "one")) {
        if (lifecycle.following) {
            if (!settle_for(c))
                return;
            become_master();
        }
        reply_ok(c);
        return;
    }
    if (c->s->flags & SESS_REPLICA) {
        reply_error(c, "ERR Command is not valid when client is a replica.");
        return;
    }
    if (!call_arg_range(c, 2, 0, 65535, &port, "Invalid master port"))
        return;
    if (c->argv[1].n > HOST_MAX) {
        reply_errorf(c, "ERR The name of the master is longer than %d bytes", HOST_MAX);
        return;
    }
    if (repl_link.host && slice_is(c->argv[1], repl_link.host) && repl_link.port == port) {
        reply_status(c, "OK Already connected to specified master");
        return;
    }
    if (!settle_for(c))
        return;
    become_replica(c->argv[1], (int)port);
    reply_ok(c);
}

/* -- Time ---------------------------------------------------------------------------------------------------------------- */

static void check_timeout(int64_t now)
{
    if (now - repl_link.io_ms < compat_opts.repl_timeout * 1000)
        return;
    if (repl_link.state == LINK_RESOLVES || repl_link.state == LINK_CONNECTS ||
        (repl_link.state >= LINK_PING && repl_link.state <= LINK_PSYNC))
        replica__drop("Timeout connecting to the MASTER...");
    else if (repl_link.state == LINK_DUMP)
        replica__drop("Timeout receiving bulk data from MASTER... If the problem persists try to "
                      "set the 'repl-timeout' parameter in redis.conf to a larger value.");
    else if (repl_link.state == LINK_UP)
        replica__drop("MASTER timeout: no data nor PING received...");
}

void replica__cron(void)
{
    int64_t now = now_ms();
    if (!lifecycle.following)
        return;
    if (repl_link.state == LINK_WAITS && now - repl_link.tried_ms >= RETRY_MS)
        replica__connect();
    else
        check_timeout(now);
    if (repl_link.state != LINK_UP || now - repl_link.acked_ms < 1000)
        return;
    repl_link.want_ack = true;
    replica__stream_settle();
}

static void on_committed(void *arg)
{
    replica__stream_committed();
}

/* Commands that were left over come before what this tick brings. */
static void on_background(void *arg)
{
    if (repl_link.more)
        replica__process();
    replica__load_step();
}

void replica__start(void)
{
    memset(repl.former_id, '0', REPL_ID);
    repl.former_end = -1;
    repl__new_id(false);
    repl.known = true;
}

/* The port, -1: there is no master. */
static int master_of_option(struct buf *host)
{
    const char *space = strrchr(compat_replicaof, ' ');
    int64_t port;
    if (!space || !num_parse_int(slice_str(space + 1), &port))
        return -1;
    buf_put(host, compat_replicaof, (size_t)(space - compat_replicaof));
    return (int)port;
}

/* Replicas of the time before the restart go on with the former name, up to where we know the stream. */
static void go_on_as_master(void)
{
    repl.known = false;
    repl__position_load();
    bool resumed = repl.known;
    repl.known = true;
    if (!resumed)
        return;
    repl__new_id(true);
    repl.alone_ms = now_ms();
    repl__update_stream();
    log_notice(LOG_SERVER, "The replication stream goes on at offset %" PRIu64, repl.offset);
}

void replica__begin(void)
{
    loop_on_tick(lifecycle.loop, LOOP_PRIO_COMMITTED, on_committed, NULL);
    loop_on_tick(lifecycle.loop, LOOP_PRIO_BACKGROUND, on_background, NULL);
    struct buf host = BUF_INIT;
    int port = master_of_option(&host);
    if (port >= 0)
        set_master(buf_slice(&host), port);
    buf_free(&host);
    if (!lifecycle.following) {
        go_on_as_master();
        return;
    }
    repl.known = false;
    repl__position_load();
    repl_link.down_ms = now_ms();
}

void replication_place(struct replication_place *out)
{
    bool master = lifecycle.following;
    *out = (struct replication_place){.master_host = master ? repl_link.host : "",
                                      .master_port = master ? repl_link.port : 0,
                                      .id = repl.id,
                                      .former_id = repl.former_id,
                                      .offset = repl.offset,
                                      .former_end = repl.former_end};
}

/* -- INFO and ROLE ------------------------------------------------------------------------------------------------------- */

static void info_dump(struct buf *out, int64_t now)
{
    const struct link_dump *d = &repl_link.dump;
    if (repl_link.state != LINK_DUMP && repl_link.state != LINK_LOADS)
        return;
    double percent = d->total ? (double)d->got / (double)d->total * 100 : 0;
    buf_printf(out,
               "master_sync_total_bytes:%" PRIu64 "\r\nmaster_sync_read_bytes:%" PRIu64
               "\r\nmaster_sync_left_bytes:%" PRId64
               "\r\nmaster_sync_perc:%.2f\r\nmaster_sync_last_io_seconds_ago:%" PRId64 "\r\n",
               d->total, d->got, (int64_t)(d->total - d->got), percent,
               (now - repl_link.io_ms) / 1000);
}

void replica__info(struct buf *out)
{
    int64_t now = now_ms();
    bool up = repl_link.state == LINK_UP;
    bool sync = repl_link.state == LINK_DUMP || repl_link.state == LINK_LOADS;
    buf_printf(out,
               "master_host:%s\r\nmaster_port:%d\r\nmaster_link_status:%s\r\n"
               "master_last_io_seconds_ago:%" PRId64 "\r\nmaster_sync_in_progress:%d\r\n"
               "slave_read_repl_offset:%" PRIu64 "\r\nslave_repl_offset:%" PRIu64 "\r\n",
               repl_link.host, repl_link.port, up ? "up" : "down",
               up ? (now - repl_link.io_ms) / 1000 : -1, sync,
               up ? repl.offset + repl_link.in.n : repl.offset, repl.offset);
    info_dump(out, now);
    if (!up)
        buf_printf(out, "master_link_down_since_seconds:%" PRId64 "\r\n",
                   repl_link.down_ms ? (now - repl_link.down_ms) / 1000 : -1);
    buf_printf(out, "slave_priority:%" PRId64 "\r\nslave_read_only:%d\r\nreplica_announced:%d\r\n",
               compat_opts.replica_priority, compat_opts.replica_read_only,
               compat_opts.replica_announced);
}

void replica__role(struct call *c)
{
    reply_array(c, 5);
    reply_str(c, "slave");
    reply_str(c, repl_link.host);
    reply_int(c, repl_link.port);
    reply_str(c, replica__state_word());
    reply_int(c, repl_link.state == LINK_UP ? (int64_t)repl.offset : -1);
}
