/* Shared inside config/ only. */
#ifndef ORBIT_CONFIG_CONFIG_PRIV_H
#define ORBIT_CONFIG_CONFIG_PRIV_H

#include "config/option.h"

#define CONFIG_HOOKS_MAX 6

struct config_entry {
    const struct config_option *opt;
    config_apply_fn apply[CONFIG_HOOKS_MAX];
    void *apply_arg[CONFIG_HOOKS_MAX];
    unsigned napply;
    config_check_fn check;
};

struct config_entry *config__entry(struct slice name);
/* In order of name. */
struct config_entry *config__entries(size_t *n);

void config__init_value(const struct config_option *opt);
void config__free_value(const struct config_option *opt);
/* Parses and stores. Leaves the value alone on failure. */
enum status config__store(struct config_entry *e, const struct slice *argv, size_t argc,
                          bool from_file, struct error *err);
/* As CONFIG SET and "name value" lines do: one text, split into words where the option takes several. */
enum status config__store_text(struct config_entry *e, struct slice text, bool from_file,
                               struct error *err);
/* Sets from the words behind the name on a file line. */
enum status config__store_line(struct config_entry *e, const struct slice *argv, size_t argc,
                               struct error *err);

void config__load_reset(void);

/* Reads a whole file, at most CONFIG_FILE_MAX bytes. */
#define CONFIG_FILE_MAX (64 * 1024 * 1024)
enum status config__read_file(const char *path, struct buf *out, struct error *err);

#endif
