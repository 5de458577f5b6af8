/* Values and table of event/options.def, and the list behind "bind". */
#include "event/event_options.h"

#include "base/mem.h"
#include "config/option.h"

#define BIND_DEFAULT "* -::*"

struct event_options event_opts;
struct event_bind event_bind;

static const struct config_enum event_tls_auth_names[] = {{"no", EVENT_TLS_AUTH_NO},
                                                          {"yes", EVENT_TLS_AUTH_YES},
                                                          {"optional", EVENT_TLS_AUTH_OPTIONAL},
                                                          {NULL, 0}};

static enum status bind_set(const struct slice *argv, size_t argc, bool from_file,
                            struct error *err)
{
    if (argc > EVENT_BIND_MAX)
        return error_set(err, ST_INVALID, "Too many bind addresses specified.");
    if (argc == 1 && argv[0].n == 0)
        argc = 0;
    for (size_t i = 0; i < event_bind.n; i++)
        mem_free(event_bind.address[i]);
    for (size_t i = 0; i < argc; i++)
        event_bind.address[i] = mem_strndup(argv[i].p, argv[i].n);
    event_bind.n = argc;
    return ST_OK;
}

static void bind_get(struct buf *out)
{
    for (size_t i = 0; i < event_bind.n; i++)
        buf_printf(out, "%s%s", i ? " " : "", event_bind.address[i]);
}

static const struct config_custom event_bind_option = {
    .set = bind_set, .get = bind_get, .default_text = BIND_DEFAULT};

#define CONFIG_STRUCT event_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "event/options.def"

#include "config/declare_end.h"
};

void event_options_register(void)
{
    struct slice usual[] = {SLICE("*"), SLICE("-::*")};
    (void)bind_set(usual, COUNT_OF(usual), false, NULL);
    config_register(rows, COUNT_OF(rows));
}
