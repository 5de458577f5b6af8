/* Frames from a sequence on, over a directory that may have a writer. */
#include "base/mem.h"
#include "wal/wal.h"
#include "wal/wal_priv.h"

#include <inttypes.h>
#include <unistd.h>

struct wal_reader {
    char *dir;
    int dirfd;
    uint64_t from;
    struct wal__file file;
};

void wal_reader_close(struct wal_reader *r)
{
    if (!r)
        return;
    wal__file_close(&r->file);
    if (r->dirfd >= 0)
        (void)close(r->dirfd);
    mem_free(r->dir);
    mem_free(r);
}

/* The last segment that begins at or before seq. */
static enum status find_segment(const char *dir, uint64_t seq, uint64_t *first_seq,
                                struct error *err)
{
    struct wal__list list;
    enum status st = wal__list(dir, &list, err);
    if (st != ST_OK)
        return st;
    size_t i = list.n;
    while (i > 0 && list.seq[i - 1] > seq)
        i--;
    if (i == 0)
        st = error_set(err, ST_NOT_FOUND, "log: sequence %" PRIu64 " is not there any more", seq);
    else
        *first_seq = list.seq[i - 1];
    wal__list_free(&list);
    return st;
}

enum status wal_reader_open(const char *dir, uint64_t seq, struct wal_reader **out,
                            struct error *err)
{
    *out = NULL;
    struct wal_reader *r = mem_calloc(1, sizeof *r);
    r->dir = mem_strdup(dir);
    r->file.fd = -1;
    r->from = seq;
    uint64_t first_seq = 0;
    enum status st = wal__dir_open(dir, &r->dirfd, err);
    if (st == ST_OK)
        st = find_segment(dir, seq, &first_seq, err);
    if (st == ST_OK)
        st = wal__file_open(&r->file, r->dirfd, first_seq, err);
    if (st == ST_END)
        st = error_set(err, ST_NOT_FOUND, "log: sequence %" PRIu64 " is not written yet", seq);
    if (st != ST_OK) {
        wal_reader_close(r);
        return st;
    }
    *out = r;
    return ST_OK;
}

/* At the end of a segment: ST_OK when the walk goes on in the next one, ST_END when there is none.
 */
static enum status next_segment(struct wal_reader *r, struct error *err)
{
    uint64_t seq = r->file.seq;
    struct wal__file next;
    struct error opening;
    /* The name of an empty segment is also that of the one behind it, so there cannot be one that
     * follows. */
    bool empty = seq == r->file.first_seq;
    enum status st = empty ? ST_NOT_FOUND : wal__file_open(&next, r->dirfd, seq, &opening);
    if (st == ST_OK) {
        wal__file_close(&r->file);
        r->file = next;
        return ST_OK;
    }
    if (st == ST_END)
        return ST_END;
    if (st != ST_NOT_FOUND) {
        if (err)
            *err = opening;
        return st;
    }
    uint64_t later = 0;
    st = find_segment(r->dir, UINT64_MAX, &later, err);
    if (st != ST_OK)
        return st == ST_NOT_FOUND ? ST_END : st;
    return later <= seq ? ST_END
                        : error_set(err, ST_CORRUPT,
                                    "log: segment %020" PRIu64 ".wal ends at %" PRIu64
                                    ", but there is a later segment %020" PRIu64 ".wal",
                                    r->file.first_seq, seq, later);
}

enum status wal_reader_next(struct wal_reader *r, struct wal_frame *frame, struct error *err)
{
    struct error torn, gap;
    for (bool again = false;;) {
        enum status st = wal__file_next(&r->file, frame, &torn);
        if (st == ST_OK) {
            if (frame->seq + frame->payload.n > r->from)
                return ST_OK;
            again = false;
            continue;
        }
        if (st == ST_CORRUPT || st == ST_NOT_FOUND) {
            /* What stands before the wanted sequence need not be whole. */
            enum status skipped = wal__file_skip(&r->file, r->from, &gap);
            if (skipped == ST_OK)
                continue;
            /* A frame that looks incomplete and has valid ones behind it is bad, unless a writer was
             * at it between the two looks. */
            if (skipped == ST_CORRUPT && !again) {
                again = true;
                continue;
            }
            st = skipped == ST_CORRUPT ? ST_CORRUPT : st;
        }
        if (st != ST_END && st != ST_NOT_FOUND) {
            if (err) {
                *err = torn;
                err->code = st;
            }
            return st;
        }
        enum status moved = next_segment(r, &gap);
        if (moved == ST_OK) {
            again = false;
            continue;
        }
        /* A writer may have gone on, and begun the next segment, between the two looks. A gap that is still there at the
         * second time is one. */
        if (moved == ST_CORRUPT && !again) {
            again = true;
            continue;
        }
        if (moved != ST_END && err)
            *err = moved == ST_CORRUPT && st == ST_NOT_FOUND ? torn : gap;
        if (moved != ST_END && err)
            err->code = moved;
        return moved;
    }
}
