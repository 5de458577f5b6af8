/* Points where services attach to what sessions and commands do, so that nothing below knows them by name. Hooks run on the
 * loop thread in order of registration. */
#ifndef ORBIT_SESSION_HOOKS_H
#define ORBIT_SESSION_HOOKS_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct call;

/* The session whose command runs now; NULL: none (expiry, cron). */
struct session *session_current(void);

enum hook_point {
    HOOK_SESSION_CLOSE,  /* struct session *: slots are still there */
    HOOK_SESSION_RESET,  /* struct session *: RESET */
    HOOK_SESSION_USER,   /* struct session *: is about to become another user's */
    HOOK_BEFORE_COMMAND, /* struct call *: about to be executed (MONITOR) */
    HOOK_AFTER_COMMAND,  /* struct call *: executed (tracking, slowlog, latency) */
    HOOK_KEY_MODIFIED,   /* struct hook_key * */
    HOOK_FLUSHED,        /* struct hook_key *, db -1: all */
    HOOK_SWAPPED,        /* struct hook_swap * */
    HOOK_NOTIFY, /* struct hook_notify *: a keyspace notification that the mask or a module wants */
    HOOK_COMMITTED, /* struct slice *: a tick's effects, while kv_stream is on */
    HOOK_REPLICATE, /* struct hook_words *: for the replicas, and no effect (DEBUG REPLICATE) */
    HOOK_ROLE,      /* NULL: lifecycle.following has changed */
    HOOK_EVENT,     /* struct hook_event *: the server's life, as modules are told of it */
    HOOK_CRON,      /* NULL: ten times a second or by hz */
    HOOK_TICK,      /* NULL: before the tick is committed */
    HOOK_UNIT_END, /* NULL: a top-level command is over, with everything it ran (send what was deferred) */
    HOOK_DUMP, /* struct rdb_save *: a dump file is about to be written, of the data set as it is now */
    HOOK_LATENCY, /* struct hook_latency *: something that LATENCY tells of is over */
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
struct hook_latency {
    const char *event;
    int64_t us;
};
struct hook_words {
    size_t argc;
    const struct slice *argv;
};
/* Events of HOOK_EVENT; the numbers are those of the module API's REDISMODULE_EVENT_* and their sub-events. */
enum server_event {
    EVENT_ROLE_CHANGED = 0, /* 0 master now, 1 replica now */
    EVENT_PERSISTENCE = 1,  /* enum event_persistence */
    EVENT_FLUSH = 2,        /* 0 begins, 1 ended; data: struct hook_key, db -1: all */
    EVENT_LOADING = 3,      /* enum event_loading */
    EVENT_CLIENT = 4,       /* 0 connected, 1 gone; data: struct session */
    EVENT_SHUTDOWN = 5,
    EVENT_REPLICA = 6,     /* 0 online, 1 offline */
    EVENT_MASTER_LINK = 7, /* 0 up, 1 down */
    EVENT_CRON = 8,
    EVENT_MODULE = 9,            /* 0 loaded, 1 unloaded */
    EVENT_LOADING_PROGRESS = 10, /* 0 dump, 1 log; data: int, of 1024 (-1: not known) */
    EVENT_SWAPDB = 11,           /* data: struct hook_swap */
    EVENT_FORK_CHILD = 13,       /* 0 born, 1 died */
    EVENT_ASYNC_LOAD = 14,       /* 0 started, 1 aborted, 2 completed */
    EVENT_LOOP = 15,             /* 0 before, 1 after the loop sleeps: only modules hear of it */
    EVENT_CONFIG = 16,           /* data: struct hook_config */
    EVENT_KEY = 17, /* 0 deleted, 1 expired, 2 evicted, 3 overwritten; data: struct hook_key */
};
enum event_persistence {
    PERSISTENCE_DUMP,
    PERSISTENCE_LOG,
    PERSISTENCE_DUMP_NOW, /* in the foreground */
    PERSISTENCE_ENDED,
    PERSISTENCE_FAILED,
    PERSISTENCE_LOG_NOW,
};
enum event_loading { LOADING_DUMP, LOADING_LOG, LOADING_MASTER, LOADING_ENDED, LOADING_FAILED };
struct hook_event {
    enum server_event event;
    unsigned sub;
    void *data;
};
struct hook_config {
    const char *const *names;
    size_t n;
};
typedef void (*hook_fn)(void *arg);
/* hook_run(HOOK_EVENT, ...). */
void hook_event(enum server_event event, unsigned sub, void *data);
void hook_add(enum hook_point point, hook_fn fn);
void hook_run(enum hook_point point, void *arg);
/* Cheap test, to leave out building the argument. */
int hook_any(enum hook_point point);

#endif
