/* DBSIZE, FLUSHALL, FLUSHDB, SWAPDB, TIME, ROLE. */
#include "base/clock.h"
#include "base/num.h"
#include "commands/server/save.h"
#include "commands/server/server_commands.h"
#include "session/call.h"
#include "session/reply.h"

void cmd_dbsize(struct call *c)
{
    reply_int(c, (int64_t)kv_dbsize(c->kv, c->db));
}

/* ASYNC and SYNC come to the same: a flush is O(1), the space is given back in the background. */
static bool flush_arguments(struct call *c)
{
    if (c->argc == 1 || (c->argc == 2 && (call_arg_is(c, 1, "async") || call_arg_is(c, 1, "sync"))))
        return true;
    reply_syntax_error(c);
    return false;
}

static void flush(struct call *c, int db)
{
    if (!flush_arguments(c))
        return;
    uint64_t removed = kv_flush(c->kv, db);
    /* Propagated even when nothing was there: a replica may hold more than we do. */
    call_changed(c, removed ? removed : 1);
    reply_ok(c);
}

void cmd_flushall(struct call *c)
{
    flush(c, -1);
    if (!c->failed && !c->in_exec && !c->in_script)
        save_after_flush(c->kv);
}

void cmd_flushdb(struct call *c)
{
    flush(c, c->db);
}

void cmd_swapdb(struct call *c)
{
    int64_t a, b;
    if (!call_arg_range(c, 1, INT32_MIN, INT32_MAX, &a, "invalid first DB index") ||
        !call_arg_range(c, 2, INT32_MIN, INT32_MAX, &b, "invalid second DB index"))
        return;
    int count = kv_databases(c->kv);
    if (a < 0 || b < 0 || a >= count || b >= count) {
        reply_error(c, "ERR DB index is out of range");
        return;
    }
    if (a != b)
        kv_swapdb(c->kv, (int)a, (int)b);
    call_changed(c, 1);
    reply_ok(c);
}

void cmd_time(struct call *c)
{
    /* Time stands still in a script. */
    int64_t us = c->in_script ? clock_cached_us() : clock_wall_us();
    char text[NUM_BUF];
    reply_array(c, 2);
    reply_bulk(c, slice_make(text, num_format_int(text, us / 1000000)));
    reply_bulk(c, slice_make(text, num_format_int(text, us % 1000000)));
}
