/* The two ports: REST and metrics. */
#include "base/log.h"
#include "base/mem.h"
#include "event/event_options.h"
#include "event/tls.h"
#include "session/lifecycle.h"
#include "wire/http/http_options.h"
#include "wire/http/http_priv.h"

#include <inttypes.h>

#define MAX_HEADER      (64 * 1024)
#define METRICS_BODY    1024
#define METRICS_CLIENTS 64
#define DRAIN_MS        200

static struct http_server *rest, *metrics;

static struct http_limits rest_limits(void)
{
    return (struct http_limits){.max_header = MAX_HEADER,
                                .max_body = (size_t)http_opts.http_max_body,
                                .max_connections = (unsigned)http_opts.http_max_connections,
                                .idle_s = (int)http_opts.http_idle_timeout};
}

static struct http_limits metrics_limits(void)
{
    return (struct http_limits){.max_header = MAX_HEADER,
                                .max_body = METRICS_BODY,
                                .max_connections = METRICS_CLIENTS,
                                .idle_s = (int)http_opts.http_idle_timeout};
}

static void on_metrics(void *arg, struct http_request *r)
{
    struct buf out = BUF_INIT;
    struct slice path = http_path(r);
    bool get = http_method(r) == HTTP_GET || http_method(r) == HTTP_HEAD;
    if (!slice_eq(path, SLICE("/metrics"))) {
        http__answer_error(r, 404, SLICE("NOTFOUND here is /metrics alone"));
        return;
    }
    if (!get) {
        http_set_header(r, "Allow", "GET, HEAD");
        http__answer_error(r, 405, SLICE("ERR this method is not allowed here"));
        return;
    }
    if (http_method(r) == HTTP_GET)
        http__env.metrics(&out);
    traffic.output_bytes += out.n;
    http_set_header(r, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    http_reply(r, 200, slice_make(out.n ? out.p : "", out.n));
    buf_free(&out);
}

/* Opens all addresses of bind, or none. */
static enum status open_all(struct http_server *s, const char *bind, int64_t port,
                            struct error *err)
{
    char address[128];
    if (port == 0)
        return ST_OK;
    for (const char *p = bind; *p;) {
        size_t n = strcspn(p, " ");
        if (n >= sizeof address)
            return error_set(err, ST_TOO_LONG, "an address of %zu bytes", n);
        memcpy(address, p, n);
        address[n] = 0;
        enum status st =
            n == 0 ? ST_OK
                   : http_server_listen(s, address, (int)port, (int)event_opts.tcp_backlog, err);
        if (st != ST_OK) {
            http_server_unlisten(s);
            return error_prefix(err, "%s", address);
        }
        p += n + (p[n] == ' ');
    }
    return ST_OK;
}

static enum status tls_reload(struct error *err)
{
    struct tls_context *fresh = NULL;
    if (http_opts.http_tls && tls_context_new(&fresh, err) != ST_OK)
        return err->code;
    http_server_set_tls(rest, fresh);
    tls_context_unref(fresh);
    return ST_OK;
}

static enum status rest_changed(void *arg, struct error *err)
{
    http_server_unlisten(rest);
    return open_all(rest, http_opts.http_bind, http_opts.http_port, err);
}

static enum status metrics_changed(void *arg, struct error *err)
{
    http_server_unlisten(metrics);
    return open_all(metrics, http_opts.metrics_bind, http_opts.metrics_port, err);
}

static enum status limits_changed(void *arg, struct error *err)
{
    struct http_limits l = rest_limits(), m = metrics_limits();
    http_server_set_limits(rest, &l);
    http_server_set_limits(metrics, &m);
    return ST_OK;
}

static enum status tls_changed(void *arg, struct error *err)
{
    return tls_reload(err);
}

static void follow_config(void)
{
    static const char *const tls_options[] = {
        "http-tls",         "tls-cert-file",   "tls-key-file",     "tls-key-file-pass",
        "tls-ca-cert-file", "tls-ca-cert-dir", "tls-auth-clients", "tls-protocols",
        "tls-ciphers",      "tls-ciphersuites"};
    config_on_change("http-port", rest_changed, NULL);
    config_on_change("http-bind", rest_changed, NULL);
    config_on_change("metrics-port", metrics_changed, NULL);
    config_on_change("metrics-bind", metrics_changed, NULL);
    config_on_change("http-max-body", limits_changed, NULL);
    config_on_change("http-max-connections", limits_changed, NULL);
    config_on_change("http-idle-timeout", limits_changed, NULL);
    for (size_t i = 0; i < COUNT_OF(tls_options); i++)
        config_on_change(tls_options[i], tls_changed, NULL);
}

void http_init(const struct http_env *env)
{
    struct http_limits l = rest_limits(), m = metrics_limits();
    http__env = *env;
    http__call_init();
    rest = http_server_new(env->loop, &l, http__on_request, NULL);
    metrics = http_server_new(env->loop, &m, on_metrics, NULL);
}

/* A default port that another server has keeps nobody from starting. */
static enum status start(const char *name, enum status st, bool is_default, const struct error *err)
{
    if (st == ST_OK)
        return ST_OK;
    log_warning(LOG_WIRE, "Cannot listen on %s: %s%s", name, err->message,
                is_default ? ". Going on without; set another port, or 0." : "");
    return is_default && st == ST_BUSY ? ST_OK : st;
}

enum status http_listen(struct error *err)
{
    enum status st = tls_reload(err);
    if (st != ST_OK)
        return error_prefix(err, "http-tls");
    st = open_all(rest, http_opts.http_bind, http_opts.http_port, err);
    st = start("http-port", st, http_opts.http_port == HTTP_PORT_DEFAULT, err);
    if (st != ST_OK)
        return st;
    st = open_all(metrics, http_opts.metrics_bind, http_opts.metrics_port, err);
    st = start("metrics-port", st, http_opts.metrics_port == HTTP_METRICS_DEFAULT, err);
    if (st == ST_OK)
        follow_config();
    return st;
}

void http_unlisten(void)
{
    if (!rest)
        return;
    http_server_unlisten(rest);
    http_server_unlisten(metrics);
}

void http_shutdown(void)
{
    if (!rest)
        return;
    http__calls_end();
    http_server_drain(rest, DRAIN_MS);
    http_server_drain(metrics, DRAIN_MS);
    http__calls_free();
    http_server_free(rest);
    http_server_free(metrics);
    rest = metrics = NULL;
}
