/* What a session may do with its RESP connection. */
#include "base/mem.h"
#include "event/conn.h"
#include "event/net.h"
#include "wire/resp/resp_priv.h"

#include <stdio.h>

static struct resp_client *client(struct session *s)
{
    return s->conn;
}

static struct sink *op_sink(struct session *s)
{
    return &client(s)->sink;
}

static void op_close(struct session *s, enum sess_close how)
{
    struct resp_client *c = client(s);
    if (how == SESS_CLOSE_NOW)
        c->closing = true;
    else
        c->closing_after = true;
    if (!c->queued)
        resp__client_queue(c);
}

void resp__client_addresses(struct resp_client *c)
{
    char text[sizeof((struct sess_peer *)0)->addr];
    if (c->addr)
        return;
    if (c->unix_path) {
        snprintf(text, sizeof text, "%s:0", c->unix_path);
        c->addr = mem_strdup(text);
        c->laddr = mem_strdup(text);
        return;
    }
    net_peer_text(conn_fd(c->conn), text, sizeof text);
    c->addr = mem_strdup(text);
    net_local_text(conn_fd(c->conn), "", text, sizeof text);
    c->laddr = mem_strdup(text);
}

static void op_peer(struct session *s, struct sess_peer *out)
{
    struct resp_client *c = client(s);
    *out = (struct sess_peer){.fd = conn_fd(c->conn)};
    resp__client_addresses(c);
    snprintf(out->addr, sizeof out->addr, "%s", c->addr);
    snprintf(out->laddr, sizeof out->laddr, "%s", c->laddr);
    out->unix_socket = c->unix_path != NULL;
    out->tls = conn_is_tls(c->conn);
    /* Of a large argument under way only its own bytes: argv_mem has those before it. */
    bool large = c->partial && c->partial->bulk_known && c->partial->bulk >= RESP_BIG_ARG;
    out->qbuf = c->qn - (large ? c->qpos + c->partial->size : 0);
    out->qbuf_free = c->qcap - c->qn;
    out->argv_mem = c->partial ? c->partial->arg_bytes : 0;
    size_t first = c->out.head ? c->out.head->n - c->out.sent : 0;
    out->obl = c->out.extra_count ? (c->out.head ? first : 0) : first;
    out->oll = c->out.extra_count;
    out->omem = c->out.extra_mem + (size_t)c->elsewhere;
    out->rbs = c->out.first_size;
    out->rbp = c->out.peak;
    out->tot_mem = resp__client_mem(c);
    out->events[0] = 'r';
    out->events[1] = c->sending ? 'w' : 0;
}

static void op_answered(struct session *s, bool wrote)
{
    struct resp_client *c = client(s);
    c->replies += !c->reply_off;
    if (!wrote)
        return;
    if (!c->queued)
        resp__client_queue(c);
    c->wrote = true;
}

static void op_resume(struct session *s)
{
    struct resp_client *c = client(s);
    c->blocked = false;
    resp__client_process(c);
}

static void op_set_resp(struct session *s, int version)
{
    client(s)->sink.resp = version;
}

static void op_set_reply(struct session *s, bool on)
{
    client(s)->reply_off = !on;
    client(s)->stream = !on && (s->flags & SESS_REPLICA);
    client(s)->push_left = 0;
}

static size_t op_output(struct session *s, uint64_t elsewhere)
{
    struct resp_client *c = client(s);
    c->elsewhere = elsewhere;
    if (c->out.extra_mem + elsewhere > resp__limit_lowest)
        resp__client_check_limit(c);
    return c->out.bytes;
}

static bool op_tls_user(struct session *s, struct buf *out)
{
    return conn_peer_name(client(s)->conn, out);
}

static bool op_tls_certificate(struct session *s, struct buf *out)
{
    return conn_peer_certificate(client(s)->conn, out);
}

const struct session_ops resp__session_ops = {
    .sink = op_sink,
    .close = op_close,
    .peer = op_peer,
    .answered = op_answered,
    .resume = op_resume,
    .set_resp = op_set_resp,
    .set_reply = op_set_reply,
    .tls_user = op_tls_user,
    .tls_certificate = op_tls_certificate,
    .output = op_output,
    .converse = resp__converse,
};
