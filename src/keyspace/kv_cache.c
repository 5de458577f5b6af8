/* The record cache's budget: a hand walks over the buckets of all databases; a clean record that was used since the hand's
 * last round loses its mark and stays, another one goes. Dirty records are pinned. */
#include "base/clock.h"
#include "keyspace/kv_coll.h"
#include "keyspace/kv_object_priv.h"

#define PAGE_VISITS 256 /* pages of one collection that the hand looks at in passing */

/* One bucket. True when something was dropped, or may be when the hand comes by again. */
static bool sweep_bucket(struct kv *kv, struct kv_db *d, struct kv_rec **bucket)
{
    struct kv_rec *next;
    bool any = false;
    for (struct kv_rec *r = *bucket; r; r = next) {
        next = r->next;
        /* A large collection goes page by page, and the record when it has none in memory. */
        if (r->form == KV_FORM_COLL && kv__coll(r)->pages > 0) {
            any |= kv__coll_shrink(kv__coll(r), PAGE_VISITS);
            continue;
        }
        if (r->state != KV_CLEAN || r->form == KV_FORM_OBJECT)
            continue;
        any = true;
        if (r->flags & KV_REF) {
            r->flags &= (uint8_t)~KV_REF;
            continue;
        }
        if (kv__live(r)) {
            d->complete = false;
            kv->st.cache_evictions++;
        }
        kv__rec_drop(kv, d, r);
    }
    return any;
}

bool kv__cache_step(struct kv *kv, int64_t until_us)
{
    size_t budget = (size_t)keyspace_opts.record_cache_memory;
    unsigned n = 0;
    if (kv->holding)
        return false;
    kv__objects_shrink(kv);
    while (kv->cache_bytes > budget && kv->cache_bytes > kv->dirty_bytes) {
        struct kv_db *d = &kv->dbs[kv->hand_db];
        if (kv->hand_bucket >= kv__table_buckets(&d->table)) {
            kv->hand_bucket = 0;
            kv->hand_db = (kv->hand_db + 1) % kv->nphys;
            /* Twice round for nothing, in however many steps: everything that may go has gone. */
            if (++kv->hand_rounds > kv->nphys * 2) {
                kv->hand_rounds = 0;
                return false;
            }
            continue;
        }
        if (sweep_bucket(kv, d, kv__table_bucket(&d->table, kv->hand_bucket++)))
            kv->hand_rounds = 0;
        if ((++n & 31) == 0 && clock_mono_us() >= until_us)
            return true;
    }
    return false;
}

void kv__cache_drop_clean(struct kv *kv)
{
    for (int i = 0; i < kv->nphys; i++) {
        struct kv_db *d = &kv->dbs[i];
        for (size_t b = 0; b < kv__table_buckets(&d->table); b++) {
            struct kv_rec *next;
            for (struct kv_rec *r = *kv__table_bucket(&d->table, b); r; r = next) {
                next = r->next;
                if (r->state != KV_CLEAN || r->form == KV_FORM_OBJECT)
                    continue;
                if (kv__live(r))
                    d->complete = false;
                kv__rec_drop(kv, d, r);
            }
        }
        d->complete |= d->count == 0;
    }
}
