/* Time. clock_cached_* are refreshed by the loop once a tick and stay the same within a command. Tests may freeze the wall
 * clock. */
#ifndef ORBIT_BASE_CLOCK_H
#define ORBIT_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_wall_us(void); /* microseconds since 1970, from the system */
int64_t clock_wall_ms(void);
int64_t clock_mono_us(void); /* monotonic microseconds */
int64_t
clock_steady_ms(void); /* monotonic milliseconds, for deadlines; frozen with the wall clock */
/* Loop thread only. */
void clock_refresh(void);
int64_t clock_cached_ms(void); /* wall milliseconds of this tick */
int64_t clock_cached_us(void);
/* Tests: wall clock stands at this many ms; -1 lets it run again. */
void clock_freeze_ms(int64_t ms);

#endif
