/* Hashes.
 *
 *   listpack    positional, packed: field -> value
 *   hashtable   ordered: hash64(8) field -> value */
#include "keyspace/kv_hash.h"

#include "keyspace/kv_member.h"

static bool packed(const struct kv_coll *c)
{
    return c->enc == KV_COLL_LISTPACK;
}

/* -- Reading ----------------------------------------------------------------------------------------------------------------- */

uint64_t kv_hash_count(const struct kv_rec *r)
{
    return kv__coll(r)->tree[0].count;
}

bool kv_hash_packed(const struct kv_rec *r)
{
    return packed(kv__coll(r));
}

static enum status find(struct kv_coll *c, struct slice field, struct kv_cur *cur, bool *found,
                        struct error *err)
{
    return packed(c) ? kv__packed_find(&c->tree[0], field, cur, found, err)
                     : kv__hashed_find(&c->tree[0], field, cur, found, err);
}

enum status kv_hash_get(struct kv_rec *r, struct slice field, bool *found, struct slice *value,
                        struct error *err)
{
    struct kv_cur cur;
    enum status st = find(kv__coll(r), field, &cur, found, err);
    if (st == ST_OK && *found)
        *value = kv__cur_value(&cur);
    return st;
}

static struct kv_hash_item item_at(const struct kv_cur *cur, uint32_t skip)
{
    struct slice key = kv__cur_key(cur);
    return (struct kv_hash_item){.field = slice_make(key.p + skip, key.n - skip),
                                 .value = kv__cur_value(cur)};
}

static uint32_t skip_of(const struct kv_coll *c)
{
    return packed(c) ? 0 : KV_MEMBER_PREFIX;
}

enum status kv_hash_first(struct kv_rec *r, struct kv_hash_cur *c, struct error *err)
{
    c->skip = skip_of(kv__coll(r));
    return kv__tree_first(&kv__coll(r)->tree[0], &c->at, err);
}

enum status kv_hash_at(struct kv_rec *r, uint64_t rank, struct kv_hash_cur *c, struct error *err)
{
    c->skip = skip_of(kv__coll(r));
    return kv__tree_at(&kv__coll(r)->tree[0], rank, &c->at, err);
}

struct kv_hash_item kv_hash_item(const struct kv_hash_cur *c)
{
    return item_at(&c->at, c->skip);
}

enum status kv_hash_next(struct kv_hash_cur *c, struct error *err)
{
    return kv__cur_next(&c->at, err);
}

struct scan {
    uint32_t skip;
    void (*fn)(void *arg, const struct kv_hash_item *item);
    void *arg;
};

static void scanned(void *arg, const struct kv_cur *cur)
{
    const struct scan *s = arg;
    struct kv_hash_item item = item_at(cur, s->skip);
    s->fn(s->arg, &item);
}

enum status kv_hash_scan(struct kv_rec *r, uint64_t cursor, uint64_t count, uint64_t *next,
                         void (*fn)(void *arg, const struct kv_hash_item *item), void *arg,
                         struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    struct scan s = {.skip = skip_of(c), .fn = fn, .arg = arg};
    return kv__member_scan(&c->tree[0], !packed(c), cursor, count, next, scanned, &s, err);
}

/* -- Changing ------------------------------------------------------------------------------------------------------------------ */

static enum status copy(struct kv_tree *from, struct kv_tree *to, struct error *err)
{
    struct kv_cur cur;
    bool added;
    enum status st = kv__tree_first(from, &cur, err);
    while (st == ST_OK && !kv__cur_end(&cur)) {
        st = kv__hashed_put(to, kv__cur_key(&cur), kv__cur_value(&cur), &added, err);
        if (st == ST_OK)
            st = kv__cur_next(&cur, err);
    }
    return st;
}

static enum status unpack(struct kv_coll *c, struct error *err)
{
    struct kv_conversion way;
    kv__coll_convert(c, KV_HASH, KV_COLL_HASHTABLE, &way);
    enum status st = copy(&c->tree[0], &way.fresh[0], err);
    if (st == ST_OK)
        st = kv__coll_convert_commit(&way, err);
    if (st != ST_OK)
        kv__coll_convert_abort(&way);
    return st;
}

enum status kv_hash_make(struct kv *kv, int db, struct slice key, struct kv_rec **rec,
                         struct error *err)
{
    return kv__coll_make(kv, db, key, KV_HASH, KV_COLL_LISTPACK, 0, rec, err);
}

enum status kv_hash_expect(struct kv_rec *r, uint64_t count_hint, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    return packed(c) && count_hint > (uint64_t)keyspace_opts.hash_max_listpack_entries
               ? unpack(c, err)
               : ST_OK;
}

static bool suits_listpack(const struct kv_tree *t, struct slice field, struct slice value)
{
    uint64_t max = (uint64_t)keyspace_opts.hash_max_listpack_value;
    return field.n <= max && value.n <= max && t->bytes + field.n + value.n <= KV_PACKED_BYTES;
}

static enum status put_packed(struct kv_coll *c, struct slice field, struct slice value,
                              bool *added, struct error *err)
{
    struct kv_tree *t = &c->tree[0];
    struct kv_cur cur;
    bool found, full;
    enum status st = kv__packed_find(t, field, &cur, &found, err);
    if (st != ST_OK)
        return st;
    full = t->count + !found > (uint64_t)keyspace_opts.hash_max_listpack_entries;
    if (full || !suits_listpack(t, field, value)) {
        st = unpack(c, err);
        return st == ST_OK ? kv__hashed_put(t, field, value, added, err) : st;
    }
    *added = !found;
    return found ? kv__cur_set(&cur, value, err) : kv__tree_append(t, field, value, err);
}

enum status kv_hash_put(struct kv_rec *r, struct slice field, struct slice value, bool *added,
                        struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    bool ignored;
    if (!added)
        added = &ignored;
    return packed(c) ? put_packed(c, field, value, added, err)
                     : kv__hashed_put(&c->tree[0], field, value, added, err);
}

enum status kv_hash_remove(struct kv_rec *r, struct slice field, bool *found, struct error *err)
{
    struct kv_cur cur;
    enum status st = find(kv__coll(r), field, &cur, found, err);
    if (st == ST_OK && *found)
        st = kv__cur_delete(&cur, 1, err);
    return st;
}
