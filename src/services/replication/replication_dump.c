/* The dump that a new replica gets: written by a worker from a view into a file of its own, which is unlinked as soon as those who
 * wait for it have opened it, and sent piece by piece while the loop goes on. One dump at a time serves all that wait. */
#include "base/log.h"
#include "base/mem.h"
#include "event/loop.h"
#include "event/worker.h"
#include "keyspace/kv_view.h"
#include "rdb/rdb_save.h"
#include "services/replication/replication_priv.h"
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
    char folder[32]; /* of its own, because temporary files of dumps are named by the process */
    char path[48];
    enum status st;
    struct error err;
};

static struct dump_job *running;

static void run(void *arg)
{
    struct dump_job *j = arg;
    j->st = rdb_save_run(j->save, &j->err);
}

static void give_up(struct repl_client *r, const char *why)
{
    log_warning(LOG_SERVER, "A replica is dropped: %s", why);
    session_close(r->s, SESS_CLOSE_NOW);
}

static void open_dump(struct repl_client *r, const char *path)
{
    struct stat st;
    char head[32];
    r->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0 || fstat(r->fd, &st) != 0) {
        give_up(r, "its dump cannot be read");
        return;
    }
    r->left = (uint64_t)st.st_size;
    r->state = REPL_SENDS;
    int n = snprintf(head, sizeof head, "$%" PRIu64 "\r\n", r->left);
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
            open_dump(r, j->path);
        else
            give_up(r, j->err.message);
    }
    (void)unlink(j->path);
    (void)rmdir(j->folder);
    rdb_save_free(j->save);
    mem_free(j);
    running = NULL;
    loop_wake(lifecycle.loop);
}

static bool somebody(enum repl_state state)
{
    LIST_EACH(it, &repl.clients)
    if (LIST_ENTRY(it, struct repl_client, link)->state == state)
        return true;
    return false;
}

static void tell_position(struct repl_client *r)
{
    char text[96];
    if (!r->psync)
        return;
    int n = snprintf(text, sizeof text, "+FULLRESYNC %s %" PRIu64 "\r\n", lifecycle.run_id,
                     repl.offset);
    repl__send(r, slice_make(text, (size_t)n));
}

static struct dump_job *job_new(struct error *err)
{
    struct dump_job *j = mem_calloc(1, sizeof *j);
    struct kv_view *view;
    snprintf(j->folder, sizeof j->folder, "temp-sync-XXXXXX");
    if (!mkdtemp(j->folder)) {
        (void)error_set_errno(err, errno, "no folder for the dump of a replica");
    } else if (kv_view_open(lifecycle.kv, &view, err) == ST_OK) {
        snprintf(j->path, sizeof j->path, "%s/dump.rdb", j->folder);
        j->save = rdb_save_new(j->path, view);
        return j;
    } else {
        (void)rmdir(j->folder);
    }
    mem_free(j);
    return NULL;
}

/* Between ticks: what the view has and what is fed from now on meet exactly. */
static void begin(void)
{
    struct error err = {.message = ""};
    struct dump_job *j = job_new(&err);
    kv_stream(lifecycle.kv, true);
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state != REPL_WAITS)
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
    ssize_t n = read(r->fd, piece, r->left < PIECE ? (size_t)r->left : PIECE);
    if (n <= 0) {
        give_up(r, "its dump cannot be read");
        return false;
    }
    r->left -= (uint64_t)n;
    repl__send(r, slice_make(piece, (size_t)n));
    return true;
}

static void go_online(struct repl_client *r)
{
    repl__dump_forget(r);
    r->state = REPL_ONLINE;
    repl__send(r, buf_slice(&r->later));
    buf_free(&r->later);
    log_notice(LOG_SERVER, "Synchronization with a replica succeeded");
}

bool repl__dump_step(void)
{
    bool more = false;
    if (!running && somebody(REPL_WAITS) && kv_tick_bytes(lifecycle.kv) == 0)
        begin();
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state != REPL_SENDS || (r->s->flags & SESS_CLOSING))
            continue;
        if (r->left > 0)
            more |= send_piece(r);
        if (r->left == 0)
            go_online(r);
    }
    return more;
}

void repl__dump_forget(struct repl_client *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
}
