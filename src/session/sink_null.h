/* Sinks that swallow everything: for sessions that nobody listens to. Thread: loop. */
#ifndef ORBIT_SESSION_SINK_NULL_H
#define ORBIT_SESSION_SINK_NULL_H

#include "session/sink.h"

struct sink *sink_null(void);
/* The same, but errors go to fn, which is that of the latest call. */
struct sink *sink_errors(void (*fn)(struct slice text));

#endif
