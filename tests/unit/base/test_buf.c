#include "base/buf.h"

#include "unit/cmocka_all.h"

static void test_buf_put_grows_and_keeps_bytes(void **state)
{
    struct buf b = BUF_INIT;
    for (unsigned i = 0; i < 100000; i++) {
        unsigned char c = (unsigned char)(i * 7);
        if (i & 1)
            buf_put(&b, &c, 1);
        else
            buf_put_byte(&b, c);
    }
    assert_int_equal(b.n, 100000);
    assert_true(b.cap >= b.n);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal((unsigned char)b.p[i], (unsigned char)(i * 7));
    buf_free(&b);
    assert_null(b.p);
    assert_int_equal(b.cap, 0);
    buf_free(&b);
}

static void test_buf_put_nothing(void **state)
{
    struct buf b = BUF_INIT;
    buf_put(&b, NULL, 0);
    buf_put_slice(&b, SLICE_NULL);
    buf_put_str(&b, "");
    buf_consume(&b, 0);
    buf_clear(&b);
    assert_int_equal(b.n, 0);
    assert_string_equal(buf_cstr(&b), "");
    buf_free(&b);
}

static void test_buf_put_fixed_width(void **state)
{
    struct buf b = BUF_INIT;
    buf_put_u16be(&b, 0x0102);
    buf_put_u32be(&b, 0x03040506);
    buf_put_u64be(&b, 0x0708090a0b0c0d0eull);
    buf_put_u32le(&b, 0x03040506);
    buf_put_u64le(&b, 0x0708090a0b0c0d0eull);
    static const char want[] = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"
                               "\x06\x05\x04\x03\x0e\x0d\x0c\x0b\x0a\x09\x08\x07";
    assert_int_equal(b.n, sizeof(want) - 1);
    assert_memory_equal(b.p, want, b.n);
    buf_free(&b);
}

static void test_buf_put_varint_lengths(void **state)
{
    struct buf b = BUF_INIT;
    buf_put_varint(&b, 0);
    buf_put_varint(&b, 127);
    buf_put_varint(&b, 128);
    buf_put_varint(&b, 300);
    assert_int_equal(b.n, 6);
    assert_memory_equal(b.p, "\x00\x7f\x80\x01\xac\x02", 6);
    buf_clear(&b);
    buf_put_varint(&b, UINT64_MAX);
    assert_int_equal(b.n, 10);
    buf_free(&b);
}

static void test_buf_put_int_limits(void **state)
{
    struct buf b = BUF_INIT;
    buf_put_int(&b, INT64_MIN);
    buf_put_byte(&b, ' ');
    buf_put_int(&b, INT64_MAX);
    buf_put_byte(&b, ' ');
    buf_put_int(&b, 0);
    assert_string_equal(buf_cstr(&b), "-9223372036854775808 9223372036854775807 0");
    buf_free(&b);
}

static void test_buf_printf_short_and_long(void **state)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "%d-%s", 5, "x");
    assert_int_equal(b.n, 3);
    buf_printf(&b, "%0500d", 1);
    assert_int_equal(b.n, 503);
    assert_int_equal(b.p[502], '1');
    assert_int_equal(b.p[0], '5');
    buf_printf(&b, "%s", "");
    assert_int_equal(b.n, 503);
    buf_free(&b);
}

static void test_buf_consume_from_the_front(void **state)
{
    struct buf b = BUF_INIT;
    buf_put_str(&b, "abcdef");
    buf_consume(&b, 2);
    assert_string_equal(buf_cstr(&b), "cdef");
    buf_consume(&b, 100);
    assert_int_equal(b.n, 0);
    buf_free(&b);
}

static void test_buf_try_reserve_refuses_the_impossible(void **state)
{
    struct buf b = BUF_INIT;
    buf_put_str(&b, "keep");
    size_t cap = b.cap;
    assert_false(buf_try_reserve(&b, SIZE_MAX));
    assert_false(buf_try_reserve(&b, SIZE_MAX - 2));
    assert_false(buf_try_reserve(&b, (size_t)1 << 62));
    assert_int_equal(b.cap, cap);
    assert_string_equal(buf_cstr(&b), "keep");
    assert_true(buf_try_reserve(&b, 1000));
    assert_true(b.cap - b.n >= 1000);
    buf_free(&b);
}

static void test_buf_shrink_keeps_the_bytes(void **state)
{
    struct buf b = BUF_INIT;
    buf_reserve(&b, 100000);
    buf_put_str(&b, "abc");
    buf_shrink(&b, 0);
    assert_int_equal(b.cap, 3);
    assert_memory_equal(b.p, "abc", 3);
    buf_shrink(&b, 100);
    assert_int_equal(b.cap, 3);
    buf_clear(&b);
    buf_shrink(&b, 0);
    assert_null(b.p);
}

static void test_buf_grow_returns_where_to_write(void **state)
{
    struct buf b = BUF_INIT;
    buf_put_str(&b, "ab");
    memcpy(buf_grow(&b, 1000), "cd", 2);
    assert_int_equal(b.n, 1002);
    assert_memory_equal(b.p, "abcd", 4);
    buf_free(&b);
}

static void test_buf_put_quoted_escapes(void **state)
{
    struct buf b = BUF_INIT;
    buf_put_quoted(&b, SLICE("a\"b\\\n\r\t\a\b\x01\x7f\xff z"));
    assert_string_equal(buf_cstr(&b), "\"a\\\"b\\\\\\n\\r\\t\\a\\b\\x01\\x7f\\xff z\"");
    buf_clear(&b);
    buf_put_quoted(&b, SLICE_NULL);
    assert_string_equal(buf_cstr(&b), "\"\"");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_put_grows_and_keeps_bytes),
        cmocka_unit_test(test_buf_put_nothing),
        cmocka_unit_test(test_buf_put_fixed_width),
        cmocka_unit_test(test_buf_put_varint_lengths),
        cmocka_unit_test(test_buf_put_int_limits),
        cmocka_unit_test(test_buf_printf_short_and_long),
        cmocka_unit_test(test_buf_consume_from_the_front),
        cmocka_unit_test(test_buf_try_reserve_refuses_the_impossible),
        cmocka_unit_test(test_buf_shrink_keeps_the_bytes),
        cmocka_unit_test(test_buf_grow_returns_where_to_write),
        cmocka_unit_test(test_buf_put_quoted_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
