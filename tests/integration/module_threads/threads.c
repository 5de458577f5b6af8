/* A module for tests of the lock: a few threads do what clients ask for, with the keyspace locked. */
#include "redismodule.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4

struct job {
    struct job *next;
    RedisModuleBlockedClient *client;
    RedisModuleString *key;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some = PTHREAD_COND_INITIALIZER;
static struct job *first, **last = &first;
static RedisModuleCtx *detached;
static long long events[2]; /* disconnected, timed out */

static void work(struct job *j)
{
    RedisModuleCtx *ctx = RedisModule_GetThreadSafeContext(j->client);
    RedisModule_ThreadSafeContextLock(ctx);
    RedisModuleCallReply *reply = RedisModule_Call(ctx, "INCR", "!s", j->key);
    long long n = reply ? RedisModule_CallReplyInteger(reply) : -1;
    if (reply)
        RedisModule_FreeCallReply(reply);
    RedisModule_FreeString(ctx, j->key);
    RedisModule_ThreadSafeContextUnlock(ctx);
    RedisModule_ReplyWithLongLong(ctx, n);
    RedisModule_FreeThreadSafeContext(ctx);
    RedisModule_UnblockClient(j->client, NULL);
    RedisModule_Free(j);
}

static void *worker(void *arg)
{
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!first)
            pthread_cond_wait(&some, &lock);
        struct job *j = first;
        first = j->next;
        if (!first)
            last = &first;
        pthread_mutex_unlock(&lock);
        work(j);
    }
    return arg;
}

/* THREADS.INCR key */
static int incr(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    if (argc != 2)
        return RedisModule_WrongArity(ctx);
    struct job *j = RedisModule_Calloc(1, sizeof *j);
    j->key = RedisModule_CreateStringFromString(NULL, argv[1]);
    j->client = RedisModule_BlockClient(ctx, NULL, NULL, NULL, 0);
    pthread_mutex_lock(&lock);
    *last = j;
    last = &j->next;
    pthread_cond_signal(&some);
    pthread_mutex_unlock(&lock);
    return REDISMODULE_OK;
}

static void *fight(void *arg)
{
    for (;;) {
        if (arg)
            RedisModule_ThreadSafeContextLock(detached);
        else if (RedisModule_ThreadSafeContextTryLock(detached) != REDISMODULE_OK)
            continue;
        RedisModuleCallReply *reply = RedisModule_Call(detached, "INCR", "c", "fights");
        if (reply)
            RedisModule_FreeCallReply(reply);
        RedisModule_ThreadSafeContextUnlock(detached);
        RedisModule_Log(detached, "debug", "fought");
    }
    return NULL;
}

/* THREADS.FIGHT: threads that lock, and try to, for ever. */
static int start_fight(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    (void)argv;
    (void)argc;
    static char hard;
    pthread_t t;
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&t, NULL, fight, i % 2 ? &hard : NULL);
        pthread_detach(t);
    }
    return RedisModule_ReplyWithSimpleString(ctx, "OK");
}

static int on_timeout(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    (void)argv;
    (void)argc;
    events[1]++;
    RedisModule_UnblockClient(RedisModule_GetBlockedClientHandle(ctx), NULL);
    return RedisModule_ReplyWithSimpleString(ctx, "timeout");
}

static void on_disconnect(RedisModuleCtx *ctx, RedisModuleBlockedClient *bc)
{
    (void)ctx;
    events[0]++;
    RedisModule_UnblockClient(bc, NULL);
}

/* THREADS.WAIT ms: nobody ever answers. */
static int wait_for_nothing(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    long long ms;
    if (argc != 2 || RedisModule_StringToLongLong(argv[1], &ms) != REDISMODULE_OK)
        return RedisModule_WrongArity(ctx);
    RedisModuleBlockedClient *bc = RedisModule_BlockClient(ctx, NULL, on_timeout, NULL, ms);
    RedisModule_SetDisconnectCallback(bc, on_disconnect);
    return REDISMODULE_OK;
}

/* THREADS.EVENTS: how often a client that waited went away, or was timed out. */
static int count(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    (void)argv;
    (void)argc;
    RedisModule_ReplyWithArray(ctx, 2);
    RedisModule_ReplyWithLongLong(ctx, events[0]);
    return RedisModule_ReplyWithLongLong(ctx, events[1]);
}

static void child_done(int code, int signal, void *data)
{
    (void)code;
    (void)signal;
    (void)data;
}

/* THREADS.FORK: a child that lives until it is killed. */
static int start_child(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    (void)argv;
    (void)argc;
    int pid = RedisModule_Fork(child_done, NULL);
    if (pid == 0)
        for (;;)
            pause();
    return RedisModule_ReplyWithLongLong(ctx, pid);
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    (void)argv;
    (void)argc;
    static const struct {
        const char *name;
        RedisModuleCmdFunc fn;
    } commands[] = {{"threads.incr", incr},
                    {"threads.fight", start_fight},
                    {"threads.events", count},
                    {"threads.wait", wait_for_nothing},
                    {"threads.fork", start_child}};
    if (RedisModule_Init(ctx, "threads", 1, REDISMODULE_APIVER_1) != REDISMODULE_OK)
        return REDISMODULE_ERR;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (RedisModule_CreateCommand(ctx, commands[i].name, commands[i].fn, "", 0, 0, 0) !=
            REDISMODULE_OK)
            return REDISMODULE_ERR;
    detached = RedisModule_GetDetachedThreadSafeContext(ctx);
    for (int i = 0; i < THREADS; i++) {
        pthread_t t;
        if (pthread_create(&t, NULL, worker, NULL) != 0)
            return REDISMODULE_ERR;
        pthread_detach(t);
    }
    return REDISMODULE_OK;
}
