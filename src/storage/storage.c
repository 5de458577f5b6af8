/* The wrappers that every caller goes through: they check capabilities, count, and pass on to the provider. */
#include "base/mem.h"
#include "storage/files.h"
#include "storage/oplog.h"
#include "storage/storage_priv.h"

#include <time.h>

/* One read of this many is timed. */
#define READ_SAMPLE 64

/* What this folder supplies over a provider that lacks it. */
#define OVERLAY_ALWAYS ((unsigned)STOR_CAP_DELETE_RANGE | STOR_CAP_MULTI_GET)

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void latency_add(struct stor_latency *l, uint64_t start_ns)
{
    stor__count(&l->ns, now_ns() - start_ns);
    stor__count(&l->samples, 1);
}

/* -- Opening ------------------------------------------------------------------------------------------------------------ */

static const char *cap_name(unsigned caps)
{
    static const char *const names[] = {
        "durability", "sync",   "snapshots", "transactions", "range delete",
        "checkpoint", "remote", "multi-get", "encryption",
    };

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (caps & (1u << i))
            return names[i];
    return "an unknown capability";
}

/* The directory: the path of the configuration, or its data_dir option. */
static enum status config_path(const struct stor_provider *p, const struct stor_config *cfg,
                               const char **path, struct error *err)
{
    *path = cfg->path;
    for (size_t i = 0; i < cfg->noptions; i++) {
        if (strcmp(cfg->options[i].name, "data_dir") != 0)
            continue;
        if (*path)
            return error_set(err, ST_INVALID, "%s: option 'data_dir': a directory is already given",
                             p->name);
        *path = cfg->options[i].value;
    }
    if (!*path && (p->caps & STOR_CAP_DURABLE) && !(p->caps & STOR_CAP_REMOTE))
        return error_set(err, ST_INVALID, "%s: option 'data_dir' is missing", p->name);
    return ST_OK;
}

static enum status config_check(const struct stor_provider *p, const struct stor_config *cfg,
                                unsigned caps, struct error *err)
{
    unsigned missing = cfg->need_caps & ~caps;

    if (cfg->key_file && !(caps & STOR_CAP_ENCRYPTION))
        return error_set(err, ST_UNSUPPORTED, "%s: encryption at rest is not supported", p->name);
    if (missing)
        return error_set(err, ST_UNSUPPORTED, "%s: the provider has no %s", p->name,
                         cap_name(missing));
    if (cfg->nspaces == 0)
        return error_set(err, ST_INVALID, "%s: no spaces to open", p->name);
    return ST_OK;
}

enum status stor_open_with(const struct stor_provider *p, const struct stor_config *cfg,
                           struct stor **out, struct error *err)
{
    struct stor_config c = *cfg;
    unsigned caps = p->caps | OVERLAY_ALWAYS;
    void *h = NULL;

    orbit_assert(p->open && p->close && p->get && p->write && p->iter_new && p->batch_new);
    orbit_assert(!(p->caps & STOR_CAP_SNAPSHOT) == !p->snap_new);
    orbit_assert(!(p->caps & STOR_CAP_DELETE_RANGE) == !p->batch_del_range);
    *out = NULL;
    if (caps & STOR_CAP_SNAPSHOT)
        caps |= STOR_CAP_TXN;
    enum status st = config_check(p, cfg, caps, err);
    if (st == ST_OK)
        st = config_path(p, cfg, &c.path, err);
    if (st == ST_OK)
        st = p->open(&c, &h, err);
    if (st != ST_OK)
        return st;
    struct stor *s = mem_calloc(1, sizeof *s);
    s->magic = STOR_MAGIC;
    s->p = p;
    s->h = h;
    s->caps = caps;
    s->nspaces = cfg->nspaces;
    s->read_only = cfg->read_only;
    pthread_rwlock_init(&s->write_lock, NULL);
    *out = s;
    return ST_OK;
}

void stor_close(struct stor *s)
{
    if (!s)
        return;
    orbit_assert(s->magic == STOR_MAGIC);
    orbit_assert(atomic_load(&s->open_handles) == 0);
    s->p->close(s->h);
    pthread_rwlock_destroy(&s->write_lock);
    s->magic = 0;
    mem_free(s);
}

const char *stor_provider(const struct stor *s)
{
    return s->p->name;
}

unsigned stor_caps(const struct stor *s)
{
    return s->caps;
}

unsigned stor_native_caps(const struct stor *s)
{
    return s->p->caps;
}

/* -- Reading ------------------------------------------------------------------------------------------------------------ */

enum status stor_get(struct stor *s, const struct stor_snap *snap, unsigned space, struct slice key,
                     struct buf *v, struct error *err)
{
    orbit_assert(s->magic == STOR_MAGIC && space < s->nspaces);
    uint64_t nth = atomic_fetch_add_explicit(&s->reads, 1, memory_order_relaxed);
    uint64_t start = nth % READ_SAMPLE == 0 ? now_ns() : 0;
    enum status st = s->p->get(s->h, snap ? snap->h : NULL, space, stor__norm(key), v, err);
    if (start)
        latency_add(&s->read_latency, start);
    return stor__result(s, st);
}

enum status stor_multi_get(struct stor *s, const struct stor_snap *snap, unsigned space, size_t n,
                           const struct slice *keys, struct buf *vals, enum status *st,
                           struct error *err)
{
    void *h = snap ? snap->h : NULL;
    enum status first = ST_OK;

    orbit_assert(s->magic == STOR_MAGIC && space < s->nspaces);
    if (n == 0)
        return ST_OK;
    stor__count(&s->reads, n);
    uint64_t start = now_ns();
    if (s->p->multi_get) {
        first = s->p->multi_get(s->h, h, space, n, keys, vals, st, err);
    } else {
        for (size_t i = 0; i < n; i++) {
            st[i] = s->p->get(s->h, h, space, stor__norm(keys[i]), &vals[i],
                              first == ST_OK ? err : NULL);
            if (st[i] != ST_OK && st[i] != ST_NOT_FOUND && first == ST_OK)
                first = st[i];
        }
    }
    stor__count(&s->read_latency.ns, now_ns() - start);
    stor__count(&s->read_latency.samples, n);
    return stor__result(s, first);
}

/* -- Batches ------------------------------------------------------------------------------------------------------------ */

struct stor_batch *stor_batch_new(struct stor *s)
{
    struct stor_batch *b = mem_calloc(1, sizeof *b);

    orbit_assert(s->magic == STOR_MAGIC);
    b->s = s;
    b->b = s->p->batch_new(s->h);
    return b;
}

void stor_batch_free(struct stor_batch *b)
{
    if (!b)
        return;
    b->s->p->batch_free(b->b);
    buf_free(&b->log);
    mem_free(b);
}

void stor_batch_clear(struct stor_batch *b)
{
    b->s->p->batch_clear(b->b);
    buf_clear(&b->log);
    b->has_range = false;
    b->count = b->puts = b->dels = b->bytes = 0;
}

void stor_batch_put(struct stor_batch *b, unsigned space, struct slice key, struct slice value)
{
    orbit_assert(space < b->s->nspaces);
    key = stor__norm(key);
    value = stor__norm(value);
    if (b->s->p->batch_del_range)
        b->s->p->batch_put(b->b, space, key, value);
    else
        oplog_put(&b->log, space, key, value);
    b->count++;
    b->puts++;
    b->bytes += key.n + value.n;
}

void stor_batch_del(struct stor_batch *b, unsigned space, struct slice key)
{
    orbit_assert(space < b->s->nspaces);
    key = stor__norm(key);
    if (b->s->p->batch_del_range)
        b->s->p->batch_del(b->b, space, key);
    else
        oplog_del(&b->log, space, key);
    b->count++;
    b->dels++;
    b->bytes += key.n;
}

void stor_batch_del_range(struct stor_batch *b, unsigned space, struct slice from, struct slice to)
{
    orbit_assert(space < b->s->nspaces);
    from = stor__norm(from);
    if (to.p && slice_cmp(from, to) >= 0)
        return;
    if (b->s->p->batch_del_range)
        b->s->p->batch_del_range(b->b, space, from, to);
    else
        oplog_del_range(&b->log, space, from, to);
    b->has_range = true;
    b->count++;
    b->dels++;
    b->bytes += from.n + to.n;
}

size_t stor_batch_count(const struct stor_batch *b)
{
    return b->count;
}

size_t stor_batch_bytes(const struct stor_batch *b)
{
    return b->bytes;
}

enum status stor__write_locked(struct stor *s, struct stor_batch *b, unsigned flags,
                               struct error *err)
{
    enum status st = ST_OK;

    orbit_assert(b->s == s);
    if (s->read_only)
        return stor__result(s,
                            error_set(err, ST_DENIED, "%s: opened for reading only", s->p->name));
    uint64_t start = now_ns();
    if (!s->p->batch_del_range) {
        s->p->batch_clear(b->b);
        st = stor__expand_ranges(s, buf_slice(&b->log), b->b, err);
    }
    if (st == ST_OK)
        st = s->p->write(s->h, b->b, flags, err);
    /* Also after a failure, for we cannot know that nothing of it will show up. */
    stor__count(&s->generation, 1);
    latency_add(b->puts || !b->dels ? &s->write_latency : &s->delete_latency, start);
    if (st == ST_OK) {
        stor__count(&s->writes, b->puts);
        stor__count(&s->deletes, b->dels);
    }
    return stor__result(s, st);
}

enum status stor_write(struct stor *s, struct stor_batch *b, unsigned flags, struct error *err)
{
    orbit_assert(s->magic == STOR_MAGIC);
    if (b->count == 0 && !(flags & STOR_SYNC))
        return ST_OK;
    if (b->has_range && !s->p->batch_del_range)
        pthread_rwlock_wrlock(&s->write_lock);
    else
        pthread_rwlock_rdlock(&s->write_lock);
    enum status st = stor__write_locked(s, b, flags, err);
    pthread_rwlock_unlock(&s->write_lock);
    return st;
}

/* -- Snapshots ---------------------------------------------------------------------------------------------------------- */

enum status stor_snap_new(struct stor *s, struct stor_snap **out, struct error *err)
{
    void *h = NULL;

    *out = NULL;
    if (!s->p->snap_new)
        return error_set(err, ST_UNSUPPORTED, "%s: the provider has no snapshots", s->p->name);
    enum status st = s->p->snap_new(s->h, &h, err);
    if (st != ST_OK)
        return stor__result(s, st);
    struct stor_snap *snap = mem_alloc(sizeof *snap);
    *snap = (struct stor_snap){s, h};
    atomic_fetch_add(&s->open_handles, 1);
    *out = snap;
    return ST_OK;
}

void stor_snap_free(struct stor_snap *snap)
{
    if (!snap)
        return;
    snap->s->p->snap_free(snap->s->h, snap->h);
    atomic_fetch_sub(&snap->s->open_handles, 1);
    mem_free(snap);
}

/* -- The whole store ---------------------------------------------------------------------------------------------------- */

enum status stor_sync(struct stor *s, struct error *err)
{
    return s->p->sync ? stor__result(s, s->p->sync(s->h, err)) : ST_OK;
}

enum status stor_checkpoint(struct stor *s, const char *dir, struct error *err)
{
    if (!s->p->checkpoint)
        return error_set(err, ST_UNSUPPORTED, "%s: the provider has no checkpoint", s->p->name);
    return stor__result(s, s->p->checkpoint(s->h, dir, err));
}

enum status stor_compact(struct stor *s, unsigned space, struct slice from, struct slice to,
                         struct error *err)
{
    orbit_assert(space < s->nspaces);
    return s->p->compact ? stor__result(s, s->p->compact(s->h, space, from, to, err)) : ST_OK;
}

enum status stor_verify(struct stor *s, struct error *err)
{
    return s->p->verify ? stor__result(s, s->p->verify(s->h, err)) : ST_OK;
}

enum status stor_approx_size(struct stor *s, unsigned space, struct slice from, struct slice to,
                             uint64_t *bytes, struct error *err)
{
    orbit_assert(space < s->nspaces);
    *bytes = 0;
    from = stor__norm(from);
    if (to.p && slice_cmp(from, to) >= 0)
        return ST_OK;
    return stor__result(s, s->p->approx_size(s->h, space, from, to, bytes, err));
}

enum stor_health stor_health(struct stor *s, char *reason, size_t reason_size)
{
    char none[256];

    if (!reason) {
        reason = none;
        reason_size = sizeof none;
    }
    reason[0] = '\0';
    return s->p->health ? s->p->health(s->h, reason, reason_size) : STOR_HEALTHY;
}

static double latency_average(struct stor_latency *l)
{
    uint64_t n = atomic_load(&l->samples);
    return n ? (double)atomic_load(&l->ns) / (double)n / 1000.0 : 0;
}

void stor_metrics(struct stor *s, struct stor_metrics *out)
{
    *out = (struct stor_metrics){
        .read_operations = atomic_load(&s->reads),
        .write_operations = atomic_load(&s->writes),
        .delete_operations = atomic_load(&s->deletes),
        .error_count = atomic_load(&s->errors),
        .read_latency_avg = latency_average(&s->read_latency),
        .write_latency_avg = latency_average(&s->write_latency),
        .delete_latency_avg = latency_average(&s->delete_latency),
    };
    if (s->p->stats)
        s->p->stats(s->h, NULL, &out->cache_hits, &out->cache_misses);
}

void stor_stats(struct stor *s, struct stor_stats *out)
{
    uint64_t hits = 0, misses = 0;

    *out = (struct stor_stats){0};
    if (s->p->stats)
        s->p->stats(s->h, out, &hits, &misses);
}

void stor_report(struct stor *s, struct buf *out)
{
    if (s->p->report)
        s->p->report(s->h, out);
}
