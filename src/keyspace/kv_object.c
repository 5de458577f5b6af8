/* Objects of modules in their records.
 *
 *   bytes (as in the store)  --kv_object_get-->  object in memory  --changed, folded, clean ...-->  stays
 *                            <--freeze, cache--
 *
 * What an object takes is not counted as cache or as dirty: the cache cannot give it up, and a large one that is changed all the
 * time would stop all writers. A fold asks each changed object for its stored form, on the loop thread; so the next fold waits in
 * proportion to what that took (docs/decisions/006-module-objects.md). */
#include "keyspace/kv_object.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/reader.h"
#include "keyspace/kv_object_priv.h"

#include <string.h>

#define ID_BYTES       8
#define VERSION_BITS   10
#define PROGRESS_KEYS  64
#define SHRINK_VISITS  256
#define MEMORY_SAMPLES 5
#define REST_WAIT_MS   60000

/* -- Types -------------------------------------------------------------------------------------------------------------- */

void kv_object_type_add(struct kv *kv, struct kv_object_type *t)
{
    t->next = kv->object_types;
    kv->object_types = t;
}

const struct kv_object_type *kv_object_type_find(const struct kv *kv, uint64_t id)
{
    const struct kv_object_type *t = kv->object_types;
    while (t && t->id >> VERSION_BITS != id >> VERSION_BITS)
        t = t->next;
    return t;
}

void kv_object_name(uint64_t id, char out[KV_OBJECT_NAME + 1])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    id >>= VERSION_BITS;
    for (int i = KV_OBJECT_NAME - 1; i >= 0; i--, id >>= 6)
        out[i] = letters[id & 63];
    out[KV_OBJECT_NAME] = 0;
}

/* -- Objects ------------------------------------------------------------------------------------------------------------ */

static struct kv_object_place place_of(const struct kv_object *o)
{
    const struct kv_rec *r = o->rec;
    return (struct kv_object_place){kv__logical(o->kv, kv__db_of(o->kv, r)),
                                    slice_make(r->key, r->klen)};
}

struct free_job {
    const struct kv_object_type *type;
    void *value;
};

static void free_run(void *arg)
{
    struct free_job *j = arg;
    j->type->ops->free(j->type, j->value);
    mem_free(j);
}

/* Frees the value, here or on a worker, and o. */
static void dispose(struct kv_object *o)
{
    const struct kv_object_type *t = o->type;
    struct kv *kv = o->kv;
    struct kv_object_place at = place_of(o);
    size_t effort = t->ops->effort ? t->ops->effort(t, &at, o->value) : 1;
    list_remove(&o->link);
    kv->object_bytes -= o->memory;
    if (effort == 0 || effort >= KV_OBJECT_LAZY) {
        struct free_job *j = mem_alloc(sizeof(*j));
        *j = (struct free_job){t, o->value};
        kv->st.lazy_freed++;
        kv__submit(kv, KV_LANE_FREE, free_run, NULL, j);
    } else {
        t->ops->free(t, o->value);
    }
    mem_free(o);
}

void kv__object_unlink(struct kv_rec *r)
{
    struct kv_object *o = kv__object(r);
    struct kv_object_place at = place_of(o);
    if (o->type->ops->unlink)
        o->type->ops->unlink(o->type, &at, o->value);
}

void kv__object_release(struct kv_rec *r)
{
    kv__object_unlink(r);
    kv__object_forget(r);
}

void kv__object_forget(struct kv_rec *r)
{
    struct kv_object *o = kv__object(r);
    r->form = KV_STR_INLINE;
    r->vlen = r->vcap = 0;
    dispose(o);
}

void kv__objects_forget_db(struct kv *kv, const struct kv_db *d)
{
    LIST_EACH_SAFE(it, tmp, &kv->objects)
    {
        struct kv_object *o = LIST_ENTRY(it, struct kv_object, link);
        if (o->rec->phys == d->phys)
            kv__object_forget(o->rec);
    }
}

size_t kv__object_size(const struct kv_rec *r)
{
    return sizeof(*kv__object(r));
}

uint64_t kv__object_logical(const struct kv_rec *r)
{
    return kv__object(r)->logical;
}

static void set_memory(struct kv_object *o)
{
    o->kv->object_bytes -= o->memory;
    o->memory = kv_object_memory(o->rec, MEMORY_SAMPLES);
    if (o->memory == 0)
        o->memory = (size_t)o->logical;
    o->kv->object_bytes += o->memory;
}

/* r, which has no value, gets the object. */
static void attach(struct kv *kv, struct kv_rec *r, const struct kv_object_type *t, void *value)
{
    struct kv_object *o = mem_calloc(1, sizeof(*o));
    o->kv = kv;
    o->type = t;
    o->value = value;
    o->rec = r;
    list_push(&kv->objects, &o->link);
    r->form = KV_FORM_OBJECT;
    r->vlen = r->vcap = 0;
    r->v.p = (char *)o;
}

/* -- The stored form ---------------------------------------------------------------------------------------------------- */

static uint64_t bytes_id(struct slice stored)
{
    struct reader in = reader_make(stored);
    return reader_u64be(&in);
}

uint64_t kv_object_id(const struct kv_rec *r)
{
    return r->form == KV_FORM_OBJECT ? kv__object(r)->type->id : bytes_id(kv__value_bytes(r));
}

enum status kv_object_put(const struct kv_rec *r, struct buf *out, struct error *err)
{
    if (r->form != KV_FORM_OBJECT) {
        buf_put_slice(out, kv__value_bytes(r));
        return ST_OK;
    }
    const struct kv_object *o = kv__object(r);
    struct kv_object_place at = place_of(o);
    size_t from = out->n;
    buf_put_u64be(out, o->type->id);
    enum status st = o->type->ops->encode(o->type, &at, o->value, out, err);
    if (st == ST_OK && out->n - from > KV_STR_MAX)
        st = error_set(err, ST_TOO_LONG,
                       "a module's object takes %zu bytes in the store, more than a key may have",
                       out->n - from);
    return st;
}

enum status kv__object_fold(struct kv *kv, struct kv_rec *r, struct buf *out, struct error *err)
{
    struct kv_object *o = kv__object(r);
    size_t from = out->n;
    int64_t begun = clock_mono_us();
    enum status st = kv_object_put(r, out, err);
    if (st == ST_OK) {
        kv__rec_count(kv, r, -1);
        o->logical = out->n - from;
        kv__rec_count(kv, r, 1);
        set_memory(o);
        o->for_dump = kv->dumps > 0;
    }
    kv->object_us += clock_mono_us() - begun;
    return st;
}

enum status kv_object_decode(struct kv *kv, const struct kv_object_type *t, uint64_t id,
                             const struct kv_object_place *at, struct slice parts, void **value,
                             struct error *err)
{
    kv->holding++; /* the module may let other clients be served meanwhile */
    enum status st =
        t->ops->decode(t, at, (unsigned)(id & ((1u << VERSION_BITS) - 1)), parts, value, err);
    kv->holding--;
    return st;
}

static enum status decode(struct kv *kv, struct kv_rec *r, struct error *err)
{
    struct slice stored = kv__value_bytes(r);
    uint64_t id = bytes_id(stored);
    const struct kv_object_type *t = kv_object_type_find(kv, id);
    char name[KV_OBJECT_NAME + 1];
    void *value;
    kv_object_name(id, name);
    if (!t)
        return error_set(
            err, ST_UNSUPPORTED,
            "the key holds a value of the module type '%s', whose module is not loaded", name);
    struct kv_object_place at = {kv__logical(kv, kv__db_of(kv, r)), slice_make(r->key, r->klen)};
    enum status st = kv_object_decode(
        kv, t, id, &at, slice_make(stored.p + ID_BYTES, stored.n - ID_BYTES), &value, err);
    if (st != ST_OK)
        return st;
    kv__rec_count(kv, r, -1);
    kv__value_clear(r);
    attach(kv, r, t, value);
    kv__object(r)->logical = stored.n;
    kv__rec_count(kv, r, 1);
    set_memory(kv__object(r));
    return ST_OK;
}

enum status kv_object_get(struct kv *kv, struct kv_rec *r, const struct kv_object_type **type,
                          void **value, struct error *err)
{
    if (r->form != KV_FORM_OBJECT) {
        enum status st = decode(kv, r, err);
        if (st != ST_OK)
            return st;
    }
    struct kv_object *o = kv__object(r);
    if (keyspace_opts.module_object_cache > 0) { /* the one used last goes last */
        list_remove(&o->link);
        list_push(&kv->objects, &o->link);
    }
    *type = o->type;
    *value = o->value;
    return ST_OK;
}

/* -- Changing ------------------------------------------------------------------------------------------------------------ */

void kv_object_touch(struct kv *kv, struct kv_rec *r)
{
    struct kv_db *d = kv__db_of(kv, r);
    kv__change_begin(kv, d, r);
    kv__change_finish(kv, d, r, 0);
}

enum status kv_object_set(struct kv *kv, int db, struct slice key, const struct kv_object_type *t,
                          void *value, struct kv_rec **rec, struct error *err)
{
    struct kv_db *d = kv__db(kv, db);
    struct kv_rec *r;
    enum status st = kv__load_or_make(kv, d, key, &r, err);
    if (st != ST_OK)
        return st;
    if (kv__live(r) && kv__expired(kv, r))
        kv__expire_record(kv, d, r);
    bool is_new = !kv__live(r);
    kv__change_begin(kv, d, r);
    kv__value_clear(r);
    attach(kv, r, t, value);
    r->type = KV_MODULE;
    r->expire = KV_NO_EXPIRE;
    kv__touch_new(r);
    kv__change_end(kv, d, r);
    if (is_new)
        kv_notify(kv, NOTIFY_NEW, "new", db, key);
    if (rec)
        *rec = r;
    return ST_OK;
}

void *kv_object_exchange(struct kv *kv, struct kv_rec *r, void *value)
{
    struct kv_object *o = kv__object(r);
    kv_object_touch(kv, r);
    void *former = o->value;
    o->value = value;
    return former;
}

enum status kv__object_copy(struct kv *kv, struct kv_rec *r, struct kv_rec *to, struct error *err)
{
    const struct kv_object_type *t;
    void *value, *copy;
    enum status st = kv_object_get(kv, r, &t, &value, err);
    if (st != ST_OK)
        return st;
    struct kv_object_place from = place_of(kv__object(r)),
                           at = {kv__logical(kv, kv__db_of(kv, to)), slice_make(to->key, to->klen)};
    st = t->ops->copy(t, &from, &at, value, &copy, err);
    if (st != ST_OK)
        return st;
    kv__value_clear(to);
    attach(kv, to, t, copy);
    return ST_OK;
}

/* -- Looking into them ---------------------------------------------------------------------------------------------------- */

size_t kv_object_memory(const struct kv_rec *r, size_t samples)
{
    if (r->form != KV_FORM_OBJECT)
        return 0;
    const struct kv_object *o = kv__object(r);
    struct kv_object_place at = place_of(o);
    return o->type->ops->memory ? o->type->ops->memory(o->type, &at, o->value, samples) : 0;
}

void kv_object_digest(struct kv_rec *r, unsigned char digest[20])
{
    if (r->form != KV_FORM_OBJECT)
        return;
    const struct kv_object *o = kv__object(r);
    struct kv_object_place at = place_of(o);
    if (o->type->ops->digest)
        o->type->ops->digest(o->type, &at, o->value, digest);
}

/* -- During a dump -------------------------------------------------------------------------------------------------------- */

#define DUMP_MARK "objects-for-a-dump"

void kv_objects_dump(struct kv *kv, bool on)
{
    if (!on && kv->dumps == 0)
        return; /* it began before anybody told */
    kv->dumps += on ? 1 : -1;
    if (kv->dumps != (on ? 1 : 0))
        return;
    kv_aux_set(kv, DUMP_MARK, on ? SLICE("1") : SLICE_NULL);
    if (on)
        return;
    LIST_EACH(it, &kv->objects)
    {
        struct kv_object *o = LIST_ENTRY(it, struct kv_object, link);
        if (o->for_dump)
            kv_object_touch(kv, o->rec);
        o->for_dump = false;
    }
}

/* The store's last fold was made during a dump that never ended. */
static void make_whole(struct kv *kv)
{
    struct buf mark = BUF_INIT;
    struct error err;
    if (kv_aux_get(kv, DUMP_MARK, &mark, &err) == ST_OK && mark.n > 0) {
        LIST_EACH(it, &kv->objects)
        kv_object_touch(kv, LIST_ENTRY(it, struct kv_object, link)->rec);
        kv_aux_set(kv, DUMP_MARK, SLICE_NULL);
    }
    buf_free(&mark);
}

/* -- All of them ---------------------------------------------------------------------------------------------------------- */

struct loading {
    const struct kv_object_type *type; /* NULL: all */
    void (*progress)(uint64_t done);
    uint64_t seen, loaded, strangers, stranger;
};

static enum status load_key(struct kv *kv, struct kv_db *d, struct slice key, struct loading *l,
                            struct error *err)
{
    struct kv_rec *r;
    const struct kv_object_type *t;
    void *value;
    enum status st = kv__load(kv, d, kv__pos(kv, key), key, &r, err);
    if (st != ST_OK || !r || r->type != KV_MODULE || r->form == KV_FORM_OBJECT)
        return st;
    uint64_t id = kv_object_id(r);
    t = kv_object_type_find(kv, id);
    if (!t) {
        l->strangers++;
        l->stranger = id;
        return ST_OK;
    }
    if (l->type && t != l->type)
        return ST_OK;
    l->loaded++;
    return kv_object_get(kv, r, &t, &value, err);
}

static enum status load_db(struct kv *kv, struct kv_db *d, struct loading *l, struct error *err)
{
    struct buf lower = BUF_INIT, upper = BUF_INIT;
    kv__encode_key(&lower, d->phys, KV_POS_MODULE, SLICE_NULL);
    kv__encode_key(&upper, d->phys, KV_POS_MODULE + 1, SLICE_NULL);
    struct stor_iter_opts opts = {.lower = buf_slice(&lower), .upper = buf_slice(&upper)};
    struct stor_iter *it = stor_iter_new(kv->store, KV_SPACE_META, &opts);
    enum status st = ST_OK;
    for (stor_iter_first(it); st == ST_OK && stor_iter_valid(it); stor_iter_next(it)) {
        struct slice key = stor_iter_key(it);
        st = load_key(kv, d, slice_make(key.p + KV_KEY_PREFIX, key.n - KV_KEY_PREFIX), l, err);
        if (++l->seen % PROGRESS_KEYS == 0 && l->progress)
            l->progress(l->seen);
    }
    if (st == ST_OK)
        st = stor_iter_status(it, err);
    stor_iter_free(it);
    buf_free(&lower);
    buf_free(&upper);
    return st;
}

enum status kv_objects_load(struct kv *kv, const struct kv_object_type *t,
                            void (*progress)(uint64_t done), uint64_t *loaded, uint64_t *strangers,
                            uint64_t *stranger, struct error *err)
{
    struct loading l = {.type = t, .progress = progress};
    enum status st = ST_OK;
    kv_effects_off(kv);
    for (int i = 0; i < kv->ndbs && st == ST_OK; i++) {
        struct kv_db *d = kv->map[i];
        if (!d->store_dead)
            st = load_db(kv, d, &l, err);
    }
    kv_effects_on(kv);
    if (st == ST_OK && kv->dumps == 0)
        make_whole(kv);
    *loaded = l.loaded;
    *strangers = l.strangers;
    *stranger = l.stranger;
    return st;
}

/* The record of a clean object is dropped with it: the store has it. */
static void drop_clean(struct kv *kv, struct kv_rec *r)
{
    struct kv_db *d = kv__db_of(kv, r);
    d->complete = false;
    kv->st.cache_evictions++;
    kv__rec_drop(kv, d, r);
}

static enum status freeze(struct kv *kv, struct kv_rec *r, struct error *err)
{
    struct buf b = BUF_INIT;
    if (r->state == KV_CLEAN) {
        drop_clean(kv, r);
        return ST_OK;
    }
    enum status st = kv_object_put(r, &b, err);
    if (st == ST_OK) {
        kv__rec_count(kv, r, -1);
        kv__object_forget(r);
        if (!kv__value_set_bytes(r, buf_slice(&b)))
            st = error_set(err, ST_NO_MEMORY, "out of memory");
        kv__rec_count(kv, r, 1);
    }
    buf_free(&b);
    return st;
}

enum status kv_objects_freeze(struct kv *kv, struct error *err)
{
    enum status st = ST_OK;
    LIST_EACH_SAFE(it, tmp, &kv->objects)
    {
        st = freeze(kv, LIST_ENTRY(it, struct kv_object, link)->rec, err);
        if (st != ST_OK)
            break;
    }
    kv->jobs.drain(kv->jobs.arg, KV_LANE_FREE);
    return st;
}

/* Objects of t are bytes again; what has none is deleted. */
static void freeze_type(struct kv *kv, const struct kv_object_type *t)
{
    struct error err;
    LIST_EACH_SAFE(it, tmp, &kv->objects)
    {
        struct kv_object *o = LIST_ENTRY(it, struct kv_object, link);
        struct kv_rec *r = o->rec;
        if (o->type == t && freeze(kv, r, &err) != ST_OK)
            kv_del(kv, r);
    }
    kv->jobs.drain(kv->jobs.arg, KV_LANE_FREE);
}

void kv_object_type_remove(struct kv *kv, struct kv_object_type *t)
{
    struct kv_object_type **at = &kv->object_types;
    freeze_type(kv, t);
    while (*at && *at != t)
        at = &(*at)->next;
    if (*at)
        *at = t->next;
}

void kv__objects_shrink(struct kv *kv)
{
    size_t limit = (size_t)keyspace_opts.module_object_cache;
    if (limit == 0 || kv->holding)
        return;
    unsigned visits = 0;
    LIST_EACH_SAFE(it, tmp, &kv->objects)
    {
        struct kv_object *o = LIST_ENTRY(it, struct kv_object, link);
        if (kv->object_bytes <= limit || visits++ == SHRINK_VISITS)
            return;
        if (o->rec->state == KV_CLEAN)
            drop_clean(kv, o->rec);
    }
}

void kv__before_cut(struct kv *kv)
{
    int64_t begun = clock_mono_us();
    if (!kv->on_fold)
        return;
    kv->on_fold(kv->on_fold_arg);
    kv->object_us += clock_mono_us() - begun;
}

bool kv__objects_rest(struct kv *kv)
{
    bool changed = false;
    if (!kv->resting)
        return true;
    LIST_EACH(it, &kv->objects)
    changed |= LIST_ENTRY(it, struct kv_object, link)->rec->state != KV_CLEAN;
    if (!changed || kv->resting(kv->on_fold_arg)) {
        kv->unrest_ms = 0;
        return true;
    }
    int64_t now = clock_mono_us() / 1000;
    if (!kv->unrest_ms)
        kv->unrest_ms = now;
    return now - kv->unrest_ms >= REST_WAIT_MS;
}

void kv_on_fold(struct kv *kv, bool (*resting)(void *arg), void (*fn)(void *arg), void *arg)
{
    kv->resting = resting;
    kv->on_fold = fn;
    kv->on_fold_arg = arg;
}
