/* Start and stop, in order:
 *
 *   log, signals, supervisor -> data root and its lock -> loop, workers -> store and log -> modules, users -> listeners
 *   -> "Server initialized" -> replay (clients get -LOADING) -> "Ready to accept connections" -> ticks
 *   -> last commit -> replies -> fold, close -> "bye bye"
 */
#include "server/server.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "commands/server/save.h"
#include "config/admin.h"
#include "config/config.h"
#include "engine/query.h"
#include "event/crypto.h"
#include "event/event_options.h"
#include "event/loop.h"
#include "event/worker.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv.h"
#include "module/module.h"
#include "rdb/rdb_options.h"
#include "server/datadir.h"
#include "server/process.h"
#include "server/server_options.h"
#include "server/signals.h"
#include "services/info/metrics.h"
#include "services/replication/replication.h"
#include "session/acl.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "wire/http/http.h"
#include "wire/resp/resp.h"
#include "wire/resp/resp_options.h"

#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANY_WORKERS 2

/* -- what the lower layers are given ------------------------------------------------------------- */

static void on_modified(void *arg, int db, struct slice key)
{
    hook_run(HOOK_KEY_MODIFIED, &(struct hook_key){db, key});
}

static void on_flushed(void *arg, int db)
{
    hook_event(EVENT_FLUSH, 0, &(struct hook_key){db, SLICE_NULL});
    hook_run(HOOK_FLUSHED, &(struct hook_key){db, SLICE_NULL});
}

static void on_emptied(void *arg, int db)
{
    hook_event(EVENT_FLUSH, 1, &(struct hook_key){db, SLICE_NULL});
}

static void on_swapped(void *arg, int a, int b)
{
    hook_run(HOOK_SWAPPED, &(struct hook_swap){a, b});
}

static void on_notify(void *arg, enum notify_class cls, const char *event, int db, struct slice key)
{
    hook_run(HOOK_NOTIFY, &(struct hook_notify){cls, event, db, key});
}

static void on_removing(void *arg, enum kv_removal why, int db, struct slice key)
{
    hook_event(EVENT_KEY, (unsigned)why, &(struct hook_key){db, key});
}

static void on_own_unit_ends(void *arg)
{
    if (dispatch_depth() == 0)
        hook_run(HOOK_UNIT_END, NULL);
}

static void on_committed(void *arg, struct slice effects)
{
    hook_run(HOOK_COMMITTED, &effects);
}

static const struct kv_hooks kv_hooks = {.modified = on_modified,
                                         .flushed = on_flushed,
                                         .emptied = on_emptied,
                                         .swapped = on_swapped,
                                         .notify = on_notify,
                                         .removing = on_removing,
                                         .own_unit_ends = on_own_unit_ends,
                                         .committed = on_committed};

static enum worker_lane lane_of(enum kv_lane lane)
{
    switch (lane) {
    case KV_LANE_FOLD:
        return WORKER_FOLD;
    case KV_LANE_SYNC:
        return WORKER_SYNC;
    case KV_LANE_FREE:
        return WORKER_FREE;
    }
    return WORKER_ANY;
}

static void submit(void *arg, enum kv_lane lane, void (*run)(void *), void (*done)(void *),
                   void *job)
{
    worker_submit(arg, lane_of(lane), run, done, job);
}

static void drain(void *arg, enum kv_lane lane)
{
    worker_drain(arg, lane_of(lane));
}

static size_t tick_bytes(void)
{
    return kv_tick_bytes(lifecycle.kv);
}

static void client_memory(size_t bytes)
{
    kv_set_client_memory(lifecycle.kv, bytes);
}

static void prefetch(int db, const struct slice *keys, size_t n)
{
    kv_prefetch(lifecycle.kv, db, keys, n);
}

static size_t maxmemory(void)
{
    return (size_t)keyspace_opts.maxmemory;
}

void server_progress(void *arg, uint64_t done, uint64_t total)
{
    lifecycle_loaded(done, total);
    clock_refresh();
    loop_poll(lifecycle.loop);
    int signum = signals_take();
    if (signum)
        server_leave_now(signum == SIGINT ? "SIGINT" : "SIGTERM", "the data is loaded");
}

static void progress(uint64_t done, uint64_t total)
{
    server_progress(NULL, done, total);
}

static enum status load_dump(const char *path, struct error *err)
{
    save_stop();
    replication_begin_anew();
    return save_load(lifecycle.kv, path, 0, err);
}

static const struct lifecycle_ops lifecycle_ops = {.shutdown = server_shutdown,
                                                   .shutdown_abort = server_shutdown_abort,
                                                   .progress = progress,
                                                   .load_dump = load_dump};

/* -- starting ------------------------------------------------------------------------------------ */

static void log_setup(void)
{
    log_set_level((enum log_level)server_opts.loglevel);
    if (!log_set_file(server_opts.logfile)) {
        fprintf(stderr, "Can't open the log file: %s\n", server_opts.logfile);
        exit(1);
    }
    if (server_opts.syslog_enabled)
        log_set_syslog(true, server_opts.syslog_ident, server_opts.syslog_facility);
}

static enum status loglevel_changed(void *arg, struct error *err)
{
    log_set_level((enum log_level)server_opts.loglevel);
    return ST_OK;
}

static enum status appendonly_changed(void *arg, struct error *err)
{
    hook_event(EVENT_PERSISTENCE, PERSISTENCE_LOG_NOW, NULL);
    enum status st = kv_apply_appendonly(lifecycle.kv, err);
    hook_event(EVENT_PERSISTENCE, st == ST_OK ? PERSISTENCE_ENDED : PERSISTENCE_FAILED, NULL);
    if (st == ST_OK)
        replication_log_changed();
    return st;
}

static enum status collate_changed(void *arg, struct error *err)
{
    if (!setlocale(LC_COLLATE, server_opts.locale_collate))
        return error_set(err, ST_INVALID, "Invalid locale name");
    return ST_OK;
}

static enum status title_changed(void *arg, struct error *err)
{
    process_title_update();
    return ST_OK;
}

static void banner(void)
{
    char text[512];
    bool terminal = isatty(STDOUT_FILENO) && !*server_opts.logfile && !server_opts.syslog_enabled;
    int64_t port = event_opts.port ? event_opts.port : event_opts.tls_port;
    if (!terminal && !server_opts.always_show_logo) {
        log_notice(LOG_SERVER, "Running mode=standalone, port=%" PRId64 ".", port);
        return;
    }
    snprintf(text, sizeof text,
             "\n"
             "      .-~~~-.\n"
             "    .'   o   '.     Orbit %s, speaking Redis %s\n"
             "   (  .-----.  )\n"
             "  --( | *** | )--   Port: %" PRId64 "\n"
             "   (  '-----'  )    PID: %ld\n"
             "    '.       .'\n"
             "      '-...-'\n\n",
             ORBIT_VERSION, ORBIT_REDIS_VERSION, port, (long)getpid());
    log_raw(LOG_NOTICE, text);
}

static void lifecycle_setup(void)
{
    static char executable[PATH_MAX];
    unsigned char id[20];
    ssize_t n = readlink("/proc/self/exe", executable, sizeof executable - 1);
    executable[n > 0 ? n : 0] = 0;
    lifecycle.executable = executable;
    lifecycle.start_ms = clock_wall_ms();
    lifecycle.start_mono_us = clock_mono_us();
    hash_random(id, sizeof id);
    crypto_hex(id, sizeof id, lifecycle.run_id);
    lifecycle_set_ops(&lifecycle_ops);
}

static enum status open_keyspace(struct error *err)
{
    enum status st = datadir_open(err);
    if (st == ST_OK)
        st = loop_new(&lifecycle.loop, err);
    if (st != ST_OK)
        return st;
    lifecycle.data_root = datadir_root();
    signals_setup(lifecycle.loop);
    lifecycle.pool = worker_pool_new(lifecycle.loop, ANY_WORKERS);
    query_init(lifecycle.loop, lifecycle.pool);
    struct kv_jobs jobs = {.arg = lifecycle.pool, .submit = submit, .drain = drain};
    st = kv_open(datadir_root(), &jobs, &lifecycle.kv, err);
    if (st == ST_OK)
        kv_set_hooks(lifecycle.kv, &kv_hooks);
    lifecycle.startup_bytes = mem_used();
    return st;
}

static bool protected_mode(void)
{
    return resp_opts.protected_mode;
}

static bool writes_refused(struct error *why)
{
    return kv_write_refused(lifecycle.kv, why);
}

static enum status start(struct error *err)
{
    enum status st = open_keyspace(err);
    if (st != ST_OK)
        return st;
    server_start_services();
    st = module_start(err);
    if (st == ST_OK)
        st = acl_start(err);
    if (st != ST_OK)
        return st;
    struct resp_env env = {lifecycle.loop, lifecycle.kv, tick_bytes,
                           prefetch,       maxmemory,    client_memory};
    resp_init(&env);
    struct http_env http_env = {lifecycle.loop, lifecycle.kv,   tick_bytes,
                                protected_mode, writes_refused, metrics_text};
    http_init(&http_env);
    st = resp_listen(err);
    if (st == ST_OK)
        st = http_listen(err);
    if (st != ST_OK)
        return st;
    log_notice(LOG_SERVER, "Server initialized");
    config_log_no_effect();
    process_warn();
    st = replay_log(lifecycle.kv, err);
    if (st == ST_OK)
        st = dump_load(lifecycle.kv, err);
    if (st != ST_OK)
        return st;
    ticks_setup();
    replication_begin();
    config_on_change("loglevel", loglevel_changed, NULL);
    config_on_change("appendonly", appendonly_changed, NULL);
    config_on_change("locale-collate", collate_changed, NULL);
    config_on_change("proc-title-template", title_changed, NULL);
    config_on_change("port", title_changed, NULL);
    config_on_change("tls-port", title_changed, NULL);
    config_on_change("bind", title_changed, NULL);
    return ST_OK;
}

static int stop(void)
{
    struct error err = {.message = ""};
    process_notify("STOPPING=1");
    if (kv_commit(lifecycle.kv, &err) != ST_OK) {
        log_warning(LOG_SERVER, "The last changes could not be written to the log: %s",
                    err.message);
        resp_tick_failed(&err);
        http_tick_failed(&err);
        module_tick_failed();
    }
    replication_stop();
    resp_unlisten();
    http_unlisten();
    resp_shutdown();
    http_shutdown();
    module_unlisten();
    query_stop();
    log_notice(LOG_SERVER, "Folding what changed into the store before exiting.");
    module_stop();
    enum status st = kv_close(lifecycle.kv, &err);
    if (st != ST_OK)
        log_warning(LOG_SERVER, "Closing the data failed, the log still holds it: %s", err.message);
    worker_pool_free(lifecycle.pool);
    datadir_close();
    process_pidfile_remove();
    log_warning(LOG_SERVER, "Orbit is now ready to exit, bye bye...");
    return st == ST_OK ? 0 : 1;
}

int server_run(void)
{
    struct error err = {.message = ""};
    umask(0027);
    if (server_opts.daemonize)
        process_daemonize();
    log_setup();
    log_notice(LOG_SERVER, "oO0OoO0OoO0Oo Orbit is starting oO0OoO0OoO0Oo");
    log_notice(LOG_SERVER, "Orbit version=%s, Redis version=%s, bits=%d, pid=%d, just started",
               ORBIT_VERSION, ORBIT_REDIS_VERSION, (int)(sizeof(void *) * 8), (int)getpid());
    if (config_file())
        log_notice(LOG_SERVER, "Configuration loaded");
    else
        log_warning(LOG_SERVER, "No config file was given, so the defaults are used. To name one: "
                                "orbit-server /path/to/redis.conf");
    (void)collate_changed(NULL, NULL);
    lifecycle_setup();
    process_supervise();
    signals_setup(NULL);
    process_adjust_files();
    process_disable_thp();
    banner();
    if (start(&err) != ST_OK) {
        log_warning(LOG_SERVER, "Fatal error, the server cannot start: %s", err.message);
        return 1;
    }
    process_pidfile_write();
    process_title_update();
    process_oom_setup();
    process_loop_nice();
    resp_log_ready();
    process_notify("STATUS=Ready to accept connections\nREADY=1\n");
    loop_run(lifecycle.loop);
    return stop();
}
