#include "base/glob.h"

#include "base/compiler.h"
#include "unit/cmocka_all.h"

static void test_glob_match_table(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool want, want_nocase;
    } rows[] = {
        {"", "", 1, 1},
        {"", "a", 0, 0},
        {"*", "anything", 1, 1},
        {"**", "anything", 1, 1},
        {"a*", "a", 1, 1},
        {"a**", "a", 1, 1},
        {"*a", "bab", 0, 0},
        {"*a*", "bab", 1, 1},
        {"a*c", "abbc", 1, 1},
        {"a*c", "abbcd", 0, 0},
        {"a*b*c", "a-b-b-c", 1, 1},
        {"h?llo", "hello", 1, 1},
        {"h?llo", "hllo", 0, 0},
        {"?", "", 0, 0},
        {"h[ae]llo", "hallo", 1, 1},
        {"h[ae]llo", "hillo", 0, 0},
        {"h[^e]llo", "hallo", 1, 1},
        {"h[^e]llo", "hello", 0, 0},
        {"h[a-c]llo", "hbllo", 1, 1},
        {"h[c-a]llo", "hbllo", 1, 1},
        {"h[a-c]llo", "hBllo", 0, 1},
        {"h[A-C]llo", "hbllo", 0, 1},
        {"[abc", "a", 1, 1},
        {"[abc", "d", 0, 0},
        {"[", "a", 0, 0},
        {"[]", "a", 0, 0},
        {"[^]", "a", 1, 1},
        {"[a-]", "-", 0, 0},
        {"[\\]]", "]", 1, 1},
        {"[\\a]", "A", 0, 0},
        {"\\*", "*", 1, 1},
        {"\\*", "a", 0, 0},
        {"\\", "\\", 1, 1},
        {"a\\", "a\\", 1, 1},
        {"\\a", "a", 1, 1},
        {"ABC", "abc", 0, 1},
        {"*[0-9]", "key:7", 1, 1},
        {"*[0-9]", "key:x", 0, 0},
        {"news.*", "news.art", 1, 1},
        {"news.*", "new", 0, 0},
        {"*x*y*z", "axbyczz", 1, 1},
        {"a]", "a]", 1, 1},
        {"[a-z]*[0-9]", "abc9", 1, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice p = slice_str(rows[i].pattern), t = slice_str(rows[i].text);
        if (glob_match(p, t, false) != rows[i].want ||
            glob_match(p, t, true) != rows[i].want_nocase)
            fail_msg("pattern \"%s\" text \"%s\"", rows[i].pattern, rows[i].text);
    }
}

static void test_glob_match_binary(void **state)
{
    assert_true(glob_match(SLICE("a\0?"), SLICE("a\0b"), false));
    assert_false(glob_match(SLICE("a\0?"), SLICE("a"), false));
    assert_true(glob_match(SLICE("[\x80-\xff]"), SLICE("\x90"), false));
    assert_false(glob_match(SLICE("[\x80-\xff]"), SLICE("\x10"), false));
}

/* Would take ages with a matcher that goes back to every star. */
static void test_glob_match_hostile_pattern(void **state)
{
    char pattern[2001], text[5000];
    for (int i = 0; i < 2000; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[2000] = 'b';
    memset(text, 'a', sizeof(text));
    assert_false(glob_match(slice_make(pattern, 2001), slice_make(text, sizeof(text)), false));
    assert_true(glob_match(slice_make(pattern, 2000), slice_make(text, sizeof(text)), false));
}

static void test_glob_is_literal(void **state)
{
    assert_true(glob_is_literal(SLICE("")));
    assert_true(glob_is_literal(SLICE("key:{1}]^-")));
    assert_false(glob_is_literal(SLICE("a*")));
    assert_false(glob_is_literal(SLICE("?")));
    assert_false(glob_is_literal(SLICE("[a]")));
    assert_false(glob_is_literal(SLICE("\\a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_glob_match_table),
        cmocka_unit_test(test_glob_match_binary),
        cmocka_unit_test(test_glob_match_hostile_pattern),
        cmocka_unit_test(test_glob_is_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
