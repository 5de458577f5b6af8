/* A full synchronization, first half: the master's dump goes into a file.
 *
 *   $length CRLF bytes              a dump from a file
 *   $EOF:mark CRLF bytes mark       a dump whose length the master does not know; mark: 40 bytes */
#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "event/conn.h"
#include "event/loop.h"
#include "services/replication/replica_priv.h"
#include "session/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void replica__dump_begin(const char *id, uint64_t offset)
{
    static unsigned serial;
    struct link_dump *d = &repl_link.dump;
    *d = (struct link_dump){.fd = -1, .offset = offset, .begun_ms = clock_mono_us() / 1000};
    memcpy(d->id, id, sizeof d->id);
    snprintf(d->path, sizeof d->path, "temp-%u.%d.rdb", ++serial, (int)getpid());
    d->fd = open(d->path, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0640);
    if (d->fd < 0) {
        log_warning(LOG_SERVER,
                    "Opening the temp file needed for MASTER <-> REPLICA "
                    "synchronization: %s",
                    strerror(errno));
        repl_link.lost = true;
        loop_wake(lifecycle.loop);
    }
}

void replica__dump_abandon(void)
{
    struct link_dump *d = &repl_link.dump;
    if (!d->path[0])
        return;
    replica__load_abandon(d);
    if (d->fd >= 0)
        close(d->fd);
    (void)unlink(d->path);
    *d = (struct link_dump){.fd = -1};
}

/* The line with the dump's length. */
static bool take_head(struct link_dump *d)
{
    struct buf *in = &repl_link.in;
    const char *end = memchr(in->p, '\n', in->n);
    if (!end) {
        if (in->n > 256)
            replica__drop("the master's dump has no length");
        return false;
    }
    size_t size = (size_t)(end - in->p) + 1;
    struct slice line = slice_make(in->p, size - 1);
    while (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n == 0) { /* it is still being made */
        buf_consume(in, size);
        return true;
    }
    if (line.n == 5 + DUMP_MARK && memcmp(line.p, "$EOF:", 5) == 0) {
        d->marked = true;
        memcpy(d->mark, line.p + 5, DUMP_MARK);
        log_notice(LOG_SERVER,
                   "MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to %s",
                   replica__load_wanted(d) ? "parser" : "disk");
    } else if (line.p[0] != '$' || !num_parse_uint(slice_make(line.p + 1, line.n - 1), &d->total)) {
        replica__drop("the master's dump has no length");
        return false;
    } else {
        log_notice(LOG_SERVER,
                   "MASTER <-> REPLICA sync: receiving %" PRIu64 " bytes from master to %s",
                   d->total, replica__load_wanted(d) ? "parser" : "disk");
    }
    d->begun = true;
    buf_consume(in, size);
    return true;
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return true;
}

static void keep_last(struct link_dump *d, const char *p, size_t n)
{
    if (n >= DUMP_MARK) {
        memcpy(d->last, p + n - DUMP_MARK, DUMP_MARK);
        return;
    }
    memmove(d->last, d->last + n, DUMP_MARK - n);
    memcpy(d->last + DUMP_MARK - n, p, n);
}

static void complete(struct link_dump *d)
{
    if (d->marked && ftruncate(d->fd, (off_t)(d->got - DUMP_MARK)) < 0) {
        replica__drop("the dump's file cannot be cut");
        return;
    }
    close(d->fd);
    d->fd = -1;
    repl_link.state = LINK_LOADS;
    conn_want_read(repl_link.conn, false);
    loop_wake(lifecycle.loop);
}

bool replica__dump_take(void)
{
    struct link_dump *d = &repl_link.dump;
    struct buf *in = &repl_link.in;
    if (!d->begun)
        return take_head(d);
    size_t n = in->n;
    if (!d->marked && d->total - d->got < n)
        n = (size_t)(d->total - d->got);
    if (!write_all(d->fd, in->p, n)) {
        log_warning(LOG_SERVER, "Write error while the dump of the master is stored: %s",
                    strerror(errno));
        replica__drop("no place for its dump");
        return false;
    }
    d->got += n;
    if (d->marked)
        keep_last(d, in->p, n);
    buf_consume(in, n);
    bool all = d->marked ? d->got >= DUMP_MARK && memcmp(d->last, d->mark, DUMP_MARK) == 0
                         : d->got == d->total;
    if (all)
        complete(d);
    return !all;
}
