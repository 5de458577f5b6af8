/* Values of all types but streams, encoded. */
#include "rdb/rdb_encode.h"

#include "base/num.h"
#include "base/reader.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_hash.h"
#include "keyspace/kv_list.h"
#include "keyspace/kv_object.h"
#include "keyspace/kv_set.h"
#include "keyspace/kv_zset.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_encode_priv.h"
#include "rdb/rdb_format.h"
#include "rdb/rdb_seq.h"

#include <math.h>

#define NODE_PLAIN      1
#define NODE_PACKED     2
#define NODE_PLAIN_MIN  (1u << 30)         /* an element from this size on has a node of its own */
#define NODE_SIZE_MAX   8192               /* of nodes whose number of elements is limited */
#define NODE_ESTIMATE   8                  /* what Redis adds for the header of an item */
#define SCORE_INT       4503599627370495.0 /* 2^52 - 1 */
#define NODE_FILL_SIZES 5                  /* list-max-listpack-size -1 ... -5: 4 kB ... 64 kB */

enum status rdb__out_check(struct rdb_out *o, struct error *err)
{
    return o->full && o->b.n > RDB_OUT_FULL ? o->full(o->arg, &o->b, err) : ST_OK;
}

/* Version 9 has ziplists where 10 has listpacks; plain forms stand for both, as in 10 for sets. */
static bool packs(unsigned version)
{
    return version >= RDB_VERSION_7_0;
}

static bool packs_set(enum kv_set_enc enc, unsigned version)
{
    return enc == KV_SET_LISTPACK && version > RDB_VERSION_7_0;
}

static unsigned set_type(enum kv_set_enc enc, unsigned version)
{
    if (enc == KV_SET_INTSET)
        return RDB_SET_INTSET;
    return packs_set(enc, version) ? RDB_SET_LISTPACK : RDB_SET;
}

static unsigned stream_type(unsigned version)
{
    if (version > RDB_VERSION_7_0)
        return RDB_STREAM_LISTPACKS_3;
    return version == RDB_VERSION_7_0 ? RDB_STREAM_LISTPACKS_2 : RDB_STREAM_LISTPACKS;
}

unsigned rdb_type_of(const struct kv_rec *r, unsigned version)
{
    switch (kv_rec_type(r)) {
    case KV_STRING:
        return RDB_STRING;
    case KV_LIST:
        return packs(version) ? RDB_LIST_QUICKLIST_2 : RDB_LIST;
    case KV_SET:
        return set_type(kv_set_encoding(r), version);
    case KV_ZSET:
        return kv_zset_packed(r) && packs(version) ? RDB_ZSET_LISTPACK : RDB_ZSET_2;
    case KV_HASH:
        return kv_hash_packed(r) && packs(version) ? RDB_HASH_LISTPACK : RDB_HASH;
    case KV_STREAM:
        return stream_type(version);
    case KV_MODULE:
        return RDB_MODULE_2;
    case KV_NONE:
        break;
    }
    orbit_assert(!"a record without a type that can be dumped");
    return RDB_MODULE_2;
}

static void encode_string(const struct kv_rec *r, struct rdb_out *o)
{
    int64_t v;
    char tmp[NUM_BUF];
    if (kv_str_int(r, &v))
        rdb_put_int_string(&o->b, v);
    else
        rdb_put_string(&o->b, kv_str(r, tmp), o->compress);
}

/* -- Lists --------------------------------------------------------------------------------------------------------------- */

/* Cuts a list into the nodes that Redis would make of it by pushing at its tail. */
struct nodes {
    int64_t fill; /* list-max-listpack-size */
    bool one;     /* all into one node */
    uint64_t n;   /* nodes begun */
    bool open;    /* the last one takes more */
    size_t bytes, items;
};

static bool fits(const struct nodes *c, size_t n)
{
    size_t size = c->bytes + n + NODE_ESTIMATE;
    if (c->one)
        return true;
    if (c->fill >= 0)
        return size <= NODE_SIZE_MAX && c->items + 1 <= (size_t)(c->fill ? c->fill : 1);
    int64_t level = -c->fill > NODE_FILL_SIZES ? NODE_FILL_SIZES : -c->fill;
    return size <= (size_t)2048 << level;
}

/* Adds an element. Returns true when a node begins with it. */
static bool add_to_nodes(struct nodes *c, struct slice v)
{
    bool plain = v.n >= NODE_PLAIN_MIN;
    bool begins = plain || !c->open || !fits(c, v.n);
    if (begins) {
        c->n++;
        c->items = 0;
        c->bytes = RDB_LISTPACK_EMPTY;
    }
    c->open = !plain;
    c->items++;
    c->bytes += plain ? 0 : rdb_listpack_item(v);
    return begins;
}

static void put_node(struct rdb_out *o, struct rdb_listpack *l)
{
    if (!l->n)
        return;
    rdb_put_len(&o->b, NODE_PACKED);
    rdb_put_string(&o->b, rdb_listpack_end(l), o->compress);
    rdb_listpack_begin(l);
}

static enum status put_nodes(struct kv_rec *r, struct nodes *c, struct rdb_out *o,
                             struct rdb_listpack *l, struct error *err)
{
    struct kv_list_cur at;
    enum status st = kv_list_first(r, &at, err);
    for (; st == ST_OK && !kv_list_end(&at); st = kv_list_next(&at, err)) {
        struct slice v = kv_list_value(&at);
        bool begins = add_to_nodes(c, v);
        if (!o)
            continue;
        if (begins)
            put_node(o, l);
        if (c->open) {
            rdb_listpack_put(l, v);
        } else {
            rdb_put_len(&o->b, NODE_PLAIN);
            rdb_put_string(&o->b, v, o->compress);
        }
        st = rdb__out_check(o, err);
        if (st != ST_OK)
            return st;
    }
    if (st == ST_OK && o)
        put_node(o, l);
    return st;
}

static enum status encode_plain_list(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    struct kv_list_cur at;
    rdb_put_len(&o->b, kv_list_count(r));
    enum status st = kv_list_first(r, &at, err);
    while (st == ST_OK && !kv_list_end(&at)) {
        rdb_put_string(&o->b, kv_list_value(&at), o->compress);
        st = rdb__out_check(o, err);
        if (st == ST_OK)
            st = kv_list_next(&at, err);
    }
    return st;
}

/* Twice over the list: the number of nodes comes first. */
static enum status encode_list(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    struct nodes count = {.fill = keyspace_opts.list_max_listpack_size, .one = kv_list_packed(r)};
    struct nodes write = count;
    struct rdb_listpack l = {.b = BUF_INIT};
    if (!packs(o->version))
        return encode_plain_list(r, o, err);
    enum status st = put_nodes(r, &count, NULL, NULL, err);
    if (st != ST_OK)
        return st;
    rdb_put_len(&o->b, count.n);
    rdb_listpack_begin(&l);
    st = put_nodes(r, &write, o, &l, err);
    buf_free(&l.b);
    return st;
}

/* -- Sets ---------------------------------------------------------------------------------------------------------------- */

static enum status encode_intset(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    struct buf b = BUF_INIT;
    struct kv_set_cur at;
    unsigned width = 2;
    int64_t v = 0;
    enum status st = kv_set_first(r, &at, err);
    for (; st == ST_OK && !kv_set_end(&at); st = kv_set_next(&at, err)) {
        if (!num_parse_int(kv_set_member(&at), &v)) {
            st = error_set(err, ST_CORRUPT, "an intset holds a member that is no integer");
            break;
        }
        if (v < INT32_MIN || v > INT32_MAX)
            width = 8;
        else if ((v < INT16_MIN || v > INT16_MAX) && width < 4)
            width = 4;
        buf_put_u64le(&b, (uint64_t)v);
    }
    if (st == ST_OK) {
        struct buf out = BUF_INIT;
        buf_put_u32le(&out, width);
        buf_put_u32le(&out, (uint32_t)(b.n / 8));
        for (size_t i = 0; i < b.n; i += 8)
            buf_put(&out, b.p + i, width);
        rdb_put_string(&o->b, buf_slice(&out), o->compress);
        buf_free(&out);
    }
    buf_free(&b);
    return st;
}

static enum status encode_set(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    enum kv_set_enc enc = kv_set_encoding(r);
    if (enc == KV_SET_INTSET)
        return encode_intset(r, o, err);
    bool packed = packs_set(enc, o->version);
    struct rdb_listpack l = {.b = BUF_INIT};
    struct kv_set_cur at;
    if (packed)
        rdb_listpack_begin(&l);
    else
        rdb_put_len(&o->b, kv_set_count(r));
    enum status st = kv_set_first(r, &at, err);
    while (st == ST_OK && !kv_set_end(&at)) {
        if (packed)
            rdb_listpack_put(&l, kv_set_member(&at));
        else
            rdb_put_string(&o->b, kv_set_member(&at), o->compress);
        st = rdb__out_check(o, err);
        if (st == ST_OK)
            st = kv_set_next(&at, err);
    }
    if (st == ST_OK && packed)
        rdb_put_string(&o->b, rdb_listpack_end(&l), o->compress);
    buf_free(&l.b);
    return st;
}

/* -- Sorted sets and hashes ---------------------------------------------------------------------------------------------- */

static void put_score(struct rdb_listpack *l, double score)
{
    char text[NUM_BUF];
    if (fabs(score) < SCORE_INT && score == (double)(int64_t)score)
        rdb_listpack_put_int(l, (int64_t)score);
    else
        rdb_listpack_put(l, slice_make(text, num_format_double(text, score)));
}

static enum status encode_packed_zset(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    struct rdb_listpack l = {.b = BUF_INIT};
    struct kv_zset_cur at;
    rdb_listpack_begin(&l);
    enum status st = kv_zset_first(r, &at, err);
    for (; st == ST_OK && !kv_zset_end(&at); st = kv_zset_next(&at, err)) {
        struct kv_zset_item item = kv_zset_item(&at);
        rdb_listpack_put(&l, item.member);
        put_score(&l, item.score);
    }
    if (st == ST_OK)
        rdb_put_string(&o->b, rdb_listpack_end(&l), o->compress);
    buf_free(&l.b);
    return st;
}

/* From the highest score down, as Redis does. */
static enum status encode_zset(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    struct kv_zset_cur at;
    if (kv_zset_packed(r) && packs(o->version))
        return encode_packed_zset(r, o, err);
    rdb_put_len(&o->b, kv_zset_count(r));
    enum status st = kv_zset_last(r, &at, err);
    while (st == ST_OK && !kv_zset_end(&at)) {
        struct kv_zset_item item = kv_zset_item(&at);
        rdb_put_string(&o->b, item.member, o->compress);
        rdb_put_double(&o->b, item.score);
        st = rdb__out_check(o, err);
        if (st == ST_OK)
            st = kv_zset_prev(&at, err);
    }
    return st;
}

static enum status encode_hash(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    bool packed = kv_hash_packed(r) && packs(o->version);
    struct rdb_listpack l = {.b = BUF_INIT};
    struct kv_hash_cur at;
    if (packed)
        rdb_listpack_begin(&l);
    else
        rdb_put_len(&o->b, kv_hash_count(r));
    enum status st = kv_hash_first(r, &at, err);
    while (st == ST_OK && !kv_hash_end(&at)) {
        struct kv_hash_item item = kv_hash_item(&at);
        if (packed) {
            rdb_listpack_put(&l, item.field);
            rdb_listpack_put(&l, item.value);
        } else {
            rdb_put_string(&o->b, item.field, o->compress);
            rdb_put_string(&o->b, item.value, o->compress);
        }
        st = rdb__out_check(o, err);
        if (st == ST_OK)
            st = kv_hash_next(&at, err);
    }
    if (st == ST_OK && packed)
        rdb_put_string(&o->b, rdb_listpack_end(&l), o->compress);
    buf_free(&l.b);
    return st;
}

static enum status encode_module(const struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    struct buf stored = BUF_INIT;
    enum status st = kv_object_put(r, &stored, err);
    if (st == ST_OK) {
        struct reader in = reader_make(buf_slice(&stored));
        rdb_put_len(&o->b, reader_u64be(&in));
        buf_put_slice(&o->b, reader_rest(&in));
        st = rdb__out_check(o, err);
    }
    buf_free(&stored);
    return st;
}

/* -- All ----------------------------------------------------------------------------------------------------------------- */

enum status rdb_encode(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    switch (kv_rec_type(r)) {
    case KV_STRING:
        encode_string(r, o);
        return rdb__out_check(o, err);
    case KV_LIST:
        return encode_list(r, o, err);
    case KV_SET:
        return encode_set(r, o, err);
    case KV_ZSET:
        return encode_zset(r, o, err);
    case KV_HASH:
        return encode_hash(r, o, err);
    case KV_STREAM:
        return rdb__encode_stream(r, o, err);
    case KV_MODULE:
        return encode_module(r, o, err);
    case KV_NONE:
        break;
    }
    return error_set(err, ST_UNSUPPORTED, "a value of a type that cannot be dumped");
}

enum status rdb_encode_payload(struct kv_rec *r, bool compress, struct buf *out, struct error *err)
{
    size_t from = out->n;
    struct rdb_out o = {.b = *out, .compress = compress, .version = RDB_VERSION};
    buf_put_byte(&o.b, (uint8_t)rdb_type_of(r, o.version));
    enum status st = rdb_encode(r, &o, err);
    *out = o.b;
    if (st == ST_OK)
        rdb_payload_seal(out, from);
    return st;
}
