/* Values and table of config/compat_options.def. What they would mean is not there, but their syntax is checked as Redis
 * does, and what cannot be had is refused rather than forgotten. */
#include "config/compat_options.h"

#include "base/num.h"
#include "config/option.h"

#include <stdio.h>

struct compat_options compat_opts;

static const struct config_enum compat_sanitize_names[] = {
    {"no", 0}, {"yes", 1}, {"clients", 2}, {NULL, 0}};
static const struct config_enum compat_diskless_load_names[] = {
    {"disabled", COMPAT_DISKLESS_LOAD_DISABLED},
    {"on-empty-db", COMPAT_DISKLESS_LOAD_ON_EMPTY_DB},
    {"swapdb", COMPAT_DISKLESS_LOAD_SWAPDB},
    {NULL, 0}};
static const struct config_enum compat_propagation_names[] = {
    {"ignore", 0}, {"panic", 1}, {"panic-on-replicas", 2}, {NULL, 0}};
static const struct config_enum compat_endpoint_names[] = {
    {"ip", 0}, {"hostname", 1}, {"unknown-endpoint", 2}, {NULL, 0}};

/* -- replicaof ----------------------------------------------------------------------------------------------------------- */

char compat_replicaof[COMPAT_REPLICAOF_MAX];

static enum status replicaof_set(const struct slice *argv, size_t argc, bool from_file,
                                 struct error *err)
{
    int64_t port;
    if (argc == 1 && argv[0].n == 0) {
        compat_replicaof[0] = 0; /* what CONFIG REWRITE writes */
        return ST_OK;
    }
    if (argc != 2)
        return error_set(err, ST_INVALID, "wrong number of arguments");
    if (slice_is(argv[0], "no") && slice_is(argv[1], "one")) {
        compat_replicaof[0] = 0;
        return ST_OK;
    }
    if (!num_parse_int(argv[1], &port) || port < 0 || port > 65535 || argv[0].n > 255)
        return error_set(err, ST_INVALID, "Invalid master port");
    snprintf(compat_replicaof, sizeof compat_replicaof, "%.*s %lld", SLICE_FMT(argv[0]),
             (long long)port);
    return ST_OK;
}

static void replicaof_get(struct buf *out)
{
    buf_put_str(out, compat_replicaof);
}

static const struct config_custom compat_replicaof_option = {
    .set = replicaof_set, .get = replicaof_get, .default_text = ""};

/* -- Checks -------------------------------------------------------------------------------------------------------------- */

static enum status check_activedefrag(struct slice text, struct error *err)
{
    if (slice_is(text, "yes"))
        return error_set(
            err, ST_UNSUPPORTED,
            "Active defragmentation cannot be enabled: Orbit has nothing to defragment");
    return ST_OK;
}

static enum status check_cluster(struct slice text, struct error *err)
{
    if (slice_is(text, "yes"))
        return error_set(err, ST_UNSUPPORTED,
                         "cluster-enabled: this version of Orbit is a single server");
    return ST_OK;
}

static enum status check_hostname(struct slice text, struct error *err)
{
    if (text.n >= 256)
        return error_set(err, ST_TOO_LONG, "Hostnames must be less than 256 characters");
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.';
        if (!ok)
            return error_set(err, ST_INVALID,
                             "Hostnames may only contain alphanumeric characters, hyphens or dots");
    }
    return ST_OK;
}

#define CONFIG_STRUCT compat_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "config/compat_options.def"

#include "config/declare_end.h"
};

void compat_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
    config_on_check("activedefrag", check_activedefrag);
    config_on_check("cluster-enabled", check_cluster);
    config_on_check("cluster-announce-hostname", check_hostname);
}
