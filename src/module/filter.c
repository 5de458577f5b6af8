/* Command filters: callbacks of modules that see every command before it is looked up, and may change its words. A word becomes a
 * string of modules when a filter asks for it; a command that no filter changes goes on as it came. */
#include "base/mem.h"
#include "module/module_priv.h"
#include "session/dispatch.h"

struct RedisModuleCommandFilter {
    struct list_node link;
    struct module *module;
    RedisModuleCommandFilterFunc fn;
    int flags;
};

struct word {
    struct slice bytes;
    RedisModuleString *string; /* NULL: nobody has asked for it */
};

struct RedisModuleCommandFilterCtx {
    struct session *s;
    struct word *words;
    int n, cap;
    bool changed;
};

/* The words that run instead of the client's, and whose strings have to last as long. */
struct filtered {
    RedisModuleString **strings;
    int nstrings;
    struct slice argv[];
};

static struct list_node filters = {&filters, &filters};

/* -- Before a command ------------------------------------------------------------------------------------------------------- */

static void load(RedisModuleCommandFilterCtx *f, const struct slice *argv, int argc)
{
    f->n = argc;
    f->cap = argc + 4;
    f->words = mem_alloc((size_t)f->cap * sizeof *f->words);
    for (int i = 0; i < argc; i++)
        f->words[i] = (struct word){argv[i], NULL};
}

static struct filtered *result(const RedisModuleCommandFilterCtx *f)
{
    struct filtered *r = mem_alloc(sizeof *r + (size_t)f->n * sizeof r->argv[0]);
    r->strings = mem_alloc((size_t)f->n * sizeof(RedisModuleString *));
    r->nstrings = f->n;
    for (int i = 0; i < f->n; i++) {
        RedisModuleString *s = f->words[i].string;
        r->argv[i] = s ? module__slice(s) : f->words[i].bytes;
        r->strings[i] = s;
    }
    return r;
}

static void *begin(struct session *s, int *argc, struct slice **argv)
{
    RedisModuleCommandFilterCtx f = {.s = s};
    load(&f, *argv, *argc);
    LIST_EACH_SAFE(it, next, &filters)
    {
        RedisModuleCommandFilter *filter = LIST_ENTRY(it, RedisModuleCommandFilter, link);
        if (!(filter->flags & REDISMODULE_CMDFILTER_NOSELF) || !filter->module->in_call)
            filter->fn(&f);
    }
    struct filtered *r = NULL;
    if (f.changed) {
        r = result(&f);
        *argc = f.n;
        *argv = r->argv;
    } else {
        for (int i = 0; i < f.n; i++)
            module__string_unref(f.words[i].string);
    }
    mem_free(f.words);
    return r;
}

static void end(void *filtered)
{
    struct filtered *r = filtered;
    module__argv_free(r->strings, r->nstrings);
    mem_free(r);
}

/* -- Registering ------------------------------------------------------------------------------------------------------------ */

static const struct dispatch_filter ops = {.begin = begin, .end = end};

static void unregister(RedisModuleCommandFilter *filter)
{
    list_remove(&filter->link);
    mem_free(filter);
    if (list_empty(&filters))
        dispatch_set_filter(NULL);
}

RedisModuleCommandFilter *rm_RegisterCommandFilter(RedisModuleCtx *ctx,
                                                   RedisModuleCommandFilterFunc fn, int flags)
{
    RedisModuleCommandFilter *filter = mem_alloc(sizeof *filter);
    *filter = (RedisModuleCommandFilter){.module = ctx->module, .fn = fn, .flags = flags};
    list_push(&filters, &filter->link);
    dispatch_set_filter(&ops);
    return filter;
}

int rm_UnregisterCommandFilter(RedisModuleCtx *ctx, RedisModuleCommandFilter *filter)
{
    if (filter->module != ctx->module)
        return REDISMODULE_ERR;
    unregister(filter);
    return REDISMODULE_OK;
}

size_t module__filters_count(const struct module *m)
{
    size_t n = 0;
    LIST_EACH(it, &filters)
    n += LIST_ENTRY(it, RedisModuleCommandFilter, link)->module == m;
    return n;
}

void module__filters_drop(struct module *m)
{
    LIST_EACH_SAFE(it, next, &filters)
    {
        RedisModuleCommandFilter *filter = LIST_ENTRY(it, RedisModuleCommandFilter, link);
        if (filter->module == m)
            unregister(filter);
    }
}

/* -- What filters do -------------------------------------------------------------------------------------------------------- */

unsigned long long rm_CommandFilterGetClientId(RedisModuleCommandFilterCtx *f)
{
    return f->s->id;
}

int rm_CommandFilterArgsCount(RedisModuleCommandFilterCtx *f)
{
    return f->n;
}

RedisModuleString *rm_CommandFilterArgGet(RedisModuleCommandFilterCtx *f, int pos)
{
    if (pos < 0 || pos >= f->n)
        return NULL;
    struct word *w = &f->words[pos];
    if (!w->string)
        w->string = module__string(w->bytes);
    return w->string;
}

int rm_CommandFilterArgInsert(RedisModuleCommandFilterCtx *f, int pos, RedisModuleString *arg)
{
    if (pos < 0 || pos > f->n)
        return REDISMODULE_ERR;
    if (f->n == f->cap) {
        f->cap *= 2;
        f->words = mem_realloc(f->words, (size_t)f->cap * sizeof *f->words);
    }
    memmove(f->words + pos + 1, f->words + pos, (size_t)(f->n - pos) * sizeof *f->words);
    f->words[pos] = (struct word){module__slice(arg), arg};
    f->n++;
    f->changed = true;
    return REDISMODULE_OK;
}

int rm_CommandFilterArgReplace(RedisModuleCommandFilterCtx *f, int pos, RedisModuleString *arg)
{
    if (pos < 0 || pos >= f->n)
        return REDISMODULE_ERR;
    module__string_unref(f->words[pos].string);
    f->words[pos] = (struct word){module__slice(arg), arg};
    f->changed = true;
    return REDISMODULE_OK;
}

int rm_CommandFilterArgDelete(RedisModuleCommandFilterCtx *f, int pos)
{
    /* A command has at least its name. */
    if (pos < 0 || pos >= f->n || f->n == 1)
        return REDISMODULE_ERR;
    module__string_unref(f->words[pos].string);
    memmove(f->words + pos, f->words + pos + 1, (size_t)(f->n - pos - 1) * sizeof *f->words);
    f->n--;
    f->changed = true;
    return REDISMODULE_OK;
}
