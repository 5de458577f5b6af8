/* Where dump files find the libraries of functions: the service that keeps them says so. Thread: loop. */
#ifndef ORBIT_RDB_RDB_FUNCTIONS_H
#define ORBIT_RDB_RDB_FUNCTIONS_H

#include "base/buf.h"
#include "base/status.h"

struct rdb_functions {
    /* Calls fn with the code of each library. */
    void (*each)(void (*fn)(void *arg, struct slice code), void *arg);
    /* Makes a library of code; replace: also when there is one of that name. Records no effect. */
    enum status (*load)(struct slice code, bool replace, struct error *err);
    /* Forgets all libraries; records no effect. */
    void (*clear)(void);
};
/* f is kept as it is. */
void rdb_set_functions(const struct rdb_functions *f);

/* All libraries as they stand in a dump file or in FUNCTION DUMP's payload, appended. */
void rdb_put_functions(struct buf *out, bool compress);
/* ST_UNSUPPORTED when nobody keeps functions. */
MUST_USE enum status rdb_load_function(struct slice code, bool replace, struct error *err);
void rdb_clear_functions(void);
/* The libraries become these, each code after its length (4): all, or on an error none of them. */
MUST_USE enum status rdb_replace_functions(struct slice codes, struct error *err);

#endif
