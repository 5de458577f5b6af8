/* SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, save points, and INFO's rdb_* and aof_* fields.
 *
 *   wanted (BGSAVE, save point) -> a fold, when much is dirty -> view -> a worker writes the file -> done
 *
 * The view is a snapshot of the store, so nothing is forked or copied. SAVE is the same with a client that waits. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/server/save.h"
#include "commands/server/server_commands.h"
#include "event/worker.h"
#include "keyspace/keyspace_options.h"
#include "rdb/rdb_options.h"
#include "rdb/rdb_save.h"
#include "session/block.h"
#include "session/hooks.h"
#include "session/info.h"
#include "session/lifecycle.h"
#include "session/reply.h"
#include "session/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FOLD_AT_ONCE  (8u << 20) /* bytes that may be dirty for the view to be taken at once */
#define RETRY_SECONDS 5

struct job {
    struct rdb_save *file;
    struct kv *kv;
    struct session *waiter; /* SAVE's; NULL: gone, or a BGSAVE */
    bool background;
    uint64_t dirty; /* sess_stats.changes at the view */
    enum status st;
    struct error err;
};

static struct {
    int64_t last_s;      /* unix time; 0: since the start */
    uint64_t last_dirty; /* sess_stats.changes then */
    uint64_t saves;
    bool last_failed;
    int64_t last_took_s, tried_s; /* of a background save; -1, 0: none yet */
    bool running;                 /* wanted, or under way */
    bool scheduled;               /* begins with the next cron */
    int64_t began_ms;
    uint64_t folds_wanted, fold_errors; /* before the view is taken */
    struct job *job;
    uint64_t loaded_keys, loaded_expired;
} save = {.last_took_s = -1};

const char *save_path(char out[PATH_MAX])
{
    char cwd[PATH_MAX / 2];
    if (!getcwd(cwd, sizeof cwd))
        snprintf(cwd, sizeof cwd, ".");
    snprintf(out, PATH_MAX, "%s/%s", cwd, rdb_opts.dbfilename);
    return out;
}

void save_note_load(uint64_t keys, uint64_t expired)
{
    save.loaded_keys = keys;
    save.loaded_expired = expired;
}

/* -- The file ------------------------------------------------------------------------------------------------------------- */

static enum status job_new(struct kv *kv, bool background, struct job **out, struct error *err)
{
    char path[PATH_MAX];
    struct kv_view *view;
    enum status st = kv_view_open(kv, &view, err);
    if (st != ST_OK)
        return st;
    struct job *j = mem_calloc(1, sizeof(*j));
    j->kv = kv;
    j->file = rdb_save_new(save_path(path), view);
    hook_run(HOOK_DUMP, j->file);
    j->dirty = sess_stats.changes;
    j->background = background;
    *out = j;
    hook_event(EVENT_PERSISTENCE, background ? PERSISTENCE_DUMP : PERSISTENCE_DUMP_NOW, NULL);
    return ST_OK;
}

static void job_run(void *arg)
{
    struct job *j = arg;
    j->st = rdb_save_run(j->file, &j->err);
}

/* It is over, for better or worse. */
static void job_free(struct job *j)
{
    hook_event(EVENT_PERSISTENCE, j->st == ST_OK ? PERSISTENCE_ENDED : PERSISTENCE_FAILED, NULL);
    rdb_save_free(j->file);
    mem_free(j);
}

static void saved(const struct job *j)
{
    save.last_s = clock_wall_ms() / 1000;
    save.last_dirty = j->dirty;
    save.last_failed = false;
}

static void failed(const struct error *err)
{
    save.last_failed = true;
    log_warning(LOG_KEYSPACE, "Saving the dump file failed: %s", err->message);
}

static void answer(struct call *c, void *state, void *arg)
{
    const struct job *j = arg;
    if (j->st == ST_OK)
        reply_ok(c);
    else
        reply_errorf(c, "ERR %s", j->err.message);
}

static void job_done(void *arg)
{
    struct job *j = arg;
    save.job = NULL;
    save.running = false;
    if (j->background)
        save.last_took_s = (clock_wall_ms() - save.began_ms) / 1000;
    if (j->st == ST_OK)
        saved(j);
    else
        failed(&j->err);
    if (j->st == ST_OK && j->background)
        log_notice(LOG_KEYSPACE, "Background saving terminated with success");
    else if (j->st == ST_OK)
        log_notice(LOG_KEYSPACE, "DB saved on disk");
    else if (j->background)
        log_warning(LOG_KEYSPACE, j->st == ST_CLOSED
                                      ? "Background saving terminated: it was stopped"
                                      : "Background saving error");
    if (j->waiter)
        block_wake(j->waiter, answer, j);
    job_free(j);
}

static void job_submit(struct job *j)
{
    save.job = j;
    if (lifecycle.pool) {
        worker_submit(lifecycle.pool, WORKER_ANY, job_run, job_done, j);
        return;
    }
    job_run(j);
    job_done(j);
}

void save_stop(void)
{
    save.scheduled = false;
    if (!save.running)
        return;
    if (!save.job) {
        save.running = false;
        return;
    }
    atomic_store(&save.job->file->cancel, true);
    if (lifecycle.pool)
        worker_drain(lifecycle.pool, WORKER_ANY);
}

enum status save_now(struct kv *kv, struct error *err)
{
    struct job *j;
    save_stop();
    save.saves++;
    enum status st = job_new(kv, false, &j, err);
    if (st != ST_OK) {
        failed(err);
        return st;
    }
    job_run(j);
    st = j->st;
    *err = j->err;
    if (st == ST_OK) {
        saved(j);
        log_notice(LOG_KEYSPACE, "DB saved on disk");
    } else {
        failed(err);
    }
    job_free(j);
    return st;
}

void save_after_flush(struct kv *kv)
{
    struct error err = {.message = ""};
    /* Inside of a transaction there is no view to be had; the next save point sees to it. */
    if (rdb_save_points_set() && !lifecycle.loading && save_now(kv, &err) != ST_OK)
        log_debug(LOG_KEYSPACE, "no dump file after FLUSHALL: %s", err.message);
}

/* -- In the background ----------------------------------------------------------------------------------------------------- */

/* Takes the view once little is dirty, or the fold that was wanted is through. */
static void begin_when_folded(struct kv *kv)
{
    struct kv_stats now;
    struct error err = {.message = ""};
    struct job *j;
    kv_stats(kv, &now);
    if (now.dirty_bytes > FOLD_AT_ONCE && now.folds < save.folds_wanted &&
        now.fold_errors == save.fold_errors)
        return;
    if (job_new(kv, true, &j, &err) != ST_OK) {
        save.running = false;
        save.last_took_s = (clock_wall_ms() - save.began_ms) / 1000;
        failed(&err);
        return;
    }
    job_submit(j);
}

static void begin_background(struct kv *kv)
{
    struct kv_stats now;
    kv_stats(kv, &now);
    save.scheduled = false;
    save.running = true;
    save.saves++;
    save.began_ms = clock_wall_ms();
    save.tried_s = save.began_ms / 1000;
    save.fold_errors = now.fold_errors;
    /* A fold under way may have begun before the last change. */
    save.folds_wanted = now.folds + (now.fold_running ? 2 : 1);
    kv_fold_soon(kv);
    log_notice(LOG_KEYSPACE, "Background saving started");
    if (lifecycle.pool)
        begin_when_folded(kv);
}

static int64_t last_save_s(void)
{
    return save.last_s ? save.last_s : lifecycle.start_ms / 1000;
}

static void on_cron(void *arg)
{
    if (!lifecycle.kv || lifecycle.loading)
        return;
    if (save.running && !save.job)
        begin_when_folded(lifecycle.kv);
    if (save.running)
        return;
    int64_t now_s = clock_wall_ms() / 1000;
    uint64_t changes = sess_stats.changes - save.last_dirty;
    if (save.scheduled) {
        begin_background(lifecycle.kv);
    } else if (rdb_save_due(now_s - last_save_s(), changes) &&
               (!save.last_failed || now_s - save.tried_s > RETRY_SECONDS)) {
        log_notice(LOG_KEYSPACE, "%" PRIu64 " changes in %" PRId64 " seconds. Saving...", changes,
                   now_s - last_save_s());
        begin_background(lifecycle.kv);
    }
}

/* Everything is deleted: what is being written is worth nothing any more. */
static void on_flushed(void *arg)
{
    const struct hook_key *f = arg;
    if (f->db == -1 && save.running && save.job)
        atomic_store(&save.job->file->cancel, true);
}

/* -- Commands -------------------------------------------------------------------------------------------------------------- */

static bool refuse_while_running(struct call *c)
{
    if (!save.running)
        return false;
    reply_error(c, "ERR Background save already in progress");
    return true;
}

static void let_go(void *state)
{
    struct job *j = state;
    if (save.job == j)
        j->waiter = NULL;
}

static void unblocked(struct call *c, void *state)
{
    reply_error(c, "ERR the save goes on without this client");
}

void cmd_save(struct call *c)
{
    static const struct block_ops ops = {
        .kind = "save", .timeout = unblocked, .free_state = let_go};
    struct error err = {.message = ""};
    struct job *j;
    if (refuse_while_running(c))
        return;
    if ((c->s->flags & SESS_DENY_BLOCKING) || !lifecycle.pool) {
        if (save_now(c->kv, &err) == ST_OK)
            reply_ok(c);
        else
            reply_errorf(c, "ERR %s", err.message);
        return;
    }
    enum status st = job_new(c->kv, false, &j, &err);
    if (st != ST_OK) {
        failed(&err);
        call_reply_status(c, st, &err);
        return;
    }
    save.saves++;
    save.running = true;
    j->waiter = c->s;
    block_session(c, &ops, j, 0);
    job_submit(j);
}

void cmd_bgsave(struct call *c)
{
    if (c->argc > 2 || (c->argc == 2 && !call_arg_is(c, 1, "schedule"))) {
        reply_syntax_error(c);
        return;
    }
    if (refuse_while_running(c))
        return;
    if (c->in_exec) {
        save.scheduled = true;
        reply_status(c, "Background saving scheduled");
        return;
    }
    begin_background(c->kv);
    reply_status(c, "Background saving started");
}

/* The log holds nothing that could be left out: what is folded is dropped from it by and by. */
void cmd_bgrewriteaof(struct call *c)
{
    hook_event(EVENT_PERSISTENCE, PERSISTENCE_LOG, NULL);
    hook_event(EVENT_PERSISTENCE, PERSISTENCE_ENDED, NULL);
    reply_status(c, "Background append only file rewriting started");
}

void cmd_lastsave(struct call *c)
{
    reply_int(c, last_save_s());
}

/* -- INFO ------------------------------------------------------------------------------------------------------------------- */

static void info_persistence(struct buf *out)
{
    struct kv_stats now = {0};
    bool background = save.running && (!save.job || save.job->background);
    uint64_t keys = save.job ? atomic_load(&save.job->file->keys) : 0;
    if (lifecycle.kv)
        kv_stats(lifecycle.kv, &now);
    buf_printf(out,
               "current_save_keys_processed:%" PRIu64 "\r\ncurrent_save_keys_total:%" PRIu64
               "\r\nrdb_changes_since_last_save:%" PRIu64
               "\r\nrdb_bgsave_in_progress:%d\r\nrdb_last_save_time:%" PRId64
               "\r\nrdb_last_bgsave_status:%s\r\nrdb_last_bgsave_time_sec:%" PRId64
               "\r\nrdb_current_bgsave_time_sec:%" PRId64 "\r\nrdb_saves:%" PRIu64
               "\r\nrdb_last_load_keys_expired:%" PRIu64 "\r\nrdb_last_load_keys_loaded:%" PRIu64
               "\r\n",
               keys, save.job ? kv_view_keys(save.job->file->view) : 0,
               sess_stats.changes - save.last_dirty, background || lifecycle.dump_start_ms,
               last_save_s(), save.last_failed ? "err" : "ok", save.last_took_s,
               background                ? (clock_wall_ms() - save.began_ms) / 1000
               : lifecycle.dump_start_ms ? (clock_wall_ms() - lifecycle.dump_start_ms) / 1000
                                         : -1,
               save.saves, save.loaded_expired, save.loaded_keys);
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
    hook_add(HOOK_FLUSHED, on_flushed);
    info_register("persistence", info_persistence);
}
