/* Bits in rows of bytes.
 *
 *     bit    0 1 2 3 4 5 6 7   8 9 ...
 *     byte   |------ 0 ------| |- 1 -...       bit 0 is 0x80 of byte 0
 */
#include "commands/bitmap/bits.h"

#include "base/compiler.h"

#include <string.h>

static uint64_t load64(const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static void store64(unsigned char *p, uint64_t w)
{
    memcpy(p, &w, sizeof w);
}

/* Set bits of each byte, in the byte's place. */
static uint64_t byte_counts(uint64_t w)
{
    w -= (w >> 1) & 0x5555555555555555ULL;
    w = (w & 0x3333333333333333ULL) + ((w >> 2) & 0x3333333333333333ULL);
    return (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
}

static uint64_t sum_bytes(uint64_t w)
{
    return (w * 0x0101010101010101ULL) >> 56;
}

static uint64_t count_bytes(const unsigned char *p, size_t n)
{
    uint64_t total = 0;
    /* A byte holds up to 8 for each word and so has room for 31 words. */
    while (n >= 8) {
        size_t words = n / 8 < 31 ? n / 8 : 31;
        uint64_t sums = 0, low, high;
        for (size_t i = 0; i < words; i++)
            sums += byte_counts(load64(p + i * 8));
        low = sums & 0x00ff00ff00ff00ffULL;
        high = (sums >> 8) & 0x00ff00ff00ff00ffULL;
        total += ((low + high) * 0x0001000100010001ULL) >> 48;
        p += words * 8;
        n -= words * 8;
    }
    for (size_t i = 0; i < n; i++)
        total += sum_bytes(byte_counts(p[i]));
    return total;
}

/* Mask of bits first...last of one byte. */
static unsigned char byte_mask(unsigned first, unsigned last)
{
    return (unsigned char)((0xffu >> first) & (0xffu << (7 - last)));
}

uint64_t bits_count(const void *data, uint64_t first, uint64_t last)
{
    const unsigned char *p = data;
    uint64_t total;
    if (first > last)
        return 0;
    if (first / 8 == last / 8)
        return sum_bytes(byte_counts(p[first / 8] & byte_mask(first % 8, last % 8)));
    total = sum_bytes(byte_counts(p[first / 8] & byte_mask(first % 8, 7)));
    total += sum_bytes(byte_counts(p[last / 8] & byte_mask(0, last % 8)));
    return total + count_bytes(p + first / 8 + 1, last / 8 - first / 8 - 1);
}

/* Highest set bit of a byte that is not 0, counted from the top. */
static unsigned first_in_byte(unsigned b)
{
    return (unsigned)__builtin_clz(b) - 24;
}

int64_t bits_find(const void *data, uint64_t first, uint64_t last, bool bit)
{
    const unsigned char *p = data;
    const unsigned char flip = bit ? 0 : 0xff;
    const uint64_t nothing = bit ? 0 : UINT64_MAX;
    uint64_t i, end;
    unsigned b;
    if (first > last)
        return -1;
    i = first / 8;
    end = last / 8;
    b = (unsigned)(p[i] ^ flip) & byte_mask(first % 8, i == end ? last % 8 : 7);
    if (b)
        return (int64_t)(i * 8 + first_in_byte(b));
    if (i == end)
        return -1;
    i++;
    while (end - i >= 8 && load64(p + i) == nothing)
        i += 8;
    while (i < end && (p[i] ^ flip) == 0)
        i++;
    b = (unsigned)(p[i] ^ flip) & byte_mask(0, i == end ? last % 8 : 7);
    return b ? (int64_t)(i * 8 + first_in_byte(b)) : -1;
}

/* Plain loops over words: the compiler turns them into vector instructions. */
#define COMBINE(expression_word, expression_byte)                                                  \
    do {                                                                                           \
        for (; i + 8 <= n; i += 8) {                                                               \
            uint64_t d = load64(dst + i), s = load64(src + i);                                     \
            (void)d;                                                                               \
            store64(dst + i, expression_word);                                                     \
        }                                                                                          \
        for (; i < n; i++)                                                                         \
            dst[i] = (unsigned char)(expression_byte);                                             \
    } while (0)

void bits_combine(enum bits_op op, unsigned char *dst, const unsigned char *src, size_t n)
{
    size_t i = 0;
    switch (op) {
    case BITS_AND:
        COMBINE(d & s, dst[i] & src[i]);
        break;
    case BITS_OR:
        COMBINE(d | s, dst[i] | src[i]);
        break;
    case BITS_XOR:
        COMBINE(d ^ s, dst[i] ^ src[i]);
        break;
    case BITS_NOT:
        COMBINE(~s, ~src[i]);
        break;
    }
}

uint64_t bits_get(const unsigned char *p, size_t n, uint64_t offset, unsigned width)
{
    uint64_t v = 0;
    unsigned left = width;
    while (left > 0) {
        uint64_t byte = offset / 8;
        unsigned skip = offset % 8, take = 8 - skip < left ? 8 - skip : left;
        unsigned b = byte < n ? p[byte] : 0;
        b = (b >> (8 - skip - take)) & (0xffu >> (8 - take));
        v = (v << take) | b;
        offset += take;
        left -= take;
    }
    return v;
}

void bits_set(unsigned char *p, uint64_t offset, unsigned width, uint64_t v)
{
    unsigned left = width;
    while (left > 0) {
        uint64_t byte = offset / 8;
        unsigned skip = offset % 8, take = 8 - skip < left ? 8 - skip : left;
        unsigned mask = byte_mask(skip, skip + take - 1);
        unsigned b = (unsigned)(v >> (left - take)) << (8 - skip - take);
        p[byte] = (unsigned char)((p[byte] & ~mask) | (b & mask));
        offset += take;
        left -= take;
    }
}

static uint64_t low_bits(unsigned width)
{
    return width == 64 ? UINT64_MAX : (1ULL << width) - 1;
}

int64_t bits_sign_extend(uint64_t v, unsigned width)
{
    uint64_t sign = 1ULL << (width - 1);
    v &= low_bits(width);
    return (int64_t)((v ^ sign) - sign);
}

/* Which side of the range is left; 0: none. */
static bool settle(bool is_signed, unsigned width, int side, uint64_t wrapped,
                   enum bits_overflow how, uint64_t *v)
{
    uint64_t max = is_signed ? low_bits(width) >> 1 : low_bits(width);
    *v = wrapped & low_bits(width);
    if (side == 0)
        return true;
    if (how == BITS_SAT)
        *v = side > 0 ? max : is_signed ? (max + 1) & low_bits(width) : 0;
    return how != BITS_FAIL;
}

/* Side of the range that an exact value lies on. */
static int side_of(bool is_signed, unsigned width, int64_t value)
{
    int64_t max = (int64_t)((is_signed ? low_bits(width) >> 1 : low_bits(width)));
    int64_t min = is_signed ? -max - 1 : 0;
    return value > max ? 1 : value < min ? -1 : 0;
}

bool bits_add(bool is_signed, unsigned width, uint64_t old, int64_t by, enum bits_overflow how,
              uint64_t *v)
{
    int64_t base = is_signed ? bits_sign_extend(old, width) : (int64_t)(old & low_bits(width));
    int64_t sum;
    int side;
    if (__builtin_add_overflow(base, by, &sum))
        side = by > 0 ? 1 : -1;
    else
        side = side_of(is_signed, width, sum);
    return settle(is_signed, width, side, old + (uint64_t)by, how, v);
}

bool bits_fit(bool is_signed, unsigned width, int64_t value, enum bits_overflow how, uint64_t *v)
{
    int side = side_of(is_signed, width, value);
    /* A negative number for an unsigned field is taken as its two's complement, which is above the range. */
    if (!is_signed && value < 0)
        side = 1;
    return settle(is_signed, width, side, (uint64_t)value, how, v);
}
