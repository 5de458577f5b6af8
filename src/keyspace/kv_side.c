/* What works on whole databases: flush, swap, and the places beside them in which another data set is loaded.
 *
 *   number      0 ... ndbs-1            ndbs ... 2*ndbs-1
 *   map         what clients see        beside it: empty, or a load that is not over
 *   dbs         any of the physical databases
 *
 * Taking what is beside is the swap of SWAPDB for each database; what was there before is then flushed in the same fold. */
#include "base/mem.h"
#include "keyspace/kv_coll.h"
#include "keyspace/kv_object_priv.h"

#include <string.h>

#define PHYS_MAX 255 /* one more would share its number with what belongs to no key (FORMAT.md) */

void kv__dbs_make(struct kv *kv, int stored)
{
    kv->nphys = kv->ndbs * 2 <= PHYS_MAX ? kv->ndbs * 2 : kv->ndbs;
    if (kv->nphys < stored)
        kv->nphys = stored;
    kv->dbs = mem_calloc((size_t)kv->nphys, sizeof(*kv->dbs));
    kv->map = mem_calloc((size_t)kv->nphys, sizeof(*kv->map));
    for (int i = 0; i < kv->nphys; i++) {
        kv->dbs[i].phys = (uint8_t)i;
        kv->dbs[i].complete = true;
        kv->dbs[i].next_id = 1;
        kv->map[i] = &kv->dbs[i];
    }
}

/* -- Flushing ------------------------------------------------------------------------------------------------------------ */

struct free_job {
    struct kv_table table;
    struct kv_slots *slots[3];
};

static void free_table(struct kv_table *t)
{
    for (size_t i = 0; i < kv__table_buckets(t); i++) {
        struct kv_rec *next;
        for (struct kv_rec *r = *kv__table_bucket(t, i); r; r = next) {
            next = r->next;
            kv__rec_free_memory(r);
        }
    }
    mem_free(t->b[0]);
    mem_free(t->b[1]);
}

static void free_run(void *arg)
{
    struct free_job *j = arg;
    free_table(&j->table);
    for (size_t i = 0; i < COUNT_OF(j->slots); i++)
        mem_free(j->slots[i]);
    mem_free(j);
}

void kv__db_forget(struct kv *kv, struct kv_db *d)
{
    struct free_job *j = mem_calloc(1, sizeof(*j));
    kv->drops++;
    kv__objects_forget_db(kv, d);
    j->table = d->table;
    j->slots[0] = d->active;
    j->slots[1] = d->pending;
    j->slots[2] = d->done;
    memset(&d->table, 0, sizeof(d->table));
    d->active = d->pending = d->done = NULL;
    d->colls[0] = d->colls[1] = NULL;
    d->heap.n = 0;
    kv__fold_forget_db(kv, d);
    kv->cache_bytes -= d->cache_bytes;
    kv->dirty_bytes -= d->dirty_bytes;
    kv->dirty_records -= d->dirty_records;
    d->cache_bytes = d->dirty_bytes = 0;
    d->dirty_records = 0;
    kv__submit(kv, KV_LANE_FREE, free_run, NULL, j);
}

uint64_t kv__db_flush(struct kv *kv, struct kv_db *d)
{
    uint64_t n = d->count;
    if (n == 0 && d->table.count == 0)
        return 0;
    kv__db_forget(kv, d);
    d->epoch++;
    if (d->phys == 255)
        kv__aux_again(kv);
    d->flush_pending = true;
    d->store_dead = true;
    d->complete = true;
    d->count = d->expires = d->data_bytes = 0;
    d->expire_sum = 0;
    kv->info_dirty = true;
    return n;
}

uint64_t kv_flush(struct kv *kv, int db)
{
    uint64_t n = 0;
    /* First: who is told of the flush may tear down what an object's stored form is made of. */
    kv__fold_finish_encoding(kv);
    if (kv->hooks.flushed)
        kv->hooks.flushed(kv->hooks.arg, db);
    if (db >= 0) {
        n = kv__db_flush(kv, kv__db(kv, db));
    } else {
        kv__own_clear(kv);
        for (int i = 0; i < kv->ndbs; i++)
            n += kv__db_flush(kv, kv->map[i]);
    }
    if (kv->hooks.emptied)
        kv->hooks.emptied(kv->hooks.arg, db);
    return n;
}

void kv_swapdb(struct kv *kv, int a, int b)
{
    struct kv_db *t = kv->map[a];
    kv->map[a] = kv->map[b];
    kv->map[b] = t;
    kv->drops++;
    kv->info_dirty = true;
    if (kv->hooks.swapped)
        kv->hooks.swapped(kv->hooks.arg, a, b);
}

/* -- Beside ------------------------------------------------------------------------------------------------------------- */

int kv_side(const struct kv *kv)
{
    return kv->nphys >= kv->ndbs * 2 ? kv->ndbs : 0;
}

void kv_side_clear(struct kv *kv)
{
    bool any = false;
    for (int i = kv->ndbs; i < kv->nphys; i++)
        any |= kv->map[i]->count > 0 || kv->map[i]->table.count > 0;
    if (any)
        kv__fold_finish_encoding(kv);
    for (int i = kv->ndbs; any && i < kv->nphys; i++)
        (void)kv__db_flush(kv, kv->map[i]);
}

void kv_side_take(struct kv *kv)
{
    orbit_assert(kv_side(kv) > 0);
    kv_log_anew(kv);
    kv__fold_finish_encoding(kv);
    if (kv->hooks.flushed)
        kv->hooks.flushed(kv->hooks.arg, -1);
    kv__own_clear(kv);
    for (int i = 0; i < kv->ndbs; i++)
        kv_swapdb(kv, i, i + kv->ndbs);
    kv_side_clear(kv);
    if (kv->hooks.emptied)
        kv->hooks.emptied(kv->hooks.arg, -1);
}
