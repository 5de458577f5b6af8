#include "services/info/metrics.h"

#include "base/num.h"
#include "base/status.h"
#include "base/version.h"
#include "engine/metric.h"
#include "services/info/info.h"
#include "session/command.h"
#include "session/stats.h"

#include <inttypes.h>

struct row {
    const char *type, *name, *field, *help;
    double factor;
    bool storage;
};

static const struct row metrics[] = {
#define METRIC(type, name, field, factor, help)  {type, "orbit_" name, field, help, factor, false},
#define STORAGE(type, name, field, factor, help) {type, "orbit_" name, field, help, factor, true},
#include "services/info/metrics.def"
#undef METRIC
#undef STORAGE
};

/* -- reading INFO -------------------------------------------------------------------------------- */

/* The next line "name:value" of text; false: the end. */
static bool next_field(struct slice *text, struct slice *name, struct slice *value)
{
    while (text->n > 0) {
        const char *end = memchr(text->p, '\r', text->n);
        size_t n = end ? (size_t)(end - text->p) : text->n;
        struct slice line = slice_make(text->p, n);
        n += n < text->n ? 2 : 0;
        *text = slice_make(text->p + n, text->n - n);
        const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
        if (!colon)
            continue;
        size_t at = (size_t)(colon - line.p);
        *name = slice_make(line.p, at);
        *value = slice_make(colon + 1, line.n - at - 1);
        return true;
    }
    return false;
}

static bool find_in(struct slice *text, const char *field, struct slice *value)
{
    struct slice name;
    size_t n = strlen(field);
    while (next_field(text, &name, value))
        if (name.n == n && memcmp(name.p, field, n) == 0)
            return true;
    return false;
}

/* From *at on, and then from the beginning: the fields are asked for in order. */
static bool find_field(struct slice all, struct slice *at, const char *field, struct slice *value)
{
    struct slice text = *at;
    if (!find_in(&text, field, value)) {
        text = all;
        if (!find_in(&text, field, value))
            return false;
    }
    *at = text;
    return true;
}

/* "keys" of "keys=1,expires=0". */
static struct slice part_of(struct slice list, const char *name)
{
    size_t len = strlen(name);
    while (list.n > len) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t n = comma ? (size_t)(comma - list.p) : list.n;
        if (n > len && memcmp(list.p, name, len) == 0 && list.p[len] == '=')
            return slice_make(list.p + len + 1, n - len - 1);
        n += comma != NULL;
        list = slice_make(list.p + n, list.n - n);
    }
    return SLICE("0");
}

/* -- writing ------------------------------------------------------------------------------------- */

static void put_head(struct buf *out, const char *type, const char *name, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_label(struct buf *out, const char *name, struct slice value)
{
    buf_printf(out, "%s=\"", name);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '\\' || value.p[i] == '"')
            buf_put_byte(out, '\\');
        buf_put_byte(out, (uint8_t)(value.p[i] == '\n' ? ' ' : value.p[i]));
    }
    buf_put_byte(out, '"');
}

static void put_value(struct buf *out, struct slice text, double factor)
{
    double v;
    if (!num_parse_double(text, &v))
        v = slice_is(text, "ok") || slice_is(text, "healthy") || slice_is(text, "up");
    else if (factor == 1) {
        buf_put_slice(out, text);
        return;
    }
    buf_printf(out, "%.9g", v * factor);
}

static void put_metric(struct buf *out, const struct row *m, struct slice value,
                       struct slice provider)
{
    put_head(out, m->type, m->name, m->help);
    buf_put_str(out, m->name);
    if (m->storage) {
        buf_put_byte(out, '{');
        put_label(out, "provider", provider);
        buf_put_str(out, ",protocol=\"redis\"}");
    }
    buf_put_byte(out, ' ');
    put_value(out, value, m->factor);
    buf_put_byte(out, '\n');
}

static void put_info_fields(struct buf *out, struct slice all)
{
    struct slice at = all, value, provider = SLICE("unknown"), role = SLICE("unknown");
    (void)!find_field(all, &at, "role", &role);
    (void)!find_field(all, &at, "storage_provider", &provider);
    put_head(out, "gauge", "orbit_info", "Version, the Redis version it speaks, and role.");
    buf_printf(out, "orbit_info{version=\"%s\",redis_version=\"%s\",", ORBIT_VERSION,
               ORBIT_REDIS_VERSION);
    put_label(out, "role", role);
    buf_put_str(out, "} 1\n");
    at = all;
    for (size_t i = 0; i < COUNT_OF(metrics); i++)
        if (find_field(all, &at, metrics[i].field, &value))
            put_metric(out, &metrics[i], value, provider);
}

static void put_labelled(struct buf *out, const char *name, const char *label, struct slice of,
                         struct slice value)
{
    buf_printf(out, "%s{", name);
    put_label(out, label, of);
    buf_put_str(out, "} ");
    buf_put_slice(out, value);
    buf_put_byte(out, '\n');
}

/* One metric for each line of INFO that begins with prefix and a number: "db0:keys=1,...". */
static void put_numbered(struct buf *out, struct slice all, const char *prefix, const struct row *m,
                         const char *label)
{
    struct slice name, value;
    size_t n = strlen(prefix);
    bool begun = false;
    while (next_field(&all, &name, &value)) {
        uint64_t number;
        if (name.n <= n || memcmp(name.p, prefix, n) != 0 ||
            !num_parse_uint(slice_make(name.p + n, name.n - n), &number))
            continue;
        if (!begun)
            put_head(out, m->type, m->name, m->help);
        begun = true;
        put_labelled(out, m->name, label, slice_make(name.p, name.n), part_of(value, m->field));
    }
}

/* -- commands and errors ------------------------------------------------------------------------- */

static void put_quantiles(struct buf *out, const struct command *cmd)
{
    static const struct {
        const char *label;
        double percent;
    } quantiles[] = {{"0.5", 50}, {"0.95", 95}, {"0.99", 99}};
    for (size_t i = 0; cmd->latency && i < COUNT_OF(quantiles); i++) {
        uint64_t ns = command_latency_percentile(cmd->latency, quantiles[i].percent);
        buf_put_str(out, "orbit_command_duration_seconds{");
        put_label(out, "command", slice_str(cmd->fullname));
        buf_printf(out, ",quantile=\"%s\"} %.9g\n", quantiles[i].label, (double)ns * 1e-9);
    }
}

enum column { COLUMN_DURATION, COLUMN_REJECTED, COLUMN_FAILED };
struct command_walk {
    struct buf *out;
    enum column column;
};

static void put_command(struct command_walk *w, const struct command *cmd)
{
    struct buf *out = w->out;
    struct slice name = slice_str(cmd->fullname);
    char text[NUM_BUF];
    if (cmd->calls + cmd->rejected + cmd->failed == 0)
        return;
    if (w->column == COLUMN_DURATION) {
        put_quantiles(out, cmd);
        buf_put_str(out, "orbit_command_duration_seconds_sum{");
        put_label(out, "command", name);
        buf_printf(out, "} %.9g\n", (double)cmd->usec * 1e-6);
        put_labelled(out, "orbit_command_duration_seconds_count", "command", name,
                     slice_make(text, num_format_int(text, (int64_t)cmd->calls)));
    } else {
        bool rejected = w->column == COLUMN_REJECTED;
        uint64_t n = rejected ? cmd->rejected : cmd->failed;
        put_labelled(out, rejected ? "orbit_command_rejected_total" : "orbit_command_failed_total",
                     "command", name, slice_make(text, num_format_int(text, (int64_t)n)));
    }
}

static bool walk_command(void *arg, struct command *cmd)
{
    put_command(arg, cmd);
    for (size_t i = 0; i < cmd->nsubs; i++)
        put_command(arg, cmd->subs[i]);
    return true;
}

static void put_commands(struct buf *out)
{
    struct command_walk w = {.out = out, .column = COLUMN_DURATION};
    put_head(out, "summary", "orbit_command_duration_seconds",
             "Calls of each command and their time.");
    command_each_original(walk_command, &w);
    w.column = COLUMN_REJECTED;
    put_head(out, "counter", "orbit_command_rejected_total", "Calls refused before they ran.");
    command_each_original(walk_command, &w);
    w.column = COLUMN_FAILED;
    put_head(out, "counter", "orbit_command_failed_total", "Calls that answered an error.");
    command_each_original(walk_command, &w);
}

static void put_error(void *arg, struct slice code, uint64_t count)
{
    char text[NUM_BUF];
    put_labelled(arg, "orbit_error_replies_total", "code", code,
                 slice_make(text, num_format_int(text, (int64_t)count)));
}

/* What modules have registered. */
static void put_own(void *arg, const struct metric *m)
{
    put_head(arg, m->kind == METRIC_COUNTER ? "counter" : "gauge", m->name, m->help);
    buf_printf(arg, "%s %" PRId64 "\n", m->name, metric_value(m));
}

void metrics_text(struct buf *out)
{
    static const struct row numbered[] = {
        {"gauge", "orbit_database_keys", "keys", "Keys of each database.", 1, false},
        {"gauge", "orbit_database_expiring_keys", "expires", "Keys with a time to live.", 1, false},
        {"gauge", "orbit_replica_offset", "offset", "Where each replica is.", 1, false},
        {"gauge", "orbit_replica_lag_seconds", "lag", "Since when each replica is silent.", 1,
         false}};
    struct buf info = BUF_INIT;
    info_text(&info, NULL, 0);
    put_info_fields(out, buf_slice(&info));
    for (size_t i = 0; i < COUNT_OF(numbered); i++)
        put_numbered(out, buf_slice(&info), i < 2 ? "db" : "slave", &numbered[i],
                     i < 2 ? "database" : "replica");
    buf_free(&info);
    put_commands(out);
    put_head(out, "counter", "orbit_error_replies_total", "Errors answered, by code.");
    sess_stats_errors(put_error, out);
    metric_each(NULL, put_own, out);
}
