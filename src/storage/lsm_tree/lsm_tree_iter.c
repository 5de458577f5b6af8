/* Iterators of the lsm_tree provider. LevelDB knows no bounds: they are tested after each move. */
#include "base/mem.h"
#include "storage/lsm_tree/lsm_tree_priv.h"

struct lsm_iter {
    struct lsm *l;
    unsigned space;
    leveldb_iterator_t *it;
    struct buf lower, upper, key; /* with the space in front */
    bool valid;
};

static struct slice current(const struct lsm_iter *it)
{
    size_t n;
    const char *p = leveldb_iter_key(it->it, &n);

    return slice_make(p, n);
}

static void check(struct lsm_iter *it)
{
    it->valid = leveldb_iter_valid(it->it) && slice_cmp(current(it), buf_slice(&it->lower)) >= 0 &&
                slice_cmp(current(it), buf_slice(&it->upper)) < 0;
}

void *lsm__iter_new(void *h, unsigned space, const struct stor_iter_opts *opts, void *snap)
{
    struct lsm_iter *it = mem_calloc(1, sizeof *it);
    leveldb_readoptions_t *read = leveldb_readoptions_create();
    const struct lsm_snap *s = snap;

    it->l = h;
    it->space = space;
    leveldb_readoptions_set_verify_checksums(read, 1);
    leveldb_readoptions_set_fill_cache(read, opts->fill_cache);
    if (s)
        leveldb_readoptions_set_snapshot(read, s->snap);
    it->it = leveldb_create_iterator(it->l->db, read);
    leveldb_readoptions_destroy(read);
    lsm__key(it->l, space, opts->lower, &it->lower);
    if (opts->upper.p)
        lsm__key(it->l, space, opts->upper, &it->upper);
    else
        lsm__space_end(it->l, space, &it->upper);
    return it;
}

void lsm__iter_free(void *p)
{
    struct lsm_iter *it = p;

    leveldb_iter_destroy(it->it);
    buf_free(&it->lower);
    buf_free(&it->upper);
    buf_free(&it->key);
    mem_free(it);
}

void lsm__iter_first(void *p)
{
    struct lsm_iter *it = p;

    leveldb_iter_seek(it->it, it->lower.p, it->lower.n);
    check(it);
}

/* To the last key below the given one, or at it. */
static void seek_back(struct lsm_iter *it, const struct buf *key, bool or_equal)
{
    leveldb_iter_seek(it->it, key->p, key->n);
    if (!leveldb_iter_valid(it->it))
        leveldb_iter_seek_to_last(it->it);
    else if (!or_equal || !slice_eq(current(it), buf_slice(key)))
        leveldb_iter_prev(it->it);
    check(it);
}

void lsm__iter_last(void *p)
{
    struct lsm_iter *it = p;

    seek_back(it, &it->upper, false);
}

void lsm__iter_seek(void *p, struct slice key)
{
    struct lsm_iter *it = p;

    lsm__key(it->l, it->space, key, &it->key);
    leveldb_iter_seek(it->it, it->key.p, it->key.n);
    check(it);
}

void lsm__iter_seek_prev(void *p, struct slice key)
{
    struct lsm_iter *it = p;

    lsm__key(it->l, it->space, key, &it->key);
    seek_back(it, &it->key, true);
}

void lsm__iter_next(void *p)
{
    struct lsm_iter *it = p;

    leveldb_iter_next(it->it);
    check(it);
}

void lsm__iter_prev(void *p)
{
    struct lsm_iter *it = p;

    leveldb_iter_prev(it->it);
    check(it);
}

bool lsm__iter_valid(const void *p)
{
    return ((const struct lsm_iter *)p)->valid;
}

struct slice lsm__iter_key(const void *p)
{
    struct slice key = current(p);

    return slice_make(key.p + LSM_PREFIX, key.n - LSM_PREFIX);
}

struct slice lsm__iter_value(const void *p)
{
    size_t n;
    const char *value = leveldb_iter_value(((const struct lsm_iter *)p)->it, &n);

    return slice_make(value, n);
}

enum status lsm__iter_status(const void *p, struct error *err)
{
    const struct lsm_iter *it = p;
    char *message = NULL;

    leveldb_iter_get_error(it->it, &message);
    return message ? lsm__error(it->l, message, "scan", err) : ST_OK;
}
