/* Bits in rows of bytes. Bit 0 is the highest bit of byte 0, as Redis counts them. Pure; thread: any. */
#ifndef ORBIT_COMMANDS_BITMAP_BITS_H
#define ORBIT_COMMANDS_BITMAP_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bits_op { BITS_AND, BITS_OR, BITS_XOR, BITS_NOT };

/* Set bits among first...last, both included; last must lie inside p. */
uint64_t bits_count(const void *p, uint64_t first, uint64_t last);
/* Position of the first bit of that value among first...last, -1 if there is none. */
int64_t bits_find(const void *p, uint64_t first, uint64_t last, bool bit);
/* dst[i] = dst[i] op src[i] for n bytes; BITS_NOT: dst[i] = ~src[i]. */
void bits_combine(enum bits_op op, unsigned char *dst, const unsigned char *src, size_t n);

/* Big-endian unsigned integer of width bits (1 to 64) at a bit offset. Bytes at or after n read as 0. */
uint64_t bits_get(const unsigned char *p, size_t n, uint64_t offset, unsigned width);
/* Stores the low width bits of v; all of them must lie inside p. */
void bits_set(unsigned char *p, uint64_t offset, unsigned width, uint64_t v);
/* The low width bits of v as a two's complement integer. */
int64_t bits_sign_extend(uint64_t v, unsigned width);

enum bits_overflow { BITS_WRAP, BITS_SAT, BITS_FAIL };
/* *v = old + by as a signed or unsigned integer of width bits (unsigned: at most 63), by the rule for overflow. False: it
 * overflows under BITS_FAIL. */
bool bits_add(bool is_signed, unsigned width, uint64_t old, int64_t by, enum bits_overflow how,
              uint64_t *v);
/* *v = the integer, brought into range by the same rules. */
bool bits_fit(bool is_signed, unsigned width, int64_t value, enum bits_overflow how, uint64_t *v);

#endif
