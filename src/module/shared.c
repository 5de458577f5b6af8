/* Functions that modules offer to each other, by name. */
#include "base/mem.h"
#include "module/module_priv.h"

struct shared {
    struct list_node link;
    struct module *module;
    char *name;
    void *fn;
};

/* user has asked for a function of owner, which cannot go before it. */
struct use {
    struct list_node link;
    struct module *owner, *user;
};

static struct list_node all = {&all, &all};
static struct list_node uses = {&uses, &uses};

static struct shared *find(const char *name)
{
    LIST_EACH(it, &all)
    {
        struct shared *s = LIST_ENTRY(it, struct shared, link);
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

int rm_ExportSharedAPI(RedisModuleCtx *ctx, const char *name, void *fn)
{
    if (find(name))
        return REDISMODULE_ERR;
    struct shared *s = mem_alloc(sizeof *s);
    *s = (struct shared){.module = ctx->module, .name = mem_strdup(name), .fn = fn};
    list_push(&all, &s->link);
    return REDISMODULE_OK;
}

void *rm_GetSharedAPI(RedisModuleCtx *ctx, const char *name)
{
    struct shared *s = find(name);
    if (!s)
        return NULL;
    LIST_EACH(it, &uses)
    {
        struct use *u = LIST_ENTRY(it, struct use, link);
        if (u->owner == s->module && u->user == ctx->module)
            return s->fn;
    }
    struct use *u = mem_alloc(sizeof *u);
    *u = (struct use){.owner = s->module, .user = ctx->module};
    list_push(&uses, &u->link);
    return s->fn;
}

const char *module__shared_refuses(struct module *m)
{
    LIST_EACH(it, &uses)
    {
        const struct use *u = LIST_ENTRY(it, struct use, link);
        if (u->owner == m && u->user != m)
            return "the module exports APIs used by other modules. Please unload them first and "
                   "try again";
    }
    return NULL;
}

void module__shared_list(const struct module *m, bool users,
                         void (*fn)(void *arg, const struct module *other), void *arg)
{
    LIST_EACH(it, &uses)
    {
        const struct use *u = LIST_ENTRY(it, struct use, link);
        if ((users ? u->owner : u->user) == m)
            fn(arg, users ? u->user : u->owner);
    }
}

void module__shared_drop(struct module *m)
{
    LIST_EACH_SAFE(it, next, &all)
    {
        struct shared *s = LIST_ENTRY(it, struct shared, link);
        if (s->module != m)
            continue;
        list_remove(&s->link);
        mem_free(s->name);
        mem_free(s);
    }
    LIST_EACH_SAFE(at, after, &uses)
    {
        struct use *u = LIST_ENTRY(at, struct use, link);
        if (u->owner != m && u->user != m)
            continue;
        list_remove(&u->link);
        mem_free(u);
    }
}
