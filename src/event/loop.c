#include "event/loop.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "event/loop_priv.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One tick:
 *
 *   event_base_loop    waits; libevent's callbacks only put what is ready on the ready list
 *   hooks              of LOOP_PRIO_WOKEN
 *   ready list         the users' callbacks run from here, outside libevent, so that loop_poll may be called inside one
 *   hooks              the others, in order of priority
 */

#define LOOP_HOOKS_MAX 16

struct loop_fd {
    struct loop_ready ready; /* first member */
    struct loop *loop;
    loop_fd_fn fn;
    void *arg;
    int fd;
    int interest;
    int got;
};

struct loop_timer {
    struct loop_ready ready; /* first member */
    struct loop *loop;
    loop_timer_fn fn;
    void *arg;
    bool running, deleted;
};

/* libevent's own part stands behind ours in the same allocation: its size is known only at run time. */
static struct event *fd_event(struct loop_fd *f)
{
    return (struct event *)(void *)(f + 1);
}

static struct event *timer_event(struct loop_timer *t)
{
    return (struct event *)(void *)(t + 1);
}

struct hook {
    loop_hook_fn fn;
    void *arg;
    enum loop_prio prio;
};

struct loop {
    struct event_base *base;
    struct list_node ready;
    struct hook hooks[LOOP_HOOKS_MAX];
    size_t nhooks;
    struct loop_fd *wake;
    int wake_fd;
    bool stop, no_wait;
    struct loop_stats stats;
};

static void on_wake(void *arg, int ready)
{
    struct loop *l = arg;
    uint64_t n;
    while (read(l->wake_fd, &n, sizeof n) < 0 && errno == EINTR)
        ;
}

enum status loop_new(struct loop **out, struct error *err)
{
    *out = NULL;
    struct event_config *cfg = event_config_new();
    if (!cfg)
        return error_set(err, ST_NO_MEMORY, "event loop: out of memory");
    (void)event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(cfg);
    event_config_free(cfg);
    if (!base)
        return error_set(err, ST_INTERNAL, "event loop: libevent offers no usable backend");

    struct loop *l = mem_calloc(1, sizeof *l);
    l->base = base;
    list_init(&l->ready);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->wake_fd < 0) {
        enum status st = error_set_errno(err, errno, "event loop: eventfd");
        event_base_free(base);
        mem_free(l);
        return st;
    }
    l->wake = loop_fd_add(l, l->wake_fd, LOOP_READ, on_wake, l);
    *out = l;
    return ST_OK;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    loop_fd_del(l->wake);
    close(l->wake_fd);
    event_base_free(l->base);
    mem_free(l);
}

void loop__ready_push(struct loop *l, struct loop_ready *r)
{
    if (!list_linked(&r->link))
        list_push(&l->ready, &r->link);
}

struct event_base *loop__base(struct loop *l)
{
    return l->base;
}

static void run_ready(struct loop *l)
{
    while (!list_empty(&l->ready)) {
        struct loop_ready *r = LIST_ENTRY(l->ready.next, struct loop_ready, link);
        list_remove(&r->link);
        r->run(r);
    }
}

static void run_hooks(struct loop *l, enum loop_prio from, enum loop_prio to)
{
    for (size_t i = 0; i < l->nhooks; i++) {
        struct hook h = l->hooks[i];
        if (h.prio >= from && h.prio <= to)
            h.fn(h.arg);
    }
}

void loop_run(struct loop *l)
{
    clock_refresh();
    while (!l->stop) {
        int flags = EVLOOP_ONCE | (l->no_wait ? EVLOOP_NONBLOCK : 0);
        l->no_wait = false;
        (void)event_base_loop(l->base, flags);
        clock_refresh();
        int64_t start = clock_mono_us();
        run_hooks(l, LOOP_PRIO_WOKEN, LOOP_PRIO_WOKEN);
        run_ready(l);
        run_hooks(l, LOOP_PRIO_UNBLOCK, LOOP_PRIO_BACKGROUND);
        uint64_t us = (uint64_t)(clock_mono_us() - start);
        l->stats.cycles++;
        l->stats.busy_us += us;
        l->stats.last_us = us;
        if (us > l->stats.max_us)
            l->stats.max_us = us;
    }
    l->stop = false;
}

void loop_stop(struct loop *l)
{
    l->stop = true;
    l->no_wait = true;
}

void loop_poll(struct loop *l)
{
    (void)event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    run_ready(l);
    run_hooks(l, LOOP_PRIO_REPLY, LOOP_PRIO_REPLY);
}

void loop_on_tick(struct loop *l, enum loop_prio prio, loop_hook_fn fn, void *arg)
{
    orbit_assert(l->nhooks < LOOP_HOOKS_MAX);
    size_t at = l->nhooks;
    while (at > 0 && l->hooks[at - 1].prio > prio) {
        l->hooks[at] = l->hooks[at - 1];
        at--;
    }
    l->hooks[at] = (struct hook){fn, arg, prio};
    l->nhooks++;
}

void loop_off_tick(struct loop *l, loop_hook_fn fn, void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->nhooks; i++)
        if (l->hooks[i].fn != fn || l->hooks[i].arg != arg)
            l->hooks[kept++] = l->hooks[i];
    l->nhooks = kept;
}

void loop_wake(struct loop *l)
{
    l->no_wait = true;
}

void loop_wake_async(struct loop *l)
{
    int saved = errno;
    uint64_t one = 1;
    while (write(l->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
    errno = saved;
}

/* -- timers ------------------------------------------------------------------------------------ */

static struct timeval to_timeval(int64_t ms)
{
    if (ms < 0)
        ms = 0;
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static void run_timer(struct loop_ready *r)
{
    struct loop_timer *t = (struct loop_timer *)r;
    int64_t start = clock_mono_us();
    t->running = true;
    int64_t next = t->fn(t->arg);
    t->running = false;
    t->loop->stats.cron_us += (uint64_t)(clock_mono_us() - start);
    if (t->deleted || next < 0) {
        loop_timer_del(t);
        return;
    }
    struct timeval tv = to_timeval(next);
    (void)event_add(timer_event(t), &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop_timer *t = arg;
    loop__ready_push(t->loop, &t->ready);
}

struct loop_timer *loop_timer_add(struct loop *l, int64_t delay_ms, loop_timer_fn fn, void *arg)
{
    struct loop_timer *t = mem_calloc(1, sizeof *t + event_get_struct_event_size());
    t->ready.run = run_timer;
    t->loop = l;
    t->fn = fn;
    t->arg = arg;
    (void)event_assign(timer_event(t), l->base, -1, 0, on_timer, t);
    struct timeval tv = to_timeval(delay_ms);
    (void)event_add(timer_event(t), &tv);
    return t;
}

void loop_timer_del(struct loop_timer *t)
{
    if (!t)
        return;
    if (t->running) {
        t->deleted = true;
        return;
    }
    list_remove(&t->ready.link);
    (void)event_del(timer_event(t));
    mem_free(t);
}

/* -- file descriptors ---------------------------------------------------------------------------- */

static void run_fd(struct loop_ready *r)
{
    struct loop_fd *f = (struct loop_fd *)r;
    int got = f->got & f->interest;
    f->got = 0;
    if (got)
        f->fn(f->arg, got);
}

static void on_fd(evutil_socket_t fd, short what, void *arg)
{
    struct loop_fd *f = arg;
    if (what & EV_READ)
        f->got |= LOOP_READ;
    if (what & EV_WRITE)
        f->got |= LOOP_WRITE;
    loop__ready_push(f->loop, &f->ready);
}

static void watch(struct loop_fd *f, int events)
{
    f->interest = events;
    if (!events)
        return;
    short what = EV_PERSIST;
    if (events & LOOP_READ)
        what |= EV_READ;
    if (events & LOOP_WRITE)
        what |= EV_WRITE;
    (void)event_assign(fd_event(f), f->loop->base, f->fd, what, on_fd, f);
    (void)event_add(fd_event(f), NULL);
}

struct loop_fd *loop_fd_add(struct loop *l, int fd, int events, loop_fd_fn fn, void *arg)
{
    struct loop_fd *f = mem_calloc(1, sizeof *f + event_get_struct_event_size());
    f->ready.run = run_fd;
    f->loop = l;
    f->fn = fn;
    f->arg = arg;
    f->fd = fd;
    l->stats.fds++;
    watch(f, events);
    return f;
}

void loop_fd_set(struct loop_fd *f, int events)
{
    if (events == f->interest)
        return;
    if (f->interest)
        (void)event_del(fd_event(f));
    watch(f, events);
}

void loop_fd_del(struct loop_fd *f)
{
    if (!f)
        return;
    list_remove(&f->ready.link);
    if (f->interest)
        (void)event_del(fd_event(f));
    f->loop->stats.fds--;
    mem_free(f);
}

/* -- figures ------------------------------------------------------------------------------------- */

void loop_stats(const struct loop *l, struct loop_stats *out)
{
    *out = l->stats;
}

void loop_stats_reset(struct loop *l)
{
    unsigned fds = l->stats.fds;
    l->stats = (struct loop_stats){.fds = fds};
}

const char *loop_backend(const struct loop *l)
{
    return event_base_get_method(l->base);
}
