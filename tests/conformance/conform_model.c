/* Conformance: random operations against a model. Keys come from a small set, so that everything collides; the model is a
 * sorted array for each space, copied whole for each snapshot, iterator and transaction. ORBIT_SEED and ORBIT_STEPS repeat
 * or lengthen a run. */
#include "conformance/conform.h"

#include <stdlib.h>

#define SPACES 2
#define HELD   3

struct entry {
    struct slice key, value; /* owned */
};

struct model {
    struct entry *e;
    size_t n, cap;
};

struct held_snap {
    struct stor_snap *snap;
    struct model m[SPACES];
};

struct held_iter {
    struct stor_iter *it;
    struct model m;
    bool placed;
    size_t at;
    size_t from, to; /* what the bounds leave of the model */
};

struct held_txn {
    struct stor_txn *t;
    struct model then[SPACES], own[SPACES];
    struct model touched[SPACES]; /* keys that conflict */
};

struct random_run {
    struct conform *f;
    uint64_t rand;
    struct model m[SPACES];
    struct held_snap snaps[HELD];
    struct held_iter iters[HELD];
    struct held_txn txns[HELD];
};

static uint32_t rnd(struct random_run *r, uint32_t n)
{
    r->rand = r->rand * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((r->rand >> 33) % n);
}

/* -- Model -------------------------------------------------------------------------------------------------------------- */

static struct slice dup(struct slice s)
{
    char *p = mem_alloc(s.n + 1);

    if (s.n)
        memcpy(p, s.p, s.n);
    return slice_make(p, s.n);
}

static void free_slice(struct slice s)
{
    mem_free((void *)(uintptr_t)s.p);
}

static size_t model_find(const struct model *m, struct slice key)
{
    size_t a = 0, b = m->n;

    while (a < b) {
        size_t mid = (a + b) / 2;
        if (slice_cmp(m->e[mid].key, key) < 0)
            a = mid + 1;
        else
            b = mid;
    }
    return a;
}

static const struct entry *model_get(const struct model *m, struct slice key)
{
    size_t i = model_find(m, key);

    return i < m->n && slice_eq(m->e[i].key, key) ? &m->e[i] : NULL;
}

static void model_remove(struct model *m, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        free_slice(m->e[i].key);
        free_slice(m->e[i].value);
    }
    if (from < to)
        memmove(m->e + from, m->e + to, (m->n - to) * sizeof *m->e);
    m->n -= to - from;
}

static void model_put(struct model *m, struct slice key, struct slice value)
{
    size_t i = model_find(m, key);

    if (i < m->n && slice_eq(m->e[i].key, key)) {
        free_slice(m->e[i].value);
        m->e[i].value = dup(value);
        return;
    }
    if (m->n == m->cap) {
        m->cap = m->cap * 2 + 16;
        m->e = mem_realloc(m->e, m->cap * sizeof *m->e);
    }
    memmove(m->e + i + 1, m->e + i, (m->n - i) * sizeof *m->e);
    m->e[i] = (struct entry){dup(key), dup(value)};
    m->n++;
}

static void model_del_range(struct model *m, struct slice from, struct slice to)
{
    size_t a = model_find(m, from), b = to.p ? model_find(m, to) : m->n;

    if (a < b)
        model_remove(m, a, b);
}

static void model_del(struct model *m, struct slice key)
{
    size_t i = model_find(m, key);

    if (i < m->n && slice_eq(m->e[i].key, key))
        model_remove(m, i, i + 1);
}

static void model_free(struct model *m)
{
    model_remove(m, 0, m->n);
    mem_free(m->e);
    *m = (struct model){0};
}

static void model_copy(struct model *to, const struct model *from)
{
    *to = (struct model){0};
    for (size_t i = 0; i < from->n; i++)
        model_put(to, from->e[i].key, from->e[i].value);
}

/* -- Random input ------------------------------------------------------------------------------------------------------- */

static struct slice random_key(struct random_run *r, char *out)
{
    static const char letters[] = {'\0', '\1', 'a', 'b', '\xff'};
    size_t n = rnd(r, 5);

    for (size_t i = 0; i < n; i++)
        out[i] = letters[rnd(r, sizeof letters)];
    if (rnd(r, 12) == 0) {
        /* A long one, of a few with a common beginning. */
        size_t more = 505 + rnd(r, 8);
        memset(out + n, 'x', more);
        n += more;
        out[n++] = letters[rnd(r, sizeof letters)];
    }
    return slice_make(out, n);
}

static struct slice random_value(struct random_run *r, char *out)
{
    size_t n = rnd(r, 10) ? rnd(r, 40) : rnd(r, 3000);

    for (size_t i = 0; i < n; i++)
        out[i] = (char)rnd(r, 256);
    return slice_make(out, n);
}

/* -- Steps -------------------------------------------------------------------------------------------------------------- */

static void step_write(struct random_run *r)
{
    struct stor_batch *b = stor_batch_new(r->f->s);
    char key[600], to[600], value[3000];

    for (uint32_t i = rnd(r, 8) + 1; i > 0; i--) {
        unsigned space = rnd(r, SPACES);
        struct slice k = random_key(r, key), v, t;
        switch (rnd(r, 8)) {
        case 0:
        case 1:
            stor_batch_del(b, space, k);
            model_del(&r->m[space], k);
            break;
        case 2:
            t = rnd(r, 10) ? random_key(r, to) : SLICE_NULL;
            stor_batch_del_range(b, space, k, t);
            model_del_range(&r->m[space], k, t);
            break;
        default:
            v = random_value(r, value);
            stor_batch_put(b, space, k, v);
            model_put(&r->m[space], k, v);
        }
    }
    conform_ok(r->f, stor_write(r->f->s, b, rnd(r, 20) ? 0 : STOR_SYNC, &r->f->err));
    stor_batch_free(b);
}

/* Puts and deletes of one space in order; now and then given up half way. */
static void step_bulk(struct random_run *r)
{
    unsigned space = rnd(r, SPACES);
    struct stor_bulk *b = stor_bulk_new(r->f->s, space);
    struct model sorted = {0};
    bool give_up = rnd(r, 5) == 0;
    char key[600], value[3000];

    for (uint32_t i = rnd(r, 60); i > 0; i--)
        model_put(&sorted, random_key(r, key), random_value(r, value));
    for (size_t i = 0; i < sorted.n; i++) {
        struct slice k = sorted.e[i].key, v = sorted.e[i].value;
        bool del = rnd(r, 3) == 0;
        if (del)
            stor_bulk_del(b, k);
        else
            stor_bulk_put(b, k, v);
        if (give_up)
            continue;
        if (del)
            model_del(&r->m[space], k);
        else
            model_put(&r->m[space], k, v);
    }
    if (give_up)
        stor_bulk_abort(b);
    else
        conform_ok(r->f, stor_bulk_commit(b, &r->f->err));
    model_free(&sorted);
}

static void check_get(struct random_run *r, const struct stor_snap *snap, const struct model *m,
                      unsigned space)
{
    char key[600];
    struct slice k = random_key(r, key);
    const struct entry *e = model_get(m, k);

    conform_expect(r->f, snap, space, k, e ? e->value : SLICE_NULL);
}

/* The whole iterator against a model, one way. */
static void check_walk(struct stor_iter *it, const struct model *m, bool forward)
{
    size_t i = 0;

    for (forward ? stor_iter_first(it) : stor_iter_last(it); stor_iter_valid(it);
         forward ? stor_iter_next(it) : stor_iter_prev(it), i++) {
        assert_true(i < m->n);
        const struct entry *e = &m->e[forward ? i : m->n - 1 - i];
        assert_true(slice_eq(stor_iter_key(it), e->key));
        assert_true(slice_eq(stor_iter_value(it), e->value));
    }
    assert_int_equal(stor_iter_status(it, NULL), ST_OK);
    assert_int_equal(i, m->n);
}

static void check_all(struct random_run *r)
{
    for (unsigned space = 0; space < SPACES; space++) {
        struct stor_iter *it = stor_iter_new(r->f->s, space, NULL);
        check_walk(it, &r->m[space], true);
        check_walk(it, &r->m[space], false);
        stor_iter_free(it);
    }
}

static void step_snapshot(struct random_run *r)
{
    struct held_snap *h = &r->snaps[rnd(r, HELD)];

    if (!h->snap) {
        conform_ok(r->f, stor_snap_new(r->f->s, &h->snap, &r->f->err));
        for (int i = 0; i < SPACES; i++)
            model_copy(&h->m[i], &r->m[i]);
        return;
    }
    unsigned space = rnd(r, SPACES);
    for (int i = 0; i < 5; i++)
        check_get(r, h->snap, &h->m[space], space);
    struct stor_iter_opts opts = {.snap = h->snap};
    struct stor_iter *it = stor_iter_new(r->f->s, space, &opts);
    check_walk(it, &h->m[space], rnd(r, 2));
    stor_iter_free(it);
    if (rnd(r, 3) == 0) {
        stor_snap_free(h->snap);
        h->snap = NULL;
        for (int i = 0; i < SPACES; i++)
            model_free(&h->m[i]);
    }
}

static void iter_close(struct held_iter *h)
{
    stor_iter_free(h->it);
    model_free(&h->m);
    *h = (struct held_iter){0};
}

/* Bounds for a held iterator over m; txn: of this transaction. */
static void iter_open(struct random_run *r, struct held_iter *h, unsigned space,
                      const struct model *m, struct stor_txn *t)
{
    char lower[600], upper[600];
    struct stor_iter_opts opts = {.fill_cache = rnd(r, 2)};

    if (rnd(r, 2))
        opts.lower = random_key(r, lower);
    if (rnd(r, 2))
        opts.upper = random_key(r, upper);
    h->it = t ? stor_txn_iter(t, space, &opts) : stor_iter_new(r->f->s, space, &opts);
    model_copy(&h->m, m);
    h->from = opts.lower.p ? model_find(m, opts.lower) : 0;
    h->to = opts.upper.p ? model_find(m, opts.upper) : m->n;
    if (h->to < h->from)
        h->to = h->from;
    h->placed = false;
}

/* One random move, followed in the model. */
static void iter_move(struct random_run *r, struct held_iter *h)
{
    char key[600];
    struct slice k;
    size_t i;

    switch (h->placed ? rnd(r, 8) : rnd(r, 4)) {
    case 0:
        stor_iter_first(h->it);
        h->placed = h->from < h->to;
        h->at = h->from;
        break;
    case 1:
        stor_iter_last(h->it);
        h->placed = h->from < h->to;
        h->at = h->to - 1;
        break;
    case 2:
        k = random_key(r, key);
        stor_iter_seek(h->it, k);
        i = model_find(&h->m, k);
        h->at = i < h->from ? h->from : i;
        h->placed = h->at < h->to;
        break;
    case 3:
        k = random_key(r, key);
        stor_iter_seek_prev(h->it, k);
        i = model_find(&h->m, k);
        i += i < h->m.n && slice_eq(h->m.e[i].key, k);
        if (i > h->to)
            i = h->to;
        h->placed = i > h->from;
        h->at = i - 1;
        break;
    case 4:
    case 5:
        stor_iter_prev(h->it);
        h->placed = h->at > h->from;
        h->at--;
        break;
    default:
        stor_iter_next(h->it);
        h->at++;
        h->placed = h->at < h->to;
    }
    assert_int_equal(stor_iter_valid(h->it), h->placed);
    if (h->placed) {
        assert_true(slice_eq(stor_iter_key(h->it), h->m.e[h->at].key));
        assert_true(slice_eq(stor_iter_value(h->it), h->m.e[h->at].value));
    } else {
        assert_int_equal(stor_iter_status(h->it, NULL), ST_OK);
    }
}

static void step_iter(struct random_run *r)
{
    struct held_iter *h = &r->iters[rnd(r, HELD)];

    if (!h->it) {
        unsigned space = rnd(r, SPACES);
        iter_open(r, h, space, &r->m[space], NULL);
    }
    for (int i = 0; i < 10; i++)
        iter_move(r, h);
    if (rnd(r, 4) == 0)
        iter_close(h);
}

static void txn_end(struct held_txn *h)
{
    for (int i = 0; i < SPACES; i++) {
        model_free(&h->then[i]);
        model_free(&h->own[i]);
        model_free(&h->touched[i]);
    }
    *h = (struct held_txn){0};
}

static bool txn_conflicts(struct random_run *r, const struct held_txn *h)
{
    for (int s = 0; s < SPACES; s++) {
        for (size_t i = 0; i < h->touched[s].n; i++) {
            const struct entry *then = model_get(&h->then[s], h->touched[s].e[i].key);
            const struct entry *now = model_get(&r->m[s], h->touched[s].e[i].key);
            if (!then != !now || (then && !slice_eq(then->value, now->value)))
                return true;
        }
    }
    return false;
}

static void txn_commit(struct random_run *r, struct held_txn *h)
{
    bool conflict = txn_conflicts(r, h);
    enum status st = stor_txn_commit(h->t, rnd(r, 5) ? 0 : STOR_SYNC, &r->f->err);

    assert_int_equal(st, conflict ? ST_CONFLICT : ST_OK);
    for (int s = 0; s < SPACES && !conflict; s++) {
        for (size_t i = 0; i < h->touched[s].n; i++) {
            const struct entry *e = model_get(&h->own[s], h->touched[s].e[i].key);
            if (h->touched[s].e[i].value.n == 0)
                continue; /* only read */
            if (e)
                model_put(&r->m[s], e->key, e->value);
            else
                model_del(&r->m[s], h->touched[s].e[i].key);
        }
    }
}

static void txn_operate(struct random_run *r, struct held_txn *h)
{
    char key[600], value[3000];
    unsigned space = rnd(r, SPACES);
    struct slice k = random_key(r, key), v;
    const struct entry *e = model_get(&h->own[space], k);
    struct buf got = BUF_INIT;
    enum status st;

    switch (rnd(r, 5)) {
    case 0:
    case 1:
        v = random_value(r, value);
        conform_ok(r->f, stor_txn_put(h->t, space, k, v, &r->f->err));
        model_put(&h->own[space], k, v);
        model_put(&h->touched[space], k, SLICE("w"));
        break;
    case 2:
        conform_ok(r->f, stor_txn_del(h->t, space, k, &r->f->err));
        model_del(&h->own[space], k);
        model_put(&h->touched[space], k, SLICE("w"));
        break;
    default:
        if (rnd(r, 2)) {
            st = stor_txn_get_for_update(h->t, space, k, &got, &r->f->err);
            if (!model_get(&h->touched[space], k))
                model_put(&h->touched[space], k, SLICE(""));
        } else {
            st = stor_txn_get(h->t, space, k, &got, &r->f->err);
        }
        assert_int_equal(st, e ? ST_OK : ST_NOT_FOUND);
        if (e)
            assert_true(slice_eq(buf_slice(&got), e->value));
        buf_free(&got);
    }
}

static void step_txn(struct random_run *r)
{
    struct held_txn *h = &r->txns[rnd(r, HELD)];
    struct held_iter it = {0};

    if (!h->t) {
        conform_ok(r->f, stor_txn_begin(r->f->s, &h->t, &r->f->err));
        for (int i = 0; i < SPACES; i++) {
            model_copy(&h->then[i], &r->m[i]);
            model_copy(&h->own[i], &r->m[i]);
        }
    }
    for (uint32_t i = rnd(r, 6); i > 0; i--)
        txn_operate(r, h);
    if (rnd(r, 2)) {
        unsigned space = rnd(r, SPACES);
        iter_open(r, &it, space, &h->own[space], h->t);
        for (int i = 0; i < 12; i++) {
            if (i % 4 == 0)
                txn_operate(r, h);
            iter_move(r, &it);
        }
        iter_close(&it);
    }
    if (rnd(r, 3) == 0) {
        if (rnd(r, 4))
            txn_commit(r, h);
        else
            stor_txn_rollback(h->t);
        txn_end(h);
    }
}

static void close_all(struct random_run *r)
{
    for (int i = 0; i < HELD; i++) {
        if (r->iters[i].it)
            iter_close(&r->iters[i]);
        stor_snap_free(r->snaps[i].snap);
        r->snaps[i].snap = NULL;
        for (int s = 0; s < SPACES; s++)
            model_free(&r->snaps[i].m[s]);
        stor_txn_rollback(r->txns[i].t);
        txn_end(&r->txns[i]);
    }
}

static void test_random(void **state)
{
    struct conform *f = *state;
    const char *seed = getenv("ORBIT_SEED"), *steps = getenv("ORBIT_STEPS");
    struct random_run *r = mem_calloc(1, sizeof *r);
    uint32_t n = steps ? (uint32_t)strtoul(steps, NULL, 10) : 6000;

    r->f = f;
    r->rand = seed ? strtoull(seed, NULL, 10) : 20250101;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t what = rnd(r, 100);
        if (what < 40)
            step_write(r);
        else if (what < 60)
            check_get(r, NULL, &r->m[what & 1], what & 1);
        else if (what < 75)
            step_iter(r);
        else if (what < 85)
            step_snapshot(r);
        else if (what < 97)
            step_txn(r);
        else if (what < 98)
            check_all(r);
        else if (rnd(r, 2) == 0)
            step_bulk(r);
        else if (rnd(r, 4) == 0)
            conform_ok(f, stor_compact(f->s, rnd(r, SPACES), SLICE_NULL, SLICE_NULL, &f->err));
        else if (rnd(r, 4) == 0) {
            close_all(r);
            conform_close(f);
            conform_open(f);
            check_all(r);
        }
    }
    close_all(r);
    check_all(r);
    conform_ok(f, stor_verify(f->s, &f->err));
    for (int i = 0; i < SPACES; i++)
        model_free(&r->m[i]);
    mem_free(r);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, conform_setup, conform_teardown)
const struct CMUnitTest conform_model_tests[] = {CASE(test_random)};
const size_t conform_model_count = COUNT_OF(conform_model_tests);
