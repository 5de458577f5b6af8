/* Members of trees without an order of their own, inside the keyspace: what hashes and sets share.
 *
 *   packed   positional: member -> value             found by a walk
 *   hashed   ordered: hash64(8) member -> value      found by the hash; its order is that of HSCAN and SSCAN
 *
 * Thread: the loop thread; trees of a view that view's thread. */
#ifndef ORBIT_KEYSPACE_KV_MEMBER_H
#define ORBIT_KEYSPACE_KV_MEMBER_H

#include "keyspace/kv_coll.h"

#define KV_MEMBER_PREFIX 8
/* A packed leaf holds no more bytes than this, whatever the options say. */
#define KV_PACKED_BYTES (1u << 30)

/* *cur: the member's place, when *found. */
MUST_USE enum status kv__packed_find(struct kv_tree *t, struct slice member, struct kv_cur *cur,
                                     bool *found, struct error *err);
MUST_USE enum status kv__hashed_find(struct kv_tree *t, struct slice member, struct kv_cur *cur,
                                     bool *found, struct error *err);
/* Adds the member, or gives it another value. */
MUST_USE enum status kv__hashed_put(struct kv_tree *t, struct slice member, struct slice value,
                                    bool *added, struct error *err);
/* The member of a hashed tree's element. */
static inline struct slice kv__hashed_member(struct slice key)
{
    return slice_make(key.p + KV_MEMBER_PREFIX, key.n - KV_MEMBER_PREFIX);
}

/* Visits about count elements from cursor on (0: the beginning): packed ones all, of a hashed tree whole runs of one hash.
 * *next: the hash of the element to go on with, 0 at the end. */
MUST_USE enum status kv__member_scan(struct kv_tree *t, bool hashed, uint64_t cursor,
                                     uint64_t count, uint64_t *next,
                                     void (*fn)(void *arg, const struct kv_cur *cur), void *arg,
                                     struct error *err);

#endif
