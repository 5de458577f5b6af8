/* What a provider implements: a table of functions, called only through the stor_* wrappers of storage.c, which check
 * capabilities, count metrics and fill in what is missing with the overlays. providers.def lists the tables. */
#ifndef ORBIT_STORAGE_PROVIDER_H
#define ORBIT_STORAGE_PROVIDER_H

#include "storage/storage.h"

struct stor_provider {
    const char *name; /* canonical: "rocksdb" */
    const char *type; /* type string of the configuration: "RocksDB" */
    const char *const
        *aliases; /* further spellings, NULL-terminated; compared without case, '-' and '_' */
    const char *maturity;
    unsigned caps;
    /* handle is the provider's own object. NULL functions: not offered natively (see caps). */
    enum status (*open)(const struct stor_config *cfg, void **handle, struct error *err);
    void (*close)(void *h);
    enum status (*get)(void *h, void *snap, unsigned space, struct slice key, struct buf *v,
                       struct error *err);
    enum status (*multi_get)(void *h, void *snap, unsigned space, size_t n,
                             const struct slice *keys, struct buf *vals, enum status *st,
                             struct error *err);
    void *(*batch_new)(void *h);
    void (*batch_free)(void *b);
    void (*batch_clear)(void *b);
    void (*batch_put)(void *b, unsigned space, struct slice key, struct slice value);
    void (*batch_del)(void *b, unsigned space, struct slice key);
    void (*batch_del_range)(void *b, unsigned space, struct slice from, struct slice to);
    enum status (*write)(void *h, void *batch, unsigned flags, struct error *err);
    /* All five or none. put and del keep their first failure for commit; commit and abort free the bulk. */
    void *(*bulk_new)(void *h, unsigned space);
    void (*bulk_put)(void *bulk, struct slice key, struct slice value);
    void (*bulk_del)(void *bulk, struct slice key);
    enum status (*bulk_commit)(void *bulk, struct error *err);
    void (*bulk_abort)(void *bulk);
    void *(*iter_new)(void *h, unsigned space, const struct stor_iter_opts *opts, void *snap);
    void (*iter_free)(void *it);
    void (*iter_first)(void *it);
    void (*iter_last)(void *it);
    void (*iter_seek)(void *it, struct slice key);
    void (*iter_seek_prev)(void *it, struct slice key);
    void (*iter_next)(void *it);
    void (*iter_prev)(void *it);
    bool (*iter_valid)(const void *it);
    struct slice (*iter_key)(const void *it);
    struct slice (*iter_value)(const void *it);
    enum status (*iter_status)(const void *it, struct error *err);
    enum status (*snap_new)(void *h, void **snap, struct error *err);
    void (*snap_free)(void *h, void *snap);
    enum status (*sync)(void *h, struct error *err);
    enum status (*checkpoint)(void *h, const char *dir, struct error *err);
    enum status (*compact)(void *h, unsigned space, struct slice from, struct slice to,
                           struct error *err);
    enum status (*verify)(void *h, struct error *err);
    enum status (*approx_size)(void *h, unsigned space, struct slice from, struct slice to,
                               uint64_t *bytes, struct error *err);
    enum stor_health (*health)(void *h, char *reason, size_t reason_size);
    /* out == NULL: only the cache counters are wanted. */
    void (*stats)(void *h, struct stor_stats *out, uint64_t *cache_hits, uint64_t *cache_misses);
    void (*report)(void *h, struct buf *out);
};

/* Opens with an explicit table: the fault-injecting wrapper and tests use it. */
MUST_USE enum status stor_open_with(const struct stor_provider *p, const struct stor_config *cfg,
                                    struct stor **out, struct error *err);
/* Table of a provider by any spelling; NULL: unknown. */
const struct stor_provider *stor_provider_find(const char *spelling);

#endif
