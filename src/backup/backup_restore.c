/* A backup and the log behind it become a data directory:
 *
 *   full backup: files, checked while copied --> DIR.restoring/{format,redis/...}
 *   its log, the incrementals' logs, the log that the data directory has --frame by frame, up to the target--> DIR.restoring/wal
 *   DIR -> DIR.before-restore-TIME, DIR.restoring -> DIR
 *
 * The server replays the log when it starts. The last frame says that this data set is at no known place of a replication stream: a
 * replica that is ahead of it must not be told that it is in step. */
#include "backup/backup_priv.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEGMENT_BYTES (64u << 20)

static const char nowhere[] =
    "*5\r\n$8\r\nREPLCONF\r\n$7\r\nAPPLIED\r\n$1\r\n?\r\n$1\r\n0\r\n$1\r\n0\r\n";

struct restoring {
    struct backup_restore *r;
    struct backup_watch *watch;
    struct backup__chain chain;
    char fresh[BACKUP_PATH];
    struct wal *log; /* the new one; NULL: the backup has none */
    bool reached;    /* the target: what follows is left out */
    int lock;        /* of the data directory that is there, or -1 */
};

/* -- Before anything is written -------------------------------------------------------------------------------------------- */

static enum status where(struct restoring *k, struct error *err)
{
    struct backup_restore *r = k->r;
    const char *dir = r->data_dir ? r->data_dir : k->chain.m[0].data_dir;
    char real[PATH_MAX];
    int n = snprintf(r->made, sizeof r->made - 64, "%s", realpath(dir, real) ? real : dir);
    if (n <= 0 || (size_t)n >= sizeof r->made - 64)
        return error_set(err, ST_TOO_LONG, "the name of the data directory is too long");
    while (n > 1 && r->made[n - 1] == '/')
        r->made[--n] = 0;
    backup__path(k->fresh, "%s.restoring", r->made);
    return ST_OK;
}

static enum status lock_old(struct restoring *k, struct error *err)
{
    char path[BACKUP_PATH];
    if (access(k->r->made, F_OK) != 0)
        return errno == ENOENT ? ST_OK
                               : error_set_errno(err, errno, "cannot look at %s", k->r->made);
    backup__path(path, "%s/LOCK", k->r->made);
    k->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (k->lock < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    if (flock(k->lock, LOCK_EX | LOCK_NB) != 0)
        return error_set(err, ST_LOCKED, "a server is using %s: stop it first", k->r->made);
    return ST_OK;
}

static enum status check_target(const struct restoring *k, struct error *err)
{
    const struct backup_restore *r = k->r;
    const struct backup_manifest *full = &k->chain.m[0];
    if ((r->to_seq || r->to_time || r->to_latest) && !*full->log_id)
        return error_set(err, ST_RANGE,
                         "the backup was made without a log (appendonly no): it can only be "
                         "restored as it is");
    if (r->to_seq && r->limit.end_seq < full->end_seq)
        return error_set(err, ST_RANGE,
                         "%s was made at sequence %" PRIu64
                         ", behind the target: take an earlier full backup",
                         full->name, full->end_seq);
    if (r->to_time && r->limit.before_ms <= full->end_ms)
        return error_set(err, ST_RANGE,
                         "%s was made %.3f s after the target: take an earlier full backup",
                         full->name, (double)(full->end_ms - r->limit.before_ms) / 1000);
    return ST_OK;
}

/* -- The new directory ----------------------------------------------------------------------------------------------------- */

static bool is_log(const struct backup_file *f)
{
    return strncmp(f->path, "data/wal/", 9) == 0;
}

static enum status copy_files(struct restoring *k, struct error *err)
{
    char to[BACKUP_PATH];
    const struct backup_manifest *full = &k->chain.m[0];
    enum status st = ST_OK;
    if (mkdir(k->fresh, 0750) != 0)
        return error_set_errno(err, errno, "cannot make the folder %s", k->fresh);
    for (size_t i = 0; st == ST_OK && i < full->nfiles; i++) {
        const struct backup_file *f = &full->files[i];
        if (is_log(f))
            continue;
        backup__path(to, "%s/%s", k->fresh, f->path + 5);
        st = backup__make_parents(k->fresh, to, err);
        if (st == ST_OK)
            st = backup__check_file(k->chain.paths[0], f, to, k->watch, err);
    }
    return st;
}

static bool on_frame(void *arg, const struct wal_frame *f)
{
    struct restoring *k = arg;
    k->r->last_ms = f->time_ms;
    return true;
}

static enum status pump(struct restoring *k, const char *from, const struct wal_limit *limit,
                        struct error *err)
{
    enum status st = wal_pump(k->log, from, limit, on_frame, k, &k->reached, err);
    if (k->r->to_seq && wal_last_seq(k->log) >= k->r->limit.end_seq)
        k->reached = true;
    return st;
}

/* The log of one backup of the chain. Without a target all of it; the full one's in any case. */
static enum status take_backup_log(struct restoring *k, size_t i, struct error *err)
{
    char dir[BACKUP_PATH];
    const struct backup_manifest *m = &k->chain.m[i];
    enum status st = ST_OK;
    for (size_t f = 0; st == ST_OK && f < m->nfiles; f++)
        if (is_log(&m->files[f]))
            st = backup__check_file(k->chain.paths[i], &m->files[f], NULL, k->watch, err);
    if (st != ST_OK)
        return st;
    struct wal_limit limit = {m->end_seq, INT64_MAX};
    if (i > 0 && k->r->to_seq && k->r->limit.end_seq < limit.end_seq)
        limit.end_seq = k->r->limit.end_seq;
    if (i > 0 && k->r->to_time)
        limit.before_ms = k->r->limit.before_ms;
    backup__path(dir, "%s/data/wal", k->chain.paths[i]);
    st = pump(k, dir, &limit, err);
    if (st == ST_OK && !k->reached && wal_last_seq(k->log) != limit.end_seq)
        st = error_set(err, ST_CORRUPT, "the backup is damaged: the log of %s ends early", m->name);
    return st;
}

/* What came behind the backups, from the log itself. */
static enum status take_live_log(struct restoring *k, struct error *err)
{
    char dir[BACKUP_PATH], id[WAL_ID + 1] = "";
    struct wal_limit all = WAL_NO_LIMIT;
    const struct backup_restore *r = k->r;
    struct error why = {.message = ""};
    backup__path(dir, "%s%s", r->log_dir ? r->log_dir : r->made, r->log_dir ? "" : "/wal");
    enum status st = wal_read_id(dir, id, &why);
    bool same = st == ST_OK && strcmp(id, k->chain.m[0].log_id) == 0;
    if (!same && !r->log_dir)
        return ST_OK; /* whether it is needed, check_reached says */
    if (st != ST_OK)
        return error_set(err, st, "%s", why.message);
    if (!same)
        return error_set(err, ST_INVALID, "the log in %s is not the one of this backup", dir);
    k->r->log_used = true;
    return pump(k, dir, r->to_latest ? &all : &r->limit, err);
}

static enum status check_reached(const struct restoring *k, struct error *err)
{
    const struct backup_restore *r = k->r;
    uint64_t end = wal_last_seq(k->log);
    if (r->to_seq && !k->reached && end < r->limit.end_seq)
        return error_set(err, ST_RANGE,
                         "backup and log end at sequence %" PRIu64
                         ", before the target; name the log with --log",
                         end);
    if ((r->to_time || r->to_latest) && !k->reached && !r->log_used)
        return error_set(err, ST_RANGE,
                         "the backup ends before the target, and the log that goes with it is not "
                         "there; name it with --log");
    return ST_OK;
}

static enum status take_logs(struct restoring *k, struct error *err)
{
    char dir[BACKUP_PATH];
    uint64_t end;
    const struct backup_restore *r = k->r;
    backup__path(dir, "%s/wal", k->fresh);
    struct wal_config cfg = {
        .dir = dir, .segment_bytes = SEGMENT_BYTES, .min_seq = k->chain.m[0].start_seq};
    enum status st = wal_open(&cfg, &k->log, err);
    for (size_t i = 0; st == ST_OK && !k->reached && i < k->chain.n; i++)
        st = take_backup_log(k, i, err);
    bool target = r->to_seq || r->to_time || r->to_latest;
    if (st == ST_OK && target && !k->reached)
        st = take_live_log(k, err);
    if (st == ST_OK)
        st = check_reached(k, err);
    if (st != ST_OK)
        return st;
    k->r->end_seq = wal_last_seq(k->log);
    int64_t now = k->r->last_ms ? k->r->last_ms : clock_wall_ms();
    st = wal_append(k->log, slice_make(nowhere, sizeof nowhere - 1), now, &end, err);
    return st == ST_OK ? wal_sync(k->log, err) : st;
}

/* -- Changing places ------------------------------------------------------------------------------------------------------- */

static enum status change_places(struct restoring *k, struct error *err)
{
    struct backup_restore *r = k->r;
    char parent[BACKUP_PATH], aside[BACKUP_PATH], stamp[32];
    struct tm tm;
    time_t now = (time_t)(clock_wall_ms() / 1000);
    (void)gmtime_r(&now, &tm);
    (void)strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
    if (k->lock >= 0) {
        backup__path(aside, "%s.before-restore-%s", r->made, stamp);
        memcpy(r->aside, aside, sizeof r->aside);
        if (access(r->aside, F_OK) == 0)
            return error_set(err, ST_EXISTS, "%s is in the way", r->aside);
        if (rename(r->made, r->aside) != 0)
            return error_set_errno(err, errno, "cannot rename %s", r->made);
    }
    if (rename(k->fresh, r->made) != 0) {
        int failed = errno;
        if (k->lock >= 0 && rename(r->aside, r->made) != 0)
            return error_set_errno(err, failed,
                                   "%s is complete, but is not in its place; what was there is %s",
                                   k->fresh, r->aside);
        r->aside[0] = 0;
        return error_set_errno(err, failed, "cannot rename %s", k->fresh);
    }
    backup__path(parent, "%s/..", r->made);
    return backup__sync_dir(parent, err);
}

static enum status restore(struct restoring *k, struct error *err)
{
    enum status st = where(k, err);
    if (st == ST_OK)
        st = check_target(k, err);
    if (st == ST_OK)
        st = lock_old(k, err);
    if (st == ST_OK)
        st = backup_remove_tree(k->fresh, err);
    for (size_t i = 0; k->watch && i < k->chain.n; i++)
        k->watch->total += backup_manifest_bytes(&k->chain.m[i]);
    if (st != ST_OK)
        return st;
    struct error ignored;
    st = copy_files(k, err);
    if (st == ST_OK && *k->chain.m[0].log_id)
        st = take_logs(k, err);
    wal_close(k->log);
    if (st == ST_OK)
        st = backup__sync_tree(k->fresh, err);
    if (st == ST_OK)
        return change_places(k, err);
    (void)backup_remove_tree(k->fresh, &ignored);
    return st;
}

enum status backup_restore(struct backup_restore *r, struct backup_watch *watch, struct error *err)
{
    struct restoring *k = mem_calloc(1, sizeof *k);
    k->r = r;
    k->watch = watch;
    k->lock = -1;
    r->made[0] = r->aside[0] = 0;
    r->last_ms = 0;
    r->log_used = false;
    if (!r->to_seq)
        r->limit.end_seq = UINT64_MAX;
    if (!r->to_time)
        r->limit.before_ms = INT64_MAX;
    enum status st = backup__chain_read(r->path, &k->chain, err);
    if (st == ST_OK) {
        r->end_seq = k->chain.m[k->chain.n - 1].end_seq;
        st = restore(k, err);
    }
    backup__chain_free(&k->chain);
    if (k->lock >= 0)
        (void)close(k->lock);
    mem_free(k);
    return st;
}
