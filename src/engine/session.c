/* Sessions of engines: who asks, and what one connection's queries share. */
#include "base/mem.h"
#include "engine/query_priv.h"

#include <stdatomic.h>

enum status query_session_open(struct slice engine, const struct engine_who *who,
                               struct query_session **out, struct error *err)
{
    struct engine *e = engine_find(engine);
    if (!e)
        return error_set(err, ST_NOT_FOUND, "the query engine '%.*s' is not loaded",
                         SLICE_FMT(engine));
    struct query_session *s = mem_calloc(1, sizeof *s);
    s->engine = e;
    e->sessions++;
    buf_put_slice(&s->text, who->user);
    buf_put_slice(&s->text, who->database);
    buf_put_slice(&s->text, who->protocol);
    const char *p = s->text.p;
    s->who.user = slice_make(p, who->user.n);
    s->who.database = slice_make(p + who->user.n, who->database.n);
    s->who.protocol = slice_make(p + who->user.n + who->database.n, who->protocol.n);
    *out = s;
    return ST_OK;
}

enum status query__session_ready(struct query_session *s, struct error *err)
{
    if (atomic_load(&s->open))
        return ST_OK;
    enum status st = s->engine->ops->open(s->engine->arg, &s->who, &s->session, err);
    if (st == ST_OK)
        atomic_store(&s->open, true);
    return st;
}

void query__session_end(struct query_session *s)
{
    if (atomic_exchange(&s->open, false))
        s->engine->ops->close(s->session);
}

bool query__session_busy(const struct query_session *s)
{
    return s->query || s->transaction || s->closing;
}

void query__session_wake(struct query_session *s)
{
    if (s->engine->ops->cancel && atomic_load(&s->open))
        s->engine->ops->cancel(s->session);
}

/* -- Closing -------------------------------------------------------------------------------------------------------------- */

static void session_free(struct query_session *s)
{
    s->engine->sessions--;
    buf_free(&s->text);
    mem_free(s);
}

static void run_end(void *arg)
{
    query__session_end(arg);
}

static void on_ended(void *arg)
{
    session_free(arg);
}

void query__session_idle(struct query_session *s)
{
    if (!s->closing || s->query || s->transaction)
        return;
    if (atomic_load(&s->open))
        query__submit(run_end, on_ended, s);
    else
        session_free(s);
}

void query_session_close(struct query_session *s)
{
    if (!s)
        return;
    s->closing = true;
    if (s->query)
        query_drop(s->query);
    else
        query__session_idle(s);
}

/* -- Transactions --------------------------------------------------------------------------------------------------------- */

struct transaction {
    struct query_session *s;
    enum query_txn what;
    unsigned flags;
    void (*done)(void *arg, enum status st, const struct error *err);
    void *arg;
    enum status st;
    struct error err;
};

static void run_transaction(void *arg)
{
    struct transaction *t = arg;
    const struct engine_ops *ops = t->s->engine->ops;
    t->st = query__session_ready(t->s, &t->err);
    if (t->st != ST_OK)
        return;
    switch (t->what) {
    case QUERY_BEGIN:
        t->st = ops->begin(t->s->session, t->flags, &t->err);
        return;
    case QUERY_COMMIT:
        t->st = ops->commit(t->s->session, &t->err);
        return;
    case QUERY_ROLLBACK:
        t->st = ops->rollback(t->s->session, &t->err);
        return;
    }
}

static void on_transaction(void *arg)
{
    struct transaction *t = arg;
    t->s->transaction = false;
    if (!t->s->closing)
        t->done(t->arg, t->st, &t->err);
    query__session_idle(t->s);
    mem_free(t);
}

enum status query_transaction(struct query_session *s, enum query_txn what, unsigned flags,
                              void (*done)(void *arg, enum status st, const struct error *err),
                              void *arg, struct error *err)
{
    if (query__session_busy(s))
        return error_set(err, ST_BUSY, "the session runs another query");
    if (!s->engine->ops->begin)
        return error_set(err, ST_UNSUPPORTED, "the query engine '%s' has no transactions",
                         s->engine->ops->name);
    struct transaction *t = mem_calloc(1, sizeof *t);
    *t = (struct transaction){.s = s, .what = what, .flags = flags, .done = done, .arg = arg};
    s->transaction = true;
    query__submit(run_transaction, on_transaction, t);
    return ST_OK;
}
