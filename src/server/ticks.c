/* What happens at the end of each tick, and periodically:
 *
 *   UNBLOCK     signals; blocked clients go on
 *   COMMIT      the tick's effects go to the log
 *   REPLY       (wire/resp, wire/http) the replies leave
 *   BACKGROUND  a bounded piece of folding, expiry, cache trimming
 */
#include "base/log.h"
#include "event/loop.h"
#include "keyspace/kv.h"
#include "module/module.h"
#include "server/server.h"
#include "server/server_options.h"
#include "server/signals.h"
#include "session/block.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "wire/http/http.h"
#include "wire/resp/resp.h"

#include <signal.h>

#define BACKGROUND_US 300
#define HZ_MAX        500

static unsigned shutdown_words(int signum)
{
    int words = signum == SIGINT ? server_opts.shutdown_on_sigint : server_opts.shutdown_on_sigterm;
    unsigned flags = 0;
    if (words & SERVER_SHUTDOWN_SAVE)
        flags |= SHUTDOWN_SAVE;
    if (words & SERVER_SHUTDOWN_NOSAVE)
        flags |= SHUTDOWN_NOSAVE;
    if (words & SERVER_SHUTDOWN_NOW)
        flags |= SHUTDOWN_NOW;
    if (words & SERVER_SHUTDOWN_FORCE)
        flags |= SHUTDOWN_FORCE;
    return flags;
}

static void obey_signals(void)
{
    int signum = signals_take();
    if (signum == 0)
        return;
    struct error err = {.message = ""};
    log_warning(LOG_SERVER, "Received %s scheduling shutdown...",
                signum == SIGINT ? "SIGINT" : "SIGTERM");
    if (server_shutdown(shutdown_words(signum), &err) != ST_OK)
        server_shutdown_failed(&err);
}

static void on_unblock(void *arg)
{
    if (!lifecycle.cron_paused)
        obey_signals();
    server_shutdown_check();
    if (block_tick())
        loop_wake(lifecycle.loop);
    hook_run(HOOK_TICK, NULL);
}

static void on_commit(void *arg)
{
    struct error err = {.message = ""};
    if (kv_commit(lifecycle.kv, &err) != ST_OK) {
        resp_tick_failed(&err);
        http_tick_failed(&err);
        module_tick_failed();
    }
}

static void on_background(void *arg)
{
    if (kv_background(lifecycle.kv, BACKGROUND_US))
        loop_wake(lifecycle.loop);
}

static int64_t hz(void)
{
    int64_t n = server_opts.hz;
    if (server_opts.dynamic_hz)
        while (n > 0 && n < HZ_MAX && resp_client_count() / (size_t)n > 200)
            n *= 2;
    return n < 1 ? 1 : n > HZ_MAX ? HZ_MAX : n;
}

static int64_t on_cron(void *arg)
{
    lifecycle.cron_runs++;
    /* A script that takes long lets the timers run, but the data must stand still meanwhile. */
    if (!lifecycle.cron_paused && dispatch_depth() == 0) {
        kv_cron(lifecycle.kv);
        /* Also without any command: a smaller maxmemory takes effect by itself. */
        (void)!kv_evict(lifecycle.kv);
        hook_run(HOOK_CRON, NULL);
        resp_cron(hz());
    }
    return 1000 / hz();
}

void ticks_setup(void)
{
    struct loop *l = lifecycle.loop;
    loop_on_tick(l, LOOP_PRIO_UNBLOCK, on_unblock, NULL);
    loop_on_tick(l, LOOP_PRIO_COMMIT, on_commit, NULL);
    loop_on_tick(l, LOOP_PRIO_BACKGROUND, on_background, NULL);
    (void)loop_timer_add(l, 1, on_cron, NULL);
}
