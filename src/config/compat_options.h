/* Options that Redis has and that have nothing to do here. Nobody reads their values but CONFIG. */
#ifndef ORBIT_CONFIG_COMPAT_OPTIONS_H
#define ORBIT_CONFIG_COMPAT_OPTIONS_H

#include "config/config.h"

struct compat_options {
#include "config/declare_fields.h"

#include "config/compat_options.def"

#include "config/declare_end.h"
};
extern struct compat_options compat_opts;

/* The master that this server follows, as "host port"; "": none. REPLICAOF changes it. */
enum {
    COMPAT_DISKLESS_LOAD_DISABLED,
    COMPAT_DISKLESS_LOAD_ON_EMPTY_DB,
    COMPAT_DISKLESS_LOAD_SWAPDB
};

#define COMPAT_REPLICAOF_MAX 280
extern char compat_replicaof[COMPAT_REPLICAOF_MAX];

void compat_options_register(void);

#endif
