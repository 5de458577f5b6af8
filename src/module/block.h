/* Clients that wait for a module, inside the module layer. */
#ifndef ORBIT_MODULE_BLOCK_H
#define ORBIT_MODULE_BLOCK_H

#include "module/capture.h"
#include "module/module_priv.h"

#include <stdatomic.h>

/* Lives from BlockClient until the loop has taken note of UnblockClient, whatever becomes of the client meanwhile. */
struct RedisModuleBlockedClient {
    struct list_node link; /* in the queue of UnblockClient */
    struct module *module;
    struct session *s; /* NULL: gone, timed out, or never blocked (transactions, scripts) */
    uint64_t session_id;
    int db;
    RedisModuleCmdFunc reply, timeout;
    RedisModuleDisconnectFunc disconnect;
    void (*free_privdata)(RedisModuleCtx *, void *);
    void *privdata;
    struct capture replies;             /* of thread-safe contexts */
    bool on_keys;                       /* blocked on keys */
    RedisModuleAuthCallback auth_reply; /* blocked in an authentication (auth.c); NULL: not so */
    const void *auth_asked;             /* who has blocked it */
    bool unblocked;                     /* UnblockClient was called: in the queue */
    bool answering; /* the client is being answered; its end is no disconnection */
    bool timed_out, gone;
    int64_t work_start_us;   /* BlockedClientMeasureTimeStart */
    _Atomic int64_t work_us; /* measured */
};

/* The session waits on keys for a module and one of them is ready: asks the module. False: this is no such call. */
bool module__block_serve(struct call *c);
/* A handle for the authentication that ctx is in. */
RedisModuleBlockedClient *module__block_auth(RedisModuleCtx *ctx, RedisModuleAuthCallback reply,
                                             void (*free_fn)(RedisModuleCtx *, void *));
/* Executes AUTH or HELLO again (auth.c), which asks bc->auth_reply first. */
void module__auth_resume(RedisModuleBlockedClient *bc);
const char *module__block_refuses(struct module *m);
/* Handles what other threads have unblocked; once a tick. Starts with the first module. */
void module__block_start(void);

#endif
