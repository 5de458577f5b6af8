/* The only way to the allocator (jemalloc; libc's under sanitizers). mem_alloc and friends abort when memory is out: they
 * are for sizes that we choose. For a size that a client influences use mem_try_*. Thread: any. */
#ifndef ORBIT_BASE_MEM_H
#define ORBIT_BASE_MEM_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MUST_USE void *mem_alloc(size_t n);
MUST_USE void *mem_calloc(size_t count, size_t size);
MUST_USE void *mem_realloc(void *p, size_t n);
MUST_USE char *mem_strdup(const char *s);
MUST_USE char *mem_strndup(const char *s, size_t n); /* adds a NUL */
MUST_USE void *mem_try_alloc(size_t n);
MUST_USE void *mem_try_realloc(void *p, size_t n);
void mem_free(void *p); /* accepts NULL */

/* Usable size of an allocation (what it really costs). */
size_t mem_usable(const void *p);

/* Bytes allocated by the process, as the allocator counts them (cached up to a few ms). */
size_t mem_used(void);
/* Resident set size in bytes; peak of mem_used seen by mem_used calls. */
size_t mem_rss(void);
size_t mem_peak(void);
void mem_peak_reset(void);

/* "jemalloc-5.3.0" or "libc": INFO's mem_allocator. */
const char *mem_allocator_name(void);
/* allocated/active/resident as the allocator reports; zeros with libc. */
struct mem_allocator_stats {
    size_t allocated, active, resident, retained;
};
void mem_allocator_stats(struct mem_allocator_stats *out);
void mem_purge(void);
/* One of the allocator's named numbers (mallctl): sets it to *set unless that is NULL, and gives what it was (out may be NULL).
 * False: there is none of that name, or it cannot be set so; always with libc. For DEBUG. */
bool mem_control(const char *name, const int64_t *set, int64_t *out);
/* Allocator's own statistics text; caller frees with mem_free. NULL when there are none. */
char *mem_allocator_report(void);

/* Called once when memory is out, before abort (crash report). */
void mem_set_oom_hook(void (*fn)(size_t wanted));

#endif
