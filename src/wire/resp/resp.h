/* The RESP listener: accepts connections, turns bytes into commands for dispatch(), and lets the answers go at the end of
 * the tick, after the log was written. Thread: loop. */
#ifndef ORBIT_WIRE_RESP_RESP_H
#define ORBIT_WIRE_RESP_RESP_H

#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct loop;
struct kv;

/* What the listener needs of the keyspace without knowing it. */
struct resp_env {
    struct loop *loop;
    struct kv *kv;
    /* Bytes of effects that this tick has to write: tells whether a command wrote something. */
    size_t (*tick_bytes)(void);
    /* A hint that this key will be looked up soon. */
    void (*prefetch)(int db, const struct slice *keys, size_t n);
    /* The option of that name, which maxmemory-clients may be a percentage of. */
    size_t (*maxmemory)(void);
    /* Told the memory of all clients, from time to time. */
    void (*client_memory)(size_t bytes);
};

/* Registers the tick hook that sends replies. env is copied. */
void resp_init(const struct resp_env *env);
/* Opens what port, tls-port, bind and unixsocket ask for, and follows CONFIG SET of them. An address that cannot be had is
 * an error, unless it is optional ("-addr"). */
MUST_USE enum status resp_listen(struct error *err);
/* Logs "Ready to accept connections ..." for each kind of listener. */
void resp_log_ready(void);
/* Stops listening (and removes the unix socket); connections go on. */
void resp_unlisten(void);
/* Sends what can be sent at once and closes all connections. */
void resp_shutdown(void);

/* The tick's log write failed: whoever ran a writing command gets "-MISCONF ..." in place of each reply of this tick. To be
 * called before the replies leave. */
void resp_tick_failed(const struct error *why);

/* Timeouts, memory of idle clients, soft limits: for a share of the clients at each call, all of them once a second. */
void resp_cron(int64_t hz);

size_t resp_client_count(void);

#endif
