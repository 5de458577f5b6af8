/* Contexts: what a module holds while the server calls it. */
#include "base/arena.h"
#include "base/mem.h"
#include "module/module_priv.h"
#include "session/lifecycle.h"
#include "session/sink_null.h"

static void init(RedisModuleCtx *ctx, struct module *m, struct session *s)
{
    *ctx = (RedisModuleCtx){.module = m, .s = s, .kv = s->kv, .db = s->db, .out = sink_null()};
    int (*get_api)(const char *, void **) = module__get_api;
    memcpy(&ctx->get_api, &get_api, sizeof ctx->get_api);
}

void module__ctx_open(RedisModuleCtx *ctx, struct module *m)
{
    init(ctx, m, m->session);
    ctx->db = 0;
    ctx->entered = true;
    ctx->former = call_enter(ctx->s);
}

void module__ctx_detached(RedisModuleCtx *ctx, struct module *m)
{
    static struct module nobody;
    if (!m) {
        m = &nobody;
        if (!m->session)
            m->session = session_new_internal(lifecycle.kv);
    }
    init(ctx, m, m->session);
    ctx->db = 0;
}

void module__ctx_request(RedisModuleCtx *ctx, struct module *m)
{
    init(ctx, m, m->session);
}

void module__ctx_command(RedisModuleCtx *ctx, struct module *m, struct call *c)
{
    init(ctx, m, c->s);
    ctx->call = c;
    ctx->db = c->db;
    ctx->out = c->out;
}

void module__ctx_close(RedisModuleCtx *ctx)
{
    while (ctx->nautos) {
        struct auto_item item = ctx->autos[--ctx->nautos];
        item.free(item.p);
    }
    mem_free(ctx->autos);
    mem_free(ctx->postponed);
    arena_free(ctx->pool);
    if (ctx->entered)
        call_leave(ctx->s, ctx->former);
}

void module__auto_add(RedisModuleCtx *ctx, void *p, void (*free_fn)(void *p))
{
    if (!ctx || !p || !(ctx->flags & CTX_AUTO_MEMORY))
        return;
    if (ctx->nautos == ctx->autos_cap) {
        ctx->autos_cap = ctx->autos_cap ? ctx->autos_cap * 2 : 16;
        ctx->autos = mem_realloc(ctx->autos, ctx->autos_cap * sizeof *ctx->autos);
    }
    ctx->autos[ctx->nautos++] = (struct auto_item){p, free_fn};
}

bool module__auto_forget(RedisModuleCtx *ctx, const void *p)
{
    if (!ctx || !(ctx->flags & CTX_AUTO_MEMORY))
        return false;
    /* What was taken last is mostly freed first. */
    for (size_t i = ctx->nautos; i > 0; i--)
        if (ctx->autos[i - 1].p == p) {
            ctx->autos[i - 1] = ctx->autos[--ctx->nautos];
            return true;
        }
    return false;
}

void rm_AutoMemory(RedisModuleCtx *ctx)
{
    ctx->flags |= CTX_AUTO_MEMORY;
}
