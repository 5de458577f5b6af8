/* hll.h against an array of registers, and against bytes that a redis-server 7.2.5 wrote. */
#include "commands/hyperloglog/hll.h"

#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#define SPARSE_MAX 3000

static uint64_t state;

static uint64_t below(uint64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % n;
}

static int setup_seed(void **unused)
{
    state = 0x9e3779b97f4a7c15ULL;
    return 0;
}

static unsigned reg(const struct buf *b, unsigned index)
{
    struct hll_run run;
    size_t at = HLL_HEADER;
    unsigned first = 0;
    if (hll_form(buf_slice(b)) == HLL_DENSE)
        return hll_dense_get((const unsigned char *)b->p + HLL_HEADER, index);
    while (hll_next_run(buf_slice(b), &at, &run)) {
        if (index < first + run.n)
            return run.value;
        first += run.n;
    }
    fail_msg("register %u is missing", index);
    return 0;
}

static void assert_registers(const struct buf *b, const uint8_t want[HLL_REGISTERS])
{
    uint8_t got[HLL_REGISTERS] = {0};
    assert_true(hll_header_ok(buf_slice(b)));
    assert_true(hll_merge(buf_slice(b), got));
    assert_memory_equal(got, want, HLL_REGISTERS);
}

/* Raises registers at random, also of neighbours, and compares everything with the array now and then. */
static void raise_random(struct buf *b, size_t max, unsigned rounds, unsigned values)
{
    uint8_t want[HLL_REGISTERS] = {0};
    unsigned near = 0;
    for (unsigned i = 0; i < rounds; i++) {
        struct hll_spot at = {.value = (uint8_t)(below(values) + 1)};
        if (below(3) == 0)
            near = (unsigned)below(HLL_REGISTERS);
        at.index = (uint16_t)((near + below(8)) % HLL_REGISTERS);
        bool higher = at.value > want[at.index];
        assert_int_equal(hll_raise(b, at, max), higher ? HLL_CHANGED : HLL_SAME);
        if (higher)
            want[at.index] = at.value;
        assert_int_equal(reg(b, at.index), want[at.index]);
        if (i % 97 == 0)
            assert_registers(b, want);
    }
    assert_registers(b, want);
}

static void test_raise_sparse(void **unused)
{
    for (int round = 0; round < 20; round++) {
        struct buf b = BUF_INIT;
        hll_init(&b);
        raise_random(&b, 100000, 1500, 32);
        assert_int_equal(hll_form(buf_slice(&b)), HLL_SPARSE);
        buf_free(&b);
    }
}

/* Equal neighbours are joined, so that few values make few bytes. */
static void test_raise_joins(void **unused)
{
    struct buf b = BUF_INIT;
    hll_init(&b);
    for (unsigned i = 0; i < 400; i++) {
        struct hll_spot at = {.index = (uint16_t)(100 + i), .value = 3};
        assert_int_equal(hll_raise(&b, at, SPARSE_MAX), HLL_CHANGED);
    }
    assert_int_equal(b.n, HLL_HEADER + 2 + 100 + 2);
    buf_free(&b);
}

static void test_raise_dense(void **unused)
{
    struct buf b = BUF_INIT;
    hll_init(&b);
    assert_true(hll_to_dense(&b));
    assert_int_equal(b.n, HLL_DENSE_BYTES);
    raise_random(&b, SPARSE_MAX, 20000, 51);
    buf_free(&b);
}

static void test_raise_promotes_long(void **unused)
{
    struct buf b = BUF_INIT;
    hll_init(&b);
    raise_random(&b, 200, 1000, 32);
    assert_int_equal(hll_form(buf_slice(&b)), HLL_DENSE);
    buf_free(&b);
}

static void test_raise_promotes_high(void **unused)
{
    struct buf b = BUF_INIT;
    hll_init(&b);
    assert_int_equal(hll_raise(&b, (struct hll_spot){7, 32}, SPARSE_MAX), HLL_CHANGED);
    assert_int_equal(hll_form(buf_slice(&b)), HLL_SPARSE);
    assert_int_equal(hll_raise(&b, (struct hll_spot){8, 33}, SPARSE_MAX), HLL_CHANGED);
    assert_int_equal(hll_form(buf_slice(&b)), HLL_DENSE);
    assert_int_equal(reg(&b, 7), 32);
    assert_int_equal(reg(&b, 8), 33);
    buf_free(&b);
}

static void test_raise_outdates(void **unused)
{
    struct buf b = BUF_INIT;
    uint64_t n = 5;
    hll_init(&b);
    assert_true(hll_cached(buf_slice(&b), &n));
    assert_int_equal(n, 0);
    assert_int_equal(hll_raise(&b, (struct hll_spot){7, 2}, SPARSE_MAX), HLL_CHANGED);
    assert_false(hll_cached(buf_slice(&b), &n));
    hll_cache(b.p, 0x123456789abcULL);
    assert_int_equal(hll_raise(&b, (struct hll_spot){7, 1}, SPARSE_MAX), HLL_SAME);
    assert_true(hll_cached(buf_slice(&b), &n));
    assert_int_equal(n, 0x123456789abcULL);
    buf_free(&b);
}

static void add(struct buf *b, const char *element)
{
    assert_int_not_equal(hll_raise(b, hll_spot(slice_str(element)), SPARSE_MAX), HLL_BROKEN);
}

static void test_bytes_of_redis(void **unused)
{
    static const char want[] = "HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80J\xa5\x8cL\x8a\x84I\xc0\x80"
                               "C\n\x80M\xa5\x84K\xfb\x80"
                               "BZ";
    static const char *const elements[] = {
        "a", "b", "c", "", "hello", "a longer element, of more than eight bytes"};
    struct buf b = BUF_INIT;
    hll_init(&b);
    for (size_t i = 0; i < COUNT_OF(elements); i++)
        add(&b, elements[i]);
    assert_int_equal(b.n, sizeof want - 1);
    assert_memory_equal(b.p, want, b.n);
    buf_free(&b);
}

/* Estimate and length after the decimal numbers from 1 to elements, as redis-server 7.2.5 has them. */
static void test_counts_of_redis(void **unused)
{
    static const struct {
        unsigned elements;
        uint64_t count;
        size_t bytes;
    } want[] = {
        {1, 1, 21}, {10, 10, 47}, {100, 100, 287}, {1000, 1001, 1922}, {10000, 9988, 12304}};
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        struct buf b = BUF_INIT;
        uint8_t max[HLL_REGISTERS] = {0};
        uint64_t n;
        hll_init(&b);
        for (unsigned k = 1; k <= want[i].elements; k++) {
            char text[16];
            snprintf(text, sizeof text, "%u", k);
            add(&b, text);
        }
        assert_int_equal(b.n, want[i].bytes);
        assert_true(hll_count(buf_slice(&b), &n));
        assert_int_equal(n, want[i].count);
        assert_true(hll_merge(buf_slice(&b), max));
        assert_int_equal(hll_count_registers(max), n);
        assert_true(hll_to_dense(&b));
        assert_true(hll_count(buf_slice(&b), &n));
        assert_int_equal(n, want[i].count);
        buf_free(&b);
    }
}

static void test_header(void **unused)
{
    struct buf b = BUF_INIT;
    hll_init(&b);
    assert_true(hll_header_ok(buf_slice(&b)));
    assert_false(hll_header_ok(slice_make(b.p, HLL_HEADER - 1)));
    b.p[4] = 2;
    assert_false(hll_header_ok(buf_slice(&b)));
    b.p[4] = HLL_DENSE;
    assert_false(hll_header_ok(buf_slice(&b)));
    b.p[4] = HLL_SPARSE;
    b.p[0] = 'h';
    assert_false(hll_header_ok(buf_slice(&b)));
    buf_free(&b);
}

/* Too few registers, too many, half an opcode: each is noticed by whoever has to read it, and changes nothing. */
static void test_damage(void **unused)
{
    static const struct slice tails[] = {
        {"\x7f\xfe", 2}, {"\x7f\xff\x00", 3}, {"\x7f\xff\x7f", 3}, {"\x7f", 1}, {"", 0},
    };
    for (size_t i = 0; i < COUNT_OF(tails); i++) {
        struct buf b = BUF_INIT;
        uint8_t max[HLL_REGISTERS] = {0};
        uint64_t n;
        hll_init(&b);
        b.n = HLL_HEADER;
        buf_put_slice(&b, tails[i]);
        assert_false(hll_count(buf_slice(&b), &n));
        assert_false(hll_merge(buf_slice(&b), max));
        assert_false(hll_to_dense(&b));
        assert_int_equal(b.n, HLL_HEADER + tails[i].n);
        assert_int_equal(hll_raise(&b, (struct hll_spot){16383, 40}, SPARSE_MAX), HLL_BROKEN);
        assert_int_equal(b.n, HLL_HEADER + tails[i].n);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raise_sparse),
        cmocka_unit_test(test_raise_joins),
        cmocka_unit_test(test_raise_dense),
        cmocka_unit_test(test_raise_promotes_long),
        cmocka_unit_test(test_raise_promotes_high),
        cmocka_unit_test(test_raise_outdates),
        cmocka_unit_test(test_bytes_of_redis),
        cmocka_unit_test(test_counts_of_redis),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, setup_seed, NULL);
}
