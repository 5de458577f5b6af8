/* Blocked clients: a command that cannot answer yet parks its session; somebody wakes it later. */
#ifndef ORBIT_SESSION_BLOCK_H
#define ORBIT_SESSION_BLOCK_H

#include "session/call.h"

#include <stdint.h>

struct block_ops {
    const char *kind; /* for debugging */
    /* What it waited for was done by others, in ticks before: its answer does not leave while that is not in the log either. */
    bool after_others;
    /* The deadline passed, or CLIENT UNBLOCK: answer. NULL: there is no deadline, and CLIENT UNBLOCK leaves it alone. */
    void (*timeout)(struct call *c, void *state);
    /* CLIENT UNBLOCK id ERROR and shutdown: default answers "-UNBLOCKED client unblocked via CLIENT UNBLOCK". May be NULL. */
    void (*abort)(struct call *c, void *state);
    /* Frees state; always called last. */
    void (*free_state)(void *state);
};
/* Parks the session of c, with a copy of its argv. deadline_ms: wall clock, 0: none. The command returns without reply. */
void block_session(struct call *c, const struct block_ops *ops, void *state, int64_t deadline_ms);
/* Wakes: answer is called with a fresh call to reply into (may be NULL), then the session goes on. */
void block_wake(struct session *s, void (*answer)(struct call *c, void *state, void *arg),
                void *arg);
/* Executes the blocked command again from its beginning. It answers, or blocks again (block_session). */
void block_execute_again(struct session *s);
/* Called when the session goes away or times out. CLIENT UNBLOCK; false: it was not blocked. */
bool block_unblock(struct session *s, bool with_error);
/* The command has worked so many microseconds more while it was blocked (on another thread). */
void block_add_duration(struct session *s, int64_t us);
size_t block_count(void);
size_t block_deadlines(void); /* how many of them wait with a deadline */
/* Times out those that are due, lets those that were answered go on; once a tick. True: more is waiting for the next one. */
bool block_tick(void);

/* Commands held back: by CLIENT PAUSE, or while replicas catch up before a shutdown or a failover. Each of these has a pause of
 * its own. until_ms: wall clock, INT64_MAX: until it is ended. */
enum pause_mode { PAUSE_OFF, PAUSE_WRITE, PAUSE_ALL };
enum pause_by { PAUSE_BY_CLIENT, PAUSE_BY_SHUTDOWN, PAUSE_BY_FAILOVER, PAUSE_BY_COUNT };
void pause_set(enum pause_by by, enum pause_mode mode, int64_t until_ms);
void pause_end(enum pause_by by);
/* The strictest that is on; PAUSE_OFF: none. */
enum pause_mode pause_mode(void);

#endif
