/* Keyspace notifications for modules, and jobs that run after the command that caused them. */
#include "base/mem.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/notify.h"
#include "module/event.h"
#include "session/hooks.h"
#include "session/lifecycle.h"

#define LOADED_STEP 100 /* keys at a time */

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

/* -- Loaded keys ---------------------------------------------------------------------------------------------------------- */

static void gather(void *arg, const struct kv_scan_entry *e)
{
    RedisModuleString *key = module__string(e->key);
    buf_put(arg, &key, sizeof key);
}

/* Tells of each key that was loaded. Keys are gathered a few at a time, for who is told may change them. */
static void tell_loaded(int db)
{
    struct error err;
    uint64_t at = 0;
    do {
        struct buf keys = BUF_INIT;
        if (kv_scan(lifecycle.kv, db, at, LOADED_STEP, &at, gather, &keys, &err) != ST_OK)
            at = 0;
        RedisModuleString **v = (RedisModuleString **)(void *)keys.p;
        for (size_t i = 0; i < keys.n / sizeof *v; i++) {
            struct slice key = module__slice(v[i]);
            on_notify(&(struct hook_notify){REDISMODULE_NOTIFY_LOADED, "loaded", db, key});
            module__string_unref(v[i]);
        }
        buf_free(&keys);
    } while (at);
}

static void on_event(void *arg)
{
    const struct hook_event *e = arg;
    unsigned wanted = 0;
    if (e->event != EVENT_LOADING || e->sub != LOADING_ENDED)
        return;
    LIST_EACH(it, &subscribers)
    wanted |= LIST_ENTRY(it, struct subscriber, link)->classes & REDISMODULE_NOTIFY_LOADED;
    for (int db = 0; wanted && db < kv_databases(lifecycle.kv); db++)
        tell_loaded(db);
}

/* -- Subscribing ---------------------------------------------------------------------------------------------------------- */

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
    hook_add(HOOK_EVENT, on_event);
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
