/* Bulk loads.
 *
 *   record made --take--> entries of the spaces meta and expire --sort--> two bulks: expire first, then meta
 *
 * The keyspace's own record stands among those of meta, as in a fold, so the last commit is what makes the load happen. Entries
 * of expire that a crash leaves without records do no harm (FORMAT.md). */
#include "keyspace/kv_load.h"

#include "base/mem.h"
#include "keyspace/kv_coll.h"
#include "keyspace/kv_sort.h"

#include <stdatomic.h>

#define CHUNK_BYTES (64u << 20)

struct kv_load {
    struct kv_sort *sort; /* keys: the number of the space, then the key */
    int64_t first_expire;
    uint64_t seq; /* of the log, that the store then covers */
    const struct kv *kv;
    enum status st; /* of the merge, a worker's */
    struct error why;
    _Atomic bool merged;
};

static bool is_empty(const struct kv *kv)
{
    for (int i = 0; i < kv->nphys; i++)
        if (kv->dbs[i].count > 0)
            return false;
    return true;
}

bool kv_load_suits(const struct kv *kv)
{
    /* Objects of modules have to stay in memory. */
    return is_empty(kv) && !kv->object_types && stor_bulk_native(kv->store);
}

enum status kv_load_begin(struct kv *kv, struct error *err)
{
    enum status st = kv_fold_now(kv, err);
    if (st != ST_OK)
        return st;
    orbit_assert(is_empty(kv) && kv->dirty_records == 0 && !kv->load);
    struct kv_load *l = mem_calloc(1, sizeof(*l));
    st = kv__sort_new(kv->dir, &kv->jobs, CHUNK_BYTES, &l->sort, err);
    if (st != ST_OK) {
        mem_free(l);
        return st;
    }
    l->kv = kv;
    l->first_expire = INT64_MAX;
    kv->load = l;
    for (int i = 0; i < kv->nphys; i++)
        kv->dbs[i].complete = true;
    return ST_OK;
}

/* -- Taking -------------------------------------------------------------------------------------------------------------- */

static void put_leaf(struct buf *b, struct kv_leaf *l)
{
    kv__leaf_encode(l, b);
    kv__leaf_unref(l);
}

static void put_value(const struct kv_rec *r, struct buf *b)
{
    struct kv_meta m = {.type = (enum kv_type)r->type, .expire = r->expire};
    struct kv_leaf *shared = NULL;
    m.is_int = r->form == KV_STR_INT;
    if (m.is_int)
        m.i = r->v.i;
    else if (r->form != KV_FORM_COLL)
        m.bytes = kv__value_bytes(r);
    kv__encode_meta(b, &m);
    if (r->form == KV_FORM_COLL)
        kv__coll_encode(kv__coll(r), b, &shared);
    if (shared)
        put_leaf(b, shared);
}

static enum status put_record(struct kv_load *l, const struct kv_rec *r, struct error *err)
{
    struct buf *b = kv__sort_begin(l->sort);
    buf_put_byte(b, KV_SPACE_META);
    kv__encode_key(b, r->phys, r->pos, slice_make(r->key, r->klen));
    kv__sort_value(l->sort);
    put_value(r, b);
    return kv__sort_end(l->sort, err);
}

static enum status put_expire(struct kv *kv, const struct kv_rec *r, struct error *err)
{
    struct kv_load *l = kv->load;
    struct kv_expire_value v = {.epoch = kv__db_of(kv, r)->epoch,
                                .type = (enum kv_type)r->type,
                                .logical = kv__rec_logical(r)};
    struct buf *b = kv__sort_begin(l->sort);
    buf_put_byte(b, KV_SPACE_EXPIRE);
    kv__encode_expire_key(b, r->expire, r->phys, r->pos, slice_make(r->key, r->klen));
    kv__sort_value(l->sort);
    kv__encode_expire_value(b, &v);
    if (r->expire < l->first_expire)
        l->first_expire = r->expire;
    return kv__sort_end(l->sort, err);
}

static enum status put_page(void *arg, const struct kv_page *p, struct error *err)
{
    struct kv_load *l = arg;
    const struct kv_coll *c = p->tree->coll;
    char key[KV_KEY_PREFIX + 4];
    struct buf *b = kv__sort_begin(l->sort);
    buf_put_byte(b, KV_SPACE_META);
    kv__page_key(c->phys, c->id, p->id, key);
    buf_put(b, key, sizeof(key));
    kv__sort_value(l->sort);
    if (p->is_leaf)
        kv__leaf_encode(p->u.leaf, b);
    else
        kv__inner_encode(p, b);
    return kv__sort_end(l->sort, err);
}

/* The newest dirty record heads the list of its slot. */
static void drop(struct kv *kv, struct kv_rec *r)
{
    struct kv_db *d = kv__db_of(kv, r);
    struct kv_rec **head = &d->active->head[r->pos >> 48];
    orbit_assert(r->state == KV_DIRTY && *head == r);
    *head = r->dnext;
    kv__became_clean(kv, d, r);
    kv__rec_drop(kv, d, r);
}

enum status kv_load_take(struct kv *kv, struct kv_rec *rec, struct error *err)
{
    if (rec->form == KV_FORM_OBJECT)
        return ST_OK;
    enum status st = put_record(kv->load, rec, err);
    if (st == ST_OK && rec->expire != KV_NO_EXPIRE)
        st = put_expire(kv, rec, err);
    if (st == ST_OK && rec->form == KV_FORM_COLL)
        st = kv__pages_give(kv__coll(rec), put_page, kv->load, err);
    if (st == ST_OK)
        drop(kv, rec);
    return st;
}

/* -- The end ------------------------------------------------------------------------------------------------------------- */

static void end(struct kv *kv)
{
    kv__sort_free(kv->load->sort);
    mem_free(kv->load);
    kv->load = NULL;
}

void kv_load_abort(struct kv *kv)
{
    kv->jobs.drain(kv->jobs.arg, KV_LANE_FOLD);
    for (int i = 0; i < kv->nphys; i++) {
        struct kv_db *d = &kv->dbs[i];
        kv__db_forget(kv, d);
        d->count = d->expires = d->data_bytes = 0;
        d->expire_sum = 0;
    }
    end(kv);
}

static enum status put_info(struct kv *kv, uint64_t seq, struct error *err)
{
    struct kv_info *info = mem_alloc(sizeof(*info));
    struct buf *b = kv__sort_begin(kv->load->sort);
    buf_put_byte(b, KV_SPACE_META);
    buf_put_slice(b, KV_INFO_KEY);
    kv__sort_value(kv->load->sort);
    kv__info_capture(kv, seq, kv->committed_db, info);
    kv__info_encode(info, kv->nphys, b);
    mem_free(info);
    return kv__sort_end(kv->load->sort, err);
}

static enum status twice(struct kv_load *l, struct slice key)
{
    struct slice name;
    uint64_t pos;
    uint8_t phys;
    if (!kv__decode_key(key, &phys, &pos, &name))
        return error_set(&l->why, ST_CORRUPT, "a page of a collection came twice");
    return error_set(&l->why, ST_EXISTS, "RDB has duplicated key '%.*s' in DB %d", SLICE_FMT(name),
                     kv__logical(l->kv, &l->kv->dbs[phys]));
}

static enum status fill(struct kv_load *l, struct stor_bulk *meta, struct stor_bulk *expire)
{
    struct slice key, value, last = SLICE_NULL;
    while (kv__sort_next(l->sort, &key, &value)) {
        bool is_meta = key.p[0] == KV_SPACE_META;
        struct slice rest = slice_make(key.p + 1, key.n - 1);
        if (last.p && slice_eq(key, last))
            return twice(l, rest);
        stor_bulk_put(is_meta ? meta : expire, rest, value);
        last = key;
    }
    return ST_OK;
}

static void merge(void *arg)
{
    struct kv_load *l = arg;
    struct stor_bulk *meta = stor_bulk_new(l->kv->store, KV_SPACE_META),
                     *expire = stor_bulk_new(l->kv->store, KV_SPACE_EXPIRE);
    l->st = fill(l, meta, expire);
    if (l->st == ST_OK)
        l->st = stor_bulk_commit(expire, &l->why);
    else
        stor_bulk_abort(expire);
    if (l->st == ST_OK)
        l->st = stor_bulk_commit(meta, &l->why);
    else
        stor_bulk_abort(meta);
    atomic_store(&l->merged, true);
}

/* The sums say already what the store holds now. */
static void loaded(struct kv *kv, uint64_t seq)
{
    kv->st.folded_seq = kv->last_cut_seq = seq;
    if (kv->load->first_expire != INT64_MAX)
        kv__expire_stored(kv, kv->load->first_expire);
    for (int i = 0; i < kv->nphys; i++)
        kv->dbs[i].complete = kv->dbs[i].count == 0;
}

enum status kv_load_merge(struct kv *kv, struct error *err)
{
    struct kv_load *l = kv->load;
    kv_log_anew(kv);
    l->seq = kv->wal ? wal_last_seq(kv->wal) : ++kv->no_log_seq;
    enum status st = put_info(kv, l->seq, err);
    if (st == ST_OK)
        st = kv__sort_open(l->sort, err);
    if (st == ST_OK)
        kv__submit(kv, KV_LANE_FOLD, merge, NULL, l);
    return st;
}

bool kv_load_merged(const struct kv *kv)
{
    return atomic_load(&kv->load->merged);
}

enum status kv_load_end(struct kv *kv, struct error *err)
{
    struct kv_load *l = kv->load;
    kv->jobs.drain(kv->jobs.arg, KV_LANE_FOLD);
    enum status st = l->st;
    if (st != ST_OK) {
        if (err)
            *err = l->why;
        kv_load_abort(kv);
        return st;
    }
    loaded(kv, l->seq);
    end(kv);
    return ST_OK;
}
