/* The option registry. Every layer declares its options as data in an options.def beside its code; this registry gives
 * CONFIG GET/SET/REWRITE, the config file, the command line, and the test that redis.conf.sample tells the truth.
 *
 * A layer "foo" has foo/options.def with lines of the OPTION_* macros below, and two files made of it (see
 * server/server_options.{h,c} for the pattern):
 *   foo/foo_options.h    struct foo_options { declare_fields.h, the .def, declare_end.h };  extern struct foo_options foo_opts;
 *   foo/foo_options.c    the values and  void foo_options_register(void)  (declare_table.h, the .def, declare_end.h)
 * Code reads foo_opts.field directly. Loop thread writes; workers get values by copy in their job.
 *
 *   OPTION_BOOL  (name, alias, field, default, flags, help)                     bool
 *   OPTION_INT   (name, alias, field, default, min, max, flags, help)           int64_t
 *   OPTION_MEMORY(name, alias, field, default, min, max, flags, help)           int64_t bytes; takes 64mb, 1gb
 *   OPTION_OCTAL (name, alias, field, default, max, flags, help)                int64_t
 *   OPTION_STRING(name, alias, field, default, flags, help)                     char * (owned; never NULL; default may be "")
 *   OPTION_BYTES (name, alias, field, default, flags, help)                     struct buf: a string that may hold zero bytes
 *   OPTION_ENUM  (name, alias, field, table, default, flags, help)              int; table: struct config_enum[], {NULL,0} ends
 *   OPTION_CUSTOM(name, alias, ops, flags, help)                                const struct config_custom *
 * alias is NULL or the other accepted name. An OPTION_ENUM with CONFIG_MULTI_ARG holds several words or-ed together. */
#ifndef ORBIT_CONFIG_CONFIG_H
#define ORBIT_CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

enum config_flags {
    CONFIG_IMMUTABLE = 1 << 0,    /* only in the file or on the command line */
    CONFIG_PROTECTED = 1 << 1,    /* CONFIG SET only with enable-protected-configs */
    CONFIG_SENSITIVE = 1 << 2,    /* redacted in logs and MONITOR */
    CONFIG_HIDDEN = 1 << 3,       /* found by exact name only */
    CONFIG_NO_EFFECT = 1 << 4,    /* for compatibility; said once at start when set */
    CONFIG_MULTI_ARG = 1 << 5,    /* a file line may carry several values ("bind a b") */
    CONFIG_ORBIT = 1 << 6,        /* Orbit's own: Redis does not have it */
    CONFIG_PERCENT = 1 << 7,      /* OPTION_MEMORY: also "5%", held as -5; min: -(largest) */
    CONFIG_DENY_LOADING = 1 << 8, /* not while data is loaded */
    CONFIG_VOLATILE = 1 << 9,     /* the same value again is applied again (changed files) */
    CONFIG_DIRECTIVE = 1 << 10,   /* OPTION_CUSTOM of files only: no CONFIG GET or SET */
    CONFIG_BUILD = 1 << 11,       /* the default depends on build or machine */
};

struct config_enum {
    const char *name;
    int value;
};

/* Options that are not one value: save, client-output-buffer-limit, oom-score-adj-values, user, rename-command... */
struct config_custom {
    /* argv: the values of one file line or the one value of CONFIG SET (argc 1). */
    enum status (*set)(const struct slice *argv, size_t argc, bool from_file, struct error *err);
    /* NULL only with CONFIG_DIRECTIVE. */
    void (*get)(struct buf *out);
    /* Appends complete lines, each with its newline, for CONFIG REWRITE; NULL: "name value" from get. */
    void (*rewrite)(struct buf *out);
    const char *default_text;
};

/* Called after the value changed by CONFIG SET (not at load), on the loop thread. Failure puts the former value back and is
 * the answer to CONFIG SET. */
typedef enum status (*config_apply_fn)(void *arg, struct error *err);
void config_on_change(const char *name, config_apply_fn fn, void *arg);
/* Extra check before a value is taken, at load and at run time; text is the new value. */
typedef enum status (*config_check_fn)(struct slice text, struct error *err);
void config_on_check(const char *name, config_check_fn fn);

struct config_option; /* one row; see config/option.h */
/* Rows must live until they are taken away. Sets the defaults. Asserts on duplicate names. */
void config_register(const struct config_option *rows, size_t n);
/* Takes one row away again, with what hangs on it. */
void config_unregister(const struct config_option *row);

/* Sets one by name or alias, without calling what config_on_change registered. ST_NOT_FOUND: no such option. The message
 * is what the operator reads. */
MUST_USE enum status config_set(struct slice name, const struct slice *argv, size_t argc,
                                bool from_file, struct error *err);
/* Appends the value's text. ST_NOT_FOUND. */
MUST_USE enum status config_get(struct slice name, struct buf *out);

/* Loads a file (NULL: none), then lines of text from stdin, then "--name value..." words. Handles include, quoting,
 * comments, repeated names. err: the reason alone; config_load_report: all of it, with line number and line. */
MUST_USE enum status config_load(const char *file, bool from_stdin, int argc, char **argv,
                                 struct error *err);
/* The same from main's own argc and argv: [config-file | -] [--name value ...] [-]. */
MUST_USE enum status config_load_args(int argc, char **argv, struct error *err);
/* What to print on stderr after a failed load: Redis's "*** FATAL CONFIG FILE ERROR ..." report. */
const char *config_load_report(void);
const char *config_file(void); /* absolute path, NULL: none */

#endif
