/* Shared by the commands of sorted sets: ranges as arguments, answers of members with scores, what follows a change.
 * Thread: loop. */
#ifndef ORBIT_COMMANDS_ZSET_PRIV_H
#define ORBIT_COMMANDS_ZSET_PRIV_H

#include "keyspace/kv_zset.h"
#include "session/call.h"

/* -- zset_args.c */

/* Argument i is the lower end, argument j the upper one. False: the error is answered. */
MUST_USE bool zset__score_range(struct call *c, int i, int j, struct kv_zset_range *out);
MUST_USE bool zset__member_range(struct call *c, int i, int j, bool from_end,
                                 struct kv_zset_range *out);
/* Cuts first and last, which count from the end when negative, to a sorted set of count members. *n may be 0. */
void zset__clip_ranks(int64_t first, int64_t last, uint64_t count, uint64_t *rank, uint64_t *n);

/* -- zset_reply.c */

/* Members with scores: pairs in RESP3, one after the other in RESP2. Begins an array of n members. */
void zset__reply_begin(struct call *c, uint64_t n, bool scores);
void zset__reply_item(struct call *c, const struct kv_zset_item *item, bool scores);
/* The store failed when done of n members were answered: the failure takes the next place, nulls those behind it. */
void zset__reply_failed(struct call *c, uint64_t done, uint64_t n, bool scores, enum status st,
                        const struct error *err);
/* A whole answer: n members from rank on, or, with reverse, from rank downwards. */
void zset__reply_ranks(struct call *c, struct kv_rec *rec, uint64_t rank, uint64_t n, bool reverse,
                       bool scores);

/* -- zset_store.c */

/* Ends the edit of rec that removed n members of it, notifies, deletes the key when it is empty. */
void zset__removed(struct call *c, struct kv_rec *rec, struct slice key, uint64_t n,
                   const char *event);
/* Removes n members from rank on, all of it. False: the error is answered. */
MUST_USE bool zset__remove_ranks(struct call *c, struct kv_rec *rec, struct slice key,
                                 uint64_t rank, uint64_t n, const char *event);

#endif
