/* Commands of modules: how they are made, called and taken away. */
#include "base/mem.h"
#include "module/block.h"
#include "session/reply.h"

#include <ctype.h>
#include <string.h>

/* -- Calling -------------------------------------------------------------------------------------------------------------- */

static void run(struct call *c)
{
    if (module__block_serve(c))
        return;
    RedisModuleCommand *mc = module__command_of(c->cmd);
    RedisModuleString **argv = module__argv(c->argv, c->argc);
    RedisModuleCtx ctx;
    module__ctx_command(&ctx, mc->module, c);
    call_no_propagate(c);
    mc->fn(&ctx, argv, c->argc);
    module__ctx_close(&ctx);
    module__argv_free(argv, c->argc);
}

RedisModuleCommand *module__command_of(struct command *cmd)
{
    return cmd->fn == run ? CONTAINER_OF(cmd, struct RedisModuleCommand, cmd) : NULL;
}

/* -- Making --------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    unsigned flag;
} flag_words[] = {
    {"write", CMD_WRITE},
    {"readonly", CMD_READONLY},
    {"admin", CMD_ADMIN},
    {"deny-oom", CMD_DENYOOM},
    {"deny-script", CMD_NOSCRIPT},
    {"allow-loading", CMD_LOADING},
    {"pubsub", CMD_PUBSUB},
    {"random", 0},
    {"blocking", CMD_BLOCKING},
    {"allow-stale", CMD_STALE},
    {"no-monitor", CMD_SKIP_MONITOR},
    {"no-slowlog", CMD_SKIP_SLOWLOG},
    {"fast", CMD_FAST},
    {"no-auth", CMD_NO_AUTH},
    {"may-replicate", CMD_MAY_REPLICATE},
    {"getkeys-api", CMD_MOVABLE_KEYS},
    {"getchannels-api", 0},
    {"no-cluster", 0},
    {"no-mandatory-keys", CMD_NO_MANDATORY_KEYS},
    {"allow-busy", CMD_ALLOW_BUSY},
};

static bool parse_flags(const char *text, unsigned *flags)
{
    *flags = CMD_MODULE;
    while (text && *text) {
        size_t n = strcspn(text, " "), i = 0;
        while (i < COUNT_OF(flag_words) &&
               (strlen(flag_words[i].word) != n || strncasecmp(flag_words[i].word, text, n) != 0))
            i++;
        if (n && i == COUNT_OF(flag_words))
            return false;
        if (n)
            *flags |= flag_words[i].flag;
        text += n + (text[n] == ' ');
    }
    return true;
}

int rm_CreateCommand(RedisModuleCtx *ctx, const char *name, RedisModuleCmdFunc fn,
                     const char *strflags, int first, int last, int step)
{
    unsigned flags;
    if (!ctx->module->loading || !parse_flags(strflags, &flags) || command_find(slice_str(name)))
        return REDISMODULE_ERR;
    RedisModuleCommand *mc = mem_calloc(1, sizeof *mc);
    mc->module = ctx->module;
    mc->fn = fn;
    mc->cmd = (struct command){.name = mem_strdup(name),
                               .fullname = mem_strdup(name),
                               .fn = run,
                               .arity = -1,
                               .flags = flags,
                               .group = GROUP_MODULE,
                               .summary = ""};
    if (first) {
        struct key_spec *k = mem_calloc(1, sizeof *k);
        *k = (struct key_spec){.flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
                               .begin = KEY_BEGIN_INDEX,
                               .index = first,
                               .find = KEY_FIND_RANGE,
                               .last_key = last >= 0 ? last - first : last,
                               .step = step};
        mc->cmd.keys = k;
        mc->cmd.nkeys = 1;
    }
    command_register(&mc->cmd, 1);
    list_push(&ctx->module->commands, &mc->link);
    return REDISMODULE_OK;
}

void module__commands_drop(struct module *m)
{
    while (!list_empty(&m->commands)) {
        RedisModuleCommand *mc = LIST_ENTRY(m->commands.prev, struct RedisModuleCommand, link);
        list_remove(&mc->link);
        command_unregister(&mc->cmd);
        mem_free((void *)(uintptr_t)mc->cmd.keys);
        mem_free((void *)(uintptr_t)mc->cmd.name);
        mem_free((void *)(uintptr_t)mc->cmd.fullname);
        mem_free(mc);
    }
}
