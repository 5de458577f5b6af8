#include "base/arena.h"

#include "base/mem.h"
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

/*   arena -> chunk (newest, bump pointer) -> chunk -> ... -> first chunk (kept by reset)
 * An allocation larger than a chunk gets a chunk of its own size. */

#define ARENA_ALIGN     16
#define ARENA_MIN_CHUNK 256

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

struct chunk {
    struct chunk *next;
    size_t size; /* payload bytes */
    _Alignas(ARENA_ALIGN) char data[];
};

struct cleanup {
    struct cleanup *next;
    void (*fn)(void *);
    void *arg;
};

struct arena {
    char *at, *end; /* free part of the newest chunk */
    struct chunk *chunks;
    struct chunk *first;
    struct cleanup *cleanups;
    size_t chunk_size;
    size_t bytes;
    size_t limit; /* of arena_bytes; 0: none */
};

static bool add_chunk(struct arena *a, size_t size)
{
    if (size > (size_t)PTRDIFF_MAX - sizeof(struct chunk))
        return false;
    if (a->limit && arena_bytes(a) + sizeof(struct chunk) + size > a->limit)
        return false;
    struct chunk *c = mem_try_alloc(sizeof(*c) + size);
    if (!c)
        return false;
    c->size = size;
    c->next = a->chunks;
    a->chunks = c;
    a->at = c->data;
    a->end = c->data + size;
    a->bytes += sizeof(*c) + size;
    POISON(c->data, size);
    return true;
}

struct arena *arena_new(size_t chunk_size)
{
    struct arena *a = mem_calloc(1, sizeof(*a));
    if (chunk_size < ARENA_MIN_CHUNK)
        chunk_size = ARENA_MIN_CHUNK;
    a->chunk_size = (chunk_size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    orbit_assert(add_chunk(a, a->chunk_size));
    a->first = a->chunks;
    return a;
}

static void run_cleanups(struct arena *a)
{
    while (a->cleanups) {
        struct cleanup *c = a->cleanups;
        a->cleanups = c->next;
        c->fn(c->arg);
    }
}

void arena_reset(struct arena *a)
{
    run_cleanups(a);
    while (UNLIKELY(a->chunks != a->first)) {
        struct chunk *c = a->chunks;
        a->chunks = c->next;
        a->bytes -= sizeof(*c) + c->size;
        UNPOISON(c->data, c->size);
        mem_free(c);
    }
    a->at = a->first->data;
    a->end = a->first->data + a->first->size;
    POISON(a->first->data, a->first->size);
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    arena_reset(a);
    UNPOISON(a->first->data, a->first->size);
    mem_free(a->first);
    mem_free(a);
}

COLD static void *alloc_slow(struct arena *a, size_t n)
{
    /* Near the limit a chunk may be too much when n is not. */
    if (!add_chunk(a, n > a->chunk_size ? n : a->chunk_size) && !(a->limit && add_chunk(a, n)))
        return NULL;
    void *p = a->at;
    a->at += n;
    UNPOISON(p, n);
    return p;
}

void *arena_try_alloc(struct arena *a, size_t n)
{
    if (UNLIKELY(n > (size_t)PTRDIFF_MAX - ARENA_ALIGN))
        return NULL;
    n = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (UNLIKELY((size_t)(a->end - a->at) < n))
        return alloc_slow(a, n);
    void *p = a->at;
    a->at += n;
    UNPOISON(p, n);
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *p = arena_try_alloc(a, n);
    if (UNLIKELY(!p))
        p = mem_alloc(SIZE_MAX - ARENA_ALIGN); /* reports and aborts */
    return p;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n);
    if (s.n)
        memcpy(p, s.p, s.n);
    return slice_make(p, s.n);
}

char *arena_strdup(struct arena *a, const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(arena_alloc(a, n), s, n);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    size_t size = n < 0 ? 1 : (size_t)n + 1;
    char *p = arena_alloc(a, size);
    p[0] = '\0';
    vsnprintf(p, size, fmt, again);
    va_end(again);
    return p;
}

void arena_on_reset(struct arena *a, void (*fn)(void *), void *arg)
{
    struct cleanup *c = arena_alloc(a, sizeof(*c));
    *c = (struct cleanup){a->cleanups, fn, arg};
    a->cleanups = c;
}

size_t arena_bytes(const struct arena *a)
{
    return sizeof(*a) + a->bytes;
}

void arena_set_limit(struct arena *a, size_t bytes)
{
    a->limit = bytes;
}
