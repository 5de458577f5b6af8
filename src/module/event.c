/* Server events for modules: HOOK_EVENT and its like, in the API's structures. */
#include "module/event.h"

#include "base/mem.h"
#include "config/config.h"
#include "event/loop.h"
#include "keyspace/kv_object.h"
#include "module/key.h"
#include "services/replication/replication.h"
#include "session/hooks.h"
#include "session/lifecycle.h"

struct subscriber {
    struct list_node link;
    struct module *module;
    RedisModuleEvent event;
    RedisModuleEventCallback fn;
};

static struct list_node subscribers[_REDISMODULE_EVENT_NEXT];

/* How many parts an event has; 0: there is no such event. */
static const uint64_t parts[_REDISMODULE_EVENT_NEXT] = {
    [REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED] = _REDISMODULE_EVENT_REPLROLECHANGED_NEXT,
    [REDISMODULE_EVENT_PERSISTENCE] = _REDISMODULE_SUBEVENT_PERSISTENCE_NEXT,
    [REDISMODULE_EVENT_FLUSHDB] = _REDISMODULE_SUBEVENT_FLUSHDB_NEXT,
    [REDISMODULE_EVENT_LOADING] = _REDISMODULE_SUBEVENT_LOADING_NEXT,
    [REDISMODULE_EVENT_CLIENT_CHANGE] = _REDISMODULE_SUBEVENT_CLIENT_CHANGE_NEXT,
    [REDISMODULE_EVENT_SHUTDOWN] = _REDISMODULE_SUBEVENT_SHUTDOWN_NEXT,
    [REDISMODULE_EVENT_REPLICA_CHANGE] = _REDISMODULE_SUBEVENT_REPLICA_CHANGE_NEXT,
    [REDISMODULE_EVENT_MASTER_LINK_CHANGE] = _REDISMODULE_SUBEVENT_MASTER_NEXT,
    [REDISMODULE_EVENT_CRON_LOOP] = _REDISMODULE_SUBEVENT_CRON_LOOP_NEXT,
    [REDISMODULE_EVENT_MODULE_CHANGE] = _REDISMODULE_SUBEVENT_MODULE_NEXT,
    [REDISMODULE_EVENT_LOADING_PROGRESS] = _REDISMODULE_SUBEVENT_LOADING_PROGRESS_NEXT,
    [REDISMODULE_EVENT_SWAPDB] = _REDISMODULE_SUBEVENT_SWAPDB_NEXT,
    [REDISMODULE_EVENT_REPL_BACKUP] = _REDISMODULE_SUBEVENT_REPL_BACKUP_NEXT,
    [REDISMODULE_EVENT_FORK_CHILD] = _REDISMODULE_SUBEVENT_FORK_CHILD_NEXT,
    [REDISMODULE_EVENT_REPL_ASYNC_LOAD] = _REDISMODULE_SUBEVENT_REPL_ASYNC_LOAD_NEXT,
    [REDISMODULE_EVENT_EVENTLOOP] = _REDISMODULE_SUBEVENT_EVENTLOOP_NEXT,
    [REDISMODULE_EVENT_CONFIG] = _REDISMODULE_SUBEVENT_CONFIG_NEXT,
    [REDISMODULE_EVENT_KEY] = _REDISMODULE_SUBEVENT_KEY_NEXT,
};

static struct list_node *of(uint64_t id)
{
    if (!subscribers[id].next)
        list_init(&subscribers[id]);
    return &subscribers[id];
}

/* -- Firing --------------------------------------------------------------------------------------------------------------- */

static void fire_in(uint64_t id, uint64_t sub, int db, void *data)
{
    LIST_EACH_SAFE(it, tmp, of(id))
    {
        struct subscriber *s = LIST_ENTRY(it, struct subscriber, link);
        RedisModuleCtx ctx;
        module__ctx_open(&ctx, s->module);
        ctx.db = db;
        s->fn(&ctx, s->event, sub, data);
        module__ctx_close(&ctx);
    }
}

static void fire(uint64_t id, uint64_t sub, void *data)
{
    fire_in(id, sub, 0, data);
}

/* A flush is over when its end is told, whether ASYNC was asked for or not. */
static void fire_flush(unsigned sub, const struct hook_key *f)
{
    RedisModuleFlushInfo info = {
        .version = REDISMODULE_FLUSHINFO_VERSION, .sync = 1, .dbnum = f->db};
    fire(REDISMODULE_EVENT_FLUSHDB, sub, &info);
}

/* "1.2.3.4:5", "[::1]:5" or "path:0". */
void module__client_info(struct session *s, RedisModuleClientInfo *info)
{
    struct sess_peer peer;
    *info = (RedisModuleClientInfo){.version = REDISMODULE_CLIENTINFO_VERSION};
    s->ops->peer(s, &peer);
    info->id = s->id;
    info->db = (uint16_t)s->db;
    info->flags = (peer.tls ? REDISMODULE_CLIENTINFO_FLAG_SSL : 0) |
                  (peer.unix_socket ? REDISMODULE_CLIENTINFO_FLAG_UNIXSOCKET : 0) |
                  (s->flags & SESS_PUBSUB ? REDISMODULE_CLIENTINFO_FLAG_PUBSUB : 0) |
                  (s->flags & SESS_BLOCKED ? REDISMODULE_CLIENTINFO_FLAG_BLOCKED : 0) |
                  (s->flags & SESS_TRACKING ? REDISMODULE_CLIENTINFO_FLAG_TRACKING : 0) |
                  (s->flags & (SESS_MULTI | SESS_IN_EXEC) ? REDISMODULE_CLIENTINFO_FLAG_MULTI : 0);
    const char *colon = strrchr(peer.addr, ':');
    if (!colon || peer.unix_socket)
        return;
    const char *from = peer.addr;
    size_t n = (size_t)(colon - from);
    if (n > 1 && from[0] == '[') {
        from++;
        n -= 2;
    }
    if (n >= sizeof info->addr)
        n = sizeof info->addr - 1;
    memcpy(info->addr, from, n);
    info->port = (uint16_t)atoi(colon + 1);
}

static void fire_client(unsigned sub, struct session *s)
{
    RedisModuleClientInfo info = REDISMODULE_CLIENTINFO_INITIALIZER_V1;
    if (list_empty(of(REDISMODULE_EVENT_CLIENT_CHANGE)))
        return;
    module__client_info(s, &info);
    fire(REDISMODULE_EVENT_CLIENT_CHANGE, sub, &info);
}

static void fire_key(unsigned sub, const struct hook_key *h)
{
    LIST_EACH_SAFE(it, tmp, of(REDISMODULE_EVENT_KEY))
    {
        struct subscriber *s = LIST_ENTRY(it, struct subscriber, link);
        RedisModuleCtx ctx;
        RedisModuleKey key;
        RedisModuleString *name = module__string(h->key);
        module__ctx_open(&ctx, s->module);
        ctx.db = h->db;
        module__key_init(&key, &ctx, name, REDISMODULE_READ);
        RedisModuleKeyInfo info = {.version = REDISMODULE_KEYINFO_VERSION, .key = &key};
        s->fn(&ctx, s->event, sub, &info);
        module__key_deinit(&key);
        module__ctx_close(&ctx);
        module__string_unref(name);
    }
}

static void fire_config(const struct hook_config *c)
{
    RedisModuleConfigChange info = {.version = REDISMODULE_CONFIGCHANGE_VERSION,
                                    .num_changes = (uint32_t)c->n,
                                    .config_names = (const char **)(uintptr_t)c->names};
    fire(REDISMODULE_EVENT_CONFIG, REDISMODULE_SUBEVENT_CONFIG_CHANGE, &info);
}

static int32_t hz(void)
{
    struct buf text = BUF_INIT;
    int n = config_get(SLICE("hz"), &text) == ST_OK ? atoi(buf_cstr(&text)) : 10;
    buf_free(&text);
    return n;
}

static void fire_cron(void)
{
    if (list_empty(of(REDISMODULE_EVENT_CRON_LOOP)))
        return;
    RedisModuleCronLoop info = {.version = REDISMODULE_CRON_LOOP_VERSION, .hz = hz()};
    fire(REDISMODULE_EVENT_CRON_LOOP, 0, &info);
}

static void fire_role(unsigned sub)
{
    struct replication_place now;
    replication_place(&now);
    RedisModuleReplicationInfo info = {.version = REDISMODULE_REPLICATIONINFO_VERSION,
                                       .master = !lifecycle.following,
                                       .masterhost = (char *)(uintptr_t)now.master_host,
                                       .masterport = now.master_port,
                                       .replid1 = now.id,
                                       .replid2 = now.former_id,
                                       .repl1_offset = now.offset,
                                       .repl2_offset = (uint64_t)now.former_end};
    fire(REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED, sub, &info);
}

void module__event_module(const struct module *m, unsigned sub)
{
    RedisModuleModuleChange info = {.version = REDISMODULE_MODULE_CHANGE_VERSION,
                                    .module_name = m->name,
                                    .module_version = m->version};
    fire(REDISMODULE_EVENT_MODULE_CHANGE, sub, &info);
}

static void fire_persistence(unsigned sub)
{
    bool over = sub == PERSISTENCE_ENDED || sub == PERSISTENCE_FAILED;
    if (!over)
        kv_objects_dump(lifecycle.kv, true);
    fire(REDISMODULE_EVENT_PERSISTENCE, sub, NULL);
    if (over)
        kv_objects_dump(lifecycle.kv, false);
}

static void on_event(void *arg)
{
    const struct hook_event *e = arg;
    switch (e->event) {
    case EVENT_FLUSH:
        fire_flush(e->sub, e->data);
        break;
    case EVENT_CLIENT:
        fire_client(e->sub, e->data);
        break;
    case EVENT_KEY:
        fire_key(e->sub, e->data);
        break;
    case EVENT_CONFIG:
        fire_config(e->data);
        break;
    case EVENT_ROLE_CHANGED:
        fire_role(e->sub);
        break;
    case EVENT_LOADING_PROGRESS: {
        RedisModuleLoadingProgress info = {.version = REDISMODULE_LOADING_PROGRESS_VERSION,
                                           .hz = hz(),
                                           .progress = *(const int *)e->data};
        fire(REDISMODULE_EVENT_LOADING_PROGRESS, e->sub, &info);
        break;
    }
    case EVENT_SWAPDB: {
        const struct hook_swap *h = e->data;
        RedisModuleSwapDbInfo info = {
            .version = REDISMODULE_SWAPDBINFO_VERSION, .dbnum_first = h->a, .dbnum_second = h->b};
        fire(REDISMODULE_EVENT_SWAPDB, 0, &info);
        break;
    }
    case EVENT_CRON:
    case EVENT_MODULE:
        break; /* told here in other ways */
    case EVENT_PERSISTENCE:
        fire_persistence(e->sub);
        break;
    case EVENT_LOADING:
    case EVENT_SHUTDOWN:
    case EVENT_REPLICA:
    case EVENT_MASTER_LINK:
    case EVENT_FORK_CHILD:
    case EVENT_ASYNC_LOAD:
    case EVENT_LOOP:
        fire((uint64_t)e->event, e->sub, NULL);
        break;
    }
}

static void on_cron(void *arg)
{
    fire_cron();
}

static void on_role(void *arg)
{
    hook_event(EVENT_ROLE_CHANGED, lifecycle.following, NULL);
}

static void on_swapped(void *arg)
{
    hook_event(EVENT_SWAPDB, 0, arg);
}

static void on_session_close(void *arg)
{
    const struct session *s = arg;
    if (!(s->flags & (SESS_INTERNAL | SESS_MASTER)))
        hook_event(EVENT_CLIENT, REDISMODULE_SUBEVENT_CLIENT_CHANGE_DISCONNECTED, arg);
}

static void on_woken(void *arg)
{
    hook_event(EVENT_LOOP, REDISMODULE_SUBEVENT_EVENTLOOP_AFTER_SLEEP, NULL);
}

/* Before the commit, so that what a module changes is in this tick's frame. */
static void on_sleep(void *arg)
{
    hook_event(EVENT_LOOP, REDISMODULE_SUBEVENT_EVENTLOOP_BEFORE_SLEEP, NULL);
}

/* -- Subscribing ---------------------------------------------------------------------------------------------------------- */

static struct subscriber *find(const struct module *m, uint64_t id)
{
    LIST_EACH(it, of(id))
    {
        struct subscriber *s = LIST_ENTRY(it, struct subscriber, link);
        if (s->module == m)
            return s;
    }
    return NULL;
}

/* What costs something is told from the first who listens on. */
static void listen(void)
{
    static bool sleeps;
    kv_tell_removals(lifecycle.kv, !list_empty(of(REDISMODULE_EVENT_KEY)));
    if (sleeps || list_empty(of(REDISMODULE_EVENT_EVENTLOOP)))
        return;
    loop_on_tick(lifecycle.loop, LOOP_PRIO_WOKEN, on_woken, NULL);
    loop_on_tick(lifecycle.loop, LOOP_PRIO_UNBLOCK, on_sleep, NULL);
    sleeps = true;
}

static void attach(void)
{
    hook_add(HOOK_EVENT, on_event);
    hook_add(HOOK_CRON, on_cron);
    hook_add(HOOK_ROLE, on_role);
    hook_add(HOOK_SWAPPED, on_swapped);
    hook_add(HOOK_SESSION_CLOSE, on_session_close);
}

static void drop(struct subscriber *s)
{
    list_remove(&s->link);
    mem_free(s);
    listen();
}

int rm_SubscribeToServerEvent(RedisModuleCtx *ctx, RedisModuleEvent event,
                              RedisModuleEventCallback fn)
{
    if (!ctx->module || event.id >= _REDISMODULE_EVENT_NEXT || event.dataver > 1)
        return REDISMODULE_ERR;
    struct subscriber *s = find(ctx->module, event.id);
    if (!fn) {
        if (s)
            drop(s);
        return s ? REDISMODULE_OK : REDISMODULE_ERR;
    }
    if (!s) {
        s = mem_alloc(sizeof *s);
        s->link = (struct list_node){NULL, NULL};
        list_push(of(event.id), &s->link);
    }
    s->module = ctx->module;
    s->event = event;
    s->fn = fn;
    attach();
    listen();
    return REDISMODULE_OK;
}

int rm_IsSubEventSupported(RedisModuleEvent event, uint64_t sub)
{
    return event.id < _REDISMODULE_EVENT_NEXT && sub < parts[event.id];
}

void module__events_drop(struct module *m)
{
    for (uint64_t id = 0; id < _REDISMODULE_EVENT_NEXT; id++) {
        struct subscriber *s = find(m, id);
        if (s)
            drop(s);
    }
}
