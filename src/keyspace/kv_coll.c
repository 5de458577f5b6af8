/* Collections in their records: made, converted, copied, and their payload in the store. */
#include "keyspace/kv_coll.h"

#include "base/mem.h"
#include "base/reader.h"

#include <string.h>

#define SHARE_MIN (32 * 1024) /* a root leaf of this size is shared with the fold, not copied */

/* -- Keys ---------------------------------------------------------------------------------------------------------------- */

static void put_u64be(uint64_t v, char out[8])
{
    v = __builtin_bswap64(v);
    memcpy(out, &v, sizeof(v));
}

static uint64_t get_u64be(const char in[8])
{
    uint64_t v;
    memcpy(&v, in, sizeof(v));
    return __builtin_bswap64(v);
}

#define SIGN_BIT (1ULL << 63)

void kv__score_key(double score, char out[8])
{
    uint64_t v;
    score += 0.0; /* -0 becomes 0 */
    memcpy(&v, &score, sizeof(v));
    put_u64be(v & SIGN_BIT ? ~v : v | SIGN_BIT, out);
}

double kv__score_of(const char in[8])
{
    uint64_t v = get_u64be(in);
    double score;
    v = v & SIGN_BIT ? v & ~SIGN_BIT : ~v;
    memcpy(&score, &v, sizeof(score));
    return score;
}

void kv__int_key(int64_t v, char out[8])
{
    put_u64be((uint64_t)v ^ SIGN_BIT, out);
}

int64_t kv__int_of(const char in[8])
{
    return (int64_t)(get_u64be(in) ^ SIGN_BIT);
}

uint64_t kv__hash64(const struct kv_coll *c, struct slice member)
{
    uint64_t h = hash_sip13(c->src->seed, member.p, member.n);
    return h ? h : 1;
}

/* -- Making -------------------------------------------------------------------------------------------------------------- */

static void init_trees(struct kv_coll *c, enum kv_type type, enum kv_coll_enc enc,
                       struct kv_tree *trees)
{
    bool packed = enc == KV_COLL_LISTPACK || enc == KV_COLL_INTSET;
    bool positional = type == KV_LIST || (enc == KV_COLL_LISTPACK && type != KV_ZSET);
    kv__tree_init(&trees[0], c, positional, packed);
    kv__tree_init(&trees[1], c, false, false);
}

struct kv_coll *kv__coll_new(struct kv *kv, const struct kv_source *src, uint8_t phys,
                             enum kv_type t, enum kv_coll_enc enc, uint8_t ext_n)
{
    struct kv_coll *c = mem_try_alloc(sizeof(*c));
    if (!c)
        return NULL;
    memset(c, 0, sizeof(*c));
    c->kv = kv;
    c->src = src;
    c->phys = phys;
    c->enc = (uint8_t)enc;
    c->next_page = 1;
    c->ext_n = ext_n;
    if (ext_n > 0)
        c->ext = mem_calloc(ext_n, sizeof(*c->ext));
    init_trees(c, t, enc, c->tree);
    return c;
}

enum status kv__coll_make(struct kv *kv, int db, struct slice key, enum kv_type type,
                          enum kv_coll_enc enc, uint8_t ext_n, struct kv_rec **rec,
                          struct error *err)
{
    struct kv_db *d = kv__db(kv, db);
    struct kv_rec *r;
    enum status st = kv__load_or_make(kv, d, key, &r, err);
    if (st != ST_OK)
        return st;
    struct kv_coll *c = kv__coll_new(kv, &kv->src, d->phys, type, enc, ext_n);
    if (!c)
        return error_set(err, ST_NO_MEMORY, "out of memory");
    if (kv__live(r) && kv__expired(kv, r))
        kv__expire_record(kv, d, r);
    bool is_new = !kv__live(r);
    kv__removing(kv, r, KV_OVERWRITTEN);
    kv__change_begin(kv, d, r);
    kv__value_clear(r);
    r->form = KV_FORM_COLL;
    r->v.p = (char *)c;
    r->type = (uint8_t)type;
    r->expire = KV_NO_EXPIRE;
    kv__touch_new(r);
    if (is_new)
        kv_notify(kv, NOTIFY_NEW, "new", db, key);
    *rec = r;
    return ST_OK;
}

size_t kv__coll_inline_bytes(const struct kv_coll *c)
{
    size_t n = sizeof(*c) + c->ext_n * sizeof(*c->ext);
    for (size_t i = 0; i < COUNT_OF(c->tree); i++) {
        const struct kv_page *root = c->tree[i].root;
        if (root && root->id == 0)
            n += sizeof(*root) + (root->u.leaf ? root->u.leaf->size : 0);
    }
    return n;
}

uint64_t kv__coll_logical(const struct kv_coll *c)
{
    return c->tree[0].bytes + c->tree[1].bytes + 4 * (c->tree[0].count + c->tree[1].count);
}

void kv_edit(struct kv *kv, struct kv_rec *r)
{
    kv__change_begin(kv, kv__db_of(kv, r), r);
}

void kv_edit_end(struct kv *kv, struct kv_rec *r, uint64_t changes)
{
    kv__change_finish(kv, kv__db_of(kv, r), r, changes);
}

/* -- Converting and copying ---------------------------------------------------------------------------------------------- */

void kv__coll_convert(struct kv_coll *c, enum kv_type type, enum kv_coll_enc enc,
                      struct kv_conversion *out)
{
    out->coll = c;
    out->enc = enc;
    init_trees(c, type, enc, out->fresh);
}

static enum status clear_trees(struct kv_tree *trees, struct error *err)
{
    enum status st = kv__tree_clear(&trees[0], err);
    return st == ST_OK ? kv__tree_clear(&trees[1], err) : st;
}

static void move_tree(struct kv_coll *c, struct kv_tree *from, struct kv_tree *to)
{
    *to = *from;
    if (to->root)
        to->root->tree = to;
    struct kv_page *p = c->ring;
    for (uint32_t n = c->pages; n > 0; n--, p = p->rnext) {
        if (p->tree == from)
            p->tree = to;
    }
}

enum status kv__coll_convert_commit(struct kv_conversion *v, struct error *err)
{
    struct kv_coll *c = v->coll;
    enum status st = clear_trees(c->tree, err);
    if (st != ST_OK)
        return st;
    for (size_t i = 0; i < COUNT_OF(c->tree); i++)
        move_tree(c, &v->fresh[i], &c->tree[i]);
    c->enc = (uint8_t)v->enc;
    return ST_OK;
}

void kv__coll_convert_abort(struct kv_conversion *v)
{
    /* All in memory and ours: nothing to read, so nothing to fail. */
    orbit_assert(clear_trees(v->fresh, NULL) == ST_OK);
}

static enum status copy_tree(struct kv_tree *from, struct kv_tree *to, struct error *err)
{
    struct kv_cur cur;
    enum status st = kv__tree_first(from, &cur, err);
    while (st == ST_OK && !kv__cur_end(&cur)) {
        st = kv__tree_append(to, kv__cur_key(&cur), kv__cur_value(&cur), err);
        if (st == ST_OK)
            st = kv__cur_next(&cur, err);
    }
    return st;
}

enum status kv__coll_copy(struct kv_coll *from, struct kv_coll *to, struct error *err)
{
    if (from->ext_n)
        memcpy(to->ext, from->ext, from->ext_n * sizeof(*from->ext));
    enum status st = copy_tree(&from->tree[0], &to->tree[0], err);
    return st == ST_OK ? copy_tree(&from->tree[1], &to->tree[1], err) : st;
}

/* -- Payload (FORMAT.md) -------------------------------------------------------------------------------------------------- */

static const struct kv_leaf *inline_leaf(const struct kv_tree *t)
{
    return t->root_id == 0 && t->count > 0 ? t->root->u.leaf : NULL;
}

static void put_tree(struct buf *out, const struct kv_tree *t)
{
    buf_put_varint(out, t->count);
    buf_put_varint(out, t->bytes);
    buf_put_varint(out, t->root_id);
    if (t->root_id)
        buf_put_byte(out, t->height);
}

void kv__coll_encode(const struct kv_coll *c, struct buf *out, struct kv_leaf **share)
{
    const struct kv_leaf *leaf[2] = {inline_leaf(&c->tree[0]), inline_leaf(&c->tree[1])};
    *share = NULL;
    buf_put_byte(out, c->enc);
    buf_put_byte(out, c->ext_n);
    for (unsigned i = 0; i < c->ext_n; i++)
        buf_put_u64be(out, c->ext[i]);
    buf_put_varint(out, c->id);
    buf_put_varint(out, c->next_page);
    put_tree(out, &c->tree[0]);
    put_tree(out, &c->tree[1]);
    const struct kv_leaf *last = leaf[1] ? leaf[1] : leaf[0];
    if (leaf[0] && leaf[1]) {
        size_t at = out->n;
        buf_put_u32be(out, 0);
        kv__leaf_encode(leaf[0], out);
        char n[4];
        uint32_t be = __builtin_bswap32((uint32_t)(out->n - at - 4));
        memcpy(n, &be, sizeof(n));
        memcpy(out->p + at, n, sizeof(n));
    }
    if (last && last->size >= SHARE_MIN) {
        *share = (struct kv_leaf *)(uintptr_t)last;
        kv__leaf_ref(*share);
    } else if (last) {
        kv__leaf_encode(last, out);
    }
}

static bool get_tree(struct reader *in, struct kv_tree *t)
{
    t->count = reader_varint(in);
    t->bytes = reader_varint(in);
    uint64_t root = reader_varint(in);
    t->root_id = (uint32_t)root;
    if (root > 0)
        t->height = reader_u8(in);
    return !in->bad && root < UINT32_MAX && (root == 0 || t->count > 0) && !(root && t->packed);
}

static bool get_root(struct kv_tree *t, struct slice stored)
{
    struct kv_leaf *l = kv__leaf_decode(stored, !t->positional);
    if (!l)
        return false;
    struct kv_page *p = l->n == t->count ? kv__page_new(t, NULL, true) : NULL;
    if (!p) {
        kv__leaf_unref(l);
        return false;
    }
    p->u.leaf = l;
    t->root = p;
    return true;
}

static bool decode_payload(struct kv_coll *c, struct reader *in)
{
    for (unsigned i = 0; i < c->ext_n; i++)
        c->ext[i] = reader_u64be(in);
    c->id = reader_varint(in);
    c->next_page = (uint32_t)reader_varint(in);
    c->stored = c->id != 0;
    if (c->id > KV_HASH_MASK || c->next_page == 0 || !get_tree(in, &c->tree[0]) ||
        !get_tree(in, &c->tree[1]))
        return false;
    bool inline0 = c->tree[0].root_id == 0 && c->tree[0].count > 0,
         inline1 = c->tree[1].root_id == 0 && c->tree[1].count > 0;
    if (inline0 && inline1) {
        struct slice first = reader_bytes(in, reader_u32be(in));
        if (in->bad || !get_root(&c->tree[0], first))
            return false;
    }
    if (inline0 || inline1)
        return get_root(inline1 ? &c->tree[1] : &c->tree[0], reader_rest(in));
    return reader_left(in) == 0;
}

struct kv_coll *kv__coll_decode(struct kv *kv, const struct kv_source *src, uint8_t phys,
                                enum kv_type t, struct slice payload)
{
    struct reader in = reader_make(payload);
    uint8_t enc = reader_u8(&in), ext_n = reader_u8(&in);
    if (in.bad || enc >= KV_COLL_ENC_COUNT || ext_n > KV_COLL_EXT_MAX)
        return NULL;
    struct kv_coll *c = kv__coll_new(kv, src, phys, t, (enum kv_coll_enc)enc, ext_n);
    if (c && (!decode_payload(c, &in) || (t == KV_LIST && !kv__list_decoded(c)))) {
        kv__coll_free(c);
        c = NULL;
    }
    return c;
}
