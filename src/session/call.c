/* Execution of one command: the unit of its effects, counters, latency, the hooks around it. */
#include "session/call.h"

#include "base/arena.h"
#include "base/clock.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/reply.h"
#include "session/session_options.h"
#include "session/session_priv.h"
#include "session/stats.h"

#include <stdarg.h>

static struct session *current;
static int depth;

struct session *session_current(void)
{
    return current;
}

int dispatch_depth(void)
{
    return depth;
}

struct session *call_enter(struct session *s)
{
    struct session *former = current;
    if (LIKELY(!(s->flags & SESS_NESTED)) || !former)
        current = s;
    depth++;
    kv_unit_begin(s->kv);
    return former;
}

void call_leave(struct session *s, struct session *former)
{
    /* What the hook sends or changes still belongs to this unit. */
    if (depth == 1 && kv_unit_depth(s->kv) == 1 && hook_any(HOOK_UNIT_END))
        hook_run(HOOK_UNIT_END, NULL);
    kv_unit_end(s->kv);
    depth--;
    current = former;
    if (UNLIKELY(block__keys_ready > 0) && depth == 0)
        block__keys_serve();
}

void call__init(struct call *c, struct session *s, struct command *cmd, struct slice *argv,
                int argc)
{
    *c = (struct call){
        .s = s,
        .cmd = cmd,
        .argv = argv,
        .argc = argc,
        .out = s->ops->sink(s),
        .kv = s->kv,
        .db = s->db,
        .arena = dispatch__arena(depth),
        .replaying = (s->flags & (SESS_LOADING_LOG | SESS_MASTER)) != 0,
    };
    s->arena = c->arena;
}

/* The log speaks the names that commands were born with, so that it can be replayed under another rename-command. */
static void effect(struct call *c, int db, size_t argc, const struct slice *argv)
{
    if (LIKELY(!command_renames()) || argv[0].p != c->argv[0].p) {
        kv_effect(c->kv, db, argc, argv);
        return;
    }
    struct slice *copy = arena_alloc(c->arena, argc * sizeof *copy);
    memcpy(copy, argv, argc * sizeof *copy);
    copy[0] = slice_str(c->cmd->parent ? c->cmd->parent->name : c->cmd->name);
    kv_effect(c->kv, db, argc, copy);
}

/* The effect of a command that said nothing else: itself. */
static void propagate(struct call *c)
{
    if (!c->changes || c->no_propagate || c->rewritten)
        return;
    if (!(c->cmd->flags & (CMD_WRITE | CMD_MAY_REPLICATE)))
        return;
    if (c->raw.p && LIKELY(!command_renames()))
        kv_effect_raw(c->kv, c->db, c->raw);
    else
        effect(c, c->db, (size_t)c->argc, c->argv);
}

static void account(struct call *c)
{
    struct command *cmd = c->cmd;
    cmd->calls++;
    cmd->usec += (uint64_t)c->duration_us;
    if (c->failed) {
        cmd->failed++;
        if (c->replaying)
            sess_stats.unexpected_errors++;
    }
    sess_stats.commands++;
    if (session_opts.latency_tracking)
        command_latency_add(cmd, c->duration_us);
    if (hook_any(HOOK_AFTER_COMMAND))
        hook_run(HOOK_AFTER_COMMAND, c);
}

void call__finish(struct call *c)
{
    propagate(c);
    account(c);
}

/* The end of one command serves as the start of the next one of the same session in the same tick: nothing but parsing
 * stands between them, and the clock is a good part of what a short command costs. */
static int64_t last_end_us, last_end_tick;
static const struct session *last_end_session;

static int64_t start_clock(const struct session *s)
{
    if (last_end_session == s && last_end_tick == clock_cached_us())
        return last_end_us;
    return clock_mono_us();
}

void call_execute(struct call *c)
{
    struct session *former = call_enter(c->s);
    int top = depth;
    if (hook_any(HOOK_BEFORE_COMMAND))
        hook_run(HOOK_BEFORE_COMMAND, c);
    c->start_us = start_clock(c->s);
    c->cmd->fn(c);
    last_end_us = clock_mono_us();
    last_end_tick = clock_cached_us();
    last_end_session = c->s;
    c->duration_us = last_end_us - c->start_us;
    if (top == 1)
        sess_stats.command_us += (uint64_t)c->duration_us;
    if (LIKELY(!c->blocked))
        call__finish(c);
    else
        block__set_duration(c->s, c->duration_us);
    call_leave(c->s, former);
}

void call_changed(struct call *c, uint64_t n)
{
    c->changes += n;
    if (LIKELY(!(c->s->flags & SESS_LOADING_LOG)))
        sess_stats.changes += n;
}

void call_no_propagate(struct call *c)
{
    c->no_propagate = true;
}

void call_propagate(struct call *c, int db, size_t argc, const struct slice *argv)
{
    c->rewritten = true;
    effect(c, db, argc, argv);
}

void call_propagate_words(struct call *c, int db, size_t n, ...)
{
    struct slice argv[16] = {{NULL, 0}};
    orbit_assert(n > 0 && n <= COUNT_OF(argv));
    va_list ap;
    va_start(ap, n);
    for (size_t i = 0; i < n; i++)
        argv[i] = va_arg(ap, struct slice);
    va_end(ap);
    call_propagate(c, db, n, argv);
}

void call_reply_status(struct call *c, enum status st, const struct error *err)
{
    const char *text = err && err->message[0] ? err->message : status_name(st);
    if (c->replaying)
        sess_stats.fatal_errors++;
    switch (st) {
    case ST_NO_MEMORY:
        reply_errorf(c, "OOM %s", text);
        return;
    case ST_FULL:
        reply_errorf(c, "MISCONF %s", text);
        return;
    case ST_TYPE:
        reply_wrong_type(c);
        return;
    case ST_OK:
    case ST_NOT_FOUND:
    case ST_EXISTS:
    case ST_END:
    case ST_INVALID:
    case ST_SYNTAX:
    case ST_RANGE:
    case ST_TOO_LONG:
    case ST_IO:
    case ST_CORRUPT:
    case ST_LOCKED:
    case ST_TOO_NEW:
    case ST_CONFLICT:
    case ST_TIMEOUT:
    case ST_CANCELLED:
    case ST_BUSY:
    case ST_CLOSED:
    case ST_DENIED:
    case ST_UNSUPPORTED:
    case ST_INTERNAL:
        break;
    }
    reply_errorf(c, "ERR %s", text);
}

/* CLIENT NO-TOUCH leaves access times alone, except for TOUCH, whose only purpose they are. */
static unsigned lookup_flags(const struct call *c, unsigned kv_flags)
{
    if (UNLIKELY(c->s->flags & SESS_NO_TOUCH) && strcmp(c->cmd->fullname, "touch") != 0)
        kv_flags |= KV_NOTOUCH;
    return kv_flags;
}

bool call_lookup(struct call *c, struct slice key, unsigned kv_flags, struct kv_rec **rec)
{
    struct error err;
    err.message[0] = 0;
    enum status st = kv_lookup(c->kv, c->db, key, lookup_flags(c, kv_flags), rec, &err);
    if (LIKELY(st == ST_OK))
        return true;
    call_reply_status(c, st, &err);
    return false;
}

bool call_lookup_type(struct call *c, struct slice key, unsigned kv_flags, enum kv_type type,
                      struct kv_rec **rec)
{
    if (!call_lookup(c, key, kv_flags, rec))
        return false;
    if (*rec && UNLIKELY(kv_rec_type(*rec) != type)) {
        reply_wrong_type(c);
        return false;
    }
    return true;
}
