/* One row of an option table, as config/declare_table.h makes it from a layer's options.def. */
#ifndef ORBIT_CONFIG_OPTION_H
#define ORBIT_CONFIG_OPTION_H

#include "config/config.h"

#include <stdint.h>

enum config_kind {
    CONFIG_KIND_BOOL,
    CONFIG_KIND_INT,
    CONFIG_KIND_MEMORY,
    CONFIG_KIND_OCTAL,
    CONFIG_KIND_STRING,
    CONFIG_KIND_BYTES,
    CONFIG_KIND_ENUM,
    CONFIG_KIND_CUSTOM,
};

struct config_option {
    const char *name, *alias, *help;
    enum config_kind kind;
    unsigned flags; /* enum config_flags */
    union {
        bool *boolean;
        int64_t *integer;
        char **string;
        struct buf *bytes;
        int *choice;
    } at;
    int64_t initial, min, max; /* numbers, truth and choices */
    const char *initial_text;  /* strings */
    const struct config_enum *table;
    const struct config_custom *custom;
    /* A value that its owner keeps (a module's option): fetch brings it to where at points before it is looked at, stored
     * tells the owner of a new one, and may refuse it. Both NULL for all others. */
    void (*fetch)(void *owner);
    enum status (*stored)(void *owner, struct error *err);
    void *owner;
};

#endif
