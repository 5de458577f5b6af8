/* A provider for tests that wraps another and makes its operations fail, tear or wait on demand. It is not in providers.def:
 * a test opens it with
 *     stor_open_with(fault_wrap("rocksdb"), &cfg, &s, &err)        cfg.provider names the wrapped one too
 * Rules are set for the whole process, at run time here, or at open by options "fault.write" and so on, so they reach a store
 * that is opened deep inside. Other options go to the wrapped provider. Thread: any. */
#ifndef ORBIT_STORAGE_FAULT_FAULT_H
#define ORBIT_STORAGE_FAULT_FAULT_H

#include "storage/provider.h"

enum fault_op {
    FAULT_WRITE, /* batches */
    FAULT_GET,
    FAULT_ITER, /* each move of an iterator */
    FAULT_SYNC, /* stor_sync, and batches with STOR_SYNC */
    FAULT_OPEN,
    FAULT_OPS
};

/* The wrapper of a provider; NULL: unknown provider. */
const struct stor_provider *fault_wrap(const char *provider);

/* Sets the rule of one kind of operation, replacing the former one:
 *     ACTION@N        the Nth operation from now on (1: the next)
 *     ACTION@NxCOUNT  COUNT operations from there; x0: all
 * ACTION: fail (ST_IO), fail:full, fail:corrupt, fail:denied, fail:closed;
 *         tear: a batch is applied in its first half and fails, a value that is read is cut in half; else as fail;
 *         delay:MS: it waits, then works. */
MUST_USE enum status fault_set(enum fault_op op, const char *rule, struct error *err);
/* Drops all rules and sets the counters to zero. */
void fault_clear(void);
/* Operations seen since the last fault_clear, and how many of them a rule has hit. */
uint64_t fault_seen(enum fault_op op);
uint64_t fault_hits(enum fault_op op);

#endif
