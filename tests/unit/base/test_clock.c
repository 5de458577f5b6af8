#include "base/clock.h"

#include "unit/cmocka_all.h"

static void test_clock_runs(void **state)
{
    int64_t us = clock_wall_us(), ms = clock_wall_ms();
    assert_true(us > 1600000000000000);
    assert_true(ms >= us / 1000);
    int64_t mono = clock_mono_us();
    assert_true(clock_mono_us() >= mono);
}

static void test_clock_cached_stays_until_refresh(void **state)
{
    clock_freeze_ms(1000);
    assert_int_equal(clock_cached_ms(), 1000);
    assert_int_equal(clock_cached_us(), 1000000);
    clock_freeze_ms(5000);
    assert_int_equal(clock_wall_ms(), 5000);
    assert_int_equal(clock_cached_ms(), 5000);
    clock_freeze_ms(-1);
    assert_true(clock_wall_ms() > 1600000000000);
    int64_t cached = clock_cached_us();
    while (clock_wall_us() == cached)
        continue;
    assert_int_equal(clock_cached_us(), cached);
    clock_refresh();
    assert_true(clock_cached_us() >= cached);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_runs),
        cmocka_unit_test(test_clock_cached_stays_until_refresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
