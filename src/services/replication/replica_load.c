/* A full synchronization, second half: what has come of the master's dump goes into the keyspace, beside the data set
 * (kv_side), a little in each tick. The data set changes at once when everything is there; a load that fails leaves it alone.
 *
 *   file    [ loaded | there | ... ]      repl-diskless-load: the loading need not wait for the end of the file
 *   then    fold what is dirty --> take its place, note the position, fold --> in step with the master
 *
 * While the data set belongs to the same stream as the dump it goes on serving (async_loading), otherwise clients get -LOADING. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/compat_options.h"
#include "event/conn.h"
#include "event/loop.h"
#include "rdb/rdb_functions.h"
#include "rdb/rdb_load.h"
#include "rdb/rdb_modules.h"
#include "services/replication/replica_priv.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "storage/storage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define STEP_US      5000
#define LINE_MS      1000
#define AHEAD        (4u << 20)  /* as much may have come and not be loaded yet */
#define PUNCH_BYTES  (16u << 20) /* of the file that are loaded are given back at a time */
#define FOLD_AT_ONCE (8u << 20)  /* bytes that may be dirty when the data set changes */

enum load_phase { LOAD_READS, LOAD_FOLDS, LOAD_TAKEN /* but not in the store yet */, LOAD_DONE };

struct replica_load {
    struct rdb_load l;
    struct rdb_loading *loading;
    struct buf functions;
    enum load_phase phase;
    bool paused; /* nothing is read from the master */
    bool beside; /* the data set is left alone until the end */
    bool told;   /* EVENT_LOADING */
    uint64_t punched, folds_wanted;
};

static int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

static bool holds_nothing(void)
{
    for (int db = 0; db < kv_databases(lifecycle.kv); db++)
        if (kv_dbsize(lifecycle.kv, db) > 0)
            return false;
    return true;
}

/* Without a place beside it the data set goes now, and with it what our own replicas have. */
static enum status make_room(struct kv *kv, struct error *err)
{
    repl__disconnect_all();
    repl__backlog_drop();
    replica__forget_position();
    enum status st = kv_commit(kv, err);
    if (st != ST_OK)
        return st;
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: Flushing old data");
    kv_log_anew(kv);
    kv_effects_off(kv);
    (void)kv_flush(kv, -1);
    kv_effects_on(kv);
    return ST_OK;
}

static void failed(const char *why)
{
    log_warning(LOG_SERVER, "Failed trying to load the MASTER synchronization DB: %s", why);
    replica__drop("its dump cannot be loaded");
}

static void begin(struct link_dump *d)
{
    struct error err = {.message = ""};
    struct kv *kv = lifecycle.kv;
    bool same = repl.known && strcmp(repl.id, d->id) == 0;
    bool beside = kv_side(kv) > 0 && rdb_modules_load_beside(same), async = beside && same;
    struct replica_load *g = mem_calloc(1, sizeof *g);
    d->load = g;
    g->l = (struct rdb_load){.path = d->path,
                             .keep_expired = true,
                             .first_db = beside ? kv_side(kv) : 0,
                             .functions = &g->functions};
    g->beside = beside;
    g->loading = rdb_loading_new(kv, &g->l, &err);
    if (!g->loading || (!beside && make_room(kv, &err) != ST_OK)) {
        failed(err.message);
        return;
    }
    lifecycle.loading = !async;
    lifecycle.loading_log = false;
    lifecycle.async_loading = async;
    lifecycle.loading_start_ms = clock_wall_ms();
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: Loading DB in memory");
    g->told = true;
    if (async)
        hook_event(EVENT_ASYNC_LOAD, 0, NULL);
    hook_event(EVENT_LOADING, LOADING_MASTER, NULL);
}

bool replica__load_wanted(const struct link_dump *d)
{
    if (d->fd < 0)
        return true;
    return compat_opts.repl_diskless_load == COMPAT_DISKLESS_LOAD_SWAPDB ||
           (compat_opts.repl_diskless_load == COMPAT_DISKLESS_LOAD_ON_EMPTY_DB && holds_nothing());
}

void replica__load_abandon(struct link_dump *d)
{
    struct replica_load *g = d->load;
    if (!g)
        return;
    if (g->loading && g->phase == LOAD_READS && d->fd >= 0)
        log_warning(LOG_SERVER,
                    "Internal error in RDB reading offset %" PRIu64 " -> the master is gone",
                    rdb_loading_at(g->loading));
    if (g->phase < LOAD_TAKEN)
        kv_side_clear(lifecycle.kv);
    repl.known &= g->phase != LOAD_TAKEN;
    bool told = g->told, async = lifecycle.async_loading, done = g->phase == LOAD_DONE;
    lifecycle.loading = lifecycle.async_loading = false;
    rdb_loading_free(g->loading);
    buf_free(&g->functions);
    mem_free(g);
    d->load = NULL;
    if (told)
        hook_event(EVENT_LOADING, done ? LOADING_ENDED : LOADING_FAILED, NULL);
    if (told && async)
        hook_event(EVENT_ASYNC_LOAD, done ? 2 : 1, NULL);
}

/* The file need not hold what is loaded. */
static void punch(const struct link_dump *d, struct replica_load *g)
{
    uint64_t at = rdb_loading_needs(g->loading);
    if (d->fd < 0 || at - g->punched < PUNCH_BYTES)
        return;
    g->punched = at & ~(uint64_t)(PUNCH_BYTES - 1);
    (void)fallocate(d->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)g->punched);
}

/* The master waits when it is far ahead; but an item has to be there as a whole. */
static void pause_master(struct link_dump *d, struct replica_load *g, bool starved)
{
    bool ahead = d->fd >= 0 && !starved && d->got > rdb_loading_at(g->loading) + AHEAD;
    if (ahead != g->paused && d->fd >= 0)
        conn_want_read(repl_link.conn, !ahead);
    g->paused = ahead;
    if (ahead)
        repl_link.io_ms = now_ms();
}

static void read_more(struct link_dump *d, struct replica_load *g)
{
    struct error err = {.message = ""};
    enum rdb_progress p;
    bool whole = d->fd < 0;
    uint64_t there = d->got;
    if (d->marked)
        there = there > DUMP_MARK ? there - DUMP_MARK : 0;
    kv_obey(lifecycle.kv, true);
    enum status st =
        rdb_loading_step(g->loading, there, whole, clock_mono_us() + STEP_US, &p, &err);
    kv_obey(lifecycle.kv, false);
    if (st != ST_OK) {
        failed(err.message);
        return;
    }
    lifecycle_loaded(rdb_loading_at(g->loading), d->total);
    punch(d, g);
    pause_master(d, g, p != RDB_LOAD_MORE);
    if (p == RDB_LOAD_MORE && !kv_pressure(lifecycle.kv))
        loop_wake(lifecycle.loop);
    if (p != RDB_LOAD_DONE || !whole)
        return;
    struct kv_stats now;
    kv_stats(lifecycle.kv, &now);
    g->phase = LOAD_FOLDS;
    g->folds_wanted = now.folds + (now.fold_running ? 2 : 1);
    kv_fold_soon(lifecycle.kv);
    loop_wake(lifecycle.loop);
}

/* What is dirty goes into the store in the background first, so that the last fold is a small one. */
static bool folded(const struct replica_load *g)
{
    struct kv_stats st;
    kv_stats(lifecycle.kv, &st);
    return st.dirty_bytes <= FOLD_AT_ONCE || st.folds >= g->folds_wanted;
}

static void take(struct link_dump *d, struct replica_load *g)
{
    struct error err = {.message = ""};
    struct kv *kv = lifecycle.kv;
    if (rdb_replace_functions(buf_slice(&g->functions), &err) != ST_OK) {
        failed(err.message);
        return;
    }
    repl__disconnect_all();
    repl__backlog_drop();
    if (g->beside)
        kv_side_take(kv);
    repl_link.db = g->l.stream_db > 0 ? (int)g->l.stream_db : 0;
    memcpy(repl.id, d->id, sizeof repl.id);
    repl.offset = repl.effects_end = d->offset;
    memset(repl.former_id, '0', REPL_ID);
    repl.former_end = -1;
    repl.known = true;
    replica__store_position();
    g->phase = LOAD_TAKEN;
}

/* Not until the store has the new data set may the log go on: it tells what happens to that one. */
static void finish(void)
{
    struct error err = {.message = ""};
    struct stor *store = kv_store(lifecycle.kv);
    enum status st = kv_fold_now(lifecycle.kv, &err);
    if (st == ST_OK && (stor_caps(store) & STOR_CAP_SYNC))
        st = stor_sync(store, &err);
    if (st != ST_OK) {
        log_warning(LOG_SERVER, "The data set of the master cannot be stored, trying again: %s",
                    err.message);
        return;
    }
    repl_link.dump.load->phase = LOAD_DONE;
    repl__observe_took("full-sync-load", repl_link.dump.begun_ms);
    replica__dump_abandon();
    conn_want_read(repl_link.conn, true);
    log_notice(LOG_SERVER, "MASTER <-> REPLICA sync: Finished with success");
    replica__stream_begin();
    repl_link.unsure = true;
}

/* The master takes a silent replica for a dead one. */
static void keep_alive(struct link_dump *d)
{
    int64_t now = now_ms();
    if (now - d->synced_ms < LINE_MS)
        return;
    d->synced_ms = now;
    replica__write(SLICE("\n"));
}

void replica__load_step(void)
{
    struct link_dump *d = &repl_link.dump;
    if ((repl_link.state != LINK_DUMP && repl_link.state != LINK_LOADS) || dispatch_depth() > 0)
        return;
    if (!d->load && (!d->begun || !replica__load_wanted(d)))
        return;
    if (!d->load)
        begin(d);
    if (!d->load)
        return;
    keep_alive(d);
    if (d->load->phase == LOAD_READS)
        read_more(d, d->load);
    if (d->load && d->load->phase == LOAD_FOLDS && folded(d->load) &&
        kv_tick_bytes(lifecycle.kv) == 0)
        take(d, d->load);
    if (d->load && d->load->phase == LOAD_TAKEN)
        finish();
}
