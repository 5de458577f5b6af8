/* Records: memory, values, counters, and the two steps around every change. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "keyspace/kv_coll.h"
#include "keyspace/kv_object_priv.h"

#include <stdatomic.h>
#include <string.h>

#define REC_OVERHEAD   16 /* what the allocator adds, roughly */
#define EDIT_SLACK_MAX (1u << 20)

uint64_t kv__pos(const struct kv *kv, struct slice key)
{
    return (uint64_t)hash_slot(key.p, key.n) << 48 |
           (hash_sip13(kv->src.seed, key.p, key.n) & KV_HASH_MASK);
}

size_t kv__rec_size(const struct kv_rec *r)
{
    size_t n = sizeof(*r) + r->klen + REC_OVERHEAD;
    if (r->form == KV_FORM_COLL)
        return n + kv__coll_inline_bytes(kv__coll(r));
    if (r->form == KV_FORM_OBJECT)
        return n + kv__object_size(r);
    return kv__value_owned(r) ? n + r->vcap : n;
}

uint64_t kv__rec_logical(const struct kv_rec *r)
{
    uint64_t n = sizeof(*r) + r->klen;
    if (r->form == KV_FORM_COLL)
        return n + kv__coll_logical(kv__coll(r));
    if (r->form == KV_FORM_OBJECT)
        return n + kv__object_logical(r);
    return n + (r->form == KV_STR_INT ? 8u : r->vlen);
}

/* Puts r into (sign 1) or takes it out of (-1) the sums of its database. */
static void count_rec(struct kv *kv, struct kv_db *d, const struct kv_rec *r, int sign)
{
    size_t bytes = kv__rec_size(r) * (size_t)sign;
    kv->cache_bytes += bytes;
    d->cache_bytes += bytes;
    if (r->state != KV_CLEAN) {
        kv->dirty_bytes += bytes;
        d->dirty_bytes += bytes;
    }
}

static void count_key(struct kv_db *d, const struct kv_rec *r, int sign)
{
    if (!kv__live(r))
        return;
    d->count += (uint64_t)sign;
    d->data_bytes += kv__rec_logical(r) * (uint64_t)sign;
    if (r->expire != KV_NO_EXPIRE) {
        d->expires += (uint64_t)sign;
        d->expire_sum += r->expire / 1000 * sign;
    }
}

void kv__rec_count(struct kv *kv, struct kv_rec *r, int sign)
{
    struct kv_db *d = kv__db_of(kv, r);
    count_rec(kv, d, r, sign);
    count_key(d, r, sign);
}

struct kv_rec *kv__rec_bare(uint8_t phys, uint64_t pos, struct slice key)
{
    struct kv_rec *r = mem_try_alloc(sizeof(*r) + key.n);
    if (!r)
        return NULL;
    memset(r, 0, sizeof(*r));
    memcpy(r->key, key.p, key.n);
    r->klen = (uint32_t)key.n;
    r->phys = phys;
    r->pos = pos;
    r->expire = r->stored_expire = KV_NO_EXPIRE;
    r->form = KV_STR_INLINE;
    return r;
}

struct kv_rec *kv__rec_new(struct kv *kv, struct kv_db *d, uint64_t pos, struct slice key)
{
    struct kv_rec *r = kv__rec_bare(d->phys, pos, key);
    if (!r)
        return NULL;
    kv__table_add(&d->table, r);
    buf_clear(&kv->missed);
    count_rec(kv, d, r, 1);
    return r;
}

/* -- Blobs -------------------------------------------------------------------------------------- */

struct blob {
    _Atomic uint32_t refs;
    _Alignas(16) char bytes[];
};

static struct blob *blob_of(char *bytes)
{
    return CONTAINER_OF(bytes, struct blob, bytes);
}

static char *blob_new(size_t cap)
{
    struct blob *b = mem_try_alloc(sizeof(*b) + cap);
    if (!b)
        return NULL;
    atomic_init(&b->refs, 1);
    return b->bytes;
}

void kv__blob_ref(char *bytes)
{
    atomic_fetch_add_explicit(&blob_of(bytes)->refs, 1, memory_order_relaxed);
}

void kv__blob_unref(char *bytes)
{
    struct blob *b = blob_of(bytes);
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1)
        mem_free(b);
}

static bool blob_shared(char *bytes)
{
    return atomic_load_explicit(&blob_of(bytes)->refs, memory_order_acquire) > 1;
}

static void value_free(struct kv_rec *r)
{
    if (r->form == KV_STR_HEAP)
        mem_free(r->v.p);
    else if (r->form == KV_STR_BLOB)
        kv__blob_unref(r->v.p);
}

void kv__rec_free_memory(struct kv_rec *r)
{
    if (r->form == KV_FORM_COLL)
        kv__coll_free(kv__coll(r));
    else
        value_free(r);
    mem_free(r);
}

void kv__rec_drop(struct kv *kv, struct kv_db *d, struct kv_rec *r)
{
    orbit_assert(r->state == KV_CLEAN && r->heap == 0);
    kv->drops++;
    kv__table_remove(&d->table, r);
    count_rec(kv, d, r, -1);
    if (r->form == KV_FORM_COLL) {
        kv__coll_forget(kv__coll(r));
        r->form = KV_STR_INLINE;
    } else if (r->form == KV_FORM_OBJECT) {
        kv__object_forget(r);
    }
    kv__rec_free_memory(r);
}

void kv__value_clear(struct kv_rec *r)
{
    if (r->form == KV_FORM_COLL)
        kv__coll_release(kv__coll(r));
    else if (r->form == KV_FORM_OBJECT)
        kv__object_release(r);
    else
        value_free(r);
    r->form = KV_STR_INLINE;
    r->vlen = r->vcap = 0;
    r->made_raw = 0;
}

void kv__value_set_int(struct kv_rec *r, int64_t v)
{
    kv__value_clear(r);
    r->form = KV_STR_INT;
    r->v.i = v;
}

bool kv__value_set(struct kv_rec *r, struct slice value)
{
    int64_t v;
    if (value.n <= 20 && num_parse_int(value, &v)) {
        kv__value_set_int(r, v);
        return true;
    }
    return kv__value_set_bytes(r, value);
}

bool kv__value_set_bytes(struct kv_rec *r, struct slice value)
{
    if (value.n <= KV_INLINE) {
        kv__value_clear(r);
        memcpy(r->v.in, value.p, value.n);
        r->vlen = (uint32_t)value.n;
        return true;
    }
    bool fits = kv__value_owned(r) && r->vcap >= value.n && r->vcap / 2 <= value.n;
    if (!fits || (r->form == KV_STR_BLOB && blob_shared(r->v.p))) {
        bool blob = value.n >= KV_BLOB_MIN;
        char *p = blob ? blob_new(value.n) : mem_try_alloc(value.n);
        if (!p)
            return false;
        kv__value_clear(r);
        r->form = blob ? KV_STR_BLOB : KV_STR_HEAP;
        r->v.p = p;
        r->vcap = (uint32_t)value.n;
    }
    memcpy(r->v.p, value.p, value.n);
    r->vlen = (uint32_t)value.n;
    r->made_raw = 0;
    return true;
}

bool kv__value_decode(struct kv *kv, const struct kv_source *src, struct kv_rec *r,
                      const struct kv_meta *m)
{
    r->type = (uint8_t)m->type;
    r->expire = r->stored_expire = m->expire;
    if (m->is_int) {
        kv__value_set_int(r, m->i);
        return true;
    }
    if (m->type == KV_STRING || m->type == KV_MODULE)
        return kv__value_set_bytes(r, m->bytes);
    struct kv_coll *c = kv__coll_decode(kv, src, r->phys, m->type, m->bytes);
    if (!c)
        return false;
    r->form = KV_FORM_COLL;
    r->v.p = (char *)c;
    return true;
}

/* A buffer of its own with cap bytes; what it had is copied. */
static bool value_move(struct kv_rec *r, size_t cap)
{
    char tmp[NUM_BUF];
    struct slice now = kv_str(r, tmp);
    bool blob = cap >= KV_BLOB_MIN;
    char *p = blob ? blob_new(cap) : mem_try_alloc(cap);
    if (!p)
        return false;
    if (now.n)
        memcpy(p, now.p, now.n < cap ? now.n : cap);
    uint8_t raw = r->made_raw;
    kv__value_clear(r);
    r->made_raw = raw;
    r->form = blob ? KV_STR_BLOB : KV_STR_HEAP;
    r->v.p = p;
    r->vlen = (uint32_t)(now.n < cap ? now.n : cap);
    r->vcap = (uint32_t)cap;
    return true;
}

bool kv__value_reserve(struct kv_rec *r, size_t n)
{
    bool shared = r->form == KV_STR_BLOB && blob_shared(r->v.p);
    if (kv__value_owned(r) && r->vcap >= n && !shared)
        return true;
    size_t len = kv_str_len(r), cap = n > len ? n : len;
    if (len > 0 && n > len) /* it grows: likely again */
        cap += n < EDIT_SLACK_MAX ? n : EDIT_SLACK_MAX;
    if (cap > KV_STR_MAX)
        cap = KV_STR_MAX;
    return value_move(r, cap ? cap : 1);
}

/* Takes its place in the active list; the state goes from clean to dirty. */
void kv__link_dirty(struct kv *kv, struct kv_db *d, struct kv_rec *r)
{
    if (UNLIKELY(!d->active)) {
        d->active = mem_calloc(1, sizeof(*d->active));
        d->pending = mem_calloc(1, sizeof(*d->pending));
        d->done = mem_calloc(1, sizeof(*d->done));
    }
    struct kv_rec **head = &d->active->head[r->pos >> 48];
    r->dnext = *head;
    *head = r;
    r->state = KV_DIRTY;
    r->gen = kv->gen;
    d->dirty_records++;
    kv->dirty_records++;
}

void kv__change_begin(struct kv *kv, struct kv_db *d, struct kv_rec *r)
{
    if (r->state != KV_CLEAN) {
        if (kv__pending(kv, r)) {
            kv__fold_take(kv, d, r);
            r->flags |= KV_REDIRTY;
        } else if (r->state == KV_DONE) {
            r->flags |= KV_REDIRTY;
        }
    }
    count_rec(kv, d, r, -1);
    count_key(d, r, -1);
    if (UNLIKELY(kv->own != NULL))
        kv__own_begin(kv, r);
}

void kv__change_end(struct kv *kv, struct kv_db *d, struct kv_rec *r)
{
    kv__change_finish(kv, d, r, 1);
}

void kv__change_finish(struct kv *kv, struct kv_db *d, struct kv_rec *r, uint64_t changes)
{
    if (r->state == KV_CLEAN)
        kv__link_dirty(kv, d, r);
    count_rec(kv, d, r, 1);
    count_key(d, r, 1);
    kv->st.dirty += changes;
    if (r->expire != KV_NO_EXPIRE || r->heap)
        kv__heap_update(&d->heap, r);
    if (UNLIKELY(kv->following))
        kv__own_end(kv, r);
    if (changes == 0 || !kv->hooks.modified)
        return;
    int db = kv__logical(kv, d);
    if (LIKELY(kv__shown(kv, db)))
        kv->hooks.modified(kv->hooks.arg, db, slice_make(r->key, r->klen));
}

/* The record leaves the lists for good; d's sums follow. */
void kv__became_clean(struct kv *kv, struct kv_db *d, struct kv_rec *r)
{
    size_t bytes = kv__rec_size(r);
    kv->dirty_bytes -= bytes;
    d->dirty_bytes -= bytes;
    kv->dirty_records--;
    d->dirty_records--;
    r->state = KV_CLEAN;
    if (r->heap)
        kv__heap_remove(&d->heap, r);
}

void kv__bury(struct kv *kv, struct kv_db *d, struct kv_rec *r)
{
    kv__change_begin(kv, d, r);
    kv__value_clear(r);
    r->type = KV_NONE;
    r->expire = KV_NO_EXPIRE;
    kv__change_end(kv, d, r);
}

/* -- Access times ---------------------------------------------------------------------------------------------------- */

#define LFU_INIT 5

static uint32_t now_s(void)
{
    return (uint32_t)(clock_cached_ms() / 1000);
}

static uint32_t now_min(void)
{
    return (now_s() / 60) & 0xffffff;
}

static unsigned lfu_decayed(uint32_t access)
{
    unsigned counter = access & 0xff;
    if (keyspace_opts.lfu_decay_time <= 0)
        return counter;
    uint64_t minutes = (now_min() - (access >> 8)) & 0xffffff;
    uint64_t steps = minutes / (uint64_t)keyspace_opts.lfu_decay_time;
    return steps >= counter ? 0 : counter - (unsigned)steps;
}

void kv__touch(struct kv *kv, struct kv_rec *r)
{
    r->flags |= KV_REF;
    if (!keyspace_policy_is_lfu(keyspace_opts.maxmemory_policy)) {
        r->access = now_s();
        return;
    }
    unsigned counter = lfu_decayed(r->access);
    if (counter < 255) {
        double base = counter > LFU_INIT ? counter - LFU_INIT : 0;
        double p = 1.0 / (base * (double)keyspace_opts.lfu_log_factor + 1);
        if ((double)(hash_rand64() >> 11) / 9007199254740992.0 < p)
            counter++;
    }
    r->access = now_min() << 8 | counter;
}

void kv__touch_new(struct kv_rec *r)
{
    r->access = keyspace_policy_is_lfu(keyspace_opts.maxmemory_policy) ? (now_min() << 8 | LFU_INIT)
                                                                       : now_s();
}

int64_t kv_rec_idle_s(const struct kv *kv, const struct kv_rec *r)
{
    if (keyspace_policy_is_lfu(keyspace_opts.maxmemory_policy))
        return 0;
    int64_t idle = (int64_t)now_s() - r->access;
    return idle < 0 ? 0 : idle;
}

unsigned kv_rec_freq(const struct kv *kv, const struct kv_rec *r)
{
    return keyspace_policy_is_lfu(keyspace_opts.maxmemory_policy) ? lfu_decayed(r->access) : 0;
}

void kv_rec_set_idle(struct kv *kv, struct kv_rec *r, int64_t idle_s)
{
    r->access = (uint32_t)((int64_t)now_s() - idle_s);
}

void kv_rec_set_freq(struct kv *kv, struct kv_rec *r, unsigned freq)
{
    r->access = now_min() << 8 | (freq & 0xff);
}

uint64_t kv_drops(const struct kv *kv)
{
    return kv->drops;
}

/* -- Public accessors ------------------------------------------------------------------------------------------------ */

enum kv_type kv_rec_type(const struct kv_rec *r)
{
    return (enum kv_type)r->type;
}

const char *kv_type_name(enum kv_type t)
{
    static const char *const names[] = {"none", "string", "list",   "set",
                                        "zset", "hash",   "stream", "module"};
    return names[t];
}

const char *kv_rec_type_name(const struct kv_rec *r, char tmp[KV_OBJECT_NAME + 1])
{
    if (r->type != KV_MODULE)
        return kv_type_name((enum kv_type)r->type);
    kv_object_name(kv_object_id(r), tmp);
    return tmp;
}

struct slice kv_rec_key(const struct kv_rec *r)
{
    return slice_make(r->key, r->klen);
}

int64_t kv_rec_expire(const struct kv_rec *r)
{
    return r->expire;
}

size_t kv_rec_memory(const struct kv_rec *r)
{
    size_t n = kv__rec_size(r);
    if (r->form != KV_FORM_COLL)
        return n;
    /* What is not in memory counts as if it were. */
    const struct kv_coll *c = kv__coll(r);
    size_t whole = c->id ? (size_t)kv__coll_logical(c) : 0;
    return n + (c->mem > whole ? c->mem : whole);
}
