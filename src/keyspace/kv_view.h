/* A view: the whole data set as it was at one moment, read by one worker while the loop goes on. Dumps, exports and full syncs
 * are made from it. It is a snapshot of the store behind a fold, so it needs no fork and no copy.
 *
 * The records that it gives are read with the same functions as others (kv_str, kv_hash.h ... kv_stream.h: those that only
 * read), on the view's thread. */
#ifndef ORBIT_KEYSPACE_KV_VIEW_H
#define ORBIT_KEYSPACE_KV_VIEW_H

#include "keyspace/kv.h"

struct kv_view;

/* Folds everything and takes the snapshot. Loop thread, between units (ST_BUSY otherwise). */
MUST_USE enum status kv_view_open(struct kv *kv, struct kv_view **out, struct error *err);
/* Any thread, when nobody uses the view any more. Accepts NULL. */
void kv_view_close(struct kv_view *v);
/* Keys in all databases, and logical databases, at the moment of the view. */
uint64_t kv_view_keys(const struct kv_view *v);
uint64_t kv_view_dbsize(const struct kv_view *v, int db);
uint64_t kv_view_expires(const struct kv_view *v, int db);
int kv_view_databases(const struct kv_view *v);
/* Begins with the first record of logical database db. */
MUST_USE enum status kv_view_seek(struct kv_view *v, int db, struct error *err);
/* The next record of that database (also one whose time is over); NULL: no more. Valid until the next call. */
MUST_USE enum status kv_view_next(struct kv_view *v, struct kv_rec **rec, struct error *err);

#endif
