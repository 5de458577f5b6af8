/* What queries and their sessions share. Thread: loop, but for the functions that say worker. */
#ifndef ORBIT_ENGINE_QUERY_PRIV_H
#define ORBIT_ENGINE_QUERY_PRIV_H

#include "base/buf.h"
#include "engine/query.h"
#include "engine/registry.h"
#include "event/worker.h"

struct query_session {
    struct engine *engine;
    struct engine_who who; /* in text */
    struct buf text;
    void *session;       /* the engine's; the worker's while a job runs */
    _Atomic bool open;   /* session is valid */
    struct query *query; /* that runs in it */
    bool transaction;    /* a begin, commit or rollback runs */
    bool closing;
};

/* Worker: the engine's session is open on return, or why not. */
MUST_USE enum status query__session_ready(struct query_session *s, struct error *err);
/* Worker: the engine's session is closed, if it is open. */
void query__session_end(struct query_session *s);
bool query__session_busy(const struct query_session *s);
/* Tells the engine that what runs has to end. */
void query__session_wake(struct query_session *s);
/* What ran in it is over: goes on closing it. One that belonged to a query alone goes with it. */
void query__session_idle(struct query_session *s);
void query__submit(worker_fn run, worker_fn done, void *arg);

#endif
