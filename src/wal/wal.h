/* The log in front of the store: numbered segments of checksummed frames in a directory. FORMAT.md
 * beside this file gives the bytes.
 *
 * A frame holds what one tick changed: a run of RESP commands exactly as a replica would get them.
 * The sequence counts payload bytes since the log began: it is the replication offset. A frame is
 * atomic: replay gets all of it or none. Thread: append, commit and rotate from the loop thread;
 * sync, readers and trimming from any thread. */
#ifndef ORBIT_WAL_WAL_H
#define ORBIT_WAL_WAL_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct wal;
struct wal_reader;

struct wal_config {
    const char *dir;        /* made if missing (0750) */
    uint64_t segment_bytes; /* a new segment is begun above this */
    uint64_t min_seq; /* sequence that the store already has: a log that ends before it starts anew
                         there */
};

struct wal_stats {
    uint64_t first_seq;  /* oldest sequence still there */
    uint64_t last_seq;   /* end of the last frame written */
    uint64_t synced_seq; /* end of what is known to be on the device */
    uint64_t segments, bytes;
    uint64_t frames, writes, syncs, write_errors;
    uint64_t last_write_us, max_write_us, sum_write_us, last_sync_us, max_sync_us;
};

/* Opens for append. A torn frame at the very end of the last segment is cut off, with a log line. A bad
 * frame before that: ST_CORRUPT, with segment, offset and the repair command in err; unless it ends before
 * min_seq, where the store holds it: then it is logged and stays. ST_LOCKED: another process has it. */
MUST_USE enum status wal_open(const struct wal_config *cfg, struct wal **out, struct error *err);
void wal_close(struct wal *w); /* syncs */

/* Writes one frame holding payload (one write call, no sync) stamped with now_ms. *seq_end:
 * sequence after it. On failure (ST_FULL, ST_IO; ST_TOO_LONG above WAL_PAYLOAD_MAX) nothing of the
 * frame counts: the file is cut back, and the call may be repeated. An empty payload writes
 * nothing. */
MUST_USE enum status wal_append(struct wal *w, struct slice payload, int64_t now_ms,
                                uint64_t *seq_end, struct error *err);
/* Makes everything appended so far durable (fdatasync). Any thread. After a failed sync the kernel
 * may have dropped what it could not write, so every further call fails too, until wal_covered
 * says that the store holds those bytes. */
MUST_USE enum status wal_sync(struct wal *w, struct error *err);
/* A sync has failed, and the store does not hold yet what it was about. Any thread. */
bool wal_in_doubt(const struct wal *w);
/* The store holds everything up to seq, on the device. Any thread. */
void wal_covered(struct wal *w, uint64_t seq);
uint64_t wal_last_seq(const struct wal *w);
uint64_t wal_synced_seq(const struct wal *w);
void wal_stats(struct wal *w, struct wal_stats *out);

/* Deletes segments all of whose frames end at or before seq (never the newest), which the store
 * covers. Returns how many. */
unsigned wal_trim(struct wal *w, uint64_t seq);

/* Forgets everything and starts at seq (after a full resync, or appendonly off and on). */
MUST_USE enum status wal_reset(struct wal *w, uint64_t seq, struct error *err);

/* The log's id: random, kept in its directory (FORMAT.md). Two logs with the same id agree in every frame that both hold: a
 * reset gives a new one. "": it could not be written. */
#define WAL_ID 32
void wal_id(const struct wal *w, char out[WAL_ID + 1]);
/* Of a directory without an open log. ST_NOT_FOUND: it has none. */
MUST_USE enum status wal_read_id(const char *dir, char out[WAL_ID + 1], struct error *err);
/* The data set is about to change by what no frame says (a load in bulk): what comes is another history. Loop thread. */
void wal_new_id(struct wal *w);

struct wal_frame {
    uint64_t seq;         /* sequence of the first payload byte */
    int64_t time_ms;      /* when it was written */
    struct slice payload; /* borrowed until the next call */
};

/* Reads frames from the first one that holds seq or begins after it; damage before it does not matter.
 * Works on a directory, without an open log (repair, tools) and beside one. ST_NOT_FOUND: that sequence is
 * no longer there. */
MUST_USE enum status wal_reader_open(const char *dir, uint64_t seq, struct wal_reader **out,
                                     struct error *err);
/* ST_END at the end, also in front of a frame that is not complete yet: the call may be repeated
 * when the log has grown. ST_CORRUPT: bad frame, err says where. */
MUST_USE enum status wal_reader_next(struct wal_reader *r, struct wal_frame *frame,
                                     struct error *err);
void wal_reader_close(struct wal_reader *r);

/* What wal_pump takes: frames that end at or before end_seq, up to the first one written at before_ms or later. */
struct wal_limit {
    uint64_t end_seq;
    int64_t before_ms;
};
#define WAL_NO_LIMIT ((struct wal_limit){UINT64_MAX, INT64_MAX})
/* Appends to w what the log in from_dir holds behind wal_last_seq(w), with its times. each (may be NULL) gets every frame
 * when it is in w; false ends it with ST_CANCELLED. *more: the limit ended it, not the log. Errors: ST_NOT_FOUND: the log in
 * from_dir begins later; ST_CORRUPT: a bad frame, or one that holds the end of w in its midst; those of wal_append.
 * Thread: any that owns w. */
MUST_USE enum status wal_pump(struct wal *w, const char *from_dir, const struct wal_limit *limit,
                              bool (*each)(void *arg, const struct wal_frame *frame), void *arg,
                              bool *more, struct error *err);

/* check-wal: goes through all segments; writes a report in lines to out. fix: cuts the log at the
 * first bad frame (what is behind it is renamed to *.bad, never deleted). ST_OK: clean or repaired;
 * ST_CORRUPT: damage found and not repaired. */
MUST_USE enum status wal_check(const char *dir, bool fix, struct buf *out, struct error *err);

/* Frame codec, pure (FORMAT.md): used by append, readers and the fuzzer. seed: the segment's, so
 * that bytes which a client put into a payload never pass for a frame. */
#define WAL_FRAME_HEADER 32
#define WAL_PAYLOAD_MAX  0xffffffffu
void wal_frame_encode_header(char out[WAL_FRAME_HEADER], uint32_t seed, uint64_t seq,
                             int64_t time_ms, struct slice payload);
/* Decodes at the start of in. ST_OK: *frame and *size are set; ST_END: in is empty; ST_NOT_FOUND:
 * not enough bytes (torn); ST_CORRUPT: not a frame. */
enum status wal_frame_decode(struct slice in, uint32_t seed, struct wal_frame *frame, size_t *size);

#endif
