/* Views: a snapshot of the store, and what the keyspace knew of itself at that moment. */
#include "keyspace/kv_view.h"

#include "base/mem.h"
#include "keyspace/kv_coll.h"

struct kv_view {
    struct kv_source src;
    struct stor_snap *snap;
    struct stor_iter *it; /* NULL before the first seek */
    struct kv_rec *rec;   /* given out last */
    int ndbs;
    struct kv_info info;
};

enum status kv_view_open(struct kv *kv, struct kv_view **out, struct error *err)
{
    enum status st = kv_fold_now(kv, err);
    if (st != ST_OK)
        return st;
    struct kv_view *v = mem_calloc(1, sizeof(*v));
    st = stor_snap_new(kv->store, &v->snap, err);
    if (st != ST_OK) {
        mem_free(v);
        return st;
    }
    v->src = kv->src;
    v->src.snap = v->snap;
    v->ndbs = kv->ndbs;
    kv__info_capture(kv, kv->st.folded_seq, kv->committed_db, &v->info);
    *out = v;
    return ST_OK;
}

static void drop_record(struct kv_view *v)
{
    if (v->rec)
        kv__rec_free_memory(v->rec);
    v->rec = NULL;
}

void kv_view_close(struct kv_view *v)
{
    if (!v)
        return;
    drop_record(v);
    if (v->it)
        stor_iter_free(v->it);
    stor_snap_free(v->snap);
    mem_free(v);
}

static const struct kv_info_db *info_of(const struct kv_view *v, int db)
{
    return &v->info.db[v->info.map[db]];
}

uint64_t kv_view_keys(const struct kv_view *v)
{
    uint64_t n = 0;
    for (int i = 0; i < v->ndbs; i++)
        n += v->info.db[v->info.map[i]].count;
    return n;
}

uint64_t kv_view_dbsize(const struct kv_view *v, int db)
{
    return info_of(v, db)->count;
}

uint64_t kv_view_expires(const struct kv_view *v, int db)
{
    return info_of(v, db)->expires;
}

int kv_view_databases(const struct kv_view *v)
{
    return v->ndbs;
}

enum status kv_view_seek(struct kv_view *v, int db, struct error *err)
{
    struct buf lower = BUF_INIT, upper = BUF_INIT;
    uint8_t phys = v->info.map[db];
    kv__encode_key(&lower, phys, 0, SLICE_NULL);
    kv__encode_key(&upper, phys, (uint64_t)KV_SLOTS << 48, SLICE_NULL);
    struct stor_iter_opts opts = {
        .snap = v->snap, .lower = buf_slice(&lower), .upper = buf_slice(&upper)};
    drop_record(v);
    if (v->it)
        stor_iter_free(v->it);
    v->it = stor_iter_new(v->src.store, KV_SPACE_META, &opts);
    stor_iter_first(v->it);
    buf_free(&lower);
    buf_free(&upper);
    return stor_iter_status(v->it, err);
}

enum status kv_view_next(struct kv_view *v, struct kv_rec **rec, struct error *err)
{
    uint8_t phys;
    uint64_t pos;
    struct slice key;
    struct kv_meta m;
    drop_record(v);
    *rec = NULL;
    if (!stor_iter_valid(v->it))
        return stor_iter_status(v->it, err);
    if (!kv__decode_key(stor_iter_key(v->it), &phys, &pos, &key) ||
        !kv__decode_meta(stor_iter_value(v->it), &m))
        return error_set(err, ST_CORRUPT, "the record of a key in the store is damaged");
    struct kv_rec *r = kv__rec_bare(phys, pos, key);
    if (!r)
        return error_set(err, ST_NO_MEMORY, "out of memory");
    if (!kv__value_decode(NULL, &v->src, r, &m)) {
        kv__rec_free_memory(r);
        return error_set(err, ST_CORRUPT, "the value of a key in the store is damaged");
    }
    v->rec = *rec = r;
    stor_iter_next(v->it);
    return ST_OK;
}
