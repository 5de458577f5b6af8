/* What a query engine is: a table of functions that a module registers under a name ("sql", "cypher"), and what these
 * functions get. Only types: this header crosses the module boundary (module/orbitmodule.h), and has an ABI version there.
 *
 * Thread: all functions of one session run on workers, one at a time; sessions run side by side. cancel alone comes from any
 * thread, at any time between open and close. No function is ever called on the loop thread. Long ones call engine_check now
 * and then, at least every few ms.
 * Errors: message and status; ST_SYNTAX, ST_TYPE... are mapped to each protocol by its listener. */
#ifndef ORBIT_ENGINE_ENGINE_H
#define ORBIT_ENGINE_ENGINE_H

#include "base/clock.h"
#include "value/row.h"

#include <stdatomic.h>

/* Of one execution, made by engine/query.c. */
struct query_ctl {
    _Atomic int stop;    /* ST_OK: go on; ST_CANCELLED or ST_TIMEOUT: end */
    int64_t deadline_us; /* clock_mono_us; 0: none */
    int64_t timeout_ms;  /* the limit that the deadline comes from, for messages */
    struct arena
        *arena;    /* lives from execute to the end of the cursor; holds at most memory bytes */
    size_t memory; /* the limit */
};

/* ST_OK, or why to end: ST_CANCELLED, ST_TIMEOUT, with the message that the client reads. Cheap. */
static inline enum status engine_check(struct query_ctl *q, struct error *err)
{
    int stop = atomic_load_explicit(&q->stop, memory_order_relaxed);
    if (LIKELY(stop == ST_OK) && (!q->deadline_us || clock_mono_us() <= q->deadline_us))
        return ST_OK;
    if (stop == ST_CANCELLED)
        return error_set(err, ST_CANCELLED, "the query was cancelled");
    return error_set(err, ST_TIMEOUT, "the query exceeded its time limit of %lld ms",
                     (long long)q->timeout_ms);
}

/* The answer when arena_try_alloc or value_copy found no room. */
static inline enum status engine_out_of_memory(const struct query_ctl *q, struct error *err)
{
    return error_set(err, ST_NO_MEMORY, "the query exceeded its memory limit of %zu bytes",
                     q->memory);
}

/* Who asks. Borrowed for the call of open. */
struct engine_who {
    struct slice user;     /* of the ACL */
    struct slice database; /* what the client has chosen; may be empty */
    struct slice protocol; /* "resp", "rest", "postgres"... */
};

struct engine_columns {
    const struct column *v; /* lives as long as the statement */
    size_t n;
};

enum engine_txn_flags { ENGINE_TXN_READ_ONLY = 1 << 0 };

/* Mandatory: open, close, prepare, describe, execute, fetch, cursor_close, statement_close. begin, commit and rollback come
 * together or not at all (then each statement is a transaction). cancel: may be NULL when engine_check is asked often enough. */
struct engine_ops {
    const char *name; /* lower case */
    const char *summary;
    /* engine: what it was registered with. */
    enum status (*open)(void *engine, const struct engine_who *who, void **session,
                        struct error *err);
    /* Everything of the session has been closed before; an open transaction is rolled back. */
    void (*close)(void *session);
    /* q bounds it in time and memory; its arena is gone when prepare returns. */
    enum status (*prepare)(void *session, struct query_ctl *q, struct slice text, void **statement,
                           struct error *err);
    /* parameters: of positional ones, by place; params or columns may be empty when they cannot be known yet. */
    enum status (*describe)(void *statement, struct engine_columns *params,
                            struct engine_columns *columns, struct error *err);
    /* params (borrowed for the call): positional; or one object, named. */
    enum status (*execute)(void *statement, struct query_ctl *q, const struct value *params,
                           size_t nparams, void **cursor, struct error *err);
    /* Known after execute at the latest. NULL: as describe says. */
    enum status (*cursor_columns)(void *cursor, struct engine_columns *columns, struct error *err);
    /* Appends rows to b until it is full, or enough is there, or some 50 ms have passed. ST_OK: there may be more; ST_END: these
     * were the last ones. */
    enum status (*fetch)(void *cursor, struct query_ctl *q, struct row_batch *b, struct error *err);
    /* Counters and notes for the client, behind the last row; an object with members of the engine's own. NULL: none. */
    enum status (*summary_of)(void *cursor, struct arena *a, struct value *out, struct error *err);
    void (*cursor_close)(void *cursor);
    void (*statement_close)(void *statement);
    enum status (*begin)(void *session, unsigned flags, struct error *err);
    enum status (*commit)(void *session, struct error *err);
    enum status (*rollback)(void *session, struct error *err);
    /* What runs in this session has to end soon: q->stop is set already; this wakes what sleeps. */
    void (*cancel)(void *session);
};

/* A procedure: a named, typed function that returns rows, registered once and callable from every engine. */
struct engine_procedure {
    const char *name; /* "sample.digits": lower case, with a dot */
    const char *summary;
    const struct column *params;
    size_t nparams, nrequired; /* the first nrequired must be given; the others are null then */
    const struct column *columns;
    size_t ncolumns;
    /* arg: what it was registered with; args: nparams of them. */
    enum status (*open)(void *arg, struct query_ctl *q, const struct value *args, void **cursor,
                        struct error *err);
    enum status (*fetch)(void *cursor, struct query_ctl *q, struct row_batch *b, struct error *err);
    void (*close)(void *cursor);
};

#endif
