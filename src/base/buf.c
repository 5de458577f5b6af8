#include "base/buf.h"

#include "base/mem.h"
#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>

#define BUF_MIN        64
#define BUF_DOUBLE_MAX (1u << 20) /* grows by doubling up to here, by half above */

/* 0: the size does not exist. */
static size_t grown_cap(const struct buf *b, size_t extra)
{
    if (extra > (size_t)PTRDIFF_MAX - b->n)
        return 0;
    size_t need = b->n + extra;
    size_t cap = b->cap < BUF_DOUBLE_MAX ? b->cap * 2 : b->cap + b->cap / 2;
    if (cap < BUF_MIN)
        cap = BUF_MIN;
    return cap > need ? cap : need;
}

void buf_free(struct buf *b)
{
    mem_free(b->p);
    *b = BUF_INIT;
}

void buf_reserve(struct buf *b, size_t extra)
{
    if (LIKELY(b->cap - b->n >= extra))
        return;
    size_t cap = grown_cap(b, extra);
    if (cap == 0)
        cap = SIZE_MAX; /* lets the allocator refuse and report */
    b->p = mem_realloc(b->p, cap);
    b->cap = cap;
}

bool buf_try_reserve(struct buf *b, size_t extra)
{
    if (LIKELY(b->cap - b->n >= extra))
        return true;
    size_t cap = grown_cap(b, extra);
    char *p = cap ? mem_try_realloc(b->p, cap) : NULL;
    if (!p)
        return false;
    b->p = p;
    b->cap = cap;
    return true;
}

void buf_shrink(struct buf *b, size_t cap)
{
    if (cap < b->n)
        cap = b->n;
    if (cap >= b->cap)
        return;
    if (cap == 0) {
        buf_free(b);
        return;
    }
    b->p = mem_realloc(b->p, cap);
    b->cap = cap;
}

void buf_put_str(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_put_u16be(struct buf *b, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(buf_grow(b, sizeof(v)), &v, sizeof(v));
}

void buf_put_u32be(struct buf *b, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(buf_grow(b, sizeof(v)), &v, sizeof(v));
}

void buf_put_u64be(struct buf *b, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(buf_grow(b, sizeof(v)), &v, sizeof(v));
}

void buf_put_u32le(struct buf *b, uint32_t v)
{
    memcpy(buf_grow(b, sizeof(v)), &v, sizeof(v));
}

void buf_put_u64le(struct buf *b, uint64_t v)
{
    memcpy(buf_grow(b, sizeof(v)), &v, sizeof(v));
}

void buf_put_varint(struct buf *b, uint64_t v)
{
    buf_reserve(b, 10);
    char *p = b->p + b->n;
    while (v >= 0x80) {
        *p++ = (char)(v | 0x80);
        v >>= 7;
    }
    *p++ = (char)v;
    b->n = (size_t)(p - b->p);
}

void buf_put_int(struct buf *b, int64_t v)
{
    buf_reserve(b, NUM_BUF);
    b->n += num_format_int(b->p + b->n, v);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    buf_reserve(b, BUF_MIN);
    size_t room = b->cap - b->n;
    int n = vsnprintf(b->p + b->n, room, fmt, ap);
    if (n > 0 && (size_t)n >= room) {
        buf_reserve(b, (size_t)n + 1);
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    if (n > 0)
        b->n += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

const char *buf_cstr(struct buf *b)
{
    buf_reserve(b, 1);
    b->p[b->n] = '\0';
    return b->p;
}

/* The letter after the backslash, 0 when the byte has none. */
static char escape_letter(unsigned char c)
{
    switch (c) {
    case '\\':
    case '"':
        return (char)c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\a':
        return 'a';
    case '\b':
        return 'b';
    default:
        return 0;
    }
}

void buf_put_quoted(struct buf *b, struct slice s)
{
    static const char hex[] = "0123456789abcdef";
    buf_put_byte(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char letter = escape_letter(c);
        if (letter) {
            char *at = buf_grow(b, 2);
            at[0] = '\\';
            at[1] = letter;
        } else if (c >= 0x20 && c < 0x7f) {
            buf_put_byte(b, c);
        } else {
            char *at = buf_grow(b, 4);
            at[0] = '\\';
            at[1] = 'x';
            at[2] = hex[c >> 4];
            at[3] = hex[c & 15];
        }
    }
    buf_put_byte(b, '"');
}
