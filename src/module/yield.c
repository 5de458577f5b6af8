/* Yield: a module that takes long lets the server look after others. They are told that the server is busy, or, without
 * REDISMODULE_YIELD_FLAG_CLIENTS, wait; what may run at any time (CMD_ALLOW_BUSY) runs.
 *
 * Answers to writes that are not in the log yet must not leave meanwhile. Inside a client's command its listener sees to that;
 * elsewhere (timers, events) nothing is let in while there are such writes. */
#include "base/clock.h"
#include "event/loop.h"
#include "module/module_priv.h"
#include "services/script/script.h"
#include "session/dispatch.h"
#include "session/lifecycle.h"

#define PAUSE_US 100000 /* between two looks */

static bool yielding;

static bool is_due(RedisModuleCtx *ctx, int64_t now_us)
{
    if (!ctx->yield_us) {
        int64_t start_us = ctx->call ? ctx->call->start_us : now_us;
        int64_t patience_us =
            lifecycle.loading ? PAUSE_US : (int64_t)script_opts.busy_threshold_ms * 1000;
        ctx->yield_us = start_us + patience_us;
    }
    return now_us >= ctx->yield_us;
}

static void let_others_in(int flags, const char *text)
{
    struct buf busy = BUF_INIT;
    buf_printf(&busy, "BUSY %s", text ? text : "Redis is busy running a module command.");
    const char *former = dispatch_busy();
    bool held = dispatch_hold(!(flags & REDISMODULE_YIELD_FLAG_CLIENTS));
    dispatch_set_busy(buf_cstr(&busy));
    loop_poll(lifecycle.loop);
    dispatch_set_busy(former);
    dispatch_hold(held);
    buf_free(&busy);
}

void rm_Yield(RedisModuleCtx *ctx, int flags, const char *text)
{
    int64_t now_us = clock_mono_us();
    if (yielding || !is_due(ctx, now_us))
        return;
    yielding = true;
    if (lifecycle.loading)
        loop_poll(lifecycle.loop);
    else if (dispatch_running() || kv_tick_bytes(ctx->kv) == 0)
        let_others_in(flags, text);
    yielding = false;
    ctx->yield_us = now_us + PAUSE_US;
}
