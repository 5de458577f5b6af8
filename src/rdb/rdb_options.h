/* Values of the options of dump files (options.def). */
#ifndef ORBIT_RDB_RDB_OPTIONS_H
#define ORBIT_RDB_RDB_OPTIONS_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

enum rdb_load_dump { RDB_LOAD_DUMP_IF_EMPTY, RDB_LOAD_DUMP_ALWAYS };

struct rdb_options {
#include "config/declare_fields.h"

#include "rdb/options.def"

#include "config/declare_end.h"
    bool skip_checksum; /* DEBUG SET-SKIP-CHECKSUM-VALIDATION */
};
extern struct rdb_options rdb_opts;

void rdb_options_register(void);

/* Save points that the user has set: whether there are any; whether one of them is reached. */
bool rdb_save_points_set(void);
bool rdb_save_due(int64_t seconds, uint64_t changes);

#endif
