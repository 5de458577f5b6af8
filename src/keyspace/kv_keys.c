/* What works on whole keys and databases: delete, expire, rename, copy, flush, swap. */
#include "base/mem.h"
#include "keyspace/kv_coll.h"
#include "keyspace/kv_object_priv.h"

#include <string.h>

void kv_del(struct kv *kv, struct kv_rec *r)
{
    kv__delete(kv, r, KV_DELETED);
}

void kv__delete(struct kv *kv, struct kv_rec *r, enum kv_removal why)
{
    kv__removing(kv, r, why);
    kv__bury(kv, kv__db_of(kv, r), r);
}

void kv_set_expire(struct kv *kv, struct kv_rec *r, int64_t when)
{
    struct kv_db *d = kv__db_of(kv, r);
    kv__change_begin(kv, d, r);
    r->expire = when;
    kv__change_end(kv, d, r);
}

/* True when the pages that r may have in the store cannot follow it into d: their keys begin with the number of the database.
 * O(1) unless so. */
static bool bound_to_db(const struct kv_rec *r, const struct kv_db *d)
{
    return r->form == KV_FORM_COLL && r->phys != d->phys && kv__coll(r)->id != 0;
}

static void moved_here(struct kv_rec *r)
{
    if (r->form == KV_FORM_COLL)
        kv__coll(r)->phys = r->phys;
    else if (r->form == KV_FORM_OBJECT)
        kv__object(r)->rec = r;
}

enum status kv_rename(struct kv *kv, struct kv_rec *r, int to_db, struct slice to_key,
                      struct error *err)
{
    struct kv_db *from = kv__db_of(kv, r), *d = kv__db(kv, to_db);
    struct kv_rec *to;
    if (bound_to_db(r, d)) {
        enum status copied = kv_copy(kv, r, to_db, to_key, err);
        if (copied == ST_OK)
            kv_del(kv, r);
        return copied;
    }
    enum status st = kv__load_or_make(kv, d, to_key, &to, err);
    if (st != ST_OK || to == r)
        return st;
    bool is_new = !kv__live(to);
    kv__removing(kv, to, KV_DELETED);
    kv__removing(kv, r, KV_DELETED);
    kv__change_begin(kv, from, r);
    kv__change_begin(kv, d, to);
    kv__value_clear(to);
    if (r->form == KV_FORM_OBJECT)
        kv__object_unlink(r);
    to->v = r->v;
    to->form = r->form;
    to->vlen = r->vlen;
    to->vcap = r->vcap;
    to->made_raw = r->made_raw;
    to->type = r->type;
    to->expire = r->expire;
    to->access = r->access;
    moved_here(to);
    r->form = KV_STR_INLINE;
    r->vlen = r->vcap = 0;
    r->type = KV_NONE;
    r->expire = KV_NO_EXPIRE;
    kv__change_end(kv, from, r);
    kv__change_end(kv, d, to);
    if (is_new)
        kv_notify(kv, NOTIFY_NEW, "new", to_db, to_key);
    return ST_OK;
}

static enum status copy_coll(struct kv *kv, const struct kv_rec *r, struct kv_rec *to,
                             struct error *err)
{
    struct kv_coll *from = kv__coll(r);
    struct kv_coll *c = kv__coll_new(kv, &kv->src, to->phys, (enum kv_type)r->type,
                                     (enum kv_coll_enc)from->enc, from->ext_n);
    if (!c)
        return error_set(err, ST_NO_MEMORY, "out of memory");
    enum status st = kv__coll_copy(from, c, err);
    if (st != ST_OK) {
        kv__coll_release(c);
        return st;
    }
    kv__value_clear(to);
    to->form = KV_FORM_COLL;
    to->v.p = (char *)c;
    return ST_OK;
}

/* A failure leaves to as it was. */
static enum status copy_value(struct kv *kv, struct kv_rec *r, struct kv_rec *to, struct error *err)
{
    if (r->form == KV_FORM_COLL)
        return copy_coll(kv, r, to, err);
    if (r->type == KV_MODULE)
        return kv__object_copy(kv, r, to, err);
    if (r->form == KV_STR_INT)
        kv__value_set_int(to, r->v.i);
    else if (!kv__value_set_bytes(to, kv__value_bytes(r)))
        return error_set(err, ST_NO_MEMORY, "out of memory");
    return ST_OK;
}

enum status kv_copy(struct kv *kv, struct kv_rec *r, int to_db, struct slice to_key,
                    struct error *err)
{
    struct kv_db *d = kv__db(kv, to_db);
    struct kv_rec *to;
    enum status st = kv__load_or_make(kv, d, to_key, &to, err);
    if (st != ST_OK || to == r)
        return st;
    bool is_new = !kv__live(to);
    kv__removing(kv, to, KV_DELETED);
    kv__change_begin(kv, d, to);
    st = copy_value(kv, r, to, err);
    if (st == ST_OK) {
        to->made_raw = r->made_raw;
        to->type = r->type;
        to->expire = r->expire;
        to->access = r->access;
    }
    kv__change_finish(kv, d, to, st == ST_OK);
    if (st == ST_OK && is_new)
        kv_notify(kv, NOTIFY_NEW, "new", to_db, to_key);
    return st;
}

int kv_databases(const struct kv *kv)
{
    return kv->ndbs;
}

uint64_t kv_dbsize(const struct kv *kv, int db)
{
    return kv->map[db]->count;
}

uint64_t kv_expires(const struct kv *kv, int db)
{
    return kv->map[db]->expires;
}

int64_t kv_avg_ttl_ms(const struct kv *kv, int db)
{
    const struct kv_db *d = kv->map[db];
    if (d->expires == 0)
        return 0;
    int64_t left = d->expire_sum / (int64_t)d->expires * 1000 - kv__now();
    return left > 0 ? left : 0;
}
