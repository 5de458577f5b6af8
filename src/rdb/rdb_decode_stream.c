/* Streams, decoded.
 *
 *   nodes: { ID of the first entry (16 bytes), listpack }...
 *     listpack: entries, deleted entries, fields, field name..., 0,
 *               { flags, ms, seq (both relative to the node's ID), [fields, field, value ...] or value..., items so far }...
 *   length, last ID, [first ID, highest deleted ID, entries ever added,]
 *   groups: { name, last ID, [entries read,] pending: { ID, time, deliveries }...,
 *             consumers: { name, seen, [active,] pending: { ID }... }... }... */
#include "base/arena.h"
#include "base/mem.h"
#include "base/num.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_format.h"
#include "rdb/rdb_priv.h"
#include "rdb/rdb_seq.h"

#include <inttypes.h>

#define ENTRY_DELETED    1
#define ENTRY_SAMEFIELDS 2
#define ARENA_CHUNK      4096

static const char broken_node[] = "Stream listpack integrity check failed.";

struct fields {
    struct slice *v;
    size_t n, cap;
};

struct stream {
    struct rdb_decoder *d;
    struct rdb_seq q;
    struct kv_stream_id master, first, last; /* IDs of the node; of the entries that are there */
    struct kv_stream_id top;                 /* last entry of all, deleted ones too */
    uint64_t live;
    bool any;                   /* top is set */
    struct fields names, argv;  /* of the node, of the entry */
    struct arena *node, *entry; /* texts of integers among them */
};

static enum status broken(struct stream *s)
{
    return error_set(s->d->err, ST_CORRUPT, "%s", broken_node);
}

/* -- Nodes --------------------------------------------------------------------------------------------------------------- */

static bool next_int(struct stream *s, int64_t *v)
{
    struct rdb_item item;
    if (rdb_seq_next(&s->q, &item) != RDB_NEXT_ITEM)
        return false;
    *v = item.i;
    return item.is_int || num_parse_int(item.s, v);
}

static bool push(struct fields *f, struct slice s)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 16;
        struct slice *v = mem_try_realloc(f->v, cap * sizeof(*v));
        if (!v)
            return false;
        f->v = v;
        f->cap = cap;
    }
    f->v[f->n++] = s;
    return true;
}

/* The next item, to be kept in f; an integer's text in a. */
static bool next_field(struct stream *s, struct fields *f, struct arena *a)
{
    struct rdb_item item;
    if (rdb_seq_next(&s->q, &item) != RDB_NEXT_ITEM)
        return false;
    return push(f, item.is_int ? arena_dup(a, item.s) : item.s);
}

/* Fields and values of an entry; items: how many of the listpack's they took. */
static bool read_pairs(struct stream *s, bool same, uint64_t *items)
{
    int64_t n = (int64_t)s->names.n;
    s->argv.n = 0;
    arena_reset(s->entry);
    if (!same && !next_int(s, &n))
        return false;
    if (n < 0 || n > UINT32_MAX)
        return false;
    *items = same ? (uint64_t)n : 2 * (uint64_t)n + 1;
    for (int64_t i = 0; i < n; i++) {
        bool ok = same ? push(&s->argv, s->names.v[i]) : next_field(s, &s->argv, s->entry);
        if (!ok || !next_field(s, &s->argv, s->entry))
            return false;
    }
    return true;
}

static enum status read_entry(struct stream *s, bool *deleted)
{
    int64_t flags, ms, seq, items;
    uint64_t pairs_items;
    if (!next_int(s, &flags) || !next_int(s, &ms) || !next_int(s, &seq) ||
        !read_pairs(s, flags & ENTRY_SAMEFIELDS, &pairs_items) || !next_int(s, &items) ||
        items < 0 || (uint64_t)items != pairs_items + 3)
        return broken(s);
    struct kv_stream_id id = {s->master.ms + (uint64_t)ms, s->master.seq + (uint64_t)seq};
    if ((s->any && kv_stream_id_cmp(id, s->top) <= 0) || kv_stream_id_zero(id))
        return broken(s);
    s->any = true;
    s->top = id;
    *deleted = flags & ENTRY_DELETED;
    if (!*deleted) {
        s->first = s->live++ ? s->first : id;
        s->last = id;
    }
    struct kv_stream_place at = {.id = id, .node = s->master, .gone = *deleted};
    const struct rdb_sink *sink = s->d->sink;
    return sink ? sink->entry(sink->arg, &at, s->argv.v, s->argv.n / 2, s->d->err) : ST_OK;
}

static enum status read_node(struct stream *s)
{
    int64_t count, deleted, fields, zero;
    s->names.n = 0;
    arena_reset(s->node);
    if (!next_int(s, &count) || !next_int(s, &deleted) || !next_int(s, &fields) || count < 0 ||
        deleted < 0 || fields < 0)
        return broken(s);
    for (; fields > 0; fields--)
        if (!next_field(s, &s->names, s->node))
            return broken(s);
    if (!next_int(s, &zero) || zero != 0)
        return broken(s);
    bool gone = false;
    while (reader_left(&s->q.r) > 0) {
        enum status st = read_entry(s, &gone);
        if (st != ST_OK)
            return st;
        count -= !gone;
        deleted -= gone;
    }
    struct rdb_item item;
    if (rdb_seq_next(&s->q, &item) != RDB_NEXT_END || count != 0 || deleted != 0)
        return broken(s);
    return ST_OK;
}

static enum status read_nodes(struct stream *s)
{
    struct rdb_decoder *d = s->d;
    uint64_t nodes = rdb_get_len(d->r);
    for (; nodes > 0 && !d->r->bad; nodes--) {
        struct slice key = rdb_get_string(d->r, &d->a);
        if (d->r->bad || key.n != 16)
            return error_set(d->err, ST_CORRUPT,
                             "Stream node key entry is not the size of a stream ID");
        struct reader id = reader_make(key);
        s->master.ms = reader_u64be(&id);
        s->master.seq = reader_u64be(&id);
        struct slice bytes = rdb_get_string(d->r, &d->b);
        if (d->r->bad)
            return error_set(d->err, ST_CORRUPT, "Stream listpacks loading failed.");
        if (!rdb_seq_open(&s->q, RDB_LISTPACK, bytes))
            return broken(s);
        enum status st = read_node(s);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

/* -- Numbers ------------------------------------------------------------------------------------------------------------- */

struct numbers {
    uint64_t length, added;
    struct kv_stream_id last, first, max_gone;
};

static struct kv_stream_id get_id(struct reader *r)
{
    struct kv_stream_id id;
    id.ms = rdb_get_len(r);
    id.seq = rdb_get_len(r);
    return id;
}

static enum status read_numbers(struct stream *s, struct numbers *n)
{
    struct rdb_decoder *d = s->d;
    n->length = rdb_get_len(d->r);
    n->last = get_id(d->r);
    n->first = s->first;
    n->max_gone = KV_STREAM_ID_MIN;
    n->added = n->length;
    if (d->type != RDB_STREAM_LISTPACKS) {
        n->first = get_id(d->r);
        n->max_gone = get_id(d->r);
        n->added = rdb_get_len(d->r);
    }
    if (d->r->bad)
        return error_set(d->err, ST_CORRUPT, "Stream object metadata loading failed.");
    if (n->length != s->live || n->added < n->length ||
        (s->any && kv_stream_id_cmp(n->last, s->top) < 0))
        return error_set(d->err, ST_CORRUPT, "Stream length inconsistent with rax entries");
    const struct rdb_sink *sink = d->sink;
    return sink ? sink->numbers(sink->arg, n->last, n->added, n->max_gone, d->err) : ST_OK;
}

/* What old versions did not write: how many entries a group had read when it stood at this ID. */
static int64_t estimate_read(const struct numbers *n, struct kv_stream_id id)
{
    int to_last = kv_stream_id_cmp(id, n->last), to_first = kv_stream_id_cmp(id, n->first);
    if (n->added == 0)
        return 0;
    if (to_last == 0 || (n->length == 0 && to_last < 0))
        return (int64_t)n->added;
    if (to_last > 0 || to_first > 0)
        return KV_STREAM_UNKNOWN;
    return (int64_t)(n->added - n->length) + (to_first == 0);
}

/* -- Groups -------------------------------------------------------------------------------------------------------------- */

struct pending {
    struct kv_stream_id id;
    int64_t delivered_ms;
    uint64_t deliveries;
    bool owned;
};

struct group {
    struct pending *pending;
    uint64_t n, cap, owned;
    struct rdb_seen consumers;
};

static struct kv_stream_id raw_id(struct reader *r)
{
    struct kv_stream_id id;
    id.ms = reader_u64be(r);
    id.seq = reader_u64be(r);
    return id;
}

/* In order of ID. */
static enum status read_pending(struct rdb_decoder *d, struct group *g)
{
    uint64_t n = rdb_get_len(d->r);
    for (g->n = 0; n > 0; n--) {
        struct pending p = {.id = raw_id(d->r)};
        p.delivered_ms = (int64_t)reader_u64le(d->r);
        p.deliveries = rdb_get_len(d->r);
        if (d->r->bad)
            return error_set(d->err, ST_CORRUPT, "Stream PEL NACK loading failed.");
        if (g->n > 0 && kv_stream_id_cmp(p.id, g->pending[g->n - 1].id) <= 0)
            return error_set(d->err, ST_CORRUPT,
                             "Duplicated global PEL entry loading stream consumer group");
        if (g->n == g->cap) {
            uint64_t cap = g->cap ? g->cap * 2 : 64;
            struct pending *grown = mem_try_realloc(g->pending, cap * sizeof(*grown));
            if (!grown)
                return error_set(d->err, ST_NO_MEMORY, "out of memory for pending entries");
            g->pending = grown;
            g->cap = cap;
        }
        g->pending[g->n++] = p;
    }
    return d->r->bad ? error_set(d->err, ST_CORRUPT, "Stream PEL size loading failed.") : ST_OK;
}

static struct pending *find_pending(struct group *g, struct kv_stream_id id)
{
    uint64_t lo = 0, hi = g->n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        int cmp = kv_stream_id_cmp(g->pending[mid].id, id);
        if (cmp == 0)
            return &g->pending[mid];
        if (cmp < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

static enum status read_owned(struct rdb_decoder *d, struct group *g)
{
    for (uint64_t n = rdb_get_len(d->r); n > 0; n--) {
        struct kv_stream_id id = raw_id(d->r);
        if (d->r->bad)
            return error_set(d->err, ST_CORRUPT, "Stream short read reading PEL streamID.");
        struct pending *p = find_pending(g, id);
        if (!p)
            return error_set(d->err, ST_CORRUPT, "Consumer entry not found in group global PEL");
        if (p->owned)
            return error_set(d->err, ST_CORRUPT,
                             "Duplicated consumer PEL entry loading a stream consumer group");
        p->owned = true;
        g->owned++;
        enum status st = ST_OK;
        if (d->sink)
            st = d->sink->pending(d->sink->arg, id, p->delivered_ms, p->deliveries, d->err);
        if (st != ST_OK)
            return st;
    }
    return d->r->bad ? error_set(d->err, ST_CORRUPT, "Stream consumer PEL num loading failed.")
                     : ST_OK;
}

static enum status read_consumer(struct rdb_decoder *d, struct group *g)
{
    struct rdb_stream_consumer c = {.name = rdb_get_string(d->r, &d->a)};
    c.seen_ms = (int64_t)reader_u64le(d->r);
    c.active_ms = d->type == RDB_STREAM_LISTPACKS_3 ? (int64_t)reader_u64le(d->r) : c.seen_ms;
    if (d->r->bad)
        return error_set(d->err, ST_CORRUPT, "Stream short read reading seen time.");
    enum status st = rdb__seen_add(&g->consumers, c.name, d->err);
    if (st == ST_EXISTS)
        return error_set(d->err, ST_CORRUPT, "Duplicate stream consumer detected.");
    if (st == ST_OK && d->sink)
        st = d->sink->consumer(d->sink->arg, &c, d->err);
    return st == ST_OK ? read_owned(d, g) : st;
}

static enum status read_group(struct rdb_decoder *d, const struct numbers *n, struct group *g)
{
    struct rdb_stream_group out = {.name = rdb_get_string(d->r, &d->a)};
    out.last = get_id(d->r);
    if (d->type == RDB_STREAM_LISTPACKS)
        out.entries_read = estimate_read(n, out.last);
    else
        out.entries_read = (int64_t)rdb_get_len(d->r);
    if (d->r->bad)
        return error_set(d->err, ST_CORRUPT, "Stream cgroup ID loading failed.");
    enum status st = rdb__seen_add(&d->seen, out.name, d->err);
    if (st == ST_EXISTS)
        return error_set(d->err, ST_CORRUPT, "Duplicated consumer group name");
    if (st == ST_OK && d->sink)
        st = d->sink->group(d->sink->arg, &out, d->err);
    if (st == ST_OK)
        st = read_pending(d, g);
    rdb__seen_clear(&g->consumers);
    g->owned = 0;
    uint64_t consumers = st == ST_OK ? rdb_get_len(d->r) : 0;
    for (; consumers > 0 && st == ST_OK; consumers--)
        st = read_consumer(d, g);
    if (st == ST_OK && d->r->bad)
        st = error_set(d->err, ST_CORRUPT, "Stream consumers num loading failed.");
    if (st == ST_OK && g->owned != g->n)
        st = error_set(d->err, ST_CORRUPT, "Stream CG PEL entry without consumer");
    return st;
}

static enum status read_groups(struct rdb_decoder *d, const struct numbers *n)
{
    struct group g = {0};
    enum status st = ST_OK;
    for (uint64_t groups = rdb_get_len(d->r); groups > 0 && st == ST_OK; groups--)
        st = read_group(d, n, &g);
    if (st == ST_OK && d->r->bad)
        st = error_set(d->err, ST_CORRUPT, "Stream cgroup count loading failed.");
    mem_free(g.pending);
    rdb__seen_free(&g.consumers);
    return st;
}

enum status rdb__decode_stream(struct rdb_decoder *d)
{
    struct stream s = {.d = d, .node = arena_new(ARENA_CHUNK), .entry = arena_new(ARENA_CHUNK)};
    struct numbers n;
    enum status st = ST_OK;
    if (d->sink)
        st = d->sink->begin(d->sink->arg, KV_STREAM, d->type, 0, d->err);
    if (st == ST_OK)
        st = read_nodes(&s);
    if (st == ST_OK)
        st = read_numbers(&s, &n);
    if (st == ST_OK)
        st = read_groups(d, &n);
    mem_free(s.names.v);
    mem_free(s.argv.v);
    arena_free(s.node);
    arena_free(s.entry);
    return st;
}
