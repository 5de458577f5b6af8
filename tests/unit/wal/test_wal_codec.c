/* Frames and headers as bytes. */
#include "base/hash.h"
#include "unit/wal/wal_fixture.h"
#include "wal/wal_priv.h"

static size_t encode(char *out, uint32_t seed, const char *text)
{
    wal_frame_encode_header(out, seed, 42, -7, slice_str(text));
    memcpy(out + WAL_FRAME_HEADER, text, strlen(text));
    return WAL_FRAME_HEADER + strlen(text);
}

static void test_wal_frame_decode_round_trip(void **state)
{
    char bytes[128];
    struct wal_frame frame;
    size_t size = 0, n = encode(bytes, 9, "payload");
    assert_int_equal(wal_frame_decode(slice_make(bytes, sizeof bytes), 9, &frame, &size), ST_OK);
    assert_int_equal(size, n);
    assert_int_equal(frame.seq, 42);
    assert_int_equal(frame.time_ms, -7);
    assert_true(slice_eq(frame.payload, SLICE("payload")));
    assert_int_equal(wal_frame_decode(slice_make(bytes, n), 8, &frame, &size), ST_CORRUPT);
}

static void test_wal_frame_decode_short_input(void **state)
{
    char bytes[128];
    struct wal_frame frame;
    size_t size = 0, n = encode(bytes, 9, "payload");
    assert_int_equal(wal_frame_decode(slice_make(bytes, 0), 9, &frame, &size), ST_END);
    for (size_t i = 1; i < n; i++)
        assert_int_equal(wal_frame_decode(slice_make(bytes, i), 9, &frame, &size), ST_NOT_FOUND);
}

static void test_wal_frame_decode_zeros(void **state)
{
    char zeros[64] = {0};
    struct wal_frame frame;
    size_t size = 0;
    assert_int_equal(wal_frame_decode(slice_make(zeros, sizeof zeros), 9, &frame, &size),
                     ST_CORRUPT);
    encode(zeros, 9, "");
    assert_int_equal(wal_frame_decode(slice_make(zeros, sizeof zeros), 9, &frame, &size),
                     ST_CORRUPT);
}

static void test_wal_header_decode(void **state)
{
    struct wal__segment_header h = {.first_seq = 12345678901, .seed = 7}, back;
    char bytes[WAL_SEGMENT_HEADER];
    wal__header_encode(bytes, &h);
    assert_int_equal(wal__header_decode(bytes, &back), ST_OK);
    assert_true(back.first_seq == h.first_seq && back.seed == 7);
    for (size_t i = 0; i < sizeof bytes * 8; i++) {
        bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
        assert_int_equal(wal__header_decode(bytes, &back), ST_CORRUPT);
        bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
    }
    bytes[8] = 2;
    uint32_t crc = hash_crc32c(0, bytes, 28);
    for (int i = 0; i < 4; i++)
        bytes[28 + i] = (char)(unsigned char)(crc >> (8 * i));
    assert_int_equal(wal__header_decode(bytes, &back), ST_TOO_NEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wal_frame_decode_round_trip),
        cmocka_unit_test(test_wal_frame_decode_short_input),
        cmocka_unit_test(test_wal_frame_decode_zeros),
        cmocka_unit_test(test_wal_header_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
