/* Which arguments of a command must not be shown in SLOWLOG, MONITOR and logs: passwords and what stands for them. Pure
 * except that it asks the option registry. */
#ifndef ORBIT_SESSION_REDACT_H
#define ORBIT_SESSION_REDACT_H

#include "base/slice.h"

/* True when argument i of the command must be shown as "(redacted)". */
bool redact_argument(const struct slice *argv, int argc, int i);
#define REDACTED SLICE("(redacted)")

#endif
