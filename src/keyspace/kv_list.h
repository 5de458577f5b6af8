/* Lists: elements where they were put. Any place is found in logarithmic time; both ends are near.
 *
 * Reading functions take records of the keyspace and of views (kv_view.h). Slices given out are valid until the next change of
 * the list or the end of the command; slices passed in must not point into the same list.
 * Changing functions stand inside of an edit (kv_edit ... kv_edit_end, kv.h) that the caller opens; they notify nothing and
 * propagate nothing. A list that became empty must be deleted by the caller, after the edit. A failed change has changed
 * nothing. Every status: ST_OK, or ST_IO, ST_CORRUPT, ST_NO_MEMORY with err set.
 *
 * The encoding changes when the caller says so, at Redis's limits (list-max-listpack-size): kv_list_expect before elements
 * are added or replaced, kv_list_shrunk after some were removed or replaced, kv_list_settle after a list was built.
 * Thread: the loop thread; records of a view the thread that uses the view. */
#ifndef ORBIT_KEYSPACE_KV_LIST_H
#define ORBIT_KEYSPACE_KV_LIST_H

#include "keyspace/kv.h"
#include "keyspace/kv_tree.h"

uint64_t kv_list_count(const struct kv_rec *r);
/* Encoding listpack: one packed page. */
bool kv_list_packed(const struct kv_rec *r);

/* -- Walking --------------------------------------------------------------------------------------------------------------- */

/* A place. Any change of the list, but for those made through this cursor, makes it invalid. */
struct kv_list_cur {
    struct kv_cur at;
};
MUST_USE enum status kv_list_first(struct kv_rec *r, struct kv_list_cur *c, struct error *err);
MUST_USE enum status kv_list_last(struct kv_rec *r, struct kv_list_cur *c, struct error *err);
/* index counts from 0; at or above the count: at the end. */
MUST_USE enum status kv_list_at(struct kv_rec *r, uint64_t index, struct kv_list_cur *c,
                                struct error *err);
static inline bool kv_list_end(const struct kv_list_cur *c)
{
    return kv__cur_end(&c->at);
}
/* Not at the end. */
struct slice kv_list_value(const struct kv_list_cur *c);
/* Behind the last, or before the first: at the end. */
MUST_USE enum status kv_list_next(struct kv_list_cur *c, struct error *err);
MUST_USE enum status kv_list_prev(struct kv_list_cur *c, struct error *err);

/* -- Changing -------------------------------------------------------------------------------------------------------------- */

enum kv_list_side { KV_LIST_HEAD, KV_LIST_TAIL };

/* Makes key an empty list, replacing what was there, and opens an edit of it. */
MUST_USE enum status kv_list_make(struct kv *kv, int db, struct slice key, struct kv_rec **rec,
                                  struct error *err);
MUST_USE enum status kv_list_push(struct kv_rec *r, enum kv_list_side side, struct slice value,
                                  struct error *err);
/* Removes n elements from index on; n is at most what there is. */
MUST_USE enum status kv_list_remove(struct kv_rec *r, uint64_t index, uint64_t n,
                                    struct error *err);
/* Before the cursor's element (at the end: appends); the cursor then stands on the new one. */
MUST_USE enum status kv_list_cur_insert(struct kv_list_cur *c, struct slice value,
                                        struct error *err);
MUST_USE enum status kv_list_cur_set(struct kv_list_cur *c, struct slice value, struct error *err);
/* The cursor then stands on the element that followed. */
MUST_USE enum status kv_list_cur_delete(struct kv_list_cur *c, struct error *err);

/* Changes a packed list's encoding when it gets too large with these values. */
MUST_USE enum status kv_list_expect(struct kv_rec *r, const struct slice *values, size_t n,
                                    struct error *err);
/* Packs a large list that has shrunk to half of the limit. */
MUST_USE enum status kv_list_shrunk(struct kv_rec *r, struct error *err);
/* Gives a list the encoding that suits it as it is: after it was built. */
MUST_USE enum status kv_list_settle(struct kv_rec *r, struct error *err);

/* For DEBUG OBJECT: bytes of the listpack that would hold all elements. */
MUST_USE enum status kv_list_listpack_bytes(struct kv_rec *r, uint64_t *bytes, struct error *err);

#endif
