#include "rdb/rdb_codec.h"

#include "base/compiler.h"
#include "unit/cmocka_all.h"

#include <math.h>

static void test_len_round_trips_at_each_size(void **state)
{
    static const struct {
        uint64_t n;
        size_t bytes;
    } cases[] = {{0, 1},     {63, 1},         {64, 2},         {16383, 2},
                 {16384, 5}, {UINT32_MAX, 5}, {1ULL << 32, 9}, {UINT64_MAX, 9}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf b = BUF_INIT;
        rdb_put_len(&b, cases[i].n);
        assert_int_equal(b.n, cases[i].bytes);
        struct reader r = reader_make(buf_slice(&b));
        assert_true(rdb_get_len(&r) == cases[i].n);
        assert_false(r.bad);
        r = reader_make(slice_make(b.p, b.n - 1));
        (void)rdb_get_len(&r);
        assert_true(r.bad);
        buf_free(&b);
    }
}

static void check_string(struct slice s, bool compress, size_t most, size_t least)
{
    struct buf b = BUF_INIT, scratch = BUF_INIT;
    rdb_put_string(&b, s, compress);
    assert_in_range(b.n, least, most);
    struct reader r = reader_make(buf_slice(&b));
    assert_true(slice_eq(rdb_get_string(&r, &scratch), s));
    assert_false(r.bad);
    assert_int_equal(reader_left(&r), 0);
    r = reader_make(buf_slice(&b));
    rdb_skip_string(&r);
    assert_false(r.bad);
    assert_int_equal(reader_left(&r), 0);
    for (size_t cut = 0; cut < b.n; cut++) {
        r = reader_make(slice_make(b.p, cut));
        (void)rdb_get_string(&r, &scratch);
        assert_true(r.bad);
    }
    buf_free(&b);
    buf_free(&scratch);
}

static void test_string_forms(void **state)
{
    static const char spaces[100] = {0};
    check_string(SLICE(""), true, 1, 1);
    check_string(SLICE("0"), true, 2, 2);
    check_string(SLICE("-128"), true, 2, 2);
    check_string(SLICE("128"), true, 3, 3);
    check_string(SLICE("-32769"), true, 5, 5);
    check_string(SLICE("-2147483648"), true, 5, 5);
    check_string(SLICE("2147483648"), true, 11, 11);
    check_string(SLICE("007"), true, 4, 4);
    check_string(SLICE("text"), true, 5, 5);
    check_string(slice_make(spaces, sizeof spaces), true, 20, 6);
    check_string(slice_make(spaces, sizeof spaces), false, 102, 102);
    check_string(SLICE("abcdefghijklmnopqrstuvwxyz"), true, 27, 27);
}

static void test_string_refuses_lies(void **state)
{
    static const char *const bad[] = {
        "\xc3\x00\x05",                                      /* nothing compressed */
        "\xc3\x02\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00x", /* expands to all of memory */
        "\xc3\x02\x05\x00x",                                 /* shorter than it says */
        "\xc3\x03\x05\x20\xff\x00",                          /* refers to before the beginning */
        "\xc4",                                              /* no such encoding */
        "\x82",                                              /* no such length */
        "\x05"
        "abc",
    };
    static const size_t sizes[] = {3, 14, 5, 6, 1, 1, 4};
    struct buf scratch = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct reader r = reader_make(slice_make(bad[i], sizes[i]));
        (void)rdb_get_string(&r, &scratch);
        assert_true(r.bad);
    }
    buf_free(&scratch);
}

static void test_int_string_as_string(void **state)
{
    static const int64_t cases[] = {0, -1, 127, 32767, 2147483647, 2147483648LL, INT64_MIN};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf a = BUF_INIT, b = BUF_INIT, text = BUF_INIT;
        rdb_put_int_string(&a, cases[i]);
        buf_put_int(&text, cases[i]);
        rdb_put_string(&b, buf_slice(&text), true);
        assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
        buf_free(&a);
        buf_free(&b);
        buf_free(&text);
    }
}

static void test_doubles(void **state)
{
    struct buf b = BUF_INIT;
    rdb_put_double(&b, -1.5);
    struct reader r = reader_make(buf_slice(&b));
    assert_true(rdb_get_double(&r) == -1.5);
    buf_free(&b);
    r = reader_make(SLICE("\x03"
                          "2.5"
                          "\xfe\xff\xfd"));
    assert_true(rdb_get_text_double(&r) == 2.5);
    assert_true(isinf(rdb_get_text_double(&r)));
    assert_true(rdb_get_text_double(&r) < 0);
    assert_true(isnan(rdb_get_text_double(&r)));
    assert_false(r.bad);
    r = reader_make(SLICE("\x02"
                          "xx"));
    (void)rdb_get_text_double(&r);
    assert_true(r.bad);
}

static void test_payload_opens_only_as_sealed(void **state)
{
    struct buf b = BUF_INIT;
    struct slice body;
    buf_put_str(&b, "before");
    rdb_put_string(&b, SLICE("value"), true);
    rdb_payload_seal(&b, 6);
    struct slice payload = slice_make(b.p + 6, b.n - 6);
    assert_true(rdb_payload_open(payload, false, &body));
    assert_true(slice_eq(body, SLICE("\x05value")));
    for (size_t i = 6; i < b.n; i++) {
        b.p[i] ^= 1;
        assert_false(rdb_payload_open(payload, false, &body));
        b.p[i] ^= 1;
    }
    b.p[8] ^= 1;
    assert_true(rdb_payload_open(payload, true, &body));
    b.p[b.n - 10] = 12; /* a newer version */
    assert_false(rdb_payload_open(payload, true, &body));
    assert_false(rdb_payload_open(slice_make(b.p, 9), true, &body));
    buf_free(&b);
}

/* What redis-server 7.2 answers to DUMP of a key that holds "10". */
static void test_payload_of_redis(void **state)
{
    static const unsigned char dump[] = {0x00, 0xc0, 0x0a, 0x0b, 0x00, 0x07, 0x40,
                                         0xea, 0x36, 0xf3, 0x31, 0x8a, 0x32};
    struct slice body;
    assert_true(rdb_payload_open(slice_make(dump, sizeof dump), false, &body));
    assert_true(slice_eq(body, SLICE("\x00\xc0\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_len_round_trips_at_each_size),
        cmocka_unit_test(test_string_forms),
        cmocka_unit_test(test_string_refuses_lies),
        cmocka_unit_test(test_int_string_as_string),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_payload_opens_only_as_sealed),
        cmocka_unit_test(test_payload_of_redis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
