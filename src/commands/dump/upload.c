/* ORBIT-RDB, with which orbit-cli brings a dump file into an empty server.
 *
 *   BEGIN          a file in the working directory is made, without a name
 *   DATA bytes     goes to its end; as often as needed
 *   LOAD           the file is loaded in bulk (keyspace/kv_load.h): all of it or nothing; answers keys, expired keys, libraries
 *
 * The loading goes by steps of a timer, clients get -LOADING meanwhile. The log has nothing of it, so it is refused where a log
 * is followed, as it is when there are keys: RESTORE then does the same, key by key. What was answered is in the store for good. */
#include "commands/dump/upload.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/dump/dump_commands.h"
#include "event/loop.h"
#include "keyspace/kv_load.h"
#include "rdb/rdb_load.h"
#include "session/block.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "session/reply.h"
#include "storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_NAME "temp-import.rdb"
#define STEP_US   5000
#define AGAIN_MS  1

struct upload {
    struct session *s; /* NULL: gone, while it is loaded */
    struct kv *kv;
    int fd;
    uint64_t bytes;
    char path[64];
    struct rdb_load l;
    struct rdb_loading *loading; /* NULL: still receiving, or merging */
    bool loads;
    enum status st;
    struct error err;
};

static struct upload *up; /* one at a time */

static void end(void)
{
    close(up->fd);
    rdb_loading_free(up->loading);
    mem_free(up);
    up = NULL;
}

static bool suits(struct call *c)
{
    const char *why = lifecycle.following || lifecycle.async_loading ? "this is a replica"
                      : kv_streaming(c->kv)                          ? "replicas follow this server"
                      : !kv_load_suits(c->kv)
                          ? "there are keys, or the storage provider takes in no sorted files"
                      : up && (up->s != c->s || up->loads) ? "another import is under way"
                                                           : NULL;
    if (why)
        reply_errorf(c, "ERR not possible in bulk: %s", why);
    return !why;
}

/* -- Receiving ----------------------------------------------------------------------------------------------------------- */

static void begin(struct call *c)
{
    if (!suits(c))
        return;
    if (up)
        end();
    int fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        reply_errorf(c, "ERR cannot make a file: %s", strerror(errno));
        return;
    }
    (void)unlink(FILE_NAME);
    up = mem_calloc(1, sizeof(*up));
    up->s = c->s;
    up->kv = c->kv;
    up->fd = fd;
    snprintf(up->path, sizeof(up->path), "/proc/self/fd/%d", fd);
    reply_ok(c);
}

static bool is_mine(struct call *c)
{
    bool mine = up && up->s == c->s && !up->loads;
    if (!mine)
        reply_error(c, "ERR ORBIT-RDB BEGIN comes first");
    return mine;
}

static void data(struct call *c, struct slice bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(up->fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            reply_errorf(c, "ERR writing the file failed: %s", strerror(errno));
            end();
            return;
        }
        up->bytes += (uint64_t)n;
        bytes = slice_make(bytes.p + n, bytes.n - (size_t)n);
    }
    reply_ok(c);
}

/* -- Loading ------------------------------------------------------------------------------------------------------------- */

static void answer(struct call *c, void *state, void *arg)
{
    call_no_propagate(c);
    if (up->st != ST_OK) {
        reply_errorf(c, "ERR %s", up->err.message);
        return;
    }
    reply_array(c, 3);
    reply_int(c, (int64_t)up->l.keys);
    reply_int(c, (int64_t)up->l.expired);
    reply_int(c, (int64_t)up->l.libraries);
}

static int64_t finish(enum status st)
{
    struct stor *store = kv_store(up->kv);
    if (st == ST_OK)
        st = kv_fold_now(up->kv, &up->err);
    if (st == ST_OK && (stor_caps(store) & STOR_CAP_SYNC))
        st = stor_sync(store, &up->err);
    up->st = st;
    lifecycle.loading = false;
    if (st == ST_OK)
        log_notice(LOG_SERVER, "A dump file of %" PRIu64 " bytes was imported", up->bytes);
    if (up->s)
        block_wake(up->s, answer, NULL);
    end();
    return -1;
}

static int64_t give_up(enum status st)
{
    kv_load_abort(up->kv);
    return finish(st);
}

static int64_t step(void *arg)
{
    enum rdb_progress p;
    if (dispatch_depth() > 0)
        return AGAIN_MS;
    if (!up->loading)
        return kv_load_merged(up->kv) ? finish(kv_load_end(up->kv, &up->err)) : AGAIN_MS;
    enum status st =
        rdb_loading_step(up->loading, up->bytes, true, clock_mono_us() + STEP_US, &p, &up->err);
    if (st != ST_OK)
        return give_up(st);
    lifecycle.loading_done = rdb_loading_at(up->loading);
    lifecycle.loading_total = up->bytes;
    if (p != RDB_LOAD_DONE)
        return 0;
    rdb_loading_free(up->loading);
    up->loading = NULL;
    st = kv_load_merge(up->kv, &up->err);
    return st == ST_OK ? AGAIN_MS : give_up(st);
}

/* The client is gone, or was answered: the load goes on. */
static void let_go(void *state)
{
    if (up)
        up->s = NULL;
}

static void no_timeout(struct call *c, void *state)
{
    reply_error(c, "ERR the import goes on");
}

static const struct block_ops ops = {.kind = "import", .timeout = no_timeout, .free_state = let_go};

static void load(struct call *c)
{
    struct error err = {.message = ""};
    if (!suits(c))
        return;
    up->l = (struct rdb_load){.path = up->path, .bulk = true};
    up->loading = rdb_loading_new(c->kv, &up->l, &err);
    if (!up->loading || kv_load_begin(c->kv, &err) != ST_OK) {
        reply_errorf(c, "ERR %s", err.message);
        end();
        return;
    }
    up->loads = lifecycle.loading = true;
    lifecycle.loading_start_ms = clock_wall_ms();
    block_session(c, &ops, up, 0);
    (void)loop_timer_add(lifecycle.loop, 0, step, NULL);
}

void cmd_orbit_rdb(struct call *c)
{
    call_no_propagate(c);
    if (call_arg_is(c, 1, "begin") && c->argc == 2)
        begin(c);
    else if (call_arg_is(c, 1, "data") && c->argc == 3) {
        if (is_mine(c))
            data(c, c->argv[2]);
    } else if (call_arg_is(c, 1, "load") && c->argc == 2) {
        if (is_mine(c))
            load(c);
    } else
        reply_syntax_error(c);
}

static void on_close(void *s)
{
    if (!up || up->s != s)
        return;
    up->s = NULL;
    if (!up->loads)
        end();
}

void upload_start(void)
{
    hook_add(HOOK_SESSION_CLOSE, on_close);
}
