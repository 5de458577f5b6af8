/* Objects of modules, inside the keyspace. */
#ifndef ORBIT_KEYSPACE_KV_OBJECT_PRIV_H
#define ORBIT_KEYSPACE_KV_OBJECT_PRIV_H

#include "base/list.h"
#include "keyspace/kv_object.h"
#include "keyspace/kv_priv.h"

/* Value of a record of form KV_FORM_OBJECT. */
struct kv_object {
    struct list_node link; /* kv->objects */
    struct kv *kv;
    const struct kv_object_type *type;
    void *value;
    struct kv_rec *rec;
    uint64_t logical; /* bytes of its stored form when it was folded last; 0: never */
    size_t memory;    /* bytes in memory, as far as its module says */
    bool for_dump;    /* its stored form was made while a dump was under way */
};

static inline struct kv_object *kv__object(const struct kv_rec *r)
{
    return (struct kv_object *)r->v.p;
}

/* Its module is told that the key loses it. */
void kv__object_unlink(struct kv_rec *r);
/* The key is deleted or gets another value: unlinked, freed. r has no value afterwards. */
void kv__object_release(struct kv_rec *r);
/* Only the memory goes. r has no value afterwards. */
void kv__object_forget(struct kv_rec *r);
void kv__objects_forget_db(struct kv *kv, const struct kv_db *d);
size_t kv__object_size(const struct kv_rec *r);      /* memory that counts as its record's */
uint64_t kv__object_logical(const struct kv_rec *r); /* bytes of the data set */
/* As kv_object_put, for the fold under way: counts what it costs, and the size that the object now has. */
MUST_USE enum status kv__object_fold(struct kv *kv, struct kv_rec *r, struct buf *out,
                                     struct error *err);
/* Inside of a change of to, which loses what it had when all is well. */
MUST_USE enum status kv__object_copy(struct kv *kv, struct kv_rec *r, struct kv_rec *to,
                                     struct error *err);
/* True when a fold may be cut: no object has changed, or the modules do not work on theirs just now, or they have not rested for
 * REST_WAIT_MS. */
bool kv__objects_rest(struct kv *kv);
/* Calls what kv_on_fold was given. */
void kv__before_cut(struct kv *kv);
/* Drops clean objects above module-object-cache, those first that were not used for longest. */
void kv__objects_shrink(struct kv *kv);

#endif
