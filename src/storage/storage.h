/* The provider contract: an ordered key-value store with named spaces (RocksDB: column families).
 *
 * Keys are byte strings in memcmp order; values are byte strings. A space is opened by name and afterwards named by its
 * index in the array given to stor_open. Every provider declares capabilities; what it lacks natively and the shared
 * overlays of this folder can supply (transactions, snapshots) is supplied, so a caller never asks which provider it has.
 * What cannot be supplied is refused at open with a message naming provider and capability.
 *
 * Thread: every function may be called from any thread unless said otherwise; iterators, snapshots and transactions are
 * used by one thread at a time. Errors: ST_IO, ST_FULL, ST_CORRUPT, ST_CLOSED from all; others are named below. */
#ifndef ORBIT_STORAGE_STORAGE_H
#define ORBIT_STORAGE_STORAGE_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

struct stor;
struct stor_batch;
struct stor_iter;
struct stor_snap;
struct stor_txn;

enum stor_cap {
    STOR_CAP_DURABLE = 1 << 0,      /* data survive the process */
    STOR_CAP_SYNC = 1 << 1,         /* can sync to the device on demand */
    STOR_CAP_SNAPSHOT = 1 << 2,     /* native snapshots */
    STOR_CAP_TXN = 1 << 3,          /* native transactions */
    STOR_CAP_DELETE_RANGE = 1 << 4, /* native range delete */
    STOR_CAP_CHECKPOINT = 1 << 5,   /* can copy itself consistently while in use */
    STOR_CAP_REMOTE = 1 << 6,       /* operations cross a network: never on the loop thread */
    STOR_CAP_MULTI_GET = 1 << 7,
    STOR_CAP_ENCRYPTION =
        1 << 8, /* encrypts its files with the key of stor_config (foreseen, none yet) */
};

/* Provider configuration: name/value pairs as in spec/providers.md 2; unknown names are an error that names provider and
 * key. */
struct stor_option {
    const char *name;
    const char *value;
};

struct stor_config {
    const char *provider;      /* any accepted spelling */
    const char *path;          /* directory; made if missing; NULL only for memory */
    const char *const *spaces; /* names of the spaces */
    size_t nspaces;
    const struct stor_option *options; /* provider-specific */
    size_t noptions;
    unsigned need_caps; /* open fails when provider and overlays cannot supply these */
    bool read_only;
    const char *
        key_file; /* encryption at rest: refused with ST_UNSUPPORTED until a provider has the capability */
};

/* Opens or creates. ST_LOCKED: another process has it; ST_UNSUPPORTED: a capability or option; ST_INVALID: unknown
 * provider or option. Never deletes existing files. */
MUST_USE enum status stor_open(const struct stor_config *cfg, struct stor **out, struct error *err);
/* Flushes and closes; every iterator, snapshot and transaction must be closed first. Accepts NULL. */
void stor_close(struct stor *s);

const char *stor_provider(const struct stor *s); /* canonical name: "rocksdb" */
unsigned stor_caps(const struct stor *s);        /* including what overlays supply */
unsigned stor_native_caps(const struct stor *s);
/* Canonical name of a provider spelling ("LsmTree", "lsm" -> "lsm_tree"); NULL: unknown. */
const char *stor_provider_canonical(const char *spelling);
/* Names of the providers that this build has, NULL-terminated, and one's maturity label ("stable", "beta"). */
const char *const *stor_provider_names(void);
const char *stor_provider_maturity(const char *canonical);

/* Reads one key and appends nothing on a miss: v is replaced.
 * snap: NULL for the newest state. ST_NOT_FOUND leaves err untouched. */
MUST_USE enum status stor_get(struct stor *s, const struct stor_snap *snap, unsigned space,
                              struct slice key, struct buf *v, struct error *err);
/* n gets; st[i] is ST_OK or ST_NOT_FOUND for each; the result is the first real failure. vals[i] are replaced. */
MUST_USE enum status stor_multi_get(struct stor *s, const struct stor_snap *snap, unsigned space,
                                    size_t n, const struct slice *keys, struct buf *vals,
                                    enum status *st, struct error *err);

/* Batches apply atomically, in the order given: a later operation on a key wins; a range delete affects what was put before
 * it in the batch and in the store. */
struct stor_batch *stor_batch_new(struct stor *s);
void stor_batch_free(struct stor_batch *b);
void stor_batch_clear(struct stor_batch *b);
void stor_batch_put(struct stor_batch *b, unsigned space, struct slice key, struct slice value);
void stor_batch_del(struct stor_batch *b, unsigned space, struct slice key);
/* Deletes from <= key < to. to.p == NULL: to the end of the space. */
void stor_batch_del_range(struct stor_batch *b, unsigned space, struct slice from, struct slice to);
size_t stor_batch_count(const struct stor_batch *b);
size_t stor_batch_bytes(const struct stor_batch *b);

enum stor_write_flags {
    STOR_SYNC = 1 << 0, /* on return it survives a power cut */
};
/* Applies the batch; it may be cleared and used again. On failure nothing of it is visible. */
MUST_USE enum status stor_write(struct stor *s, struct stor_batch *b, unsigned flags,
                                struct error *err);

/* A bulk: many puts and deletes of one space, given in strictly ascending order of keys, applied atomically. Costs a provider
 * that takes in sorted files (rocksdb) a fraction of a batch, and is on the device when it is committed; for the others it is
 * a batch. A fault on the way is kept and answered by stor_bulk_commit. */
struct stor_bulk;
struct stor_bulk *stor_bulk_new(struct stor *s, unsigned space);
void stor_bulk_put(struct stor_bulk *b, struct slice key, struct slice value);
void stor_bulk_del(struct stor_bulk *b, struct slice key);
/* Applies it; on failure nothing of it is visible. Frees b in any case. An empty one does nothing. */
MUST_USE enum status stor_bulk_commit(struct stor_bulk *b, struct error *err);
void stor_bulk_abort(struct stor_bulk *b); /* accepts NULL */
/* The provider takes in sorted files: a bulk of any size needs little memory. Else it is a batch. */
bool stor_bulk_native(const struct stor *s);

struct stor_iter_opts {
    const struct stor_snap *snap; /* NULL: the state at creation */
    struct slice lower;           /* first key, inclusive; p == NULL: none */
    struct slice upper;           /* end, exclusive; p == NULL: none. Both are copied. */
    bool keys_only;
    bool fill_cache; /* false for long scans */
};
/* Iterator, not positioned. Creation never fails; errors show in stor_iter_status. */
struct stor_iter *stor_iter_new(struct stor *s, unsigned space, const struct stor_iter_opts *opts);
void stor_iter_free(struct stor_iter *it);
void stor_iter_first(struct stor_iter *it);
void stor_iter_last(struct stor_iter *it);
void stor_iter_seek(struct stor_iter *it, struct slice key);      /* first key >= key */
void stor_iter_seek_prev(struct stor_iter *it, struct slice key); /* last key <= key */
void stor_iter_next(struct stor_iter *it);
void stor_iter_prev(struct stor_iter *it);
bool stor_iter_valid(const struct stor_iter *it);
struct slice stor_iter_key(const struct stor_iter *it);   /* borrowed until the next move */
struct slice stor_iter_value(const struct stor_iter *it); /* likewise */
enum status stor_iter_status(const struct stor_iter *it, struct error *err);

/* Snapshot: a frozen view. */
MUST_USE enum status stor_snap_new(struct stor *s, struct stor_snap **out, struct error *err);
void stor_snap_free(struct stor_snap *snap);

/* Transactions: snapshot reads plus own writes; conflicts are found at commit (optimistic): ST_CONFLICT when a key that was
 * read with stor_txn_get_for_update or written has changed since begin. */
MUST_USE enum status stor_txn_begin(struct stor *s, struct stor_txn **out, struct error *err);
uint64_t stor_txn_id(const struct stor_txn *t);
MUST_USE enum status stor_txn_get(struct stor_txn *t, unsigned space, struct slice key,
                                  struct buf *v, struct error *err);
MUST_USE enum status stor_txn_get_for_update(struct stor_txn *t, unsigned space, struct slice key,
                                             struct buf *v, struct error *err);
MUST_USE enum status stor_txn_put(struct stor_txn *t, unsigned space, struct slice key,
                                  struct slice value, struct error *err);
MUST_USE enum status stor_txn_del(struct stor_txn *t, unsigned space, struct slice key,
                                  struct error *err);
/* Sees the snapshot and the transaction's own writes made before the call. */
struct stor_iter *stor_txn_iter(struct stor_txn *t, unsigned space,
                                const struct stor_iter_opts *opts);
/* Both end and free the transaction, whatever they return. */
MUST_USE enum status stor_txn_commit(struct stor_txn *t, unsigned flags, struct error *err);
void stor_txn_rollback(struct stor_txn *t);

/* On return everything written so far is durable on the device. */
MUST_USE enum status stor_sync(struct stor *s, struct error *err);
/* Consistent copy into dir (must not exist). ST_UNSUPPORTED without the capability. */
MUST_USE enum status stor_checkpoint(struct stor *s, const char *dir, struct error *err);
/* Reclaims space in a key range; NULL slices: all. Blocks: worker only. */
MUST_USE enum status stor_compact(struct stor *s, unsigned space, struct slice from,
                                  struct slice to, struct error *err);
/* Reads everything and checks checksums; worker only. ST_CORRUPT names the file. */
MUST_USE enum status stor_verify(struct stor *s, struct error *err);
MUST_USE enum status stor_approx_size(struct stor *s, unsigned space, struct slice from,
                                      struct slice to, uint64_t *bytes, struct error *err);

enum stor_health { STOR_HEALTHY, STOR_DEGRADED, STOR_UNHEALTHY };
/* reason: at least 256 bytes or NULL; empty when healthy. Cheap. */
enum stor_health stor_health(struct stor *s, char *reason, size_t reason_size);

/* Cumulative metrics of spec/providers.md 5; latencies are averages in microseconds (operations are sampled). */
struct stor_metrics {
    uint64_t read_operations, write_operations, delete_operations, error_count;
    double read_latency_avg, write_latency_avg, delete_latency_avg;
    uint64_t cache_hits, cache_misses; /* zero where there is no cache */
};
void stor_metrics(struct stor *s, struct stor_metrics *out);

struct stor_stats {
    uint64_t total_keys, total_size_bytes, memory_usage_bytes,
        disk_usage_bytes; /* keys: estimate where not exact */
    double average_key_size, average_value_size;
    uint64_t pending_compaction_bytes, running_compactions, running_flushes;
    bool write_stopped; /* the provider holds writes back */
};
void stor_stats(struct stor *s, struct stor_stats *out);
/* Provider's own multi-line report for INFO and debugging, appended to out. */
void stor_report(struct stor *s, struct buf *out);

#endif
