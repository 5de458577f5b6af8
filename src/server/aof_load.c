/*  appenddirname/appendfilename.manifest      names a base (a dump or commands) and increments (commands), in this order
 *  appendfilename                             one file of a version before 7: commands, or a dump and commands
 *
 * A file that a manifest names as appendfilename itself stands in either place: 7 moves it there when it first starts. */
#include "server/aof_load.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "keyspace/kv.h"
#include "rdb/aof_file.h"
#include "rdb/rdb_file.h"
#include "rdb/rdb_load.h"
#include "rdb/rdb_options.h"
#include "server/server.h"
#include "session/call.h"
#include "session/command.h"
#include "session/dispatch.h"
#include "session/lifecycle.h"
#include "session/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REFUSED_SHOWN 10 /* commands that answer an error: as many are named */
#define LOOK_COMMANDS 64
#define LOOK_US       2000
#define NAME_SHOWN    64

/* -- Finding ------------------------------------------------------------------------------------------------------------- */

static const char *in_folder(const char *name, const char *suffix, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s%s", rdb_opts.appenddirname, name, suffix);
    return out;
}

static const char *manifest_path(void)
{
    static char path[PATH_MAX];
    return in_folder(rdb_opts.appendfilename, ".manifest", path);
}

static const char *part_path(const char *name, char out[PATH_MAX])
{
    in_folder(name, "", out);
    if (strcmp(name, rdb_opts.appendfilename) == 0 && access(out, F_OK) != 0)
        snprintf(out, PATH_MAX, "%s", name);
    return out;
}

const char *aof_files_path(void)
{
    if (access(manifest_path(), F_OK) == 0)
        return manifest_path();
    return access(rdb_opts.appendfilename, F_OK) == 0 ? rdb_opts.appendfilename : NULL;
}

static enum status read_manifest(struct aof_manifest *m, struct error *err)
{
    struct stat sb;
    struct slice text = SLICE_NULL;
    enum status st = ST_OK;
    if (stat(manifest_path(), &sb) != 0) {
        aof_manifest_single(m, rdb_opts.appendfilename);
        return ST_OK;
    }
    if (sb.st_size > 0)
        st = rdb_map(manifest_path(), &text, err);
    if (st != ST_OK)
        return st;
    st = aof_manifest_parse(text, m, err);
    rdb_unmap(text);
    return st == ST_OK ? ST_OK : error_prefix(err, "%s", manifest_path());
}

static enum status look_at(struct aof_files *files, const char *name, struct error *err)
{
    char path[PATH_MAX];
    struct stat sb;
    if (stat(part_path(name, path), &sb) != 0)
        return error_set_errno(err, errno, "the append only file %s cannot be read", name);
    int64_t numbers[] = {sb.st_size, sb.st_mtim.tv_sec, sb.st_mtim.tv_nsec};
    files->bytes += (uint64_t)sb.st_size;
    files->print = hash_crc64(files->print, name, strlen(name) + 1);
    files->print = hash_crc64(files->print, numbers, sizeof numbers);
    return ST_OK;
}

enum status aof_files_open(struct aof_files *files, struct error *err)
{
    *files = (struct aof_files){.bytes = 0};
    enum status st = read_manifest(&files->manifest, err);
    for (size_t i = 0; i < files->manifest.n && st == ST_OK; i++)
        st = look_at(files, files->manifest.names[i], err);
    if (st != ST_OK)
        aof_files_free(files);
    return st;
}

void aof_files_free(struct aof_files *files)
{
    aof_manifest_free(&files->manifest);
}

/* -- Loading ------------------------------------------------------------------------------------------------------------- */

struct load {
    struct kv *kv;
    struct session *s; /* of one file: each begins with database 0 */
    const char *name;
    bool last;
    uint64_t before, total; /* bytes of the files before this one; of all */
    uint64_t commands, refused;
    int64_t looked_us;
};

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct load *l = arg;
    server_progress(NULL, l->before + done, l->total);
}

static enum status look_around(struct load *l, uint64_t at, struct error *err)
{
    int64_t now = clock_mono_us();
    if (kv_pressure(l->kv))
        return kv_fold_now(l->kv, err);
    if (l->commands % LOOK_COMMANDS || now - l->looked_us < LOOK_US)
        return ST_OK;
    l->looked_us = now;
    enum status st = kv_commit(l->kv, err);
    (void)kv_background(l->kv, LOOK_US);
    on_progress(l, at, 0);
    return st;
}

/* The file may hold the names of rename-command, or those before. */
static bool resolve(struct aof_file *f)
{
    if (command_resolve_original(f->argv, (int)f->argc))
        return true;
    struct command *cmd = command_find(f->argv[0]);
    if (cmd)
        f->argv[0] = slice_str(cmd->name);
    return cmd != NULL;
}

static enum status run_command(struct load *l, struct aof_file *f, struct error *err)
{
    struct slice name =
        slice_make(f->argv[0].p, f->argv[0].n < NAME_SHOWN ? f->argv[0].n : NAME_SHOWN);
    uint64_t errors = sess_stats.unexpected_errors;
    if (!resolve(f))
        return error_set(err, ST_CORRUPT, "Unknown command '%.*s' reading the append only file %s",
                         SLICE_FMT(name), l->name);
    kv_obey(l->kv, true);
    (void)dispatch(l->s, (int)f->argc, f->argv, SLICE_NULL);
    kv_obey(l->kv, false);
    l->commands++;
    if (sess_stats.unexpected_errors == errors)
        return ST_OK;
    /* What follows is meant for that database. */
    if (slice_is(f->argv[0], "select"))
        return error_set(err, ST_RANGE,
                         "the append only file %s has keys in more than %d databases: see the "
                         "option databases",
                         l->name, kv_databases(l->kv));
    if (++l->refused <= REFUSED_SHOWN)
        log_warning(LOG_SERVER, "The command '%.*s' of %s is refused and left out", SLICE_FMT(name),
                    l->name);
    return ST_OK;
}

static enum status cut(const struct load *l, const struct aof_file *f, struct error *err)
{
    if (l->last && rdb_opts.aof_load_truncated) {
        log_warning(LOG_SERVER,
                    "!!! The append only file %s is incomplete from byte %zu of %zu on: loaded up "
                    "to there, because aof-load-truncated is set !!!",
                    l->name, f->at, f->bytes.n);
        return ST_OK;
    }
    return error_set(err, ST_CORRUPT,
                     "Unexpected end of file reading the append only file %s, at byte %zu: %s",
                     l->name, f->at,
                     l->last ? "make a copy, then use redis-check-aof --fix, or set "
                               "aof-load-truncated"
                             : "it is not the last file, so more than its end may be missing");
}

static enum status load_commands(struct load *l, struct slice bytes, size_t at, struct error *err)
{
    struct aof_file f;
    enum aof_got got = AOF_COMMAND;
    enum status st = ST_OK;
    l->s = session_new_internal(l->kv);
    l->s->flags |= SESS_LOADING_LOG;
    aof_file_begin(&f, bytes, at);
    while (st == ST_OK && (got = aof_file_next(&f)) == AOF_COMMAND) {
        st = run_command(l, &f, err);
        if (st == ST_OK)
            st = look_around(l, f.at, err);
    }
    if (got == AOF_CUT)
        st = cut(l, &f, err);
    if (got == AOF_BAD)
        st = error_set(err, ST_CORRUPT,
                       "Bad file format reading the append only file %s, at byte %zu: make a copy, "
                       "then use redis-check-aof --fix",
                       l->name, f.at);
    aof_file_end(&f);
    session_free(l->s);
    return st;
}

static enum status load_part(struct load *l, struct error *err)
{
    char path[PATH_MAX];
    struct stat sb;
    struct slice bytes;
    struct rdb_load dump = {
        .path = part_path(l->name, path), .keep_expired = true, .progress = on_progress, .arg = l};
    if (stat(path, &sb) == 0 && sb.st_size == 0)
        return ST_OK;
    enum status st = rdb_map(path, &bytes, err);
    if (st != ST_OK)
        return st;
    if (slice_starts(bytes, SLICE("REDIS")))
        st = rdb_load(l->kv, &dump, err);
    if (st == ST_OK)
        st = load_commands(l, bytes, (size_t)dump.end, err);
    l->before += bytes.n;
    rdb_unmap(bytes);
    return st;
}

enum status aof_files_load(struct kv *kv, const struct aof_files *files, struct error *err)
{
    struct load l = {.kv = kv, .total = files->bytes};
    enum status st = ST_OK;
    kv_log_anew(kv);
    kv_effects_off(kv);
    kv_follow(kv, true); /* only the files say what expires */
    for (size_t i = 0; i < files->manifest.n && st == ST_OK; i++) {
        l.name = files->manifest.names[i];
        l.last = i + 1 == files->manifest.n;
        st = load_part(&l, err);
    }
    kv_follow(kv, false);
    if (st == ST_OK)
        st = kv_fold_now(kv, err);
    kv_effects_on(kv);
    if (l.refused > 0)
        log_warning(LOG_SERVER, "%" PRIu64 " commands of the append only files were refused",
                    l.refused);
    return st;
}
