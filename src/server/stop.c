/* SHUTDOWN, SIGTERM and SIGINT.
 *
 *   runs --no replica lags, or NOW--> stops
 *        --a replica lags--> waits --all have everything, or shutdown-timeout is over, or NOW--> stops
 *                                  --ABORT, or the data cannot be saved--> runs
 *
 * While it waits, writes are held back. */
#include "base/clock.h"
#include "base/log.h"
#include "commands/server/save.h"
#include "commands/server/shutdown.h"
#include "event/loop.h"
#include "keyspace/kv.h"
#include "rdb/rdb_options.h"
#include "server/datadir.h"
#include "server/server.h"
#include "server/server_options.h"
#include "server/signals.h"
#include "services/backup/backup_service.h"
#include "services/replication/replication.h"
#include "session/block.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "wire/http/http.h"
#include "wire/resp/resp.h"

#include <unistd.h>

static unsigned wanted; /* the flags of the shutdown that waits */

void server_leave_now(const char *why, const char *when)
{
    log_warning(LOG_SERVER, "Received %s while %s, exiting now.", why, when);
    resp_unlisten();
    http_unlisten();
    datadir_close();
    _exit(0);
}

static enum status finish(unsigned flags, struct error *err)
{
    replication_log_lag();
    if (kv_write_refused(lifecycle.kv, err) && !(flags & (SHUTDOWN_FORCE | SHUTDOWN_NOSAVE)))
        return error_prefix(err, "the log cannot be written");
    bool save = (flags & SHUTDOWN_SAVE) || (rdb_save_points_set() && !(flags & SHUTDOWN_NOSAVE));
    signals_stopping(true);
    if (save && save_now(lifecycle.kv, err) != ST_OK && !(flags & SHUTDOWN_FORCE)) {
        log_warning(LOG_SERVER, "Error trying to save the DB, can't exit.");
        return err->code;
    }
    save_stop();
    backup_stop();
    replication_end();
    hook_event(EVENT_SHUTDOWN, 0, NULL);
    loop_stop(lifecycle.loop);
    return ST_OK;
}

static void go_on(void)
{
    lifecycle.shutdown_ms = 0;
    pause_end(PAUSE_BY_SHUTDOWN);
    signals_stopping(false);
    shutdown_refused();
}

static void wait_for_replicas(unsigned flags)
{
    wanted = flags;
    lifecycle.shutdown_ms = clock_wall_ms() + server_opts.shutdown_timeout * 1000;
    replication_ask();
    pause_set(PAUSE_BY_SHUTDOWN, PAUSE_WRITE, INT64_MAX);
    signals_stopping(true);
    log_notice(LOG_SERVER, "Waiting for replicas before shutting down.");
}

enum status server_shutdown(unsigned flags, struct error *err)
{
    if (lifecycle.loading && !lifecycle.following)
        server_leave_now("SHUTDOWN", "the data is loaded");
    /* What the script has done so far is in no log, and so never was. */
    if (dispatch_busy())
        server_leave_now("SHUTDOWN", "a script runs");
    bool now = (flags & SHUTDOWN_NOW) || server_opts.shutdown_timeout == 0;
    if (!now && lifecycle.shutdown_ms)
        return ST_OK;
    if (!now && !replication_caught_up()) {
        wait_for_replicas(flags);
        return ST_OK;
    }
    enum status st = finish(flags, err);
    if (st != ST_OK)
        go_on();
    return st;
}

void server_shutdown_check(void)
{
    struct error err = {.message = ""};
    if (!lifecycle.shutdown_ms || dispatch_busy())
        return;
    if (clock_wall_ms() < lifecycle.shutdown_ms && !replication_caught_up())
        return;
    if (finish(wanted, &err) == ST_OK) {
        lifecycle.shutdown_ms = 0;
        return;
    }
    server_shutdown_failed(&err);
    go_on();
}

void server_shutdown_failed(const struct error *err)
{
    log_warning(LOG_SERVER,
                "Errors trying to shut down the server. Check the logs for more information: %s",
                err->message);
}

bool server_shutdown_abort(void)
{
    bool waits = lifecycle.shutdown_ms != 0;
    if (waits)
        go_on();
    /* A signal that nobody has looked at yet. */
    if (!signals_take() && !waits)
        return false;
    log_notice(LOG_SERVER, "Shutdown manually aborted.");
    return true;
}
