/* Users of modules, what users may do, and ACL LOG. Logging in stands in auth.c. */
#include "base/mem.h"
#include "config/words.h"
#include "module/module_priv.h"
#include "session/acl.h"

#include <errno.h>

/* -- Users ----------------------------------------------------------------------------------------------------------------- */

static RedisModuleUser *make(struct acl_user *user, bool owned)
{
    RedisModuleUser *u = mem_alloc(sizeof *u);
    *u = (RedisModuleUser){.user = user, .owned = owned};
    return u;
}

RedisModuleUser *rm_CreateModuleUser(const char *name)
{
    return make(acl_user_new(slice_str(name)), true);
}

void rm_FreeModuleUser(RedisModuleUser *user)
{
    if (user->owned)
        acl_close_clients(user->user);
    acl_user_unref(user->user);
    mem_free(user);
}

RedisModuleUser *rm_GetModuleUserFromUserName(RedisModuleString *name)
{
    struct acl_user *user = acl_find(module__slice(name));
    return user ? make(acl_user_ref(user), false) : NULL;
}

RedisModuleString *rm_GetCurrentUserName(RedisModuleCtx *ctx)
{
    if (ctx->s->user == acl_root())
        return NULL;
    struct slice name = acl_name(ctx->s->user);
    return rm_CreateString(ctx, name.p, name.n);
}

void rm_SetContextUser(RedisModuleCtx *ctx, const RedisModuleUser *user)
{
    ctx->user = (RedisModuleUser *)(uintptr_t)user;
}

int rm_SetModuleUserACL(RedisModuleUser *user, const char *acl)
{
    struct slice rule = slice_str(acl);
    struct buf report = BUF_INIT;
    enum status st = acl_change_user(user->user, &rule, 1, &report);
    buf_free(&report);
    return st == ST_OK ? REDISMODULE_OK : REDISMODULE_ERR;
}

static void set_error(RedisModuleCtx *ctx, RedisModuleString **error, struct slice text)
{
    if (error)
        *error = rm_CreateString(ctx, text.p, text.n);
}

int rm_SetModuleUserACLString(RedisModuleCtx *ctx, RedisModuleUser *user, const char *acl,
                              RedisModuleString **error)
{
    struct config_words w;
    if (!config_words_split(&w, slice_str(acl))) {
        set_error(ctx, error, SLICE("unbalanced quotes in the rules"));
        return REDISMODULE_ERR;
    }
    struct buf report = BUF_INIT;
    enum status st = acl_change_user(user->user, w.v, w.n, &report);
    if (st != ST_OK)
        set_error(ctx, error, buf_slice(&report));
    buf_free(&report);
    config_words_free(&w);
    return st == ST_OK ? REDISMODULE_OK : REDISMODULE_ERR;
}

RedisModuleString *rm_GetModuleUserACLString(RedisModuleUser *user)
{
    struct buf text = BUF_INIT;
    acl_describe(user->user, &text);
    RedisModuleString *s = module__string(buf_slice(&text));
    buf_free(&text);
    return s;
}

/* -- Checks ---------------------------------------------------------------------------------------------------------------- */

static int denied(int why)
{
    errno = why;
    return REDISMODULE_ERR;
}

int rm_ACLCheckCommandPermissions(RedisModuleUser *user, RedisModuleString **argv, int argc)
{
    if (argc < 1)
        return denied(ENOENT);
    struct slice *words = mem_alloc((size_t)argc * sizeof *words);
    for (int i = 0; i < argc; i++)
        words[i] = module__slice(argv[i]);
    const struct command *cmd = command_resolve(words, argc, NULL);
    bool ok = cmd && acl_check(user->user, cmd, words, argc, NULL) == ACL_OK;
    mem_free(words);
    return ok ? REDISMODULE_OK : denied(cmd ? EACCES : ENOENT);
}

int rm_ACLCheckKeyPermissions(RedisModuleUser *user, RedisModuleString *key, int flags)
{
    const int known = REDISMODULE_CMD_KEY_ACCESS | REDISMODULE_CMD_KEY_INSERT |
                      REDISMODULE_CMD_KEY_DELETE | REDISMODULE_CMD_KEY_UPDATE;
    if (flags & ~known)
        return denied(EINVAL);
    bool ok = acl_check_key(user->user, module__slice(key), (unsigned)flags);
    return ok ? REDISMODULE_OK : denied(EACCES);
}

int rm_ACLCheckChannelPermissions(RedisModuleUser *user, RedisModuleString *ch, int flags)
{
    const int known = REDISMODULE_CMD_CHANNEL_PUBLISH | REDISMODULE_CMD_CHANNEL_SUBSCRIBE |
                      REDISMODULE_CMD_CHANNEL_UNSUBSCRIBE | REDISMODULE_CMD_CHANNEL_PATTERN;
    if (flags & ~known)
        return denied(EINVAL);
    /* Everybody may stop listening. */
    if (flags & REDISMODULE_CMD_CHANNEL_UNSUBSCRIBE)
        return REDISMODULE_OK;
    bool pattern = (flags & REDISMODULE_CMD_CHANNEL_PATTERN) != 0;
    bool ok = acl_check_channel(user->user, module__slice(ch), pattern);
    return ok ? REDISMODULE_OK : REDISMODULE_ERR;
}

/* -- ACL LOG --------------------------------------------------------------------------------------------------------------- */

static void add_entry(RedisModuleCtx *ctx, struct slice name, RedisModuleString *object,
                      RedisModuleACLLogEntryReason reason)
{
    enum acl_verdict v = ACL_OK;
    switch (reason) {
    case REDISMODULE_ACL_LOG_AUTH:
        v = ACL_DENIED_AUTH;
        break;
    case REDISMODULE_ACL_LOG_CMD:
        v = ACL_DENIED_CMD;
        break;
    case REDISMODULE_ACL_LOG_KEY:
        v = ACL_DENIED_KEY;
        break;
    case REDISMODULE_ACL_LOG_CHANNEL:
        v = ACL_DENIED_CHANNEL;
        break;
    }
    if (v != ACL_OK)
        acl_log_add(ctx->s, v, ACL_CONTEXT_MODULE, module__slice(object), name);
}

void rm_ACLAddLogEntry(RedisModuleCtx *ctx, RedisModuleUser *user, RedisModuleString *object,
                       RedisModuleACLLogEntryReason reason)
{
    add_entry(ctx, acl_name(user->user), object, reason);
}

void rm_ACLAddLogEntryByUserName(RedisModuleCtx *ctx, RedisModuleString *username,
                                 RedisModuleString *object, RedisModuleACLLogEntryReason reason)
{
    add_entry(ctx, module__slice(username), object, reason);
}
