#include "wire/resp/resp_out.h"

#include "base/mem.h"
#include "base/status.h"

#define OUT_SLACK 64 /* behind large pieces: the end of the line, the next header */

void resp_out_init(struct resp_out *o)
{
    *o = (struct resp_out){.first_size = RESP_OUT_FIRST_MIN};
}

static size_t chunk_mem(const struct resp_chunk *c)
{
    return sizeof *c + c->cap;
}

static struct resp_chunk *chunk_new(size_t cap)
{
    struct resp_chunk *c = mem_try_alloc(sizeof *c + cap);
    if (c) {
        c->next = NULL;
        c->n = 0;
        c->cap = cap;
    }
    return c;
}

static void append(struct resp_out *o, struct resp_chunk *c)
{
    if (o->tail) {
        o->tail->next = c;
        o->extra_mem += chunk_mem(c);
        o->extra_count++;
    } else {
        o->head = c;
        o->sent = 0;
    }
    o->tail = c;
}

/* A chunk at the end with room for at least need bytes; NULL: out of memory. */
static struct resp_chunk *grow(struct resp_out *o, size_t need)
{
    struct resp_chunk *c;
    if (!o->tail) {
        if (o->spare && o->spare->cap >= need) {
            c = o->spare;
            o->spare = NULL;
            c->n = 0;
            append(o, c);
            return c;
        }
        mem_free(o->spare);
        o->spare = NULL;
        c = chunk_new((need > o->first_size ? need : o->first_size) - sizeof *c);
    } else {
        c = chunk_new((need > RESP_OUT_CHUNK ? need : RESP_OUT_CHUNK) - sizeof *c);
    }
    if (c)
        append(o, c);
    return c;
}

char *resp_out_room_slow(struct resp_out *o, size_t n)
{
    struct resp_chunk *c = grow(o, n + sizeof *c);
    orbit_assert(c);
    c->n += n;
    o->bytes += n;
    return c->data + c->n - n;
}

bool resp_out_put(struct resp_out *o, struct slice s)
{
    struct resp_chunk *c = o->tail;
    size_t room = c ? c->cap - c->n : 0;
    if (room > s.n)
        room = s.n;
    if (room < s.n) {
        struct resp_chunk *old = c;
        c = grow(o, s.n - room + sizeof *c + OUT_SLACK);
        if (!c)
            return false;
        memcpy(c->data, s.p + room, s.n - room);
        c->n = s.n - room;
        c = old;
    }
    if (room) {
        memcpy(c->data + c->n, s.p, room);
        c->n += room;
    }
    o->bytes += s.n;
    return true;
}

/* -- deferred headers ---------------------------------------------------------------------------- */

size_t resp_out_defer(struct resp_out *o)
{
    orbit_assert(o->ndeferred < RESP_OUT_DEFERRED_MAX);
    /* The header must have a chunk to stand in, whatever comes next. */
    (void)resp_out_room(o, RESP_OUT_DEFERRED_MAX);
    resp_out_unroom(o, RESP_OUT_DEFERRED_MAX);
    o->deferred[o->ndeferred] = (struct resp_place){o->tail, o->tail->n};
    return o->ndeferred++;
}

void resp_out_fill(struct resp_out *o, size_t token, struct slice header)
{
    orbit_assert(token + 1 == o->ndeferred);
    struct resp_place d = o->deferred[token];
    struct resp_chunk *c = d.chunk;
    o->ndeferred--;
    size_t behind = c->n - d.at;
    if (c->cap - c->n < header.n) {
        /* What stands behind the place moves to a chunk of its own, which makes room for the header. */
        struct resp_chunk *moved = chunk_new(behind > 256 ? behind : 256);
        orbit_assert(moved);
        memcpy(moved->data, c->data + d.at, behind);
        moved->n = behind;
        moved->next = c->next;
        c->next = moved;
        if (o->tail == c)
            o->tail = moved;
        o->extra_mem += chunk_mem(moved);
        o->extra_count++;
        c->n = d.at;
        behind = 0;
        orbit_assert(c->cap - c->n >= header.n);
    }
    memmove(c->data + d.at + header.n, c->data + d.at, behind);
    memcpy(c->data + d.at, header.p, header.n);
    c->n += header.n;
    o->bytes += header.n;
}

/* -- marks --------------------------------------------------------------------------------------- */

struct resp_place resp_out_mark(const struct resp_out *o)
{
    return (struct resp_place){o->tail, o->tail ? o->tail->n : 0};
}

static void drop(struct resp_out *o, struct resp_chunk *c)
{
    while (c) {
        struct resp_chunk *next = c->next;
        o->extra_mem -= chunk_mem(c);
        o->extra_count--;
        mem_free(c);
        c = next;
    }
}

void resp_out_truncate(struct resp_out *o, struct resp_place mark)
{
    if (!mark.chunk) {
        resp_out_clear(o);
        return;
    }
    size_t kept = 0;
    for (struct resp_chunk *c = o->head; c != mark.chunk; c = c->next)
        kept += c->n;
    drop(o, mark.chunk->next);
    mark.chunk->next = NULL;
    mark.chunk->n = mark.at;
    o->tail = mark.chunk;
    o->bytes = kept + mark.at - o->sent;
    o->ndeferred = 0;
}

void resp_out_clear(struct resp_out *o)
{
    struct resp_chunk *first = o->head;
    if (first) {
        drop(o, first->next);
        mem_free(o->spare);
        o->spare = NULL;
        if (first->cap <= RESP_OUT_CHUNK) {
            first->next = NULL;
            o->spare = first;
        } else {
            mem_free(first);
        }
    }
    o->head = o->tail = NULL;
    o->sent = o->bytes = 0;
    o->ndeferred = 0;
}

void resp_out_free(struct resp_out *o)
{
    resp_out_clear(o);
    mem_free(o->spare);
    o->spare = NULL;
}

/* -- sending ------------------------------------------------------------------------------------- */

int resp_out_pieces(struct resp_out *o, struct iovec *iov, int max)
{
    int n = 0;
    size_t skip = o->sent;
    if (o->bytes > o->peak)
        o->peak = o->bytes;
    for (struct resp_chunk *c = o->head; c && n < max; c = c->next) {
        if (c->n > skip)
            iov[n++] = (struct iovec){c->data + skip, c->n - skip};
        skip = 0;
    }
    return n;
}

void resp_out_sent(struct resp_out *o, size_t n)
{
    o->bytes -= n;
    if (o->bytes == 0) {
        resp_out_clear(o);
        return;
    }
    while (n > 0 || o->head->n == o->sent) {
        size_t left = o->head->n - o->sent;
        if (n < left) {
            o->sent += n;
            return;
        }
        n -= left;
        struct resp_chunk *done = o->head;
        o->head = done->next;
        o->sent = 0;
        /* The second chunk becomes the first. */
        o->extra_mem -= chunk_mem(o->head);
        o->extra_count--;
        mem_free(done);
    }
}
