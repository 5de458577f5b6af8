/* Splitting a config line into words. */
#include "config/words.h"

#include "unit/cmocka_all.h"

static void assert_words(const char *line, size_t n, const char *const *expect)
{
    struct config_words w;
    assert_true(config_words_split(&w, slice_str(line)));
    assert_int_equal(w.n, n);
    for (size_t i = 0; i < n; i++)
        assert_true(slice_eq(w.v[i], slice_str(expect[i])));
    config_words_free(&w);
}

static void test_words_blanks_separate(void **state)
{
    const char *expect[] = {"save", "900", "1"};
    assert_words("  save\t900   1 ", 3, expect);
    assert_words("", 0, NULL);
    assert_words(" \t ", 0, NULL);
}

static void test_words_double_quotes_escape(void **state)
{
    const char *expect[] = {"a", "x y", "A\n\t\"\\q"};
    assert_words("a \"x y\" \"\\x41\\n\\t\\\"\\\\\\q\"", 3, expect);
    const char *empty[] = {"save", ""};
    assert_words("save \"\"", 2, empty);
}

static void test_words_single_quotes_take_all_but_their_own(void **state)
{
    const char *expect[] = {"it's", "a\\n"};
    assert_words("'it\\'s' 'a\\n'", 2, expect);
}

static void test_words_unbalanced_quotes_are_refused(void **state)
{
    const char *bad[] = {"\"a", "'a", "a \"b\"c", "\"a\\", "'a\\'", "x\"y"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct config_words w;
        assert_false(config_words_split(&w, slice_str(bad[i])));
        assert_int_equal(w.n, 0);
    }
}

static void test_words_zero_bytes_are_bytes(void **state)
{
    struct config_words w;
    assert_true(config_words_split(&w, SLICE("a\0b \"\\x00\"")));
    assert_int_equal(w.n, 2);
    assert_int_equal(w.v[0].n, 3);
    assert_int_equal(w.v[1].n, 1);
    config_words_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_blanks_separate),
        cmocka_unit_test(test_words_double_quotes_escape),
        cmocka_unit_test(test_words_single_quotes_take_all_but_their_own),
        cmocka_unit_test(test_words_unbalanced_quotes_are_refused),
        cmocka_unit_test(test_words_zero_bytes_are_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
