#include "storage/oplog.h"

#include "unit/cmocka_all.h"

static void test_round_trip(void **state)
{
    struct buf log = BUF_INIT;
    struct oplog_op op;

    oplog_put(&log, 0, SLICE("key"), SLICE("value"));
    oplog_del(&log, 300, SLICE(""));
    oplog_del_range(&log, 1, SLICE("a"), SLICE("b"));
    oplog_del_range(&log, 1, SLICE("c"), SLICE_NULL);
    struct reader r = reader_make(buf_slice(&log));
    assert_true(oplog_next(&r, &op));
    assert_int_equal(op.kind, OPLOG_PUT);
    assert_true(slice_eq(op.key, SLICE("key")) && slice_eq(op.second, SLICE("value")));
    assert_true(oplog_next(&r, &op));
    assert_int_equal(op.kind, OPLOG_DEL);
    assert_int_equal(op.space, 300);
    assert_int_equal(op.key.n, 0);
    assert_true(oplog_next(&r, &op));
    assert_int_equal(op.kind, OPLOG_DEL_RANGE);
    assert_true(slice_eq(op.second, SLICE("b")));
    assert_true(oplog_next(&r, &op));
    assert_int_equal(op.kind, OPLOG_DEL_FROM);
    assert_false(oplog_next(&r, &op));
    assert_false(r.bad);
    /* Every cut but those between operations is noticed. */
    size_t whole = 0;
    for (size_t n = 0; n < log.n; n++) {
        r = reader_make(slice_make(log.p, n));
        while (oplog_next(&r, &op))
            continue;
        whole += !r.bad;
    }
    assert_int_equal(whole, 4);
    buf_free(&log);
}

static void test_bad_bytes(void **state)
{
    static const struct slice bad[] = {
        {"\0\0\0\0", 4},                   /* unknown kind */
        {"\5\0\0\0", 4},                   /* unknown kind */
        {"\2\0\1\1kv", 6},                 /* a delete with a value */
        {"\1\0\xff\xff\xff\xff\x0f\0", 8}, /* key longer than the log */
        {"\1\x80\x80\x04\0\0", 6},         /* space above 16 bits */
    };
    struct oplog_op op;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reader r = reader_make(bad[i]);
        assert_false(oplog_next(&r, &op));
        assert_true(r.bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bad_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
