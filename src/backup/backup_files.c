/* Files and folders: copies with checksums, walks, removal. */
#include "backup/backup_priv.h"
#include "base/mem.h"
#include "event/crypto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK     (1u << 20)
#define DEPTH_MAX 16

void backup__path(char out[BACKUP_PATH], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out, BACKUP_PATH, fmt, ap);
    va_end(ap);
    if (n < 0 || n >= BACKUP_PATH)
        out[0] = 0;
}

enum status backup__read_file(const char *path, size_t max, struct buf *out, struct error *err)
{
    char chunk[16384];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    enum status st = ST_OK;
    while (st == ST_OK && (n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0)
            st = error_set_errno(err, errno, "cannot read %s", path);
        else if (out->n + (size_t)n > max)
            st = error_set(err, ST_TOO_LONG, "%s is too long", path);
        else
            buf_put(out, chunk, (size_t)n);
    }
    (void)close(fd);
    return st;
}

static enum status step(struct backup_watch *watch, size_t n, struct error *err)
{
    if (!watch)
        return ST_OK;
    watch->done += n;
    if (watch->step && !watch->step(watch->arg, watch->done, watch->total))
        return error_set(err, ST_CANCELLED, "cancelled");
    return ST_OK;
}

static enum status write_all(int fd, const char *p, size_t n, const char *path, struct error *err)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return error_set_errno(err, errno, "cannot write %s", path);
        p += w;
        n -= (size_t)w;
    }
    return ST_OK;
}

struct pass {
    const char *from, *to;
    int in, out; /* out -1: only read */
    struct crypto_sha *sha;
    uint64_t bytes;
};

static enum status pass_bytes(struct pass *p, struct backup_watch *watch, struct error *err)
{
    char *chunk = mem_alloc(CHUNK);
    enum status st = ST_OK;
    while (st == ST_OK) {
        ssize_t n = read(p->in, chunk, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = error_set_errno(err, errno, "cannot read %s", p->from);
        if (n <= 0)
            break;
        crypto_sha256_add(p->sha, chunk, (size_t)n);
        p->bytes += (uint64_t)n;
        if (p->out >= 0)
            st = write_all(p->out, chunk, (size_t)n, p->to, err);
        if (st == ST_OK)
            st = step(watch, (size_t)n, err);
    }
    mem_free(chunk);
    return st;
}

enum status backup__pass(const char *from, const char *to, bool sync, struct backup_watch *watch,
                         char sum[BACKUP_SUM + 1], uint64_t *bytes, struct error *err)
{
    unsigned char digest[32];
    struct pass p = {.from = from, .to = to, .in = -1, .out = -1};
    enum status st = ST_OK;
    p.in = open(from, O_RDONLY | O_CLOEXEC);
    if (p.in < 0)
        return error_set_errno(err, errno, "cannot open %s", from);
    if (to) {
        p.out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (p.out < 0)
            st = error_set_errno(err, errno, "cannot make %s", to);
    }
    p.sha = crypto_sha256_begin();
    if (st == ST_OK)
        st = pass_bytes(&p, watch, err);
    crypto_sha256_end(p.sha, digest);
    crypto_hex(digest, sizeof digest, sum);
    *bytes = p.bytes;
    if (st == ST_OK && p.out >= 0 && fsync(p.out) != 0)
        st = error_set_errno(err, errno, "cannot write %s", to);
    if (st == ST_OK && sync && fsync(p.in) != 0)
        st = error_set_errno(err, errno, "cannot write %s", from);
    (void)close(p.in);
    if (p.out >= 0 && close(p.out) != 0 && st == ST_OK)
        st = error_set_errno(err, errno, "cannot write %s", to);
    return st;
}

enum status backup__check_file(const char *path, const struct backup_file *f, const char *to,
                               struct backup_watch *watch, struct error *err)
{
    char full[BACKUP_PATH], sum[BACKUP_SUM + 1];
    uint64_t bytes = 0;
    backup__path(full, "%s/%s", path, f->path);
    enum status st = backup__pass(full, to, false, watch, sum, &bytes, err);
    if (st == ST_NOT_FOUND)
        return error_set(err, ST_CORRUPT, "the backup is damaged: %s is missing", full);
    if (st != ST_OK)
        return st;
    if (bytes != f->bytes || strcmp(sum, f->sum) != 0)
        return error_set(err, ST_CORRUPT, "the backup is damaged: %s is not what was backed up",
                         full);
    return ST_OK;
}

enum status backup__make_parents(const char *base, const char *path, struct error *err)
{
    char part[BACKUP_PATH];
    backup__path(part, "%s", path);
    for (char *at = part + strlen(base) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = 0;
        if (mkdir(part, 0750) != 0 && errno != EEXIST)
            return error_set_errno(err, errno, "cannot make the folder %s", part);
        *at = '/';
    }
    return ST_OK;
}

enum status backup__sync_dir(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    int failed = fsync(fd) != 0 ? errno : 0;
    (void)close(fd);
    return failed ? error_set_errno(err, failed, "cannot write %s", path) : ST_OK;
}

/* -- Walks ------------------------------------------------------------------------------------------------------------------ */

struct walk {
    const char *root;
    backup__walk_fn file; /* NULL: none */
    void *arg;
    enum status (*folder)(const char *path, struct error *err); /* after what is in it */
};

struct names {
    char **v;
    size_t n, cap;
};

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum status names_read(const char *path, struct names *out, struct error *err)
{
    const struct dirent *e;
    DIR *d = opendir(path);
    if (!d)
        return error_set_errno(err, errno, "cannot read the folder %s", path);
    while ((e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (out->n == out->cap) {
            out->cap = out->cap ? out->cap * 2 : 64;
            out->v = mem_realloc(out->v, out->cap * sizeof *out->v);
        }
        out->v[out->n++] = mem_strdup(e->d_name);
    }
    (void)closedir(d);
    if (out->n)
        qsort(out->v, out->n, sizeof *out->v, name_cmp);
    return ST_OK;
}

static enum status walk_dir(const struct walk *w, const char *rel, int depth, struct error *err);

static enum status walk_entry(const struct walk *w, const char *rel, int depth, struct error *err)
{
    char path[BACKUP_PATH];
    struct stat st;
    backup__path(path, "%s/%s", w->root, rel);
    if (lstat(path, &st) != 0)
        return error_set_errno(err, errno, "cannot look at %s", path);
    if (S_ISDIR(st.st_mode))
        return walk_dir(w, rel, depth + 1, err);
    return w->file ? w->file(w->arg, rel, (uint64_t)st.st_size, err) : ST_OK;
}

static enum status walk_dir(const struct walk *w, const char *rel, int depth, struct error *err)
{
    char path[BACKUP_PATH];
    struct names names = {.n = 0};
    backup__path(path, "%s%s%s", w->root, *rel ? "/" : "", rel);
    if (depth > DEPTH_MAX)
        return error_set(err, ST_INVALID, "%s: too many folders inside of each other", path);
    enum status st = names_read(path, &names, err);
    for (size_t i = 0; i < names.n; i++) {
        char child[BACKUP_PATH];
        backup__path(child, "%s%s%s", rel, *rel ? "/" : "", names.v[i]);
        if (st == ST_OK)
            st = walk_entry(w, child, depth, err);
        mem_free(names.v[i]);
    }
    mem_free(names.v);
    return st == ST_OK && w->folder ? w->folder(path, err) : st;
}

enum status backup__walk(const char *root, const char *rel, backup__walk_fn fn, void *arg,
                         struct error *err)
{
    return walk_dir(&(struct walk){.root = root, .file = fn, .arg = arg}, rel, 0, err);
}

enum status backup__sync_tree(const char *root, struct error *err)
{
    return walk_dir(&(struct walk){.root = root, .folder = backup__sync_dir}, "", 0, err);
}

struct removal {
    const char *root;
};

static enum status remove_file(void *arg, const char *rel, uint64_t bytes, struct error *err)
{
    char path[BACKUP_PATH];
    const struct removal *r = arg;
    backup__path(path, "%s/%s", r->root, rel);
    return unlink(path) == 0 || errno == ENOENT ? ST_OK
                                                : error_set_errno(err, errno, "removing %s", path);
}

static enum status remove_folder(const char *path, struct error *err)
{
    return rmdir(path) == 0 ? ST_OK : error_set_errno(err, errno, "removing %s", path);
}

enum status backup_remove_tree(const char *path, struct error *err)
{
    struct removal r = {path};
    struct walk w = {.root = path, .file = remove_file, .arg = &r, .folder = remove_folder};
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return ST_OK;
    return walk_dir(&w, "", 0, err);
}
