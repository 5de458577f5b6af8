/* Shared inside wal/: segment headers, names, and the walk over one segment's frames. */
#ifndef ORBIT_WAL_WAL_PRIV_H
#define ORBIT_WAL_WAL_PRIV_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "wal/wal.h"

#include <stdint.h>
#include <sys/types.h>

#define WAL_SEGMENT_HEADER 32
#define WAL_NAME_MAX       64

struct wal__segment_header {
    uint64_t first_seq;
    uint32_t seed;
};
void wal__header_encode(char out[WAL_SEGMENT_HEADER], const struct wal__segment_header *h);
/* ST_CORRUPT or ST_TOO_NEW. */
MUST_USE enum status wal__header_decode(const char in[WAL_SEGMENT_HEADER],
                                        struct wal__segment_header *h);

/* "00000000000000000042.wal" */
void wal__name(char out[WAL_NAME_MAX], uint64_t first_seq);

struct wal__list {
    uint64_t *seq; /* first sequences, ascending */
    size_t n, cap;
};
/* Segments in the directory. ST_NOT_FOUND: no such directory. */
MUST_USE enum status wal__list(const char *dir, struct wal__list *out, struct error *err);
void wal__list_free(struct wal__list *l);
MUST_USE enum status wal__dir_open(const char *dir, int *fd, struct error *err);
/* Locks dir/LOCK. ST_LOCKED: another holder. */
MUST_USE enum status wal__lock(int dirfd, const char *dir, int *fd, struct error *err);

/* Walk over the frames of one segment. */
struct wal__file {
    int fd;
    uint64_t first_seq;
    uint32_t seed;
    uint64_t off, seq; /* of the next frame */
    struct buf window; /* bytes of the file from window_off */
    uint64_t window_off;
};
/* Opens and checks the header. ST_NOT_FOUND: no such file. ST_END: a segment that was being made
 * (see FORMAT.md); on failure nothing is left open. */
MUST_USE enum status wal__file_open(struct wal__file *f, int dirfd, uint64_t first_seq,
                                    struct error *err);
void wal__file_close(struct wal__file *f);
/* ST_OK: *frame, borrowed until the next call. ST_END: end of the file. ST_NOT_FOUND: an incomplete
 * frame; ST_CORRUPT: bad bytes; err says what and where. All but ST_OK leave the position, and the
 * call may be repeated. */
MUST_USE enum status wal__file_next(struct wal__file *f, struct wal_frame *frame,
                                    struct error *err);
MUST_USE enum status wal__file_size(const struct wal__file *f, uint64_t *size, struct error *err);
/* Looks for a valid frame behind the bad one at the position. ST_OK: *off and *seq tell where (*seq is UINT64_MAX when the
 * search gave up); ST_NOT_FOUND: there is none. */
MUST_USE enum status wal__file_find_valid(struct wal__file *f, uint64_t *off, uint64_t *seq,
                                          struct error *err);
/* After a bad frame: goes on at the next valid one, if nothing from need on is lost by that.
 * ST_CORRUPT: it would be; ST_NOT_FOUND: no valid one follows. err is set by other failures only. */
MUST_USE enum status wal__file_skip(struct wal__file *f, uint64_t need, struct error *err);

/* Reads DIR/ID; ST_NOT_FOUND: none, or not one. */
MUST_USE enum status wal__id_read(int dirfd, char out[WAL_ID + 1], struct error *err);
/* Puts a new one there, on the device. On failure there is none any more, and out is empty. */
MUST_USE enum status wal__id_renew(int dirfd, char out[WAL_ID + 1], struct error *err);

/* Writes everything at off, however many calls it takes; 0 or errno. */
MUST_USE int wal__write_at(int fd, const void *head, size_t head_n, struct slice body,
                           uint64_t off);

#endif
