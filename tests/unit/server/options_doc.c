/* redis.conf.sample and docs/compat-options.md from the option tables, in the order of the tables. */
#include "unit/server/options_doc.h"

#include "config/admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 98

/* The names of each table, in its order: every OPTION_* line begins with its name. */
#define OPTION_BOOL(name, ...)   name,
#define OPTION_INT(name, ...)    name,
#define OPTION_MEMORY(name, ...) name,
#define OPTION_OCTAL(name, ...)  name,
#define OPTION_STRING(name, ...) name,
#define OPTION_BYTES(name, ...)  name,
#define OPTION_ENUM(name, ...)   name,
#define OPTION_CUSTOM(name, ...) name,

static const char *const event_names[] = {
#include "event/options.def"
};
static const char *const resp_names[] = {
#include "wire/resp/options.def"
};
static const char *const http_names[] = {
#include "wire/http/options.def"
};
static const char *const server_names[] = {
#include "server/options.def"
};
static const char *const session_names[] = {
#include "session/options.def"
};
static const char *const keyspace_names[] = {
#include "keyspace/options.def"
};
static const char *const rdb_names[] = {
#include "rdb/options.def"
};
static const char *const script_names[] = {
#include "services/script/options.def"
};
static const char *const backup_names[] = {
#include "services/backup/options.def"
};
static const char *const slowlog_names[] = {
#include "services/slowlog/options.def"
};
static const char *const latency_names[] = {
#include "services/latency/options.def"
};
static const char *const info_names[] = {
#include "services/info/options.def"
};
static const char *const tracking_names[] = {
#include "services/tracking/options.def"
};
static const char *const engine_names[] = {
#include "engine/options.def"
};
static const char *const module_names[] = {
#include "module/options.def"
};
static const char *const compat_names[] = {
#include "config/compat_options.def"
};

static const struct chapter {
    const char *title;
    const char *const *names;
    size_t n;
} chapters[] = {
    {"Network and TLS", event_names, COUNT_OF(event_names)},
    {"Clients", resp_names, COUNT_OF(resp_names)},
    {"HTTP: REST and metrics", http_names, COUNT_OF(http_names)},
    {"Client-side caching", tracking_names, COUNT_OF(tracking_names)},
    {"The process, its log and its signals", server_names, COUNT_OF(server_names)},
    {"Who may do what", session_names, COUNT_OF(session_names)},
    {"Data: log, store, caches, expiry, eviction", keyspace_names, COUNT_OF(keyspace_names)},
    {"Dump files", rdb_names, COUNT_OF(rdb_names)},
    {"Backups", backup_names, COUNT_OF(backup_names)},
    {"Scripts", script_names, COUNT_OF(script_names)},
    {"Queries", engine_names, COUNT_OF(engine_names)},
    {"Modules", module_names, COUNT_OF(module_names)},
    {"SLOWLOG", slowlog_names, COUNT_OF(slowlog_names)},
    {"LATENCY", latency_names, COUNT_OF(latency_names)},
    {"INFO", info_names, COUNT_OF(info_names)},
    {"Taken for compatibility, without effect", compat_names, COUNT_OF(compat_names)},
};

size_t options_doc_count(void)
{
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(chapters); i++)
        n += chapters[i].n;
    return n;
}

/* "64mb" instead of 67108864. */
static void put_memory(struct buf *out, int64_t v)
{
    static const struct {
        int64_t unit;
        const char *name;
    } units[] = {{1 << 30, "gb"}, {1 << 20, "mb"}, {1 << 10, "kb"}};
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (v >= units[i].unit && v % units[i].unit == 0) {
            buf_printf(out, "%" PRId64 "%s", v / units[i].unit, units[i].name);
            return;
        }
    buf_put_int(out, v);
}

static void put_default(struct buf *out, const struct config_option *opt)
{
    if (opt->kind == CONFIG_KIND_MEMORY && opt->initial >= 0) {
        put_memory(out, opt->initial);
        return;
    }
    struct buf text = BUF_INIT;
    config_default(opt, &text);
    bool blank = text.n == 0 || (memchr(text.p, ' ', text.n) && !(opt->flags & CONFIG_MULTI_ARG));
    if (blank)
        buf_put_quoted(out, buf_slice(&text));
    else
        buf_put_slice(out, buf_slice(&text));
    buf_free(&text);
}

/* Words, broken into lines that begin with "# ". */
static void put_wrapped(struct buf *out, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column && column + 1 + n > WIDTH) {
            buf_put_byte(out, '\n');
            column = 0;
        }
        buf_put_str(out, column ? " " : "# ");
        buf_put(out, text, n);
        column += n + (column ? 1 : 2);
        text += n;
        text += strspn(text, " ");
    }
    buf_put_byte(out, '\n');
}

static void put_paragraph(struct buf *out, const struct config_option *opt)
{
    struct buf text = BUF_INIT;
    buf_put_str(&text, opt->help);
    if (opt->alias)
        buf_printf(&text, " Also called %s.", opt->alias);
    if (opt->flags & CONFIG_DIRECTIVE)
        buf_put_str(&text, " Only in this file; may be repeated.");
    else if (opt->flags & CONFIG_IMMUTABLE)
        buf_put_str(&text, " Fixed at the start.");
    else if (opt->flags & CONFIG_PROTECTED)
        buf_put_str(&text, " CONFIG SET needs enable-protected-configs.");
    buf_put_byte(out, '\n');
    put_wrapped(out, buf_cstr(&text));
    buf_free(&text);
    if (opt->flags & CONFIG_DIRECTIVE)
        return;
    buf_printf(out, "#%s ", opt->name);
    put_default(out, opt);
    buf_put_byte(out, '\n');
}

void options_doc_sample(struct buf *out)
{
    buf_put_str(
        out,
        "# Configuration of orbit-server, in the syntax of redis.conf.\n"
        "#\n"
        "# Start with: orbit-server path/of/this/file [--name value ...]\n"
        "#\n"
        "# Every option stands here with its default, commented out by a '#' without a space. To\n"
        "# change one, take that '#' away. Sizes take kb, mb, gb (1024) and k, m, g (1000).\n"
        "# \"include path\" reads another file; patterns as conf.d/*.conf are allowed. What comes\n"
        "# later wins. CONFIG SET changes most options while the server runs, CONFIG REWRITE "
        "writes\n"
        "# them into this file.\n"
        "#\n"
        "# Made by `make gen` from the options.def files.\n");
    for (size_t i = 0; i < COUNT_OF(chapters); i++) {
        buf_printf(out, "\n#### %s ", chapters[i].title);
        for (size_t k = strlen(chapters[i].title) + 6; k < WIDTH; k++)
            buf_put_byte(out, '#');
        buf_put_byte(out, '\n');
        for (size_t k = 0; k < chapters[i].n; k++) {
            const struct config_option *opt = config_find(slice_str(chapters[i].names[k]));
            if (opt && !(opt->flags & CONFIG_HIDDEN))
                put_paragraph(out, opt);
        }
    }
}

void options_doc_compat(struct buf *out)
{
    buf_put_str(out, "# Options without effect\n\n"
                     "Redis 7.2 has these options, and Orbit has nothing for them to do. They are "
                     "taken from the\n"
                     "configuration file, the command line and CONFIG SET, checked, shown by "
                     "CONFIG GET and written\n"
                     "by CONFIG REWRITE. One that is set to something else than its default is "
                     "named once in the\n"
                     "log when the server starts.\n\n"
                     "Made by `make gen` from the options.def files. Do not edit.\n\n"
                     "| Option | Also called | Default | Why |\n|---|---|---|---|\n");
    for (size_t i = 0; i < COUNT_OF(chapters); i++)
        for (size_t k = 0; k < chapters[i].n; k++) {
            const struct config_option *opt = config_find(slice_str(chapters[i].names[k]));
            if (!opt || !(opt->flags & CONFIG_NO_EFFECT))
                continue;
            buf_printf(out, "| %s | %s | `", opt->name, opt->alias ? opt->alias : "");
            put_default(out, opt);
            buf_printf(out, "` | %s |\n", opt->help);
        }
}
