#include "rdb/rdb_build.h"

#include "keyspace/kv_hash.h"
#include "keyspace/kv_list.h"
#include "keyspace/kv_object.h"
#include "keyspace/kv_set.h"
#include "keyspace/kv_zset.h"
#include "rdb/rdb_decode.h"
#include "rdb/rdb_format.h"

struct builder {
    struct kv *kv;
    int db;
    struct slice key;
    int64_t expire;
    struct kv_rec *rec; /* of a collection: an edit of it is open */
    enum kv_type type;
    unsigned rdb_type;
    uint64_t count, n;
    struct kv_stream_group group;
    struct kv_stream_consumer consumer;
};

static enum status on_string(void *arg, struct slice value, struct error *err)
{
    struct builder *b = arg;
    return kv_set(b->kv, b->db, b->key, value, b->expire, 0, &b->rec, err);
}

static enum status on_begin(void *arg, enum kv_type type, unsigned rdb_type, uint64_t count,
                            struct error *err)
{
    struct builder *b = arg;
    b->type = type;
    b->rdb_type = rdb_type;
    b->count = count;
    switch (type) {
    case KV_LIST:
        return kv_list_make(b->kv, b->db, b->key, &b->rec, err);
    case KV_HASH:
        return kv_hash_make(b->kv, b->db, b->key, &b->rec, err);
    case KV_STREAM:
        return kv_stream_make(b->kv, b->db, b->key, &b->rec, err);
    case KV_SET:
    case KV_ZSET: /* made with the first member */
    case KV_STRING:
    case KV_MODULE:
    case KV_NONE:
        break;
    }
    return ST_OK;
}

/* Once: what the type says about how many elements are to come. */
static enum status expect(struct builder *b, struct slice first, struct error *err)
{
    if (b->n++)
        return ST_OK;
    enum status st;
    switch (b->type) {
    case KV_HASH:
        return kv_hash_expect(b->rec, b->count, err);
    case KV_SET:
        st = kv_set_make(b->kv, b->db, b->key,
                         b->rdb_type == RDB_SET_LISTPACK ? KV_SET_LISTPACK
                                                         : kv_set_choose(first, b->count),
                         &b->rec, err);
        return st == ST_OK ? kv_set_expect(b->rec, b->count, err) : st;
    case KV_ZSET:
        return kv_zset_make(b->kv, b->db, b->key, b->count, first.n, &b->rec, err);
    case KV_LIST:
    case KV_STREAM:
    case KV_STRING:
    case KV_MODULE:
    case KV_NONE:
        break;
    }
    return ST_OK;
}

static enum status duplicate(struct error *err)
{
    return error_set(err, ST_CORRUPT, "the value holds a field or member twice");
}

static enum status on_element(void *arg, struct slice x, struct slice y, struct error *err)
{
    struct builder *b = arg;
    bool added = true;
    enum status st = expect(b, x, err);
    if (st != ST_OK)
        return st;
    if (b->type == KV_LIST) {
        st = kv_list_expect(b->rec, &x, 1, err);
        if (st == ST_OK)
            st = kv_list_push(b->rec, KV_LIST_TAIL, x, err);
    } else if (b->type == KV_HASH) {
        st = kv_hash_put(b->rec, x, y, &added, err);
    } else {
        st = kv_set_add(b->rec, x, &added, err);
    }
    return st == ST_OK && !added ? duplicate(err) : st;
}

static enum status on_scored(void *arg, struct slice member, double score, struct error *err)
{
    struct builder *b = arg;
    bool added = true;
    enum status st = expect(b, member, err);
    if (st == ST_OK)
        st = kv_zset_put(b->rec, member, score, &added, err);
    return st == ST_OK && !added ? duplicate(err) : st;
}

static enum status on_entry(void *arg, const struct kv_stream_place *at, const struct slice *argv,
                            size_t pairs, struct error *err)
{
    struct builder *b = arg;
    return kv_stream_load(b->rec, at, argv, pairs, err);
}

static enum status on_numbers(void *arg, struct kv_stream_id last, uint64_t added,
                              struct kv_stream_id max_gone, struct error *err)
{
    struct builder *b = arg;
    kv_stream_set(b->rec, last, added, max_gone);
    return ST_OK;
}

static enum status on_group(void *arg, const struct rdb_stream_group *g, struct error *err)
{
    struct builder *b = arg;
    bool added;
    enum status st =
        kv_stream_group_add(b->rec, g->name, g->last, g->entries_read, &added, &b->group, err);
    return st == ST_OK && !added ? duplicate(err) : st;
}

static enum status on_consumer(void *arg, const struct rdb_stream_consumer *c, struct error *err)
{
    struct builder *b = arg;
    b->consumer = (struct kv_stream_consumer){.seen_ms = c->seen_ms, .active_ms = c->active_ms};
    return kv_stream_consumer_add(b->rec, &b->group, c->name, &b->consumer, err);
}

static enum status on_pending(void *arg, struct kv_stream_id id, int64_t delivered_ms,
                              uint64_t deliveries, struct error *err)
{
    struct builder *b = arg;
    struct kv_stream_pending p = {.id = id,
                                  .consumer = b->consumer.no,
                                  .delivered_ms = delivered_ms,
                                  .deliveries = deliveries};
    return kv_stream_pending_put(b->rec, &b->group, &p, err);
}

/* What was there goes only when the module has taken the value. */
static enum status on_module(void *arg, uint64_t id, struct slice parts, struct error *err)
{
    struct builder *b = arg;
    const struct kv_object_type *t = kv_object_type_find(b->kv, id);
    struct kv_object_place at = {b->db, b->key};
    void *value;
    orbit_assert(t); /* the decoder has asked */
    enum status st = kv_object_decode(b->kv, t, id, &at, parts, &value, err);
    if (st != ST_OK)
        return st;
    st = kv_object_set(b->kv, b->db, b->key, t, value, &b->rec, err);
    if (st != ST_OK)
        t->ops->free(t, value);
    else if (b->expire != KV_NO_EXPIRE)
        kv_set_expire(b->kv, b->rec, b->expire);
    return st;
}

enum status rdb_build(struct kv *kv, int db, struct slice key, struct reader *value,
                      unsigned rdb_type, int64_t expire, struct kv_rec **rec, struct error *err)
{
    struct builder b = {.kv = kv, .db = db, .key = key, .expire = expire};
    const struct rdb_sink sink = {&b,          on_string,  on_begin,   on_element,
                                  on_scored,   on_entry,   on_numbers, on_group,
                                  on_consumer, on_pending, on_module};
    enum status st = rdb_decode(value, rdb_type, false, &sink, err);
    if (st == ST_OK && b.type == KV_LIST)
        st = kv_list_settle(b.rec, err);
    if (b.type != KV_NONE && b.rec) {
        kv_edit_end(kv, b.rec, 1);
        if (st != ST_OK)
            kv_del(kv, b.rec);
        else if (expire != KV_NO_EXPIRE)
            kv_set_expire(kv, b.rec, expire);
    }
    *rec = st == ST_OK ? b.rec : NULL;
    return st;
}
