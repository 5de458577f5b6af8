/* Lanes keep their order, completions run on the loop thread, draining waits. */
#include "event/worker.h"

#include "base/mem.h"
#include "event/loop.h"
#include "unit/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>

enum { JOBS = 200 };

struct log {
    int run[JOBS], done[JOBS];
    int nrun, ndone;
    pthread_t loop_thread;
    bool wrong_thread;
    struct loop *loop;
};
struct job {
    struct log *log;
    int number;
};

static void run(void *arg)
{
    struct job *j = arg;
    j->log->run[j->log->nrun++] = j->number;
}

static void done(void *arg)
{
    struct job *j = arg;
    j->log->wrong_thread |= !pthread_equal(j->log->loop_thread, pthread_self());
    j->log->done[j->log->ndone++] = j->number;
    if (j->log->ndone == JOBS)
        loop_stop(j->log->loop);
    mem_free(j);
}

static void submit_all(struct worker_pool *p, struct log *log)
{
    for (int i = 0; i < JOBS; i++) {
        struct job *j = mem_alloc(sizeof *j);
        *j = (struct job){log, i};
        worker_submit(p, WORKER_FOLD, run, done, j);
    }
}

static void assert_in_order(const struct log *log)
{
    assert_int_equal(log->nrun, JOBS);
    assert_int_equal(log->ndone, JOBS);
    assert_false(log->wrong_thread);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(log->run[i], i);
        assert_int_equal(log->done[i], i);
    }
}

static void test_worker_lane_keeps_order(void **state)
{
    struct log log = {.loop_thread = pthread_self()};
    assert_int_equal(loop_new(&log.loop, NULL), ST_OK);
    struct worker_pool *p = worker_pool_new(log.loop, 2);
    submit_all(p, &log);
    loop_run(log.loop);
    assert_in_order(&log);
    worker_pool_free(p);
    loop_free(log.loop);
}

static void test_worker_drain_runs_completions(void **state)
{
    struct log log = {.loop_thread = pthread_self()};
    assert_int_equal(loop_new(&log.loop, NULL), ST_OK);
    struct worker_pool *p = worker_pool_new(log.loop, 1);
    submit_all(p, &log);
    worker_drain(p, WORKER_FOLD);
    assert_in_order(&log);
    assert_int_equal(worker_pending(p, WORKER_FOLD), 0);
    worker_pool_free(p);
    loop_free(log.loop);
}

struct chain {
    struct worker_pool *pool;
    atomic_int count;
};

static void chain_run(void *arg)
{
    struct chain *c = arg;
    atomic_fetch_add(&c->count, 1);
}

static void chain_done(void *arg)
{
    struct chain *c = arg;
    if (atomic_load(&c->count) < 10)
        worker_submit(c->pool, WORKER_ANY, chain_run, chain_done, c);
}

static void test_worker_pool_free_finishes_what_completions_submit(void **state)
{
    struct loop *l = NULL;
    assert_int_equal(loop_new(&l, NULL), ST_OK);
    struct chain c = {.pool = worker_pool_new(l, 3)};
    worker_submit(c.pool, WORKER_SYNC, chain_run, chain_done, &c);
    worker_pool_free(c.pool);
    assert_int_equal(atomic_load(&c.count), 10);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_lane_keeps_order),
        cmocka_unit_test(test_worker_drain_runs_completions),
        cmocka_unit_test(test_worker_pool_free_finishes_what_completions_submit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
