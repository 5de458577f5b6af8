#include "unit/storage/storage_fixture.h"

#include <sys/stat.h>

static void test_options(void **state)
{
    static const char *const good[] = {"compression",
                                       "false",
                                       "block_cache_size",
                                       "16mb",
                                       "write_buffer_mb",
                                       "2",
                                       "max_background_jobs",
                                       "2",
                                       "enable_wal",
                                       "true",
                                       "enable_statistics",
                                       "false",
                                       "max_open_files",
                                       "-1",
                                       NULL};
    static const char *const twins[] = {"block_cache_mb", "16", "block_cache_size", "16777216",
                                        NULL};
    static const char *const bad[] = {"max_background_jobs", "many", NULL};
    struct fixture *f = *state;
    struct stor *s;

    s = fixture_open(f, "RocksDb", good);
    assert_string_equal(stor_provider(s), "rocksdb");
    stor_close(s);
    assert_int_equal(fixture_try(f, "rocksdb", twins, &s), ST_INVALID);
    assert_string_equal(
        f->err.message,
        "rocksdb: options 'block_cache_mb' and 'block_cache_size' exclude each other");
    assert_int_equal(fixture_try(f, "rocksdb", bad, &s), ST_INVALID);
    assert_null(s);
}

/* Without its log, what was synced or closed is there again. */
static void test_without_wal(void **state)
{
    static const char *const options[] = {"enable_wal", "false", NULL};
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "rocksdb", options);

    assert_int_equal(fixture_put(s, "a", "1", STOR_SYNC), ST_OK);
    assert_int_equal(fixture_put(s, "b", "2", 0), ST_OK);
    assert_int_equal(stor_sync(s, &f->err), ST_OK);
    assert_int_equal(fixture_put(s, "c", "3", 0), ST_OK);
    stor_close(s);
    s = fixture_open(f, "rocksdb", options);
    assert_string_equal(fixture_get(s, "a"), "1");
    assert_string_equal(fixture_get(s, "b"), "2");
    assert_string_equal(fixture_get(s, "c"), "3");
    stor_close(s);
}

/* A bulk of several files: all of it is there at once, and none of an aborted one. */
static void test_long_bulk(void **state)
{
    static const char *const options[] = {"target_file_size_base", "65536", NULL};
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "rocksdb", options);
    struct stor_bulk *bulk[2] = {stor_bulk_new(s, 0), stor_bulk_new(s, 0)};
    char key[16], value[1000];

    assert_true(stor_bulk_native(s));
    for (unsigned i = 0; i < 2000; i++) {
        for (size_t k = 0; k < sizeof value; k++)
            value[k] = (char)(i * 2654435761u >> (k % 24));
        snprintf(key, sizeof key, "key%06u", i);
        stor_bulk_put(bulk[0], slice_str(key), slice_make(value, sizeof value));
        snprintf(key, sizeof key, "lost%06u", i);
        stor_bulk_put(bulk[1], slice_str(key), slice_make(value, sizeof value));
    }
    assert_null(fixture_get(s, "key000000"));
    assert_int_equal(stor_bulk_commit(bulk[0], &f->err), ST_OK);
    stor_bulk_abort(bulk[1]);
    stor_close(s);
    s = fixture_open(f, "rocksdb", options);
    struct stor_iter *it = stor_iter_new(s, 0, &(struct stor_iter_opts){.fill_cache = false});
    unsigned n = 0;
    for (stor_iter_first(it); stor_iter_valid(it); stor_iter_next(it), n++) {
        snprintf(key, sizeof key, "key%06u", n);
        assert_true(slice_eq(stor_iter_key(it), slice_str(key)));
        assert_int_equal(stor_iter_value(it).n, sizeof value);
    }
    assert_int_equal(n, 2000);
    stor_iter_free(it);
    stor_close(s);
}

/* Two stores in one process share a cache and close in any order. */
static void test_two_stores(void **state)
{
    struct fixture *f = *state;
    struct fixture g = *f;
    char dir[160];
    struct stat sb;

    snprintf(dir, sizeof dir, "%.100s/second", f->path);
    snprintf(g.path, sizeof g.path, "%.120s", dir);
    struct stor *a = fixture_open(f, "rocksdb", (const char *const[]){"block_cache_mb", "4", NULL});
    struct stor *b =
        fixture_open(&g, "rocksdb", (const char *const[]){"block_cache_mb", "8", NULL});
    assert_int_equal(stat(dir, &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0750);
    fixture_put(a, "k", "a", 0);
    fixture_put(b, "k", "b", 0);
    assert_string_equal(fixture_get(a, "k"), "a");
    stor_close(a);
    assert_string_equal(fixture_get(b, "k"), "b");
    stor_close(b);
}

static void test_cache_counters(void **state)
{
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "rocksdb", NULL);
    struct stor_metrics m;

    fixture_put(s, "k", "v", 0);
    assert_int_equal(stor_compact(s, 0, SLICE_NULL, SLICE_NULL, NULL), ST_OK);
    for (int i = 0; i < 10; i++)
        assert_string_equal(fixture_get(s, "k"), "v");
    stor_metrics(s, &m);
    assert_true(m.cache_hits > 0 && m.cache_misses > 0);
    stor_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_options),    CASE(test_without_wal),    CASE(test_long_bulk),
        CASE(test_two_stores), CASE(test_cache_counters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
