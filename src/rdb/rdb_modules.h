/* What modules have in dumps: values of their types, and what they keep beside all keys (aux). Whoever runs modules says how these
 * are loaded and saved. Thread: loop. */
#ifndef ORBIT_RDB_RDB_MODULES_H
#define ORBIT_RDB_RDB_MODULES_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/status.h"

/* When a module's aux stands in a dump. */
enum rdb_aux_when { RDB_AUX_BEFORE = 1, RDB_AUX_AFTER = 2 };

struct rdb_modules {
    /* True for the id of a type whose values can be loaded; whose aux can. */
    bool (*knows)(uint64_t id);
    bool (*knows_aux)(uint64_t id);
    /* Calls fn with what each type has to be saved, as parts with their end. */
    void (*each_aux)(enum rdb_aux_when when, void (*fn)(void *arg, uint64_t id, struct slice parts),
                     void *arg);
    enum status (*load_aux)(uint64_t id, enum rdb_aux_when when, struct slice parts,
                            struct error *err);
    /* True when a data set may be loaded beside the one that is there: no module minds. same: it is a later state of it. */
    bool (*load_beside)(bool same);
};
/* m is kept as it is; NULL (as at first): there are no modules. */
void rdb_set_modules(const struct rdb_modules *m);

bool rdb_knows_module(uint64_t id);
/* What each module has to be saved, as it stands in a dump file, appended. */
void rdb_put_module_aux(struct buf *out, enum rdb_aux_when when);
/* ST_UNSUPPORTED: the module is not there, or takes none. */
MUST_USE enum status rdb_load_module_aux(uint64_t id, enum rdb_aux_when when, struct slice parts,
                                         struct error *err);
bool rdb_modules_load_beside(bool same);

/* Goes past the parts of a value or an aux, their end included. False: there is a part of no known kind, or the input ends before
 * (then the reader's bad flag is set, too). Pure; thread: any. */
MUST_USE bool rdb_skip_module_parts(struct reader *r, struct slice *parts);

#endif
