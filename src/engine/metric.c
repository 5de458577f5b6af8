#include "engine/metric.h"

#include "base/mem.h"

#include <string.h>

static struct list_node all = {&all, &all};

static bool name_ok(const char *name)
{
    return *name >= 'a' && *name <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

enum status metric_register(const void *owner, const char *name, const char *help,
                            enum metric_kind kind, struct metric **out, struct error *err)
{
    if (!name_ok(name))
        return error_set(err, ST_INVALID,
                         "the name of a metric is of lower case letters, digits and underscores");
    LIST_EACH(n, &all)
    if (strcmp(LIST_ENTRY(n, struct metric, link)->name, name) == 0)
        return error_set(err, ST_EXISTS, "there is a metric '%s' already", name);
    struct metric *m = mem_calloc(1, sizeof *m);
    m->name = mem_strdup(name);
    m->help = mem_strdup(help);
    m->kind = kind;
    m->owner = owner;
    list_push(&all, &m->link);
    *out = m;
    return ST_OK;
}

void metric_add(struct metric *m, int64_t n)
{
    atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t v)
{
    atomic_store_explicit(&m->value, v, memory_order_relaxed);
}

int64_t metric_value(const struct metric *m)
{
    return atomic_load_explicit(&m->value, memory_order_relaxed);
}

void metric_each(const void *owner, void (*fn)(void *arg, const struct metric *m), void *arg)
{
    LIST_EACH(n, &all)
    {
        const struct metric *m = LIST_ENTRY(n, struct metric, link);
        if (!owner || m->owner == owner)
            fn(arg, m);
    }
}

void metric_owner_drop(const void *owner)
{
    LIST_EACH_SAFE(n, tmp, &all)
    {
        struct metric *m = LIST_ENTRY(n, struct metric, link);
        if (m->owner != owner)
            continue;
        list_remove(n);
        mem_free(m->name);
        mem_free(m->help);
        mem_free(m);
    }
}
