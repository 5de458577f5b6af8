/* Points where services attach to what sessions and commands do, so that nothing below knows them by name. Hooks run on the
 * loop thread in order of registration. */
#ifndef ORBIT_SESSION_HOOKS_H
#define ORBIT_SESSION_HOOKS_H

#include "base/slice.h"

#include <stdint.h>

struct session;
struct call;

/* The session whose command runs now; NULL: none (expiry, cron). */
struct session *session_current(void);

enum hook_point {
    HOOK_SESSION_CLOSE,  /* struct session *: slots are still there */
    HOOK_SESSION_RESET,  /* struct session *: RESET */
    HOOK_BEFORE_COMMAND, /* struct call *: about to be executed (MONITOR) */
    HOOK_AFTER_COMMAND,  /* struct call *: executed (tracking, slowlog, latency) */
    HOOK_KEY_MODIFIED,   /* struct hook_key * */
    HOOK_FLUSHED,        /* struct hook_key *, db -1: all */
    HOOK_SWAPPED,        /* struct hook_swap * */
    HOOK_NOTIFY,         /* struct hook_notify *: a keyspace notification that passed the mask */
    HOOK_COMMITTED,      /* struct slice *: a tick's effects, while kv_stream is on */
    HOOK_REPLICATE, /* struct hook_words *: for the replicas, and no effect (DEBUG REPLICATE) */
    HOOK_ROLE,      /* NULL: lifecycle.following has changed */
    HOOK_CRON,      /* NULL: ten times a second or by hz */
    HOOK_TICK,      /* NULL: before the tick is committed */
    HOOK_UNIT_END, /* NULL: a top-level command is over, with everything it ran (send what was deferred) */
    HOOK_POINTS
};
struct hook_key {
    int db;
    struct slice key;
};
struct hook_swap {
    int a, b;
};
struct hook_notify {
    unsigned cls;
    const char *event;
    int db;
    struct slice key;
};
struct hook_words {
    size_t argc;
    const struct slice *argv;
};
typedef void (*hook_fn)(void *arg);
void hook_add(enum hook_point point, hook_fn fn);
void hook_run(enum hook_point point, void *arg);
/* Cheap test, to leave out building the argument. */
int hook_any(enum hook_point point);

#endif
