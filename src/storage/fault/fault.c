/* The fault-injecting provider: rules, and wrappers around each function of a provider. */
#include "storage/fault/fault.h"

#include "base/mem.h"
#include "base/num.h"
#include "storage/oplog.h"

#include <pthread.h>
#include <time.h>

/* -- Rules -------------------------------------------------------------------------------------------------------------- */

enum action { ACT_NONE, ACT_FAIL, ACT_TEAR, ACT_DELAY };

struct rule {
    enum action action;
    enum status status;
    uint64_t delay_ms;
    uint64_t from, count; /* numbers of operations; count 0: all from there */
    uint64_t seen, hits;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[FAULT_OPS];

static const char *const op_names[FAULT_OPS] = {"write", "get", "iter", "sync", "open"};

static bool parse_action(struct slice text, struct rule *r)
{
    static const struct {
        const char *word;
        enum action action;
        enum status status;
    } words[] = {
        {"fail", ACT_FAIL, ST_IO},
        {"fail:full", ACT_FAIL, ST_FULL},
        {"fail:corrupt", ACT_FAIL, ST_CORRUPT},
        {"fail:denied", ACT_FAIL, ST_DENIED},
        {"fail:closed", ACT_FAIL, ST_CLOSED},
        {"tear", ACT_TEAR, ST_IO},
    };

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (slice_eq(text, slice_str(words[i].word))) {
            r->action = words[i].action;
            r->status = words[i].status;
            return true;
        }
    }
    if (!slice_starts(text, SLICE("delay:")))
        return false;
    r->action = ACT_DELAY;
    return num_parse_uint(slice_make(text.p + 6, text.n - 6), &r->delay_ms) && r->delay_ms < 60000;
}

static bool parse_rule(const char *text, struct rule *r)
{
    const char *at = strchr(text, '@'), *x = at ? strchr(at, 'x') : NULL;

    *r = (struct rule){.count = 1};
    if (!at || !parse_action(slice_make(text, (size_t)(at - text)), r))
        return false;
    size_t n = x ? (size_t)(x - at - 1) : strlen(at + 1);
    return num_parse_uint(slice_make(at + 1, n), &r->from) && r->from > 0 &&
           (!x || num_parse_uint(slice_str(x + 1), &r->count));
}

enum status fault_set(enum fault_op op, const char *rule, struct error *err)
{
    struct rule r;

    if (!parse_rule(rule, &r))
        return error_set(err, ST_INVALID, "fault: option 'fault.%s': bad rule '%s'", op_names[op],
                         rule);
    pthread_mutex_lock(&lock);
    r.seen = rules[op].seen;
    r.hits = rules[op].hits;
    r.from += r.seen;
    rules[op] = r;
    pthread_mutex_unlock(&lock);
    return ST_OK;
}

void fault_clear(void)
{
    pthread_mutex_lock(&lock);
    memset(rules, 0, sizeof rules);
    pthread_mutex_unlock(&lock);
}

uint64_t fault_seen(enum fault_op op)
{
    pthread_mutex_lock(&lock);
    uint64_t n = rules[op].seen;
    pthread_mutex_unlock(&lock);
    return n;
}

uint64_t fault_hits(enum fault_op op)
{
    pthread_mutex_lock(&lock);
    uint64_t n = rules[op].hits;
    pthread_mutex_unlock(&lock);
    return n;
}

/* Counts an operation, waits if it is to wait, and tells what else is to happen to it. */
static enum action happens(enum fault_op op, enum status *st)
{
    pthread_mutex_lock(&lock);
    struct rule *r = &rules[op];
    uint64_t n = ++r->seen;
    bool hit = r->action != ACT_NONE && n >= r->from && (r->count == 0 || n < r->from + r->count);
    r->hits += hit;
    enum action action = hit ? r->action : ACT_NONE;
    uint64_t delay_ms = r->delay_ms;
    *st = r->status;
    pthread_mutex_unlock(&lock);
    if (action != ACT_DELAY)
        return action;
    struct timespec ts = {(time_t)(delay_ms / 1000), (long)(delay_ms % 1000) * 1000000};
    nanosleep(&ts, NULL);
    return ACT_NONE;
}

static enum status injected(enum fault_op op, enum status st, struct error *err)
{
    return error_set(err, st, "fault: injected failure of %s: %s", op_names[op], status_name(st));
}

/* -- The wrapper -------------------------------------------------------------------------------------------------------- */

struct fault {
    const struct stor_provider *p;
    void *h;
};

struct fault_batch {
    struct fault *f;
    struct buf log; /* the operations, so that half of them can be applied */
};

struct fault_iter {
    const struct stor_provider *p;
    void *it;
    enum status status; /* not ST_OK: failed */
    bool torn;
};

static enum status fault_open(const struct stor_config *cfg, void **handle, struct error *err)
{
    struct stor_option *options = mem_calloc(cfg->noptions + 1, sizeof *options);
    struct fault *f = mem_calloc(1, sizeof *f);
    struct stor_config inner = *cfg;
    enum status st = ST_OK, injected_st;

    inner.options = options;
    inner.noptions = 0;
    for (size_t i = 0; i < cfg->noptions && st == ST_OK; i++) {
        const char *name = cfg->options[i].name;
        size_t op = FAULT_OPS;
        for (size_t k = 0; k < FAULT_OPS && strncmp(name, "fault.", 6) == 0; k++)
            if (strcmp(name + 6, op_names[k]) == 0)
                op = k;
        if (op < FAULT_OPS)
            st = fault_set((enum fault_op)op, cfg->options[i].value, err);
        else
            options[inner.noptions++] = cfg->options[i];
    }
    const struct stor_provider *p = stor_provider_find(cfg->provider);
    if (!p)
        st = error_set(err, ST_INVALID, "fault: unknown provider");
    if (st == ST_OK && happens(FAULT_OPEN, &injected_st) != ACT_NONE)
        st = injected(FAULT_OPEN, injected_st, err);
    f->p = p;
    if (st == ST_OK && p)
        st = p->open(&inner, &f->h, err);
    mem_free(options);
    if (st != ST_OK)
        mem_free(f);
    else
        *handle = f;
    return st;
}

static void fault_close(void *h)
{
    struct fault *f = h;

    f->p->close(f->h);
    mem_free(f);
}

static enum status fault_get(void *h, void *snap, unsigned space, struct slice key, struct buf *v,
                             struct error *err)
{
    struct fault *f = h;
    enum status injected_st;
    enum action action = happens(FAULT_GET, &injected_st);

    if (action == ACT_FAIL)
        return injected(FAULT_GET, injected_st, err);
    enum status st = f->p->get(f->h, snap, space, key, v, err);
    if (action == ACT_TEAR)
        v->n /= 2;
    return st;
}

static void *fault_batch_new(void *h)
{
    struct fault_batch *b = mem_calloc(1, sizeof *b);

    b->f = h;
    return b;
}

static void fault_batch_free(void *p)
{
    struct fault_batch *b = p;

    buf_free(&b->log);
    mem_free(b);
}

static void fault_batch_clear(void *p)
{
    buf_clear(&((struct fault_batch *)p)->log);
}

static void fault_batch_put(void *p, unsigned space, struct slice key, struct slice value)
{
    oplog_put(&((struct fault_batch *)p)->log, space, key, value);
}

static void fault_batch_del(void *p, unsigned space, struct slice key)
{
    oplog_del(&((struct fault_batch *)p)->log, space, key);
}

static void fault_batch_del_range(void *p, unsigned space, struct slice from, struct slice to)
{
    oplog_del_range(&((struct fault_batch *)p)->log, space, from, to);
}

static size_t count_operations(struct slice log)
{
    struct reader r = reader_make(log);
    struct oplog_op op;
    size_t n = 0;

    while (oplog_next(&r, &op))
        n++;
    return n;
}

/* Applies the first n operations as one batch of the wrapped provider. */
static enum status apply(struct fault *f, struct slice log, size_t n, unsigned flags,
                         struct error *err)
{
    struct reader r = reader_make(log);
    struct oplog_op op;
    void *b = f->p->batch_new(f->h);

    while (n-- > 0 && oplog_next(&r, &op)) {
        switch (op.kind) {
        case OPLOG_PUT:
            f->p->batch_put(b, op.space, op.key, op.second);
            break;
        case OPLOG_DEL:
            f->p->batch_del(b, op.space, op.key);
            break;
        case OPLOG_DEL_RANGE:
            f->p->batch_del_range(b, op.space, op.key, op.second);
            break;
        case OPLOG_DEL_FROM:
            f->p->batch_del_range(b, op.space, op.key, SLICE_NULL);
            break;
        }
    }
    enum status st = f->p->write(f->h, b, flags, err);
    f->p->batch_free(b);
    return st;
}

static enum status fault_write(void *h, void *batch, unsigned flags, struct error *err)
{
    struct fault *f = h;
    struct slice log = buf_slice(&((struct fault_batch *)batch)->log);
    size_t n = count_operations(log);
    enum status st;
    enum action action = happens(FAULT_WRITE, &st);

    if (action == ACT_TEAR) {
        enum status half = apply(f, log, n / 2, 0, err);
        return half == ST_OK ? injected(FAULT_WRITE, st, err) : half;
    }
    if (action == ACT_FAIL)
        return injected(FAULT_WRITE, st, err);
    if ((flags & STOR_SYNC) && happens(FAULT_SYNC, &st) != ACT_NONE)
        return injected(FAULT_SYNC, st, err);
    return apply(f, log, n, flags, err);
}

static enum status fault_sync(void *h, struct error *err)
{
    struct fault *f = h;
    enum status st;

    if (happens(FAULT_SYNC, &st) != ACT_NONE)
        return injected(FAULT_SYNC, st, err);
    return f->p->sync ? f->p->sync(f->h, err) : ST_OK;
}

/* -- Iterators ---------------------------------------------------------------------------------------------------------- */

static void *fault_iter_new(void *h, unsigned space, const struct stor_iter_opts *opts, void *snap)
{
    struct fault *f = h;
    struct fault_iter *it = mem_calloc(1, sizeof *it);

    it->p = f->p;
    it->it = f->p->iter_new(f->h, space, opts, snap);
    return it;
}

static void fault_iter_free(void *p)
{
    struct fault_iter *it = p;

    it->p->iter_free(it->it);
    mem_free(it);
}

/* Whether a move may go on. */
static bool may_move(struct fault_iter *it)
{
    enum status st;
    enum action action = happens(FAULT_ITER, &st);

    it->torn = action == ACT_TEAR;
    if (action == ACT_FAIL)
        it->status = st;
    return it->status == ST_OK;
}

static void fault_iter_first(void *p)
{
    struct fault_iter *it = p;

    if (may_move(it))
        it->p->iter_first(it->it);
}

static void fault_iter_last(void *p)
{
    struct fault_iter *it = p;

    if (may_move(it))
        it->p->iter_last(it->it);
}

static void fault_iter_seek(void *p, struct slice key)
{
    struct fault_iter *it = p;

    if (may_move(it))
        it->p->iter_seek(it->it, key);
}

static void fault_iter_seek_prev(void *p, struct slice key)
{
    struct fault_iter *it = p;

    if (may_move(it))
        it->p->iter_seek_prev(it->it, key);
}

static void fault_iter_next(void *p)
{
    struct fault_iter *it = p;

    if (may_move(it))
        it->p->iter_next(it->it);
}

static void fault_iter_prev(void *p)
{
    struct fault_iter *it = p;

    if (may_move(it))
        it->p->iter_prev(it->it);
}

static bool fault_iter_valid(const void *p)
{
    const struct fault_iter *it = p;

    return it->status == ST_OK && it->p->iter_valid(it->it);
}

static struct slice fault_iter_key(const void *p)
{
    const struct fault_iter *it = p;

    return it->p->iter_key(it->it);
}

static struct slice fault_iter_value(const void *p)
{
    const struct fault_iter *it = p;
    struct slice v = it->p->iter_value(it->it);

    return it->torn ? slice_make(v.p, v.n / 2) : v;
}

static enum status fault_iter_status(const void *p, struct error *err)
{
    const struct fault_iter *it = p;

    return it->status != ST_OK ? injected(FAULT_ITER, it->status, err)
                               : it->p->iter_status(it->it, err);
}

/* -- What is passed through --------------------------------------------------------------------------------------------- */

static enum status fault_snap_new(void *h, void **snap, struct error *err)
{
    struct fault *f = h;

    return f->p->snap_new(f->h, snap, err);
}

static void fault_snap_free(void *h, void *snap)
{
    struct fault *f = h;

    f->p->snap_free(f->h, snap);
}

static enum status fault_checkpoint(void *h, const char *dir, struct error *err)
{
    struct fault *f = h;

    return f->p->checkpoint(f->h, dir, err);
}

static enum status fault_compact(void *h, unsigned space, struct slice from, struct slice to,
                                 struct error *err)
{
    struct fault *f = h;

    return f->p->compact ? f->p->compact(f->h, space, from, to, err) : ST_OK;
}

static enum status fault_verify(void *h, struct error *err)
{
    struct fault *f = h;

    return f->p->verify ? f->p->verify(f->h, err) : ST_OK;
}

static enum status fault_approx_size(void *h, unsigned space, struct slice from, struct slice to,
                                     uint64_t *bytes, struct error *err)
{
    struct fault *f = h;

    return f->p->approx_size(f->h, space, from, to, bytes, err);
}

static enum stor_health fault_health(void *h, char *reason, size_t reason_size)
{
    struct fault *f = h;

    return f->p->health ? f->p->health(f->h, reason, reason_size) : STOR_HEALTHY;
}

static void fault_stats(void *h, struct stor_stats *out, uint64_t *cache_hits,
                        uint64_t *cache_misses)
{
    struct fault *f = h;

    if (f->p->stats)
        f->p->stats(f->h, out, cache_hits, cache_misses);
}

static void fault_report(void *h, struct buf *out)
{
    struct fault *f = h;

    if (f->p->report)
        f->p->report(f->h, out);
}

static const struct stor_provider all = {
    .maturity = "test",
    .open = fault_open,
    .close = fault_close,
    .get = fault_get,
    .batch_new = fault_batch_new,
    .batch_free = fault_batch_free,
    .batch_clear = fault_batch_clear,
    .batch_put = fault_batch_put,
    .batch_del = fault_batch_del,
    .batch_del_range = fault_batch_del_range,
    .write = fault_write,
    .iter_new = fault_iter_new,
    .iter_free = fault_iter_free,
    .iter_first = fault_iter_first,
    .iter_last = fault_iter_last,
    .iter_seek = fault_iter_seek,
    .iter_seek_prev = fault_iter_seek_prev,
    .iter_next = fault_iter_next,
    .iter_prev = fault_iter_prev,
    .iter_valid = fault_iter_valid,
    .iter_key = fault_iter_key,
    .iter_value = fault_iter_value,
    .iter_status = fault_iter_status,
    .snap_new = fault_snap_new,
    .snap_free = fault_snap_free,
    .sync = fault_sync,
    .checkpoint = fault_checkpoint,
    .compact = fault_compact,
    .verify = fault_verify,
    .approx_size = fault_approx_size,
    .health = fault_health,
    .stats = fault_stats,
    .report = fault_report,
};

/* What the wrapped provider lacks the wrapper lacks too, so that the overlays work as they do without it. */
const struct stor_provider *fault_wrap(const char *provider)
{
    static struct stor_provider tables[16];
    static size_t n;
    const struct stor_provider *p = stor_provider_find(provider), *found = NULL;

    if (!p)
        return NULL;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < n && !found; i++)
        if (strcmp(tables[i].name, p->name) == 0)
            found = &tables[i];
    if (!found) {
        orbit_assert(n < COUNT_OF(tables));
        struct stor_provider *t = &tables[n++];
        *t = all;
        t->name = p->name;
        t->type = p->type;
        t->aliases = p->aliases;
        t->caps = p->caps & ~(unsigned)STOR_CAP_MULTI_GET;
        if (!p->batch_del_range)
            t->batch_del_range = NULL;
        if (!p->snap_new)
            t->snap_new = NULL;
        if (!p->checkpoint)
            t->checkpoint = NULL;
        found = t;
    }
    pthread_mutex_unlock(&lock);
    return found;
}
