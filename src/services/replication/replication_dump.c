/* The dump that a new replica gets: written by a worker from a view into a file without a name, and sent piece by piece while the
 * loop goes on. One dump at a time serves all that wait for the same. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "event/loop.h"
#include "event/worker.h"
#include "keyspace/kv_view.h"
#include "rdb/rdb_save.h"
#include "services/replication/replica_priv.h"
#include "session/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE     (256u * 1024)
#define IN_FLIGHT (1024u * 1024) /* as much may wait in a replica's output */

struct dump_job {
    struct rdb_save *save;
    int fd;
    enum status st;
    struct error err;
};

static struct dump_job *running;

static void run(void *arg)
{
    struct dump_job *j = arg;
    j->st = rdb_save_to(j->save, j->fd, &j->err);
}

static void give_up(struct repl_client *r, const char *why)
{
    log_warning(LOG_SERVER, "A replica is dropped: %s", why);
    session_close(r->s, SESS_CLOSE_NOW);
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

static void done(void *arg)
{
    struct dump_job *j = arg;
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state != REPL_DUMPS)
            continue;
        if (j->st == ST_OK)
            begin_sending(r, j);
        else
            give_up(r, j->err.message);
    }
    close(j->fd);
    rdb_save_free(j->save);
    mem_free(j);
    running = NULL;
    loop_wake(lifecycle.loop);
}

static struct repl_client *first_waiting(void)
{
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state == REPL_WAITS && !(r->s->flags & SESS_CLOSING))
            return r;
    }
    return NULL;
}

static void tell_position(struct repl_client *r)
{
    char text[96];
    if (!r->psync)
        return;
    int n = snprintf(text, sizeof text, "+FULLRESYNC %s %" PRIu64 "\r\n", repl.id, repl.offset);
    repl__send(r, slice_make(text, (size_t)n));
}

static struct dump_job *job_new(bool functions_only, struct error *err)
{
    char name[] = "temp-sync-XXXXXX";
    struct kv_view *view;
    int fd = mkstemp(name);
    if (fd < 0) {
        (void)error_set_errno(err, errno, "no file for the dump of a replica");
        return NULL;
    }
    (void)unlink(name);
    if (kv_view_open(lifecycle.kv, &view, err) != ST_OK) {
        close(fd);
        return NULL;
    }
    struct dump_job *j = mem_calloc(1, sizeof *j);
    j->fd = fd;
    j->save = rdb_save_new("", view);
    j->save->functions_only = functions_only;
    return j;
}

/* Between ticks: what the view has and what is fed from now on meet exactly. */
static void begin(bool functions_only)
{
    struct error err = {.message = ""};
    struct dump_job *j = job_new(functions_only, &err);
    /* The stream behind the dump names its database, or goes on in the one that the dump notes. */
    if (!repl__backlog_on() && !lifecycle.following)
        repl__new_id(false);
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
        tell_position(r);
        r->state = REPL_DUMPS;
    }
    if (!j)
        return;
    running = j;
    log_notice(LOG_SERVER, "A dump for new replicas begins");
    worker_submit(lifecycle.pool, WORKER_ANY, run, done, j);
}

/* False: the replica must wait until it has taken what it was sent. */
static bool send_piece(struct repl_client *r)
{
    static char piece[PIECE];
    struct sess_peer peer = {.omem = 0};
    r->s->ops->peer(r->s, &peer);
    if (peer.omem > IN_FLIGHT)
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
    r->state = r->dump_only ? REPL_HAS_DUMP : REPL_ONLINE;
    r->acked_s = clock_wall_ms() / 1000;
    if (!r->dump_only)
        repl__send(r, buf_slice(&r->later));
    buf_free(&r->later);
    repl__count_good();
    log_notice(LOG_SERVER, "Synchronization with a replica succeeded");
}

bool repl__dump_step(void)
{
    bool more = false;
    struct repl_client *waiting = running ? NULL : first_waiting();
    if (waiting && kv_tick_bytes(lifecycle.kv) == 0)
        begin(waiting->functions_only);
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

void repl__dump_forget(struct repl_client *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}
