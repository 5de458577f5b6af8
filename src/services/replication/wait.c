/* WAIT and WAITAOF: block until what was written is on replicas, or on devices. A position in the stream is waited for, not a
 * client's own last write: it may be somewhat later, never earlier. */
#include "base/clock.h"
#include "base/mem.h"
#include "event/loop.h"
#include "keyspace/keyspace_options.h"
#include "services/replication/replication_commands.h"
#include "services/replication/replication_priv.h"
#include "session/block.h"
#include "session/lifecycle.h"
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

/* One blocked client. Its writes may still stand in the tick that is not committed yet: then the positions to wait for are known
 * after that. */
struct waiting {
    struct list_node link;
    struct session *s;
    bool aof;
    bool in_tick;
    uint64_t offset; /* in the stream */
    uint64_t seq;    /* in the log */
    bool local;      /* WAITAOF: the own log counts */
    int64_t replicas;
};

static struct list_node waiters = {&waiters, &waiters};

static void locate(struct waiting *w)
{
    struct kv_stats st;
    kv_stats(w->s->kv, &st);
    w->offset = repl.effects_end;
    w->seq = st.log_last_seq;
}

static int64_t replicas_at(const struct waiting *w)
{
    int64_t n = 0;
    if (w->in_tick)
        return 0;
    LIST_EACH(it, &repl.clients)
    {
        const struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        bool there = w->aof ? r->synced >= (int64_t)w->offset : r->acked >= w->offset;
        n += r->state == REPL_ONLINE && there;
    }
    return n;
}

static bool synced_here(const struct waiting *w)
{
    struct kv_stats st;
    if (w->in_tick || !keyspace_opts.appendonly)
        return false;
    kv_stats(w->s->kv, &st);
    return st.log_synced_seq >= w->seq;
}

static bool satisfied(const struct waiting *w)
{
    return replicas_at(w) >= w->replicas && (!w->local || synced_here(w));
}

static void answer(struct call *c, const struct waiting *w)
{
    if (!w->aof) {
        reply_int(c, replicas_at(w));
        return;
    }
    reply_array(c, 2);
    reply_int(c, synced_here(w));
    reply_int(c, replicas_at(w));
}

static void on_timeout(struct call *c, void *state)
{
    answer(c, state);
}

static void on_wake(struct call *c, void *state, void *arg)
{
    answer(c, state);
}

static void no_log(struct call *c)
{
    reply_error(c, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
}

/* The log was turned off meanwhile. */
static void on_no_log(struct call *c, void *state, void *arg)
{
    no_log(c);
}

static void on_free(void *state)
{
    struct waiting *w = state;
    list_remove(&w->link);
    mem_free(w);
}

static const struct block_ops wait_ops = {
    .kind = "wait", .timeout = on_timeout, .free_state = on_free};

void repl__wait_committed(void)
{
    LIST_EACH(it, &waiters)
    {
        struct waiting *w = LIST_ENTRY(it, struct waiting, link);
        if (!w->in_tick)
            continue;
        w->in_tick = false;
        locate(w);
    }
}

static void wake(void)
{
    if (lifecycle.loop)
        loop_wake(lifecycle.loop);
}

void repl__wait_check(void)
{
    bool woken = false;
    if (!list_empty(&waiters) && kv_tick_bytes(lifecycle.kv) == 0)
        repl__wait_committed();
    LIST_EACH_SAFE(it, tmp, &waiters)
    {
        struct waiting *w = LIST_ENTRY(it, struct waiting, link);
        bool off = w->local && !keyspace_opts.appendonly;
        if (!off && !satisfied(w))
            continue;
        block_wake(w->s, off ? on_no_log : on_wake, NULL);
        woken = true;
    }
    if (woken)
        wake();
}

static void wait_for(struct call *c, struct waiting now, int64_t deadline)
{
    bool may_block = !(c->s->flags & SESS_DENY_BLOCKING);
    now.s = c->s;
    now.in_tick = may_block && kv_tick_bytes(c->kv) > 0;
    locate(&now);
    if (!may_block || satisfied(&now)) {
        answer(c, &now);
        return;
    }
    struct waiting *w = mem_alloc(sizeof *w);
    *w = now;
    list_push(&waiters, &w->link);
    block_session(c, &wait_ops, w, deadline);
    repl.ask |= now.replicas > 0;
    wake();
}

void cmd_wait(struct call *c)
{
    int64_t replicas, deadline;
    if (lifecycle.following) {
        reply_error(c, "ERR WAIT cannot be used with replica instances. Please also note that "
                       "since Redis 4.0 if a replica is configured to be writable (which is not "
                       "the default) writes to replicas are just local and are not propagated.");
        return;
    }
    if (!call_arg_int(c, 1, &replicas, NULL) || !arg_timeout(c, 2, &deadline))
        return;
    wait_for(c, (struct waiting){.replicas = replicas}, deadline);
}

void cmd_waitaof(struct call *c)
{
    int64_t local, replicas, deadline;
    if (!call_arg_range(c, 1, 0, 1, &local, NULL) ||
        !call_arg_range(c, 2, 0, INT64_MAX, &replicas, "value is out of range, must be positive") ||
        !arg_timeout(c, 3, &deadline))
        return;
    if (lifecycle.following) {
        reply_error(c, "ERR WAITAOF cannot be used with replica instances. Please also note that "
                       "writes to replicas are just local and are not propagated.");
        return;
    }
    if (local && !keyspace_opts.appendonly) {
        no_log(c);
        return;
    }
    wait_for(c, (struct waiting){.aof = true, .local = local > 0, .replicas = replicas}, deadline);
}
