#include "unit/storage/storage_fixture.h"

static void test_options(void **state)
{
    static const char *const good[] = {"memtable_size_mb",
                                       "1",
                                       "enable_bloom_filters",
                                       "false",
                                       "sstable_block_size_kb",
                                       "8",
                                       "max_levels",
                                       "8",
                                       "enable_compression",
                                       "no",
                                       NULL};
    static const char *const twins[] = {"memtable_size_mb", "1", "write_buffer_mb", "1", NULL};
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "lsm", good);

    assert_string_equal(stor_provider(s), "lsm_tree");
    stor_close(s);
    assert_int_equal(fixture_try(f, "LsmTree", twins, &s), ST_INVALID);
}

static void test_files(void **state)
{
    struct fixture *f = *state;
    char path[256];

    stor_close(fixture_open(f, "lsm_tree", NULL));
    snprintf(path, sizeof path, "%s/manifest.json", f->path);
    assert_int_equal(access(path, R_OK), 0);
    snprintf(path, sizeof path, "%s/sstables/CURRENT", f->path);
    assert_int_equal(access(path, R_OK), 0);
}

/* Above the sample, the number of keys is an estimate of the right size. */
static void test_key_estimate(void **state)
{
    static const char *const options[] = {"memtable_size_mb", "1", NULL};
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "lsm_tree", options);
    struct stor_batch *b = stor_batch_new(s);
    struct stor_stats stats;
    char key[32];

    for (int i = 0; i < 40000; i++)
        stor_batch_put(b, (unsigned)i & 1,
                       slice_make(key, (size_t)snprintf(key, sizeof key, "%08x", i * 2654435761u)),
                       SLICE("some forty bytes of value, more or less."));
    assert_int_equal(stor_write(s, b, 0, &f->err), ST_OK);
    stor_batch_free(b);
    assert_int_equal(stor_compact(s, 0, SLICE_NULL, SLICE_NULL, NULL), ST_OK);
    assert_int_equal(stor_compact(s, 1, SLICE_NULL, SLICE_NULL, NULL), ST_OK);
    stor_stats(s, &stats);
    assert_in_range(stats.total_keys, 20000, 80000);
    stor_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_options),
        CASE(test_files),
        CASE(test_key_estimate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
