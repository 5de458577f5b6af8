/* struct slice borrows a pointer and a length; it never owns. Network bytes are never taken as NUL-terminated. */
#ifndef ORBIT_BASE_SLICE_H
#define ORBIT_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_NULL     ((struct slice){NULL, 0})
/* For printf's "%.*s": lengths above INT_MAX are cut. */
#define SLICE_FMT(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), (s).p

static inline struct slice slice_make(const void *p, size_t n)
{
    return (struct slice){(const char *)p, n};
}

static inline struct slice slice_str(const char *s)
{
    return (struct slice){s, strlen(s)};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int r = n ? memcmp(a.p, b.p, n) : 0;
    return r ? r : (a.n > b.n) - (a.n < b.n);
}

/* ASCII case-insensitive equality with a NUL-terminated word. */
bool slice_is(struct slice a, const char *word);
bool slice_ieq(struct slice a, struct slice b);
bool slice_starts(struct slice a, struct slice prefix);

#endif
