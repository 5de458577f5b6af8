/* Streams, encoded: rdb_decode_stream.c shows the layout. Entries that were deleted are not written. */
#include "base/arena.h"
#include "keyspace/kv_stream.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_encode_priv.h"
#include "rdb/rdb_format.h"
#include "rdb/rdb_seq.h"

#define ENTRY_SAMEFIELDS 2
#define ARENA_CHUNK      4096

static void put_id(struct buf *b, struct kv_stream_id id)
{
    rdb_put_len(b, id.ms);
    rdb_put_len(b, id.seq);
}

static void put_raw_id(struct buf *b, struct kv_stream_id id)
{
    buf_put_u64be(b, id.ms);
    buf_put_u64be(b, id.seq);
}

/* -- Nodes --------------------------------------------------------------------------------------------------------------- */

/* Copies the field names of an entry. */
static void copy_names(const struct kv_stream_entry *e, struct buf *names)
{
    struct kv_stream_entry walk = *e;
    struct slice field, value;
    buf_clear(names);
    while (kv_stream_pair(&walk, &field, &value)) {
        buf_put_u32le(names, (uint32_t)field.n);
        buf_put_slice(names, field);
    }
}

static bool same_names(const struct kv_stream_entry *e, struct buf *names)
{
    struct kv_stream_entry walk = *e;
    struct slice field, value;
    size_t at = 0;
    while (kv_stream_pair(&walk, &field, &value)) {
        uint32_t n;
        if (names->n - at < sizeof(n) + field.n)
            return false;
        memcpy(&n, names->p + at, sizeof(n));
        if (n != field.n || (n && memcmp(names->p + at + sizeof(n), field.p, n) != 0))
            return false;
        at += sizeof(n) + n;
    }
    return at == names->n;
}

static void put_head(struct rdb_listpack *l, const struct kv_stream_node *node,
                     const struct kv_stream_entry *first)
{
    struct kv_stream_entry walk = *first;
    struct slice field, value;
    rdb_listpack_put_int(l, (int64_t)node->live);
    rdb_listpack_put_int(l, 0);
    rdb_listpack_put_int(l, (int64_t)first->pairs);
    while (kv_stream_pair(&walk, &field, &value))
        rdb_listpack_put(l, field);
    rdb_listpack_put_int(l, 0);
}

static void put_entry(struct rdb_listpack *l, struct kv_stream_id master,
                      const struct kv_stream_entry *e, bool same)
{
    struct kv_stream_entry walk = *e;
    struct slice field, value;
    rdb_listpack_put_int(l, same ? ENTRY_SAMEFIELDS : 0);
    rdb_listpack_put_int(l, (int64_t)(e->id.ms - master.ms));
    rdb_listpack_put_int(l, (int64_t)(e->id.seq - master.seq));
    if (!same)
        rdb_listpack_put_int(l, (int64_t)e->pairs);
    while (kv_stream_pair(&walk, &field, &value)) {
        if (!same)
            rdb_listpack_put(l, field);
        rdb_listpack_put(l, value);
    }
    rdb_listpack_put_int(l, (int64_t)(same ? e->pairs + 3 : 2 * e->pairs + 4));
}

struct scratch {
    struct rdb_listpack l;
    struct buf names;
};

static enum status put_node(struct kv_rec *r, const struct kv_stream_node *node, struct rdb_out *o,
                            struct scratch *tmp, struct error *err)
{
    struct kv_stream_cur at;
    struct kv_stream_entry e;
    uint64_t n = 0;
    bool found;
    enum status st = kv_stream_seek(r, node->first, node->last, false, &at, err);
    if (st == ST_OK)
        st = kv_stream_next(&at, &found, &e, err);
    rdb_listpack_begin(&tmp->l);
    while (st == ST_OK && found) {
        if (n++ == 0) {
            put_head(&tmp->l, node, &e);
            copy_names(&e, &tmp->names);
        }
        put_entry(&tmp->l, node->first, &e, same_names(&e, &tmp->names));
        st = kv_stream_next(&at, &found, &e, err);
    }
    if (st == ST_OK && n != node->live)
        st = error_set(err, ST_CORRUPT, "a node of a stream does not hold what it should");
    if (st != ST_OK)
        return st;
    rdb_put_len(&o->b, 16);
    put_raw_id(&o->b, node->first);
    rdb_put_string(&o->b, rdb_listpack_end(&tmp->l), o->compress);
    return rdb__out_check(o, err);
}

/* All nodes first: reading entries may give up the pages that a walk over nodes stands on. */
static enum status collect_nodes(struct kv_rec *r, struct buf *out, struct error *err)
{
    struct kv_stream_walk w;
    struct kv_stream_node node;
    bool found = true;
    enum status st = kv_stream_walk_nodes(r, &w, err);
    while (st == ST_OK) {
        st = kv_stream_next_node(&w, &found, &node, err);
        if (st != ST_OK || !found)
            break;
        if (node.live == 0)
            continue; /* a listpack without entries is none */
        if (!buf_try_reserve(out, sizeof(node)))
            return error_set(err, ST_NO_MEMORY, "out of memory for the nodes of a stream");
        buf_put(out, &node, sizeof(node));
    }
    return st;
}

static enum status put_nodes(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    struct scratch tmp = {.names = BUF_INIT};
    struct buf nodes = BUF_INIT;
    struct kv_stream_node node;
    enum status st = collect_nodes(r, &nodes, err);
    if (st == ST_OK)
        rdb_put_len(&o->b, nodes.n / sizeof(node));
    for (size_t at = 0; st == ST_OK && at < nodes.n; at += sizeof(node)) {
        memcpy(&node, nodes.p + at, sizeof(node));
        st = put_node(r, &node, o, &tmp, err);
    }
    buf_free(&nodes);
    buf_free(&tmp.l.b);
    buf_free(&tmp.names);
    return st;
}

/* -- Groups -------------------------------------------------------------------------------------------------------------- */

/* Pending entries of a group, with what is known of them, or only the IDs of those of a consumer. */
static enum status put_pending(struct kv_rec *r, const struct kv_stream_group *g, uint64_t consumer,
                               struct rdb_out *o, struct error *err)
{
    struct kv_stream_walk w;
    struct kv_stream_pending p;
    uint64_t n;
    bool found = true;
    enum status st = kv_stream_pendings(r, g, consumer, &n, err);
    if (st == ST_OK)
        st = kv_stream_walk_pending(r, g, consumer, KV_STREAM_ID_MIN, &w, err);
    if (st == ST_OK)
        rdb_put_len(&o->b, n);
    while (st == ST_OK) {
        st = kv_stream_next_pending(&w, &found, &p, err);
        if (st != ST_OK || !found)
            break;
        put_raw_id(&o->b, p.id);
        if (!consumer) {
            buf_put_u64le(&o->b, (uint64_t)p.delivered_ms);
            rdb_put_len(&o->b, p.deliveries);
        }
        st = rdb__out_check(o, err);
    }
    return st;
}

/* Groups, or the consumers of one, with their names in an arena. */
struct named {
    struct slice name;
    struct kv_stream_group group;
    struct kv_stream_consumer consumer;
};

static bool keep(struct buf *out, struct arena *names, struct named n)
{
    if (!buf_try_reserve(out, sizeof(n)))
        return false;
    n.name = arena_dup(names, n.name);
    buf_put(out, &n, sizeof(n));
    return true;
}

/* g NULL: all groups. */
static enum status collect_named(struct kv_rec *r, const struct kv_stream_group *g, struct buf *out,
                                 struct arena *names, struct error *err)
{
    struct kv_stream_walk w;
    struct named n = {.name = SLICE_NULL};
    bool found = true;
    enum status st =
        g ? kv_stream_walk_consumers(r, g, &w, err) : kv_stream_walk_groups(r, &w, err);
    while (st == ST_OK) {
        st = g ? kv_stream_next_consumer(&w, &found, &n.name, &n.consumer, err)
               : kv_stream_next_group(&w, &found, &n.name, &n.group, err);
        if (st != ST_OK || !found)
            break;
        if (!keep(out, names, n))
            st = error_set(err, ST_NO_MEMORY, "out of memory for the groups of a stream");
    }
    return st;
}

static struct named named_at(const struct buf *b, size_t at)
{
    struct named n;
    memcpy(&n, b->p + at, sizeof(n));
    return n;
}

static enum status put_consumers(struct kv_rec *r, const struct kv_stream_group *g,
                                 struct rdb_out *o, struct error *err)
{
    struct arena *names = arena_new(ARENA_CHUNK);
    struct buf all = BUF_INIT;
    enum status st = collect_named(r, g, &all, names, err);
    if (st == ST_OK)
        rdb_put_len(&o->b, all.n / sizeof(struct named));
    for (size_t at = 0; st == ST_OK && at < all.n; at += sizeof(struct named)) {
        struct named n = named_at(&all, at);
        rdb_put_string(&o->b, n.name, o->compress);
        buf_put_u64le(&o->b, (uint64_t)n.consumer.seen_ms);
        if (o->version > RDB_VERSION_7_0)
            buf_put_u64le(&o->b, (uint64_t)n.consumer.active_ms);
        st = put_pending(r, g, n.consumer.no, o, err);
    }
    buf_free(&all);
    arena_free(names);
    return st;
}

static enum status put_groups(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    struct arena *names = arena_new(ARENA_CHUNK);
    struct buf all = BUF_INIT;
    enum status st = collect_named(r, NULL, &all, names, err);
    if (st == ST_OK)
        rdb_put_len(&o->b, all.n / sizeof(struct named));
    for (size_t at = 0; st == ST_OK && at < all.n; at += sizeof(struct named)) {
        struct named n = named_at(&all, at);
        rdb_put_string(&o->b, n.name, o->compress);
        put_id(&o->b, n.group.last);
        if (o->version >= RDB_VERSION_7_0)
            rdb_put_len(&o->b, (uint64_t)n.group.entries_read);
        st = put_pending(r, &n.group, 0, o, err);
        if (st == ST_OK)
            st = put_consumers(r, &n.group, o, err);
    }
    buf_free(&all);
    arena_free(names);
    return st;
}

enum status rdb__encode_stream(struct kv_rec *r, struct rdb_out *o, struct error *err)
{
    struct kv_stream_info info;
    enum status st = put_nodes(r, o, err);
    if (st != ST_OK)
        return st;
    kv_stream_info(r, &info);
    rdb_put_len(&o->b, info.length);
    put_id(&o->b, info.last);
    if (o->version >= RDB_VERSION_7_0) {
        put_id(&o->b, info.first);
        put_id(&o->b, info.max_gone);
        rdb_put_len(&o->b, info.added);
    }
    return put_groups(r, o, err);
}
