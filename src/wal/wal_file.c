/* Walk over the frames of one segment, through a window that holds at least the current frame. */
#include "base/mem.h"
#include "wal/wal_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_BYTES = 256 * 1024 };

/* Reads up to n bytes; stops early only at the end of the file. -1: errno. */
static ssize_t read_at(int fd, char *out, size_t n, uint64_t off)
{
    size_t done = 0;
    while (done < n) {
        ssize_t r = pread(fd, out + done, n - done, (off_t)(off + done));
        if (r < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        if (r == 0)
            break;
        done += (size_t)r;
    }
    return (ssize_t)done;
}

enum status wal__file_size(const struct wal__file *f, uint64_t *size, struct error *err)
{
    struct stat st;
    if (fstat(f->fd, &st) != 0)
        return error_set_errno(err, errno, "log: reading segment %020" PRIu64 ".wal", f->first_seq);
    *size = (uint64_t)st.st_size;
    return ST_OK;
}

/* A crash in the middle of making a segment leaves a short file, or one of zeros. */
static enum status judge_bad_header(struct wal__file *f, struct error *err)
{
    uint64_t size = 0;
    enum status st = wal__file_size(f, &size, err);
    if (st != ST_OK)
        return st;
    if (size <= WAL_SEGMENT_HEADER)
        return ST_END;
    char *chunk = mem_alloc(WINDOW_BYTES);
    bool zeros = true;
    for (uint64_t off = 0; off < size && zeros;) {
        ssize_t n = read_at(f->fd, chunk, WINDOW_BYTES, off);
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n && zeros; i++)
            zeros = chunk[i] == 0;
        off += (uint64_t)n;
    }
    mem_free(chunk);
    return zeros ? ST_END
                 : error_set(err, ST_CORRUPT,
                             "log: bad header of segment %020" PRIu64 ".wal at offset 0",
                             f->first_seq);
}

enum status wal__file_open(struct wal__file *f, int dirfd, uint64_t first_seq, struct error *err)
{
    char name[WAL_NAME_MAX], header[WAL_SEGMENT_HEADER];
    wal__name(name, first_seq);
    *f =
        (struct wal__file){.fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC), .first_seq = first_seq};
    if (f->fd < 0)
        return error_set_errno(err, errno, "log: opening segment %s", name);
    enum status st = ST_CORRUPT;
    struct wal__segment_header h = {0, 0};
    for (int i = 0; i < 3; i++) {
        uint64_t size = 0;
        ssize_t got = read_at(f->fd, header, sizeof header, 0);
        if (got < 0) {
            st = error_set_errno(err, errno, "log: reading segment %s", name);
            goto fail;
        }
        if ((size_t)got == sizeof header) {
            st = wal__header_decode(header, &h);
            break;
        }
        /* Beside a writer it may get its header between the two looks; then it is read again. */
        st = wal__file_size(f, &size, err);
        if (st == ST_OK && size < sizeof header)
            st = ST_END;
        if (st != ST_OK)
            goto fail;
        st = ST_CORRUPT;
    }
    if (st == ST_TOO_NEW) {
        error_set(err, st, "log: segment %s was written by a newer version of the server", name);
        goto fail;
    }
    if (st != ST_OK) {
        st = judge_bad_header(f, err);
        goto fail;
    }
    if (h.first_seq != first_seq) {
        st = error_set(err, ST_CORRUPT, "log: segment %s says that it begins at %" PRIu64, name,
                       h.first_seq);
        goto fail;
    }
    f->seed = h.seed;
    f->seq = first_seq;
    f->off = f->window_off = WAL_SEGMENT_HEADER;
    return ST_OK;
fail:
    (void)close(f->fd);
    f->fd = -1;
    return st;
}

void wal__file_close(struct wal__file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
    buf_free(&f->window);
}

/* Makes the window begin at the position and hold need bytes, or all that the file has. */
static enum status fill(struct wal__file *f, size_t need, struct error *err)
{
    size_t passed = (size_t)(f->off - f->window_off);
    if (f->window.n >= passed && f->window.n - passed >= need)
        return ST_OK;
    if (passed >= f->window.n)
        buf_clear(&f->window);
    else
        buf_consume(&f->window, passed);
    f->window_off = f->off;
    size_t want = need > WINDOW_BYTES ? need : WINDOW_BYTES;
    if (!buf_try_reserve(&f->window, want - f->window.n))
        return error_set(err, ST_NO_MEMORY,
                         "log: no memory for %zu bytes of segment %020" PRIu64 ".wal", want,
                         f->first_seq);
    ssize_t n = read_at(f->fd, f->window.p + f->window.n, want - f->window.n, f->off + f->window.n);
    if (n < 0)
        return error_set_errno(err, errno,
                               "log: reading segment %020" PRIu64 ".wal at offset %" PRIu64,
                               f->first_seq, f->off);
    f->window.n += (size_t)n;
    return ST_OK;
}

static struct slice at_position(const struct wal__file *f)
{
    size_t passed = (size_t)(f->off - f->window_off);
    if (passed >= f->window.n)
        return SLICE_NULL;
    return slice_make(f->window.p + passed, f->window.n - passed);
}

/* How long the frame at the position says it is; false: fewer bytes than a header. */
static bool claimed_size(struct slice in, size_t *size)
{
    if (in.n < WAL_FRAME_HEADER)
        return false;
    uint32_t length = 0;
    for (int i = 0; i < 4; i++)
        length |= (uint32_t)(unsigned char)in.p[4 + i] << (8 * i);
    *size = WAL_FRAME_HEADER + (size_t)length;
    return true;
}

static enum status next_frame(struct wal__file *f, struct wal_frame *frame, struct error *err)
{
    enum status st = fill(f, WAL_FRAME_HEADER, err);
    size_t size = 0;
    if (st == ST_OK && claimed_size(at_position(f), &size)) {
        uint64_t file_size = 0;
        st = wal__file_size(f, &file_size, err);
        /* A length that the file cannot have is never allocated for. */
        if (st == ST_OK && f->off + size <= file_size)
            st = fill(f, size, err);
    }
    if (st != ST_OK)
        return st;
    st = wal_frame_decode(at_position(f), f->seed, frame, &size);
    if (st == ST_END)
        return ST_END;
    if (st == ST_NOT_FOUND)
        return error_set(err, ST_NOT_FOUND,
                         "log: incomplete frame in segment %020" PRIu64 ".wal at offset %" PRIu64,
                         f->first_seq, f->off);
    if (st == ST_OK && frame->seq != f->seq)
        return error_set(err, ST_CORRUPT,
                         "log: sequence %" PRIu64 " instead of %" PRIu64 " in segment %020" PRIu64
                         ".wal at offset %" PRIu64,
                         frame->seq, f->seq, f->first_seq, f->off);
    if (st != ST_OK)
        return error_set(err, ST_CORRUPT,
                         "log: bad frame in segment %020" PRIu64 ".wal at offset %" PRIu64,
                         f->first_seq, f->off);
    f->off += size;
    f->seq += frame->payload.n;
    return ST_OK;
}

enum status wal__file_next(struct wal__file *f, struct wal_frame *frame, struct error *err)
{
    enum status st = next_frame(f, frame, err);
    /* Beside a writer, the window may hold bytes of an append that failed and was repeated: look at
     * the file again. */
    for (int i = 0; i < 2 && st != ST_OK; i++) {
        buf_clear(&f->window);
        f->window_off = f->off;
        if (i == 0 && (st == ST_CORRUPT || st == ST_NOT_FOUND))
            st = next_frame(f, frame, err);
    }
    return st;
}

enum status wal__file_find_valid(struct wal__file *f, uint64_t *off, uint64_t *seq,
                                 struct error *err)
{
    uint64_t file_size = 0;
    enum status st = wal__file_size(f, &file_size, err);
    if (st != ST_OK)
        return st;
    if (file_size <= f->off)
        return ST_NOT_FOUND;
    size_t n = (size_t)(file_size - f->off);
    char *p = mem_try_alloc(n);
    if (!p)
        return error_set(err, ST_NO_MEMORY,
                         "log: no memory to look through %zu bytes of segment %020" PRIu64 ".wal",
                         n, f->first_seq);
    ssize_t got = read_at(f->fd, p, n, f->off);
    if (got < 0) {
        mem_free(p);
        return error_set_errno(err, errno, "log: reading segment %020" PRIu64 ".wal", f->first_seq);
    }
    n = (size_t)got;
    st = ST_NOT_FOUND;
    /* Bytes that look like many long frames cost a checksum each: the budget keeps the time linear,
     * and running out of it counts as damage, the careful answer. */
    uint64_t budget = 8 * (uint64_t)n + (1u << 20);
    for (size_t i = 1; i + WAL_FRAME_HEADER <= n && st == ST_NOT_FOUND; i++) {
        const char *mark = memchr(p + i + 28, 'O', n - i - 28);
        if (!mark)
            break;
        i = (size_t)(mark - p) - 28;
        struct slice in = slice_make(p + i, n - i);
        struct wal_frame frame;
        size_t size;
        if (in.n < WAL_FRAME_HEADER || memcmp(mark, "OFRM", 4) != 0 || !claimed_size(in, &size) ||
            size > in.n)
            continue;
        bool paid = budget >= size;
        budget -= paid ? size : 0;
        if (!paid || wal_frame_decode(in, f->seed, &frame, &size) == ST_OK) {
            *off = f->off + i;
            *seq = paid ? frame.seq : UINT64_MAX;
            st = ST_OK;
        }
    }
    mem_free(p);
    return st;
}

enum status wal__file_skip(struct wal__file *f, uint64_t need, struct error *err)
{
    uint64_t off = 0, seq = 0;
    enum status st = wal__file_find_valid(f, &off, &seq, err);
    if (st != ST_OK)
        return st;
    if (seq > need || seq < f->seq)
        return ST_CORRUPT;
    buf_clear(&f->window);
    f->off = f->window_off = off;
    f->seq = seq;
    return ST_OK;
}
