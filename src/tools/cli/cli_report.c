/* Reports for operators, made from INFO. */
#include "base/compiler.h"
#include "tools/cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_MAX 256

/* INFO's text, or NULL after a message. */
static redisReply *fetch_info(struct cli *c)
{
    redisReply *r = redisCommand(c->link, "INFO everything");
    if (r && r->type == REDIS_REPLY_STRING)
        return r;
    fprintf(stderr, "orbit-cli: INFO: %s\n", r ? r->str : c->link->errstr);
    freeReplyObject(r);
    return NULL;
}

/* Value of a field into out; "?" when the server does not tell it. */
static const char *field(const redisReply *info, const char *name, char out[FIELD_MAX])
{
    size_t n = strlen(name);
    for (const char *p = info->str; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        if (strncmp(p, name, n) == 0 && p[n] == ':') {
            size_t len = strcspn(p + n + 1, "\r\n");
            if (len >= FIELD_MAX)
                len = FIELD_MAX - 1;
            memcpy(out, p + n + 1, len);
            out[len] = 0;
            return out;
        }
    }
    memcpy(out, "?", 2);
    return out;
}

struct line {
    const char *label, *name;
};

static void print_lines(struct cli *c, const redisReply *info, const struct line *lines, size_t n)
{
    char value[FIELD_MAX];
    if (c->json)
        putchar('{');
    for (size_t i = 0; i < n; i++) {
        field(info, lines[i].name, value);
        if (!c->json) {
            printf("%-14s %s\n", lines[i].label, value);
            continue;
        }
        printf("%s\"%s\":", i ? "," : "", lines[i].name);
        cli_print_json_string(value, strlen(value));
    }
    if (c->json)
        puts("}");
}

static bool no_arguments(int argc, char **argv)
{
    if (argc == 1)
        return true;
    fprintf(stderr, "orbit-cli: %s takes no argument '%s'\n", argv[0], argv[1]);
    return false;
}

static int report(struct cli *c, int argc, char **argv, const struct line *lines, size_t n)
{
    redisReply *info = no_arguments(argc, argv) ? fetch_info(c) : NULL;
    if (!info)
        return CLI_USAGE;
    print_lines(c, info, lines, n);
    freeReplyObject(info);
    return CLI_GOOD;
}

int cli_status(struct cli *c, int argc, char **argv)
{
    static const struct line lines[] = {
        {"version", "orbit_version"},
        {"redis", "redis_version"},
        {"uptime, s", "uptime_in_seconds"},
        {"process", "process_id"},
        {"port", "tcp_port"},
        {"role", "role"},
        {"provider", "storage_provider"},
        {"maturity", "storage_maturity"},
        {"health", "storage_health"},
        {"clients", "connected_clients"},
        {"memory", "used_memory_human"},
        {"rss", "used_memory_rss_human"},
    };
    return report(c, argc, argv, lines, COUNT_OF(lines));
}

int cli_health(struct cli *c, int argc, char **argv)
{
    char health[FIELD_MAX], reason[FIELD_MAX], refused[FIELD_MAX];
    if (!no_arguments(argc, argv))
        return CLI_USAGE;
    redisReply *info = fetch_info(c);
    if (!info)
        return CLI_USAGE;
    field(info, "storage_health", health);
    field(info, "storage_health_reason", reason);
    field(info, "writes_refused", refused);
    if (strcmp(refused, "0") != 0) {
        snprintf(health, sizeof(health), "unhealthy");
        snprintf(reason, sizeof(reason), "writes are refused, the log cannot be written");
    }
    if (c->json) {
        printf("{\"redis\":\"%s\",\"reason\":", health);
        cli_print_json_string(reason, strlen(reason));
        puts("}");
    } else {
        printf("redis: %s%s%s\n", health, reason[0] ? ", " : "", reason);
    }
    freeReplyObject(info);
    return strcmp(health, "healthy") == 0 ? CLI_GOOD : CLI_FAULT;
}

int cli_stats(struct cli *c, int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--protocol") == 0) {
        if (strcmp(argv[2], "redis") != 0 && strcmp(argv[2], "all") != 0) {
            fprintf(stderr, "orbit-cli: protocol '%s' is not served; this server has: redis\n",
                    argv[2]);
            return CLI_USAGE;
        }
    } else if (!no_arguments(argc, argv)) {
        return CLI_USAGE;
    }
    redisReply *info = fetch_info(c);
    if (!info)
        return CLI_USAGE;
    bool first = true;
    if (c->json)
        putchar('{');
    for (char *save, *line = strtok_r(info->str, "\r\n", &save); line;
         line = strtok_r(NULL, "\r\n", &save)) {
        char *colon = strchr(line, ':');
        if (line[0] == '#' || !colon)
            continue;
        *colon = 0;
        if (c->json) {
            printf("%s\"%s\":", first ? "" : ",", line);
            cli_print_json_string(colon + 1, strlen(colon + 1));
        } else {
            printf("%s: %s\n", line, colon + 1);
        }
        first = false;
    }
    if (c->json)
        puts("}");
    freeReplyObject(info);
    return CLI_GOOD;
}

int cli_storage_stats(struct cli *c, int argc, char **argv)
{
    static const struct line lines[] = {
        {"keys, bytes", "data_bytes"},
        {"store, keys", "storage_total_keys"},
        {"store, bytes", "storage_disk_usage_bytes"},
        {"store, memory", "storage_memory_usage_bytes"},
        {"compaction", "storage_pending_compaction_bytes"},
        {"cached records", "record_cache_records"},
        {"cache, bytes", "record_cache_bytes"},
        {"dirty records", "dirty_records"},
        {"dirty, bytes", "dirty_bytes"},
        {"log, bytes", "log_bytes"},
        {"log segments", "log_segments"},
        {"log sequence", "log_last_seq"},
        {"folded up to", "log_folded_seq"},
        {"folds", "fold_count"},
        {"fold errors", "fold_errors"},
    };
    return report(c, argc, argv, lines, COUNT_OF(lines));
}
