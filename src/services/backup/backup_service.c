/* The steps of a backup:
 *
 *   PREPARE   worker       the folder is locked; for an incremental one: which backup it goes on from
 *   FOLD      cron         what was dirty at the beginning gets into the store (full ones)
 *   STORE     fold worker  checkpoint of the store in the data directory; no fold runs meanwhile
 *   SYNC      cron         the log up to its end now gets on the device: a backup must not hold what a crash takes back
 *   WRITE     worker       checkpoint and log go to the folder, every file is read for its checksum (src/backup)
 *
 * From beginning to end nothing is trimmed from the log. The loop only decides. */
#include "services/backup/backup_service.h"

#include "backup/backup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "config/option.h"
#include "event/worker.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv.h"
#include "services/backup/backup_commands.h"
#include "session/call.h"
#include "session/hooks.h"
#include "session/info.h"
#include "session/lifecycle.h"
#include "session/reply.h"
#include "storage/storage.h"

#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECKPOINT "checkpoint.tmp"
#define KEPT       (PATH_MAX - 64) /* of a path that something is put behind */

enum phase { PHASE_NONE, PHASE_PREPARE, PHASE_FOLD, PHASE_STORE, PHASE_SYNC, PHASE_WRITE };
static const char *const phase_names[] = {"none",  "preparing", "folding",
                                          "store", "log",       "writing"};

struct work {
    enum phase phase;
    char dir[PATH_MAX], root[PATH_MAX], checkpoint[PATH_MAX];
    struct backup_manifest m;
    struct stor *store;
    int lock;
    uint64_t folds_wanted, fold_errors, log_errors;
    enum status st;
    struct error err;
};

struct backup_options backup_opts;
static struct {
    struct work *work; /* NULL: none is under way */
    atomic_uint_fast64_t done, total;
    atomic_bool cancel;
    /* of the last one */
    enum status st;
    struct error err;
    char name[BACKUP_NAME + 1];
    bool full;
    int64_t took_ms, end_s;
    uint64_t bytes, end_seq;
} backup;

static void data_root(char out[PATH_MAX])
{
    const char *log = kv_log_dir(lifecycle.kv);
    const char *slash = strrchr(log, '/');
    snprintf(out, PATH_MAX, "%.*s", slash ? (int)(slash - log) : KEPT, log);
}

static void backup_folder(char out[PATH_MAX])
{
    char cwd[PATH_MAX / 2] = "";
    bool below = *backup_opts.dir != '/';
    if (below && !getcwd(cwd, sizeof cwd))
        cwd[0] = 0;
    snprintf(out, PATH_MAX, "%s%s%.*s", cwd, below ? "/" : "", PATH_MAX / 2 - 2, backup_opts.dir);
}

/* -- Steps ----------------------------------------------------------------------------------------------------------------- */

static void finish(struct work *w)
{
    kv_hold_log(lifecycle.kv, UINT64_MAX);
    backup_dir_close(w->lock);
    backup.st = w->st;
    backup.err = w->err;
    backup.took_ms = clock_wall_ms() - w->m.begun_ms;
    backup.end_s = clock_wall_ms() / 1000;
    backup.full = w->m.full;
    backup.bytes = backup_manifest_bytes(&w->m);
    backup.end_seq = w->m.end_seq;
    memcpy(backup.name, w->m.name, sizeof backup.name);
    if (w->st == ST_OK)
        log_notice(LOG_SERVER, "Backup %s is complete: %" PRIu64 " bytes, %" PRId64 " ms",
                   w->m.name, backup.bytes, backup.took_ms);
    else
        log_warning(LOG_SERVER, "Backup %s failed: %s", w->m.name, w->err.message);
    backup_manifest_free(&w->m);
    mem_free(w);
    backup.work = NULL;
}

static void submit(struct work *w, enum phase phase, enum worker_lane lane, worker_fn run,
                   worker_fn done)
{
    w->phase = phase;
    worker_submit(lifecycle.pool, lane, run, done, w);
}

static void drop_run(void *arg)
{
    struct work *w = arg;
    struct error why;
    if (backup_remove_tree(w->checkpoint, &why) != ST_OK)
        log_warning(LOG_SERVER, "A checkpoint is left behind: %s", why.message);
}

static void work_done(void *arg)
{
    finish(arg);
}

/* False: it is over. */
static bool go_on(struct work *w)
{
    if (w->st == ST_OK && atomic_load(&backup.cancel))
        w->st = error_set(&w->err, ST_CANCELLED, "cancelled");
    if (w->st == ST_OK)
        return true;
    if (w->phase == PHASE_SYNC && w->m.full)
        submit(w, PHASE_WRITE, WORKER_ANY, drop_run, work_done);
    else
        finish(w);
    return false;
}

static bool on_step(void *arg, uint64_t done, uint64_t total)
{
    atomic_store_explicit(&backup.done, done, memory_order_relaxed);
    atomic_store_explicit(&backup.total, total, memory_order_relaxed);
    return !atomic_load_explicit(&backup.cancel, memory_order_relaxed);
}

static void write_run(void *arg)
{
    struct work *w = arg;
    struct backup_watch watch = {.step = on_step};
    struct backup_job job = {
        .dir = w->dir, .root = w->root, .checkpoint = w->m.full ? w->checkpoint : NULL, .m = &w->m};
    w->st = backup_make(&job, &watch, &w->err);
}

static void sync_step(struct work *w)
{
    char id[sizeof w->m.log_id];
    struct kv_stats now;
    kv_stats(lifecycle.kv, &now);
    kv_log_id(lifecycle.kv, id);
    if (w->st == ST_OK && strcmp(id, w->m.log_id) != 0)
        w->st = error_set(&w->err, ST_CONFLICT, "the data set or the log was replaced meanwhile");
    if (w->st == ST_OK && *id && now.log_errors > w->log_errors)
        w->st = error_set(&w->err, ST_IO, "the log cannot be written");
    if (!go_on(w))
        return;
    if (*w->m.log_id && now.log_synced_seq < w->m.end_seq)
        kv_sync_log(lifecycle.kv);
    else
        submit(w, PHASE_WRITE, WORKER_ANY, write_run, work_done);
}

/* The end of the log now is where a restore ends. */
static void take_end(struct work *w)
{
    struct kv_stats now;
    kv_stats(lifecycle.kv, &now);
    w->m.end_seq = *w->m.log_id ? now.log_last_seq : w->m.start_seq;
    w->m.end_ms = clock_wall_ms();
    w->phase = PHASE_SYNC;
    if (w->st == ST_OK && w->m.end_seq < w->m.start_seq)
        w->st = error_set(&w->err, ST_CONFLICT, "the log ends before the last backup's end");
    sync_step(w);
}

static void store_run(void *arg)
{
    struct work *w = arg;
    w->st = backup_remove_tree(w->checkpoint, &w->err);
    if (w->st == ST_OK)
        w->st = stor_checkpoint(w->store, w->checkpoint, &w->err);
}

static void store_done(void *arg)
{
    take_end(arg);
}

static void fold_step(struct work *w)
{
    struct kv_stats now;
    kv_stats(lifecycle.kv, &now);
    if (now.fold_errors > w->fold_errors)
        w->st = error_set(&w->err, ST_IO, "the store cannot be written");
    if (!go_on(w))
        return;
    if (now.folds < w->folds_wanted && (now.fold_running || now.dirty_bytes > 0))
        return;
    w->m.start_seq = now.folded_seq;
    w->store = kv_store(lifecycle.kv);
    submit(w, PHASE_STORE, WORKER_FOLD, store_run, store_done);
}

static void fold_begin(struct work *w)
{
    struct kv_stats now;
    kv_stats(lifecycle.kv, &now);
    w->fold_errors = now.fold_errors;
    w->folds_wanted = now.folds + (now.fold_running ? 2 : 1);
    w->phase = PHASE_FOLD;
    kv_fold_soon(lifecycle.kv);
}

static void prepare_run(void *arg)
{
    struct work *w = arg;
    struct backup_manifest parent = {.files = NULL};
    w->st = backup_dir_open(w->dir, &w->lock, &w->err);
    if (w->st != ST_OK || w->m.full)
        return;
    w->st = backup_latest(w->dir, w->m.log_id, &parent, &w->err);
    memcpy(w->m.parent, parent.name, sizeof w->m.parent);
    memcpy(w->m.parent_sum, parent.sum, sizeof w->m.parent_sum);
    w->m.start_seq = parent.end_seq;
    backup_manifest_free(&parent);
}

static void prepare_done(void *arg)
{
    struct work *w = arg;
    if (!go_on(w))
        return;
    if (w->m.full)
        fold_begin(w);
    else
        take_end(w);
}

static void on_cron(void *arg)
{
    if (!backup.work)
        return;
    if (backup.work->phase == PHASE_FOLD)
        fold_step(backup.work);
    else if (backup.work->phase == PHASE_SYNC)
        sync_step(backup.work);
}

/* -- Commands -------------------------------------------------------------------------------------------------------------- */

static bool possible(struct call *c, bool full)
{
    char id[33];
    kv_log_id(c->kv, id);
    if (backup.work)
        reply_error(c, "ERR a backup is being made already");
    else if (!*backup_opts.dir)
        reply_error(c, "ERR backup-dir is not set");
    else if (lifecycle.async_loading || !lifecycle.pool)
        reply_error(c, "ERR not while a data set is loaded");
    else if (!(stor_caps(kv_store(c->kv)) & STOR_CAP_DURABLE))
        reply_error(c, "ERR this storage provider keeps nothing on disk: use BGSAVE");
    else if (!full && !*id)
        reply_error(c, "ERR an incremental backup needs the log (appendonly yes)");
    else
        return true;
    return false;
}

static void choose_name(struct work *w)
{
    char stamp[32];
    struct tm tm;
    time_t s = (time_t)(w->m.begun_ms / 1000);
    (void)gmtime_r(&s, &tm);
    (void)strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
    snprintf(w->m.name, sizeof w->m.name, "%s-%03d-%s", stamp, (int)(w->m.begun_ms % 1000),
             w->m.full ? "full" : "incremental");
}

static void begin(struct call *c, bool full)
{
    if (c->argc > 3) {
        reply_syntax_error(c);
        return;
    }
    if (c->argc == 3 && (!backup_name_ok(c->argv[2]) || slice_is(c->argv[2], "LOCK"))) {
        reply_error(c, "ERR a backup's name has letters, digits and . _ - only, at most 100");
        return;
    }
    if (!possible(c, full))
        return;
    struct kv_stats now;
    struct work *w = mem_calloc(1, sizeof *w);
    kv_stats(c->kv, &now);
    w->lock = -1;
    w->log_errors = now.log_errors;
    w->m.full = full;
    w->m.begun_ms = clock_wall_ms();
    if (c->argc == 3)
        memcpy(w->m.name, c->argv[2].p, c->argv[2].n);
    else
        choose_name(w);
    backup_folder(w->dir);
    data_root(w->root);
    snprintf(w->checkpoint, sizeof w->checkpoint, "%.*s/" CHECKPOINT, KEPT, w->root);
    snprintf(w->m.data_dir, sizeof w->m.data_dir, "%s", w->root);
    snprintf(w->m.version, sizeof w->m.version, "%s", ORBIT_VERSION);
    snprintf(w->m.provider, sizeof w->m.provider, "%s",
             stor_provider_canonical(keyspace_opts.storage_provider));
    kv_log_id(c->kv, w->m.log_id);
    atomic_store(&backup.cancel, false);
    atomic_store(&backup.done, 0);
    atomic_store(&backup.total, 0);
    backup.work = w;
    kv_hold_log(c->kv, 0);
    log_notice(LOG_SERVER, "Backup %s begins", w->m.name);
    reply_str(c, w->m.name);
    submit(w, PHASE_PREPARE, WORKER_ANY, prepare_run, prepare_done);
}

void cmd_orbit_backup_full(struct call *c)
{
    begin(c, true);
}

void cmd_orbit_backup_incremental(struct call *c)
{
    begin(c, false);
}

void cmd_orbit_backup_cancel(struct call *c)
{
    if (!backup.work) {
        reply_error(c, "ERR no backup is being made");
        return;
    }
    atomic_store(&backup.cancel, true);
    reply_ok(c);
}

static void pair(struct call *c, const char *name, const char *text)
{
    reply_str(c, name);
    reply_str(c, text);
}

static void pair_int(struct call *c, const char *name, int64_t v)
{
    reply_str(c, name);
    reply_int(c, v);
}

void cmd_orbit_backup_status(struct call *c)
{
    char dir[PATH_MAX] = "";
    const struct work *w = backup.work;
    if (*backup_opts.dir)
        backup_folder(dir);
    reply_map(c, 10);
    pair(c, "phase", phase_names[w ? w->phase : PHASE_NONE]);
    pair(c, "name", w ? w->m.name : backup.name);
    pair(c, "kind", (w ? w->m.full : backup.full) ? "full" : "incremental");
    pair_int(c, "done", (int64_t)atomic_load(&backup.done));
    pair_int(c, "total", (int64_t)atomic_load(&backup.total));
    pair(c, "error", w || backup.st == ST_OK ? "" : backup.err.message);
    pair_int(c, "bytes", w ? 0 : (int64_t)backup.bytes);
    pair_int(c, "end-sequence", w ? 0 : (int64_t)backup.end_seq);
    pair_int(c, "took-ms", w ? clock_wall_ms() - w->m.begun_ms : backup.took_ms);
    pair(c, "directory", dir);
}

void cmd_orbit_backup_help(struct call *c)
{
    static const char *const lines[] = {
        "FULL [<name>]",
        "    Starts a backup of the store and the log that goes with it.",
        "INCREMENTAL [<name>]",
        "    Starts a backup of the log since the last backup.",
        "STATUS",
        "    How far it is, or how the last one ended.",
        "CANCEL",
        "    Gives it up.",
        NULL};
    reply_help(c, lines);
}

/* -- Life ------------------------------------------------------------------------------------------------------------------ */

static void info_backup(struct buf *out)
{
    buf_printf(out,
               "backup_in_progress:%d\r\nbackup_phase:%s\r\nbackup_done_bytes:%" PRIu64
               "\r\nbackup_total_bytes:%" PRIu64
               "\r\nbackup_last_status:%s\r\nbackup_last_name:%s\r\nbackup_last_time:%" PRId64
               "\r\nbackup_last_bytes:%" PRIu64 "\r\nbackup_last_ms:%" PRId64 "\r\n",
               backup.work != NULL, phase_names[backup.work ? backup.work->phase : PHASE_NONE],
               (uint64_t)atomic_load(&backup.done), (uint64_t)atomic_load(&backup.total),
               !*backup.name        ? "none"
               : backup.st == ST_OK ? "ok"
                                    : "err",
               backup.name, backup.end_s, backup.bytes, backup.took_ms);
}

#define CONFIG_STRUCT backup_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "services/backup/options.def"

#include "config/declare_end.h"
};

void backup_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
}

void backup_start(void)
{
    char path[PATH_MAX], root[PATH_MAX];
    int lock = -1;
    struct error err = {.message = ""};
    hook_add(HOOK_CRON, on_cron);
    info_register("backup", info_backup);
    data_root(root);
    snprintf(path, sizeof path, "%.*s/" CHECKPOINT, KEPT, root);
    enum status st = backup_remove_tree(path, &err);
    backup_folder(path);
    if (st == ST_OK && *backup_opts.dir && access(path, F_OK) == 0)
        st = backup_dir_open(path, &lock, &err);
    backup_dir_close(lock);
    if (st != ST_OK && st != ST_LOCKED)
        log_warning(LOG_SERVER, "What a backup left behind could not be removed: %s", err.message);
}

void backup_stop(void)
{
    atomic_store(&backup.cancel, true);
    while (backup.work) {
        on_cron(NULL);
        worker_drain(lifecycle.pool, WORKER_ANY);
        worker_drain(lifecycle.pool, WORKER_FOLD);
    }
}
