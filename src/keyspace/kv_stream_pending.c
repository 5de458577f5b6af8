/* Streams: what was delivered and not acknowledged yet. Every pending entry has two keys: one of the group, with what is known of
 * it, and one of its consumer, so that a consumer's own come in order of their IDs. */
#include "keyspace/kv_stream_priv.h"

/* The group's key of an entry. */
static void group_key(struct kv_sbytes *key, const struct kv_stream_group *g,
                      struct kv_stream_id id)
{
    kv__sbytes_short(key);
    kv__sbytes_group(key, g, 'p');
    kv__sbytes_id(key, id);
}

static void consumer_key(struct kv_sbytes *key, const struct kv_stream_group *g, uint64_t consumer,
                         struct kv_stream_id id)
{
    kv__sbytes_short(key);
    kv__sbytes_group(key, g, 'q');
    kv__sbytes_no(key, consumer);
    kv__sbytes_id(key, id);
}

static MUST_USE enum status find_pending(struct kv_coll *c, const struct kv_stream_group *g,
                                         struct kv_stream_id id, struct kv_cur *at, bool *found,
                                         struct kv_stream_pending *p, struct error *err)
{
    struct kv_sbytes key;
    enum status st;
    group_key(&key, g, id);
    st = kv__stream_find(c, kv__sbytes_slice_of(&key), at, found, err);
    if (st != ST_OK || !*found)
        return st;
    p->id = id;
    return kv__spending_decode(kv__cur_value(at), p) ? ST_OK : kv__stream_damaged(err);
}

enum status kv_stream_pending(struct kv_rec *r, const struct kv_stream_group *g,
                              struct kv_stream_id id, bool *found, struct kv_stream_pending *p,
                              struct error *err)
{
    struct kv_cur at;
    return find_pending(kv__coll(r), g, id, &at, found, p, err);
}

enum status kv_stream_pendings(struct kv_rec *r, const struct kv_stream_group *g, uint64_t consumer,
                               uint64_t *n, struct error *err)
{
    struct kv_stream_walk w;
    kv__stream_walk_prefix(&w, r, g, consumer ? 'q' : 'p', consumer);
    return kv__stream_span(kv__coll(r), slice_make(w.prefix, w.prefix_n), NULL, n, err);
}

/* -- Walking --------------------------------------------------------------------------------------------------------------- */

enum status kv_stream_walk_pending(struct kv_rec *r, const struct kv_stream_group *g,
                                   uint64_t consumer, struct kv_stream_id from,
                                   struct kv_stream_walk *w, struct error *err)
{
    struct kv_sbytes key;
    kv__stream_walk_prefix(w, r, g, consumer ? 'q' : 'p', consumer);
    if (consumer)
        consumer_key(&key, g, consumer, from);
    else
        group_key(&key, g, from);
    return kv__stream_find(kv__coll(r), kv__sbytes_slice_of(&key), &w->at, NULL, err);
}

enum status kv_stream_next_pending(struct kv_stream_walk *w, bool *found,
                                   struct kv_stream_pending *p, struct error *err)
{
    /* the group's number, as the prefix has it */
    struct kv_stream_group g = {.no = 0};
    struct kv_cur at;
    struct slice key;
    enum status st = kv__stream_walk_next(w, found, err);
    if (st != ST_OK || !*found)
        return st;
    key = kv__cur_key(&w->at);
    if (key.n != w->prefix_n + (size_t)KV_STREAM_ID_BYTES)
        return kv__stream_damaged(err);
    p->id = kv__stream_get_id(key.p + w->prefix_n);
    if (w->prefix[1 + KV_STREAM_NO_BYTES] == 'p')
        return kv__spending_decode(kv__cur_value(&w->at), p) ? ST_OK : kv__stream_damaged(err);
    for (int i = 1; i <= KV_STREAM_NO_BYTES; i++)
        g.no = g.no << 8 | (uint8_t)w->prefix[i];
    st = find_pending(kv__coll(w->rec), &g, p->id, &at, found, p, err);
    return st == ST_OK && !*found ? kv__stream_damaged(err) : st;
}

enum status kv_stream_last_pending(struct kv_rec *r, const struct kv_stream_group *g,
                                   struct kv_stream_id *id, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    struct kv_sbytes key;
    struct kv_cur at;
    enum status st;
    group_key(&key, g, KV_STREAM_ID_MAX);
    kv__sbytes_byte(&key, 0); /* behind all IDs */
    st = kv__stream_find(c, kv__sbytes_slice_of(&key), &at, NULL, err);
    if (st == ST_OK)
        st = kv__cur_end(&at) ? kv__tree_last(&c->tree[1], &at, err) : kv__cur_prev(&at, err);
    if (st != ST_OK)
        return st;
    if (kv__cur_end(&at) || kv__cur_key(&at).n != key.n - 1 ||
        memcmp(kv__cur_key(&at).p, key.p, key.n - 1 - KV_STREAM_ID_BYTES) != 0)
        return kv__stream_damaged(err);
    *id = kv__stream_get_id(kv__cur_key(&at).p + key.n - 1 - KV_STREAM_ID_BYTES);
    return ST_OK;
}

/* -- Changing -------------------------------------------------------------------------------------------------------------- */

static MUST_USE enum status take_from(struct kv_coll *c, const struct kv_stream_group *g,
                                      uint64_t consumer, struct kv_stream_id id, struct error *err)
{
    struct kv_sbytes key;
    struct kv_cur at;
    bool found;
    enum status st;
    consumer_key(&key, g, consumer, id);
    st = kv__stream_find(c, kv__sbytes_slice_of(&key), &at, &found, err);
    return st == ST_OK && found ? kv__cur_delete(&at, 1, err) : st;
}

static MUST_USE enum status give_to(struct kv_coll *c, const struct kv_stream_group *g,
                                    uint64_t consumer, struct kv_stream_id id, struct error *err)
{
    struct kv_sbytes key;
    struct kv_cur at;
    bool found;
    enum status st;
    consumer_key(&key, g, consumer, id);
    st = kv__stream_find(c, kv__sbytes_slice_of(&key), &at, &found, err);
    return st == ST_OK && !found ? kv__cur_insert(&at, kv__sbytes_slice_of(&key), SLICE(""), err)
                                 : st;
}

enum status kv_stream_pending_put(struct kv_rec *r, const struct kv_stream_group *g,
                                  const struct kv_stream_pending *p, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    char bytes[KV_SRECORD_MAX];
    struct slice value = slice_make(bytes, kv__spending_encode(p, bytes));
    struct kv_stream_pending old;
    struct kv_sbytes key;
    struct kv_cur at;
    bool found;
    enum status st = find_pending(c, g, p->id, &at, &found, &old, err);
    if (st != ST_OK)
        return st;
    if (found) {
        st = kv__cur_set(&at, value, err);
        if (st == ST_OK && old.consumer == p->consumer)
            return ST_OK;
        if (st == ST_OK)
            st = take_from(c, g, old.consumer, p->id, err);
    } else {
        group_key(&key, g, p->id);
        st = kv__cur_insert(&at, kv__sbytes_slice_of(&key), value, err);
    }
    return st == ST_OK ? give_to(c, g, p->consumer, p->id, err) : st;
}

enum status kv_stream_pending_del(struct kv_rec *r, const struct kv_stream_group *g,
                                  struct kv_stream_id id, bool *found, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    struct kv_stream_pending p;
    struct kv_cur at;
    enum status st = find_pending(c, g, id, &at, found, &p, err);
    if (st != ST_OK || !*found)
        return st;
    st = kv__cur_delete(&at, 1, err);
    return st == ST_OK ? take_from(c, g, p.consumer, id, err) : st;
}

enum status kv__spending_forget(struct kv_rec *r, const struct kv_stream_group *g,
                                uint64_t consumer, uint64_t *n, struct error *err)
{
    struct kv_stream_walk w;
    for (bool more = true; more;) {
        struct kv_stream_id ids[64];
        size_t count = 0;
        enum status st = kv_stream_walk_pending(r, g, consumer, KV_STREAM_ID_MIN, &w, err);
        while (st == ST_OK && count < 64) {
            struct kv_stream_pending p = {.id = KV_STREAM_ID_MIN};
            st = kv_stream_next_pending(&w, &more, &p, err);
            if (st != ST_OK || !more)
                break;
            ids[count++] = p.id;
        }
        for (size_t i = 0; st == ST_OK && i < count; i++) {
            bool found;
            st = kv_stream_pending_del(r, g, ids[i], &found, err);
        }
        if (st != ST_OK)
            return st;
        *n += count;
    }
    return ST_OK;
}
