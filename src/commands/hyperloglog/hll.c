/* The bytes of a HyperLogLog.
 *
 *   dense     register i stands in bits 6i to 6i+5, the lowest bit of byte 0 being bit 0
 *   sparse    opcodes, each a run of equal registers, from register 0 on; together exactly 16384:
 *             00nnnnnn             n+1 registers are 0                 (ZERO)
 *             01nnnnnn nnnnnnnn    n+1 registers are 0                 (XZERO)
 *             1vvvvvnn             n+1 registers are v+1               (VAL)
 *
 * The estimate is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", arXiv 1702.01284), made of a
 * histogram of the registers. */
#include "commands/hyperloglog/hll.h"

#include <math.h>
#include <string.h>

#define INDEX_BITS 14
#define VALUE_BITS (64 - INDEX_BITS)
#define VALUE_MAX  63
#define HASH_SEED  0xadc83b19ULL

#define FORM_AT  4
#define COUNT_AT 8
#define OUTDATED 0x80

#define ZERO_MAX      64
#define XZERO_MAX     16384
#define VAL_MAX_RUN   4
#define VAL_MAX_VALUE 32
#define OPCODES_MAX   5 /* bytes that one opcode may be split into */
#define JOIN_STEPS    5 /* opcodes looked at for joining after a change */

/* -- Header ---------------------------------------------------------------------------------------------------------------- */

bool hll_header_ok(struct slice s)
{
    if (s.n < HLL_HEADER || memcmp(s.p, "HYLL", 4) != 0)
        return false;
    switch ((unsigned char)s.p[FORM_AT]) {
    case HLL_DENSE:
        return s.n == HLL_DENSE_BYTES;
    case HLL_SPARSE:
        return true;
    default:
        return false;
    }
}

enum hll_form hll_form(struct slice s)
{
    return s.p[FORM_AT] == HLL_DENSE ? HLL_DENSE : HLL_SPARSE;
}

bool hll_cached(struct slice s, uint64_t *count)
{
    const unsigned char *p = (const unsigned char *)s.p + COUNT_AT;
    if (p[7] & OUTDATED)
        return false;
    *count = 0;
    for (unsigned i = 0; i < 8; i++)
        *count |= (uint64_t)p[i] << (8 * i);
    return true;
}

void hll_cache(char *bytes, uint64_t count)
{
    for (unsigned i = 0; i < 8; i++)
        bytes[COUNT_AT + i] = (char)(count >> (8 * i) & 0xff);
}

void hll_outdate(char *bytes)
{
    bytes[COUNT_AT + 7] = (char)(bytes[COUNT_AT + 7] | OUTDATED);
}

/* -- Elements ---------------------------------------------------------------------------------------------------------------- */

static uint64_t little_endian(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* Austin Appleby's MurmurHash64A, reading little endian. */
static uint64_t murmur64a(struct slice s, uint64_t seed)
{
    const uint64_t m = 0xc6a4a7935bd1e995ULL;
    const unsigned char *p = (const unsigned char *)s.p;
    size_t left = s.n;
    uint64_t h = seed ^ (s.n * m);
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t k = little_endian(p, 8) * m;
        k = (k ^ (k >> 47)) * m;
        h = (h ^ k) * m;
    }
    if (left)
        h = (h ^ little_endian(p, left)) * m;
    h = (h ^ (h >> 47)) * m;
    return h ^ (h >> 47);
}

struct hll_spot hll_spot(struct slice element)
{
    uint64_t hash = murmur64a(element, HASH_SEED);
    /* The bit above the last one bounds the run of zeros. */
    uint64_t rest = hash >> INDEX_BITS | (uint64_t)1 << VALUE_BITS;
    return (struct hll_spot){
        .index = (uint16_t)(hash & (HLL_REGISTERS - 1)),
        .value = (uint8_t)(__builtin_ctzll(rest) + 1),
    };
}

/* -- Dense ------------------------------------------------------------------------------------------------------------------- */

uint8_t hll_dense_get(const unsigned char *registers, unsigned index)
{
    unsigned at = index * 6 / 8, shift = index * 6 % 8;
    unsigned v = (unsigned)registers[at] >> shift;
    if (shift > 2)
        v |= (unsigned)registers[at + 1] << (8 - shift);
    return v & VALUE_MAX;
}

void hll_dense_put(unsigned char *registers, unsigned index, uint8_t value)
{
    unsigned at = index * 6 / 8, shift = index * 6 % 8;
    unsigned mask = (unsigned)VALUE_MAX << shift, v = (unsigned)value << shift;
    registers[at] = (unsigned char)((registers[at] & ~mask) | v);
    if (shift > 2)
        registers[at + 1] = (unsigned char)((registers[at + 1] & ~(mask >> 8)) | v >> 8);
}

/* Four registers are three bytes. */
static void dense_unpack(const unsigned char *p, uint8_t out[HLL_REGISTERS])
{
    for (size_t i = 0; i < HLL_REGISTERS; i += 4, p += 3) {
        unsigned v = p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16;
        out[i] = v & VALUE_MAX;
        out[i + 1] = v >> 6 & VALUE_MAX;
        out[i + 2] = v >> 12 & VALUE_MAX;
        out[i + 3] = (uint8_t)(v >> 18 & VALUE_MAX);
    }
}

/* -- Sparse ------------------------------------------------------------------------------------------------------------------ */

void hll_init(struct buf *b)
{
    buf_clear(b);
    memset(buf_grow(b, HLL_HEADER), 0, HLL_HEADER);
    memcpy(b->p, "HYLL", 4);
    b->p[FORM_AT] = HLL_SPARSE;
    buf_put_byte(b, 0x40 | (XZERO_MAX - 1) >> 8);
    buf_put_byte(b, (XZERO_MAX - 1) & 0xff);
}

bool hll_next_run(struct slice s, size_t *at, struct hll_run *run)
{
    if (*at >= s.n)
        return false;
    unsigned op = (unsigned char)s.p[*at];
    *run = (struct hll_run){.opcode = 1};
    if (op & 0x80) {
        run->n = (op & 3) + 1;
        run->value = (uint8_t)((op >> 2 & 31) + 1);
    } else if (op & 0x40) {
        if (*at + 1 >= s.n)
            return false;
        run->n = ((op & 63) << 8 | (unsigned char)s.p[*at + 1]) + 1;
        run->opcode = 2;
    } else {
        run->n = op + 1;
    }
    *at += run->opcode;
    return true;
}

/* The next run, unless it goes beyond the last register: then *at stays before it. */
static bool next_sound(struct slice s, size_t *at, unsigned index, struct hll_run *run)
{
    size_t next = *at;
    if (!hll_next_run(s, &next, run) || index + run->n > HLL_REGISTERS)
        return false;
    *at = next;
    return true;
}

static size_t put_zeros(unsigned char *out, unsigned n)
{
    if (n == 0)
        return 0;
    if (n <= ZERO_MAX) {
        out[0] = (unsigned char)(n - 1);
        return 1;
    }
    out[0] = (unsigned char)(0x40 | (n - 1) >> 8);
    out[1] = (unsigned char)((n - 1) & 0xff);
    return 2;
}

static size_t put_values(unsigned char *out, unsigned value, unsigned n)
{
    if (n == 0)
        return 0;
    out[0] = (unsigned char)(0x80 | (value - 1) << 2 | (n - 1));
    return 1;
}

static size_t put_run(unsigned char *out, unsigned value, unsigned n)
{
    return value ? put_values(out, value, n) : put_zeros(out, n);
}

/* Joins neighbouring VAL opcodes of one value from byte at on. */
static void join_values(struct buf *b, size_t at)
{
    for (int step = 0; step < JOIN_STEPS && at < b->n; step++) {
        struct hll_run left, right;
        size_t second = at, end;
        if (!hll_next_run(buf_slice(b), &second, &left))
            return;
        end = second;
        if (left.value && hll_next_run(buf_slice(b), &end, &right) && right.value == left.value &&
            left.n + right.n <= VAL_MAX_RUN) {
            put_values((unsigned char *)b->p + second, left.value, left.n + right.n);
            memmove(b->p + at, b->p + second, b->n - second);
            b->n -= second - at;
        } else {
            at = second;
        }
    }
}

static enum hll_change raise_dense(struct buf *b, struct hll_spot at)
{
    unsigned char *registers = (unsigned char *)b->p + HLL_HEADER;
    if (hll_dense_get(registers, at.index) >= at.value)
        return HLL_SAME;
    hll_dense_put(registers, at.index, at.value);
    return HLL_CHANGED;
}

static enum hll_change raise_promoted(struct buf *b, struct hll_spot at)
{
    if (!hll_to_dense(b))
        return HLL_BROKEN;
    return raise_dense(b, at);
}

/* Splits the opcode that covers the register into what stands before it, itself, and what stands behind. */
static enum hll_change raise_sparse(struct buf *b, struct hll_spot at, size_t max_bytes)
{
    struct hll_run run = {0};
    size_t from, end = HLL_HEADER, before = HLL_HEADER, len;
    unsigned first = 0, behind;
    unsigned char split[OPCODES_MAX];
    if (at.value > VAL_MAX_VALUE)
        return raise_promoted(b, at);
    for (;;) {
        from = end;
        if (!hll_next_run(buf_slice(b), &end, &run))
            return HLL_BROKEN;
        if (at.index < first + run.n)
            break;
        before = from;
        first += run.n;
    }
    if (run.value >= at.value)
        return HLL_SAME;
    behind = first + run.n - 1 - at.index;
    len = put_run(split, run.value, at.index - first);
    len += put_values(split + len, at.value, 1);
    len += put_run(split + len, run.value, behind);
    if (len > run.opcode) {
        size_t more = len - run.opcode;
        if (b->n + more > max_bytes)
            return raise_promoted(b, at);
        buf_grow(b, more);
        memmove(b->p + end + more, b->p + end, b->n - more - end);
    } else if (len < run.opcode) {
        memmove(b->p + from + len, b->p + end, b->n - end);
        b->n -= run.opcode - len;
    }
    memcpy(b->p + from, split, len);
    join_values(b, before);
    return HLL_CHANGED;
}

enum hll_change hll_raise(struct buf *b, struct hll_spot at, size_t max_bytes)
{
    enum hll_change change =
        hll_form(buf_slice(b)) == HLL_DENSE ? raise_dense(b, at) : raise_sparse(b, at, max_bytes);
    if (change == HLL_CHANGED)
        hll_outdate(b->p);
    return change;
}

bool hll_to_dense(struct buf *b)
{
    struct buf dense = BUF_INIT;
    struct hll_run run;
    size_t at = HLL_HEADER;
    unsigned index = 0;
    if (hll_form(buf_slice(b)) == HLL_DENSE)
        return true;
    memset(buf_grow(&dense, HLL_DENSE_BYTES), 0, HLL_DENSE_BYTES);
    memcpy(dense.p, b->p, HLL_HEADER);
    dense.p[FORM_AT] = HLL_DENSE;
    while (next_sound(buf_slice(b), &at, index, &run)) {
        if (run.value)
            for (unsigned i = 0; i < run.n; i++)
                hll_dense_put((unsigned char *)dense.p + HLL_HEADER, index + i, run.value);
        index += run.n;
    }
    if (index != HLL_REGISTERS || at != b->n) {
        buf_free(&dense);
        return false;
    }
    buf_free(b);
    *b = dense;
    return true;
}

/* -- Estimates --------------------------------------------------------------------------------------------------------------- */

static void raise_to(uint8_t *max, uint8_t value)
{
    if (value > *max)
        *max = value;
}

bool hll_merge(struct slice s, uint8_t max[HLL_REGISTERS])
{
    struct hll_run run;
    size_t at = HLL_HEADER;
    unsigned index = 0;
    if (hll_form(s) == HLL_DENSE) {
        uint8_t registers[HLL_REGISTERS];
        dense_unpack((const unsigned char *)s.p + HLL_HEADER, registers);
        for (size_t i = 0; i < HLL_REGISTERS; i++)
            raise_to(&max[i], registers[i]);
        return true;
    }
    while (next_sound(s, &at, index, &run)) {
        if (run.value)
            for (unsigned i = 0; i < run.n; i++)
                raise_to(&max[index + i], run.value);
        index += run.n;
    }
    return index == HLL_REGISTERS && at == s.n;
}

/* x + sum of x^(2^k) * 2^(k-1), k from 1 on */
static double sigma(double x)
{
    double sum = x, last, weight = 1;
    if (x == 1)
        return INFINITY;
    do {
        last = sum;
        x *= x;
        sum += x * weight;
        weight += weight;
    } while (sum != last);
    return sum;
}

/* (1 - x - sum of (1 - x^(2^-k))^2 * 2^-k, k from 1 on) / 3 */
static double tau(double x)
{
    double sum = 1 - x, last, weight = 1;
    if (x == 0 || x == 1)
        return 0;
    do {
        last = sum;
        x = sqrt(x);
        weight *= 0.5;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum != last);
    return sum / 3;
}

static uint64_t estimate(const unsigned histogram[VALUE_MAX + 1])
{
    const double m = HLL_REGISTERS, alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    double z = m * tau((m - histogram[VALUE_BITS + 1]) / m);
    for (unsigned k = VALUE_BITS; k >= 1; k--)
        z = 0.5 * (z + histogram[k]);
    z += m * sigma(histogram[0] / m);
    return (uint64_t)llroundl(alpha * m * m / z);
}

uint64_t hll_count_registers(const uint8_t registers[HLL_REGISTERS])
{
    unsigned histogram[VALUE_MAX + 1] = {0};
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        histogram[registers[i] & VALUE_MAX]++;
    return estimate(histogram);
}

bool hll_count(struct slice s, uint64_t *count)
{
    unsigned histogram[VALUE_MAX + 1] = {0};
    struct hll_run run;
    size_t at = HLL_HEADER;
    unsigned index = 0;
    if (hll_form(s) == HLL_DENSE) {
        uint8_t registers[HLL_REGISTERS];
        dense_unpack((const unsigned char *)s.p + HLL_HEADER, registers);
        *count = hll_count_registers(registers);
        return true;
    }
    while (next_sound(s, &at, index, &run)) {
        histogram[run.value] += run.n;
        index += run.n;
    }
    if (index != HLL_REGISTERS || at != s.n)
        return false;
    *count = estimate(histogram);
    return true;
}
