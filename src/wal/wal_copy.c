/* The log's id, and frames from one log into another. */
#include "base/hash.h"
#include "wal/wal.h"
#include "wal/wal_priv.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define ID_FILE "ID"
#define ID_NEW  "ID.new"

enum status wal__id_read(int dirfd, char out[WAL_ID + 1], struct error *err)
{
    int fd = openat(dirfd, ID_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, errno, "log: opening " ID_FILE);
    ssize_t n = read(fd, out, WAL_ID);
    int failed = errno;
    (void)close(fd);
    if (n < 0)
        return error_set_errno(err, failed, "log: reading " ID_FILE);
    out[n] = 0;
    for (int i = 0; i < WAL_ID; i++)
        if (!isxdigit((unsigned char)out[i]))
            return error_set(err, ST_NOT_FOUND, "log: " ID_FILE " holds no id");
    return ST_OK;
}

enum status wal__id_renew(int dirfd, char out[WAL_ID + 1], struct error *err)
{
    uint64_t random[2];
    char text[WAL_ID + 2];
    out[0] = 0;
    (void)unlinkat(dirfd, ID_FILE, 0);
    hash_random(random, sizeof random);
    (void)snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64 "\n", random[0], random[1]);
    int fd = openat(dirfd, ID_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_set_errno(err, errno, "log: making " ID_FILE);
    int failed = wal__write_at(fd, text, WAL_ID + 1, SLICE_NULL, 0);
    if (!failed && fsync(fd) != 0)
        failed = errno;
    (void)close(fd);
    if (!failed && (renameat(dirfd, ID_NEW, dirfd, ID_FILE) != 0 || fsync(dirfd) != 0))
        failed = errno;
    if (failed)
        return error_set_errno(err, failed, "log: writing " ID_FILE);
    memcpy(out, text, WAL_ID);
    out[WAL_ID] = 0;
    return ST_OK;
}

enum status wal_read_id(const char *dir, char out[WAL_ID + 1], struct error *err)
{
    int dirfd;
    enum status st = wal__dir_open(dir, &dirfd, err);
    if (st != ST_OK)
        return st;
    st = wal__id_read(dirfd, out, err);
    (void)close(dirfd);
    return st;
}

static enum status take(struct wal *w, const struct wal_frame *f, struct error *err)
{
    uint64_t end;
    if (f->seq != wal_last_seq(w))
        return error_set(err, ST_CORRUPT,
                         "log: a frame of sequence %" PRIu64 " follows sequence %" PRIu64, f->seq,
                         wal_last_seq(w));
    return wal_append(w, f->payload, f->time_ms, &end, err);
}

enum status wal_pump(struct wal *w, const char *from_dir, const struct wal_limit *limit,
                     bool (*each)(void *arg, const struct wal_frame *frame), void *arg, bool *more,
                     struct error *err)
{
    struct wal_reader *r;
    struct wal_frame f;
    *more = false;
    enum status st = wal_reader_open(from_dir, wal_last_seq(w), &r, err);
    if (st != ST_OK)
        return st;
    while (wal_last_seq(w) < limit->end_seq && (st = wal_reader_next(r, &f, err)) == ST_OK) {
        *more = f.seq + f.payload.n > limit->end_seq || f.time_ms >= limit->before_ms;
        if (*more || (st = take(w, &f, err)) != ST_OK)
            break;
        if (each && !each(arg, &f)) {
            st = error_set(err, ST_CANCELLED, "cancelled");
            break;
        }
    }
    wal_reader_close(r);
    return st == ST_END ? ST_OK : st;
}
