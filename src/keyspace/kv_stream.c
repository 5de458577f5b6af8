/* Streams: numbers, entries, trimming. */
#include "keyspace/kv_stream_priv.h"

enum status kv__stream_damaged(struct error *err)
{
    return error_set(err, ST_CORRUPT, "a stream is damaged");
}

static struct kv_stream_id ext_id(const struct kv_coll *c, unsigned i)
{
    return (struct kv_stream_id){c->ext[i], c->ext[i + 1]};
}

static void set_ext_id(struct kv_coll *c, unsigned i, struct kv_stream_id id)
{
    c->ext[i] = id.ms;
    c->ext[i + 1] = id.seq;
}

void kv_stream_info(const struct kv_rec *r, struct kv_stream_info *out)
{
    const struct kv_coll *c = kv__coll(r);
    *out = (struct kv_stream_info){
        .length = c->tree[0].count,
        .added = c->ext[KV_SX_ADDED],
        .first = ext_id(c, KV_SX_FIRST_MS),
        .last = ext_id(c, KV_SX_LAST_MS),
        .max_gone = ext_id(c, KV_SX_MAX_GONE_MS),
        .tree_nodes = c->ext[KV_SX_TREE_NODES],
    };
}

/* -- Reading --------------------------------------------------------------------------------------------------------------- */

static MUST_USE bool entry_at(const struct kv_cur *at, struct kv_stream_entry *e)
{
    struct slice key = kv__cur_key(at);
    if (key.n != KV_STREAM_ID_BYTES)
        return false;
    e->id = kv__stream_get_id(key.p);
    return kv__sentry_decode(kv__cur_value(at), e);
}

static MUST_USE enum status find_entry(struct kv_coll *c, struct kv_stream_id id, struct kv_cur *at,
                                       bool *found, struct error *err)
{
    char key[KV_STREAM_ID_BYTES];
    kv__stream_put_id(key, id);
    return kv__tree_find(&c->tree[0], slice_make(key, sizeof key), at, found, err);
}

enum status kv_stream_seek(struct kv_rec *r, struct kv_stream_id start, struct kv_stream_id end,
                           bool rev, struct kv_stream_cur *c, struct error *err)
{
    struct kv_coll *coll = kv__coll(r);
    enum status st;
    bool found;
    *c = (struct kv_stream_cur){.start = start, .end = end, .rev = rev};
    if (!rev) {
        if (kv_stream_id_zero(start))
            return kv__tree_first(&coll->tree[0], &c->at, err);
        return find_entry(coll, start, &c->at, NULL, err);
    }
    st = find_entry(coll, end, &c->at, &found, err);
    if (st != ST_OK || found)
        return st;
    if (kv__cur_end(&c->at))
        return kv__tree_last(&coll->tree[0], &c->at, err);
    return kv__cur_prev(&c->at, err);
}

enum status kv_stream_next(struct kv_stream_cur *c, bool *found, struct kv_stream_entry *e,
                           struct error *err)
{
    *found = false;
    if (c->begun && !kv__cur_end(&c->at)) {
        enum status st = c->rev ? kv__cur_prev(&c->at, err) : kv__cur_next(&c->at, err);
        if (st != ST_OK)
            return st;
    }
    c->begun = true;
    if (kv__cur_end(&c->at))
        return ST_OK;
    if (!entry_at(&c->at, e))
        return kv__stream_damaged(err);
    *found = c->rev ? kv_stream_id_cmp(e->id, c->start) >= 0 : kv_stream_id_cmp(e->id, c->end) <= 0;
    return ST_OK;
}

enum status kv_stream_find(struct kv_rec *r, struct kv_stream_id id, bool *found,
                           struct kv_stream_entry *e, struct error *err)
{
    struct kv_cur at;
    enum status st = find_entry(kv__coll(r), id, &at, found, err);
    if (st == ST_OK && *found && !entry_at(&at, e))
        st = kv__stream_damaged(err);
    return st;
}

enum status kv_stream_top(struct kv_rec *r, struct kv_stream_id *id, struct error *err)
{
    struct kv_cur at;
    enum status st;
    *id = KV_STREAM_ID_MIN;
    if (kv__coll(r)->tree[0].count == 0)
        return ST_OK;
    st = kv__tree_last(&kv__coll(r)->tree[0], &at, err);
    if (st != ST_OK)
        return st;
    if (kv__cur_end(&at) || kv__cur_key(&at).n != KV_STREAM_ID_BYTES)
        return kv__stream_damaged(err);
    *id = kv__stream_get_id(kv__cur_key(&at).p);
    return ST_OK;
}

/* -- Changing -------------------------------------------------------------------------------------------------------------- */

enum status kv_stream_make(struct kv *kv, int db, struct slice key, struct kv_rec **rec,
                           struct error *err)
{
    enum status st = kv__coll_make(kv, db, key, KV_STREAM, KV_COLL_STREAM, KV_SX_COUNT, rec, err);
    if (st == ST_OK)
        kv__coll(*rec)->ext[KV_SX_TREE_NODES] = 1;
    return st;
}

static MUST_USE enum status append(struct kv_coll *c, struct kv_stream_id id,
                                   const struct slice *argv, size_t pairs, struct error *err)
{
    struct kv_sbytes value;
    char key[KV_STREAM_ID_BYTES];
    enum status st;
    if (!kv__sentry_encode(&value, argv, pairs))
        return error_set(err, ST_NO_MEMORY, "an entry of a stream");
    kv__stream_put_id(key, id);
    st =
        kv__tree_append(&c->tree[0], slice_make(key, sizeof key), kv__sbytes_slice_of(&value), err);
    kv__sbytes_close(&value);
    if (st == ST_OK && c->tree[0].count == 1)
        set_ext_id(c, KV_SX_FIRST_MS, id);
    return st;
}

/* The entry stands in its node before it stands in the tree. */
static MUST_USE enum status append_counted(struct kv_coll *c, const struct kv_stream_place *at,
                                           const struct slice *argv, size_t pairs,
                                           struct error *err)
{
    enum status st = kv__snode_append(c, at, argv, pairs, err);
    if (st != ST_OK || at->gone)
        return st;
    st = append(c, at->id, argv, pairs, err);
    if (st == ST_OK || kv__snode_lose(c, at->id, NULL) == ST_OK)
        return st;
    return kv__stream_damaged(err);
}

enum status kv_stream_add(struct kv_rec *r, struct kv_stream_id id, const struct slice *argv,
                          size_t pairs, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    struct kv_stream_place at;
    uint64_t bytes = 0;
    enum status st;
    for (size_t i = 0; i < 2 * pairs; i++)
        bytes += argv[i].n;
    st = kv__snode_choose(c, id, bytes, &at, err);
    if (st == ST_OK)
        st = append_counted(c, &at, argv, pairs, err);
    if (st != ST_OK)
        return st;
    c->ext[KV_SX_ADDED]++;
    set_ext_id(c, KV_SX_LAST_MS, id);
    return ST_OK;
}

enum status kv_stream_load(struct kv_rec *r, const struct kv_stream_place *at,
                           const struct slice *argv, size_t pairs, struct error *err)
{
    return append_counted(kv__coll(r), at, argv, pairs, err);
}

void kv_stream_set(struct kv_rec *r, struct kv_stream_id last, uint64_t added,
                   struct kv_stream_id max_gone)
{
    struct kv_coll *c = kv__coll(r);
    set_ext_id(c, KV_SX_LAST_MS, last);
    set_ext_id(c, KV_SX_MAX_GONE_MS, max_gone);
    c->ext[KV_SX_ADDED] = added;
}

/* After deletions: the first entry is another one. at stands on it, or at the end. */
static void set_first(struct kv_coll *c, const struct kv_cur *at)
{
    set_ext_id(c, KV_SX_FIRST_MS,
               kv__cur_end(at) ? KV_STREAM_ID_MIN : kv__stream_get_id(kv__cur_key(at).p));
}

enum status kv_stream_del(struct kv_rec *r, struct kv_stream_id id, bool *found, struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    struct kv_cur at;
    enum status st = find_entry(c, id, &at, found, err);
    if (st != ST_OK || !*found)
        return st;
    st = kv__snode_lose(c, id, err);
    if (st == ST_OK)
        st = kv__cur_delete(&at, 1, err);
    if (st == ST_OK && kv_stream_id_cmp(id, ext_id(c, KV_SX_FIRST_MS)) == 0)
        set_first(c, &at);
    return st;
}

/* -- Trimming -------------------------------------------------------------------------------------------------------------- */

static MUST_USE enum status drop_first(struct kv_coll *c, uint64_t n, struct error *err)
{
    struct kv_cur at;
    enum status st;
    if (n == 0)
        return ST_OK;
    st = kv__tree_first(&c->tree[0], &at, err);
    if (st == ST_OK)
        st = kv__cur_delete(&at, n, err);
    if (st == ST_OK)
        set_first(c, &at);
    return st;
}

/* How many entries of the first node, which stays, have to go. */
static MUST_USE enum status surplus(struct kv_coll *c, const struct kv_stream_trim *how,
                                    uint64_t *n, struct error *err)
{
    struct kv_cur at;
    enum status st;
    if (!how->by_id) {
        *n = c->tree[0].count - how->length;
        return ST_OK;
    }
    st = find_entry(c, how->min, &at, NULL, err);
    if (st == ST_OK)
        *n = kv__cur_rank(&at);
    return st;
}

static MUST_USE enum status trim_inside(struct kv_coll *c, const struct kv_stream_trim *how,
                                        struct kv_snode *node, uint64_t *dropped, struct error *err)
{
    uint64_t n = 0;
    enum status st = surplus(c, how, &n, err);
    if (st != ST_OK || n == 0)
        return st;
    if (n > node->n.live)
        return kv__stream_damaged(err);
    node->n.live -= n;
    node->n.gone += n;
    st = kv__snode_store(c, node, err);
    if (st == ST_OK)
        st = drop_first(c, n, err);
    if (st == ST_OK)
        *dropped += n;
    return st;
}

static MUST_USE enum status trim_node(struct kv_coll *c, const struct kv_snode *node,
                                      uint64_t *dropped, struct error *err)
{
    enum status st;
    if (node->n.live > c->tree[0].count)
        return kv__stream_damaged(err);
    st = kv__snode_drop(c, node, err);
    if (st == ST_OK)
        st = drop_first(c, node->n.live, err);
    if (st == ST_OK)
        *dropped += node->n.live;
    return st;
}

enum status kv_stream_trim(struct kv_rec *r, const struct kv_stream_trim *how, uint64_t *dropped,
                           struct error *err)
{
    struct kv_coll *c = kv__coll(r);
    *dropped = 0;
    for (;;) {
        struct kv_snode node;
        bool found, whole;
        enum status st;
        if (!how->by_id && c->tree[0].count <= how->length)
            return ST_OK;
        st = kv__snode_first(c, &found, &node, err);
        if (st != ST_OK || !found)
            return st;
        if (how->limit && *dropped + node.n.live > how->limit)
            return ST_OK;
        whole = how->by_id ? kv_stream_id_cmp(node.n.last, how->min) < 0
                           : c->tree[0].count - node.n.live >= how->length;
        if (!whole)
            return how->approx ? ST_OK : trim_inside(c, how, &node, dropped, err);
        st = trim_node(c, &node, dropped, err);
        if (st != ST_OK)
            return st;
    }
}
