/* maxmemory: the logical data set, and what clients take, are kept within the limit by deleting keys. Candidates are drawn as the policy says; of
 * `maxmemory-samples` ones the best goes. A key that is not in the record cache has not been used for long, so it is the
 * first choice of the LRU and LFU policies. */
#include "base/clock.h"
#include "config/compat_options.h"
#include "keyspace/kv_priv.h"

#define LEAST_RECORD    16 /* bytes */
#define EVICT_BUDGET_US 500

uint64_t kv__data_bytes(const struct kv *kv)
{
    uint64_t n = 0;
    for (int i = 0; i < kv->nphys; i++)
        n += kv->dbs[i].data_bytes;
    return n;
}

struct candidate {
    int db;
    bool found;
    double score; /* the higher the sooner it goes */
    struct buf key;
};

static double score_of(const struct kv *kv, const struct kv_rec *r)
{
    switch ((enum kv_evict_policy)keyspace_opts.maxmemory_policy) {
    case KV_EVICT_ALL_LRU:
    case KV_EVICT_VOLATILE_LRU:
        return (double)kv_rec_idle_s(kv, r);
    case KV_EVICT_ALL_LFU:
    case KV_EVICT_VOLATILE_LFU:
        return 255.0 - kv_rec_freq(kv, r);
    case KV_EVICT_VOLATILE_TTL:
        return -(double)r->expire;
    case KV_EVICT_ALL_RANDOM:
    case KV_EVICT_VOLATILE_RANDOM:
    case KV_EVICT_NONE:
        break;
    }
    return 0;
}

static bool wants_volatile(void)
{
    int p = keyspace_opts.maxmemory_policy;
    return p == KV_EVICT_VOLATILE_LRU || p == KV_EVICT_VOLATILE_LFU ||
           p == KV_EVICT_VOLATILE_RANDOM || p == KV_EVICT_VOLATILE_TTL;
}

/* A random key with a TTL: a record of the heap or the cache, else an entry of the expire space. */
static bool draw_volatile(struct kv *kv, struct kv_db *d, struct buf *out)
{
    buf_clear(out);
    if (d->heap.n > 0 && (hash_rand64() & 1)) {
        const struct kv_rec *r = d->heap.v[keyspace_opts.maxmemory_policy == KV_EVICT_VOLATILE_TTL
                                               ? 0
                                               : hash_rand64() % d->heap.n];
        buf_put(out, r->key, r->klen);
        return true;
    }
    size_t buckets = kv__table_buckets(&d->table);
    for (int i = 0; i < 64 && buckets > 0; i++) {
        for (const struct kv_rec *r = *kv__table_bucket(&d->table, hash_rand64() % buckets); r;
             r = r->next) {
            if (kv__live(r) && r->expire != KV_NO_EXPIRE) {
                buf_put(out, r->key, r->klen);
                return true;
            }
        }
    }
    struct stor_iter_opts opts = {.lower = kv->expire_cursor.n ? buf_slice(&kv->expire_cursor)
                                                               : SLICE_NULL};
    struct stor_iter *it = stor_iter_new(kv->store, KV_SPACE_EXPIRE, &opts);
    bool found = false;
    for (stor_iter_first(it); stor_iter_valid(it) && !found; stor_iter_next(it)) {
        struct kv_expire_key e;
        struct kv_expire_value v;
        if (!kv__decode_expire_key(stor_iter_key(it), &e) || e.phys != d->phys ||
            !kv__decode_expire_value(stor_iter_value(it), &v) || v.epoch != d->epoch)
            continue;
        const struct kv_rec *r = kv__table_find(&d->table, e.pos, e.key);
        if (r && (!kv__live(r) || r->expire == KV_NO_EXPIRE))
            continue;
        buf_put_slice(out, e.key);
        found = true;
    }
    stor_iter_free(it);
    return found;
}

static void consider(struct kv *kv, int db, struct slice key, struct candidate *best)
{
    struct kv_rec *r;
    struct kv_db *d = kv__db(kv, db);
    bool cached = kv__table_find(&d->table, kv__pos(kv, key), key) != NULL;
    if (kv_lookup(kv, db, key, KV_WRITE | KV_NOTOUCH | KV_NOSTATS, &r, NULL) != ST_OK || !r)
        return;
    double score = cached ? score_of(kv, r) : 1e18;
    if (best->found && score <= best->score)
        return;
    best->found = true;
    best->db = db;
    best->score = score;
    buf_clear(&best->key);
    buf_put_slice(&best->key, key);
}

static void sample(struct kv *kv, struct candidate *best)
{
    struct buf key = BUF_INIT;
    bool only_volatile = wants_volatile();
    for (int db = 0; db < kv->ndbs; db++) {
        struct kv_db *d = kv__db(kv, db);
        if ((only_volatile ? d->expires : d->count) == 0)
            continue;
        for (int64_t i = 0; i < keyspace_opts.maxmemory_samples; i++) {
            buf_clear(&key);
            if (only_volatile ? draw_volatile(kv, d, &key) : kv_random(kv, db, &key, NULL) == ST_OK)
                consider(kv, db, buf_slice(&key), best);
        }
    }
    buf_free(&key);
}

static bool evict_one(struct kv *kv, struct candidate *best)
{
    struct kv_rec *r;
    best->found = false;
    sample(kv, best);
    if (!best->found || kv_lookup(kv, best->db, buf_slice(&best->key),
                                  KV_WRITE | KV_NOTOUCH | KV_NOSTATS, &r, NULL) != ST_OK)
        return false;
    if (!r)
        return true;
    kv_unit_begin(kv);
    kv__delete(kv, r, KV_EVICTED);
    kv->st.evicted++;
    kv__gone(kv, best->db, buf_slice(&best->key), NOTIFY_EVICTED, "evicted");
    kv__own_unit_end(kv);
    return true;
}

uint64_t kv_used(const struct kv *kv)
{
    return kv__data_bytes(kv) + kv->client_bytes;
}

void kv_set_client_memory(struct kv *kv, uint64_t bytes)
{
    kv->client_bytes = bytes;
}

enum status kv_evict(struct kv *kv)
{
    uint64_t limit = (uint64_t)keyspace_opts.maxmemory;
    if (limit == 0 || kv->replaying || (kv->following && compat_opts.replica_ignore_maxmemory))
        return ST_OK;
    /* No key at all fits below such a limit: it is exceeded without any. */
    bool none_fits = limit < LEAST_RECORD;
    if (none_fits)
        limit = 0;
    else if (kv_used(kv) <= limit)
        return ST_OK;
    if (keyspace_opts.maxmemory_policy == KV_EVICT_NONE)
        return ST_NO_MEMORY;
    struct candidate best = {.key = BUF_INIT};
    int64_t until = clock_mono_us() + EVICT_BUDGET_US;
    bool going = true;
    while (kv_used(kv) > limit && (going = evict_one(kv, &best))) {
        if (clock_mono_us() >= until)
            break; /* the rest with the next command: one client must not wait for all */
    }
    buf_free(&best.key);
    return going && !none_fits ? ST_OK : ST_NO_MEMORY;
}
