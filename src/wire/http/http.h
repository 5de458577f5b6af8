/* The HTTP listeners: the REST interface (commands, keys, queries, health, its own description) and /metrics on a port of its
 * own. Each request has a session of its own and goes through dispatch(); its answer leaves when what it wrote is in the log.
 * Thread: loop. */
#ifndef ORBIT_WIRE_HTTP_HTTP_H
#define ORBIT_WIRE_HTTP_HTTP_H

#include "base/buf.h"
#include "base/status.h"

struct loop;
struct kv;

/* What the listener needs of the server without knowing it. */
struct http_env {
    struct loop *loop;
    struct kv *kv;
    /* Bytes of effects that this tick has to write. */
    size_t (*tick_bytes)(void);
    /* The option protected-mode. */
    bool (*protected_mode)(void);
    /* Writes are refused; why (may be NULL) gets the reason. */
    bool (*writes_refused)(struct error *why);
    /* Appends the text of /metrics. */
    void (*metrics)(struct buf *out);
};

/* Registers the tick hook that sends answers. env is copied. */
void http_init(const struct http_env *env);
/* Opens http-port and metrics-port, and follows CONFIG SET of them. A port that is in use is an error, unless it is the default
 * one: then it is logged. */
MUST_USE enum status http_listen(struct error *err);
/* Stops listening; requests under way go on. */
void http_unlisten(void);
/* Answers what can be answered, 503 to the rest, and closes all connections. */
void http_shutdown(void);

/* The tick's log write failed: who wrote something gets this error in place of its answer. To be called before answers leave. */
void http_tick_failed(const struct error *why);

/* Requests that are under way. */
size_t http_request_count(void);

#endif
