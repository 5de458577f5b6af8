/* Running queries on the worker pool. Each step (open, prepare, execute, fetch) is a job; what comes back is given to a
 * consumer on the loop thread:
 *
 *   query_start -> columns -> rows ... rows -> done
 *                                |  false: paused until query_resume
 *
 * One batch is fetched ahead while the consumer has another one, so memory stays bounded however slow the client is. Limits of
 * time and memory stop the query with a message that says so. done comes exactly once, always from the loop and never from
 * inside of another call, unless query_drop said that nobody listens any more.
 * Thread: loop. */
#ifndef ORBIT_ENGINE_QUERY_H
#define ORBIT_ENGINE_QUERY_H

#include "engine/engine.h"

struct loop;
struct worker_pool;
struct query;
struct query_session;

struct query_request {
    struct slice engine;           /* name of the engine; empty with session or procedure */
    struct slice procedure;        /* call this procedure instead of running a text */
    struct query_session *session; /* NULL: a session for this query alone */
    struct engine_who who;         /* of a session for this query alone */
    struct slice text;
    const struct value *params; /* positional; or one object, named */
    size_t nparams;
    int64_t timeout_ms; /* 0: query-timeout; never more than that when it is set */
    size_t memory;      /* 0: query-memory; never more than that */
    size_t batch_rows;  /* 0: 256 */
};

struct query_summary {
    uint64_t rows;
    int64_t duration_us;       /* from query_start to the end */
    const struct value *value; /* the engine's own object; NULL: none */
};

struct query_consumer {
    /* What the rows are made of; once, before the first rows. */
    void (*columns)(void *arg, const struct column *v, size_t n);
    /* Rows; the batch is borrowed for the call. False: no more for now, until query_resume. */
    bool (*rows)(void *arg, const struct row_batch *batch);
    /* The end. st ST_OK: all rows were given; else err says why not (some rows may have been given). The query is gone then. */
    void (*done)(void *arg, enum status st, const struct error *err,
                 const struct query_summary *summary);
};

/* Before the first query, once. */
void query_init(struct loop *l, struct worker_pool *p);
/* Cancels everything that runs and waits for it; no consumer is called any more. Before the worker pool goes. */
void query_stop(void);

/* Everything that req points to is copied. ST_NOT_FOUND: no such engine or procedure ("the query engine 'x' is not loaded");
 * ST_BUSY: the session runs another one. The consumer must live until done or query_drop. */
MUST_USE enum status query_start(const struct query_request *req,
                                 const struct query_consumer *consumer, void *arg,
                                 struct query **out, struct error *err);
/* rows may be called from inside. */
void query_resume(struct query *q);
/* Ends it soon; done comes with ST_CANCELLED (or with ST_OK, if it was over already). */
void query_cancel(struct query *q);
/* The consumer goes (its client did): cancels, and calls nobody any more. q is gone for the caller. */
void query_drop(struct query *q);

/* A session that outlives a query: for listeners whose clients have transactions and prepared texts. It is opened when it is
 * first used. One thing at a time. */
MUST_USE enum status query_session_open(struct slice engine, const struct engine_who *who,
                                        struct query_session **out, struct error *err);
/* What runs in it is dropped; an open transaction is rolled back. Accepts NULL. */
void query_session_close(struct query_session *s);
enum query_txn { QUERY_BEGIN, QUERY_COMMIT, QUERY_ROLLBACK };
/* done (loop) tells what became of it. ST_BUSY; ST_UNSUPPORTED: the engine has no transactions. */
MUST_USE enum status query_transaction(struct query_session *s, enum query_txn what, unsigned flags,
                                       void (*done)(void *arg, enum status st,
                                                    const struct error *err),
                                       void *arg, struct error *err);

struct query_stats {
    uint64_t started, failed, cancelled, timed_out, rows;
    size_t running;
};
void query_stats(struct query_stats *out);

#endif
