/* Percent-encoding, base64, UTF-8, credentials, error texts. */
#include "wire/http/text_codec.h"

#include "unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static void test_text_is_utf8(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\xc3\xa9",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80",
                                       "\xed\x9f\xbf",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\xaf",
                                      "\xc3",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "a\xe2\x82",
                                      "\xc3\x28"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(text_is_utf8(slice_str(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(text_is_utf8(slice_str(bad[i])));
}

static void test_text_base64_both_ways(void **state)
{
    char bytes[64];
    for (size_t n = 0; n < sizeof bytes; n++) {
        struct buf text = BUF_INIT, back = BUF_INIT, bare = BUF_INIT;
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(i * 37 + n);
        text_put_base64(slice_make(bytes, n), &text);
        assert_int_equal(text.n % 4, 0);
        assert_true(text_get_base64(buf_slice(&text), &back));
        assert_true(slice_eq(buf_slice(&back), slice_make(bytes, n)));
        size_t cut = text.n;
        while (cut > 0 && text.p[cut - 1] == '=')
            cut--;
        assert_true(text_get_base64(slice_make(text.p, cut), &bare));
        assert_true(slice_eq(buf_slice(&bare), slice_make(bytes, n)));
        buf_free(&text);
        buf_free(&back);
        buf_free(&bare);
    }
    static const char *const bad[] = {"A", "AB=C", "====", "AA==AA==", "A A=", "\xff\xff"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buf out = BUF_INIT;
        assert_false(text_get_base64(slice_str(bad[i]), &out));
        buf_free(&out);
    }
}

static void test_text_percent_decode(void **state)
{
    struct buf out = BUF_INIT;
    assert_true(text_percent_decode(SLICE("a%2Fb%00+%e9"), false, &out));
    assert_true(slice_eq(buf_slice(&out), SLICE("a/b\0+\xe9")));
    buf_clear(&out);
    assert_true(text_percent_decode(SLICE("a+b"), true, &out));
    assert_true(slice_eq(buf_slice(&out), SLICE("a b")));
    assert_false(text_percent_decode(SLICE("%"), false, &out));
    assert_false(text_percent_decode(SLICE("%2"), false, &out));
    assert_false(text_percent_decode(SLICE("%g0"), false, &out));
    assert_false(text_percent_decode(SLICE("%0g"), false, &out));
    buf_free(&out);
}

static void test_text_query_get(void **state)
{
    struct buf out = BUF_INIT;
    assert_true(text_query_get(SLICE("a=1&db=2%33&db=4"), "db", &out));
    assert_true(slice_eq(buf_slice(&out), SLICE("23")));
    assert_false(text_query_get(SLICE("xdb=1&&db"), "db", &out));
    assert_false(text_query_get(SLICE(""), "db", &out));
    buf_free(&out);
}

static void assert_credentials(const char *header, const char *user, const char *password,
                               const char *token)
{
    struct text_credentials c;
    assert_true(text_get_credentials(slice_str(header), &c));
    assert_int_equal(c.user.p != NULL, user != NULL);
    if (user) {
        assert_true(slice_eq(c.user, slice_str(user)));
        assert_true(slice_eq(c.password, slice_str(password)));
    }
    if (token)
        assert_true(slice_eq(c.token, slice_str(token)));
    text_credentials_free(&c);
}

static void test_text_get_credentials(void **state)
{
    struct text_credentials c;
    static const char *const bad[] = {
        "",       "Basic",       "Basic ",      "Basic !", "Basic dXNlcg==",
        "Bearer", "Digest dTpw", "Basicly dTpw"};
    assert_credentials("Basic dTpw", "u", "p", NULL);
    assert_credentials("basic  dTpwOnE=", "u", "p:q", NULL);
    assert_credentials("Basic Og==", "", "", NULL);
    assert_credentials("Bearer dTpw", "u", "p", "dTpw");
    assert_credentials("Bearer secret", NULL, NULL, "secret");
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(text_get_credentials(slice_str(bad[i]), &c));
        text_credentials_free(&c);
    }
}

static void test_text_split_error(void **state)
{
    static const struct {
        const char *text, *code, *message;
    } rows[] = {{"ERR no", "ERR", "no"},
                {"NOAUTH", "NOAUTH", ""},
                {"", "ERR", ""},
                {"what now", "ERR", "what now"},
                {"Err x", "ERR", "Err x"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice code, message;
        text_split_error(slice_str(rows[i].text), &code, &message);
        assert_true(slice_eq(code, slice_str(rows[i].code)));
        assert_true(slice_eq(message, slice_str(rows[i].message)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_utf8),         cmocka_unit_test(test_text_base64_both_ways),
        cmocka_unit_test(test_text_percent_decode),  cmocka_unit_test(test_text_query_get),
        cmocka_unit_test(test_text_get_credentials), cmocka_unit_test(test_text_split_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
