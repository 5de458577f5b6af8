/* Every kind of answer in RESP2 and RESP3, and what passes while answers are off. */
#include "base/buf.h"
#include "base/mem.h"
#include "unit/cmocka_all.h"
#include "wire/resp/resp_priv.h"

struct fixture {
    struct resp_client client;
    struct sink *s;
};

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    f->client.sink.ops = &resp__sink_ops;
    f->client.sink.resp = 2;
    resp_out_init(&f->client.out);
    f->s = &f->client.sink;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    list_remove(&f->client.queue_link);
    resp_out_free(&f->client.out);
    mem_free(f);
    return 0;
}

static void assert_out(struct fixture *f, const char *want)
{
    struct buf got = BUF_INIT;
    struct iovec iov[64];
    int n = resp_out_pieces(&f->client.out, iov, 64);
    for (int i = 0; i < n; i++)
        buf_put(&got, iov[i].iov_base, iov[i].iov_len);
    assert_string_equal(buf_cstr(&got), want);
    buf_free(&got);
    resp_out_clear(&f->client.out);
}

static void put_all(struct sink *s)
{
    s->ops->status(s, SLICE("OK"));
    s->ops->error(s, SLICE("ERR no"));
    s->ops->integer(s, 12);
    s->ops->integer(s, INT64_MIN);
    s->ops->bulk(s, SLICE("a\r\nb"));
    s->ops->bulk(s, SLICE_NULL);
    s->ops->null(s);
    s->ops->null_array(s);
    s->ops->real(s, 1.5);
    s->ops->boolean(s, true);
    s->ops->boolean(s, false);
    s->ops->bignum(s, SLICE("123"));
    s->ops->verbatim(s, "txt", SLICE("hi"));
}

static void test_sink_scalars_resp2(void **state)
{
    struct fixture *f = *state;
    put_all(f->s);
    assert_out(f, "+OK\r\n-ERR no\r\n:12\r\n:-9223372036854775808\r\n$4\r\na\r\nb\r\n$0\r\n\r\n"
                  "$-1\r\n*-1\r\n$3\r\n1.5\r\n:1\r\n:0\r\n$3\r\n123\r\n$2\r\nhi\r\n");
}

static void test_sink_scalars_resp3(void **state)
{
    struct fixture *f = *state;
    f->s->resp = 3;
    put_all(f->s);
    assert_out(f, "+OK\r\n-ERR no\r\n:12\r\n:-9223372036854775808\r\n$4\r\na\r\nb\r\n$0\r\n\r\n"
                  "_\r\n_\r\n,1.5\r\n#t\r\n#f\r\n(123\r\n=6\r\ntxt:hi\r\n");
}

static void put_aggregates(struct sink *s)
{
    s->ops->begin(s, SINK_ARRAY, 2);
    s->ops->begin(s, SINK_MAP, 2);
    s->ops->begin(s, SINK_SET, 2);
    s->ops->begin(s, SINK_PUSH, 2);
    s->ops->begin(s, SINK_ATTRIBUTE, 2);
    size_t outer = s->ops->begin_deferred(s);
    size_t inner = s->ops->begin_deferred(s);
    s->ops->integer(s, 1);
    s->ops->end_deferred(s, inner, SINK_SET, 1);
    s->ops->end_deferred(s, outer, SINK_MAP, 7);
}

static void test_sink_aggregates(void **state)
{
    struct fixture *f = *state;
    put_aggregates(f->s);
    assert_out(f, "*2\r\n*4\r\n*2\r\n*2\r\n*4\r\n*14\r\n*1\r\n:1\r\n");
    f->s->resp = 3;
    put_aggregates(f->s);
    assert_out(f, "*2\r\n%2\r\n~2\r\n>2\r\n|2\r\n%7\r\n~1\r\n:1\r\n");
}

static void test_sink_only_pushes_pass_while_off(void **state)
{
    struct fixture *f = *state;
    struct sink *s = f->s;
    s->resp = 3;
    f->client.reply_off = true;
    s->ops->status(s, SLICE("OK"));
    size_t token = s->ops->begin_deferred(s);
    s->ops->bulk(s, SLICE("dropped"));
    s->ops->end_deferred(s, token, SINK_ARRAY, 1);
    s->ops->begin(s, SINK_PUSH, 2);
    s->ops->bulk(s, SLICE("invalidate"));
    s->ops->begin(s, SINK_ARRAY, 1);
    s->ops->bulk(s, SLICE("k"));
    s->ops->status(s, SLICE("OK"));
    s->ops->begin(s, SINK_ARRAY, 1);
    s->ops->integer(s, 1);
    assert_out(f, ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
}

static void test_sink_marks_where_the_tick_begins(void **state)
{
    struct fixture *f = *state;
    f->s->ops->status(f->s, SLICE("earlier"));
    list_remove(&f->client.queue_link);
    f->client.queued = false;
    f->s->ops->status(f->s, SLICE("now"));
    assert_true(f->client.queued);
    resp_out_truncate(&f->client.out, f->client.mark);
    assert_out(f, "+earlier\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sink_scalars_resp2, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sink_scalars_resp3, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sink_aggregates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sink_only_pushes_pass_while_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sink_marks_where_the_tick_begins, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
