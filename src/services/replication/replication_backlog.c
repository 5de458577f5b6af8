/* The backlog: a ring of repl-backlog-size bytes with the newest part of the stream.
 *
 *   stream   1 ........ first ................. repl.offset
 *   ring                [ tail of it | head of it ]
 *                                    ^at */
#include "base/mem.h"
#include "config/compat_options.h"
#include "services/replication/replication_priv.h"

#include <inttypes.h>
#include <string.h>

#define LEAST ((size_t)16 * 1024)

static struct {
    char *p; /* NULL: off */
    size_t cap, n, at;
} ring;

static size_t wanted(void)
{
    return (size_t)compat_opts.repl_backlog_size < LEAST ? LEAST
                                                         : (size_t)compat_opts.repl_backlog_size;
}

static void put(struct slice bytes)
{
    if (bytes.n > ring.cap)
        bytes = slice_make(bytes.p + bytes.n - ring.cap, ring.cap);
    size_t first = ring.cap - ring.at < bytes.n ? ring.cap - ring.at : bytes.n;
    memcpy(ring.p + ring.at, bytes.p, first);
    memcpy(ring.p, bytes.p + first, bytes.n - first);
    ring.at = (ring.at + bytes.n) % ring.cap;
    ring.n = ring.n + bytes.n > ring.cap ? ring.cap : ring.n + bytes.n;
}

/* The oldest of the newest n bytes, in two parts. */
static void parts(size_t n, struct slice part[2])
{
    size_t start = (ring.at + ring.cap - n) % ring.cap;
    size_t first = ring.cap - start < n ? ring.cap - start : n;
    part[0] = slice_make(ring.p + start, first);
    part[1] = slice_make(ring.p, n - first);
}

bool repl__backlog_on(void)
{
    return ring.p != NULL;
}

void repl__backlog_make(void)
{
    if (ring.p)
        return;
    ring.cap = wanted();
    ring.p = mem_alloc(ring.cap);
    ring.n = ring.at = 0;
}

void repl__backlog_drop(void)
{
    mem_free(ring.p);
    ring.p = NULL;
    ring.cap = ring.n = ring.at = 0;
}

/* CONFIG SET repl-backlog-size keeps what fits. */
static void resize(void)
{
    struct slice part[2];
    char *old = ring.p;
    size_t n = ring.n < wanted() ? ring.n : wanted();
    parts(n, part);
    ring.cap = wanted();
    ring.p = mem_alloc(ring.cap);
    ring.n = ring.at = 0;
    put(part[0]);
    put(part[1]);
    mem_free(old);
}

void repl__backlog_put(struct slice bytes)
{
    if (!ring.p || bytes.n == 0)
        return;
    if (ring.cap != wanted())
        resize();
    put(bytes);
}

bool repl__backlog_has(uint64_t from)
{
    return ring.p && from >= repl.offset + 1 - ring.n && from <= repl.offset + 1;
}

void repl__backlog_send(struct repl_client *r, uint64_t from)
{
    struct slice part[2];
    parts((size_t)(repl.offset + 1 - from), part);
    repl__send(r, part[0]);
    repl__send(r, part[1]);
}

void repl__backlog_clear(void)
{
    ring.n = ring.at = 0;
}

size_t repl__backlog_bytes(void)
{
    return ring.cap;
}

void repl__backlog_info(struct buf *out)
{
    buf_printf(out,
               "repl_backlog_active:%d\r\nrepl_backlog_size:%" PRId64
               "\r\nrepl_backlog_first_byte_offset:%" PRIu64 "\r\nrepl_backlog_histlen:%zu\r\n",
               ring.p != NULL, compat_opts.repl_backlog_size, ring.p ? repl.offset + 1 - ring.n : 0,
               ring.n);
}
