/* The queue of a transaction and what EXEC makes of it.
 *
 * One buffer holds the bytes of all queued commands; a command whose RESP bytes are contiguous is copied as such, with one
 * copy, and its words are offsets into it. So EXEC propagates it verbatim, too. Offsets, because the buffer moves. */
#include "session/multi.h"

#include "base/arena.h"
#include "base/mem.h"
#include "session/acl.h"
#include "session/dispatch.h"
#include "session/reply.h"
#include "session/session_priv.h"

struct queued {
    struct command *cmd;
    size_t raw_at, raw_n; /* raw_n 0: no contiguous RESP */
    size_t first_word;
    int argc;
};

struct word {
    size_t at, n;
};

struct multi {
    struct buf bytes;
    struct buf commands; /* struct queued */
    struct buf words;    /* struct word */
    unsigned flags, inverse;
};

static int running;

bool multi_running(void)
{
    return running > 0;
}

static size_t count(const struct multi *m)
{
    return m->commands.n / sizeof(struct queued);
}

void multi_begin(struct session *s)
{
    s->flags |= SESS_MULTI;
    s->multi = mem_calloc(1, sizeof *s->multi);
}

static void multi_release(struct multi *m)
{
    if (!m)
        return;
    buf_free(&m->bytes);
    buf_free(&m->commands);
    buf_free(&m->words);
    mem_free(m);
}

void multi__free(struct session *s)
{
    multi_release(s->multi);
    s->multi = NULL;
    s->flags &= ~(uint32_t)(SESS_MULTI | SESS_DIRTY_CAS | SESS_DIRTY_EXEC);
}

bool multi__holds(const struct session *s, const struct command *cmd)
{
    const struct multi *m = s->multi;
    const struct queued *q = m ? (const struct queued *)(const void *)m->commands.p : NULL;
    for (size_t i = 0; m && i < count(m); i++)
        if (q[i].cmd == cmd)
            return true;
    return false;
}

void multi_discard(struct session *s)
{
    multi__free(s);
    multi_unwatch(s);
}

bool multi_queue(struct call *c)
{
    struct multi *m = c->s->multi;
    /* It will not run: no use in remembering it. */
    if (c->s->flags & (SESS_DIRTY_CAS | SESS_DIRTY_EXEC))
        return true;
    size_t need = c->raw.n;
    if (!c->raw.p)
        for (int i = 0; i < c->argc; i++)
            need += c->argv[i].n;
    size_t argc = (size_t)c->argc;
    if (!buf_try_reserve(&m->bytes, need) ||
        !buf_try_reserve(&m->words, argc * sizeof(struct word)) ||
        !buf_try_reserve(&m->commands, sizeof(struct queued)))
        return false;
    struct queued q = {
        .cmd = c->cmd, .argc = c->argc, .first_word = m->words.n / sizeof(struct word)};
    if (c->raw.p) {
        q.raw_at = m->bytes.n;
        q.raw_n = c->raw.n;
        buf_put_slice(&m->bytes, c->raw);
    }
    for (int i = 0; i < c->argc; i++) {
        struct word w = {m->bytes.n, c->argv[i].n};
        if (c->raw.p)
            w.at = q.raw_at + (size_t)(c->argv[i].p - c->raw.p);
        else
            buf_put_slice(&m->bytes, c->argv[i]);
        buf_put(&m->words, &w, sizeof w);
    }
    buf_put(&m->commands, &q, sizeof q);
    unsigned flags = dispatch_flags(c);
    m->flags |= flags;
    m->inverse |= ~flags;
    return true;
}

size_t multi_count(const struct session *s)
{
    return s->multi ? count(s->multi) : 0;
}

unsigned multi_flags(const struct session *s)
{
    return s->multi ? s->multi->flags : 0;
}

unsigned multi_inverse_flags(const struct session *s)
{
    return s->multi ? s->multi->inverse : 0;
}

size_t multi_bytes(const struct session *s)
{
    const struct multi *m = s->multi;
    return m ? m->bytes.n + m->commands.n + m->words.n : 0;
}

static void run_one(struct session *s, const struct multi *m, const struct queued *q)
{
    struct call c;
    struct arena *a = dispatch__arena(dispatch_depth());
    struct slice *argv = arena_alloc(a, (size_t)q->argc * sizeof *argv);
    const struct word *words = (const struct word *)(const void *)m->words.p + q->first_word;
    for (int i = 0; i < q->argc; i++)
        argv[i] = slice_make(m->bytes.p + words[i].at, words[i].n);
    call__init(&c, s, q->cmd, argv, q->argc);
    if (q->raw_n)
        c.raw = slice_make(m->bytes.p + q->raw_at, q->raw_n);
    c.in_exec = true;
    /* Permissions may have changed since the command was queued. */
    if (acl_unlimited(s->user) || acl_check_call(&c))
        call_execute(&c);
    arena_reset(a);
}

void multi_exec(struct call *c)
{
    struct session *s = c->s;
    if (multi_watch_expired(s))
        s->flags |= SESS_DIRTY_CAS;
    if (s->flags & (SESS_DIRTY_CAS | SESS_DIRTY_EXEC)) {
        if (s->flags & SESS_DIRTY_EXEC)
            reply_error(c, "EXECABORT Transaction discarded because of previous errors.");
        else
            reply_null_array(c);
        multi_discard(s);
        return;
    }
    struct multi *m = s->multi;
    s->multi = NULL;
    multi__free(s);
    multi_unwatch(s);
    bool denied_before = (s->flags & SESS_DENY_BLOCKING) != 0;
    s->flags |= SESS_DENY_BLOCKING | SESS_IN_EXEC;
    size_t n = count(m);
    reply_array(c, n);
    const struct queued *q = (const struct queued *)(const void *)m->commands.p;
    running++;
    for (size_t i = 0; i < n; i++)
        run_one(s, m, &q[i]);
    running--;
    if (!denied_before)
        s->flags &= ~(uint32_t)SESS_DENY_BLOCKING;
    s->flags &= ~(uint32_t)SESS_IN_EXEC;
    multi_release(m);
}
