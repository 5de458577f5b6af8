/* Timers of modules, and file descriptors that they watch. Thread: loop, or a module's thread that has the lock; one-shot
 * callbacks are taken from any thread. */
#include "base/clock.h"
#include "base/dict.h"
#include "base/mem.h"
#include "event/loop.h"
#include "module/event.h"
#include "session/lifecycle.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

/* -- Timers --------------------------------------------------------------------------------------------------------------- */

#define PERIOD_MAX_MS (INT64_C(100) * 365 * 24 * 3600 * 1000) /* 100 years */

struct timer {
    struct module *module;
    RedisModuleTimerID id;
    RedisModuleTimerProc fn;
    void *data;
    int db;
    int64_t due_us; /* monotonic */
    struct loop_timer *timer;
};

static struct dict *timers; /* id -> struct timer */

static struct slice id_key(const RedisModuleTimerID *id)
{
    return slice_make((const char *)id, sizeof *id);
}

static struct timer *find(const struct module *m, RedisModuleTimerID id)
{
    struct timer *t = timers ? dict_get(timers, id_key(&id)) : NULL;
    return t && t->module == m ? t : NULL;
}

static int64_t fired(void *arg)
{
    struct timer *t = arg;
    RedisModuleCtx ctx;
    dict_take(timers, id_key(&t->id));
    module__ctx_open(&ctx, t->module);
    ctx.db = t->db;
    t->fn(&ctx, t->data);
    module__ctx_close(&ctx);
    mem_free(t);
    return -1;
}

RedisModuleTimerID rm_CreateTimer(RedisModuleCtx *ctx, mstime_t period, RedisModuleTimerProc fn,
                                  void *data)
{
    static RedisModuleTimerID next_id;
    if (!timers)
        timers = dict_new(0, NULL);
    period = period < 0 ? 0 : period > PERIOD_MAX_MS ? PERIOD_MAX_MS : period;
    struct timer *t = mem_alloc(sizeof *t);
    *t = (struct timer){.module = ctx->module,
                        .id = ++next_id,
                        .fn = fn,
                        .data = data,
                        .db = ctx->db,
                        .due_us = clock_mono_us() + period * 1000};
    t->timer = loop_timer_add(lifecycle.loop, period, fired, t);
    dict_set(timers, id_key(&t->id), t);
    return t->id;
}

int rm_StopTimer(RedisModuleCtx *ctx, RedisModuleTimerID id, void **data)
{
    struct timer *t = find(ctx->module, id);
    if (!t)
        return REDISMODULE_ERR;
    if (data)
        *data = t->data;
    dict_take(timers, id_key(&id));
    loop_timer_del(t->timer);
    mem_free(t);
    return REDISMODULE_OK;
}

int rm_GetTimerInfo(RedisModuleCtx *ctx, RedisModuleTimerID id, uint64_t *remaining, void **data)
{
    struct timer *t = find(ctx->module, id);
    if (!t)
        return REDISMODULE_ERR;
    int64_t left = t->due_us - clock_mono_us();
    if (remaining)
        *remaining = left > 0 ? (uint64_t)left / 1000 : 0;
    if (data)
        *data = t->data;
    return REDISMODULE_OK;
}

/* -- File descriptors ----------------------------------------------------------------------------------------------------- */

struct watch {
    struct list_node link;
    int fd, events;
    RedisModuleEventLoopFunc readable, writable;
    void *read_data, *write_data;
    struct loop_fd *handle;
};

static struct list_node watches = {&watches, &watches};

static struct watch *watch_of(int fd)
{
    LIST_EACH(it, &watches)
    {
        struct watch *w = LIST_ENTRY(it, struct watch, link);
        if (w->fd == fd)
            return w;
    }
    return NULL;
}

static void watch_free(struct watch *w)
{
    loop_fd_del(w->handle);
    list_remove(&w->link);
    mem_free(w);
}

/* The first callback may end the watch. */
static void on_ready(void *arg, int ready)
{
    struct watch *w = arg;
    int fd = w->fd;
    if ((ready & LOOP_READ) && (w->events & LOOP_READ))
        w->readable(fd, w->read_data, REDISMODULE_EVENTLOOP_READABLE);
    w = watch_of(fd);
    if (w && (ready & LOOP_WRITE) && (w->events & LOOP_WRITE))
        w->writable(fd, w->write_data, REDISMODULE_EVENTLOOP_WRITABLE);
}

static int events_of(int mask)
{
    return (mask & REDISMODULE_EVENTLOOP_READABLE ? LOOP_READ : 0) |
           (mask & REDISMODULE_EVENTLOOP_WRITABLE ? LOOP_WRITE : 0);
}

/* Sets errno: EINVAL, ERANGE for what can be no descriptor, or 0. */
static bool bad_watch(int fd, int mask)
{
    const int known = REDISMODULE_EVENTLOOP_READABLE | REDISMODULE_EVENTLOOP_WRITABLE;
    if (fd < 0 || fd >= sysconf(_SC_OPEN_MAX))
        errno = ERANGE;
    else
        errno = (mask & ~known) || !mask ? EINVAL : 0;
    return errno != 0;
}

int rm_EventLoopAdd(int fd, int mask, RedisModuleEventLoopFunc fn, void *user_data)
{
    if (bad_watch(fd, mask))
        return REDISMODULE_ERR;
    if (!fn) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    struct watch *w = watch_of(fd);
    if (!w) {
        w = mem_calloc(1, sizeof *w);
        w->fd = fd;
        w->handle = loop_fd_add(lifecycle.loop, fd, 0, on_ready, w);
        list_push(&watches, &w->link);
    }
    if (mask & REDISMODULE_EVENTLOOP_READABLE) {
        w->readable = fn;
        w->read_data = user_data;
    }
    if (mask & REDISMODULE_EVENTLOOP_WRITABLE) {
        w->writable = fn;
        w->write_data = user_data;
    }
    w->events |= events_of(mask);
    loop_fd_set(w->handle, w->events);
    return REDISMODULE_OK;
}

int rm_EventLoopDel(int fd, int mask)
{
    if (bad_watch(fd, mask))
        return REDISMODULE_ERR;
    struct watch *w = watch_of(fd);
    if (!w)
        return REDISMODULE_OK;
    w->events &= ~events_of(mask);
    if (w->events)
        loop_fd_set(w->handle, w->events);
    else
        watch_free(w);
    return REDISMODULE_OK;
}

/* -- Once, from any thread ------------------------------------------------------------------------------------------------ */

struct one_shot {
    struct list_node link;
    RedisModuleEventLoopOneShotFunc fn;
    void *data;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list_node one_shots = {&one_shots, &one_shots}; /* under lock */

static struct one_shot *next_one_shot(void)
{
    struct one_shot *o = NULL;
    pthread_mutex_lock(&lock);
    if (!list_empty(&one_shots)) {
        o = LIST_ENTRY(one_shots.next, struct one_shot, link);
        list_remove(&o->link);
    }
    pthread_mutex_unlock(&lock);
    return o;
}

static void run_one_shots(void *arg)
{
    struct one_shot *o;
    while ((o = next_one_shot()) != NULL) {
        o->fn(o->data);
        mem_free(o);
    }
}

int rm_EventLoopAddOneShot(RedisModuleEventLoopOneShotFunc fn, void *user_data)
{
    if (!fn) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    struct one_shot *o = mem_alloc(sizeof *o);
    *o = (struct one_shot){.fn = fn, .data = user_data};
    pthread_mutex_lock(&lock);
    list_push(&one_shots, &o->link);
    pthread_mutex_unlock(&lock);
    loop_wake_async(lifecycle.loop);
    return REDISMODULE_OK;
}

/* -- Start and end -------------------------------------------------------------------------------------------------------- */

void module__timer_start(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    loop_on_tick(lifecycle.loop, LOOP_PRIO_UNBLOCK, run_one_shots, NULL);
}

/* Who asked for a watch or a one-shot is not known, but whose function it calls. */
static bool is_code_of(const struct module *m, uintptr_t function)
{
    return module__of_address((const void *)function) == m;
}

static void drop_watches(const struct module *m)
{
    LIST_EACH_SAFE(it, tmp, &watches)
    {
        struct watch *w = LIST_ENTRY(it, struct watch, link);
        if (is_code_of(m, (uintptr_t)w->readable) || is_code_of(m, (uintptr_t)w->writable))
            watch_free(w);
    }
}

static void drop_one_shots(const struct module *m)
{
    pthread_mutex_lock(&lock);
    LIST_EACH_SAFE(it, tmp, &one_shots)
    {
        struct one_shot *o = LIST_ENTRY(it, struct one_shot, link);
        if (!is_code_of(m, (uintptr_t)o->fn))
            continue;
        list_remove(&o->link);
        mem_free(o);
    }
    pthread_mutex_unlock(&lock);
}

void module__timers_drop(struct module *m)
{
    drop_watches(m);
    drop_one_shots(m);
    if (!timers)
        return;
    for (struct dict_iter it = dict_iter(timers); dict_next(&it);) {
        struct timer *t = it.value;
        if (t->module != m)
            continue;
        dict_take(timers, id_key(&t->id));
        loop_timer_del(t->timer);
        mem_free(t);
    }
}

const char *module__timers_refuses(struct module *m)
{
    if (timers)
        for (struct dict_iter it = dict_iter(timers); dict_next(&it);)
            if (((struct timer *)it.value)->module == m)
                return "the module holds timer that is not fired. Please stop the timer or wait "
                       "until it fires.";
    return NULL;
}
