/* Lists on a positional tree: packed (listpack) or of many pages (quicklist).
 *
 * When a list changes its encoding depends on how many bytes Redis's listpack would take for its elements. That number is
 * kept with the record (ext[0]) as elements come and go; of a list too large for it to matter it is UNKNOWN, and counted
 * again when the list has become small.
 *
 *   listpack:  6 bytes | encoding and value, length of that backwards | ... | 1 byte
 */
#include "keyspace/kv_list.h"

#include "base/num.h"
#include "keyspace/kv_coll.h"

#define UNKNOWN        UINT64_MAX
#define LISTPACK_FRAME 7    /* bytes around the elements */
#define LISTPACK_LEAST 2    /* bytes of the smallest element */
#define COUNTED_SAFE   8192 /* a list limited by its count is limited by this many bytes, too */
#define FORGET_BATCH                                                                               \
    64 /* removing more than this at once from a large list is not worth reading them */

/* -- Size as a listpack -------------------------------------------------------------------------------------------------- */

static uint64_t int_bytes(int64_t v)
{
    if (v >= 0 && v <= 127)
        return 1;
    if (v >= -4096 && v <= 4095)
        return 2;
    if (v >= INT16_MIN && v <= INT16_MAX)
        return 3;
    if (v >= -8388608 && v <= 8388607)
        return 4;
    if (v >= INT32_MIN && v <= INT32_MAX)
        return 5;
    return 9;
}

static uint64_t backwards_bytes(uint64_t n)
{
    return n <= 127 ? 1 : n < 16383 ? 2 : n < 2097151 ? 3 : n < 268435455 ? 4 : 5;
}

static uint64_t element_bytes(struct slice value)
{
    int64_t v;
    uint64_t n;
    if (value.n <= 20 && num_parse_int(value, &v))
        return int_bytes(v) + 1;
    n = value.n + (value.n < 64 ? 1 : value.n < 4096 ? 2 : 5);
    return n + backwards_bytes(n);
}

struct limit {
    uint64_t bytes, count;
};

static struct limit limit_now(void)
{
    static const uint64_t sizes[] = {4096, 8192, 16384, 32768, 65536};
    int64_t fill = keyspace_opts.list_max_listpack_size;
    if (fill >= 0)
        return (struct limit){UINT64_MAX, fill ? (uint64_t)fill : 1};
    uint64_t level = (uint64_t)(-fill) - 1;
    if (level >= COUNT_OF(sizes))
        level = COUNT_OF(sizes) - 1;
    return (struct limit){sizes[level], UINT64_MAX};
}

static bool exceeds(uint64_t bytes, uint64_t count)
{
    struct limit l = limit_now();
    if (l.bytes != UINT64_MAX)
        return bytes > l.bytes;
    return bytes > COUNTED_SAFE || count > l.count;
}

static uint64_t *packed_bytes(struct kv_coll *c)
{
    return &c->ext[0];
}

static void grew(struct kv_coll *c, uint64_t by)
{
    if (c->ext[0] != UNKNOWN)
        c->ext[0] += by;
}

static void fell(struct kv_coll *c, uint64_t by)
{
    if (c->ext[0] != UNKNOWN)
        c->ext[0] -= by;
}

static enum status count_bytes(struct kv_tree *t, uint64_t *bytes, struct error *err)
{
    struct kv_cur c;
    *bytes = LISTPACK_FRAME;
    enum status st = kv__tree_first(t, &c, err);
    while (st == ST_OK && !kv__cur_end(&c)) {
        *bytes += element_bytes(kv__cur_value(&c));
        st = kv__cur_next(&c, err);
    }
    return st;
}

enum status kv_list_listpack_bytes(struct kv_rec *r, uint64_t *bytes, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    *bytes = *packed_bytes(c);
    return *bytes != UNKNOWN ? ST_OK : count_bytes(&c->tree[0], bytes, err);
}

/* -- Reading ------------------------------------------------------------------------------------------------------------- */

static struct kv_tree *tree(const struct kv_rec *r)
{
    return &kv__coll(r)->tree[0];
}

uint64_t kv_list_count(const struct kv_rec *r)
{
    return tree(r)->count;
}

bool kv_list_packed(const struct kv_rec *r)
{
    return kv__coll(r)->enc == KV_COLL_LISTPACK;
}

enum status kv_list_first(struct kv_rec *r, struct kv_list_cur *c, struct error *err)
{
    return kv__tree_first(tree(r), &c->at, err);
}

enum status kv_list_last(struct kv_rec *r, struct kv_list_cur *c, struct error *err)
{
    return kv__tree_last(tree(r), &c->at, err);
}

enum status kv_list_at(struct kv_rec *r, uint64_t index, struct kv_list_cur *c, struct error *err)
{
    return kv__tree_at(tree(r), index, &c->at, err);
}

struct slice kv_list_value(const struct kv_list_cur *c)
{
    return kv__cur_value(&c->at);
}

enum status kv_list_next(struct kv_list_cur *c, struct error *err)
{
    return kv__cur_next(&c->at, err);
}

enum status kv_list_prev(struct kv_list_cur *c, struct error *err)
{
    return kv__cur_prev(&c->at, err);
}

/* -- Changing ------------------------------------------------------------------------------------------------------------ */

enum status kv_list_make(struct kv *kv, int db, struct slice key, struct kv_rec **rec,
                         struct error *err)
{
    enum status st = kv__coll_make(kv, db, key, KV_LIST, KV_COLL_LISTPACK, 1, rec, err);
    if (st == ST_OK)
        *packed_bytes(kv__coll(*rec)) = LISTPACK_FRAME;
    return st;
}

enum status kv_list_cur_insert(struct kv_list_cur *c, struct slice value, struct error *err)
{
    enum status st = kv__cur_insert(&c->at, SLICE_NULL, value, err);
    if (st == ST_OK)
        grew(c->at.t->coll, element_bytes(value));
    return st;
}

enum status kv_list_cur_set(struct kv_list_cur *c, struct slice value, struct error *err)
{
    uint64_t before = element_bytes(kv_list_value(c));
    enum status st = kv__cur_set(&c->at, value, err);
    if (st == ST_OK) {
        grew(c->at.t->coll, element_bytes(value));
        fell(c->at.t->coll, before);
    }
    return st;
}

enum status kv_list_cur_delete(struct kv_list_cur *c, struct error *err)
{
    uint64_t before = element_bytes(kv_list_value(c));
    enum status st = kv__cur_delete(&c->at, 1, err);
    if (st == ST_OK)
        fell(c->at.t->coll, before);
    return st;
}

enum status kv_list_push(struct kv_rec *r, enum kv_list_side side, struct slice value,
                         struct error *err)
{
    enum status st;
    if (side == KV_LIST_TAIL) {
        st = kv__tree_append(tree(r), SLICE_NULL, value, err);
        if (st == ST_OK)
            grew(kv__coll(r), element_bytes(value));
        return st;
    }
    struct kv_list_cur c;
    st = kv_list_first(r, &c, err);
    return st == ST_OK ? kv_list_cur_insert(&c, value, err) : st;
}

/* Bytes of n elements from c on. */
static enum status sum_elements(struct kv_cur c, uint64_t n, uint64_t *bytes, struct error *err)
{
    enum status st = ST_OK;
    *bytes = 0;
    for (; st == ST_OK && n; n--) {
        *bytes += element_bytes(kv__cur_value(&c));
        st = n > 1 ? kv__cur_next(&c, err) : ST_OK;
    }
    return st;
}

enum status kv_list_remove(struct kv_rec *r, uint64_t index, uint64_t n, struct error *err)
{
    struct kv_coll *coll = kv__coll(r);
    struct kv_cur c;
    uint64_t bytes = 0;
    if (n == 0)
        return ST_OK;
    bool forget = !kv_list_packed(r) && n > FORGET_BATCH;
    enum status st = kv__tree_at(tree(r), index, &c, err);
    if (st == ST_OK && !forget && *packed_bytes(coll) != UNKNOWN)
        st = sum_elements(c, n, &bytes, err);
    if (st == ST_OK)
        st = kv__cur_delete(&c, n, err);
    if (st != ST_OK)
        return st;
    if (forget)
        *packed_bytes(coll) = UNKNOWN;
    else
        fell(coll, bytes);
    return ST_OK;
}

/* -- Encoding ------------------------------------------------------------------------------------------------------------ */

static enum status convert(struct kv_coll *c, enum kv_coll_enc enc, struct error *err)
{
    struct kv_conversion v;
    struct kv_cur at;
    kv__coll_convert(c, KV_LIST, enc, &v);
    enum status st = kv__tree_first(&c->tree[0], &at, err);
    while (st == ST_OK && !kv__cur_end(&at)) {
        st = kv__tree_append(&v.fresh[0], SLICE_NULL, kv__cur_value(&at), err);
        if (st == ST_OK)
            st = kv__cur_next(&at, err);
    }
    if (st == ST_OK)
        return kv__coll_convert_commit(&v, err);
    kv__coll_convert_abort(&v);
    return st;
}

enum status kv_list_expect(struct kv_rec *r, const struct slice *values, size_t n,
                           struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    if (c->enc != KV_COLL_LISTPACK)
        return ST_OK;
    uint64_t bytes = *packed_bytes(c);
    for (size_t i = 0; i < n; i++)
        bytes += values[i].n;
    if (!exceeds(bytes, c->tree[0].count + n))
        return ST_OK;
    return convert(c, KV_COLL_QUICKLIST, err);
}

/* A large list of so many elements takes more than this many bytes, whatever they are. */
static uint64_t least_bytes(uint64_t count)
{
    return LISTPACK_FRAME + LISTPACK_LEAST * count;
}

/* Bytes that are known, in case of need by counting. */
static enum status know_bytes(struct kv_coll *c, struct error *err)
{
    uint64_t bytes;
    if (*packed_bytes(c) != UNKNOWN)
        return ST_OK;
    enum status st = count_bytes(&c->tree[0], &bytes, err);
    if (st == ST_OK)
        *packed_bytes(c) = bytes;
    return st;
}

/* Of a list whose bytes are known. */
static bool is_within(const struct kv_coll *c, struct limit l)
{
    uint64_t count = c->tree[0].count;
    if (count > l.count || c->ext[0] > l.bytes)
        return false;
    /* Redis would have more than one node */
    return l.bytes != UINT64_MAX || count == 1 || c->ext[0] <= COUNTED_SAFE;
}

/* Packs a large list that is within l. */
static enum status pack_within(struct kv_coll *c, struct limit l, struct error *err)
{
    uint64_t count = c->tree[0].count;
    if (count > l.count || least_bytes(count) > l.bytes) {
        /* Keeps what it knows for a while, or a list of about this size would be counted all the time. */
        if (count / 2 > l.count || least_bytes(count) / 2 > l.bytes)
            *packed_bytes(c) = UNKNOWN;
        return ST_OK;
    }
    enum status st = know_bytes(c, err);
    if (st != ST_OK || !is_within(c, l))
        return st;
    return convert(c, KV_COLL_LISTPACK, err);
}

enum status kv_list_shrunk(struct kv_rec *r, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    if (c->enc != KV_COLL_QUICKLIST)
        return ST_OK;
    struct limit l = limit_now();
    return pack_within(c,
                       (struct limit){l.bytes == UINT64_MAX ? UINT64_MAX : l.bytes / 2,
                                      l.count == UINT64_MAX ? UINT64_MAX : l.count / 2},
                       err);
}

enum status kv_list_settle(struct kv_rec *r, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    if (c->enc == KV_COLL_QUICKLIST)
        return pack_within(c, limit_now(), err);
    return kv_list_expect(r, NULL, 0, err);
}

bool kv__list_decoded(struct kv_coll *c)
{
    const struct kv_tree *t = &c->tree[0];
    if (c->ext_n != 1 || c->tree[1].count > 0)
        return false;
    if (c->enc == KV_COLL_LISTPACK)
        return true;
    if (c->enc != KV_COLL_QUICKLIST)
        return false;
    /* One leaf has the same form in both encodings. */
    struct error err;
    if (t->root_id == 0 && know_bytes(c, &err) == ST_OK && is_within(c, limit_now())) {
        c->tree[0].packed = true;
        c->enc = KV_COLL_LISTPACK;
    }
    return true;
}
