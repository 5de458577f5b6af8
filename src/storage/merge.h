/* An iterator over a store with newer writes laid over it: a transaction's own, or those that a provider has not yet put
 * into its file. Where both have a key, the newer write counts; a deletion hides the key.
 * Thread: one at a time. */
#ifndef ORBIT_STORAGE_MERGE_H
#define ORBIT_STORAGE_MERGE_H

#include "storage/mvcc.h"
#include "storage/provider.h"

struct merge_iter;

/* Takes over base (an iterator, by the iter_ members of p) and over (may be NULL); both have the same bounds. done (may be
 * NULL) is called when the iterator is freed, after base and over. The functions fit the iter_ members of a provider. */
struct merge_iter *merge_iter_new(const struct stor_provider *p, void *base, struct mvcc_iter *over,
                                  void (*done)(void *arg), void *arg);
void merge_iter_free(void *it);
void merge_iter_first(void *it);
void merge_iter_last(void *it);
void merge_iter_seek(void *it, struct slice key);
void merge_iter_seek_prev(void *it, struct slice key);
void merge_iter_next(void *it);
void merge_iter_prev(void *it);
bool merge_iter_valid(const void *it);
struct slice merge_iter_key(const void *it);
struct slice merge_iter_value(const void *it);
enum status merge_iter_status(const void *it, struct error *err);

#endif
