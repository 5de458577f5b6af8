/* Hash map from byte string to pointer, growing without a long pause (incremental rehash). Keys are copied; values belong
 * to the caller unless a free function is given. Keyed hash (SipHash with a per-process seed). Not thread-safe. */
#ifndef ORBIT_BASE_DICT_H
#define ORBIT_BASE_DICT_H

#include "base/compiler.h"
#include "base/slice.h"

struct dict;

struct dict_iter {
    const struct dict *d;
    size_t table, bucket;
    void *entry;
    struct slice key; /* current key */
    void *value;      /* current value */
};

enum dict_flags { DICT_NOCASE = 1 /* keys compare and hash without ASCII case */ };

struct dict *dict_new(unsigned flags, void (*free_value)(void *));
void dict_free(struct dict *d); /* accepts NULL; frees values with free_value */
void *dict_get(const struct dict *d, struct slice key); /* NULL when missing */
bool dict_has(const struct dict *d, struct slice key);
/* Sets; returns the former value (not freed), NULL if there was none. */
void *dict_set(struct dict *d, struct slice key, void *value);
/* Adds only if missing; true when added. */
bool dict_add(struct dict *d, struct slice key, void *value);
/* Removes and returns the value without freeing it; NULL when missing. */
void *dict_take(struct dict *d, struct slice key);
/* Removes and frees; true when it was there. */
bool dict_del(struct dict *d, struct slice key);
void dict_clear(struct dict *d);
size_t dict_count(const struct dict *d);
size_t dict_bytes(const struct dict *d); /* approximate memory */

/* Iteration; the dict must not be changed meanwhile, except that the current entry may be deleted after
 * dict_next moved on. */
struct dict_iter dict_iter(const struct dict *d);
bool dict_next(struct dict_iter *it);

#endif
