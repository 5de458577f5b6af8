/* How one client reads in CLIENT LIST and CLIENT INFO. */
#include "base/clock.h"
#include "commands/connection/client_priv.h"
#include "session/acl.h"
#include "session/command.h"
#include "session/multi.h"

#include <inttypes.h>

bool client__name_ok(struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] < '!' || name.p[i] > '~')
            return false;
    return true;
}

void client__set(struct buf *to, struct slice value)
{
    buf_free(to);
    buf_put_slice(to, value);
}

bool client__type_parse(struct slice word, enum client_type *type)
{
    static const struct {
        const char *name;
        enum client_type type;
    } names[] = {
        {"normal", CLIENT_TYPE_NORMAL},   {"slave", CLIENT_TYPE_REPLICA},
        {"replica", CLIENT_TYPE_REPLICA}, {"master", CLIENT_TYPE_MASTER},
        {"pubsub", CLIENT_TYPE_PUBSUB},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (slice_is(word, names[i].name)) {
            *type = names[i].type;
            return true;
        }
    return false;
}

enum client_type client__type(const struct session *s)
{
    if (s->flags & SESS_MASTER)
        return CLIENT_TYPE_MASTER;
    if ((s->flags & SESS_REPLICA) && !(s->flags & SESS_MONITOR))
        return CLIENT_TYPE_REPLICA;
    return s->flags & SESS_PUBSUB ? CLIENT_TYPE_PUBSUB : CLIENT_TYPE_NORMAL;
}

static void put_flags(struct buf *out, const struct session *s)
{
    static const struct {
        uint32_t flags;
        char letter;
    } letters[] = {
        {SESS_REPLICA, 'S'},
        {SESS_MASTER, 'M'},
        {SESS_MONITOR, 'O'},
        {SESS_PUBSUB, 'P'},
        {SESS_MULTI, 'x'},
        {SESS_BLOCKED, 'b'},
        {SESS_POSTPONED, 'b'},
        {SESS_TRACKING, 't'},
        {SESS_TRACKING_BROKEN, 'R'},
        {SESS_TRACKING_BCAST, 'B'},
        {SESS_DIRTY_CAS, 'd'},
        {SESS_CLOSE_AFTER_REPLY_SET, 'c'},
        {SESS_UNIX, 'U'},
        {SESS_READONLY_CLUSTER, 'r'},
        {SESS_NO_EVICT, 'e'},
        {SESS_NO_TOUCH, 'T'},
    };
    size_t start = out->n;
    for (size_t i = 0; i < COUNT_OF(letters); i++)
        if (s->flags & letters[i].flags)
            buf_put_byte(out, (uint8_t)letters[i].letter);
    if (out->n == start)
        buf_put_byte(out, 'N');
}

static void put_memory(struct buf *out, struct session *s, const struct sess_peer *peer)
{
    size_t multi = multi_bytes(s);
    buf_printf(out,
               " qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu rbs=%zu rbp=%zu obl=%zu oll=%zu "
               "omem=%zu tot-mem=%zu",
               peer->qbuf, peer->qbuf_free, peer->argv_mem, multi, peer->rbs, peer->rbp, peer->obl,
               peer->oll, peer->omem, peer->tot_mem);
}

void client__line(struct buf *out, struct session *s)
{
    struct sess_peer peer = {.fd = -1};
    s->ops->peer(s, &peer);
    int64_t now = clock_cached_ms();
    struct slice user = acl_name(s->user);
    buf_printf(out,
               "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%.*s age=%" PRId64 " idle=%" PRId64
               " flags=",
               s->id, peer.addr, peer.laddr, peer.fd, SLICE_FMT(buf_slice(&s->name)),
               (now - s->created_ms) / 1000, (now - s->active_ms) / 1000);
    put_flags(out, s);
    buf_printf(out, " db=%d sub=%u psub=%u ssub=%u multi=%lld", s->db, s->subs, s->psubs, s->ssubs,
               s->flags & SESS_MULTI ? (long long)multi_count(s) : -1LL);
    put_memory(out, s, &peer);
    buf_printf(out, " events=%s cmd=%s user=%.*s redir=%lld resp=%d lib-name=%.*s lib-ver=%.*s",
               peer.events, s->last_cmd ? s->last_cmd->fullname : "NULL", SLICE_FMT(user),
               s->flags & SESS_TRACKING ? (long long)s->redirect : -1LL, s->resp,
               SLICE_FMT(buf_slice(&s->lib_name)), SLICE_FMT(buf_slice(&s->lib_ver)));
}
