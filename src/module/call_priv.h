/* What the files about calling commands share: call.c runs them, call_reply.c shows their replies to modules. */
#ifndef ORBIT_MODULE_CALL_PRIV_H
#define ORBIT_MODULE_CALL_PRIV_H

#include "module/capture.h"
#include "module/module_priv.h"

struct call_promise;

/* One reply, or a part of one. Parts live as long as the whole. */
struct RedisModuleCallReply {
    int type; /* REDISMODULE_REPLY_* */
    bool whole;
    const char *p, *end; /* its items, its attribute's among them */
    const char *body;    /* of a collection: where its elements begin */
    size_t n;            /* length of a string, count of a collection's elements (or pairs) */
    union {
        const char *text;
        long long integer;
        double real;
        struct call_promise *promise;
    } v;
    RedisModuleCallReply *children, *attribute; /* made when they are asked for first */
    RedisModuleCtx *ctx;                        /* whose auto memory has the whole; NULL: none */
    struct buf resp;                            /* as RESP, when that was asked for */
};

/* A new reply of what was gathered, which moves into it: capture is empty afterwards. Goes to the auto memory of ctx (may be
 * NULL). */
RedisModuleCallReply *module__call_reply(RedisModuleCtx *ctx, struct capture *capture);
/* A reply that is to come; promise is the reply's. */
RedisModuleCallReply *module__call_reply_promise(RedisModuleCtx *ctx, struct call_promise *promise);
/* The module has no more use for the reply of promise. */
void module__promise_unref(struct call_promise *promise);
void module__call_reply_pool_free(void);

#endif
