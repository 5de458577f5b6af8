/* Packed sequences, reading.
 *
 *   listpack  size(4) count(2) item... ff          item: encoding, bytes, size of both written backwards in 7-bit groups
 *   ziplist   size(4) tail(4) count(2) item... ff  item: size of the item before (1, or fe + 4), encoding, bytes
 *   zipmap    count(1) (len key len free(1) value unused)... ff   len: 1 byte, or fe + 4
 *   intset    width(4) count(4) integer...         ascending
 *
 * All numbers are little endian, but for the lengths inside of a ziplist's encodings. */
#include "rdb/rdb_seq.h"

#include "base/num.h"

#define SEQ_END        0xff
#define LISTPACK_HEAD  6
#define ZIPLIST_HEAD   10
#define COUNT_UNKNOWN  0xffff
#define ZIPMAP_BIG     254
#define ZIPLIST_BIG    254
#define ZIPLIST_INT8   0xfe
#define ZIPLIST_IMM_LO 0xf1
#define ZIPLIST_IMM_HI 0xfd

static uint32_t u16le(struct reader *r)
{
    uint32_t low = reader_u8(r);
    return low | (uint32_t)reader_u8(r) << 8;
}

/* A signed integer of n bytes, little endian. */
static int64_t int_le(struct reader *r, unsigned n)
{
    uint64_t v = 0, sign = 0;
    for (unsigned i = 0; i < n; i++) {
        v |= (uint64_t)reader_u8(r) << (8 * i);
        sign = 0x80ULL << (8 * i);
    }
    return (int64_t)((v ^ sign) - sign);
}

/* Takes the terminator off. */
static bool cut_end(struct rdb_seq *q)
{
    if (q->r.bad || reader_left(&q->r) == 0 || (uint8_t)q->r.end[-1] != SEQ_END)
        return false;
    q->r.end--;
    return true;
}

static bool open_listpack(struct rdb_seq *q, struct slice in)
{
    uint32_t size = reader_u32le(&q->r), count = u16le(&q->r);
    q->count = count == COUNT_UNKNOWN ? RDB_SEQ_UNKNOWN : count;
    return size == in.n && cut_end(q);
}

static bool open_ziplist(struct rdb_seq *q, struct slice in)
{
    uint32_t size = reader_u32le(&q->r);
    q->tail = reader_u32le(&q->r);
    uint32_t count = u16le(&q->r);
    q->count = count == COUNT_UNKNOWN ? RDB_SEQ_UNKNOWN : count;
    return size == in.n && cut_end(q) && q->tail < in.n;
}

static bool open_zipmap(struct rdb_seq *q)
{
    uint32_t count = reader_u8(&q->r);
    q->count = count >= ZIPMAP_BIG ? RDB_SEQ_UNKNOWN : count * 2;
    return cut_end(q);
}

static bool open_intset(struct rdb_seq *q)
{
    q->last = reader_u32le(&q->r);
    q->count = reader_u32le(&q->r);
    return !q->r.bad && (q->last == 2 || q->last == 4 || q->last == 8) && q->count > 0 &&
           (uint64_t)q->count * q->last == reader_left(&q->r);
}

bool rdb_seq_open(struct rdb_seq *q, enum rdb_seq_kind kind, struct slice in)
{
    *q = (struct rdb_seq){.kind = kind, .r = reader_make(in), .begin = in.p};
    switch (kind) {
    case RDB_LISTPACK:
        return open_listpack(q, in);
    case RDB_ZIPLIST:
        return open_ziplist(q, in);
    case RDB_ZIPMAP:
        return open_zipmap(q);
    case RDB_INTSET:
        return open_intset(q);
    }
    return false;
}

static void give_int(struct rdb_seq *q, struct rdb_item *item, int64_t v)
{
    char tmp[NUM_BUF], *text = q->text[q->seen & 1];
    size_t n = num_format_int(tmp, v);
    memcpy(text, tmp, n);
    *item = (struct rdb_item){.is_int = true, .i = v, .s = slice_make(text, n)};
}

static void give_bytes(struct rdb_seq *q, struct rdb_item *item, size_t n)
{
    *item = (struct rdb_item){.s = reader_bytes(&q->r, n)};
}

static void listpack_item(struct rdb_seq *q, struct rdb_item *item)
{
    struct reader *r = &q->r;
    uint8_t first = reader_u8(r);
    if (first < 0x80) {
        give_int(q, item, first);
    } else if (first < 0xc0) {
        give_bytes(q, item, first & 0x3f);
    } else if (first < 0xe0) {
        int v = (first & 0x1f) << 8 | reader_u8(r);
        give_int(q, item, v >= 1 << 12 ? v - (1 << 13) : v);
    } else if (first < 0xf0) {
        size_t n = (size_t)(first & 0x0f) << 8;
        n |= reader_u8(r);
        give_bytes(q, item, n);
    } else if (first == 0xf0) {
        give_bytes(q, item, reader_u32le(r));
    } else if (first <= 0xf3) {
        give_int(q, item, int_le(r, first - 0xf1 + 2U));
    } else if (first == 0xf4) {
        give_int(q, item, int_le(r, 8));
    } else {
        r->bad = true;
    }
}

/* The size of an item as it stands behind it. */
static unsigned backwards(size_t n, uint8_t out[5])
{
    unsigned bytes = n <= 127 ? 1 : n < 16383 ? 2 : n < 2097151 ? 3 : n < 268435455 ? 4 : 5;
    for (unsigned i = 0; i < bytes; i++) {
        unsigned shift = 7 * (bytes - 1 - i);
        out[i] = (uint8_t)((n >> shift & 127) | (i > 0 ? 128 : 0));
    }
    return bytes;
}

static void next_listpack(struct rdb_seq *q, struct rdb_item *item)
{
    const char *at = q->r.p;
    uint8_t want[5];
    listpack_item(q, item);
    unsigned n = backwards((size_t)(q->r.p - at), want);
    struct slice back = reader_bytes(&q->r, n);
    if (!q->r.bad && memcmp(back.p, want, n) != 0)
        q->r.bad = true;
}

static void ziplist_item(struct rdb_seq *q, struct rdb_item *item)
{
    struct reader *r = &q->r;
    uint8_t first = reader_u8(r);
    if (first < 0x40) {
        give_bytes(q, item, first);
    } else if (first < 0x80) {
        size_t n = (size_t)(first & 0x3f) << 8;
        n |= reader_u8(r);
        give_bytes(q, item, n);
    } else if (first < 0xc0) {
        give_bytes(q, item, reader_u32be(r));
    } else if (first == 0xc0) {
        give_int(q, item, int_le(r, 2));
    } else if (first == 0xd0) {
        give_int(q, item, int_le(r, 4));
    } else if (first == 0xe0) {
        give_int(q, item, int_le(r, 8));
    } else if (first == 0xf0) {
        give_int(q, item, int_le(r, 3));
    } else if (first == ZIPLIST_INT8) {
        give_int(q, item, int_le(r, 1));
    } else if (first >= ZIPLIST_IMM_LO && first <= ZIPLIST_IMM_HI) {
        give_int(q, item, first - ZIPLIST_IMM_LO);
    } else {
        r->bad = true;
    }
}

static void next_ziplist(struct rdb_seq *q, struct rdb_item *item)
{
    const char *at = q->r.p;
    uint32_t before = reader_u8(&q->r);
    if (before == ZIPLIST_BIG)
        before = reader_u32le(&q->r);
    else if (before == SEQ_END)
        q->r.bad = true;
    if (before != q->last)
        q->r.bad = true;
    ziplist_item(q, item);
    q->last = (uint32_t)(q->r.p - at);
}

static void next_zipmap(struct rdb_seq *q, struct rdb_item *item)
{
    struct reader *r = &q->r;
    uint32_t n = reader_u8(r), unused = 0;
    if (n == ZIPMAP_BIG)
        n = reader_u32le(r);
    else if (n == SEQ_END)
        r->bad = true;
    if (q->value)
        unused = reader_u8(r);
    give_bytes(q, item, n);
    (void)reader_bytes(r, unused);
    q->value = !q->value;
}

static void next_intset(struct rdb_seq *q, struct rdb_item *item)
{
    int64_t before = 0;
    if (q->seen > 0) {
        struct reader back = {q->r.p - q->last, q->r.end, false};
        before = int_le(&back, q->last);
    }
    int64_t v = int_le(&q->r, q->last);
    if (q->seen > 0 && v <= before)
        q->r.bad = true;
    give_int(q, item, v);
}

static enum rdb_next finish(const struct rdb_seq *q)
{
    bool ok = q->count == RDB_SEQ_UNKNOWN || q->count == q->seen;
    if (q->kind == RDB_ZIPLIST && q->seen > 0)
        ok = ok && q->r.p - q->last == q->begin + q->tail;
    if (q->kind == RDB_ZIPMAP)
        ok = ok && q->seen > 0 && !q->value;
    return ok ? RDB_NEXT_END : RDB_NEXT_BAD;
}

enum rdb_next rdb_seq_next(struct rdb_seq *q, struct rdb_item *item)
{
    if (!q->r.bad && reader_left(&q->r) == 0)
        return finish(q);
    switch (q->kind) {
    case RDB_LISTPACK:
        next_listpack(q, item);
        break;
    case RDB_ZIPLIST:
        next_ziplist(q, item);
        break;
    case RDB_ZIPMAP:
        next_zipmap(q, item);
        break;
    case RDB_INTSET:
        next_intset(q, item);
        break;
    }
    if (q->r.bad || q->seen == UINT32_MAX - 1)
        return RDB_NEXT_BAD;
    q->seen++;
    return RDB_NEXT_ITEM;
}

/* -- Writing ------------------------------------------------------------------------------------------------------------- */

void rdb_listpack_begin(struct rdb_listpack *l)
{
    buf_clear(&l->b);
    memset(buf_grow(&l->b, LISTPACK_HEAD), 0, LISTPACK_HEAD);
    l->n = 0;
}

static void end_item(struct rdb_listpack *l, size_t from)
{
    uint8_t back[5];
    unsigned n = backwards(l->b.n - from, back);
    buf_put(&l->b, back, n);
    l->n++;
}

static void put_le(struct buf *b, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_put_byte(b, (uint8_t)(v >> (8 * i)));
}

void rdb_listpack_put_int(struct rdb_listpack *l, int64_t v)
{
    size_t from = l->b.n;
    uint64_t u = (uint64_t)v;
    if (v >= 0 && v <= 127) {
        buf_put_byte(&l->b, (uint8_t)v);
    } else if (v >= -4096 && v <= 4095) {
        buf_put_byte(&l->b, (uint8_t)(0xc0 | (u >> 8 & 0x1f)));
        buf_put_byte(&l->b, (uint8_t)u);
    } else if (v >= INT16_MIN && v <= INT16_MAX) {
        buf_put_byte(&l->b, 0xf1);
        put_le(&l->b, u, 2);
    } else if (v >= -(1 << 23) && v < 1 << 23) {
        buf_put_byte(&l->b, 0xf2);
        put_le(&l->b, u, 3);
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
        buf_put_byte(&l->b, 0xf3);
        put_le(&l->b, u, 4);
    } else {
        buf_put_byte(&l->b, 0xf4);
        put_le(&l->b, u, 8);
    }
    end_item(l, from);
}

void rdb_listpack_put(struct rdb_listpack *l, struct slice s)
{
    int64_t v;
    if (num_parse_int(s, &v)) {
        rdb_listpack_put_int(l, v);
        return;
    }
    size_t from = l->b.n;
    if (s.n < 64) {
        buf_put_byte(&l->b, (uint8_t)(0x80 | s.n));
    } else if (s.n < 4096) {
        buf_put_u16be(&l->b, (uint16_t)(0xe000 | s.n));
    } else {
        buf_put_byte(&l->b, 0xf0);
        buf_put_u32le(&l->b, (uint32_t)s.n);
    }
    buf_put_slice(&l->b, s);
    end_item(l, from);
}

size_t rdb_listpack_item(struct slice s)
{
    uint8_t back[5];
    int64_t v;
    size_t n;
    if (num_parse_int(s, &v))
        n = v >= 0 && v <= 127                 ? 1
            : v >= -4096 && v <= 4095          ? 2
            : v >= INT16_MIN && v <= INT16_MAX ? 3
            : v >= -(1 << 23) && v < 1 << 23   ? 4
            : v >= INT32_MIN && v <= INT32_MAX ? 5
                                               : 9;
    else
        n = s.n + (s.n < 64 ? 1 : s.n < 4096 ? 2 : 5);
    return n + backwards(n, back);
}

struct slice rdb_listpack_end(struct rdb_listpack *l)
{
    buf_put_byte(&l->b, SEQ_END);
    uint32_t size = (uint32_t)l->b.n;
    uint16_t n = l->n >= COUNT_UNKNOWN ? COUNT_UNKNOWN : (uint16_t)l->n;
    memcpy(l->b.p, &size, sizeof(size));
    memcpy(l->b.p + sizeof(size), &n, sizeof(n));
    return buf_slice(&l->b);
}
