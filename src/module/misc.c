/* What stands by itself: flags of contexts, time, random numbers, the log, publishing, latency, options of modules. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "config/compat_options.h"
#include "keyspace/keyspace_options.h"
#include "module/module_priv.h"
#include "rdb/rdb_options.h"
#include "services/latency/latency.h"
#include "services/pubsub/pubsub.h"
#include "services/script/script.h"
#include "session/block.h"
#include "session/lifecycle.h"
#include "session/multi.h"

#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

/* -- Contexts --------------------------------------------------------------------------------------------------------------- */

static int session_flags(const struct session *s)
{
    int flags = 0;
    if (s->flags & SESS_DENY_BLOCKING)
        flags |= REDISMODULE_CTX_FLAGS_DENY_BLOCKING;
    if (s->flags & SESS_MASTER)
        flags |= REDISMODULE_CTX_FLAGS_REPLICATED;
    if (s->resp == 3)
        flags |= REDISMODULE_CTX_FLAGS_RESP3;
    if (s->flags & (SESS_DIRTY_CAS | SESS_DIRTY_EXEC))
        flags |= REDISMODULE_CTX_FLAGS_MULTI_DIRTY;
    return flags;
}

static int memory_flags(void)
{
    int flags = 0;
    if (keyspace_opts.maxmemory == 0)
        return 0;
    if (!lifecycle.following || !compat_opts.replica_ignore_maxmemory) {
        flags |= REDISMODULE_CTX_FLAGS_MAXMEMORY;
        if (keyspace_opts.maxmemory_policy != KV_EVICT_NONE)
            flags |= REDISMODULE_CTX_FLAGS_EVICT;
    }
    float used = rm_GetUsedMemoryRatio();
    if (used > 1)
        flags |= REDISMODULE_CTX_FLAGS_OOM;
    if (used > 0.75f)
        flags |= REDISMODULE_CTX_FLAGS_OOM_WARNING;
    return flags;
}

static int role_flags(void)
{
    if (!lifecycle.following)
        return REDISMODULE_CTX_FLAGS_MASTER;
    int flags = REDISMODULE_CTX_FLAGS_SLAVE;
    if (compat_opts.replica_read_only)
        flags |= REDISMODULE_CTX_FLAGS_READONLY;
    if (lifecycle.master_up)
        return flags | REDISMODULE_CTX_FLAGS_REPLICA_IS_ONLINE;
    return flags | REDISMODULE_CTX_FLAGS_REPLICA_IS_CONNECTING |
           REDISMODULE_CTX_FLAGS_REPLICA_IS_STALE;
}

int rm_GetContextFlags(RedisModuleCtx *ctx)
{
    int flags = role_flags() | memory_flags();
    if (ctx)
        flags |= session_flags(ctx->s);
    if (script_running())
        flags |= REDISMODULE_CTX_FLAGS_LUA;
    if (multi_running())
        flags |= REDISMODULE_CTX_FLAGS_MULTI;
    if (lifecycle.loading)
        flags |= REDISMODULE_CTX_FLAGS_LOADING;
    if (keyspace_opts.appendonly)
        flags |= REDISMODULE_CTX_FLAGS_AOF;
    if (rdb_save_points_set())
        flags |= REDISMODULE_CTX_FLAGS_RDB;
    if (module__starting)
        flags |= REDISMODULE_CTX_FLAGS_SERVER_STARTUP;
    return flags;
}

int rm_GetContextFlagsAll(void)
{
    return _REDISMODULE_CTX_FLAGS_NEXT - 1;
}

void rm_SetModuleOptions(RedisModuleCtx *ctx, int options)
{
    ctx->module->options = options;
}

int rm_GetModuleOptionsAll(void)
{
    return _REDISMODULE_OPTIONS_FLAGS_NEXT - 1;
}

/* -- Server ----------------------------------------------------------------------------------------------------------------- */

int rm_GetServerVersion(void)
{
    return 0x00070205; /* ORBIT_REDIS_VERSION, a byte for each part */
}

float rm_GetUsedMemoryRatio(void)
{
    if (keyspace_opts.maxmemory == 0)
        return 0;
    return (float)((double)kv_used(lifecycle.kv) / (double)keyspace_opts.maxmemory);
}

int rm_AvoidReplicaTraffic(void)
{
    return pause_mode() != PAUSE_OFF;
}

void rm_LatencyAddSample(const char *event, mstime_t ms)
{
    if (latency_opts.threshold_ms && ms >= latency_opts.threshold_ms)
        latency_add(event, clock_cached_ms() / 1000, ms);
}

/* -- Publishing ------------------------------------------------------------------------------------------------------------- */

int rm_PublishMessage(RedisModuleCtx *ctx, RedisModuleString *channel, RedisModuleString *message)
{
    return (int)pubsub_publish(module__slice(channel), module__slice(message));
}

int rm_PublishMessageShard(RedisModuleCtx *ctx, RedisModuleString *channel,
                           RedisModuleString *message)
{
    return (int)pubsub_publish_shard(module__slice(channel), module__slice(message));
}

/* -- Time (any thread, but the cached one) ---------------------------------------------------------------------------------- */

mstime_t rm_Milliseconds(void)
{
    return clock_wall_ms();
}

ustime_t rm_Microseconds(void)
{
    return clock_wall_us();
}

ustime_t rm_CachedMicroseconds(void)
{
    return clock_cached_us();
}

uint64_t rm_MonotonicMicroseconds(void)
{
    return (uint64_t)clock_mono_us();
}

/* -- Random numbers (any thread) -------------------------------------------------------------------------------------------- */

void rm_GetRandomBytes(unsigned char *out, size_t n)
{
    hash_random(out, n);
}

void rm_GetRandomHexChars(char *out, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    hash_random(out, n);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[(unsigned char)out[i] & 15];
}

/* -- Log (any thread) ------------------------------------------------------------------------------------------------------- */

static enum log_level level_of(const char *word)
{
    if (strcasecmp(word, "debug") == 0)
        return LOG_DEBUG;
    if (strcasecmp(word, "notice") == 0)
        return LOG_NOTICE;
    if (strcasecmp(word, "warning") == 0)
        return LOG_WARNING;
    return LOG_VERBOSE;
}

void module__log(const struct module *m, const char *level, const char *fmt, va_list ap)
{
    enum log_level l = level_of(level);
    if (l < log_get_level())
        return;
    struct buf b = BUF_INIT;
    buf_vprintf(&b, fmt, ap);
    log_write(l, LOG_MODULE, "<%s> %s", m && m->name ? m->name : "module", buf_cstr(&b));
    buf_free(&b);
}

void rm_Log(RedisModuleCtx *ctx, const char *level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    module__log(ctx ? ctx->module : NULL, level, fmt, ap);
    va_end(ap);
}

void rm__Assert(const char *condition, const char *file, int line)
{
    log_warning(LOG_MODULE, "=== ASSERTION FAILED ===");
    log_warning(LOG_MODULE, "==> %s:%d '%s' is not true", file, line, condition);
    abort();
}
