/* A batch as bytes: operations one after the other. Providers without a native batch apply it, the write-ahead log of
 * cow_btree stores it, and range deletes are expanded from it.
 *
 * operation = kind u8, space varint, key length varint, second length varint, key, second
 * kind 1: put (second = value); 2: delete (second is empty); 3: delete from key up to second; 4: from key to the end. */
#ifndef ORBIT_STORAGE_OPLOG_H
#define ORBIT_STORAGE_OPLOG_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/slice.h"

enum oplog_kind {
    OPLOG_PUT = 1,
    OPLOG_DEL = 2,
    OPLOG_DEL_RANGE = 3,
    OPLOG_DEL_FROM = 4,
};

struct oplog_op {
    enum oplog_kind kind;
    unsigned space;
    struct slice key;    /* borrowed from the log */
    struct slice second; /* value, or end of the range */
};

void oplog_put(struct buf *log, unsigned space, struct slice key, struct slice value);
void oplog_del(struct buf *log, unsigned space, struct slice key);
void oplog_del_range(struct buf *log, unsigned space, struct slice from, struct slice to);
/* Next operation; false at the end, and on bad bytes with r->bad set. */
bool oplog_next(struct reader *r, struct oplog_op *op);

#endif
