/* MULTI and WATCH of a session. Queued commands are copied once, into one buffer. */
#ifndef ORBIT_SESSION_MULTI_H
#define ORBIT_SESSION_MULTI_H

#include "session/call.h"

/* MULTI, DISCARD, EXEC. begin: the session is not in MULTI yet; the others: it is. */
void multi_begin(struct session *s);
void multi_discard(struct session *s);
/* Answers; afterwards the session is out of MULTI. */
void multi_exec(struct call *c);

/* Appends a call that has passed all checks. False: out of memory. */
MUST_USE bool multi_queue(struct call *c);
size_t multi_count(const struct session *s);
/* Flags that any (or: that not all) of the queued commands have. */
unsigned multi_flags(const struct session *s);
unsigned multi_inverse_flags(const struct session *s);
/* Bytes that the queue holds: CLIENT LIST's multi-mem. */
size_t multi_bytes(const struct session *s);

/* WATCH one key. A failing store is answered: false. */
MUST_USE bool multi_watch(struct call *c, struct slice key);
void multi_unwatch(struct session *s);
size_t multi_watched(const struct session *s);
/* True when a watched key has expired since WATCH. */
bool multi_watch_expired(struct session *s);

/* Attaches to the hooks that tell of changed keys; once, at the start. */
void multi_init(void);

/* EXEC runs its commands. */
bool multi_running(void);

#endif
