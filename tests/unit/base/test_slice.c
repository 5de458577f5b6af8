#include "base/slice.h"

#include "base/compiler.h"
#include "unit/cmocka_all.h"

static void test_slice_cmp_orders_by_bytes_then_length(void **state)
{
    static const char *const sorted[] = {"", "A", "AB", "B", "a", "aa", "b", "\xff"};
    for (size_t i = 0; i < COUNT_OF(sorted); i++) {
        for (size_t j = 0; j < COUNT_OF(sorted); j++) {
            int c = slice_cmp(slice_str(sorted[i]), slice_str(sorted[j]));
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
            assert_int_equal(slice_eq(slice_str(sorted[i]), slice_str(sorted[j])), i == j);
        }
    }
    assert_true(slice_eq(SLICE_NULL, SLICE("")));
    assert_int_equal(slice_cmp(SLICE_NULL, SLICE("")), 0);
}

static void test_slice_is_ignores_ascii_case_only(void **state)
{
    assert_true(slice_is(SLICE("GeT"), "gEt"));
    assert_false(slice_is(SLICE("GET"), "GETX"));
    assert_false(slice_is(SLICE("GETX"), "GET"));
    assert_false(slice_is(SLICE("GE\0"), "GE"));
    assert_true(slice_is(SLICE(""), ""));
    assert_false(slice_is(SLICE("@"), "`"));
    assert_false(slice_is(SLICE("["), "{"));
    assert_false(slice_is(SLICE("\xc4"), "\xe4"));
}

static void test_slice_ieq_and_starts(void **state)
{
    assert_true(slice_ieq(SLICE("a\0B"), SLICE("A\0b")));
    assert_false(slice_ieq(SLICE("a"), SLICE("ab")));
    assert_true(slice_starts(SLICE("abc"), SLICE("ab")));
    assert_true(slice_starts(SLICE("abc"), SLICE_NULL));
    assert_false(slice_starts(SLICE("a"), SLICE("ab")));
    assert_false(slice_starts(SLICE("Abc"), SLICE("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slice_cmp_orders_by_bytes_then_length),
        cmocka_unit_test(test_slice_is_ignores_ascii_case_only),
        cmocka_unit_test(test_slice_ieq_and_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
