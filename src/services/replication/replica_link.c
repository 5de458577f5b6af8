/* The link of a replica to its master: connects, introduces itself, takes the dump, then the stream (replica_priv.h has the
 * states). A worker resolves the name and connects; everything else is on the loop. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/compat_options.h"
#include "event/conn.h"
#include "event/loop.h"
#include "event/net.h"
#include "event/worker.h"
#include "keyspace/kv.h"
#include "services/replication/replica_priv.h"
#include "services/replication/replication_priv.h"
#include "session/lifecycle.h"
#include "wire/resp/resp_codec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS 5000
#define READ_BYTES (64 * 1024)

enum step { STEP_PING, STEP_AUTH, STEP_PORT, STEP_ADDRESS, STEP_CAPA, STEP_PSYNC, STEP_BULK };

static struct {
    char host[256];
    int port;
    enum link_state state;
    enum step step;
    unsigned attempt; /* connections of former attempts are thrown away */
    struct conn *conn;
    struct buf in, out;
    bool known;    /* a position in the master's stream, so that PSYNC may go on */
    char dump[64]; /* file that the dump is received into */
    int fd;
    uint64_t left;
    int64_t heard_ms, down_since_s, acked_ms;
} master = {.fd = -1};

static int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

/* -- Writing ----------------------------------------------------------------------------------------------------------- */

static void fail(const char *why);

static void flush_out(void)
{
    while (master.conn && master.out.n > 0) {
        struct iovec v = {master.out.p, master.out.n};
        ssize_t n = conn_writev(master.conn, &v, 1);
        if (n == CONN_AGAIN)
            break;
        if (n < 0) {
            fail(conn_error(master.conn));
            return;
        }
        buf_consume(&master.out, (size_t)n);
    }
    if (master.conn)
        conn_want_write(master.conn, master.out.n > 0);
}

static void say(size_t n, const struct slice *words)
{
    resp_put_command(&master.out, n, words);
    flush_out();
}

static struct slice number(char *text, uint64_t v)
{
    return slice_make(text, num_format_int(text, (int64_t)v));
}

void repl__send_ack(void)
{
    char text[NUM_BUF];
    if (master.state != LINK_CONNECTED)
        return;
    master.acked_ms = now_ms();
    say(3, (struct slice[]){SLICE("REPLCONF"), SLICE("ACK"), number(text, repl.offset)});
}

/* -- The end of a link --------------------------------------------------------------------------------------------------- */

static void forget_dump(void)
{
    if (master.fd >= 0)
        close(master.fd);
    master.fd = -1;
    if (master.dump[0])
        (void)unlink(master.dump);
    master.dump[0] = 0;
}

static void drop(void)
{
    if (master.state == LINK_CONNECTED)
        master.down_since_s = clock_wall_ms() / 1000;
    conn_close(master.conn);
    master.conn = NULL;
    master.attempt++;
    buf_clear(&master.in);
    buf_clear(&master.out);
    forget_dump();
    lifecycle.master_up = false;
    if (master.state != LINK_NONE)
        master.state = LINK_CONNECT;
}

static void fail(const char *why)
{
    log_warning(LOG_SERVER, "%s: %s",
                master.state == LINK_CONNECTED ? "Connection with master lost"
                                               : "The synchronization with the master failed",
                why);
    drop();
}

/* -- The handshake ------------------------------------------------------------------------------------------------------- */

static int own_port(void)
{
    return compat_opts.replica_announce_port ? (int)compat_opts.replica_announce_port
                                             : repl__listen_port();
}

static void ask_for_stream(void)
{
    char text[NUM_BUF];
    struct slice words[3] = {SLICE("PSYNC"), SLICE("?"), SLICE("-1")};
    if (master.known) {
        words[1] = slice_str(repl.id);
        words[2] = number(text, repl.offset + 1);
    }
    say(3, words);
}

/* Says what belongs to the step, or goes on to the next that has something to say. */
static void take_step(enum step step)
{
    char text[NUM_BUF];
    struct slice user = slice_str(compat_opts.masteruser);
    struct slice password = slice_make(compat_opts.masterauth.p, compat_opts.masterauth.n);
    if (step == STEP_AUTH && password.n == 0)
        step = STEP_PORT;
    if (step == STEP_ADDRESS && !compat_opts.replica_announce_ip[0])
        step = STEP_CAPA;
    master.step = step;
    switch (step) {
    case STEP_PING:
        say(1, (struct slice[]){SLICE("PING")});
        break;
    case STEP_AUTH:
        if (user.n)
            say(3, (struct slice[]){SLICE("AUTH"), user, password});
        else
            say(2, (struct slice[]){SLICE("AUTH"), password});
        break;
    case STEP_PORT:
        say(3, (struct slice[]){SLICE("REPLCONF"), SLICE("listening-port"),
                                number(text, (uint64_t)own_port())});
        break;
    case STEP_ADDRESS:
        say(3, (struct slice[]){SLICE("REPLCONF"), SLICE("ip-address"),
                                slice_str(compat_opts.replica_announce_ip)});
        break;
    case STEP_CAPA:
        say(3, (struct slice[]){SLICE("REPLCONF"), SLICE("capa"), SLICE("psync2")});
        break;
    case STEP_PSYNC:
        ask_for_stream();
        break;
    case STEP_BULK:
        break;
    }
}

static void connected(void)
{
    master.state = LINK_CONNECTED;
    master.known = true;
    lifecycle.master_up = true;
    repl__send_ack();
}

static void begin_full(char *words)
{
    char id[41];
    uint64_t offset;
    if (sscanf(words, "FULLRESYNC %40s %" SCNu64, id, &offset) != 2) {
        fail("an unknown answer to PSYNC");
        return;
    }
    repl__drop_clients();
    master.known = false;
    snprintf(repl.id, sizeof repl.id, "%s", id);
    repl__no_second_id();
    repl.offset = offset;
    master.step = STEP_BULK;
    log_notice(LOG_SERVER, "Full resync from master: %s:%" PRIu64, id, offset);
}

static void go_on(const char *words)
{
    char id[41] = "";
    if (sscanf(words, "CONTINUE %40s", id) == 1 && strcmp(id, repl.id) != 0) {
        repl__change_id(id);
        repl__drop_clients();
    }
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
    connected();
}

static void begin_dump(const char *length)
{
    master.left = strtoull(length, NULL, 10);
    snprintf(master.dump, sizeof master.dump, "temp-master-XXXXXX");
    master.fd = mkstemp(master.dump);
    if (master.fd < 0) {
        master.dump[0] = 0;
        fail("no file for the dump");
        return;
    }
    master.state = LINK_TRANSFER;
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: receiving %" PRIu64 " bytes from master",
               master.left);
}

/* One line of the master's, without its end. */
static void on_line(char *line)
{
    bool error = line[0] == '-';
    switch (master.step) {
    case STEP_PING:
        if (error && strncmp(line, "-NOAUTH", 7) != 0 && strncmp(line, "-NOPERM", 7) != 0 &&
            strncmp(line, "-ERR operation not permitted", 28) != 0)
            fail(line);
        else
            take_step(STEP_AUTH);
        break;
    case STEP_AUTH:
        if (error) {
            log_warning(LOG_SERVER, "Unable to AUTH to MASTER: %s", line);
            drop();
        } else {
            take_step(STEP_PORT);
        }
        break;
    case STEP_PORT:
        take_step(STEP_ADDRESS);
        break;
    case STEP_ADDRESS:
        take_step(STEP_CAPA);
        break;
    case STEP_CAPA:
        take_step(STEP_PSYNC);
        break;
    case STEP_PSYNC:
        if (line[0] == 0)
            break;
        if (strncmp(line, "+FULLRESYNC", 11) == 0)
            begin_full(line + 1);
        else if (strncmp(line, "+CONTINUE", 9) == 0)
            go_on(line + 1);
        else
            fail(line);
        break;
    case STEP_BULK:
        if (line[0] == '$')
            begin_dump(line + 1);
        else if (line[0])
            fail(line);
        break;
    }
}

/* False: the line is not there yet. */
static bool take_line(void)
{
    char *end = memchr(master.in.p, '\n', master.in.n);
    if (!end)
        return false;
    size_t n = (size_t)(end - master.in.p);
    char line[512];
    size_t kept = n < sizeof line ? n : sizeof line - 1;
    memcpy(line, master.in.p, kept);
    if (kept && line[kept - 1] == '\r')
        kept--;
    line[kept] = 0;
    buf_consume(&master.in, n + 1);
    on_line(line);
    return true;
}

/* -- The dump and the stream ---------------------------------------------------------------------------------------------- */

static void load_dump(void)
{
    struct error err = {.message = ""};
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: Loading DB in memory");
    if (repl__apply_dump(master.dump, &err) != ST_OK) {
        fail(err.message);
        return;
    }
    forget_dump();
    repl__apply_reset();
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: Finished with success");
    connected();
}

static void take_dump(void)
{
    size_t n = master.in.n < master.left ? master.in.n : (size_t)master.left;
    for (size_t at = 0; at < n;) {
        ssize_t done = write(master.fd, master.in.p + at, n - at);
        if (done <= 0) {
            fail("the dump cannot be written to its file");
            return;
        }
        at += (size_t)done;
    }
    buf_consume(&master.in, n);
    master.left -= n;
    if (master.left == 0)
        load_dump();
}

static void take_input(void)
{
    struct error err = {.message = ""};
    while (master.state == LINK_HANDSHAKE && master.in.n > 0 && take_line())
        ;
    if (master.state == LINK_TRANSFER && (master.in.n > 0 || master.left == 0))
        take_dump();
    if (master.state == LINK_CONNECTED && master.in.n > 0 && repl__apply(&master.in, &err) != ST_OK)
        fail(err.message);
}

static void on_readable(void *arg)
{
    /* A bounded piece, so that others get their turn. */
    for (int i = 0; i < 16 && master.conn; i++) {
        buf_reserve(&master.in, READ_BYTES);
        ssize_t n = conn_read(master.conn, master.in.p + master.in.n, READ_BYTES);
        if (n == CONN_AGAIN)
            return;
        if (n <= 0) {
            fail(n == CONN_EOF ? "the master closed it" : conn_error(master.conn));
            return;
        }
        master.in.n += (size_t)n;
        master.heard_ms = now_ms();
        take_input();
    }
}

static void on_writable(void *arg)
{
    flush_out();
}

static void on_failed(void *arg, const char *why)
{
    fail(why);
}

/* -- Connecting ----------------------------------------------------------------------------------------------------------- */

struct connecting {
    char host[256];
    int port, fd;
    unsigned attempt;
    char why[128];
};

static int try_address(const struct addrinfo *a, char *why, size_t cap)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
    socklen_t size = sizeof error;
    if (fd < 0)
        return -1;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    if (connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS)
        error = errno;
    else if (poll(&p, 1, CONNECT_MS) != 1)
        error = ETIMEDOUT;
    else
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0)
        return fd;
    char text[128];
    snprintf(why, cap, "%s", strerror_r(error, text, sizeof text));
    close(fd);
    return -1;
}

static void connect_run(void *arg)
{
    struct connecting *c = arg;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    char port[16];
    snprintf(port, sizeof port, "%d", c->port);
    int failed = getaddrinfo(c->host, port, &hints, &list);
    if (failed)
        snprintf(c->why, sizeof c->why, "%s", gai_strerror(failed));
    for (struct addrinfo *a = list; a && c->fd < 0; a = a->ai_next)
        c->fd = try_address(a, c->why, sizeof c->why);
    if (list)
        freeaddrinfo(list);
}

static void connect_done(void *arg)
{
    static const struct conn_ops ops = {
        .readable = on_readable, .writable = on_writable, .failed = on_failed};
    struct connecting *c = arg;
    if (c->attempt != master.attempt || master.state != LINK_CONNECTING) {
        if (c->fd >= 0)
            close(c->fd);
    } else if (c->fd < 0) {
        log_warning(LOG_SERVER, "Unable to connect to MASTER: %s", c->why);
        master.state = LINK_CONNECT;
    } else {
        net_set_nodelay(c->fd);
        master.conn = conn_accept(lifecycle.loop, c->fd, NULL, &ops, NULL);
        master.state = LINK_HANDSHAKE;
        master.heard_ms = now_ms();
        take_step(STEP_PING);
    }
    mem_free(c);
}

static void begin_connecting(void)
{
    struct connecting *c = mem_calloc(1, sizeof *c);
    snprintf(c->host, sizeof c->host, "%s", master.host);
    c->port = master.port;
    c->fd = -1;
    c->attempt = ++master.attempt;
    master.state = LINK_CONNECTING;
    log_notice(LOG_SERVER, "Connecting to MASTER %s:%d", master.host, master.port);
    worker_submit(lifecycle.pool, WORKER_ANY, connect_run, connect_done, c);
}

/* -- For the rest of the folder -------------------------------------------------------------------------------------------- */

void repl__link_cron(void)
{
    if (master.state == LINK_NONE)
        return;
    if (master.conn && now_ms() - master.heard_ms > compat_opts.repl_timeout * 1000)
        fail(master.state == LINK_CONNECTED ? "MASTER timeout: no data nor PING received..."
                                            : "Timeout connecting to the MASTER...");
    if (master.state == LINK_CONNECT)
        begin_connecting();
    if (master.state == LINK_CONNECTED && now_ms() - master.acked_ms >= 1000)
        repl__send_ack();
}

void repl__follow(struct slice host, int port)
{
    bool was_master = master.state == LINK_NONE;
    drop();
    snprintf(master.host, sizeof master.host, "%.*s", SLICE_FMT(host));
    master.port = port;
    master.state = LINK_CONNECT;
    master.down_since_s = clock_wall_ms() / 1000;
    /* What this server wrote itself is a position of its own stream, which the new master may share. */
    master.known = was_master ? repl__backlog_active() : master.known;
    lifecycle.following = true;
    kv_follow(lifecycle.kv, true);
    begin_connecting();
}

void repl__follow_nobody(void)
{
    if (master.state == LINK_NONE)
        return;
    drop();
    master.state = LINK_NONE;
    master.host[0] = 0;
    lifecycle.following = false;
    kv_follow(lifecycle.kv, false);
    repl__change_id(NULL);
}

bool repl__follows(struct slice host, int port)
{
    return master.state != LINK_NONE && slice_eq(host, slice_str(master.host)) &&
           port == master.port;
}

const char *repl__link_role(const char **host, int *port)
{
    static const char *const words[] = {"none",      "connect", "connecting",
                                        "handshake", "sync",    "connected"};
    *host = master.host;
    *port = master.port;
    return words[master.state];
}

void repl__link_info(struct buf *out)
{
    bool up = master.state == LINK_CONNECTED;
    int64_t silent = (now_ms() - master.heard_ms) / 1000;
    buf_printf(out,
               "master_host:%s\r\nmaster_port:%d\r\nmaster_link_status:%s\r\n"
               "master_last_io_seconds_ago:%" PRId64 "\r\nmaster_sync_in_progress:%d\r\n"
               "slave_read_repl_offset:%" PRIu64 "\r\nslave_repl_offset:%" PRIu64 "\r\n",
               master.host, master.port, up ? "up" : "down", up ? silent : -1,
               master.state == LINK_TRANSFER, repl.offset, repl.offset);
    if (master.state == LINK_TRANSFER)
        buf_printf(out, "master_sync_left_bytes:%" PRIu64 "\r\n", master.left);
    if (!up)
        buf_printf(out, "master_link_down_since_seconds:%" PRId64 "\r\n",
                   clock_wall_ms() / 1000 - master.down_since_s);
    buf_printf(out, "slave_priority:%lld\r\nslave_read_only:%d\r\nreplica_announced:%d\r\n",
               (long long)compat_opts.replica_priority, compat_opts.replica_read_only,
               compat_opts.replica_announced);
}
