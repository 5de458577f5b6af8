#include "storage/options.h"

#include "unit/cmocka_all.h"

struct result {
    bool flag;
    int64_t size, count;
    double rate;
    const char *text;
    int word;
};

static const struct stor_option_word words[] = {{"red", 1}, {"blue", 2}, {NULL, 0}};

#define FIELD(f) offsetof(struct result, f)
static const struct stor_option_row rows[] = {
    {"flag", STOR_OPT_BOOL, FIELD(flag), 0, 0, NULL},
    {"size_mb", STOR_OPT_MB, FIELD(size), 1, 100, NULL},
    {"size", STOR_OPT_BYTES, FIELD(size), 1, 100 << 20, NULL},
    {"count", STOR_OPT_INT, FIELD(count), -1, 10, NULL},
    {"rate", STOR_OPT_FLOAT, FIELD(rate), 0, 1, NULL},
    {"text", STOR_OPT_STRING, FIELD(text), 0, 0, NULL},
    {"word", STOR_OPT_ENUM, FIELD(word), 0, 0, words},
};

static enum status read_options(const struct stor_option *o, size_t n, struct result *r,
                                struct error *err)
{
    struct stor_config cfg = {.options = o, .noptions = n};

    *r = (struct result){0};
    return stor_options_read("some", &cfg, rows, sizeof rows / sizeof *rows, r, err);
}

static void test_all_types(void **state)
{
    struct stor_option o[] = {{"flag", "Yes"},           {"size_mb", "3"},  {"count", "-1"},
                              {"rate", "0.5"},           {"text", "words"}, {"word", "BLUE"},
                              {"data_dir", "/somewhere"}};
    struct result r;

    assert_int_equal(read_options(o, 7, &r, NULL), ST_OK);
    assert_true(r.flag);
    assert_int_equal(r.size, 3 << 20);
    assert_int_equal(r.count, -1);
    assert_true(r.rate > 0.49 && r.rate < 0.51);
    assert_string_equal(r.text, "words");
    assert_int_equal(r.word, 2);
    o[0] = (struct stor_option){"size", "2mb"};
    assert_int_equal(read_options(o, 1, &r, NULL), ST_OK);
    assert_int_equal(r.size, 2 << 20);
}

static void test_bad_values(void **state)
{
    static const struct stor_option bad[] = {
        {"flag", "maybe"}, {"flag", NULL},    {"size_mb", "0"}, {"size_mb", "101"},
        {"size", "1x"},    {"count", "11"},   {"count", "1.5"}, {"count", ""},
        {"rate", "2"},     {"word", "green"},
    };
    struct error err;
    struct result r;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_options(&bad[i], 1, &r, &err), ST_INVALID);
        assert_non_null(strstr(err.message, "some"));
        assert_non_null(strstr(err.message, bad[i].name));
    }
}

static void test_unknown_twice_and_twins(void **state)
{
    struct stor_option unknown = {"colour", "red"};
    struct stor_option twice[] = {{"count", "1"}, {"count", "1"}};
    struct stor_option twins[] = {{"size_mb", "1"}, {"flag", "no"}, {"size", "1mb"}};
    struct error err;
    struct result r;

    assert_int_equal(read_options(&unknown, 1, &r, &err), ST_INVALID);
    assert_string_equal(err.message, "some: unknown option 'colour'");
    assert_int_equal(read_options(twice, 2, &r, &err), ST_INVALID);
    assert_string_equal(err.message, "some: option 'count' is given twice");
    assert_int_equal(read_options(twins, 3, &r, &err), ST_INVALID);
    assert_string_equal(err.message, "some: options 'size_mb' and 'size' exclude each other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_types),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_unknown_twice_and_twins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
