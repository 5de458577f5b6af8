/* INFO: what the server is and does, in sections. Fields of other layers come through session/info.h. */
#ifndef ORBIT_SERVICES_INFO_INFO_H
#define ORBIT_SERVICES_INFO_INFO_H

#include "base/buf.h"
#include "base/slice.h"

void info_options_register(void);
/* Registers the sections and the counters to reset. Once, before the start. */
void info_start(void);

/* Appends the sections that names select (none: the default ones), as INFO does. */
void info_text(struct buf *out, const struct slice *names, size_t n);

/* Figures that are gone through ten times a second, to tell rates; averages of the last 16 looks. */
void info_rates_start(void);
void info_rates_reset(void);
double info_rate_commands(void);           /* a second */
double info_rate_input(void);              /* bytes a second */
double info_rate_output(void);             /* bytes a second */
double info_rate_cycles(void);             /* loop cycles a second */
double info_cycle_us(void);                /* microseconds a cycle */
uint64_t info_commands_per_tick_max(void); /* since the start or CONFIG RESETSTAT */

#endif
