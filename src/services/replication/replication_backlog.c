/* The stream's newest bytes, once for all: for replicas that come back, and for those that are behind. Each replica has a place
 * in it; what stands behind every place, and is older than repl-backlog-size, goes.
 *
 *   blocks   [ first ] [ ... ] [ last: bytes come here ]
 *            start ^       ^ place of a slow replica   ^ repl.offset */
#include "base/mem.h"
#include "config/compat_options.h"
#include "services/replication/replication_priv.h"

#include <inttypes.h>
#include <string.h>

#define LEAST ((size_t)16 * 1024)

struct repl_block {
    struct repl_block *next;
    uint64_t start; /* bytes of the stream before it */
    size_t n, cap;
    unsigned places; /* that stand in it */
    char data[];
};

static struct {
    struct repl_block *first, *last; /* NULL: off */
    size_t bytes;                    /* of memory */
} list;

size_t repl__backlog_size(void)
{
    size_t wanted = (size_t)compat_opts.repl_backlog_size;
    return wanted < LEAST ? LEAST : wanted;
}

/* Large effects get blocks of their own, but none that the backlog could only lose as a whole. */
static struct repl_block *block_new(uint64_t start, size_t wanted)
{
    size_t most = repl__backlog_size() / 16 > LEAST ? repl__backlog_size() / 16 : LEAST;
    size_t cap = wanted < LEAST ? LEAST : wanted > most ? most : wanted;
    struct repl_block *b = mem_alloc(sizeof *b + cap);
    *b = (struct repl_block){.start = start, .cap = cap};
    list.bytes += sizeof *b + cap;
    return b;
}

static void drop_first(void)
{
    struct repl_block *b = list.first;
    list.first = b->next;
    list.bytes -= sizeof *b + b->cap;
    mem_free(b);
}

void repl__backlog_trim(void)
{
    while (list.first != list.last && list.first->places == 0 &&
           repl.offset - list.first->next->start >= repl__backlog_size())
        drop_first();
}

bool repl__backlog_on(void)
{
    return list.first != NULL;
}

void repl__backlog_make(void)
{
    if (!list.first)
        list.first = list.last = block_new(repl.offset, 0);
}

void repl__backlog_drop(void)
{
    LIST_EACH(it, &repl.clients)
    LIST_ENTRY(it, struct repl_client, link)->place.block = NULL;
    while (list.first)
        drop_first();
    list.last = NULL;
}

void repl__backlog_begin(uint64_t offset)
{
    repl__backlog_drop();
    list.first = list.last = block_new(offset, 0);
}

void repl__backlog_put(struct slice bytes)
{
    while (list.first && bytes.n > 0) {
        struct repl_block *b = list.last;
        size_t n = b->cap - b->n < bytes.n ? b->cap - b->n : bytes.n;
        memcpy(b->data + b->n, bytes.p, n);
        b->n += n;
        bytes = slice_make(bytes.p + n, bytes.n - n);
        if (bytes.n > 0)
            list.last = b->next = block_new(b->start + b->n, bytes.n);
    }
}

/* -- Places -------------------------------------------------------------------------------------------------------------- */

static void stand(struct repl_place *p, struct repl_block *b, size_t at)
{
    if (p->block)
        p->block->places--;
    p->block = b;
    p->at = at;
    if (b)
        b->places++;
}

void repl__place_end(struct repl_place *p)
{
    stand(p, list.last, list.last ? list.last->n : 0);
}

bool repl__place_find(struct repl_place *p, uint64_t offset)
{
    struct repl_block *b = list.first;
    if (!b || offset < b->start || offset > repl.offset)
        return false;
    while (offset > b->start + b->n)
        b = b->next;
    stand(p, b, (size_t)(offset - b->start));
    return true;
}

void repl__place_copy(struct repl_place *p, const struct repl_place *from)
{
    stand(p, from->block, from->at);
}

void repl__place_drop(struct repl_place *p)
{
    stand(p, NULL, 0);
    repl__backlog_trim();
}

uint64_t repl__place_behind(const struct repl_place *p)
{
    return p->block ? repl.offset - p->block->start - p->at : 0;
}

struct slice repl__place_bytes(struct repl_place *p)
{
    if (!p->block)
        return SLICE_NULL;
    if (p->at == p->block->n && p->block->next)
        stand(p, p->block->next, 0);
    return slice_make(p->block->data + p->at, p->block->n - p->at);
}

/* -- INFO ---------------------------------------------------------------------------------------------------------------- */

size_t repl__backlog_bytes(void)
{
    return list.bytes;
}

void repl__backlog_info(struct buf *out)
{
    uint64_t start = list.first ? list.first->start : 0;
    buf_printf(out,
               "repl_backlog_active:%d\r\nrepl_backlog_size:%" PRId64
               "\r\nrepl_backlog_first_byte_offset:%" PRIu64 "\r\nrepl_backlog_histlen:%" PRIu64
               "\r\n",
               list.first != NULL, compat_opts.repl_backlog_size, list.first ? start + 1 : 0,
               list.first ? repl.offset - start : 0);
}
