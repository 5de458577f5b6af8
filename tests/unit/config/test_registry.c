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

/* An option whose value its owner keeps. */
static struct {
    int64_t cell, kept;
    int told;
} far;

static void far_fetch(void *owner)
{
    far.cell = far.kept;
}

static enum status far_stored(void *owner, struct error *err)
{
    far.told++;
    if (far.cell == 13)
        return error_set(err, ST_INVALID, "not thirteen");
    far.kept = far.cell;
    return ST_OK;
}

static void test_rows_come_and_go(void **state)
{
    struct error err = {.message = ""};
    struct buf text = BUF_INIT;
    struct config_option row = {.name = "mod.far",
                                .help = "",
                                .kind = CONFIG_KIND_INT,
                                .at.integer = &far.cell,
                                .max = 100,
                                .fetch = far_fetch,
                                .stored = far_stored};
    for (int i = 0; i < 2; i++) {
        config_register(&row, 1);
        far.kept = 5;
        far.told = 0;
        assert_int_equal(config_get(SLICE("mod.far"), &text), ST_OK);
        assert_string_equal(buf_cstr(&text), "5");
        buf_clear(&text);
        assert_int_equal(set2("mod.far", "6", "count", "20", 0, &err), ST_OK);
        assert_int_equal(far.kept, 6);
        assert_int_equal(set2("mod.far", "6", "count", "20", 0, &err), ST_OK);
        assert_int_equal(far.told, 1); /* the same value again is not told */
        assert_int_equal(set2("count", "40", "mod.far", "13", 0, &err), ST_INVALID);
        assert_non_null(strstr(err.message, "not thirteen"));
        assert_int_equal(far.kept, 6);
        assert_int_equal(sample.count, 20);
        config_unregister(&row);
        assert_null(config_find(SLICE("mod.far")));
        assert_int_equal(config_get(SLICE("mod.far"), &text), ST_NOT_FOUND);
    }
    buf_free(&text);
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
        CASE(test_rows_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
