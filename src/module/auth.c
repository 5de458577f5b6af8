/* Logging in by modules:
 *
 *   AUTH, HELLO -> each module's callback, the newest first -> handled: in, or denied
 *                    | blocks the client                    -> passed on to the next one, at last the password decides
 *                    '--UnblockClient--> the command runs again: the reply callback, then the callbacks behind that one
 *
 * and callbacks that hear when a client that a module has logged in becomes another user's. */
#include "base/dict.h"
#include "base/mem.h"
#include "module/block.h"
#include "module/config.h"
#include "session/acl.h"
#include "session/block.h"
#include "session/hooks.h"

struct asked { /* RegisterAuthCallback */
    struct list_node link;
    struct module *module;
    RedisModuleAuthCallback fn;
};

struct watch { /* somebody wants to hear of it */
    struct module *module;
    RedisModuleUserChangedFunc fn;
    void *arg;
};

static struct list_node callbacks = {&callbacks, &callbacks};
static struct dict *watches; /* session id -> struct watch */
static const struct asked *asking;
static bool has_result; /* the callback that runs has logged the client in */
static RedisModuleBlockedClient *resuming;

/* -- Becoming a user -------------------------------------------------------------------------------------------------------- */

static struct slice key_of(const uint64_t *id)
{
    return slice_make(id, sizeof *id);
}

static void on_user_change(void *arg)
{
    struct session *s = arg;
    struct watch *w = watches ? dict_take(watches, key_of(&s->id)) : NULL;
    if (!w)
        return;
    w->fn(s->id, w->arg);
    mem_free(w);
}

static int become(RedisModuleCtx *ctx, struct acl_user *user, RedisModuleUserChangedFunc fn,
                  void *arg, uint64_t *client_id)
{
    struct session *s = ctx->s;
    if (!acl_enabled(user) || (s->flags & SESS_INTERNAL))
        return REDISMODULE_ERR;
    acl_become(s, user);
    has_result = asking != NULL;
    if (fn) {
        struct watch *w = mem_alloc(sizeof *w);
        *w = (struct watch){ctx->module, fn, arg};
        if (!watches)
            watches = dict_new(0, mem_free);
        (void)dict_add(watches, key_of(&s->id), w);
    }
    if (client_id)
        *client_id = s->id;
    return REDISMODULE_OK;
}

int rm_AuthenticateClientWithUser(RedisModuleCtx *ctx, RedisModuleUser *user,
                                  RedisModuleUserChangedFunc callback, void *privdata,
                                  uint64_t *client_id)
{
    return become(ctx, user->user, callback, privdata, client_id);
}

int rm_AuthenticateClientWithACLUser(RedisModuleCtx *ctx, const char *name, size_t len,
                                     RedisModuleUserChangedFunc callback, void *privdata,
                                     uint64_t *client_id)
{
    struct acl_user *user = acl_find(slice_make(name, len));
    return user ? become(ctx, user, callback, privdata, client_id) : REDISMODULE_ERR;
}

int rm_DeauthenticateAndCloseClient(RedisModuleCtx *ctx, uint64_t client_id)
{
    struct session *s = session_by_id(client_id);
    if (!s)
        return REDISMODULE_ERR;
    acl_close_client(s);
    return REDISMODULE_OK;
}

int rm_RedactClientCommandArgument(RedisModuleCtx *ctx, int pos)
{
    if (!ctx || !ctx->call || pos <= 0 || pos >= ctx->call->argc)
        return REDISMODULE_ERR;
    ctx->call->hidden |= UINT64_C(1) << (pos < 63 ? pos : 63);
    return REDISMODULE_OK;
}

/* -- Callbacks of AUTH and HELLO --------------------------------------------------------------------------------------------- */

void rm_RegisterAuthCallback(RedisModuleCtx *ctx, RedisModuleAuthCallback cb)
{
    struct asked *a = mem_alloc(sizeof *a);
    *a = (struct asked){.module = ctx->module, .fn = cb};
    list_push_front(&callbacks, &a->link);
}

RedisModuleBlockedClient *rm_BlockClientOnAuth(RedisModuleCtx *ctx, RedisModuleAuthCallback reply,
                                               void (*free_privdata)(RedisModuleCtx *, void *))
{
    if (!asking)
        return NULL; /* nobody is logging in */
    RedisModuleBlockedClient *bc = module__block_auth(ctx, reply, free_privdata);
    bc->auth_asked = asking;
    return bc;
}

struct login {
    struct call *c;
    RedisModuleString *name, *password, *why;
};

static void take_why(struct login *l, RedisModuleString *why)
{
    if (l->why != why)
        module__string_unref(l->why);
    l->why = why;
}

/* True: handled. */
static bool ask(struct login *l, const struct asked *a, RedisModuleAuthCallback fn,
                RedisModuleBlockedClient *bc)
{
    RedisModuleString *why = NULL;
    RedisModuleCtx ctx;
    module__ctx_command(&ctx, a->module, l->c);
    if (bc) {
        ctx.flags |= CTX_BLOCKED_REPLY;
        ctx.blocked = bc;
        ctx.blocked_data = bc->privdata;
    }
    asking = a;
    has_result = false;
    int rc = fn(&ctx, l->name, l->password, &why);
    asking = NULL;
    module__ctx_close(&ctx);
    take_why(l, why);
    return rc == REDISMODULE_AUTH_HANDLED;
}

static bool ask_all(struct login *l, RedisModuleBlockedClient *bc)
{
    const struct asked *after = bc ? bc->auth_asked : NULL;
    if (bc && bc->auth_reply && ask(l, after, bc->auth_reply, bc))
        return true;
    bool on = !after;
    LIST_EACH(it, &callbacks)
    {
        const struct asked *a = LIST_ENTRY(it, struct asked, link);
        if (on && ask(l, a, a->fn, NULL))
            return true;
        on = on || a == after;
    }
    return false;
}

static enum acl_login on_login(struct call *c, struct slice name, struct slice password,
                               struct buf *why)
{
    RedisModuleBlockedClient *bc = resuming;
    if (list_empty(&callbacks))
        return ACL_LOGIN_PASS;
    resuming = NULL;
    struct login l = {.c = c, .name = module__string(name), .password = module__string(password)};
    bool handled = ask_all(&l, bc);
    if (l.why)
        buf_put_slice(why, module__slice(l.why));
    module__string_unref(l.name);
    module__string_unref(l.password);
    module__string_unref(l.why);
    if (c->blocked)
        return ACL_LOGIN_BLOCKED;
    if (!handled)
        return ACL_LOGIN_PASS;
    return has_result && (c->s->flags & SESS_AUTHENTICATED) ? ACL_LOGIN_OK : ACL_LOGIN_DENIED;
}

void module__auth_resume(RedisModuleBlockedClient *bc)
{
    resuming = bc;
    block_execute_again(bc->s);
    resuming = NULL;
}

/* -- Start and end ---------------------------------------------------------------------------------------------------------- */

void module__auth_start(void)
{
    acl_on_login(on_login);
    hook_add(HOOK_SESSION_CLOSE, on_user_change);
    hook_add(HOOK_SESSION_RESET, on_user_change);
    hook_add(HOOK_SESSION_USER, on_user_change);
}

/* Its callbacks, and the clients that only it could tell about. */
void module__auth_drop(struct module *m)
{
    LIST_EACH_SAFE(it, next, &callbacks)
    {
        struct asked *a = LIST_ENTRY(it, struct asked, link);
        if (a->module != m)
            continue;
        list_remove(&a->link);
        mem_free(a);
    }
    if (!watches || !dict_count(watches))
        return;
    LIST_EACH_SAFE(at, after, session_list())
    {
        struct session *s = LIST_ENTRY(at, struct session, link);
        const struct watch *w = dict_get(watches, key_of(&s->id));
        if (w && w->module == m)
            acl_close_client(s);
    }
}
