/* struct buf owns bytes and grows. Zero-initialised is empty and valid. buf_* abort on memory exhaustion for small sizes;
 * a size that a client influences goes through buf_try_reserve first. */
#ifndef ORBIT_BASE_BUF_H
#define ORBIT_BASE_BUF_H

#include "base/compiler.h"
#include "base/slice.h"

#include <stdarg.h>

struct buf {
    char *p;
    size_t n;   /* bytes used */
    size_t cap; /* bytes allocated */
};

#define BUF_INIT ((struct buf){NULL, 0, 0})

void buf_free(struct buf *b); /* frees and zeroes */
void buf_reserve(struct buf *b, size_t extra);
MUST_USE bool buf_try_reserve(struct buf *b, size_t extra); /* false: out of memory, b unchanged */
void buf_shrink(struct buf *b, size_t cap);                 /* gives memory back, keeps the bytes */
void buf_put_str(struct buf *b, const char *s);
void buf_put_u16be(struct buf *b, uint16_t v);
void buf_put_u32be(struct buf *b, uint32_t v);
void buf_put_u64be(struct buf *b, uint64_t v);
void buf_put_u32le(struct buf *b, uint32_t v);
void buf_put_u64le(struct buf *b, uint64_t v);
void buf_put_varint(struct buf *b, uint64_t v); /* LEB128 */
void buf_put_int(struct buf *b, int64_t v);     /* decimal */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
void buf_consume(struct buf *b, size_t n); /* drops the first n bytes (memmove) */
/* Quotes as Redis's MONITOR and SLOWLOG do: "..." with \n \r \t \a \b \" \\ and \xHH. */
void buf_put_quoted(struct buf *b, struct slice s);

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_make(b->p, b->n);
}

/* NUL-terminates without counting the NUL; valid until the next change. */
const char *buf_cstr(struct buf *b);

/* Grows by n and returns where to write. */
static inline char *buf_grow(struct buf *b, size_t n)
{
    if (UNLIKELY(b->cap - b->n < n))
        buf_reserve(b, n);
    char *at = b->p + b->n;
    b->n += n;
    return at;
}

/* Keeps the memory. */
static inline void buf_clear(struct buf *b)
{
    b->n = 0;
}

static inline void buf_put(struct buf *b, const void *p, size_t n)
{
    if (n)
        memcpy(buf_grow(b, n), p, n);
}

static inline void buf_put_slice(struct buf *b, struct slice s)
{
    buf_put(b, s.p, s.n);
}

static inline void buf_put_byte(struct buf *b, uint8_t c)
{
    *buf_grow(b, 1) = (char)c;
}

#endif
