/* Keyspace notifications for modules, and jobs that run after the command that caused them. */
#include "base/mem.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/notify.h"
#include "module/event.h"
#include "session/hooks.h"
#include "session/lifecycle.h"

struct subscriber {
    struct list_node link;
    struct module *module;
    unsigned classes;
    RedisModuleNotificationFunc fn;
    bool running;
};

struct job {
    struct list_node link;
    struct module *module;
    int db;
    RedisModulePostNotificationJobFunc fn;
    void *data;
    void (*free_data)(void *);
};

static struct list_node subscribers = {&subscribers, &subscribers};
static struct list_node jobs = {&jobs, &jobs};

_Static_assert(REDISMODULE_NOTIFY_NEW == (int)NOTIFY_NEW &&
                   REDISMODULE_NOTIFY_KEYSPACE == (int)NOTIFY_KEYSPACE,
               "the classes of the API are the keyspace's");

static void on_notify(void *arg)
{
    const struct hook_notify *n = arg;
    LIST_EACH_SAFE(it, tmp, &subscribers)
    {
        struct subscriber *s = LIST_ENTRY(it, struct subscriber, link);
        if (!(s->classes & n->cls))
            continue;
        bool nested = s->module->options & REDISMODULE_OPTIONS_ALLOW_NESTED_KEYSPACE_NOTIFICATIONS;
        if (s->running && !nested)
            continue;
        bool former = s->running;
        RedisModuleCtx ctx;
        RedisModuleString *key = module__string(n->key);
        module__ctx_open(&ctx, s->module);
        ctx.db = n->db;
        s->running = true;
        s->fn(&ctx, (int)n->cls, n->event, key);
        s->running = former;
        module__ctx_close(&ctx);
        module__string_unref(key);
    }
}

static void run_jobs(void *arg)
{
    while (!list_empty(&jobs)) {
        struct job *j = LIST_ENTRY(jobs.next, struct job, link);
        RedisModuleCtx ctx;
        list_remove(&j->link);
        module__ctx_open(&ctx, j->module);
        ctx.db = j->db;
        j->fn(&ctx, j->data);
        if (j->free_data)
            j->free_data(j->data);
        module__ctx_close(&ctx);
        mem_free(j);
    }
}

/* The keyspace reports what any module wants to know. */
static void update_classes(void)
{
    unsigned classes = 0;
    LIST_EACH(it, &subscribers)
    classes |= LIST_ENTRY(it, struct subscriber, link)->classes;
    kv_notify_also(lifecycle.kv, classes);
}

int rm_SubscribeToKeyspaceEvents(RedisModuleCtx *ctx, int types, RedisModuleNotificationFunc fn)
{
    struct subscriber *s = mem_alloc(sizeof *s);
    *s = (struct subscriber){.module = ctx->module, .classes = (unsigned)types, .fn = fn};
    list_push(&subscribers, &s->link);
    hook_add(HOOK_NOTIFY, on_notify);
    update_classes();
    return REDISMODULE_OK;
}

int rm_AddPostNotificationJob(RedisModuleCtx *ctx, RedisModulePostNotificationJobFunc fn,
                              void *data, void (*free_data)(void *))
{
    if (lifecycle.loading || lifecycle.following)
        return REDISMODULE_ERR; /* the master, or the log, has what follows from it */
    struct job *j = mem_alloc(sizeof *j);
    *j = (struct job){
        .module = ctx->module, .db = ctx->db, .fn = fn, .data = data, .free_data = free_data};
    list_push(&jobs, &j->link);
    hook_add(HOOK_UNIT_END, run_jobs);
    return REDISMODULE_OK;
}

int rm_GetNotifyKeyspaceEvents(void)
{
    return (int)keyspace_opts.notify_classes;
}

int rm_NotifyKeyspaceEvent(RedisModuleCtx *ctx, int type, const char *event, RedisModuleString *key)
{
    if (!ctx)
        return REDISMODULE_ERR;
    kv_notify(ctx->kv, (enum notify_class)type, event, ctx->db, module__slice(key));
    return REDISMODULE_OK;
}

int rm_GetKeyspaceNotificationFlagsAll(void)
{
    return _REDISMODULE_NOTIFY_NEXT - 1;
}

void module__notify_drop(struct module *m)
{
    LIST_EACH_SAFE(it, tmp, &subscribers)
    {
        struct subscriber *s = LIST_ENTRY(it, struct subscriber, link);
        if (s->module != m)
            continue;
        list_remove(&s->link);
        mem_free(s);
    }
    LIST_EACH_SAFE(it, tmp, &jobs)
    {
        struct job *j = LIST_ENTRY(it, struct job, link);
        if (j->module != m)
            continue;
        list_remove(&j->link);
        if (j->free_data)
            j->free_data(j->data);
        mem_free(j);
    }
    update_classes();
}
