/* SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] | ABORT. */
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/server/server_commands.h"
#include "commands/server/shutdown.h"
#include "session/block.h"
#include "session/call.h"
#include "session/dispatch.h"
#include "session/lifecycle.h"
#include "session/reply.h"

static const char failed[] = "ERR Errors trying to SHUTDOWN. Check logs.";

/* Clients whose SHUTDOWN waits for replicas. */
struct waiting {
    struct list_node link;
    struct session *s;
};
static struct list_node waiters = {&waiters, &waiters};

static void on_free(void *state)
{
    struct waiting *w = state;
    list_remove(&w->link);
    mem_free(w);
}

static void answer_failed(struct call *c, void *state)
{
    reply_error(c, failed);
}

static const struct block_ops shutdown_ops = {
    .kind = "shutdown", .timeout = answer_failed, .free_state = on_free};

static void on_refused(struct call *c, void *state, void *arg)
{
    reply_error(c, failed);
}

void shutdown_refused(void)
{
    LIST_EACH_SAFE(it, tmp, &waiters)
    block_wake(LIST_ENTRY(it, struct waiting, link)->s, on_refused, NULL);
}

static void wait_for_end(struct call *c)
{
    struct waiting *w = mem_calloc(1, sizeof *w);
    w->s = c->s;
    list_push(&waiters, &w->link);
    block_session(c, &shutdown_ops, w, 0);
}

static bool parse(struct call *c, unsigned *flags, bool *abort)
{
    for (int i = 1; i < c->argc; i++) {
        if (call_arg_is(c, i, "nosave"))
            *flags |= SHUTDOWN_NOSAVE;
        else if (call_arg_is(c, i, "save"))
            *flags |= SHUTDOWN_SAVE;
        else if (call_arg_is(c, i, "now"))
            *flags |= SHUTDOWN_NOW;
        else if (call_arg_is(c, i, "force"))
            *flags |= SHUTDOWN_FORCE;
        else if (call_arg_is(c, i, "abort"))
            *abort = true;
        else
            return false;
    }
    bool both = (*flags & SHUTDOWN_SAVE) && (*flags & SHUTDOWN_NOSAVE);
    return !both && !(*abort && c->argc > 2);
}

void cmd_shutdown(struct call *c)
{
    unsigned flags = 0;
    bool abort = false;
    if (!parse(c, &flags, &abort)) {
        reply_syntax_error(c);
        return;
    }
    if (abort) {
        if (lifecycle_shutdown_abort())
            reply_ok(c);
        else
            reply_error(c, "ERR No shutdown in progress.");
        return;
    }
    if (!(flags & SHUTDOWN_NOW) && (c->s->flags & SESS_DENY_BLOCKING)) {
        reply_error(c, "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client");
        return;
    }
    if (!(flags & SHUTDOWN_NOSAVE) && dispatch_busy()) {
        reply_error(c, dispatch_busy());
        return;
    }
    log_warning(LOG_SERVER, "User requested shutdown...");
    struct error err = {.message = ""};
    if (lifecycle_shutdown(flags, &err) == ST_OK) {
        if (lifecycle.shutdown_ms)
            wait_for_end(c);
        return; /* no answer: the connection ends with the process */
    }
    log_warning(LOG_SERVER, "shutdown refused: %s", err.message);
    reply_error(c, failed);
}
