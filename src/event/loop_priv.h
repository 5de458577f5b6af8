/* What the files of this folder that use libevent themselves need of the loop. */
#ifndef ORBIT_EVENT_LOOP_PRIV_H
#define ORBIT_EVENT_LOOP_PRIV_H

#include "base/list.h"

struct event_base;
struct loop;

/* Something whose turn comes in this tick, outside libevent. Zeroed: not queued; list_remove(&link) takes it back. */
struct loop_ready {
    struct list_node link;
    void (*run)(struct loop_ready *r);
};

/* Queues r; nothing happens when it is queued already. */
void loop__ready_push(struct loop *l, struct loop_ready *r);
struct event_base *loop__base(struct loop *l);

#endif
