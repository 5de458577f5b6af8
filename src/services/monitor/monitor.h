/* MONITOR: shows each command to the clients that asked for it. */
#ifndef ORBIT_SERVICES_MONITOR_MONITOR_H
#define ORBIT_SERVICES_MONITOR_MONITOR_H

#include "base/buf.h"
#include "base/slice.h"

/* Attaches to commands and sessions. Once, before the start. */
void monitor_start(void);

/* One line without its end: time, [db address], quoted arguments with passwords hidden. */
void monitor_line(struct buf *out, int64_t wall_us, int db, const char *address,
                  const struct slice *argv, int argc);

#endif
