/* Orbit's own API: stores, engines, procedures, jobs, metrics, options. */
#include "base/log.h"
#include "base/mem.h"
#include "engine/metric.h"
#include "engine/query.h"
#include "engine/registry.h"
#include "event/worker.h"
#include "keyspace/keyspace_options.h"
#include "module/orbit_priv.h"
#include "session/info.h"
#include "session/lifecycle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define DIR_MODE 0750

int om_SetAbi(RedisModuleCtx *ctx, int abi)
{
    if (abi == ORBITMODULE_ABI)
        return REDISMODULE_OK;
    log_warning(LOG_MODULE,
                "Module %s was built for version %d of Orbit's module API, and this server "
                "has %d: build it anew.",
                ctx->module->path, abi, ORBITMODULE_ABI);
    return REDISMODULE_ERR;
}

const char *module__orbit_not_now(const RedisModuleCtx *ctx)
{
    return ctx->module->loading ? NULL : "modules register while they are loaded only";
}

static enum status may_register(const RedisModuleCtx *ctx, struct error *err)
{
    const char *why = module__orbit_not_now(ctx);
    return why ? error_set(err, ST_INVALID, "%s", why) : ST_OK;
}

/* The rows of api/store.def are the functions that they name. */
#define OM_STORE(type, name, function, parameters)                                                 \
    UNUSED static type(*const check_##name) parameters = function;
#include "module/api/store.def"
#undef OM_STORE

/* -- Stores --------------------------------------------------------------------------------------------------------------- */

struct owned_store {
    struct list_node link;
    struct module *module;
    char *name;
    struct stor *store;
};

static struct list_node stores = {&stores, &stores};

static bool store_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && n <= 64 && name[n] == 0 && strcmp(name, "redis") != 0 &&
           strcmp(name, "wal") != 0;
}

static enum status make_dir(const char *path, struct error *err)
{
    if (mkdir(path, DIR_MODE) == 0 || errno == EEXIST)
        return ST_OK;
    return error_set_errno(err, errno, "cannot make the directory %s", path);
}

static enum status open_store(const struct OrbitStoreConfig *config, struct stor **out,
                              struct error *err)
{
    const char *wanted = config->provider ? config->provider : keyspace_opts.storage_provider;
    const char *provider = stor_provider_canonical(wanted);
    char path[4096];
    if (!provider)
        return error_set(err, ST_INVALID, "there is no storage provider '%s'", wanted);
    snprintf(path, sizeof path, "%s/%s", lifecycle.data_root, config->name);
    enum status st = make_dir(path, err);
    snprintf(path, sizeof path, "%s/%s/%s", lifecycle.data_root, config->name, provider);
    struct stor_config cfg = {.provider = provider,
                              .path = path,
                              .spaces = config->spaces,
                              .nspaces = config->nspaces,
                              .options = config->options,
                              .noptions = config->noptions,
                              .need_caps = config->need_caps};
    return st == ST_OK ? stor_open(&cfg, out, err) : st;
}

enum status om_OpenStore(RedisModuleCtx *ctx, const struct OrbitStoreConfig *config,
                         struct stor **out, struct error *err)
{
    enum status st = may_register(ctx, err);
    if (st != ST_OK)
        return st;
    if (!store_name_ok(config->name))
        return error_set(err, ST_INVALID, "'%s' cannot be the name of a store", config->name);
    st = open_store(config, out, err);
    if (st != ST_OK)
        return error_prefix(err, "store '%s'", config->name);
    struct owned_store *s = mem_alloc(sizeof *s);
    *s = (struct owned_store){
        .module = ctx->module, .name = mem_strdup(config->name), .store = *out};
    list_push(&stores, &s->link);
    return ST_OK;
}

static void close_stores(const struct module *m)
{
    LIST_EACH_SAFE(n, tmp, &stores)
    {
        struct owned_store *s = LIST_ENTRY(n, struct owned_store, link);
        if (s->module != m)
            continue;
        list_remove(n);
        stor_close(s->store);
        mem_free(s->name);
        mem_free(s);
    }
}

/* -- Jobs ----------------------------------------------------------------------------------------------------------------- */

struct job {
    struct module *module;
    OrbitJobFunc run, done;
    void *arg;
};

static void run_job(void *arg)
{
    struct job *j = arg;
    j->run(j->arg);
}

static void job_done(void *arg)
{
    struct job *j = arg;
    if (j->done) {
        RedisModuleCtx ctx;
        module__ctx_open(&ctx, j->module);
        j->done(j->arg);
        module__ctx_close(&ctx);
    }
    j->module->jobs--;
    mem_free(j);
}

void om_SubmitJob(RedisModuleCtx *ctx, OrbitJobFunc run, OrbitJobFunc done, void *arg)
{
    struct job *j = mem_alloc(sizeof *j);
    *j = (struct job){ctx->module, run, done, arg};
    ctx->module->jobs++;
    worker_submit(lifecycle.pool, WORKER_ANY, run_job, job_done, j);
}

/* -- Engines and procedures ------------------------------------------------------------------------------------------------- */

enum status om_RegisterEngine(RedisModuleCtx *ctx, const struct engine_ops *ops, void *arg,
                              struct error *err)
{
    enum status st = may_register(ctx, err);
    return st == ST_OK ? engine_register(ops, arg, ctx->module, err) : st;
}

enum status om_RegisterProcedure(RedisModuleCtx *ctx, const struct engine_procedure *proc,
                                 void *arg, struct error *err)
{
    enum status st = may_register(ctx, err);
    return st == ST_OK ? engine_procedure_register(proc, arg, ctx->module, err) : st;
}

struct engine_procedure_entry *om_FindProcedure(struct slice name,
                                                const struct engine_procedure **proc, void **arg)
{
    struct engine_procedure_entry *p = engine_procedure_find(name);
    *proc = p ? p->proc : NULL;
    *arg = p ? p->arg : NULL;
    return p;
}

void om_ReleaseProcedure(struct engine_procedure_entry *p)
{
    engine_procedure_release(p);
}

/* -- Metrics -------------------------------------------------------------------------------------------------------------- */

enum status om_RegisterMetric(RedisModuleCtx *ctx, const char *name, const char *help,
                              enum OrbitMetricKind kind, struct metric **out, struct error *err)
{
    enum status st = may_register(ctx, err);
    if (st != ST_OK)
        return st;
    return metric_register(ctx->module, name, help,
                           kind == ORBIT_METRIC_COUNTER ? METRIC_COUNTER : METRIC_GAUGE, out, err);
}

void om_MetricAdd(struct metric *m, int64_t n)
{
    metric_add(m, n);
}

void om_MetricSet(struct metric *m, int64_t v)
{
    metric_set(m, v);
}

static bool put_engine(void *arg, struct engine *e)
{
    buf_printf(arg, "engine_%s:sessions=%u\r\n", e->ops->name, e->sessions);
    return true;
}

static bool put_procedure(void *arg, struct engine_procedure_entry *p)
{
    buf_printf(arg, "procedure_%s:calls_running=%u\r\n", p->proc->name, p->calls);
    return true;
}

static void put_metric(void *arg, const struct metric *m)
{
    buf_printf(arg, "%s:%" PRId64 "\r\n", m->name, metric_value(m));
}

static void info_engines(struct buf *out)
{
    struct query_stats q;
    query_stats(&q);
    buf_printf(out,
               "queries_running:%zu\r\nqueries_started:%" PRIu64 "\r\nqueries_failed:%" PRIu64
               "\r\nqueries_cancelled:%" PRIu64 "\r\nqueries_timed_out:%" PRIu64
               "\r\nquery_rows:%" PRIu64 "\r\n",
               q.running, q.started, q.failed, q.cancelled, q.timed_out, q.rows);
    engine_each(put_engine, out);
    engine_procedure_each(put_procedure, out);
    module__listeners_info(out);
    metric_each(NULL, put_metric, out);
}

void module__orbit_start(void)
{
    info_register("engines", info_engines);
    module__listeners_start();
}

/* -- Options -------------------------------------------------------------------------------------------------------------- */

static long long get_number(const char *name, void *option)
{
    const struct OrbitOption *o = option;
    return *o->number;
}

static int set_number(const char *name, long long v, void *option, RedisModuleString **err)
{
    const struct OrbitOption *o = option;
    *o->number = v;
    return REDISMODULE_OK;
}

static int get_truth(const char *name, void *option)
{
    const struct OrbitOption *o = option;
    return *o->truth;
}

static int set_truth(const char *name, int v, void *option, RedisModuleString **err)
{
    const struct OrbitOption *o = option;
    *o->truth = v != 0;
    return REDISMODULE_OK;
}

enum status om_RegisterOption(RedisModuleCtx *ctx, const struct OrbitOption *o, struct error *err)
{
    void *arg = (void *)(uintptr_t)o;
    int rc = REDISMODULE_ERR;
    if (o->number && !o->truth)
        rc = rm_RegisterNumericConfig(ctx, o->name, o->initial, o->flags, o->min, o->max,
                                      get_number, set_number, NULL, arg);
    else if (o->truth && !o->number)
        rc = rm_RegisterBoolConfig(ctx, o->name, o->initial != 0, o->flags, get_truth, set_truth,
                                   NULL, arg);
    return rc == REDISMODULE_OK
               ? ST_OK
               : error_set(err, ST_INVALID, "the option '%s' cannot be registered", o->name);
}

/* -- Log ------------------------------------------------------------------------------------------------------------------ */

void om_Log(RedisModuleCtx *ctx, enum OrbitLogLevel level, const char *fmt, ...)
{
    static const char *const words[] = {"debug", "verbose", "notice", "warning"};
    va_list ap;
    va_start(ap, fmt);
    module__log(ctx ? ctx->module : NULL,
                (unsigned)level < COUNT_OF(words) ? words[level] : "notice", fmt, ap);
    va_end(ap);
}

/* -- Going ---------------------------------------------------------------------------------------------------------------- */

const char *module__orbit_refuses(struct module *m)
{
    if (m->jobs)
        return "the module has jobs that run. Please wait for them and try again";
    if (module__listeners_busy(m))
        return "clients are connected to a listener of the module. Please set its port to 0, close "
               "them, and try again";
    return engine_owner_busy(m) ? "queries of the module run, or clients have sessions with it. "
                                  "Please wait for them and try again"
                                : NULL;
}

void module__orbit_drop(struct module *m)
{
    module__listeners_drop(m);
    module__fronts_drop(m);
    engine_owner_drop(m);
    metric_owner_drop(m);
    close_stores(m);
}
