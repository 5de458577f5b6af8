/* A dump file at the start.
 *
 * A data directory without any data takes what dbfilename in dir holds: so does a user's dump.rdb of a redis-server come in. Store
 * and log win when they hold, or ever held, anything: a dump is older than they are. With load-dump always the dump wins at
 * every start, as without an append-only file in Redis.
 *
 *   ROOT/dump-load    "loading" while a dump is loaded: if the start is cut short, the next one begins anew; else "done" */
#include "base/clock.h"
#include "base/log.h"
#include "commands/server/save.h"
#include "keyspace/kv.h"
#include "rdb/rdb_functions.h"
#include "rdb/rdb_load.h"
#include "rdb/rdb_options.h"
#include "server/datadir.h"
#include "server/server.h"
#include "session/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum mark { MARK_NONE, MARK_LOADING, MARK_DONE };

static void mark_path(char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%.*s/dump-load", PATH_MAX - 16, datadir_root());
}

static enum mark mark_get(void)
{
    char path[PATH_MAX], text[16] = "";
    mark_path(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return MARK_NONE;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 && strncmp(text, "loading", 7) == 0 ? MARK_LOADING : MARK_DONE;
}

static enum status mark_set(const char *text, struct error *err)
{
    char path[PATH_MAX];
    mark_path(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fsync(fd) == 0;
    int errnum = errno;
    if (fd >= 0)
        close(fd);
    return ok ? ST_OK : error_set_errno(err, errnum, "cannot write %s", path);
}

static bool holds_nothing(struct kv *kv)
{
    struct kv_stats st;
    kv_stats(kv, &st);
    for (int db = 0; db < kv_databases(kv); db++)
        if (kv_dbsize(kv, db))
            return false;
    return st.folded_seq == 0 && st.log_last_seq == 0;
}

static enum status load(struct kv *kv, const char *path, struct error *err)
{
    struct rdb_load l = {.path = path, .progress = server_progress};
    int64_t start = clock_mono_us();
    enum status st = mark_set("loading\n", err);
    if (st != ST_OK)
        return st;
    kv_effects_off(kv);
    (void)kv_flush(kv, -1);
    kv_effects_on(kv);
    rdb_clear_functions();
    lifecycle.loading = true;
    lifecycle.loading_start_ms = clock_wall_ms();
    st = rdb_load(kv, &l, err);
    lifecycle.loading = false;
    if (st == ST_OK)
        st = mark_set("done\n", err);
    if (st != ST_OK) {
        log_warning(LOG_SERVER, "Terminating server after rdb file reading failure.");
        return error_prefix(err, "Fatal error loading the DB from %s", path);
    }
    save_note_load(l.keys, l.expired);
    log_notice(LOG_SERVER, "DB loaded from disk: %.3f seconds",
               (double)(clock_mono_us() - start) / 1e6);
    return ST_OK;
}

enum status dump_load(struct kv *kv, struct error *err)
{
    char path[PATH_MAX];
    bool there = *rdb_opts.dbfilename && access(save_path(path), F_OK) == 0;
    enum mark mark = mark_get();
    if (mark == MARK_NONE && !holds_nothing(kv))
        mark = MARK_DONE;
    if (there && (mark != MARK_DONE || rdb_opts.load_dump == RDB_LOAD_DUMP_ALWAYS))
        return load(kv, path, err);
    if (mark == MARK_LOADING) {
        log_warning(LOG_SERVER,
                    "The dump file whose loading was cut short is gone: what was loaded "
                    "of it is deleted");
        kv_effects_off(kv);
        (void)kv_flush(kv, -1);
        kv_effects_on(kv);
    } else if (there) {
        log_notice(LOG_SERVER, "%s is not loaded: the data directory has its own data", path);
    }
    return mark_set("done\n", err);
}
