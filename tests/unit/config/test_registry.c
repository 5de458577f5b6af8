/* Several options at once: all or none, and what hangs on them. */
#include "unit/cmocka_all.h"
#include "unit/config/sample.h"

static int applied;
static bool apply_fails;

static enum status apply(void *arg, struct error *err)
{
    applied++;
    return apply_fails ? error_set(err, ST_INVALID, "Unable to listen on this port") : ST_OK;
}

static int setup(void **state)
{
    applied = 0;
    apply_fails = false;
    return sample_setup(state);
}

static enum status set2(const char *a, const char *va, const char *b, const char *vb,
                        unsigned flags, struct error *err)
{
    struct config_pair pairs[] = {{slice_str(a), slice_str(va)}, {slice_str(b), slice_str(vb)}};
    return config_set_all(pairs, 2, flags, err);
}

static void test_set_all_takes_all(void **state)
{
    struct error err = {.message = ""};
    config_on_change("count", apply, NULL);
    config_on_change("colour", apply, NULL);
    assert_int_equal(set2("count", "20", "colour", "red", 0, &err), ST_OK);
    assert_int_equal(sample.count, 20);
    assert_int_equal(sample.colour, 0);
    assert_int_equal(applied, 1); /* one function, called once */
}

static void test_set_all_same_value_applies_nothing(void **state)
{
    struct error err = {.message = ""};
    config_on_change("count", apply, NULL);
    assert_int_equal(set2("count", "10", "flag", "yes", 0, &err), ST_OK);
    assert_int_equal(applied, 0);
}

static void test_set_all_bad_value_changes_nothing(void **state)
{
    struct error err = {.message = ""};
    assert_int_equal(set2("count", "20", "limit", "200%", 0, &err), ST_INVALID);
    assert_string_equal(err.message, "CONFIG SET failed (possibly related to argument 'limit') - "
                                     "percentage argument must be less or equal to 100");
    assert_int_equal(sample.count, 10);
}

static void test_set_all_failed_apply_puts_back(void **state)
{
    struct error err = {.message = ""};
    config_on_change("colour", apply, NULL);
    apply_fails = true;
    assert_int_equal(set2("list", "a b", "colour", "blue", 0, &err), ST_INVALID);
    assert_string_equal(err.message, "CONFIG SET failed (possibly related to argument 'colour') - "
                                     "Unable to listen on this port");
    assert_string_equal(sample_get("list"), "");
    assert_string_equal(sample_get("colour"), "green");
    assert_int_equal(applied, 2); /* tried, and the former value applied again */
}

static void test_set_all_refusals(void **state)
{
    struct error err = {.message = ""};
    assert_int_equal(set2("count", "1", "COUNT", "2", 0, &err), ST_INVALID);
    assert_string_equal(
        err.message,
        "CONFIG SET failed (possibly related to argument 'COUNT') - duplicate parameter");
    assert_int_equal(set2("count", "1", "mode", "7", 0, &err), ST_INVALID);
    assert_string_equal(
        err.message,
        "CONFIG SET failed (possibly related to argument 'mode') - can't set immutable config");
    assert_int_equal(set2("count", "10", "fixed", "5", 0, &err), ST_OK);
    assert_int_equal(set2("count", "10", "fixed", "6", 0, &err), ST_INVALID);
    assert_int_equal(set2("count", "1", "title", "x", 0, &err), ST_INVALID);
    assert_string_equal(
        err.message,
        "CONFIG SET failed (possibly related to argument 'title') - can't set protected config");
    assert_int_equal(set2("count", "1", "title", "x", CONFIG_SET_PROTECTED_OK, &err), ST_OK);
    assert_int_equal(set2("count", "2", "list", "x", CONFIG_SET_LOADING, &err), ST_BUSY);
    assert_int_equal(set2("count", "2", "nope", "x", 0, &err), ST_NOT_FOUND);
    assert_string_equal(err.message,
                        "Unknown option or number of arguments for CONFIG SET - 'nope'");
    assert_int_equal(set2("count", "2", "note", "x", 0, &err), ST_NOT_FOUND);
    assert_int_equal(sample.count, 1);
}

static enum status only_even(struct slice text, struct error *err)
{
    return (text.p[text.n - 1] - '0') % 2 ? error_set(err, ST_INVALID, "odd") : ST_OK;
}

static void test_check_runs_before_a_value_is_taken(void **state)
{
    struct error err = {.message = ""};
    config_on_check("count", only_even);
    struct slice odd = SLICE("3"), even = SLICE("4");
    assert_int_equal(config_set(SLICE("count"), &odd, 1, true, &err), ST_INVALID);
    assert_string_equal(err.message, "odd");
    assert_int_equal(config_set(SLICE("count"), &even, 1, true, &err), ST_OK);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, sample_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_set_all_takes_all),
        CASE(test_set_all_same_value_applies_nothing),
        CASE(test_set_all_bad_value_changes_nothing),
        CASE(test_set_all_failed_apply_puts_back),
        CASE(test_set_all_refusals),
        CASE(test_check_runs_before_a_value_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
