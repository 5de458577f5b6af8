/* Conformance: order, iterators, snapshots. */
#include "conformance/conform.h"

static void fill(struct conform *f, const char *keys)
{
    for (; *keys; keys++)
        conform_put(f, 0, slice_make(keys, 1), SLICE("v"));
}

static struct stor_iter *bounded(struct conform *f, const struct stor_snap *snap,
                                 struct slice lower, struct slice upper)
{
    struct stor_iter_opts opts = {.snap = snap, .lower = lower, .upper = upper};

    return stor_iter_new(f->s, 0, &opts);
}

static void test_empty_store(void **state)
{
    struct conform *f = *state;
    struct stor_iter *it = stor_iter_new(f->s, 0, NULL);

    assert_false(stor_iter_valid(it));
    stor_iter_first(it);
    assert_false(stor_iter_valid(it));
    stor_iter_last(it);
    assert_false(stor_iter_valid(it));
    stor_iter_seek(it, SLICE("a"));
    assert_false(stor_iter_valid(it));
    stor_iter_seek_prev(it, SLICE("a"));
    assert_false(stor_iter_valid(it));
    conform_ok(f, stor_iter_status(it, &f->err));
    stor_iter_free(it);
}

static void test_both_ways(void **state)
{
    struct conform *f = *state;

    fill(f, "cadbe");
    struct stor_iter *it = stor_iter_new(f->s, 0, NULL);
    stor_iter_first(it);
    assert_string_equal(conform_walk(it, true), "a,b,c,d,e");
    stor_iter_last(it);
    assert_string_equal(conform_walk(it, false), "e,d,c,b,a");
    stor_iter_seek(it, SLICE("bb"));
    assert_true(slice_eq(stor_iter_key(it), SLICE("c")));
    stor_iter_prev(it);
    assert_true(slice_eq(stor_iter_key(it), SLICE("b")));
    stor_iter_next(it);
    stor_iter_next(it);
    assert_true(slice_eq(stor_iter_key(it), SLICE("d")));
    assert_true(slice_eq(stor_iter_value(it), SLICE("v")));
    stor_iter_seek_prev(it, SLICE("bb"));
    assert_true(slice_eq(stor_iter_key(it), SLICE("b")));
    stor_iter_seek_prev(it, SLICE("c"));
    assert_true(slice_eq(stor_iter_key(it), SLICE("c")));
    stor_iter_seek(it, SLICE("c"));
    assert_true(slice_eq(stor_iter_key(it), SLICE("c")));
    stor_iter_seek(it, SLICE("f"));
    assert_false(stor_iter_valid(it));
    stor_iter_seek_prev(it, SLICE("Z"));
    assert_false(stor_iter_valid(it));
    stor_iter_seek_prev(it, SLICE("zzz"));
    assert_true(slice_eq(stor_iter_key(it), SLICE("e")));
    stor_iter_free(it);
}

static void test_bounds(void **state)
{
    struct conform *f = *state;

    fill(f, "abcdefg");
    struct stor_iter *it = bounded(f, NULL, SLICE("b"), SLICE("e"));
    stor_iter_first(it);
    assert_string_equal(conform_walk(it, true), "b,c,d");
    stor_iter_last(it);
    assert_string_equal(conform_walk(it, false), "d,c,b");
    stor_iter_seek(it, SLICE("a"));
    assert_string_equal(conform_walk(it, true), "b,c,d");
    stor_iter_seek(it, SLICE("e"));
    assert_false(stor_iter_valid(it));
    stor_iter_seek_prev(it, SLICE("g"));
    assert_string_equal(conform_walk(it, false), "d,c,b");
    stor_iter_seek_prev(it, SLICE("a"));
    assert_false(stor_iter_valid(it));
    stor_iter_free(it);
    it = bounded(f, NULL, SLICE("bb"), SLICE_NULL);
    stor_iter_first(it);
    assert_string_equal(conform_walk(it, true), "c,d,e,f,g");
    stor_iter_last(it);
    assert_string_equal(conform_walk(it, false), "g,f,e,d,c");
    stor_iter_free(it);
    it = bounded(f, NULL, SLICE_NULL, SLICE("cc"));
    stor_iter_last(it);
    assert_string_equal(conform_walk(it, false), "c,b,a");
    stor_iter_free(it);
    it = bounded(f, NULL, SLICE("e"), SLICE("c"));
    stor_iter_first(it);
    assert_false(stor_iter_valid(it));
    stor_iter_last(it);
    assert_false(stor_iter_valid(it));
    stor_iter_free(it);
    it = bounded(f, NULL, SLICE_NULL, SLICE(""));
    stor_iter_first(it);
    assert_false(stor_iter_valid(it));
    stor_iter_free(it);
}

static void test_binary_order(void **state)
{
    static const struct slice keys[] = {
        {"", 0},         {"\0", 1},           {"\0\0", 2},     {"\0a", 2},  {"\1", 1},
        {"a", 1},        {"a\0", 2},          {"a\0b", 3},     {"a\1", 2},  {"aa", 2},
        {"\x7f", 1},     {"\x80", 1},         {"\xfe\xff", 2}, {"\xff", 1}, {"\xff\0", 2},
        {"\xff\xff", 2}, {"\xff\xff\xff", 3},
    };
    struct conform *f = *state;

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        conform_put(f, 0, keys[(i * 7 + 3) % COUNT_OF(keys)], keys[(i * 7 + 3) % COUNT_OF(keys)]);
    for (int round = 0; round < 2; round++) {
        struct stor_iter *it = stor_iter_new(f->s, 0, NULL);
        stor_iter_first(it);
        for (size_t i = 0; i < COUNT_OF(keys); i++, stor_iter_next(it)) {
            assert_true(stor_iter_valid(it));
            assert_true(slice_eq(stor_iter_key(it), keys[i]));
            assert_true(slice_eq(stor_iter_value(it), keys[i]));
        }
        assert_false(stor_iter_valid(it));
        stor_iter_last(it);
        for (size_t i = COUNT_OF(keys); i-- > 0; stor_iter_prev(it))
            assert_true(stor_iter_valid(it) && slice_eq(stor_iter_key(it), keys[i]));
        assert_false(stor_iter_valid(it));
        stor_iter_free(it);
        conform_close(f);
        conform_open(f);
    }
}

static void test_prefix(void **state)
{
    struct conform *f = *state;

    conform_put(f, 0, SLICE("user"), SLICE(""));
    conform_put(f, 0, SLICE("user:1"), SLICE(""));
    conform_put(f, 0, SLICE("user:2"), SLICE(""));
    conform_put(f, 0, SLICE("user;"), SLICE(""));
    conform_put(f, 0, SLICE("usez"), SLICE(""));
    struct stor_iter *it = bounded(f, NULL, SLICE("user:"), SLICE("user;"));
    stor_iter_first(it);
    assert_string_equal(conform_walk(it, true), "user:1,user:2");
    stor_iter_free(it);
}

/* An iterator shows the state at its creation. */
static void test_iterator_is_stable(void **state)
{
    struct conform *f = *state;

    fill(f, "abcd");
    struct stor_iter *it = stor_iter_new(f->s, 0, NULL);
    stor_iter_first(it);
    conform_del(f, 0, SLICE("a"));
    conform_del(f, 0, SLICE("c"));
    conform_put(f, 0, SLICE("bb"), SLICE("new"));
    conform_put(f, 0, SLICE("d"), SLICE("new"));
    conform_ok(f, stor_sync(f->s, &f->err));
    assert_true(slice_eq(stor_iter_key(it), SLICE("a")));
    assert_string_equal(conform_walk(it, true), "a,b,c,d");
    stor_iter_seek(it, SLICE("d"));
    assert_true(slice_eq(stor_iter_value(it), SLICE("v")));
    stor_iter_free(it);
    it = stor_iter_new(f->s, 0, NULL);
    stor_iter_last(it);
    assert_string_equal(conform_walk(it, false), "d,bb,b");
    stor_iter_free(it);
}

static void test_snapshots(void **state)
{
    struct conform *f = *state;
    struct stor_snap *s1, *s2;
    struct stor_batch *b = stor_batch_new(f->s);

    conform_put(f, 0, SLICE("a"), SLICE("1"));
    conform_put(f, 0, SLICE("b"), SLICE("1"));
    conform_ok(f, stor_snap_new(f->s, &s1, &f->err));
    conform_put(f, 0, SLICE("a"), SLICE("2"));
    conform_del(f, 0, SLICE("b"));
    conform_put(f, 0, SLICE("c"), SLICE("2"));
    conform_ok(f, stor_snap_new(f->s, &s2, &f->err));
    stor_batch_del_range(b, 0, SLICE_NULL, SLICE_NULL);
    conform_ok(f, stor_write(f->s, b, STOR_SYNC, &f->err));
    stor_batch_free(b);
    conform_ok(f, stor_compact(f->s, 0, SLICE_NULL, SLICE_NULL, &f->err));
    conform_expect(f, s1, 0, SLICE("a"), SLICE("1"));
    conform_expect(f, s1, 0, SLICE("b"), SLICE("1"));
    conform_expect(f, s1, 0, SLICE("c"), SLICE_NULL);
    conform_expect(f, s2, 0, SLICE("a"), SLICE("2"));
    conform_expect(f, s2, 0, SLICE("b"), SLICE_NULL);
    conform_expect(f, s2, 0, SLICE("c"), SLICE("2"));
    conform_expect(f, NULL, 0, SLICE("a"), SLICE_NULL);
    struct stor_iter *it = bounded(f, s1, SLICE_NULL, SLICE_NULL);
    stor_iter_first(it);
    assert_string_equal(conform_walk(it, true), "a,b");
    stor_iter_free(it);
    stor_snap_free(s1);
    it = bounded(f, s2, SLICE_NULL, SLICE_NULL);
    stor_iter_last(it);
    assert_string_equal(conform_walk(it, false), "c,a");
    stor_iter_free(it);
    stor_snap_free(s2);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, conform_setup, conform_teardown)
const struct CMUnitTest conform_iter_tests[] = {
    CASE(test_empty_store),  CASE(test_both_ways), CASE(test_bounds),
    CASE(test_binary_order), CASE(test_prefix),    CASE(test_iterator_is_stable),
    CASE(test_snapshots),
};
const size_t conform_iter_count = COUNT_OF(conform_iter_tests);
