/* An iterator over a store with newer writes laid over it: a transaction's own, or those that a provider has not yet put
 * into its file. Where both have a key, the newer write counts; a deletion hides the key.
 * Thread: one at a time. */
#ifndef ORBIT_STORAGE_MERGE_H
#define ORBIT_STORAGE_MERGE_H

#include "storage/mvcc.h"
#include "storage/provider.h"

struct merge_iter;

/* Takes over base (an iterator, by the iter_ members of p) and over (may be NULL); both have the same bounds. */
struct merge_iter *merge_iter_new(const struct stor_provider *p, void *base,
                                  struct mvcc_iter *over);
void merge_iter_free(struct merge_iter *it);
void merge_iter_first(struct merge_iter *it);
void merge_iter_last(struct merge_iter *it);
void merge_iter_seek(struct merge_iter *it, struct slice key);
void merge_iter_seek_prev(struct merge_iter *it, struct slice key);
void merge_iter_next(struct merge_iter *it);
void merge_iter_prev(struct merge_iter *it);
bool merge_iter_valid(const struct merge_iter *it);
struct slice merge_iter_key(const struct merge_iter *it);
struct slice merge_iter_value(const struct merge_iter *it);
enum status merge_iter_status(const struct merge_iter *it, struct error *err);

#endif
