/* Listeners of modules: options, sockets, and who is turned away at the door. */
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/config.h"
#include "event/loop.h"
#include "event/net.h"
#include "module/listener_priv.h"
#include "module/module.h"
#include "session/lifecycle.h"
#include "session/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define ACCEPT_MAX      1000 /* connections taken in a row */
#define CONNECTIONS     1000
#define CONNECTIONS_MAX 1000000
#define IDLE_CHECK_MS   1000
#define NAME_MAX_BYTES  32

static struct list_node listeners = {&listeners, &listeners};

/* -- Accepting ------------------------------------------------------------------------------------------------------------ */

static int64_t option_of_clients(struct slice name)
{
    struct buf text = BUF_INIT;
    int64_t n = 0;
    bool ok = config_get(name, &text) == ST_OK && num_parse_int(buf_slice(&text), &n);
    orbit_assert(ok);
    buf_free(&text);
    return n;
}

static void on_accept(void *arg, int ready)
{
    struct listener *l = arg;
    int64_t most = option_of_clients(SLICE("maxclients"));
    int64_t keepalive = option_of_clients(SLICE("tcp-keepalive"));
    for (size_t i = 0; i < l->nfds; i++)
        for (int k = 0; k < ACCEPT_MAX; k++) {
            int fd = net_accept(l->fds[i]);
            if (fd < 0 && errno != EAGAIN)
                log_warning(LOG_MODULE, "Accepting a client of %s: %s", l->ops->name,
                            strerror(errno));
            if (fd < 0)
                break;
            if (l->nconns >= (size_t)l->max_connections || session_count() >= (size_t)most) {
                close(fd);
                l->rejected++;
                traffic.rejected++;
                continue;
            }
            l->accepted++;
            traffic.connections++;
            net_set_keepalive(fd, (int)keepalive);
            module__conn_new(l, fd);
        }
}

static int64_t on_timer(void *arg)
{
    module__conns_check_idle(arg);
    return IDLE_CHECK_MS;
}

/* -- Opening -------------------------------------------------------------------------------------------------------------- */

static void close_sockets(struct listener *l)
{
    for (size_t i = 0; i < l->nfds; i++) {
        loop_fd_del(l->watches[i]);
        close(l->fds[i]);
    }
    l->nfds = 0;
}

static enum status open_one(struct listener *l, struct slice word, struct error *err)
{
    char address[128];
    int fd;
    if (l->nfds == EVENT_BIND_MAX || word.n >= sizeof address)
        return error_set(err, ST_TOO_LONG, "too many addresses, or too long ones");
    memcpy(address, word.p, word.n);
    address[word.n] = 0;
    enum status st = net_listen_tcp(address, (int)l->port, (int)event_opts.tcp_backlog, &fd, err);
    if (st != ST_OK)
        return error_prefix(err, "%s port %s:%" PRId64, l->ops->name, address, l->port);
    l->fds[l->nfds] = fd;
    l->watches[l->nfds++] = loop_fd_add(lifecycle.loop, fd, LOOP_READ, on_accept, l);
    return ST_OK;
}

/* All addresses, or none. */
static enum status open_sockets(struct listener *l, struct error *err)
{
    struct slice left = module__slice(l->bind);
    close_sockets(l);
    enum status st = ST_OK;
    while (l->port && left.n && st == ST_OK) {
        size_t n = 0;
        while (n < left.n && left.p[n] != ' ')
            n++;
        if (n)
            st = open_one(l, slice_make(left.p, n), err);
        n += n < left.n;
        left = slice_make(left.p + n, left.n - n);
    }
    if (st != ST_OK)
        close_sockets(l);
    return st;
}

static enum status load_tls(struct listener *l, struct error *err)
{
    struct tls_context *fresh = NULL;
    if (l->tls_on && tls_context_new(&fresh, err) != ST_OK)
        return error_prefix(err, "%s-tls", l->ops->name);
    tls_context_unref(l->tls);
    l->tls = fresh;
    return ST_OK;
}

static enum status tls_changed(void *arg, struct error *err)
{
    LIST_EACH(n, &listeners)
    {
        struct listener *l = LIST_ENTRY(n, struct listener, link);
        if (l->live && load_tls(l, err) != ST_OK)
            return err->code;
    }
    return ST_OK;
}

enum status module__listeners_open(struct module *m, struct error *err)
{
    LIST_EACH(n, &listeners)
    {
        struct listener *l = LIST_ENTRY(n, struct listener, link);
        if (l->module != m)
            continue;
        if (load_tls(l, err) != ST_OK || open_sockets(l, err) != ST_OK)
            return err->code;
        l->timer = loop_timer_add(lifecycle.loop, IDLE_CHECK_MS, on_timer, l);
        l->live = true;
    }
    return ST_OK;
}

/* -- Options -------------------------------------------------------------------------------------------------------------- */

static int64_t *number_of(struct listener *l, const char *name)
{
    name += strlen(l->ops->name);
    if (strcmp(name, "-port") == 0)
        return &l->port;
    return strcmp(name, "-idle-timeout") == 0 ? &l->idle_s : &l->max_connections;
}

static long long get_number(const char *name, void *l)
{
    return *number_of(l, name);
}

static int set_number(const char *name, long long v, void *l, RedisModuleString **why)
{
    *number_of(l, name) = v;
    return REDISMODULE_OK;
}

static RedisModuleString *get_bind(const char *name, void *arg)
{
    struct listener *l = arg;
    return l->bind;
}

static int set_bind(const char *name, RedisModuleString *v, void *arg, RedisModuleString **why)
{
    struct listener *l = arg;
    module__string_unref(l->bind);
    l->bind = module__string(module__slice(v));
    return REDISMODULE_OK;
}

static int get_tls(const char *name, void *arg)
{
    const struct listener *l = arg;
    return l->tls_on;
}

static int set_tls(const char *name, int v, void *arg, RedisModuleString **why)
{
    struct listener *l = arg;
    l->tls_on = v != 0;
    return REDISMODULE_OK;
}

static int applied(enum status st, const struct error *err, RedisModuleString **why)
{
    if (st == ST_OK)
        return REDISMODULE_OK;
    *why = module__string(slice_str(err->message));
    return REDISMODULE_ERR;
}

static int apply_sockets(RedisModuleCtx *ctx, void *arg, RedisModuleString **why)
{
    struct listener *l = arg;
    struct error err;
    return l->live ? applied(open_sockets(l, &err), &err, why) : REDISMODULE_OK;
}

static int apply_tls(RedisModuleCtx *ctx, void *arg, RedisModuleString **why)
{
    struct listener *l = arg;
    struct error err;
    return l->live ? applied(load_tls(l, &err), &err, why) : REDISMODULE_OK;
}

static bool add_options(RedisModuleCtx *ctx, struct listener *l)
{
    const struct OrbitListener *o = l->ops;
    char name[NAME_MAX_BYTES + 32];
    snprintf(name, sizeof name, "%s-port", o->name);
    if (rm_RegisterNumericConfig(ctx, name, o->port, 0, 0, UINT16_MAX, get_number, set_number,
                                 apply_sockets, l) != REDISMODULE_OK)
        return false;
    snprintf(name, sizeof name, "%s-bind", o->name);
    if (rm_RegisterStringConfig(ctx, name, o->bind ? o->bind : "127.0.0.1", 0, get_bind, set_bind,
                                apply_sockets, l) != REDISMODULE_OK)
        return false;
    snprintf(name, sizeof name, "%s-tls", o->name);
    if (o->tls &&
        rm_RegisterBoolConfig(ctx, name, 0, 0, get_tls, set_tls, apply_tls, l) != REDISMODULE_OK)
        return false;
    snprintf(name, sizeof name, "%s-max-connections", o->name);
    if (rm_RegisterNumericConfig(ctx, name, o->max_connections ? o->max_connections : CONNECTIONS,
                                 0, 1, CONNECTIONS_MAX, get_number, set_number, NULL,
                                 l) != REDISMODULE_OK)
        return false;
    snprintf(name, sizeof name, "%s-idle-timeout", o->name);
    return rm_RegisterNumericConfig(ctx, name, o->idle_timeout, 0, 0, INT32_MAX, get_number,
                                    set_number, NULL, l) == REDISMODULE_OK;
}

/* -- Life ----------------------------------------------------------------------------------------------------------------- */

enum status om_RegisterListener(RedisModuleCtx *ctx, const struct OrbitListener *ops, void *arg,
                                struct error *err)
{
    const char *why = module__orbit_not_now(ctx);
    if (why)
        return error_set(err, ST_INVALID, "%s", why);
    size_t n = ops->name ? strspn(ops->name, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
    if (n == 0 || n > NAME_MAX_BYTES || ops->name[n] || !ops->bytes)
        return error_set(err, ST_INVALID, "a listener needs a name of small letters, and bytes");
    LIST_EACH(it, &listeners)
    {
        if (strcmp(LIST_ENTRY(it, struct listener, link)->ops->name, ops->name) == 0)
            return error_set(err, ST_EXISTS, "there is a listener '%s' already", ops->name);
    }
    struct listener *l = mem_calloc(1, sizeof *l);
    l->module = ctx->module;
    l->ops = ops;
    l->arg = arg;
    l->bind = module__string(SLICE(""));
    list_init(&l->conns);
    list_push(&listeners, &l->link);
    /* What was added goes with the module, which must not load then. */
    if (!add_options(ctx, l))
        return error_set(err, ST_INVALID, "the options of the listener '%s' cannot be registered",
                         ops->name);
    return ST_OK;
}

bool module__listeners_busy(const struct module *m)
{
    LIST_EACH(n, &listeners)
    {
        const struct listener *l = LIST_ENTRY(n, struct listener, link);
        if (l->module == m && l->nconns)
            return true;
    }
    return false;
}

static void close_listener(struct listener *l)
{
    close_sockets(l);
    loop_timer_del(l->timer);
    l->timer = NULL;
    l->live = false;
    tls_context_unref(l->tls);
    l->tls = NULL;
}

void module__listeners_drop(struct module *m)
{
    LIST_EACH_SAFE(n, tmp, &listeners)
    {
        struct listener *l = LIST_ENTRY(n, struct listener, link);
        if (l->module != m)
            continue;
        orbit_assert(l->nconns == 0);
        close_listener(l);
        list_remove(n);
        module__string_unref(l->bind);
        mem_free(l);
    }
}

void module__listeners_info(struct buf *out)
{
    LIST_EACH(n, &listeners)
    {
        const struct listener *l = LIST_ENTRY(n, struct listener, link);
        buf_printf(out,
                   "listener_%s:port=%" PRId64 ",connections=%zu,accepted=%" PRIu64
                   ",rejected=%" PRIu64 "\r\n",
                   l->ops->name, l->nfds ? l->port : 0, l->nconns, l->accepted, l->rejected);
    }
}

void module__listeners_start(void)
{
    static const char *const tls_options[] = {
        "tls-cert-file",    "tls-key-file",    "tls-key-file-pass",
        "tls-ca-cert-file", "tls-ca-cert-dir", "tls-auth-clients",
        "tls-protocols",    "tls-ciphers",     "tls-ciphersuites"};
    for (size_t i = 0; i < COUNT_OF(tls_options); i++)
        config_on_change(tls_options[i], tls_changed, NULL);
    module__conns_start();
}

void module_tick_failed(void)
{
    module__conns_tick_failed();
}

void module_unlisten(void)
{
    LIST_EACH(n, &listeners)
    {
        struct listener *l = LIST_ENTRY(n, struct listener, link);
        close_listener(l);
        module__conns_end(l);
    }
}
