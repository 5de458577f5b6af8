#include "base/reader.h"

#include "base/buf.h"
#include "unit/cmocka_all.h"

static void test_reader_reads_what_buf_wrote(void **state)
{
    struct buf b = BUF_INIT;
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    buf_put_byte(&b, 9);
    buf_put_u16be(&b, 0x1234);
    buf_put_u32be(&b, 0x12345678);
    buf_put_u64be(&b, 0x123456789abcdef0ull);
    buf_put_u32le(&b, 0x12345678);
    buf_put_u64le(&b, 0x123456789abcdef0ull);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        buf_put_varint(&b, numbers[i]);
    buf_put_str(&b, "hello rest");

    struct reader r = reader_make(buf_slice(&b));
    assert_int_equal(reader_u8(&r), 9);
    assert_int_equal(reader_u16be(&r), 0x1234);
    assert_int_equal(reader_u32be(&r), 0x12345678);
    assert_int_equal(reader_u64be(&r), 0x123456789abcdef0ull);
    assert_int_equal(reader_u32le(&r), 0x12345678);
    assert_int_equal(reader_u64le(&r), 0x123456789abcdef0ull);
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        assert_int_equal(reader_varint(&r), numbers[i]);
    assert_true(slice_eq(reader_bytes(&r, 5), SLICE("hello")));
    assert_int_equal(reader_left(&r), 5);
    assert_true(slice_eq(reader_rest(&r), SLICE(" rest")));
    assert_int_equal(reader_left(&r), 0);
    assert_false(r.bad);
    buf_free(&b);
}

static void test_reader_past_the_end_is_sticky(void **state)
{
    struct reader r = reader_make(SLICE("abc"));
    assert_int_equal(reader_u32be(&r), 0);
    assert_true(r.bad);
    /* There are three bytes left, but nothing is read after a failure. */
    assert_int_equal(reader_u8(&r), 0);
    assert_int_equal(reader_varint(&r), 0);
    assert_int_equal(reader_bytes(&r, 1).n, 0);
    assert_null(reader_rest(&r).p);
    assert_true(r.bad);
}

static void test_reader_bytes_refuses_huge_lengths(void **state)
{
    struct reader r = reader_make(SLICE("abc"));
    assert_null(reader_bytes(&r, SIZE_MAX).p);
    assert_true(r.bad);
    r = reader_make(SLICE("abc"));
    assert_int_equal(reader_bytes(&r, 0).n, 0);
    assert_int_equal(reader_bytes(&r, 3).n, 3);
    assert_int_equal(reader_bytes(&r, 0).n, 0);
    assert_false(r.bad);
}

static void test_reader_of_nothing(void **state)
{
    struct reader r = reader_make(SLICE_NULL);
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(reader_rest(&r).n, 0);
    assert_false(r.bad);
    assert_int_equal(reader_u8(&r), 0);
    assert_true(r.bad);
}

static void test_reader_varint_malformed(void **state)
{
    static const struct slice rows[] = {
        {"\x80", sizeof("\x80") - 1},
        {"\xff\xff\xff", sizeof("\xff\xff\xff") - 1},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
         sizeof("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02") - 1},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
         sizeof("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01") - 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reader r = reader_make(rows[i]);
        assert_int_equal(reader_varint(&r), 0);
        assert_true(r.bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_reads_what_buf_wrote),
        cmocka_unit_test(test_reader_past_the_end_is_sticky),
        cmocka_unit_test(test_reader_bytes_refuses_huge_lengths),
        cmocka_unit_test(test_reader_of_nothing),
        cmocka_unit_test(test_reader_varint_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
