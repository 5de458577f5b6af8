/* Expiry in exact order, no sampling. Two sources: a heap of each database for records that the store does not know yet, and
 * the expire space of the store, read from a cursor that moves with the clock.
 *
 *   expire space:  [done, entries go with the next fold ... | cursor | due ... | next_stored ... ]
 *
 * A replica's master tells what has expired. Of the keys that our clients made or changed, with replica-read-only off, it knows
 * nothing: kv.own has those with a deadline, in memory only, as keys of the expire space. They stay own when the master changes
 * them, as long as they have a deadline.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/radix.h"
#include "config/compat_options.h"
#include "keyspace/kv_priv.h"

void kv_follow(struct kv *kv, bool on)
{
    kv->following = on;
    kv__own_clear(kv);
}

void kv_obey(struct kv *kv, bool on)
{
    kv->obeying = on;
}

int64_t kv__now(void)
{
    return clock_cached_ms();
}

bool kv__expired(const struct kv *kv, const struct kv_rec *r)
{
    return r->expire != KV_NO_EXPIRE && r->expire <= kv__now() && !kv->replaying && !kv->obeying;
}

bool kv__may_expire(const struct kv *kv, unsigned lookup_flags)
{
    if (kv->expire_paused || kv->refused || (lookup_flags & KV_LEAVE))
        return false;
    return !kv->following || ((lookup_flags & KV_WRITE) && !compat_opts.replica_read_only);
}

/* -- Heap (binary, by expiry; a record knows its place) ------------------------------------------------------------------ */

static void heap_place(struct kv_heap *h, size_t i, struct kv_rec *r)
{
    h->v[i] = r;
    r->heap = (uint32_t)i + 1;
}

static void heap_up(struct kv_heap *h, size_t i)
{
    struct kv_rec *r = h->v[i];
    while (i > 0 && h->v[(i - 1) / 2]->expire > r->expire) {
        heap_place(h, i, h->v[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(h, i, r);
}

static void heap_down(struct kv_heap *h, size_t i)
{
    struct kv_rec *r = h->v[i];
    for (size_t c = 2 * i + 1; c < h->n; c = 2 * i + 1) {
        if (c + 1 < h->n && h->v[c + 1]->expire < h->v[c]->expire)
            c++;
        if (h->v[c]->expire >= r->expire)
            break;
        heap_place(h, i, h->v[c]);
        i = c;
    }
    heap_place(h, i, r);
}

void kv__heap_remove(struct kv_heap *h, struct kv_rec *r)
{
    size_t i = r->heap - 1;
    r->heap = 0;
    struct kv_rec *last = h->v[--h->n];
    if (last == r)
        return;
    heap_place(h, i, last);
    heap_up(h, i);
    heap_down(h, last->heap - 1);
}

void kv__heap_update(struct kv_heap *h, struct kv_rec *r)
{
    bool wanted = kv__live(r) && r->expire != KV_NO_EXPIRE && r->state != KV_CLEAN;
    if (!wanted) {
        if (r->heap)
            kv__heap_remove(h, r);
        return;
    }
    if (!r->heap) {
        if (h->n == h->cap) {
            h->cap = h->cap ? h->cap * 2 : 64;
            h->v = mem_realloc(h->v, h->cap * sizeof(*h->v));
        }
        heap_place(h, h->n++, r);
    }
    heap_up(h, r->heap - 1);
    heap_down(h, r->heap - 1);
}

/* -- Deleting what is due --------------------------------------------------------------------------------------------- */

static void record_del(struct kv *kv, int db, struct slice key)
{
    struct slice argv[2] = {SLICE("DEL"), key};
    int muted = kv->effects_muted;
    kv->effects_muted = 0;
    kv_effect(kv, db, 2, argv);
    kv->effects_muted = muted;
}

void kv__gone(struct kv *kv, int db, struct slice key, enum notify_class cls, const char *event)
{
    if (LIKELY(!(kv->notify_also & cls))) {
        record_del(kv, db, key);
        kv_notify(kv, cls, event, db, key);
        return;
    }
    struct buf copy = BUF_INIT; /* who listens may change what key points to */
    struct kv_rec *r = NULL;
    buf_put_slice(&copy, key);
    key = buf_slice(&copy);
    kv_notify(kv, cls, event, db, key);
    if (kv_lookup(kv, db, key, KV_LEAVE | KV_NOTOUCH | KV_NOSTATS, &r, NULL) != ST_OK || !r)
        record_del(kv, db, key);
    buf_free(&copy);
}

void kv__expire_record(struct kv *kv, struct kv_db *d, struct kv_rec *r)
{
    int db = kv__logical(kv, d);
    struct slice key = slice_make(r->key, r->klen);
    kv_unit_begin(kv);
    kv__removing(kv, r, KV_EXPIRED_NOW);
    kv->own_change = true;
    kv__bury(kv, d, r);
    kv->own_change = false;
    kv->st.expired++;
    kv__gone(kv, db, key, NOTIFY_EXPIRED, "expired");
    kv__own_unit_end(kv);
}

bool kv_own_change(const struct kv *kv)
{
    return kv->own_change;
}

void kv__expire_stored(struct kv *kv, int64_t when)
{
    if (when < kv->next_stored)
        kv->next_stored = when;
    struct kv_expire_key at;
    if (kv->expire_cursor.n > 0 && kv__decode_expire_key(buf_slice(&kv->expire_cursor), &at) &&
        when <= at.when)
        buf_clear(
            &kv->expire_cursor); /* the clock went back, or expiry was off: look again from the start */
}

#define STALE_MAX (4u << 20)

/* Entry e of the store is due. Only its record knows whether that is so: it may have changed since the fold, and a crash
 * between the two steps of a large fold leaves entries that no record has. */
static void expire_stored_entry(struct kv *kv, const struct kv_expire_key *e, struct slice key,
                                struct slice value)
{
    struct kv_expire_value v;
    if (e->phys >= kv->nphys || !kv__decode_expire_value(value, &v)) {
        log_warning(LOG_KEYSPACE, "An entry of the expire space is damaged and left alone");
        return;
    }
    struct kv_db *d = &kv->dbs[e->phys];
    if (v.epoch != d->epoch) { /* flushed since: nothing belongs to it */
        if (!kv__fold_running(kv))
            kv__fold_drop_expire(kv, key);
        return;
    }
    struct kv_rec *r;
    if (kv__load(kv, d, e->pos, e->key, &r, NULL) != ST_OK)
        return;
    if (r && kv__live(r) && r->expire == e->when)
        kv__expire_record(kv, d, r);
    else if ((!r || r->stored_expire != e->when) && !kv__fold_running(kv))
        kv__fold_drop_expire(kv, key);
}

static bool expire_stored_until(struct kv *kv, int64_t until_us)
{
    int64_t now = kv__now();
    struct stor_iter_opts opts = {.lower = kv->expire_cursor.n ? buf_slice(&kv->expire_cursor)
                                                               : SLICE_NULL};
    struct stor_iter *it = stor_iter_new(kv->store, KV_SPACE_EXPIRE, &opts);
    struct error err;
    unsigned n = 0;
    bool more = false;
    kv->next_stored = INT64_MAX;
    for (stor_iter_first(it); stor_iter_valid(it); stor_iter_next(it)) {
        struct kv_expire_key e;
        struct slice key = stor_iter_key(it);
        bool good = kv__decode_expire_key(key, &e);
        if (good && e.when > now) {
            kv->next_stored = e.when;
            break;
        }
        if ((++n % 64 == 0 && clock_mono_us() >= until_us) || kv_pressure(kv) ||
            kv->stale.n > STALE_MAX) {
            kv->next_stored = now;
            more = true;
            break;
        }
        if (good) {
            kv->expire_lag_ms = now - e.when;
            expire_stored_entry(kv, &e, key, stor_iter_value(it));
        }
        buf_clear(&kv->expire_cursor);
        buf_put_slice(&kv->expire_cursor, key);
        buf_put_byte(&kv->expire_cursor, 0);
    }
    if (stor_iter_status(it, &err) != ST_OK) {
        log_warning(LOG_KEYSPACE, "Reading the expire space failed: %s", err.message);
        kv->next_stored = now + 1000;
    }
    stor_iter_free(it);
    return more && !kv_pressure(kv) && kv->stale.n <= STALE_MAX;
}

static bool expire_heap_until(struct kv *kv, struct kv_db *d, int64_t until_us)
{
    unsigned n = 0;
    while (d->heap.n > 0 && kv__expired(kv, d->heap.v[0])) {
        if (++n % 64 == 0 && clock_mono_us() >= until_us)
            return true;
        kv->expire_lag_ms = kv__now() - d->heap.v[0]->expire;
        kv__expire_record(kv, d, d->heap.v[0]);
    }
    return false;
}

/* -- A replica's own keys ------------------------------------------------------------------------------------------------ */

void kv__own_clear(struct kv *kv)
{
    radix_free(kv->own, NULL);
    kv->own = NULL;
}

static struct slice own_key(struct kv *kv, const struct kv_rec *r)
{
    buf_clear(&kv->scratch);
    kv__encode_expire_key(&kv->scratch, r->expire, r->phys, r->pos, slice_make(r->key, r->klen));
    return buf_slice(&kv->scratch);
}

void kv__own_begin(struct kv *kv, struct kv_rec *r)
{
    if (r->expire != KV_NO_EXPIRE && radix_del(kv->own, own_key(kv, r), NULL))
        r->flags |= KV_OWN;
}

void kv__own_end(struct kv *kv, struct kv_rec *r)
{
    bool own = (r->flags & KV_OWN) || !kv->obeying;
    r->flags &= (uint8_t)~KV_OWN;
    if (!own || !kv__live(r) || r->expire == KV_NO_EXPIRE)
        return;
    if (!kv->own)
        kv->own = radix_new();
    (void)radix_set(kv->own, own_key(kv, r), kv, NULL);
}

static bool take_first(void *arg, struct slice key, void *value)
{
    buf_put_slice(arg, key);
    return false;
}

static bool expire_own_until(struct kv *kv, int64_t until_us)
{
    struct buf first = BUF_INIT;
    bool more = false;
    for (unsigned n = 1;; n++) {
        struct kv_expire_key e;
        struct kv_rec *r;
        buf_clear(&first);
        radix_walk(kv->own, SLICE_NULL, take_first, &first);
        if (!kv__decode_expire_key(buf_slice(&first), &e) || e.when > kv__now())
            break;
        more = n % 64 == 0 && clock_mono_us() >= until_us;
        if (more || kv__load(kv, &kv->dbs[e.phys], e.pos, e.key, &r, NULL) != ST_OK)
            break;
        if (r && kv__live(r) && r->expire == e.when)
            kv__expire_record(kv, &kv->dbs[e.phys], r);
        else /* its database was flushed */
            (void)radix_del(kv->own, buf_slice(&first), NULL);
    }
    buf_free(&first);
    return more;
}

bool kv__expire_step(struct kv *kv, int64_t until_us)
{
    bool more = false;
    if (!kv->active_expire || kv->expire_paused || kv->replaying || kv->refused || kv->load)
        return false;
    if (kv->following)
        return kv->own && expire_own_until(kv, until_us);
    kv->expire_lag_ms = 0;
    for (int i = 0; i < kv->nphys; i++) {
        if (kv->dbs[i].heap.n > 0)
            more |= expire_heap_until(kv, &kv->dbs[i], until_us);
    }
    if (kv->next_stored <= kv__now())
        more |= expire_stored_until(kv, until_us);
    return more;
}

void kv_set_active_expire(struct kv *kv, bool on)
{
    kv->active_expire = on;
}

void kv_pause_expire(struct kv *kv, bool paused)
{
    kv->expire_paused = paused;
}
