/* Bulks of the rocksdb provider: a sorted table file is written beside the database and taken in whole. It skips the memtable
 * and the library's log, which is most of what a put costs (docs/decisions/001-commit-path.md).
 *
 *   NAME.bulk in the database's folder --ingest--> an ordinary table file, in the lowest level where it fits
 *
 * A long bulk is cut into several files, which are taken in together. */
#include "base/log.h"
#include "base/mem.h"
#include "storage/files.h"
#include "storage/rocksdb/rocksdb_priv.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BULK_SUFFIX ".bulk"
#define FILE_SIZES  2 /* a file's bytes, in those of a table file; one fold shall be one file */

struct rocks_bulk {
    struct rocks *r;
    unsigned space;
    rocksdb_sstfilewriter_t *writer; /* of the last path */
    char **paths;
    size_t files;
    bool open;     /* the last file holds something, and is not finished */
    char *message; /* first failure, the library's */
};

static _Atomic uint64_t next_number;

/* What a crash left behind was never taken in. */
void rocks__bulk_clean(const char *path)
{
    DIR *d = opendir(path);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name), s = sizeof BULK_SUFFIX - 1;
        if (n > s && strcmp(e->d_name + n - s, BULK_SUFFIX) == 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    closedir(d);
}

void *rocks__bulk_new(void *h, unsigned space)
{
    struct rocks_bulk *b = mem_calloc(1, sizeof *b);

    b->r = h;
    b->space = space;
    rocksdb_envoptions_t *env = rocksdb_envoptions_create();
    b->writer = rocksdb_sstfilewriter_create(env, b->r->options);
    rocksdb_envoptions_destroy(env);
    return b;
}

static void keep_first(struct rocks_bulk *b, char *message)
{
    if (!message)
        return;
    if (b->message)
        rocksdb_free(message);
    else
        b->message = message;
}

static void open_file(struct rocks_bulk *b)
{
    char name[48];

    snprintf(name, sizeof name, "%llu" BULK_SUFFIX,
             (unsigned long long)atomic_fetch_add(&next_number, 1));
    b->paths = mem_realloc(b->paths, (b->files + 1) * sizeof *b->paths);
    b->paths[b->files] = stor_path_join(b->r->path, name);
    rocksdb_sstfilewriter_open(b->writer, b->paths[b->files++], &b->message);
    b->open = !b->message;
}

static void finish_file(struct rocks_bulk *b)
{
    char *message = NULL;

    if (!b->open)
        return;
    b->open = false;
    rocksdb_sstfilewriter_finish(b->writer, &message);
    keep_first(b, message);
}

/* True when the bulk is good, with a file to write to. */
static bool ready(struct rocks_bulk *b)
{
    uint64_t bytes = 0;

    if (b->open)
        rocksdb_sstfilewriter_file_size(b->writer, &bytes);
    if (UNLIKELY(bytes > (uint64_t)b->r->config.target_file_size * FILE_SIZES))
        finish_file(b);
    if (!b->open && !b->message)
        open_file(b);
    return LIKELY(b->message == NULL);
}

void rocks__bulk_put(void *p, struct slice key, struct slice value)
{
    struct rocks_bulk *b = p;
    char *message = NULL;

    if (!ready(b))
        return;
    rocksdb_sstfilewriter_put(b->writer, key.p, key.n, value.p, value.n, &message);
    keep_first(b, message);
}

void rocks__bulk_del(void *p, struct slice key)
{
    struct rocks_bulk *b = p;
    char *message = NULL;

    if (!ready(b))
        return;
    rocksdb_sstfilewriter_delete(b->writer, key.p, key.n, &message);
    keep_first(b, message);
}

static void ingest(struct rocks_bulk *b)
{
    rocksdb_ingestexternalfileoptions_t *o = rocksdb_ingestexternalfileoptions_create();

    rocksdb_ingestexternalfileoptions_set_move_files(o, 1);
    rocksdb_ingest_external_file_cf(b->r->db, b->r->spaces[b->space], (const char *const *)b->paths,
                                    b->files, o, &b->message);
    rocksdb_ingestexternalfileoptions_destroy(o);
}

static void bulk_free(struct rocks_bulk *b)
{
    rocksdb_sstfilewriter_destroy(b->writer);
    for (size_t i = 0; i < b->files; i++) {
        (void)unlink(b->paths[i]);
        mem_free(b->paths[i]);
    }
    mem_free(b->paths);
    mem_free(b);
}

enum status rocks__bulk_commit(void *p, struct error *err)
{
    struct rocks_bulk *b = p;
    struct rocks *r = b->r;

    finish_file(b);
    if (!b->message)
        ingest(b);
    char *message = b->message;
    bulk_free(b);
    if (message) {
        atomic_store(&r->write_failed, true);
        return rocks__error(r, message, "bulk", err);
    }
    if (UNLIKELY(atomic_load_explicit(&r->write_failed, memory_order_relaxed)))
        atomic_store(&r->write_failed, false);
    atomic_fetch_add_explicit(&r->writes_ok, 1, memory_order_relaxed);
    return ST_OK;
}

void rocks__bulk_abort(void *p)
{
    struct rocks_bulk *b = p;

    if (b->message)
        rocksdb_free(b->message);
    bulk_free(b);
}
