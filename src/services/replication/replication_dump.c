/* The dump that new replicas get, written by a worker from a view while the loop goes on. One dump at a time serves all that
 * wait for the same.
 *
 *   repl-diskless-sync yes    worker --pipe--> loop --> every replica, as it comes; ends with a mark. The slowest sets the pace.
 *                      no     worker --> a file without a name --> each replica at its own pace. Later ones may join. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/compat_options.h"
#include "event/crypto.h"
#include "event/loop.h"
#include "event/worker.h"
#include "keyspace/kv_view.h"
#include "rdb/rdb_format.h"
#include "rdb/rdb_options.h"
#include "rdb/rdb_save.h"
#include "services/replication/replica_priv.h"
#include "session/hooks.h"
#include "session/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (256u * 1024)

struct dump_job {
    struct rdb_save *save;
    uint64_t offset; /* of the stream, at the view */
    int fd;          /* that the worker writes to */
    char name[32];   /* of the file, which is to become a dump file; "": it has none */
    bool streamed;
    int from; /* streamed: the other end of the pipe; -1: everything was read, or nobody wants it */
    struct loop_fd *watch; /* of it */
    bool paused;
    char mark[DUMP_MARK + 1];
    bool written;     /* the worker is through */
    int64_t begun_ms; /* steady clock */
    enum status st;
    struct error err;
};

static struct dump_job *running;

const struct rdb_save *repl__dump_running(void)
{
    return running ? running->save : NULL;
}

static int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

/* Where dump files are wanted, this is one. That the replicas get theirs does not depend on it. */
static void keep_file(const struct dump_job *j)
{
    if (j->st == ST_OK && fsync(j->fd) == 0 && rename(j->name, j->save->path) == 0)
        return;
    if (j->st == ST_OK)
        log_warning(LOG_SERVER, "The dump of a replica does not become %s: %s", j->save->path,
                    strerror(errno));
    (void)unlink(j->name);
}

static void run(void *arg)
{
    struct dump_job *j = arg;
    j->st = rdb_save_to(j->save, j->fd, &j->err);
    if (j->name[0])
        keep_file(j);
    if (!j->streamed)
        return;
    close(j->fd);
    j->fd = -1;
}

static void give_up(struct repl_client *r, const char *why)
{
    log_warning(LOG_SERVER, "A replica is dropped: %s", why);
    session_close(r->s, SESS_CLOSE_NOW);
}

/* Those that the dump under way is for. */
static bool takes_part(const struct repl_client *r)
{
    return (r->state == REPL_DUMPS || r->state == REPL_STREAMS) && !(r->s->flags & SESS_CLOSING);
}

static size_t count_parts(void)
{
    size_t n = 0;
    LIST_EACH(it, &repl.clients)
    n += takes_part(LIST_ENTRY(it, struct repl_client, link));
    return n;
}

/* -- The end ------------------------------------------------------------------------------------------------------------- */

static void close_pipe(struct dump_job *j)
{
    if (j->from < 0)
        return;
    loop_fd_del(j->watch);
    close(j->from);
    j->watch = NULL;
    j->from = -1;
}

static void begin_sending(struct repl_client *r, const struct dump_job *j)
{
    struct stat st;
    char head[32];
    r->fd = dup(j->fd);
    if (r->fd < 0 || fstat(r->fd, &st) != 0) {
        give_up(r, "its dump cannot be read");
        return;
    }
    r->sent = 0;
    r->size = (uint64_t)st.st_size;
    r->state = REPL_SENDS;
    int n = snprintf(head, sizeof head, "$%" PRIu64 "\r\n", r->size);
    repl__send(r, slice_make(head, (size_t)n));
}

/* A replica that loads it tells when it is through, and gets the stream then. */
static void end_streaming(struct repl_client *r, const struct dump_job *j)
{
    repl__send(r, slice_make(j->mark, DUMP_MARK));
    r->state = r->dump_only ? REPL_HAS_DUMP : REPL_LOADS;
    r->acked_s = clock_wall_ms() / 1000;
    log_notice(LOG_SERVER, "Streamed replica synchronization succeeded, waiting for REPLCONF ACK "
                           "from it to begin the stream");
}

static void end(struct dump_job *j)
{
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (!takes_part(r))
            continue;
        if (j->st != ST_OK)
            give_up(r, j->err.message);
        else if (j->streamed)
            end_streaming(r, j);
        else
            begin_sending(r, j);
    }
    if (j->st == ST_OK)
        log_notice(LOG_SERVER, "Background %s terminated with success",
                   j->streamed ? "RDB transfer" : "saving");
    else
        log_warning(LOG_SERVER, "Background %s ended: %s", j->streamed ? "RDB transfer" : "saving",
                    j->err.message);
    hook_event(EVENT_PERSISTENCE, j->st == ST_OK ? PERSISTENCE_ENDED : PERSISTENCE_FAILED, NULL);
    repl__observe_took("full-sync-dump", j->begun_ms);
    close_pipe(j);
    if (j->fd >= 0)
        close(j->fd);
    rdb_save_free(j->save);
    mem_free(j);
    running = NULL;
    lifecycle.dump_start_ms = 0;
    loop_wake(lifecycle.loop);
}

static void done(void *arg)
{
    struct dump_job *j = arg;
    j->written = true;
    if (j->from < 0)
        end(j);
}

/* Nobody wants it any more: the worker notices. */
static void stop(struct dump_job *j)
{
    atomic_store(&j->save->cancel, true);
    close_pipe(j);
    if (j->written)
        end(j);
}

void repl__dump_stop(const char *why)
{
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (takes_part(r))
            give_up(r, why);
    }
    if (running)
        stop(running);
}

/* -- Streaming ----------------------------------------------------------------------------------------------------------- */

static bool has_room(struct repl_client *r)
{
    if (r->s->ops->output &&
        r->s->ops->output(r->s, repl__place_behind(&r->place)) >= REPL_IN_FLIGHT)
        return false;
    r->moved_ms = now_ms();
    return true;
}

/* True: all of them have room for more. */
static bool all_have_room(void)
{
    bool room = true;
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (takes_part(r))
            room &= has_room(r);
    }
    return room;
}

static void watch(struct dump_job *j, bool on)
{
    if (j->from >= 0 && j->paused == on)
        loop_fd_set(j->watch, on ? LOOP_READ : 0);
    j->paused = !on;
}

static void on_pipe(void *arg, int ready)
{
    static char piece[PIECE];
    struct dump_job *j = arg;
    if (!all_have_room()) {
        watch(j, false);
        return;
    }
    ssize_t n = read(j->from, piece, sizeof piece);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        log_notice(LOG_SERVER,
                   "Diskless rdb transfer, done reading from pipe, %zu replicas still up",
                   count_parts());
        close_pipe(j);
        if (j->written)
            end(j);
        return;
    }
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (takes_part(r))
            repl__send(r, slice_make(piece, (size_t)n));
    }
}

static bool open_pipe(struct dump_job *j, struct error *err)
{
    int fd[2];
    unsigned char random[DUMP_MARK / 2];
    if (pipe2(fd, O_CLOEXEC) < 0) {
        (void)error_set_errno(err, errno, "no pipe for the dump of replicas");
        return false;
    }
    (void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
    (void)fcntl(fd[0], F_SETPIPE_SZ, (int)REPL_IN_FLIGHT);
    hash_random(random, sizeof random);
    crypto_hex(random, sizeof random, j->mark);
    j->from = fd[0];
    j->fd = fd[1];
    j->watch = loop_fd_add(lifecycle.loop, j->from, LOOP_READ, on_pipe, j);
    return true;
}

/* The format of dumps that it understands. Who only wants a file wants it whole. */
static unsigned reads(const struct repl_client *r)
{
    unsigned unknown = r->dump_only ? RDB_VERSION : (unsigned)compat_opts.repl_dump_version;
    unsigned version = r->dump_version ? r->dump_version : unknown;
    return version < RDB_VERSION_MIN ? RDB_VERSION_MIN : version;
}

/* -- The beginning ------------------------------------------------------------------------------------------------------- */

static bool open_file(struct dump_job *j, struct error *err)
{
    snprintf(j->name, sizeof j->name, "temp-sync-XXXXXX");
    j->fd = mkstemp(j->name);
    if (j->fd < 0) {
        (void)error_set_errno(err, errno, "no file for the dump of a replica");
        return false;
    }
    if (rdb_save_points_set() && *rdb_opts.dbfilename && !j->save->functions_only)
        return true;
    (void)unlink(j->name);
    j->name[0] = 0;
    return true;
}

static struct dump_job *job_new(bool functions_only, bool streamed, unsigned version,
                                struct error *err)
{
    struct kv_view *view;
    if (kv_view_open(lifecycle.kv, &view, err) != ST_OK)
        return NULL;
    struct dump_job *j = mem_calloc(1, sizeof *j);
    j->from = j->fd = -1;
    j->offset = repl.offset;
    j->begun_ms = now_ms();
    j->save = rdb_save_new(rdb_opts.dbfilename, view);
    j->save->functions_only = functions_only;
    j->save->version = version;
    j->streamed = streamed;
    if (!(streamed ? open_pipe(j, err) : open_file(j, err))) {
        rdb_save_free(j->save);
        mem_free(j);
        return NULL;
    }
    return j;
}

static void join(struct repl_client *r, const struct dump_job *j)
{
    char text[96];
    r->state = j->streamed ? REPL_STREAMS : REPL_DUMPS;
    r->moved_ms = now_ms();
    if (r->psync) {
        int n = snprintf(text, sizeof text, "+FULLRESYNC %s %" PRIu64 "\r\n", repl.id, j->offset);
        repl__send(r, slice_make(text, (size_t)n));
    }
    if (j->streamed) {
        int n = snprintf(text, sizeof text, "$EOF:%s\r\n", j->mark);
        repl__send(r, slice_make(text, (size_t)n));
    }
}

/* Between ticks: what the view has and what is fed from now on meet exactly. */
static void begin(bool functions_only, bool streamed, unsigned version)
{
    struct error err = {.message = ""};
    if (!repl__backlog_on() && !lifecycle.following)
        repl__new_id(false);
    struct dump_job *j = job_new(functions_only, streamed, version, &err);
    /* The stream behind the dump names its database, or goes on in the one that the dump notes. */
    repl__backlog_make();
    repl__update_stream();
    if (j)
        repl__note_in_dump(j->save);
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state != REPL_WAITS || r->functions_only != functions_only)
            continue;
        if (!j) {
            give_up(r, err.message);
            continue;
        }
        if (!r->dump_only)
            repl__place_end(&r->place);
        join(r, j);
    }
    if (!j)
        return;
    running = j;
    lifecycle.dump_start_ms = clock_wall_ms();
    hook_event(EVENT_PERSISTENCE, PERSISTENCE_DUMP, NULL);
    log_notice(LOG_SERVER, "Starting BGSAVE for SYNC with target: %s, format %u",
               streamed ? "replicas sockets" : "disk", version);
    log_notice(LOG_SERVER, "Background %s started by pid %d", streamed ? "RDB transfer" : "saving",
               (int)getpid());
    worker_submit(lifecycle.pool, WORKER_DUMP, run, done, j);
}

/* Begins a dump for those that wait longest and the others that want the same, when it is time: a streamed one waits for others to
 * come. */
static void begin_if_due(void)
{
    const struct repl_client *first = NULL;
    bool streamed = compat_opts.repl_diskless_sync;
    int64_t n = 0, waited_ms = 0;
    unsigned version = RDB_VERSION;
    LIST_EACH(it, &repl.clients)
    {
        const struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state != REPL_WAITS || (r->s->flags & SESS_CLOSING) ||
            (first && first->functions_only != r->functions_only))
            continue;
        if (!first) {
            first = r;
            waited_ms = now_ms() - r->moved_ms;
        }
        streamed &= r->eof;
        if (reads(r) < version)
            version = reads(r);
        n++;
    }
    int64_t enough = compat_opts.repl_diskless_sync_max_replicas;
    if (!first || (streamed && waited_ms < compat_opts.repl_diskless_sync_delay * 1000 &&
                   (enough == 0 || n < enough)))
        return;
    begin(first->functions_only, streamed, version);
}

/* A dump into a file that others wait for is as good for those that come later: with the stream from where it began. */
static void join_running(const struct dump_job *j)
{
    const struct repl_client *other = NULL;
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (takes_part(r) && r->place.block)
            other = r;
    }
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (!other || r->state != REPL_WAITS || r->functions_only != j->save->functions_only ||
            reads(r) < j->save->version)
            continue;
        if (!r->dump_only)
            repl__place_copy(&r->place, &other->place);
        join(r, j);
    }
}

/* -- Sending a file ------------------------------------------------------------------------------------------------------ */

/* False: the replica must wait until it has taken what it was sent. */
static bool send_piece(struct repl_client *r)
{
    static char piece[PIECE];
    if (!has_room(r))
        return false;
    uint64_t left = r->size - r->sent;
    ssize_t n = pread(r->fd, piece, left < PIECE ? (size_t)left : PIECE, (off_t)r->sent);
    if (n <= 0) {
        give_up(r, "its dump cannot be read");
        return false;
    }
    r->sent += (uint64_t)n;
    repl__send(r, slice_make(piece, (size_t)n));
    return true;
}

static void all_sent(struct repl_client *r)
{
    repl__dump_forget(r);
    r->acked_s = clock_wall_ms() / 1000;
    if (r->dump_only)
        r->state = REPL_HAS_DUMP;
    else
        repl__online(r);
    repl__count_good();
    log_notice(LOG_SERVER, "Synchronization with a replica succeeded");
}

static bool send_files(void)
{
    bool more = false;
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state != REPL_SENDS || (r->s->flags & SESS_CLOSING))
            continue;
        if (r->sent < r->size)
            more |= send_piece(r);
        if (r->sent == r->size)
            all_sent(r);
    }
    return more;
}

bool repl__dump_step(void)
{
    if (!running && kv_tick_bytes(lifecycle.kv) == 0)
        begin_if_due();
    else if (running && !running->streamed && !atomic_load(&running->save->cancel))
        join_running(running);
    if (running && !running->name[0] && !atomic_load(&running->save->cancel) &&
        count_parts() == 0) {
        if (running->streamed)
            log_notice(LOG_SERVER,
                       "Diskless rdb transfer, last replica dropped, killing fork child.");
        stop(running);
    }
    if (running && running->paused && all_have_room())
        watch(running, true);
    return send_files();
}

void repl__dump_forget(struct repl_client *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}
