/* SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, and INFO's rdb_* and aof_* fields.
 *
 * Changes are in the log when they are acknowledged, and the store follows by folding all the time. A save is therefore a
 * fold of everything there is: SAVE waits for it, BGSAVE ends with the first fold that began after it. */
#include "base/clock.h"
#include "base/log.h"
#include "commands/server/save.h"
#include "commands/server/server_commands.h"
#include "keyspace/keyspace_options.h"
#include "session/call.h"
#include "session/hooks.h"
#include "session/info.h"
#include "session/lifecycle.h"
#include "session/reply.h"
#include "session/stats.h"

#include <inttypes.h>

static struct {
    int64_t last_s;      /* unix time; 0: since the start */
    uint64_t last_dirty; /* sess_stats.changes then */
    uint64_t saves;
    bool last_failed;
    int64_t last_took_s; /* of a BGSAVE; -1: none yet */
    bool running;
    int64_t began_ms;
    uint64_t began_dirty, folds_wanted, errors_before;
} save = {.last_took_s = -1};

static void saved(uint64_t dirty)
{
    save.last_s = clock_wall_ms() / 1000;
    save.last_dirty = dirty;
    save.saves++;
    save.last_failed = false;
}

static bool refuse_while_running(struct call *c)
{
    if (!save.running)
        return false;
    reply_error(c, "ERR Background save already in progress");
    return true;
}

void cmd_save(struct call *c)
{
    if (refuse_while_running(c))
        return;
    struct error err = {.message = ""};
    enum status st = kv_fold_now(c->kv, &err);
    if (st != ST_OK) {
        save.last_failed = true;
        call_reply_status(c, st, &err);
        return;
    }
    saved(sess_stats.changes);
    log_notice(LOG_KEYSPACE, "DB saved on disk");
    reply_ok(c);
}

void cmd_bgsave(struct call *c)
{
    if (c->argc > 2 || (c->argc == 2 && !call_arg_is(c, 1, "schedule"))) {
        reply_syntax_error(c);
        return;
    }
    if (refuse_while_running(c))
        return;
    struct kv_stats now;
    kv_stats(c->kv, &now);
    save.running = true;
    save.began_ms = clock_wall_ms();
    save.began_dirty = sess_stats.changes;
    save.errors_before = now.fold_errors;
    /* A fold under way may have begun before the last change. */
    save.folds_wanted = now.folds + (now.fold_running ? 2 : 1);
    log_notice(LOG_KEYSPACE, "Background saving started");
    reply_status(c, "Background saving started");
}

static void end_background_save(const struct kv_stats *now)
{
    save.running = false;
    save.last_took_s = (clock_wall_ms() - save.began_ms) / 1000;
    save.last_failed = now->fold_errors > save.errors_before;
    if (save.last_failed) {
        log_warning(LOG_KEYSPACE, "Background saving failed: the store could not be written");
        return;
    }
    saved(save.began_dirty);
    log_notice(LOG_KEYSPACE, "Background saving terminated with success");
}

static void on_cron(void *arg)
{
    if (!save.running || !lifecycle.kv)
        return;
    struct kv_stats now;
    kv_stats(lifecycle.kv, &now);
    bool clean = now.dirty_records == 0 && !now.fold_running;
    if (clean || now.folds >= save.folds_wanted || now.fold_errors > save.errors_before)
        end_background_save(&now);
}

/* The log holds nothing that could be left out: what is folded is dropped from it by and by. */
void cmd_bgrewriteaof(struct call *c)
{
    reply_status(c, "Background append only file rewriting started");
}

static int64_t last_save_s(void)
{
    return save.last_s ? save.last_s : lifecycle.start_ms / 1000;
}

void cmd_lastsave(struct call *c)
{
    reply_int(c, last_save_s());
}

static void info_persistence(struct buf *out)
{
    struct kv_stats now = {0};
    if (lifecycle.kv)
        kv_stats(lifecycle.kv, &now);
    buf_printf(out,
               "rdb_changes_since_last_save:%" PRIu64
               "\r\nrdb_bgsave_in_progress:%d\r\nrdb_last_save_time:%" PRId64
               "\r\nrdb_last_bgsave_status:%s\r\nrdb_last_bgsave_time_sec:%" PRId64
               "\r\nrdb_current_bgsave_time_sec:%" PRId64 "\r\nrdb_saves:%" PRIu64 "\r\n",
               sess_stats.changes - save.last_dirty, save.running, last_save_s(),
               save.last_failed ? "err" : "ok", save.last_took_s,
               save.running ? (clock_wall_ms() - save.began_ms) / 1000 : -1, save.saves);
    buf_printf(out,
               "aof_enabled:%d\r\naof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\naof_last_"
               "rewrite_time_sec:-1\r\n"
               "aof_current_rewrite_time_sec:-1\r\naof_last_bgrewrite_status:ok\r\naof_last_write_"
               "status:%s\r\n",
               keyspace_opts.appendonly,
               lifecycle.kv && kv_write_refused(lifecycle.kv, NULL) ? "err" : "ok");
    if (keyspace_opts.appendonly)
        buf_printf(
            out, "aof_current_size:%" PRIu64 "\r\naof_base_size:0\r\naof_pending_bio_fsync:%d\r\n",
            now.log_bytes, now.log_synced_seq < now.log_last_seq);
}

void save_start(void)
{
    hook_add(HOOK_CRON, on_cron);
    info_register("persistence", info_persistence);
}
