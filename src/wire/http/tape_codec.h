/* A reply as a tape of items, and its way to JSON in pieces: commands answer faster than clients read, so the whole reply waits
 * as a tape, and JSON is made of it as it leaves. Pure.
 *
 *   item: kind (1 byte), n (8 bytes, the machine's order), then n bytes of kinds that carry text
 *
 * Text that is no UTF-8 becomes {"base64": "..."}; as the name of a member "base64:...". Infinite and undefined numbers become
 * strings, as do big numbers. */
#ifndef ORBIT_WIRE_HTTP_TAPE_CODEC_H
#define ORBIT_WIRE_HTTP_TAPE_CODEC_H

#include "base/buf.h"

enum tape_kind {
    TAPE_STRING,
    TAPE_ERROR,  /* text: "CODE message"; in JSON {"code","message"} */
    TAPE_REAL,   /* text of a number */
    TAPE_BIGNUM, /* text of a number */
    TAPE_INT,    /* n is the value */
    TAPE_BOOL,   /* n is 0 or 1 */
    TAPE_NULL,
    TAPE_ARRAY,   /* n elements follow */
    TAPE_REPLIES, /* n elements follow, each wrapped as TAPE_REPLY does */
    TAPE_MAP,     /* n pairs follow */
    TAPE_REPLY,   /* one element follows: {"result": ...}, or {"error": ...} when it is an error */
};

void tape_put(struct buf *tape, enum tape_kind kind, uint64_t n);
void tape_put_text(struct buf *tape, enum tape_kind kind, struct slice text);
/* Changes the item at this offset. */
void tape_patch(struct buf *tape, size_t at, enum tape_kind kind, uint64_t n);
/* Reads the item at *at and moves on; text is filled for kinds that carry one. Containers: only their heads. */
enum tape_kind tape_get(struct slice tape, size_t *at, uint64_t *n, struct slice *text);

#define TAPE_DEPTH_MAX 256 /* deeper containers become null */

struct tape_level {
    uint64_t left; /* items to come; of a map names and values */
    uint8_t kind;
    bool begun;
};
struct tape_writer {
    struct slice tape;
    size_t at;
    size_t depth;
    struct tape_level levels[TAPE_DEPTH_MAX];
};
/* Writes the value that begins at offset at. The tape must stay while it is written. */
void tape_writer_init(struct tape_writer *w, struct slice tape, size_t at);
/* Appends JSON until out holds at least enough bytes or the value is complete: true. */
bool tape_write(struct tape_writer *w, struct buf *out, size_t enough);

/* Appends s quoted. False: s is no UTF-8, nothing was appended. */
MUST_USE bool tape_put_json_string(struct slice s, struct buf *out);

#endif
