/* Bulks of the rocksdb provider: a sorted table file is written beside the database and taken in whole. It skips the memtable
 * and the library's log, which is most of what a put costs (docs/decisions/001-commit-path.md).
 *
 *   NAME.bulk in the database's folder --ingest--> an ordinary table file, in the lowest level where it fits
 */
#include "base/log.h"
#include "base/mem.h"
#include "storage/files.h"
#include "storage/rocksdb/rocksdb_priv.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BULK_SUFFIX ".bulk"

struct rocks_bulk {
    struct rocks *r;
    unsigned space;
    rocksdb_sstfilewriter_t *writer;
    char *path;
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
    char name[48];

    b->r = h;
    b->space = space;
    snprintf(name, sizeof name, "%llu" BULK_SUFFIX,
             (unsigned long long)atomic_fetch_add(&next_number, 1));
    b->path = stor_path_join(b->r->path, name);
    rocksdb_envoptions_t *env = rocksdb_envoptions_create();
    b->writer = rocksdb_sstfilewriter_create(env, b->r->options);
    rocksdb_envoptions_destroy(env);
    rocksdb_sstfilewriter_open(b->writer, b->path, &b->message);
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

void rocks__bulk_put(void *p, struct slice key, struct slice value)
{
    struct rocks_bulk *b = p;
    char *message = NULL;

    if (UNLIKELY(b->message != NULL))
        return;
    rocksdb_sstfilewriter_put(b->writer, key.p, key.n, value.p, value.n, &message);
    keep_first(b, message);
}

void rocks__bulk_del(void *p, struct slice key)
{
    struct rocks_bulk *b = p;
    char *message = NULL;

    if (UNLIKELY(b->message != NULL))
        return;
    rocksdb_sstfilewriter_delete(b->writer, key.p, key.n, &message);
    keep_first(b, message);
}

static void ingest(struct rocks_bulk *b)
{
    rocksdb_ingestexternalfileoptions_t *o = rocksdb_ingestexternalfileoptions_create();
    const char *files[1] = {b->path};

    rocksdb_ingestexternalfileoptions_set_move_files(o, 1);
    rocksdb_ingest_external_file_cf(b->r->db, b->r->spaces[b->space], files, 1, o, &b->message);
    rocksdb_ingestexternalfileoptions_destroy(o);
}

static void bulk_free(struct rocks_bulk *b)
{
    rocksdb_sstfilewriter_destroy(b->writer);
    (void)unlink(b->path);
    mem_free(b->path);
    mem_free(b);
}

enum status rocks__bulk_commit(void *p, struct error *err)
{
    struct rocks_bulk *b = p;
    struct rocks *r = b->r;

    if (!b->message)
        rocksdb_sstfilewriter_finish(b->writer, &b->message);
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
