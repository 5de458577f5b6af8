#include "base/arena.h"

#include "unit/cmocka_all.h"

#include <stdio.h>

static void test_arena_alloc_is_aligned_and_apart(void **state)
{
    struct arena *a = arena_new(1024);
    char *all[300];
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        all[i] = arena_alloc(a, i);
        assert_int_equal((uintptr_t)all[i] % 16, 0);
        memset(all[i], (int)i, i);
    }
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_equal((unsigned char)all[i][j], (unsigned char)i);
    }
    arena_free(a);
}

static void test_arena_larger_than_a_chunk(void **state)
{
    struct arena *a = arena_new(256);
    char *big = arena_alloc(a, 1000000);
    memset(big, 1, 1000000);
    char *small = arena_alloc(a, 10);
    memset(small, 2, 10);
    assert_int_equal(big[999999], 1);
    arena_free(a);
}

static void test_arena_reset_gives_all_but_the_first_chunk_back(void **state)
{
    struct arena *a = arena_new(1024);
    size_t empty = arena_bytes(a);
    char *first = arena_alloc(a, 1);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++)
            memset(arena_alloc(a, 500), 0xaa, 500);
        assert_true(arena_bytes(a) >= 50000);
        arena_reset(a);
        assert_int_equal(arena_bytes(a), empty);
        assert_ptr_equal(arena_alloc(a, 1), first);
    }
    arena_free(a);
    arena_free(NULL);
}

static char order[8];

static void note(void *arg)
{
    strncat(order, arg, 1);
}

static void test_arena_on_reset_runs_last_first_and_once(void **state)
{
    struct arena *a = arena_new(0);
    static char one[] = "1", two[] = "2", three[] = "3";
    order[0] = '\0';
    arena_on_reset(a, note, one);
    arena_on_reset(a, note, two);
    arena_on_reset(a, note, three);
    arena_reset(a);
    assert_string_equal(order, "321");
    arena_reset(a);
    assert_string_equal(order, "321");
    arena_on_reset(a, note, one);
    arena_free(a);
    assert_string_equal(order, "3211");
}

static void test_arena_copies(void **state)
{
    struct arena *a = arena_new(256);
    struct slice s = arena_dup(a, SLICE("a\0b"));
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "a\0b", 3);
    assert_int_equal(arena_dup(a, SLICE_NULL).n, 0);
    assert_string_equal(arena_strdup(a, "text"), "text");
    assert_string_equal(arena_printf(a, "%s=%d", "x", 5), "x=5");
    char *wide = arena_printf(a, "%01000d", 7);
    assert_int_equal(strlen(wide), 1000);
    arena_free(a);
}

static void test_arena_try_alloc_refuses_the_impossible(void **state)
{
    struct arena *a = arena_new(256);
    assert_null(arena_try_alloc(a, SIZE_MAX));
    assert_null(arena_try_alloc(a, SIZE_MAX - 15));
    assert_null(arena_try_alloc(a, (size_t)1 << 60));
    assert_non_null(arena_try_alloc(a, 100));
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_alloc_is_aligned_and_apart),
        cmocka_unit_test(test_arena_larger_than_a_chunk),
        cmocka_unit_test(test_arena_reset_gives_all_but_the_first_chunk_back),
        cmocka_unit_test(test_arena_on_reset_runs_last_first_and_once),
        cmocka_unit_test(test_arena_copies),
        cmocka_unit_test(test_arena_try_alloc_refuses_the_impossible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
