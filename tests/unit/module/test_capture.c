/* Replies that are kept: gathered, sent on, skipped, written as RESP. */
#include "module/capture.h"

#include "base/compiler.h"
#include "unit/cmocka_all.h"

/* One of each kind, some of them nested. */
static void answer(struct sink *s)
{
    s->ops->begin(s, SINK_ARRAY, 10);
    s->ops->status(s, SLICE("OK"));
    s->ops->error(s, SLICE("ERR no"));
    s->ops->integer(s, -7);
    s->ops->bulk(s, SLICE("a\0b"));
    s->ops->null(s);
    s->ops->real(s, 1.5);
    s->ops->boolean(s, true);
    s->ops->bignum(s, SLICE("123456789012345678901"));
    s->ops->verbatim(s, "txt", SLICE("text"));
    size_t token = s->ops->begin_deferred(s);
    s->ops->bulk(s, SLICE("k"));
    s->ops->human_real(s, 3.25L);
    s->ops->end_deferred(s, token, SINK_MAP, 1);
}

static const char resp2[] =
    "*10\r\n+OK\r\n-ERR no\r\n:-7\r\n$3\r\na\0b\r\n$-1\r\n$3\r\n1.5\r\n:1\r\n"
    "$21\r\n123456789012345678901\r\n$4\r\ntext\r\n*2\r\n$1\r\nk\r\n$4\r\n3.25\r\n";
static const char resp3[] =
    "*10\r\n+OK\r\n-ERR no\r\n:-7\r\n$3\r\na\0b\r\n_\r\n,1.5\r\n#t\r\n"
    "(123456789012345678901\r\n=8\r\ntxt:text\r\n%1\r\n$1\r\nk\r\n,3.25\r\n";

static void assert_resp(const struct capture *c, struct slice expected)
{
    struct buf b = BUF_INIT;
    capture_put_resp(&b, c->items.p, c->items.p + c->items.n);
    assert_int_equal(b.n, expected.n);
    assert_memory_equal(b.p, expected.p, b.n);
    buf_free(&b);
}

static void test_capture_both_versions(void **state)
{
    struct capture c;
    capture_init(&c, 2);
    assert_true(capture_empty(&c));
    answer(&c.sink);
    assert_resp(&c, SLICE(resp2));
    assert_false(capture_is_resp3(c.items.p, c.items.p + c.items.n));
    assert_int_equal(c.errors, 1);
    capture_deinit(&c);
    capture_init(&c, 3);
    answer(&c.sink);
    assert_resp(&c, SLICE(resp3));
    assert_true(capture_is_resp3(c.items.p, c.items.p + c.items.n));
    capture_clear(&c);
    assert_true(capture_empty(&c));
    capture_deinit(&c);
}

static void test_capture_replay(void **state)
{
    struct capture from, to;
    capture_init(&from, 3);
    answer(&from.sink);
    capture_init(&to, 3);
    capture_replay(&from, &to.sink);
    assert_resp(&to, SLICE(resp3));
    assert_int_equal(to.errors, 1);
    capture_deinit(&to);
    capture_init(&to, 2); /* the sink decides what RESP2 makes of it */
    capture_replay(&from, &to.sink);
    assert_resp(&to, SLICE(resp2));
    capture_deinit(&to);
    capture_deinit(&from);
}

static void test_capture_skip(void **state)
{
    struct capture c;
    capture_init(&c, 3);
    c.sink.ops->begin(&c.sink, SINK_ATTRIBUTE, 1);
    c.sink.ops->bulk(&c.sink, SLICE("popularity"));
    c.sink.ops->begin(&c.sink, SINK_ARRAY, 2);
    c.sink.ops->integer(&c.sink, 1);
    c.sink.ops->integer(&c.sink, 2);
    c.sink.ops->begin(&c.sink, SINK_SET, 1);
    c.sink.ops->integer(&c.sink, 3);
    size_t first = c.items.n;
    c.sink.ops->integer(&c.sink, 4);
    const char *p = c.items.p, *end = p + c.items.n;
    assert_ptr_equal(capture_skip(p, end), p + first);
    assert_ptr_equal(capture_skip(p + first, end), end);
    assert_ptr_equal(capture_skip(end, end), end);
    capture_deinit(&c);
}

/* A module may promise more elements than it gives. */
static void test_capture_short_of_elements(void **state)
{
    struct capture c;
    capture_init(&c, 2);
    c.sink.ops->begin(&c.sink, SINK_ARRAY, SIZE_MAX / 2);
    c.sink.ops->integer(&c.sink, 1);
    const char *end = c.items.p + c.items.n;
    assert_ptr_equal(capture_skip(c.items.p, end), end);
    capture_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capture_both_versions),
        cmocka_unit_test(test_capture_replay),
        cmocka_unit_test(test_capture_skip),
        cmocka_unit_test(test_capture_short_of_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
