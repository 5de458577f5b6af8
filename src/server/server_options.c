/* Values and table of server/options.def, the options that are more than one value, and the checks of the others. */
#include "server/server_options.h"

#include "base/log.h"
#include "base/num.h"
#include "config/option.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

struct server_options server_opts;
int server_oom_values[SERVER_OOM_VALUES] = {0, 200, 800};

static const struct config_enum server_loglevel_names[] = {
    {"debug", LOG_DEBUG},     {"verbose", LOG_VERBOSE}, {"notice", LOG_NOTICE},
    {"warning", LOG_WARNING}, {"nothing", LOG_NOTHING}, {NULL, 0}};

static const struct config_enum server_facility_names[] = {
    {"user", SERVER_FACILITY_USER},
    {"local0", SERVER_FACILITY_LOCAL0},
    {"local1", SERVER_FACILITY_LOCAL0 + (1 << 3)},
    {"local2", SERVER_FACILITY_LOCAL0 + (2 << 3)},
    {"local3", SERVER_FACILITY_LOCAL0 + (3 << 3)},
    {"local4", SERVER_FACILITY_LOCAL0 + (4 << 3)},
    {"local5", SERVER_FACILITY_LOCAL0 + (5 << 3)},
    {"local6", SERVER_FACILITY_LOCAL0 + (6 << 3)},
    {"local7", SERVER_FACILITY_LOCAL0 + (7 << 3)},
    {NULL, 0}};

static const struct config_enum server_supervised_names[] = {{"upstart", SERVER_SUPERVISED_UPSTART},
                                                             {"systemd", SERVER_SUPERVISED_SYSTEMD},
                                                             {"auto", SERVER_SUPERVISED_AUTO},
                                                             {"no", SERVER_SUPERVISED_NO},
                                                             {NULL, 0}};

static const struct config_enum server_oom_names[] = {{"no", SERVER_OOM_NO},
                                                      {"yes", SERVER_OOM_RELATIVE},
                                                      {"relative", SERVER_OOM_RELATIVE},
                                                      {"absolute", SERVER_OOM_ABSOLUTE},
                                                      {NULL, 0}};

static const struct config_enum server_shutdown_names[] = {{"default", 0},
                                                           {"save", SERVER_SHUTDOWN_SAVE},
                                                           {"nosave", SERVER_SHUTDOWN_NOSAVE},
                                                           {"now", SERVER_SHUTDOWN_NOW},
                                                           {"force", SERVER_SHUTDOWN_FORCE},
                                                           {NULL, 0}};

/* -- dir ----------------------------------------------------------------------------------------------------------------- */

static enum status dir_set(const struct slice *argv, size_t argc, bool from_file, struct error *err)
{
    char path[PATH_MAX];
    if (argc != 1 || argv[0].n >= sizeof(path))
        return error_set(err, ST_INVALID, "wrong number of arguments");
    memcpy(path, argv[0].p, argv[0].n);
    path[argv[0].n] = '\0';
    if (chdir(path) != 0)
        return error_set(err, ST_INVALID, "%s", strerror(errno));
    return ST_OK;
}

static void dir_get(struct buf *out)
{
    char path[PATH_MAX];
    if (getcwd(path, sizeof(path)))
        buf_put_str(out, path);
}

static const struct config_custom server_dir_option = {
    .set = dir_set, .get = dir_get, .default_text = "./"};

/* -- oom-score-adj-values ------------------------------------------------------------------------------------------------ */

static enum status oom_values_set(const struct slice *argv, size_t argc, bool from_file,
                                  struct error *err)
{
    int values[SERVER_OOM_VALUES];
    if (argc != SERVER_OOM_VALUES)
        return error_set(err, ST_INVALID, "wrong number of arguments");
    for (size_t i = 0; i < argc; i++) {
        int64_t v;
        if (!num_parse_int(argv[i], &v) || v < -2000 || v > 2000)
            return error_set(
                err, ST_RANGE,
                "Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
        values[i] = (int)v;
    }
    if (values[1] < values[0] || values[2] < values[1])
        log_warning(LOG_CONFIG, "oom-score-adj-values fall from one to the next: only a privileged "
                                "process may do that");
    memcpy(server_oom_values, values, sizeof(values));
    return ST_OK;
}

static void oom_values_get(struct buf *out)
{
    buf_printf(out, "%d %d %d", server_oom_values[0], server_oom_values[1], server_oom_values[2]);
}

static const struct config_custom server_oom_values_option = {
    .set = oom_values_set, .get = oom_values_get, .default_text = "0 200 800"};

/* -- Checks -------------------------------------------------------------------------------------------------------------- */

static enum status check_shutdown_words(struct slice text, struct error *err)
{
    bool save = false, nosave = false;
    for (size_t at = 0; at <= text.n;) {
        size_t end = at;
        while (end < text.n && text.p[end] != ' ')
            end++;
        struct slice word = slice_make(text.p + at, end - at);
        save |= slice_is(word, "save");
        nosave |= slice_is(word, "nosave");
        at = end + 1;
    }
    if (save && nosave)
        return error_set(err, ST_INVALID,
                         "shutdown options SAVE and NOSAVE can't be used simultaneously");
    return ST_OK;
}

static enum status check_title(struct slice text, struct error *err)
{
    static const char *const known[] = {"title",    "listen-addr", "server-mode", "port",
                                        "tls-port", "unixsocket",  "config-file"};
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '{')
            continue;
        const char *close = memchr(text.p + i, '}', text.n - i);
        struct slice name =
            close ? slice_make(text.p + i + 1, (size_t)(close - text.p) - i - 1) : SLICE_NULL;
        bool found = false;
        for (size_t k = 0; k < COUNT_OF(known) && !found; k++)
            found = slice_eq(name, slice_str(known[k]));
        if (!found)
            return error_set(err, ST_INVALID,
                             "template format is invalid or contains unknown variables");
        i += name.n + 1;
    }
    return ST_OK;
}

static enum status check_locale(struct slice text, struct error *err)
{
    char name[128];
    if (text.n >= sizeof(name))
        return error_set(err, ST_TOO_LONG, "Invalid locale name");
    if (text.n > 0)
        memcpy(name, text.p, text.n);
    name[text.n] = '\0';
    locale_t loc = newlocale(LC_COLLATE_MASK, name, (locale_t)0);
    if (!loc)
        return error_set(err, ST_INVALID, "Invalid locale name");
    freelocale(loc);
    return ST_OK;
}

#define CONFIG_STRUCT server_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "server/options.def"

#include "config/declare_end.h"
};

void server_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
    config_on_check("shutdown-on-sigint", check_shutdown_words);
    config_on_check("shutdown-on-sigterm", check_shutdown_words);
    config_on_check("proc-title-template", check_title);
    config_on_check("locale-collate", check_locale);
}
