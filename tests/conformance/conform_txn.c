/* Conformance: transactions. */
#include "conformance/conform.h"

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

#define CASE(t) cmocka_unit_test_setup_teardown(t, conform_setup, conform_teardown)
const struct CMUnitTest conform_txn_tests[] = {
    CASE(test_commit),         CASE(test_rollback),      CASE(test_isolation),
    CASE(test_write_conflict), CASE(test_read_conflict), CASE(test_iterators_inside),
};
const size_t conform_txn_count = COUNT_OF(conform_txn_tests);
