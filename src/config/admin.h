/* What CONFIG GET/SET/REWRITE, the start of the server and the documentation need from the registry beyond config.h.
 * Thread: loop. */
#ifndef ORBIT_CONFIG_ADMIN_H
#define ORBIT_CONFIG_ADMIN_H

#include "config/config.h"
#include "config/option.h"

/* By name or alias, any case; NULL: unknown. */
const struct config_option *config_find(struct slice name);
/* Calls fn for each option in order of name, until it returns false. */
void config_each(bool (*fn)(void *arg, const struct config_option *opt), void *arg);
/* Appends the value's text (config_get without the look-up). */
void config_value(const struct config_option *opt, struct buf *out);
/* Appends the text of the default. */
void config_default(const struct config_option *opt, struct buf *out);

/* Sets what the lines of text say, as config_load does with a file's. */
MUST_USE enum status config_load_text(struct slice text, struct error *err);

/* Names with a dot that the file or command line sets and no option has: a module that is loaded later may register them.
 * put replaces. take: moves the text to value; false: there is none. */
void config_pending_put(struct slice name, struct slice value);
MUST_USE bool config_pending_take(struct slice name, struct buf *value);
size_t config_pending_count(void);
void config_pending_clear(void);

struct config_pair {
    struct slice name, value;
};
enum config_set_flags {
    CONFIG_SET_PROTECTED_OK = 1 << 0, /* the caller may set protected options */
    CONFIG_SET_LOADING = 1 << 1,      /* data is being loaded */
};
/* Sets all of them and calls what hangs on them, or changes nothing. err holds CONFIG SET's whole message without the
 * leading "ERR "; ST_BUSY: an option that cannot be set while loading. */
MUST_USE enum status config_set_all(const struct config_pair *pairs, size_t n, unsigned flags,
                                    struct error *err);

/* Writes the values into the config file, keeping its comments and order. force_all: every option, also defaults.
 * ST_NOT_FOUND: the server runs without a config file. */
MUST_USE enum status config_rewrite(bool force_all, struct error *err);
/* The new text of a config file whose present text is old. Pure except that it reads the registry. */
void config_rewrite_text(struct slice old, bool force_all, struct buf *out);

/* Logs, once, each option without effect that is set to something else than its default. */
void config_log_no_effect(void);

/* Tests: forgets every registration and what was loaded. */
void config_reset(void);

#endif
