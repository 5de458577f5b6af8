/* The conversation with one client:
 *
 *   readable -> query buffer -> parse up to RESP_BATCH requests -> hint their keys -> dispatch them in order
 *                                                                       |
 *        replies gather in out, the client on the tick's queue  <-------+-> blocked or postponed: the rest stays in the
 *                                                                           query buffer until session_ops.resume
 *
 * The requests' words point into the query buffer, which does not move while a batch is executed. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "event/conn.h"
#include "event/loop.h"
#include "session/call.h"
#include "session/lifecycle.h"
#include "session/multi.h"
#include "session/session_options.h"
#include "wire/resp/resp_options.h"
#include "wire/resp/resp_priv.h"

#include <inttypes.h>
#include <stdio.h>

#define RESP_BATCH    32
#define RESP_READ_MIN 4096
#define RESP_SLICE_US 200 /* longer at a stretch no client is served while it has more to run */

struct item {
    struct resp_request req;
    size_t start;
};

struct batch {
    struct batch *next;
    struct item items[RESP_BATCH];
    size_t n;
    bool bad; /* what follows the items is no RESP */
    char why[64];
};

static struct batch *free_batches;

struct resp_env resp__env;
unsigned resp__depth;
int64_t resp__now_ms;
struct list_node resp__clients = {&resp__clients, &resp__clients};
/* Clients whose slice was over: in this tick, and those whose turn comes again. */
static struct list_node waiting = {&waiting, &waiting};
static struct list_node turn = {&turn, &turn};
static size_t client_count;

size_t resp_client_count(void)
{
    return client_count;
}

static void continue_waiting(void *arg);

void resp_init(const struct resp_env *env)
{
    resp__env = *env;
    resp__now_ms = clock_mono_us() / 1000;
    resp__flush_init();
    resp__limits_init();
    loop_on_tick(resp__env.loop, LOOP_PRIO_UNBLOCK, continue_waiting, NULL);
    resp__cron_init();
}

/* -- query buffer -------------------------------------------------------------------------------- */

static void drop_partial(struct resp_client *c)
{
    if (!c->partial)
        return;
    resp_request_free(c->partial);
    mem_free(c->partial);
    c->partial = NULL;
}

static void query_compact(struct resp_client *c)
{
    if (c->qpos == 0)
        return;
    const char *old = c->q + c->qpos;
    memmove(c->q, old, c->qn - c->qpos);
    if (c->partial)
        resp_request_rebase(c->partial, old, c->q);
    c->qn -= c->qpos;
    c->qpos = 0;
}

static bool query_grow(struct resp_client *c, size_t cap)
{
    char *fresh = mem_try_alloc(cap);
    if (!fresh)
        return false;
    char *old = c->q;
    if (c->qn)
        memcpy(fresh, old, c->qn);
    c->q = fresh;
    c->qcap = cap;
    if (c->partial)
        resp_request_rebase(c->partial, old, fresh);
    mem_free(old);
    return true;
}

void resp__query_resize(struct resp_client *c, size_t cap)
{
    query_compact(c);
    if (cap < c->qn)
        cap = c->qn;
    if (cap == c->qcap)
        return;
    if (cap == 0) {
        drop_partial(c);
        mem_free(c->q);
        c->q = NULL;
        c->qcap = 0;
    } else {
        (void)query_grow(c, cap);
    }
}

/* Makes room for the next read: a large argument gets a buffer of its size at once, so that it is copied only once. */
static bool query_room(struct resp_client *c)
{
    if (c->qpos == c->qn)
        c->qpos = c->qn = 0;
    size_t want = RESP_READ_MIN;
    if (c->partial && c->partial->bulk_known && c->partial->bulk >= RESP_BIG_ARG) {
        query_compact(c);
        want = resp_request_missing(c->partial, c->qn - c->qpos);
    }
    if (c->qcap - c->qn >= want)
        return true;
    query_compact(c);
    if (c->qcap - c->qn >= want)
        return true;
    size_t cap = c->qn + want;
    if (cap < RESP_READ_SIZE)
        cap = RESP_READ_SIZE;
    else if (want == RESP_READ_MIN)
        cap = c->qcap * 2;
    return query_grow(c, cap);
}

/* -- parsing and executing ----------------------------------------------------------------------- */

static struct batch *batch_take(void)
{
    struct batch *b = free_batches;
    if (b)
        free_batches = b->next;
    else
        b = mem_calloc(1, sizeof *b);
    b->n = 0;
    b->bad = false;
    return b;
}

static void batch_give(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        resp_request_reset(&b->items[i].req);
    b->next = free_batches;
    free_batches = b;
}

static bool stopped(const struct resp_client *c)
{
    return c->blocked || c->closing || c->closing_after;
}

/* Keeps an incomplete multibulk for the next read; its arguments are not looked at again. */
static void keep_partial(struct resp_client *c, struct resp_request *r)
{
    if (r->args_left == 0) {
        resp_request_reset(r);
        return;
    }
    c->partial = mem_alloc(sizeof *c->partial);
    *c->partial = *r;
    *r = (struct resp_request){0};
}

/* Parses requests from qpos on into b. Authentication changes the limits, so before it they come one by one. Returns the
 * end of what was parsed or skipped. */
static size_t parse_batch(struct resp_client *c, struct batch *b)
{
    struct resp_limits limits = {session_opts.proto_max_bulk_len,
                                 !(c->s->flags & SESS_AUTHENTICATED)};
    size_t max = limits.unauthenticated ? 1 : RESP_BATCH;
    size_t at = c->qpos;
    while (b->n < max && at < c->qn) {
        struct item *it = &b->items[b->n];
        if (UNLIKELY(c->partial != NULL)) {
            resp_request_free(&it->req);
            it->req = *c->partial;
            mem_free(c->partial);
            c->partial = NULL;
        }
        const char *why = NULL;
        it->start = at;
        switch (resp_parse(&it->req, c->q + at, c->qn - at, &limits, &why)) {
        case RESP_COMMAND:
            at += it->req.size;
            b->n++;
            break;
        case RESP_NOTHING:
            at += it->req.size;
            resp_request_reset(&it->req);
            break;
        case RESP_MORE:
            keep_partial(c, &it->req);
            return at;
        case RESP_BAD:
            resp_request_reset(&it->req);
            b->bad = true;
            strncpy(b->why, why, sizeof b->why - 1);
            return at;
        }
    }
    return at;
}

static void hint_keys(struct resp_client *c, const struct batch *b)
{
    struct slice keys[RESP_BATCH];
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i].req.argc > 1)
            keys[n++] = b->items[i].req.argv[1];
    resp__env.prefetch(c->s->db, keys, n);
}

static void run_one(struct resp_client *c, struct item *it, size_t *end)
{
    struct slice raw = SLICE_NULL;
    if (it->req.canonical)
        raw = slice_make(c->q + it->start, it->req.size);
    size_t before = resp__env.tick_bytes();
    enum dispatch_result r = dispatch(c->s, it->req.argc, it->req.argv, raw);
    if (resp__env.tick_bytes() != before) {
        if (!c->queued)
            resp__client_queue(c);
        c->wrote = true;
    }
    switch (r) {
    case DISPATCH_DONE:
        c->replies += !c->reply_off;
        break;
    case DISPATCH_BLOCKED:
        c->blocked = true;
        break;
    case DISPATCH_POSTPONED:
        c->blocked = true;
        *end = it->start;
        return;
    }
    *end = it->start + it->req.size;
}

static void protocol_error(struct resp_client *c, const char *why)
{
    char text[96];
    int n = snprintf(text, sizeof text, "ERR Protocol error: %s", why);
    char *who = resp__client_text(c);
    log_verbose(LOG_WIRE, "Protocol error (%s) from client: %s", why, who);
    mem_free(who);
    c->sink.ops->error(&c->sink, slice_make(text, (size_t)n));
    session_close(c->s, SESS_CLOSE_AFTER_REPLY);
}

/* A client with a deep pipeline takes turns with the others, so that nobody waits for all of it. */
static void wait_for_turn(struct resp_client *c)
{
    conn_want_read(c->conn, false);
    list_push(&waiting, &c->wait_link);
    loop_wake(resp__env.loop);
}

static void continue_waiting(void *arg)
{
    while (!list_empty(&turn)) {
        struct resp_client *c = LIST_ENTRY(turn.next, struct resp_client, wait_link);
        list_remove(&c->wait_link);
        conn_want_read(c->conn, true);
        resp__client_process(c);
    }
    while (!list_empty(&waiting)) {
        struct list_node *n = waiting.next;
        list_remove(n);
        list_push(&turn, n);
    }
    if (!list_empty(&turn))
        loop_wake(resp__env.loop);
}

void resp__client_process(struct resp_client *c)
{
    if (c->busy || list_linked(&c->wait_link))
        return;
    int64_t begun = c->qn - c->qpos > RESP_READ_MIN ? clock_mono_us() : 0;
    c->busy = true;
    resp__depth++;
    while (c->qpos < c->qn && !stopped(c)) {
        struct batch *b = batch_take();
        size_t end = parse_batch(c, b);
        bool parsed = b->n > 0 || b->bad || end > c->qpos;
        if (b->n > 1)
            hint_keys(c, b);
        size_t at = b->n > 0 ? b->items[0].start : end;
        size_t done = 0;
        while (done < b->n && !stopped(c))
            run_one(c, &b->items[done++], &at);
        if (!stopped(c)) {
            at = end;
            if (b->bad)
                protocol_error(c, b->why);
        } else {
            /* What was parsed ahead is parsed again when the client goes on. */
            drop_partial(c);
        }
        c->qpos = at;
        batch_give(b);
        if (!parsed || c->partial)
            break;
        if (begun && c->qpos < c->qn && !stopped(c) && clock_mono_us() - begun > RESP_SLICE_US) {
            wait_for_turn(c);
            break;
        }
    }
    resp__depth--;
    c->busy = false;
    if (c->qpos == c->qn)
        c->qpos = c->qn = 0;
}

/* -- connection events --------------------------------------------------------------------------- */

static void close_now(struct resp_client *c)
{
    session_close(c->s, SESS_CLOSE_NOW);
}

static void on_readable(void *arg)
{
    struct resp_client *c = arg;
    if (c->busy)
        return; /* inside its own command; the words of its requests stand in the buffer */
    if (c->closing || c->closing_after) {
        conn_want_read(c->conn, false);
        return;
    }
    if (!query_room(c)) {
        resp__client_drop(c, "out of memory for its query");
        return;
    }
    ssize_t n = conn_read(c->conn, c->q + c->qn, c->qcap - c->qn);
    if (n == CONN_AGAIN)
        return;
    traffic.reads++;
    if (n <= 0) {
        if (n == CONN_EOF)
            log_verbose(LOG_WIRE, "Client closed connection id=%" PRIu64, c->s->id);
        else
            log_verbose(LOG_WIRE, "Reading from client: %s", conn_error(c->conn));
        close_now(c);
        return;
    }
    c->qn += (size_t)n;
    traffic.input_bytes += (uint64_t)n;
    c->active_ms = resp__now_ms;
    if (c->qn > c->qpeak)
        c->qpeak = c->qn;
    /* What MULTI queues is input, too. */
    size_t held = c->qn - c->qpos + multi_bytes(c->s);
    if (UNLIKELY(held > (size_t)resp_opts.client_query_buffer_limit)) {
        char *who = resp__client_text(c);
        log_warning(LOG_WIRE, "Closing client that reached max query buffer length: %s", who);
        mem_free(who);
        traffic.query_limit_closed++;
        close_now(c);
        return;
    }
    resp__client_process(c);
    /* A large argument is announced: its buffer is counted, and refused, from now on. */
    if (c->partial && c->partial->bulk_known && c->partial->bulk >= RESP_BIG_ARG && !query_room(c))
        resp__client_drop(c, "out of memory for its query");
    resp__client_recount(c);
}

static void on_writable(void *arg)
{
    resp__client_writable(arg);
}

static void on_failed(void *arg, const char *why)
{
    struct resp_client *c = arg;
    resp__client_addresses(c);
    log_verbose(LOG_WIRE, "Error accepting a client connection: %s (addr=%s laddr=%s)", why,
                c->addr, c->laddr);
    close_now(c);
}

static const struct conn_ops conn_ops = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

struct resp_client *resp__client_new(int fd, struct tls_context *tls, const char *unix_path)
{
    struct resp_client *c = mem_calloc(1, sizeof *c);
    c->sink.ops = &resp__sink_ops;
    c->sink.resp = (int)resp_opts.client_default_resp;
    c->sink.takes_resp = true;
    c->unix_path = unix_path;
    c->active_ms = c->peak_since_ms = resp__now_ms;
    resp_out_init(&c->out);
    c->conn = conn_accept(resp__env.loop, fd, tls, &conn_ops, c);
    c->s = session_new(resp__env.kv, &resp__session_ops, c);
    c->s->resp = c->sink.resp;
    if (unix_path)
        c->s->flags |= SESS_UNIX;
    list_push(&resp__clients, &c->link);
    client_count++;
    return c;
}

void resp__client_free(struct resp_client *c)
{
    session_free(c->s);
    conn_close(c->conn);
    drop_partial(c);
    resp_out_free(&c->out);
    mem_free(c->q);
    mem_free(c->addr);
    mem_free(c->laddr);
    list_remove(&c->link);
    resp__client_uncount(c);
    list_remove(&c->queue_link);
    list_remove(&c->wait_link);
    client_count--;
    mem_free(c);
}
