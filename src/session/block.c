/* Parked sessions: commands that wait for something, and commands that were not run because of CLIENT PAUSE or back-pressure.
 *
 *   running --block_session--> blocked --block_wake/timeout/unblock--> answered --block_tick--> resumed
 *   running --block__postpone--> postponed --pause over, pressure gone (block_tick)--> resumed, dispatched again
 *
 * Resuming makes the listener parse on, which may run commands; so it never happens inside a command, but in block_tick.
 * Deadlines stand in a binary heap, by the steady clock; a timer of the loop wakes it for the first of them. */
#include "session/block.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "event/loop.h"
#include "session/lifecycle.h"
#include "session/reply.h"
#include "session/session_priv.h"

#define NOT_IN_HEAP  SIZE_MAX
#define TIMER_MAX_MS 3600000

struct blocked {
    struct session *s;
    enum block_why why;
    bool answered;         /* waits for being resumed only */
    struct list_node link; /* in postponed, or in resuming */
    const struct block_ops *ops;
    void *state;
    struct command *cmd;
    int db;
    int argc;
    struct slice *argv;  /* one allocation with its bytes */
    int64_t deadline_ms; /* steady */
    size_t heap_at;
    int64_t duration_us;
};

static struct list_node postponed = {&postponed, &postponed};
static struct list_node resuming = {&resuming, &resuming};
static size_t waiting; /* blocked and postponed */

static struct pause {
    enum pause_mode mode;
    int64_t until_ms; /* steady */
} pauses[PAUSE_BY_COUNT];
static enum pause_mode paused = PAUSE_OFF; /* the strictest of them */

/* -- Heap of deadlines --------------------------------------------------------------------------------------------------- */

static struct blocked **heap;
static size_t heap_n, heap_cap;

static void heap_put(size_t at, struct blocked *b)
{
    heap[at] = b;
    b->heap_at = at;
}

static void heap_up(size_t at, struct blocked *b)
{
    while (at > 0 && heap[(at - 1) / 2]->deadline_ms > b->deadline_ms) {
        heap_put(at, heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(at, b);
}

static void heap_down(size_t at, struct blocked *b)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap_n)
            break;
        if (child + 1 < heap_n && heap[child + 1]->deadline_ms < heap[child]->deadline_ms)
            child++;
        if (heap[child]->deadline_ms >= b->deadline_ms)
            break;
        heap_put(at, heap[child]);
        at = child;
    }
    heap_put(at, b);
}

static struct loop_timer *timer; /* NULL: not set */
static int64_t timer_ms;

static int64_t timer_fired(void *arg)
{
    timer = NULL; /* the tick that ends now does the rest */
    return -1;
}

/* For the first deadline. One that came to nothing fires in vain. */
static void set_timer(void)
{
    if (!heap_n || !lifecycle.loop || (timer && timer_ms <= heap[0]->deadline_ms))
        return;
    if (timer)
        loop_timer_del(timer);
    timer_ms = heap[0]->deadline_ms;
    int64_t left = timer_ms - clock_steady_ms();
    if (left > TIMER_MAX_MS)
        left = TIMER_MAX_MS;
    timer = loop_timer_add(lifecycle.loop, left > 0 ? left : 0, timer_fired, NULL);
}

static void heap_add(struct blocked *b)
{
    if (heap_n == heap_cap) {
        heap_cap = heap_cap ? heap_cap * 2 : 64;
        heap = mem_realloc(heap, heap_cap * sizeof *heap);
    }
    heap_up(heap_n++, b);
    set_timer();
}

static void heap_del(struct blocked *b)
{
    size_t at = b->heap_at;
    if (at == NOT_IN_HEAP)
        return;
    b->heap_at = NOT_IN_HEAP;
    struct blocked *last = heap[--heap_n];
    if (last == b)
        return;
    if (at > 0 && heap[(at - 1) / 2]->deadline_ms > last->deadline_ms)
        heap_up(at, last);
    else
        heap_down(at, last);
}

static int64_t to_steady(int64_t wall_ms)
{
    return wall_ms - clock_wall_ms() + clock_steady_ms();
}

/* -- Blocked commands ---------------------------------------------------------------------------------------------------- */

/* Clients are counted, not what a module has commands executed by. */
static void count(const struct blocked *b, int n)
{
    if (!(b->s->flags & SESS_INTERNAL))
        waiting += (size_t)n;
}

static struct slice *copy_argv(const struct slice *argv, int argc)
{
    size_t n = (size_t)argc * sizeof *argv;
    for (int i = 0; i < argc; i++)
        n += argv[i].n;
    struct slice *copy = mem_alloc(n);
    char *at = (char *)(copy + argc);
    for (int i = 0; i < argc; i++) {
        if (argv[i].n)
            memcpy(at, argv[i].p, argv[i].n);
        copy[i] = slice_make(at, argv[i].n);
        at += argv[i].n;
    }
    return copy;
}

/* A command that was executed again waits for something else now. */
static void block_anew(struct call *c, const struct block_ops *ops, void *state,
                       int64_t deadline_ms)
{
    struct blocked *b = c->s->block;
    heap_del(b);
    b->ops->free_state(b->state);
    b->ops = ops;
    b->state = state;
    if (deadline_ms) {
        b->deadline_ms = to_steady(deadline_ms);
        heap_add(b);
    }
    c->blocked = true;
}

void block_session(struct call *c, const struct block_ops *ops, void *state, int64_t deadline_ms)
{
    orbit_assert(!(c->s->flags & SESS_DENY_BLOCKING));
    if (c->s->block) {
        block_anew(c, ops, state, deadline_ms);
        return;
    }
    struct blocked *b = mem_calloc(1, sizeof *b);
    b->s = c->s;
    b->why = BLOCK_WHY_COMMAND;
    b->ops = ops;
    b->state = state;
    b->cmd = c->cmd;
    b->db = c->db;
    b->argc = c->argc;
    b->argv = copy_argv(c->argv, c->argc);
    b->heap_at = NOT_IN_HEAP;
    if (deadline_ms) {
        b->deadline_ms = to_steady(deadline_ms);
        heap_add(b);
    }
    c->s->block = b;
    c->s->flags |= SESS_BLOCKED;
    c->blocked = true;
    count(b, 1);
}

void block__set_duration(struct session *s, int64_t us)
{
    struct blocked *b = s->block;
    if (b)
        b->duration_us = us;
}

void block_add_duration(struct session *s, int64_t us)
{
    struct blocked *b = s->block;
    if (b)
        b->duration_us += us;
}

static void release(struct blocked *b)
{
    heap_del(b);
    list_remove(&b->link);
    if (!b->answered)
        count(b, -1);
    b->s->block = NULL;
    b->s->flags &= ~(uint32_t)(SESS_BLOCKED | SESS_POSTPONED);
    if (b->ops && !b->answered)
        b->ops->free_state(b->state);
    mem_free(b->argv);
    mem_free(b);
}

void block__drop(struct session *s)
{
    if (s->block)
        release(s->block);
}

/* Lets the session go on when this tick ends. */
static void resume_later(struct blocked *b)
{
    heap_del(b);
    list_remove(&b->link);
    count(b, -1);
    b->answered = true;
    list_push(&resuming, &b->link);
}

struct finish {
    void (*answer)(struct call *c, void *state, void *arg);
    void (*answer_plain)(struct call *c, void *state);
    void *arg;
};

/* Between begin and end something runs for the blocked session, outside of what its listener knows. */
struct late {
    struct call c;
    struct session *former;
    size_t tick_bytes;
};

static void late_begin(struct late *l, struct blocked *b)
{
    l->tick_bytes = kv_tick_bytes(b->s->kv);
    l->former = call_enter(b->s);
    call__init(&l->c, b->s, b->cmd, b->argv, b->argc);
    l->c.db = b->db;
    l->c.start_us = clock_mono_us();
    if (UNLIKELY(b->s->flags & SESS_NO_EFFECTS))
        kv_effects_mute(b->s->kv);
}

/* The command's effects end here. executed: it was, to its end. */
static void late_finish(struct late *l, bool executed)
{
    if (executed)
        call__finish(&l->c);
    if (UNLIKELY(l->c.s->flags & SESS_NO_EFFECTS))
        kv_effects_unmute(l->c.kv);
}

static void late_clock(struct late *l, struct blocked *b)
{
    l->c.duration_us = b->duration_us + clock_mono_us() - l->c.start_us;
}

/* The command was answered. */
static void late_answered(struct late *l, struct blocked *b)
{
    struct session *s = b->s;
    b->ops->free_state(b->state);
    s->flags &= ~(uint32_t)SESS_BLOCKED;
    if (s->ops->answered)
        s->ops->answered(s, kv_tick_bytes(s->kv) != l->tick_bytes ||
                                (b->ops->after_others && kv_write_refused(s->kv, NULL)));
    dispatch__answered(s);
    resume_later(b);
}

static void late_end(struct late *l)
{
    call_leave(l->c.s, l->former);
    arena_reset(l->c.arena);
}

static void finish(struct blocked *b, struct finish f)
{
    struct late l;
    late_begin(&l, b);
    if (f.answer)
        f.answer(&l.c, b->state, f.arg);
    else if (f.answer_plain)
        f.answer_plain(&l.c, b->state);
    late_clock(&l, b);
    late_finish(&l, true);
    late_answered(&l, b);
    late_end(&l);
}

bool block__again(struct session *s)
{
    struct blocked *b = s->block;
    struct late l;
    late_begin(&l, b);
    bool allowed = dispatch__again(&l.c);
    if (allowed)
        b->cmd->fn(&l.c);
    late_clock(&l, b);
    bool waits = l.c.blocked;
    late_finish(&l, allowed && !waits);
    if (waits) {
        b->duration_us = l.c.duration_us;
    } else {
        late_answered(&l, b);
    }
    late_end(&l);
    return waits;
}

void block_execute_again(struct session *s)
{
    (void)block__again(s);
}

void block_wake(struct session *s, void (*answer)(struct call *c, void *state, void *arg),
                void *arg)
{
    struct blocked *b = s->block;
    if (b && b->why == BLOCK_WHY_COMMAND && !b->answered)
        finish(b, (struct finish){.answer = answer, .arg = arg});
}

static void answer_unblocked(struct call *c, void *state)
{
    reply_error(c, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
}

bool block_unblock(struct session *s, bool with_error)
{
    struct blocked *b = s->block;
    if (!b || b->why != BLOCK_WHY_COMMAND || b->answered || !b->ops->timeout)
        return false;
    if (with_error)
        finish(b,
               (struct finish){.answer_plain = b->ops->abort ? b->ops->abort : answer_unblocked});
    else
        finish(b, (struct finish){.answer_plain = b->ops->timeout});
    return true;
}

size_t block_count(void)
{
    return waiting;
}

size_t block_deadlines(void)
{
    return heap_n;
}

/* -- Postponed commands -------------------------------------------------------------------------------------------------- */

void block__postpone(struct session *s, enum block_why why)
{
    struct blocked *b = mem_calloc(1, sizeof *b);
    b->s = s;
    b->why = why;
    b->heap_at = NOT_IN_HEAP;
    s->block = b;
    s->flags |= SESS_POSTPONED;
    list_push(&postponed, &b->link);
    count(b, 1);
}

static void pause_update(void)
{
    paused = PAUSE_OFF;
    for (size_t i = 0; i < COUNT_OF(pauses); i++)
        if (pauses[i].mode > paused)
            paused = pauses[i].mode;
    /* Whoever pauses writes wants the data set to stand still. */
    if (lifecycle.kv)
        kv_pause_expire(lifecycle.kv, paused != PAUSE_OFF);
}

void pause_set(enum pause_by by, enum pause_mode mode, int64_t until_ms)
{
    struct pause *p = &pauses[by];
    if (until_ms != INT64_MAX)
        until_ms = to_steady(until_ms);
    /* A stricter or longer pause that is on stays. */
    if (pause_mode() != PAUSE_OFF && p->mode != PAUSE_OFF) {
        if (mode < p->mode)
            mode = p->mode;
        if (until_ms < p->until_ms)
            until_ms = p->until_ms;
    }
    *p = (struct pause){mode, until_ms};
    pause_update();
}

void pause_end(enum pause_by by)
{
    pauses[by].mode = PAUSE_OFF;
    pause_update();
}

enum pause_mode pause_mode(void)
{
    if (LIKELY(paused == PAUSE_OFF))
        return PAUSE_OFF;
    int64_t now = clock_steady_ms();
    for (size_t i = 0; i < COUNT_OF(pauses); i++)
        if (pauses[i].mode != PAUSE_OFF && pauses[i].until_ms < now)
            pause_end((enum pause_by)i);
    return paused;
}

/* In order of arrival; each is dispatched again and may be postponed again. */
static void resume_postponed(void)
{
    if (list_empty(&postponed))
        return;
    bool still_paused = pause_mode() != PAUSE_OFF;
    LIST_EACH_SAFE(it, tmp, &postponed)
    {
        struct blocked *b = LIST_ENTRY(it, struct blocked, link);
        bool stays = (b->why == BLOCK_WHY_PAUSE && still_paused) ||
                     (b->why == BLOCK_WHY_PRESSURE && kv_pressure(b->s->kv));
        if (!stays)
            resume_later(b);
    }
}

bool block_tick(void)
{
    /* keys that changed without a command, or while others were held back by CLIENT PAUSE */
    if (block__keys_ready)
        block__keys_serve();
    if (heap_n) {
        int64_t now = clock_steady_ms();
        while (heap_n && heap[0]->deadline_ms <= now)
            finish(heap[0], (struct finish){.answer_plain = heap[0]->ops->timeout});
        set_timer();
    }
    resume_postponed();
    /* What is resumed may block or postpone others, or itself again: those come with the next tick. */
    struct list_node now;
    list_init(&now);
    while (!list_empty(&resuming)) {
        struct list_node *n = resuming.next;
        list_remove(n);
        list_push(&now, n);
    }
    while (!list_empty(&now)) {
        struct blocked *b = LIST_ENTRY(now.next, struct blocked, link);
        struct session *s = b->s;
        release(b);
        s->ops->resume(s);
    }
    return !list_empty(&resuming);
}
