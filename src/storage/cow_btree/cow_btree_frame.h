/* Frames of orbit.wal, pure bytes (FORMAT.md). */
#ifndef ORBIT_STORAGE_COW_BTREE_COW_BTREE_FRAME_H
#define ORBIT_STORAGE_COW_BTREE_COW_BTREE_FRAME_H

#include "base/slice.h"
#include "base/status.h"

#define COW_FRAME_HEADER 24

struct cow_frame {
    uint64_t seq;
    struct slice payload; /* oplog with the space numbers of the disk; borrowed */
};

void cow_frame_header(char out[COW_FRAME_HEADER], uint64_t seq, struct slice payload);
/* Decodes at the start of in. ST_OK: *frame and *size are set; ST_END: in is empty; ST_CORRUPT: not a whole frame. */
enum status cow_frame_decode(struct slice in, struct cow_frame *frame, size_t *size);
/* Whether a whole frame begins anywhere in the bytes: then what stands before it is damage, not a torn end. */
bool cow_frame_any(struct slice in);
/* Whether a payload is an oplog of puts and deletes in spaces 1..highest. */
bool cow_frame_payload_ok(struct slice payload, unsigned highest);

#endif
