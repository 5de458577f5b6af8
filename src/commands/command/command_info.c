/* COMMAND INFO: arity, flags, key positions, categories, tips, key specifications, subcommands. */
#include "commands/command/command_priv.h"
#include "session/acl.h"
#include "session/reply.h"

static const struct command_word flag_words[] = {
    {CMD_WRITE, "write"},
    {CMD_READONLY, "readonly"},
    {CMD_DENYOOM, "denyoom"},
    {CMD_MODULE, "module"},
    {CMD_ADMIN, "admin"},
    {CMD_PUBSUB, "pubsub"},
    {CMD_NOSCRIPT, "noscript"},
    {CMD_BLOCKING, "blocking"},
    {CMD_LOADING, "loading"},
    {CMD_STALE, "stale"},
    {CMD_SKIP_MONITOR, "skip_monitor"},
    {CMD_SKIP_SLOWLOG, "skip_slowlog"},
    {CMD_ASKING, "asking"},
    {CMD_FAST, "fast"},
    {CMD_NO_AUTH, "no_auth"},
    {CMD_NO_MANDATORY_KEYS, "no_mandatory_keys"},
    {CMD_NO_ASYNC_LOADING, "no_async_loading"},
    {CMD_NO_MULTI, "no_multi"},
    {CMD_MOVABLE_KEYS, "movablekeys"},
    {CMD_ALLOW_BUSY, "allow_busy"},
};

static const struct command_word key_flag_words[] = {
    {KEY_RO, "RO"},
    {KEY_RW, "RW"},
    {KEY_OW, "OW"},
    {KEY_RM, "RM"},
    {KEY_ACCESS, "access"},
    {KEY_UPDATE, "update"},
    {KEY_INSERT, "insert"},
    {KEY_DELETE, "delete"},
    {KEY_NOT_KEY, "not_key"},
    {KEY_INCOMPLETE, "incomplete"},
    {KEY_VARIABLE_FLAGS, "variable_flags"},
};

void command__reply_words(struct call *c, unsigned bits, const struct command_word *words, size_t n)
{
    size_t set = 0;
    for (size_t i = 0; i < n; i++)
        set += (bits & words[i].bit) != 0;
    reply_set(c, set);
    for (size_t i = 0; i < n; i++)
        if (bits & words[i].bit)
            reply_status(c, words[i].word);
}

void command__reply_key_flags(struct call *c, unsigned flags)
{
    command__reply_words(c, flags, key_flag_words, COUNT_OF(key_flag_words));
}

static void reply_categories(struct call *c, const struct command *cmd)
{
    size_t n = 0;
    for (int i = 0; i < ACL_CATEGORIES; i++)
        n += (cmd->acl >> i) & 1;
    reply_set(c, n);
    for (int i = 0; i < ACL_CATEGORIES; i++) {
        if (!((cmd->acl >> i) & 1))
            continue;
        char word[32] = "@";
        strncat(word, acl_category_name(i), sizeof(word) - 2);
        reply_status(c, word);
    }
}

static void reply_pair(struct call *c, const char *name, int64_t v)
{
    reply_str(c, name);
    reply_int(c, v);
}

/* A map of "type" and "spec"; the caller adds the n pairs of the latter. */
static void begin_part(struct call *c, const char *name, const char *type, size_t n)
{
    reply_str(c, name);
    reply_map(c, 2);
    reply_str(c, "type");
    reply_str(c, type);
    reply_str(c, "spec");
    reply_map(c, n);
}

static void reply_begin_search(struct call *c, const struct key_spec *k)
{
    switch (k->begin) {
    case KEY_BEGIN_UNKNOWN:
        begin_part(c, "begin_search", "unknown", 0);
        break;
    case KEY_BEGIN_INDEX:
        begin_part(c, "begin_search", "index", 1);
        reply_pair(c, "index", k->index);
        break;
    case KEY_BEGIN_KEYWORD:
        begin_part(c, "begin_search", "keyword", 2);
        reply_str(c, "keyword");
        reply_str(c, k->keyword);
        reply_pair(c, "startfrom", k->start_from);
        break;
    }
}

static void reply_find_keys(struct call *c, const struct key_spec *k)
{
    switch (k->find) {
    case KEY_FIND_UNKNOWN:
        begin_part(c, "find_keys", "unknown", 0);
        break;
    case KEY_FIND_RANGE:
        begin_part(c, "find_keys", "range", 3);
        reply_pair(c, "lastkey", k->last_key);
        reply_pair(c, "keystep", k->step);
        reply_pair(c, "limit", k->limit);
        break;
    case KEY_FIND_KEYNUM:
        begin_part(c, "find_keys", "keynum", 3);
        reply_pair(c, "keynumidx", k->keynum_index);
        reply_pair(c, "firstkey", k->first_key);
        reply_pair(c, "keystep", k->step);
        break;
    }
}

static void reply_key_specs(struct call *c, const struct command *cmd)
{
    reply_set(c, cmd->nkeys);
    for (size_t i = 0; i < cmd->nkeys; i++) {
        const struct key_spec *k = &cmd->keys[i];
        reply_map(c, k->notes ? 4 : 3);
        if (k->notes) {
            reply_str(c, "notes");
            reply_str(c, k->notes);
        }
        reply_str(c, "flags");
        command__reply_key_flags(c, k->flags);
        reply_begin_search(c, k);
        reply_find_keys(c, k);
    }
}

void command__reply_info(struct call *c, const struct command *cmd)
{
    if (!cmd) {
        reply_null(c);
        return;
    }
    reply_array(c, 10);
    reply_str(c, cmd->fullname);
    reply_int(c, cmd->arity);
    command__reply_words(c, cmd->flags, flag_words, COUNT_OF(flag_words));
    reply_int(c, cmd->first_key);
    reply_int(c, cmd->last_key);
    reply_int(c, cmd->key_step);
    reply_categories(c, cmd);
    reply_set(c, cmd->ntips);
    for (size_t i = 0; i < cmd->ntips; i++)
        reply_str(c, cmd->tips[i]);
    reply_key_specs(c, cmd);
    reply_array(c, cmd->nsubs); /* Redis says array here, although the order means nothing */
    for (size_t i = 0; i < cmd->nsubs; i++)
        command__reply_info(c, cmd->subs[i]);
}
