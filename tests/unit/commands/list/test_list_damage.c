/* Lists whose pages in the store are partly lost: whatever a command meets, its answer is whole, what it says it did is done,
 * what it did before it failed is in the log, and the server goes on. */
#include "commands/list/list_commands.h"
#include "keyspace/kv.h"
#include "storage/storage.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS  4000
#define META      0 /* the store's space of records and pages */
#define LOST_EACH 5 /* one leaf of so many is lost */

/* FORMAT.md: a leaf of a collection's tree. */
static bool is_leaf(struct slice key, struct slice value)
{
    return key.n == 13 && key.p[1] == '\xff' && key.p[2] == '\xff' && value.n && value.p[0] == 1;
}

static const char *run(const char *fmt, long arg)
{
    char line[128];
    snprintf(line, sizeof line, fmt, arg);
    return fixture_run(line);
}

static void fill(void)
{
    for (long i = 0; i < ELEMENTS; i++)
        run("RPUSH l element:%ld", i);
}

/* Everything goes to the store and out of memory, and some of it is lost there. The ends stay. */
static void damage(void)
{
    struct error err;
    struct stor *store = kv_store(fixture_kv());
    struct stor_batch *b = stor_batch_new(store);
    const struct stor_iter_opts all = {.snap = NULL};
    assert_int_equal(kv_reload(fixture_kv(), &err), ST_OK);
    struct stor_iter *it = stor_iter_new(store, META, &all);
    int n = 0;
    for (stor_iter_first(it); stor_iter_valid(it); stor_iter_next(it))
        if (is_leaf(stor_iter_key(it), stor_iter_value(it)) && n++ % LOST_EACH == LOST_EACH - 2)
            stor_batch_del(b, META, stor_iter_key(it));
    stor_iter_free(it);
    assert_in_range(n, 20, 200);
    assert_int_equal(stor_write(store, b, 0, &err), ST_OK);
    stor_batch_free(b);
}

static bool failed(const char *answer)
{
    return strstr(answer, "-ERR") != NULL;
}

static long length(const char *key)
{
    char line[64];
    snprintf(line, sizeof line, "LLEN %s", key);
    const char *answer = fixture_run(line);
    assert_int_equal(answer[0], ':');
    return strtol(answer + 1, NULL, 10);
}

static void test_reading(void **state)
{
    static const char *const commands[] = {
        "LRANGE l 0 -1",       "LRANGE l 10 -10",          "LPOS l none",
        "LPOS l none COUNT 0", "LPOS l element:3 COUNT 2", "LPOS l none RANK -1"};
    int lost = 0;
    fill();
    damage();
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const char *answer = fixture_run(commands[i]);
        assert_true(failed(answer));
        if (answer[0] == '[')
            assert_int_equal(answer[strlen(answer) - 1], ']');
    }
    for (long i = 0; i < ELEMENTS; i++) {
        char want[32];
        snprintf(want, sizeof want, "\"element:%ld\"", i);
        const char *answer = run("LINDEX l %ld", i);
        if (failed(answer))
            lost++;
        else
            assert_string_equal(answer, want);
    }
    assert_in_range(lost, ELEMENTS / 10, ELEMENTS / 3);
    assert_int_equal(length("l"), ELEMENTS);
}

/* The length moves by what was answered. */
static void test_popping(void **state)
{
    fill();
    damage();
    long n = ELEMENTS, moved = 0;
    int errors = 0;
    for (int i = 0; i < 3000 && errors < 20; i++) {
        static const char *const commands[] = {"LPOP l", "RPOP l", "LMOVE l k LEFT RIGHT",
                                               "RPOPLPUSH l k", "BLMOVE l k RIGHT LEFT 0"};
        const char *answer = fixture_run(commands[i % 5]);
        errors += failed(answer);
        n -= !failed(answer);
        moved += !failed(answer) && i % 5 >= 2;
        assert_int_equal(length("l"), n);
        assert_int_equal(length("k"), moved);
    }
    assert_true(n < ELEMENTS && errors == 20);
    assert_true(failed(fixture_run("LPOP l 3500")));
    assert_int_equal(length("l"), n);
    assert_true(failed(fixture_run("LMPOP 1 l RIGHT COUNT 3500")));
    assert_int_equal(length("l"), n);
    assert_true(failed(fixture_run("LMOVE l l LEFT RIGHT")) ||
                failed(fixture_run("LMOVE l l RIGHT LEFT")));
    assert_int_equal(length("l"), n);
}

static void test_changing(void **state)
{
    fill();
    damage();
    long n = ELEMENTS;
    int good = 0;
    for (long i = 0; i < ELEMENTS; i += 7) {
        const char *answer = run("LSET l %ld x", i);
        good += !failed(answer);
        assert_int_equal(length("l"), n);
    }
    assert_in_range(good, ELEMENTS / 7 / 2, ELEMENTS / 7);
    assert_true(failed(fixture_run("LINSERT l BEFORE none x")));
    assert_true(failed(fixture_run("LREM l 0 none")));
    assert_int_equal(length("l"), n);
    (void)fixture_effects();
    /* the first places are there: what was removed before the failure is told */
    fixture_run("LSET l 0 y");
    fixture_run("LSET l 1 y");
    fixture_run("LSET l -1 y");
    (void)fixture_effects();
    assert_true(failed(fixture_run("LREM l 0 y")));
    assert_string_equal(fixture_effects(), "LREM l 2 y");
    assert_true(failed(fixture_run("LREM l -2 y")));
    assert_string_equal(fixture_effects(), "LREM l -1 y");
    assert_int_equal(length("l"), n - 3);
}

/* Whole pages go unread. */
static void test_trimming(void **state)
{
    fill();
    damage();
    long n = ELEMENTS;
    for (long i = 1; i < 40 && n > 0; i++) {
        long from = i * 3;
        char line[64];
        snprintf(line, sizeof line, "LTRIM l %ld -%ld", from, from + 1);
        bool error = failed(fixture_run(line));
        long now = length("l");
        if (error)
            assert_true(now == n || now == n - from);
        else
            assert_int_equal(now, n > 2 * from ? n - 2 * from : 0);
        n = now;
    }
    assert_true(n < ELEMENTS);
    fixture_propagates("DEL l", "DEL l");
    assert_int_equal(length("l"), 0);
}

static int setup(void **state)
{
    list_commands_register();
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_reading, fixture_reset),
        cmocka_unit_test_setup(test_popping, fixture_reset),
        cmocka_unit_test_setup(test_changing, fixture_reset),
        cmocka_unit_test_setup(test_trimming, fixture_reset),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
