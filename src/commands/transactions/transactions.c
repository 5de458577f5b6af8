/* MULTI, EXEC, DISCARD, WATCH, UNWATCH. */
#include "commands/transactions/transactions_commands.h"
#include "session/multi.h"
#include "session/reply.h"

void cmd_multi(struct call *c)
{
    if (c->s->flags & SESS_MULTI) {
        reply_error(c, "ERR MULTI calls can not be nested");
        return;
    }
    multi_begin(c->s);
    reply_ok(c);
}

void cmd_exec(struct call *c)
{
    if (!(c->s->flags & SESS_MULTI)) {
        reply_error(c, "ERR EXEC without MULTI");
        return;
    }
    multi_exec(c);
}

void cmd_discard(struct call *c)
{
    if (!(c->s->flags & SESS_MULTI)) {
        reply_error(c, "ERR DISCARD without MULTI");
        return;
    }
    multi_discard(c->s);
    reply_ok(c);
}

void cmd_watch(struct call *c)
{
    if (c->s->flags & SESS_MULTI) {
        reply_error(c, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    /* The transaction will fail anyway. */
    if (!(c->s->flags & SESS_DIRTY_CAS))
        for (int i = 1; i < c->argc; i++)
            if (!multi_watch(c, c->argv[i]))
                return;
    reply_ok(c);
}

void cmd_unwatch(struct call *c)
{
    multi_unwatch(c->s);
    c->s->flags &= ~(uint32_t)SESS_DIRTY_CAS;
    reply_ok(c);
}
