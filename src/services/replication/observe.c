/* What is told of replication besides Redis's own fields: lags, the progress of full synchronizations, how long they took. */
#include "base/clock.h"
#include "base/log.h"
#include "rdb/rdb_save.h"
#include "services/replication/replica_priv.h"
#include "session/hooks.h"
#include "session/lifecycle.h"

#include <inttypes.h>

#define MARKS       600 /* seconds; a lag is told up to there */
#define PROGRESS_MS 5000

/* Where the stream was, a mark a second: how old is what a replica lacks. */
static struct {
    uint64_t offset[MARKS];
    int64_t at_ms[MARKS];
    size_t n; /* ever made */
} marks;

static int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

/* Seconds since the stream went beyond offset. */
static int64_t lag_seconds(uint64_t offset)
{
    size_t oldest = marks.n > MARKS ? marks.n - MARKS : 0;
    if (offset >= repl.effects_end)
        return 0;
    for (size_t i = oldest; i < marks.n; i++)
        if (marks.offset[i % MARKS] > offset)
            return (now_ms() - marks.at_ms[i % MARKS]) / 1000;
    return 0;
}

static void info_replicas(struct buf *out)
{
    uint64_t most = 0;
    int64_t oldest = 0;
    LIST_EACH(it, &repl.clients)
    {
        const struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        uint64_t lacks = r->acked < repl.offset ? repl.offset - r->acked : 0;
        int64_t lag = lag_seconds(r->acked);
        if (!r->psync || r->dump_only)
            continue;
        most = lacks > most ? lacks : most;
        oldest = lag > oldest ? lag : oldest;
    }
    buf_printf(out,
               "orbit_replicas_lag_bytes:%" PRIu64 "\r\norbit_replicas_lag_seconds:%" PRId64 "\r\n",
               most, oldest);
}

/* What has come and is not executed; while the link is down nobody knows what else there is. */
static void info_link(struct buf *out)
{
    bool up = repl_link.state == LINK_UP;
    int64_t since = up ? repl_link.even_ms : repl_link.down_ms;
    int64_t lag = (up && repl_link.in.n == 0) || since == 0 ? 0 : (now_ms() - since) / 1000;
    buf_printf(out, "orbit_master_lag_bytes:%zu\r\norbit_master_lag_seconds:%" PRId64 "\r\n",
               up ? repl_link.in.n : 0, lag);
}

void repl__observe_info(struct buf *out)
{
    const struct rdb_save *dump = repl__dump_running();
    if (lifecycle.following)
        info_link(out);
    info_replicas(out);
    buf_printf(out, "orbit_sync_dump_in_progress:%d\r\n", dump != NULL);
    if (dump)
        buf_printf(out,
                   "orbit_sync_dump_keys:%" PRIuFAST64 "\r\norbit_sync_dump_bytes:%" PRIuFAST64
                   "\r\n",
                   atomic_load(&dump->keys), atomic_load(&dump->bytes));
    if (repl_link.dump.load)
        buf_printf(out, "orbit_sync_loaded_bytes:%" PRIu64 "\r\n", lifecycle.loading_done);
}

static void log_progress(void)
{
    const struct rdb_save *dump = repl__dump_running();
    const struct link_dump *d = &repl_link.dump;
    if (dump)
        log_notice(LOG_SERVER,
                   "Full synchronization: %" PRIuFAST64 " keys, %" PRIuFAST64
                   " bytes of the dump are made",
                   atomic_load(&dump->keys), atomic_load(&dump->bytes));
    if (d->begun)
        log_notice(LOG_SERVER,
                   "MASTER <-> REPLICA sync: %" PRIu64 " bytes have come (of %" PRIu64
                   ", 0: not known), %" PRIu64 " are loaded",
                   d->got, d->total, d->load ? lifecycle.loading_done : 0);
}

void repl__observe_cron(void)
{
    static int64_t marked_ms, told_ms;
    int64_t now = now_ms();
    bool syncs = repl__dump_running() || repl_link.dump.begun;
    if (now - marked_ms >= 1000 && !list_empty(&repl.clients)) {
        marked_ms = now;
        marks.offset[marks.n % MARKS] = repl.effects_end;
        marks.at_ms[marks.n++ % MARKS] = now;
    }
    if (!syncs)
        told_ms = now;
    if (now - told_ms < PROGRESS_MS)
        return;
    told_ms = now;
    log_progress();
}

void repl__observe_anew(void)
{
    marks.n = 0;
}

void repl__observe_took(const char *event, int64_t since_ms)
{
    struct hook_latency l = {.event = event, .us = (now_ms() - since_ms) * 1000};
    hook_run(HOOK_LATENCY, &l);
}
