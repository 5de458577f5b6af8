/* Making a backup, on a worker of the server:
 *
 *   checkpoint of the store --renamed, or copied to another file system--> NAME.part/data/redis/PROVIDER
 *   log, start to end       --frame by frame-->                            NAME.part/data/wal
 *   every file read once for its checksum, MANIFEST, all synced; NAME.part -> NAME */
#include "backup/backup_priv.h"
#include "base/log.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENT_BYTES (64u << 20)

struct making {
    const struct backup_job *job;
    struct backup_watch *watch;
    char part[BACKUP_PATH], store[BACKUP_PATH];
};

static bool is_part(const char *name)
{
    size_t n = strlen(name), tail = strlen(BACKUP_PART);
    return n > tail && strcmp(name + n - tail, BACKUP_PART) == 0;
}

static enum status remove_unfinished(const char *dir, struct error *err)
{
    char path[BACKUP_PATH];
    const struct dirent *e;
    DIR *d = opendir(dir);
    if (!d)
        return error_set_errno(err, errno, "cannot read the folder %s", dir);
    enum status st = ST_OK;
    while (st == ST_OK && (e = readdir(d)) != NULL) {
        if (!is_part(e->d_name))
            continue;
        backup__path(path, "%s/%s", dir, e->d_name);
        st = backup_remove_tree(path, err);
    }
    (void)closedir(d);
    return st;
}

enum status backup_dir_open(const char *dir, int *fd, struct error *err)
{
    char path[BACKUP_PATH];
    *fd = -1;
    if (mkdir(dir, 0750) != 0 && errno != EEXIST)
        return error_set_errno(err, errno, "cannot make the folder %s", dir);
    backup__path(path, "%s/LOCK", dir);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock < 0)
        return error_set_errno(err, errno, "cannot make %s", path);
    enum status st = ST_OK;
    if (flock(lock, LOCK_EX | LOCK_NB) != 0)
        st = error_set(err, ST_LOCKED, "another server is making a backup in %s", dir);
    if (st == ST_OK)
        st = remove_unfinished(dir, err);
    if (st == ST_OK)
        *fd = lock;
    else
        (void)close(lock);
    return st;
}

void backup_dir_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

/* -- The store ------------------------------------------------------------------------------------------------------------- */

static enum status copy_one(void *arg, const char *rel, uint64_t bytes, struct error *err)
{
    struct making *k = arg;
    char from[BACKUP_PATH], to[BACKUP_PATH], sum[BACKUP_SUM + 1];
    uint64_t copied;
    backup__path(from, "%s/%s", k->job->checkpoint, rel);
    backup__path(to, "%s/%s", k->store, rel);
    enum status st = backup__make_parents(k->part, to, err);
    return st == ST_OK ? backup__pass(from, to, false, k->watch, sum, &copied, err) : st;
}

static enum status put_store(struct making *k, struct error *err)
{
    enum status st = backup__make_parents(k->part, k->store, err);
    if (st != ST_OK || rename(k->job->checkpoint, k->store) == 0)
        return st;
    if (errno != EXDEV)
        return error_set_errno(err, errno, "cannot move the checkpoint to %s", k->store);
    if (mkdir(k->store, 0750) != 0)
        return error_set_errno(err, errno, "cannot make the folder %s", k->store);
    if (k->watch)
        k->watch->total *= 2; /* read to be copied, then to be summed */
    return backup__walk(k->job->checkpoint, "", copy_one, k, err);
}

static enum status put_format(struct making *k, struct error *err)
{
    char from[BACKUP_PATH], to[BACKUP_PATH], sum[BACKUP_SUM + 1];
    uint64_t bytes;
    backup__path(from, "%s/format", k->job->root);
    backup__path(to, "%s/data/format", k->part);
    return backup__pass(from, to, false, NULL, sum, &bytes, err);
}

/* -- The log --------------------------------------------------------------------------------------------------------------- */

static bool on_frame(void *arg, const struct wal_frame *f)
{
    struct backup_watch *w = arg;
    w->done += f->payload.n;
    return !w->step || w->step(w->arg, w->done, w->total);
}

static enum status put_log(struct making *k, struct error *err)
{
    char from[BACKUP_PATH], to[BACKUP_PATH], name[BACKUP_PATH];
    const struct backup_manifest *m = k->job->m;
    struct wal_config cfg = {.dir = to, .segment_bytes = SEGMENT_BYTES, .min_seq = m->start_seq};
    struct wal_limit limit = {m->end_seq, INT64_MAX};
    struct wal *w;
    bool more;
    backup__path(from, "%s/wal", k->job->root);
    backup__path(to, "%s/data/wal", k->part);
    enum status st = wal_open(&cfg, &w, err);
    if (st != ST_OK)
        return st;
    st = wal_pump(w, from, &limit, k->watch ? on_frame : NULL, k->watch, &more, err);
    uint64_t end = wal_last_seq(w);
    wal_close(w);
    if (st == ST_NOT_FOUND)
        return error_set(err, ST_NOT_FOUND,
                         "the log does not reach back to the last backup any more: make a full "
                         "one, and raise log-retention");
    if (st == ST_OK && end != m->end_seq)
        st = error_set(err, ST_CORRUPT, "the log ends before its end");
    for (const char *const *own = (const char *const[]){"LOCK", "ID", NULL}; *own; own++) {
        backup__path(name, "%s/%s", to, *own);
        (void)unlink(name);
    }
    return st;
}

/* -- All of it ------------------------------------------------------------------------------------------------------------- */

static enum status sum_one(void *arg, const char *rel, uint64_t bytes, struct error *err)
{
    struct making *k = arg;
    char path[BACKUP_PATH], sum[BACKUP_SUM + 1];
    backup__path(path, "%s/%s", k->part, rel);
    enum status st = backup__pass(path, NULL, true, k->watch, sum, &bytes, err);
    if (st == ST_OK)
        backup_manifest_add(k->job->m, rel, bytes, sum);
    return st;
}

static enum status put_manifest(struct making *k, struct error *err)
{
    char path[BACKUP_PATH];
    struct buf text = BUF_INIT;
    backup_manifest_encode(k->job->m, &text);
    backup__path(path, "%s/" BACKUP_MANIFEST, k->part);
    enum status st = ST_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n || fsync(fd) != 0)
        st = error_set_errno(err, errno ? errno : ENOSPC, "cannot write %s", path);
    if (fd >= 0)
        (void)close(fd);
    buf_free(&text);
    return st;
}

static enum status count_one(void *arg, const char *rel, uint64_t bytes, struct error *err)
{
    struct backup_watch *w = arg;
    w->total += bytes;
    return ST_OK;
}

static enum status fill(struct making *k, struct error *err)
{
    char data[BACKUP_PATH];
    const struct backup_job *job = k->job;
    enum status st = ST_OK;
    if (k->watch) {
        k->watch->total = 2 * (job->m->end_seq - job->m->start_seq);
        if (job->checkpoint)
            st = backup__walk(job->checkpoint, "", count_one, k->watch, err);
    }
    backup__path(data, "%s/data", k->part);
    if (st == ST_OK && (mkdir(k->part, 0750) != 0 || mkdir(data, 0750) != 0))
        st = error_set_errno(err, errno, "cannot make the folder %s", data);
    if (st == ST_OK && job->checkpoint)
        st = put_store(k, err);
    if (st == ST_OK && job->checkpoint)
        st = put_format(k, err);
    if (st == ST_OK && *job->m->log_id)
        st = put_log(k, err);
    if (st == ST_OK)
        st = backup__walk(k->part, "data", sum_one, k, err);
    if (st == ST_OK)
        st = put_manifest(k, err);
    return st == ST_OK ? backup__sync_tree(k->part, err) : st;
}

static void clean_up(const struct making *k)
{
    struct error why;
    if (backup_remove_tree(k->part, &why) != ST_OK)
        log_warning(LOG_SERVER, "Of the backup that failed something is left: %s", why.message);
}

enum status backup_make(const struct backup_job *job, struct backup_watch *watch, struct error *err)
{
    struct making *k = mem_calloc(1, sizeof *k);
    struct error why;
    char final[BACKUP_PATH];
    k->job = job;
    k->watch = watch;
    backup__path(final, "%s/%s", job->dir, job->m->name);
    backup__path(k->part, "%s" BACKUP_PART, final);
    backup__path(k->store, "%s/data/redis/%s", k->part, job->m->provider);
    enum status st = access(final, F_OK) != 0
                         ? fill(k, err)
                         : error_set(err, ST_EXISTS, "there is a backup %s already", final);
    if (st == ST_OK && rename(k->part, final) != 0)
        st = error_set_errno(err, errno, "cannot rename %s", k->part);
    if (st == ST_OK)
        st = backup__sync_dir(job->dir, err);
    else
        clean_up(k);
    if (job->checkpoint && backup_remove_tree(job->checkpoint, &why) != ST_OK)
        log_warning(LOG_SERVER, "A checkpoint is left behind: %s", why.message);
    mem_free(k);
    return st;
}
