/* INFO: sections of modules, the list of modules, and the server's own figures for modules. */
#include "base/dict.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "module/config.h"
#include "module/module_priv.h"
#include "services/info/info.h"
#include "session/info.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* -- Sections of modules --------------------------------------------------------------------------------------------------- */

struct RedisModuleInfoCtx {
    struct module *module;
    struct buf *out;
    const struct slice *names; /* what was asked for */
    size_t n;
    bool every;
    bool in_section, in_dict;
    size_t dict_start; /* where the dictionary's fields begin */
};

/* What would be read as something else becomes an underscore. */
static void put_name(struct buf *out, const char *name)
{
    for (; *name; name++)
        buf_put_byte(out, strchr("#:\r\n", *name) ? '_' : (uint8_t)*name);
}

static bool wanted(const RedisModuleInfoCtx *ctx, const char *section)
{
    for (size_t i = 0; i < ctx->n; i++)
        if (slice_is(ctx->names[i], section) || slice_is(ctx->names[i], ctx->module->name))
            return true;
    return ctx->every;
}

int rm_InfoAddSection(RedisModuleInfoCtx *ctx, const char *name)
{
    struct buf full = BUF_INIT;
    buf_put_str(&full, ctx->module->name);
    if (name && *name)
        buf_printf(&full, "_%s", name);
    if (ctx->in_dict)
        rm_InfoEndDictField(ctx);
    ctx->in_section = wanted(ctx, buf_cstr(&full));
    if (ctx->in_section) {
        buf_put_str(ctx->out, ctx->out->n ? "\r\n# " : "# ");
        put_name(ctx->out, buf_cstr(&full));
        buf_put_str(ctx->out, "\r\n");
    }
    buf_free(&full);
    return ctx->in_section ? REDISMODULE_OK : REDISMODULE_ERR;
}

int rm_InfoBeginDictField(RedisModuleInfoCtx *ctx, const char *name)
{
    if (!ctx->in_section)
        return REDISMODULE_ERR;
    if (ctx->in_dict)
        rm_InfoEndDictField(ctx);
    put_name(ctx->out, ctx->module->name);
    buf_put_byte(ctx->out, '_');
    put_name(ctx->out, name);
    buf_put_byte(ctx->out, ':');
    ctx->dict_start = ctx->out->n;
    ctx->in_dict = true;
    return REDISMODULE_OK;
}

int rm_InfoEndDictField(RedisModuleInfoCtx *ctx)
{
    if (!ctx->in_dict)
        return REDISMODULE_ERR;
    if (ctx->out->n > ctx->dict_start)
        ctx->out->n--; /* the last comma */
    buf_put_str(ctx->out, "\r\n");
    ctx->in_dict = false;
    return REDISMODULE_OK;
}

static int put_field(RedisModuleInfoCtx *ctx, const char *field, struct slice value)
{
    if (!ctx->in_section)
        return REDISMODULE_ERR;
    if (!ctx->in_dict) {
        put_name(ctx->out, ctx->module->name);
        buf_put_byte(ctx->out, '_');
    }
    put_name(ctx->out, field);
    buf_put_byte(ctx->out, ctx->in_dict ? '=' : ':');
    buf_put_slice(ctx->out, value);
    buf_put_str(ctx->out, ctx->in_dict ? "," : "\r\n");
    return REDISMODULE_OK;
}

int rm_InfoAddFieldString(RedisModuleInfoCtx *ctx, const char *field, RedisModuleString *value)
{
    return put_field(ctx, field, module__slice(value));
}

int rm_InfoAddFieldCString(RedisModuleInfoCtx *ctx, const char *field, const char *value)
{
    return put_field(ctx, field, slice_str(value));
}

int rm_InfoAddFieldDouble(RedisModuleInfoCtx *ctx, const char *field, double value)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%.17g", value);
    return put_field(ctx, field, slice_make(text, (size_t)n));
}

int rm_InfoAddFieldLongLong(RedisModuleInfoCtx *ctx, const char *field, long long value)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%lld", value);
    return put_field(ctx, field, slice_make(text, (size_t)n));
}

int rm_InfoAddFieldULongLong(RedisModuleInfoCtx *ctx, const char *field, unsigned long long value)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%llu", value);
    return put_field(ctx, field, slice_make(text, (size_t)n));
}

int rm_RegisterInfoFunc(RedisModuleCtx *ctx, RedisModuleInfoFunc cb)
{
    ctx->module->info = cb;
    return REDISMODULE_OK;
}

static void put_sections(struct buf *out, const struct slice *names, size_t n, bool every)
{
    LIST_EACH(it, &module__all)
    {
        struct module *m = LIST_ENTRY(it, struct module, link);
        RedisModuleInfoCtx ctx = {.module = m, .out = out, .names = names, .n = n, .every = every};
        if (!m->info || m->loading)
            continue;
        m->info(&ctx, 0);
        if (ctx.in_dict)
            rm_InfoEndDictField(&ctx);
    }
}

void module__info_drop(struct module *m)
{
    m->info = NULL;
}

/* -- The list of modules ---------------------------------------------------------------------------------------------------- */

static void put_options(struct buf *out, int options)
{
    static const struct {
        int bit;
        const char *word;
    } words[] = {
        {REDISMODULE_OPTIONS_HANDLE_IO_ERRORS, "handle-io-errors"},
        {REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD, "handle-repl-async-load"},
        {REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED, "no-implicit-signal-modified"},
    };
    const char *between = "";
    buf_put_byte(out, '[');
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (options & words[i].bit) {
            buf_printf(out, "%s%s", between, words[i].word);
            between = "|";
        }
    buf_put_byte(out, ']');
}

static void put_list_name(void *arg, const struct module *other)
{
    struct buf *out = arg;
    buf_printf(out, "%s%s", out->p[out->n - 1] == '[' ? "" : "|", other->name);
}

static void put_list(const struct module *m, bool users, struct buf *out)
{
    buf_put_byte(out, '[');
    module__shared_list(m, users, put_list_name, out);
    buf_put_byte(out, ']');
}

static void put_modules(struct buf *out)
{
    LIST_EACH(it, &module__all)
    {
        const struct module *m = LIST_ENTRY(it, struct module, link);
        if (m->loading)
            continue;
        buf_printf(out, "module:name=%s,ver=%d,api=%d,filters=%zu,usedby=", m->name, m->version,
                   m->api_version, module__filters_count(m));
        put_list(m, true, out);
        buf_put_str(out, ",using=");
        put_list(m, false, out);
        buf_put_str(out, ",options=");
        put_options(out, m->options);
        buf_put_str(out, "\r\n");
    }
}

void module__info_start(void)
{
    info_register("modules", put_modules);
    info_on_extra(put_sections);
}

/* -- The server's figures ---------------------------------------------------------------------------------------------------- */

struct RedisModuleServerInfoData {
    struct dict *fields; /* name -> text */
};

static void free_info(void *info)
{
    RedisModuleServerInfoData *d = info;
    dict_free(d->fields);
    mem_free(d);
}

static void add_line(RedisModuleServerInfoData *d, struct slice line)
{
    const char *colon = line.n && line.p[0] != '#' ? memchr(line.p, ':', line.n) : NULL;
    if (!colon)
        return;
    struct slice name = slice_make(line.p, (size_t)(colon - line.p));
    char *text = mem_strndup(colon + 1, line.n - name.n - 1);
    /* The first one of a name counts. */
    if (!dict_add(d->fields, name, text))
        mem_free(text);
}

RedisModuleServerInfoData *rm_GetServerInfo(RedisModuleCtx *ctx, const char *section)
{
    RedisModuleServerInfoData *d = mem_calloc(1, sizeof *d);
    struct buf text = BUF_INIT;
    struct slice name = slice_str(section ? section : "");
    d->fields = dict_new(0, mem_free);
    info_text(&text, &name, section && *section ? 1 : 0);
    for (size_t at = 0; at < text.n;) {
        const char *end = memchr(text.p + at, '\r', text.n - at);
        size_t n = end ? (size_t)(end - text.p) - at : text.n - at;
        add_line(d, slice_make(text.p + at, n));
        at += n + 2;
    }
    buf_free(&text);
    module__auto_add(ctx, d, free_info);
    return d;
}

void rm_FreeServerInfo(RedisModuleCtx *ctx, RedisModuleServerInfoData *data)
{
    module__auto_forget(ctx, data);
    free_info(data);
}

const char *rm_ServerInfoGetFieldC(RedisModuleServerInfoData *data, const char *field)
{
    return dict_get(data->fields, slice_str(field));
}

RedisModuleString *rm_ServerInfoGetField(RedisModuleCtx *ctx, RedisModuleServerInfoData *data,
                                         const char *field)
{
    const char *text = rm_ServerInfoGetFieldC(data, field);
    return text ? rm_CreateString(ctx, text, strlen(text)) : NULL;
}

static void set_outcome(int *out_err, bool ok)
{
    if (out_err)
        *out_err = ok ? REDISMODULE_OK : REDISMODULE_ERR;
}

long long rm_ServerInfoGetFieldSigned(RedisModuleServerInfoData *data, const char *field,
                                      int *out_err)
{
    const char *text = rm_ServerInfoGetFieldC(data, field);
    int64_t v = 0;
    bool ok = text && num_parse_int(slice_str(text), &v);
    set_outcome(out_err, ok);
    return ok ? v : 0;
}

unsigned long long rm_ServerInfoGetFieldUnsigned(RedisModuleServerInfoData *data, const char *field,
                                                 int *out_err)
{
    const char *text = rm_ServerInfoGetFieldC(data, field);
    char *end = NULL;
    errno = 0;
    unsigned long long v = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    bool ok = end && !*end && errno == 0;
    set_outcome(out_err, ok);
    return ok ? v : 0;
}

double rm_ServerInfoGetFieldDouble(RedisModuleServerInfoData *data, const char *field, int *out_err)
{
    const char *text = rm_ServerInfoGetFieldC(data, field);
    double v = 0;
    bool ok = text && num_parse_double(slice_str(text), &v);
    set_outcome(out_err, ok);
    return ok ? v : 0;
}
