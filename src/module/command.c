/* Commands of modules: how they are made, called and taken away. What a module says about them stands in command_info.c. */
#include "base/arena.h"
#include "base/mem.h"
#include "module/block.h"
#include "module/command_priv.h"
#include "session/acl.h"

#include <errno.h>
#include <string.h>

/* -- Calling -------------------------------------------------------------------------------------------------------------- */

static void run(struct call *c)
{
    if (module__block_serve(c))
        return;
    RedisModuleCommand *mc = module__command_of(c->cmd);
    struct module_words words;
    RedisModuleString **argv = module__words(&words, c->argv, c->argc);
    RedisModuleCtx ctx;
    module__ctx_command(&ctx, mc->module, c);
    call_no_propagate(c);
    mc->fn(&ctx, argv, c->argc);
    module__ctx_close(&ctx);
    module__words_free(&words, argv, c->argc);
}

/* A container has no function. */
RedisModuleCommand *module__command_of(struct command *cmd)
{
    bool ours = cmd->fn == run || (!cmd->fn && (cmd->flags & CMD_MODULE));
    return ours ? CONTAINER_OF(cmd, struct RedisModuleCommand, cmd) : NULL;
}

/* -- Positions of keys and channels ---------------------------------------------------------------------------------------- */

/* Asks the command itself. What it names outside of the arguments is left out. */
static void ask(const struct command *cmd, const struct slice *argv, int argc, unsigned request,
                struct key_refs *out)
{
    struct command *mutable = (struct command *)(uintptr_t)cmd;
    RedisModuleCommand *mc = module__command_of(mutable);
    RedisModuleString **words = module__argv(argv, argc);
    RedisModuleCtx ctx;
    module__ctx_request(&ctx, mc->module);
    ctx.flags |= request;
    ctx.positions = out;
    mc->fn(&ctx, words, argc);
    module__ctx_close(&ctx);
    module__argv_free(words, argc);
    size_t kept = 0;
    for (size_t i = 0; i < out->n; i++)
        if (out->v[i].pos < argc)
            out->v[kept++] = out->v[i];
    out->n = kept;
}

/* Specifications are believed unless CreateCommand made them up. */
static bool get_keys(const struct command *cmd, const struct slice *argv, int argc,
                     struct key_refs *out)
{
    bool made_up = cmd->nkeys == 0;
    for (size_t i = 0; i < cmd->nkeys; i++)
        made_up |= (cmd->keys[i].flags & KEY_VARIABLE_FLAGS) != 0;
    if (made_up || !command_keys_by_specs(cmd, argv, argc, out))
        ask(cmd, argv, argc, CTX_KEYS_REQUEST, out);
    return out->n > 0;
}

static bool get_channels(const struct command *cmd, const struct slice *argv, int argc,
                         struct key_refs *out)
{
    ask(cmd, argv, argc, CTX_CHANNELS_REQUEST, out);
    return true;
}

int rm_IsKeysPositionRequest(RedisModuleCtx *ctx)
{
    return (ctx->flags & CTX_KEYS_REQUEST) != 0;
}

int rm_IsChannelsPositionRequest(RedisModuleCtx *ctx)
{
    return (ctx->flags & CTX_CHANNELS_REQUEST) != 0;
}

void rm_KeyAtPosWithFlags(RedisModuleCtx *ctx, int pos, int flags)
{
    if ((ctx->flags & CTX_KEYS_REQUEST) && pos > 0)
        key_refs_add(ctx->positions, pos, (unsigned)flags & COMMAND_KEY_FLAGS);
}

void rm_KeyAtPos(RedisModuleCtx *ctx, int pos)
{
    rm_KeyAtPosWithFlags(ctx, pos, KEY_RW | KEY_ACCESS | KEY_UPDATE);
}

void rm_ChannelAtPosWithFlags(RedisModuleCtx *ctx, int pos, int flags)
{
    if (!(ctx->flags & CTX_CHANNELS_REQUEST) || pos <= 0)
        return;
    unsigned out = flags & REDISMODULE_CMD_CHANNEL_PATTERN ? CHANNEL_PATTERN : 0;
    if (!(flags & (REDISMODULE_CMD_CHANNEL_PUBLISH | REDISMODULE_CMD_CHANNEL_SUBSCRIBE)))
        out |= CHANNEL_FREE;
    key_refs_add(ctx->positions, pos, out);
}

/* -- Making --------------------------------------------------------------------------------------------------------------- */

enum { WANTS_KEYS = 1 << 0, WANTS_CHANNELS = 1 << 1 };

static const struct {
    const char *word;
    unsigned flag, wants;
} flag_words[] = {
    {"write", CMD_WRITE, 0},
    {"readonly", CMD_READONLY, 0},
    {"admin", CMD_ADMIN, 0},
    {"deny-oom", CMD_DENYOOM, 0},
    {"deny-script", CMD_NOSCRIPT, 0},
    {"allow-loading", CMD_LOADING, 0},
    {"pubsub", CMD_PUBSUB, 0},
    {"random", 0, 0}, /* of old; says nothing any more */
    {"blocking", CMD_BLOCKING, 0},
    {"allow-stale", CMD_STALE, 0},
    {"no-monitor", CMD_SKIP_MONITOR, 0},
    {"no-slowlog", CMD_SKIP_SLOWLOG, 0},
    {"fast", CMD_FAST, 0},
    {"no-auth", CMD_NO_AUTH, 0},
    {"may-replicate", CMD_MAY_REPLICATE, 0},
    {"getkeys-api", 0, WANTS_KEYS},
    {"getchannels-api", 0, WANTS_CHANNELS},
    {"no-cluster", 0, 0}, /* there is no cluster to keep it out of */
    {"no-mandatory-keys", CMD_NO_MANDATORY_KEYS, 0},
    {"allow-busy", CMD_ALLOW_BUSY, 0},
};

/* Words parted by single blanks; an empty text has none. */
static bool parse_flags(const char *text, unsigned *flags, unsigned *wants)
{
    *flags = CMD_MODULE;
    *wants = 0;
    for (const char *at = text; at && *text; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL) {
        size_t n = strcspn(at, " "), i = 0;
        while (i < COUNT_OF(flag_words) && !slice_is(slice_make(at, n), flag_words[i].word))
            i++;
        if (i == COUNT_OF(flag_words))
            return false;
        *flags |= flag_words[i].flag;
        *wants |= flag_words[i].wants;
    }
    return true;
}

static bool name_ok(const char *name)
{
    return *name && !strpbrk(name, " \r\n|@=,");
}

struct making {
    struct module *module;
    const RedisModuleCommand *parent; /* NULL: none */
    const char *name;
    RedisModuleCmdFunc fn;
    unsigned flags, wants;
    int first, last, step;
};

static void make(const struct making *k)
{
    RedisModuleCommand *mc = mem_calloc(1, sizeof *mc);
    mc->module = k->module;
    mc->fn = k->fn;
    mc->tables = arena_new(512);
    const char *name = arena_strdup(mc->tables, k->name);
    mc->cmd = (struct command){
        .name = name,
        .fullname = k->parent ? arena_printf(mc->tables, "%s|%s", k->parent->cmd.name, name) : name,
        .container = k->parent ? k->parent->cmd.name : NULL,
        .fn = k->fn ? run : NULL,
        .arity = k->parent || !k->fn ? -2 : -1,
        .flags = k->flags,
        .group = GROUP_MODULE,
        .getkeys = k->wants & WANTS_KEYS ? get_keys : NULL,
        .getchannels = k->wants & WANTS_CHANNELS ? get_channels : NULL,
        .module = k->module->name};
    if (k->first) {
        struct key_spec *spec = arena_alloc(mc->tables, sizeof *spec);
        *spec = (struct key_spec){.flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
                                  .begin = KEY_BEGIN_INDEX,
                                  .index = k->first,
                                  .find = KEY_FIND_RANGE,
                                  .last_key = k->last >= 0 ? k->last - k->first : k->last,
                                  .step = k->step};
        if (k->wants & WANTS_KEYS)
            spec->flags |= KEY_VARIABLE_FLAGS;
        mc->cmd.keys = spec;
        mc->cmd.nkeys = 1;
    }
    command_register(&mc->cmd, 1);
    list_push(&k->module->commands, &mc->link);
}

/* A step that does not go on would never end. */
static bool keys_ok(int first, int step)
{
    return first >= 0 && (first == 0 || step > 0);
}

int rm_CreateCommand(RedisModuleCtx *ctx, const char *name, RedisModuleCmdFunc fn,
                     const char *strflags, int first, int last, int step)
{
    struct making k = {
        .module = ctx->module, .name = name, .fn = fn, .first = first, .last = last, .step = step};
    if (!ctx->module->loading || !ctx->module->name || !name_ok(name) || !keys_ok(first, step) ||
        !parse_flags(strflags, &k.flags, &k.wants) || command_find(slice_str(name)) ||
        command_find_original(slice_str(name)))
        return REDISMODULE_ERR;
    make(&k);
    return REDISMODULE_OK;
}

int rm_CreateSubcommand(RedisModuleCommand *parent, const char *name, RedisModuleCmdFunc fn,
                        const char *strflags, int first, int last, int step)
{
    struct making k = {.module = parent->module,
                       .parent = parent,
                       .name = name,
                       .fn = fn,
                       .first = first,
                       .last = last,
                       .step = step};
    if (!parent->module->loading || !name_ok(name) || !fn || !keys_ok(first, step) ||
        !parse_flags(strflags, &k.flags, &k.wants) || parent->cmd.parent || parent->fn ||
        command_sub(&parent->cmd, slice_str(name)))
        return REDISMODULE_ERR;
    make(&k);
    return REDISMODULE_OK;
}

void module__commands_drop(struct module *m)
{
    while (!list_empty(&m->commands)) {
        RedisModuleCommand *mc = LIST_ENTRY(m->commands.prev, struct RedisModuleCommand, link);
        list_remove(&mc->link);
        command_unregister(&mc->cmd);
        arena_free(mc->tables);
        mem_free(mc);
    }
}

/* -- Asking about commands ------------------------------------------------------------------------------------------------- */

RedisModuleCommand *rm_GetCommand(RedisModuleCtx *ctx, const char *name)
{
    struct command *cmd = command_find_full(slice_str(name));
    RedisModuleCommand *mc = cmd ? module__command_of(cmd) : NULL;
    return mc && mc->module == ctx->module ? mc : NULL;
}

const char *rm_GetCurrentCommandName(RedisModuleCtx *ctx)
{
    return ctx && ctx->call ? ctx->call->cmd->fullname : NULL;
}

static int *positions(const struct command *cmd, const struct slice *argv, int argc, int *num_keys,
                      int **out_flags)
{
    struct key_refs keys;
    key_refs_init(&keys);
    if (!command_keys(cmd, argv, argc, &keys))
        keys.n = 0;
    *num_keys = (int)keys.n;
    int *out = keys.n ? mem_alloc(keys.n * sizeof *out) : NULL;
    if (out && out_flags)
        *out_flags = mem_alloc(keys.n * sizeof **out_flags);
    for (size_t i = 0; out && i < keys.n; i++) {
        out[i] = keys.v[i].pos;
        if (out_flags)
            (*out_flags)[i] = (int)keys.v[i].flags;
    }
    key_refs_free(&keys);
    errno = 0;
    return out;
}

int *rm_GetCommandKeysWithFlags(RedisModuleCtx *ctx, RedisModuleString **argv, int argc,
                                int *num_keys, int **out_flags)
{
    if (argc < 1) {
        errno = ENOENT;
        return NULL;
    }
    struct slice *words = mem_alloc((size_t)argc * sizeof *words);
    for (int i = 0; i < argc; i++)
        words[i] = module__slice(argv[i]);
    const struct command *cmd = command_resolve(words, argc, NULL);
    int *out = NULL;
    if (!cmd)
        errno = ENOENT;
    else if (!command_has_keys(cmd))
        errno = 0;
    else if (!command_arity_ok(cmd, argc))
        errno = EINVAL;
    else
        out = positions(cmd, words, argc, num_keys, out_flags);
    mem_free(words);
    return out;
}

int *rm_GetCommandKeys(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int *num_keys)
{
    return rm_GetCommandKeysWithFlags(ctx, argv, argc, num_keys, NULL);
}
