/* Figures that modules keep: INFO and /metrics show them. Names are those of Prometheus: lower case, digits, underscores.
 * Thread: loop; metric_add, metric_set and metric_value: any. */
#ifndef ORBIT_ENGINE_METRIC_H
#define ORBIT_ENGINE_METRIC_H

#include "base/list.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stdint.h>

enum metric_kind { METRIC_COUNTER /* only grows */, METRIC_GAUGE };

struct metric {
    struct list_node link;
    char *name, *help;
    enum metric_kind kind;
    const void *owner;
    _Atomic int64_t value;
};

/* ST_INVALID: the name; ST_EXISTS. */
MUST_USE enum status metric_register(const void *owner, const char *name, const char *help,
                                     enum metric_kind kind, struct metric **out, struct error *err);
void metric_add(struct metric *m, int64_t n);
void metric_set(struct metric *m, int64_t v);
int64_t metric_value(const struct metric *m);
/* Calls fn for each, in order of registration. owner NULL: all. */
void metric_each(const void *owner, void (*fn)(void *arg, const struct metric *m), void *arg);
void metric_owner_drop(const void *owner);

#endif
