/* Streams inside the keyspace: what their files share. FORMAT.md has the stored form.
 *
 *   tree[0]  ms(8) seq(8)                     -> entry
 *   tree[1]  'g' name                         -> group
 *            'n' ms(8) seq(8)                 -> node (that of the last one is in ext, its value here is stale)
 *            'x' group(6) 'c' name            -> consumer
 *            'x' group(6) 'i' consumer(6)     -> name
 *            'x' group(6) 'p' ms(8) seq(8)    -> pending entry
 *            'x' group(6) 'q' consumer(6) ms(8) seq(8) -> "" */
#ifndef ORBIT_KEYSPACE_KV_STREAM_PRIV_H
#define ORBIT_KEYSPACE_KV_STREAM_PRIV_H

#include "keyspace/kv_coll.h"
#include "keyspace/kv_stream.h"

/* The numbers in kv_coll.ext. */
enum kv_stream_ext {
    KV_SX_LAST_MS,
    KV_SX_LAST_SEQ,
    KV_SX_MAX_GONE_MS,
    KV_SX_MAX_GONE_SEQ,
    KV_SX_ADDED,
    KV_SX_NUMBER, /* the last number given to a group or consumer */
    KV_SX_FIRST_MS,
    KV_SX_FIRST_SEQ,
    KV_SX_TREE_NODES, /* of Redis's radix tree */
    KV_SX_TAIL,       /* the last node: KV_SX_TAIL_N numbers, all 0: there is no node */
    KV_SX_TAIL_N = 7,
    KV_SX_COUNT = KV_SX_TAIL + KV_SX_TAIL_N
};

#define KV_STREAM_NO_BYTES 6 /* of a group's or consumer's number in a key */

/* A node as its record has it. */
struct kv_snode {
    struct kv_stream_node n;
    uint64_t bytes;  /* of Redis's listpack, but for the two counts in its head and its frame */
    uint64_t fields; /* fingerprint of the first entry's field names */
};

/* -- kv_stream_codec.c: keys, values, sizes; pure */
#define KV_STREAM_ID_BYTES 16
void kv__stream_put_id(char out[KV_STREAM_ID_BYTES], struct kv_stream_id id);
struct kv_stream_id kv__stream_get_id(const char in[KV_STREAM_ID_BYTES]);

/* Bytes that are built to be handed to a tree; long ones on the heap. */
struct kv_sbytes {
    char *p;
    size_t n;
    char in[232];
};
/* Room for n bytes, of which none are used. False: out of memory. */
MUST_USE bool kv__sbytes_open(struct kv_sbytes *b, size_t n);
void kv__sbytes_short(struct kv_sbytes *b); /* room for what has no names in it; no close needed */
void kv__sbytes_close(struct kv_sbytes *b);
void kv__sbytes_byte(struct kv_sbytes *b, char c);
void kv__sbytes_no(struct kv_sbytes *b, uint64_t no);
void kv__sbytes_id(struct kv_sbytes *b, struct kv_stream_id id);
void kv__sbytes_slice(struct kv_sbytes *b, struct slice s);
static inline struct slice kv__sbytes_slice_of(const struct kv_sbytes *b)
{
    return slice_make(b->p, b->n);
}

/* An entry's value. */
MUST_USE bool kv__sentry_encode(struct kv_sbytes *b, const struct slice *argv, size_t pairs);
MUST_USE bool kv__sentry_decode(struct slice in, struct kv_stream_entry *e);

/* Records of at most KV_SRECORD_MAX bytes; encode returns the length. */
#define KV_SRECORD_MAX 64
size_t kv__sgroup_encode(const struct kv_stream_group *g, char *out);
MUST_USE bool kv__sgroup_decode(struct slice in, struct kv_stream_group *g);
size_t kv__sconsumer_encode(const struct kv_stream_consumer *c, char *out);
MUST_USE bool kv__sconsumer_decode(struct slice in, struct kv_stream_consumer *c);
size_t kv__spending_encode(const struct kv_stream_pending *p, char *out);
MUST_USE bool kv__spending_decode(struct slice in, struct kv_stream_pending *p);
size_t kv__snode_encode(const struct kv_snode *n, char *out);
MUST_USE bool kv__snode_decode(struct slice in, struct kv_snode *n);

/* Bytes that an integer, a string takes as an element of a listpack. */
uint64_t kv__listpack_int(int64_t v);
uint64_t kv__listpack_str(struct slice s);

/* -- kv_stream_node.c: where Redis's nodes would begin and end */
/* Enters the entry that is about to be appended. */
MUST_USE enum status kv__snode_append(struct kv_coll *c, const struct kv_stream_place *at,
                                      const struct slice *argv, size_t pairs, struct error *err);
/* Where a new entry with so many bytes goes: into the last node, or into one of its own. */
MUST_USE enum status kv__snode_choose(struct kv_coll *c, struct kv_stream_id id,
                                      uint64_t entry_bytes, struct kv_stream_place *at,
                                      struct error *err);
/* The node that holds this entry loses it. */
MUST_USE enum status kv__snode_lose(struct kv_coll *c, struct kv_stream_id id, struct error *err);
/* The first node; *found false: there is none. */
MUST_USE enum status kv__snode_first(struct kv_coll *c, bool *found, struct kv_snode *n,
                                     struct error *err);
MUST_USE enum status kv__snode_store(struct kv_coll *c, const struct kv_snode *n,
                                     struct error *err);
MUST_USE enum status kv__snode_drop(struct kv_coll *c, const struct kv_snode *n, struct error *err);

/* -- kv_stream_group.c: shared with the walks */
/* The place of the first key that is not below this one, in tree[1]. */
MUST_USE enum status kv__stream_find(struct kv_coll *c, struct slice key, struct kv_cur *at,
                                     bool *found, struct error *err);
/* How many keys of tree[1] begin with prefix, and (first may be NULL) the first of them. */
MUST_USE enum status kv__stream_span(struct kv_coll *c, struct slice prefix, struct kv_cur *first,
                                     uint64_t *n, struct error *err);
/* Deletes all keys of tree[1] that begin with prefix: *n. */
MUST_USE enum status kv__stream_delete(struct kv_coll *c, struct slice prefix, uint64_t *n,
                                       struct error *err);
/* 'x' group kind. */
void kv__sbytes_group(struct kv_sbytes *b, const struct kv_stream_group *g, char kind);
/* A walk over the keys of that kind, (consumer not 0) of that consumer; its place is not set. */
void kv__stream_walk_prefix(struct kv_stream_walk *w, struct kv_rec *r,
                            const struct kv_stream_group *g, char kind, uint64_t consumer);
/* Takes the next step of a walk: *found when a key of its prefix is there. */
MUST_USE enum status kv__stream_walk_next(struct kv_stream_walk *w, bool *found, struct error *err);
enum status kv__stream_damaged(struct error *err);

/* -- kv_stream_pending.c */
/* Deletes all that is pending for a consumer: *n entries. */
MUST_USE enum status kv__spending_forget(struct kv_rec *r, const struct kv_stream_group *g,
                                         uint64_t consumer, uint64_t *n, struct error *err);

#endif
