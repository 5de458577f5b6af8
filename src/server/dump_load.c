/* Files of a redis-server at the start.
 *
 * A data directory without any data takes what dir holds: the append-only files if appendonly is yes and they are there, else the
 * dump file. So does a user of a redis-server move in. Store and log win when they hold, or ever held, anything: such files are
 * older than they are. With load-dump always the files win: append-only files, which nobody here writes, when they are not those
 * that were loaded last; the dump file at every start, as without an append-only file in Redis.
 *
 *   ROOT/dump-load    "loading" while files are loaded: if the start is cut short, the next one begins anew; else "done", with
 *                     the print of the append-only files if those were loaded */
#include "base/clock.h"
#include "base/log.h"
#include "commands/server/save.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv.h"
#include "rdb/rdb_functions.h"
#include "rdb/rdb_load.h"
#include "rdb/rdb_options.h"
#include "server/aof_load.h"
#include "server/datadir.h"
#include "server/server.h"
#include "services/replication/replication.h"
#include "session/hooks.h"
#include "session/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum mark { MARK_NONE, MARK_LOADING, MARK_DONE };

static void mark_path(char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%.*s/dump-load", PATH_MAX - 16, datadir_root());
}

static enum mark mark_get(uint64_t *print)
{
    char path[PATH_MAX], text[40] = "";
    mark_path(path);
    *print = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return MARK_NONE;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n > 0 && strncmp(text, "loading", 7) == 0)
        return MARK_LOADING;
    (void)sscanf(text, "done %" SCNx64, print);
    return MARK_DONE;
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

static void empty(struct kv *kv)
{
    kv_effects_off(kv);
    (void)kv_flush(kv, -1);
    kv_effects_on(kv);
    rdb_clear_functions();
}

/* aof: the append-only files; NULL: the dump file at path. */
static enum status load(struct kv *kv, const struct aof_files *aof, const char *path,
                        struct error *err)
{
    struct rdb_load l = {.path = path, .progress = server_progress};
    char done[40] = "done\n";
    int64_t start = clock_mono_us();
    enum status st = mark_set("loading\n", err);
    if (st != ST_OK)
        return st;
    empty(kv);
    lifecycle.loading = true;
    lifecycle.loading_log = aof != NULL;
    lifecycle.loading_start_ms = clock_wall_ms();
    hook_event(EVENT_LOADING, aof ? LOADING_LOG : LOADING_DUMP, NULL);
    /* What expires is deleted when replicas can be told. */
    kv_pause_expire(kv, !aof);
    st = aof ? aof_files_load(kv, aof, err) : rdb_load(kv, &l, err);
    kv_pause_expire(kv, false);
    lifecycle.loading = false;
    hook_event(EVENT_LOADING, st == ST_OK ? LOADING_ENDED : LOADING_FAILED, NULL);
    if (aof)
        snprintf(done, sizeof done, "done %" PRIx64 "\n", aof->print);
    if (st == ST_OK)
        st = mark_set(done, err);
    if (st != ST_OK) {
        if (aof)
            return st;
        log_warning(LOG_SERVER, "Terminating server after rdb file reading failure.");
        return error_prefix(err, "Fatal error loading the DB from %s", path);
    }
    if (!aof)
        save_note_load(l.keys, l.expired);
    replication_loaded(l.stream_id, l.stream_offset, l.stream_db > 0 ? (int)l.stream_db : 0);
    log_notice(LOG_SERVER, "DB loaded from %s: %.3f seconds", aof ? "append only file" : "disk",
               (double)(clock_mono_us() - start) / 1e6);
    return ST_OK;
}

/* The append-only files are there and may be loaded. */
static enum status take_append_only(struct kv *kv, enum mark mark, uint64_t last_print,
                                    struct error *err)
{
    struct aof_files files;
    enum status st = aof_files_open(&files, err);
    if (st != ST_OK)
        return st;
    if (mark != MARK_DONE || files.print != last_print)
        st = load(kv, &files, NULL, err);
    aof_files_free(&files);
    return st;
}

enum status dump_load(struct kv *kv, struct error *err)
{
    char path[PATH_MAX];
    uint64_t last_print;
    bool dump = *rdb_opts.dbfilename && access(save_path(path), F_OK) == 0;
    const char *aof = keyspace_opts.appendonly ? aof_files_path() : NULL;
    enum mark found = mark_get(&last_print), mark = found;
    if (mark == MARK_NONE && !holds_nothing(kv))
        mark = MARK_DONE;
    if (mark != MARK_DONE || rdb_opts.load_dump == RDB_LOAD_DUMP_ALWAYS) {
        if (aof)
            return take_append_only(kv, mark, last_print, err);
        if (dump)
            return load(kv, NULL, path, err);
    }
    if (mark == MARK_LOADING) {
        log_warning(LOG_SERVER, "The files whose loading was cut short are gone: what was loaded "
                                "of them is deleted");
        empty(kv);
    } else if (aof || dump) {
        log_notice(LOG_SERVER, "%s is not loaded: the data directory has its own data",
                   aof ? aof : path);
    }
    return found == MARK_DONE ? ST_OK : mark_set("done\n", err);
}
