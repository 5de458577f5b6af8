/* Finding, adding and visiting members of packed and hashed trees. */
#include "keyspace/kv_member.h"

#include "base/mem.h"

/* The key of a member in a hashed tree. */
struct member_key {
    struct slice key;
    char in[120];
};

static bool key_init(struct member_key *k, const struct kv_coll *c, struct slice member)
{
    uint64_t be = __builtin_bswap64(kv__hash64(c, member));
    size_t n = KV_MEMBER_PREFIX + member.n;
    char *p = n <= sizeof k->in ? k->in : mem_try_alloc(n);
    if (!p)
        return false;
    memcpy(p, &be, KV_MEMBER_PREFIX);
    if (member.n)
        memcpy(p + KV_MEMBER_PREFIX, member.p, member.n);
    k->key = slice_make(p, n);
    return true;
}

static void key_free(struct member_key *k)
{
    if (k->key.p != k->in)
        mem_free((char *)(uintptr_t)k->key.p);
}

enum status kv__packed_find(struct kv_tree *t, struct slice member, struct kv_cur *cur, bool *found,
                            struct error *err)
{
    enum status st = kv__tree_first(t, cur, err);
    *found = false;
    if (st != ST_OK || kv__cur_end(cur))
        return st;
    const struct kv_leaf *l = cur->leaf->u.leaf;
    for (uint32_t i = 0; i < l->n; i++) {
        struct slice key = kv__leaf_key(l, i);
        if (key.n == member.n && (key.n == 0 || memcmp(key.p, member.p, key.n) == 0)) {
            cur->i = i;
            *found = true;
            return ST_OK;
        }
    }
    return ST_OK;
}

static enum status no_memory(struct error *err)
{
    return error_set(err, ST_NO_MEMORY, "out of memory for a member");
}

enum status kv__hashed_find(struct kv_tree *t, struct slice member, struct kv_cur *cur, bool *found,
                            struct error *err)
{
    struct member_key k;
    if (!key_init(&k, t->coll, member))
        return no_memory(err);
    enum status st = kv__tree_find(t, k.key, cur, found, err);
    key_free(&k);
    return st;
}

enum status kv__hashed_put(struct kv_tree *t, struct slice member, struct slice value, bool *added,
                           struct error *err)
{
    struct member_key k;
    struct kv_cur cur;
    bool found;
    if (!key_init(&k, t->coll, member))
        return no_memory(err);
    enum status st = kv__tree_find(t, k.key, &cur, &found, err);
    *added = st == ST_OK && !found;
    if (*added)
        st = kv__cur_insert(&cur, k.key, value, err);
    else if (st == ST_OK && !slice_eq(kv__cur_value(&cur), value))
        st = kv__cur_set(&cur, value, err);
    key_free(&k);
    return st;
}

static uint64_t hash_at(const struct kv_cur *cur)
{
    uint64_t be;
    memcpy(&be, kv__cur_key(cur).p, sizeof be);
    return __builtin_bswap64(be);
}

enum status kv__member_scan(struct kv_tree *t, bool hashed, uint64_t cursor, uint64_t count,
                            uint64_t *next, void (*fn)(void *arg, const struct kv_cur *cur),
                            void *arg, struct error *err)
{
    struct kv_cur cur;
    uint64_t be = __builtin_bswap64(cursor), last = 0;
    enum status st = hashed ? kv__tree_find(t, slice_make(&be, sizeof be), &cur, NULL, err)
                            : kv__tree_first(t, &cur, err);
    *next = 0;
    for (uint64_t n = 0; st == ST_OK && !kv__cur_end(&cur); n++) {
        if (hashed) {
            uint64_t hash = hash_at(&cur);
            if (n >= count && hash != last) {
                *next = hash;
                break;
            }
            last = hash;
        }
        fn(arg, &cur);
        st = kv__cur_next(&cur, err);
    }
    return st;
}
