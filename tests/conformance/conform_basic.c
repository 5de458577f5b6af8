/* Conformance: gets, batches, range deletes, sizes of keys and values, metrics. */
#include "conformance/conform.h"

#include <stdio.h>

static void test_get_missing(void **state)
{
    struct conform *f = *state;

    conform_expect(f, NULL, 0, SLICE("nothing"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE_NULL, SLICE_NULL);
}

static void test_put_get_delete(void **state)
{
    struct conform *f = *state;

    conform_put(f, 0, SLICE("a"), SLICE("1"));
    conform_expect(f, NULL, 0, SLICE("a"), SLICE("1"));
    conform_put(f, 0, SLICE("a"), SLICE("two"));
    conform_expect(f, NULL, 0, SLICE("a"), SLICE("two"));
    conform_del(f, 0, SLICE("a"));
    conform_expect(f, NULL, 0, SLICE("a"), SLICE_NULL);
    conform_del(f, 0, SLICE("a"));
}

static void test_spaces_are_apart(void **state)
{
    struct conform *f = *state;

    conform_put(f, 0, SLICE("k"), SLICE("zero"));
    conform_put(f, 1, SLICE("k"), SLICE("one"));
    conform_expect(f, NULL, 0, SLICE("k"), SLICE("zero"));
    conform_expect(f, NULL, 1, SLICE("k"), SLICE("one"));
    conform_del(f, 0, SLICE("k"));
    conform_expect(f, NULL, 0, SLICE("k"), SLICE_NULL);
    conform_expect(f, NULL, 1, SLICE("k"), SLICE("one"));
}

static void test_empty_key_and_value(void **state)
{
    struct conform *f = *state;

    conform_put(f, 0, SLICE(""), SLICE("of the empty key"));
    conform_put(f, 0, SLICE("empty"), SLICE(""));
    conform_put(f, 0, SLICE("null"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE(""), SLICE("of the empty key"));
    conform_expect(f, NULL, 0, SLICE_NULL, SLICE("of the empty key"));
    conform_expect(f, NULL, 0, SLICE("empty"), SLICE(""));
    conform_expect(f, NULL, 0, SLICE("null"), SLICE(""));
    conform_del(f, 0, SLICE(""));
    conform_expect(f, NULL, 0, SLICE(""), SLICE_NULL);
}

static void test_long_keys(void **state)
{
    static const size_t sizes[] = {500, 508, 509, 510, 511, 512, 513, 1000, 4096, 65536};
    struct conform *f = *state;
    char *key = mem_alloc(65536);

    memset(key, 'k', 65536);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            char value[32];
            int n = snprintf(value, sizeof value, "%zu", sizes[i]);
            if (round == 0)
                conform_put(f, 0, slice_make(key, sizes[i]), slice_make(value, (size_t)n));
            else
                conform_expect(f, NULL, 0, slice_make(key, sizes[i]), slice_make(value, (size_t)n));
        }
        conform_ok(f, stor_sync(f->s, &f->err));
    }
    conform_expect(f, NULL, 0, slice_make(key, 514), SLICE_NULL);
    struct stor_iter *it = stor_iter_new(f->s, 0, NULL);
    stor_iter_first(it);
    for (size_t i = 0; i < COUNT_OF(sizes); i++, stor_iter_next(it)) {
        assert_true(stor_iter_valid(it));
        assert_int_equal(stor_iter_key(it).n, sizes[i]);
    }
    assert_false(stor_iter_valid(it));
    stor_iter_seek(it, slice_make(key, 514));
    assert_int_equal(stor_iter_key(it).n, 1000);
    stor_iter_seek_prev(it, slice_make(key, 514));
    assert_int_equal(stor_iter_key(it).n, 513);
    stor_iter_free(it);
    conform_del(f, 0, slice_make(key, 512));
    conform_expect(f, NULL, 0, slice_make(key, 512), SLICE_NULL);
    conform_expect(f, NULL, 0, slice_make(key, 511), SLICE("511"));
    conform_expect(f, NULL, 0, slice_make(key, 513), SLICE("513"));
    mem_free(key);
}

static void test_large_value(void **state)
{
    struct conform *f = *state;
    size_t n = 8 << 20;
    char *value = mem_alloc(n);

    for (size_t i = 0; i < n; i++)
        value[i] = (char)(i * 2654435761u >> 13);
    conform_put(f, 0, SLICE("large"), slice_make(value, n));
    conform_expect(f, NULL, 0, SLICE("large"), slice_make(value, n));
    conform_ok(f, stor_sync(f->s, &f->err));
    conform_close(f);
    conform_open(f);
    conform_expect(f, NULL, 0, SLICE("large"), slice_make(value, n));
    mem_free(value);
}

static void test_bulk(void **state)
{
    struct conform *f = *state;
    struct stor_bulk *b = stor_bulk_new(f->s, 0);

    conform_put(f, 0, SLICE("b"), SLICE("old"));
    conform_put(f, 0, SLICE("c"), SLICE("old"));
    conform_put(f, 0, SLICE("kept"), SLICE("old"));
    conform_put(f, 1, SLICE("b"), SLICE("elsewhere"));
    stor_bulk_put(b, SLICE("a"), SLICE("new"));
    stor_bulk_put(b, SLICE("b"), SLICE("new"));
    stor_bulk_del(b, SLICE("c"));
    stor_bulk_del(b, SLICE("missing"));
    conform_expect(f, NULL, 0, SLICE("a"), SLICE_NULL); /* nothing shows before the commit */
    conform_ok(f, stor_bulk_commit(b, &f->err));
    conform_expect(f, NULL, 0, SLICE("a"), SLICE("new"));
    conform_expect(f, NULL, 0, SLICE("b"), SLICE("new"));
    conform_expect(f, NULL, 0, SLICE("c"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE("kept"), SLICE("old"));
    conform_expect(f, NULL, 1, SLICE("b"), SLICE("elsewhere"));
    conform_put(f, 0, SLICE("a"), SLICE("newer"));
    conform_expect(f, NULL, 0, SLICE("a"), SLICE("newer"));
    conform_ok(f, stor_bulk_commit(stor_bulk_new(f->s, 0), &f->err)); /* an empty one */
    b = stor_bulk_new(f->s, 0);
    stor_bulk_put(b, SLICE("a"), SLICE("given up"));
    stor_bulk_abort(b);
    stor_bulk_abort(NULL);
    conform_close(f);
    conform_open(f);
    conform_expect(f, NULL, 0, SLICE("a"), SLICE("newer"));
    conform_expect(f, NULL, 0, SLICE("b"), SLICE("new"));
    conform_expect(f, NULL, 0, SLICE("c"), SLICE_NULL);
}

static void test_batch_order(void **state)
{
    struct conform *f = *state;
    struct stor_batch *b = stor_batch_new(f->s);

    conform_put(f, 0, SLICE("kept"), SLICE("old"));
    conform_put(f, 0, SLICE("r1"), SLICE("old"));
    stor_batch_put(b, 0, SLICE("a"), SLICE("1"));
    stor_batch_put(b, 0, SLICE("a"), SLICE("2"));
    stor_batch_put(b, 0, SLICE("b"), SLICE("1"));
    stor_batch_del(b, 0, SLICE("b"));
    stor_batch_del(b, 0, SLICE("c"));
    stor_batch_put(b, 0, SLICE("c"), SLICE("1"));
    stor_batch_put(b, 0, SLICE("r2"), SLICE("in the batch"));
    stor_batch_put(b, 1, SLICE("r2"), SLICE("elsewhere"));
    stor_batch_del_range(b, 0, SLICE("r"), SLICE("s"));
    stor_batch_put(b, 0, SLICE("r3"), SLICE("after the range"));
    assert_int_equal(stor_batch_count(b), 10);
    assert_int_equal(stor_batch_bytes(b), 54);
    conform_ok(f, stor_write(f->s, b, 0, &f->err));
    conform_expect(f, NULL, 0, SLICE("a"), SLICE("2"));
    conform_expect(f, NULL, 0, SLICE("b"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE("c"), SLICE("1"));
    conform_expect(f, NULL, 0, SLICE("r1"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE("r2"), SLICE_NULL);
    conform_expect(f, NULL, 1, SLICE("r2"), SLICE("elsewhere"));
    conform_expect(f, NULL, 0, SLICE("r3"), SLICE("after the range"));
    conform_expect(f, NULL, 0, SLICE("kept"), SLICE("old"));
    stor_batch_clear(b);
    assert_int_equal(stor_batch_count(b), 0);
    conform_ok(f, stor_write(f->s, b, STOR_SYNC, &f->err));
    stor_batch_put(b, 0, SLICE("again"), SLICE("x"));
    conform_ok(f, stor_write(f->s, b, STOR_SYNC, &f->err));
    conform_ok(f, stor_write(f->s, b, 0, &f->err));
    conform_expect(f, NULL, 0, SLICE("again"), SLICE("x"));
    stor_batch_free(b);
}

static void test_range_delete(void **state)
{
    static const char high[] =
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    struct conform *f = *state;
    struct stor_batch *b = stor_batch_new(f->s);
    struct slice highest = slice_make(high, sizeof high - 1);

    for (const char *k = "abcdefg"; *k; k++) {
        conform_put(f, 0, slice_make(k, 1), SLICE("v"));
        conform_put(f, 1, slice_make(k, 1), SLICE("v"));
    }
    conform_put(f, 0, SLICE(""), SLICE("v"));
    conform_put(f, 0, highest, SLICE("v"));
    stor_batch_del_range(b, 0, SLICE("b"), SLICE("d"));
    stor_batch_del_range(b, 0, SLICE("e"), SLICE("e"));
    stor_batch_del_range(b, 0, SLICE("f"), SLICE("a"));
    assert_int_equal(stor_batch_count(b), 1);
    conform_ok(f, stor_write(f->s, b, 0, &f->err));
    struct stor_iter *it = stor_iter_new(f->s, 0, &(struct stor_iter_opts){.upper = SLICE("z")});
    stor_iter_first(it);
    assert_string_equal(conform_walk(it, true), ",a,d,e,f,g" + 1);
    stor_iter_free(it);
    conform_expect(f, NULL, 0, SLICE("c"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE("d"), SLICE("v"));
    conform_expect(f, NULL, 1, SLICE("c"), SLICE("v"));
    stor_batch_clear(b);
    stor_batch_put(b, 0, highest, SLICE("in the batch"));
    stor_batch_del_range(b, 0, SLICE("e"), SLICE_NULL);
    conform_ok(f, stor_write(f->s, b, 0, &f->err));
    conform_expect(f, NULL, 0, SLICE("d"), SLICE("v"));
    conform_expect(f, NULL, 0, SLICE("e"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE("g"), SLICE_NULL);
    conform_expect(f, NULL, 0, highest, SLICE_NULL);
    stor_batch_clear(b);
    stor_batch_del_range(b, 0, SLICE_NULL, SLICE_NULL);
    conform_ok(f, stor_write(f->s, b, 0, &f->err));
    it = stor_iter_new(f->s, 0, NULL);
    stor_iter_first(it);
    assert_false(stor_iter_valid(it));
    stor_iter_free(it);
    conform_expect(f, NULL, 1, SLICE("g"), SLICE("v"));
    stor_batch_free(b);
}

static void test_multi_get(void **state)
{
    struct conform *f = *state;
    struct slice keys[200];
    struct buf vals[200] = {{0}};
    enum status st[200];
    char text[200][8];

    for (int i = 0; i < 200; i++) {
        keys[i] = slice_make(text[i], (size_t)snprintf(text[i], sizeof text[i], "k%d", 199 - i));
        if (i % 3)
            conform_put(f, 0, keys[i], keys[i]);
    }
    keys[1] = SLICE_NULL;
    conform_ok(f, stor_multi_get(f->s, NULL, 0, 200, keys, vals, st, &f->err));
    for (int i = 0; i < 200; i++) {
        assert_int_equal(st[i], i % 3 && i != 1 ? ST_OK : ST_NOT_FOUND);
        if (st[i] == ST_OK)
            assert_true(slice_eq(buf_slice(&vals[i]), keys[i]));
    }
    struct stor_snap *snap;
    conform_ok(f, stor_snap_new(f->s, &snap, &f->err));
    conform_del(f, 0, keys[2]);
    conform_ok(f, stor_multi_get(f->s, snap, 0, 3, keys, vals, st, &f->err));
    assert_int_equal(st[2], ST_OK);
    stor_snap_free(snap);
    conform_ok(f, stor_multi_get(f->s, NULL, 0, 3, keys, vals, st, &f->err));
    assert_int_equal(st[2], ST_NOT_FOUND);
    for (int i = 0; i < 200; i++)
        buf_free(&vals[i]);
}

static void test_metrics(void **state)
{
    struct conform *f = *state;
    struct stor_batch *b = stor_batch_new(f->s);
    struct slice keys[] = {SLICE("a"), SLICE("b"), SLICE("x")};
    struct buf vals[3] = {{0}};
    enum status st[3];
    struct stor_metrics m;

    stor_metrics(f->s, &m);
    assert_int_equal(m.read_operations + m.write_operations + m.delete_operations, 0);
    stor_batch_put(b, 0, SLICE("a"), SLICE("1"));
    stor_batch_put(b, 0, SLICE("b"), SLICE("2"));
    stor_batch_put(b, 1, SLICE("c"), SLICE("3"));
    stor_batch_del(b, 0, SLICE("d"));
    stor_batch_del_range(b, 0, SLICE("e"), SLICE("f"));
    conform_ok(f, stor_write(f->s, b, 0, &f->err));
    conform_del(f, 0, SLICE("d"));
    conform_expect(f, NULL, 0, SLICE("a"), SLICE("1"));
    conform_expect(f, NULL, 0, SLICE("x"), SLICE_NULL);
    conform_ok(f, stor_multi_get(f->s, NULL, 0, 3, keys, vals, st, &f->err));
    struct stor_iter *it = stor_iter_new(f->s, 0, NULL);
    stor_iter_first(it);
    stor_iter_next(it);
    stor_iter_seek(it, SLICE("b"));
    stor_iter_free(it);
    stor_metrics(f->s, &m);
    assert_int_equal(m.read_operations, 2 + 3 + 2);
    assert_int_equal(m.write_operations, 3);
    assert_int_equal(m.delete_operations, 3);
    assert_int_equal(m.error_count, 0);
    assert_true(m.read_latency_avg > 0 && m.write_latency_avg > 0 && m.delete_latency_avg > 0);
    stor_batch_free(b);
    for (int i = 0; i < 3; i++)
        buf_free(&vals[i]);
}

static void test_stats_and_health(void **state)
{
    struct conform *f = *state;
    struct stor_stats stats;
    char reason[256] = "x", key[16];
    struct buf report = BUF_INIT;

    for (int i = 0; i < 1000; i++)
        conform_put(f, 0, slice_make(key, (size_t)snprintf(key, sizeof key, "key%05d", i)),
                    SLICE("0123456789abcdefghij"));
    conform_ok(f, stor_sync(f->s, &f->err));
    conform_ok(f, stor_compact(f->s, 0, SLICE_NULL, SLICE_NULL, &f->err));
    stor_stats(f->s, &stats);
    assert_in_range(stats.total_keys, 900, 1100);
    assert_true(stats.total_size_bytes > 0 && stats.memory_usage_bytes > 0);
    assert_true(stats.average_key_size >= 7 && stats.average_key_size <= 9);
    assert_true(stats.average_value_size >= 19 && stats.average_value_size <= 21);
    if (stor_caps(f->s) & STOR_CAP_DURABLE)
        assert_true(stats.disk_usage_bytes > 0);
    assert_int_equal(stor_health(f->s, reason, sizeof reason), STOR_HEALTHY);
    assert_string_equal(reason, "");
    stor_report(f->s, &report);
    assert_true(report.n > 0);
    buf_free(&report);
}

static void test_approximate_size(void **state)
{
    struct conform *f = *state;
    uint64_t all = 0, part = 0, none = 1;
    char key[16], value[1000];

    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (char)(i * i * 7 + i);
    for (int i = 0; i < 1000; i++) {
        value[i] = (char)(i * 31);
        conform_put(f, 0, slice_make(key, (size_t)snprintf(key, sizeof key, "%04d", i)),
                    slice_make(value, sizeof value));
    }
    conform_ok(f, stor_compact(f->s, 0, SLICE_NULL, SLICE_NULL, &f->err));
    conform_ok(f, stor_approx_size(f->s, 0, SLICE_NULL, SLICE_NULL, &all, &f->err));
    conform_ok(f, stor_approx_size(f->s, 0, SLICE("0000"), SLICE("0500"), &part, &f->err));
    conform_ok(f, stor_approx_size(f->s, 0, SLICE("5"), SLICE("5"), &none, &f->err));
    assert_true(all > 0);
    assert_true(part > 0 && part < all);
    assert_int_equal(none, 0);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, conform_setup, conform_teardown)
const struct CMUnitTest conform_basic_tests[] = {
    CASE(test_get_missing),
    CASE(test_put_get_delete),
    CASE(test_spaces_are_apart),
    CASE(test_empty_key_and_value),
    CASE(test_long_keys),
    CASE(test_large_value),
    CASE(test_bulk),
    CASE(test_batch_order),
    CASE(test_range_delete),
    CASE(test_multi_get),
    CASE(test_metrics),
    CASE(test_stats_and_health),
    CASE(test_approximate_size),
};
const size_t conform_basic_count = COUNT_OF(conform_basic_tests);
