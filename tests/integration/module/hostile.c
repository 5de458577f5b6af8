/* A module that makes trouble. Its first argument says how OnLoad fails, after having registered what it can: "shot", "watch" or
 * "value" leave something behind that would call its code later; "fails" is all the rest. "unsaved": its type cannot be saved. */
#include "redismodule.h"

#include <string.h>
#include <unistd.h>

static RedisModuleType *type;

static void *load(RedisModuleIO *io, int version)
{
    (void)RedisModule_LoadUnsigned(io);
    return RedisModule_Alloc(8);
}

static void save(RedisModuleIO *io, void *value)
{
    RedisModule_SaveUnsigned(io, 1);
}

static void free_value(void *value)
{
    RedisModule_Free(value);
}

static void free_privdata(RedisModuleCtx *ctx, void *privdata)
{
    RedisModule_Free(privdata);
}

static void on_timer(RedisModuleCtx *ctx, void *data)
{
}

static void on_shot(void *data)
{
}

static void on_ready(int fd, void *data, int mask)
{
}

static void on_filter(RedisModuleCommandFilterCtx *filter)
{
}

static int on_notify(RedisModuleCtx *ctx, int kind, const char *event, RedisModuleString *key)
{
    return REDISMODULE_OK;
}

static void on_event(RedisModuleCtx *ctx, RedisModuleEvent event, uint64_t sub, void *data)
{
}

static int on_auth(RedisModuleCtx *ctx, RedisModuleString *name, RedisModuleString *password,
                   RedisModuleString **error)
{
    return REDISMODULE_AUTH_NOT_HANDLED;
}

static int reply(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    return RedisModule_ReplyWithSimpleString(ctx, "here");
}

static void put(RedisModuleCtx *ctx, RedisModuleString *name)
{
    RedisModuleKey *key = RedisModule_OpenKey(ctx, name, REDISMODULE_WRITE);
    RedisModule_ModuleTypeSetValue(key, type, RedisModule_Alloc(8));
    RedisModule_CloseKey(key);
}

/* HOSTILE.SET key */
static int set(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    put(ctx, argv[1]);
    RedisModule_ReplicateVerbatim(ctx);
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

/* HOSTILE.WAIT key milliseconds */
static int wait_key(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    long long ms = 0;
    RedisModule_StringToLongLong(argv[2], &ms);
    RedisModule_BlockClientOnKeys(ctx, reply, reply, free_privdata, ms, argv + 1, 1,
                                  RedisModule_Alloc(10));
    return REDISMODULE_OK;
}

/* HOSTILE.TIMER milliseconds: is stopped at once; what was left. */
static int timer(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    long long ms = 0;
    uint64_t left = 0;
    RedisModule_StringToLongLong(argv[1], &ms);
    RedisModuleTimerID id = RedisModule_CreateTimer(ctx, ms, on_timer, NULL);
    RedisModule_GetTimerInfo(ctx, id, &left, NULL);
    RedisModule_StopTimer(ctx, id, NULL);
    return RedisModule_ReplyWithLongLong(ctx, (long long)left);
}

static void leave_behind(RedisModuleCtx *ctx, const char *how)
{
    RedisModule_RegisterCommandFilter(ctx, on_filter, 0);
    RedisModule_CreateTimer(ctx, 20, on_timer, NULL);
    RedisModule_SubscribeToKeyspaceEvents(ctx, REDISMODULE_NOTIFY_ALL, on_notify);
    RedisModule_SubscribeToServerEvent(ctx, RedisModuleEvent_CronLoop, on_event);
    RedisModule_RegisterAuthCallback(ctx, on_auth);
    RedisModule_ExportSharedAPI(ctx, "hostile", (void *)(uintptr_t)reply);
    if (strcmp(how, "shot") == 0)
        RedisModule_EventLoopAddOneShot(on_shot, NULL);
    if (strcmp(how, "watch") == 0) {
        static int ends[2] = {-1, -1};
        if (pipe(ends) == 0 && write(ends[1], "x", 1) == 1)
            RedisModule_EventLoopAdd(ends[0], REDISMODULE_EVENTLOOP_READABLE, on_ready, NULL);
    }
    if (strcmp(how, "value") == 0) {
        RedisModuleString *name = RedisModule_CreateString(ctx, "left", 4);
        put(ctx, name);
        RedisModule_FreeString(ctx, name);
    }
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    if (RedisModule_Init(ctx, "hostile", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR)
        return REDISMODULE_ERR;
    const char *how = argc ? RedisModule_StringPtrLen(argv[0], NULL) : "";
    int saved = strcmp(how, "unsaved") != 0;
    RedisModuleTypeMethods methods = {.version = 1, .rdb_load = load, .free = free_value};
    if (saved)
        methods.rdb_save = save;
    if (strcmp(how, "plain") != 0)
        type = RedisModule_CreateDataType(ctx, "hostile-x", 0, &methods);
    if (RedisModule_CreateCommand(ctx, "hostile.set", set, "write", 1, 1, 1) == REDISMODULE_ERR ||
        RedisModule_CreateCommand(ctx, "hostile.wait", wait_key, "", 1, 1, 1) == REDISMODULE_ERR ||
        RedisModule_CreateCommand(ctx, "hostile.timer", timer, "", 0, 0, 0) == REDISMODULE_ERR)
        return REDISMODULE_ERR;
    if (!argc || !saved || strcmp(how, "plain") == 0)
        return REDISMODULE_OK;
    leave_behind(ctx, how);
    return REDISMODULE_ERR;
}
