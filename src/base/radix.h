/* Ordered map from byte string to pointer with prefix and range walks (radix tree). Values belong to the caller.
 * Not thread-safe; a change invalidates walks that are under way. */
#ifndef ORBIT_BASE_RADIX_H
#define ORBIT_BASE_RADIX_H

#include "base/buf.h"
#include "base/slice.h"

struct radix;

struct radix *radix_new(void);
void radix_free(struct radix *r, void (*free_value)(void *)); /* free_value may be NULL */
/* Sets; true when the key is new; *old (may be NULL) gets the former value. */
bool radix_set(struct radix *r, struct slice key, void *value, void **old);
bool radix_get(const struct radix *r, struct slice key, void **value);
bool radix_del(struct radix *r, struct slice key, void **old);
size_t radix_count(const struct radix *r);
size_t radix_bytes(const struct radix *r);
/* Calls fn for each key >= from (SLICE_NULL: all) in order, until fn returns false. */
void radix_walk(const struct radix *r, struct slice from,
                bool (*fn)(void *arg, struct slice key, void *value), void *arg);
/* The entry with the smallest key that is not below (strict: above) key; the one with the largest that is not above (strict:
 * below) it. out is emptied and gets the entry's key, *value its value. False: there is none. key must not point into out. */
bool radix_ceil(const struct radix *r, struct slice key, bool strict, struct buf *out,
                void **value);
bool radix_floor(const struct radix *r, struct slice key, bool strict, struct buf *out,
                 void **value);
/* The entry with the largest key of all. */
bool radix_last(const struct radix *r, struct buf *out, void **value);
/* Calls fn for every stored key that is a prefix of text, shortest first. */
void radix_prefixes_of(const struct radix *r, struct slice text,
                       bool (*fn)(void *arg, struct slice key, void *value), void *arg);

#endif
