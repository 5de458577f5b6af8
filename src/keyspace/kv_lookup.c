/* Finding records: in the cache, else in the store. */
#include "base/log.h"
#include "keyspace/kv_priv.h"

#define PREFETCH_MAX 64

int kv__logical(const struct kv *kv, const struct kv_db *d)
{
    if (LIKELY(kv->map[d->phys] == d))
        return d->phys;
    for (int i = 0; i < kv->nphys; i++) {
        if (kv->map[i] == d)
            return i;
    }
    return 0;
}

static enum status make_from_store(struct kv *kv, struct kv_db *d, uint64_t pos, struct slice key,
                                   struct slice value, struct kv_rec **out, struct error *err)
{
    struct kv_meta m;
    if (!kv__decode_meta(value, &m))
        return error_set(err, ST_CORRUPT, "the record of a key in the store is damaged");
    struct kv_rec *r = kv__rec_new(kv, d, pos, key);
    if (!r)
        return error_set(err, ST_NO_MEMORY, "out of memory");
    size_t before = kv__rec_size(r);
    if (!kv__value_decode(kv, &kv->src, r, &m)) {
        kv__rec_drop(kv, d, r);
        return error_set(err, ST_CORRUPT, "the value of a key in the store is damaged");
    }
    size_t grown = kv__rec_size(r) - before;
    kv->cache_bytes += grown;
    d->cache_bytes += grown;
    r->flags = m.type == KV_MODULE ? KV_IN_STORE | KV_INDEXED : KV_IN_STORE;
    kv__touch_new(r);
    *out = r;
    return ST_OK;
}

enum status kv__load(struct kv *kv, struct kv_db *d, uint64_t pos, struct slice key,
                     struct kv_rec **out, struct error *err)
{
    *out = kv__table_find(&d->table, pos, key);
    if (LIKELY(*out != NULL) || d->complete || d->store_dead)
        return ST_OK;
    buf_clear(&kv->scratch);
    kv__encode_key(&kv->scratch, d->phys, pos, key);
    if (slice_eq(buf_slice(&kv->scratch), buf_slice(&kv->missed)))
        return ST_OK;
    enum status st =
        stor_get(kv->store, NULL, KV_SPACE_META, buf_slice(&kv->scratch), &kv->scratch2, err);
    kv->st.cold_reads++;
    if (st == ST_NOT_FOUND) {
        kv->st.cold_misses++;
        struct buf key_of_none = kv->scratch;
        kv->scratch = kv->missed;
        kv->missed = key_of_none;
        return ST_OK;
    }
    if (st != ST_OK)
        return st;
    st = make_from_store(kv, d, pos, key, buf_slice(&kv->scratch2), out, err);
    if (kv->scratch2.cap > (1u << 20))
        buf_free(&kv->scratch2);
    return st;
}

enum status kv__load_or_make(struct kv *kv, struct kv_db *d, struct slice key, struct kv_rec **out,
                             struct error *err)
{
    uint64_t pos = kv__pos(kv, key);
    enum status st = kv__load(kv, d, pos, key, out, err);
    if (st != ST_OK || *out)
        return st;
    *out = kv__rec_new(kv, d, pos, key);
    if (!*out)
        return error_set(err, ST_NO_MEMORY, "out of memory");
    kv__touch_new(*out);
    return ST_OK;
}

void kv_prefetch(struct kv *kv, int db, const struct slice *keys, size_t n)
{
    struct kv_table *t = &kv__db(kv, db)->table;
    uint64_t pos[PREFETCH_MAX];
    if (n > PREFETCH_MAX)
        n = PREFETCH_MAX;
    for (size_t i = 0; i < n; i++) {
        pos[i] = kv__pos(kv, keys[i]);
        kv__table_prefetch(t, pos[i]);
    }
    for (size_t i = 0; i < n; i++)
        kv__table_prefetch_record(t, pos[i]);
}

enum status kv_lookup(struct kv *kv, int db, struct slice key, unsigned flags, struct kv_rec **rec,
                      struct error *err)
{
    struct kv_db *d = kv__db(kv, db);
    struct kv_rec *r;
    enum status st = kv__load(kv, d, kv__pos(kv, key), key, &r, err);
    *rec = NULL;
    if (UNLIKELY(st != ST_OK)) {
        log_warning(LOG_KEYSPACE, "Reading a record from the store failed: %s",
                    err ? err->message : status_name(st));
        return st;
    }
    if (r && UNLIKELY(!kv__live(r)))
        r = NULL;
    if (r && UNLIKELY(kv__expired(kv, r)) && !(flags & KV_EXPIRED) && !kv->telling_removal) {
        if (kv__may_expire(kv, flags))
            kv__expire_record(kv, d, r);
        r = NULL;
    }
    if (r && !(flags & KV_NOTOUCH))
        kv__touch(kv, r);
    if (!(flags & (KV_WRITE | KV_NOSTATS))) {
        if (r) {
            kv->st.hits++;
        } else {
            kv->st.misses++;
            kv_notify(kv, NOTIFY_KEY_MISS, "keymiss", db, key);
        }
    }
    *rec = r;
    return ST_OK;
}

void kv_notify_also(struct kv *kv, unsigned classes)
{
    kv->notify_also = classes;
}

bool kv_tells_removals(const struct kv *kv)
{
    return kv->tell_removals;
}

void kv_tell_removals(struct kv *kv, bool on)
{
    kv->tell_removals = on;
}

void kv_notify(struct kv *kv, enum notify_class cls, const char *event, int db, struct slice key)
{
    if (((keyspace_opts.notify_classes | kv->notify_also) & cls) && kv->hooks.notify &&
        kv__shown(kv, db))
        kv->hooks.notify(kv->hooks.arg, cls, event, db, key);
}
