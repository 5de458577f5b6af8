/* Each request goes this way; what stands left happens inside libevent, what stands right outside:
 *
 *   on_request --ready--> fn(arg, r)          now the user's
 *   closed     --ready--> watch->gone         and freed, unless it was answered
 *   written    --ready--> watch->drained
 *   completed                                 answered and sent: freed, the connection goes on
 *
 * While a request is with its user libevent would not read, and so not see the client go: reading stays on then, without a
 * callback and with a bound, so that requests sent ahead wait and nobody can fill the memory.
 *
 * evhttp tells nobody when a connection without a request goes. So each bufferevent is held by a reference; one whose callbacks
 * are gone was given up by evhttp. They are looked through once a second, and when the limit is reached. */
#include "event/http.h"

#include "base/clock.h"
#include "base/mem.h"
#include "event/loop.h"
#include "event/loop_priv.h"
#include "event/net.h"
#include "event/tls_priv.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_MAX     32
#define AHEAD_MAX      (64 * 1024) /* bytes taken of requests that are sent ahead */
#define SWEEP_MS       1000
#define SWEEP_FULL_MS  50
#define DRAIN_SLEEP_US 500

struct http_conn {
    struct list_node link;
    struct bufferevent *bev; /* one reference is ours */
};

struct http_server {
    struct loop *loop;
    struct evhttp *ev;
    struct http_limits limits;
    struct tls_context *tls;
    http_request_fn fn;
    void *arg;
    struct evhttp_bound_socket *bound[LISTEN_MAX];
    size_t nbound;
    struct list_node conns;
    size_t nconns;
    struct list_node requests;
    struct loop_timer *sweeper;
    bool full;
};

enum request_event { EVENT_NEW = 1, EVENT_GONE = 2, EVENT_DRAINED = 4 };

struct http_request {
    struct loop_ready ready; /* first member */
    struct list_node link;
    struct http_server *server;
    struct evhttp_request *ev;
    struct evhttp_connection *con; /* NULL: closed */
    const struct http_watch *watch;
    void *arg;
    unsigned events; /* enum request_event: to be told outside libevent */
    bool answered;   /* the user is done with it */
};

/* -- connections --------------------------------------------------------------------------------- */

static bool given_up(struct bufferevent *bev)
{
    bufferevent_event_cb on_error = NULL;
    bufferevent_getcb(bev, NULL, NULL, &on_error, NULL);
    return !on_error;
}

static void conn_forget(struct http_server *s, struct http_conn *c)
{
    list_remove(&c->link);
    bufferevent_decref(c->bev);
    s->nconns--;
    mem_free(c);
}

static void accept_more(struct http_server *s, bool on)
{
    s->full = !on;
    for (size_t i = 0; i < s->nbound; i++) {
        struct evconnlistener *l = evhttp_bound_socket_get_listener(s->bound[i]);
        if (on)
            (void)evconnlistener_enable(l);
        else
            (void)evconnlistener_disable(l);
    }
}

static void sweep(struct http_server *s, const struct http_conn *fresh)
{
    LIST_EACH_SAFE(it, next, &s->conns)
    {
        struct http_conn *c = LIST_ENTRY(it, struct http_conn, link);
        if (c != fresh && given_up(c->bev))
            conn_forget(s, c);
    }
    bool full = s->nconns >= s->limits.max_connections;
    if (full != s->full)
        accept_more(s, !full);
}

static int64_t on_sweep(void *arg)
{
    struct http_server *s = arg;
    sweep(s, NULL);
    return s->full ? SWEEP_FULL_MS : SWEEP_MS;
}

size_t http_server_connections(struct http_server *s)
{
    sweep(s, NULL);
    return s->nconns;
}

/* The bufferevent of a connection that was just accepted. */
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
    struct http_server *s = arg;
    struct bufferevent *bev;
    if (s->tls) {
        SSL *ssl = SSL_new(s->tls->ctx);
        if (!ssl)
            return NULL;
        SSL_set_verify(ssl, s->tls->verify, NULL);
        bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                             BEV_OPT_CLOSE_ON_FREE);
        if (bev)
            bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    } else {
        bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    }
    if (!bev)
        return NULL;
    struct http_conn *c = mem_calloc(1, sizeof *c);
    bufferevent_incref(bev);
    c->bev = bev;
    list_push(&s->conns, &c->link);
    s->nconns++;
    if (s->nconns >= s->limits.max_connections) {
        sweep(s, c);
        if (s->full) {
            loop_timer_del(s->sweeper);
            s->sweeper = loop_timer_add(s->loop, SWEEP_FULL_MS, on_sweep, s);
        }
    }
    return bev;
}

/* -- requests, inside libevent ------------------------------------------------------------------- */

static struct bufferevent *bev_of(const struct http_request *r)
{
    return evhttp_connection_get_bufferevent(r->con);
}

static void run_events(struct loop_ready *ready);

static void tell(struct http_request *r, enum request_event what)
{
    r->events |= what;
    loop__ready_push(r->server->loop, &r->ready);
}

static void request_free(struct http_request *r)
{
    list_remove(&r->ready.link);
    list_remove(&r->link);
    mem_free(r);
}

/* The connection goes. What was answered goes with it; else the request is evhttp's no more, and its user is told. */
static void on_closed(struct evhttp_connection *con, void *arg)
{
    struct http_request *r = arg;
    r->con = NULL;
    if (r->answered)
        request_free(r);
    else
        tell(r, EVENT_GONE);
}

static struct timeval *idle_time(const struct http_server *s, struct timeval *tv)
{
    if (s->limits.idle_s == 0)
        return NULL;
    *tv = (struct timeval){.tv_sec = s->limits.idle_s};
    return tv;
}

/* The answer has left, and evhttp will read the next request. */
static void on_completed(struct evhttp_request *ev, void *arg)
{
    struct http_request *r = arg;
    struct timeval tv;
    struct timeval *idle = idle_time(r->server, &tv);
    bufferevent_setwatermark(bev_of(r), EV_READ, 0, 0);
    bufferevent_set_timeouts(bev_of(r), idle, idle);
    evhttp_connection_set_closecb(r->con, NULL, NULL);
    request_free(r);
}

static unsigned count_headers(struct evkeyvalq *headers, const char *name)
{
    unsigned n = 0;
    for (struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next)
        n += strcasecmp(h->key, name) == 0;
    return n;
}

/* False: it is not certain where the body ends, as others on the way might see it (RFC 9112, 6.3). */
static bool framing_is_clear(struct evhttp_request *ev)
{
    struct evkeyvalq *in = evhttp_request_get_input_headers(ev);
    unsigned lengths = count_headers(in, "Content-Length");
    unsigned codings = count_headers(in, "Transfer-Encoding");
    if (lengths + codings > 1)
        return false;
    const char *coding = evhttp_find_header(in, "Transfer-Encoding");
    if (coding && strcasecmp(coding, "chunked") != 0)
        return false;
    const char *length = evhttp_find_header(in, "Content-Length");
    if (length && (!*length || length[strspn(length, "0123456789")]))
        return false;
    /* evhttp reads no body of these, and would take it for the next request. */
    enum evhttp_cmd_type type = evhttp_request_get_command(ev);
    bool bodiless = type == EVHTTP_REQ_GET || type == EVHTTP_REQ_HEAD;
    return !bodiless || (!coding && (!length || strtoull(length, NULL, 10) == 0));
}

static void on_request(struct evhttp_request *ev, void *arg)
{
    struct http_server *s = arg;
    if (!framing_is_clear(ev)) {
        (void)evhttp_add_header(evhttp_request_get_output_headers(ev), "Connection", "close");
        evhttp_send_reply(ev, HTTP_BADREQUEST, NULL, NULL);
        return;
    }
    struct http_request *r = mem_calloc(1, sizeof *r);
    r->ready.run = run_events;
    r->server = s;
    r->ev = ev;
    r->con = evhttp_request_get_connection(ev);
    list_push(&s->requests, &r->link);
    evhttp_connection_set_closecb(r->con, on_closed, r);
    evhttp_request_set_on_complete_cb(ev, on_completed, r);

    struct timeval tv;
    bufferevent_data_cb on_write = NULL;
    bufferevent_event_cb on_error = NULL;
    void *cb_arg = NULL;
    bufferevent_getcb(bev_of(r), NULL, &on_write, &on_error, &cb_arg);
    bufferevent_setcb(bev_of(r), NULL, on_write, on_error, cb_arg);
    bufferevent_setwatermark(bev_of(r), EV_READ, 0, AHEAD_MAX);
    bufferevent_set_timeouts(bev_of(r), NULL, idle_time(s, &tv));
    (void)bufferevent_enable(bev_of(r), EV_READ);
    tell(r, EVENT_NEW);
}

static void on_written(struct evhttp_connection *con, void *arg)
{
    tell(arg, EVENT_DRAINED);
}

/* -- requests, outside --------------------------------------------------------------------------- */

static void run_events(struct loop_ready *ready)
{
    struct http_request *r = (struct http_request *)ready;
    unsigned events = r->events;
    r->events = 0;
    if (events & EVENT_GONE) {
        if (r->watch)
            r->watch->gone(r->arg);
        evhttp_request_free(r->ev);
        request_free(r);
    } else if (events & EVENT_NEW) {
        r->server->fn(r->server->arg, r);
    } else if ((events & EVENT_DRAINED) && !r->answered && r->watch) {
        r->watch->drained(r->arg);
    }
}

void http_watch(struct http_request *r, const struct http_watch *ops, void *arg)
{
    r->watch = ops;
    r->arg = arg;
}

enum http_method http_method(const struct http_request *r)
{
    switch ((int)evhttp_request_get_command(r->ev)) {
    case EVHTTP_REQ_GET:
        return HTTP_GET;
    case EVHTTP_REQ_HEAD:
        return HTTP_HEAD;
    case EVHTTP_REQ_POST:
        return HTTP_POST;
    case EVHTTP_REQ_PUT:
        return HTTP_PUT;
    case EVHTTP_REQ_DELETE:
        return HTTP_DELETE;
    case EVHTTP_REQ_PATCH:
        return HTTP_PATCH;
    default: /* evhttp lets no others through */
        return HTTP_OPTIONS;
    }
}

static struct slice text_of(const char *s)
{
    return s ? slice_str(s) : SLICE_NULL;
}

struct slice http_path(const struct http_request *r)
{
    return text_of(evhttp_uri_get_path(evhttp_request_get_evhttp_uri(r->ev)));
}

struct slice http_query(const struct http_request *r)
{
    return text_of(evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r->ev)));
}

struct slice http_header(const struct http_request *r, const char *name)
{
    return text_of(evhttp_find_header(evhttp_request_get_input_headers(r->ev), name));
}

struct slice http_body(const struct http_request *r)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(r->ev);
    size_t n = evbuffer_get_length(in);
    return slice_make(n ? (const char *)evbuffer_pullup(in, -1) : "", n);
}

int http_fd(const struct http_request *r)
{
    return r->con ? bufferevent_getfd(bev_of(r)) : -1;
}

bool http_is_tls(const struct http_request *r)
{
    return r->con && bufferevent_openssl_get_ssl(bev_of(r)) != NULL;
}

void http_set_header(struct http_request *r, const char *name, const char *value)
{
    struct evkeyvalq *out = evhttp_request_get_output_headers(r->ev);
    (void)evhttp_remove_header(out, name);
    (void)evhttp_add_header(out, name, value);
}

/* False: the client has gone, which it will be told of no more. */
static bool answer(struct http_request *r)
{
    r->watch = NULL;
    r->answered = r->con != NULL;
    return r->answered;
}

void http_reply(struct http_request *r, int code, struct slice body)
{
    if (!answer(r))
        return;
    struct evbuffer *out = evbuffer_new();
    orbit_assert(out);
    (void)evbuffer_add(out, body.p, body.n);
    evhttp_send_reply(r->ev, code, NULL, out);
    evbuffer_free(out);
}

void http_start(struct http_request *r, int code)
{
    if (r->con)
        evhttp_send_reply_start(r->ev, code, NULL);
}

void http_chunk(struct http_request *r, struct slice bytes)
{
    if (!r->con)
        return;
    struct evbuffer *out = evbuffer_new();
    orbit_assert(out);
    (void)evbuffer_add(out, bytes.p, bytes.n);
    evhttp_send_reply_chunk_with_cb(r->ev, out, on_written, r);
    evbuffer_free(out);
}

void http_end(struct http_request *r)
{
    if (answer(r))
        evhttp_send_reply_end(r->ev);
}

void http_drop(struct http_request *r)
{
    if (answer(r))
        evhttp_connection_free(r->con);
}

/* -- the server ---------------------------------------------------------------------------------- */

struct http_server *http_server_new(struct loop *l, const struct http_limits *limits,
                                    http_request_fn fn, void *arg)
{
    struct http_server *s = mem_calloc(1, sizeof *s);
    s->loop = l;
    s->fn = fn;
    s->arg = arg;
    list_init(&s->conns);
    list_init(&s->requests);
    s->ev = evhttp_new(loop__base(l));
    orbit_assert(s->ev);
    evhttp_set_gencb(s->ev, on_request, s);
    evhttp_set_bevcb(s->ev, on_connection, s);
    evhttp_set_default_content_type(s->ev, NULL);
    evhttp_set_allowed_methods(s->ev, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                          EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                                          EVHTTP_REQ_PATCH);
    (void)evhttp_set_flags(s->ev, EVHTTP_SERVER_LINGERING_CLOSE);
    http_server_set_limits(s, limits);
    s->sweeper = loop_timer_add(l, SWEEP_MS, on_sweep, s);
    return s;
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    loop_timer_del(s->sweeper);
    LIST_EACH_SAFE(it, next, &s->requests)
    {
        struct http_request *r = LIST_ENTRY(it, struct http_request, link);
        if (r->con)
            evhttp_connection_set_closecb(r->con, NULL, NULL);
        else
            evhttp_request_free(r->ev);
        request_free(r);
    }
    evhttp_free(s->ev);
    LIST_EACH_SAFE(it, next, &s->conns)
    conn_forget(s, LIST_ENTRY(it, struct http_conn, link));
    tls_context_unref(s->tls);
    mem_free(s);
}

void http_server_set_limits(struct http_server *s, const struct http_limits *limits)
{
    struct timeval tv = {0};
    s->limits = *limits;
    (void)idle_time(s, &tv);
    evhttp_set_max_headers_size(s->ev, (ev_ssize_t)limits->max_header);
    evhttp_set_max_body_size(s->ev, (ev_ssize_t)limits->max_body);
    evhttp_set_timeout_tv(s->ev, &tv);
}

void http_server_set_tls(struct http_server *s, struct tls_context *tls)
{
    if (tls)
        tls__context_ref(tls);
    tls_context_unref(s->tls);
    s->tls = tls;
}

enum status http_server_listen(struct http_server *s, const char *addr, int port, int backlog,
                               struct error *err)
{
    int fd = -1;
    if (s->nbound == LISTEN_MAX)
        return error_set(err, ST_TOO_LONG, "more than %d addresses to listen on", LISTEN_MAX);
    enum status st = net_listen_tcp(addr, port, backlog, &fd, err);
    if (st != ST_OK)
        return st;
    struct evconnlistener *l = evconnlistener_new(
        loop__base(s->loop), NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    struct evhttp_bound_socket *b = l ? evhttp_bind_listener(s->ev, l) : NULL;
    if (!b) {
        if (l)
            evconnlistener_free(l);
        else
            close(fd);
        return error_set(err, ST_INTERNAL, "libevent takes no more sockets");
    }
    s->bound[s->nbound++] = b;
    return ST_OK;
}

void http_server_unlisten(struct http_server *s)
{
    for (size_t i = 0; i < s->nbound; i++)
        evhttp_del_accept_socket(s->ev, s->bound[i]);
    s->nbound = 0;
    s->full = false;
}

static bool has_output(const struct http_server *s)
{
    LIST_EACH(it, &s->conns)
    {
        const struct http_conn *c = LIST_ENTRY(it, struct http_conn, link);
        if (!given_up(c->bev) && evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
            return true;
    }
    return false;
}

void http_server_drain(struct http_server *s, int timeout_ms)
{
    int64_t end = clock_mono_us() + (int64_t)timeout_ms * 1000;
    while (has_output(s) && clock_mono_us() < end) {
        (void)event_base_loop(loop__base(s->loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
        (void)usleep(DRAIN_SLEEP_US);
    }
}
