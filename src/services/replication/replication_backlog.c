/* The backlog: the last bytes of the stream, for replicas that come back after a short while.
 *
 *   offsets   first ............ first + n = repl.offset
 *   bytes     [ b.p + from ....................... b.n )   cut at the front once there is twice as much as wanted */
#include "base/clock.h"
#include "config/compat_options.h"
#include "services/replication/replication_priv.h"
#include "session/lifecycle.h"

#include <string.h>

static struct {
    bool active;
    struct buf bytes;
    size_t from; /* what stands before it has been cut off */
} backlog;

static size_t kept(void)
{
    return backlog.bytes.n - backlog.from;
}

void repl__backlog_begin(void)
{
    if (backlog.active)
        return;
    backlog.active = true;
    buf_clear(&backlog.bytes);
    backlog.from = 0;
}

void repl__backlog_end(void)
{
    backlog.active = false;
    buf_free(&backlog.bytes);
    backlog.from = 0;
}

bool repl__backlog_active(void)
{
    return backlog.active;
}

void repl__backlog_put(struct slice bytes)
{
    size_t most = (size_t)compat_opts.repl_backlog_size;
    if (!backlog.active)
        return;
    buf_put_slice(&backlog.bytes, bytes);
    if (kept() > most)
        backlog.from = backlog.bytes.n - most;
    if (backlog.from > most) {
        size_t n = kept();
        memmove(backlog.bytes.p, backlog.bytes.p + backlog.from, n);
        backlog.bytes.n = n;
        backlog.from = 0;
    }
}

bool repl__backlog_since(uint64_t offset, struct slice *out)
{
    size_t n = kept();
    if (!backlog.active || offset > repl.offset || repl.offset - offset > n)
        return false;
    size_t wanted = (size_t)(repl.offset - offset);
    *out = slice_make(backlog.bytes.p + backlog.bytes.n - wanted, wanted);
    return true;
}

void repl__backlog_info(struct buf *out)
{
    size_t n = kept();
    buf_printf(out,
               "repl_backlog_active:%d\r\nrepl_backlog_size:%llu\r\n"
               "repl_backlog_first_byte_offset:%llu\r\nrepl_backlog_histlen:%zu\r\n",
               backlog.active, (unsigned long long)compat_opts.repl_backlog_size,
               (unsigned long long)(backlog.active ? repl.offset - n + 1 : 0), n);
}
