#include "base/reader.h"

#include "base/compiler.h"

/* Copies n bytes out, zeros and the bad flag when there are not that many. Once bad, nothing is read any more. */
ALWAYS_INLINE void take(struct reader *r, void *out, size_t n)
{
    if (UNLIKELY(r->bad || reader_left(r) < n)) {
        r->bad = true;
        memset(out, 0, n);
        return;
    }
    memcpy(out, r->p, n);
    r->p += n;
}

uint8_t reader_u8(struct reader *r)
{
    uint8_t v;
    take(r, &v, sizeof(v));
    return v;
}

uint16_t reader_u16be(struct reader *r)
{
    uint16_t v;
    take(r, &v, sizeof(v));
    return __builtin_bswap16(v);
}

uint32_t reader_u32be(struct reader *r)
{
    uint32_t v;
    take(r, &v, sizeof(v));
    return __builtin_bswap32(v);
}

uint64_t reader_u64be(struct reader *r)
{
    uint64_t v;
    take(r, &v, sizeof(v));
    return __builtin_bswap64(v);
}

uint32_t reader_u32le(struct reader *r)
{
    uint32_t v;
    take(r, &v, sizeof(v));
    return v;
}

uint64_t reader_u64le(struct reader *r)
{
    uint64_t v;
    take(r, &v, sizeof(v));
    return v;
}

uint64_t reader_varint(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t c = reader_u8(r);
        if (r->bad)
            return 0;
        /* The tenth byte has room for one bit only. */
        if (shift == 63 && c > 1)
            break;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return v;
    }
    r->bad = true;
    return 0;
}

struct slice reader_bytes(struct reader *r, size_t n)
{
    if (r->bad || reader_left(r) < n) {
        r->bad = true;
        return SLICE_NULL;
    }
    struct slice s = slice_make(r->p, n);
    if (n)
        r->p += n;
    return s;
}

struct slice reader_rest(struct reader *r)
{
    return reader_bytes(r, reader_left(r));
}
