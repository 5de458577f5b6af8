/* What the wrappers of this folder share: the open store, its counters, and the objects handed to callers. */
#ifndef ORBIT_STORAGE_STORAGE_PRIV_H
#define ORBIT_STORAGE_STORAGE_PRIV_H

#include "storage/provider.h"

#include <pthread.h>
#include <stdatomic.h>

#define STOR_MAGIC 0x53544f52u

struct stor_latency {
    _Atomic uint64_t ns, samples;
};

struct stor {
    uint32_t magic;
    const struct stor_provider *p;
    void *h;
    unsigned caps; /* with what the overlays supply */
    size_t nspaces;
    bool read_only;
    /* Writers of plain batches share it; a commit that checks for conflicts, and a write that expands a range, hold it
     * alone, so that nothing changes between their reads and their write. */
    pthread_rwlock_t write_lock;
    _Atomic uint64_t reads, writes, deletes, errors;
    struct stor_latency read_latency, write_latency, delete_latency;
    _Atomic uint64_t generation; /* grows with every write; changes under the lock only */
    _Atomic uint64_t next_txn_id;
    _Atomic size_t open_handles; /* iterators, snapshots, transactions */
};

struct stor_snap {
    struct stor *s;
    void *h;
};

struct stor_iter {
    struct stor *s;
    const struct stor_provider *p; /* only its iter_ members are used */
    void *it;
    bool empty; /* bounds that hold nothing */
    bool has_lower, has_upper;
    struct buf lower, upper;
};

struct stor_batch {
    struct stor *s;
    void *b;        /* the provider's own; NULL while the log below stands in for it */
    struct buf log; /* oplog, for a provider without native range delete */
    bool has_range;
    size_t count, puts, dels, bytes;
};

/* Makes an iterator over it, taking the iter_ members of p. */
struct stor_iter *stor__iter_wrap(struct stor *s, const struct stor_provider *p, void *it,
                                  const struct stor_iter_opts *opts);
/* Writes with the lock held by the caller, and counts. */
enum status stor__write_locked(struct stor *s, struct stor_batch *b, unsigned flags,
                               struct error *err);
/* Appends the operations of log to out, with each range delete turned into deletes of the keys that it hits. */
enum status stor__expand_ranges(struct stor *s, struct slice log, void *native, struct error *err);

static inline void stor__count(_Atomic uint64_t *c, uint64_t n)
{
    atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static inline enum status stor__result(struct stor *s, enum status st)
{
    if (UNLIKELY(st != ST_OK && st != ST_NOT_FOUND))
        stor__count(&s->errors, 1);
    return st;
}

/* Providers never see a NULL pointer in a key or value. */
static inline struct slice stor__norm(struct slice s)
{
    return s.p ? s : slice_make("", 0);
}

#endif
