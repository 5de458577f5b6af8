/* SetCommandInfo and SetCommandACLCategories: what a module says about its commands. The module's tables may be of another
 * version of the API, whose rows are larger: their sizes are the module's, and rows end with one that is empty. */
#include "base/arena.h"
#include "base/log.h"
#include "module/command_priv.h"
#include "module/module_priv.h"
#include "session/acl.h"

#include <errno.h>
#include <string.h>

#define ONE_BIT(v) ((v) && !((v) & ((v)-1)))

static const RedisModuleCommandHistoryEntry *history_at(const RedisModuleCommandInfo *info,
                                                        size_t i)
{
    return (const void *)((const char *)info->history + i * info->version->sizeof_historyentry);
}

static const RedisModuleCommandKeySpec *spec_at(const RedisModuleCommandInfo *info, size_t i)
{
    return (const void *)((const char *)info->key_specs + i * info->version->sizeof_keyspec);
}

static const RedisModuleCommandArg *arg_at(const RedisModuleCommandInfo *info,
                                           const RedisModuleCommandArg *args, size_t i)
{
    return (const void *)((const char *)args + i * info->version->sizeof_arg);
}

/* -- Checks --------------------------------------------------------------------------------------------------------------- */

static const char *spec_fault(const RedisModuleCommandKeySpec *k)
{
    uint64_t use = k->flags & (REDISMODULE_CMD_KEY_RO | REDISMODULE_CMD_KEY_RW |
                               REDISMODULE_CMD_KEY_OW | REDISMODULE_CMD_KEY_RM);
    uint64_t change = k->flags & (REDISMODULE_CMD_KEY_INSERT | REDISMODULE_CMD_KEY_DELETE |
                                  REDISMODULE_CMD_KEY_UPDATE);
    if (!ONE_BIT(use))
        return "flags: Exactly one of the flags RO, RW, OW, RM required";
    if (change && !ONE_BIT(change))
        return "flags: INSERT, DELETE and UPDATE are mutually exclusive";
    if ((int)k->begin_search_type > REDISMODULE_KSPEC_BS_KEYWORD || (int)k->begin_search_type < 0)
        return "begin_search_type: Invalid value";
    if (k->begin_search_type == REDISMODULE_KSPEC_BS_KEYWORD && !k->bs.keyword.keyword)
        return "bs.keyword.keyword required when begin_search_type is KEYWORD";
    if (k->begin_search_type == REDISMODULE_KSPEC_BS_INDEX && k->bs.index.pos <= 0)
        return "bs.index.pos must be positive";
    if ((int)k->find_keys_type > REDISMODULE_KSPEC_FK_KEYNUM || (int)k->find_keys_type < 0)
        return "find_keys_type: Invalid value";
    if ((k->find_keys_type == REDISMODULE_KSPEC_FK_RANGE && k->fk.range.keystep <= 0) ||
        (k->find_keys_type == REDISMODULE_KSPEC_FK_KEYNUM &&
         (k->fk.keynum.keystep <= 0 || k->fk.keynum.keynumidx < 0 || k->fk.keynum.firstkey < 0)))
        return "steps must be positive, and offsets not negative";
    return NULL;
}

static const char *arg_fault(const RedisModuleCommandArg *a)
{
    bool parts = a->type == REDISMODULE_ARG_TYPE_ONEOF || a->type == REDISMODULE_ARG_TYPE_BLOCK;
    if ((int)a->type > REDISMODULE_ARG_TYPE_BLOCK || (int)a->type < 0)
        return "Undefined type";
    if (a->type == REDISMODULE_ARG_TYPE_PURE_TOKEN && !a->token)
        return "token required when type is PURE_TOKEN";
    if (a->type == REDISMODULE_ARG_TYPE_KEY && a->key_spec_index < 0)
        return "key_spec_index required when type is KEY";
    if (a->type != REDISMODULE_ARG_TYPE_KEY && a->key_spec_index != -1 && a->key_spec_index != 0)
        return "key_spec_index specified but type isn't KEY";
    if (a->flags & ~(_REDISMODULE_CMD_ARG_NEXT - 1))
        return "Invalid flags";
    if (parts && !a->subargs)
        return "subargs required when type is ONEOF or BLOCK";
    if (!parts && a->subargs)
        return "subargs specified but type isn't ONEOF nor BLOCK";
    return NULL;
}

static bool args_ok(const RedisModuleCommandInfo *info, const RedisModuleCommandArg *args)
{
    for (size_t i = 0; args && arg_at(info, args, i)->name; i++) {
        const RedisModuleCommandArg *a = arg_at(info, args, i);
        const char *fault = arg_fault(a);
        if (fault) {
            log_warning(LOG_MODULE, "Invalid command info: Argument \"%s\": %s", a->name, fault);
            return false;
        }
        if (!args_ok(info, a->subargs))
            return false;
    }
    return true;
}

static bool info_ok(const RedisModuleCommandInfo *info)
{
    if (!info->version) {
        log_warning(LOG_MODULE, "Invalid command info: version missing");
        return false;
    }
    for (size_t i = 0; info->history && history_at(info, i)->since; i++)
        if (!history_at(info, i)->changes) {
            log_warning(LOG_MODULE, "Invalid command info: history[%zu].changes missing", i);
            return false;
        }
    for (size_t i = 0; info->key_specs && spec_at(info, i)->begin_search_type; i++) {
        const char *fault = spec_fault(spec_at(info, i));
        if (fault) {
            log_warning(LOG_MODULE, "Invalid command info: key_specs[%zu].%s", i, fault);
            return false;
        }
    }
    return args_ok(info, info->args);
}

/* -- Copies --------------------------------------------------------------------------------------------------------------- */

static const char *copy_text(struct arena *a, const char *text)
{
    return text ? arena_strdup(a, text) : NULL;
}

static void copy_history(RedisModuleCommand *mc, const RedisModuleCommandInfo *info)
{
    size_t n = 0;
    while (history_at(info, n)->since)
        n++;
    struct command_history *v = arena_alloc(mc->tables, (n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = (struct command_history){copy_text(mc->tables, history_at(info, i)->since),
                                        copy_text(mc->tables, history_at(info, i)->changes)};
    mc->cmd.history = v;
    mc->cmd.nhistory = n;
}

static void copy_tips(RedisModuleCommand *mc, const char *tips)
{
    char *text = arena_strdup(mc->tables, tips);
    size_t n = 1, i = 0;
    for (const char *p = text; *p; p++)
        n += *p == ' ';
    const char **v = arena_alloc(mc->tables, n * sizeof *v);
    for (char *at = text; i < n; i++) {
        v[i] = at;
        at += strcspn(at, " ");
        if (*at)
            *at++ = 0;
    }
    mc->cmd.tips = v;
    mc->cmd.ntips = *tips ? n : 0;
}

static struct key_spec copy_spec(struct arena *a, const RedisModuleCommandKeySpec *from)
{
    struct key_spec k = {.flags = (unsigned)from->flags & COMMAND_KEY_FLAGS,
                         .notes = copy_text(a, from->notes)};
    if (from->begin_search_type == REDISMODULE_KSPEC_BS_INDEX) {
        k.begin = KEY_BEGIN_INDEX;
        k.index = from->bs.index.pos;
    } else if (from->begin_search_type == REDISMODULE_KSPEC_BS_KEYWORD) {
        k.begin = KEY_BEGIN_KEYWORD;
        k.keyword = copy_text(a, from->bs.keyword.keyword);
        k.start_from = from->bs.keyword.startfrom;
    }
    switch (from->find_keys_type) {
    case REDISMODULE_KSPEC_FK_OMITTED: /* a single key */
        k.find = KEY_FIND_RANGE;
        k.step = 1;
        break;
    case REDISMODULE_KSPEC_FK_UNKNOWN:
        k.find = KEY_FIND_UNKNOWN;
        break;
    case REDISMODULE_KSPEC_FK_RANGE:
        k.find = KEY_FIND_RANGE;
        k.last_key = from->fk.range.lastkey;
        k.step = from->fk.range.keystep;
        k.limit = from->fk.range.limit;
        break;
    case REDISMODULE_KSPEC_FK_KEYNUM:
        k.find = KEY_FIND_KEYNUM;
        k.keynum_index = from->fk.keynum.keynumidx;
        k.first_key = from->fk.keynum.firstkey;
        k.step = from->fk.keynum.keystep;
        break;
    }
    return k;
}

static void copy_specs(RedisModuleCommand *mc, const RedisModuleCommandInfo *info)
{
    size_t n = 0;
    while (spec_at(info, n)->begin_search_type)
        n++;
    struct key_spec *v = arena_alloc(mc->tables, (n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = copy_spec(mc->tables, spec_at(info, i));
    mc->cmd.keys = v;
    mc->cmd.nkeys = n;
}

static const struct command_arg *copy_args(struct arena *a, const RedisModuleCommandInfo *info,
                                           const RedisModuleCommandArg *args, size_t *n)
{
    static const enum arg_type types[] = {
        [REDISMODULE_ARG_TYPE_STRING] = ARG_STRING,
        [REDISMODULE_ARG_TYPE_INTEGER] = ARG_INTEGER,
        [REDISMODULE_ARG_TYPE_DOUBLE] = ARG_DOUBLE,
        [REDISMODULE_ARG_TYPE_KEY] = ARG_KEY,
        [REDISMODULE_ARG_TYPE_PATTERN] = ARG_PATTERN,
        [REDISMODULE_ARG_TYPE_UNIX_TIME] = ARG_UNIX_TIME,
        [REDISMODULE_ARG_TYPE_PURE_TOKEN] = ARG_PURE_TOKEN,
        [REDISMODULE_ARG_TYPE_ONEOF] = ARG_ONEOF,
        [REDISMODULE_ARG_TYPE_BLOCK] = ARG_BLOCK,
    };
    *n = 0;
    while (args && arg_at(info, args, *n)->name)
        (*n)++;
    struct command_arg *v = arena_alloc(a, (*n + 1) * sizeof *v);
    for (size_t i = 0; i < *n; i++) {
        const RedisModuleCommandArg *from = arg_at(info, args, i);
        bool key = from->type == REDISMODULE_ARG_TYPE_KEY;
        v[i] = (struct command_arg){
            .name = copy_text(a, from->name),
            .token = copy_text(a, from->token),
            .summary = copy_text(a, from->summary),
            .since = copy_text(a, from->since),
            .deprecated_since = copy_text(a, from->deprecated_since),
            .display = copy_text(a, from->display_text),
            .type = types[from->type],
            .optional = (from->flags & REDISMODULE_CMD_ARG_OPTIONAL) != 0,
            .multiple = (from->flags & REDISMODULE_CMD_ARG_MULTIPLE) != 0,
            .multiple_token = (from->flags & REDISMODULE_CMD_ARG_MULTIPLE_TOKEN) != 0,
            .key_spec_index = key ? from->key_spec_index : -1,
        };
        v[i].args = copy_args(a, info, from->subargs, &v[i].nargs);
    }
    return v;
}

/* -- The functions of the API ----------------------------------------------------------------------------------------------- */

static bool has_info(const struct command *cmd)
{
    if (cmd->summary || cmd->complexity || cmd->since || cmd->history || cmd->tips || cmd->args)
        return true;
    /* The one that CreateCommand makes does not count. */
    return cmd->nkeys > 1 || (cmd->nkeys == 1 && (cmd->keys->begin != KEY_BEGIN_INDEX ||
                                                  cmd->keys->find != KEY_FIND_RANGE));
}

int rm_SetCommandInfo(RedisModuleCommand *mc, const RedisModuleCommandInfo *info)
{
    if (!info_ok(info)) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    struct command *cmd = &mc->cmd;
    if (has_info(cmd)) {
        errno = EEXIST;
        return REDISMODULE_ERR;
    }
    cmd->summary = copy_text(mc->tables, info->summary);
    cmd->complexity = copy_text(mc->tables, info->complexity);
    cmd->since = copy_text(mc->tables, info->since);
    if (info->history)
        copy_history(mc, info);
    if (info->tips)
        copy_tips(mc, info->tips);
    if (info->arity)
        cmd->arity = info->arity;
    if (info->key_specs) {
        copy_specs(mc, info);
        command_keys_changed(cmd);
    }
    if (info->args)
        cmd->args = copy_args(mc->tables, info, info->args, &cmd->nargs);
    return REDISMODULE_OK;
}

/* Only categories that there are: modules make none. */
int rm_SetCommandACLCategories(RedisModuleCommand *mc, const char *text)
{
    if (!mc || !mc->module->loading)
        return REDISMODULE_ERR;
    uint32_t categories = 0;
    for (const char *at = text; at && *text; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL) {
        int i = acl_category_find(slice_make(at, strcspn(at, " ")));
        if (i < 0)
            return REDISMODULE_ERR;
        categories |= UINT32_C(1) << i;
    }
    mc->cmd.acl = categories;
    return REDISMODULE_OK;
}
