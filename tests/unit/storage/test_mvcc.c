#include "storage/mvcc.h"

#include "storage/oplog.h"
#include "unit/cmocka_all.h"

#include <stdio.h>

static void put(struct mvcc *m, const char *key, const char *value)
{
    assert_int_equal(mvcc_put(m, 0, slice_str(key), slice_str(value), NULL), ST_OK);
}

static enum mvcc_found get(struct mvcc *m, const struct mvcc_view *view, const char *key, char *out)
{
    struct buf v = BUF_INIT;
    enum mvcc_found found;

    assert_int_equal(mvcc_get(m, view, 0, slice_str(key), &found, &v, NULL), ST_OK);
    snprintf(out, 16, "%.*s", (int)v.n, v.p ? v.p : "");
    buf_free(&v);
    return found;
}

static void test_versions_and_views(void **state)
{
    struct mvcc *m = mvcc_new(1, false);
    struct mvcc_view v1, v2;
    char text[16];

    put(m, "a", "1");
    mvcc_view_open(m, &v1);
    put(m, "a", "2");
    put(m, "b", "2");
    mvcc_view_open(m, &v2);
    assert_int_equal(mvcc_del(m, 0, SLICE("a"), NULL), ST_OK);
    assert_int_equal(get(m, &v1, "a", text), MVCC_VALUE);
    assert_string_equal(text, "1");
    assert_int_equal(get(m, &v1, "b", text), MVCC_NONE);
    assert_int_equal(get(m, &v2, "a", text), MVCC_VALUE);
    assert_string_equal(text, "2");
    assert_int_equal(get(m, NULL, "a", text), MVCC_DELETED);
    mvcc_view_close(m, &v1);
    assert_int_equal(get(m, &v2, "a", text), MVCC_VALUE);
    mvcc_view_close(m, &v2);
    mvcc_free(m);
}

/* What nobody sees any more is given back. */
static void test_memory_is_given_back(void **state)
{
    struct mvcc *m = mvcc_new(1, false);
    uint64_t empty = mvcc_memory(m);
    struct mvcc_stats stats;
    struct mvcc_view view;

    put(m, "a", "value");
    uint64_t one = mvcc_memory(m);
    for (int i = 0; i < 100; i++)
        put(m, "a", "other");
    assert_int_equal(mvcc_memory(m), one);
    mvcc_view_open(m, &view);
    for (int i = 0; i < 100; i++)
        put(m, "a", "third");
    assert_true(mvcc_memory(m) > one);
    assert_int_equal(mvcc_del(m, 0, SLICE("a"), NULL), ST_OK);
    mvcc_view_close(m, &view);
    assert_int_equal(mvcc_memory(m), empty);
    mvcc_stats(m, &stats);
    assert_int_equal(stats.entries + stats.key_bytes + stats.value_bytes + stats.views, 0);
    mvcc_free(m);
}

/* Over a store, deletions stay until they are below, and views opened before still find theirs. */
static void test_layered(void **state)
{
    struct mvcc *m = mvcc_new(1, true);
    uint64_t empty = mvcc_memory(m);
    struct mvcc_view before, after;
    char text[16];

    put(m, "a", "1");
    assert_int_equal(mvcc_del(m, 0, SLICE("b"), NULL), ST_OK);
    assert_int_equal(get(m, NULL, "b", text), MVCC_DELETED);
    mvcc_view_open(m, &before);
    mvcc_flushed(m, mvcc_seq(m));
    mvcc_view_open(m, &after);
    assert_int_equal(get(m, &before, "a", text), MVCC_VALUE);
    assert_int_equal(get(m, &before, "b", text), MVCC_DELETED);
    assert_int_equal(get(m, &after, "a", text), MVCC_NONE);
    struct mvcc_iter *it = mvcc_iter_new(m, &after, 0, SLICE_NULL, SLICE_NULL);
    mvcc_iter_first(it);
    assert_false(mvcc_iter_valid(it));
    mvcc_iter_free(it);
    mvcc_view_close(m, &before);
    assert_int_equal(mvcc_memory(m), empty);
    mvcc_view_close(m, &after);
    mvcc_free(m);
}

static void test_batch_with_ranges(void **state)
{
    struct mvcc *m = mvcc_new(2, false);
    struct buf log = BUF_INIT;
    struct mvcc_view view;
    char text[16];

    oplog_put(&log, 0, SLICE("a"), SLICE("1"));
    oplog_put(&log, 0, SLICE("b"), SLICE("1"));
    oplog_put(&log, 1, SLICE("b"), SLICE("1"));
    oplog_del_range(&log, 0, SLICE("a"), SLICE("b"));
    oplog_put(&log, 0, SLICE("c"), SLICE("1"));
    oplog_put(&log, 0, SLICE("c"), SLICE("2"));
    assert_int_equal(mvcc_apply(m, buf_slice(&log), NULL), ST_OK);
    assert_int_equal(mvcc_seq(m), 1);
    assert_int_equal(get(m, NULL, "a", text), MVCC_NONE);
    assert_int_equal(get(m, NULL, "b", text), MVCC_VALUE);
    assert_int_equal(get(m, NULL, "c", text), MVCC_VALUE);
    assert_string_equal(text, "2");
    assert_int_equal(mvcc_range_bytes(m, 0, SLICE(""), SLICE_NULL), 4);
    assert_int_equal(mvcc_range_bytes(m, 0, SLICE("c"), SLICE_NULL), 2);
    mvcc_view_open(m, &view);
    struct mvcc_iter *it = mvcc_iter_new(m, &view, 0, SLICE("a"), SLICE("c"));
    mvcc_iter_last(it);
    assert_true(slice_eq(mvcc_iter_key(it), SLICE("b")));
    /* The iterator's place survives what happens to its key. */
    assert_int_equal(mvcc_del(m, 0, SLICE("b"), NULL), ST_OK);
    assert_true(slice_eq(mvcc_iter_value(it), SLICE("1")));
    mvcc_iter_prev(it);
    assert_false(mvcc_iter_valid(it));
    mvcc_iter_free(it);
    mvcc_view_close(m, &view);
    buf_free(&log);
    mvcc_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_and_views),
        cmocka_unit_test(test_memory_is_given_back),
        cmocka_unit_test(test_layered),
        cmocka_unit_test(test_batch_with_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
