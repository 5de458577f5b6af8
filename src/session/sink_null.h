/* A sink that swallows everything: for sessions that nobody listens to. */
#ifndef ORBIT_SESSION_SINK_NULL_H
#define ORBIT_SESSION_SINK_NULL_H

#include "session/sink.h"

struct sink *sink_null(void);

#endif
