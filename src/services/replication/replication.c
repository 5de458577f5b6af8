/* The list of replicas, what they are fed, and what INFO and ROLE tell of them. */
#include "services/replication/replication.h"

#include "base/clock.h"
#include "base/mem.h"
#include "config/compat_options.h"
#include "event/loop.h"
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

void repl__feed(struct slice bytes)
{
    repl.offset += bytes.n;
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state == REPL_ONLINE)
            repl__send(r, bytes);
        else if ((r->state == REPL_DUMPS || r->state == REPL_SENDS) && !r->dump_only)
            buf_put_slice(&r->later, bytes);
    }
}

/* How many count for min-replicas-to-write. */
static void count_good(void)
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

static void on_committed(void *arg)
{
    repl__feed(*(const struct slice *)arg);
}

/* Replicas take a master that is silent for one that is gone: those online get a PING now and then, the others an empty line. */
static void on_cron(void *arg)
{
    static const struct slice ping = {"*1\r\n$4\r\nPING\r\n", 14};
    static int64_t line_ms;
    int64_t now_ms = clock_mono_us() / 1000;
    if (list_empty(&repl.clients) || now_ms - line_ms < 1000)
        return;
    line_ms = now_ms;
    count_good();
    LIST_EACH(it, &repl.clients)
    {
        struct repl_client *r = LIST_ENTRY(it, struct repl_client, link);
        if (r->state == REPL_WAITS || r->state == REPL_DUMPS)
            repl__send(r, SLICE("\n"));
    }
    if (now_ms - repl.pinged_ms >= (int64_t)compat_opts.repl_ping_replica_period * 1000) {
        repl.pinged_ms = now_ms;
        repl__feed(ping);
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
    if (list_empty(&repl.clients) && lifecycle.kv)
        kv_stream(lifecycle.kv, false);
    count_good();
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
    buf_printf(out, "role:master\r\nconnected_slaves:%zu\r\n", repl__count());
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
               "master_failover_state:no-failover\r\nmaster_replid:%s\r\n"
               "master_replid2:0000000000000000000000000000000000000000\r\n"
               "master_repl_offset:%" PRIu64 "\r\nsecond_repl_offset:-1\r\n"
               "repl_backlog_active:0\r\nrepl_backlog_size:0\r\n"
               "repl_backlog_first_byte_offset:0\r\nrepl_backlog_histlen:0\r\n",
               lifecycle.run_id, repl.offset);
}

void cmd_role(struct call *c)
{
    size_t n = 0;
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
}
