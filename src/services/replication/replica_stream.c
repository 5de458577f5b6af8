/* The master's stream, executed: by a session of its own, which is believed in everything. What it changes is recorded in our own
 * log; our replicas get the master's bytes as they are, whole transactions at a time.
 *
 *   in    [ MULTI cmd cmd | cmd cmd ... ]
 *         ^repl.offset    ^at: executed (queued) up to here */
#include "base/clock.h"
#include "base/log.h"
#include "event/conn.h"
#include "event/loop.h"
#include "event/net.h"
#include "keyspace/keyspace_options.h"
#include "services/replication/replica_priv.h"
#include "session/call.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "session/sink_null.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SLICE_US 5000 /* of a tick */

/* -- The session --------------------------------------------------------------------------------------------------------- */

/* The master had no such error: from here on the two data sets may differ. */
static void on_error(struct slice text)
{
    const struct command *cmd = repl_link.s->last_cmd;
    log_warning(LOG_SERVER, "== CRITICAL == The master's command '%s' failed here: '%.*s'",
                cmd ? cmd->fullname : "<unknown>", SLICE_FMT(text));
}

static struct sink *op_sink(struct session *s)
{
    return sink_errors(on_error);
}

static void op_close(struct session *s, enum sess_close how)
{
    repl_link.lost = true;
    loop_wake(lifecycle.loop);
}

static void op_peer(struct session *s, struct sess_peer *out)
{
    *out = (struct sess_peer){.fd = -1, .events = "r"};
    if (!repl_link.conn)
        return;
    out->fd = conn_fd(repl_link.conn);
    net_peer_text(out->fd, out->addr, sizeof out->addr);
    net_local_text(out->fd, "", out->laddr, sizeof out->laddr);
    out->qbuf = repl_link.in.n;
    out->tot_mem = session_bytes(s) + repl_link.in.cap + repl_link.out.cap;
}

static void op_resume(struct session *s)
{
    repl_link.held = false;
    replica__stream_run();
}

static void op_set_resp(struct session *s, int version)
{
}

static void op_set_reply(struct session *s, bool on)
{
}

static bool op_tls_user(struct session *s, struct buf *out)
{
    return false;
}

static const struct session_ops ops = {
    .sink = op_sink,
    .close = op_close,
    .peer = op_peer,
    .resume = op_resume,
    .set_resp = op_set_resp,
    .set_reply = op_set_reply,
    .tls_user = op_tls_user,
};

void replica__stream_begin(void)
{
    struct session *s = session_new(lifecycle.kv, &ops, NULL);
    s->flags |= SESS_MASTER | SESS_AUTHENTICATED | SESS_DENY_BLOCKING;
    s->db = repl_link.db;
    repl_link.s = s;
    repl_link.at = 0;
    repl_link.held = false;
    repl_link.applied = true;
    repl_link.want_ack = true;
    repl_link.even_ms = clock_mono_us() / 1000;
    repl_link.state = LINK_UP;
    repl_link.log_offset = repl_link.synced = repl_link.log_seq = 0;
    repl_link.unsure = false;
    lifecycle.master_up = true;
    hook_event(EVENT_MASTER_LINK, 0, NULL);
    repl__backlog_make();
    loop_wake(lifecycle.loop);
}

void replica__stream_end(void)
{
    session_free(repl_link.s);
    repl_link.s = NULL;
    resp_request_free(&repl_link.req);
}

/* -- Executing ----------------------------------------------------------------------------------------------------------- */

static enum dispatch_result execute(struct resp_request *req, const char *p)
{
    struct kv *kv = lifecycle.kv;
    struct slice raw = req->canonical ? slice_make(p, req->size) : SLICE_NULL;
    kv_obey(kv, true);
    enum dispatch_result r = dispatch(repl_link.s, req->argc, req->argv, raw);
    kv_obey(kv, false);
    return r;
}

/* One command. False: it is not complete, or it has to wait. */
static bool step(size_t *fed)
{
    static const struct resp_limits limits = {.max_bulk = INT64_MAX};
    struct resp_request *req = &repl_link.req;
    const char *p = repl_link.in.p + repl_link.at, *why = "";
    if (repl_link.base != p && req->size > 0)
        resp_request_rebase(req, repl_link.base, p);
    repl_link.base = p;
    enum resp_parse got = resp_parse(req, p, repl_link.in.n - repl_link.at, &limits, &why);
    if (got == RESP_MORE)
        return false;
    if (got == RESP_BAD) {
        log_warning(LOG_SERVER, "The master's stream cannot be understood: %s", why);
        repl_link.lost = true;
        loop_wake(lifecycle.loop);
        return false;
    }
    bool waits = got == RESP_COMMAND && execute(req, p) == DISPATCH_POSTPONED;
    if (!waits)
        repl_link.at += req->size;
    resp_request_reset(req);
    if (waits) {
        repl_link.held = true;
        return false;
    }
    if (!(repl_link.s->flags & SESS_MULTI)) {
        repl__feed(slice_make(repl_link.in.p + *fed, repl_link.at - *fed));
        repl_link.db = repl_link.s->db;
        repl_link.applied = true;
        *fed = repl_link.at;
    }
    return true;
}

void replica__stream_run(void)
{
    size_t fed = 0;
    int64_t until = clock_mono_us() + SLICE_US;
    if (repl_link.state != LINK_UP)
        return;
    repl_link.more = dispatch_depth() > 0;
    /* A script holds the loop: what it reads must not change under it. */
    while (!repl_link.held && !repl_link.lost && dispatch_depth() == 0 &&
           repl_link.at < repl_link.in.n && step(&fed)) {
        if (clock_mono_us() >= until) {
            repl_link.more = true;
            loop_wake(lifecycle.loop);
            break;
        }
    }
    if (!repl_link.more && !repl_link.held)
        repl_link.even_ms = clock_mono_us() / 1000;
    if (fed > 0) {
        buf_consume(&repl_link.in, fed);
        repl_link.at -= fed;
    }
}

/* -- The end of a tick --------------------------------------------------------------------------------------------------- */

void replica__stream_note(void)
{
    if (repl_link.state == LINK_UP && repl_link.applied)
        replica__note_position();
    repl_link.applied = false;
}

/* FACK: how much of the stream is on our device. */
static void look_at_log(void)
{
    struct kv_stats st;
    if (!keyspace_opts.appendonly)
        return;
    kv_stats(lifecycle.kv, &st);
    if (st.log_synced_seq >= repl_link.log_seq)
        repl_link.synced = repl_link.log_offset;
    if (repl_link.synced == repl_link.log_offset) {
        repl_link.log_seq = st.log_last_seq;
        repl_link.log_offset = repl.offset;
    }
}

void replica__stream_settle(void)
{
    struct kv_stats st;
    if (!repl_link.unsure)
        return;
    kv_stats(lifecycle.kv, &st);
    if (repl_link.log_seq > 0 && st.log_synced_seq >= repl_link.log_seq)
        repl_link.unsure = false;
    else
        kv_sync_log(lifecycle.kv);
}

void replica__stream_ack(void)
{
    char offset[32], synced[32];
    if (repl_link.state != LINK_UP)
        return;
    look_at_log();
    snprintf(offset, sizeof offset, "%" PRIu64, repl.offset);
    snprintf(synced, sizeof synced, "%" PRIu64, repl_link.synced);
    struct slice argv[5] = {SLICE("REPLCONF"), SLICE("ACK"), slice_str(offset), SLICE("FACK"),
                            slice_str(synced)};
    repl_link.want_ack = false;
    repl_link.acked_ms = clock_mono_us() / 1000;
    replica__command(keyspace_opts.appendonly && !repl_link.unsure ? 5 : 3, argv);
}

void replica__stream_committed(void)
{
    if (repl_link.lost) {
        replica__drop("closed");
        return;
    }
    if (repl_link.state != LINK_UP)
        return;
    if (repl_link.want_ack && kv_tick_bytes(lifecycle.kv) == 0)
        replica__stream_ack();
}
