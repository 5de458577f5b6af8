/* Sets.
 *
 *   intset      ordered, packed: integer(8) -> ""
 *   listpack    positional, packed: member -> ""
 *   hashtable   ordered: hash64(8) member -> ""
 *
 * What changes a set works on a struct body, which is either the live tree of a collection, or one that is being made beside
 * it (struct kv_set_build). An encoding only becomes a wider one by itself: intset, then listpack, then hashtable. */
#include "keyspace/kv_set.h"

#include "base/mem.h"
#include "base/num.h"
#include "keyspace/kv_member.h"

#define INT_BYTES      8
#define INTSET_AT_MOST (1 << 30) /* Redis's own limit of an intset */

struct body {
    struct kv_coll *coll;
    struct kv_tree *tree;
    enum kv_set_enc enc;
    struct kv_set_build *build; /* NULL: the live tree */
};

struct kv_set_build {
    struct body body;
    struct kv_conversion
        way[2]; /* one holds the tree; a change of the encoding goes to the other */
    unsigned at;
};

static enum kv_coll_enc coll_enc(enum kv_set_enc enc)
{
    switch (enc) {
    case KV_SET_INTSET:
        return KV_COLL_INTSET;
    case KV_SET_LISTPACK:
        return KV_COLL_LISTPACK;
    case KV_SET_HASHTABLE:
        break;
    }
    return KV_COLL_HASHTABLE;
}

enum kv_set_enc kv_set_encoding(const struct kv_rec *r)
{
    const struct kv_coll *c = kv__coll(r);
    return c->enc == KV_COLL_INTSET     ? KV_SET_INTSET
           : c->enc == KV_COLL_LISTPACK ? KV_SET_LISTPACK
                                        : KV_SET_HASHTABLE;
}

static struct body live(struct kv_rec *r)
{
    struct kv_coll *c = kv__coll(r);
    return (struct body){.coll = c, .tree = &c->tree[0], .enc = kv_set_encoding(r)};
}

uint64_t kv_set_count(const struct kv_rec *r)
{
    return kv__coll(r)->tree[0].count;
}

/* -- Reading ----------------------------------------------------------------------------------------------------------------- */

/* *cur only when *found. */
static enum status find(const struct body *b, struct slice member, struct kv_cur *cur, bool *found,
                        struct error *err)
{
    int64_t v;
    char key[INT_BYTES];
    *found = false;
    switch (b->enc) {
    case KV_SET_INTSET:
        if (!num_parse_int(member, &v))
            return ST_OK;
        kv__int_key(v, key);
        return kv__tree_find(b->tree, slice_make(key, sizeof key), cur, found, err);
    case KV_SET_LISTPACK:
        return kv__packed_find(b->tree, member, cur, found, err);
    case KV_SET_HASHTABLE:
        break;
    }
    return kv__hashed_find(b->tree, member, cur, found, err);
}

enum status kv_set_has(struct kv_rec *r, struct slice member, bool *found, struct error *err)
{
    struct body b = live(r);
    struct kv_cur cur;
    return find(&b, member, &cur, found, err);
}

/* number: KV_SET_INT_BUF bytes for the text of an intset's member. */
static struct slice member_at(const struct kv_cur *cur, enum kv_set_enc enc, char *number)
{
    struct slice key = kv__cur_key(cur);
    switch (enc) {
    case KV_SET_INTSET:
        return slice_make(number, num_format_int(number, kv__int_of(key.p)));
    case KV_SET_LISTPACK:
        return key;
    case KV_SET_HASHTABLE:
        break;
    }
    return kv__hashed_member(key);
}

enum status kv_set_first(struct kv_rec *r, struct kv_set_cur *c, struct error *err)
{
    c->enc = kv_set_encoding(r);
    return kv__tree_first(&kv__coll(r)->tree[0], &c->at, err);
}

enum status kv_set_at(struct kv_rec *r, uint64_t rank, struct kv_set_cur *c, struct error *err)
{
    c->enc = kv_set_encoding(r);
    return kv__tree_at(&kv__coll(r)->tree[0], rank, &c->at, err);
}

struct slice kv_set_member(struct kv_set_cur *c)
{
    return member_at(&c->at, c->enc, c->number);
}

enum status kv_set_next(struct kv_set_cur *c, struct error *err)
{
    return kv__cur_next(&c->at, err);
}

struct scan {
    enum kv_set_enc enc;
    void (*fn)(void *arg, struct slice member);
    void *arg;
};

static void scanned(void *arg, const struct kv_cur *cur)
{
    const struct scan *s = arg;
    char number[KV_SET_INT_BUF];
    s->fn(s->arg, member_at(cur, s->enc, number));
}

enum status kv_set_scan(struct kv_rec *r, uint64_t cursor, uint64_t count, uint64_t *next,
                        void (*fn)(void *arg, struct slice member), void *arg, struct error *err)
{
    struct scan s = {.enc = kv_set_encoding(r), .fn = fn, .arg = arg};
    return kv__member_scan(&kv__coll(r)->tree[0], s.enc == KV_SET_HASHTABLE, cursor, count, next,
                           scanned, &s, err);
}

/* -- Encodings ----------------------------------------------------------------------------------------------------------------- */

static uint64_t intset_max(void)
{
    int64_t max = keyspace_opts.set_max_intset_entries;
    return max > INTSET_AT_MOST ? INTSET_AT_MOST : (uint64_t)max;
}

enum kv_set_enc kv_set_choose(struct slice member, uint64_t count_hint)
{
    int64_t v;
    if (num_parse_int(member, &v) && count_hint <= (uint64_t)keyspace_opts.set_max_intset_entries)
        return KV_SET_INTSET;
    return count_hint <= (uint64_t)keyspace_opts.set_max_listpack_entries ? KV_SET_LISTPACK
                                                                          : KV_SET_HASHTABLE;
}

/* Puts a member that is not there into a tree of this encoding. Nothing but the encoding is looked at. */
static enum status put(struct kv_tree *t, enum kv_set_enc enc, struct slice member,
                       struct error *err)
{
    struct kv_cur cur;
    char bytes[INT_BYTES];
    struct slice key = slice_make(bytes, sizeof bytes);
    bool found;
    int64_t v;
    enum status st;
    switch (enc) {
    case KV_SET_INTSET:
        if (!num_parse_int(member, &v))
            return error_set(err, ST_INVALID, "a member is no integer");
        kv__int_key(v, bytes);
        st = kv__tree_find(t, key, &cur, &found, err);
        return st == ST_OK ? kv__cur_insert(&cur, key, SLICE_NULL, err) : st;
    case KV_SET_LISTPACK:
        return kv__tree_append(t, member, SLICE_NULL, err);
    case KV_SET_HASHTABLE:
        break;
    }
    return kv__hashed_put(t, member, SLICE_NULL, &found, err);
}

static enum status copy(const struct body *b, struct kv_tree *to, enum kv_set_enc enc,
                        struct error *err)
{
    struct kv_cur cur;
    char number[KV_SET_INT_BUF];
    enum status st = kv__tree_first(b->tree, &cur, err);
    while (st == ST_OK && !kv__cur_end(&cur)) {
        st = put(to, enc, member_at(&cur, b->enc, number), err);
        if (st == ST_OK)
            st = kv__cur_next(&cur, err);
    }
    return st;
}

static enum status convert_live(struct body *b, enum kv_set_enc enc, struct error *err)
{
    struct kv_conversion way;
    kv__coll_convert(b->coll, KV_SET, coll_enc(enc), &way);
    enum status st = copy(b, &way.fresh[0], enc, err);
    if (st == ST_OK)
        st = kv__coll_convert_commit(&way, err);
    if (st != ST_OK)
        kv__coll_convert_abort(&way);
    else
        b->enc = enc;
    return st;
}

static enum status convert_build(struct body *b, enum kv_set_enc enc, struct error *err)
{
    struct kv_set_build *build = b->build;
    struct kv_conversion *from = &build->way[build->at], *to = &build->way[!build->at];
    kv__coll_convert(b->coll, KV_SET, coll_enc(enc), to);
    enum status st = copy(b, &to->fresh[0], enc, err);
    if (st != ST_OK) {
        kv__coll_convert_abort(to);
        return st;
    }
    kv__coll_convert_abort(from);
    build->at = !build->at;
    b->tree = &to->fresh[0];
    b->enc = enc;
    return ST_OK;
}

static enum status convert(struct body *b, enum kv_set_enc enc, struct error *err)
{
    return b->build ? convert_build(b, enc, err) : convert_live(b, enc, err);
}

enum status kv_set_convert(struct kv_rec *r, enum kv_set_enc enc, struct error *err)
{
    struct body b = live(r);
    return b.enc == enc ? ST_OK : convert(&b, enc, err);
}

enum status kv_set_expect(struct kv_rec *r, uint64_t count_hint, struct error *err)
{
    struct body b = live(r);
    if ((b.enc == KV_SET_LISTPACK &&
         count_hint > (uint64_t)keyspace_opts.set_max_listpack_entries) ||
        (b.enc == KV_SET_INTSET && count_hint > (uint64_t)keyspace_opts.set_max_intset_entries))
        return convert(&b, KV_SET_HASHTABLE, err);
    return ST_OK;
}

/* -- Changing ------------------------------------------------------------------------------------------------------------------ */

/* True when one more member may join the n of a packed set. */
static bool fits_listpack(const struct kv_tree *t, struct slice member)
{
    return t->count < (uint64_t)keyspace_opts.set_max_listpack_entries &&
           member.n <= (uint64_t)keyspace_opts.set_max_listpack_value &&
           t->bytes + member.n <= KV_PACKED_BYTES;
}

/* Length of the longest text of an intset's members: that of the lowest or the highest. */
static enum status longest_int(struct kv_tree *t, size_t *n, struct error *err)
{
    struct kv_cur cur;
    char number[KV_SET_INT_BUF];
    size_t last;
    *n = 0;
    enum status st = kv__tree_first(t, &cur, err);
    if (st != ST_OK || kv__cur_end(&cur))
        return st;
    *n = member_at(&cur, KV_SET_INTSET, number).n;
    st = kv__tree_last(t, &cur, err);
    if (st != ST_OK)
        return st;
    last = member_at(&cur, KV_SET_INTSET, number).n;
    if (last > *n)
        *n = last;
    return ST_OK;
}

/* Makes the encoding one that holds member as well. */
static enum status make_room(struct body *b, struct slice member, struct error *err)
{
    size_t longest;
    int64_t v;
    enum status st;
    switch (b->enc) {
    case KV_SET_INTSET:
        if (num_parse_int(member, &v))
            return b->tree->count < intset_max() ? ST_OK : convert(b, KV_SET_HASHTABLE, err);
        st = longest_int(b->tree, &longest, err);
        if (st != ST_OK)
            return st;
        return convert(b,
                       fits_listpack(b->tree, member) &&
                               longest <= (uint64_t)keyspace_opts.set_max_listpack_value
                           ? KV_SET_LISTPACK
                           : KV_SET_HASHTABLE,
                       err);
    case KV_SET_LISTPACK:
        return fits_listpack(b->tree, member) ? ST_OK : convert(b, KV_SET_HASHTABLE, err);
    case KV_SET_HASHTABLE:
        break;
    }
    return ST_OK;
}

static enum status add(struct body *b, struct slice member, bool *added, struct error *err)
{
    struct kv_cur cur;
    bool found;
    *added = false;
    if (b->enc == KV_SET_HASHTABLE)
        return kv__hashed_put(b->tree, member, SLICE_NULL, added, err);
    enum status st = find(b, member, &cur, &found, err);
    if (st != ST_OK || found)
        return st;
    st = make_room(b, member, err);
    if (st == ST_OK)
        st = put(b->tree, b->enc, member, err);
    *added = st == ST_OK;
    return st;
}

enum status kv_set_make(struct kv *kv, int db, struct slice key, enum kv_set_enc enc,
                        struct kv_rec **rec, struct error *err)
{
    return kv__coll_make(kv, db, key, KV_SET, coll_enc(enc), 0, rec, err);
}

enum status kv_set_add(struct kv_rec *r, struct slice member, bool *added, struct error *err)
{
    struct body b = live(r);
    return add(&b, member, added, err);
}

enum status kv_set_remove(struct kv_rec *r, struct slice member, bool *found, struct error *err)
{
    struct body b = live(r);
    struct kv_cur cur;
    enum status st = find(&b, member, &cur, found, err);
    if (st == ST_OK && *found)
        st = kv__cur_delete(&cur, 1, err);
    return st;
}

enum status kv_set_remove_at(struct kv_set_cur *c, struct error *err)
{
    return kv__cur_delete(&c->at, 1, err);
}

/* -- Replacing ------------------------------------------------------------------------------------------------------------------ */

struct kv_set_build *kv_set_build_new(struct kv_rec *r, enum kv_set_enc enc)
{
    struct kv_set_build *b = mem_try_alloc(sizeof *b);
    if (!b)
        return NULL;
    b->at = 0;
    kv__coll_convert(kv__coll(r), KV_SET, coll_enc(enc), &b->way[0]);
    b->body =
        (struct body){.coll = kv__coll(r), .tree = &b->way[0].fresh[0], .enc = enc, .build = b};
    return b;
}

uint64_t kv_set_build_count(const struct kv_set_build *b)
{
    return b->body.tree->count;
}

enum status kv_set_build_add(struct kv_set_build *b, struct slice member, bool *added,
                             struct error *err)
{
    return add(&b->body, member, added, err);
}

enum status kv_set_build_commit(struct kv_set_build *b, struct error *err)
{
    enum status st = kv__coll_convert_commit(&b->way[b->at], err);
    if (st != ST_OK)
        kv__coll_convert_abort(&b->way[b->at]);
    mem_free(b);
    return st;
}

void kv_set_build_free(struct kv_set_build *b)
{
    if (!b)
        return;
    kv__coll_convert_abort(&b->way[b->at]);
    mem_free(b);
}
