/* Clients: who they are. */
#include "module/event.h"
#include "session/acl.h"

#include <errno.h>

unsigned long long rm_GetClientId(RedisModuleCtx *ctx)
{
    if (ctx->s->flags & SESS_INTERNAL)
        return ctx->s->flags & (SESS_LOADING_LOG | SESS_MASTER) ? UINT64_MAX : 0;
    return ctx->s->id;
}

int rm_GetClientInfoById(void *ci, uint64_t id)
{
    struct session *s = session_by_id(id);
    RedisModuleClientInfo *info = ci;
    if (!s)
        return REDISMODULE_ERR;
    if (!info)
        return REDISMODULE_OK;
    if (info->version != REDISMODULE_CLIENTINFO_VERSION)
        return REDISMODULE_ERR;
    module__client_info(s, info);
    return REDISMODULE_OK;
}

RedisModuleString *rm_GetClientNameById(RedisModuleCtx *ctx, uint64_t id)
{
    const struct session *s = session_by_id(id);
    return s && s->name.n ? rm_CreateString(ctx, s->name.p, s->name.n) : NULL;
}

int rm_SetClientNameById(uint64_t id, RedisModuleString *name)
{
    struct session *s = session_by_id(id);
    struct slice text = module__slice(name);
    if (!s) {
        errno = ENOENT;
        return REDISMODULE_ERR;
    }
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '!' || text.p[i] > '~') {
            errno = EINVAL;
            return REDISMODULE_ERR;
        }
    buf_free(&s->name);
    buf_put_slice(&s->name, text);
    return REDISMODULE_OK;
}

RedisModuleString *rm_GetClientUserNameById(RedisModuleCtx *ctx, uint64_t id)
{
    const struct session *s = session_by_id(id);
    if (!s || s->user == acl_root()) {
        errno = s ? ENOTSUP : ENOENT;
        return NULL;
    }
    struct slice name = acl_name(s->user);
    return rm_CreateString(ctx, name.p, name.n);
}

RedisModuleString *rm_GetClientCertificate(RedisModuleCtx *ctx, uint64_t id)
{
    struct session *s = session_by_id(id);
    struct buf text = BUF_INIT;
    RedisModuleString *out = NULL;
    if (s && s->ops->tls_certificate && s->ops->tls_certificate(s, &text))
        out = rm_CreateString(ctx, text.p, text.n);
    buf_free(&text);
    return out;
}
