/* The directory of a log: listing, lock, positioned writes. */
#include "base/mem.h"
#include "wal/wal_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NAME_DIGITS = 20 };

/* Only names that wal__name gives, so that every segment has exactly one. */
static bool parse_name(const char *name, uint64_t *seq)
{
    if (strlen(name) != NAME_DIGITS + 4 || strcmp(name + NAME_DIGITS, ".wal") != 0)
        return false;
    uint64_t v = 0;
    for (int i = 0; i < NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        unsigned digit = (unsigned)(name[i] - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *seq = v;
    return true;
}

static int compare_seq(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum status wal__list(const char *dir, struct wal__list *out, struct error *err)
{
    *out = (struct wal__list){NULL, 0, 0};
    DIR *d = opendir(dir);
    if (!d)
        return error_set_errno(err, errno, "log: opening directory %s", dir);
    const struct dirent *e;
    while ((errno = 0, e = readdir(d)) != NULL) {
        uint64_t seq;
        if (!parse_name(e->d_name, &seq))
            continue;
        if (out->n == out->cap) {
            out->cap = out->cap ? out->cap * 2 : 16;
            out->seq = mem_realloc(out->seq, out->cap * sizeof *out->seq);
        }
        out->seq[out->n++] = seq;
    }
    int failed = errno;
    (void)closedir(d);
    if (failed) {
        wal__list_free(out);
        return error_set_errno(err, failed, "log: reading directory %s", dir);
    }
    if (out->n)
        qsort(out->seq, out->n, sizeof *out->seq, compare_seq);
    return ST_OK;
}

void wal__list_free(struct wal__list *l)
{
    mem_free(l->seq);
    *l = (struct wal__list){NULL, 0, 0};
}

enum status wal__dir_open(const char *dir, int *fd, struct error *err)
{
    *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return error_set_errno(err, errno, "log: opening directory %s", dir);
    return ST_OK;
}

enum status wal__lock(int dirfd, const char *dir, int *fd, struct error *err)
{
    *fd = openat(dirfd, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (*fd < 0)
        return error_set_errno(err, errno, "log: making %s/LOCK", dir);
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return ST_OK;
    int failed = errno;
    (void)close(*fd);
    *fd = -1;
    if (failed == EWOULDBLOCK)
        return error_set(err, ST_LOCKED, "log: %s is in use by another process", dir);
    return error_set_errno(err, failed, "log: locking %s/LOCK", dir);
}

int wal__write_at(int fd, const void *head, size_t head_n, struct slice body, uint64_t off)
{
    size_t done = 0, total = head_n + body.n;
    while (done < total) {
        struct iovec iov[2];
        int n = 0;
        if (done < head_n)
            iov[n++] = (struct iovec){(char *)(uintptr_t)head + done, head_n - done};
        size_t skip = done > head_n ? done - head_n : 0;
        if (body.n > skip)
            iov[n++] = (struct iovec){(char *)(uintptr_t)body.p + skip, body.n - skip};
        ssize_t w = pwritev(fd, iov, n, (off_t)(off + done));
        if (w < 0) {
            if (errno == EINTR)
                continue;
            return errno;
        }
        if (w == 0)
            return EIO;
        done += (size_t)w;
    }
    return 0;
}
