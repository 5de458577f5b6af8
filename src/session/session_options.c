/* Values and table of session/options.def. */
#include "session/session_options.h"

#include "config/option.h"
#include "session/acl.h"
#include "session/command.h"

struct session_options session_opts;

static const struct config_enum session_protected_names[] = {{"no", SESSION_PROTECTED_NO},
                                                             {"yes", SESSION_PROTECTED_YES},
                                                             {"local", SESSION_PROTECTED_LOCAL},
                                                             {NULL, 0}};

static const struct config_enum session_pubsub_default_names[] = {
    {"allchannels", SESSION_PUBSUB_ALL}, {"resetchannels", SESSION_PUBSUB_RESET}, {NULL, 0}};

/* Commands are registered before the configuration is read. */
static enum status rename_set(const struct slice *argv, size_t argc, bool from_file,
                              struct error *err)
{
    if (argc != 2)
        return error_set(err, ST_INVALID, "Bad directive or wrong number of arguments");
    if (!command_find(argv[0]))
        return error_set(err, ST_NOT_FOUND, "No such command in rename-command");
    if (!command_rename(argv[0], argv[1]))
        return error_set(err, ST_EXISTS, "Target command name already exists");
    return ST_OK;
}

static const struct config_custom session_rename_option = {.set = rename_set};

#define CONFIG_STRUCT session_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "session/options.def"

#include "config/declare_end.h"
};

void session_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
}
