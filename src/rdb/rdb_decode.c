/* Values of all types but streams, decoded. */
#include "rdb/rdb_decode.h"

#include "base/mem.h"
#include "base/num.h"
#include "keyspace/kv_object.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_format.h"
#include "rdb/rdb_modules.h"
#include "rdb/rdb_priv.h"
#include "rdb/rdb_seq.h"

#include <math.h>

#define NODE_PLAIN  1
#define NODE_PACKED 2

/* -- Duplicates ---------------------------------------------------------------------------------------------------------- */

static bool place(struct rdb_seen *seen, const uint64_t h[2])
{
    size_t i = h[0] & (seen->cap - 1);
    for (; seen->v[i][0] || seen->v[i][1]; i = (i + 1) & (seen->cap - 1))
        if (seen->v[i][0] == h[0] && seen->v[i][1] == h[1])
            return false;
    memcpy(seen->v[i], h, sizeof(seen->v[i]));
    return true;
}

static bool grow(struct rdb_seen *seen)
{
    struct rdb_seen fresh = {.cap = seen->cap ? seen->cap * 2 : 64};
    fresh.v = mem_try_alloc(fresh.cap * sizeof(*fresh.v));
    if (!fresh.v)
        return false;
    memset(fresh.v, 0, fresh.cap * sizeof(*fresh.v));
    for (size_t i = 0; i < seen->cap; i++)
        if (seen->v[i][0] || seen->v[i][1])
            (void)place(&fresh, seen->v[i]);
    mem_free(seen->v);
    seen->v = fresh.v;
    seen->cap = fresh.cap;
    return true;
}

enum status rdb__seen_add(struct rdb_seen *seen, struct slice s, struct error *err)
{
    if (!seen->cap)
        hash_random(seen->seed, sizeof(seen->seed));
    if (seen->n * 2 >= seen->cap && !grow(seen))
        return error_set(err, ST_NO_MEMORY, "out of memory while looking for duplicates");
    uint64_t h[2] = {hash_sip13(seen->seed[0], s.p, s.n), hash_sip13(seen->seed[1], s.p, s.n) | 1};
    if (!place(seen, h))
        return ST_EXISTS;
    seen->n++;
    return ST_OK;
}

void rdb__seen_clear(struct rdb_seen *seen)
{
    /* A large one is not worth clearing for what may be a single string. */
    if (seen->cap > 1024) {
        mem_free(seen->v);
        seen->v = NULL;
        seen->cap = 0;
    } else if (seen->n) {
        memset(seen->v, 0, seen->cap * sizeof(*seen->v));
    }
    seen->n = 0;
}

void rdb__seen_free(struct rdb_seen *seen)
{
    mem_free(seen->v);
}

/* -- Elements ------------------------------------------------------------------------------------------------------------ */

static enum status short_read(struct rdb_decoder *d)
{
    return error_set(d->err, ST_CORRUPT, "the value ends too early or holds a broken string");
}

static enum status begin(struct rdb_decoder *d, enum kv_type type)
{
    if (d->begun || !d->sink)
        return ST_OK;
    d->begun = true;
    return d->sink->begin(d->sink->arg, type, d->type, d->count, d->err);
}

static enum status once(struct rdb_decoder *d, struct slice s, const char *what)
{
    if (!d->unique)
        return ST_OK;
    enum status st = rdb__seen_add(&d->seen, s, d->err);
    return st == ST_EXISTS ? error_set(d->err, ST_CORRUPT, "%s", what) : st;
}

static enum status element(struct rdb_decoder *d, enum kv_type type, struct slice a, struct slice b)
{
    d->given++;
    enum status st = begin(d, type);
    if (st == ST_OK && d->sink)
        st = d->sink->element(d->sink->arg, a, b, d->err);
    return st;
}

static enum status scored(struct rdb_decoder *d, struct slice member, double score)
{
    d->given++;
    enum status st = begin(d, KV_ZSET);
    if (st == ST_OK && d->sink)
        st = d->sink->scored(d->sink->arg, member, score, d->err);
    return st;
}

/* -- Element by element -------------------------------------------------------------------------------------------------- */

static enum status decode_string(struct rdb_decoder *d)
{
    struct slice s = rdb_get_string(d->r, &d->a);
    if (d->r->bad)
        return short_read(d);
    return d->sink ? d->sink->string(d->sink->arg, s, d->err) : ST_OK;
}

/* Lists, sets and hashes. */
static enum status decode_plain(struct rdb_decoder *d, enum kv_type type)
{
    uint64_t n = d->count = rdb_get_len(d->r);
    for (; n > 0; n--) {
        struct slice a = rdb_get_string(d->r, &d->a), b = SLICE_NULL;
        if (type == KV_HASH)
            b = rdb_get_string(d->r, &d->b);
        if (d->r->bad)
            return short_read(d);
        enum status st = type == KV_LIST  ? ST_OK
                         : type == KV_SET ? once(d, a, "Duplicate set members detected")
                                          : once(d, a, "Hash with dup elements");
        if (st == ST_OK)
            st = element(d, type, a, b);
        if (st != ST_OK)
            return st;
    }
    return d->r->bad ? short_read(d) : ST_OK;
}

static enum status decode_zset(struct rdb_decoder *d)
{
    uint64_t n = d->count = rdb_get_len(d->r);
    for (; n > 0; n--) {
        struct slice member = rdb_get_string(d->r, &d->a);
        double score = d->type == RDB_ZSET_2 ? rdb_get_double(d->r) : rdb_get_text_double(d->r);
        if (d->r->bad)
            return short_read(d);
        if (isnan(score))
            return error_set(d->err, ST_CORRUPT, "Zset with NAN score detected");
        enum status st = once(d, member, "Duplicate zset fields detected");
        if (st == ST_OK)
            st = scored(d, member, score);
        if (st != ST_OK)
            return st;
    }
    return d->r->bad ? short_read(d) : ST_OK;
}

/* -- Packed -------------------------------------------------------------------------------------------------------------- */

static const struct packed {
    enum kv_type type;
    enum rdb_seq_kind kind;
    const char *broken;
} packed_types[] = {
    [RDB_HASH_ZIPMAP] = {KV_HASH, RDB_ZIPMAP, "Zipmap integrity check failed."},
    [RDB_LIST_ZIPLIST] = {KV_LIST, RDB_ZIPLIST, "List ziplist integrity check failed."},
    [RDB_SET_INTSET] = {KV_SET, RDB_INTSET, "Intset integrity check failed."},
    [RDB_ZSET_ZIPLIST] = {KV_ZSET, RDB_ZIPLIST, "Zset ziplist integrity check failed."},
    [RDB_HASH_ZIPLIST] = {KV_HASH, RDB_ZIPLIST, "Hash ziplist integrity check failed."},
    [RDB_LIST_QUICKLIST] = {KV_LIST, RDB_ZIPLIST, "Ziplist integrity check failed."},
    [RDB_HASH_LISTPACK] = {KV_HASH, RDB_LISTPACK, "Hash listpack integrity check failed."},
    [RDB_ZSET_LISTPACK] = {KV_ZSET, RDB_LISTPACK, "Zset listpack integrity check failed."},
    [RDB_LIST_QUICKLIST_2] = {KV_LIST, RDB_LISTPACK, "Listpack integrity check failed."},
    [RDB_SET_LISTPACK] = {KV_SET, RDB_LISTPACK, "Set listpack integrity check failed."},
};

static bool score_of(const struct rdb_item *item, double *score)
{
    *score = (double)item->i;
    return item->is_int || (num_parse_double(item->s, score) && !isnan(*score));
}

/* What is in one sequence. */
static enum status decode_seq(struct rdb_decoder *d, const struct packed *p, struct slice bytes)
{
    struct rdb_seq q;
    struct rdb_item a, b = {.s = SLICE_NULL};
    bool pairs = p->type == KV_HASH || p->type == KV_ZSET;
    double score = 0;
    if (!rdb_seq_open(&q, p->kind, bytes))
        return error_set(d->err, ST_CORRUPT, "%s", p->broken);
    if (d->type != RDB_LIST_QUICKLIST && d->type != RDB_LIST_QUICKLIST_2)
        d->count = pairs ? q.count / 2 : q.count;
    for (;;) {
        enum rdb_next got = rdb_seq_next(&q, &a);
        if (got == RDB_NEXT_END)
            return ST_OK;
        if (got == RDB_NEXT_ITEM && pairs && rdb_seq_next(&q, &b) != RDB_NEXT_ITEM)
            got = RDB_NEXT_BAD;
        if (got == RDB_NEXT_BAD || (p->type == KV_ZSET && !score_of(&b, &score)))
            return error_set(d->err, ST_CORRUPT, "%s", p->broken);
        enum status st = p->type == KV_LIST ? ST_OK : once(d, a.s, p->broken);
        if (st == ST_OK)
            st = p->type == KV_ZSET ? scored(d, a.s, score) : element(d, p->type, a.s, b.s);
        if (st != ST_OK)
            return st;
    }
}

static enum status decode_packed(struct rdb_decoder *d)
{
    struct slice bytes = rdb_get_string(d->r, &d->a);
    return d->r->bad ? short_read(d) : decode_seq(d, &packed_types[d->type], bytes);
}

static enum status decode_quicklist(struct rdb_decoder *d)
{
    uint64_t nodes = rdb_get_len(d->r);
    enum status st = ST_OK;
    while (nodes-- > 0 && !d->r->bad && st == ST_OK) {
        uint64_t form = d->type == RDB_LIST_QUICKLIST_2 ? rdb_get_len(d->r) : NODE_PACKED;
        if (!d->r->bad && form != NODE_PACKED && form != NODE_PLAIN)
            return error_set(d->err, ST_CORRUPT, "Quicklist integrity check failed.");
        struct slice bytes = rdb_get_string(d->r, &d->a);
        if (d->r->bad || bytes.n == 0)
            return short_read(d);
        st = form == NODE_PLAIN ? element(d, KV_LIST, bytes, SLICE_NULL)
                                : decode_seq(d, &packed_types[d->type], bytes);
    }
    return d->r->bad ? short_read(d) : st;
}

/* -- Modules ------------------------------------------------------------------------------------------------------------- */

static enum status decode_module(struct rdb_decoder *d)
{
    char name[KV_OBJECT_NAME + 1];
    struct slice parts;
    if (d->type == RDB_MODULE_PRE_GA)
        return error_set(d->err, ST_UNSUPPORTED, "Pre-release module format not supported");
    uint64_t id = rdb_get_len(d->r);
    if (!d->r->bad && !rdb_knows_module(id)) {
        kv_object_name(id, name);
        return error_set(
            d->err, ST_UNSUPPORTED,
            "The RDB file contains module data I can't load: no matching module type '%s'", name);
    }
    if (!rdb_skip_module_parts(d->r, &parts))
        return error_set(d->err, ST_CORRUPT, "the value of a module's type is broken");
    d->given++;
    return d->sink ? d->sink->module(d->sink->arg, id, parts, d->err) : ST_OK;
}

static bool skip_module(struct reader *r)
{
    struct slice parts;
    (void)rdb_get_len(r);
    return rdb_skip_module_parts(r, &parts);
}

/* -- All ----------------------------------------------------------------------------------------------------------------- */

bool rdb_is_type(unsigned rdb_type)
{
    return rdb_type <= RDB_MODULE_2 ||
           (rdb_type >= RDB_HASH_ZIPMAP && rdb_type <= RDB_STREAM_LISTPACKS_3);
}

static enum status decode(struct rdb_decoder *d)
{
    switch (d->type) {
    case RDB_STRING:
        return decode_string(d);
    case RDB_LIST:
        return decode_plain(d, KV_LIST);
    case RDB_SET:
        return decode_plain(d, KV_SET);
    case RDB_HASH:
        return decode_plain(d, KV_HASH);
    case RDB_ZSET:
    case RDB_ZSET_2:
        return decode_zset(d);
    case RDB_MODULE_PRE_GA:
    case RDB_MODULE_2:
        return decode_module(d);
    case RDB_LIST_QUICKLIST:
    case RDB_LIST_QUICKLIST_2:
        return decode_quicklist(d);
    case RDB_STREAM_LISTPACKS:
    case RDB_STREAM_LISTPACKS_2:
    case RDB_STREAM_LISTPACKS_3:
        return rdb__decode_stream(d);
    default:
        if (d->type < COUNT_OF(packed_types) && packed_types[d->type].broken)
            return decode_packed(d);
        return error_set(d->err, ST_CORRUPT, "Unknown RDB encoding type %u", d->type);
    }
}

enum status rdb_decode(struct reader *r, unsigned rdb_type, bool unique,
                       const struct rdb_sink *sink, struct error *err)
{
    struct rdb_decoder d = {.r = r, .type = rdb_type, .unique = unique, .sink = sink, .err = err};
    enum status st = decode(&d);
    bool stream = rdb_type == RDB_STREAM_LISTPACKS || rdb_type == RDB_STREAM_LISTPACKS_2 ||
                  rdb_type == RDB_STREAM_LISTPACKS_3;
    if (st == ST_OK && d.given == 0 && rdb_type != RDB_STRING && !stream)
        st = error_set(err, ST_NOT_FOUND, "the collection is empty");
    buf_free(&d.a);
    buf_free(&d.b);
    rdb__seen_free(&d.seen);
    return st;
}

static void skip_stream(struct reader *r, unsigned type)
{
    uint64_t nodes = rdb_get_len(r);
    while (nodes-- > 0 && !r->bad) {
        rdb_skip_string(r);
        rdb_skip_string(r);
    }
    for (int numbers = type == RDB_STREAM_LISTPACKS ? 3 : 8; numbers > 0; numbers--)
        (void)rdb_get_len(r);
    for (uint64_t groups = rdb_get_len(r); groups > 0 && !r->bad; groups--) {
        rdb_skip_string(r);
        for (int numbers = type == RDB_STREAM_LISTPACKS ? 2 : 3; numbers > 0; numbers--)
            (void)rdb_get_len(r);
        for (uint64_t n = rdb_get_len(r); n > 0 && !r->bad; n--) {
            (void)reader_bytes(r, 16 + 8);
            (void)rdb_get_len(r);
        }
        for (uint64_t consumers = rdb_get_len(r); consumers > 0 && !r->bad; consumers--) {
            rdb_skip_string(r);
            (void)reader_bytes(r, type == RDB_STREAM_LISTPACKS_3 ? 16 : 8);
            for (uint64_t n = rdb_get_len(r); n > 0 && !r->bad; n--)
                (void)reader_bytes(r, 16);
        }
    }
}

bool rdb_skip_value(struct reader *r, unsigned rdb_type)
{
    if (!rdb_is_type(rdb_type) || rdb_type == RDB_MODULE_PRE_GA)
        return false;
    if (rdb_type == RDB_MODULE_2)
        return skip_module(r);
    if (rdb_type == RDB_STREAM_LISTPACKS || rdb_type == RDB_STREAM_LISTPACKS_2 ||
        rdb_type == RDB_STREAM_LISTPACKS_3) {
        skip_stream(r, rdb_type);
        return !r->bad;
    }
    uint64_t n = 1;
    if (rdb_type == RDB_LIST || rdb_type == RDB_SET || rdb_type == RDB_ZSET ||
        rdb_type == RDB_HASH || rdb_type == RDB_ZSET_2 || rdb_type == RDB_LIST_QUICKLIST ||
        rdb_type == RDB_LIST_QUICKLIST_2)
        n = rdb_get_len(r);
    for (; n > 0 && !r->bad; n--) {
        if (rdb_type == RDB_LIST_QUICKLIST_2)
            (void)rdb_get_len(r);
        rdb_skip_string(r);
        if (rdb_type == RDB_HASH)
            rdb_skip_string(r);
        if (rdb_type == RDB_ZSET_2)
            (void)reader_u64le(r);
        if (rdb_type == RDB_ZSET)
            rdb_skip_text_double(r);
    }
    return !r->bad;
}
