/* Call: a module has a command executed.
 *
 *   words -> command filters -> look-up, arity -> what the flags ask for (script mode, memory, writes, permissions)
 *         -> executed by a session of its own -> reply, or a promise when the command blocks (K)
 *
 * The session is taken from a stack, where it lies with its arena and the memory of the last reply; a promise keeps it. */
#include "base/arena.h"
#include "base/mem.h"
#include "base/num.h"
#include "keyspace/keyspace_options.h"
#include "module/call_priv.h"
#include "session/acl.h"
#include "session/dispatch.h"
#include "session/reply.h"
#include "session/stats.h"

#include <errno.h>
#include <stdarg.h>

enum {
    REPLICATE = 1 << 0,
    NO_AOF = 1 << 1,
    NO_REPLICAS = 1 << 2,
    RESP3 = 1 << 3,
    RESP_AUTO = 1 << 4,
    AS_USER = 1 << 5,
    SCRIPT_MODE = 1 << 6,
    NO_WRITES = 1 << 7,
    DENY_OOM = 1 << 8,
    ERRORS = 1 << 9,
    DRY_RUN = 1 << 10,
    ALLOW_BLOCK = 1 << 11,
};

/* Who executes. */
struct nested {
    struct session *s;
    struct arena *arena;
    struct capture capture;
    struct call_promise *promise; /* its command is blocked */
    struct list_node link;        /* in blocked */
};

struct call_promise {
    unsigned refs; /* the reply that the module holds, and who executes */
    struct module *module;
    struct nested *nested; /* NULL: it has come to its end */
    RedisModuleOnUnblocked fn;
    void *data;
};

#define POOL 32
static struct nested *pool[POOL];
static size_t pooled;
static struct list_node blocked = {&blocked, &blocked};

/* -- Who executes ----------------------------------------------------------------------------------------------------------- */

static struct sink *nested_sink(struct session *s)
{
    struct nested *n = s->conn;
    return &n->capture.sink;
}

static void nested_close(struct session *s, enum sess_close how)
{
}

static void nested_peer(struct session *s, struct sess_peer *out)
{
    *out = (struct sess_peer){.addr = "module:0", .laddr = "module:0", .fd = -1};
}

static void nested_set_resp(struct session *s, int version)
{
    nested_sink(s)->resp = version;
}

static void nested_set_reply(struct session *s, bool on)
{
}

static bool nested_tls_user(struct session *s, struct buf *out)
{
    return false;
}

static void nested_answered(struct session *s, bool wrote);
static void nested_resume(struct session *s);

static const struct session_ops nested_ops = {
    .sink = nested_sink,
    .close = nested_close,
    .peer = nested_peer,
    .answered = nested_answered,
    .resume = nested_resume,
    .set_resp = nested_set_resp,
    .set_reply = nested_set_reply,
    .tls_user = nested_tls_user,
};

#define NESTED_FLAGS (SESS_INTERNAL | SESS_AUTHENTICATED | SESS_NESTED)

static struct nested *take(struct kv *kv)
{
    if (pooled > 0)
        return pool[--pooled];
    struct nested *n = mem_calloc(1, sizeof *n);
    n->s = session_new_internal(kv);
    n->s->ops = &nested_ops;
    n->s->conn = n;
    n->arena = arena_new(1024);
    capture_init(&n->capture, 2);
    n->capture.counted = true;
    return n;
}

static void destroy(struct nested *n)
{
    session_free(n->s);
    arena_free(n->arena);
    capture_deinit(&n->capture);
    mem_free(n);
}

/* The command has left no trace in the session. */
static bool is_clean(const struct session *s)
{
    for (size_t i = 0; i < SESS_SLOTS; i++)
        if (s->slot[i])
            return false;
    return !s->name.n && !s->lib_name.n && !s->lib_ver.n && !s->multi && !s->kept_bytes &&
           !(s->flags & ~(uint32_t)(NESTED_FLAGS | SESS_DENY_BLOCKING | SESS_NO_EFFECTS |
                                    SESS_ALLOW_OOM | SESS_MASTER | SESS_LOADING_LOG));
}

static void give_back(struct nested *n)
{
    if (arena_bytes(n->arena))
        arena_reset(n->arena);
    if (pooled == POOL || !is_clean(n->s)) {
        destroy(n);
        return;
    }
    capture_clear(&n->capture);
    pool[pooled++] = n;
}

/* -- Words ------------------------------------------------------------------------------------------------------------------ */

struct words {
    struct slice *v;
    int n, cap;
};

static void add(struct words *w, struct arena *a, struct slice s)
{
    if (UNLIKELY(w->n == w->cap)) {
        int cap = w->cap ? w->cap * 2 : 16;
        struct slice *v = arena_alloc(a, (size_t)cap * sizeof *v);
        if (w->n)
            memcpy(v, w->v, (size_t)w->n * sizeof *v);
        w->v = v;
        w->cap = cap;
    }
    w->v[w->n++] = s;
}

static void add_vector(struct words *w, struct arena *a, RedisModuleString **v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add(w, a, module__slice(v[i]));
}

static void add_integer(struct words *w, struct arena *a, long long v)
{
    char text[NUM_BUF];
    add(w, a, arena_dup(a, slice_make(text, num_format_int(text, v))));
}

static unsigned modifier(char letter)
{
    switch (letter) {
    case '!':
        return REPLICATE;
    case 'A':
        return NO_AOF;
    case 'R':
        return NO_REPLICAS;
    case '3':
        return RESP3;
    case '0':
        return RESP_AUTO;
    case 'C':
        return AS_USER;
    case 'S':
        return SCRIPT_MODE;
    case 'W':
        return NO_WRITES;
    case 'M':
        return DENY_OOM;
    case 'E':
        return ERRORS;
    case 'D':
        return DRY_RUN | ERRORS;
    case 'K':
        return ALLOW_BLOCK;
    default:
        return 0;
    }
}

/* False: the format has a letter that means nothing. Bytes of strings are borrowed. */
static bool gather(struct words *w, struct arena *a, unsigned *flags, const char *name,
                   const char *fmt, va_list ap)
{
    *flags = 0;
    add(w, a, slice_str(name));
    for (; *fmt; fmt++) {
        if (*fmt == 'c') {
            add(w, a, slice_str(va_arg(ap, const char *)));
        } else if (*fmt == 's') {
            add(w, a, module__slice(va_arg(ap, RedisModuleString *)));
        } else if (*fmt == 'b') {
            const char *p = va_arg(ap, const char *);
            add(w, a, slice_make(p, va_arg(ap, size_t)));
        } else if (*fmt == 'l') {
            add_integer(w, a, va_arg(ap, long long));
        } else if (*fmt == 'v') {
            RedisModuleString **v = va_arg(ap, RedisModuleString **);
            add_vector(w, a, v, va_arg(ap, size_t));
        } else {
            unsigned flag = modifier(*fmt);
            if (!flag)
                return false;
            *flags |= flag;
        }
    }
    return true;
}

/* -- Refusals --------------------------------------------------------------------------------------------------------------- */

/* errno for the module; why: the error that flag E makes a reply of, with its code. */
struct refusal {
    int number;
    struct buf why;
};

static bool refused(struct refusal *r, int number, const char *why)
{
    r->number = number;
    buf_put_str(&r->why, why);
    return true;
}

static bool over_memory(const RedisModuleCtx *ctx)
{
    if (ctx->flags & CTX_THREAD_SAFE) /* no command has looked before this */
        return kv_used(ctx->kv) > (uint64_t)keyspace_opts.maxmemory;
    return dispatch_over_memory();
}

/* What only commands of scripts are asked. */
static bool refuse_script_mode(const RedisModuleCtx *ctx, const struct call *c, unsigned cmd_flags,
                               struct refusal *r)
{
    struct error why = {.message = ""};
    if (cmd_flags & CMD_WRITE) {
        if (dispatch_no_replicas())
            return refused(r, ESPIPE, dispatch_no_replicas());
        if (!(ctx->s->flags & SESS_MASTER) && kv_write_refused(c->kv, &why)) {
            if (strncmp(why.message, "MISCONF ", 8) != 0)
                buf_put_str(&r->why, "MISCONF Errors writing to the AOF file: ");
            return refused(r, ESPIPE, why.message);
        }
        if (dispatch_read_only(ctx->s))
            return refused(r, ESPIPE, dispatch_read_only(ctx->s));
    }
    if (!(cmd_flags & CMD_STALE) && dispatch_stale(ctx->s))
        return refused(r, ESPIPE, DISPATCH_STALE_TEXT);
    return false;
}

static bool refuse_user(const RedisModuleCtx *ctx, const struct call *c, struct refusal *r)
{
    int pos = 0;
    const struct acl_user *user = c->s->user;
    enum acl_verdict v = acl_check(user, c->cmd, c->argv, c->argc, &pos);
    if (v == ACL_OK)
        return false;
    struct slice object = v == ACL_DENIED_CMD ? slice_str(c->cmd->fullname) : c->argv[pos];
    acl_log_add(ctx->s, v, ACL_CONTEXT_MODULE, object, acl_name(user));
    buf_put_str(&r->why, "NOPERM ");
    acl_refusal(v, user, c->cmd, &r->why);
    r->number = EACCES;
    return true;
}

/* True: the command cannot run. */
static bool refuse(const RedisModuleCtx *ctx, const struct call *c, unsigned flags,
                   struct refusal *r)
{
    if (!c->cmd) {
        dispatch_put_unknown(&r->why, c->argv, c->argc);
        r->number = ENOENT;
        return true;
    }
    if (!command_arity_ok(c->cmd, c->argc)) {
        buf_printf(&r->why, "ERR wrong number of arguments for '%s' command", c->cmd->fullname);
        r->number = EINVAL;
        return true;
    }
    unsigned cmd_flags = dispatch_flags(c);
    if ((flags & SCRIPT_MODE) && (cmd_flags & CMD_NOSCRIPT)) {
        buf_printf(&r->why, "ERR command '%s' is not allowed on script mode", c->cmd->fullname);
        r->number = ESPIPE;
        return true;
    }
    if ((flags & DENY_OOM) && (cmd_flags & CMD_DENYOOM) && keyspace_opts.maxmemory &&
        over_memory(ctx))
        return refused(r, ENOSPC, "OOM command not allowed when used memory > 'maxmemory'.");
    if ((flags & NO_WRITES) && (cmd_flags & CMD_WRITE)) {
        buf_printf(&r->why, "ERR Write command '%s' was called while write is not allowed.",
                   c->cmd->fullname);
        r->number = ENOSPC;
        return true;
    }
    if ((flags & SCRIPT_MODE) && refuse_script_mode(ctx, c, cmd_flags, r))
        return true;
    return (flags & AS_USER) && refuse_user(ctx, c, r);
}

static RedisModuleCallReply *refusal_reply(RedisModuleCtx *ctx, unsigned flags, struct refusal *r)
{
    RedisModuleCallReply *reply = NULL;
    if (flags & ERRORS) {
        struct capture capture;
        capture_init(&capture, 2);
        capture.sink.ops->error(&capture.sink, buf_slice(&r->why));
        reply = module__call_reply(ctx, &capture);
        capture_deinit(&capture);
    }
    buf_free(&r->why);
    errno = r->number;
    return reply;
}

/* -- Promises --------------------------------------------------------------------------------------------------------------- */

void module__promise_unref(struct call_promise *promise)
{
    if (--promise->refs == 0)
        mem_free(promise);
}

static RedisModuleCallReply *promise(RedisModuleCtx *ctx, struct nested *n)
{
    struct call_promise *p = mem_calloc(1, sizeof *p);
    *p = (struct call_promise){.refs = 2, .module = ctx->module, .nested = n};
    n->promise = p;
    list_push(&blocked, &n->link);
    return module__call_reply_promise(ctx, p);
}

/* The promise has come to its end; who executed does not know it any more. */
static struct call_promise *end_promise(struct nested *n)
{
    struct call_promise *p = n->promise;
    list_remove(&n->link);
    n->promise = NULL;
    p->nested = NULL;
    return p;
}

/* The blocked command was answered. What the module does now belongs to the same unit. */
static void nested_answered(struct session *s, bool wrote)
{
    struct nested *n = s->conn;
    struct call_promise *p = end_promise(n);
    if (p->fn) {
        RedisModuleCtx ctx;
        module__ctx_open(&ctx, p->module);
        ctx.db = s->db;
        p->module->in_call++;
        p->fn(&ctx, module__call_reply(NULL, &n->capture), p->data);
        p->module->in_call--;
        module__ctx_close(&ctx);
    }
    module__promise_unref(p);
}

static void nested_resume(struct session *s)
{
    give_back(s->conn);
}

void rm_CallReplyPromiseSetUnblockHandler(RedisModuleCallReply *reply, RedisModuleOnUnblocked fn,
                                          void *data)
{
    struct call_promise *p = reply->v.promise;
    p->fn = fn;
    p->data = data;
}

int rm_CallReplyPromiseAbort(RedisModuleCallReply *reply, void **data)
{
    struct nested *n = reply->v.promise->nested;
    if (!n || !(n->s->flags & SESS_BLOCKED))
        return REDISMODULE_ERR;
    struct call_promise *p = end_promise(n);
    if (data)
        *data = p->data;
    module__promise_unref(p);
    destroy(n);
    return REDISMODULE_OK;
}

void module__calls_drop(struct module *m)
{
    LIST_EACH(it, &blocked)
    {
        struct nested *n = LIST_ENTRY(it, struct nested, link);
        if (n->promise->module == m)
            n->promise->fn = NULL;
    }
}

void module__call_pool_free(void)
{
    while (pooled > 0)
        destroy(pool[--pooled]);
    module__call_reply_pool_free();
}

/* -- Calling ---------------------------------------------------------------------------------------------------------------- */

/* What replicas get is what the log holds: only who wants neither of them leaves an effect out. */
static bool propagated(unsigned flags)
{
    return (flags & (NO_AOF | NO_REPLICAS)) != (NO_AOF | NO_REPLICAS);
}

static void execute(struct call *c, unsigned flags)
{
    bool propagates = (flags & REPLICATE) && propagated(flags);
    if (!propagates) {
        c->s->flags |= SESS_NO_EFFECTS;
        kv_effects_mute(c->kv);
    }
    call_execute(c);
    if (!propagates)
        kv_effects_unmute(c->kv);
}

/* The session does what ctx may do. */
static void prepare(const RedisModuleCtx *ctx, struct nested *n, unsigned flags)
{
    struct session *s = n->s;
    s->flags = NESTED_FLAGS | (ctx->s->flags & (SESS_MASTER | SESS_LOADING_LOG)) |
               ((flags & ALLOW_BLOCK) ? 0 : SESS_DENY_BLOCKING) |
               ((flags & DENY_OOM) ? 0 : SESS_ALLOW_OOM);
    s->db = ctx->db;
    s->resp = (flags & RESP3) ? 3 : (flags & RESP_AUTO) ? ctx->s->resp : 2;
    s->arena = n->arena;
    s->user = acl_root();
    if (flags & AS_USER)
        s->user = ctx->user ? ctx->user->user : ctx->s->user;
    n->capture.sink.resp = s->resp;
}

static RedisModuleCallReply *run(RedisModuleCtx *ctx, struct nested *n, struct words *w,
                                 unsigned flags)
{
    struct refusal r = {0};
    prepare(ctx, n, flags);
    if ((flags & AS_USER) && n->s->user == acl_root()) {
        refused(&r, ENOTSUP,
                "ERR cannot run as user, no user directly attached to context or context's client");
        return refusal_reply(ctx, flags, &r);
    }
    void *filtered = dispatch_filter_begin(n->s, &w->n, &w->v);
    struct call c = {.s = n->s,
                     .cmd = dispatch_find(w->v, w->n),
                     .argv = w->v,
                     .argc = w->n,
                     .out = &n->capture.sink,
                     .kv = ctx->kv,
                     .db = ctx->db,
                     .arena = n->arena,
                     .replaying = ctx->call && ctx->call->replaying};
    RedisModuleCallReply *reply = NULL;
    if (UNLIKELY(refuse(ctx, &c, flags, &r))) {
        reply = refusal_reply(ctx, flags, &r);
    } else if (!(flags & DRY_RUN)) {
        execute(&c, flags);
        reply = c.blocked ? promise(ctx, n) : module__call_reply(ctx, &n->capture);
    }
    dispatch_filter_end(filtered);
    return reply;
}

RedisModuleCallReply *rm_Call(RedisModuleCtx *ctx, const char *name, const char *fmt, ...)
{
    struct nested *n = take(ctx->kv);
    struct words w = {NULL, 0, 0};
    unsigned flags;
    va_list ap;
    va_start(ap, fmt);
    bool ok = gather(&w, n->arena, &flags, name, fmt, ap);
    va_end(ap);
    RedisModuleCallReply *reply = NULL;
    ctx->module->in_call++;
    if (ok)
        reply = run(ctx, n, &w, flags);
    else
        errno = EBADF;
    ctx->module->in_call--;
    if (!n->promise) {
        int number = errno; /* freeing may change it */
        give_back(n);
        errno = number;
    }
    return reply;
}

/* -- Replication ------------------------------------------------------------------------------------------------------------ */

int rm_Replicate(RedisModuleCtx *ctx, const char *name, const char *fmt, ...)
{
    struct command *cmd = command_find(slice_str(name));
    if (!cmd)
        return REDISMODULE_ERR;
    struct nested *n = take(ctx->kv);
    struct words w = {NULL, 0, 0};
    unsigned flags;
    va_list ap;
    va_start(ap, fmt);
    bool ok = gather(&w, n->arena, &flags, name, fmt, ap);
    va_end(ap);
    if (ok && propagated(flags)) {
        if (command_renames()) /* the log speaks the names that commands were born with */
            w.v[0] = slice_str(cmd->name);
        kv_effect(ctx->kv, ctx->db, (size_t)w.n, w.v);
        sess_stats.changes++;
    }
    give_back(n);
    return ok ? REDISMODULE_OK : REDISMODULE_ERR;
}

int rm_ReplicateVerbatim(RedisModuleCtx *ctx)
{
    struct call *c = ctx->call;
    if (!c)
        return REDISMODULE_OK;
    if (c->raw.p && !command_renames())
        kv_effect_raw(c->kv, c->db, c->raw);
    else
        call_propagate(c, c->db, (size_t)c->argc, c->argv);
    sess_stats.changes++;
    return REDISMODULE_OK;
}
