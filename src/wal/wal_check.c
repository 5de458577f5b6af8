/* check-wal: goes through every frame, and cuts the log at the first bad one when asked to. */
#include "base/mem.h"
#include "wal/wal.h"
#include "wal/wal_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { COPY_BYTES = 64 * 1024 };

struct check {
    const char *dir;
    int dirfd;
    bool fix;
    struct buf *out;
    struct wal__list list;
    uint64_t frames, bytes;
    bool bad;         /* damage at: */
    bool torn;        /* only what opening the log would cut off anyway */
    size_t bad_index; /* segment in list */
    uint64_t bad_off; /* 0: the whole segment */
};

static void mark_bad(struct check *c, size_t index, uint64_t off, bool torn, const char *why)
{
    c->bad = true;
    c->torn = torn;
    c->bad_index = index;
    c->bad_off = off;
    buf_printf(c->out, "%s%s\n", why,
               torn ? " (an unfinished write at the end: the server cuts it off itself)" : "");
}

static enum status check_segment(struct check *c, size_t i, uint64_t *end_seq, struct error *err)
{
    struct wal__file f;
    struct error why;
    bool last = i + 1 == c->list.n;
    enum status st = wal__file_open(&f, c->dirfd, c->list.seq[i], &why);
    if (st == ST_END) {
        (void)snprintf(why.message, sizeof why.message,
                       "log: empty segment %020" PRIu64 ".wal at offset 0", c->list.seq[i]);
        mark_bad(c, i, 0, last, why.message);
        return ST_OK;
    }
    if (st == ST_CORRUPT) {
        mark_bad(c, i, 0, false, why.message);
        return ST_OK;
    }
    if (st != ST_OK) {
        *err = why;
        return st;
    }
    struct wal_frame frame;
    uint64_t frames = 0;
    int64_t first_ms = 0, last_ms = 0;
    while ((st = wal__file_next(&f, &frame, &why)) == ST_OK) {
        first_ms = frames++ ? first_ms : frame.time_ms;
        last_ms = frame.time_ms;
    }
    c->frames += frames;
    c->bytes += f.seq - f.first_seq;
    buf_printf(c->out,
               "segment %020" PRIu64 ".wal: %" PRIu64 " frames, sequence %" PRIu64 " to %" PRIu64,
               f.first_seq, frames, f.first_seq, f.seq);
    if (frames)
        buf_printf(c->out, ", written from %" PRId64 " to %" PRId64, first_ms, last_ms);
    buf_put_str(c->out, "\n");
    *end_seq = f.seq;
    if (st == ST_NOT_FOUND || st == ST_CORRUPT) {
        uint64_t valid_at = 0, valid_seq;
        enum status found = wal__file_find_valid(&f, &valid_at, &valid_seq, err);
        if (found == ST_OK)
            buf_printf(c->out, "valid data goes on at offset %" PRIu64 "\n", valid_at);
        if (found == ST_OK || found == ST_NOT_FOUND)
            mark_bad(c, i, f.off, last && found == ST_NOT_FOUND, why.message);
        st = found == ST_OK || found == ST_NOT_FOUND ? ST_OK : found;
    } else if (st == ST_END) {
        st = ST_OK;
    } else {
        *err = why;
    }
    wal__file_close(&f);
    return st;
}

/* Copies what stands behind off into NAME.OFFSET.bad and cuts the segment there. */
static enum status cut_segment(struct check *c, const char *name, uint64_t off, struct error *err)
{
    char bad[WAL_NAME_MAX + 32];
    (void)snprintf(bad, sizeof bad, "%s.%" PRIu64 ".bad", name, off);
    int in = openat(c->dirfd, name, O_RDWR | O_CLOEXEC);
    int out = openat(c->dirfd, bad, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    int failed = in < 0 || out < 0 ? errno : 0;
    char *chunk = mem_alloc(COPY_BYTES);
    uint64_t done = 0;
    while (!failed) {
        ssize_t n = pread(in, chunk, COPY_BYTES, (off_t)(off + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            failed = errno;
        if (n <= 0)
            break;
        failed = wal__write_at(out, chunk, (size_t)n, SLICE_NULL, done);
        done += (uint64_t)n;
    }
    mem_free(chunk);
    if (!failed && (fsync(out) != 0 || ftruncate(in, (off_t)off) != 0 || fsync(in) != 0))
        failed = errno;
    if (in >= 0)
        (void)close(in);
    if (out >= 0)
        (void)close(out);
    if (failed)
        return error_set_errno(err, failed, "log: cutting segment %s", name);
    buf_printf(c->out, "cut segment %s at offset %" PRIu64 ": %" PRIu64 " bytes put aside in %s\n",
               name, off, done, bad);
    return ST_OK;
}

static enum status put_aside(struct check *c, const char *name, struct error *err)
{
    char bad[WAL_NAME_MAX + 8];
    (void)snprintf(bad, sizeof bad, "%s.bad", name);
    if (renameat(c->dirfd, name, c->dirfd, bad) != 0)
        return error_set_errno(err, errno, "log: renaming segment %s", name);
    buf_printf(c->out, "put segment %s aside as %s\n", name, bad);
    return ST_OK;
}

/* From the last segment backwards, so that a repair that is interrupted leaves a log that can be
 * repaired again. */
static enum status repair(struct check *c, struct error *err)
{
    enum status st = ST_OK;
    for (size_t i = c->list.n; st == ST_OK && i-- > c->bad_index;) {
        char name[WAL_NAME_MAX];
        wal__name(name, c->list.seq[i]);
        if (i == c->bad_index && c->bad_off)
            st = cut_segment(c, name, c->bad_off, err);
        else
            st = put_aside(c, name, err);
    }
    /* What was cut off may stand in a backup: what is written from now on is another history. */
    char id[WAL_ID + 1];
    if (st == ST_OK)
        st = wal__id_renew(c->dirfd, id, err);
    if (st == ST_OK && fsync(c->dirfd) != 0)
        st = error_set_errno(err, errno, "log: syncing directory %s", c->dir);
    return st;
}

static enum status check_all(struct check *c, struct error *err)
{
    uint64_t end_seq = 0;
    for (size_t i = 0; i < c->list.n && !c->bad; i++) {
        if (i && c->list.seq[i] != end_seq) {
            char why[ERROR_MESSAGE_MAX];
            (void)snprintf(why, sizeof why,
                           "log: segment %020" PRIu64 ".wal should begin at %" PRIu64
                           ": something is missing",
                           c->list.seq[i], end_seq);
            mark_bad(c, i, 0, false, why);
            break;
        }
        enum status st = check_segment(c, i, &end_seq, err);
        if (st != ST_OK)
            return st;
    }
    buf_printf(c->out, "%zu segments, %" PRIu64 " valid frames, %" PRIu64 " bytes of commands\n",
               c->list.n, c->frames, c->bytes);
    if (!c->bad) {
        buf_printf(c->out, "the log is clean\n");
        return ST_OK;
    }
    if (c->fix) {
        enum status st = repair(c, err);
        if (st == ST_OK)
            buf_printf(c->out, "the log is repaired\n");
        return st;
    }
    if (c->torn)
        return ST_OK;
    char name[WAL_NAME_MAX];
    wal__name(name, c->list.seq[c->bad_index]);
    return error_set(err, ST_CORRUPT,
                     "log: damage in segment %s at offset %" PRIu64 "; --fix cuts the log there",
                     name, c->bad_off);
}

enum status wal_check(const char *dir, bool fix, struct buf *out, struct error *err)
{
    struct error local;
    if (!err)
        err = &local;
    struct check c = {.dir = dir, .dirfd = -1, .fix = fix, .out = out};
    int lockfd = -1;
    enum status st = wal__dir_open(dir, &c.dirfd, err);
    /* Looking is harmless beside a server; cutting is not. */
    if (st == ST_OK && fix)
        st = wal__lock(c.dirfd, dir, &lockfd, err);
    if (st == ST_OK)
        st = wal__list(dir, &c.list, err);
    if (st == ST_OK)
        st = check_all(&c, err);
    wal__list_free(&c.list);
    if (lockfd >= 0)
        (void)close(lockfd);
    if (c.dirfd >= 0)
        (void)close(c.dirfd);
    return st;
}
