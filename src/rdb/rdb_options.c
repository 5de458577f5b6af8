/* Values and table of rdb/options.def. */
#include "rdb/rdb_options.h"

#include "base/num.h"
#include "config/option.h"

#include <inttypes.h>

struct rdb_options rdb_opts;

static const struct config_enum rdb_load_dump_names[] = {
    {"if-empty", RDB_LOAD_DUMP_IF_EMPTY}, {"always", RDB_LOAD_DUMP_ALWAYS}, {NULL, 0}};

/* -- save ---------------------------------------------------------------------------------------------------------------- */

#define SAVE_MAX     64
#define SAVE_DEFAULT "3600 1 300 100 60 10000"

static struct {
    int64_t v[SAVE_MAX]; /* seconds, changes, seconds, ... */
    size_t n;
    bool from_file; /* the file has named save already: further lines add to it */
    bool set;       /* by the user, not what shows by default */
} save_points;

static enum status save_set(const struct slice *argv, size_t argc, bool from_file,
                            struct error *err)
{
    int64_t fresh[SAVE_MAX];
    bool none = argc == 1 && argv[0].n == 0;
    bool add = from_file && save_points.from_file && !none;
    size_t n = add ? save_points.n : 0;
    if (none)
        argc = 0;
    if (argc % 2 || n + argc > SAVE_MAX)
        return error_set(err, ST_INVALID, "Invalid save parameters");
    memcpy(fresh, save_points.v, n * sizeof(fresh[0]));
    for (size_t i = 0; i < argc; i++, n++)
        if (!num_parse_int(argv[i], &fresh[n]) || fresh[n] < (i % 2 ? 0 : 1))
            return error_set(err, ST_INVALID, "Invalid save parameters");
    memcpy(save_points.v, fresh, n * sizeof(fresh[0]));
    save_points.n = n;
    save_points.from_file |= from_file;
    save_points.set = true;
    return ST_OK;
}

static void save_get(struct buf *out)
{
    for (size_t i = 0; i < save_points.n; i++)
        buf_printf(out, "%s%" PRId64, i ? " " : "", save_points.v[i]);
}

static void save_rewrite(struct buf *out)
{
    if (save_points.n == 0)
        buf_put_str(out, "save \"\"\n");
    for (size_t i = 0; i < save_points.n; i += 2)
        buf_printf(out, "save %" PRId64 " %" PRId64 "\n", save_points.v[i], save_points.v[i + 1]);
}

static const struct config_custom rdb_save_option = {
    .set = save_set, .get = save_get, .rewrite = save_rewrite, .default_text = SAVE_DEFAULT};

bool rdb_save_points_set(void)
{
    return save_points.set && save_points.n > 0;
}

bool rdb_save_due(int64_t seconds, uint64_t changes)
{
    for (size_t i = 0; save_points.set && i < save_points.n; i += 2)
        if (seconds > save_points.v[i] && changes >= (uint64_t)save_points.v[i + 1])
            return true;
    return false;
}

static enum status check_name(struct slice text, const char *option, const char *kind,
                              struct error *err)
{
    if (text.n && (memchr(text.p, '/', text.n) || memchr(text.p, '\\', text.n)))
        return error_set(err, ST_INVALID, "%s can't be a path, just a %s", option, kind);
    return ST_OK;
}

static enum status check_dbfilename(struct slice text, struct error *err)
{
    return check_name(text, "dbfilename", "filename", err);
}

static enum status check_appendfilename(struct slice text, struct error *err)
{
    if (text.n == 0)
        return error_set(err, ST_INVALID, "appendfilename can't be empty");
    return check_name(text, "appendfilename", "filename", err);
}

static enum status check_appenddirname(struct slice text, struct error *err)
{
    if (text.n == 0)
        return error_set(err, ST_INVALID, "appenddirname can't be empty");
    return check_name(text, "appenddirname", "dirname", err);
}

#define CONFIG_STRUCT rdb_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "rdb/options.def"

#include "config/declare_end.h"
};

void rdb_options_register(void)
{
    static const int64_t usual[] = {3600, 1, 300, 100, 60, 10000};
    memcpy(save_points.v, usual, sizeof(usual));
    save_points.n = COUNT_OF(usual);
    save_points.from_file = save_points.set = false;
    config_register(rows, COUNT_OF(rows));
    config_on_check("dbfilename", check_dbfilename);
    config_on_check("appendfilename", check_appendfilename);
    config_on_check("appenddirname", check_appenddirname);
}
