#include "engine/metric.h"

#include "unit/cmocka_all.h"

static void sum(void *arg, const struct metric *m)
{
    *(int64_t *)arg += metric_value(m);
}

static void test_metric_life(void **state)
{
    static int one, two;
    struct metric *a, *b, *c;
    struct error err;
    int64_t total = 0;
    assert_int_equal(metric_register(&one, "rows_total", "Rows.", METRIC_COUNTER, &a, &err), ST_OK);
    assert_int_equal(metric_register(&one, "depth", "Depth.", METRIC_GAUGE, &b, &err), ST_OK);
    assert_int_equal(metric_register(&two, "rows_total", "", METRIC_GAUGE, &c, &err), ST_EXISTS);
    assert_int_equal(metric_register(&two, "Rows", "", METRIC_GAUGE, &c, &err), ST_INVALID);
    assert_int_equal(metric_register(&two, "", "", METRIC_GAUGE, &c, &err), ST_INVALID);
    assert_int_equal(metric_register(&two, "other", "", METRIC_GAUGE, &c, &err), ST_OK);
    metric_add(a, 2);
    metric_add(a, 3);
    metric_set(b, 10);
    metric_set(c, 100);
    metric_each(&one, sum, &total);
    assert_int_equal(total, 15);
    metric_owner_drop(&one);
    total = 0;
    metric_each(NULL, sum, &total);
    assert_int_equal(total, 100);
    metric_owner_drop(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_metric_life)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
