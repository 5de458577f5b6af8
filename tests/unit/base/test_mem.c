#include "base/mem.h"

#include "unit/cmocka_all.h"

#include <string.h>

static void test_mem_alloc_family(void **state)
{
    char *p = mem_alloc(10);
    memset(p, 1, 10);
    p = mem_realloc(p, 1000);
    assert_int_equal(p[9], 1);
    assert_true(mem_usable(p) >= 1000);
    mem_free(p);
    p = mem_calloc(10, 10);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    mem_free(p);
    mem_free(NULL);
    p = mem_alloc(0);
    assert_non_null(p);
    p = mem_realloc(p, 0);
    assert_non_null(p);
    mem_free(p);
}

static void test_mem_strdup_and_strndup(void **state)
{
    char *p = mem_strdup("abc");
    assert_string_equal(p, "abc");
    mem_free(p);
    p = mem_strndup("abcdef", 3);
    assert_string_equal(p, "abc");
    mem_free(p);
    p = mem_strndup(NULL, 0);
    assert_string_equal(p, "");
    mem_free(p);
}

static void test_mem_try_refuses_the_impossible(void **state)
{
    assert_null(mem_try_alloc(SIZE_MAX));
    assert_null(mem_try_alloc((size_t)1 << 62));
    char *p = mem_try_alloc(5);
    assert_non_null(p);
    memcpy(p, "keep", 5);
    assert_null(mem_try_realloc(p, SIZE_MAX));
    assert_string_equal(p, "keep");
    mem_free(p);
}

static void test_mem_counters_are_plausible(void **state)
{
    size_t used = mem_used();
    assert_true(used > 0);
    assert_true(mem_rss() > 4096);
    assert_true(mem_peak() >= mem_used());
    mem_peak_reset();
    assert_true(mem_peak() >= mem_used());
    struct mem_allocator_stats stats;
    mem_allocator_stats(&stats);
    if (strcmp(mem_allocator_name(), "libc") != 0) {
        assert_int_equal(strncmp(mem_allocator_name(), "jemalloc-", 9), 0);
        assert_true(stats.allocated > 0 && stats.active >= stats.allocated && stats.resident > 0);
        char *report = mem_allocator_report();
        assert_non_null(strstr(report, "jemalloc"));
        mem_free(report);
    } else {
        assert_int_equal(stats.allocated, 0);
        assert_null(mem_allocator_report());
    }
    mem_purge();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem_alloc_family),
        cmocka_unit_test(test_mem_strdup_and_strndup),
        cmocka_unit_test(test_mem_try_refuses_the_impossible),
        cmocka_unit_test(test_mem_counters_are_plausible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
