/* Worker pool for what may block or take long. A job gets its input by value; its result comes back as an event on the loop.
 * Jobs of one lane run one after the other, in order; different lanes run side by side. */
#ifndef ORBIT_EVENT_WORKER_H
#define ORBIT_EVENT_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct worker_pool;

enum worker_lane {
    WORKER_ANY,   /* no order */
    WORKER_FOLD,  /* folding into the store */
    WORKER_SYNC,  /* log syncs */
    WORKER_FREE,  /* lazy freeing */
    WORKER_DUMP,  /* dumps for replicas: may wait for a slow one */
    WORKER_QUERY, /* steps of queries; no order */
    WORKER_LANES
};

typedef void (*worker_fn)(void *arg);

/* One thread for each ordered lane, any_threads for WORKER_ANY; as many as there are processors, 4 to 16, for WORKER_QUERY. */
struct worker_pool *worker_pool_new(struct loop *l, unsigned any_threads);
/* Waits for everything that was submitted, runs the completions, stops the threads. */
void worker_pool_free(struct worker_pool *p);
/* run on a worker, then done (may be NULL) on the loop thread. Loop thread. */
void worker_submit(struct worker_pool *p, enum worker_lane lane, worker_fn run, worker_fn done,
                   void *arg);
/* Waits until the lane is empty and runs its completions now. Loop thread; for shutdown, DEBUG RELOAD, tests. */
void worker_drain(struct worker_pool *p, enum worker_lane lane);
size_t worker_pending(struct worker_pool *p, enum worker_lane lane);

#endif
