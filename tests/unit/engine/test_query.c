/* Queries of an engine that counts: batches, back-pressure, limits, cancelling, sessions, procedures. */
#include "engine/query.h"

#include "base/mem.h"
#include "engine/engine_options.h"
#include "engine/registry.h"
#include "event/loop.h"
#include "event/worker.h"
#include "unit/cmocka_all.h"

#include <stdlib.h>
#include <unistd.h>

static struct loop *loop;
static struct worker_pool *pool;

/* -- The engine: "N" counts to N; "sleep" never ends; "big" has a row that is too large; "wrong" is no query ----------------- */

static struct {
    _Atomic int sessions, statements, cursors, woken, begun;
} live;

struct counting {
    int64_t at, end;
    bool sleeps, big;
};

static enum status c_open(void *engine, const struct engine_who *who, void **session,
                          struct error *err)
{
    assert_true(slice_is(who->user, "ann"));
    live.sessions++;
    *session = mem_calloc(1, 1);
    return ST_OK;
}

static void c_close(void *session)
{
    live.sessions--;
    mem_free(session);
}

static enum status c_prepare(void *session, struct query_ctl *q, struct slice text,
                             void **statement, struct error *err)
{
    if (slice_is(text, "wrong"))
        return error_set(err, ST_SYNTAX, "no such word");
    struct counting *c = mem_calloc(1, sizeof *c);
    c->sleeps = slice_is(text, "sleep");
    c->big = slice_is(text, "big");
    c->end = c->sleeps || c->big ? INT64_MAX : strtoll(text.p, NULL, 10);
    live.statements++;
    *statement = c;
    return ST_OK;
}

static enum status c_describe(void *statement, struct engine_columns *params,
                              struct engine_columns *columns, struct error *err)
{
    static const struct column column = {.name = {"n", 1}, .kind = VALUE_INT};
    *params = (struct engine_columns){NULL, 0};
    *columns = (struct engine_columns){&column, 1};
    return ST_OK;
}

static enum status c_execute(void *statement, struct query_ctl *q, const struct value *params,
                             size_t nparams, void **cursor, struct error *err)
{
    struct counting *c = statement;
    if (nparams)
        c->at = params[0].u.i;
    live.cursors++;
    *cursor = c;
    return ST_OK;
}

static enum status c_fetch(void *cursor, struct query_ctl *q, struct row_batch *b,
                           struct error *err)
{
    struct counting *c = cursor;
    if (c->sleeps) {
        usleep(1000);
        return engine_check(q, err);
    }
    if (c->big) {
        size_t n = q->memory;
        char *p = mem_calloc(1, n);
        struct value v = value_bytes(slice_make(p, n));
        bool ok = row_batch_add_copy(b, &v);
        mem_free(p);
        return ok ? ST_END : ST_OK;
    }
    while (c->at < c->end) {
        struct value *row = row_batch_add(b);
        if (!row)
            return ST_OK;
        row[0] = value_int(c->at++);
    }
    return ST_END;
}

static void c_cursor_close(void *cursor)
{
    live.cursors--;
}

static void c_statement_close(void *statement)
{
    live.statements--;
    mem_free(statement);
}

static enum status c_summary(void *cursor, struct arena *a, struct value *out, struct error *err)
{
    *out = value_int(42);
    return ST_OK;
}

static enum status c_begin(void *session, unsigned flags, struct error *err)
{
    live.begun++;
    return ST_OK;
}

static enum status c_end(void *session, struct error *err)
{
    live.begun--;
    return ST_OK;
}

static void c_cancel(void *session)
{
    live.woken++;
}

static const struct engine_ops count_ops = {.name = "count",
                                            .open = c_open,
                                            .close = c_close,
                                            .prepare = c_prepare,
                                            .describe = c_describe,
                                            .execute = c_execute,
                                            .fetch = c_fetch,
                                            .summary_of = c_summary,
                                            .cursor_close = c_cursor_close,
                                            .statement_close = c_statement_close,
                                            .begin = c_begin,
                                            .commit = c_end,
                                            .rollback = c_end,
                                            .cancel = c_cancel};

/* -- The consumer --------------------------------------------------------------------------------------------------------- */

struct seen {
    struct query *q;
    struct loop_timer *timer; /* resumes it */
    size_t columns, batches, pauses;
    int64_t sum, rows;
    bool slow, done;
    unsigned cancel_after; /* batches; 0: never */
    enum status st;
    struct error err;
    uint64_t told;
    int64_t summary;
};

static int64_t resume(void *arg)
{
    struct seen *s = arg;
    s->timer = NULL;
    query_resume(s->q);
    return -1;
}

static void on_columns(void *arg, const struct column *v, size_t n)
{
    struct seen *s = arg;
    s->columns = n;
}

static bool on_rows(void *arg, const struct row_batch *b)
{
    struct seen *s = arg;
    s->batches++;
    for (size_t i = 0; i < row_batch_rows(b); i++)
        s->sum += row_batch_row(b, i)[0].u.i;
    s->rows += (int64_t)row_batch_rows(b);
    if (s->cancel_after == s->batches)
        query_cancel(s->q);
    if (!s->slow)
        return true;
    s->pauses++;
    s->timer = loop_timer_add(loop, 1, resume, s);
    return false;
}

static void on_done(void *arg, enum status st, const struct error *err,
                    const struct query_summary *sum)
{
    struct seen *s = arg;
    assert_false(s->done);
    s->done = true;
    loop_timer_del(s->timer);
    s->st = st;
    s->err = *err;
    s->told = sum->rows;
    s->summary = sum->value ? sum->value->u.i : 0;
    loop_stop(loop);
}

static const struct query_consumer consumer = {
    .columns = on_columns, .rows = on_rows, .done = on_done};

static struct query_request request(const char *text)
{
    return (struct query_request){.engine = SLICE("COUNT"),
                                  .who = {.user = SLICE("ann"), .protocol = SLICE("test")},
                                  .text = slice_str(text)};
}

/* Loops end with their stop: each run has one of its own. */
static void setup_loop(void)
{
    assert_int_equal(loop_new(&loop, NULL), ST_OK);
    pool = worker_pool_new(loop, 1);
    query_init(loop, pool);
}

static void teardown_loop(void)
{
    query_stop();
    worker_pool_free(pool);
    loop_free(loop);
    assert_int_equal(live.sessions, 0);
    assert_int_equal(live.statements, 0);
    assert_int_equal(live.cursors, 0);
    assert_int_equal(engine_find(SLICE("count"))->sessions, 0);
}

static struct seen run(struct query_request req, struct seen s)
{
    setup_loop();
    assert_int_equal(query_start(&req, &consumer, &s, &s.q, &s.err), ST_OK);
    loop_run(loop);
    assert_true(s.done);
    teardown_loop();
    return s;
}

/* -- Tests ---------------------------------------------------------------------------------------------------------------- */

static void test_query_streams_all_rows(void **state)
{
    struct seen s = run(request("1000"), (struct seen){.slow = false});
    assert_int_equal(s.st, ST_OK);
    assert_int_equal(s.columns, 1);
    assert_int_equal(s.rows, 1000);
    assert_int_equal(s.told, 1000);
    assert_int_equal(s.sum, 499500);
    assert_int_equal(s.batches, 4);
    assert_int_equal(s.summary, 42);
}

static void test_query_waits_for_a_slow_consumer(void **state)
{
    struct seen s = run(request("1000"), (struct seen){.slow = true});
    assert_int_equal(s.st, ST_OK);
    assert_int_equal(s.sum, 499500);
    assert_int_equal(s.pauses, 4);
}

static void test_query_parameters_and_no_rows(void **state)
{
    struct query_request req = request("1000");
    struct value from = value_int(1000);
    req.params = &from;
    req.nparams = 1;
    struct seen s = run(req, (struct seen){.slow = false});
    assert_int_equal(s.st, ST_OK);
    assert_int_equal(s.batches, 0);
    assert_int_equal(s.columns, 1);
}

static void test_query_fails_in_the_engines_words(void **state)
{
    struct seen s = run(request("wrong"), (struct seen){.slow = false});
    assert_int_equal(s.st, ST_SYNTAX);
    assert_string_equal(s.err.message, "no such word");
}

static void test_query_unknown_engine(void **state)
{
    struct query_request req = request("1");
    struct query *q;
    struct error err;
    req.engine = SLICE("none");
    assert_int_equal(query_start(&req, &consumer, NULL, &q, &err), ST_NOT_FOUND);
    assert_string_equal(err.message, "the query engine 'none' is not loaded");
}

static void test_query_time_limit(void **state)
{
    struct query_request req = request("sleep");
    req.timeout_ms = 20;
    int before = live.woken;
    struct seen s = run(req, (struct seen){.slow = false});
    assert_int_equal(s.st, ST_TIMEOUT);
    assert_string_equal(s.err.message, "the query exceeded its time limit of 20 ms");
    assert_in_range(live.woken - before, 0, 1);
}

static void test_query_time_limit_of_a_paused_consumer(void **state)
{
    setup_loop();
    struct query_request req = request("100000");
    req.timeout_ms = 20;
    struct seen s = {.slow = true};
    assert_int_equal(query_start(&req, &consumer, &s, &s.q, &s.err), ST_OK);
    loop_run(loop);
    assert_int_equal(s.st, ST_TIMEOUT);
    teardown_loop();
}

static void test_query_memory_limit(void **state)
{
    struct query_request req = request("big");
    req.memory = 2 << 20;
    struct seen s = run(req, (struct seen){.slow = false});
    assert_int_equal(s.st, ST_NO_MEMORY);
    assert_string_equal(s.err.message, "the query exceeded its memory limit of 2097152 bytes");
}

static void test_query_cancelled_from_its_consumer(void **state)
{
    struct seen s = run(request("100000"), (struct seen){.cancel_after = 2});
    assert_int_equal(s.st, ST_CANCELLED);
    assert_int_equal(s.batches, 2);
    assert_string_equal(s.err.message, "the query was cancelled");
}

static void test_query_dropped_calls_nobody(void **state)
{
    setup_loop();
    struct query_request req = request("sleep");
    struct seen s = {.slow = false};
    assert_int_equal(query_start(&req, &consumer, &s, &s.q, &s.err), ST_OK);
    query_drop(s.q);
    teardown_loop();
    assert_false(s.done);
}

static void on_transaction(void *arg, enum status st, const struct error *err)
{
    *(enum status *)arg = st;
    loop_stop(loop);
}

static void test_query_session_is_kept(void **state)
{
    setup_loop();
    struct query_request req = request("10");
    struct query_session *session;
    struct seen s = {.slow = false};
    struct error err;
    struct query *other;
    enum status st = ST_INTERNAL;
    assert_int_equal(query_session_open(SLICE("count"), &req.who, &session, &err), ST_OK);
    assert_int_equal(query_transaction(session, QUERY_BEGIN, 0, on_transaction, &st, &err), ST_OK);
    assert_int_equal(query_transaction(session, QUERY_COMMIT, 0, on_transaction, &st, &err),
                     ST_BUSY);
    loop_run(loop);
    assert_int_equal(st, ST_OK);
    assert_int_equal(live.begun, 1);
    req.session = session;
    assert_int_equal(query_start(&req, &consumer, &s, &s.q, &err), ST_OK);
    assert_int_equal(query_start(&req, &consumer, &s, &other, &err), ST_BUSY);
    worker_drain(pool, WORKER_QUERY);
    while (!s.done)
        worker_drain(pool, WORKER_QUERY);
    assert_int_equal(s.sum, 45);
    assert_int_equal(live.sessions, 1);
    live.begun = 0;
    s = (struct seen){.slow = false};
    req.text = SLICE("sleep");
    assert_int_equal(query_start(&req, &consumer, &s, &s.q, &err), ST_OK);
    query_session_close(session);
    teardown_loop();
    assert_false(s.done);
}

static enum status p_open(void *arg, struct query_ctl *q, const struct value *args, void **cursor,
                          struct error *err)
{
    struct counting *c = mem_calloc(1, sizeof *c);
    c->at = args[1].kind == VALUE_NULL ? 0 : args[1].u.i;
    c->end = args[0].u.i;
    *cursor = c;
    return ST_OK;
}

static const struct column p_columns[] = {{.name = {"n", 1}, .kind = VALUE_INT}};
static const struct column p_params[] = {{.name = {"to", 2}, .kind = VALUE_INT},
                                         {.name = {"from", 4}, .kind = VALUE_INT}};
static const struct engine_procedure count_proc = {.name = "count.to",
                                                   .params = p_params,
                                                   .nparams = 2,
                                                   .nrequired = 1,
                                                   .columns = p_columns,
                                                   .ncolumns = 1,
                                                   .open = p_open,
                                                   .fetch = c_fetch,
                                                   .close = mem_free};

static void test_query_calls_a_procedure(void **state)
{
    static int owner;
    struct error err;
    struct query *q;
    assert_int_equal(engine_procedure_register(&count_proc, NULL, &owner, &err), ST_OK);
    assert_int_equal(engine_procedure_register(&count_proc, NULL, &owner, &err), ST_EXISTS);
    struct query_request req = {.procedure = SLICE("Count.To")};
    assert_int_equal(query_start(&req, &consumer, NULL, &q, &err), ST_INVALID);
    struct value to = value_int(11);
    req.params = &to;
    req.nparams = 1;
    struct seen s = run(req, (struct seen){.slow = false});
    assert_int_equal(s.st, ST_OK);
    assert_int_equal(s.sum, 55);
    assert_false(engine_owner_busy(&owner));
    struct engine_procedure_entry *p = engine_procedure_find(SLICE("count.to"));
    assert_true(engine_owner_busy(&owner));
    engine_procedure_release(p);
    engine_owner_drop(&owner);
    assert_null(engine_procedure_find(SLICE("count.to")));
}

static void test_engine_register_refuses_half_engines(void **state)
{
    struct engine_ops half = count_ops;
    struct error err;
    half.name = "half";
    half.commit = NULL;
    assert_int_equal(engine_register(&half, NULL, NULL, &err), ST_INVALID);
    half = count_ops;
    half.name = "half";
    half.fetch = NULL;
    assert_int_equal(engine_register(&half, NULL, NULL, &err), ST_INVALID);
    assert_string_equal(err.message, "the query engine 'half' lacks the function fetch");
    assert_int_equal(engine_register(&count_ops, NULL, NULL, &err), ST_EXISTS);
}

static int setup(void **state)
{
    engine_options_register();
    return engine_register(&count_ops, NULL, NULL, NULL) == ST_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_streams_all_rows),
        cmocka_unit_test(test_query_waits_for_a_slow_consumer),
        cmocka_unit_test(test_query_parameters_and_no_rows),
        cmocka_unit_test(test_query_fails_in_the_engines_words),
        cmocka_unit_test(test_query_unknown_engine),
        cmocka_unit_test(test_query_time_limit),
        cmocka_unit_test(test_query_time_limit_of_a_paused_consumer),
        cmocka_unit_test(test_query_memory_limit),
        cmocka_unit_test(test_query_cancelled_from_its_consumer),
        cmocka_unit_test(test_query_dropped_calls_nobody),
        cmocka_unit_test(test_query_session_is_kept),
        cmocka_unit_test(test_query_calls_a_procedure),
        cmocka_unit_test(test_engine_register_refuses_half_engines),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
