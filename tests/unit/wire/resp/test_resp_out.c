/* The queue of chunks: any order of small and large pieces, deferred headers, cutting back, partial sends. */
#include "wire/resp/resp_out.h"

#include "base/mem.h"
#include "unit/cmocka_all.h"

#include <string.h>

static void take_all(struct resp_out *o, struct buf *got, size_t step)
{
    struct iovec iov[8];
    while (o->bytes > 0) {
        int n = resp_out_pieces(o, iov, 8);
        size_t left = step;
        for (int i = 0; i < n && left > 0; i++) {
            size_t m = iov[i].iov_len < left ? iov[i].iov_len : left;
            buf_put(got, iov[i].iov_base, m);
            left -= m;
        }
        resp_out_sent(o, step - left);
    }
}

static void put(struct resp_out *o, struct buf *want, const char *text, size_t n)
{
    assert_true(resp_out_put(o, slice_make(text, n)));
    if (want)
        buf_put(want, text, n);
}

static void assert_sends(struct resp_out *o, const struct buf *want, size_t step)
{
    struct buf got = BUF_INIT;
    assert_int_equal(o->bytes, want->n);
    take_all(o, &got, step);
    assert_int_equal(got.n, want->n);
    assert_memory_equal(got.p, want->p, want->n);
    assert_int_equal(o->extra_mem, 0);
    assert_int_equal(o->extra_count, 0);
    buf_free(&got);
}

static void test_resp_out_pieces_of_all_sizes(void **state)
{
    char *text = mem_alloc(100000);
    for (int i = 0; i < 100000; i++)
        text[i] = (char)('a' + i % 26);
    for (size_t step = 1; step < 70000; step = step * 7 + 3) {
        struct resp_out o;
        struct buf want = BUF_INIT;
        resp_out_init(&o);
        for (size_t n = 0; n < 100000; n = n * 3 + 1)
            put(&o, &want, text, n);
        memcpy(resp_out_room(&o, 5), "12345", 5);
        buf_put(&want, "12345", 5);
        assert_sends(&o, &want, step);
        resp_out_free(&o);
        buf_free(&want);
    }
    mem_free(text);
}

/* [ [ body ] [ body ] ... ] with all headers deferred, bodies of size n. */
static void nested(size_t n, int count)
{
    struct resp_out o;
    struct buf want = BUF_INIT, inner = BUF_INIT;
    char *body = mem_alloc(n + 1);
    memset(body, 'b', n);
    resp_out_init(&o);
    put(&o, &want, "start", 5);
    size_t outer = resp_out_defer(&o);
    for (int i = 0; i < count; i++) {
        size_t token = resp_out_defer(&o);
        put(&o, NULL, body, n);
        resp_out_fill(&o, token, SLICE("*1\r\n"));
        buf_put(&inner, "*1\r\n", 4);
        buf_put(&inner, body, n);
    }
    resp_out_fill(&o, outer, SLICE("*12345\r\n"));
    buf_put(&want, "*12345\r\n", 8);
    buf_put_slice(&want, buf_slice(&inner));
    put(&o, &want, "end", 3);
    assert_sends(&o, &want, 999);
    resp_out_free(&o);
    buf_free(&want);
    buf_free(&inner);
    mem_free(body);
}

static void test_resp_out_defer_nested(void **state)
{
    for (size_t n = 0; n < 40000; n = n * 2 + 1)
        nested(n, n < 1000 ? 300 : 5);
}

static void test_resp_out_truncate(void **state)
{
    for (size_t first = 0; first < 40000; first = first * 5 + 1) {
        struct resp_out o;
        struct buf want = BUF_INIT;
        char *text = mem_alloc(40000);
        memset(text, 't', 40000);
        resp_out_init(&o);
        put(&o, &want, text, first);
        struct resp_place mark = resp_out_mark(&o);
        for (int i = 0; i < 5; i++)
            put(&o, NULL, text, 13000);
        resp_out_truncate(&o, mark);
        put(&o, &want, "-MISCONF\r\n", 10);
        assert_sends(&o, &want, 777);
        resp_out_free(&o);
        buf_free(&want);
        mem_free(text);
    }
}

static void test_resp_out_truncate_after_a_partial_send(void **state)
{
    struct resp_out o;
    struct buf got = BUF_INIT;
    char text[5000];
    memset(text, 'x', sizeof text);
    resp_out_init(&o);
    for (int i = 0; i < 10; i++)
        put(&o, NULL, text, sizeof text);
    resp_out_sent(&o, 20001);
    struct resp_place mark = resp_out_mark(&o);
    put(&o, NULL, text, sizeof text);
    resp_out_truncate(&o, mark);
    assert_int_equal(o.bytes, 50000 - 20001);
    take_all(&o, &got, 1000);
    assert_int_equal(got.n, 50000 - 20001);
    resp_out_free(&o);
    buf_free(&got);
}

static void test_resp_out_keeps_the_first_chunk(void **state)
{
    struct resp_out o;
    resp_out_init(&o);
    put(&o, NULL, "abc", 3);
    const struct resp_chunk *first = o.head;
    resp_out_sent(&o, 3);
    put(&o, NULL, "def", 3);
    assert_ptr_equal(o.head, first);
    resp_out_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resp_out_pieces_of_all_sizes),
        cmocka_unit_test(test_resp_out_defer_nested),
        cmocka_unit_test(test_resp_out_truncate),
        cmocka_unit_test(test_resp_out_truncate_after_a_partial_send),
        cmocka_unit_test(test_resp_out_keeps_the_first_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
