#include "base/num.h"

#include "base/compiler.h"
#include "base/hash.h"
#include "unit/cmocka_all.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void test_num_parse_int_accepts_canonical_only(void **state)
{
    static const char *const refused[] = {"",
                                          "-",
                                          "+1",
                                          " 1",
                                          "1 ",
                                          "01",
                                          "-0",
                                          "-01",
                                          "1a",
                                          "0x1",
                                          "1.0",
                                          "9223372036854775808",
                                          "-9223372036854775809",
                                          "18446744073709551616",
                                          "100000000000000000000",
                                          "--1",
                                          "00"};
    int64_t v;
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_false(num_parse_int(slice_str(refused[i]), &v));
    static const int64_t good[] = {0,   1,         -1,        9,         10,
                                   -10, INT32_MAX, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        char text[NUM_BUF];
        size_t n = num_format_int(text, good[i]);
        assert_true(num_parse_int(slice_make(text, n), &v));
        assert_int_equal(v, good[i]);
    }
    assert_false(num_parse_int(SLICE("1\0"), &v));
}

static void test_num_parse_uint_limits(void **state)
{
    uint64_t v;
    assert_true(num_parse_uint(SLICE("18446744073709551615"), &v));
    assert_int_equal(v, UINT64_MAX);
    assert_false(num_parse_uint(SLICE("18446744073709551616"), &v));
    assert_false(num_parse_uint(SLICE("99999999999999999999"), &v));
    assert_false(num_parse_uint(SLICE("-1"), &v));
    assert_false(num_parse_uint(SLICE_NULL, &v));
}

static void test_num_format_int_as_printf(void **state)
{
    for (int i = 0; i < 20000; i++) {
        int64_t v = (int64_t)(hash_rand64() >> (i % 64));
        if (i & 64)
            v = -v;
        char ours[NUM_BUF], theirs[NUM_BUF];
        size_t n = num_format_int(ours, v);
        assert_int_equal(n, snprintf(theirs, sizeof(theirs), "%" PRId64, v));
        assert_string_equal(ours, theirs);
    }
}

static void test_num_digits_at_each_power(void **state)
{
    uint64_t power = 1;
    for (unsigned digits = 1; digits < 20; digits++) {
        assert_int_equal(num_digits(power), digits);
        assert_int_equal(num_digits(power * 10 - 1), digits);
        power *= 10;
    }
    assert_int_equal(num_digits(0), 1);
    assert_int_equal(num_digits(UINT64_MAX), 20);
}

static void test_num_parse_double_table(void **state)
{
    static const char *const refused[] = {"",       " ",   " 1", "1 ",    "nan", "NaN",
                                          "-nan",   "abc", "1e", "1.2.3", "--1", "1e400",
                                          "-1e400", "\t1", ".",  "-",     "+",   "1,5"};
    double v;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        if (num_parse_double(slice_str(refused[i]), &v))
            fail_msg("took \"%s\"", refused[i]);
    }
    static const struct {
        const char *text;
        double want;
    } good[] = {
        {"0", 0},
        {"1", 1},
        {"-1.5", -1.5},
        {"3.", 3},
        {".5", 0.5},
        {"-.5", -0.5},
        {"1e3", 1000},
        {"+1", 1},
        {"0x10", 16},
        {"inf", INFINITY},
        {"-inf", -INFINITY},
        {"+inf", INFINITY},
        {"0.1", 0.1},
        {"1e-310", 1e-310},
        {"123456789012345.6", 123456789012345.6},
        {"00012", 12},
        {"0.30000000000000004", 0.1 + 0.2},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(num_parse_double(slice_str(good[i].text), &v));
        assert_true(v == good[i].want);
    }
    assert_false(num_parse_double(SLICE("1\0"), &v));
    assert_true(num_parse_double(SLICE("-0"), &v) && v == 0 && signbit(v));
}

static void test_num_parse_double_as_strtod(void **state)
{
    for (int i = 0; i < 50000; i++) {
        char text[NUM_BUF];
        int n = snprintf(text, sizeof(text), "%s%" PRIu64 ".%0*" PRIu64, i & 1 ? "-" : "",
                         hash_rand64() % 100000000, 1 + i % 7, hash_rand64() % 10);
        double v;
        assert_true(num_parse_double(slice_make(text, (size_t)n), &v));
        assert_true(v == strtod(text, NULL));
    }
}

static void test_num_format_double_table(void **state)
{
    static const struct {
        double v;
        const char *want;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-2.5, "-2.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {3.14159, "3.14159"},
        {1e7, "10000000"},
        {123456789012.0, "123456789012"},
        {1e16, "10000000000000000"},
        {1e17, "100000000000000000"},
        {1e20, "1e+20"},
        {1e21, "1e+21"},
        {1.5e300, "1.5e+300"},
        {1e-7, "1e-7"},
        {0.00003, "0.00003"},
        {9007199254740993.0, "9007199254740992"},
        {5e-324, "5e-324"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        /* Redis's digits, which are not the fewest here. */
        {37.85675588994037, "37.856755889940374"},
        {52.31953680445665, "52.319536804456646"},
        {59.64352871938598, "59.643528719385984"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[NUM_BUF];
        size_t n = num_format_double(text, rows[i].v);
        assert_string_equal(text, rows[i].want);
        assert_int_equal(n, strlen(text));
    }
}

static void round_trip(double v)
{
    char text[NUM_BUF];
    size_t n = num_format_double(text, v);
    assert_true(n < NUM_BUF);
    double back;
    if (!num_parse_double(slice_make(text, n), &back) || back != v)
        fail_msg("%a became \"%s\"", v, text);
}

static void test_num_format_double_round_trips(void **state)
{
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = hash_rand64();
        double v;
        memcpy(&v, &bits, sizeof(v));
        if (isfinite(v))
            round_trip(v);
        round_trip((double)(int64_t)(hash_rand64() >> (i % 60)) / 1000.0);
        round_trip((double)(hash_rand64() % 1000000007) / 7.0);
    }
}

static void test_num_ldouble_as_incrbyfloat(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"3.0", "3"}, {"10.5", "10.5"}, {"0.1", "0.1"}, {"5.0e3", "5000"}, {"-1.50", "-1.5"},
        {"-0", "0"},  {"1e2", "100"},   {"inf", "inf"}, {"-inf", "-inf"},  {"100", "100"},
    };
    char text[NUM_LDOUBLE_BUF];
    long double v;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(num_parse_ldouble(slice_str(rows[i].text), &v));
        size_t n = num_format_ldouble(text, v);
        assert_string_equal(text, rows[i].want);
        assert_int_equal(n, strlen(text));
    }
    assert_false(num_parse_ldouble(SLICE("nan"), &v));
    assert_false(num_parse_ldouble(SLICE(" 1"), &v));
    assert_false(num_parse_ldouble(SLICE("1 "), &v));
    assert_false(num_parse_ldouble(SLICE(""), &v));
    assert_false(num_parse_ldouble(SLICE("1e5000"), &v));
    /* The longest there is fits. */
    assert_true(num_format_ldouble(text, LDBL_MAX) > 4900);
}

static void test_num_parse_refuses_endless_text(void **state)
{
    static char digits[NUM_LDOUBLE_BUF + 1];
    memset(digits, '1', sizeof(digits));
    double d;
    long double l;
    assert_false(num_parse_double(slice_make(digits, sizeof(digits)), &d));
    assert_false(num_parse_ldouble(slice_make(digits, sizeof(digits)), &l));
}

static void test_num_parse_memory_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t want;
    } rows[] = {
        {"0", 0},        {"1024", 1024},     {"5b", 5},          {"1k", 1000},        {"1KB", 1024},
        {"2m", 2000000}, {"64mb", 64 << 20}, {"1g", 1000000000}, {"3Gb", 3ull << 30}, {"007", 7},
    };
    uint64_t v;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(num_parse_memory(slice_str(rows[i].text), &v));
        assert_int_equal(v, rows[i].want);
    }
    static const char *const refused[] = {
        "", "-1", "mb", "1tb", "1 mb", "1.5gb", "18446744073709551616", "18446744073709551615kb"};
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_false(num_parse_memory(slice_str(refused[i]), &v));
}

static void test_format_shortest(void **state)
{
    static const struct {
        double v;
        const char *shortest, *plain;
    } cases[] = {
        {0, "0", "0"},
        {-0.0, "-0", "-0"},
        {1, "1", "1"},
        {100, "100", "100"},
        {1e15, "1e+15", "1000000000000000"},
        {-1e17, "-1e+17", "-100000000000000000"},
        {123456789012345680.0, "123456789012345680", "123456789012345680"},
        {1.5e300, "1.5e+300", "1.5e+300"},
        {0.1, "0.1", "0.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[NUM_BUF];
        assert_int_equal(num_format_shortest(text, cases[i].v), strlen(cases[i].shortest));
        assert_string_equal(text, cases[i].shortest);
        assert_int_equal(num_format_double(text, cases[i].v), strlen(cases[i].plain));
        assert_string_equal(text, cases[i].plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_shortest),
        cmocka_unit_test(test_num_parse_int_accepts_canonical_only),
        cmocka_unit_test(test_num_parse_uint_limits),
        cmocka_unit_test(test_num_format_int_as_printf),
        cmocka_unit_test(test_num_digits_at_each_power),
        cmocka_unit_test(test_num_parse_double_table),
        cmocka_unit_test(test_num_parse_double_as_strtod),
        cmocka_unit_test(test_num_format_double_table),
        cmocka_unit_test(test_num_format_double_round_trips),
        cmocka_unit_test(test_num_ldouble_as_incrbyfloat),
        cmocka_unit_test(test_num_parse_refuses_endless_text),
        cmocka_unit_test(test_num_parse_memory_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
