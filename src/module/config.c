/* Options of modules: rows of the option registry whose values the module keeps. The registry's cell is filled from the
 * module's getter before each look, and the module's setter is called for each new value. */
#include "module/config.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/admin.h"
#include "module/module_priv.h"

#include <ctype.h>
#include <errno.h>

struct module_option {
    struct list_node link; /* of the module */
    struct module *module;
    char *full;       /* "module.name" */
    const char *name; /* its second part */
    struct config_option row;
    struct config_enum *words;
    union {
        bool boolean;
        int64_t integer;
        int choice;
        struct buf bytes;
    } cell;
    union {
        RedisModuleConfigGetStringFunc string;
        RedisModuleConfigGetNumericFunc numeric;
        RedisModuleConfigGetBoolFunc boolean;
        RedisModuleConfigGetEnumFunc choice;
    } get;
    union {
        RedisModuleConfigSetStringFunc string;
        RedisModuleConfigSetNumericFunc numeric;
        RedisModuleConfigSetBoolFunc boolean;
        RedisModuleConfigSetEnumFunc choice;
    } set;
    RedisModuleConfigApplyFunc apply;
    void *arg;
};

/* -- Values --------------------------------------------------------------------------------------------------------------- */

static void fetch(void *owner)
{
    struct module_option *o = owner;
    RedisModuleString *s;
    switch (o->row.kind) {
    case CONFIG_KIND_BOOL:
        o->cell.boolean = o->get.boolean(o->name, o->arg) != 0;
        break;
    case CONFIG_KIND_INT:
    case CONFIG_KIND_MEMORY:
        o->cell.integer = o->get.numeric(o->name, o->arg);
        break;
    case CONFIG_KIND_ENUM:
        o->cell.choice = o->get.choice(o->name, o->arg);
        break;
    case CONFIG_KIND_BYTES:
        s = o->get.string(o->name, o->arg);
        buf_clear(&o->cell.bytes);
        if (s)
            buf_put_slice(&o->cell.bytes, module__slice(s));
        break;
    case CONFIG_KIND_OCTAL:
    case CONFIG_KIND_STRING:
    case CONFIG_KIND_CUSTOM:
        orbit_assert(!"not an option of a module");
    }
}

/* why: the module's own words, ours to free; may be NULL. */
static enum status outcome(int rc, RedisModuleString *why, struct error *err)
{
    enum status st = ST_OK;
    if (rc != REDISMODULE_OK && why)
        st = error_set(err, ST_INVALID, "%.*s", SLICE_FMT(module__slice(why)));
    else if (rc != REDISMODULE_OK)
        st = error_set(err, ST_INVALID, "the module refuses the value");
    module__string_unref(why);
    return st;
}

static enum status stored(void *owner, struct error *err)
{
    struct module_option *o = owner;
    RedisModuleString *why = NULL, *text;
    int rc = REDISMODULE_ERR;
    switch (o->row.kind) {
    case CONFIG_KIND_BOOL:
        rc = o->set.boolean(o->name, o->cell.boolean, o->arg, &why);
        break;
    case CONFIG_KIND_INT:
    case CONFIG_KIND_MEMORY:
        rc = o->set.numeric(o->name, o->cell.integer, o->arg, &why);
        break;
    case CONFIG_KIND_ENUM:
        rc = o->set.choice(o->name, o->cell.choice, o->arg, &why);
        break;
    case CONFIG_KIND_BYTES:
        text = module__string(buf_slice(&o->cell.bytes));
        if (text)
            rc = o->set.string(o->name, text, o->arg, &why);
        module__string_unref(text);
        break;
    case CONFIG_KIND_OCTAL:
    case CONFIG_KIND_STRING:
    case CONFIG_KIND_CUSTOM:
        orbit_assert(!"not an option of a module");
    }
    return outcome(rc, why, err);
}

static enum status apply(void *arg, struct error *err)
{
    struct module_option *o = arg;
    RedisModuleString *why = NULL;
    RedisModuleCtx ctx;
    module__ctx_open(&ctx, o->module);
    int rc = o->apply(&ctx, o->arg, &why);
    module__ctx_close(&ctx);
    return outcome(rc, why, err);
}

/* -- Registering ---------------------------------------------------------------------------------------------------------- */

static bool name_ok(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return false;
    return *name != 0;
}

static bool flags_ok(unsigned flags, bool numeric, bool choice)
{
    const unsigned long long known = REDISMODULE_CONFIG_IMMUTABLE | REDISMODULE_CONFIG_SENSITIVE |
                                     REDISMODULE_CONFIG_HIDDEN | REDISMODULE_CONFIG_PROTECTED |
                                     REDISMODULE_CONFIG_DENY_LOADING | REDISMODULE_CONFIG_MEMORY |
                                     REDISMODULE_CONFIG_BITFLAGS;
    return !(flags & ~known) && (numeric || !(flags & REDISMODULE_CONFIG_MEMORY)) &&
           (choice || !(flags & REDISMODULE_CONFIG_BITFLAGS));
}

static unsigned registry_flags(unsigned flags)
{
    static const struct {
        unsigned long long from;
        unsigned to;
    } map[] = {
        {REDISMODULE_CONFIG_IMMUTABLE, CONFIG_IMMUTABLE},
        {REDISMODULE_CONFIG_SENSITIVE, CONFIG_SENSITIVE},
        {REDISMODULE_CONFIG_HIDDEN, CONFIG_HIDDEN},
        {REDISMODULE_CONFIG_PROTECTED, CONFIG_PROTECTED},
        {REDISMODULE_CONFIG_DENY_LOADING, CONFIG_DENY_LOADING},
        {REDISMODULE_CONFIG_BITFLAGS, CONFIG_MULTI_ARG},
    };
    unsigned out = 0;
    for (size_t i = 0; i < COUNT_OF(map); i++)
        if (flags & map[i].from)
            out |= map[i].to;
    return out;
}

/* NULL: errno says why. */
static struct module_option *begin(RedisModuleCtx *ctx, const char *name, unsigned flags,
                                   bool numeric, bool choice)
{
    struct module *m = ctx->module;
    if (!m->loading || !m->name) {
        errno = EBUSY;
        return NULL;
    }
    if (!flags_ok(flags, numeric, choice) || !name_ok(name)) {
        log_warning(LOG_MODULE, "Module %s: option '%s' has a bad name or bad flags", m->name,
                    name);
        errno = EINVAL;
        return NULL;
    }
    struct buf full = BUF_INIT;
    buf_printf(&full, "%s.%s", m->name, name);
    if (config_find(buf_slice(&full))) {
        log_warning(LOG_MODULE, "Configuration by the name: %s already registered", name);
        buf_free(&full);
        errno = EALREADY;
        return NULL;
    }
    struct module_option *o = mem_calloc(1, sizeof(*o));
    o->module = m;
    o->full = mem_strdup(buf_cstr(&full));
    o->name = o->full + strlen(m->name) + 1;
    o->row = (struct config_option){.name = o->full,
                                    .help = "",
                                    .flags = registry_flags(flags),
                                    .initial_text = "",
                                    .fetch = fetch,
                                    .stored = stored,
                                    .owner = o};
    buf_free(&full);
    return o;
}

/* Options that share function and argument are applied once. */
static struct module_option *same_apply(struct module_option *o)
{
    LIST_EACH(it, &o->module->configs)
    {
        struct module_option *other = LIST_ENTRY(it, struct module_option, link);
        if (other->apply == o->apply && other->arg == o->arg)
            return other;
    }
    return o;
}

static int finish(struct module_option *o, RedisModuleConfigApplyFunc apply_fn, void *arg)
{
    o->apply = apply_fn;
    o->arg = arg;
    config_register(&o->row, 1);
    if (apply_fn)
        config_on_change(o->full, apply, same_apply(o));
    list_push(&o->module->configs, &o->link);
    return REDISMODULE_OK;
}

int rm_RegisterBoolConfig(RedisModuleCtx *ctx, const char *name, int initial, unsigned int flags,
                          RedisModuleConfigGetBoolFunc get, RedisModuleConfigSetBoolFunc set,
                          RedisModuleConfigApplyFunc apply_fn, void *privdata)
{
    struct module_option *o = begin(ctx, name, flags, false, false);
    if (!o)
        return REDISMODULE_ERR;
    o->row.kind = CONFIG_KIND_BOOL;
    o->row.at.boolean = &o->cell.boolean;
    o->row.initial = initial != 0;
    o->get.boolean = get;
    o->set.boolean = set;
    return finish(o, apply_fn, privdata);
}

int rm_RegisterNumericConfig(RedisModuleCtx *ctx, const char *name, long long initial,
                             unsigned int flags, long long min, long long max,
                             RedisModuleConfigGetNumericFunc get,
                             RedisModuleConfigSetNumericFunc set,
                             RedisModuleConfigApplyFunc apply_fn, void *privdata)
{
    struct module_option *o = begin(ctx, name, flags, true, false);
    if (!o)
        return REDISMODULE_ERR;
    o->row.kind = flags & REDISMODULE_CONFIG_MEMORY ? CONFIG_KIND_MEMORY : CONFIG_KIND_INT;
    o->row.at.integer = &o->cell.integer;
    o->row.initial = initial;
    o->row.min = min;
    o->row.max = max;
    o->get.numeric = get;
    o->set.numeric = set;
    return finish(o, apply_fn, privdata);
}

int rm_RegisterStringConfig(RedisModuleCtx *ctx, const char *name, const char *initial,
                            unsigned int flags, RedisModuleConfigGetStringFunc get,
                            RedisModuleConfigSetStringFunc set, RedisModuleConfigApplyFunc apply_fn,
                            void *privdata)
{
    /* Redis lets a string have the flag of memory, without effect. */
    struct module_option *o = begin(ctx, name, flags, true, false);
    if (!o)
        return REDISMODULE_ERR;
    o->row.kind = CONFIG_KIND_BYTES;
    o->row.at.bytes = &o->cell.bytes;
    o->row.initial_text = mem_strdup(initial ? initial : "");
    o->get.string = get;
    o->set.string = set;
    return finish(o, apply_fn, privdata);
}

int rm_RegisterEnumConfig(RedisModuleCtx *ctx, const char *name, int initial, unsigned int flags,
                          const char **enum_values, const int *int_values, int num_enum_vals,
                          RedisModuleConfigGetEnumFunc get, RedisModuleConfigSetEnumFunc set,
                          RedisModuleConfigApplyFunc apply_fn, void *privdata)
{
    struct module_option *o = num_enum_vals < 0 ? NULL : begin(ctx, name, flags, false, true);
    if (!o)
        return REDISMODULE_ERR;
    o->words = mem_calloc((size_t)num_enum_vals + 1, sizeof *o->words);
    for (int i = 0; i < num_enum_vals; i++)
        o->words[i] = (struct config_enum){mem_strdup(enum_values[i]), int_values[i]};
    o->row.kind = CONFIG_KIND_ENUM;
    o->row.at.choice = &o->cell.choice;
    o->row.initial = initial;
    o->row.table = o->words;
    o->get.choice = get;
    o->set.choice = set;
    return finish(o, apply_fn, privdata);
}

/* -- First values ---------------------------------------------------------------------------------------------------------- */

static enum status set_default(struct module_option *o, struct error *err)
{
    switch (o->row.kind) {
    case CONFIG_KIND_BOOL:
        o->cell.boolean = o->row.initial != 0;
        break;
    case CONFIG_KIND_INT:
    case CONFIG_KIND_MEMORY:
        o->cell.integer = o->row.initial;
        break;
    case CONFIG_KIND_ENUM:
        o->cell.choice = (int)o->row.initial;
        break;
    case CONFIG_KIND_BYTES:
        buf_clear(&o->cell.bytes);
        buf_put_str(&o->cell.bytes, o->row.initial_text);
        break;
    case CONFIG_KIND_OCTAL:
    case CONFIG_KIND_STRING:
    case CONFIG_KIND_CUSTOM:
        orbit_assert(!"not an option of a module");
    }
    return stored(o, err);
}

static bool load_one(struct module_option *o)
{
    struct buf given = BUF_INIT;
    struct error err = {.message = ""};
    if (!config_pending_take(slice_str(o->full), &given)) {
        if (set_default(o, &err) == ST_OK)
            return true;
        log_warning(LOG_MODULE, "Issue attempting to set default value of configuration %s : %s",
                    o->name, err.message);
        return false;
    }
    struct slice text = slice_make(given.n ? given.p : "", given.n);
    bool ok = config_set(slice_str(o->full), &text, 1, true, &err) == ST_OK;
    if (!ok)
        log_warning(LOG_MODULE, "Issue during loading of configuration %s : %s", o->full,
                    err.message);
    buf_free(&given);
    return ok;
}

int rm_LoadConfigs(RedisModuleCtx *ctx)
{
    if (!ctx || !ctx->module || !ctx->module->loading)
        return REDISMODULE_ERR;
    LIST_EACH(it, &ctx->module->configs)
    if (!load_one(LIST_ENTRY(it, struct module_option, link)))
        return REDISMODULE_ERR;
    ctx->module->configs_loaded = true;
    return REDISMODULE_OK;
}

/* -- The end -------------------------------------------------------------------------------------------------------------- */

void module__configs_drop(struct module *m)
{
    while (!list_empty(&m->configs)) {
        struct module_option *o = LIST_ENTRY(m->configs.prev, struct module_option, link);
        list_remove(&o->link);
        config_unregister(&o->row);
        for (struct config_enum *w = o->words; w && w->name; w++)
            mem_free((void *)(uintptr_t)w->name);
        mem_free(o->words);
        if (o->row.kind == CONFIG_KIND_BYTES)
            mem_free((void *)(uintptr_t)o->row.initial_text);
        mem_free(o->full);
        mem_free(o);
    }
}
