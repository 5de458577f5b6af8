/* Listeners of modules: orbit_listener.c owns their sockets and options, orbit_conn.c the connections. Thread: loop. */
#ifndef ORBIT_MODULE_LISTENER_PRIV_H
#define ORBIT_MODULE_LISTENER_PRIV_H

#include "event/event_options.h"
#include "event/tls.h"
#include "module/orbit_priv.h"

struct listener {
    struct list_node link;
    struct module *module;
    const struct OrbitListener *ops;
    void *arg;
    bool live; /* its module is loaded: options take effect */
    int64_t port, max_connections, idle_s;
    bool tls_on;
    RedisModuleString *bind;
    int fds[EVENT_BIND_MAX];
    struct loop_fd *watches[EVENT_BIND_MAX];
    size_t nfds;
    struct tls_context *tls; /* NULL: plain */
    struct loop_timer *timer;
    struct list_node conns; /* struct orbit_conn */
    size_t nconns;
    uint64_t accepted, rejected;
};

/* Takes over fd; the module hears of it at the end of the tick. */
void module__conn_new(struct listener *l, int fd);
/* Closes those on which nothing has moved for too long. */
void module__conns_check_idle(struct listener *l);
/* Sends what can be sent at once, and closes all. */
void module__conns_end(struct listener *l);
void module__conns_start(void);
/* What waits to be sent in this tick was not logged. */
void module__conns_tick_failed(void);

#endif
