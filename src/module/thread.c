/* Threads of modules, and the lock that lets them work on the keyspace.
 *
 * The loop thread never waits for the lock: it has it. A thread that wants it queues up and wakes the loop, which at a safe
 * point of its tick (before the commit, so that what the thread changes is in this tick's frame) hands over to each that waits
 * and sleeps until it gives back.
 *
 *   thread   Lock: queue, wake loop, sleep ........ granted: works ........ Unlock: given back
 *   loop     ......... tick's safe point: grant, sleep ..................... goes on, commits */
#include "base/mem.h"
#include "event/loop.h"
#include "module/block.h"
#include "module/event.h"
#include "session/lifecycle.h"
#include "session/sink_null.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#define TRY_WAIT_MS 2

struct waiter {
    struct list_node link;
    pthread_cond_t turn;
    bool granted;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t returned = PTHREAD_COND_INITIALIZER;
static struct list_node waiters = {&waiters, &waiters}; /* under lock */
static bool given;                                      /* a thread has the keyspace; under lock */
static _Atomic unsigned waiting;

/* -- The loop's part ------------------------------------------------------------------------------------------------------ */

static void hand_over(void *arg)
{
    unsigned n = atomic_load_explicit(&waiting, memory_order_relaxed);
    if (n == 0)
        return;
    pthread_mutex_lock(&lock);
    for (; n > 0 && !list_empty(&waiters); n--) {
        struct waiter *w = LIST_ENTRY(waiters.next, struct waiter, link);
        list_remove(&w->link);
        atomic_fetch_sub(&waiting, 1);
        w->granted = given = true;
        pthread_cond_signal(&w->turn);
        while (given)
            pthread_cond_wait(&returned, &lock);
    }
    pthread_mutex_unlock(&lock);
    if (atomic_load(&waiting))
        loop_wake(lifecycle.loop);
}

void module__thread_start(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    loop_on_tick(lifecycle.loop, LOOP_PRIO_UNBLOCK, hand_over, NULL);
}

/* -- A thread's part ------------------------------------------------------------------------------------------------------ */

/* try: gives up after a moment. False: the loop was busy. */
static bool acquire(bool try)
{
    struct waiter w = {.turn = PTHREAD_COND_INITIALIZER};
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TRY_WAIT_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&lock);
    list_push(&waiters, &w.link);
    atomic_fetch_add(&waiting, 1);
    loop_wake_async(lifecycle.loop);
    while (!w.granted) {
        if (!try)
            pthread_cond_wait(&w.turn, &lock);
        else if (pthread_cond_timedwait(&w.turn, &lock, &until) == ETIMEDOUT && !w.granted) {
            list_remove(&w.link);
            atomic_fetch_sub(&waiting, 1);
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&w.turn);
    return w.granted;
}

static void enter(RedisModuleCtx *ctx)
{
    ctx->entered = true;
    ctx->former = call_enter(ctx->s);
}

void rm_ThreadSafeContextLock(RedisModuleCtx *ctx)
{
    (void)acquire(false);
    if (ctx)
        enter(ctx);
}

int rm_ThreadSafeContextTryLock(RedisModuleCtx *ctx)
{
    if (!acquire(true)) {
        errno = EBUSY;
        return REDISMODULE_ERR;
    }
    if (ctx)
        enter(ctx);
    return REDISMODULE_OK;
}

void rm_ThreadSafeContextUnlock(RedisModuleCtx *ctx)
{
    if (ctx && ctx->entered) {
        call_leave(ctx->s, ctx->former);
        ctx->entered = false;
    }
    pthread_mutex_lock(&lock);
    given = false;
    pthread_cond_signal(&returned);
    pthread_mutex_unlock(&lock);
}

/* -- Contexts ------------------------------------------------------------------------------------------------------------- */

static RedisModuleCtx *make(struct module *m)
{
    RedisModuleCtx *ctx = mem_alloc(sizeof *ctx);
    module__ctx_detached(ctx, m);
    ctx->flags |= CTX_THREAD_SAFE;
    return ctx;
}

RedisModuleCtx *rm_GetThreadSafeContext(RedisModuleBlockedClient *bc)
{
    RedisModuleCtx *ctx = make(bc ? bc->module : NULL);
    if (bc) {
        ctx->db = bc->db;
        ctx->blocked = bc;
        ctx->out = &bc->replies.sink;
    }
    return ctx;
}

RedisModuleCtx *rm_GetDetachedThreadSafeContext(RedisModuleCtx *ctx)
{
    return make(ctx->module);
}

void rm_FreeThreadSafeContext(RedisModuleCtx *ctx)
{
    module__ctx_close(ctx);
    mem_free(ctx);
}
