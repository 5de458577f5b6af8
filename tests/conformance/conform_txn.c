/* Conformance: transactions. */
#include "conformance/conform.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct stor_txn *begin(struct conform *f)
{
    struct stor_txn *t = NULL;

    conform_ok(f, stor_txn_begin(f->s, &t, &f->err));
    return t;
}

static void expect(struct conform *f, struct stor_txn *t, struct slice key, struct slice value)
{
    struct buf v = BUF_INIT;
    enum status st = stor_txn_get(t, 0, key, &v, &f->err);

    assert_int_equal(st, value.p ? ST_OK : ST_NOT_FOUND);
    if (value.p)
        assert_true(slice_eq(buf_slice(&v), value));
    buf_free(&v);
}

static void test_commit(void **state)
{
    struct conform *f = *state;

    conform_put(f, 0, SLICE("old"), SLICE("1"));
    struct stor_txn *t = begin(f);
    conform_ok(f, stor_txn_put(t, 0, SLICE("a"), SLICE("1"), &f->err));
    conform_ok(f, stor_txn_put(t, 0, SLICE("a"), SLICE("2"), &f->err));
    conform_ok(f, stor_txn_del(t, 0, SLICE("old"), &f->err));
    conform_ok(f, stor_txn_put(t, 1, SLICE("other"), SLICE(""), &f->err));
    expect(f, t, SLICE("a"), SLICE("2"));
    expect(f, t, SLICE("old"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE("a"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE("old"), SLICE("1"));
    conform_ok(f, stor_txn_commit(t, STOR_SYNC, &f->err));
    conform_expect(f, NULL, 0, SLICE("a"), SLICE("2"));
    conform_expect(f, NULL, 0, SLICE("old"), SLICE_NULL);
    conform_expect(f, NULL, 1, SLICE("other"), SLICE(""));
}

static void test_rollback(void **state)
{
    struct conform *f = *state;
    struct stor_txn *t = begin(f), *u = begin(f);

    assert_true(stor_txn_id(t) != stor_txn_id(u));
    conform_ok(f, stor_txn_put(t, 0, SLICE("a"), SLICE("1"), &f->err));
    stor_txn_rollback(t);
    stor_txn_rollback(u);
    conform_expect(f, NULL, 0, SLICE("a"), SLICE_NULL);
    conform_ok(f, stor_txn_commit(begin(f), 0, &f->err));
}

static void test_isolation(void **state)
{
    struct conform *f = *state;

    conform_put(f, 0, SLICE("a"), SLICE("before"));
    struct stor_txn *t = begin(f);
    conform_put(f, 0, SLICE("a"), SLICE("after"));
    conform_put(f, 0, SLICE("new"), SLICE("after"));
    expect(f, t, SLICE("a"), SLICE("before"));
    expect(f, t, SLICE("new"), SLICE_NULL);
    conform_ok(f, stor_txn_put(t, 0, SLICE("mine"), SLICE("1"), &f->err));
    /* What was only read does not conflict. */
    conform_ok(f, stor_txn_commit(t, 0, &f->err));
    conform_expect(f, NULL, 0, SLICE("mine"), SLICE("1"));
}

static void test_write_conflict(void **state)
{
    struct conform *f = *state;
    struct stor_txn *t = begin(f), *u = begin(f);

    conform_ok(f, stor_txn_put(t, 0, SLICE("a"), SLICE("t"), &f->err));
    conform_ok(f, stor_txn_put(t, 0, SLICE("t"), SLICE("t"), &f->err));
    conform_ok(f, stor_txn_put(u, 0, SLICE("a"), SLICE("u"), &f->err));
    conform_ok(f, stor_txn_commit(u, 0, &f->err));
    assert_int_equal(stor_txn_commit(t, 0, &f->err), ST_CONFLICT);
    conform_expect(f, NULL, 0, SLICE("a"), SLICE("u"));
    conform_expect(f, NULL, 0, SLICE("t"), SLICE_NULL);
}

static void test_read_conflict(void **state)
{
    struct conform *f = *state;
    struct buf v = BUF_INIT;

    for (int changed = 0; changed < 2; changed++) {
        struct stor_txn *t = begin(f);
        assert_int_equal(stor_txn_get_for_update(t, 0, SLICE("a"), &v, &f->err), ST_NOT_FOUND);
        conform_ok(f, stor_txn_put(t, 0, SLICE("b"), SLICE("1"), &f->err));
        if (changed)
            conform_put(f, 0, SLICE("a"), SLICE("1"));
        else
            conform_put(f, 0, SLICE("unrelated"), SLICE("1"));
        assert_int_equal(stor_txn_commit(t, 0, &f->err), changed ? ST_CONFLICT : ST_OK);
    }
    struct stor_txn *t = begin(f);
    conform_ok(f, stor_txn_get_for_update(t, 0, SLICE("a"), &v, &f->err));
    assert_true(slice_eq(buf_slice(&v), SLICE("1")));
    conform_del(f, 0, SLICE("a"));
    assert_int_equal(stor_txn_commit(t, 0, &f->err), ST_CONFLICT);
    buf_free(&v);
}

static void test_iterators_inside(void **state)
{
    struct conform *f = *state;

    for (const char *k = "bdfh"; *k; k++)
        conform_put(f, 0, slice_make(k, 1), SLICE("store"));
    struct stor_txn *t = begin(f);
    struct stor_iter *bare = stor_txn_iter(t, 0, NULL);
    conform_ok(f, stor_txn_put(t, 0, SLICE("a"), SLICE("own"), &f->err));
    conform_ok(f, stor_txn_put(t, 0, SLICE("d"), SLICE("own"), &f->err));
    conform_ok(f, stor_txn_put(t, 0, SLICE("e"), SLICE("own"), &f->err));
    conform_ok(f, stor_txn_del(t, 0, SLICE("f"), &f->err));
    conform_ok(f, stor_txn_del(t, 0, SLICE("g"), &f->err));
    conform_ok(f, stor_txn_put(t, 0, SLICE("i"), SLICE("own"), &f->err));
    conform_put(f, 0, SLICE("c"), SLICE("later"));
    struct stor_iter *it = stor_txn_iter(t, 0, NULL);
    conform_ok(f, stor_txn_put(t, 0, SLICE("bb"), SLICE("after the iterator"), &f->err));
    conform_ok(f, stor_txn_del(t, 0, SLICE("a"), &f->err));
    stor_iter_first(it);
    assert_string_equal(conform_walk(it, true), "a,b,d,e,h,i");
    stor_iter_last(it);
    assert_string_equal(conform_walk(it, false), "i,h,e,d,b,a");
    stor_iter_seek(it, SLICE("d"));
    assert_true(slice_eq(stor_iter_value(it), SLICE("own")));
    stor_iter_next(it);
    stor_iter_next(it);
    assert_true(slice_eq(stor_iter_key(it), SLICE("h")));
    stor_iter_prev(it);
    assert_true(slice_eq(stor_iter_key(it), SLICE("e")));
    stor_iter_prev(it);
    stor_iter_prev(it);
    assert_true(slice_eq(stor_iter_key(it), SLICE("b")));
    stor_iter_next(it);
    assert_true(slice_eq(stor_iter_key(it), SLICE("d")));
    stor_iter_free(it);
    stor_iter_first(bare);
    assert_string_equal(conform_walk(bare, true), "b,d,f,h");
    stor_iter_free(bare);
    struct stor_iter_opts opts = {.lower = SLICE("b"), .upper = SLICE("h")};
    it = stor_txn_iter(t, 0, &opts);
    stor_iter_last(it);
    assert_string_equal(conform_walk(it, false), "e,d,bb,b");
    stor_iter_free(it);
    stor_txn_rollback(t);
}

/* -- Threads ------------------------------------------------------------------------------------------------------------ */

#define ACCOUNTS  8
#define BALANCE   1000
#define TRANSFERS 150

struct bank {
    struct conform *f;
    unsigned seed;
    int failed, conflicts;
};

static int read_balance(const struct buf *v)
{
    char text[16];

    snprintf(text, sizeof text, "%.*s", (int)v->n, v->p);
    return atoi(text);
}

static struct slice account(unsigned i, char *text)
{
    return slice_make(text, (size_t)snprintf(text, 16, "account%u", i));
}

/* Moves money between two accounts; ST_CONFLICT: somebody else was faster. */
static enum status transfer(struct stor *s, unsigned from, unsigned to, int amount)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    char k1[16], k2[16], text[16];
    struct stor_txn *t;
    enum status st = stor_txn_begin(s, &t, NULL);

    if (st != ST_OK)
        return st;
    st = stor_txn_get(t, 0, account(from, k1), &a, NULL);
    if (st == ST_OK)
        st = stor_txn_get(t, 0, account(to, k2), &b, NULL);
    if (st == ST_OK)
        st = stor_txn_put(
            t, 0, account(from, k1),
            slice_make(text, (size_t)snprintf(text, sizeof text, "%d", read_balance(&a) - amount)),
            NULL);
    if (st == ST_OK)
        st = stor_txn_put(
            t, 0, account(to, k2),
            slice_make(text, (size_t)snprintf(text, sizeof text, "%d", read_balance(&b) + amount)),
            NULL);
    if (st == ST_OK)
        st = stor_txn_commit(t, 0, NULL);
    else
        stor_txn_rollback(t);
    buf_free(&a);
    buf_free(&b);
    return st;
}

static void *bank_thread(void *arg)
{
    struct bank *bank = arg;

    for (int i = 0; i < TRANSFERS; i++) {
        unsigned from = (unsigned)rand_r(&bank->seed) % ACCOUNTS;
        unsigned to = (from + 1 + (unsigned)rand_r(&bank->seed) % (ACCOUNTS - 1)) % ACCOUNTS;
        enum status st;
        while ((st = transfer(bank->f->s, from, to, rand_r(&bank->seed) % 50)) == ST_CONFLICT)
            bank->conflicts++;
        bank->failed += st != ST_OK;
    }
    return NULL;
}

/* Plain writes elsewhere, so that transactions do not have the store for themselves. */
static void *noise_thread(void *arg)
{
    struct bank *bank = arg;
    struct stor_batch *b = stor_batch_new(bank->f->s);

    for (unsigned i = 0; i < 2 * TRANSFERS; i++) {
        char key[16];
        stor_batch_clear(b);
        stor_batch_put(b, 1, account(i % 50, key), SLICE("noise"));
        if (i % 10 == 0)
            stor_batch_del_range(b, 1, SLICE("account2"), SLICE("account3"));
        bank->failed += stor_write(bank->f->s, b, 0, NULL) != ST_OK;
    }
    stor_batch_free(b);
    return NULL;
}

/* In every state that a snapshot or an iterator shows, no money is lost. */
static void *audit_thread(void *arg)
{
    struct bank *bank = arg;

    for (int i = 0; i < TRANSFERS; i++) {
        struct stor_snap *snap = NULL;
        int sum = 0, n = 0;
        if (i % 2 && stor_snap_new(bank->f->s, &snap, NULL) != ST_OK)
            bank->failed++;
        struct stor_iter *it = stor_iter_new(bank->f->s, 0, &(struct stor_iter_opts){.snap = snap});
        for (stor_iter_first(it); stor_iter_valid(it); stor_iter_next(it), n++) {
            struct slice v = stor_iter_value(it);
            struct buf copy = BUF_INIT;
            buf_put_slice(&copy, v);
            sum += read_balance(&copy);
            buf_free(&copy);
        }
        stor_iter_free(it);
        stor_snap_free(snap);
        bank->failed += n != ACCOUNTS || sum != ACCOUNTS * BALANCE;
    }
    return NULL;
}

static void test_threads(void **state)
{
    static void *(*const roles[])(void *) = {bank_thread, bank_thread, noise_thread, audit_thread};
    struct conform *f = *state;
    struct bank banks[COUNT_OF(roles)];
    pthread_t threads[COUNT_OF(roles)];
    char key[16];

    for (unsigned i = 0; i < ACCOUNTS; i++)
        conform_put(f, 0, account(i, key), SLICE("1000"));
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        banks[i] = (struct bank){.f = f, .seed = (unsigned)i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, roles[i], &banks[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(banks[i].failed, 0);
    }
    struct bank last = {.f = f};
    audit_thread(&last);
    assert_int_equal(last.failed, 0);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, conform_setup, conform_teardown)
const struct CMUnitTest conform_txn_tests[] = {
    CASE(test_commit),         CASE(test_rollback),      CASE(test_isolation),
    CASE(test_write_conflict), CASE(test_read_conflict), CASE(test_iterators_inside),
    CASE(test_threads),
};
const size_t conform_txn_count = COUNT_OF(conform_txn_tests);
