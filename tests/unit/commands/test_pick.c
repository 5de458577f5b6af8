/* pick.h: what is picked is different, in order, and every choice is about as likely as the others. */
#include "commands/pick.h"

#include "base/mem.h"
#include "unit/cmocka_all.h"

static void test_pick_one_covers(void **state)
{
    unsigned seen[7] = {0};
    for (int i = 0; i < 70000; i++)
        seen[pick_one(7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9400, 10600);
    assert_int_equal(pick_one(1), 0);
}

static void test_pick_distinct_ascends(void **state)
{
    unsigned seen[20] = {0};
    for (int round = 0; round < 10000; round++) {
        uint64_t *v = pick_distinct(20, 10);
        assert_non_null(v);
        for (int i = 0; i < 10; i++) {
            assert_true(v[i] < 20 && (i == 0 || v[i - 1] < v[i]));
            seen[v[i]]++;
        }
        mem_free(v);
    }
    for (int i = 0; i < 20; i++)
        assert_in_range(seen[i], 4700, 5300);
}

static void test_pick_next_takes_exactly(void **state)
{
    unsigned seen[9] = {0};
    for (int round = 0; round < 9000; round++) {
        struct pick_walk w = {.left = 9, .wanted = 4};
        unsigned taken = 0;
        for (int i = 0; i < 9; i++) {
            bool yes = pick_next(&w);
            taken += yes;
            seen[i] += yes;
        }
        assert_int_equal(taken, 4);
        assert_int_equal(w.wanted, 0);
    }
    for (int i = 0; i < 9; i++)
        assert_in_range(seen[i], 3700, 4300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pick_one_covers),
        cmocka_unit_test(test_pick_distinct_ascends),
        cmocka_unit_test(test_pick_next_takes_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
