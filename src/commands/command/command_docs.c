/* COMMAND DOCS: what the specifications say about purpose, cost, history and arguments. */
#include "commands/command/command_priv.h"
#include "session/reply.h"

static const char *group_name(enum command_group g)
{
    static const char *const names[] = {
        [GROUP_GENERIC] = "generic",
        [GROUP_STRING] = "string",
        [GROUP_LIST] = "list",
        [GROUP_SET] = "set",
        [GROUP_SORTED_SET] = "sorted-set",
        [GROUP_HASH] = "hash",
        [GROUP_PUBSUB] = "pubsub",
        [GROUP_TRANSACTIONS] = "transactions",
        [GROUP_CONNECTION] = "connection",
        [GROUP_SERVER] = "server",
        [GROUP_SCRIPTING] = "scripting",
        [GROUP_HYPERLOGLOG] = "hyperloglog",
        [GROUP_CLUSTER] = "cluster",
        [GROUP_SENTINEL] = "sentinel",
        [GROUP_GEO] = "geo",
        [GROUP_STREAM] = "stream",
        [GROUP_BITMAP] = "bitmap",
        [GROUP_MODULE] = "module",
        [GROUP_ORBIT] = "orbit",
    };
    return names[g];
}

static const char *type_name(enum arg_type t)
{
    static const char *const names[] = {
        [ARG_STRING] = "string",         [ARG_INTEGER] = "integer",
        [ARG_DOUBLE] = "double",         [ARG_KEY] = "key",
        [ARG_PATTERN] = "pattern",       [ARG_UNIX_TIME] = "unix-time",
        [ARG_PURE_TOKEN] = "pure-token", [ARG_ONEOF] = "oneof",
        [ARG_BLOCK] = "block",
    };
    return names[t];
}

/* Replies the pair and counts it, unless there is no value. */
static void text_pair(struct call *c, const char *name, const char *value, size_t *n)
{
    if (!value)
        return;
    reply_str(c, name);
    reply_str(c, value);
    (*n)++;
}

static const struct command_word doc_words[] = {{1, "deprecated"}, {2, "syscmd"}};
static const struct command_word arg_words[] = {
    {1, "optional"}, {2, "multiple"}, {4, "multiple_token"}};

static void reply_args(struct call *c, const struct command_arg *args, size_t nargs)
{
    reply_array(c, nargs);
    for (size_t i = 0; i < nargs; i++) {
        const struct command_arg *a = &args[i];
        size_t n = 0, token = reply_begin(c);
        text_pair(c, "name", a->name, &n);
        text_pair(c, "type", type_name(a->type), &n);
        text_pair(c, "display_text", a->display, &n);
        if (a->key_spec_index >= 0) {
            reply_str(c, "key_spec_index");
            reply_int(c, a->key_spec_index);
            n++;
        }
        text_pair(c, "token", a->token, &n);
        text_pair(c, "summary", a->summary, &n);
        text_pair(c, "since", a->since, &n);
        text_pair(c, "deprecated_since", a->deprecated_since, &n);
        unsigned flags =
            a->optional | (unsigned)a->multiple << 1 | (unsigned)a->multiple_token << 2;
        if (flags) {
            reply_str(c, "flags");
            command__reply_words(c, flags, arg_words, COUNT_OF(arg_words));
            n++;
        }
        if (a->nargs) {
            reply_str(c, "arguments");
            reply_args(c, a->args, a->nargs);
            n++;
        }
        reply_end(c, token, SINK_MAP, n);
    }
}

static void reply_history(struct call *c, const struct command *cmd)
{
    reply_str(c, "history");
    reply_set(c, cmd->nhistory);
    for (size_t i = 0; i < cmd->nhistory; i++) {
        reply_array(c, 2);
        reply_str(c, cmd->history[i].since);
        reply_str(c, cmd->history[i].change);
    }
}

void command__reply_docs(struct call *c, const struct command *cmd)
{
    reply_str(c, cmd->fullname);
    size_t n = 0, token = reply_begin(c);
    text_pair(c, "summary", cmd->summary, &n);
    text_pair(c, "since", cmd->since, &n);
    text_pair(c, "group", group_name(cmd->group), &n);
    text_pair(c, "complexity", cmd->complexity, &n);
    text_pair(c, "module", cmd->module, &n);
    if (cmd->doc_flags) {
        reply_str(c, "doc_flags");
        command__reply_words(c, cmd->doc_flags, doc_words, COUNT_OF(doc_words));
        n++;
    }
    text_pair(c, "deprecated_since", cmd->deprecated_since, &n);
    text_pair(c, "replaced_by", cmd->replaced_by, &n);
    if (cmd->nhistory) {
        reply_history(c, cmd);
        n++;
    }
    if (cmd->nargs) {
        reply_str(c, "arguments");
        reply_args(c, cmd->args, cmd->nargs);
        n++;
    }
    if (cmd->nsubs) {
        reply_str(c, "subcommands");
        reply_map(c, cmd->nsubs);
        for (size_t i = 0; i < cmd->nsubs; i++)
            command__reply_docs(c, cmd->subs[i]);
        n++;
    }
    reply_end(c, token, SINK_MAP, n);
}
