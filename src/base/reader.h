/* Bounds-checked reads from a slice. Every read past the end returns zeros and sets the sticky bad flag, which the decoder
 * tests once per message. */
#ifndef ORBIT_BASE_READER_H
#define ORBIT_BASE_READER_H

#include "base/slice.h"

struct reader {
    const char *p;
    const char *end;
    bool bad;
};

static inline struct reader reader_make(struct slice s)
{
    return (struct reader){s.p, s.p ? s.p + s.n : s.p, false};
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->p);
}

uint8_t reader_u8(struct reader *r);
uint16_t reader_u16be(struct reader *r);
uint32_t reader_u32be(struct reader *r);
uint64_t reader_u64be(struct reader *r);
uint32_t reader_u32le(struct reader *r);
uint64_t reader_u64le(struct reader *r);
uint64_t reader_varint(struct reader *r);
struct slice reader_bytes(struct reader *r, size_t n); /* borrowed from the input */
struct slice reader_rest(struct reader *r);

#endif
