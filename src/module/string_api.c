/* Strings: the functions that modules call. Thread: any, one string by one thread at a time. */
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "module/module_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static void unref(void *p)
{
    module__string_unref(p);
}

RedisModuleString *module__auto_string(RedisModuleCtx *ctx, RedisModuleString *s)
{
    module__auto_add(ctx, s, unref);
    return s;
}

/* -- Making --------------------------------------------------------------------------------------------------------------- */

RedisModuleString *rm_CreateString(RedisModuleCtx *ctx, const char *p, size_t n)
{
    return module__auto_string(ctx, module__string(slice_make(p, n)));
}

RedisModuleString *rm_CreateStringFromLongLong(RedisModuleCtx *ctx, long long v)
{
    char text[NUM_BUF];
    return rm_CreateString(ctx, text, num_format_int(text, v));
}

RedisModuleString *rm_CreateStringFromULongLong(RedisModuleCtx *ctx, unsigned long long v)
{
    char text[NUM_BUF];
    return rm_CreateString(ctx, text, (size_t)snprintf(text, sizeof text, "%llu", v));
}

RedisModuleString *rm_CreateStringFromDouble(RedisModuleCtx *ctx, double v)
{
    char text[NUM_BUF];
    return rm_CreateString(ctx, text, num_format_double(text, v));
}

RedisModuleString *rm_CreateStringFromLongDouble(RedisModuleCtx *ctx, long double v, int human)
{
    char text[NUM_LDOUBLE_BUF];
    size_t n;
    if (human)
        n = num_format_ldouble(text, v);
    else if (isinf(v))
        n = (size_t)snprintf(text, sizeof text, v > 0 ? "inf" : "-inf");
    else
        n = (size_t)snprintf(text, sizeof text, "%.17Lg", v);
    return rm_CreateString(ctx, text, n);
}

RedisModuleString *rm_CreateStringFromString(RedisModuleCtx *ctx, const RedisModuleString *from)
{
    return module__auto_string(ctx, module__string(module__slice(from)));
}

RedisModuleString *rm_CreateStringPrintf(RedisModuleCtx *ctx, const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    RedisModuleString *s = rm_CreateString(ctx, b.p, b.n);
    buf_free(&b);
    return s;
}

/* -- Keeping and giving up ------------------------------------------------------------------------------------------------- */

void rm_FreeString(RedisModuleCtx *ctx, RedisModuleString *s)
{
    module__auto_forget(ctx, s);
    module__string_unref(s);
}

void rm_RetainString(RedisModuleCtx *ctx, RedisModuleString *s)
{
    /* Taken out of auto memory it keeps its count, so that one who is its only user may go on appending. */
    if (!module__auto_forget(ctx, s))
        module__string_ref(s);
}

RedisModuleString *rm_HoldString(RedisModuleCtx *ctx, RedisModuleString *s)
{
    return module__auto_string(ctx, module__string_ref(s));
}

/* -- Using ----------------------------------------------------------------------------------------------------------------- */

const char *rm_StringPtrLen(const RedisModuleString *s, size_t *n)
{
    struct slice bytes = s ? module__slice(s) : SLICE("(NULL string reply referenced in module)");
    if (n)
        *n = bytes.n;
    return bytes.p;
}

int rm_StringAppendBuffer(RedisModuleCtx *ctx, RedisModuleString *s, const char *p, size_t n)
{
    if (s->refs != 1) {
        log_warning(LOG_MODULE, "A module tried to append to a string that others use, too");
        return REDISMODULE_ERR;
    }
    return module__string_append(s, slice_make(p, n)) ? REDISMODULE_OK : REDISMODULE_ERR;
}

int rm_StringCompare(const RedisModuleString *a, const RedisModuleString *b)
{
    return slice_cmp(module__slice(a), module__slice(b));
}

void rm_TrimStringAllocation(RedisModuleString *s)
{
    if (s)
        module__string_trim(s);
}

int rm_StringToLongLong(const RedisModuleString *s, long long *v)
{
    int64_t i;
    if (!num_parse_int(module__slice(s), &i))
        return REDISMODULE_ERR;
    *v = i;
    return REDISMODULE_OK;
}

int rm_StringToULongLong(const RedisModuleString *s, unsigned long long *v)
{
    uint64_t u;
    if (!num_parse_uint(module__slice(s), &u))
        return REDISMODULE_ERR;
    *v = u;
    return REDISMODULE_OK;
}

int rm_StringToDouble(const RedisModuleString *s, double *v)
{
    return num_parse_double(module__slice(s), v) ? REDISMODULE_OK : REDISMODULE_ERR;
}

int rm_StringToLongDouble(const RedisModuleString *s, long double *v)
{
    return num_parse_ldouble(module__slice(s), v) ? REDISMODULE_OK : REDISMODULE_ERR;
}
