/* ACL LOG: the latest refusals, newest first; alike ones within a minute count as one. */
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "session/acl_priv.h"
#include "session/call.h"
#include "session/hooks.h"
#include "session/session.h"
#include "session/session_options.h"

#include <inttypes.h>

#define ALIKE_MS    60000 /* refusals this far apart may be alike */
#define ALIKE_DEPTH 10    /* only the newest entries are compared */

struct node {
    struct list_node link;
    struct acl_log_entry entry;
};

static struct list_node log_head = {&log_head, &log_head};
static size_t log_count;
static uint64_t next_id;
static void (*describe_client)(struct buf *out, struct session *s);
struct acl_stats acl_stats;

void acl_on_describe_client(void (*fn)(struct buf *out, struct session *s))
{
    describe_client = fn;
}

static void free_node(struct node *n)
{
    list_remove(&n->link);
    log_count--;
    buf_free(&n->entry.object);
    buf_free(&n->entry.username);
    buf_free(&n->entry.client);
    mem_free(n);
}

static void trim(size_t max)
{
    while (log_count > max)
        free_node(LIST_ENTRY(log_head.prev, struct node, link));
}

void acl_log_clear(void)
{
    trim(0);
}

const struct acl_log_entry *acl_log_entry(size_t i)
{
    if (i >= log_count)
        return NULL;
    struct list_node *at = log_head.next;
    while (i--)
        at = at->next;
    return &LIST_ENTRY(at, struct node, link)->entry;
}

const char *acl_verdict_name(enum acl_verdict v)
{
    switch (v) {
    case ACL_DENIED_CMD:
        return "command";
    case ACL_DENIED_KEY:
        return "key";
    case ACL_DENIED_CHANNEL:
        return "channel";
    case ACL_DENIED_AUTH:
        return "auth";
    case ACL_OK:
        break;
    }
    return "unknown";
}

const char *acl_context_name(enum acl_context c)
{
    switch (c) {
    case ACL_CONTEXT_TOPLEVEL:
        return "toplevel";
    case ACL_CONTEXT_MULTI:
        return "multi";
    case ACL_CONTEXT_SCRIPT:
        return "lua";
    case ACL_CONTEXT_MODULE:
        return "module";
    }
    return "unknown";
}

static void count(enum acl_verdict v)
{
    switch (v) {
    case ACL_DENIED_CMD:
        acl_stats.denied_cmd++;
        break;
    case ACL_DENIED_KEY:
        acl_stats.denied_key++;
        break;
    case ACL_DENIED_CHANNEL:
        acl_stats.denied_channel++;
        break;
    case ACL_DENIED_AUTH:
        acl_stats.denied_auth++;
        break;
    case ACL_OK:
        break;
    }
}

static struct node *find_alike(enum acl_verdict v, enum acl_context context, struct slice object,
                               struct slice username, int64_t now)
{
    int left = ALIKE_DEPTH;
    LIST_EACH(it, &log_head)
    {
        if (left-- == 0)
            break;
        struct node *n = LIST_ENTRY(it, struct node, link);
        const struct acl_log_entry *e = &n->entry;
        if (e->reason == v && e->context == context && now - e->updated_ms <= ALIKE_MS &&
            slice_eq(buf_slice(&e->object), object) && slice_eq(buf_slice(&e->username), username))
            return n;
    }
    return NULL;
}

void acl_log_add(struct session *s, enum acl_verdict v, enum acl_context context,
                 struct slice object, struct slice username)
{
    count(v);
    int64_t now = clock_cached_ms();
    struct node *old = find_alike(v, context, object, username, now);
    struct node *n = mem_calloc(1, sizeof(*n));
    list_push_front(&log_head, &n->link);
    log_count++;
    struct acl_log_entry *e = &n->entry;
    if (old) {
        *e = old->entry;
        list_remove(&old->link);
        log_count--;
        mem_free(old);
        buf_clear(&e->client);
    } else {
        e->id = next_id++;
        e->reason = v;
        e->context = context;
        e->created_ms = now;
        buf_put_slice(&e->object, object);
        buf_put_slice(&e->username, username);
    }
    e->count++;
    e->updated_ms = now;
    if (describe_client)
        describe_client(&e->client, s);
    trim((size_t)session_opts.acllog_max_len);
}

void acl__log(struct call *c, enum acl_verdict v, struct slice object, struct slice username)
{
    enum acl_context context = ACL_CONTEXT_TOPLEVEL;
    if (c->in_script)
        context = ACL_CONTEXT_SCRIPT;
    else if (c->in_exec || (c->s->flags & SESS_MULTI))
        context = ACL_CONTEXT_MULTI;
    /* What a module has others do is told of the client that has called the module. */
    struct session *outer = (c->s->flags & SESS_NESTED) ? session_current() : NULL;
    acl_log_add(outer ? outer : c->s, v, context, object, username);
}

void acl__info(struct buf *out)
{
    buf_printf(out,
               "acl_access_denied_auth:%" PRIu64 "\r\nacl_access_denied_cmd:%" PRIu64
               "\r\nacl_access_denied_key:%" PRIu64 "\r\nacl_access_denied_channel:%" PRIu64 "\r\n",
               acl_stats.denied_auth, acl_stats.denied_cmd, acl_stats.denied_key,
               acl_stats.denied_channel);
}
