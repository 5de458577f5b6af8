/* Sorted sets.
 *
 *   packed     tree[0]: score(8) member -> ""      found by a walk when only the member is known
 *   skiplist   tree[0]: score(8) member -> ""      order: ranges and ranks
 *              tree[1]: hash64(8) member -> score  members
 *
 * Both keys of a member are eight bytes and the member, so one buffer serves for both. A change of a tree touches both trees
 * or none: what was done to one is taken back when the other refuses. */
#include "keyspace/kv_zset.h"

#include "base/mem.h"
#include "keyspace/kv_coll.h"

#include <stdlib.h>

#define PREFIX     8
#define KEY_INLINE 120

/* Eight bytes and a member. */
struct zkey {
    char *p;
    size_t n;
    char in[KEY_INLINE];
};

static bool zkey_init(struct zkey *k, struct slice member)
{
    k->n = member.n + PREFIX;
    k->p = k->n <= sizeof k->in ? k->in : mem_try_alloc(k->n);
    if (!k->p)
        return false;
    if (member.n)
        memcpy(k->p + PREFIX, member.p, member.n);
    return true;
}

static void zkey_deinit(struct zkey *k)
{
    if (k->p != k->in)
        mem_free(k->p);
}

static struct slice zkey_hash(struct zkey *k, uint64_t hash)
{
    uint64_t be = __builtin_bswap64(hash);
    memcpy(k->p, &be, PREFIX);
    return slice_make(k->p, k->n);
}

static struct slice zkey_score(struct zkey *k, double score)
{
    kv__score_key(score, k->p);
    return slice_make(k->p, k->n);
}

static enum status no_memory(struct error *err)
{
    return error_set(err, ST_NO_MEMORY, "out of memory for a sorted set");
}

static enum status torn(struct error *err)
{
    return error_set(err, ST_CORRUPT, "a sorted set's two trees do not agree");
}

static bool packed(const struct kv_coll *c)
{
    return c->enc == KV_COLL_LISTPACK;
}

/* A key that is too short comes from a damaged page: it counts as an empty member. */
static struct slice member_of(struct slice key)
{
    return LIKELY(key.n >= PREFIX) ? slice_make(key.p + PREFIX, key.n - PREFIX) : SLICE("");
}

static struct kv_zset_item item_at(const struct kv_cur *at)
{
    struct slice key = kv__cur_key(at);
    return (struct kv_zset_item){.member = member_of(key),
                                 .score = LIKELY(key.n >= PREFIX) ? kv__score_of(key.p) : 0};
}

/* -- Reading --------------------------------------------------------------------------------------------------------- */

uint64_t kv_zset_count(const struct kv_rec *r)
{
    return kv__coll(r)->tree[0].count;
}

bool kv_zset_packed(const struct kv_rec *r)
{
    return packed(kv__coll(r));
}

static enum status find_packed(struct kv_coll *c, struct kv_zset_place *p, struct error *err)
{
    enum status st = kv__tree_first(&c->tree[0], &p->at, err);
    while (st == ST_OK && !kv__cur_end(&p->at)) {
        struct kv_zset_item item = item_at(&p->at);
        if (slice_eq(item.member, p->member)) {
            p->found = true;
            p->score = item.score;
            break;
        }
        st = kv__cur_next(&p->at, err);
    }
    return st;
}

static enum status find_hashed(struct kv_coll *c, struct kv_zset_place *p, struct error *err)
{
    struct zkey key;
    if (!zkey_init(&key, p->member))
        return no_memory(err);
    p->hash = kv__hash64(c, p->member);
    enum status st = kv__tree_find(&c->tree[1], zkey_hash(&key, p->hash), &p->at, &p->found, err);
    zkey_deinit(&key);
    if (st != ST_OK || !p->found)
        return st;
    struct slice score = kv__cur_value(&p->at);
    if (score.n != PREFIX)
        return torn(err);
    p->score = kv__score_of(score.p);
    return ST_OK;
}

enum status kv_zset_find(struct kv_rec *r, struct slice member, struct kv_zset_place *out,
                         struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    *out = (struct kv_zset_place){.rec = r, .member = member};
    return packed(c) ? find_packed(c, out, err) : find_hashed(c, out, err);
}

enum status kv_zset_score(struct kv_rec *r, struct slice member, bool *found, double *score,
                          struct error *err)
{
    struct kv_zset_place p;
    enum status st = kv_zset_find(r, member, &p, err);
    *found = st == ST_OK && p.found;
    *score = p.score;
    return st;
}

/* The place of this member with this score in the order. */
static enum status find_ordered(struct kv_coll *c, struct slice member, double score,
                                struct kv_cur *at, bool *found, struct error *err)
{
    struct zkey key;
    if (!zkey_init(&key, member))
        return no_memory(err);
    enum status st = kv__tree_find(&c->tree[0], zkey_score(&key, score), at, found, err);
    zkey_deinit(&key);
    return st;
}

enum status kv_zset_rank(struct kv_rec *r, struct slice member, bool *found, uint64_t *rank,
                         double *score, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    struct kv_zset_place p;
    enum status st = kv_zset_find(r, member, &p, err);
    *found = st == ST_OK && p.found;
    if (!*found)
        return st;
    *score = p.score;
    if (!packed(c)) {
        bool there = false;
        st = find_ordered(c, member, p.score, &p.at, &there, err);
        if (st == ST_OK && !there)
            st = torn(err);
        if (st != ST_OK)
            return st;
    }
    *rank = kv__cur_rank(&p.at);
    return ST_OK;
}

/* -- Walking --------------------------------------------------------------------------------------------------------- */

enum status kv_zset_first(struct kv_rec *r, struct kv_zset_cur *c, struct error *err)
{
    return kv__tree_first(&kv__coll(r)->tree[0], &c->at, err);
}

enum status kv_zset_last(struct kv_rec *r, struct kv_zset_cur *c, struct error *err)
{
    return kv__tree_last(&kv__coll(r)->tree[0], &c->at, err);
}

enum status kv_zset_at(struct kv_rec *r, uint64_t rank, struct kv_zset_cur *c, struct error *err)
{
    return kv__tree_at(&kv__coll(r)->tree[0], rank, &c->at, err);
}

struct kv_zset_item kv_zset_item(const struct kv_zset_cur *c)
{
    return item_at(&c->at);
}

enum status kv_zset_next(struct kv_zset_cur *c, struct error *err)
{
    return kv__cur_next(&c->at, err);
}

enum status kv_zset_prev(struct kv_zset_cur *c, struct error *err)
{
    return kv__cur_prev(&c->at, err);
}

/* -- Ranges ---------------------------------------------------------------------------------------------------------- */

/* How many elements have scores below this one; with above those that have it count too. */
static enum status before_score(struct kv_coll *c, double score, bool above, uint64_t *n,
                                struct error *err)
{
    struct kv_cur at;
    char key[PREFIX];
    kv__score_key(score, key);
    for (int i = PREFIX - 1; above && i >= 0; i--)
        above = ++key[i] == 0;
    enum status st = kv__tree_find(&c->tree[0], slice_make(key, PREFIX), &at, NULL, err);
    if (st == ST_OK)
        *n = kv__cur_rank(&at);
    return st;
}

static enum status span_scores(struct kv_coll *c, const struct kv_zset_range *range,
                               uint64_t *first, uint64_t *end, struct error *err)
{
    enum status st = before_score(c, range->min.score, range->min.exclusive, first, err);
    return st == ST_OK ? before_score(c, range->max.score, !range->max.exclusive, end, err) : st;
}

/* Order of a member and a bound; tie is the answer for a member that stands at an exclusive one. */
static int compare(struct slice member, const struct kv_zset_bound *b, int tie)
{
    if (b->edge != KV_ZSET_AT)
        return b->edge == KV_ZSET_LOWEST ? 1 : -1;
    int order = slice_cmp(member, b->member);
    return order == 0 && b->exclusive ? tie : order;
}

static bool reaches_min(const struct kv_cur *at, const struct kv_zset_range *range)
{
    return compare(item_at(at).member, &range->min, -1) >= 0;
}

static bool within_max(const struct kv_cur *at, const struct kv_zset_range *range)
{
    return compare(item_at(at).member, &range->max, 1) <= 0;
}

/* Walks from one end to the first member that the near bound lets in, and on while the far one does. */
static enum status walk_members(struct kv_coll *c, const struct kv_zset_range *range,
                                uint64_t *first, uint64_t *end, struct error *err)
{
    struct kv_tree *t = &c->tree[0];
    struct kv_cur low, high;
    bool back = range->from_end, inside = false;
    uint64_t rank = 0, n = 0;
    enum status st = kv__tree_first(t, &low, err);
    if (st == ST_OK)
        st = kv__tree_last(t, &high, err);
    if (st != ST_OK || !within_max(&low, range) || !reaches_min(&high, range))
        return st;
    struct kv_cur at = back ? high : low;
    while (st == ST_OK && !kv__cur_end(&at)) {
        inside = inside || (back ? within_max(&at, range) : reaches_min(&at, range));
        if (inside && !(back ? reaches_min(&at, range) : within_max(&at, range)))
            break;
        rank += !inside;
        n += inside;
        st = back ? kv__cur_prev(&at, err) : kv__cur_next(&at, err);
    }
    *first = back ? t->count - rank - n : rank;
    *end = *first + n;
    return st;
}

/* The rank of the first member that is not before the bound, by halving; all members stand in their own order. */
static enum status halve_members(struct kv_coll *c, const struct kv_zset_range *range, bool max,
                                 uint64_t *rank, struct error *err)
{
    uint64_t low = 0, high = c->tree[0].count;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        struct kv_cur at;
        enum status st = kv__tree_at(&c->tree[0], mid, &at, err);
        if (st != ST_OK)
            return st;
        if (max ? within_max(&at, range) : !reaches_min(&at, range))
            low = mid + 1;
        else
            high = mid;
    }
    *rank = low;
    return ST_OK;
}

static enum status span_members(struct kv_coll *c, const struct kv_zset_range *range,
                                uint64_t *first, uint64_t *end, struct error *err)
{
    if (packed(c))
        return walk_members(c, range, first, end, err);
    enum status st = halve_members(c, range, false, first, err);
    return st == ST_OK ? halve_members(c, range, true, end, err) : st;
}

enum status kv_zset_span(struct kv_rec *r, const struct kv_zset_range *range, uint64_t *first,
                         uint64_t *n, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    uint64_t end = 0;
    *n = *first = 0;
    enum status st = range->by_member ? span_members(c, range, first, &end, err)
                                      : span_scores(c, range, first, &end, err);
    if (st == ST_OK && end > *first)
        *n = end - *first;
    return st;
}

/* -- Scanning -------------------------------------------------------------------------------------------------------- */

typedef void (*scan_fn)(void *arg, const struct kv_zset_item *item);

static enum status scan_packed(struct kv_coll *c, scan_fn fn, void *arg, struct error *err)
{
    struct kv_cur at;
    enum status st = kv__tree_first(&c->tree[0], &at, err);
    while (st == ST_OK && !kv__cur_end(&at)) {
        struct kv_zset_item item = item_at(&at);
        fn(arg, &item);
        st = kv__cur_next(&at, err);
    }
    return st;
}

static uint64_t hash_at(const struct kv_cur *at)
{
    struct slice key = kv__cur_key(at);
    uint64_t be = 0;
    memcpy(&be, key.p, key.n < PREFIX ? key.n : PREFIX);
    return __builtin_bswap64(be);
}

enum status kv_zset_scan(struct kv_rec *r, uint64_t cursor, uint64_t count, uint64_t *next,
                         scan_fn fn, void *arg, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    struct kv_cur at;
    uint64_t be = __builtin_bswap64(cursor), last = 0;
    *next = 0;
    if (packed(c))
        return scan_packed(c, fn, arg, err);
    enum status st = kv__tree_find(&c->tree[1], slice_make(&be, PREFIX), &at, NULL, err);
    for (uint64_t n = 0; st == ST_OK && !kv__cur_end(&at); n++) {
        uint64_t hash = hash_at(&at);
        /* Members of one hash stay together: the cursor cannot stand between them. */
        if (n >= count && hash != last) {
            *next = hash;
            break;
        }
        struct slice score = kv__cur_value(&at);
        if (score.n != PREFIX)
            return torn(err);
        struct kv_zset_item item = {.member = member_of(kv__cur_key(&at)),
                                    .score = kv__score_of(score.p)};
        fn(arg, &item);
        last = hash;
        st = kv__cur_next(&at, err);
    }
    return st;
}

/* -- Filling whole trees --------------------------------------------------------------------------------------------- */

/* A member on its way into the tree of members. */
struct hashed {
    uint64_t hash;
    struct kv_zset_item item;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return slice_cmp(x->item.member, y->item.member);
}

static int by_score(const void *a, const void *b)
{
    const struct kv_zset_item *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return slice_cmp(x->member, y->member);
}

void kv_zset_sort(struct kv_zset_item *items, size_t n)
{
    qsort(items, n, sizeof *items, by_score);
}

/* Sorts h and appends it to the empty tree of members t. */
static enum status fill_members(struct kv_tree *t, struct hashed *h, size_t n, struct error *err)
{
    enum status st = ST_OK;
    qsort(h, n, sizeof *h, by_hash);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        struct zkey key;
        char score[PREFIX];
        if (!zkey_init(&key, h[i].item.member))
            return no_memory(err);
        kv__score_key(h[i].item.score, score);
        st = kv__tree_append(t, zkey_hash(&key, h[i].hash), slice_make(score, PREFIX), err);
        zkey_deinit(&key);
    }
    return st;
}

/* Copies the packed tree of c into two others. */
static enum status unpack(struct kv_coll *c, struct kv_tree fresh[2], struct error *err)
{
    struct kv_cur at;
    size_t n = 0;
    struct hashed *h = mem_try_alloc((size_t)c->tree[0].count * sizeof *h + 1);
    if (!h)
        return no_memory(err);
    enum status st = kv__tree_first(&c->tree[0], &at, err);
    while (st == ST_OK && !kv__cur_end(&at)) {
        h[n].item = item_at(&at);
        h[n].hash = kv__hash64(c, h[n].item.member);
        n++;
        st = kv__tree_append(&fresh[0], kv__cur_key(&at), SLICE(""), err);
        if (st == ST_OK)
            st = kv__cur_next(&at, err);
    }
    if (st == ST_OK)
        st = fill_members(&fresh[1], h, n, err);
    mem_free(h);
    return st;
}

static enum status to_skiplist(struct kv_coll *c, struct error *err)
{
    struct kv_conversion v;
    kv__coll_convert(c, KV_ZSET, KV_COLL_SKIPLIST, &v);
    enum status st = unpack(c, v.fresh, err);
    if (st == ST_OK)
        st = kv__coll_convert_commit(&v, err);
    if (st != ST_OK)
        kv__coll_convert_abort(&v);
    return st;
}

static bool fits_packed(uint64_t count, size_t longest)
{
    return count <= (uint64_t)keyspace_opts.zset_max_listpack_entries &&
           longest <= (uint64_t)keyspace_opts.zset_max_listpack_value;
}

enum status kv_zset_make(struct kv *kv, int db, struct slice key, uint64_t count_hint,
                         size_t member_hint, struct kv_rec **rec, struct error *err)
{
    enum kv_coll_enc enc =
        fits_packed(count_hint, member_hint) ? KV_COLL_LISTPACK : KV_COLL_SKIPLIST;
    return kv__coll_make(kv, db, key, KV_ZSET, enc, 0, rec, err);
}

static enum status fill(struct kv_coll *c, struct kv_zset_item *items, size_t n, struct error *err)
{
    enum status st = ST_OK;
    kv_zset_sort(items, n);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        struct zkey key;
        if (!zkey_init(&key, items[i].member))
            return no_memory(err);
        st = kv__tree_append(&c->tree[0], zkey_score(&key, items[i].score), SLICE(""), err);
        zkey_deinit(&key);
    }
    if (st != ST_OK || packed(c))
        return st;
    struct hashed *h = mem_try_alloc(n * sizeof *h);
    if (!h)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        h[i] = (struct hashed){.hash = kv__hash64(c, items[i].member), .item = items[i]};
    st = fill_members(&c->tree[1], h, n, err);
    mem_free(h);
    return st;
}

enum status kv_zset_build(struct kv *kv, int db, struct slice key, struct kv_zset_item *items,
                          size_t n, struct kv_rec **rec, struct error *err)
{
    size_t longest = 0;
    for (size_t i = 0; i < n; i++)
        if (items[i].member.n > longest)
            longest = items[i].member.n;
    enum status st = kv_zset_make(kv, db, key, n, longest, rec, err);
    if (st != ST_OK)
        return st;
    st = fill(kv__coll(*rec), items, n, err);
    if (st != ST_OK) {
        kv_edit_end(kv, *rec, 0);
        kv_del(kv, *rec);
        *rec = NULL;
    }
    return st;
}

/* -- Changing -------------------------------------------------------------------------------------------------------- */

enum status kv_zset_expect(struct kv_rec *r, uint64_t count_hint, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    if (!packed(c) || count_hint <= (uint64_t)keyspace_opts.zset_max_listpack_entries)
        return ST_OK;
    return to_skiplist(c, err);
}

/* Puts the key of this score, in the buffer of its member, into the order. */
static enum status order_add(struct kv_coll *c, struct zkey *key, double score, struct error *err)
{
    struct kv_cur at;
    bool found = false;
    enum status st = kv__tree_find(&c->tree[0], zkey_score(key, score), &at, &found, err);
    if (st != ST_OK)
        return st;
    return found ? torn(err) : kv__cur_insert(&at, slice_make(key->p, key->n), SLICE(""), err);
}

static enum status order_remove(struct kv_coll *c, struct zkey *key, double score,
                                struct error *err)
{
    struct kv_cur at;
    bool found = false;
    enum status st = kv__tree_find(&c->tree[0], zkey_score(key, score), &at, &found, err);
    if (st != ST_OK)
        return st;
    return found ? kv__cur_delete(&at, 1, err) : torn(err);
}

static enum status set_score(struct kv_zset_place *p, double score, struct error *err)
{
    char value[PREFIX];
    kv__score_key(score, value);
    return kv__cur_set(&p->at, slice_make(value, PREFIX), err);
}

/* Taking back may fail only when memory is out twice; the trees then disagree, which later calls find (torn). */
static void ignore(enum status st)
{
    (void)st;
}

static enum status move(struct kv_coll *c, struct kv_zset_place *p, struct zkey *key, double score,
                        struct error *err)
{
    struct error unused;
    enum status st = packed(c) ? ST_OK : set_score(p, score, err);
    if (st != ST_OK)
        return st;
    st = order_add(c, key, score, err);
    if (st == ST_OK) {
        st = order_remove(c, key, p->score, err);
        if (st != ST_OK)
            ignore(order_remove(c, key, score, &unused));
    }
    if (st != ST_OK && !packed(c))
        ignore(set_score(p, p->score, &unused));
    return st;
}

static enum status add(struct kv_coll *c, struct kv_zset_place *p, struct zkey *key, double score,
                       struct error *err)
{
    struct error unused;
    char value[PREFIX];
    enum status st = order_add(c, key, score, err);
    if (st != ST_OK || packed(c))
        return st;
    memcpy(value, key->p, PREFIX);
    st = kv__cur_insert(&p->at, zkey_hash(key, p->hash), slice_make(value, PREFIX), err);
    if (st != ST_OK)
        ignore(order_remove(c, key, score, &unused));
    return st;
}

enum status kv_zset_place_set(struct kv_zset_place *p, double score, struct error *err)
{
    struct kv_coll *c = kv__coll(p->rec);
    struct zkey key;
    enum status st = ST_OK;
    if (p->found && p->score == score)
        return ST_OK;
    if (!p->found && packed(c) && !fits_packed(c->tree[0].count + 1, p->member.n)) {
        st = to_skiplist(c, err);
        if (st == ST_OK)
            st = find_hashed(c, p, err);
        if (st != ST_OK)
            return st;
    }
    if (!zkey_init(&key, p->member))
        return no_memory(err);
    st = p->found ? move(c, p, &key, score, err) : add(c, p, &key, score, err);
    zkey_deinit(&key);
    return st;
}

enum status kv_zset_put(struct kv_rec *r, struct slice member, double score, bool *added,
                        struct error *err)
{
    struct kv_zset_place p;
    enum status st = kv_zset_find(r, member, &p, err);
    if (st != ST_OK)
        return st;
    if (added)
        *added = !p.found;
    return kv_zset_place_set(&p, score, err);
}

enum status kv_zset_place_remove(struct kv_zset_place *p, struct error *err)
{
    struct kv_coll *c = kv__coll(p->rec);
    struct error unused;
    struct zkey key;
    if (packed(c))
        return kv__cur_delete(&p->at, 1, err);
    if (!zkey_init(&key, p->member))
        return no_memory(err);
    enum status st = order_remove(c, &key, p->score, err);
    if (st == ST_OK) {
        st = kv__cur_delete(&p->at, 1, err);
        if (st != ST_OK)
            ignore(order_add(c, &key, p->score, &unused));
    }
    zkey_deinit(&key);
    return st;
}

/* One member of the order leaves the tree of members, or comes back. */
static enum status member_step(struct kv_coll *c, const struct kv_zset_item *item, bool back,
                               struct error *err)
{
    struct zkey key;
    struct kv_cur at;
    bool found = false;
    char score[PREFIX];
    if (!zkey_init(&key, item->member))
        return no_memory(err);
    struct slice k = zkey_hash(&key, kv__hash64(c, item->member));
    enum status st = kv__tree_find(&c->tree[1], k, &at, &found, err);
    if (st == ST_OK && found == back)
        st = torn(err);
    if (st == ST_OK && back) {
        kv__score_key(item->score, score);
        st = kv__cur_insert(&at, k, slice_make(score, PREFIX), err);
    } else if (st == ST_OK) {
        st = kv__cur_delete(&at, 1, err);
    }
    zkey_deinit(&key);
    return st;
}

/* Does it for the n members from rank first on; *done: for how many. */
static enum status member_steps(struct kv_coll *c, uint64_t first, uint64_t n, bool back,
                                uint64_t *done, struct error *err)
{
    struct kv_cur at;
    enum status st = kv__tree_at(&c->tree[0], first, &at, err);
    *done = 0;
    while (st == ST_OK && *done < n) {
        struct kv_zset_item item = item_at(&at);
        st = member_step(c, &item, back, err);
        if (st != ST_OK)
            break;
        ++*done;
        st = kv__cur_next(&at, err);
    }
    return st;
}

enum status kv_zset_remove_ranks(struct kv_rec *r, uint64_t first, uint64_t n, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    struct error unused;
    struct kv_cur at;
    uint64_t done = 0;
    enum status st = ST_OK;
    if (n == 0)
        return ST_OK;
    if (!packed(c))
        st = member_steps(c, first, n, false, &done, err);
    if (st == ST_OK)
        st = kv__tree_at(&c->tree[0], first, &at, err);
    if (st == ST_OK)
        st = kv__cur_delete(&at, n, err);
    if (st != ST_OK && done > 0)
        ignore(member_steps(c, first, done, true, &done, &unused));
    return st;
}
