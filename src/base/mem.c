#include "base/mem.h"

#include "base/buf.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(ORBIT_LIBC_MALLOC)
#include <malloc.h>
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEM_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MEM_SANITIZER 1
#endif
#endif
#if defined(MEM_SANITIZER)
/* gcc ships the functions without their header. */
size_t __sanitizer_get_current_allocated_bytes(void);
size_t __sanitizer_get_allocated_size(const volatile void *p);
#endif
#else
#include <jemalloc/jemalloc.h>
/* Read by the allocator when it starts: giving memory back to the kernel is not the loop thread's work. */
extern EXPORTED const char *malloc_conf;
const char *malloc_conf = "background_thread:true";
#endif

/* How long one reading of the allocator's counters is good for: merging the statistics of all arenas is not free. */
#define STATS_AGE_NS 2000000

static void (*oom_hook)(size_t wanted);

void mem_set_oom_hook(void (*fn)(size_t wanted))
{
    oom_hook = fn;
}

NORETURN COLD static void out_of_memory(size_t wanted)
{
    void (*hook)(size_t) = oom_hook;
    oom_hook = NULL;
    if (hook)
        hook(wanted);
    abort();
}

void *mem_alloc(size_t n)
{
    void *p = malloc(n);
    if (UNLIKELY(!p))
        out_of_memory(n);
    return p;
}

void *mem_calloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (UNLIKELY(!p))
        out_of_memory(count * size);
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);
    if (UNLIKELY(!q))
        out_of_memory(n);
    return q;
}

void *mem_try_alloc(size_t n)
{
    return n > PTRDIFF_MAX ? NULL : malloc(n);
}

void *mem_try_realloc(void *p, size_t n)
{
    return n > PTRDIFF_MAX ? NULL : realloc(p, n ? n : 1);
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
    char *p = mem_alloc(n + 1);
    if (n)
        memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

void mem_free(void *p)
{
    free(p);
}

size_t mem_usable(const void *p)
{
    /* The library's prototype lacks the const; it only reads. */
    return malloc_usable_size((void *)(uintptr_t)p);
}

#if defined(ORBIT_LIBC_MALLOC)

const char *mem_allocator_name(void)
{
    return "libc";
}

static size_t read_used(void)
{
#if defined(MEM_SANITIZER)
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#endif
}

void mem_allocator_stats(struct mem_allocator_stats *out)
{
    memset(out, 0, sizeof(*out));
}

void mem_purge(void)
{
    malloc_trim(0);
}

bool mem_control(const char *name, const int64_t *set, int64_t *out)
{
    return false;
}

char *mem_allocator_report(void)
{
    return NULL;
}

#else

const char *mem_allocator_name(void)
{
#define MEM_TEXT(x)   #x
#define MEM_NUMBER(x) MEM_TEXT(x)
    return "jemalloc-" MEM_NUMBER(JEMALLOC_VERSION_MAJOR) "." MEM_NUMBER(
        JEMALLOC_VERSION_MINOR) "." MEM_NUMBER(JEMALLOC_VERSION_BUGFIX);
}

static void refresh_epoch(void)
{
    uint64_t epoch = 1;
    size_t size = sizeof(epoch);
    mallctl("epoch", &epoch, &size, &epoch, size);
}

static size_t read_size(const char *name)
{
    size_t value = 0, size = sizeof(value);
    return mallctl(name, &value, &size, NULL, 0) == 0 ? value : 0;
}

static size_t read_used(void)
{
    refresh_epoch();
    return read_size("stats.allocated");
}

void mem_allocator_stats(struct mem_allocator_stats *out)
{
    refresh_epoch();
    out->allocated = read_size("stats.allocated");
    out->active = read_size("stats.active");
    out->resident = read_size("stats.resident");
    out->retained = read_size("stats.retained");
}

void mem_purge(void)
{
    char name[32];
    snprintf(name, sizeof(name), "arena.%u.purge", (unsigned)MALLCTL_ARENAS_ALL);
    mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
    mallctl(name, NULL, NULL, NULL, 0);
}

bool mem_control(const char *name, const int64_t *set, int64_t *out)
{
    /* Its width is the name's, and little endian tells which one fits. */
    static const size_t widths[] = {8, 4, 1};
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        int64_t was = 0, now = set ? *set : 0;
        size_t n = widths[i];
        if (mallctl(name, &was, &n, set ? &now : NULL, set ? widths[i] : 0) != 0)
            continue;
        if (out)
            *out = was;
        return true;
    }
    return false;
}

static void report_line(void *arg, const char *text)
{
    buf_put_str(arg, text);
}

char *mem_allocator_report(void)
{
    struct buf b = BUF_INIT;
    malloc_stats_print(report_line, &b, NULL);
    buf_cstr(&b);
    return b.p;
}

#endif

static atomic_size_t used_cached, used_peak;
static atomic_llong used_read_ns;

size_t mem_used(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    long long now = (long long)ts.tv_sec * 1000000000LL + ts.tv_nsec;
    long long then = atomic_load_explicit(&used_read_ns, memory_order_acquire);
    if (then != 0 && now - then < STATS_AGE_NS)
        return atomic_load_explicit(&used_cached, memory_order_relaxed);
    size_t used = read_used();
    atomic_store_explicit(&used_cached, used, memory_order_relaxed);
    atomic_store_explicit(&used_read_ns, now, memory_order_release);
    size_t peak = atomic_load_explicit(&used_peak, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak(&used_peak, &peak, used))
        continue;
    return used;
}

size_t mem_peak(void)
{
    size_t used = mem_used();
    size_t peak = atomic_load(&used_peak);
    return peak > used ? peak : used;
}

void mem_peak_reset(void)
{
    atomic_store(&used_peak, mem_used());
}

size_t mem_rss(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    unsigned long total = 0, resident = 0;
    if (sscanf(text, "%lu %lu", &total, &resident) != 2)
        return 0;
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}
