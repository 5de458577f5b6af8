/* Replies: into the sink of the context, whatever protocol that is. A context that nobody waits for has the null sink. */
#include "base/log.h"
#include "base/mem.h"
#include "module/module_priv.h"
#include "session/reply.h"

#include <stdarg.h>

/* -- Errors ---------------------------------------------------------------------------------------------------------------- */

/* An error of a running command counts as the command's failure; one that is gathered counts when it is sent. */
static int reply_error_text(RedisModuleCtx *ctx, struct buf *b)
{
    while (b->n && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r'))
        b->n--;
    if (ctx->call && ctx->call->out == ctx->out) {
        reply_error(ctx->call, buf_cstr(b));
    } else {
        for (size_t i = 0; i < b->n; i++)
            if (b->p[i] == '\r' || b->p[i] == '\n')
                b->p[i] = ' ';
        ctx->out->ops->error(ctx->out, buf_slice(b));
    }
    buf_free(b);
    return REDISMODULE_OK;
}

int rm_ReplyWithError(RedisModuleCtx *ctx, const char *text)
{
    struct buf b = BUF_INIT;
    buf_put_str(&b, text);
    return reply_error_text(ctx, &b);
}

int rm_ReplyWithErrorFormat(RedisModuleCtx *ctx, const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    return reply_error_text(ctx, &b);
}

int rm_WrongArity(RedisModuleCtx *ctx)
{
    if (ctx->call && ctx->call->out == ctx->out)
        reply_arity_error(ctx->call);
    else
        ctx->out->ops->error(ctx->out, SLICE("ERR wrong number of arguments"));
    return REDISMODULE_OK;
}

/* -- Single values --------------------------------------------------------------------------------------------------------- */

int rm_ReplyWithSimpleString(RedisModuleCtx *ctx, const char *text)
{
    ctx->out->ops->status(ctx->out, slice_str(text));
    return REDISMODULE_OK;
}

int rm_ReplyWithLongLong(RedisModuleCtx *ctx, long long v)
{
    ctx->out->ops->integer(ctx->out, v);
    return REDISMODULE_OK;
}

int rm_ReplyWithStringBuffer(RedisModuleCtx *ctx, const char *p, size_t n)
{
    ctx->out->ops->bulk(ctx->out, slice_make(p, n));
    return REDISMODULE_OK;
}

int rm_ReplyWithCString(RedisModuleCtx *ctx, const char *text)
{
    ctx->out->ops->bulk(ctx->out, slice_str(text));
    return REDISMODULE_OK;
}

int rm_ReplyWithString(RedisModuleCtx *ctx, RedisModuleString *s)
{
    ctx->out->ops->bulk(ctx->out, module__slice(s));
    return REDISMODULE_OK;
}

int rm_ReplyWithEmptyString(RedisModuleCtx *ctx)
{
    ctx->out->ops->bulk(ctx->out, SLICE(""));
    return REDISMODULE_OK;
}

int rm_ReplyWithVerbatimStringType(RedisModuleCtx *ctx, const char *p, size_t n, const char *type)
{
    /* The type has three letters; missing ones are blanks. */
    char ext[4] = "   ";
    size_t len = strnlen(type, 3);
    memcpy(ext, type, len);
    ctx->out->ops->verbatim(ctx->out, ext, slice_make(p, n));
    return REDISMODULE_OK;
}

int rm_ReplyWithVerbatimString(RedisModuleCtx *ctx, const char *p, size_t n)
{
    ctx->out->ops->verbatim(ctx->out, "txt", slice_make(p, n));
    return REDISMODULE_OK;
}

int rm_ReplyWithNull(RedisModuleCtx *ctx)
{
    ctx->out->ops->null(ctx->out);
    return REDISMODULE_OK;
}

int rm_ReplyWithBool(RedisModuleCtx *ctx, int v)
{
    ctx->out->ops->boolean(ctx->out, v != 0);
    return REDISMODULE_OK;
}

int rm_ReplyWithDouble(RedisModuleCtx *ctx, double v)
{
    ctx->out->ops->real(ctx->out, v);
    return REDISMODULE_OK;
}

int rm_ReplyWithLongDouble(RedisModuleCtx *ctx, long double v)
{
    ctx->out->ops->human_real(ctx->out, v);
    return REDISMODULE_OK;
}

int rm_ReplyWithBigNumber(RedisModuleCtx *ctx, const char *digits, size_t n)
{
    ctx->out->ops->bignum(ctx->out, slice_make(digits, n));
    return REDISMODULE_OK;
}

/* -- Collections ----------------------------------------------------------------------------------------------------------- */

static int begin(RedisModuleCtx *ctx, enum sink_kind kind, long n)
{
    if (LIKELY(n != REDISMODULE_POSTPONED_LEN)) {
        ctx->out->ops->begin(ctx->out, kind, n > 0 ? (size_t)n : 0);
        return REDISMODULE_OK;
    }
    if (ctx->npostponed == ctx->postponed_cap) {
        ctx->postponed_cap = ctx->postponed_cap ? ctx->postponed_cap * 2 : 8;
        ctx->postponed = mem_realloc(ctx->postponed, ctx->postponed_cap * sizeof *ctx->postponed);
    }
    ctx->postponed[ctx->npostponed++] = ctx->out->ops->begin_deferred(ctx->out);
    return REDISMODULE_OK;
}

static void end(RedisModuleCtx *ctx, enum sink_kind kind, long n)
{
    if (ctx->npostponed == 0) {
        log_warning(LOG_MODULE,
                    "Module %s sets the length of a reply that it has not begun with a postponed "
                    "length",
                    ctx->module->name);
        return;
    }
    size_t token = ctx->postponed[--ctx->npostponed];
    ctx->out->ops->end_deferred(ctx->out, token, kind, n > 0 ? (size_t)n : 0);
}

int rm_ReplyWithArray(RedisModuleCtx *ctx, long n)
{
    return begin(ctx, SINK_ARRAY, n);
}

int rm_ReplyWithMap(RedisModuleCtx *ctx, long n)
{
    return begin(ctx, SINK_MAP, n);
}

int rm_ReplyWithSet(RedisModuleCtx *ctx, long n)
{
    return begin(ctx, SINK_SET, n);
}

int rm_ReplyWithAttribute(RedisModuleCtx *ctx, long n)
{
    return ctx->s->resp == 2 ? REDISMODULE_ERR : begin(ctx, SINK_ATTRIBUTE, n);
}

int rm_ReplyWithNullArray(RedisModuleCtx *ctx)
{
    ctx->out->ops->null_array(ctx->out);
    return REDISMODULE_OK;
}

int rm_ReplyWithEmptyArray(RedisModuleCtx *ctx)
{
    ctx->out->ops->begin(ctx->out, SINK_ARRAY, 0);
    return REDISMODULE_OK;
}

void rm_ReplySetArrayLength(RedisModuleCtx *ctx, long n)
{
    end(ctx, SINK_ARRAY, n);
}

void rm_ReplySetMapLength(RedisModuleCtx *ctx, long n)
{
    end(ctx, SINK_MAP, n);
}

void rm_ReplySetSetLength(RedisModuleCtx *ctx, long n)
{
    end(ctx, SINK_SET, n);
}

void rm_ReplySetPushLength(RedisModuleCtx *ctx, long n)
{
    end(ctx, SINK_PUSH, n);
}

void rm_ReplySetAttributeLength(RedisModuleCtx *ctx, long n)
{
    if (ctx->s->resp != 2)
        end(ctx, SINK_ATTRIBUTE, n);
}
