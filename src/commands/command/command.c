/* COMMAND: lists of commands, and the keys of a call. */
#include "base/glob.h"
#include "commands/command/command_commands.h"
#include "commands/command/command_priv.h"
#include "session/acl.h"
#include "session/reply.h"

void cmd_command_count(struct call *c)
{
    reply_int(c, (int64_t)command_count());
}

static bool info_each(void *arg, struct command *cmd)
{
    command__reply_info(arg, cmd);
    return true;
}

void cmd_command(struct call *c)
{
    reply_array(c, command_count());
    command_each(info_each, c);
}

void cmd_command_info(struct call *c)
{
    if (c->argc == 2) {
        cmd_command(c);
        return;
    }
    reply_array(c, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc; i++)
        command__reply_info(c, command_find_full(c->argv[i]));
}

static bool docs_each(void *arg, struct command *cmd)
{
    command__reply_docs(arg, cmd);
    return true;
}

void cmd_command_docs(struct call *c)
{
    if (c->argc == 2) {
        reply_map(c, command_count());
        command_each(docs_each, c);
        return;
    }
    size_t n = 0, token = reply_begin(c);
    for (int i = 2; i < c->argc; i++) {
        const struct command *cmd = command_find_full(c->argv[i]);
        if (!cmd)
            continue;
        command__reply_docs(c, cmd);
        n++;
    }
    reply_end(c, token, SINK_MAP, n);
}

/* -- COMMAND LIST -------------------------------------------------------------------------------------------------------- */

struct listing {
    struct call *c;
    size_t n;
    enum { LIST_ALL, LIST_MODULE, LIST_CATEGORY, LIST_PATTERN } filter;
    struct slice pattern;
    uint32_t category; /* 0: unknown, matches nothing */
};

static bool wanted(const struct listing *l, const struct command *cmd)
{
    switch (l->filter) {
    case LIST_ALL:
        return true;
    case LIST_MODULE:
        return cmd->module && slice_eq(l->pattern, slice_str(cmd->module));
    case LIST_CATEGORY:
        return (cmd->acl & l->category) != 0;
    case LIST_PATTERN:
        return glob_match(l->pattern, slice_str(cmd->fullname), true);
    }
    return false;
}

static bool list_each(void *arg, struct command *cmd)
{
    struct listing *l = arg;
    if (wanted(l, cmd)) {
        reply_str(l->c, cmd->fullname);
        l->n++;
    }
    for (size_t i = 0; i < cmd->nsubs; i++)
        list_each(arg, cmd->subs[i]);
    return true;
}

void cmd_command_list(struct call *c)
{
    struct listing l = {.c = c};
    if (c->argc == 5 && call_arg_is(c, 2, "filterby")) {
        l.pattern = c->argv[4];
        if (call_arg_is(c, 3, "module")) {
            l.filter = LIST_MODULE;
        } else if (call_arg_is(c, 3, "aclcat")) {
            int category = acl_category_find(c->argv[4]);
            l.filter = LIST_CATEGORY;
            l.category = category < 0 ? 0 : UINT32_C(1) << category;
        } else if (call_arg_is(c, 3, "pattern")) {
            l.filter = LIST_PATTERN;
        } else {
            reply_syntax_error(c);
            return;
        }
    } else if (c->argc != 2) {
        reply_syntax_error(c);
        return;
    }
    size_t token = reply_begin(c);
    command_each(list_each, &l);
    reply_end(c, token, SINK_ARRAY, l.n);
}

/* -- Keys of a call ------------------------------------------------------------------------------------------------------ */

static void reply_keys(struct call *c, bool with_flags)
{
    const struct slice *argv = c->argv + 2;
    int argc = c->argc - 2;
    const struct command *cmd = command_resolve(argv, argc, NULL);
    if (!cmd) {
        reply_error(c, "ERR Invalid command specified");
        return;
    }
    if (!command_has_keys(cmd)) {
        reply_error(c, "ERR The command has no key arguments");
        return;
    }
    if (!command_arity_ok(cmd, argc)) {
        reply_error(c, "ERR Invalid number of arguments specified for command");
        return;
    }
    struct key_refs keys;
    key_refs_init(&keys);
    if (!command_keys(cmd, argv, argc, &keys)) {
        if (cmd->flags & CMD_NO_MANDATORY_KEYS)
            reply_array(c, 0);
        else
            reply_error(c, "ERR Invalid arguments specified for command");
        key_refs_free(&keys);
        return;
    }
    reply_array(c, keys.n);
    for (size_t i = 0; i < keys.n; i++) {
        if (with_flags)
            reply_array(c, 2);
        reply_bulk(c, argv[keys.v[i].pos]);
        if (with_flags)
            command__reply_key_flags(c, keys.v[i].flags);
    }
    key_refs_free(&keys);
}

void cmd_command_getkeys(struct call *c)
{
    reply_keys(c, false);
}

void cmd_command_getkeysandflags(struct call *c)
{
    reply_keys(c, true);
}

void cmd_command_help(struct call *c)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Describe all commands.",
        "COUNT",
        "    How many commands there are.",
        "DOCS [<command-name> ...]",
        "    Documentation of the commands named, or of all.",
        "GETKEYS <full-command>",
        "    The keys in a command with its arguments.",
        "GETKEYSANDFLAGS <full-command>",
        "    The same, and how each key is used.",
        "INFO [<command-name> ...]",
        "    Describe the commands named, or all.",
        "LIST [FILTERBY (MODULE <name> | ACLCAT <category> | PATTERN <pattern>)]",
        "    Names of commands.",
        NULL,
    };
    reply_help(c, lines);
}
