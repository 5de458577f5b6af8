/* Streams: consumer groups, their consumers, and how their keys in tree[1] are found and walked. */
#include "keyspace/kv_stream_priv.h"

#define NUMBER_MAX   (((uint64_t)1 << 8 * KV_STREAM_NO_BYTES) - 1)
#define GROUP_PREFIX (2 + KV_STREAM_NO_BYTES) /* 'x' group kind */

enum status kv__stream_find(struct kv_coll *c, struct slice key, struct kv_cur *at, bool *found,
                            struct error *err)
{
    return kv__tree_find(&c->tree[1], key, at, found, err);
}

enum status kv__stream_span(struct kv_coll *c, struct slice prefix, struct kv_cur *first,
                            uint64_t *n, struct error *err)
{
    char end[16];
    struct kv_cur at, behind;
    size_t i = prefix.n;
    enum status st = kv__stream_find(c, prefix, &at, NULL, err);
    if (st != ST_OK)
        return st;
    memcpy(end, prefix.p, prefix.n);
    while (i > 0 && ++end[i - 1] == 0) /* the prefix that follows; not all of its bytes are ff */
        i--;
    st = kv__stream_find(c, slice_make(end, i), &behind, NULL, err);
    if (st != ST_OK)
        return st;
    *n = (kv__cur_end(&behind) ? c->tree[1].count : kv__cur_rank(&behind)) -
         (kv__cur_end(&at) ? c->tree[1].count : kv__cur_rank(&at));
    if (first)
        *first = at;
    return ST_OK;
}

enum status kv__stream_walk_next(struct kv_stream_walk *w, bool *found, struct error *err)
{
    *found = false;
    if (w->begun && !kv__cur_end(&w->at)) {
        enum status st = kv__cur_next(&w->at, err);
        if (st != ST_OK)
            return st;
    }
    w->begun = true;
    *found = !kv__cur_end(&w->at) &&
             slice_starts(kv__cur_key(&w->at), slice_make(w->prefix, w->prefix_n));
    return ST_OK;
}

void kv__sbytes_group(struct kv_sbytes *b, const struct kv_stream_group *g, char kind)
{
    kv__sbytes_byte(b, 'x');
    kv__sbytes_no(b, g->no);
    kv__sbytes_byte(b, kind);
}

static MUST_USE enum status name_key(struct kv_sbytes *b, const struct kv_stream_group *g,
                                     struct slice name, struct error *err)
{
    if (!kv__sbytes_open(b, GROUP_PREFIX + name.n))
        return error_set(err, ST_NO_MEMORY, "a name in a stream");
    if (g)
        kv__sbytes_group(b, g, 'c');
    else
        kv__sbytes_byte(b, 'g');
    kv__sbytes_slice(b, name);
    return ST_OK;
}

/* Finds the group (g NULL) or the consumer of that name. */
static MUST_USE enum status find_name(struct kv_coll *c, const struct kv_stream_group *g,
                                      struct slice name, struct kv_cur *at, bool *found,
                                      struct error *err)
{
    struct kv_sbytes key;
    enum status st = name_key(&key, g, name, err);
    if (st != ST_OK)
        return st;
    st = kv__stream_find(c, kv__sbytes_slice_of(&key), at, found, err);
    kv__sbytes_close(&key);
    return st;
}

static MUST_USE enum status insert_name(struct kv_coll *c, const struct kv_stream_group *g,
                                        struct slice name, struct kv_cur *at, struct slice value,
                                        struct error *err)
{
    struct kv_sbytes key;
    enum status st = name_key(&key, g, name, err);
    if (st != ST_OK)
        return st;
    st = kv__cur_insert(at, kv__sbytes_slice_of(&key), value, err);
    kv__sbytes_close(&key);
    return st;
}

static MUST_USE enum status next_number(struct kv_coll *c, uint64_t *no, struct error *err)
{
    if (c->ext[KV_SX_NUMBER] == NUMBER_MAX)
        return error_set(err, ST_FULL, "too many consumers were made in this stream");
    *no = ++c->ext[KV_SX_NUMBER];
    return ST_OK;
}

enum status kv__stream_delete(struct kv_coll *c, struct slice prefix, uint64_t *n,
                              struct error *err)
{
    struct kv_cur at;
    enum status st = kv__stream_span(c, prefix, &at, n, err);
    return st == ST_OK && *n ? kv__cur_delete(&at, *n, err) : st;
}

/* -- Groups ---------------------------------------------------------------------------------------------------------------- */

enum status kv_stream_group(struct kv_rec *r, struct slice name, bool *found,
                            struct kv_stream_group *g, struct error *err)
{
    struct kv_cur at;
    enum status st = find_name(kv__coll(r), NULL, name, &at, found, err);
    if (st == ST_OK && *found && !kv__sgroup_decode(kv__cur_value(&at), g))
        st = kv__stream_damaged(err);
    return st;
}

enum status kv_stream_groups(struct kv_rec *r, uint64_t *n, struct error *err)
{
    return kv__stream_span(kv__coll(r), SLICE("g"), NULL, n, err);
}

enum status kv_stream_group_add(struct kv_rec *r, struct slice name, struct kv_stream_id last,
                                int64_t entries_read, bool *added, struct kv_stream_group *g,
                                struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    char value[KV_SRECORD_MAX];
    struct kv_cur at;
    bool found;
    enum status st = find_name(c, NULL, name, &at, &found, err);
    *added = false;
    if (st != ST_OK || found)
        return st;
    *g = (struct kv_stream_group){.last = last, .entries_read = entries_read};
    st = next_number(c, &g->no, err);
    if (st == ST_OK)
        st = insert_name(c, NULL, name, &at, slice_make(value, kv__sgroup_encode(g, value)), err);
    *added = st == ST_OK;
    return st;
}

enum status kv_stream_group_set(struct kv_rec *r, struct slice name,
                                const struct kv_stream_group *g, struct error *err)
{
    char value[KV_SRECORD_MAX];
    struct kv_cur at;
    bool found;
    enum status st = find_name(kv__coll(r), NULL, name, &at, &found, err);
    if (st == ST_OK && !found)
        st = kv__stream_damaged(err);
    return st == ST_OK ? kv__cur_set(&at, slice_make(value, kv__sgroup_encode(g, value)), err) : st;
}

enum status kv_stream_group_del(struct kv_rec *r, struct slice name, bool *found, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    struct kv_stream_group g;
    struct kv_sbytes prefix;
    struct kv_cur at;
    uint64_t n;
    enum status st = kv_stream_group(r, name, found, &g, err);
    if (st != ST_OK || !*found)
        return st;
    kv__sbytes_short(&prefix);
    kv__sbytes_group(&prefix, &g, 'c');
    prefix.n--; /* whatever kind */
    st = kv__stream_delete(c, kv__sbytes_slice_of(&prefix), &n, err);
    if (st == ST_OK)
        st = find_name(c, NULL, name, &at, found, err);
    return st == ST_OK && *found ? kv__cur_delete(&at, 1, err) : st;
}

enum status kv_stream_walk_groups(struct kv_rec *r, struct kv_stream_walk *w, struct error *err)
{
    *w = (struct kv_stream_walk){.rec = r, .prefix = "g", .prefix_n = 1};
    return kv__stream_find(kv__coll(r), SLICE("g"), &w->at, NULL, err);
}

enum status kv_stream_next_group(struct kv_stream_walk *w, bool *found, struct slice *name,
                                 struct kv_stream_group *g, struct error *err)
{
    enum status st = kv__stream_walk_next(w, found, err);
    if (st != ST_OK || !*found)
        return st;
    *name = kv__cur_key(&w->at);
    *name = slice_make(name->p + 1, name->n - 1);
    return kv__sgroup_decode(kv__cur_value(&w->at), g) ? ST_OK : kv__stream_damaged(err);
}

/* -- Consumers ------------------------------------------------------------------------------------------------------------- */

enum status kv_stream_consumer(struct kv_rec *r, const struct kv_stream_group *g, struct slice name,
                               bool *found, struct kv_stream_consumer *c, struct error *err)
{
    struct kv_cur at;
    enum status st = find_name(kv__coll(r), g, name, &at, found, err);
    if (st == ST_OK && *found && !kv__sconsumer_decode(kv__cur_value(&at), c))
        st = kv__stream_damaged(err);
    return st;
}

/* Finds where the name of a consumer stands by its number. */
static MUST_USE enum status find_number(struct kv_coll *c, const struct kv_stream_group *g,
                                        uint64_t no, struct kv_sbytes *key, struct kv_cur *at,
                                        bool *found, struct error *err)
{
    kv__sbytes_short(key);
    kv__sbytes_group(key, g, 'i');
    kv__sbytes_no(key, no);
    return kv__stream_find(c, kv__sbytes_slice_of(key), at, found, err);
}

enum status kv_stream_consumer_name(struct kv_rec *r, const struct kv_stream_group *g, uint64_t no,
                                    struct slice *name, struct error *err)
{
    struct kv_sbytes key;
    struct kv_cur at;
    bool found;
    enum status st = find_number(kv__coll(r), g, no, &key, &at, &found, err);
    if (st != ST_OK)
        return st;
    if (!found)
        return kv__stream_damaged(err);
    *name = kv__cur_value(&at);
    return ST_OK;
}

enum status kv_stream_consumers(struct kv_rec *r, const struct kv_stream_group *g, uint64_t *n,
                                struct error *err)
{
    struct kv_stream_walk w;
    kv__stream_walk_prefix(&w, r, g, 'c', 0);
    return kv__stream_span(kv__coll(r), slice_make(w.prefix, w.prefix_n), NULL, n, err);
}

enum status kv_stream_consumer_add(struct kv_rec *r, const struct kv_stream_group *g,
                                   struct slice name, struct kv_stream_consumer *c,
                                   struct error *err)
{
    struct kv_coll *coll = kv__coll(r);
    char value[KV_SRECORD_MAX];
    struct kv_sbytes key;
    struct kv_cur at;
    bool found;
    enum status st = next_number(coll, &c->no, err);
    if (st == ST_OK)
        st = find_number(coll, g, c->no, &key, &at, &found, err);
    if (st == ST_OK)
        st = kv__cur_insert(&at, kv__sbytes_slice_of(&key), name, err);
    if (st == ST_OK)
        st = find_name(coll, g, name, &at, &found, err);
    if (st == ST_OK && found)
        st = error_set(err, ST_EXISTS, "the consumer is there already");
    if (st != ST_OK)
        return st;
    return insert_name(coll, g, name, &at, slice_make(value, kv__sconsumer_encode(c, value)), err);
}

enum status kv_stream_consumer_set(struct kv_rec *r, const struct kv_stream_group *g,
                                   struct slice name, const struct kv_stream_consumer *c,
                                   struct error *err)
{
    char value[KV_SRECORD_MAX];
    struct kv_cur at;
    bool found;
    enum status st = find_name(kv__coll(r), g, name, &at, &found, err);
    if (st == ST_OK && !found)
        st = kv__stream_damaged(err);
    if (st != ST_OK)
        return st;
    return kv__cur_set(&at, slice_make(value, kv__sconsumer_encode(c, value)), err);
}

enum status kv_stream_consumer_del(struct kv_rec *r, const struct kv_stream_group *g,
                                   struct slice name, bool *found, uint64_t *pending,
                                   struct error *err)
{
    struct kv_coll *coll = kv__coll(r);
    struct kv_stream_consumer c;
    struct kv_sbytes key;
    struct kv_cur at;
    bool there;
    enum status st = kv_stream_consumer(r, g, name, found, &c, err);
    *pending = 0;
    if (st != ST_OK || !*found)
        return st;
    st = kv__spending_forget(r, g, c.no, pending, err);
    if (st == ST_OK)
        st = find_number(coll, g, c.no, &key, &at, &there, err);
    if (st == ST_OK && there)
        st = kv__cur_delete(&at, 1, err);
    if (st == ST_OK)
        st = find_name(coll, g, name, &at, &there, err);
    return st == ST_OK && there ? kv__cur_delete(&at, 1, err) : st;
}

void kv__stream_walk_prefix(struct kv_stream_walk *w, struct kv_rec *r,
                            const struct kv_stream_group *g, char kind, uint64_t consumer)
{
    struct kv_sbytes b;
    kv__sbytes_short(&b);
    kv__sbytes_group(&b, g, kind);
    if (consumer)
        kv__sbytes_no(&b, consumer);
    *w = (struct kv_stream_walk){.rec = r, .prefix_n = (uint8_t)b.n};
    memcpy(w->prefix, b.p, b.n);
}

enum status kv_stream_walk_consumers(struct kv_rec *r, const struct kv_stream_group *g,
                                     struct kv_stream_walk *w, struct error *err)
{
    kv__stream_walk_prefix(w, r, g, 'c', 0);
    return kv__stream_find(kv__coll(r), slice_make(w->prefix, w->prefix_n), &w->at, NULL, err);
}

enum status kv_stream_next_consumer(struct kv_stream_walk *w, bool *found, struct slice *name,
                                    struct kv_stream_consumer *c, struct error *err)
{
    enum status st = kv__stream_walk_next(w, found, err);
    if (st != ST_OK || !*found)
        return st;
    *name = kv__cur_key(&w->at);
    *name = slice_make(name->p + w->prefix_n, name->n - w->prefix_n);
    return kv__sconsumer_decode(kv__cur_value(&w->at), c) ? ST_OK : kv__stream_damaged(err);
}
