/* Range delete for a provider that has none: the batch is rewritten with one delete for each key that the range hits, both
 * in the store and among the batch's own earlier puts. The caller keeps other writers out. */
#include "base/mem.h"
#include "storage/oplog.h"
#include "storage/storage_priv.h"

static bool in_range(const struct oplog_op *range, unsigned space, struct slice key)
{
    return range->space == space && slice_cmp(key, range->key) >= 0 &&
           (range->kind == OPLOG_DEL_FROM || slice_cmp(key, range->second) < 0);
}

static enum status expand_one(struct stor *s, struct slice log, const char *upto,
                              const struct oplog_op *range, void *native, struct error *err)
{
    struct stor_iter_opts opts = {.lower = range->key, .keys_only = true};
    struct reader r = reader_make(slice_make(log.p, (size_t)(upto - log.p)));
    struct oplog_op op;

    while (oplog_next(&r, &op))
        if (op.kind == OPLOG_PUT && in_range(range, op.space, op.key))
            s->p->batch_del(native, op.space, op.key);
    if (range->kind == OPLOG_DEL_RANGE)
        opts.upper = range->second;
    void *it = s->p->iter_new(s->h, range->space, &opts, NULL);
    for (s->p->iter_first(it); s->p->iter_valid(it); s->p->iter_next(it))
        s->p->batch_del(native, range->space, s->p->iter_key(it));
    enum status st = s->p->iter_status(it, err);
    s->p->iter_free(it);
    return st;
}

enum status stor__expand_ranges(struct stor *s, struct slice log, void *native, struct error *err)
{
    struct reader r = reader_make(log);
    struct oplog_op op;
    enum status st = ST_OK;

    for (const char *at = r.p; st == ST_OK && oplog_next(&r, &op); at = r.p) {
        switch (op.kind) {
        case OPLOG_PUT:
            s->p->batch_put(native, op.space, op.key, op.second);
            break;
        case OPLOG_DEL:
            s->p->batch_del(native, op.space, op.key);
            break;
        case OPLOG_DEL_RANGE:
        case OPLOG_DEL_FROM:
            st = expand_one(s, log, at, &op, native, err);
            break;
        }
    }
    orbit_assert(!r.bad);
    return st;
}
