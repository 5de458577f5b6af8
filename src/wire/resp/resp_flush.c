/* The end of the tick: replies leave, connections close. Clients with something to do then stand on a queue.
 *
 * Replies of a tick whose log write failed are cut off again (mark), so nothing is acknowledged that is not in the log. */
#include "base/log.h"
#include "base/mem.h"
#include "event/conn.h"
#include "event/loop.h"
#include "session/lifecycle.h"
#include "wire/error_map.h"
#include "wire/resp/resp_priv.h"

#include <stdio.h>

#define PIECES 64

static struct list_node queue = {&queue, &queue};

void resp__client_queue(struct resp_client *c)
{
    c->queued = true;
    list_push(&queue, &c->queue_link);
    c->mark = resp_out_mark(&c->out);
    c->replies = 0;
    c->wrote = false;
}

void resp__client_drop(struct resp_client *c, const char *why)
{
    char *who = resp__client_text(c);
    log_warning(LOG_WIRE, "Client %s closed: %s", who, why);
    mem_free(who);
    resp_out_clear(&c->out);
    c->out_dropped = true;
    session_close(c->s, SESS_CLOSE_NOW);
}

bool resp__client_send(struct resp_client *c)
{
    struct iovec iov[PIECES];
    while (c->out.bytes > 0) {
        int pieces = resp_out_pieces(&c->out, iov, PIECES);
        size_t offered = 0;
        for (int i = 0; i < pieces; i++)
            offered += iov[i].iov_len;
        ssize_t n = conn_writev(c->conn, iov, pieces);
        if (n == CONN_AGAIN)
            break;
        traffic.writes++;
        if (n <= 0) {
            log_verbose(LOG_WIRE, "Error writing to client: %s", conn_error(c->conn));
            return false;
        }
        traffic.output_bytes += (uint64_t)n;
        resp_out_sent(&c->out, (size_t)n);
        c->active_ms = resp__now_ms;
        if ((size_t)n < offered)
            break;
    }
    bool more = c->out.bytes > 0;
    if (more != c->sending) {
        c->sending = more;
        conn_want_write(c->conn, more);
    }
    return true;
}

static void flush_client(struct resp_client *c)
{
    bool waits = c->out.bytes == 0 || (c->sending && !c->writable);
    bool alive = !c->out_dropped && (waits || resp__client_send(c));
    c->writable = false;
    if (!alive || c->closing || (c->closing_after && c->out.bytes == 0))
        resp__client_free(c);
}

void resp__client_writable(struct resp_client *c)
{
    /* What was queued in this tick may not be in the log yet: flush_client goes on. */
    if (c->queued) {
        c->writable = true;
        return;
    }
    if (!resp__client_send(c) || (c->closing_after && c->out.bytes == 0))
        session_close(c->s, SESS_CLOSE_NOW);
}

static void flush_queue(void)
{
    struct list_node mine;
    list_init(&mine);
    while (!list_empty(&queue)) {
        struct list_node *n = queue.next;
        list_remove(n);
        list_push(&mine, n);
    }
    while (!list_empty(&mine)) {
        struct resp_client *c = LIST_ENTRY(mine.next, struct resp_client, queue_link);
        list_remove(&c->queue_link);
        /* Inside a long command (loop_poll) its own client waits, and so does whoever wrote before it. */
        if (resp__depth > 0 && (c->busy || c->wrote)) {
            list_push(&queue, &c->queue_link);
            continue;
        }
        c->queued = false;
        flush_client(c);
    }
}

static void flush(void *arg)
{
    flush_queue();
    resp__limit_memory();
    /* Who was over the limit is gone before the next command looks. */
    if (resp__depth == 0)
        flush_queue();
}

void resp__flush_init(void)
{
    loop_on_tick(resp__env.loop, LOOP_PRIO_REPLY, flush, NULL);
}

void resp_tick_failed(const struct error *why)
{
    char text[ERROR_MESSAGE_MAX + 64];
    int n = snprintf(text, sizeof text, "%s Errors writing to the log: %s",
                     wire_error(why->code)->resp, why->message);
    if (n >= (int)sizeof text)
        n = (int)sizeof text - 1;
    LIST_EACH(it, &queue)
    {
        struct resp_client *c = LIST_ENTRY(it, struct resp_client, queue_link);
        if (!c->wrote || c->out_dropped)
            continue;
        size_t replies = c->replies;
        resp_out_truncate(&c->out, c->mark);
        for (size_t i = 0; i < replies; i++)
            c->sink.ops->error(&c->sink, slice_make(text, (size_t)n));
    }
}

void resp_shutdown(void)
{
    LIST_EACH(it, &resp__clients)
    {
        struct resp_client *c = LIST_ENTRY(it, struct resp_client, link);
        if (!c->out_dropped && c->out.bytes)
            (void)resp__client_send(c);
    }
    while (!list_empty(&resp__clients))
        resp__client_free(LIST_ENTRY(resp__clients.next, struct resp_client, link));
}
