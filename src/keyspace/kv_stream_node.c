/* The nodes that Redis would keep a stream's entries in: a radix tree of listpacks, each under the ID of its first entry.
 *
 * A node is a key in tree[1], 'n' and that ID; what is in it stands in its value, but for the last node (the tail), whose
 * numbers change with every entry and stand in ext. How many nodes the radix tree has is kept too, from the differences that
 * each key makes. */
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_stream_priv.h"

#define NODE_KEY       (1 + KV_STREAM_ID_BYTES)
#define LISTPACK_FRAME 7 /* head and end mark */

static uint64_t *tail_ext(const struct kv_coll *c)
{
    return c->ext + KV_SX_TAIL;
}

/* False: there is no node. */
static bool tail_get(const struct kv_coll *c, struct kv_snode *n)
{
    const uint64_t *x = tail_ext(c);
    *n = (struct kv_snode){
        .n = {.first = {x[0], x[1]},
              .last = {x[2], x[3]},
              .live = x[4] >> 32,
              .gone = x[4] & UINT32_MAX},
        .bytes = x[5],
        .fields = x[6],
    };
    return x[4] != 0;
}

static void tail_set(struct kv_coll *c, const struct kv_snode *n)
{
    uint64_t *x = tail_ext(c);
    x[0] = n->n.first.ms;
    x[1] = n->n.first.seq;
    x[2] = n->n.last.ms;
    x[3] = n->n.last.seq;
    x[4] = n->n.live << 32 | n->n.gone;
    x[5] = n->bytes;
    x[6] = n->fields;
}

static void node_key(char key[NODE_KEY], struct kv_stream_id id)
{
    key[0] = 'n';
    kv__stream_put_id(key + 1, id);
}

/* True when the cursor stands on a node's key, which is copied to key. */
static bool at_node(const struct kv_cur *at, char key[NODE_KEY])
{
    struct slice s;
    if (kv__cur_end(at))
        return false;
    s = kv__cur_key(at);
    if (s.n != NODE_KEY || s.p[0] != 'n')
        return false;
    memcpy(key, s.p, NODE_KEY);
    return true;
}

/* The node at the cursor. */
static MUST_USE enum status node_at(struct kv_coll *c, const struct kv_cur *at, bool *found,
                                    struct kv_snode *n, struct error *err)
{
    char key[NODE_KEY];
    struct kv_stream_id first;
    *found = at_node(at, key);
    if (!*found)
        return ST_OK;
    first = kv__stream_get_id(key + 1);
    if (tail_get(c, n) && kv_stream_id_cmp(n->n.first, first) == 0)
        return ST_OK;
    if (!kv__snode_decode(kv__cur_value(at), n))
        return kv__stream_damaged(err);
    n->n.first = first;
    return ST_OK;
}

/* -- Nodes of the radix tree ----------------------------------------------------------------------------------------------- */

/* The nodes' keys on both sides of a place. */
struct neighbours {
    char below[NODE_KEY], above[NODE_KEY];
    bool has_below, has_above;
};

/* The last node's key below this key, and the first one that is not below it. */
static MUST_USE enum status around(struct kv_coll *c, struct slice key, struct neighbours *out,
                                   struct error *err)
{
    struct kv_cur at;
    enum status st = kv__stream_find(c, key, &at, NULL, err);
    if (st != ST_OK)
        return st;
    out->has_above = at_node(&at, out->above);
    st = kv__cur_end(&at) ? kv__tree_last(&c->tree[1], &at, err) : kv__cur_prev(&at, err);
    out->has_below = st == ST_OK && at_node(&at, out->below);
    return st;
}

/* Bytes that two keys have in common, the 'n' not counted. */
static int common(const char *a, const char *b)
{
    int i = 0;
    while (i < KV_STREAM_ID_BYTES && a[i + 1] == b[i + 1])
        i++;
    return i;
}

/* The keys that leave the key's path on one side, at depth split: the nearest, the farthest, and the next one beyond. */
struct branch {
    char nearest[NODE_KEY], farthest[NODE_KEY], beyond[NODE_KEY];
    bool has_beyond;
};

static MUST_USE enum status branch_of(struct kv_coll *c, const char key[NODE_KEY], int split,
                                      const struct neighbours *near, bool below, struct branch *out,
                                      struct error *err)
{
    char edge[NODE_KEY + 1];
    size_t n = (size_t)split + 1;
    struct neighbours at;
    enum status st;
    memcpy(edge, key, n);
    memset(edge + n, 0xff, sizeof edge - n); /* longer than a key: above all that begin so */
    st = around(c, slice_make(edge, below ? n : sizeof edge), &at, err);
    if (st != ST_OK)
        return st;
    memcpy(out->nearest, below ? near->below : near->above, NODE_KEY);
    memcpy(out->farthest, below ? at.above : at.below, NODE_KEY);
    memcpy(out->beyond, below ? at.below : at.above, NODE_KEY);
    out->has_beyond = below ? at.has_below : at.has_above;
    return ST_OK;
}

/* How many nodes more the radix tree has with this key, which is not in tree[1]. A radix tree has a node for each place where
 * keys part, one for each run of bytes without parting, and one for the end of each key.
 *
 *     --- parting --- from ------- split ------- to ---    from: behind the parting above; to: the next parting, or the end
 *                                    \---- the key's own rest ---- end */
static MUST_USE enum status tree_nodes_for(struct kv_coll *c, const char key[NODE_KEY],
                                           uint64_t *more, struct error *err)
{
    struct neighbours near = {0};
    struct branch b = {0};
    int below, above, split, from, to;
    enum status st = around(c, slice_make(key, NODE_KEY), &near, err);
    if (st != ST_OK)
        return st;
    below = near.has_below ? common(key, near.below) : -1;
    above = near.has_above ? common(key, near.above) : -1;
    split = below > above ? below : above;
    *more = 1; /* its end */
    if (split < 0)
        return ST_OK;                        /* the first one: the root becomes the run */
    *more += split + 1 < KV_STREAM_ID_BYTES; /* its rest */
    if (below == above)
        return ST_OK; /* both sides part from it here, so they part from each other */
    st = branch_of(c, key, split, &near, below > above, &b, err);
    if (st != ST_OK)
        return st;
    to = common(b.nearest, b.farthest);
    from = below < above ? below : above;
    if (b.has_beyond && common(key, b.beyond) > from)
        from = common(key, b.beyond);
    from++;
    if (to > split) /* a run is cut in two, or shortened, and a parting put between */
        *more += (uint64_t)(split > from) + (uint64_t)(to > split + 1);
    return ST_OK;
}

/* -- Adding and removing nodes --------------------------------------------------------------------------------------------- */

static MUST_USE enum status insert_node(struct kv_coll *c, struct kv_stream_id first,
                                        struct error *err)
{
    char key[NODE_KEY];
    struct kv_cur at;
    uint64_t more;
    bool found;
    enum status st;
    node_key(key, first);
    st = tree_nodes_for(c, key, &more, err);
    if (st == ST_OK)
        st = kv__stream_find(c, slice_make(key, sizeof key), &at, &found, err);
    if (st == ST_OK && found)
        st = kv__stream_damaged(err);
    if (st == ST_OK)
        st = kv__cur_insert(&at, slice_make(key, sizeof key), SLICE(""), err);
    if (st == ST_OK)
        c->ext[KV_SX_TREE_NODES] += more;
    return st;
}

static MUST_USE enum status write_node(struct kv_coll *c, const struct kv_snode *n,
                                       struct error *err)
{
    char key[NODE_KEY], value[KV_SRECORD_MAX];
    struct kv_cur at;
    bool found;
    enum status st;
    node_key(key, n->n.first);
    st = kv__stream_find(c, slice_make(key, sizeof key), &at, &found, err);
    if (st != ST_OK)
        return st;
    if (!found)
        return kv__stream_damaged(err);
    return kv__cur_set(&at, slice_make(value, kv__snode_encode(n, value)), err);
}

static bool is_tail(const struct kv_coll *c, const struct kv_snode *n)
{
    struct kv_snode tail;
    return tail_get(c, &tail) && kv_stream_id_cmp(tail.n.first, n->n.first) == 0;
}

enum status kv__snode_store(struct kv_coll *c, const struct kv_snode *n, struct error *err)
{
    if (!is_tail(c, n))
        return write_node(c, n, err);
    tail_set(c, n);
    return ST_OK;
}

/* The tail is gone: the last node that is left takes its place. */
static MUST_USE enum status next_tail(struct kv_coll *c, struct error *err)
{
    struct kv_cur at;
    struct kv_snode n = {0};
    char key[NODE_KEY];
    enum status st;
    tail_set(c, &n);
    st = kv__stream_find(c, SLICE("o"), &at, NULL, err); /* 'n' + 1: behind all nodes */
    if (st == ST_OK)
        st = kv__cur_end(&at) ? kv__tree_last(&c->tree[1], &at, err) : kv__cur_prev(&at, err);
    if (st != ST_OK || !at_node(&at, key))
        return st;
    if (!kv__snode_decode(kv__cur_value(&at), &n))
        return kv__stream_damaged(err);
    n.n.first = kv__stream_get_id(key + 1);
    tail_set(c, &n);
    return ST_OK;
}

enum status kv__snode_drop(struct kv_coll *c, const struct kv_snode *n, struct error *err)
{
    bool tail = is_tail(c, n), found;
    char key[NODE_KEY];
    struct kv_cur at;
    uint64_t less;
    enum status st;
    node_key(key, n->n.first);
    st = kv__stream_find(c, slice_make(key, sizeof key), &at, &found, err);
    if (st == ST_OK && !found)
        st = kv__stream_damaged(err);
    if (st == ST_OK)
        st = kv__cur_delete(&at, 1, err);
    if (st == ST_OK && tail)
        st = next_tail(c, err);
    if (st == ST_OK)
        st = tree_nodes_for(c, key, &less, err);
    if (st == ST_OK)
        c->ext[KV_SX_TREE_NODES] -= less;
    return st;
}

/* -- Entries in their nodes ------------------------------------------------------------------------------------------------ */

static uint64_t fields_print(const struct kv_coll *c, const struct slice *argv, size_t pairs)
{
    uint64_t h = pairs;
    for (size_t i = 0; i < pairs; i++)
        h = (h ^ kv__hash64(c, argv[2 * i])) * 0x9e3779b97f4a7c15ULL;
    return h;
}

/* True when the node takes no further entry of so many bytes. */
static bool is_full(const struct kv_snode *t, uint64_t entry_bytes)
{
    uint64_t max_bytes = (uint64_t)keyspace_opts.stream_node_max_bytes;
    uint64_t max_entries = (uint64_t)keyspace_opts.stream_node_max_entries;
    uint64_t bytes = LISTPACK_FRAME + t->bytes + kv__listpack_int((int64_t)t->n.live) +
                     kv__listpack_int((int64_t)t->n.gone);
    if (max_bytes == 0 || max_bytes > KV_STREAM_ENTRY_MAX)
        max_bytes = KV_STREAM_ENTRY_MAX;
    return bytes + entry_bytes >= max_bytes ||
           (max_entries && t->n.live + t->n.gone >= max_entries);
}

enum status kv__snode_choose(struct kv_coll *c, struct kv_stream_id id, uint64_t bytes,
                             struct kv_stream_place *at, struct error *err)
{
    struct kv_snode t;
    bool any;
    /* XSETID can lower the last ID below entries that are gone */
    while ((any = tail_get(c, &t)) && t.n.live == 0 && kv_stream_id_cmp(t.n.last, id) >= 0) {
        enum status st = kv__snode_drop(c, &t, err);
        if (st != ST_OK)
            return st;
    }
    *at = (struct kv_stream_place){.id = id, .node = any && !is_full(&t, bytes) ? t.n.first : id};
    return ST_OK;
}

/* Bytes of the entry in the listpack of node t: flags, ID as a difference, fields unless they are the first entry's, values,
 * and the number of its elements. */
static uint64_t entry_bytes(const struct kv_snode *t, struct kv_stream_id id,
                            const struct slice *argv, size_t pairs, bool same_fields)
{
    uint64_t n = kv__listpack_int(0) + kv__listpack_int((int64_t)(id.ms - t->n.first.ms)) +
                 kv__listpack_int((int64_t)(id.seq - t->n.first.seq));
    int64_t elements = 3 + (int64_t)pairs + (same_fields ? 0 : (int64_t)pairs + 1);
    if (!same_fields)
        n += kv__listpack_int((int64_t)pairs);
    for (size_t i = 0; i < pairs; i++)
        n += kv__listpack_str(argv[2 * i + 1]) + (same_fields ? 0 : kv__listpack_str(argv[2 * i]));
    return n + kv__listpack_int(elements);
}

/* Bytes of the fields' names at the head of a node, with their number and the mark behind them. */
static uint64_t head_bytes(const struct slice *argv, size_t pairs)
{
    uint64_t n = kv__listpack_int((int64_t)pairs) + kv__listpack_int(0);
    for (size_t i = 0; i < pairs; i++)
        n += kv__listpack_str(argv[2 * i]);
    return n;
}

static MUST_USE enum status begin_node(struct kv_coll *c, struct kv_stream_id id,
                                       struct kv_snode *t, struct error *err)
{
    enum status st = ST_OK;
    if (tail_get(c, t))
        st = kv_stream_id_cmp(id, t->n.first) > 0 ? write_node(c, t, err) : kv__stream_damaged(err);
    if (st == ST_OK)
        st = insert_node(c, id, err);
    *t = (struct kv_snode){.n = {.first = id}};
    return st;
}

enum status kv__snode_append(struct kv_coll *c, const struct kv_stream_place *at,
                             const struct slice *argv, size_t pairs, struct error *err)
{
    struct kv_snode t;
    uint64_t fields = fields_print(c, argv, pairs);
    if (kv_stream_id_cmp(at->id, at->node) < 0)
        return kv__stream_damaged(err);
    if (!tail_get(c, &t) || kv_stream_id_cmp(t.n.first, at->node) != 0) {
        enum status st = begin_node(c, at->node, &t, err);
        if (st != ST_OK)
            return st;
        t.fields = fields;
        t.bytes = head_bytes(argv, pairs);
    }
    t.bytes += entry_bytes(&t, at->id, argv, pairs, fields == t.fields);
    t.n.last = at->id;
    if (at->gone)
        t.n.gone++;
    else
        t.n.live++;
    tail_set(c, &t);
    return ST_OK;
}

/* The node with the highest first ID that is not above this one. */
static MUST_USE enum status node_of(struct kv_coll *c, struct kv_stream_id id, struct kv_snode *n,
                                    struct error *err)
{
    char key[NODE_KEY];
    struct kv_cur at;
    bool found;
    enum status st;
    if (tail_get(c, n) && kv_stream_id_cmp(n->n.first, id) <= 0)
        return ST_OK;
    node_key(key, id);
    st = kv__stream_find(c, slice_make(key, sizeof key), &at, &found, err);
    if (st == ST_OK && !found)
        st = kv__cur_end(&at) ? kv__tree_last(&c->tree[1], &at, err) : kv__cur_prev(&at, err);
    if (st == ST_OK)
        st = node_at(c, &at, &found, n, err);
    return st == ST_OK && !found ? kv__stream_damaged(err) : st;
}

enum status kv__snode_lose(struct kv_coll *c, struct kv_stream_id id, struct error *err)
{
    struct kv_snode n;
    enum status st = node_of(c, id, &n, err);
    if (st != ST_OK)
        return st;
    if (n.n.live == 0)
        return kv__stream_damaged(err);
    if (n.n.live == 1)
        return kv__snode_drop(c, &n, err);
    n.n.live--;
    n.n.gone++;
    return kv__snode_store(c, &n, err);
}

enum status kv__snode_first(struct kv_coll *c, bool *found, struct kv_snode *n, struct error *err)
{
    struct kv_cur at;
    enum status st = kv__stream_find(c, SLICE("n"), &at, NULL, err);
    return st == ST_OK ? node_at(c, &at, found, n, err) : st;
}

/* -- Walking --------------------------------------------------------------------------------------------------------------- */

enum status kv_stream_nodes(struct kv_rec *r, uint64_t *n, struct error *err)
{
    return kv__stream_span(kv__coll(r), SLICE("n"), NULL, n, err);
}

enum status kv_stream_walk_nodes(struct kv_rec *r, struct kv_stream_walk *w, struct error *err)
{
    *w = (struct kv_stream_walk){.rec = r, .prefix = "n", .prefix_n = 1};
    return kv__stream_find(kv__coll(r), SLICE("n"), &w->at, NULL, err);
}

enum status kv_stream_next_node(struct kv_stream_walk *w, bool *found, struct kv_stream_node *n,
                                struct error *err)
{
    struct kv_snode node;
    enum status st = kv__stream_walk_next(w, found, err);
    if (st != ST_OK || !*found)
        return st;
    st = node_at(kv__coll(w->rec), &w->at, found, &node, err);
    if (st == ST_OK)
        *n = node.n;
    return st;
}
