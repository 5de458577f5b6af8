/* bits.h against versions that go bit by bit. */
#include "commands/bitmap/bits.h"

#include "unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define BYTES  97
#define ROUNDS 20000

static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t below(uint64_t n)
{
    return next_random() % n;
}

static int bit_at(const unsigned char *p, uint64_t i)
{
    return (p[i / 8] >> (7 - i % 8)) & 1;
}

/* Random bytes, with long rows of equal bits now and then. */
static void fill(unsigned char *p, size_t n)
{
    unsigned char same = below(2) ? 0xff : 0;
    bool sparse = below(2);
    for (size_t i = 0; i < n; i++)
        p[i] = sparse && below(20) ? same : (unsigned char)next_random();
}

static int setup_seed(void **unused)
{
    state = 0x9e3779b97f4a7c15ULL;
    return 0;
}

static void test_count_random(void **unused)
{
    unsigned char p[BYTES];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t first = below(BYTES * 8), last = below(BYTES * 8), expected = 0;
        fill(p, sizeof p);
        for (uint64_t i = first; i <= last; i++)
            expected += bit_at(p, i);
        assert_int_equal(bits_count(p, first, last), expected);
    }
}

static void test_count_long(void **unused)
{
    size_t n = 100003;
    unsigned char *p = malloc(n);
    memset(p, 0xff, n);
    assert_int_equal(bits_count(p, 0, n * 8 - 1), n * 8);
    assert_int_equal(bits_count(p, 3, n * 8 - 4), n * 8 - 6);
    memset(p, 0, n);
    p[77777] = 0x10;
    assert_int_equal(bits_count(p, 0, n * 8 - 1), 1);
    free(p);
}

static void test_find_random(void **unused)
{
    unsigned char p[BYTES];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t first = below(BYTES * 8), last = below(BYTES * 8);
        bool bit = below(2);
        int64_t expected = -1;
        fill(p, sizeof p);
        for (uint64_t i = first; i <= last && expected < 0; i++)
            if (bit_at(p, i) == bit)
                expected = (int64_t)i;
        assert_int_equal(bits_find(p, first, last, bit), expected);
    }
}

static void test_combine_random(void **unused)
{
    unsigned char dst[BYTES], src[BYTES], expected[BYTES];
    for (int round = 0; round < ROUNDS; round++) {
        enum bits_op op = (enum bits_op)below(4);
        size_t n = below(BYTES + 1);
        fill(dst, sizeof dst);
        fill(src, sizeof src);
        memcpy(expected, dst, sizeof dst);
        for (size_t i = 0; i < n; i++) {
            unsigned d = dst[i], s = src[i];
            expected[i] = (unsigned char)(op == BITS_AND   ? d & s
                                          : op == BITS_OR  ? d | s
                                          : op == BITS_XOR ? d ^ s
                                                           : ~s);
        }
        bits_combine(op, dst, src, n);
        assert_memory_equal(dst, expected, sizeof dst);
    }
}

static void test_get_set_random(void **unused)
{
    unsigned char p[BYTES], expected[BYTES];
    for (int round = 0; round < ROUNDS; round++) {
        unsigned width = (unsigned)below(64) + 1;
        uint64_t offset = below(BYTES * 8 - width + 1), v = next_random(), read = 0;
        fill(p, sizeof p);
        for (unsigned i = 0; i < width; i++)
            read = read << 1 | (uint64_t)bit_at(p, offset + i);
        assert_true(bits_get(p, sizeof p, offset, width) == read);
        memcpy(expected, p, sizeof p);
        for (unsigned i = 0; i < width; i++) {
            uint64_t at = offset + i;
            unsigned mask = 0x80u >> (at % 8);
            if (v >> (width - 1 - i) & 1)
                expected[at / 8] |= (unsigned char)mask;
            else
                expected[at / 8] &= (unsigned char)~mask;
        }
        bits_set(p, offset, width, v);
        assert_memory_equal(p, expected, sizeof p);
    }
}

static void test_get_beyond_end(void **unused)
{
    const unsigned char p[] = {0xff};
    assert_int_equal(bits_get(p, 1, 4, 8), 0xf0);
    assert_int_equal(bits_get(p, 1, 8, 64), 0);
    assert_int_equal(bits_get(NULL, 0, 1u << 30, 13), 0);
}

/* In 128 bits nothing overflows. */
static bool naive_add(bool is_signed, unsigned width, __int128 sum, enum bits_overflow how,
                      uint64_t *v)
{
    __int128 range = (__int128)1 << width;
    __int128 min = is_signed ? -(range / 2) : 0, max = min + range - 1;
    if (sum < min || sum > max) {
        if (how == BITS_FAIL)
            return false;
        if (how == BITS_SAT)
            sum = sum < min ? min : max;
    }
    *v = (uint64_t)sum & (uint64_t)(range - 1);
    return true;
}

/* Numbers near the edges are where things go wrong. */
static int64_t edgy(unsigned width)
{
    int64_t edge = (int64_t)((1ULL << (width - 1)) - below(3));
    switch (below(6)) {
    case 0:
        return (int64_t)below(5) - 2;
    case 1:
        return edge;
    case 2:
        return (int64_t)(0 - (uint64_t)edge);
    case 3:
        return INT64_MAX - (int64_t)below(3);
    case 4:
        return INT64_MIN + (int64_t)below(3);
    default:
        return (int64_t)next_random();
    }
}

static void test_add_random(void **unused)
{
    for (int round = 0; round < 10 * ROUNDS; round++) {
        bool is_signed = below(2);
        unsigned width = (unsigned)below(is_signed ? 64 : 63) + 1;
        enum bits_overflow how = (enum bits_overflow)below(3);
        uint64_t mask = width == 64 ? UINT64_MAX : (1ULL << width) - 1;
        uint64_t old = (uint64_t)edgy(width) & mask, got = 0, expected = 0;
        int64_t by = edgy(width);
        __int128 base = is_signed ? (__int128)bits_sign_extend(old, width) : (__int128)old;
        bool ok = naive_add(is_signed, width, base + by, how, &expected);
        assert_int_equal(bits_add(is_signed, width, old, by, how, &got), ok);
        if (ok)
            assert_true(got == expected);
    }
}

static void test_fit_random(void **unused)
{
    for (int round = 0; round < 10 * ROUNDS; round++) {
        bool is_signed = below(2);
        unsigned width = (unsigned)below(is_signed ? 64 : 63) + 1;
        enum bits_overflow how = (enum bits_overflow)below(3);
        uint64_t got = 0, expected = 0;
        int64_t value = edgy(width);
        /* For an unsigned field the argument counts as unsigned too. */
        __int128 exact = is_signed ? (__int128)value : (__int128)(uint64_t)value;
        bool ok = naive_add(is_signed, width, exact, how, &expected);
        assert_int_equal(bits_fit(is_signed, width, value, how, &got), ok);
        if (ok)
            assert_true(got == expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_count_random, setup_seed),
        cmocka_unit_test_setup(test_count_long, setup_seed),
        cmocka_unit_test_setup(test_find_random, setup_seed),
        cmocka_unit_test_setup(test_combine_random, setup_seed),
        cmocka_unit_test_setup(test_get_set_random, setup_seed),
        cmocka_unit_test_setup(test_get_beyond_end, setup_seed),
        cmocka_unit_test_setup(test_add_random, setup_seed),
        cmocka_unit_test_setup(test_fit_random, setup_seed),
    };
    return cmocka_run_group_tests_name("bits", tests, NULL, NULL);
}
