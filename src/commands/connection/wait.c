/* WAIT and WAITAOF: block until writes are elsewhere, or on the device. There are no replicas, so WAIT for any ends by its
 * timeout. */
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "commands/connection/connection_commands.h"
#include "keyspace/keyspace_options.h"
#include "session/block.h"
#include "session/hooks.h"
#include "session/reply.h"

/* Milliseconds; 0 for ever. */
static bool arg_timeout(struct call *c, int i, int64_t *deadline_ms)
{
    int64_t ms;
    if (!call_arg_int(c, i, &ms, "timeout is not an integer or out of range"))
        return false;
    int64_t now = clock_wall_ms();
    if (ms < 0) {
        reply_error(c, "ERR timeout is negative");
        return false;
    }
    if (ms > INT64_MAX - now) {
        reply_error(c, "ERR timeout is out of range");
        return false;
    }
    *deadline_ms = ms ? now + ms : 0;
    return true;
}

static void wait_timeout(struct call *c, void *state)
{
    reply_int(c, 0);
}

static void wait_free(void *state)
{
}

static const struct block_ops wait_ops = {
    .kind = "wait", .timeout = wait_timeout, .free_state = wait_free};

void cmd_wait(struct call *c)
{
    int64_t replicas, deadline;
    if (!call_arg_int(c, 1, &replicas, NULL) || !arg_timeout(c, 2, &deadline))
        return;
    if (replicas <= 0 || (c->s->flags & SESS_DENY_BLOCKING)) {
        reply_int(c, 0);
        return;
    }
    block_session(c, &wait_ops, NULL, deadline);
}

/* One client in WAITAOF. Its writes may still stand in the tick that is not written yet: then the sequence to wait for is
 * known after the next write. */
struct waiting {
    struct list_node link;
    struct session *s;
    struct kv *kv;
    bool in_tick;
    uint64_t writes;
    uint64_t seq;
    bool needs_local, needs_replica;
};

static struct list_node waiters = {&waiters, &waiters};

static bool is_synced(struct waiting *w)
{
    struct kv_stats st;
    kv_stats(w->kv, &st);
    if (w->in_tick) {
        if (st.log_writes == w->writes)
            return false;
        w->in_tick = false;
        w->seq = st.log_last_seq;
    }
    return st.log_synced_seq >= w->seq;
}

static void waiting_begin(struct waiting *w, struct kv *kv)
{
    struct kv_stats st;
    kv_stats(kv, &st);
    w->kv = kv;
    w->in_tick = kv_tick_bytes(kv) > 0;
    w->writes = st.log_writes;
    w->seq = st.log_last_seq;
}

static void waitaof_answer(struct call *c, struct waiting *w)
{
    reply_array(c, 2);
    reply_int(c, keyspace_opts.appendonly && is_synced(w));
    reply_int(c, 0);
}

static void waitaof_timeout(struct call *c, void *state)
{
    waitaof_answer(c, state);
}

static void waitaof_wake(struct call *c, void *state, void *arg)
{
    waitaof_answer(c, state);
}

static void no_log(struct call *c)
{
    reply_error(c, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
}

/* The log was turned off meanwhile. */
static void waitaof_no_log(struct call *c, void *state, void *arg)
{
    no_log(c);
}

static void waitaof_free(void *state)
{
    struct waiting *w = state;
    list_remove(&w->link);
    mem_free(w);
}

static const struct block_ops waitaof_ops = {
    .kind = "waitaof", .timeout = waitaof_timeout, .free_state = waitaof_free};

static void on_tick(void *arg)
{
    LIST_EACH_SAFE(it, tmp, &waiters)
    {
        struct waiting *w = LIST_ENTRY(it, struct waiting, link);
        if (w->needs_local && !keyspace_opts.appendonly)
            block_wake(w->s, waitaof_no_log, NULL);
        else if (!w->needs_replica && is_synced(w))
            block_wake(w->s, waitaof_wake, NULL);
    }
}

void cmd_waitaof(struct call *c)
{
    int64_t local, replicas, deadline;
    if (!call_arg_range(c, 1, 0, 1, &local, NULL) ||
        !call_arg_range(c, 2, 0, INT64_MAX, &replicas, "value is out of range, must be positive") ||
        !arg_timeout(c, 3, &deadline))
        return;
    if (local && !keyspace_opts.appendonly) {
        no_log(c);
        return;
    }
    struct waiting now = {.s = c->s};
    waiting_begin(&now, c->kv);
    if ((replicas == 0 && (!local || is_synced(&now))) || (c->s->flags & SESS_DENY_BLOCKING)) {
        waitaof_answer(c, &now);
        return;
    }
    struct waiting *w = mem_alloc(sizeof *w);
    *w = now;
    w->needs_local = local > 0;
    w->needs_replica = replicas > 0;
    list_push(&waiters, &w->link);
    block_session(c, &waitaof_ops, w, deadline);
    hook_add(HOOK_TICK, on_tick);
    hook_add(HOOK_CRON, on_tick);
}
