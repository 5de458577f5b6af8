/* The list of replicas, what they are fed, and what INFO and ROLE tell of them. */
#include "services/replication/replication.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/compat_options.h"
#include "event/crypto.h"
#include "event/loop.h"
#include "keyspace/kv.h"
#include "rdb/rdb_save.h"
#include "services/replication/replica_priv.h"
#include "services/replication/replication_commands.h"
#include "services/replication/replication_priv.h"
#include "session/block.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/info.h"
#include "session/lifecycle.h"
#include "session/reply.h"
#include "session/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct repl repl = {.clients = {&repl.clients, &repl.clients}};

struct repl_client *repl__client(struct session *s)
{
    struct repl_client *r = s->slot[SESS_SLOT_REPLICATION];
    if (!r) {
        r = mem_calloc(1, sizeof *r);
        r->s = s;
        r->fd = -1;
        r->synced = -1;
        s->slot[SESS_SLOT_REPLICATION] = r;
    }
    return r;
}

void repl__send(struct repl_client *r, struct slice bytes)
{
    struct sink *out = r->s->ops->sink(r->s);
    if (bytes.n)
        out->ops->raw(out, bytes);
}

void repl__new_id(bool keep)
{
    unsigned char random[REPL_ID / 2];
    if (!keep)
        repl__observe_anew();
    memcpy(repl.former_id, repl.id, sizeof repl.id);
    repl.former_end = (int64_t)repl.offset + 1;
    if (!keep) {
        memset(repl.former_id, '0', REPL_ID);
        repl.former_end = -1;
    }
    hash_random(random, sizeof random);
    crypto_hex(random, sizeof random, repl.id);
}

void repl__disconnect_all(void)
{
    LIST_EACH_SAFE(it, tmp, &repl.clients)
    session_close(LIST_ENTRY(it, struct repl_client, link)->s, SESS_CLOSE_NOW);
}

void repl__update_stream(void)
{
    bool wanted = repl__backlog_on() && !lifecycle.following;
    if (wanted == kv_streaming(lifecycle.kv))
        return;
    if (wanted)
        repl__position_stream();
    kv_stream(lifecycle.kv, wanted);
    if (!wanted)
        repl__position_void();
}

void replication_begin_anew(void)
{
    repl__disconnect_all();
    repl__new_id(false);
    repl__backlog_drop();
    repl__update_stream();
}

void repl__pump(struct repl_client *r)
{
    const struct session_ops *ops = r->s->ops;
    uint64_t behind = repl__place_behind(&r->place);
    size_t out = ops->output ? ops->output(r->s, behind) : 0;
    while (r->state == REPL_ONLINE && behind > 0 && out < REPL_IN_FLIGHT &&
           !(r->s->flags & SESS_CLOSING)) {
        struct slice bytes = repl__place_bytes(&r->place);
        if (bytes.n > REPL_IN_FLIGHT)
            bytes.n = REPL_IN_FLIGHT;
        r->place.at += bytes.n;
        behind -= bytes.n;
        repl__send(r, bytes);
        out = ops->output ? ops->output(r->s, behind) : 0;
    }
}

void repl__online(struct repl_client *r)
{
    r->state = REPL_ONLINE;
    hook_event(EVENT_REPLICA, 0, NULL);
    repl__pump(r);
}

static void pump_all(void)
{
    LIST_EACH_SAFE(it, tmp, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (repl__place_behind(&r->place) > 0)
            repl__pump(r);
    }
    repl__backlog_trim();
}

void repl__feed(struct slice bytes)
{
    repl.offset += bytes.n;
    repl__backlog_put(bytes);
    pump_all();
}

/* How many count for min-replicas-to-write. */
void repl__count_good(void)
{
    int64_t now_s = clock_wall_ms() / 1000;
    unsigned good = 0;
    LIST_EACH(it, &repl.clients)
    {
        const struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        good += r->state == REPL_ONLINE && now_s - r->acked_s <= compat_opts.min_replicas_max_lag;
    }
    lifecycle.good_replicas = good;
}

/* What keeps the link alive is part of the stream, and so of the log: what it adds to this tick stands from own_from to own_to. */
static size_t own_from, own_to;

static void feed_own(size_t argc, const struct slice *argv)
{
    struct kv *kv = lifecycle.kv;
    if (lifecycle.following || !kv_streaming(kv) || list_empty(&repl.clients))
        return;
    own_from = kv_tick_bytes(kv);
    kv_unit_begin(kv);
    kv_effect(kv, -1, argc, argv);
    kv_unit_end(kv);
    own_to = kv_tick_bytes(kv);
}

static void on_committed(void *arg)
{
    size_t n = ((const struct slice *)arg)->n;
    if (lifecycle.following)
        return;
    /* Nobody has to acknowledge that he was asked. */
    if (own_to != n)
        repl.effects_end = repl.offset + n;
    else if (own_from > 0)
        repl.effects_end = repl.offset + own_from;
    own_from = own_to = 0;
    repl__feed(*(const struct slice *)arg);
}

static void on_tick_committed(void *arg)
{
    if (kv_tick_bytes(lifecycle.kv) == 0)
        repl__wait_committed();
    failover__check();
    pump_all();
}

/* Asks the replicas how far they are, behind what is about to be committed. Not during CLIENT PAUSE: the stream must stand still. */
static void ask(void)
{
    static const struct slice getack[] = {SLICE("REPLCONF"), SLICE("GETACK"), SLICE("*")};
    bool wanted = repl.ask_paused || (repl.ask && pause_mode() == PAUSE_OFF);
    if (!wanted || dispatch_depth() > 0)
        return;
    repl.ask = repl.ask_paused = false;
    feed_own(COUNT_OF(getack), getack);
}

static void on_tick(void *arg)
{
    replica__stream_note();
    ask();
    repl__wait_check();
}

/* DEBUG REPLICATE: of the stream, and not of the log. */
static void on_replicate(void *arg)
{
    const struct hook_words *words = arg;
    struct buf bytes = BUF_INIT;
    resp_put_command(&bytes, words->argc, words->argv);
    if (!lifecycle.following)
        repl__feed(buf_slice(&bytes));
    buf_free(&bytes);
    replication_log_changed();
}

/* A replica that has not said anything for repl-timeout is gone. SYNC's clients never say anything. */
static void drop_silent(void)
{
    int64_t now_s = clock_wall_ms() / 1000, now_ms = clock_mono_us() / 1000;
    LIST_EACH_SAFE(it, tmp, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        bool streams = r->state == REPL_STREAMS || r->state == REPL_SENDS;
        bool silent =
            r->state == REPL_ONLINE && r->psync && now_s - r->acked_s > compat_opts.repl_timeout;
        bool stuck = streams && now_ms - r->moved_ms > compat_opts.repl_timeout * 1000;
        if (!silent && !stuck)
            continue;
        log_warning(LOG_SERVER, "Disconnecting timedout replica (%s sync)",
                    stuck ? "full" : "streaming");
        session_close(r->s, SESS_CLOSE_NOW);
    }
}

/* Without a replica for long enough nobody will come back for what the backlog has. The stream ends, so its name does. */
static void drop_backlog(int64_t now_ms)
{
    if (!repl__backlog_on() || !list_empty(&repl.clients) || lifecycle.following ||
        compat_opts.repl_backlog_ttl == 0 ||
        now_ms - repl.alone_ms < compat_opts.repl_backlog_ttl * 1000)
        return;
    repl__new_id(false);
    repl__backlog_drop();
    repl__update_stream();
    log_notice(LOG_SERVER,
               "The replication backlog is freed: there was no replica for %" PRId64 " seconds",
               compat_opts.repl_backlog_ttl);
}

/* Replicas take a master that is silent for one that is gone: those online get a PING now and then, the others an empty line. */
static void on_cron(void *arg)
{
    static const struct slice ping[] = {SLICE("PING")};
    static int64_t line_ms;
    int64_t now_ms = clock_mono_us() / 1000;
    replica__cron();
    repl__observe_cron();
    drop_backlog(now_ms);
    kv_keep_log(lifecycle.kv, kv_streaming(lifecycle.kv) ? repl__backlog_size() : 0);
    if (list_empty(&repl.clients) || now_ms - line_ms < 1000)
        return;
    line_ms = now_ms;
    repl__count_good();
    drop_silent();
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state == REPL_WAITS || r->state == REPL_DUMPS)
            repl__send(r, SLICE("\n"));
    }
    if (!lifecycle.following && pause_mode() == PAUSE_OFF &&
        now_ms - repl.pinged_ms >= (int64_t)compat_opts.repl_ping_replica_period * 1000) {
        repl.pinged_ms = now_ms;
        feed_own(COUNT_OF(ping), ping);
    }
}

/* A dump of what was deleted is worth nothing. */
static void on_flushed(void *arg)
{
    const struct hook_key *f = arg;
    if (f->db == -1)
        repl__dump_stop("the data set was flushed");
}

static void on_close(void *arg)
{
    struct session *s = arg;
    struct repl_client *r = s->slot[SESS_SLOT_REPLICATION];
    if (!r)
        return;
    s->slot[SESS_SLOT_REPLICATION] = NULL;
    if (list_linked(&r->link)) {
        list_remove(&r->link);
        lifecycle.replicas--;
    }
    if (r->state == REPL_ONLINE)
        hook_event(EVENT_REPLICA, 1, NULL);
    repl__dump_forget(r);
    repl__place_drop(&r->place);
    mem_free(r);
    repl.alone_ms = clock_mono_us() / 1000;
    repl__count_good();
}

/* -- INFO and ROLE ------------------------------------------------------------------------------------------------------- */

static const char *state_word(const struct repl_client *r)
{
    switch (r->state) {
    case REPL_WAITS:
    case REPL_DUMPS:
    case REPL_STREAMS:
        return "wait_bgsave";
    case REPL_SENDS:
        return "send_bulk";
    case REPL_HAS_DUMP:
        return "rdb_transmitted";
    case REPL_LOADS:
    case REPL_ONLINE:
        break;
    }
    return "online";
}

void repl__address(const struct repl_client *r, char *out, size_t cap)
{
    struct sess_peer peer = {.addr = ""};
    if (r->ip[0]) {
        snprintf(out, cap, "%s", r->ip);
        return;
    }
    r->s->ops->peer(r->s, &peer);
    char *colon = strrchr(peer.addr, ':');
    if (colon)
        *colon = 0;
    snprintf(out, cap, "%s", peer.addr);
}

static void info_replication(struct buf *out)
{
    buf_printf(out, "role:%s\r\n", lifecycle.following ? "slave" : "master");
    if (lifecycle.following)
        replica__info(out);
    buf_printf(out, "connected_slaves:%zu\r\n", lifecycle.replicas);
    if (compat_opts.min_replicas_to_write && compat_opts.min_replicas_max_lag)
        buf_printf(out, "min_slaves_good_slaves:%u\r\n", lifecycle.good_replicas);
    int i = 0;
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        char ip[128];
        repl__address(r, ip, sizeof ip);
        int64_t lag = r->acked_s ? clock_wall_ms() / 1000 - r->acked_s : 0;
        buf_printf(out, "slave%d:ip=%s,port=%d,state=%s,offset=%" PRIu64 ",lag=%" PRId64 "\r\n",
                   i++, ip, r->port, state_word(r), r->acked, lag);
    }
    buf_printf(out,
               "master_failover_state:%s\r\nmaster_replid:%s\r\nmaster_replid2:%s\r\n"
               "master_repl_offset:%" PRIu64 "\r\nsecond_repl_offset:%" PRId64 "\r\n",
               failover__word(), repl.id, repl.former_id, repl.offset, repl.former_end);
    repl__backlog_info(out);
    repl__observe_info(out);
}

static void info_stats(struct buf *out)
{
    buf_printf(out,
               "sync_full:%" PRIu64 "\r\nsync_partial_ok:%" PRIu64 "\r\nsync_partial_err:%" PRIu64
               "\r\n",
               sess_stats.sync_full, sess_stats.sync_partial_ok, sess_stats.sync_partial_err);
}

/* One memory for all of them: what is above the backlog's size is there for replicas that are behind. */
static void info_memory(struct buf *out)
{
    uint64_t all = repl__backlog_bytes(), backlog = all;
    if (!list_empty(&repl.clients) && backlog > (uint64_t)compat_opts.repl_backlog_size)
        backlog = (uint64_t)compat_opts.repl_backlog_size;
    buf_printf(
        out, "mem_replication_backlog:%" PRIu64 "\r\nmem_total_replication_buffers:%" PRIu64 "\r\n",
        backlog, all);
}

void cmd_role(struct call *c)
{
    size_t n = 0;
    if (lifecycle.following) {
        replica__role(c);
        return;
    }
    reply_array(c, 3);
    reply_str(c, "master");
    reply_int(c, (int64_t)repl.offset);
    size_t token = reply_begin(c);
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        char ip[128];
        if (r->state != REPL_ONLINE)
            continue;
        repl__address(r, ip, sizeof ip);
        reply_array(c, 3);
        reply_str(c, ip);
        reply_bulkf(c, "%d", r->port);
        reply_bulkf(c, "%" PRIu64, r->acked);
        n++;
    }
    reply_end(c, token, SINK_ARRAY, n);
}

/* -- Shutdown ------------------------------------------------------------------------------------------------------------ */

bool replication_caught_up(void)
{
    if (list_empty(&repl.clients))
        return true;
    LIST_EACH(it, &repl.clients)
    {
        if (LIST_ENTRY(it, struct repl_client, link)->acked != repl.offset)
            return false;
    }
    return kv_tick_bytes(lifecycle.kv) == 0;
}

void replication_ask(void)
{
    repl.ask_paused = !lifecycle.following;
}

void replication_log_lag(void)
{
    size_t all = 0, lagging = 0;
    LIST_EACH(it, &repl.clients)
    {
        const struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        char ip[128];
        all++;
        if (r->acked == repl.offset)
            continue;
        lagging++;
        repl__address(r, ip, sizeof ip);
        log_notice(LOG_SERVER, "Lagging replica %s:%d (%s) is %" PRIu64 " bytes behind", ip,
                   r->port, state_word(r), repl.offset - r->acked);
    }
    if (all)
        log_notice(LOG_SERVER, "%zu of %zu replicas are in sync when shutting down.", all - lagging,
                   all);
}

void repl__note_in_dump(struct rdb_save *dump)
{
    if (!repl.known || kv_tick_bytes(lifecycle.kv) > 0)
        return;
    memcpy(dump->stream_id, repl.id, sizeof dump->stream_id);
    dump->stream_offset = repl.offset;
    dump->stream_db = lifecycle.following ? repl_link.db : 0;
    /* What comes next names its database. */
    if (kv_streaming(lifecycle.kv))
        kv_stream(lifecycle.kv, true);
}

static void on_dump(void *arg)
{
    if (lifecycle.following || repl__backlog_on())
        repl__note_in_dump(arg);
}

void replication_start(void)
{
    hook_add(HOOK_COMMITTED, on_committed);
    hook_add(HOOK_REPLICATE, on_replicate);
    hook_add(HOOK_SESSION_CLOSE, on_close);
    hook_add(HOOK_CRON, on_cron);
    hook_add(HOOK_FLUSHED, on_flushed);
    info_register("replication", info_replication);
    info_register("stats", info_stats);
    info_register("memory", info_memory);
    hook_add(HOOK_TICK, on_tick);
    hook_add(HOOK_DUMP, on_dump);
    replica__start();
}

void replication_end(void)
{
    repl__dump_stop("the server stops");
}

void replication_begin(void)
{
    loop_on_tick(lifecycle.loop, LOOP_PRIO_COMMITTED, on_tick_committed, NULL);
    replica__begin();
}
