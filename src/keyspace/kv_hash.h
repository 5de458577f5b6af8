/* Hashes: fields with a value each. A packed hash keeps the order in which its fields came; a large one has none that means
 * anything.
 *
 * Reading functions take records of the keyspace and of views (kv_view.h). Slices given out are valid until the next change of
 * the hash or the end of the command; slices passed in must not point into the same hash.
 * Changing functions stand inside of an edit (kv_edit ... kv_edit_end, kv.h) that the caller opens; they notify nothing and
 * propagate nothing. A hash that became empty must be deleted by the caller, after the edit. A failed change has changed
 * nothing. Every status: ST_OK, or ST_IO, ST_CORRUPT, ST_NO_MEMORY with err set.
 * Thread: the loop thread; records of a view the thread that uses the view. */
#ifndef ORBIT_KEYSPACE_KV_HASH_H
#define ORBIT_KEYSPACE_KV_HASH_H

#include "keyspace/kv.h"
#include "keyspace/kv_tree.h"

struct kv_hash_item {
    struct slice field, value;
};

uint64_t kv_hash_count(const struct kv_rec *r);
/* Encoding listpack: one packed page, a walk over all of it is cheap. */
bool kv_hash_packed(const struct kv_rec *r);

MUST_USE enum status kv_hash_get(struct kv_rec *r, struct slice field, bool *found,
                                 struct slice *value, struct error *err);

/* -- Walking --------------------------------------------------------------------------------------------------------------- */

/* A place; any change of the hash makes it invalid. */
struct kv_hash_cur {
    struct kv_cur at;
    uint32_t skip; /* bytes before the field in the key of its element */
};
MUST_USE enum status kv_hash_first(struct kv_rec *r, struct kv_hash_cur *c, struct error *err);
/* The field at this place of the walk, from 0; rank >= count: at the end. Logarithmic. */
MUST_USE enum status kv_hash_at(struct kv_rec *r, uint64_t rank, struct kv_hash_cur *c,
                                struct error *err);
static inline bool kv_hash_end(const struct kv_hash_cur *c)
{
    return kv__cur_end(&c->at);
}
/* Not at the end. */
struct kv_hash_item kv_hash_item(const struct kv_hash_cur *c);
MUST_USE enum status kv_hash_next(struct kv_hash_cur *c, struct error *err);

/* Visits about count fields in cursor order from cursor on (0: the beginning); *next: where to go on, 0 at the end. A field
 * that is there from the first call to the last is visited at least once. fn must not change the hash. A packed one is
 * visited whole. */
MUST_USE enum status kv_hash_scan(struct kv_rec *r, uint64_t cursor, uint64_t count, uint64_t *next,
                                  void (*fn)(void *arg, const struct kv_hash_item *item), void *arg,
                                  struct error *err);

/* -- Changing -------------------------------------------------------------------------------------------------------------- */

/* Makes key an empty hash, replacing what was there, and opens an edit of it. */
MUST_USE enum status kv_hash_make(struct kv *kv, int db, struct slice key, struct kv_rec **rec,
                                  struct error *err);
/* Turns a packed one into a tree when so many fields that are about to come are too many for it. */
MUST_USE enum status kv_hash_expect(struct kv_rec *r, uint64_t count_hint, struct error *err);
/* Adds the field, or gives it another value. *added (may be NULL): it was not there. */
MUST_USE enum status kv_hash_put(struct kv_rec *r, struct slice field, struct slice value,
                                 bool *added, struct error *err);
MUST_USE enum status kv_hash_remove(struct kv_rec *r, struct slice field, bool *found,
                                    struct error *err);

#endif
