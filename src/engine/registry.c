#include "engine/registry.h"

#include "base/mem.h"

#include <pthread.h>

static struct list_node engines = {&engines, &engines};
static struct list_node procedures = {&procedures, &procedures}; /* under lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* -- Engines -------------------------------------------------------------------------------------------------------------- */

struct engine *engine_find(struct slice name)
{
    LIST_EACH_SAFE(n, tmp, &engines)
    {
        struct engine *e = LIST_ENTRY(n, struct engine, link);
        if (slice_is(name, e->ops->name))
            return e;
    }
    return NULL;
}

static const char *missing(const struct engine_ops *o)
{
    return !o->open                    ? "open"
           : !o->close                 ? "close"
           : !o->prepare               ? "prepare"
           : !o->describe              ? "describe"
           : !o->execute               ? "execute"
           : !o->fetch                 ? "fetch"
           : !o->cursor_close          ? "cursor_close"
           : !o->statement_close       ? "statement_close"
           : !o->begin != !o->commit   ? "begin or commit"
           : !o->begin != !o->rollback ? "begin or rollback"
                                       : NULL;
}

enum status engine_register(const struct engine_ops *ops, void *arg, void *owner, struct error *err)
{
    if (!ops->name || !*ops->name)
        return error_set(err, ST_INVALID, "a query engine needs a name");
    const char *what = missing(ops);
    if (what)
        return error_set(err, ST_INVALID, "the query engine '%s' lacks the function %s", ops->name,
                         what);
    if (engine_find(slice_str(ops->name)))
        return error_set(err, ST_EXISTS, "there is a query engine '%s' already", ops->name);
    struct engine *e = mem_calloc(1, sizeof *e);
    *e = (struct engine){.ops = ops, .arg = arg, .owner = owner};
    list_push(&engines, &e->link);
    return ST_OK;
}

void engine_each(bool (*fn)(void *arg, struct engine *e), void *arg)
{
    LIST_EACH_SAFE(n, tmp, &engines)
    if (!fn(arg, LIST_ENTRY(n, struct engine, link)))
        return;
}

/* -- Procedures ----------------------------------------------------------------------------------------------------------- */

static struct engine_procedure_entry *find(struct slice name)
{
    LIST_EACH_SAFE(n, tmp, &procedures)
    {
        struct engine_procedure_entry *p = LIST_ENTRY(n, struct engine_procedure_entry, link);
        if (slice_is(name, p->proc->name))
            return p;
    }
    return NULL;
}

enum status engine_procedure_register(const struct engine_procedure *proc, void *arg, void *owner,
                                      struct error *err)
{
    if (!proc->name || !*proc->name || !proc->open || !proc->fetch || !proc->close ||
        proc->nrequired > proc->nparams || proc->ncolumns == 0)
        return error_set(err, ST_INVALID,
                         "a procedure needs a name, columns, and open, fetch and close");
    struct engine_procedure_entry *p = mem_calloc(1, sizeof *p);
    *p = (struct engine_procedure_entry){.proc = proc, .arg = arg, .owner = owner};
    pthread_mutex_lock(&lock);
    bool taken = find(slice_str(proc->name)) != NULL;
    if (!taken)
        list_push(&procedures, &p->link);
    pthread_mutex_unlock(&lock);
    if (!taken)
        return ST_OK;
    mem_free(p);
    return error_set(err, ST_EXISTS, "there is a procedure '%s' already", proc->name);
}

struct engine_procedure_entry *engine_procedure_find(struct slice name)
{
    pthread_mutex_lock(&lock);
    struct engine_procedure_entry *p = find(name);
    if (p)
        p->calls++;
    pthread_mutex_unlock(&lock);
    return p;
}

void engine_procedure_release(struct engine_procedure_entry *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&lock);
    p->calls--;
    pthread_mutex_unlock(&lock);
}

void engine_procedure_each(bool (*fn)(void *arg, struct engine_procedure_entry *p), void *arg)
{
    pthread_mutex_lock(&lock);
    LIST_EACH_SAFE(n, tmp, &procedures)
    if (!fn(arg, LIST_ENTRY(n, struct engine_procedure_entry, link)))
        break;
    pthread_mutex_unlock(&lock);
}

/* -- Owners --------------------------------------------------------------------------------------------------------------- */

bool engine_owner_busy(const void *owner)
{
    bool busy = false;
    LIST_EACH_SAFE(n, tmp, &engines)
    {
        struct engine *e = LIST_ENTRY(n, struct engine, link);
        busy |= e->owner == owner && e->sessions > 0;
    }
    pthread_mutex_lock(&lock);
    LIST_EACH_SAFE(m, tmp2, &procedures)
    {
        struct engine_procedure_entry *p = LIST_ENTRY(m, struct engine_procedure_entry, link);
        busy |= p->owner == owner && p->calls > 0;
    }
    pthread_mutex_unlock(&lock);
    return busy;
}

void engine_owner_drop(const void *owner)
{
    LIST_EACH_SAFE(n, tmp, &engines)
    {
        struct engine *e = LIST_ENTRY(n, struct engine, link);
        if (e->owner != owner)
            continue;
        list_remove(n);
        mem_free(e);
    }
    pthread_mutex_lock(&lock);
    LIST_EACH_SAFE(m, tmp2, &procedures)
    {
        struct engine_procedure_entry *p = LIST_ENTRY(m, struct engine_procedure_entry, link);
        if (p->owner != owner)
            continue;
        list_remove(m);
        mem_free(p);
    }
    pthread_mutex_unlock(&lock);
}
