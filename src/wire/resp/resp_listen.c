/* Where clients come in: TCP, TLS and unix sockets, and who is turned away at the door. */
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "event/conn.h"
#include "event/event_options.h"
#include "event/loop.h"
#include "event/net.h"
#include "event/tls.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "wire/resp/resp_options.h"
#include "wire/resp/resp_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define ACCEPT_MAX 1000 /* connections taken in a row */

enum kind { KIND_TCP, KIND_TLS, KIND_UNIX, KINDS };
static const char *const kind_names[KINDS] = {"tcp", "tls", "unix"};

struct socket_set {
    int fds[EVENT_BIND_MAX];
    struct loop_fd *watches[EVENT_BIND_MAX];
    size_t n;
};

static struct socket_set sets[KINDS];
static struct tls_context *tls;

/* -- accepting ----------------------------------------------------------------------------------- */

static void refuse(int fd, enum kind kind, const char *text)
{
    if (kind != KIND_TLS)
        (void)!write(fd, text, strlen(text));
    close(fd);
    traffic.rejected++;
}

static void admit(int fd, enum kind kind)
{
    if (resp_client_count() >= (size_t)resp_opts.maxclients) {
        refuse(fd, kind, "-ERR max number of clients reached\r\n");
        return;
    }
    traffic.connections++;
    bool local = kind == KIND_UNIX || net_peer_is_local(fd);
    if (kind != KIND_UNIX) {
        net_set_nodelay(fd);
        net_set_keepalive(fd, (int)resp_opts.tcp_keepalive);
    }
    struct resp_client *c = resp__client_new(fd, kind == KIND_TLS ? tls : NULL,
                                             kind == KIND_UNIX ? event_opts.unixsocket : NULL);
    if (log_get_level() <= LOG_VERBOSE) {
        resp__client_addresses(c);
        log_verbose(LOG_WIRE, "Accepted %s", c->addr);
    }
    if (resp_opts.protected_mode && !local && (c->s->flags & SESS_AUTHENTICATED)) {
        struct slice text = SLICE(
            "DENIED Orbit is running in protected mode: the default user has no password, so only "
            "clients on this machine are let in. To admit others, either 1) set a password with "
            "requirepass or for the default user, or 2) set protected-mode to no, with CONFIG SET "
            "from "
            "this machine (and CONFIG REWRITE to keep it), in the configuration file, or with "
            "'--protected-mode no' when the server is started. Do the latter only where nobody "
            "from "
            "outside can reach the port.");
        traffic.rejected++;
        c->sink.ops->error(&c->sink, text);
        session_close(c->s, SESS_CLOSE_AFTER_REPLY);
    }
    hook_event(EVENT_CLIENT, 0, c->s);
}

static void accept_all(int listen_fd, enum kind kind)
{
    for (int i = 0; i < ACCEPT_MAX; i++) {
        int fd = net_accept(listen_fd);
        if (fd >= 0) {
            admit(fd, kind);
            continue;
        }
        if (errno != EAGAIN)
            log_warning(LOG_WIRE, "Accepting client connection: %s", strerror(errno));
        return;
    }
}

static void on_tcp(void *arg, int ready)
{
    accept_all(*(int *)arg, KIND_TCP);
}

static void on_tls(void *arg, int ready)
{
    accept_all(*(int *)arg, KIND_TLS);
}

static void on_unix(void *arg, int ready)
{
    accept_all(*(int *)arg, KIND_UNIX);
}

/* -- opening ------------------------------------------------------------------------------------- */

static void set_close(struct socket_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        loop_fd_del(s->watches[i]);
        close(s->fds[i]);
    }
    s->n = 0;
}

static void set_watch(enum kind kind)
{
    static const loop_fd_fn on[KINDS] = {on_tcp, on_tls, on_unix};
    struct socket_set *s = &sets[kind];
    for (size_t i = 0; i < s->n; i++)
        s->watches[i] = loop_fd_add(resp__env.loop, s->fds[i], LOOP_READ, on[kind], &s->fds[i]);
}

/* Opens all addresses of "bind" on port into s, without watching them yet. */
static enum status set_open(struct socket_set *s, int port, struct error *err)
{
    s->n = 0;
    for (size_t i = 0; i < event_bind.n; i++) {
        const char *addr = event_bind.address[i];
        bool optional = *addr == '-';
        addr += optional;
        enum status st =
            net_listen_tcp(addr, port, (int)event_opts.tcp_backlog, &s->fds[s->n], err);
        if (st == ST_OK) {
            net_set_mark(s->fds[s->n], (unsigned)event_opts.socket_mark_id);
            s->watches[s->n++] = NULL;
            continue;
        }
        log_warning(LOG_WIRE, "Warning: Could not create server TCP listening socket %s:%d: %s",
                    addr, port, err->message);
        if (st == ST_UNSUPPORTED || (st == ST_NOT_FOUND && optional))
            continue;
        for (size_t k = 0; k < s->n; k++)
            close(s->fds[k]);
        s->n = 0;
        return st;
    }
    return ST_OK;
}

/* Replaces the sockets of one kind; on failure the former ones stay. */
static enum status set_replace(enum kind kind, int port, struct error *err)
{
    struct socket_set fresh = {.n = 0};
    if (port != 0) {
        enum status st = set_open(&fresh, port, err);
        if (st != ST_OK)
            return st;
    }
    set_close(&sets[kind]);
    sets[kind] = fresh;
    set_watch(kind);
    return ST_OK;
}

static enum status tls_reload(struct error *err)
{
    struct tls_context *fresh = NULL;
    enum status st = tls_context_new(&fresh, err);
    if (st != ST_OK) {
        log_warning(LOG_WIRE, "%s", err->message);
        return st;
    }
    tls_context_unref(tls);
    tls = fresh;
    return ST_OK;
}

static enum status port_changed(void *arg, struct error *err)
{
    enum kind kind = arg ? KIND_TLS : KIND_TCP;
    int port = (int)(kind == KIND_TLS ? event_opts.tls_port : event_opts.port);
    if (kind == KIND_TLS && port && !tls && tls_reload(err) != ST_OK)
        return error_set(err, ST_INVALID, "Unable to update TLS configuration. Check server logs.");
    if (set_replace(kind, port, err) != ST_OK)
        return error_set(err, ST_INVALID, "Unable to listen on this port. Check server logs.");
    return ST_OK;
}

static enum status bind_changed(void *arg, struct error *err)
{
    struct socket_set fresh[2] = {{.n = 0}, {.n = 0}};
    const int ports[2] = {(int)event_opts.port, (int)event_opts.tls_port};
    /* The former sockets hold the same ports, so they must go first. */
    set_close(&sets[KIND_TCP]);
    set_close(&sets[KIND_TLS]);
    bool ok = true;
    for (int i = 0; i < 2 && ok; i++)
        ok = ports[i] == 0 || set_open(&fresh[i], ports[i], err) == ST_OK;
    if (ok && event_bind.n > 0)
        ok = fresh[0].n + fresh[1].n > 0 || (ports[0] == 0 && ports[1] == 0);
    for (int i = 0; i < 2; i++) {
        sets[i] = fresh[i];
        set_watch((enum kind)i);
    }
    if (ok)
        return ST_OK;
    return error_set(err, ST_INVALID, "Failed to bind to specified addresses.");
}

static enum status tls_changed(void *arg, struct error *err)
{
    if (!tls)
        return ST_OK; /* read when tls-port is set */
    if (tls_reload(err) != ST_OK)
        return error_set(err, ST_INVALID, "Unable to update TLS configuration. Check server logs.");
    return ST_OK;
}

static void follow_config(void)
{
    static const char *const tls_options[] = {"tls-cert-file",
                                              "tls-key-file",
                                              "tls-key-file-pass",
                                              "tls-dh-params-file",
                                              "tls-ca-cert-file",
                                              "tls-ca-cert-dir",
                                              "tls-auth-clients",
                                              "tls-protocols",
                                              "tls-ciphers",
                                              "tls-ciphersuites",
                                              "tls-prefer-server-ciphers",
                                              "tls-session-caching",
                                              "tls-session-cache-size",
                                              "tls-session-cache-timeout"};
    config_on_change("port", port_changed, NULL);
    config_on_change("tls-port", port_changed, &tls);
    config_on_change("bind", bind_changed, NULL);
    for (size_t i = 0; i < COUNT_OF(tls_options); i++)
        config_on_change(tls_options[i], tls_changed, NULL);
}

static enum status listen_failed(struct error *err, int64_t port, const char *what)
{
    log_warning(LOG_WIRE, "Failed listening on port %" PRId64 " (%s), aborting.", port, what);
    return err->code;
}

enum status resp_listen(struct error *err)
{
    if (event_opts.port && set_open(&sets[KIND_TCP], (int)event_opts.port, err) != ST_OK)
        return listen_failed(err, event_opts.port, "tcp");
    if (event_opts.tls_port) {
        if (tls_reload(err) != ST_OK) {
            log_warning(LOG_WIRE, "Failed to configure TLS. Check logs for more info.");
            return err->code;
        }
        if (set_open(&sets[KIND_TLS], (int)event_opts.tls_port, err) != ST_OK)
            return listen_failed(err, event_opts.tls_port, "tls");
    }
    if (*event_opts.unixsocket) {
        struct socket_set *s = &sets[KIND_UNIX];
        enum status st = net_listen_unix(event_opts.unixsocket, (unsigned)event_opts.unixsocketperm,
                                         (int)event_opts.tcp_backlog, &s->fds[0], err);
        if (st != ST_OK) {
            log_warning(LOG_WIRE, "Failed opening Unix socket: %s", err->message);
            return st;
        }
        s->n = 1;
    }
    for (int i = 0; i < KINDS; i++)
        set_watch((enum kind)i);
    follow_config();
    return ST_OK;
}

void resp_log_ready(void)
{
    for (int i = 0; i < KINDS; i++)
        if (sets[i].n > 0)
            log_notice(LOG_WIRE, "Ready to accept connections %s", kind_names[i]);
}

void resp_unlisten(void)
{
    bool had_unix = sets[KIND_UNIX].n > 0;
    for (int i = 0; i < KINDS; i++)
        set_close(&sets[i]);
    if (had_unix) {
        log_notice(LOG_WIRE, "Removing the unix socket file.");
        (void)unlink(event_opts.unixsocket);
    }
    tls_context_unref(tls);
    tls = NULL;
}
