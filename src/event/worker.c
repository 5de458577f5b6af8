#include "event/worker.h"

#include "base/list.h"
#include "base/mem.h"
#include "base/status.h"
#include "event/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Each lane is a queue with its threads. A job moves queue -> running -> the pool's done list, and an eventfd tells the
 * loop, which runs the completions. pending counts what is queued or running; it is guarded by the lane's mutex. */

struct job {
    struct list_node link;
    worker_fn run, done;
    void *arg;
    enum worker_lane lane;
};

struct lane {
    pthread_mutex_t mutex;
    pthread_cond_t work, idle;
    struct list_node queue;
    size_t pending;
    bool stop;
    pthread_t *threads;
    unsigned nthreads;
    struct worker_pool *pool;
};

struct worker_pool {
    struct lane lanes[WORKER_LANES];
    pthread_mutex_t done_mutex;
    struct list_node done;
    int event_fd;
    struct loop_fd *watch;
};

static void post_done(struct worker_pool *p, struct job *j)
{
    pthread_mutex_lock(&p->done_mutex);
    bool first = list_empty(&p->done);
    list_push(&p->done, &j->link);
    pthread_mutex_unlock(&p->done_mutex);
    uint64_t one = 1;
    if (first)
        while (write(p->event_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

/* The name shows in top. The priority stays that of the loop: a worker may hold a lock that the loop needs soon. */
static void set_name(const struct lane *l)
{
    static const char *const names[WORKER_LANES] = {"orbit-any",  "orbit-fold", "orbit-sync",
                                                    "orbit-free", "orbit-dump", "orbit-query"};
    enum worker_lane lane = (enum worker_lane)(l - l->pool->lanes);
    pthread_setname_np(pthread_self(), names[lane]);
}

static void *work(void *arg)
{
    struct lane *l = arg;
    set_name(l);
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        while (list_empty(&l->queue) && !l->stop)
            pthread_cond_wait(&l->work, &l->mutex);
        if (list_empty(&l->queue))
            break;
        struct job *j = LIST_ENTRY(l->queue.next, struct job, link);
        list_remove(&j->link);
        pthread_mutex_unlock(&l->mutex);

        j->run(j->arg);
        struct worker_pool *pool = l->pool;
        if (j->done)
            post_done(pool, j);
        else
            mem_free(j);

        pthread_mutex_lock(&l->mutex);
        if (--l->pending == 0)
            pthread_cond_broadcast(&l->idle);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* Runs the completions of one lane, or of all (WORKER_LANES). A completion may submit jobs. */
static void run_done(struct worker_pool *p, enum worker_lane lane)
{
    struct list_node mine;
    list_init(&mine);
    pthread_mutex_lock(&p->done_mutex);
    LIST_EACH_SAFE(n, tmp, &p->done)
    {
        struct job *j = LIST_ENTRY(n, struct job, link);
        if (lane == WORKER_LANES || j->lane == lane) {
            list_remove(n);
            list_push(&mine, n);
        }
    }
    pthread_mutex_unlock(&p->done_mutex);
    while (!list_empty(&mine)) {
        struct job *j = LIST_ENTRY(mine.next, struct job, link);
        list_remove(&j->link);
        j->done(j->arg);
        mem_free(j);
    }
}

static void on_done(void *arg, int ready)
{
    struct worker_pool *p = arg;
    uint64_t n;
    while (read(p->event_fd, &n, sizeof n) < 0 && errno == EINTR)
        ;
    run_done(p, WORKER_LANES);
}

static void lane_start(struct worker_pool *p, struct lane *l, unsigned nthreads)
{
    l->pool = p;
    list_init(&l->queue);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->idle, NULL);
    l->threads = mem_calloc(nthreads, sizeof *l->threads);
    /* Signals are the loop thread's. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (unsigned i = 0; i < nthreads; i++) {
        int rc = pthread_create(&l->threads[i], NULL, work, l);
        orbit_assert(rc == 0);
        l->nthreads++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static unsigned threads_of(enum worker_lane lane, unsigned any_threads)
{
    if (lane == WORKER_QUERY) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);
        return n < 4 ? 4 : n > 16 ? 16 : (unsigned)n;
    }
    return lane == WORKER_ANY && any_threads > 0 ? any_threads : 1;
}

struct worker_pool *worker_pool_new(struct loop *l, unsigned any_threads)
{
    struct worker_pool *p = mem_calloc(1, sizeof *p);
    list_init(&p->done);
    pthread_mutex_init(&p->done_mutex, NULL);
    p->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    orbit_assert(p->event_fd >= 0);
    p->watch = loop_fd_add(l, p->event_fd, LOOP_READ, on_done, p);
    for (int i = 0; i < WORKER_LANES; i++)
        lane_start(p, &p->lanes[i], threads_of((enum worker_lane)i, any_threads));
    return p;
}

/* Queued, running, or done with the completion still to come; a completion may submit more. */
static bool unfinished(struct worker_pool *p)
{
    for (int i = 0; i < WORKER_LANES; i++)
        if (worker_pending(p, (enum worker_lane)i) > 0)
            return true;
    pthread_mutex_lock(&p->done_mutex);
    bool any = !list_empty(&p->done);
    pthread_mutex_unlock(&p->done_mutex);
    return any;
}

void worker_pool_free(struct worker_pool *p)
{
    if (!p)
        return;
    while (unfinished(p))
        for (int i = 0; i < WORKER_LANES; i++)
            worker_drain(p, (enum worker_lane)i);
    for (int i = 0; i < WORKER_LANES; i++) {
        struct lane *l = &p->lanes[i];
        pthread_mutex_lock(&l->mutex);
        l->stop = true;
        pthread_cond_broadcast(&l->work);
        pthread_mutex_unlock(&l->mutex);
        for (unsigned t = 0; t < l->nthreads; t++)
            pthread_join(l->threads[t], NULL);
        pthread_mutex_destroy(&l->mutex);
        pthread_cond_destroy(&l->work);
        pthread_cond_destroy(&l->idle);
        mem_free(l->threads);
    }
    loop_fd_del(p->watch);
    close(p->event_fd);
    pthread_mutex_destroy(&p->done_mutex);
    mem_free(p);
}

void worker_submit(struct worker_pool *p, enum worker_lane lane, worker_fn run, worker_fn done,
                   void *arg)
{
    struct job *j = mem_calloc(1, sizeof *j);
    j->run = run;
    j->done = done;
    j->arg = arg;
    j->lane = lane;
    struct lane *l = &p->lanes[lane];
    pthread_mutex_lock(&l->mutex);
    list_push(&l->queue, &j->link);
    l->pending++;
    pthread_cond_signal(&l->work);
    pthread_mutex_unlock(&l->mutex);
}

void worker_drain(struct worker_pool *p, enum worker_lane lane)
{
    struct lane *l = &p->lanes[lane];
    pthread_mutex_lock(&l->mutex);
    while (l->pending > 0)
        pthread_cond_wait(&l->idle, &l->mutex);
    pthread_mutex_unlock(&l->mutex);
    run_done(p, lane);
}

size_t worker_pending(struct worker_pool *p, enum worker_lane lane)
{
    struct lane *l = &p->lanes[lane];
    pthread_mutex_lock(&l->mutex);
    size_t n = l->pending;
    pthread_mutex_unlock(&l->mutex);
    return n;
}
