/* Directories and whole files: see the header. */
#include "storage/files.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

char *stor_path_join(const char *dir, const char *name)
{
    size_t d = strlen(dir), n = strlen(name);
    char *p = mem_alloc(d + n + 2);

    memcpy(p, dir, d);
    p[d] = '/';
    memcpy(p + d + 1, name, n + 1);
    return p;
}

enum status stor_dir_make(const char *path, bool read_only, struct error *err)
{
    char *copy = mem_strdup(path);
    enum status st = ST_OK;
    struct stat sb;

    for (char *at = copy + 1; !read_only; at++) {
        char c = *at;
        if (c != '/' && c != '\0')
            continue;
        *at = '\0';
        if (mkdir(copy, 0750) != 0 && errno != EEXIST) {
            st = error_set_errno(err, errno, "cannot make directory %s", copy);
            break;
        }
        *at = c;
        if (!c)
            break;
    }
    mem_free(copy);
    if (st != ST_OK)
        return st;
    if (stat(path, &sb) != 0)
        return error_set_errno(err, errno, "directory %s", path);
    if (!S_ISDIR(sb.st_mode))
        return error_set(err, ST_INVALID, "%s is not a directory", path);
    if (access(path, read_only ? R_OK | X_OK : R_OK | W_OK | X_OK) != 0)
        return error_set_errno(err, errno, "directory %s cannot be %s", path,
                               read_only ? "read" : "written");
    return ST_OK;
}

enum status stor_dir_sync(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status st = ST_OK;

    if (fd < 0)
        return error_set_errno(err, errno, "directory %s", path);
    if (fsync(fd) != 0)
        st = error_set_errno(err, errno, "cannot sync directory %s", path);
    close(fd);
    return st;
}

static enum status write_all(int fd, struct slice bytes, const char *path, struct error *err)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(err, errno, "cannot write %s", path);
        bytes.p += n;
        bytes.n -= (size_t)n;
    }
    if (fsync(fd) != 0)
        return error_set_errno(err, errno, "cannot sync %s", path);
    return ST_OK;
}

enum status stor_file_replace(const char *path, struct slice bytes, struct error *err)
{
    struct buf tmp = BUF_INIT, dir = BUF_INIT;
    enum status st;
    const char *slash = strrchr(path, '/');

    buf_printf(&tmp, "%s.tmp", path);
    buf_put(&dir, slash ? path : ".", slash ? (size_t)(slash - path) + (slash == path) : 1);
    int fd = open(buf_cstr(&tmp), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        st = error_set_errno(err, errno, "cannot create %s", buf_cstr(&tmp));
        goto out;
    }
    st = write_all(fd, bytes, buf_cstr(&tmp), err);
    if (close(fd) != 0 && st == ST_OK)
        st = error_set_errno(err, errno, "cannot write %s", buf_cstr(&tmp));
    if (st == ST_OK && rename(buf_cstr(&tmp), path) != 0)
        st = error_set_errno(err, errno, "cannot rename %s", buf_cstr(&tmp));
    if (st == ST_OK)
        st = stor_dir_sync(buf_cstr(&dir), err);
    else
        unlink(buf_cstr(&tmp));
out:
    buf_free(&tmp);
    buf_free(&dir);
    return st;
}

enum status stor_file_read(const char *path, struct buf *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum status st = ST_OK;
    struct stat sb;

    if (fd < 0)
        return errno == ENOENT ? ST_NOT_FOUND : error_set_errno(err, errno, "cannot open %s", path);
    if (fstat(fd, &sb) != 0) {
        st = error_set_errno(err, errno, "cannot read %s", path);
        goto out;
    }
    if (!buf_try_reserve(out, (size_t)sb.st_size + 1)) {
        st = error_set(err, ST_NO_MEMORY, "no memory to read %s", path);
        goto out;
    }
    for (;;) {
        if (out->cap - out->n == 0 && !buf_try_reserve(out, out->n)) {
            st = error_set(err, ST_NO_MEMORY, "no memory to read %s", path);
            break;
        }
        ssize_t n = read(fd, out->p + out->n, out->cap - out->n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = error_set_errno(err, errno, "cannot read %s", path);
        if (n <= 0)
            break;
        out->n += (size_t)n;
    }
out:
    close(fd);
    return st;
}

static uint64_t dir_bytes(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    uint64_t sum = 0;
    struct dirent *e;
    struct stat sb;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while ((e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (fstatat(fd, e->d_name, &sb, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISREG(sb.st_mode))
            sum += (uint64_t)sb.st_blocks * 512;
        else if (S_ISDIR(sb.st_mode) && depth > 0)
            sum += dir_bytes(fd, e->d_name, depth - 1);
    }
    closedir(d);
    return sum;
}

uint64_t stor_dir_bytes(const char *path)
{
    return dir_bytes(AT_FDCWD, path, 1);
}
