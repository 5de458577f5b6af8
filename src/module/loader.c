/* Loading and unloading: dlopen, OnLoad, and a clean state when anything fails. */
#include "base/log.h"
#include "base/mem.h"
#include "config/admin.h"
#include "module/block.h"
#include "module/config.h"
#include "module/event.h"
#include "module/load_options.h"
#include "module/module.h"
#include "module/module_priv.h"
#include "module/orbit_priv.h"
#include "module/type.h"
#include "session/acl.h"
#include "session/lifecycle.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/stat.h>

struct list_node module__all = {&module__all, &module__all};
bool module__starting;

typedef int (*onload_fn)(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);
typedef int (*onunload_fn)(RedisModuleCtx *ctx);

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
    /* Without a name it is not loaded. */
    if (m->name || module__find(slice_str(name)))
        return;
    m->name = mem_strdup(name);
    m->version = ver;
    m->api_version = apiver;
}

int rm_IsModuleNameBusy(const char *name)
{
    return module__find(slice_str(name)) != NULL;
}

/* -- Memory --------------------------------------------------------------------------------------------------------------- */

static struct module *make(const char *path, const struct slice *argv, size_t argc)
{
    struct module *m = mem_calloc(1, sizeof *m);
    m->path = mem_strdup(path);
    m->argc = (int)argc;
    m->argv = module__argv(argv, m->argc);
    m->session = session_new_internal(lifecycle.kv);
    list_init(&m->commands);
    list_init(&m->configs);
    list_push(&module__all, &m->link);
    return m;
}

static void drop_groups(struct module *m)
{
    for (size_t i = 0; i < module__ngroups; i++)
        if (module__groups[i].drop)
            module__groups[i].drop(m);
}

static void release(struct module *m)
{
    list_remove(&m->link);
    module__argv_free(m->argv, m->argc);
    session_free(m->session);
    mem_free(m->name);
    mem_free(m->path);
    mem_free(m);
}

/* -- Loading -------------------------------------------------------------------------------------------------------------- */

/* False: why is logged. */
static bool open_object(struct module *m, onload_fn *onload)
{
    struct stat info;
    if (stat(m->path, &info) == 0 && !(info.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH))) {
        log_warning(LOG_MODULE, "Module %s failed to load: It does not have execute permissions.",
                    m->path);
        return false;
    }
    m->handle = dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
    if (!m->handle) {
        log_warning(LOG_MODULE, "Module %s failed to load: %s", m->path, dlerror());
        return false;
    }
    void *symbol = dlsym(m->handle, "RedisModule_OnLoad");
    if (!symbol) {
        log_warning(LOG_MODULE,
                    "Module %s does not export RedisModule_OnLoad() symbol. Module not loaded.",
                    m->path);
        return false;
    }
    Dl_info where;
    if (dladdr(symbol, &where))
        m->base = where.dli_fbase;
    memcpy(onload, &symbol, sizeof *onload);
    return true;
}

static bool run_onload(struct module *m, onload_fn onload)
{
    RedisModuleCtx ctx;
    module__ctx_open(&ctx, m);
    m->loading = true;
    int rc = onload(&ctx, m->argv, m->argc);
    m->loading = false;
    module__ctx_close(&ctx);
    if (rc == REDISMODULE_ERR || !m->name) {
        log_warning(LOG_MODULE, "Module %s initialization failed. Module not loaded", m->path);
        return false;
    }
    if (m->api_version > REDISMODULE_APIVER_1) {
        log_warning(LOG_MODULE,
                    "Module %s wants version %d of the module API, and this server has %d. Module "
                    "not loaded",
                    m->path, m->api_version, REDISMODULE_APIVER_1);
        return false;
    }
    return true;
}

/* False: it refuses. */
static bool run_onunload(struct module *m)
{
    void *symbol = dlsym(m->handle, "RedisModule_OnUnload");
    if (!symbol)
        return true;
    onunload_fn onunload;
    memcpy(&onunload, &symbol, sizeof onunload);
    RedisModuleCtx ctx;
    module__ctx_open(&ctx, m);
    int rc = onunload(&ctx);
    module__ctx_close(&ctx);
    if (rc == REDISMODULE_ERR)
        log_warning(LOG_MODULE, "Module %s OnUnload failed.  Unload canceled.", m->name);
    return rc != REDISMODULE_ERR;
}

/* What is left to go wrong once OnLoad has succeeded. */
static bool configs_applied(const struct module *m, bool given)
{
    bool ok = true;
    if (!list_empty(&m->configs) && !m->configs_loaded) {
        log_warning(LOG_MODULE, "Module Configurations were not set, likely a missing LoadConfigs "
                                "call. Unloading the module.");
        ok = false;
    }
    if (given && config_pending_count()) {
        log_warning(LOG_MODULE, "Loadex configurations were not applied, likely due to invalid "
                                "arguments. Unloading the module.");
        ok = false;
    }
    return ok;
}

static bool listeners_opened(struct module *m)
{
    struct error err;
    if (module__listeners_open(m, &err) == ST_OK)
        return true;
    log_warning(LOG_MODULE, "Module %s cannot listen: %s", m->name, err.message);
    return false;
}

enum status module__load(const char *path, const struct slice *argv, size_t argc,
                         const struct slice *configs, size_t nconfigs, struct error *err)
{
    struct module *m = make(path, argv, argc);
    onload_fn onload;
    for (size_t i = 0; i + 1 < nconfigs; i += 2)
        config_pending_put(configs[i], configs[i + 1]);
    bool ok = open_object(m, &onload) && run_onload(m, onload);
    if (ok && (!configs_applied(m, nconfigs > 0) || !listeners_opened(m))) {
        (void)run_onunload(m);
        ok = false;
    }
    if (nconfigs)
        config_pending_clear();
    if (!ok) {
        drop_groups(m);
        if (m->handle)
            dlclose(m->handle);
        release(m);
        return error_set(err, ST_INVALID, "Can't load module from %s: server aborting", path);
    }
    acl_commands_changed();
    log_notice(LOG_MODULE, "Module '%s' loaded from %s", m->name, path);
    if (!module__starting && module__types_join(m, err) != ST_OK)
        log_warning(LOG_MODULE, "What module '%s' keeps in the store cannot be loaded: %s", m->name,
                    err->message);
    module__event_module(m, REDISMODULE_SUBEVENT_MODULE_LOADED);
    return ST_OK;
}

enum status module__unload(struct slice name, struct error *err)
{
    struct module *m = module__find(name);
    if (!m)
        return error_set(err, ST_NOT_FOUND, "no such module with that name");
    if (m->in_call || m->loading)
        return error_set(err, ST_BUSY, "the module is running now");
    for (size_t i = 0; i < module__ngroups; i++) {
        const char *why = module__groups[i].refuses ? module__groups[i].refuses(m) : NULL;
        if (why)
            return error_set(err, ST_BUSY, "%s", why);
    }
    if (!run_onunload(m))
        return error_set(err, ST_BUSY, "operation not possible.");
    drop_groups(m);
    if (dlclose(m->handle) != 0)
        log_warning(LOG_MODULE, "Error when trying to close the %s module: %s", m->name, dlerror());
    module__event_module(m, REDISMODULE_SUBEVENT_MODULE_UNLOADED);
    log_notice(LOG_MODULE, "Module %s unloaded", m->name);
    release(m);
    acl_commands_changed();
    return ST_OK;
}

/* -- Start and stop --------------------------------------------------------------------------------------------------------- */

enum status module_start(struct error *err)
{
    module__loop_thread_is_this();
    module__block_start();
    module__thread_start();
    module__timer_start();
    module__info_start();
    module__auth_start();
    module__orbit_start();
    module__starting = true;
    enum status st = module__load_queued(err);
    module__starting = false;
    if (st == ST_OK && config_pending_count())
        st = error_set(err, ST_INVALID,
                       "Module Configuration detected without loadmodule directive or no "
                       "ApplyConfig call: aborting");
    return st;
}

void module_stop(void)
{
    if (!module__types_stop())
        return; /* what keeps objects in memory is needed until the keyspace has gone */
    /* They themselves, and their objects, stay: threads of theirs may still run in them. */
    for (struct list_node *n = module__all.prev; n != &module__all; n = n->prev)
        drop_groups(LIST_ENTRY(n, struct module, link));
    module__call_pool_free();
    module__string_pool_free();
}

/* -- Crash reports ---------------------------------------------------------------------------------------------------------- */

struct module *module__of_address(const void *address)
{
    Dl_info where;
    if (!address || !dladdr(address, &where))
        return NULL;
    LIST_EACH(it, &module__all)
    {
        struct module *m = LIST_ENTRY(it, struct module, link);
        if (m->base == where.dli_fbase)
            return m;
    }
    return NULL;
}

bool module_of_address(const void *address, char *line, size_t n)
{
    Dl_info where;
    const struct module *m = module__of_address(address);
    if (!m || !dladdr(address, &where))
        return false;
    snprintf(line, n, "module %s, function %s (%s)", m->name ? m->name : "being loaded",
             where.dli_sname ? where.dli_sname : "without a name", m->path);
    return true;
}
