/* Limits of what waits to be sent to a client, and what a client costs. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/compat_options.h"
#include "config/config.h"
#include "event/conn.h"
#include "session/lifecycle.h"
#include "wire/resp/resp_options.h"
#include "wire/resp/resp_priv.h"

#include <inttypes.h>

size_t resp__limit_lowest = SIZE_MAX;

static enum status limits_changed(void *arg, struct error *err)
{
    resp__limit_lowest = SIZE_MAX;
    for (int i = 0; i < RESP_CLASSES; i++) {
        const struct resp_output_limit *l = &resp_output_limits[i];
        if (l->hard_bytes && l->hard_bytes < resp__limit_lowest)
            resp__limit_lowest = (size_t)l->hard_bytes;
        if (l->soft_bytes && l->soft_bytes < resp__limit_lowest)
            resp__limit_lowest = (size_t)l->soft_bytes;
    }
    return ST_OK;
}

void resp__limits_init(void)
{
    (void)limits_changed(NULL, NULL);
    config_on_change("client-output-buffer-limit", limits_changed, NULL);
}

static const struct resp_output_limit *limit_of(const struct resp_client *c)
{
    enum resp_client_class class = RESP_CLASS_NORMAL;
    if ((c->s->flags & SESS_REPLICA) && !(c->s->flags & SESS_MONITOR))
        class = RESP_CLASS_REPLICA;
    else if (c->s->flags & SESS_PUBSUB)
        class = RESP_CLASS_PUBSUB;
    return &resp_output_limits[class];
}

/* A replica that lacks no more than the backlog may come back and get it anyway. */
static uint64_t at_least(const struct resp_output_limit *l, uint64_t bytes)
{
    uint64_t backlog = (uint64_t)compat_opts.repl_backlog_size;
    bool replica = l == &resp_output_limits[RESP_CLASS_REPLICA];
    return replica && bytes && bytes < backlog ? backlog : bytes;
}

void resp__client_check_limit(struct resp_client *c)
{
    const struct resp_output_limit *l = limit_of(c);
    uint64_t used = c->out.extra_mem + c->elsewhere;
    uint64_t hard = at_least(l, (uint64_t)l->hard_bytes);
    uint64_t soft = at_least(l, (uint64_t)l->soft_bytes);
    bool reached = hard && used > hard;
    if (soft && used > soft) {
        int64_t now = clock_mono_us() / 1000;
        if (c->soft_since_ms == 0)
            c->soft_since_ms = now;
        reached |= now - c->soft_since_ms > l->soft_seconds * 1000;
    } else {
        c->soft_since_ms = 0;
    }
    if (!reached || c->out_dropped)
        return;
    traffic.output_limit_closed++;
    resp__client_drop(c, "scheduled to be closed ASAP for overcoming of output buffer limits.");
}

size_t resp__client_mem(const struct resp_client *c)
{
    size_t n = sizeof *c + session_bytes(c->s) + c->qcap + c->out.extra_mem + (size_t)c->elsewhere;
    const struct resp_chunk *first = c->out.head ? c->out.head : c->out.spare;
    if (first)
        n += sizeof *first + first->cap;
    if (c->partial)
        n += sizeof *c->partial + (size_t)c->partial->cap * sizeof(struct slice);
    return n;
}

char *resp__client_text(struct resp_client *c)
{
    struct buf b = BUF_INIT;
    resp__client_addresses(c);
    buf_printf(&b,
               "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%.*s db=%d qbuf=%zu oll=%zu omem=%zu",
               c->s->id, c->addr, c->laddr, conn_fd(c->conn), (int)c->s->name.n,
               c->s->name.p ? c->s->name.p : "", c->s->db, c->qn - c->qpos, c->out.extra_count,
               c->out.extra_mem);
    char *text = mem_strdup(buf_cstr(&b));
    buf_free(&b);
    return text;
}
