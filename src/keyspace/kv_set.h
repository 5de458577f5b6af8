/* Sets. A set of integers may be held in order (intset), a packed one keeps the order in which its members came; a large one
 * has none that means anything.
 *
 * Reading functions take records of the keyspace and of views (kv_view.h). Slices given out are valid until the next change of
 * the set or the end of the command, if nothing else is said; slices passed in must not point into the same set.
 * Changing functions stand inside of an edit (kv_edit ... kv_edit_end, kv.h) that the caller opens; they notify nothing and
 * propagate nothing. A set that became empty must be deleted by the caller, after the edit. A failed change has changed
 * nothing. Every status: ST_OK, or ST_IO, ST_CORRUPT, ST_NO_MEMORY with err set.
 * Thread: the loop thread; records of a view the thread that uses the view. */
#ifndef ORBIT_KEYSPACE_KV_SET_H
#define ORBIT_KEYSPACE_KV_SET_H

#include "keyspace/kv.h"
#include "keyspace/kv_tree.h"

enum kv_set_enc { KV_SET_INTSET, KV_SET_LISTPACK, KV_SET_HASHTABLE };

uint64_t kv_set_count(const struct kv_rec *r);
enum kv_set_enc kv_set_encoding(const struct kv_rec *r);

MUST_USE enum status kv_set_has(struct kv_rec *r, struct slice member, bool *found,
                                struct error *err);

/* -- Walking --------------------------------------------------------------------------------------------------------------- */

#define KV_SET_INT_BUF 24

/* A place; any change of the set makes it invalid. */
struct kv_set_cur {
    struct kv_cur at;
    enum kv_set_enc enc;
    char number[KV_SET_INT_BUF]; /* text of an intset's member */
};
MUST_USE enum status kv_set_first(struct kv_rec *r, struct kv_set_cur *c, struct error *err);
/* The member at this place of the walk, from 0; rank >= count: at the end. Logarithmic. */
MUST_USE enum status kv_set_at(struct kv_rec *r, uint64_t rank, struct kv_set_cur *c,
                               struct error *err);
static inline bool kv_set_end(const struct kv_set_cur *c)
{
    return kv__cur_end(&c->at);
}
/* Not at the end. Valid until the cursor moves. */
struct slice kv_set_member(struct kv_set_cur *c);
MUST_USE enum status kv_set_next(struct kv_set_cur *c, struct error *err);

/* Visits about count members in cursor order from cursor on (0: the beginning); *next: where to go on, 0 at the end. A member
 * that is there from the first call to the last is visited at least once. fn must not change the set. An intset and a packed
 * one are visited whole. */
MUST_USE enum status kv_set_scan(struct kv_rec *r, uint64_t cursor, uint64_t count, uint64_t *next,
                                 void (*fn)(void *arg, struct slice member), void *arg,
                                 struct error *err);

/* -- Changing -------------------------------------------------------------------------------------------------------------- */

/* The encoding of a new set that begins with member and is about to get so many. */
enum kv_set_enc kv_set_choose(struct slice member, uint64_t count_hint);
/* Makes key an empty set, replacing what was there, and opens an edit of it. Members that do not suit the encoding change it. */
MUST_USE enum status kv_set_make(struct kv *kv, int db, struct slice key, enum kv_set_enc enc,
                                 struct kv_rec **rec, struct error *err);
/* Turns an intset or a packed one into a tree when so many members that are about to come are too many for it. */
MUST_USE enum status kv_set_expect(struct kv_rec *r, uint64_t count_hint, struct error *err);
/* Gives it this encoding, whatever the limits say. To an intset only when all members are integers. */
MUST_USE enum status kv_set_convert(struct kv_rec *r, enum kv_set_enc enc, struct error *err);
MUST_USE enum status kv_set_add(struct kv_rec *r, struct slice member, bool *added,
                                struct error *err);
MUST_USE enum status kv_set_remove(struct kv_rec *r, struct slice member, bool *found,
                                   struct error *err);
/* Removes the cursor's member; the cursor then stands on the one that followed. */
MUST_USE enum status kv_set_remove_at(struct kv_set_cur *c, struct error *err);

/* -- Replacing --------------------------------------------------------------------------------------------------------------- */

/* Other contents for the set of r, made beside the present ones, which stay readable until the commit. All inside of one edit
 * of r, with no other change of it. */
struct kv_set_build;
/* NULL: out of memory. */
MUST_USE struct kv_set_build *kv_set_build_new(struct kv_rec *r, enum kv_set_enc enc);
uint64_t kv_set_build_count(const struct kv_set_build *b);
/* member may stand in the present contents. */
MUST_USE enum status kv_set_build_add(struct kv_set_build *b, struct slice member, bool *added,
                                      struct error *err);
/* The new contents take the place of the present ones, which are gone. b is freed, whatever happens. */
MUST_USE enum status kv_set_build_commit(struct kv_set_build *b, struct error *err);
/* Accepts NULL. */
void kv_set_build_free(struct kv_set_build *b);

#endif
