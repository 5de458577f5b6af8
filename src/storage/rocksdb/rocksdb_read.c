/* Reads of the rocksdb provider: gets, snapshots, iterators. */
#include "base/mem.h"
#include "storage/rocksdb/rocksdb_priv.h"

#define MULTI_GET_CHUNK 64

struct rocks_iter {
    struct rocks *r;
    rocksdb_iterator_t *it;
    rocksdb_readoptions_t *read;
    struct buf lower, upper; /* the library keeps pointers to the bounds */
};

static const rocksdb_readoptions_t *read_options(const struct rocks *r, void *snap)
{
    return snap ? ((const struct rocks_snap *)snap)->read : r->read;
}

/* Copies a found value out; NULL: not found. */
static enum status take_value(rocksdb_pinnableslice_t *found, struct buf *v, struct error *err)
{
    size_t n;

    if (!found)
        return ST_NOT_FOUND;
    const char *p = rocksdb_pinnableslice_value(found, &n);
    enum status st = ST_OK;
    if (buf_try_reserve(v, n))
        buf_put(v, p, n);
    else
        st = error_set(err, ST_NO_MEMORY, "rocksdb: no memory for a value of %zu bytes", n);
    rocksdb_pinnableslice_destroy(found);
    return st;
}

enum status rocks__get(void *h, void *snap, unsigned space, struct slice key, struct buf *v,
                       struct error *err)
{
    struct rocks *r = h;
    char *message = NULL;

    buf_clear(v);
    rocksdb_pinnableslice_t *found = rocksdb_get_pinned_cf(
        r->db, read_options(r, snap), r->spaces[space], key.p, key.n, &message);
    if (UNLIKELY(message != NULL))
        return rocks__error(r, message, "read", err);
    return take_value(found, v, err);
}

enum status rocks__multi_get(void *h, void *snap, unsigned space, size_t n,
                             const struct slice *keys, struct buf *vals, enum status *st,
                             struct error *err)
{
    struct rocks *r = h;
    enum status first = ST_OK;
    const char *p[MULTI_GET_CHUNK];
    size_t len[MULTI_GET_CHUNK];
    rocksdb_pinnableslice_t *found[MULTI_GET_CHUNK];
    char *messages[MULTI_GET_CHUNK];

    for (size_t at = 0; at < n; at += MULTI_GET_CHUNK) {
        size_t k = n - at < MULTI_GET_CHUNK ? n - at : MULTI_GET_CHUNK;
        for (size_t i = 0; i < k; i++) {
            p[i] = keys[at + i].p ? keys[at + i].p : "";
            len[i] = keys[at + i].n;
        }
        rocksdb_batched_multi_get_cf(r->db, read_options(r, snap), r->spaces[space], k, p, len,
                                     found, messages, false);
        for (size_t i = 0; i < k; i++) {
            struct error *e = first == ST_OK ? err : NULL;
            buf_clear(&vals[at + i]);
            st[at + i] = messages[i] ? rocks__error(r, messages[i], "read", e)
                                     : take_value(found[i], &vals[at + i], e);
            if (st[at + i] != ST_OK && st[at + i] != ST_NOT_FOUND && first == ST_OK)
                first = st[at + i];
        }
    }
    return first;
}

enum status rocks__snap_new(void *h, void **snap, struct error *err)
{
    struct rocks *r = h;
    struct rocks_snap *s = mem_alloc(sizeof *s);

    s->snap = rocksdb_create_snapshot(r->db);
    s->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(s->read, s->snap);
    *snap = s;
    return ST_OK;
}

void rocks__snap_free(void *h, void *snap)
{
    struct rocks *r = h;
    struct rocks_snap *s = snap;

    rocksdb_readoptions_destroy(s->read);
    rocksdb_release_snapshot(r->db, s->snap);
    mem_free(s);
}

/* -- Iterators ---------------------------------------------------------------------------------------------------------- */

void *rocks__iter_new(void *h, unsigned space, const struct stor_iter_opts *opts, void *snap)
{
    struct rocks_iter *it = mem_calloc(1, sizeof *it);
    const struct rocks_snap *s = snap;

    it->r = h;
    it->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_fill_cache(it->read, opts->fill_cache);
    /* Files that a compaction left to the iterator are deleted in the background, not by the caller's thread. */
    rocksdb_readoptions_set_background_purge_on_iterator_cleanup(it->read, 1);
    if (s)
        rocksdb_readoptions_set_snapshot(it->read, s->snap);
    if (opts->lower.p) {
        buf_put_slice(&it->lower, opts->lower);
        rocksdb_readoptions_set_iterate_lower_bound(it->read, buf_cstr(&it->lower), it->lower.n);
    }
    if (opts->upper.p) {
        buf_put_slice(&it->upper, opts->upper);
        rocksdb_readoptions_set_iterate_upper_bound(it->read, buf_cstr(&it->upper), it->upper.n);
    }
    it->it = rocksdb_create_iterator_cf(it->r->db, it->read, it->r->spaces[space]);
    return it;
}

void rocks__iter_free(void *p)
{
    struct rocks_iter *it = p;

    rocksdb_iter_destroy(it->it);
    rocksdb_readoptions_destroy(it->read);
    buf_free(&it->lower);
    buf_free(&it->upper);
    mem_free(it);
}

void rocks__iter_first(void *p)
{
    rocksdb_iter_seek_to_first(((struct rocks_iter *)p)->it);
}

void rocks__iter_last(void *p)
{
    rocksdb_iter_seek_to_last(((struct rocks_iter *)p)->it);
}

void rocks__iter_seek(void *p, struct slice key)
{
    rocksdb_iter_seek(((struct rocks_iter *)p)->it, key.p, key.n);
}

void rocks__iter_seek_prev(void *p, struct slice key)
{
    rocksdb_iter_seek_for_prev(((struct rocks_iter *)p)->it, key.p, key.n);
}

void rocks__iter_next(void *p)
{
    rocksdb_iter_next(((struct rocks_iter *)p)->it);
}

void rocks__iter_prev(void *p)
{
    rocksdb_iter_prev(((struct rocks_iter *)p)->it);
}

bool rocks__iter_valid(const void *p)
{
    return rocksdb_iter_valid(((const struct rocks_iter *)p)->it);
}

struct slice rocks__iter_key(const void *p)
{
    size_t n;
    const char *key = rocksdb_iter_key(((const struct rocks_iter *)p)->it, &n);

    return slice_make(key, n);
}

struct slice rocks__iter_value(const void *p)
{
    size_t n;
    const char *value = rocksdb_iter_value(((const struct rocks_iter *)p)->it, &n);

    return slice_make(value, n);
}

enum status rocks__iter_status(const void *p, struct error *err)
{
    const struct rocks_iter *it = p;
    char *message = NULL;

    rocksdb_iter_get_error(it->it, &message);
    return message ? rocks__error(it->r, message, "scan", err) : ST_OK;
}
