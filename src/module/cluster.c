/* Messages between the nodes of a cluster: there is none, and the functions say so as they do in a Redis without cluster-enabled. */
#include "module/module_priv.h"

#include <errno.h>

void rm_RegisterClusterMessageReceiver(RedisModuleCtx *ctx, uint8_t type,
                                       RedisModuleClusterMessageReceiver fn)
{
}

int rm_SendClusterMessage(RedisModuleCtx *ctx, const char *target_id, uint8_t type, const char *msg,
                          uint32_t len)
{
    return REDISMODULE_ERR;
}

char **rm_GetClusterNodesList(RedisModuleCtx *ctx, size_t *n)
{
    return NULL;
}

void rm_FreeClusterNodesList(char **ids)
{
}

const char *rm_GetMyClusterID(void)
{
    return NULL;
}

size_t rm_GetClusterSize(void)
{
    return 0;
}

int rm_GetClusterNodeInfo(RedisModuleCtx *ctx, const char *id, char *ip, char *master_id, int *port,
                          int *flags)
{
    return REDISMODULE_ERR;
}

void rm_SetClusterFlags(RedisModuleCtx *ctx, uint64_t flags)
{
}
