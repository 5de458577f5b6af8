/* The commands of publish/subscribe. */
#include "base/glob.h"
#include "services/pubsub/pubsub_commands.h"
#include "services/pubsub/pubsub_priv.h"
#include "session/reply.h"

/* -- Subscribing ----------------------------------------------------------------------------- */

static void answer(struct call *c, const char *verb, const struct slice *name,
                   enum pubsub_kind kind)
{
    c->out->ops->begin(c->out, SINK_PUSH, 3);
    reply_str(c, verb);
    if (name)
        reply_bulk(c, *name);
    else
        reply_null(c);
    reply_int(c, (int64_t)pubsub__count(c->s, kind));
}

/* A client that cannot take more than one reply for a command (a script's) may not subscribe. Inside EXEC Redis lets
 * channels and patterns pass, for history's sake. */
static bool may_subscribe(struct call *c, const char *name, bool in_exec_too)
{
    if (!(c->s->flags & SESS_DENY_BLOCKING) || (in_exec_too && c->in_exec))
        return true;
    reply_errorf(c, "ERR %s isn't allowed for a DENY BLOCKING client", name);
    return false;
}

static void subscribe(struct call *c, const char *verb, enum pubsub_kind kind)
{
    for (int i = 1; i < c->argc; i++) {
        (void)pubsub__add(c->s, kind, c->argv[i]);
        answer(c, verb, &c->argv[i], kind);
    }
}

static void unsubscribe(struct call *c, const char *verb, enum pubsub_kind kind)
{
    for (int i = 1; i < c->argc; i++) {
        (void)pubsub__remove(c->s, kind, c->argv[i]);
        answer(c, verb, &c->argv[i], kind);
    }
    if (c->argc > 1)
        return;
    struct slice name;
    if (!pubsub__first(c->s, kind, &name)) {
        answer(c, verb, NULL, kind);
        return;
    }
    struct buf copy = BUF_INIT;
    do {
        buf_clear(&copy);
        buf_put_slice(&copy, name);
        name = buf_slice(&copy);
        pubsub__remove(c->s, kind, name);
        answer(c, verb, &name, kind);
    } while (pubsub__first(c->s, kind, &name));
    buf_free(&copy);
}

void cmd_subscribe(struct call *c)
{
    if (may_subscribe(c, "SUBSCRIBE", true))
        subscribe(c, "subscribe", PUBSUB_CHANNEL);
}

void cmd_psubscribe(struct call *c)
{
    if (may_subscribe(c, "PSUBSCRIBE", true))
        subscribe(c, "psubscribe", PUBSUB_PATTERN);
}

void cmd_ssubscribe(struct call *c)
{
    if (may_subscribe(c, "SSUBSCRIBE", false))
        subscribe(c, "ssubscribe", PUBSUB_SHARD);
}

void cmd_unsubscribe(struct call *c)
{
    unsubscribe(c, "unsubscribe", PUBSUB_CHANNEL);
}

void cmd_punsubscribe(struct call *c)
{
    unsubscribe(c, "punsubscribe", PUBSUB_PATTERN);
}

void cmd_sunsubscribe(struct call *c)
{
    unsubscribe(c, "sunsubscribe", PUBSUB_SHARD);
}

/* -- Publishing ------------------------------------------------------------------------------ */

void cmd_publish(struct call *c)
{
    reply_int(c, (int64_t)pubsub_publish(c->argv[1], c->argv[2]));
    if (kv_streaming(c->kv))
        kv_effect(c->kv, c->db, (size_t)c->argc, c->argv);
}

void cmd_spublish(struct call *c)
{
    reply_int(c, (int64_t)pubsub_publish_shard(c->argv[1], c->argv[2]));
}

/* -- PUBSUB ---------------------------------------------------------------------------------- */

struct listing {
    struct call *c;
    size_t n;
};

static void list_topic(void *arg, struct slice name)
{
    struct listing *l = arg;
    if (l->c->argc > 2 && !glob_match(l->c->argv[2], name, false))
        return;
    reply_bulk(l->c, name);
    l->n++;
}

static void channels(struct call *c, enum pubsub_kind kind)
{
    struct listing l = {c, 0};
    size_t token = reply_begin(c);
    pubsub__each_topic(kind, list_topic, &l);
    reply_end(c, token, SINK_ARRAY, l.n);
}

static void numsub(struct call *c, enum pubsub_kind kind)
{
    reply_array(c, (size_t)(c->argc - 2) * 2);
    for (int i = 2; i < c->argc; i++) {
        reply_bulk(c, c->argv[i]);
        reply_int(c, (int64_t)pubsub_subscribers(kind, c->argv[i]));
    }
}

void cmd_pubsub_channels(struct call *c)
{
    if (c->argc > 3)
        reply_unknown_sub(c);
    else
        channels(c, PUBSUB_CHANNEL);
}

void cmd_pubsub_shardchannels(struct call *c)
{
    if (c->argc > 3)
        reply_unknown_sub(c);
    else
        channels(c, PUBSUB_SHARD);
}

void cmd_pubsub_numsub(struct call *c)
{
    numsub(c, PUBSUB_CHANNEL);
}

void cmd_pubsub_shardnumsub(struct call *c)
{
    numsub(c, PUBSUB_SHARD);
}

void cmd_pubsub_numpat(struct call *c)
{
    reply_int(c, (int64_t)pubsub_topics(PUBSUB_PATTERN));
}

void cmd_pubsub_help(struct call *c)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Channels that have subscribers; with a pattern only those that match it.",
        "NUMPAT",
        "    How many different patterns are subscribed to.",
        "NUMSUB [<channel> ...]",
        "    How many subscribers each of these channels has; patterns do not count.",
        "SHARDCHANNELS [<pattern>]",
        "    Shard channels that have subscribers; with a pattern only those that match it.",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    How many subscribers each of these shard channels has.",
        NULL,
    };
    reply_help(c, lines);
}
