/* Loading and unloading: dlopen, OnLoad, and a clean state when anything fails. */
#include "base/log.h"
#include "base/mem.h"
#include "module/block.h"
#include "module/event.h"
#include "module/module.h"
#include "module/module_priv.h"
#include "session/lifecycle.h"

#include <dlfcn.h>

struct list_node module__all = {&module__all, &module__all};
bool module__starting;

typedef int (*onload_fn)(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);

struct module *module__find(struct slice name)
{
    LIST_EACH(it, &module__all)
    {
        struct module *m = LIST_ENTRY(it, struct module, link);
        if (m->name && slice_is(name, m->name))
            return m;
    }
    return NULL;
}

void rm_SetModuleAttribs(RedisModuleCtx *ctx, const char *name, int ver, int apiver)
{
    struct module *m = ctx->module;
    if (m->name)
        return;
    m->name = mem_strdup(name);
    m->version = ver;
    m->api_version = apiver;
}

int rm_IsModuleNameBusy(const char *name)
{
    return module__find(slice_str(name)) != NULL;
}

static void drop(struct module *m)
{
    for (size_t i = 0; i < module__ngroups; i++)
        if (module__groups[i].drop)
            module__groups[i].drop(m);
    list_remove(&m->link);
    if (m->handle)
        dlclose(m->handle);
    module__argv_free(m->argv, m->argc);
    session_free(m->session);
    mem_free(m->name);
    mem_free(m->path);
    mem_free(m);
}

enum status module__load(const char *path, const struct slice *argv, size_t argc,
                         const struct slice *configs, size_t nconfigs, struct error *err)
{
    struct module *m = mem_calloc(1, sizeof *m);
    m->path = mem_strdup(path);
    m->argc = (int)argc;
    m->argv = module__argv(argv, m->argc);
    m->session = session_new_internal(lifecycle.kv);
    list_init(&m->commands);
    list_push(&module__all, &m->link);
    enum status st = ST_OK;
    m->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = m->handle ? dlsym(m->handle, "RedisModule_OnLoad") : NULL;
    if (!m->handle) {
        st = error_set(err, ST_INVALID, "Module %s failed to load: %s", path, dlerror());
    } else if (!symbol) {
        st = error_set(err, ST_INVALID,
                       "Module %s does not export RedisModule_OnLoad() symbol. Module not loaded.",
                       path);
    } else {
        onload_fn onload;
        memcpy(&onload, &symbol, sizeof onload);
        RedisModuleCtx ctx;
        module__ctx_open(&ctx, m);
        m->loading = true;
        int rc = onload(&ctx, m->argv, m->argc);
        m->loading = false;
        module__ctx_close(&ctx);
        if (rc != REDISMODULE_OK || !m->name)
            st = error_set(err, ST_INVALID, "Module %s initialization failed. Module not loaded",
                           path);
    }
    if (st != ST_OK) {
        log_warning(LOG_SERVER, "%s", err->message);
        drop(m);
        return st;
    }
    log_notice(LOG_SERVER, "Module '%s' loaded from %s", m->name, path);
    module__event_module(m, REDISMODULE_SUBEVENT_MODULE_LOADED);
    return ST_OK;
}

enum status module__unload(struct slice name, struct error *err)
{
    struct module *m = module__find(name);
    if (!m)
        return error_set(err, ST_NOT_FOUND, "no such module with that name");
    for (size_t i = 0; i < module__ngroups; i++) {
        const char *why = module__groups[i].refuses ? module__groups[i].refuses(m) : NULL;
        if (why)
            return error_set(err, ST_BUSY, "%s", why);
    }
    log_notice(LOG_SERVER, "Module %s unloaded", m->name);
    module__event_module(m, REDISMODULE_SUBEVENT_MODULE_UNLOADED);
    drop(m);
    return ST_OK;
}

enum status module_start(struct error *err)
{
    module__loop_thread_is_this();
    module__block_start();
    module__thread_start();
    module__timer_start();
    return ST_OK;
}

void module_stop(void)
{
    while (!list_empty(&module__all))
        drop(LIST_ENTRY(module__all.prev, struct module, link));
    module__call_pool_free();
    module__string_pool_free();
}
