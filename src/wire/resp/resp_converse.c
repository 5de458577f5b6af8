/* A command that talks with its own client before it is over (the debugger of scripts): what was answered so far leaves at
 * once, and the next request is read on the spot. Nobody else is served meanwhile. */
#include "event/conn.h"
#include "session/session_options.h"
#include "wire/resp/resp_priv.h"

#include <errno.h>
#include <poll.h>

#define REQUEST_MAX (1024 * 1024)
#define READ_SIZE   4096

/* False: nothing happened in time. */
static bool wait_for(struct resp_client *c, short events, int timeout_ms)
{
    struct pollfd p = {.fd = conn_fd(c->conn), .events = events};
    int n;
    do {
        n = poll(&p, 1, timeout_ms);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static bool send_all(struct resp_client *c, int timeout_ms)
{
    while (c->out.bytes > 0) {
        if (!resp__client_send(c))
            return false;
        if (c->out.bytes > 0 && !wait_for(c, POLLOUT, timeout_ms))
            return false;
    }
    /* What comes now is the answer that the tick decides about. */
    c->mark = resp_out_mark(&c->out);
    return true;
}

static bool read_more(struct resp_client *c, int timeout_ms, struct buf *bytes)
{
    if (bytes->n > REQUEST_MAX)
        return false;
    buf_reserve(bytes, READ_SIZE);
    for (;;) {
        ssize_t n = conn_read(c->conn, bytes->p + bytes->n, READ_SIZE);
        if (n > 0) {
            bytes->n += (size_t)n;
            return true;
        }
        if (n != CONN_AGAIN || !wait_for(c, POLLIN, timeout_ms))
            return false;
    }
}

bool resp__converse(struct session *s, int timeout_ms, struct buf *bytes, struct buf *words)
{
    static struct resp_request req;
    const struct resp_limits limits = {session_opts.proto_max_bulk_len, false};
    struct resp_client *c = s->conn;
    const char *why;
    if (!send_all(c, timeout_ms))
        return false;
    resp_request_reset(&req);
    buf_clear(bytes);
    buf_clear(words);
    for (;;) {
        const char *old = bytes->p;
        if (!read_more(c, timeout_ms, bytes))
            return false;
        resp_request_rebase(&req, old, bytes->p);
        switch (resp_parse(&req, bytes->p, bytes->n, &limits, &why)) {
        case RESP_MORE:
            break;
        case RESP_COMMAND:
            buf_put(words, req.argv, (size_t)req.argc * sizeof *req.argv);
            return true;
        case RESP_NOTHING:
            buf_consume(bytes, req.size);
            resp_request_reset(&req);
            break;
        case RESP_BAD:
            return false;
        }
    }
}
