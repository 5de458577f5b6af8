/* A full synchronization: the master's dump goes into a file and is loaded in place of the data set. Clients get -LOADING
 * meanwhile, or, with little in hand, what replica-serve-stale-data says until the loading begins.
 *
 *   $length CRLF bytes              a dump from a file
 *   $EOF:mark CRLF bytes mark       a dump whose length the master does not know; mark: 40 bytes */
#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "event/conn.h"
#include "event/loop.h"
#include "rdb/rdb_functions.h"
#include "rdb/rdb_load.h"
#include "services/replication/replica_priv.h"
#include "session/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MS 1000

void replica__dump_begin(const char *id, uint64_t offset)
{
    static unsigned serial;
    struct link_dump *d = &repl_link.dump;
    *d = (struct link_dump){.fd = -1, .offset = offset};
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
        log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: receiving streamed RDB from master with "
                               "EOF to disk");
    } else if (line.p[0] != '$' || !num_parse_uint(slice_make(line.p + 1, line.n - 1), &d->total)) {
        replica__drop("the master's dump has no length");
        return false;
    } else {
        log_notice(LOG_SERVER,
                   "MASTER <-> REPLICA sync: receiving %" PRIu64 " bytes from master to disk",
                   d->total);
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

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct link_dump *d = &repl_link.dump;
    int64_t now = clock_mono_us() / 1000;
    /* The master takes a silent replica for a dead one. */
    if (now - d->synced_ms >= LINE_MS) {
        d->synced_ms = now;
        replica__write(SLICE("\n"));
    }
    lifecycle_progress(done, total);
}

static void empty(struct kv *kv)
{
    kv_effects_off(kv);
    (void)kv_flush(kv, -1);
    kv_effects_on(kv);
    rdb_clear_functions();
}

/* What our own replicas have goes on with nothing that comes now. */
static enum status prepare(struct kv *kv, struct error *err)
{
    repl__disconnect_all();
    repl__backlog_drop();
    replica__forget_position();
    enum status st = kv_commit(kv, err);
    if (st != ST_OK)
        return st;
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: Flushing old data");
    empty(kv);
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: Loading DB in memory");
    return ST_OK;
}

static void loaded(const struct rdb_load *l)
{
    struct link_dump *d = &repl_link.dump;
    memcpy(repl.id, d->id, sizeof repl.id);
    repl.offset = d->offset;
    memset(repl.former_id, '0', REPL_ID);
    repl.former_end = -1;
    repl.known = true;
    repl_link.db = l->stream_db > 0 ? (int)l->stream_db : 0;
    replica__dump_abandon();
    conn_want_read(repl_link.conn, true);
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: Finished with success");
    replica__stream_begin();
    repl_link.unsure = true;
}

void replica__dump_load(void)
{
    struct kv *kv = lifecycle.kv;
    struct rdb_load l = {
        .path = repl_link.dump.path, .keep_expired = true, .progress = on_progress};
    struct error err = {.message = ""};
    enum status st = prepare(kv, &err);
    if (st == ST_OK) {
        lifecycle.loading = true;
        lifecycle.loading_start_ms = clock_wall_ms();
        kv_obey(kv, true);
        st = rdb_load(kv, &l, &err);
        kv_obey(kv, false);
        lifecycle.loading = false;
        if (st != ST_OK)
            empty(kv);
    }
    if (st != ST_OK) {
        log_warning(LOG_SERVER, "Failed trying to load the MASTER synchronization DB from disk: %s",
                    err.message);
        replica__drop("its dump cannot be loaded");
        return;
    }
    if (repl_link.conn)
        loaded(&l);
}
