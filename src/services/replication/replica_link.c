/* The connection to the master: resolving, connecting, the handshake, timeouts. Nothing here waits. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/compat_options.h"
#include "config/config.h"
#include "event/conn.h"
#include "event/loop.h"
#include "event/net.h"
#include "event/tls.h"
#include "event/worker.h"
#include "rdb/rdb_format.h"
#include "services/replication/replica_priv.h"
#include "session/hooks.h"
#include "session/lifecycle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (256u * 1024)

static int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

/* -- Sending ------------------------------------------------------------------------------------------------------------- */

static void flush(void)
{
    struct buf *out = &repl_link.out;
    while (out->n > 0) {
        struct iovec iov = {.iov_base = out->p, .iov_len = out->n};
        ssize_t n = conn_writev(repl_link.conn, &iov, 1);
        if (n <= 0) {
            if (n == CONN_ERROR)
                repl_link.lost = true;
            break;
        }
        buf_consume(out, (size_t)n);
    }
    conn_want_write(repl_link.conn, out->n > 0 && !repl_link.lost);
    if (repl_link.lost)
        loop_wake(lifecycle.loop);
}

void replica__write(struct slice bytes)
{
    if (!repl_link.conn)
        return;
    buf_put_slice(&repl_link.out, bytes);
    flush();
}

void replica__command(size_t argc, const struct slice *argv)
{
    struct buf b = BUF_INIT;
    resp_put_command(&b, argc, argv);
    replica__write(buf_slice(&b));
    buf_free(&b);
}

/* -- Handshake ----------------------------------------------------------------------------------------------------------- */

static void send_auth(void)
{
    struct slice argv[3] = {SLICE("AUTH")};
    size_t n = 1;
    if (*compat_opts.masteruser)
        argv[n++] = slice_str(compat_opts.masteruser);
    argv[n++] = buf_slice(&compat_opts.masterauth);
    replica__command(n, argv);
}

static void send_port(void)
{
    struct buf text = BUF_INIT;
    if (compat_opts.replica_announce_port)
        buf_put_int(&text, compat_opts.replica_announce_port);
    else if (config_get(compat_opts.tls_replication ? SLICE("tls-port") : SLICE("port"), &text) !=
             ST_OK)
        buf_put_byte(&text, '0');
    struct slice argv[3] = {SLICE("REPLCONF"), SLICE("listening-port"), buf_slice(&text)};
    replica__command(3, argv);
    buf_free(&text);
}

/* Everything up to PSYNC goes out at once; the answers come one by one. */
static void introduce(void)
{
    char dumps[16];
    snprintf(dumps, sizeof dumps, "rdb-%d", RDB_VERSION);
    const struct slice capa[7] = {SLICE("REPLCONF"), SLICE("capa"), SLICE("eof"),    SLICE("capa"),
                                  SLICE("psync2"),   SLICE("capa"), slice_str(dumps)};
    bool auth = compat_opts.masterauth.n > 0;
    if (auth)
        send_auth();
    send_port();
    if (*compat_opts.replica_announce_ip) {
        struct slice argv[3] = {SLICE("REPLCONF"), SLICE("ip-address"),
                                slice_str(compat_opts.replica_announce_ip)};
        replica__command(3, argv);
    }
    replica__command(COUNT_OF(capa), capa);
    repl_link.state = auth ? LINK_AUTH : LINK_PORT;
}

static void send_psync(void)
{
    char offset[32];
    snprintf(offset, sizeof offset, "%" PRIu64, repl.offset + 1);
    struct slice argv[4] = {SLICE("PSYNC"), repl.known ? slice_str(repl.id) : SLICE("?"),
                            repl.known ? slice_str(offset) : SLICE("-1"), SLICE("FAILOVER")};
    if (repl.known)
        log_notice(LOG_SERVER, "Trying a partial resynchronization (request %s:%s).", repl.id,
                   offset);
    else
        log_notice(LOG_SERVER, "Partial resynchronization not possible (no cached master)");
    replica__command(failover__hands_over() ? 4 : 3, argv);
    repl_link.state = LINK_PSYNC;
}

static bool begins(struct slice s, const char *word)
{
    size_t n = strlen(word);
    return s.n >= n && memcmp(s.p, word, n) == 0;
}

/* "+FULLRESYNC id offset" */
static void full_resync(struct slice line)
{
    char id[REPL_ID + 1], text[32];
    uint64_t offset;
    struct slice rest = slice_make(line.p + 12, line.n - 12);
    if (rest.n <= REPL_ID + 1 || rest.n - REPL_ID - 1 >= sizeof text) {
        replica__drop("the master's FULLRESYNC cannot be understood");
        return;
    }
    snprintf(id, sizeof id, "%.*s", REPL_ID, rest.p);
    struct slice number = slice_make(rest.p + REPL_ID + 1, rest.n - REPL_ID - 1);
    if (!num_parse_uint(number, &offset)) {
        replica__drop("the master's FULLRESYNC cannot be understood");
        return;
    }
    log_notice(LOG_SERVER, "Full resync from master: %s:%" PRIu64, id, offset);
    replica__dump_begin(id, offset);
    repl_link.state = LINK_DUMP;
}

/* "+CONTINUE" or "+CONTINUE id" */
static void resume(struct slice line)
{
    if (!repl.known) {
        replica__drop("the master goes on with a stream that was not asked for");
        return;
    }
    log_notice(LOG_SERVER, "Successful partial resynchronization with master.");
    if (line.n >= 10 + REPL_ID && memcmp(line.p + 10, repl.id, REPL_ID) != 0) {
        log_notice(LOG_SERVER, "Master replication ID changed to %.*s", REPL_ID, line.p + 10);
        memcpy(repl.former_id, repl.id, sizeof repl.id);
        repl.former_end = (int64_t)repl.offset + 1;
        memcpy(repl.id, line.p + 10, REPL_ID);
        repl__disconnect_all();
    }
    replica__stream_begin();
}

static void psync_answered(struct slice line)
{
    if (failover__hands_over()) {
        if (!begins(line, "+FULLRESYNC ") && !begins(line, "+CONTINUE")) {
            failover__abort("Failover target rejected psync request");
            return;
        }
        failover__done();
    }
    if (begins(line, "+FULLRESYNC "))
        full_resync(line);
    else if (begins(line, "+CONTINUE"))
        resume(line);
    else if (begins(line, "-NOMASTERLINK") || begins(line, "-LOADING"))
        replica__drop("the master cannot serve a replica now");
    else
        replica__drop("the master refuses PSYNC");
}

static void refused(const char *what, struct slice line)
{
    log_warning(LOG_SERVER, "The master does not take %s: %.*s", what,
                (int)(line.n > 200 ? 200 : line.n), line.p);
}

/* One line of an answer. */
static void answered(struct slice line)
{
    bool bad = line.p[0] == '-';
    switch (repl_link.state) {
    case LINK_PING:
        if (bad && !begins(line, "-NOAUTH") && !begins(line, "-NOPERM") &&
            !begins(line, "-ERR operation not permitted")) {
            replica__drop("Error reply to PING from master");
            return;
        }
        introduce();
        return;
    case LINK_AUTH:
        if (bad) {
            refused("AUTH", line);
            replica__drop("Unable to AUTH to MASTER");
            return;
        }
        repl_link.state = LINK_PORT;
        return;
    case LINK_PORT:
        if (bad)
            refused("REPLCONF listening-port", line);
        repl_link.state = *compat_opts.replica_announce_ip ? LINK_ADDRESS : LINK_CAPA;
        return;
    case LINK_ADDRESS:
        if (bad)
            refused("REPLCONF ip-address", line);
        repl_link.state = LINK_CAPA;
        return;
    case LINK_CAPA:
        if (bad)
            refused("REPLCONF capa", line);
        send_psync();
        return;
    case LINK_PSYNC:
        psync_answered(line);
        return;
    case LINK_NONE:
    case LINK_WAITS:
    case LINK_RESOLVES:
    case LINK_CONNECTS:
    case LINK_DUMP:
    case LINK_LOADS:
    case LINK_UP:
        break;
    }
}

/* False: there is no whole line yet. */
static bool take_line(void)
{
    struct buf *in = &repl_link.in;
    const char *end = in->n ? memchr(in->p, '\n', in->n) : NULL;
    char line[512];
    if (!end) {
        if (in->n >= sizeof line)
            replica__drop("the master's answer is too long");
        return false;
    }
    size_t size = (size_t)(end - in->p) + 1, n = size - 1;
    if (n > 0 && in->p[n - 1] == '\r')
        n--;
    if (n > sizeof line)
        n = sizeof line;
    memcpy(line, in->p, n);
    buf_consume(in, size);
    if (n > 0)
        answered(slice_make(line, n));
    return repl_link.conn != NULL;
}

void replica__process(void)
{
    bool more = true;
    while (more && repl_link.conn && repl_link.in.n > 0) {
        switch (repl_link.state) {
        case LINK_PING:
        case LINK_AUTH:
        case LINK_PORT:
        case LINK_ADDRESS:
        case LINK_CAPA:
        case LINK_PSYNC:
            more = take_line();
            break;
        case LINK_DUMP:
            more = replica__dump_take();
            break;
        case LINK_UP:
            replica__stream_run();
            return;
        case LINK_LOADS:
        case LINK_NONE:
        case LINK_WAITS:
        case LINK_RESOLVES:
        case LINK_CONNECTS:
            return;
        }
    }
}

/* -- The connection ------------------------------------------------------------------------------------------------------ */

static void on_readable(void *arg)
{
    struct buf *in = &repl_link.in;
    if (repl_link.lost)
        return;
    buf_reserve(in, READ_BYTES);
    ssize_t n = conn_read(repl_link.conn, in->p + in->n, READ_BYTES);
    if (n == CONN_AGAIN)
        return;
    if (n <= 0) {
        replica__drop(n == CONN_EOF ? "Connection with master lost." : conn_error(repl_link.conn));
        return;
    }
    in->n += (size_t)n;
    repl_link.io_ms = now_ms();
    replica__process();
}

static void on_writable(void *arg)
{
    struct error err = {.message = ""};
    if (repl_link.state != LINK_CONNECTS) {
        flush();
        return;
    }
    if (net_connected(conn_fd(repl_link.conn), &err) != ST_OK) {
        replica__drop(err.message);
        return;
    }
    log_notice(LOG_SERVER, "Non blocking connect for SYNC fired the event.");
    if (!compat_opts.repl_disable_tcp_nodelay)
        net_set_nodelay(conn_fd(repl_link.conn));
    conn_want_write(repl_link.conn, false);
    repl_link.io_ms = now_ms();
    repl_link.state = LINK_PING;
    static const struct slice ping[1] = {SLICE("PING")};
    replica__command(1, ping);
}

static void on_failed(void *arg, const char *why)
{
    struct error err = {.message = ""};
    bool connected = net_connected(conn_fd(repl_link.conn), &err) == ST_OK;
    replica__drop(connected ? why : err.message);
}

static const struct conn_ops conn_ops = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

struct resolve {
    uint64_t attempt;
    char *host, *source;
    int port, fd;
    enum status st;
    struct error err;
};

static void resolve_run(void *arg)
{
    struct resolve *j = arg;
    j->st = net_connect_tcp(j->host, j->port, j->source, &j->fd, &j->err);
}

static void resolve_done(void *arg)
{
    struct resolve *j = arg;
    bool wanted = repl_link.state == LINK_RESOLVES && repl_link.attempt == j->attempt;
    struct tls_context *tls = NULL;
    bool socket = j->st == ST_OK;
    if (wanted && socket && compat_opts.tls_replication)
        j->st = tls_client_context_new(&tls, &j->err);
    if (socket && (!wanted || j->st != ST_OK))
        close(j->fd);
    if (wanted && j->st == ST_OK) {
        repl_link.conn = conn_connect(lifecycle.loop, j->fd, tls, &conn_ops, NULL);
        repl_link.state = LINK_CONNECTS;
        tls_context_unref(tls);
    } else if (wanted) {
        log_warning(LOG_SERVER, "Unable to connect to MASTER: %s", j->err.message);
        repl_link.state = LINK_WAITS;
    }
    mem_free(j->host);
    mem_free(j->source);
    mem_free(j);
}

void replica__connect(void)
{
    struct resolve *j = mem_calloc(1, sizeof *j);
    log_notice(LOG_SERVER, "Connecting to MASTER %s:%d", repl_link.host, repl_link.port);
    j->attempt = ++repl_link.attempt;
    j->host = mem_strdup(repl_link.host);
    j->source = mem_strdup(compat_opts.bind_source_addr);
    j->port = repl_link.port;
    repl_link.state = LINK_RESOLVES;
    repl_link.io_ms = repl_link.tried_ms = now_ms();
    worker_submit(lifecycle.pool, WORKER_ANY, resolve_run, resolve_done, j);
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync started");
}

void replica__drop(const char *why)
{
    if (why && repl_link.state == LINK_UP)
        log_notice(LOG_SERVER, "Connection with master lost: %s", why);
    else if (why)
        log_warning(LOG_SERVER, "Synchronization with the master failed: %s", why);
    if (repl_link.state == LINK_UP) {
        repl_link.down_ms = now_ms();
        replica__stream_end();
        hook_event(EVENT_MASTER_LINK, 1, NULL);
    }
    replica__dump_abandon();
    conn_close(repl_link.conn);
    repl_link.conn = NULL;
    repl_link.lost = false;
    buf_free(&repl_link.in);
    buf_free(&repl_link.out);
    lifecycle.master_up = false;
    repl_link.state = repl_link.host ? LINK_WAITS : LINK_NONE;
}

const char *replica__state_word(void)
{
    switch (repl_link.state) {
    case LINK_NONE:
        return "none";
    case LINK_WAITS:
        return "connect";
    case LINK_RESOLVES:
    case LINK_CONNECTS:
        return "connecting";
    case LINK_PING:
    case LINK_AUTH:
    case LINK_PORT:
    case LINK_ADDRESS:
    case LINK_CAPA:
    case LINK_PSYNC:
        return "handshake";
    case LINK_DUMP:
    case LINK_LOADS:
        return "sync";
    case LINK_UP:
        break;
    }
    return "connected";
}
