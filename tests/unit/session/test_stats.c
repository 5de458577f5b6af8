/* Latency histograms and error kinds. */
#include "session/stats.h"

#include "session/command.h"
#include "unit/cmocka_all.h"

#include <stdio.h>

static void test_command_latency_percentile(void **state)
{
    struct command cmd = {.name = "x"};
    assert_int_equal(command_latency_percentile(NULL, 50), 0);
    for (int us = 1; us <= 1000; us++)
        command_latency_add(&cmd, us);
    assert_int_equal(command_latency_count(cmd.latency), 1000);
    uint64_t p50 = command_latency_percentile(cmd.latency, 50),
             p100 = command_latency_percentile(cmd.latency, 100);
    assert_in_range(p50, 500000, 508000);
    assert_in_range(p100, 1000000, 1016000);
    assert_in_range(command_latency_percentile(cmd.latency, 0), 1000, 1016);
    command_latency_reset(&cmd);
    assert_null(cmd.latency);
}

static void test_command_latency_extremes(void **state)
{
    struct command cmd = {.name = "x"};
    command_latency_add(&cmd, 0);
    command_latency_add(&cmd, INT64_MAX / 1000);
    assert_int_equal(command_latency_percentile(cmd.latency, 50), 1);
    assert_in_range(command_latency_percentile(cmd.latency, 100), 1000000000, 1015000000);
    assert_int_equal(command_latency_at_most(cmd.latency, 1), 1);
    assert_int_equal(command_latency_at_most(cmd.latency, UINT64_MAX), 2);
    command_latency_reset(&cmd);
}

static void test_command_latency_at_most(void **state)
{
    struct command cmd = {.name = "x"};
    for (int us = 1; us <= 100; us++)
        command_latency_add(&cmd, us);
    assert_in_range(command_latency_at_most(cmd.latency, 50000), 49, 51);
    assert_int_equal(command_latency_at_most(cmd.latency, 999), 0);
    command_latency_reset(&cmd);
}

static void test_sess_stats_error_is_bounded(void **state)
{
    char code[64];
    for (int i = 0; i < 1000; i++) {
        int n = snprintf(code, sizeof code, "CODE%d", i);
        struct slice kept = sess_stats_error(slice_make(code, (size_t)n));
        assert_true(slice_eq(kept, slice_make(code, (size_t)n)));
    }
    memset(code, 'X', sizeof code);
    assert_true(sess_stats_error(slice_make(code, sizeof code)).n < sizeof code);
    assert_int_equal(sess_stats.errors, 1001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_latency_percentile),
        cmocka_unit_test(test_command_latency_extremes),
        cmocka_unit_test(test_command_latency_at_most),
        cmocka_unit_test(test_sess_stats_error_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
