/* A module with a little of everything that a module leaves behind when it goes: a command, a subcommand, options, an INFO
 * section. Its first argument makes it fail: "fail" half-way, "stay" when
 * it shall be unloaded, "unset" for options that it does not set. LIFE.CRASH ends the server inside of crash_here. */
#include "redismodule.h"

#include <string.h>

#ifndef LIFE_APIVER /* that it asks for */
#define LIFE_APIVER REDISMODULE_APIVER_1
#endif

static int on = 1;
static long long level = 7;
static int stay;

static int get_on(const char *name, void *arg)
{
    return on;
}

static int set_on(const char *name, int v, void *arg, RedisModuleString **err)
{
    on = v;
    return REDISMODULE_OK;
}

static long long get_level(const char *name, void *arg)
{
    return level;
}

static int set_level(const char *name, long long v, void *arg, RedisModuleString **err)
{
    if (v == 13) {
        *err = RedisModule_CreateString(NULL, "not thirteen", 12);
        return REDISMODULE_ERR;
    }
    level = v;
    return REDISMODULE_OK;
}

static int life_level(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    return RedisModule_ReplyWithLongLong(ctx, level);
}

__attribute__((noinline)) int crash_here(volatile int *p)
{
    return *p + 1;
}

static int life_crash(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    return RedisModule_ReplyWithLongLong(ctx, crash_here((volatile int *)8));
}

static void info(RedisModuleInfoCtx *ctx, int for_crash_report)
{
    RedisModule_InfoAddSection(ctx, "state");
    RedisModule_InfoAddFieldLongLong(ctx, "level", level);
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    if (RedisModule_Init(ctx, "life", 3, LIFE_APIVER) == REDISMODULE_ERR)
        return REDISMODULE_ERR;
    const char *how = argc ? RedisModule_StringPtrLen(argv[0], NULL) : "";
    stay = strcmp(how, "stay") == 0;
    if (RedisModule_CreateCommand(ctx, "life.level", life_level, "readonly fast", 0, 0, 0) ==
            REDISMODULE_ERR ||
        RedisModule_CreateCommand(ctx, "life.crash", life_crash, "admin", 0, 0, 0) ==
            REDISMODULE_ERR ||
        RedisModule_CreateCommand(ctx, "life.box", NULL, "", 0, 0, 0) == REDISMODULE_ERR)
        return REDISMODULE_ERR;
    RedisModuleCommand *box = RedisModule_GetCommand(ctx, "life.box");
    if (!box || RedisModule_CreateSubcommand(box, "level", life_level, "readonly", 0, 0, 0) ==
                    REDISMODULE_ERR)
        return REDISMODULE_ERR;
    RedisModule_RegisterInfoFunc(ctx, info);
    RedisModule_RegisterBoolConfig(ctx, "on", 1, REDISMODULE_CONFIG_DEFAULT, get_on, set_on, NULL,
                                   NULL);
    RedisModule_RegisterNumericConfig(ctx, "level", 7, REDISMODULE_CONFIG_DEFAULT, 0, 1000,
                                      get_level, set_level, NULL, NULL);
    if (strcmp(how, "fail") == 0 ||
        RedisModule_CreateCommand(ctx, "get", life_level, "", 0, 0, 0) == REDISMODULE_OK)
        return REDISMODULE_ERR;
    return strcmp(how, "unset") == 0 ? REDISMODULE_OK : RedisModule_LoadConfigs(ctx);
}

int RedisModule_OnUnload(RedisModuleCtx *ctx)
{
    return stay ? REDISMODULE_ERR : REDISMODULE_OK;
}
