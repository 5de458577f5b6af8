/* Lengths and strings of the dump format.
 *
 *   00xxxxxx                    length of 6 bits
 *   01xxxxxx xxxxxxxx           length of 14 bits
 *   10000000 + 4 bytes          length of 32 bits, big endian
 *   10000001 + 8 bytes          length of 64 bits, big endian
 *   11000000 + 1 byte           a string that is a signed integer, little endian; 11000001: 2 bytes; 11000010: 4 bytes
 *   11000011 + 2 lengths        a string compressed with LZF: compressed length, length, bytes */
#include "rdb/rdb_codec.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "rdb/rdb_format.h"

#include <lzf.h>
#include <math.h>

#define LEN_14      0x40
#define LEN_32      0x80
#define LEN_64      0x81
#define ENC_INT8    0xc0
#define ENC_INT16   0xc1
#define ENC_INT32   0xc2
#define ENC_LZF     0xc3
#define LZF_MIN     21  /* shorter strings never gain */
#define LZF_GAIN    4   /* bytes that compressing has to save */
#define LZF_RATIO   400 /* more than what LZF can ever expand to; a claim above it is a lie */
#define FOOTER      10  /* version(2) checksum(8) */
#define INT_TEXT    11  /* longest text of an int32 */
#define STRING_MAX  0xfffffff0u
#define TEXT_NAN    253
#define TEXT_INF    254
#define TEXT_NEGINF 255

void rdb_put_len(struct buf *b, uint64_t n)
{
    if (n < 1 << 6) {
        buf_put_byte(b, (uint8_t)n);
    } else if (n < 1 << 14) {
        buf_put_u16be(b, (uint16_t)(LEN_14 << 8 | n));
    } else if (n <= UINT32_MAX) {
        buf_put_byte(b, LEN_32);
        buf_put_u32be(b, (uint32_t)n);
    } else {
        buf_put_byte(b, LEN_64);
        buf_put_u64be(b, n);
    }
}

static bool put_int(struct buf *b, int64_t v)
{
    uint64_t u = (uint64_t)v;
    if (v >= INT8_MIN && v <= INT8_MAX) {
        buf_put_byte(b, ENC_INT8);
        buf_put_byte(b, (uint8_t)u);
    } else if (v >= INT16_MIN && v <= INT16_MAX) {
        buf_put_byte(b, ENC_INT16);
        buf_put_byte(b, (uint8_t)u);
        buf_put_byte(b, (uint8_t)(u >> 8));
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
        buf_put_byte(b, ENC_INT32);
        buf_put_u32le(b, (uint32_t)u);
    } else {
        return false;
    }
    return true;
}

void rdb_put_raw_string(struct buf *b, struct slice s)
{
    rdb_put_len(b, s.n);
    buf_put_slice(b, s);
}

void rdb_put_int_string(struct buf *b, int64_t v)
{
    char text[NUM_BUF];
    if (!put_int(b, v))
        rdb_put_raw_string(b, slice_make(text, num_format_int(text, v)));
}

static bool put_compressed(struct buf *b, struct slice s)
{
    if (s.n < LZF_MIN || s.n > STRING_MAX)
        return false;
    char *packed = mem_try_alloc(s.n);
    if (!packed)
        return false;
    unsigned n = lzf_compress(s.p, (unsigned)s.n, packed, (unsigned)(s.n - LZF_GAIN));
    if (n) {
        buf_put_byte(b, ENC_LZF);
        rdb_put_len(b, n);
        rdb_put_len(b, s.n);
        buf_put(b, packed, n);
    }
    mem_free(packed);
    return n > 0;
}

void rdb_put_string(struct buf *b, struct slice s, bool compress)
{
    int64_t v;
    if (s.n <= INT_TEXT && num_parse_int(s, &v) && put_int(b, v))
        return;
    if (compress && put_compressed(b, s))
        return;
    rdb_put_raw_string(b, s);
}

void rdb_put_double(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    buf_put_u64le(b, bits);
}

/* The length whose first byte is first. */
static uint64_t get_len(struct reader *r, uint8_t first)
{
    if (first < LEN_14)
        return first;
    if (first < LEN_32)
        return (uint64_t)(first & 0x3f) << 8 | reader_u8(r);
    if (first == LEN_32)
        return reader_u32be(r);
    if (first == LEN_64)
        return reader_u64be(r);
    r->bad = true;
    return 0;
}

uint64_t rdb_get_len(struct reader *r)
{
    return get_len(r, reader_u8(r));
}

static struct slice get_int(struct reader *r, uint8_t enc, struct buf *scratch)
{
    char text[NUM_BUF];
    int64_t v;
    if (enc == ENC_INT8) {
        uint8_t byte = reader_u8(r);
        v = byte < 128 ? byte : byte - 256;
    } else if (enc == ENC_INT16) {
        uint8_t low = reader_u8(r);
        v = (int16_t)(low | reader_u8(r) << 8);
    } else {
        v = (int32_t)reader_u32le(r);
    }
    buf_put(scratch, text, num_format_int(text, v));
    return buf_slice(scratch);
}

static struct slice get_compressed(struct reader *r, struct buf *scratch)
{
    uint64_t packed_n = rdb_get_len(r), n = rdb_get_len(r);
    struct slice packed = reader_bytes(r, packed_n);
    if (r->bad || packed_n == 0 || n == 0 || n > STRING_MAX || n / LZF_RATIO > packed_n ||
        !buf_try_reserve(scratch, n)) {
        r->bad = true;
        return SLICE_NULL;
    }
    if (lzf_decompress(packed.p, (unsigned)packed.n, scratch->p, (unsigned)n) != n) {
        r->bad = true;
        return SLICE_NULL;
    }
    scratch->n = n;
    return buf_slice(scratch);
}

struct slice rdb_get_string(struct reader *r, struct buf *scratch)
{
    buf_clear(scratch);
    uint8_t first = reader_u8(r);
    if (first >= ENC_INT8 && first <= ENC_INT32)
        return get_int(r, first, scratch);
    if (first == ENC_LZF)
        return get_compressed(r, scratch);
    return reader_bytes(r, get_len(r, first));
}

void rdb_skip_string(struct reader *r)
{
    uint8_t first = reader_u8(r);
    uint64_t n;
    if (first >= ENC_INT8 && first <= ENC_INT32) {
        n = (uint64_t)1 << (first - ENC_INT8);
    } else if (first == ENC_LZF) {
        n = rdb_get_len(r);
        (void)rdb_get_len(r);
    } else {
        n = get_len(r, first);
    }
    (void)reader_bytes(r, n);
}

double rdb_get_double(struct reader *r)
{
    uint64_t bits = reader_u64le(r);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

double rdb_get_text_double(struct reader *r)
{
    uint8_t n = reader_u8(r);
    double v = 0;
    if (n == TEXT_NAN)
        return (double)NAN;
    if (n == TEXT_INF)
        return HUGE_VAL;
    if (n == TEXT_NEGINF)
        return -HUGE_VAL;
    if (!num_parse_double(reader_bytes(r, n), &v))
        r->bad = true;
    return v;
}

void rdb_skip_text_double(struct reader *r)
{
    uint8_t n = reader_u8(r);
    if (n < TEXT_NAN)
        (void)reader_bytes(r, n);
}

void rdb_payload_seal(struct buf *b, size_t from)
{
    buf_put_byte(b, RDB_VERSION);
    buf_put_byte(b, 0);
    buf_put_u64le(b, hash_crc64(0, b->p + from, b->n - from));
}

bool rdb_payload_open(struct slice payload, bool skip_checksum, struct slice *body)
{
    if (payload.n < FOOTER)
        return false;
    struct reader r = reader_make(slice_make(payload.p + payload.n - FOOTER, FOOTER));
    unsigned version = reader_u8(&r);
    version |= (unsigned)reader_u8(&r) << 8;
    if (version > RDB_VERSION)
        return false;
    *body = slice_make(payload.p, payload.n - FOOTER);
    return skip_checksum || hash_crc64(0, payload.p, payload.n - 8) == reader_u64le(&r);
}
