/* Transactions for any provider with snapshots.
 *
 * begin takes a snapshot; writes stay in memory; commit keeps other writers out, compares each key that was written or read
 * for update with what the snapshot has, and applies everything as one batch. The comparison is by value: a key that was
 * changed and changed back does not conflict, because a transaction that began now would see the same. When nothing at all
 * was written since begin, no key is compared. */
#include "base/mem.h"
#include "storage/merge.h"
#include "storage/storage_priv.h"

struct stor_txn {
    struct stor *s;
    uint64_t id;
    uint64_t generation; /* of the store at begin */
    void *snap;
    struct mvcc *own;  /* writes; NULL until the first */
    struct mvcc *read; /* keys read for update; NULL until the first */
    size_t iters;
};

enum status stor_txn_begin(struct stor *s, struct stor_txn **out, struct error *err)
{
    void *snap = NULL;

    orbit_assert(s->magic == STOR_MAGIC);
    *out = NULL;
    if (!s->p->snap_new)
        return error_set(err, ST_UNSUPPORTED, "%s: the provider has no transactions", s->p->name);
    /* Read before the snapshot is taken: a write in between is looked at twice, never missed. */
    uint64_t generation = atomic_load(&s->generation);
    enum status st = s->p->snap_new(s->h, &snap, err);
    if (st != ST_OK)
        return stor__result(s, st);
    struct stor_txn *t = mem_calloc(1, sizeof *t);
    t->s = s;
    t->id = atomic_fetch_add(&s->next_txn_id, 1) + 1;
    t->generation = generation;
    t->snap = snap;
    atomic_fetch_add(&s->open_handles, 1);
    *out = t;
    return ST_OK;
}

static void txn_free(struct stor_txn *t)
{
    orbit_assert(t->iters == 0);
    t->s->p->snap_free(t->s->h, t->snap);
    atomic_fetch_sub(&t->s->open_handles, 1);
    mvcc_free(t->own);
    mvcc_free(t->read);
    mem_free(t);
}

uint64_t stor_txn_id(const struct stor_txn *t)
{
    return t->id;
}

enum status stor_txn_get(struct stor_txn *t, unsigned space, struct slice key, struct buf *v,
                         struct error *err)
{
    enum mvcc_found found = MVCC_NONE;
    enum status st = ST_OK;

    orbit_assert(space < t->s->nspaces);
    key = stor__norm(key);
    stor__count(&t->s->reads, 1);
    if (t->own)
        st = mvcc_get(t->own, NULL, space, key, &found, v, err);
    if (st != ST_OK || found == MVCC_VALUE)
        return st;
    if (found == MVCC_DELETED)
        return ST_NOT_FOUND;
    return stor__result(t->s, t->s->p->get(t->s->h, t->snap, space, key, v, err));
}

enum status stor_txn_get_for_update(struct stor_txn *t, unsigned space, struct slice key,
                                    struct buf *v, struct error *err)
{
    if (!t->read)
        t->read = mvcc_new(t->s->nspaces, true);
    enum status st = mvcc_del(t->read, space, stor__norm(key), err);
    return st == ST_OK ? stor_txn_get(t, space, key, v, err) : st;
}

enum status stor_txn_put(struct stor_txn *t, unsigned space, struct slice key, struct slice value,
                         struct error *err)
{
    orbit_assert(space < t->s->nspaces);
    if (!t->own)
        t->own = mvcc_new(t->s->nspaces, true);
    return mvcc_put(t->own, space, stor__norm(key), stor__norm(value), err);
}

enum status stor_txn_del(struct stor_txn *t, unsigned space, struct slice key, struct error *err)
{
    orbit_assert(space < t->s->nspaces);
    if (!t->own)
        t->own = mvcc_new(t->s->nspaces, true);
    return mvcc_del(t->own, space, stor__norm(key), err);
}

/* -- Commit ------------------------------------------------------------------------------------------------------------- */

/* Compares one key of the snapshot with the newest state. */
static enum status check_key(struct stor_txn *t, unsigned space, struct slice key, struct buf *then,
                             struct buf *now, struct error *err)
{
    struct stor *s = t->s;
    enum status a = s->p->get(s->h, t->snap, space, key, then, err);
    enum status b;

    if (a != ST_OK && a != ST_NOT_FOUND)
        return stor__result(s, a);
    b = s->p->get(s->h, NULL, space, key, now, err);
    if (b != ST_OK && b != ST_NOT_FOUND)
        return stor__result(s, b);
    if (a != b || (a == ST_OK && !slice_eq(buf_slice(then), buf_slice(now))))
        return error_set(err, ST_CONFLICT, "a key of the transaction has been changed by another");
    return ST_OK;
}

/* Visits the keys of m: each one is checked, or, with a batch, added to it. */
static enum status visit(struct stor_txn *t, struct mvcc *m, struct stor_batch *b,
                         struct error *err)
{
    struct buf then = BUF_INIT, now = BUF_INIT;
    struct mvcc_view view;
    enum status st = ST_OK;

    if (!m)
        return ST_OK;
    mvcc_view_open(m, &view);
    for (unsigned space = 0; space < t->s->nspaces && st == ST_OK; space++) {
        struct mvcc_iter *it = mvcc_iter_new(m, &view, space, SLICE_NULL, SLICE_NULL);
        for (mvcc_iter_first(it); mvcc_iter_valid(it) && st == ST_OK; mvcc_iter_next(it)) {
            if (!b)
                st = check_key(t, space, mvcc_iter_key(it), &then, &now, err);
            else if (mvcc_iter_deleted(it))
                stor_batch_del(b, space, mvcc_iter_key(it));
            else
                stor_batch_put(b, space, mvcc_iter_key(it), mvcc_iter_value(it));
        }
        mvcc_iter_free(it);
    }
    mvcc_view_close(m, &view);
    buf_free(&then);
    buf_free(&now);
    return st;
}

enum status stor_txn_commit(struct stor_txn *t, unsigned flags, struct error *err)
{
    struct stor *s = t->s;
    struct stor_batch *b = stor_batch_new(s);
    enum status st = visit(t, t->own, b, err);

    pthread_rwlock_wrlock(&s->write_lock);
    if (st == ST_OK && atomic_load(&s->generation) != t->generation) {
        st = visit(t, t->own, NULL, err);
        if (st == ST_OK)
            st = visit(t, t->read, NULL, err);
    }
    if (st == ST_OK && (stor_batch_count(b) > 0 || (flags & STOR_SYNC)))
        st = stor__write_locked(s, b, flags, err);
    pthread_rwlock_unlock(&s->write_lock);
    stor_batch_free(b);
    txn_free(t);
    return st;
}

void stor_txn_rollback(struct stor_txn *t)
{
    if (t)
        txn_free(t);
}

/* -- Iterators ---------------------------------------------------------------------------------------------------------- */

struct txn_iter {
    struct stor_txn *t;
    struct mvcc_view view;
    bool has_view;
};

static void txn_iter_done(void *p)
{
    struct txn_iter *it = p;

    if (it->has_view)
        mvcc_view_close(it->t->own, &it->view);
    it->t->iters--;
    mem_free(it);
}

/* Only the iter_ members: stor_iter calls a transaction's iterator as it calls a provider's. */
static const struct stor_provider txn_iter_table = {
    .name = "transaction",
    .iter_free = merge_iter_free,
    .iter_first = merge_iter_first,
    .iter_last = merge_iter_last,
    .iter_seek = merge_iter_seek,
    .iter_seek_prev = merge_iter_seek_prev,
    .iter_next = merge_iter_next,
    .iter_prev = merge_iter_prev,
    .iter_valid = merge_iter_valid,
    .iter_key = merge_iter_key,
    .iter_value = merge_iter_value,
    .iter_status = merge_iter_status,
};

struct stor_iter *stor_txn_iter(struct stor_txn *t, unsigned space,
                                const struct stor_iter_opts *opts)
{
    static const struct stor_iter_opts all = {.fill_cache = true};
    struct txn_iter *it = mem_calloc(1, sizeof *it);
    struct mvcc_iter *over = NULL;
    struct stor *s = t->s;

    orbit_assert(space < s->nspaces);
    if (!opts)
        opts = &all;
    it->t = t;
    t->iters++;
    if (t->own) {
        mvcc_view_open(t->own, &it->view);
        it->has_view = true;
        over = mvcc_iter_new(t->own, &it->view, space, opts->lower, opts->upper);
    }
    void *base = s->p->iter_new(s->h, space, opts, t->snap);
    struct merge_iter *m = merge_iter_new(s->p, base, over, txn_iter_done, it);
    return stor__iter_wrap(s, &txn_iter_table, m, opts);
}
