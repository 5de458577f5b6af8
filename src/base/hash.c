#include "base/hash.h"

#include "base/compiler.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

ALWAYS_INLINE uint64_t rotl(uint64_t x, int b)
{
    return (x << b) | (x >> (64 - b));
}

ALWAYS_INLINE uint64_t load64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

ALWAYS_INLINE void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

uint64_t hash_sip13(struct hash_seed seed, const void *p, size_t n)
{
    const unsigned char *at = p;
    struct sip s = {seed.k0 ^ 0x736f6d6570736575u, seed.k1 ^ 0x646f72616e646f6du,
                    seed.k0 ^ 0x6c7967656e657261u, seed.k1 ^ 0x7465646279746573u};
    size_t words = n / 8;
    for (size_t i = 0; i < words; i++) {
        uint64_t m = load64(at);
        at += 8;
        s.v3 ^= m;
        sip_round(&s);
        s.v0 ^= m;
    }
    uint64_t last = (uint64_t)n << 56;
    for (size_t i = 0; i < (n & 7); i++)
        last |= (uint64_t)at[i] << (8 * i);
    s.v3 ^= last;
    sip_round(&s);
    s.v0 ^= last;
    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* Eight bytes a step: table k holds what a byte does that stands k bytes before the end of the step. The tables are linear
 * over GF(2): the entry of a byte is the xor of the entries of its bits, so eight numbers make a table. */
#define CRC16_BIT(i, bit, v) (((i) & (bit)) ? (v) : 0)
#define CRC16_1(t, i)        (uint16_t) t(i)
#define CRC16_4(t, i)        CRC16_1(t, i), CRC16_1(t, (i) + 1), CRC16_1(t, (i) + 2), CRC16_1(t, (i) + 3)
#define CRC16_16(t, i)       CRC16_4(t, i), CRC16_4(t, (i) + 4), CRC16_4(t, (i) + 8), CRC16_4(t, (i) + 12)
#define CRC16_64(t, i)                                                                             \
    CRC16_16(t, i), CRC16_16(t, (i) + 16), CRC16_16(t, (i) + 32), CRC16_16(t, (i) + 48)
#define CRC16_TABLE(t)                                                                             \
    {                                                                                              \
        CRC16_64(t, 0), CRC16_64(t, 64), CRC16_64(t, 128), CRC16_64(t, 192)                        \
    }
#define CRC16_XOR(i, a, b, c, d, e, f, g, h)                                                       \
    (CRC16_BIT(i, 1, a) ^ CRC16_BIT(i, 2, b) ^ CRC16_BIT(i, 4, c) ^ CRC16_BIT(i, 8, d) ^           \
     CRC16_BIT(i, 16, e) ^ CRC16_BIT(i, 32, f) ^ CRC16_BIT(i, 64, g) ^ CRC16_BIT(i, 128, h))
#define CRC16_T0(i) CRC16_XOR(i, 0x1021, 0x2042, 0x4084, 0x8108, 0x1231, 0x2462, 0x48c4, 0x9188)
#define CRC16_T1(i) CRC16_XOR(i, 0x3331, 0x6662, 0xccc4, 0x89a9, 0x0373, 0x06e6, 0x0dcc, 0x1b98)
#define CRC16_T2(i) CRC16_XOR(i, 0x3730, 0x6e60, 0xdcc0, 0xa9a1, 0x4363, 0x86c6, 0x1dad, 0x3b5a)
#define CRC16_T3(i) CRC16_XOR(i, 0x76b4, 0xed68, 0xcaf1, 0x85c3, 0x1ba7, 0x374e, 0x6e9c, 0xdd38)
#define CRC16_T4(i) CRC16_XOR(i, 0xaa51, 0x4483, 0x8906, 0x022d, 0x045a, 0x08b4, 0x1168, 0x22d0)
#define CRC16_T5(i) CRC16_XOR(i, 0x45a0, 0x8b40, 0x06a1, 0x0d42, 0x1a84, 0x3508, 0x6a10, 0xd420)
#define CRC16_T6(i) CRC16_XOR(i, 0xb861, 0x60e3, 0xc1c6, 0x93ad, 0x377b, 0x6ef6, 0xddec, 0xabf9)
#define CRC16_T7(i) CRC16_XOR(i, 0x47d3, 0x8fa6, 0x0f6d, 0x1eda, 0x3db4, 0x7b68, 0xf6d0, 0xfd81)

static const uint16_t crc16_tables[8][256] = {
    CRC16_TABLE(CRC16_T0), CRC16_TABLE(CRC16_T1), CRC16_TABLE(CRC16_T2), CRC16_TABLE(CRC16_T3),
    CRC16_TABLE(CRC16_T4), CRC16_TABLE(CRC16_T5), CRC16_TABLE(CRC16_T6), CRC16_TABLE(CRC16_T7)};

uint16_t hash_crc16(const void *p, size_t n)
{
    const unsigned char *at = p;
    const uint16_t(*t)[256] = crc16_tables;
    unsigned crc = 0;
    for (; n >= 8; n -= 8, at += 8)
        crc = t[7][at[0] ^ (crc >> 8)] ^ t[6][at[1] ^ (crc & 0xff)] ^ t[5][at[2]] ^ t[4][at[3]] ^
              t[3][at[4]] ^ t[2][at[5]] ^ t[1][at[6]] ^ t[0][at[7]];
    for (; n > 0; n--, at++)
        crc = ((crc << 8) & 0xffff) ^ t[0][(crc >> 8) ^ *at];
    return (uint16_t)crc;
}

uint16_t hash_slot(const void *key, size_t n)
{
    const char *p = key;
    const char *open = n ? memchr(p, '{', n) : NULL;
    if (open) {
        const char *tag = open + 1;
        const char *close = memchr(tag, '}', (size_t)(p + n - tag));
        if (close && close > tag) {
            p = tag;
            n = (size_t)(close - tag);
        }
    }
    return hash_crc16(p, n) & 16383;
}

/* As above, for the reflected ones; made at first use. */
struct crc_tables {
    uint64_t t[8][256];
};

static struct crc_tables crc32c_tables, crc64_tables;
static bool crc32c_in_hardware;
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void fill(struct crc_tables *c, uint64_t reflected_poly)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t v = i;
        for (int bit = 0; bit < 8; bit++)
            v = (v & 1) ? (v >> 1) ^ reflected_poly : v >> 1;
        c->t[0][i] = v;
    }
    for (unsigned i = 0; i < 256; i++) {
        for (int k = 1; k < 8; k++)
            c->t[k][i] = (c->t[k - 1][i] >> 8) ^ c->t[0][c->t[k - 1][i] & 0xff];
    }
}

static void init_crc(void)
{
    fill(&crc32c_tables, 0x82f63b78u);
    fill(&crc64_tables, 0x95ac9329ac4bc9b5u);
#if defined(__x86_64__)
    crc32c_in_hardware = __builtin_cpu_supports("sse4.2") != 0;
#endif
}

static uint64_t crc_by_table(const struct crc_tables *c, uint64_t crc, const unsigned char *p,
                             size_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t w = crc ^ load64(p);
        crc = c->t[7][w & 0xff] ^ c->t[6][(w >> 8) & 0xff] ^ c->t[5][(w >> 16) & 0xff] ^
              c->t[4][(w >> 24) & 0xff] ^ c->t[3][(w >> 32) & 0xff] ^ c->t[2][(w >> 40) & 0xff] ^
              c->t[1][(w >> 48) & 0xff] ^ c->t[0][w >> 56];
    }
    for (; n > 0; n--, p++)
        crc = (crc >> 8) ^ c->t[0][(crc ^ *p) & 0xff];
    return crc;
}

#if defined(__x86_64__)
TARGET("sse4.2") static uint32_t crc32c_hardware(uint32_t crc, const unsigned char *p, size_t n)
{
    uint64_t c = crc;
    for (; n >= 8; n -= 8, p += 8)
        c = __builtin_ia32_crc32di(c, load64(p));
    uint32_t r = (uint32_t)c;
    for (; n > 0; n--, p++)
        r = __builtin_ia32_crc32qi(r, *p);
    return r;
}
#endif

uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n)
{
    pthread_once(&crc_once, init_crc);
    crc = ~crc;
#if defined(__x86_64__)
    if (LIKELY(crc32c_in_hardware))
        return ~crc32c_hardware(crc, p, n);
#endif
    return ~(uint32_t)crc_by_table(&crc32c_tables, crc, p, n);
}

uint64_t hash_crc64(uint64_t crc, const void *p, size_t n)
{
    pthread_once(&crc_once, init_crc);
    return crc_by_table(&crc64_tables, crc, p, n);
}

void hash_random(void *out, size_t n)
{
    char *at = out;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        at += got;
        n -= (size_t)got;
    }
}

/* xoshiro256**, one state a thread. */
uint64_t hash_rand64(void)
{
    static _Thread_local uint64_t s[4];
    static _Thread_local bool seeded;
    if (UNLIKELY(!seeded)) {
        hash_random(s, sizeof(s));
        s[0] |= 1; /* all zeros would stay so */
        seeded = true;
    }
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}
