/* Clients that wait for a module:
 *
 *   command --BlockClient--> blocked --UnblockClient (any thread)--> queue --loop, once a tick--> answered, freed
 *                               |--deadline--> timeout callback answers;   the handle waits for its UnblockClient
 *                               |--client goes--> disconnect callback;     the handle waits for its UnblockClient
 *
 * A client that waits for keys is asked about by running its command again, which calls the reply callback instead. */
#include "module/block.h"

#include "base/clock.h"
#include "base/mem.h"
#include "event/loop.h"
#include "session/block.h"
#include "session/block_keys.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#include <errno.h>
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list_node queue = {&queue, &queue}; /* under lock */
static _Atomic unsigned queued;

/* -- Callbacks ------------------------------------------------------------------------------------------------------------ */

/* Calls fn with the blocked command's words; what it answers goes to c. */
static int call_back(RedisModuleBlockedClient *bc, struct call *c, RedisModuleCmdFunc fn,
                     unsigned flags)
{
    RedisModuleCtx ctx;
    RedisModuleString **argv = module__argv(c->argv, c->argc);
    module__ctx_command(&ctx, bc->module, c);
    ctx.flags |= flags;
    ctx.blocked = bc;
    ctx.blocked_data = bc->privdata;
    struct slice key = block_keys_woken_by();
    if (key.p)
        ctx.ready_key = module__string(key);
    call_no_propagate(c);
    int rc = fn(&ctx, argv, c->argc);
    module__string_unref(ctx.ready_key);
    module__ctx_close(&ctx);
    module__argv_free(argv, c->argc);
    return rc;
}

static void free_privdata(RedisModuleBlockedClient *bc)
{
    if (!bc->privdata || !bc->free_privdata)
        return;
    RedisModuleCtx ctx;
    module__ctx_open(&ctx, bc->module);
    ctx.blocked_data = bc->privdata;
    if (bc->gone)
        ctx.flags |= CTX_BLOCKED_DISCONNECTED;
    bc->free_privdata(&ctx, bc->privdata);
    module__ctx_close(&ctx);
}

static void release(RedisModuleBlockedClient *bc)
{
    free_privdata(bc);
    capture_deinit(&bc->replies);
    bc->module->blocked--;
    bc->module->working -= !bc->on_keys;
    mem_free(bc);
}

/* -- What the session layer asks ------------------------------------------------------------------------------------------ */

static void on_timeout(struct call *c, void *state)
{
    RedisModuleBlockedClient *bc = state;
    bc->answering = true;
    bc->timed_out = true;
    if (bc->timeout)
        call_back(bc, c, bc->timeout, CTX_BLOCKED_TIMEOUT);
    block_add_duration(c->s, atomic_load(&bc->work_us));
}

/* The session does not wait for bc any more. */
static void on_released(void *state)
{
    RedisModuleBlockedClient *bc = state;
    if (!bc->answering) {
        bc->gone = true;
        if (bc->disconnect) {
            RedisModuleCtx ctx;
            module__ctx_open(&ctx, bc->module);
            ctx.blocked = bc;
            ctx.blocked_data = bc->privdata;
            bc->disconnect(&ctx, bc);
            module__ctx_close(&ctx);
        }
    }
    bc->s = NULL;
    /* Nobody calls UnblockClient for who waited for keys, unless it has been called already. */
    if (bc->on_keys && !bc->unblocked)
        release(bc);
}

static const struct block_ops ops = {
    .kind = "module", .after_others = true, .timeout = on_timeout, .free_state = on_released};
static const struct block_ops endless_ops = {
    .kind = "module", .after_others = true, .free_state = on_released};

/* -- Blocking ------------------------------------------------------------------------------------------------------------- */

static RedisModuleBlockedClient *make(RedisModuleCtx *ctx, RedisModuleCmdFunc reply,
                                      RedisModuleCmdFunc timeout,
                                      void (*free_fn)(RedisModuleCtx *, void *), void *privdata)
{
    RedisModuleBlockedClient *bc = mem_calloc(1, sizeof *bc);
    bc->module = ctx->module;
    bc->session_id = ctx->s->id;
    bc->db = ctx->db;
    bc->reply = reply;
    bc->timeout = timeout;
    bc->free_privdata = free_fn;
    bc->privdata = privdata;
    capture_init(&bc->replies, ctx->s->resp);
    bc->module->blocked++;
    return bc;
}

static void enqueue(RedisModuleBlockedClient *bc)
{
    pthread_mutex_lock(&lock);
    bool first = !bc->unblocked;
    bc->unblocked = true;
    if (first) {
        list_push(&queue, &bc->link);
        atomic_fetch_add(&queued, 1);
    }
    pthread_mutex_unlock(&lock);
    loop_wake_async(lifecycle.loop);
}

/* False, answered: nobody may wait here. */
static bool may_block(RedisModuleCtx *ctx)
{
    struct call *c = ctx->call;
    if (!c) /* outside of commands there is no client */
        return false;
    bool client = !(ctx->s->flags & SESS_INTERNAL) || (ctx->s->flags & SESS_NESTED);
    if (client && !(ctx->s->flags & SESS_DENY_BLOCKING))
        return true;
    if (c->in_script)
        reply_error(c, "ERR Blocking module command called from Lua script");
    else if (c->in_exec)
        reply_error(c, "ERR Blocking module command called from transaction");
    return false;
}

/* 0: never. */
static int64_t deadline(long long timeout_ms)
{
    int64_t now = clock_wall_ms();
    return timeout_ms > 0 && timeout_ms <= INT64_MAX - now ? now + timeout_ms : 0;
}

RedisModuleBlockedClient *rm_BlockClient(RedisModuleCtx *ctx, RedisModuleCmdFunc reply,
                                         RedisModuleCmdFunc timeout,
                                         void (*free_fn)(RedisModuleCtx *, void *),
                                         long long timeout_ms)
{
    RedisModuleBlockedClient *bc = make(ctx, reply, timeout, free_fn, NULL);
    bc->module->working++;
    if (!may_block(ctx))
        return bc;
    bc->s = ctx->s;
    block_session(ctx->call, timeout ? &ops : &endless_ops, bc, deadline(timeout_ms));
    return bc;
}

RedisModuleBlockedClient *module__block_auth(RedisModuleCtx *ctx, RedisModuleAuthCallback reply,
                                             void (*free_fn)(RedisModuleCtx *, void *))
{
    RedisModuleBlockedClient *bc = make(ctx, NULL, NULL, free_fn, NULL);
    bc->module->working++;
    bc->auth_reply = reply;
    if (!may_block(ctx))
        return bc;
    bc->s = ctx->s;
    block_session(ctx->call, &endless_ops, bc, 0);
    return bc;
}

/* Where the handle of a session that waits for keys is found when its command runs again. */
static RedisModuleBlockedClient *waiting_on_keys(struct session *s)
{
    return s->block ? s->slot[SESS_SLOT_MODULE] : NULL;
}

RedisModuleBlockedClient *
rm_BlockClientOnKeysWithFlags(RedisModuleCtx *ctx, RedisModuleCmdFunc reply,
                              RedisModuleCmdFunc timeout, void (*free_fn)(RedisModuleCtx *, void *),
                              long long timeout_ms, RedisModuleString **keys, int n, void *privdata,
                              int flags)
{
    RedisModuleBlockedClient *bc = make(ctx, reply, timeout, free_fn, privdata);
    bc->on_keys = true;
    if (!may_block(ctx)) {
        enqueue(bc); /* nobody else would end it */
        return bc;
    }
    struct slice *names = mem_alloc((size_t)n * sizeof *names + 1);
    for (int i = 0; i < n; i++)
        names[i] = module__slice(keys[i]);
    bc->s = ctx->s;
    ctx->s->slot[SESS_SLOT_MODULE] = bc;
    unsigned how = BLOCK_KEYS_ANY;
    if (flags & REDISMODULE_BLOCK_UNBLOCK_DELETED)
        how |= BLOCK_KEYS_NOKEY;
    block_on_keys_with(ctx->call, names, (size_t)n, KV_MODULE, deadline(timeout_ms), how,
                       timeout ? &ops : &endless_ops, bc);
    mem_free(names);
    return bc;
}

RedisModuleBlockedClient *rm_BlockClientOnKeys(RedisModuleCtx *ctx, RedisModuleCmdFunc reply,
                                               RedisModuleCmdFunc timeout,
                                               void (*free_fn)(RedisModuleCtx *, void *),
                                               long long timeout_ms, RedisModuleString **keys,
                                               int n, void *privdata)
{
    return rm_BlockClientOnKeysWithFlags(ctx, reply, timeout, free_fn, timeout_ms, keys, n,
                                         privdata, REDISMODULE_BLOCK_UNBLOCK_DEFAULT);
}

bool module__block_serve(struct call *c)
{
    RedisModuleBlockedClient *bc = waiting_on_keys(c->s);
    if (!bc)
        return false;
    if (call_back(bc, c, bc->reply, CTX_BLOCKED_REPLY) == REDISMODULE_OK)
        bc->answering = true;
    else
        block_on_keys(c, NULL, 0, KV_MODULE, 0, 0); /* goes on as it was */
    return true;
}

void rm_SignalKeyAsReady(RedisModuleCtx *ctx, RedisModuleString *key)
{
    block_keys_signal(ctx->db, module__slice(key));
}

/* -- Unblocking ----------------------------------------------------------------------------------------------------------- */

int rm_UnblockClient(RedisModuleBlockedClient *bc, void *privdata)
{
    if (bc->on_keys) {
        /* Ends the wait before its time: as if that had passed. Not from other threads. */
        if (!bc->timeout)
            return REDISMODULE_ERR;
        if (bc->unblocked)
            return REDISMODULE_OK;
        enqueue(bc);
        if (bc->s)
            (void)block_unblock(bc->s, false);
        return REDISMODULE_OK;
    }
    bc->privdata = privdata;
    enqueue(bc);
    return REDISMODULE_OK;
}

int rm_AbortBlock(RedisModuleBlockedClient *bc)
{
    bc->reply = NULL;
    bc->auth_reply = NULL;
    bc->disconnect = NULL;
    return rm_UnblockClient(bc, NULL);
}

static void answer(struct call *c, void *state, void *arg)
{
    RedisModuleBlockedClient *bc = state;
    bc->answering = true;
    c->duration_us = 0;
    if (bc->reply)
        call_back(bc, c, bc->reply, CTX_BLOCKED_REPLY);
    if (!capture_empty(&bc->replies))
        capture_reply(&bc->replies, c);
}

static void handle(RedisModuleBlockedClient *bc)
{
    if (bc->s && bc->auth_asked) {
        bc->answering = true;
        block_add_duration(bc->s, atomic_load(&bc->work_us));
        module__auth_resume(bc);
    } else if (bc->s && !bc->on_keys) {
        block_add_duration(bc->s, atomic_load(&bc->work_us));
        block_wake(bc->s, answer, NULL);
    }
    release(bc);
}

static void on_tick(void *arg)
{
    while (atomic_load_explicit(&queued, memory_order_relaxed)) {
        pthread_mutex_lock(&lock);
        struct list_node *n = queue.next;
        list_remove(n);
        atomic_fetch_sub(&queued, 1);
        pthread_mutex_unlock(&lock);
        handle(LIST_ENTRY(n, struct RedisModuleBlockedClient, link));
    }
}

void module__block_start(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    loop_on_tick(lifecycle.loop, LOOP_PRIO_UNBLOCK, on_tick, NULL);
}

const char *module__block_refuses(struct module *m)
{
    return m->blocked ? "the module has blocked clients. Please wait for them to be unblocked and "
                        "try again"
                      : NULL;
}

/* -- What a module asks about it ------------------------------------------------------------------------------------------ */

void rm_BlockClientSetPrivateData(RedisModuleBlockedClient *bc, void *privdata)
{
    bc->privdata = privdata;
}

void *rm_BlockClientGetPrivateData(RedisModuleBlockedClient *bc)
{
    return bc->privdata;
}

void rm_SetDisconnectCallback(RedisModuleBlockedClient *bc, RedisModuleDisconnectFunc fn)
{
    bc->disconnect = fn;
}

int rm_IsBlockedReplyRequest(RedisModuleCtx *ctx)
{
    return (ctx->flags & CTX_BLOCKED_REPLY) != 0;
}

int rm_IsBlockedTimeoutRequest(RedisModuleCtx *ctx)
{
    return (ctx->flags & CTX_BLOCKED_TIMEOUT) != 0;
}

int rm_BlockedClientDisconnected(RedisModuleCtx *ctx)
{
    return (ctx->flags & CTX_BLOCKED_DISCONNECTED) != 0;
}

void *rm_GetBlockedClientPrivateData(RedisModuleCtx *ctx)
{
    return ctx->blocked_data;
}

RedisModuleString *rm_GetBlockedClientReadyKey(RedisModuleCtx *ctx)
{
    return ctx->ready_key;
}

RedisModuleBlockedClient *rm_GetBlockedClientHandle(RedisModuleCtx *ctx)
{
    return ctx->blocked;
}

int rm_BlockedClientMeasureTimeStart(RedisModuleBlockedClient *bc)
{
    bc->work_start_us = clock_mono_us();
    return REDISMODULE_OK;
}

int rm_BlockedClientMeasureTimeEnd(RedisModuleBlockedClient *bc)
{
    if (!bc->work_start_us)
        return REDISMODULE_ERR;
    atomic_fetch_add(&bc->work_us, clock_mono_us() - bc->work_start_us);
    return REDISMODULE_OK;
}
