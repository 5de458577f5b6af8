/* Connections of modules' listeners.
 *
 *   socket --readable--> in ..tick's end.. [ accepted, bytes, replies: the module ] --> out ..log written.. --> socket
 *                                                    |            ^
 *                                                    v            |
 *                                      one login, command or query at a time
 *
 * Events only move bytes and note what is to do; the module is called by a hook before the tick is committed, where no command
 * is in the midst, and what it writes leaves by a hook behind that. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/query.h"
#include "event/conn.h"
#include "event/loop.h"
#include "event/net.h"
#include "module/call_priv.h"
#include "module/listener_priv.h"
#include "session/acl.h"
#include "session/dispatch.h"
#include "session/lifecycle.h"

#include <errno.h>
#include <unistd.h>

#define READ_BYTES  (16 << 10)
#define INPUT_BYTES (1 << 20)
#define HIGH_WATER  (256 << 10) /* of output: more is asked for when all of it has left */
#define MAX_OUTPUT  (64 << 20)
#define STEPS       1000 /* of one connection in one tick */

enum command_state { CMD_NONE, CMD_READY, CMD_WAITS, CMD_POSTPONED, CMD_ANSWERED };

struct orbit_conn {
    struct listener *l;
    struct session *s;
    struct conn *conn;
    void *data;
    struct list_node link;       /* of its listener */
    struct list_node work_link;  /* has something for the module */
    struct list_node flush_link; /* has something for the socket */
    struct buf in, out;
    size_t in_at, out_at; /* what is in front is done */
    int64_t active_us;
    bool announced; /* accepted was called */
    bool fresh;     /* bytes are worth a call */
    bool eof;       /* the client will say no more */
    bool dead;      /* to be closed as it is */
    bool closing;   /* to be closed when out is empty */
    bool high, drained;

    enum command_state command;
    struct slice *argv;
    int argc;
    struct capture reply;
    OrbitLoginFunc logged_in; /* the command is a login */
    OrbitReplyFunc replied;

    struct query *query;
    const struct OrbitQueryEvents *events;
    bool paused;
};

static struct list_node working = {&working, &working};
static struct list_node flushing = {&flushing, &flushing};

static void enqueue(struct orbit_conn *c)
{
    if (!list_linked(&c->work_link))
        list_push(&working, &c->work_link);
    loop_wake(lifecycle.loop);
}

static void enqueue_flush(struct orbit_conn *c)
{
    if (!list_linked(&c->flush_link))
        list_push(&flushing, &c->flush_link);
    loop_wake(lifecycle.loop);
}

static void die(struct orbit_conn *c)
{
    c->dead = true;
    conn_want_read(c->conn, false);
    conn_want_write(c->conn, false);
    enqueue(c);
}

static size_t unread(const struct orbit_conn *c)
{
    return c->in.n - c->in_at;
}

static size_t unsent(const struct orbit_conn *c)
{
    return c->out.n - c->out_at;
}

static bool busy(const struct orbit_conn *c)
{
    return c->command != CMD_NONE || c->query;
}

static size_t max_input(const struct orbit_conn *c)
{
    return c->l->ops->max_input ? c->l->ops->max_input : INPUT_BYTES;
}

/* -- The socket ----------------------------------------------------------------------------------------------------------- */

static void on_readable(void *arg)
{
    struct orbit_conn *c = arg;
    ssize_t n = conn_read(c->conn, buf_grow(&c->in, READ_BYTES), READ_BYTES);
    c->in.n -= READ_BYTES;
    if (n == CONN_AGAIN)
        return;
    if (n <= 0) {
        c->eof = true;
        c->dead |= n == CONN_ERROR;
        conn_want_read(c->conn, false);
    } else {
        c->in.n += (size_t)n;
        c->active_us = clock_mono_us();
        c->fresh = true;
        traffic.input_bytes += (uint64_t)n;
        conn_want_read(c->conn, unread(c) < max_input(c));
    }
    enqueue(c);
}

static void on_writable(void *arg)
{
    struct orbit_conn *c = arg;
    conn_want_write(c->conn, false);
    enqueue_flush(c);
}

static void on_failed(void *arg, const char *why)
{
    struct orbit_conn *c = arg;
    log_verbose(LOG_MODULE, "A client of %s failed in its TLS handshake: %s", c->l->ops->name, why);
    die(c);
}

static const struct conn_ops conn_ops = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

static void send_out(struct orbit_conn *c)
{
    while (unsent(c) && !c->dead) {
        struct iovec v = {c->out.p + c->out_at, unsent(c)};
        ssize_t n = conn_writev(c->conn, &v, 1);
        if (n == CONN_AGAIN) {
            conn_want_write(c->conn, true);
            return;
        }
        if (n < 0) {
            die(c);
            return;
        }
        c->out_at += (size_t)n;
        c->active_us = clock_mono_us();
        traffic.output_bytes += (uint64_t)n;
    }
}

static void flush_conn(struct orbit_conn *c)
{
    send_out(c);
    if (unsent(c) || c->dead)
        return;
    buf_clear(&c->out);
    c->out_at = 0;
    if (c->high) {
        c->high = false;
        c->drained = true;
    }
    if (c->drained || c->closing)
        enqueue(c);
    if (c->paused) {
        c->paused = false;
        query_resume(c->query);
    }
}

/* Moves all of one list to another, empty one. */
static void take_all(struct list_node *from, struct list_node *to)
{
    list_init(to);
    while (!list_empty(from)) {
        struct list_node *n = from->next;
        list_remove(n);
        list_push(to, n);
    }
}

static void on_flush(void *arg)
{
    struct list_node mine;
    /* Inside a long command nothing is in the log yet. */
    if (list_empty(&flushing) || dispatch_depth() > 0)
        return;
    take_all(&flushing, &mine);
    while (!list_empty(&mine)) {
        struct orbit_conn *c = LIST_ENTRY(mine.next, struct orbit_conn, flush_link);
        list_remove(&c->flush_link);
        flush_conn(c);
    }
}

void module__conns_tick_failed(void)
{
    LIST_EACH(n, &flushing)
    die(LIST_ENTRY(n, struct orbit_conn, flush_link));
    /* Answers that blocked commands got in this tick are on their way to the module. */
    LIST_EACH(n, &working)
    {
        struct orbit_conn *c = LIST_ENTRY(n, struct orbit_conn, work_link);
        c->dead |= c->command == CMD_ANSWERED;
    }
}

/* -- Commands ------------------------------------------------------------------------------------------------------------- */

/* These speak to a connection by themselves. */
static bool needs_resp(const struct orbit_conn *c)
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

static void run_command(struct orbit_conn *c)
{
    struct sink *out = &c->reply.sink;
    enum dispatch_result r = DISPATCH_DONE;
    capture_clear(&c->reply);
    if (needs_resp(c))
        out->ops->error(out, SLICE("ERR this command is for connections of RESP"));
    else
        r = dispatch(c->s, c->argc, c->argv, SLICE_NULL);
    if (r == DISPATCH_BLOCKED) {
        c->command = CMD_WAITS;
    } else if (r == DISPATCH_POSTPONED) {
        c->command = CMD_POSTPONED;
    } else {
        c->command = CMD_ANSWERED;
        if (capture_empty(&c->reply))
            out->ops->null(out);
    }
}

static void deliver_login(RedisModuleCtx *ctx, struct orbit_conn *c, OrbitLoginFunc done)
{
    struct capture_item it;
    struct error err = {.message = ""};
    const char *p = c->reply.items.p;
    enum status st = ST_OK;
    if (!capture_item(p, p + c->reply.items.n, &it) || it.kind == CAPTURE_ERROR ||
        it.kind == CAPTURE_ERROR_COUNTED)
        st = error_set(&err, ST_DENIED, "%.*s", SLICE_FMT(it.bytes));
    done(ctx, c, st, &err);
}

static void forget_command(struct orbit_conn *c)
{
    mem_free(c->argv);
    c->argv = NULL;
    c->command = CMD_NONE;
}

static void deliver(RedisModuleCtx *ctx, struct orbit_conn *c)
{
    OrbitLoginFunc logged_in = c->logged_in;
    forget_command(c);
    c->fresh = true;
    if (logged_in) {
        deliver_login(ctx, c, logged_in);
        return;
    }
    RedisModuleCallReply *reply = module__call_reply(NULL, &c->reply);
    c->replied(ctx, c, reply);
    rm_FreeCallReply(reply);
}

static enum status start_command(struct orbit_conn *c, int argc, const struct slice *argv,
                                 struct error *err)
{
    size_t bytes = 0;
    for (int i = 0; i < argc; i++)
        bytes += argv[i].n;
    c->argv = mem_try_alloc((size_t)argc * sizeof *c->argv + bytes);
    if (!c->argv)
        return error_set(err, ST_NO_MEMORY, "the command is too large");
    c->argc = argc;
    char *p = (char *)(c->argv + argc);
    for (int i = 0; i < argc; i++) {
        if (argv[i].n)
            memcpy(p, argv[i].p, argv[i].n);
        c->argv[i] = slice_make(p, argv[i].n);
        p += argv[i].n;
    }
    c->command = CMD_READY;
    enqueue(c);
    return ST_OK;
}

/* -- The module ----------------------------------------------------------------------------------------------------------- */

/* True: the module has taken some. */
static bool feed(RedisModuleCtx *ctx, struct orbit_conn *c)
{
    if (!c->fresh || !unread(c) || c->closing)
        return false;
    c->fresh = false;
    size_t n = c->l->ops->bytes(ctx, c, slice_make(c->in.p + c->in_at, unread(c)));
    orbit_assert(n <= unread(c));
    c->in_at += n;
    c->fresh = n > 0;
    if (n == 0 && !busy(c) && !c->closing && unread(c) >= max_input(c)) {
        log_verbose(LOG_MODULE, "A client of %s sends more than its protocol takes: closed",
                    c->l->ops->name);
        die(c);
    }
    return n > 0;
}

static bool step(RedisModuleCtx *ctx, struct orbit_conn *c)
{
    if (c->command == CMD_ANSWERED) {
        deliver(ctx, c);
        return true;
    }
    if (c->drained) {
        c->drained = false;
        if (c->l->ops->drained && !c->closing)
            c->l->ops->drained(ctx, c);
        return true;
    }
    return feed(ctx, c);
}

static void talk(struct orbit_conn *c)
{
    RedisModuleCtx ctx;
    bool more = true;
    for (int i = 0; more && !c->dead; i++) {
        if (c->command == CMD_READY)
            run_command(c);
        if (i == STEPS) {
            enqueue(c);
            break;
        }
        module__ctx_open(&ctx, c->l->module);
        if (!c->announced) {
            c->announced = true;
            if (c->l->ops->accepted)
                c->l->ops->accepted(&ctx, c);
        } else {
            more = step(&ctx, c);
        }
        module__ctx_close(&ctx);
        more |= c->command == CMD_READY;
    }
}

static void end(struct orbit_conn *c)
{
    if (c->query)
        query_drop(c->query);
    c->query = NULL;
    if (c->announced && c->l->ops->closed) {
        RedisModuleCtx ctx;
        c->dead = true;
        module__ctx_open(&ctx, c->l->module);
        c->l->ops->closed(&ctx, c);
        module__ctx_close(&ctx);
    }
    session_free(c->s);
    conn_close(c->conn);
    list_remove(&c->link);
    list_remove(&c->work_link);
    list_remove(&c->flush_link);
    c->l->nconns--;
    forget_command(c);
    capture_deinit(&c->reply);
    buf_free(&c->in);
    buf_free(&c->out);
    mem_free(c);
}

static void tidy_input(struct orbit_conn *c)
{
    buf_consume(&c->in, c->in_at);
    c->in_at = 0;
    if (c->in.n == 0)
        buf_free(&c->in); /* most connections are silent most of the time */
    conn_want_read(c->conn, !c->eof && !c->dead && !c->closing && unread(c) < max_input(c));
}

static void on_work(void *arg)
{
    struct list_node mine;
    if (list_empty(&working) || dispatch_depth() > 0)
        return;
    take_all(&working, &mine);
    while (!list_empty(&mine)) {
        struct orbit_conn *c = LIST_ENTRY(mine.next, struct orbit_conn, work_link);
        list_remove(&c->work_link);
        talk(c);
        bool again = list_linked(&c->work_link) && !c->dead;
        if (c->dead || (c->eof && !again) || (c->closing && !unsent(c)))
            end(c);
        else
            tidy_input(c);
    }
}

/* -- The session's connection --------------------------------------------------------------------------------------------- */

static struct orbit_conn *conn_of(struct session *s)
{
    return s->conn;
}

static struct sink *op_sink(struct session *s)
{
    return &conn_of(s)->reply.sink;
}

static void op_close(struct session *s, enum sess_close how)
{
    struct orbit_conn *c = conn_of(s);
    c->dead |= how == SESS_CLOSE_NOW;
    c->closing = true;
    enqueue(c);
}

static void op_peer(struct session *s, struct sess_peer *out)
{
    struct orbit_conn *c = conn_of(s);
    *out = (struct sess_peer){.fd = conn_fd(c->conn), .tls = conn_is_tls(c->conn)};
    net_peer_text(out->fd, out->addr, sizeof out->addr);
    net_local_text(out->fd, "", out->laddr, sizeof out->laddr);
    out->qbuf = unread(c);
    out->omem = c->out.cap + c->reply.items.cap;
    out->tot_mem = sizeof *c + c->in.cap + out->omem;
    out->events[0] = 'r';
}

static void op_resume(struct session *s)
{
    struct orbit_conn *c = conn_of(s);
    if (c->command == CMD_WAITS)
        c->command = CMD_ANSWERED;
    else if (c->command == CMD_POSTPONED)
        c->command = CMD_READY;
    enqueue(c);
}

static void op_set_resp(struct session *s, int version)
{
    s->resp = 3;
}

static void op_set_reply(struct session *s, bool on)
{
}

static bool op_tls_user(struct session *s, struct buf *out)
{
    return conn_peer_name(conn_of(s)->conn, out);
}

static size_t op_output(struct session *s, uint64_t elsewhere)
{
    return unsent(conn_of(s));
}

static const struct session_ops session_ops = {
    .sink = op_sink,
    .close = op_close,
    .peer = op_peer,
    .resume = op_resume,
    .set_resp = op_set_resp,
    .set_reply = op_set_reply,
    .tls_user = op_tls_user,
    .output = op_output,
};

/* -- Life ----------------------------------------------------------------------------------------------------------------- */

/* Protected mode: the default user has no password, so strangers stay outside. */
static bool stranger(const struct orbit_conn *c)
{
    struct buf text = BUF_INIT;
    bool on = config_get(SLICE("protected-mode"), &text) != ST_OK ||
              !slice_eq(buf_slice(&text), SLICE("no"));
    buf_free(&text);
    return on && (c->s->flags & SESS_AUTHENTICATED) && !net_peer_is_local(conn_fd(c->conn));
}

void module__conn_new(struct listener *l, int fd)
{
    struct orbit_conn *c = mem_calloc(1, sizeof *c);
    net_set_nodelay(fd);
    c->l = l;
    c->data = l->arg;
    c->active_us = clock_mono_us();
    capture_init(&c->reply, 3);
    c->reply.counted = true;
    c->conn = conn_accept(lifecycle.loop, fd, l->tls, &conn_ops, c);
    c->s = session_new(lifecycle.kv, &session_ops, c);
    c->s->resp = 3;
    list_push(&l->conns, &c->link);
    l->nconns++;
    if (stranger(c)) {
        l->rejected++;
        traffic.rejected++;
        end(c);
        return;
    }
    enqueue(c);
}

void module__conns_check_idle(struct listener *l)
{
    int64_t now = clock_mono_us();
    LIST_EACH(n, &l->conns)
    {
        struct orbit_conn *c = LIST_ENTRY(n, struct orbit_conn, link);
        bool waits_for_us = busy(c) && !unsent(c);
        if (l->idle_s && !waits_for_us && now - c->active_us > l->idle_s * 1000000)
            die(c);
    }
}

void module__conns_end(struct listener *l)
{
    LIST_EACH_SAFE(n, tmp, &l->conns)
    {
        struct orbit_conn *c = LIST_ENTRY(n, struct orbit_conn, link);
        send_out(c);
        end(c);
    }
}

void module__conns_start(void)
{
    loop_on_tick(lifecycle.loop, LOOP_PRIO_UNBLOCK, on_work, NULL);
    loop_on_tick(lifecycle.loop, LOOP_PRIO_REPLY, on_flush, NULL);
}

/* -- What modules call ---------------------------------------------------------------------------------------------------- */

void om_ConnSetData(struct orbit_conn *c, void *data)
{
    c->data = data;
}

void *om_ConnData(const struct orbit_conn *c)
{
    return c->data;
}

bool om_ConnWrite(struct orbit_conn *c, struct slice bytes)
{
    if (c->dead)
        return false;
    if (unsent(c) + bytes.n > MAX_OUTPUT) {
        traffic.output_limit_closed++;
        log_warning(LOG_MODULE, "A client of %s does not read its answers: closed",
                    c->l->ops->name);
        die(c);
        return false;
    }
    buf_put_slice(&c->out, bytes);
    enqueue_flush(c);
    c->high |= unsent(c) > HIGH_WATER;
    return !c->high;
}

void om_ConnClose(struct orbit_conn *c)
{
    c->closing = true;
    enqueue(c);
}

bool om_ConnBusy(const struct orbit_conn *c)
{
    return busy(c);
}

void om_ConnPeer(const struct orbit_conn *c, char *out, size_t n)
{
    net_peer_text(conn_fd(c->conn), out, n);
}

struct slice om_ConnUser(const struct orbit_conn *c)
{
    return c->s->flags & SESS_AUTHENTICATED ? acl_name(c->s->user) : SLICE("");
}

static enum status may_start(const struct orbit_conn *c, struct error *err)
{
    if (c->dead || c->closing)
        return error_set(err, ST_CANCELLED, "the connection is closed");
    if (busy(c))
        return error_set(err, ST_BUSY, "the connection waits for something else");
    return ST_OK;
}

enum status om_ConnLogin(struct orbit_conn *c, struct slice user, struct slice password,
                         OrbitLoginFunc done, struct error *err)
{
    enum status st = may_start(c, err);
    if (st != ST_OK)
        return st;
    c->logged_in = done;
    return start_command(c, 3, (const struct slice[]){SLICE("AUTH"), user, password}, err);
}

enum status om_ConnCommand(struct orbit_conn *c, int argc, const struct slice *argv,
                           OrbitReplyFunc done, struct error *err)
{
    enum status st = may_start(c, err);
    if (st == ST_OK && argc < 1)
        st = error_set(err, ST_INVALID, "a command has at least one word");
    if (st != ST_OK)
        return st;
    c->logged_in = NULL;
    c->replied = done;
    return start_command(c, argc, argv, err);
}

static void on_columns(void *arg, const struct column *v, size_t n)
{
    struct orbit_conn *c = arg;
    if (c->events->columns && !c->dead)
        c->events->columns(c, v, n);
}

static bool on_rows(void *arg, const struct row_batch *batch)
{
    struct orbit_conn *c = arg;
    if (c->events->rows && !c->dead)
        c->events->rows(c, batch);
    c->paused = unsent(c) > HIGH_WATER;
    return !c->paused;
}

static void on_done(void *arg, enum status st, const struct error *err,
                    const struct query_summary *summary)
{
    struct orbit_conn *c = arg;
    c->query = NULL;
    c->paused = false;
    c->fresh = true;
    if (!c->dead)
        c->events->done(c, st, err, summary->value);
    enqueue(c);
}

static const struct query_consumer consumer = {
    .columns = on_columns, .rows = on_rows, .done = on_done};

enum status om_ConnQuery(struct orbit_conn *c, const struct OrbitQuery *q,
                         const struct OrbitQueryEvents *events, struct error *err)
{
    enum status st = may_start(c, err);
    if (st != ST_OK)
        return st;
    /* Rules of the ACL speak of commands and keys, which a query's tables are none of. */
    if (!(c->s->flags & SESS_AUTHENTICATED))
        return error_set(err, ST_DENIED, "authentication required");
    if (!acl_unlimited(c->s->user))
        return error_set(err, ST_DENIED, "queries need a user with +@all and allkeys");
    struct query_request req = {.engine = q->engine,
                                .procedure = q->procedure,
                                .who = {.user = acl_name(c->s->user),
                                        .database = q->database,
                                        .protocol = slice_str(c->l->ops->name)},
                                .text = q->text,
                                .params = q->params,
                                .nparams = q->nparams,
                                .timeout_ms = q->timeout_ms};
    c->events = events;
    return query_start(&req, &consumer, c, &c->query, err);
}

void om_ConnCancel(struct orbit_conn *c)
{
    if (c->query)
        query_cancel(c->query);
}
