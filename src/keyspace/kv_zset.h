/* Sorted sets: members with a score each, in order of score and then member (memcmp order). Scores are never NaN; -0 is kept as 0.
 *
 * Reading functions take records of the keyspace and of views (kv_view.h). Slices given out are valid until the next change of
 * the sorted set or the end of the command; slices passed in must not point into the same sorted set.
 * Changing functions stand inside of an edit (kv_edit ... kv_edit_end, kv.h) that the caller opens; they notify nothing and
 * propagate nothing. A sorted set that became empty must be deleted by the caller, after the edit. A failed change has changed
 * nothing. Every status: ST_OK, or ST_IO, ST_CORRUPT, ST_NO_MEMORY with err set.
 * Thread: the loop thread; records of a view the thread that uses the view. */
#ifndef ORBIT_KEYSPACE_KV_ZSET_H
#define ORBIT_KEYSPACE_KV_ZSET_H

#include "keyspace/kv.h"
#include "keyspace/kv_tree.h"

struct kv_zset_item {
    struct slice member;
    double score;
};

uint64_t kv_zset_count(const struct kv_rec *r);
/* Encoding listpack: one packed page, a walk over all of it is cheap. */
bool kv_zset_packed(const struct kv_rec *r);

/* -- Members ------------------------------------------------------------------------------------------------------------- */

MUST_USE enum status kv_zset_score(struct kv_rec *r, struct slice member, bool *found,
                                   double *score, struct error *err);
/* Rank counts from the lowest score, from 0. */
MUST_USE enum status kv_zset_rank(struct kv_rec *r, struct slice member, bool *found,
                                  uint64_t *rank, double *score, struct error *err);

/* -- Walking, in order ----------------------------------------------------------------------------------------------------- */

/* A place in the order; any change of the sorted set makes it invalid. */
struct kv_zset_cur {
    struct kv_cur at;
};
MUST_USE enum status kv_zset_first(struct kv_rec *r, struct kv_zset_cur *c, struct error *err);
MUST_USE enum status kv_zset_last(struct kv_rec *r, struct kv_zset_cur *c, struct error *err);
/* rank >= count: at the end. */
MUST_USE enum status kv_zset_at(struct kv_rec *r, uint64_t rank, struct kv_zset_cur *c,
                                struct error *err);
static inline bool kv_zset_end(const struct kv_zset_cur *c)
{
    return kv__cur_end(&c->at);
}
/* Not at the end. */
struct kv_zset_item kv_zset_item(const struct kv_zset_cur *c);
MUST_USE enum status kv_zset_next(struct kv_zset_cur *c, struct error *err);
MUST_USE enum status kv_zset_prev(struct kv_zset_cur *c, struct error *err);

/* -- Ranges ---------------------------------------------------------------------------------------------------------------- */

/* By score, or by member. The latter has a meaning where the members stand in their own order, as they do when all scores are
 * equal; otherwise a packed one is walked as Redis walks it, and from which end then matters. */
enum kv_zset_edge { KV_ZSET_LOWEST, KV_ZSET_HIGHEST, KV_ZSET_AT };
struct kv_zset_bound {
    enum kv_zset_edge edge; /* by member: "-", "+", or the member; by score always KV_ZSET_AT */
    bool exclusive;
    double score;
    struct slice member;
};
struct kv_zset_range {
    bool by_member;
    bool from_end;
    struct kv_zset_bound min, max;
};
/* The ranks that the range takes: n elements from first on; n may be 0. */
MUST_USE enum status kv_zset_span(struct kv_rec *r, const struct kv_zset_range *range,
                                  uint64_t *first, uint64_t *n, struct error *err);

/* -- Scanning ---------------------------------------------------------------------------------------------------------------- */

/* Visits about count members in cursor order from cursor on (0: the beginning); *next: where to go on, 0 at the end. A member
 * that is there from the first call to the last is visited at least once. fn must not change the sorted set. A packed one is
 * visited whole. */
MUST_USE enum status kv_zset_scan(struct kv_rec *r, uint64_t cursor, uint64_t count, uint64_t *next,
                                  void (*fn)(void *arg, const struct kv_zset_item *item), void *arg,
                                  struct error *err);

/* Into the order of a sorted set. */
void kv_zset_sort(struct kv_zset_item *items, size_t n);

/* -- Changing ---------------------------------------------------------------------------------------------------------------- */

/* Makes key an empty sorted set, replacing what was there, and opens an edit of it. The encoding follows from how many members
 * it is about to get, and the length of the longest (or first) of them. */
MUST_USE enum status kv_zset_make(struct kv *kv, int db, struct slice key, uint64_t count_hint,
                                  size_t member_hint, struct kv_rec **rec, struct error *err);
/* As kv_zset_make, filled with n items in any order (they are sorted in place) with different members; n at least 1. On failure
 * the key is gone and no edit is open. */
MUST_USE enum status kv_zset_build(struct kv *kv, int db, struct slice key,
                                   struct kv_zset_item *items, size_t n, struct kv_rec **rec,
                                   struct error *err);
/* Turns a packed one into a tree when so many members are too many for it. */
MUST_USE enum status kv_zset_expect(struct kv_rec *r, uint64_t count_hint, struct error *err);
/* A member that is there, or the place where it would stand: found once, then changed or not. Any change of the sorted set but
 * the one made through it makes it invalid; opening the edit does not. member is borrowed. */
struct kv_zset_place {
    struct kv_rec *rec;
    struct slice member;
    struct kv_cur at;
    uint64_t hash;
    double score; /* when found */
    bool found;
};
MUST_USE enum status kv_zset_find(struct kv_rec *r, struct slice member, struct kv_zset_place *out,
                                  struct error *err);
/* Adds the member with this score, or gives it this score. */
MUST_USE enum status kv_zset_place_set(struct kv_zset_place *p, double score, struct error *err);
/* Deletes the member; it was found. */
MUST_USE enum status kv_zset_place_remove(struct kv_zset_place *p, struct error *err);
/* kv_zset_find and kv_zset_place_set in one. *added (may be NULL): it was not there. */
MUST_USE enum status kv_zset_put(struct kv_rec *r, struct slice member, double score, bool *added,
                                 struct error *err);
/* Deletes n members from rank first on; there must be so many. */
MUST_USE enum status kv_zset_remove_ranks(struct kv_rec *r, uint64_t first, uint64_t n,
                                          struct error *err);

#endif
