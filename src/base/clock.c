#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static atomic_llong frozen_ms = -1;
static int64_t cached_us;

int64_t clock_wall_us(void)
{
    long long frozen = atomic_load_explicit(&frozen_ms, memory_order_relaxed);
    if (frozen >= 0)
        return frozen * 1000;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return clock_wall_us() / 1000;
}

int64_t clock_mono_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_steady_ms(void)
{
    long long frozen = atomic_load_explicit(&frozen_ms, memory_order_relaxed);
    return frozen >= 0 ? frozen : clock_mono_us() / 1000;
}

void clock_refresh(void)
{
    cached_us = clock_wall_us();
}

int64_t clock_cached_us(void)
{
    if (cached_us == 0)
        clock_refresh();
    return cached_us;
}

int64_t clock_cached_ms(void)
{
    return clock_cached_us() / 1000;
}

void clock_freeze_ms(int64_t ms)
{
    atomic_store(&frozen_ms, ms);
    clock_refresh();
}
