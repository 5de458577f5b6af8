/* Bump allocator with the life of one call: nothing is freed one by one, arena_reset gives all back. arena_on_reset closes
 * what is not memory (iterators, snapshots). Nothing long-lived points into an arena. */
#ifndef ORBIT_BASE_ARENA_H
#define ORBIT_BASE_ARENA_H

#include "base/compiler.h"
#include "base/slice.h"

struct arena;

struct arena *arena_new(size_t chunk_size);
void arena_free(struct arena *a);
/* Frees all but the first chunk, runs the on-reset callbacks, last registered first. */
void arena_reset(struct arena *a);
/* 16-byte aligned; aborts when memory is out. */
MUST_USE void *arena_alloc(struct arena *a, size_t n);
MUST_USE void *arena_try_alloc(struct arena *a, size_t n);
struct slice arena_dup(struct arena *a, struct slice s);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_on_reset(struct arena *a, void (*fn)(void *), void *arg);
size_t arena_bytes(const struct arena *a);
/* arena_try_alloc fails rather than let arena_bytes exceed this; 0: no limit. Only those who use arena_try_alloc alone may have
 * one: arena_alloc aborts. */
void arena_set_limit(struct arena *a, size_t bytes);

#endif
