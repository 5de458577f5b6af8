/* Ordered maps with versions, in memory: the memory provider's data, the write buffer of cow_btree, and a transaction's own
 * writes. Each batch gets a sequence number; a view sees the versions that its sequence covers, whatever is written later.
 * Thread: any; a view and an iterator are used by one thread at a time. */
#ifndef ORBIT_STORAGE_MVCC_H
#define ORBIT_STORAGE_MVCC_H

#include "base/buf.h"
#include "base/list.h"
#include "base/status.h"

struct mvcc;
struct mvcc_iter;

/* A reader: it sees versions with base < sequence <= seq. Versions up to base are in the store below, if there is one. */
struct mvcc_view {
    uint64_t seq, base;
    struct list_node link;
};

enum mvcc_found { MVCC_NONE, MVCC_DELETED, MVCC_VALUE };

/* layered: the maps lie over a store, so deletions stay visible as such until mvcc_flushed tells that they are below. */
struct mvcc *mvcc_new(size_t nspaces, bool layered);
void mvcc_free(struct mvcc *m);
/* Appends one more space; returns its number. Only before the first view. */
unsigned mvcc_add_space(struct mvcc *m);

/* Applies an oplog as one batch: all of it, or on ST_NO_MEMORY nothing. A range delete hits only what is in here. */
MUST_USE enum status mvcc_apply(struct mvcc *m, struct slice log, struct error *err);
MUST_USE enum status mvcc_put(struct mvcc *m, unsigned space, struct slice key, struct slice value,
                              struct error *err);
MUST_USE enum status mvcc_del(struct mvcc *m, unsigned space, struct slice key, struct error *err);

/* view NULL: the newest state. v (may be NULL) is replaced when a value is found. ST_NO_MEMORY is the only failure. */
MUST_USE enum status mvcc_get(struct mvcc *m, const struct mvcc_view *view, unsigned space,
                              struct slice key, enum mvcc_found *found, struct buf *v,
                              struct error *err);

void mvcc_view_open(struct mvcc *m, struct mvcc_view *view);
void mvcc_view_close(struct mvcc *m, struct mvcc_view *view);

/* Everything up to seq is in the store below: views opened from now on read it there. */
void mvcc_flushed(struct mvcc *m, uint64_t seq);
uint64_t mvcc_seq(const struct mvcc *m);
/* The next batch gets a number above seq. */
void mvcc_set_seq(struct mvcc *m, uint64_t seq);

struct mvcc_stats {
    uint64_t entries;                /* keys with a value in the newest state */
    uint64_t key_bytes, value_bytes; /* of these */
    uint64_t memory;                 /* all nodes and versions */
    uint64_t views;
};
void mvcc_stats(struct mvcc *m, struct mvcc_stats *out);
/* Bytes of nodes and versions; cheap. */
uint64_t mvcc_memory(const struct mvcc *m);
/* Sum of key and value bytes of the newest state in a range; to.p NULL: no end. */
uint64_t mvcc_range_bytes(struct mvcc *m, unsigned space, struct slice from, struct slice to);

/* Iterator over one space. view stays the caller's and must outlive it. Deleted keys are shown only in layered maps. Keys
 * and values stay in place until the iterator moves. */
struct mvcc_iter *mvcc_iter_new(struct mvcc *m, const struct mvcc_view *view, unsigned space,
                                struct slice lower, struct slice upper);
void mvcc_iter_free(struct mvcc_iter *it);
void mvcc_iter_first(struct mvcc_iter *it);
void mvcc_iter_last(struct mvcc_iter *it);
void mvcc_iter_seek(struct mvcc_iter *it, struct slice key);
void mvcc_iter_seek_prev(struct mvcc_iter *it, struct slice key);
void mvcc_iter_next(struct mvcc_iter *it);
void mvcc_iter_prev(struct mvcc_iter *it);
bool mvcc_iter_valid(const struct mvcc_iter *it);
bool mvcc_iter_deleted(const struct mvcc_iter *it);
struct slice mvcc_iter_key(const struct mvcc_iter *it);
struct slice mvcc_iter_value(const struct mvcc_iter *it);

#endif
