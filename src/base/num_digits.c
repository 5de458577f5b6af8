/* Digits of doubles by Grisu2 (F. Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers", 2010): they
 * always read back as the same number and nearly always are the fewest that do. Redis prints scores so, and where the digits are
 * not the fewest, ours must not be either.
 *
 *   low            v           high        all doubles nearest to v lie between low and high
 *    |-------------+-------------|
 *    |   .         +         .   |         times a power of ten that makes the integer part fit 32 bits, one unit narrower
 *                  ^-- digits of high are taken until what is left of it is inside; then the last one goes down towards v
 */
#include "base/num_priv.h"

#include <string.h>

#define FRACTION_BITS 52
#define HIDDEN_BIT    (1ull << FRACTION_BITS)
#define POWER_FIRST   (-348)
#define POWER_STEP    8
#define EXPONENT_MIN                                                                               \
    (-60) /* of a product: between 4 and 32 of its 64 bits stand before the point */

/* 10 to the power of POWER_FIRST + i * POWER_STEP, the first 64 bits, rounded. */
static const uint64_t powers[] = {
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea,
    0x9a6bb0aa55653b2d, 0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f,
    0xbe5691ef416bd60c, 0x8dd01fad907ffc3c, 0xd3515c2831559a83, 0x9d71ac8fada6c9b5,
    0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57, 0xc21094364dfb5637,
    0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996,
    0xdbac6c247d62a584, 0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8,
    0x87625f056c7c4a8b, 0xc9bcff6034c13053, 0x964e858c91ba2655, 0xdff9772470297ebd,
    0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf, 0x8a08f0f8bf0f156b,
    0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c,
    0x9c40000000000000, 0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984,
    0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70, 0xd5d238a4abe98068, 0x9f4f2726179a2245,
    0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db, 0xc45d1df942711d9a,
    0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3,
    0xde469fbd99a05fe3, 0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece,
    0x88fcf317f22241e2, 0xcc20ce9bd35c78a5, 0x98165af37b2153df, 0xe2a0b5dc971f303a,
    0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410, 0x8bab8eefb6409c1a,
    0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841,
    0x9e19db92b4e31ba9, 0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
};

static const uint64_t tens[] = {1ull,
                                10ull,
                                100ull,
                                1000ull,
                                10000ull,
                                100000ull,
                                1000000ull,
                                10000000ull,
                                100000000ull,
                                1000000000ull,
                                10000000000ull,
                                100000000000ull,
                                1000000000000ull,
                                10000000000000ull,
                                100000000000000ull,
                                1000000000000000ull,
                                10000000000000000ull,
                                100000000000000000ull,
                                1000000000000000000ull,
                                10000000000000000000ull};

/* f times two to the power of e. */
struct scaled {
    uint64_t f;
    int e;
};

static struct scaled normalized(struct scaled x)
{
    int shift = __builtin_clzll(x.f);
    return (struct scaled){.f = x.f << shift, .e = x.e - shift};
}

static struct scaled product(struct scaled a, struct scaled b)
{
    unsigned __int128 p = (unsigned __int128)a.f * b.f + (1ull << 63);
    return (struct scaled){.f = (uint64_t)(p >> 64), .e = a.e + b.e + 64};
}

static struct scaled parts_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint64_t fraction = bits & (HIDDEN_BIT - 1);
    int exponent = (int)(bits >> FRACTION_BITS & 0x7ff);
    if (exponent == 0)
        return (struct scaled){.f = fraction, .e = 1 - 1075};
    return (struct scaled){.f = fraction | HIDDEN_BIT, .e = exponent - 1075};
}

/* 217706 / 2^16 is the binary logarithm of ten, exact enough for these. */
static struct scaled power(int i)
{
    int exp10 = POWER_FIRST + i * POWER_STEP;
    return (struct scaled){.f = powers[i], .e = (exp10 * 217706 >> 16) - 63};
}

/* The smallest power that brings a number of exponent e to EXPONENT_MIN or more; then it is at most -32. */
static struct scaled power_for(int e, int *exp10)
{
    int least =
        (EXPONENT_MIN - 1 - e) * 78913 >> 18; /* 78913 / 2^18 is the decimal logarithm of two */
    int i = (least - POWER_FIRST) / POWER_STEP;
    while (e + power(i).e + 64 < EXPONENT_MIN)
        i++;
    *exp10 = POWER_FIRST + i * POWER_STEP;
    return power(i);
}

/* The digits so far stand rest below high; the number itself stands wanted below it, and nothing may be more than room below.
 * Takes steps of the last digit off while that comes nearer. */
static void approach(struct num__decimal *d, uint64_t room, uint64_t rest, uint64_t step,
                     uint64_t wanted)
{
    while (rest < wanted && room - rest >= step &&
           (rest + step < wanted || wanted - rest > rest + step - wanted)) {
        d->digits[d->n - 1]--;
        rest += step;
    }
}

static void put(struct num__decimal *d, uint64_t digit)
{
    if (digit != 0 || d->n > 0)
        d->digits[d->n++] = (char)('0' + digit);
}

static void generate(struct num__decimal *d, struct scaled high, uint64_t room, uint64_t wanted)
{
    int point = -high.e;
    uint64_t one = 1ull << point, whole = high.f >> point, part = high.f & (one - 1);
    for (int k = 9; k >= 0; k--) {
        put(d, whole / tens[k]);
        whole %= tens[k];
        uint64_t rest = (whole << point) + part;
        if (rest <= room) {
            d->exp10 += k;
            approach(d, room, rest, tens[k] << point, wanted);
            return;
        }
    }
    for (int k = 1;; k++) {
        part *= 10;
        room *= 10;
        put(d, part >> point);
        part &= one - 1;
        if (part < room) {
            d->exp10 -= k;
            approach(d, room, part, one, wanted * tens[k]);
            return;
        }
    }
}

void num__digits(double v, struct num__decimal *d)
{
    struct scaled x = parts_of(v);
    /* Half way to the neighbours; the lower one is nearer where the exponent changes. */
    int nearer = x.f == HIDDEN_BIT;
    struct scaled high = normalized((struct scaled){.f = (x.f << 1) + 1, .e = x.e - 1});
    struct scaled low = {.f = (x.f << (1 + nearer)) - 1, .e = x.e - 1 - nearer};
    low = (struct scaled){.f = low.f << (low.e - high.e), .e = high.e};
    int exp10;
    struct scaled ten = power_for(high.e, &exp10);
    x = product(normalized(x), ten);
    high = product(high, ten);
    low = product(low, ten);
    high.f--;
    low.f++;
    d->n = 0;
    d->exp10 = -exp10;
    generate(d, high, high.f - low.f, high.f - x.f);
}
