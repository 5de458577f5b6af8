/* One query, as the loop sees it. At most one job of it is on a worker:
 *
 *   START (open, prepare, execute) --ok--> columns --> FETCH --rows--> FETCH ... --last--> CLOSE --> done
 *        |failed                                         |failed, cancelled, timed out       ^
 *        +-----------------------------------------------+-----------------------------------+
 *
 * There are two batches: the consumer empties one while the job fills the other. */
#include "engine/query.h"

#include "base/mem.h"
#include "engine/engine_options.h"
#include "engine/query_priv.h"
#include "event/loop.h"
#include "event/worker.h"

#define INPUT_CHUNK 1024
#define ARENA_CHUNK (16 << 10)
#define ROWS        256

static struct loop *loop;
static struct worker_pool *pool;
static struct list_node queries = {&queries, &queries};
static struct query_stats stats;

enum step { STEP_START, STEP_FETCH, STEP_CLOSE };

struct query {
    struct list_node link;
    const struct query_consumer *consumer; /* NULL: dropped */
    void *arg;
    struct query_session *s;             /* NULL: a procedure */
    struct engine_procedure_entry *proc; /* NULL: an engine's query */
    bool own_session;
    struct arena *input; /* text, params */
    struct slice text;
    struct value *params;
    size_t nparams;
    struct query_ctl ctl;
    struct loop_timer *timer; /* the time limit; NULL: none */
    int64_t start_us;

    enum step step; /* of the job that runs, or ran last */
    bool running;   /* a job does */
    bool paused;    /* the consumer has had enough */
    bool pumping;
    bool last; /* no more batches will come */
    struct row_batch *filling, *full;
    bool full_waits; /* full has rows for the consumer */

    /* The job's: written while it runs. */
    void *statement, *cursor;
    struct engine_columns columns;
    struct value summary_value;
    bool has_summary;
    enum status st;
    struct error err;
    uint64_t rows;
};

/* -- On the worker -------------------------------------------------------------------------------------------------------- */

static enum status start_engine(struct query *q)
{
    const struct engine_ops *ops = q->s->engine->ops;
    enum status st = query__session_ready(q->s, &q->err);
    if (st == ST_OK)
        st = ops->prepare(q->s->session, &q->ctl, q->text, &q->statement, &q->err);
    /* What preparing took is not needed any more. */
    arena_reset(q->ctl.arena);
    if (st == ST_OK)
        st = ops->execute(q->statement, &q->ctl, q->params, q->nparams, &q->cursor, &q->err);
    if (st != ST_OK)
        return st;
    struct engine_columns params;
    return ops->cursor_columns ? ops->cursor_columns(q->cursor, &q->columns, &q->err)
                               : ops->describe(q->statement, &params, &q->columns, &q->err);
}

static enum status start_procedure(struct query *q)
{
    const struct engine_procedure *p = q->proc->proc;
    q->columns = (struct engine_columns){p->columns, p->ncolumns};
    return p->open(q->proc->arg, &q->ctl, q->params, &q->cursor, &q->err);
}

static void run_start(void *arg)
{
    struct query *q = arg;
    q->st = engine_check(&q->ctl, &q->err);
    if (q->st == ST_OK)
        q->st = q->proc ? start_procedure(q) : start_engine(q);
}

static void run_fetch(void *arg)
{
    struct query *q = arg;
    row_batch_reset(q->filling, q->columns.n);
    q->st = engine_check(&q->ctl, &q->err);
    if (q->st != ST_OK)
        return;
    q->st = q->proc ? q->proc->proc->fetch(q->cursor, &q->ctl, q->filling, &q->err)
                    : q->s->engine->ops->fetch(q->cursor, &q->ctl, q->filling, &q->err);
    if (q->st == ST_OK && row_batch_rows(q->filling) == 0 && row_batch_starved(q->filling))
        q->st = engine_out_of_memory(&q->ctl, &q->err);
}

static void close_engine(struct query *q)
{
    const struct engine_ops *ops = q->s->engine->ops;
    struct error ignored;
    if (q->cursor && q->st == ST_OK && ops->summary_of)
        q->has_summary =
            ops->summary_of(q->cursor, q->ctl.arena, &q->summary_value, &ignored) == ST_OK;
    if (q->cursor)
        ops->cursor_close(q->cursor);
    if (q->statement)
        ops->statement_close(q->statement);
    if (q->own_session)
        query__session_end(q->s);
}

static void run_close(void *arg)
{
    struct query *q = arg;
    if (!q->proc)
        close_engine(q);
    else if (q->cursor)
        q->proc->proc->close(q->cursor);
}

/* -- On the loop ---------------------------------------------------------------------------------------------------------- */

static void on_done(void *arg);

static void submit(struct query *q, enum step step)
{
    static const worker_fn runs[] = {
        [STEP_START] = run_start, [STEP_FETCH] = run_fetch, [STEP_CLOSE] = run_close};
    q->step = step;
    q->running = true;
    worker_submit(pool, WORKER_QUERY, runs[step], on_done, q);
}

static void finish(struct query *q, enum status st)
{
    q->st = st;
    q->full_waits = false;
    submit(q, STEP_CLOSE);
}

static void release(struct query *q)
{
    list_remove(&q->link);
    stats.running--;
    loop_timer_del(q->timer);
    engine_procedure_release(q->proc);
    row_batch_free(q->filling);
    row_batch_free(q->full);
    arena_free(q->ctl.arena);
    arena_free(q->input);
    mem_free(q);
}

static void count_end(const struct query *q)
{
    stats.rows += q->rows;
    stats.failed += q->st != ST_OK;
    stats.cancelled += q->st == ST_CANCELLED;
    stats.timed_out += q->st == ST_TIMEOUT;
}

static void on_closed(struct query *q)
{
    count_end(q);
    struct query_summary sum = {.rows = q->rows,
                                .duration_us = clock_mono_us() - q->start_us,
                                .value = q->has_summary ? &q->summary_value : NULL};
    if (q->st != ST_OK && !q->err.message[0])
        error_set(&q->err, q->st, "%s", status_name(q->st));
    /* Before done, where the consumer may begin the next query of the session, or close it. */
    if (q->s) {
        q->s->query = NULL;
        q->s->closing |= q->own_session;
        query__session_idle(q->s);
    }
    if (q->consumer)
        q->consumer->done(q->arg, q->st, &q->err, &sum);
    release(q);
}

/* Gives the batch that waits, if the consumer wants it. */
static void deliver(struct query *q)
{
    q->full_waits = false;
    q->rows += row_batch_rows(q->full);
    if (q->consumer && !q->consumer->rows(q->arg, q->full))
        q->paused = true;
}

static void on_fetched(struct query *q)
{
    struct row_batch *b = q->filling;
    q->filling = q->full;
    q->full = b;
    q->full_waits = row_batch_rows(b) > 0;
    q->last = q->st == ST_END;
}

/* Does what can be done now. */
static void pump(struct query *q)
{
    if (q->pumping)
        return;
    q->pumping = true;
    while (!q->running) {
        int stop = atomic_load(&q->ctl.stop);
        if (!q->consumer || stop != ST_OK) {
            finish(q, engine_check(&q->ctl, &q->err));
        } else if (q->full_waits) {
            if (q->paused)
                break;
            /* Fetches ahead, unless the former batch is not even asked for. */
            if (!q->last)
                submit(q, STEP_FETCH);
            deliver(q);
            continue;
        } else if (q->last) {
            finish(q, ST_OK);
        } else {
            submit(q, STEP_FETCH);
        }
    }
    q->pumping = false;
}

static void on_done(void *arg)
{
    struct query *q = arg;
    q->running = false;
    if (q->step == STEP_CLOSE) {
        on_closed(q);
        return;
    }
    if (q->st != ST_OK && q->st != ST_END) {
        finish(q, q->st);
        return;
    }
    if (q->step == STEP_FETCH)
        on_fetched(q);
    else if (q->consumer && q->consumer->columns)
        q->consumer->columns(q->arg, q->columns.v, q->columns.n);
    pump(q);
}

static void interrupt(struct query *q, enum status why)
{
    int none = ST_OK;
    if (q->step == STEP_CLOSE || !atomic_compare_exchange_strong(&q->ctl.stop, &none, (int)why))
        return;
    if (q->s)
        query__session_wake(q->s);
    pump(q);
}

static int64_t on_timeout(void *arg)
{
    struct query *q = arg;
    q->timer = NULL;
    interrupt(q, ST_TIMEOUT);
    return -1;
}

/* -- Starting ------------------------------------------------------------------------------------------------------------- */

static int64_t at_most(int64_t wanted, int64_t limit)
{
    return limit == 0 || (wanted > 0 && wanted < limit) ? wanted : limit;
}

static enum status copy_input(struct query *q, const struct query_request *req, struct error *err)
{
    size_t n = q->proc ? q->proc->proc->nparams : req->nparams;
    q->input = arena_new(INPUT_CHUNK);
    char *text = arena_try_alloc(q->input, req->text.n + 1);
    q->params = arena_try_alloc(q->input, n * sizeof *q->params);
    if (!text || !q->params)
        return error_set(err, ST_NO_MEMORY, "the query is too large");
    if (req->text.n)
        memcpy(text, req->text.p, req->text.n);
    text[req->text.n] = 0;
    q->text = slice_make(text, req->text.n);
    q->nparams = n;
    for (size_t i = 0; i < n; i++) {
        q->params[i] = value_null();
        if (i < req->nparams && !value_copy(q->input, &req->params[i], &q->params[i]))
            return error_set(err, ST_NO_MEMORY, "the parameters are too large");
    }
    return ST_OK;
}

static enum status find_procedure(struct query *q, const struct query_request *req,
                                  struct error *err)
{
    q->proc = engine_procedure_find(req->procedure);
    if (!q->proc)
        return error_set(err, ST_NOT_FOUND, "there is no procedure '%.*s'",
                         SLICE_FMT(req->procedure));
    const struct engine_procedure *p = q->proc->proc;
    if (req->nparams < p->nrequired || req->nparams > p->nparams)
        return error_set(err, ST_INVALID, "the procedure %s takes %zu to %zu arguments, not %zu",
                         p->name, p->nrequired, p->nparams, req->nparams);
    return ST_OK;
}

static enum status find_engine(struct query *q, const struct query_request *req, struct error *err)
{
    if (!req->session) {
        q->own_session = true;
        return query_session_open(req->engine, &req->who, &q->s, err);
    }
    if (query__session_busy(req->session))
        return error_set(err, ST_BUSY, "the session runs another query");
    q->s = req->session;
    return ST_OK;
}

static void limits(struct query *q, const struct query_request *req)
{
    size_t memory = (size_t)at_most((int64_t)req->memory, engine_opts.query_memory);
    q->ctl.memory = memory;
    q->ctl.arena = arena_new(ARENA_CHUNK);
    arena_set_limit(q->ctl.arena, memory / 2);
    size_t rows = req->batch_rows ? req->batch_rows : ROWS;
    q->filling = row_batch_new(0, rows, memory / 4);
    q->full = row_batch_new(0, rows, memory / 4);
    q->start_us = clock_mono_us();
    q->ctl.timeout_ms = at_most(req->timeout_ms, engine_opts.query_timeout);
    if (q->ctl.timeout_ms > 0) {
        q->ctl.deadline_us = q->start_us + q->ctl.timeout_ms * 1000;
        q->timer = loop_timer_add(loop, q->ctl.timeout_ms, on_timeout, q);
    }
}

enum status query_start(const struct query_request *req, const struct query_consumer *consumer,
                        void *arg, struct query **out, struct error *err)
{
    struct query *q = mem_calloc(1, sizeof *q);
    q->consumer = consumer;
    q->arg = arg;
    enum status st = req->procedure.n ? find_procedure(q, req, err) : find_engine(q, req, err);
    if (st == ST_OK)
        st = copy_input(q, req, err);
    if (st != ST_OK) {
        if (q->own_session)
            query_session_close(q->s);
        engine_procedure_release(q->proc);
        arena_free(q->input);
        mem_free(q);
        return st;
    }
    limits(q, req);
    if (q->s)
        q->s->query = q;
    list_push(&queries, &q->link);
    stats.started++;
    stats.running++;
    submit(q, STEP_START);
    *out = q;
    return ST_OK;
}

void query_resume(struct query *q)
{
    if (!q->paused)
        return;
    q->paused = false;
    pump(q);
}

void query_cancel(struct query *q)
{
    interrupt(q, ST_CANCELLED);
}

void query_drop(struct query *q)
{
    q->consumer = NULL;
    interrupt(q, ST_CANCELLED);
}

/* -- The whole ------------------------------------------------------------------------------------------------------------- */

void query_init(struct loop *l, struct worker_pool *p)
{
    loop = l;
    pool = p;
}

void query__submit(worker_fn run, worker_fn done, void *arg)
{
    worker_submit(pool, WORKER_QUERY, run, done, arg);
}

void query_stop(void)
{
    LIST_EACH_SAFE(n, tmp, &queries)
    query_drop(LIST_ENTRY(n, struct query, link));
    while (!list_empty(&queries) || worker_pending(pool, WORKER_QUERY) > 0)
        worker_drain(pool, WORKER_QUERY);
    worker_drain(pool, WORKER_QUERY);
}

void query_stats(struct query_stats *out)
{
    *out = stats;
}
