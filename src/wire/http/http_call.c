/* Calls: sessions of single requests, their commands, and the end of the tick, when answers leave.
 *
 * The whole answer stands on the tape before it leaves, so that nothing is acknowledged that is not in the log; it leaves as JSON
 * in pieces, each when the client has taken the former one. */
#include "base/mem.h"
#include "base/num.h"
#include "event/loop.h"
#include "event/net.h"
#include "session/call.h"
#include "session/dispatch.h"
#include "session/lifecycle.h"
#include "wire/error_map.h"
#include "wire/http/http_options.h"
#include "wire/http/http_priv.h"
#include "wire/http/text_codec.h"

#include <stdio.h>

#define ARENA_CHUNK 4096
#define PIECE       (64 * 1024) /* bytes of JSON given to the connection at once */

enum phase { PHASE_AUTH, PHASE_SELECT, PHASE_SELECTED, PHASE_OWN };

struct http_env http__env;
static struct list_node calls = {&calls, &calls};
static struct list_node queue = {&queue, &queue};
static size_t call_count;

size_t http_request_count(void)
{
    return call_count;
}

static void enqueue(struct http_call *c)
{
    if (!list_linked(&c->queue_link))
        list_push(&queue, &c->queue_link);
}

static void call_free(struct http_call *c)
{
    session_free(c->s);
    http__query_drop(c);
    list_remove(&c->link);
    list_remove(&c->queue_link);
    arena_free(c->arena);
    buf_free(&c->tape);
    buf_free(&c->out);
    mem_free(c->writer);
    mem_free(c);
    call_count--;
}

/* -- the answer ---------------------------------------------------------------------------------- */

void http__done(struct http_call *c)
{
    c->done = true;
    enqueue(c);
}

void http__fail(struct http_call *c, int status, struct slice text)
{
    /* The text may stand on the tape. */
    struct slice copy = arena_dup(c->arena, text);
    buf_clear(&c->tape);
    tape_put(&c->tape, TAPE_REPLY, 1);
    tape_put_text(&c->tape, TAPE_ERROR, copy);
    c->status = status ? status : http__status_of(copy);
    http__done(c);
}

void http__failf(struct http_call *c, int status, const char *fmt, ...)
{
    struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    http__fail(c, status, buf_slice(&text));
    buf_free(&text);
}

enum tape_kind http__reply(const struct http_call *c, uint64_t *n, struct slice *text)
{
    size_t at = c->reply_at;
    return tape_get(buf_slice(&c->tape), &at, n, text);
}

bool http__reply_failed(struct http_call *c)
{
    uint64_t n;
    struct slice text;
    if (http__reply(c, &n, &text) != TAPE_ERROR)
        return false;
    http__fail(c, 0, text);
    return true;
}

/* -- running commands ---------------------------------------------------------------------------- */

static bool next_auth(struct http_call *c)
{
    struct slice header = http_header(c->req, "Authorization");
    struct text_credentials cred;
    if (!header.p)
        return false;
    if (!text_get_credentials(header, &cred)) {
        http__fail(c, 401, SLICE("NOAUTH The Authorization header is neither Basic nor Bearer."));
        text_credentials_free(&cred);
        return false;
    }
    bool named = cred.user.p != NULL;
    c->argv = arena_alloc(c->arena, 3 * sizeof *c->argv);
    c->argv[0] = SLICE("AUTH");
    c->argv[1] = named && cred.user.n ? arena_dup(c->arena, cred.user) : SLICE("default");
    c->argv[2] = arena_dup(c->arena, named ? cred.password : cred.token);
    c->argc = 3;
    text_credentials_free(&cred);
    return true;
}

static bool next_select(struct http_call *c)
{
    char text[NUM_BUF];
    if (c->db <= 0)
        return false;
    c->argv = arena_alloc(c->arena, 2 * sizeof *c->argv);
    c->argv[0] = SLICE("SELECT");
    c->argv[1] = arena_dup(c->arena, slice_make(text, num_format_int(text, c->db)));
    c->argc = 2;
    return true;
}

/* The request's session is who it should be: the route reads its own part. */
static bool begin_own(struct http_call *c)
{
    if (c->argc && http__reply_failed(c))
        return false;
    if (!(c->s->flags & SESS_AUTHENTICATED)) {
        http__fail(c, 401, SLICE("NOAUTH Authentication required."));
        return false;
    }
    buf_clear(&c->tape);
    c->argc = 0;
    return !c->route->handler->begin || c->route->handler->begin(c);
}

/* The next command of the call. False: none, or the call is over. */
static bool next_command(struct http_call *c)
{
    if (c->phase == PHASE_AUTH) {
        c->phase = PHASE_SELECT;
        if (next_auth(c))
            return true;
        if (c->done)
            return false;
    }
    if (c->phase == PHASE_SELECT) {
        if (!begin_own(c))
            return false;
        c->phase = PHASE_SELECTED;
        if (next_select(c))
            return true;
    }
    if (c->phase == PHASE_SELECTED) {
        if (c->argc && http__reply_failed(c))
            return false;
        buf_clear(&c->tape);
        c->phase = PHASE_OWN;
    }
    return c->route->handler->next(c);
}

static bool stopped(const struct http_call *c)
{
    return c->done || c->closing || !c->req || c->waits != HTTP_RUNS;
}

/* These speak to a connection that stays. */
static bool needs_connection(const struct http_call *c)
{
    static const char *const names[] = {"subscribe",    "psubscribe",   "ssubscribe",
                                        "monitor",      "sync",         "psync",
                                        "replconf",     "unsubscribe",  "punsubscribe",
                                        "sunsubscribe", "client|reply", "client|tracking"};
    const struct command *cmd = dispatch_find(c->argv, c->argc);
    for (size_t i = 0; cmd && i < COUNT_OF(names); i++)
        if (strcmp(cmd->fullname, names[i]) == 0)
            return true;
    return false;
}

static void run_command(struct http_call *c)
{
    size_t before = http__env.tick_bytes();
    enum dispatch_result r = DISPATCH_DONE;
    if (c->close_after)
        tape_put(&c->tape, TAPE_NULL, 0); /* QUIT came before it */
    else if (needs_connection(c))
        c->sink.ops->error(
            &c->sink, SLICE("ERR this command needs a lasting connection, which HTTP has not"));
    else
        r = dispatch(c->s, c->argc, c->argv, SLICE_NULL);
    c->wrote |= http__env.tick_bytes() != before;
    switch (r) {
    case DISPATCH_DONE:
        c->pending = false;
        if (c->tape.n == c->reply_at)
            tape_put(&c->tape, TAPE_NULL, 0);
        break;
    case DISPATCH_BLOCKED:
        c->waits = HTTP_BLOCKED;
        break;
    case DISPATCH_POSTPONED:
        c->waits = HTTP_POSTPONED;
        break;
    }
}

static void run(struct http_call *c)
{
    if (c->busy)
        return;
    c->busy = true;
    while (!stopped(c)) {
        if (!c->pending) {
            c->pending = next_command(c);
            c->reply_at = c->tape.n;
        }
        if (!c->pending) {
            if (!c->query)
                http__done(c);
            break;
        }
        run_command(c);
    }
    c->busy = false;
    enqueue(c);
}

/* -- sending ------------------------------------------------------------------------------------- */

static void headers(struct http_call *c)
{
    http_set_header(c->req, "Content-Type", "application/json");
    http_set_header(c->req, "Cache-Control", "no-store");
    if (c->status == 401)
        http_set_header(c->req, "WWW-Authenticate", "Basic realm=\"orbit\", charset=\"UTF-8\"");
    if (c->close_after)
        http_set_header(c->req, "Connection", "close");
}

/* Gives the next piece; true: that was the last. */
static bool send_piece(struct http_call *c)
{
    buf_clear(&c->out);
    bool last = tape_write(c->writer, &c->out, PIECE);
    traffic.output_bytes += c->out.n;
    http_chunk(c->req, buf_slice(&c->out));
    if (last)
        http_end(c->req);
    return last;
}

static void answer_head(struct http_call *c)
{
    char text[NUM_BUF];
    uint64_t total = 0;
    bool last = false;
    while (!last) {
        buf_clear(&c->out);
        last = tape_write(c->writer, &c->out, PIECE);
        total += c->out.n;
    }
    (void)num_format_int(text, (int64_t)total);
    http_set_header(c->req, "Content-Length", text);
    http_reply(c->req, c->status, SLICE(""));
}

/* True: all of it was given away. */
static bool answer(struct http_call *c)
{
    headers(c);
    c->writer = mem_alloc(sizeof *c->writer);
    tape_writer_init(c->writer, buf_slice(&c->tape), 0);
    if (c->head) {
        answer_head(c);
        return true;
    }
    if (tape_write(c->writer, &c->out, PIECE)) {
        traffic.output_bytes += c->out.n;
        http_reply(c->req, c->status, buf_slice(&c->out));
        return true;
    }
    http_start(c->req, c->status);
    http_chunk(c->req, buf_slice(&c->out));
    return false;
}

void http__left(struct http_call *c)
{
    c->req = NULL;
    enqueue(c);
}

static void on_gone(void *arg)
{
    http__left(arg);
}

static void on_drained(void *arg)
{
    struct http_call *c = arg;
    if (c->writer && send_piece(c))
        http__left(c);
    else if (c->streams)
        http__query_drained(c);
}

static const struct http_watch watch = {.gone = on_gone, .drained = on_drained};

static void flush_call(struct http_call *c)
{
    if (!c->req) {
        call_free(c);
    } else if (c->done && !c->writer) {
        session_free(c->s);
        c->s = NULL;
        if (answer(c))
            call_free(c);
    } else if (c->closing && !c->writer) {
        http_drop(c->req);
        call_free(c);
    }
}

static void flush(void *arg)
{
    struct list_node mine;
    list_init(&mine);
    while (!list_empty(&queue)) {
        struct list_node *n = queue.next;
        list_remove(n);
        list_push(&mine, n);
    }
    while (!list_empty(&mine)) {
        struct http_call *c = LIST_ENTRY(mine.next, struct http_call, queue_link);
        list_remove(&c->queue_link);
        /* Inside a long command (loop_poll) its own client waits, and so does whoever wrote before it. */
        if (c->busy || (c->wrote && dispatch_depth() > 0)) {
            list_push(&queue, &c->queue_link);
            continue;
        }
        c->wrote = false;
        flush_call(c);
    }
}

void http_tick_failed(const struct error *why)
{
    LIST_EACH(it, &queue)
    {
        struct http_call *c = LIST_ENTRY(it, struct http_call, queue_link);
        if (c->wrote && !c->writer)
            http__failf(c, wire_error(why->code)->http, "%s Errors writing to the log: %s",
                        wire_error(why->code)->resp, why->message);
    }
}

/* -- the session's connection -------------------------------------------------------------------- */

static struct http_call *call_of(struct session *s)
{
    return s->conn;
}

static struct sink *op_sink(struct session *s)
{
    return &call_of(s)->sink;
}

static void op_close(struct session *s, enum sess_close how)
{
    struct http_call *c = call_of(s);
    c->closing |= how == SESS_CLOSE_NOW;
    c->close_after |= how == SESS_CLOSE_AFTER_REPLY;
    enqueue(c);
}

static void op_peer(struct session *s, struct sess_peer *out)
{
    struct http_call *c = call_of(s);
    *out = (struct sess_peer){.fd = c->req ? http_fd(c->req) : -1};
    if (out->fd >= 0) {
        net_peer_text(out->fd, out->addr, sizeof out->addr);
        net_local_text(out->fd, "", out->laddr, sizeof out->laddr);
        out->tls = http_is_tls(c->req);
        out->qbuf = http_body(c->req).n;
    }
    out->omem = c->tape.cap + c->out.cap;
    out->tot_mem = sizeof *c + arena_bytes(c->arena) + out->omem + out->qbuf;
    out->events[0] = 'r';
}

static void op_answered(struct session *s, bool wrote)
{
    struct http_call *c = call_of(s);
    c->wrote |= wrote;
    enqueue(c);
}

static void op_resume(struct session *s)
{
    struct http_call *c = call_of(s);
    if (c->waits == HTTP_BLOCKED)
        c->pending = false;
    c->waits = HTTP_RUNS;
    run(c);
}

static void op_set_resp(struct session *s, int version)
{
    s->resp = 3; /* JSON has the shapes of RESP3 */
}

static void op_set_reply(struct session *s, bool on)
{
}

static bool op_tls_user(struct session *s, struct buf *out)
{
    return false;
}

static const struct session_ops session_ops = {
    .sink = op_sink,
    .close = op_close,
    .peer = op_peer,
    .answered = op_answered,
    .resume = op_resume,
    .set_resp = op_set_resp,
    .set_reply = op_set_reply,
    .tls_user = op_tls_user,
};

/* -- calls --------------------------------------------------------------------------------------- */

void http__call_new(struct http_request *r, const struct http_route *route, struct slice rest)
{
    struct http_call *c = mem_calloc(1, sizeof *c);
    struct buf decoded = BUF_INIT;
    call_count++;
    c->req = r;
    c->route = route;
    c->status = 200;
    c->head = http_method(r) == HTTP_HEAD;
    c->sink.ops = &http__sink_ops;
    c->sink.resp = 3;
    c->arena = arena_new(ARENA_CHUNK);
    list_push(&calls, &c->link);
    http_watch(r, &watch, c);
    c->s = session_new(http__env.kv, &session_ops, c);
    c->s->resp = 3;
    traffic.input_bytes += http_body(r).n;
    bool ok = text_percent_decode(rest, false, &decoded);
    c->param = arena_dup(c->arena, slice_make(decoded.n ? decoded.p : "", decoded.n));
    buf_clear(&decoded);
    if (!ok)
        http__fail(c, 400, SLICE("ERR the path has a bad percent-encoding"));
    else if (text_query_get(http_query(r), "db", &decoded) &&
             (!num_parse_int(buf_slice(&decoded), &c->db) || c->db < 0))
        http__fail(c, 400, SLICE("ERR db is not a number"));
    buf_free(&decoded);
    if (!c->done && http__guard(c))
        run(c);
}

void http__call_init(void)
{
    loop_on_tick(http__env.loop, LOOP_PRIO_REPLY, flush, NULL);
}

void http__calls_end(void)
{
    LIST_EACH(it, &calls)
    {
        struct http_call *c = LIST_ENTRY(it, struct http_call, link);
        if (c->req && !c->done && !c->streams)
            http__fail(c, 503, SLICE("ERR the server is going down"));
    }
    flush(NULL);
}

void http__calls_free(void)
{
    while (!list_empty(&calls)) {
        struct http_call *c = LIST_ENTRY(calls.next, struct http_call, link);
        if (c->req)
            http_drop(c->req);
        call_free(c);
    }
}
