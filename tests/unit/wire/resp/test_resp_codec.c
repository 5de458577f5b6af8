/* Requests as bytes: whole, in pieces, and wrong in every way that Redis names. */
#include "wire/resp/resp_codec.h"

#include "base/mem.h"
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static const struct resp_limits usual = {.max_bulk = 512 * 1024 * 1024};
static const struct resp_limits strict = {.max_bulk = 512 * 1024 * 1024, .unauthenticated = true};

static enum resp_parse parse(struct resp_request *r, struct slice in, const char **why)
{
    *why = "";
    return resp_parse(r, in.p, in.n, &usual, why);
}

static void assert_words(const struct resp_request *r, const char *const *words)
{
    int n = 0;
    for (; words[n]; n++) {
        assert_true(n < r->argc);
        assert_int_equal(r->argv[n].n, strlen(words[n]));
        assert_memory_equal(r->argv[n].p, words[n], strlen(words[n]));
    }
    assert_int_equal(r->argc, n);
}

static void assert_bad(struct slice in, const struct resp_limits *limits, const char *text)
{
    struct resp_request r = {0};
    const char *why = "";
    assert_int_equal(resp_parse(&r, in.p, in.n, limits, &why), RESP_BAD);
    assert_string_equal(why, text);
    resp_request_free(&r);
}

static void test_resp_parse_multibulk(void **state)
{
    struct resp_request r = {0};
    const char *why;
    struct slice in = SLICE("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\nhello\r\nworld\r\n*1\r\n");
    assert_int_equal(parse(&r, in, &why), RESP_COMMAND);
    assert_words(&r, (const char *const[]){"SET", "", "hello\r\nworld", NULL});
    assert_int_equal(r.size, in.n - 4);
    assert_true(r.canonical);
    resp_request_free(&r);
}

static void test_resp_parse_multibulk_at_every_cut(void **state)
{
    const struct slice in = SLICE("*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n");
    for (size_t cut = 0; cut < in.n; cut++) {
        struct resp_request r = {0};
        const char *why;
        char *first = mem_strndup(in.p, cut), *second = mem_strndup(in.p, in.n);
        assert_int_equal(parse(&r, slice_make(first, cut), &why), RESP_MORE);
        resp_request_rebase(&r, first, second);
        mem_free(first);
        assert_int_equal(parse(&r, slice_make(second, in.n), &why), RESP_COMMAND);
        assert_words(&r, (const char *const[]){"GET", "0123456789", NULL});
        assert_int_equal(r.size, in.n);
        resp_request_free(&r);
        mem_free(second);
    }
}

static void test_resp_parse_wrong_crlf_is_not_canonical(void **state)
{
    struct resp_request r = {0};
    const char *why;
    assert_int_equal(parse(&r, SLICE("*1\r\n$4\r\nPINGxx"), &why), RESP_COMMAND);
    assert_words(&r, (const char *const[]){"PING", NULL});
    assert_false(r.canonical);
    resp_request_free(&r);
}

static void test_resp_parse_nothing(void **state)
{
    static const struct slice empty[] = {
        {"\r\n", 2}, {"\n", 1}, {"*0\r\n", 4}, {"*-10\r\n", 6}, {"  \r\n", 4}};
    for (size_t i = 0; i < COUNT_OF(empty); i++) {
        struct resp_request r = {0};
        const char *why;
        assert_int_equal(parse(&r, empty[i], &why), RESP_NOTHING);
        assert_int_equal(r.size, empty[i].n);
        resp_request_free(&r);
    }
}

static void test_resp_parse_inline(void **state)
{
    struct resp_request r = {0};
    const char *why;
    struct slice in = SLICE("  set \"a b\\x41\\n\\\"\" 'it\\'s' plain\\n x\"y\"\r\nPING");
    assert_int_equal(parse(&r, in, &why), RESP_COMMAND);
    assert_words(&r, (const char *const[]){"set", "a bA\n\"", "it's", "plain\\n", "xy", NULL});
    assert_int_equal(r.size, in.n - 4);
    assert_false(r.canonical);
    resp_request_free(&r);
}

static void test_resp_parse_bad(void **state)
{
    assert_bad(SLICE("*3000000000\r\n"), &usual, "invalid multibulk length");
    assert_bad(SLICE("*abc\r\n"), &usual, "invalid multibulk length");
    assert_bad(SLICE("*01\r\n"), &usual, "invalid multibulk length");
    assert_bad(SLICE("*1\r\nfoo\r\n"), &usual, "expected '$', got 'f'");
    assert_bad(SLICE("*1\r\n$-10\r\n"), &usual, "invalid bulk length");
    assert_bad(SLICE("*1\r\n$2000000000\r\n"), &usual, "invalid bulk length");
    assert_bad(SLICE("*1\r\n$blabla\r\n"), &usual, "invalid bulk length");
    assert_bad(SLICE("*1\r\n$\r\n"), &usual, "invalid bulk length");
    assert_bad(SLICE("set \"\"\"a\"\"\" b\r\n"), &usual, "unbalanced quotes in request");
    assert_bad(SLICE("set 'a\r\n"), &usual, "unbalanced quotes in request");
}

static void test_resp_parse_unauthenticated(void **state)
{
    struct resp_request r = {0};
    const char *why;
    assert_bad(SLICE("*11\r\n"), &strict, "unauthenticated multibulk length");
    assert_bad(SLICE("*1\r\n$16385\r\n"), &strict, "unauthenticated bulk length");
    assert_int_equal(resp_parse(&r, "*10\r\n$16384\r\n", 13, &strict, &why), RESP_MORE);
    resp_request_free(&r);
}

static void test_resp_parse_endless_lines(void **state)
{
    size_t n = RESP_INLINE_MAX + 8;
    char *text = mem_alloc(n);
    memset(text, 'a', n);
    assert_bad(slice_make(text, n), &usual, "too big inline request");
    memset(text, '1', n);
    text[0] = '*';
    assert_bad(slice_make(text, n), &usual, "too big mbulk count string");
    memcpy(text, "*1\r\n$", 5);
    assert_bad(slice_make(text, n), &usual, "too big bulk count string");
    mem_free(text);
}

static void test_resp_request_missing_tells_the_argument(void **state)
{
    struct resp_request r = {0};
    const char *why;
    struct slice in = SLICE("*2\r\n$3\r\nSET\r\n$100\r\nabc");
    assert_int_equal(parse(&r, in, &why), RESP_MORE);
    assert_int_equal(resp_request_missing(&r, in.n), 100 - 3 + 2);
    resp_request_free(&r);
}

static void test_resp_parse_many_arguments(void **state)
{
    struct buf b = BUF_INIT;
    struct resp_request r = {0};
    const char *why;
    enum { COUNT = 20000 };
    buf_printf(&b, "*%d\r\n", COUNT);
    for (int i = 0; i < COUNT; i++)
        buf_put_str(&b, "$1\r\nx\r\n");
    assert_int_equal(parse(&r, buf_slice(&b), &why), RESP_COMMAND);
    assert_int_equal(r.argc, COUNT);
    assert_int_equal(r.arg_bytes, COUNT);
    resp_request_reset(&r);
    assert_int_equal(r.cap, 0);
    resp_request_free(&r);
    buf_free(&b);
}

static void test_resp_header_and_put_command(void **state)
{
    char head[RESP_HEADER_MAX];
    assert_int_equal(resp_header(head, '$', 0), 4);
    assert_memory_equal(head, "$0\r\n", 4);
    assert_int_equal(resp_header(head, ':', UINT64_MAX), 23);
    assert_memory_equal(head, ":18446744073709551615\r\n", 23);
    struct buf b = BUF_INIT;
    struct slice argv[] = {SLICE("GET"), SLICE("")};
    resp_put_command(&b, 2, argv);
    assert_string_equal(buf_cstr(&b), "*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resp_parse_multibulk),
        cmocka_unit_test(test_resp_parse_multibulk_at_every_cut),
        cmocka_unit_test(test_resp_parse_wrong_crlf_is_not_canonical),
        cmocka_unit_test(test_resp_parse_nothing),
        cmocka_unit_test(test_resp_parse_inline),
        cmocka_unit_test(test_resp_parse_bad),
        cmocka_unit_test(test_resp_parse_unauthenticated),
        cmocka_unit_test(test_resp_parse_endless_lines),
        cmocka_unit_test(test_resp_request_missing_tells_the_argument),
        cmocka_unit_test(test_resp_parse_many_arguments),
        cmocka_unit_test(test_resp_header_and_put_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
