/* The same figures as INFO's, in Prometheus's text format 0.0.4. Thread: loop. */
#ifndef ORBIT_SERVICES_INFO_METRICS_H
#define ORBIT_SERVICES_INFO_METRICS_H

#include "base/buf.h"

/* Appends all metrics: those of metrics.def, and commands, errors, databases and replicas by name. */
void metrics_text(struct buf *out);

#endif
