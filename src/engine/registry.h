/* Who answers queries: engines and procedures by name. Listeners ask here, so that nothing below modules knows one by name.
 * Thread: loop, but for finding and releasing procedures, which engines do on workers. */
#ifndef ORBIT_ENGINE_REGISTRY_H
#define ORBIT_ENGINE_REGISTRY_H

#include "base/list.h"
#include "engine/engine.h"

struct engine {
    struct list_node link;
    const struct engine_ops *ops;
    void *arg;
    void *owner;       /* module; NULL: the server */
    unsigned sessions; /* open ones */
};

/* ops must stay valid until engine_unregister. ST_EXISTS; ST_INVALID: the message names the function that is missing. */
MUST_USE enum status engine_register(const struct engine_ops *ops, void *arg, void *owner,
                                     struct error *err);
/* Any case; NULL: there is none. */
struct engine *engine_find(struct slice name);
/* Calls fn for each in order of registration until it returns false. */
void engine_each(bool (*fn)(void *arg, struct engine *e), void *arg);

struct engine_procedure_entry {
    struct list_node link;
    const struct engine_procedure *proc;
    void *arg;
    void *owner;
    unsigned calls; /* that run; under the registry's lock */
};
MUST_USE enum status engine_procedure_register(const struct engine_procedure *proc, void *arg,
                                               void *owner, struct error *err);
/* Thread: any. Any case; NULL: there is none. To be given back with engine_procedure_release; until then its module stays. */
struct engine_procedure_entry *engine_procedure_find(struct slice name);
void engine_procedure_release(struct engine_procedure_entry *p); /* accepts NULL */
void engine_procedure_each(bool (*fn)(void *arg, struct engine_procedure_entry *p), void *arg);

/* Whether sessions or calls of what owner registered are open; and taking all of it away. */
bool engine_owner_busy(const void *owner);
void engine_owner_drop(const void *owner);

#endif
