/* What waits to be sent to one client: a queue of chunks. The first chunk is kept between replies and has a size that
 * follows what the client gets; it is given back when the client is idle. Thread: loop. */
#ifndef ORBIT_WIRE_RESP_OUT_H
#define ORBIT_WIRE_RESP_OUT_H

#include "base/buf.h"
#include "base/compiler.h"

#include <sys/uio.h>

#define RESP_OUT_CHUNK        (16 * 1024)
#define RESP_OUT_FIRST_MIN    1024
#define RESP_OUT_DEFERRED_MAX 32

struct resp_chunk {
    struct resp_chunk *next;
    size_t n, cap;
    char data[];
};

struct resp_place {
    struct resp_chunk *chunk;
    size_t at;
};

struct resp_out {
    struct resp_chunk *head, *tail;
    struct resp_chunk *spare; /* first chunk while nothing waits */
    size_t sent;              /* of head */
    size_t bytes;             /* waiting, all chunks */
    size_t extra_mem;         /* memory of chunks but the first */
    size_t extra_count;
    size_t first_size,
        peak; /* size of the next first chunk; most bytes at once since the last look */
    struct resp_place deferred[RESP_OUT_DEFERRED_MAX];
    unsigned ndeferred;
};

void resp_out_init(struct resp_out *o);
void resp_out_free(struct resp_out *o);
/* Drops what waits. */
void resp_out_clear(struct resp_out *o);

char *resp_out_room_slow(struct resp_out *o, size_t n);
/* n contiguous bytes to fill at once; they count as written. n is small (a header, a word). */
static inline char *resp_out_room(struct resp_out *o, size_t n)
{
    struct resp_chunk *c = o->tail;
    if (UNLIKELY(!c || c->cap - c->n < n))
        return resp_out_room_slow(o, n);
    char *at = c->data + c->n;
    c->n += n;
    o->bytes += n;
    return at;
}
/* Takes back the last n bytes of the room just given. */
static inline void resp_out_unroom(struct resp_out *o, size_t n)
{
    o->tail->n -= n;
    o->bytes -= n;
}
/* Any length. False: out of memory, nothing written. */
MUST_USE bool resp_out_put(struct resp_out *o, struct slice s);

/* Leaves a place where a header can be put later. Places nest. */
size_t resp_out_defer(struct resp_out *o);
void resp_out_fill(struct resp_out *o, size_t token, struct slice header);

/* A place to come back to with resp_out_truncate. */
struct resp_place resp_out_mark(const struct resp_out *o);
void resp_out_truncate(struct resp_out *o, struct resp_place mark);

/* Up to max pieces of what waits. */
int resp_out_pieces(struct resp_out *o, struct iovec *iov, int max);
void resp_out_sent(struct resp_out *o, size_t n);

#endif
