/* Replies of called commands, as modules look at them. A reply keeps the items that were gathered (capture.h) and is taken apart
 * where the module looks, never as a whole. Thread: any, one reply by one thread at a time. */
#include "base/mem.h"
#include "base/num.h"
#include "module/call_priv.h"

#include <limits.h>

/* The whole reply has what its parts point into. */
struct whole {
    RedisModuleCallReply reply;
    struct capture capture;
};

/* Wholes that the loop thread has freed, with the memory of short replies. */
#define POOL 16
static struct whole *pool[POOL];
static size_t pooled;

static void unpack(RedisModuleCallReply *r);

/* -- Life ------------------------------------------------------------------------------------------------------------------- */

static struct whole *whole_of(RedisModuleCallReply *r)
{
    return CONTAINER_OF(r, struct whole, reply);
}

static struct whole *take(void)
{
    if (pooled > 0 && module__on_loop_thread())
        return pool[--pooled];
    return mem_calloc(1, sizeof(struct whole));
}

static void free_parts(RedisModuleCallReply *r)
{
    buf_free(&r->resp);
    if (r->children) {
        bool pairs = r->type == REDISMODULE_REPLY_MAP || r->type == REDISMODULE_REPLY_ATTRIBUTE;
        for (size_t i = 0; i < r->n * (pairs ? 2 : 1); i++)
            free_parts(&r->children[i]);
        mem_free(r->children);
    }
    if (r->attribute) {
        free_parts(r->attribute);
        mem_free(r->attribute);
    }
}

static void release(void *p)
{
    RedisModuleCallReply *r = p;
    struct whole *w = whole_of(r);
    if (r->type == REDISMODULE_REPLY_PROMISE)
        module__promise_unref(r->v.promise);
    else
        free_parts(r);
    if (pooled < POOL && module__on_loop_thread()) {
        capture_clear(&w->capture);
        pool[pooled++] = w;
        return;
    }
    capture_deinit(&w->capture);
    mem_free(w);
}

void module__call_reply_pool_free(void)
{
    while (pooled > 0) {
        capture_deinit(&pool[--pooled]->capture);
        mem_free(pool[pooled]);
    }
}

static void add(RedisModuleCtx *ctx, RedisModuleCallReply *r)
{
    r->whole = true;
    if (ctx && (ctx->flags & CTX_AUTO_MEMORY)) {
        r->ctx = ctx;
        module__auto_add(ctx, r, release);
    }
}

RedisModuleCallReply *module__call_reply(RedisModuleCtx *ctx, struct capture *capture)
{
    struct whole *w = take();
    /* The memory goes round: the capture goes on with what the whole had. */
    struct buf spare = w->capture.items;
    w->capture = *capture;
    capture->items = spare;
    capture_clear(capture);
    RedisModuleCallReply *r = &w->reply;
    const char *p = w->capture.items.p, *end = p + w->capture.items.n;
    *r = (RedisModuleCallReply){.p = p, .end = w->capture.items.n ? capture_skip(p, end) : p};
    unpack(r);
    add(ctx, r);
    return r;
}

RedisModuleCallReply *module__call_reply_promise(RedisModuleCtx *ctx, struct call_promise *promise)
{
    struct whole *w = take();
    w->reply = (RedisModuleCallReply){.type = REDISMODULE_REPLY_PROMISE, .v.promise = promise};
    add(ctx, &w->reply);
    return &w->reply;
}

void rm_FreeCallReply(RedisModuleCallReply *r)
{
    if (!r || !r->whole)
        return;
    module__auto_forget(r->ctx, r);
    release(r);
}

/* -- Taking apart ----------------------------------------------------------------------------------------------------------- */

static void unpack_strings(RedisModuleCallReply *r, const struct capture_item *it)
{
    r->n = it->bytes.n;
    r->v.text = it->bytes.p;
    if (it->kind == CAPTURE_ERROR || it->kind == CAPTURE_ERROR_COUNTED) {
        r->type = REDISMODULE_REPLY_ERROR;
    } else if (it->kind == CAPTURE_BIGNUM) {
        r->type = REDISMODULE_REPLY_BIG_NUMBER;
    } else if (it->kind == CAPTURE_VERBATIM) {
        r->type = REDISMODULE_REPLY_VERBATIM_STRING;
    } else if (it->kind == CAPTURE_HUMAN_REAL) {
        double v = 0;
        (void)num_parse_double(it->bytes, &v);
        r->type = REDISMODULE_REPLY_DOUBLE;
        r->v.real = v;
    } else {
        r->type = REDISMODULE_REPLY_STRING;
    }
}

static void unpack_collection(RedisModuleCallReply *r, const struct capture_item *it, int type)
{
    r->type = type;
    r->n = (size_t)it->value;
}

/* Behind the elements of an attribute, which begin at p. */
static const char *skip_pairs(const char *p, const char *end, uint64_t pairs)
{
    for (uint64_t left = pairs * 2; left > 0 && p < end; left--)
        p = capture_skip(p, end);
    return p;
}

/* Type and value of what begins at r->p. */
static void unpack(RedisModuleCallReply *r)
{
    struct capture_item it;
    const char *next = capture_item(r->p, r->end, &it);
    if (next && it.kind == CAPTURE_ATTRIBUTE) /* it belongs to what follows */
        next = capture_item(skip_pairs(next, r->end, it.value), r->end, &it);
    r->type = REDISMODULE_REPLY_UNKNOWN;
    r->body = next;
    if (!next)
        return;
    switch (it.kind) {
    case CAPTURE_STATUS:
    case CAPTURE_BULK:
    case CAPTURE_ERROR:
    case CAPTURE_ERROR_COUNTED:
    case CAPTURE_BIGNUM:
    case CAPTURE_VERBATIM:
    case CAPTURE_HUMAN_REAL:
        unpack_strings(r, &it);
        break;
    case CAPTURE_INTEGER:
        r->type = REDISMODULE_REPLY_INTEGER;
        r->v.integer = (int64_t)it.value;
        break;
    case CAPTURE_NULL:
    case CAPTURE_NULL_BULK:
    case CAPTURE_NULL_ARRAY:
        r->type = REDISMODULE_REPLY_NULL;
        break;
    case CAPTURE_REAL:
        r->type = REDISMODULE_REPLY_DOUBLE;
        memcpy(&r->v.real, &it.value, sizeof r->v.real);
        break;
    case CAPTURE_BOOL:
        r->type = REDISMODULE_REPLY_BOOL;
        r->v.integer = it.value != 0;
        break;
    case CAPTURE_ARRAY:
    case CAPTURE_PUSH:
        unpack_collection(r, &it, REDISMODULE_REPLY_ARRAY);
        break;
    case CAPTURE_SET:
        unpack_collection(r, &it, REDISMODULE_REPLY_SET);
        break;
    case CAPTURE_MAP:
        unpack_collection(r, &it, REDISMODULE_REPLY_MAP);
        break;
    case CAPTURE_ATTRIBUTE:
    case CAPTURE_KINDS:
        break;
    }
}

/* The i-th of n parts of a collection; NULL: there are fewer, or no memory for so many. */
static RedisModuleCallReply *part(RedisModuleCallReply *r, size_t n, size_t i)
{
    if (i >= n)
        return NULL;
    if (!r->children) {
        r->children = mem_try_alloc(n * sizeof *r->children);
        if (!r->children)
            return NULL;
        const char *p = r->body;
        for (size_t k = 0; k < n; k++) {
            const char *next = capture_skip(p, r->end);
            r->children[k] = (RedisModuleCallReply){.p = p, .end = next, .ctx = r->ctx};
            unpack(&r->children[k]);
            p = next;
        }
    }
    return &r->children[i];
}

static int pair(RedisModuleCallReply *r, size_t i, RedisModuleCallReply **key,
                RedisModuleCallReply **value)
{
    if (i >= r->n || !part(r, r->n * 2, i * 2))
        return REDISMODULE_ERR;
    if (key)
        *key = part(r, r->n * 2, i * 2);
    if (value)
        *value = part(r, r->n * 2, i * 2 + 1);
    return REDISMODULE_OK;
}

/* -- What modules ask ------------------------------------------------------------------------------------------------------- */

int rm_CallReplyType(RedisModuleCallReply *r)
{
    return r ? r->type : REDISMODULE_REPLY_UNKNOWN;
}

size_t rm_CallReplyLength(RedisModuleCallReply *r)
{
    switch (rm_CallReplyType(r)) {
    case REDISMODULE_REPLY_STRING:
    case REDISMODULE_REPLY_ERROR:
    case REDISMODULE_REPLY_ARRAY:
    case REDISMODULE_REPLY_SET:
    case REDISMODULE_REPLY_MAP:
    case REDISMODULE_REPLY_ATTRIBUTE:
        return r->n;
    default:
        return 0;
    }
}

RedisModuleCallReply *rm_CallReplyArrayElement(RedisModuleCallReply *r, size_t i)
{
    return r->type == REDISMODULE_REPLY_ARRAY ? part(r, r->n, i) : NULL;
}

RedisModuleCallReply *rm_CallReplySetElement(RedisModuleCallReply *r, size_t i)
{
    return r->type == REDISMODULE_REPLY_SET ? part(r, r->n, i) : NULL;
}

int rm_CallReplyMapElement(RedisModuleCallReply *r, size_t i, RedisModuleCallReply **key,
                           RedisModuleCallReply **value)
{
    return r->type == REDISMODULE_REPLY_MAP ? pair(r, i, key, value) : REDISMODULE_ERR;
}

RedisModuleCallReply *rm_CallReplyAttribute(RedisModuleCallReply *r)
{
    struct capture_item it;
    if (r->attribute || r->type == REDISMODULE_REPLY_ATTRIBUTE)
        return r->attribute;
    const char *body = capture_item(r->p, r->end, &it);
    if (!body || it.kind != CAPTURE_ATTRIBUTE)
        return NULL;
    r->attribute = mem_alloc(sizeof *r->attribute);
    *r->attribute = (RedisModuleCallReply){.type = REDISMODULE_REPLY_ATTRIBUTE,
                                           .p = r->p,
                                           .end = skip_pairs(body, r->end, it.value),
                                           .body = body,
                                           .n = (size_t)it.value,
                                           .ctx = r->ctx};
    return r->attribute;
}

int rm_CallReplyAttributeElement(RedisModuleCallReply *r, size_t i, RedisModuleCallReply **key,
                                 RedisModuleCallReply **value)
{
    return r->type == REDISMODULE_REPLY_ATTRIBUTE ? pair(r, i, key, value) : REDISMODULE_ERR;
}

long long rm_CallReplyInteger(RedisModuleCallReply *r)
{
    return r->type == REDISMODULE_REPLY_INTEGER ? r->v.integer : LLONG_MIN;
}

int rm_CallReplyBool(RedisModuleCallReply *r)
{
    return r->type == REDISMODULE_REPLY_BOOL ? (int)r->v.integer : INT_MIN;
}

double rm_CallReplyDouble(RedisModuleCallReply *r)
{
    return r->type == REDISMODULE_REPLY_DOUBLE ? r->v.real : (double)LLONG_MIN;
}

static const char *text_of(const RedisModuleCallReply *r, size_t *n)
{
    if (n)
        *n = r->n;
    return r->v.text;
}

const char *rm_CallReplyBigNumber(RedisModuleCallReply *r, size_t *n)
{
    return r->type == REDISMODULE_REPLY_BIG_NUMBER ? text_of(r, n) : NULL;
}

const char *rm_CallReplyVerbatim(RedisModuleCallReply *r, size_t *n, const char **format)
{
    if (r->type != REDISMODULE_REPLY_VERBATIM_STRING)
        return NULL;
    if (format)
        *format = r->v.text;
    if (n)
        *n = r->n - 3;
    return r->v.text + 3;
}

const char *rm_CallReplyStringPtr(RedisModuleCallReply *r, size_t *n)
{
    bool text = r->type == REDISMODULE_REPLY_STRING || r->type == REDISMODULE_REPLY_ERROR;
    return text ? text_of(r, n) : NULL;
}

RedisModuleString *rm_CreateStringFromCallReply(RedisModuleCallReply *r)
{
    if (r->type == REDISMODULE_REPLY_INTEGER)
        return rm_CreateStringFromLongLong(r->ctx, r->v.integer);
    if (r->type == REDISMODULE_REPLY_STRING || r->type == REDISMODULE_REPLY_ERROR)
        return rm_CreateString(r->ctx, r->v.text, r->n);
    return NULL;
}

const char *rm_CallReplyProto(RedisModuleCallReply *r, size_t *n)
{
    if (r->type == REDISMODULE_REPLY_PROMISE)
        return NULL;
    if (!r->resp.n && r->p)
        capture_put_resp(&r->resp, r->p, r->end);
    if (n)
        *n = r->resp.n;
    return buf_cstr(&r->resp);
}

int rm_ReplyWithCallReply(RedisModuleCtx *ctx, RedisModuleCallReply *r)
{
    if (r->type == REDISMODULE_REPLY_PROMISE ||
        (ctx->out->resp == 2 && r->p && capture_is_resp3(r->p, r->end)))
        return REDISMODULE_ERR;
    if (!r->p)
        return REDISMODULE_OK;
    if (ctx->call && ctx->call->out == ctx->out)
        capture_reply_items(r->p, r->end, ctx->call);
    else
        capture_replay_items(r->p, r->end, ctx->out);
    return REDISMODULE_OK;
}
