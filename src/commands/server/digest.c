/* The digest of one value: for each type, what is mixed in and what is xored.
 *
 *   string   mix bytes
 *   list     mix each element
 *   set      xor each member
 *   zset     xor (mix member, mix score) of each member
 *   hash     xor (mix field, mix value) of each field
 *   stream   mix ID, fields and values of each entry */
#include "commands/server/digest.h"

#include "base/num.h"
#include "keyspace/kv_hash.h"
#include "keyspace/kv_list.h"
#include "keyspace/kv_object.h"
#include "keyspace/kv_set.h"
#include "keyspace/kv_stream.h"
#include "keyspace/kv_zset.h"

#include <inttypes.h>
#include <stdio.h>

/* Xors the digest of two parts that belong together. */
static void xor_pair(unsigned char d[DIGEST_BYTES], struct slice a, struct slice b)
{
    unsigned char pair[DIGEST_BYTES] = {0};
    digest_mix(pair, a);
    digest_mix(pair, b);
    digest_xor(d, slice_make(pair, DIGEST_BYTES));
}

static enum status add_list(struct kv_rec *rec, unsigned char d[DIGEST_BYTES], struct error *err)
{
    struct kv_list_cur cur;
    enum status st = kv_list_first(rec, &cur, err);
    while (st == ST_OK && !kv_list_end(&cur)) {
        digest_mix(d, kv_list_value(&cur));
        st = kv_list_next(&cur, err);
    }
    return st;
}

static enum status add_set(struct kv_rec *rec, unsigned char d[DIGEST_BYTES], struct error *err)
{
    struct kv_set_cur cur;
    enum status st = kv_set_first(rec, &cur, err);
    while (st == ST_OK && !kv_set_end(&cur)) {
        digest_xor(d, kv_set_member(&cur));
        st = kv_set_next(&cur, err);
    }
    return st;
}

static enum status add_zset(struct kv_rec *rec, unsigned char d[DIGEST_BYTES], struct error *err)
{
    struct kv_zset_cur cur;
    enum status st = kv_zset_first(rec, &cur, err);
    while (st == ST_OK && !kv_zset_end(&cur)) {
        struct kv_zset_item item = kv_zset_item(&cur);
        char score[NUM_BUF];
        xor_pair(d, item.member, slice_make(score, num_format_shortest(score, item.score)));
        st = kv_zset_next(&cur, err);
    }
    return st;
}

static enum status add_hash(struct kv_rec *rec, unsigned char d[DIGEST_BYTES], struct error *err)
{
    struct kv_hash_cur cur;
    enum status st = kv_hash_first(rec, &cur, err);
    while (st == ST_OK && !kv_hash_end(&cur)) {
        struct kv_hash_item item = kv_hash_item(&cur);
        xor_pair(d, item.field, item.value);
        st = kv_hash_next(&cur, err);
    }
    return st;
}

static enum status add_stream(struct kv_rec *rec, unsigned char d[DIGEST_BYTES], struct error *err)
{
    struct kv_stream_cur cur;
    struct kv_stream_entry entry;
    bool found = true;
    enum status st = kv_stream_seek(rec, KV_STREAM_ID_MIN, KV_STREAM_ID_MAX, false, &cur, err);
    if (st == ST_OK)
        st = kv_stream_next(&cur, &found, &entry, err);
    while (st == ST_OK && found) {
        char id[2 * NUM_BUF];
        struct slice field, value;
        int n = snprintf(id, sizeof id, "%" PRIu64 ".%" PRIu64, entry.id.ms, entry.id.seq);
        digest_mix(d, slice_make(id, (size_t)n));
        while (kv_stream_pair(&entry, &field, &value)) {
            digest_mix(d, field);
            digest_mix(d, value);
        }
        st = kv_stream_next(&cur, &found, &entry, err);
    }
    return st;
}

/* Redis's number of the type, big endian. */
static void add_type(enum kv_type type, unsigned char d[DIGEST_BYTES])
{
    static const char numbers[] = {
        [KV_STRING] = 0, [KV_LIST] = 1,   [KV_SET] = 2,    [KV_ZSET] = 3,
        [KV_HASH] = 4,   [KV_MODULE] = 5, [KV_STREAM] = 6,
    };
    char bytes[4] = {0, 0, 0, numbers[type]};
    digest_mix(d, slice_make(bytes, sizeof bytes));
}

static enum status add_object(struct kv *kv, struct kv_rec *rec, unsigned char d[DIGEST_BYTES],
                              struct error *err)
{
    const struct kv_object_type *t;
    void *value;
    enum status st = kv_object_get(kv, rec, &t, &value, err);
    if (st == ST_OK)
        kv_object_digest(rec, d);
    return st;
}

enum status digest_value(struct kv *kv, struct kv_rec *rec, unsigned char d[DIGEST_BYTES],
                         struct error *err)
{
    enum status st = ST_OK;
    char tmp[NUM_BUF];
    add_type(kv_rec_type(rec), d);
    switch (kv_rec_type(rec)) {
    case KV_STRING:
        digest_mix(d, kv_str(rec, tmp));
        break;
    case KV_LIST:
        st = add_list(rec, d, err);
        break;
    case KV_SET:
        st = add_set(rec, d, err);
        break;
    case KV_ZSET:
        st = add_zset(rec, d, err);
        break;
    case KV_HASH:
        st = add_hash(rec, d, err);
        break;
    case KV_STREAM:
        st = add_stream(rec, d, err);
        break;
    case KV_MODULE:
        st = add_object(kv, rec, d, err);
        break;
    case KV_NONE:
        break;
    }
    if (st == ST_OK && kv_rec_expire(rec) != KV_NO_EXPIRE)
        digest_xor(d, SLICE("!!expire!!"));
    return st;
}
