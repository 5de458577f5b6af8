/* Listing, checking, and chains of an incremental backup and what it goes on from. */
#include "backup/backup_priv.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX 10000

/* -- Lists ----------------------------------------------------------------------------------------------------------------- */

struct listed {
    struct backup_manifest m;
    struct error err; /* ST_OK: it can be read */
};

struct list {
    struct listed *v;
    size_t n, cap;
};

static int by_time(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    if (x->m.begun_ms != y->m.begun_ms)
        return x->m.begun_ms < y->m.begun_ms ? -1 : 1;
    return strcmp(x->m.name, y->m.name);
}

static void list_free(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        backup_manifest_free(&l->v[i].m);
    mem_free(l->v);
}

static void list_add(struct list *l, const char *dir, const char *name)
{
    char path[BACKUP_PATH];
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 16;
        l->v = mem_realloc(l->v, l->cap * sizeof *l->v);
    }
    struct listed *x = &l->v[l->n++];
    *x = (struct listed){.err = {.message = ""}};
    backup__path(path, "%s/%s", dir, name);
    x->err.code = backup_manifest_read(path, &x->m, &x->err);
    if (x->err.code != ST_OK || strcmp(x->m.name, name) != 0)
        snprintf(x->m.name, sizeof x->m.name, "%s", name);
}

static enum status list_read(const char *dir, struct list *l, struct error *err)
{
    const struct dirent *e;
    DIR *d = opendir(dir);
    *l = (struct list){.n = 0};
    if (!d)
        return error_set_errno(err, errno, "cannot read the folder %s", dir);
    while ((e = readdir(d)) != NULL) {
        if (backup_name_ok(slice_str(e->d_name)) && strcmp(e->d_name, "LOCK") != 0)
            list_add(l, dir, e->d_name);
    }
    (void)closedir(d);
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, by_time);
    return ST_OK;
}

enum status backup_list(const char *dir,
                        void (*each)(void *arg, const struct backup_manifest *m,
                                     const char *err_text),
                        void *arg, struct error *err)
{
    struct list l;
    enum status st = list_read(dir, &l, err);
    for (size_t i = 0; st == ST_OK && i < l.n; i++)
        each(arg, &l.v[i].m, l.v[i].err.code == ST_OK ? NULL : l.v[i].err.message);
    list_free(&l);
    return st;
}

enum status backup_latest(const char *dir, const char *log_id, struct backup_manifest *out,
                          struct error *err)
{
    struct list l;
    struct listed *best = NULL;
    *out = (struct backup_manifest){.files = NULL};
    enum status st = list_read(dir, &l, err);
    if (st != ST_OK)
        return st;
    for (size_t i = 0; i < l.n; i++) {
        struct listed *x = &l.v[i];
        bool same = x->err.code == ST_OK && *log_id && strcmp(x->m.log_id, log_id) == 0;
        if (same && (!best || x->m.end_seq >= best->m.end_seq))
            best = x;
    }
    if (best) {
        *out = best->m;
        best->m = (struct backup_manifest){.files = NULL};
    } else {
        st = error_set(err, ST_NOT_FOUND,
                       "there is no backup that goes with the present log: make a full one first");
    }
    list_free(&l);
    return st;
}

/* -- Chains ---------------------------------------------------------------------------------------------------------------- */

void backup__chain_free(struct backup__chain *c)
{
    for (size_t i = 0; i < c->n; i++) {
        backup_manifest_free(&c->m[i]);
        mem_free(c->paths[i]);
    }
    mem_free(c->m);
    mem_free(c->paths);
    *c = (struct backup__chain){.n = 0};
}

static struct backup_manifest *grow(struct backup__chain *c, const char *path)
{
    c->m = mem_realloc(c->m, (c->n + 1) * sizeof *c->m);
    c->paths = mem_realloc(c->paths, (c->n + 1) * sizeof *c->paths);
    c->paths[c->n] = mem_strdup(path);
    return &c->m[c->n++];
}

static enum status fits(const struct backup_manifest *child, const struct backup_manifest *parent,
                        const char *path, struct error *err)
{
    if (strcmp(child->parent_sum, parent->sum) != 0 || child->start_seq != parent->end_seq ||
        strcmp(child->log_id, parent->log_id) != 0)
        return error_set(err, ST_CORRUPT, "%s is not the backup that %s goes on from", path,
                         child->name);
    return ST_OK;
}

static void reverse(struct backup__chain *c)
{
    for (size_t i = 0; i < c->n / 2; i++) {
        size_t j = c->n - 1 - i;
        struct backup_manifest m = c->m[i];
        char *path = c->paths[i];
        c->m[i] = c->m[j];
        c->paths[i] = c->paths[j];
        c->m[j] = m;
        c->paths[j] = path;
    }
}

enum status backup__chain_read(const char *path, struct backup__chain *out, struct error *err)
{
    char at[BACKUP_PATH], next[BACKUP_PATH];
    backup__path(at, "%s", path);
    for (size_t n = strlen(at); n > 1 && at[n - 1] == '/'; n--)
        at[n - 1] = 0;
    *out = (struct backup__chain){.n = 0};
    enum status st;
    for (;;) {
        st = backup_manifest_read(at, grow(out, at), err);
        const struct backup_manifest *m = &out->m[out->n - 1];
        if (st == ST_NOT_FOUND)
            st = out->n > 1 ? error_set(err, ST_NOT_FOUND, "%s, which %s goes on from, is missing",
                                        at, out->m[out->n - 2].name)
                            : error_set(err, ST_NOT_FOUND, "there is no backup at %s", at);
        if (st == ST_OK && out->n > 1)
            st = fits(&out->m[out->n - 2], m, at, err);
        if (st != ST_OK || m->full)
            break;
        if (out->n == CHAIN_MAX) {
            st = error_set(err, ST_CORRUPT, "%s goes on from too many others", path);
            break;
        }
        char *slash = strrchr(at, '/');
        int folder = slash ? (int)(slash - at) + 1 : 0;
        backup__path(next, "%.*s%s", folder, at, m->parent);
        memcpy(at, next, sizeof at);
    }
    if (st == ST_OK)
        reverse(out);
    else
        backup__chain_free(out);
    return st;
}

enum status backup_verify(const char *path, struct backup_watch *watch, struct buf *bad,
                          struct error *err)
{
    struct backup__chain c;
    struct error why;
    size_t found = 0;
    enum status st = backup__chain_read(path, &c, err);
    for (size_t i = 0; watch && i < c.n; i++)
        watch->total += backup_manifest_bytes(&c.m[i]);
    for (size_t i = 0; st == ST_OK && i < c.n; i++) {
        for (size_t k = 0; st == ST_OK && k < c.m[i].nfiles; k++) {
            st = backup__check_file(c.paths[i], &c.m[i].files[k], NULL, watch, &why);
            if (st != ST_OK && found++ == 0)
                *err = why;
            if (st == ST_CORRUPT || st == ST_IO) {
                buf_printf(bad, "%s\n", why.message);
                st = ST_OK;
            }
        }
    }
    backup__chain_free(&c);
    return st == ST_OK && found ? ST_CORRUPT : st;
}

/* -- Searching a log ------------------------------------------------------------------------------------------------------- */

/* "$8\r\n" at *at, with this mark. */
static bool length(struct slice p, size_t *at, char mark, size_t *out)
{
    size_t i = *at, n = 0;
    if (i >= p.n || p.p[i++] != mark)
        return false;
    for (; i < p.n && p.p[i] >= '0' && p.p[i] <= '9' && n <= p.n; i++)
        n = n * 10 + (size_t)(p.p[i] - '0');
    *at = i + 2;
    *out = n;
    return n <= p.n && *at <= p.n;
}

/* "*2\r\n$8\r\nFLUSHALL\r\n...": true when one of the payload's commands is called word. */
static bool holds(struct slice p, struct slice word)
{
    size_t at = 0, words, n;
    while (length(p, &at, '*', &words)) {
        for (size_t i = 0; i < words; i++) {
            if (!length(p, &at, '$', &n) || n > p.n - at)
                return false;
            if (i == 0 && slice_ieq(slice_make(p.p + at, n), word))
                return true;
            at += n + 2;
        }
    }
    return false;
}

static enum status first_seq(const char *dir, uint64_t *seq, struct error *err)
{
    const struct dirent *e;
    DIR *d = opendir(dir);
    if (!d)
        return error_set_errno(err, errno, "cannot read the folder %s", dir);
    *seq = UINT64_MAX;
    while ((e = readdir(d)) != NULL) {
        char *end;
        uint64_t n = strtoull(e->d_name, &end, 10);
        if (end == e->d_name + 20 && strcmp(end, ".wal") == 0 && n < *seq)
            *seq = n;
    }
    (void)closedir(d);
    return *seq == UINT64_MAX ? error_set(err, ST_NOT_FOUND, "there is no log in %s", dir) : ST_OK;
}

enum status backup_find(const char *wal_dir, struct slice word,
                        void (*each)(void *arg, const struct backup_hit *hit), void *arg,
                        struct error *err)
{
    struct wal_reader *r = NULL;
    struct wal_frame f = {0};
    uint64_t from = 0;
    enum status st = first_seq(wal_dir, &from, err);
    if (st == ST_OK)
        st = wal_reader_open(wal_dir, from, &r, err);
    if (st != ST_OK)
        return st;
    while ((st = wal_reader_next(r, &f, err)) == ST_OK) {
        if (holds(f.payload, word))
            each(arg, &(struct backup_hit){f.seq, f.seq + f.payload.n, f.time_ms});
    }
    wal_reader_close(r);
    return st == ST_END ? ST_OK : st;
}
