#include "base/hash.h"

#include "base/buf.h"
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static const char check_text[] = "123456789";

/* SipHash-1-3 with the key 00 01 .. 0f over 00 01 .. n-1; made with an independent implementation. */
static void test_hash_sip13_reference(void **state)
{
    unsigned char bytes[64];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    struct hash_seed seed;
    memcpy(&seed, bytes, sizeof(seed));
    static const struct {
        size_t n;
        uint64_t want;
    } rows[] = {
#include "unit/base/sip13_vectors.def"
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(hash_sip13(seed, bytes, rows[i].n), rows[i].want);
}

static void test_hash_sip13_depends_on_seed_and_tail(void **state)
{
    struct hash_seed a = {1, 2}, b = {1, 3};
    assert_int_not_equal(hash_sip13(a, "key", 3), hash_sip13(b, "key", 3));
    assert_int_not_equal(hash_sip13(a, "key", 3), hash_sip13(a, "key\0", 4));
    assert_int_equal(hash_sip13(a, NULL, 0), hash_sip13(a, "", 0));
}

static void test_hash_crc16_check_value(void **state)
{
    assert_int_equal(hash_crc16(check_text, 9), 0x31c3);
    assert_int_equal(hash_crc16("", 0), 0);
}

static void test_hash_crc16_every_length(void **state)
{
    unsigned char bytes[70];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 37 + 11);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        unsigned crc = 0;
        for (size_t i = 0; i < n; i++) {
            crc ^= (unsigned)bytes[i] << 8;
            for (int bit = 0; bit < 8; bit++)
                crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
        }
        assert_int_equal(hash_crc16(bytes, n), crc);
    }
}

static void test_hash_slot_tags(void **state)
{
    static const struct {
        const char *key, *hashed;
    } rows[] = {
        {"{user1000}.following", "user1000"},
        {"foo{}{bar}", "foo{}{bar}"},
        {"foo{{bar}}zap", "{bar"},
        {"foo{bar}{zap}", "bar"},
        {"foo{bar", "foo{bar"},
        {"foo}bar{", "foo}bar{"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint16_t want = hash_crc16(rows[i].hashed, strlen(rows[i].hashed)) & 16383;
        assert_int_equal(hash_slot(rows[i].key, strlen(rows[i].key)), want);
    }
    assert_int_equal(hash_slot("foo", 3), 12182);
}

static void test_hash_crc32c_check_value(void **state)
{
    assert_int_equal(hash_crc32c(0, check_text, 9), 0xe3069283u);
    assert_int_equal(hash_crc32c(0, "", 0), 0);
}

static uint32_t crc32c_by_bit(const unsigned char *p, size_t n)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
    }
    return ~crc;
}

static void test_hash_crc32c_every_length_and_split(void **state)
{
    unsigned char bytes[100];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 37 + 11);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        uint32_t want = crc32c_by_bit(bytes, n);
        assert_int_equal(hash_crc32c(0, bytes, n), want);
        uint32_t half = hash_crc32c(0, bytes, n / 2);
        assert_int_equal(hash_crc32c(half, bytes + n / 2, n - n / 2), want);
    }
}

static void test_hash_crc64_check_value(void **state)
{
    assert_int_equal(hash_crc64(0, check_text, 9), 0xe9c6d914c4b8d9caull);
    uint64_t half = hash_crc64(0, check_text, 4);
    assert_int_equal(hash_crc64(half, check_text + 4, 5), 0xe9c6d914c4b8d9caull);
}

static void test_hash_rand64_differs(void **state)
{
    uint64_t a = hash_rand64(), b = hash_rand64();
    assert_int_not_equal(a, b);
    uint64_t ones = 0, zeros = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t v = hash_rand64();
        ones |= v;
        zeros |= ~v;
    }
    assert_int_equal(ones, UINT64_MAX);
    assert_int_equal(zeros, UINT64_MAX);
}

static void test_hash_random_fills(void **state)
{
    unsigned char a[600] = {0}, b[600] = {0};
    hash_random(a, sizeof(a));
    hash_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    hash_random(a, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_sip13_reference),
        cmocka_unit_test(test_hash_sip13_depends_on_seed_and_tail),
        cmocka_unit_test(test_hash_crc16_check_value),
        cmocka_unit_test(test_hash_crc16_every_length),
        cmocka_unit_test(test_hash_slot_tags),
        cmocka_unit_test(test_hash_crc32c_check_value),
        cmocka_unit_test(test_hash_crc32c_every_length_and_split),
        cmocka_unit_test(test_hash_crc64_check_value),
        cmocka_unit_test(test_hash_rand64_differs),
        cmocka_unit_test(test_hash_random_fills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
