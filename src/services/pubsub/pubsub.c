/* Topics and their subscribers.
 *
 *   topics[kind]: name -> topic -> sub -> sub -> ...      in the order of subscription
 *                                   |      |
 *   session slot: per kind        name -> sub             to find one, and in order
 *
 * A sub stands in both; the topic goes with its last sub. */
#include "services/pubsub/pubsub.h"

#include "base/buf.h"
#include "base/dict.h"
#include "base/glob.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/num.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/notify.h"
#include "services/pubsub/pubsub_priv.h"
#include "session/acl.h"
#include "session/hooks.h"
#include "session/info.h"
#include "session/session.h"

#include <inttypes.h>
#include <stdio.h>

struct topic {
    struct list_node subs;
    size_t count;
    struct slice name; /* behind the struct */
};

struct sub {
    struct list_node in_topic, in_session;
    struct topic *topic;
    struct session *s;
};

struct subscriptions {
    struct dict *by_name; /* NULL: none */
    struct list_node order;
};

struct client {
    struct subscriptions kind[PUBSUB_KINDS];
};

static struct dict *topics[PUBSUB_KINDS];

/* Messages to the running session, held back until its command is over: what a sink would be told, in a row. */
struct held {
    enum pubsub_kind kind;
    struct slice pattern, channel, message; /* one allocation, behind the struct */
    struct list_node link;
};
static struct list_node held = {&held, &held};
static struct session *held_for;

/* -- Subscriptions --------------------------------------------------------------------------- */

static struct subscriptions *subscriptions(const struct session *s, enum pubsub_kind kind)
{
    struct client *c = s->slot[SESS_SLOT_PUBSUB];
    return c ? &c->kind[kind] : NULL;
}

static unsigned *counter(struct session *s, enum pubsub_kind kind)
{
    switch (kind) {
    case PUBSUB_CHANNEL:
        return &s->subs;
    case PUBSUB_PATTERN:
        return &s->psubs;
    case PUBSUB_SHARD:
    case PUBSUB_KINDS:
        break;
    }
    return &s->ssubs;
}

static void update_flag(struct session *s)
{
    if (s->subs + s->psubs + s->ssubs)
        s->flags |= SESS_PUBSUB;
    else
        s->flags &= ~(uint32_t)SESS_PUBSUB;
}

static struct topic *topic_get(enum pubsub_kind kind, struct slice name)
{
    struct topic *t = dict_get(topics[kind], name);
    if (t)
        return t;
    t = mem_alloc(sizeof *t + name.n);
    char *copy = (char *)(t + 1);
    if (name.n)
        memcpy(copy, name.p, name.n);
    list_init(&t->subs);
    t->count = 0;
    t->name = slice_make(copy, name.n);
    dict_set(topics[kind], t->name, t);
    return t;
}

/* The name stands in the topic and in two hash tables. */
static size_t sub_bytes(const struct sub *sub)
{
    return sizeof *sub + sizeof *sub->topic + 3 * sub->topic->name.n;
}

bool pubsub__add(struct session *s, enum pubsub_kind kind, struct slice name)
{
    struct client *c = s->slot[SESS_SLOT_PUBSUB];
    if (!c) {
        c = s->slot[SESS_SLOT_PUBSUB] = mem_calloc(1, sizeof *c);
        for (int i = 0; i < PUBSUB_KINDS; i++)
            list_init(&c->kind[i].order);
    }
    struct subscriptions *mine = &c->kind[kind];
    if (!mine->by_name)
        mine->by_name = dict_new(0, NULL);
    else if (dict_has(mine->by_name, name))
        return false;
    struct sub *sub = mem_calloc(1, sizeof *sub);
    sub->s = s;
    sub->topic = topic_get(kind, name);
    sub->topic->count++;
    list_push(&sub->topic->subs, &sub->in_topic);
    list_push(&mine->order, &sub->in_session);
    dict_set(mine->by_name, name, sub);
    s->kept_bytes += sub_bytes(sub);
    ++*counter(s, kind);
    update_flag(s);
    return true;
}

bool pubsub__remove(struct session *s, enum pubsub_kind kind, struct slice name)
{
    struct subscriptions *mine = subscriptions(s, kind);
    struct sub *sub = mine && mine->by_name ? dict_take(mine->by_name, name) : NULL;
    if (!sub)
        return false;
    struct topic *t = sub->topic;
    s->kept_bytes -= sub_bytes(sub);
    list_remove(&sub->in_topic);
    list_remove(&sub->in_session);
    mem_free(sub);
    if (--t->count == 0) {
        dict_take(topics[kind], t->name);
        mem_free(t);
    }
    --*counter(s, kind);
    update_flag(s);
    return true;
}

bool pubsub__first(const struct session *s, enum pubsub_kind kind, struct slice *name)
{
    struct subscriptions *mine = subscriptions(s, kind);
    if (!mine || list_empty(&mine->order))
        return false;
    *name = LIST_ENTRY(mine->order.next, struct sub, in_session)->topic->name;
    return true;
}

size_t pubsub__count(const struct session *s, enum pubsub_kind kind)
{
    return kind == PUBSUB_SHARD ? s->ssubs : s->subs + s->psubs;
}

bool pubsub_subscribed(const struct session *s, enum pubsub_kind kind, struct slice name)
{
    struct subscriptions *mine = subscriptions(s, kind);
    return mine && mine->by_name && dict_has(mine->by_name, name);
}

void pubsub_each(const struct session *s,
                 bool (*fn)(void *arg, enum pubsub_kind kind, struct slice name), void *arg)
{
    for (int k = 0; k < PUBSUB_KINDS; k++) {
        struct subscriptions *mine = subscriptions(s, (enum pubsub_kind)k);
        if (!mine)
            return;
        LIST_EACH(it, &mine->order)
        {
            if (!fn(arg, (enum pubsub_kind)k, LIST_ENTRY(it, struct sub, in_session)->topic->name))
                return;
        }
    }
}

void pubsub__each_topic(enum pubsub_kind kind, void (*fn)(void *arg, struct slice name), void *arg)
{
    struct dict_iter it = dict_iter(topics[kind]);
    while (dict_next(&it))
        fn(arg, it.key);
}

size_t pubsub_topics(enum pubsub_kind kind)
{
    return dict_count(topics[kind]);
}

size_t pubsub_subscribers(enum pubsub_kind kind, struct slice name)
{
    const struct topic *t = dict_get(topics[kind], name);
    return t ? t->count : 0;
}

/* -- Delivery -------------------------------------------------------------------------------- */

static void deliver(struct session *s, enum pubsub_kind kind, struct slice pattern,
                    struct slice channel, struct slice message)
{
    static const struct slice words[PUBSUB_KINDS] = {
        [PUBSUB_CHANNEL] = {"message", 7},
        [PUBSUB_PATTERN] = {"pmessage", 8},
        [PUBSUB_SHARD] = {"smessage", 8},
    };
    struct sink *out = s->ops->sink(s);
    out->ops->begin(out, SINK_PUSH, kind == PUBSUB_PATTERN ? 4 : 3);
    out->ops->bulk(out, words[kind]);
    if (kind == PUBSUB_PATTERN)
        out->ops->bulk(out, pattern);
    out->ops->bulk(out, channel);
    out->ops->bulk(out, message);
}

static struct slice put_copy(char **at, struct slice s)
{
    struct slice copy = slice_make(*at, s.n);
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

static void release_held(struct session *s)
{
    while (!list_empty(&held)) {
        struct held *h = LIST_ENTRY(held.next, struct held, link);
        list_remove(&h->link);
        if (s)
            deliver(s, h->kind, h->pattern, h->channel, h->message);
        mem_free(h);
    }
    held_for = NULL;
}

static void on_unit_end(void *arg)
{
    if (!list_empty(&held))
        release_held(held_for);
}

static void hold(struct session *s, enum pubsub_kind kind, struct slice pattern,
                 struct slice channel, struct slice message)
{
    struct held *h = mem_alloc(sizeof *h + pattern.n + channel.n + message.n);
    char *at = (char *)(h + 1);
    h->kind = kind;
    h->pattern = put_copy(&at, pattern);
    h->channel = put_copy(&at, channel);
    h->message = put_copy(&at, message);
    held_for = s;
    /* Attached when it is first needed: it runs after every command. */
    hook_add(HOOK_UNIT_END, on_unit_end);
    list_push(&held, &h->link);
}

static size_t deliver_topic(const struct topic *t, enum pubsub_kind kind, struct slice channel,
                            struct slice message)
{
    const struct session *running = session_current();
    LIST_EACH(it, &t->subs)
    {
        struct session *s = LIST_ENTRY(it, struct sub, in_topic)->s;
        if (s == running)
            hold(s, kind, t->name, channel, message);
        else
            deliver(s, kind, t->name, channel, message);
    }
    return t->count;
}

size_t pubsub_publish(struct slice channel, struct slice message)
{
    size_t n = 0;
    const struct topic *t = dict_get(topics[PUBSUB_CHANNEL], channel);
    if (t)
        n += deliver_topic(t, PUBSUB_CHANNEL, channel, message);
    if (dict_count(topics[PUBSUB_PATTERN]) == 0)
        return n;
    struct dict_iter it = dict_iter(topics[PUBSUB_PATTERN]);
    while (dict_next(&it))
        if (glob_match(it.key, channel, false))
            n += deliver_topic(it.value, PUBSUB_PATTERN, channel, message);
    return n;
}

size_t pubsub_publish_shard(struct slice channel, struct slice message)
{
    const struct topic *t = dict_get(topics[PUBSUB_SHARD], channel);
    return t ? deliver_topic(t, PUBSUB_SHARD, channel, message) : 0;
}

/* -- Attaching ------------------------------------------------------------------------------- */

static void unsubscribe_all(struct session *s)
{
    for (int k = 0; k < PUBSUB_KINDS; k++) {
        struct slice name;
        while (pubsub__first(s, (enum pubsub_kind)k, &name))
            pubsub__remove(s, (enum pubsub_kind)k, name);
    }
}

static void on_reset(void *arg)
{
    struct session *s = arg;
    unsubscribe_all(s);
}

static void on_close(void *arg)
{
    struct session *s = arg;
    unsubscribe_all(s);
    if (s == held_for)
        release_held(NULL);
    struct client *c = s->slot[SESS_SLOT_PUBSUB];
    if (!c)
        return;
    for (int k = 0; k < PUBSUB_KINDS; k++)
        dict_free(c->kind[k].by_name);
    mem_free(c);
    s->slot[SESS_SLOT_PUBSUB] = NULL;
}

static void on_notify(void *arg)
{
    const struct hook_notify *n = arg;
    if (!(keyspace_opts.notify_classes & n->cls)) /* for modules only */
        return;
    if (dict_count(topics[PUBSUB_CHANNEL]) == 0 && dict_count(topics[PUBSUB_PATTERN]) == 0)
        return;
    struct slice event = slice_str(n->event);
    struct buf channel = BUF_INIT;
    if (keyspace_opts.notify_classes & NOTIFY_KEYSPACE) {
        buf_printf(&channel, "__keyspace@%d__:", n->db);
        buf_put_slice(&channel, n->key);
        pubsub_publish(buf_slice(&channel), event);
        buf_clear(&channel);
    }
    if (keyspace_opts.notify_classes & NOTIFY_KEYEVENT) {
        buf_printf(&channel, "__keyevent@%d__:", n->db);
        buf_put_slice(&channel, event);
        pubsub_publish(buf_slice(&channel), n->key);
    }
    buf_free(&channel);
}

struct permission {
    const struct acl_user *user;
    bool granted;
};

static bool check_permission(void *arg, enum pubsub_kind kind, struct slice name)
{
    struct permission *p = arg;
    p->granted = acl_check_channel(p->user, name, kind == PUBSUB_PATTERN);
    return p->granted;
}

static bool may_keep(struct session *s, const struct acl_user *user)
{
    struct permission p = {user, true};
    pubsub_each(s, check_permission, &p);
    return p.granted;
}

static void info_lines(struct buf *out)
{
    buf_printf(out, "pubsub_channels:%zu\r\npubsub_patterns:%zu\r\npubsubshard_channels:%zu\r\n",
               pubsub_topics(PUBSUB_CHANNEL), pubsub_topics(PUBSUB_PATTERN),
               pubsub_topics(PUBSUB_SHARD));
}

void pubsub_start(void)
{
    for (int k = 0; k < PUBSUB_KINDS; k++)
        topics[k] = dict_new(0, NULL);
    hook_add(HOOK_SESSION_CLOSE, on_close);
    hook_add(HOOK_SESSION_RESET, on_reset);
    hook_add(HOOK_NOTIFY, on_notify);
    acl_on_subscriptions(may_keep);
    info_register("stats", info_lines);
    acl_on_subscriptions(pubsub__subscriptions_ok);
}
