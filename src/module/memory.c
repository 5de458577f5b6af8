/* Memory for modules: the server's own allocator, so that it counts. Thread: any. */
#include "base/arena.h"
#include "base/mem.h"
#include "module/module_priv.h"

void *rm_Alloc(size_t bytes)
{
    return mem_alloc(bytes);
}

void *rm_TryAlloc(size_t bytes)
{
    return mem_try_alloc(bytes);
}

void *rm_Calloc(size_t count, size_t size)
{
    return mem_calloc(count, size);
}

void *rm_Realloc(void *p, size_t bytes)
{
    return mem_realloc(p, bytes);
}

void rm_Free(void *p)
{
    mem_free(p);
}

char *rm_Strdup(const char *s)
{
    return mem_strdup(s);
}

void *rm_PoolAlloc(RedisModuleCtx *ctx, size_t bytes)
{
    if (!bytes)
        return NULL;
    if (!ctx->pool)
        ctx->pool = arena_new(8192);
    return arena_alloc(ctx->pool, bytes);
}

size_t rm_MallocSize(void *p)
{
    return mem_usable(p);
}

size_t rm_MallocUsableSize(void *p)
{
    return mem_usable(p);
}

size_t rm_MallocSizeString(RedisModuleString *s)
{
    return mem_usable(s) + (s->p != s->in ? mem_usable(s->p) : 0);
}
