/* Writes of the rocksdb provider. */
#include "base/mem.h"
#include "storage/rocksdb/rocksdb_priv.h"

const char rocks__end[ROCKS_END_N] = {
    '\xff', '\xff', '\xff', '\xff', '\xff', '\xff', '\xff', '\xff',
    '\xff', '\xff', '\xff', '\xff', '\xff', '\xff', '\xff', '\xff',
};

struct rocks_batch {
    struct rocks *r;
    rocksdb_writebatch_t *b;
    /* Largest key at or above rocks__end that was put, whatever its space; empty: none. */
    struct buf high;
};

void *rocks__batch_new(void *h)
{
    struct rocks_batch *b = mem_calloc(1, sizeof *b);

    b->r = h;
    b->b = rocksdb_writebatch_create();
    return b;
}

void rocks__batch_free(void *p)
{
    struct rocks_batch *b = p;

    rocksdb_writebatch_destroy(b->b);
    buf_free(&b->high);
    mem_free(b);
}

void rocks__batch_clear(void *p)
{
    struct rocks_batch *b = p;

    rocksdb_writebatch_clear(b->b);
    buf_clear(&b->high);
}

static bool is_high(struct slice key)
{
    return key.n >= ROCKS_END_N && memcmp(key.p, rocks__end, ROCKS_END_N) == 0;
}

void rocks__batch_put(void *p, unsigned space, struct slice key, struct slice value)
{
    struct rocks_batch *b = p;

    if (UNLIKELY(is_high(key)) && slice_cmp(key, buf_slice(&b->high)) > 0) {
        buf_clear(&b->high);
        buf_put_slice(&b->high, key);
    }
    rocksdb_writebatch_put_cf(b->b, b->r->spaces[space], key.p, key.n, value.p, value.n);
}

void rocks__batch_del(void *p, unsigned space, struct slice key)
{
    struct rocks_batch *b = p;

    rocksdb_writebatch_delete_cf(b->b, b->r->spaces[space], key.p, key.n);
}

/* The library wants an end. Keys at or above rocks__end are rare but legal: the range then goes on to just behind the
 * largest one, in the store or in this batch. */
static void delete_to_end(struct rocks_batch *b, unsigned space, struct slice from)
{
    rocksdb_column_family_handle_t *cf = b->r->spaces[space];
    rocksdb_iterator_t *it = rocksdb_create_iterator_cf(b->r->db, b->r->read, cf);
    struct buf end = BUF_INIT;
    size_t n;

    buf_put(&end, rocks__end, ROCKS_END_N);
    if (slice_cmp(buf_slice(&b->high), buf_slice(&end)) > 0 || b->high.n == end.n) {
        buf_clear(&end);
        buf_put_slice(&end, buf_slice(&b->high));
        buf_put_byte(&end, 0);
    }
    rocksdb_iter_seek_to_last(it);
    if (rocksdb_iter_valid(it)) {
        const char *last = rocksdb_iter_key(it, &n);
        if (slice_cmp(slice_make(last, n), buf_slice(&end)) >= 0) {
            buf_clear(&end);
            buf_put(&end, last, n);
            buf_put_byte(&end, 0);
        }
    }
    rocksdb_iter_destroy(it);
    if (slice_cmp(from, buf_slice(&end)) < 0)
        rocksdb_writebatch_delete_range_cf(b->b, cf, from.p, from.n, end.p, end.n);
    buf_free(&end);
}

void rocks__batch_del_range(void *p, unsigned space, struct slice from, struct slice to)
{
    struct rocks_batch *b = p;

    if (to.p)
        rocksdb_writebatch_delete_range_cf(b->b, b->r->spaces[space], from.p, from.n, to.p, to.n);
    else
        delete_to_end(b, space, from);
}

enum status rocks__write(void *h, void *batch, unsigned flags, struct error *err)
{
    struct rocks *r = h;
    struct rocks_batch *b = batch;
    char *message = NULL;

    rocksdb_write(r->db, flags & STOR_SYNC ? r->write_sync : r->write, b->b, &message);
    if (UNLIKELY(message != NULL)) {
        atomic_store(&r->write_failed, true);
        return rocks__error(r, message, "write", err);
    }
    if (UNLIKELY(atomic_load_explicit(&r->write_failed, memory_order_relaxed)))
        atomic_store(&r->write_failed, false);
    atomic_fetch_add_explicit(&r->writes_ok, 1, memory_order_relaxed);
    /* Without the library's log, only a flush makes it durable. */
    if ((flags & STOR_SYNC) && !r->config.enable_wal)
        return rocks__sync(r, err);
    return ST_OK;
}
