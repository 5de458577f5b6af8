#include "server/datadir.h"

#include "base/num.h"
#include "keyspace/keyspace_options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int lock_fd = -1;

const char *datadir_root(void)
{
    static char path[PATH_MAX];
    if (*keyspace_opts.data_dir == '/') {
        snprintf(path, sizeof path, "%s", keyspace_opts.data_dir);
        return path;
    }
    char cwd[PATH_MAX / 2];
    if (!getcwd(cwd, sizeof cwd))
        cwd[0] = 0;
    const char *name = *keyspace_opts.data_dir ? keyspace_opts.data_dir : "data";
    snprintf(path, sizeof path, "%s/%.*s", cwd, PATH_MAX / 2 - 2, name);
    return path;
}

static enum status lock(const char *root, struct error *err)
{
    char path[PATH_MAX + 16], owner[32] = "";
    snprintf(path, sizeof path, "%s/LOCK", root);
    lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock_fd < 0)
        return error_set_errno(err, errno, "cannot write to the data directory %s", root);
    if (flock(lock_fd, LOCK_EX | LOCK_NB) == 0) {
        int n = snprintf(owner, sizeof owner, "%ld\n", (long)getpid());
        if (ftruncate(lock_fd, 0) < 0 || pwrite(lock_fd, owner, (size_t)n, 0) != n)
            return error_set_errno(err, errno, "cannot write to the data directory %s", root);
        return ST_OK;
    }
    ssize_t n = read(lock_fd, owner, sizeof owner - 1);
    owner[n > 0 ? strcspn(owner, "\n") : 0] = 0;
    datadir_close();
    return error_set(
        err, ST_LOCKED,
        "the data directory %s is in use by another server (process %s): stop that one, "
        "or choose another data-dir",
        root, *owner ? owner : "unknown");
}

static enum status check_format(const char *root, struct error *err)
{
    char path[PATH_MAX + 16], text[32] = "";
    snprintf(path, sizeof path, "%s/format", root);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        int n = snprintf(text, sizeof text, "%d\n", DATADIR_FORMAT);
        bool ok = fd >= 0 && write(fd, text, (size_t)n) == n && fsync(fd) == 0;
        int errnum = errno;
        if (fd >= 0)
            close(fd);
        return ok ? ST_OK : error_set_errno(err, errnum, "cannot write %s", path);
    }
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    int errnum = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return error_set_errno(err, errnum, "cannot read %s", path);
    int64_t format = 0;
    if (!num_parse_int(slice_make(text, strcspn(text, "\n")), &format) || format < 1)
        return error_set(err, ST_CORRUPT, "%s holds no format number; is this a data directory?",
                         path);
    if (format > DATADIR_FORMAT)
        return error_set(err, ST_TOO_NEW,
                         "%s has format %lld and this server knows formats up to %d: use the newer "
                         "server, or convert the data with orbit-migrate",
                         root, (long long)format, DATADIR_FORMAT);
    return ST_OK;
}

enum status datadir_open(struct error *err)
{
    const char *root = datadir_root();
    if (mkdir(root, 0750) < 0 && errno != EEXIST)
        return error_set_errno(err, errno, "cannot make the data directory %s", root);
    enum status st = lock(root, err);
    if (st == ST_OK)
        st = check_format(root, err);
    if (st != ST_OK)
        datadir_close();
    return st;
}

void datadir_close(void)
{
    if (lock_fd >= 0)
        close(lock_fd);
    lock_fd = -1;
}
