/* The registry of sessions and their life. */
#include "session/session.h"

#include "base/clock.h"
#include "base/dict.h"
#include "base/mem.h"
#include "session/acl.h"
#include "session/hooks.h"
#include "session/multi.h"
#include "session/session_priv.h"
#include "session/sink_null.h"
#include "session/stats.h"

static struct list_node sessions = {&sessions, &sessions};
static struct dict *by_id;
static size_t connected;
static uint64_t last_id;

static struct slice id_key(const uint64_t *id)
{
    return slice_make(id, sizeof *id);
}

static struct session *make(struct kv *kv, const struct session_ops *ops, void *conn)
{
    struct session *s = mem_calloc(1, sizeof *s);
    s->id = ++last_id;
    s->ops = ops;
    s->conn = conn;
    s->kv = kv;
    s->resp = 2;
    s->created_ms = s->active_ms = clock_cached_ms();
    list_init(&s->watches);
    return s;
}

struct session *session_new(struct kv *kv, const struct session_ops *ops, void *conn)
{
    struct session *s = make(kv, ops, conn);
    acl_attach(s);
    if (!by_id)
        by_id = dict_new(0, NULL);
    dict_set(by_id, id_key(&s->id), s);
    list_push(&sessions, &s->link);
    connected++;
    sess_stats.sessions++;
    return s;
}

static struct sink *internal_sink(struct session *s)
{
    return sink_null();
}

static void internal_nothing(struct session *s)
{
}

static void internal_close(struct session *s, enum sess_close how)
{
}

static void internal_peer(struct session *s, struct sess_peer *out)
{
    *out = (struct sess_peer){.addr = "internal:0", .laddr = "internal:0", .fd = -1};
}

static void internal_set_resp(struct session *s, int version)
{
}

static void internal_set_reply(struct session *s, bool on)
{
}

static bool internal_tls_user(struct session *s, struct buf *out)
{
    return false;
}

static const struct session_ops internal_ops = {
    .sink = internal_sink,
    .close = internal_close,
    .peer = internal_peer,
    .resume = internal_nothing,
    .set_resp = internal_set_resp,
    .set_reply = internal_set_reply,
    .tls_user = internal_tls_user,
};

struct session *session_new_internal(struct kv *kv)
{
    struct session *s = make(kv, &internal_ops, NULL);
    s->user = acl_root();
    s->flags = SESS_INTERNAL | SESS_AUTHENTICATED | SESS_DENY_BLOCKING;
    return s;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    hook_run(HOOK_SESSION_CLOSE, s);
    multi__free(s);
    multi_unwatch(s);
    block__drop(s);
    if (!(s->flags & SESS_INTERNAL)) {
        dict_take(by_id, id_key(&s->id));
        list_remove(&s->link);
        connected--;
    }
    buf_free(&s->name);
    buf_free(&s->lib_name);
    buf_free(&s->lib_ver);
    mem_free(s);
}

struct session *session_by_id(uint64_t id)
{
    return by_id ? dict_get(by_id, id_key(&id)) : NULL;
}

size_t session_count(void)
{
    return connected;
}

struct list_node *session_list(void)
{
    return &sessions;
}

void session_close(struct session *s, enum sess_close how)
{
    if (how == SESS_CLOSE_NOW)
        s->flags |= SESS_CLOSING;
    else
        s->flags |= SESS_CLOSE_AFTER_REPLY_SET;
    s->ops->close(s, how);
}

size_t session_bytes(const struct session *s)
{
    return sizeof *s + s->name.cap + s->lib_name.cap + s->lib_ver.cap + multi_bytes(s) +
           s->kept_bytes;
}

void session_reset(struct session *s)
{
    hook_run(HOOK_SESSION_RESET, s);
    if (s->flags & SESS_MULTI)
        multi_discard(s);
    multi_unwatch(s);
    s->flags &= ~(uint32_t)SESS_AUTHENTICATED;
    acl_attach(s);
    s->db = 0;
    s->resp = 2;
    s->ops->set_resp(s, 2);
    buf_free(&s->name);
    s->flags &= ~(uint32_t)(SESS_NO_EVICT | SESS_NO_TOUCH | SESS_REPLY_OFF | SESS_REPLY_SKIP |
                            SESS_REPLY_SKIP_NEXT | SESS_READONLY_CLUSTER | SESS_DIRTY_CAS |
                            SESS_DIRTY_EXEC);
    s->ops->set_reply(s, true);
}

size_t session_memory(void)
{
    size_t total = 0;
    LIST_EACH(it, session_list())
    {
        struct session *s = LIST_ENTRY(it, struct session, link);
        struct sess_peer peer = {.tot_mem = 0};
        if (s->flags & SESS_REPLICA)
            continue;
        s->ops->peer(s, &peer);
        total += peer.tot_mem;
    }
    return total;
}
