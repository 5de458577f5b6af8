/* The list of replicas, what they are fed, and what INFO and ROLE tell of them. */
#include "services/replication/replication.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/compat_options.h"
#include "event/crypto.h"
#include "event/event_options.h"
#include "keyspace/kv.h"
#include "services/replication/replication_commands.h"
#include "services/replication/replication_priv.h"
#include "session/hooks.h"
#include "session/info.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t repl_full, repl_partial_ok, repl_partial_err;
struct repl repl = {.clients = {&repl.clients, &repl.clients}};

struct repl_client *repl__client(struct session *s)
{
    struct repl_client *r = s->slot[SESS_SLOT_REPLICATION];
    if (!r) {
        r = mem_calloc(1, sizeof *r);
        r->s = s;
        r->fd = -1;
        s->slot[SESS_SLOT_REPLICATION] = r;
    }
    return r;
}

size_t repl__count(void)
{
    size_t n = 0;
    LIST_EACH(it, &repl.clients)
    n++;
    return n;
}

void repl__send(struct repl_client *r, struct slice bytes)
{
    struct sink *out = r->s->ops->sink(r->s);
    if (bytes.n)
        out->ops->raw(out, bytes);
}

void repl__relay(struct slice bytes)
{
    repl.offset += bytes.n;
    repl__backlog_put(bytes);
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state == REPL_ONLINE)
            repl__send(r, bytes);
        else if ((r->state == REPL_DUMPS || r->state == REPL_SENDS) && !r->dump_only)
            buf_put_slice(&r->later, bytes);
    }
}

void repl__drop_clients(void)
{
    LIST_EACH(it, &repl.clients)
    session_close(LIST_ENTRY(it, struct repl_client, link)->s, SESS_CLOSE_NOW);
    repl__backlog_end();
    repl__backlog_begin();
}

static void new_id(char out[41])
{
    unsigned char random[20];
    hash_random(random, sizeof random);
    crypto_hex(random, sizeof random, out);
}

void repl__change_id(const char *id)
{
    memcpy(repl.id2, repl.id, sizeof repl.id2);
    repl.second_offset = (int64_t)repl.offset + 1;
    if (id)
        snprintf(repl.id, sizeof repl.id, "%s", id);
    else
        new_id(repl.id);
}

void repl__no_second_id(void)
{
    memset(repl.id2, '0', sizeof repl.id2 - 1);
    repl.second_offset = -1;
}

int repl__listen_port(void)
{
    return (int)event_opts.port;
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

bool repl__continue(struct repl_client *r, struct slice id, int64_t offset)
{
    struct slice missed;
    char text[64];
    bool first = slice_eq(id, slice_str(repl.id));
    bool second = slice_eq(id, slice_str(repl.id2)) && offset <= repl.second_offset;
    if (offset < 1 || (!first && !second) || !repl__backlog_since((uint64_t)offset - 1, &missed))
        return false;
    int n = snprintf(text, sizeof text, "+CONTINUE %s\r\n", repl.id);
    repl__send(r, slice_make(text, (size_t)n));
    repl__send(r, missed);
    r->state = REPL_ONLINE;
    r->acked_s = clock_wall_ms() / 1000;
    repl_partial_ok++;
    repl__count_good();
    log_notice(LOG_SERVER, "Partial resynchronization request accepted");
    return true;
}

static void on_committed(void *arg)
{
    if (!lifecycle.following) /* a replica passes on its master's bytes */
        repl__relay(*(const struct slice *)arg);
}

/* Replicas take a master that is silent for one that is gone: those online get a PING now and then, the others an empty line. */
static void keep_alive(int64_t now_ms)
{
    static const struct slice ping = {"*1\r\n$4\r\nPING\r\n", 14};
    int64_t now_s = clock_wall_ms() / 1000;
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state == REPL_WAITS || r->state == REPL_DUMPS)
            repl__send(r, SLICE("\n"));
        else if (r->state == REPL_ONLINE && r->psync &&
                 now_s - r->acked_s > compat_opts.repl_timeout)
            session_close(r->s, SESS_CLOSE_NOW);
    }
    if (!lifecycle.following &&
        now_ms - repl.pinged_ms >= (int64_t)compat_opts.repl_ping_replica_period * 1000) {
        repl.pinged_ms = now_ms;
        repl__relay(ping);
    }
}

void replication_begin(void)
{
    char host[256];
    int port;
    if (sscanf(compat_replicaof, "%255s %d", host, &port) == 2)
        repl__follow(slice_str(host), port);
}

static void on_cron(void *arg)
{
    static int64_t line_ms;
    int64_t now_ms = clock_mono_us() / 1000;
    if (now_ms - line_ms < 1000)
        return;
    line_ms = now_ms;
    repl__link_cron();
    if (!list_empty(&repl.clients)) {
        repl__count_good();
        keep_alive(now_ms);
    } else if (repl__backlog_active() && !lifecycle.following && compat_opts.repl_backlog_ttl > 0 &&
               now_ms - repl.alone_since_ms > compat_opts.repl_backlog_ttl * 1000) {
        repl__backlog_end();
        kv_stream(lifecycle.kv, false);
        repl__change_id(NULL);
        repl__no_second_id();
    }
}

static void on_close(void *arg)
{
    struct session *s = arg;
    struct repl_client *r = s->slot[SESS_SLOT_REPLICATION];
    if (!r)
        return;
    s->slot[SESS_SLOT_REPLICATION] = NULL;
    if (list_linked(&r->link))
        list_remove(&r->link);
    repl__dump_forget(r);
    buf_free(&r->later);
    mem_free(r);
    repl.alone_since_ms = clock_mono_us() / 1000;
    repl__count_good();
}

/* -- INFO and ROLE ------------------------------------------------------------------------------------------------------- */

static const char *state_word(const struct repl_client *r)
{
    switch (r->state) {
    case REPL_WAITS:
    case REPL_DUMPS:
        return "wait_bgsave";
    case REPL_SENDS:
        return "send_bulk";
    case REPL_HAS_DUMP:
        return "rdb_transmitted";
    case REPL_ONLINE:
        break;
    }
    return "online";
}

/* The address that the replica gave, or the connection's without its port. */
static void address_of(const struct repl_client *r, char *out, size_t cap)
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
        repl__link_info(out);
    buf_printf(out, "connected_slaves:%zu\r\n", repl__count());
    if (compat_opts.min_replicas_to_write > 0 && compat_opts.min_replicas_max_lag > 0)
        buf_printf(out, "min_slaves_good_slaves:%u\r\n", lifecycle.good_replicas);
    int i = 0;
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        char ip[128];
        address_of(r, ip, sizeof ip);
        int64_t lag = r->acked_s ? clock_wall_ms() / 1000 - r->acked_s : 0;
        buf_printf(out, "slave%d:ip=%s,port=%d,state=%s,offset=%" PRIu64 ",lag=%" PRId64 "\r\n",
                   i++, ip, r->port, state_word(r), r->acked, lag);
    }
    buf_printf(out,
               "master_failover_state:no-failover\r\nmaster_replid:%s\r\nmaster_replid2:%s\r\n"
               "master_repl_offset:%" PRIu64 "\r\nsecond_repl_offset:%" PRId64 "\r\n",
               repl.id, repl.id2, repl.offset, repl.second_offset);
    repl__backlog_info(out);
}

static void info_stats(struct buf *out)
{
    buf_printf(out,
               "sync_full:%" PRIu64 "\r\nsync_partial_ok:%" PRIu64 "\r\nsync_partial_err:%" PRIu64
               "\r\n",
               repl_full, repl_partial_ok, repl_partial_err);
}

static void role_of_replica(struct call *c)
{
    const char *host;
    int port;
    const char *state = repl__link_role(&host, &port);
    reply_array(c, 5);
    reply_str(c, "slave");
    reply_str(c, host);
    reply_int(c, port);
    reply_str(c, state);
    reply_int(c, lifecycle.master_up ? (int64_t)repl.offset : -1);
}

void cmd_role(struct call *c)
{
    size_t n = 0;
    if (lifecycle.following) {
        role_of_replica(c);
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
        address_of(r, ip, sizeof ip);
        reply_array(c, 3);
        reply_str(c, ip);
        reply_bulkf(c, "%d", r->port);
        reply_bulkf(c, "%" PRIu64, r->acked);
        n++;
    }
    reply_end(c, token, SINK_ARRAY, n);
}

void replication_start(void)
{
    hook_add(HOOK_COMMITTED, on_committed);
    hook_add(HOOK_SESSION_CLOSE, on_close);
    hook_add(HOOK_CRON, on_cron);
    info_register("replication", info_replication);
    info_register("stats", info_stats);
    new_id(repl.id);
    repl__no_second_id();
}
