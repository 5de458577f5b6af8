/* The periodic look at clients: timeouts, memory given back by idle ones, the largest ones closed above
 * maxmemory-clients. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "session/info.h"
#include "session/lifecycle.h"
#include "wire/resp/resp_options.h"
#include "wire/resp/resp_priv.h"

#include <inttypes.h>

#define IDLE_MS          2000        /* then buffers are given back */
#define QUERY_KEEP       (32 * 1024) /* query buffers up to here are not trimmed while in use */
#define PEAK_RESET_MS    5000
#define CRON_CLIENTS_MIN 5
#define WINDOW_MS        8000

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

/* Bytes that all clients together may take (maxmemory-clients); 0: no limit. */
static size_t memory_limit(void)
{
    if (resp_opts.maxmemory_clients >= 0)
        return (size_t)resp_opts.maxmemory_clients;
    return resp__env.maxmemory() / 100 * (size_t)-resp_opts.maxmemory_clients;
}

static size_t counted; /* memory of all clients */
static size_t counted_replicas;

static size_t own_mem(const struct resp_client *c)
{
    if (c->closing || (c->s->flags & SESS_REPLICA))
        return 0;
    /* The replies of this tick leave with it, unless the socket is full. */
    return resp__client_mem(c) - (c->sending ? 0 : c->out.extra_mem);
}

/* Replicas' buffers do not count: they must not make keys go, whose deletion would fill them further. */
static void count_memory(void)
{
    counted = counted_replicas = 0;
    LIST_EACH(it, &resp__clients)
    {
        struct resp_client *c = LIST_ENTRY(it, struct resp_client, link);
        if (!c->closing && (c->s->flags & SESS_REPLICA))
            counted_replicas += resp__client_mem(c);
        c->counted_mem = own_mem(c);
        counted += c->counted_mem;
    }
    resp__env.client_memory(counted);
}

void resp__client_uncount(struct resp_client *c)
{
    counted -= c->counted_mem;
    c->counted_mem = 0;
    resp__env.client_memory(counted);
}

/* Closes the largest clients until the rest is within the limit. */
static void evict_clients(void)
{
    size_t limit = memory_limit(), total = counted;
    if (limit == 0)
        return;
    while (total > limit) {
        struct resp_client *largest = NULL;
        size_t most = 0;
        LIST_EACH(it, &resp__clients)
        {
            struct resp_client *c = LIST_ENTRY(it, struct resp_client, link);
            size_t mem = own_mem(c);
            if (mem > most && !(c->s->flags & SESS_NO_EVICT)) {
                largest = c;
                most = mem;
            }
        }
        if (!largest)
            return;
        total -= most;
        traffic.evicted++;
        resp__client_uncount(largest);
        resp__client_drop(largest, "the clients' memory is above maxmemory-clients");
    }
}

#define LIMIT_CLIENTS_MAX 100 /* with more clients than this, once in a millisecond */

/* Looking at all clients has its price. */
static bool too_soon(void)
{
    static int64_t last_ms;
    int64_t now_ms = clock_mono_us() / 1000;
    if (resp_client_count() > LIMIT_CLIENTS_MAX && now_ms == last_ms)
        return true;
    last_ms = now_ms;
    return false;
}

void resp__limit_memory(void)
{
    if (LIKELY(memory_limit() == 0) || too_soon())
        return;
    count_memory();
    evict_clients();
}

void resp__client_recount(struct resp_client *c)
{
    size_t limit = memory_limit();
    if (LIKELY(limit == 0 && resp__env.maxmemory() == 0))
        return;
    size_t mem = own_mem(c);
    counted += mem - c->counted_mem;
    c->counted_mem = mem;
    if (limit > 0 && counted > limit) {
        if (too_soon())
            return; /* keys shall not go in place of clients */
        evict_clients();
    }
    resp__env.client_memory(counted);
}

/* The largest buffers of the last seconds, for INFO: this window and the one before. */
static size_t input_max[2], output_max[2];
static int64_t window_since_ms;

static void watch_buffers(const struct resp_client *c)
{
    if (c->qcap > input_max[0])
        input_max[0] = c->qcap;
    if (c->out.extra_mem > output_max[0])
        output_max[0] = c->out.extra_mem;
}

static void turn_window(void)
{
    if (resp__now_ms - window_since_ms < WINDOW_MS)
        return;
    window_since_ms = resp__now_ms;
    input_max[1] = input_max[0];
    output_max[1] = output_max[0];
    input_max[0] = output_max[0] = 0;
}

static size_t larger(const size_t v[2])
{
    return v[0] > v[1] ? v[0] : v[1];
}

static void put_clients(struct buf *out)
{
    buf_printf(out, "client_recent_max_input_buffer:%zu\r\nclient_recent_max_output_buffer:%zu\r\n",
               larger(input_max), larger(output_max));
}

static void put_memory(struct buf *out)
{
    count_memory();
    buf_printf(out, "mem_clients_normal:%zu\r\nmem_clients_slaves:%zu\r\n", counted,
               counted_replicas);
}

static void put_stats(struct buf *out)
{
    buf_printf(out, "evicted_clients:%" PRIu64 "\r\n", traffic.evicted);
}

void resp_cron(int64_t hz)
{
    resp__now_ms = clock_mono_us() / 1000;
    turn_window();
    count_memory();
    evict_clients();
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
        watch_buffers(c);
        cron_query(c);
        cron_replies(c);
        if (c->soft_since_ms || c->elsewhere)
            resp__client_check_limit(c);
    }
}

void resp__cron_init(void)
{
    info_register("clients", put_clients);
    info_register("memory", put_memory);
    info_register("stats", put_stats);
}
