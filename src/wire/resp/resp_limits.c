/* Limits of what a client may cost, and memory that is given back when it does not need it. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "event/conn.h"
#include "session/lifecycle.h"
#include "wire/resp/resp_options.h"
#include "wire/resp/resp_priv.h"

#define IDLE_MS          2000        /* then buffers are given back */
#define QUERY_KEEP       (32 * 1024) /* query buffers up to here are not trimmed while in use */
#define PEAK_RESET_MS    5000
#define CRON_CLIENTS_MIN 5

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

void resp__client_check_limit(struct resp_client *c)
{
    const struct resp_output_limit *l = limit_of(c);
    size_t used = c->out.extra_mem;
    bool reached = l->hard_bytes && used > l->hard_bytes;
    if (l->soft_bytes && used > l->soft_bytes) {
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
    size_t n = sizeof *c + sizeof *c->s + c->qcap + c->out.extra_mem;
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

/* -- cron ---------------------------------------------------------------------------------------- */

static bool cron_timeout(struct resp_client *c)
{
    const uint32_t exempt =
        SESS_REPLICA | SESS_BLOCKED | SESS_POSTPONED | SESS_PUBSUB | SESS_MONITOR;
    if (resp_opts.timeout == 0 || (c->s->flags & exempt) ||
        resp__now_ms - c->active_ms <= resp_opts.timeout * 1000)
        return false;
    log_verbose(LOG_WIRE, "Closing idle client");
    session_close(c->s, SESS_CLOSE_NOW);
    return true;
}

static void cron_query(struct resp_client *c)
{
    if (c->busy || c->blocked)
        return;
    bool idle = resp__now_ms - c->active_ms > IDLE_MS;
    if (idle && c->qcap > 0) {
        resp__query_resize(c, 0);
    } else if (c->qcap > QUERY_KEEP && c->qcap / 2 > c->qpeak) {
        size_t want = c->partial ? resp_request_missing(c->partial, c->qn - c->qpos) + c->qn : 0;
        if (c->qpeak > want)
            want = c->qpeak;
        resp__query_resize(c, want > RESP_READ_SIZE ? want : RESP_READ_SIZE);
    }
    c->qpeak = c->qn;
}

static void cron_replies(struct resp_client *c)
{
    struct resp_out *o = &c->out;
    int64_t reset_ms = reply_buffer_tuning.peak_reset_ms;
    if (reset_ms == 0)
        reset_ms = PEAK_RESET_MS;
    if (!reply_buffer_tuning.fixed) {
        size_t size = o->first_size;
        while (size < RESP_OUT_CHUNK && size < o->peak)
            size *= 2;
        if (size == o->first_size && size > RESP_OUT_FIRST_MIN && o->peak < size / 2)
            size /= 2;
        o->first_size = size;
    }
    if (reset_ms > 0 && resp__now_ms - c->peak_since_ms >= reset_ms) {
        o->peak = o->bytes;
        c->peak_since_ms = resp__now_ms;
    }
    bool idle = resp__now_ms - c->active_ms > IDLE_MS;
    if (o->spare && (idle || o->spare->cap + sizeof *o->spare != o->first_size)) {
        mem_free(o->spare);
        o->spare = NULL;
    }
}

void resp_cron(int64_t hz)
{
    resp__now_ms = clock_mono_us() / 1000;
    size_t n = resp_client_count() / (size_t)(hz > 0 ? hz : 1);
    if (n < CRON_CLIENTS_MIN)
        n = CRON_CLIENTS_MIN;
    if (n > resp_client_count())
        n = resp_client_count();
    while (n-- > 0) {
        struct resp_client *c = LIST_ENTRY(resp__clients.next, struct resp_client, link);
        list_remove(&c->link);
        list_push(&resp__clients, &c->link);
        if (c->closing || cron_timeout(c))
            continue;
        cron_query(c);
        cron_replies(c);
        if (c->soft_since_ms)
            resp__client_check_limit(c);
    }
}
