/* Defragmentation. The allocator keeps its own fragmentation low and moves nothing on demand (activedefrag cannot be switched on),
 * so no callback is ever called, and what a module asks within one is answered as when nothing has to be moved. */
#include "module/type.h"

int rm_RegisterDefragFunc(RedisModuleCtx *ctx, RedisModuleDefragFunc fn)
{
    return REDISMODULE_OK;
}

void *rm_DefragAlloc(RedisModuleDefragCtx *ctx, void *p)
{
    return NULL;
}

RedisModuleString *rm_DefragRedisModuleString(RedisModuleDefragCtx *ctx, RedisModuleString *s)
{
    return NULL;
}

int rm_DefragShouldStop(RedisModuleDefragCtx *ctx)
{
    return 0;
}

int rm_DefragCursorSet(RedisModuleDefragCtx *ctx, unsigned long cursor)
{
    return REDISMODULE_ERR;
}

int rm_DefragCursorGet(RedisModuleDefragCtx *ctx, unsigned long *cursor)
{
    return REDISMODULE_ERR;
}

int rm_GetDbIdFromDefragCtx(RedisModuleDefragCtx *ctx)
{
    return -1;
}

const RedisModuleString *rm_GetKeyNameFromDefragCtx(RedisModuleDefragCtx *ctx)
{
    return NULL;
}
