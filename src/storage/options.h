/* Strict reading of a provider's options from stor_config, by a table of rows. Two rows with the same field are two
 * spellings of one option (a _mb key and its byte twin): giving both is an error. */
#ifndef ORBIT_STORAGE_OPTIONS_H
#define ORBIT_STORAGE_OPTIONS_H

#include "storage/storage.h"

#include <stddef.h>

enum stor_option_type {
    STOR_OPT_BOOL,   /* bool */
    STOR_OPT_INT,    /* int64_t within min..max */
    STOR_OPT_BYTES,  /* int64_t; takes 64mb, 1gb */
    STOR_OPT_MB,     /* int64_t bytes, given in MiB */
    STOR_OPT_KB,     /* int64_t bytes, given in KiB */
    STOR_OPT_FLOAT,  /* double within min..max */
    STOR_OPT_STRING, /* const char *, borrowed from the configuration */
    STOR_OPT_ENUM,   /* int; words names the values */
};

struct stor_option_word {
    const char *word;
    int value;
};

struct stor_option_row {
    const char *name;
    enum stor_option_type type;
    size_t field; /* offsetof in the struct of results */
    int64_t min, max;
    const struct stor_option_word *words; /* ends with a NULL word */
};

/* Fills out, which holds the defaults. ST_INVALID names provider and key. "data_dir" is known everywhere: stor_open has
 * taken it already. */
MUST_USE enum status stor_options_read(const char *provider, const struct stor_config *cfg,
                                       const struct stor_option_row *rows, size_t nrows, void *out,
                                       struct error *err);

#endif
