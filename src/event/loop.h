/* The event loop (libevent inside, known to this folder only). One loop, one thread.
 *
 * A tick is one iteration: wait for events, run their callbacks, run the tick-end hooks in order of priority. The hooks
 * write the log and then let the replies go. */
#ifndef ORBIT_EVENT_LOOP_H
#define ORBIT_EVENT_LOOP_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_fd;

enum loop_io { LOOP_READ = 1, LOOP_WRITE = 2 };

/* ST_INTERNAL when libevent fails. */
MUST_USE enum status loop_new(struct loop **out, struct error *err);
void loop_free(struct loop *l);
/* Runs until loop_stop; returns at once when that was called before. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Runs events that are ready, without waiting, and then only the hooks of LOOP_PRIO_REPLY: for long commands that must stay
 * responsive (loading, long scripts). May be called from inside a callback. */
void loop_poll(struct loop *l);

enum loop_prio {
    LOOP_PRIO_WOKEN = 0, /* at the beginning of a tick: the loop has slept */
    LOOP_PRIO_UNBLOCK = 10,
    LOOP_PRIO_COMMIT = 20,
    LOOP_PRIO_COMMITTED = 25,
    LOOP_PRIO_REPLY = 30,
    LOOP_PRIO_BACKGROUND = 40
};
typedef void (*loop_hook_fn)(void *arg);
/* fn runs at the end of every tick. BACKGROUND hooks may ask for another tick soon with loop_wake. */
void loop_on_tick(struct loop *l, enum loop_prio prio, loop_hook_fn fn, void *arg);
void loop_off_tick(struct loop *l, loop_hook_fn fn, void *arg);
/* The next wait does not sleep. Loop thread. */
void loop_wake(struct loop *l);
/* Wakes a sleeping loop. Any thread, also from a signal handler. */
void loop_wake_async(struct loop *l);

/* Timers in milliseconds. fn returns the next delay in ms, or -1 to stop (the timer is then freed). */
typedef int64_t (*loop_timer_fn)(void *arg);
struct loop_timer *loop_timer_add(struct loop *l, int64_t delay_ms, loop_timer_fn fn, void *arg);
void loop_timer_del(struct loop_timer *t);

/* File descriptors; fn(arg, LOOP_READ | LOOP_WRITE bits that are ready). Level-triggered, stays until removed. */
typedef void (*loop_fd_fn)(void *arg, int ready);
struct loop_fd *loop_fd_add(struct loop *l, int fd, int events, loop_fd_fn fn, void *arg);
void loop_fd_set(struct loop_fd *f, int events); /* 0: none for now */
void loop_fd_del(struct loop_fd *f);

/* Figures for INFO. */
struct loop_stats {
    uint64_t cycles;
    uint64_t busy_us; /* time spent not waiting */
    uint64_t last_us, max_us;
    uint64_t cron_us; /* time spent in timers */
    unsigned fds;
};
void loop_stats(const struct loop *l, struct loop_stats *out);
void loop_stats_reset(struct loop *l);
const char *loop_backend(const struct loop *l); /* "epoll" */

#endif
