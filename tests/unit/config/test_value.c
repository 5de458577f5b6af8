/* Text to value and back, and the error texts that clients match. */
#include "unit/cmocka_all.h"
#include "unit/config/sample.h"

static void assert_set(const char *name, const char *text, const char *shown)
{
    struct error err = {.message = ""};
    struct slice word = slice_str(text);
    assert_int_equal(config_set(slice_str(name), &word, 1, false, &err), ST_OK);
    assert_string_equal(sample_get(name), shown);
}

static void assert_refused(const char *name, const char *text, const char *message)
{
    struct error err = {.message = ""};
    struct slice word = slice_str(text);
    char before[64];
    strncpy(before, sample_get(name), sizeof(before) - 1);
    before[sizeof(before) - 1] = '\0';
    assert_int_not_equal(config_set(slice_str(name), &word, 1, false, &err), ST_OK);
    assert_string_equal(err.message, message);
    assert_string_equal(sample_get(name), before);
}

static void test_value_defaults_are_set_at_registration(void **state)
{
    assert_true(sample.flag);
    assert_int_equal(sample.count, 10);
    assert_string_equal(sample.title, "none");
    assert_int_equal(sample.colour, 1);
    assert_string_equal(sample_get("colour"), "green");
    assert_string_equal(sample_get("on-signal"), "default");
}

static void test_value_bool(void **state)
{
    assert_set("flag", "no", "no");
    assert_false(sample.flag);
    assert_set("OLD-flag", "YES", "yes");
    assert_refused("flag", "1", "argument must be 'yes' or 'no'");
}

static void test_value_int(void **state)
{
    assert_set("count", "100", "100");
    assert_refused("count", "101", "argument must be between 1 and 100 inclusive");
    assert_refused("count", "10x", "argument couldn't be parsed into an integer");
    assert_refused("count", "", "argument couldn't be parsed into an integer");
}

static void test_value_memory_and_percent(void **state)
{
    assert_set("limit", "1kb", "1024");
    assert_set("limit", "2GB", "2147483648");
    assert_set("limit", "5%", "5%");
    assert_int_equal(sample.limit, -5);
    assert_refused("limit", "200%", "percentage argument must be less or equal to 100");
    assert_refused("limit", "10q", "argument must be a memory or percent value");
    assert_refused("limit", "%", "argument must be a memory or percent value");
    assert_refused("limit", "-5", "argument must be a memory or percent value");
}

static void test_value_octal(void **state)
{
    assert_set("mode", "755", "755");
    assert_int_equal(sample.mode, 0755);
    assert_refused("mode", "1000", "argument must be between 0 and 777 inclusive");
    assert_refused("mode", "8", "argument couldn't be parsed as an octal number");
}

static void test_value_enum(void **state)
{
    assert_set("colour", "BLUE", "blue");
    assert_refused("colour", "pink", "argument(s) must be one of the following: red, green, blue");
}

static void test_value_enum_words_are_ored(void **state)
{
    struct error err = {.message = ""};
    struct slice words[] = {SLICE("force"), SLICE("save")};
    assert_int_equal(config_set(SLICE("on-signal"), words, 2, true, &err), ST_OK);
    assert_int_equal(sample.on_signal, 5);
    assert_string_equal(sample_get("on-signal"), "save force");
    assert_int_equal(config_set(SLICE("on-signal"), NULL, 0, true, &err), ST_INVALID);
}

static void test_value_one_word_of_a_line_is_split(void **state)
{
    struct error err = {.message = ""};
    struct slice word = SLICE("now  force");
    assert_int_equal(config_set(SLICE("on-signal"), &word, 1, true, &err), ST_OK);
    assert_string_equal(sample_get("on-signal"), "now force");
}

static void test_value_string_refuses_zero_bytes(void **state)
{
    struct error err = {.message = ""};
    struct slice word = SLICE("a\0b");
    assert_int_equal(config_set(SLICE("title"), &word, 1, false, &err), ST_INVALID);
    assert_string_equal(sample.title, "none");
}

static void test_value_bytes_take_zero_bytes(void **state)
{
    struct error err = {.message = ""};
    struct slice word = SLICE("a\0b");
    assert_int_equal(config_set(SLICE("secret"), &word, 1, false, &err), ST_OK);
    assert_true(slice_eq(buf_slice(&sample.secret), word));
    struct buf out = BUF_INIT;
    config_rewrite_text(SLICE("secret x\n"), false, &out);
    assert_string_equal(buf_cstr(&out), "secret \"a\\x00b\"\n");
    buf_free(&out);
}

static void test_value_directives_cannot_be_read(void **state)
{
    struct buf out = BUF_INIT;
    assert_int_equal(config_get(SLICE("note"), &out), ST_NOT_FOUND);
    assert_int_equal(config_get(SLICE("nothing"), &out), ST_NOT_FOUND);
    buf_free(&out);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, sample_setup, sample_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_value_defaults_are_set_at_registration),
        CASE(test_value_bool),
        CASE(test_value_int),
        CASE(test_value_memory_and_percent),
        CASE(test_value_octal),
        CASE(test_value_enum),
        CASE(test_value_enum_words_are_ored),
        CASE(test_value_one_word_of_a_line_is_split),
        CASE(test_value_string_refuses_zero_bytes),
        CASE(test_value_bytes_take_zero_bytes),
        CASE(test_value_directives_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
