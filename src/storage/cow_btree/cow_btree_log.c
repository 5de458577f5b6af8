/* The log file orbit.wal: append, sync, rotate, replay. Frames are described in cow_btree_frame.c. */
#include "base/log.h"
#include "base/mem.h"
#include "storage/cow_btree/cow_btree_frame.h"
#include "storage/cow_btree/cow_btree_priv.h"
#include "storage/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* -- Appending ---------------------------------------------------------------------------------------------------------- */

static enum status append(struct cow_log *log, struct iovec *v, size_t n, size_t bytes,
                          struct error *err)
{
    uint64_t at = log->size;
    size_t left = bytes;

    while (left > 0) {
        ssize_t done = pwritev(log->fd, v, (int)n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return error_set_errno(err, errno, "cow_btree: cannot write " COW_LOG);
        at += (uint64_t)done;
        left -= (size_t)done;
        for (size_t skip = (size_t)done; n > 0 && skip > 0;) {
            size_t part = skip < v->iov_len ? skip : v->iov_len;
            v->iov_base = (char *)v->iov_base + part;
            v->iov_len -= part;
            skip -= part;
            if (v->iov_len == 0) {
                v++;
                n--;
            }
        }
    }
    return ST_OK;
}

/* Takes a frame back that was written in part or could not be synced. */
static void cut_back(struct cow_log *log)
{
    if (ftruncate(log->fd, (off_t)log->size) != 0)
        log->broken = true;
}

void cow__log_cut(struct cow *c)
{
    cut_back(&c->log);
}

enum status cow__log_append(struct cow *c, uint64_t seq, struct slice payload, bool sync,
                            struct error *err)
{
    char header[COW_FRAME_HEADER];
    struct iovec v[2] = {{header, sizeof header}, {(void *)(uintptr_t)payload.p, payload.n}};
    struct cow_log *log = &c->log;

    if (payload.n > UINT32_MAX)
        return error_set(err, ST_TOO_LONG, "cow_btree: a batch of %zu bytes, limit %u", payload.n,
                         UINT32_MAX);
    if (log->broken)
        return error_set(err, ST_IO,
                         "cow_btree: " COW_LOG " has failed, a new one is not begun yet");
    cow_frame_header(header, seq, payload);
    enum status st = append(log, v, payload.n ? 2 : 1, sizeof header + payload.n, err);
    if (st == ST_OK && sync && fdatasync(log->fd) != 0) {
        st = error_set_errno(err, errno, "cow_btree: cannot sync " COW_LOG);
        /* The system may have dropped what it could not write: this file is not to be trusted any more. */
        log->broken = true;
    }
    if (st != ST_OK) {
        cut_back(log);
        return st;
    }
    log->size += sizeof header + payload.n;
    log->unsynced = !sync;
    return ST_OK;
}

enum status cow__log_sync(struct cow *c, struct error *err)
{
    if (c->read_only || !c->log.unsynced)
        return ST_OK;
    if (c->log.broken || fdatasync(c->log.fd) != 0) {
        c->log.broken = true;
        return error_set_errno(err, errno, "cow_btree: cannot sync " COW_LOG);
    }
    c->log.unsynced = false;
    return ST_OK;
}

/* -- Files -------------------------------------------------------------------------------------------------------------- */

static enum status open_file(struct cow *c, struct error *err)
{
    struct stat sb;
    int fd = open(c->log_path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);

    if (fd < 0 || fstat(fd, &sb) != 0) {
        enum status st = error_set_errno(err, errno, "cow_btree: cannot open %s", c->log_path);
        if (fd >= 0)
            close(fd);
        return st;
    }
    c->log = (struct cow_log){.fd = fd, .size = (uint64_t)sb.st_size};
    return stor_dir_sync(c->path, err);
}

enum status cow__log_rotate(struct cow *c, struct error *err)
{
    int fd = c->log.fd;

    if (access(c->log_old_path, F_OK) == 0)
        return ST_OK;
    /* A frame of the new file must not outlive one of the old. A broken file is left behind: its frames are in the maps,
     * and the fold under way makes them durable. */
    if (!c->log.broken) {
        enum status st = cow__log_sync(c, err);
        if (st != ST_OK)
            return st;
    }
    if (rename(c->log_path, c->log_old_path) != 0)
        return error_set_errno(err, errno, "cow_btree: cannot rename %s", c->log_path);
    enum status st = open_file(c, err);
    if (st != ST_OK) {
        if (c->log.fd != fd) {
            /* The new file is there, but its name may be lost: nothing is acknowledged from it. */
            c->log.broken = true;
            close(fd);
        } else if (rename(c->log_old_path, c->log_path) != 0) {
            c->log.broken = true;
        }
        return st;
    }
    close(fd);
    return ST_OK;
}

void cow__log_close(struct cow *c)
{
    if (c->log.fd < 0)
        return;
    enum status st = cow__log_sync(c, NULL);
    if (st != ST_OK)
        log_warning(LOG_STORAGE, "cow_btree: %s: could not be synced at close", c->log_path);
    close(c->log.fd);
    c->log.fd = -1;
}

/* -- Replay ------------------------------------------------------------------------------------------------------------- */

struct replay {
    const char *name;
    uint64_t applied, last;
    size_t good; /* bytes of whole frames */
};

static enum status apply_frame(struct cow *c, const struct cow_frame *f, struct replay *r,
                               struct error *err)
{
    uint64_t have = mvcc_seq(c->m);

    if (f->seq <= have)
        return ST_OK;
    if (f->seq != have + 1)
        return error_set(err, ST_CORRUPT,
                         "cow_btree: %s/%s: batches %llu to %llu are missing at byte %zu", c->path,
                         r->name, (unsigned long long)have + 1, (unsigned long long)f->seq - 1,
                         r->good);
    if (!cow_frame_payload_ok(f->payload, c->highest))
        return error_set(err, ST_CORRUPT, "cow_btree: %s/%s: unknown operation at byte %zu",
                         c->path, r->name, r->good);
    r->applied++;
    return mvcc_apply(c->m, f->payload, err);
}

/* Goes through the frames of a file; apply: into the maps. What follows the last whole frame is a torn end, unless a whole
 * frame stands behind it. */
static enum status read_frames(struct cow *c, struct slice in, bool apply, struct replay *r,
                               struct error *err)
{
    struct cow_frame f;
    size_t size;
    enum status st;

    while ((st = cow_frame_decode(slice_make(in.p + r->good, in.n - r->good), &f, &size)) ==
           ST_OK) {
        if (apply && (st = apply_frame(c, &f, r, err)) != ST_OK)
            return st;
        r->last = f.seq;
        r->good += size;
    }
    if (st == ST_END)
        return ST_OK;
    if (cow_frame_any(slice_make(in.p + r->good, in.n - r->good)))
        return error_set(err, ST_CORRUPT,
                         "cow_btree: %s/%s: damaged batch at byte %zu, with good ones behind it",
                         c->path, r->name, r->good);
    return ST_OK;
}

static enum status replay_file(struct cow *c, const char *path, const char *name, struct error *err)
{
    struct buf bytes = BUF_INIT;
    struct replay r = {.name = name};
    enum status st = stor_file_read(path, &bytes, err);

    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st == ST_OK)
        st = read_frames(c, buf_slice(&bytes), true, &r, err);
    if (st == ST_OK && r.good < bytes.n && !c->read_only) {
        log_warning(LOG_STORAGE, "cow_btree: %s: a torn end of %zu bytes is cut off", path,
                    bytes.n - r.good);
        if (truncate(path, (off_t)r.good) != 0)
            st = error_set_errno(err, errno, "cow_btree: cannot cut %s", path);
    }
    if (st == ST_OK && r.applied)
        log_notice(LOG_STORAGE, "cow_btree: %llu batches replayed from %s",
                   (unsigned long long)r.applied, path);
    buf_free(&bytes);
    return st;
}

enum status cow__log_open(struct cow *c, struct error *err)
{
    enum status st = replay_file(c, c->log_old_path, COW_LOG_OLD, err);

    if (st == ST_OK)
        st = replay_file(c, c->log_path, COW_LOG, err);
    if (st == ST_OK && !c->read_only)
        st = open_file(c, err);
    return st;
}

enum status cow__log_verify(struct cow *c, struct error *err)
{
    struct buf bytes = BUF_INIT;
    struct replay r = {.name = COW_LOG};

    pthread_mutex_lock(&c->write_lock);
    enum status st = stor_file_read(c->log_path, &bytes, err);
    pthread_mutex_unlock(&c->write_lock);
    if (st == ST_OK)
        st = read_frames(c, buf_slice(&bytes), false, &r, err);
    if (st == ST_OK && r.good < bytes.n)
        st =
            error_set(err, ST_CORRUPT, "cow_btree: " COW_LOG ": damaged batch at byte %zu", r.good);
    buf_free(&bytes);
    return st == ST_NOT_FOUND ? ST_OK : st;
}
