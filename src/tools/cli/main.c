/* orbit-cli: what an operator asks a running server. A word of the table below is a command of orbit-cli; anything else is sent
 * to the server as it stands, and the reply is printed.
 *
 * Exit status: 0 good, 1 the server answered with an error or a fault was found, 2 usage or access error. */
#include "base/compiler.h"
#include "base/version.h"
#include "tools/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_SECONDS 5

static const struct command {
    const char *name;
    int (*run)(struct cli *c, int argc, char **argv);
    const char *help;
    bool offline; /* needs no server, or connects by itself */
} commands[] = {
    {"status", cli_status, "version, uptime, provider and its maturity, role, memory", false},
    {"health-check", cli_health,
     "healthy, degraded or unhealthy, with the reason; exit status 1 unless healthy", false},
    {"stats", cli_stats,
     "every figure of INFO as 'name: value'; stats --protocol redis is the same", false},
    {"storage-stats", cli_storage_stats, "keys, log, caches, folds and the store in one table",
     false},
    {"rdb", cli_rdb, "rdb import FILE [--replace], rdb export FILE: dump files in Redis's format",
     false},
    {"backup", cli_backup,
     "backup of the running server into its backup-dir; --incremental: the log since the last one; "
     "--output NAME",
     false},
    {"list-backups", cli_list_backups, "list-backups [--dir DIR]", true},
    {"verify", cli_verify,
     "verify --backup PATH: compares every file of a backup with its checksum", true},
    {"restore", cli_restore,
     "restore --backup PATH [--to-time T | --to-sequence N]: of a stopped server; restore alone "
     "says more",
     true},
    {"find-in-log", cli_find_in_log,
     "find-in-log COMMAND --log DIR: where in a log a command stands, for restore", true},
};

static const struct option long_options[] = {
    {"host", required_argument, NULL, 'h'},   {"port", required_argument, NULL, 'p'},
    {"socket", required_argument, NULL, 's'}, {"user", required_argument, NULL, 'u'},
    {"pass", required_argument, NULL, 'a'},   {"db", required_argument, NULL, 'n'},
    {"json", no_argument, NULL, 'j'},         {"help", no_argument, NULL, 'H'},
    {"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
    fputs("Usage: orbit-cli [OPTIONS] COMMAND [ARGUMENT...]\n\n"
          "  -h, --host HOST      server's address (127.0.0.1)\n"
          "  -p, --port PORT      server's port (6379)\n"
          "  -s, --socket PATH    unix socket instead\n"
          "  -u, --user NAME      ACL user\n"
          "  -a, --pass PASSWORD  password; the variable ORBIT_CLI_PASS is safer\n"
          "  -n, --db NUMBER      database\n"
          "  -j, --json           print JSON\n"
          "      --help           this text\n"
          "      --version        version of orbit-cli\n\nCommands:\n",
          out);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        fprintf(out, "  %-20s %s\n", commands[i].name, commands[i].help);
    fputs("  ANYTHING ELSE        is sent to the server: orbit-cli SET key value\n", out);
}

static bool parse_port(const char *text, int *port)
{
    char *end;
    long v = strtol(text, &end, 10);
    *port = (int)v;
    return *text && !*end && v > 0 && v <= 65535;
}

/* 0: go on; else the exit status plus one. */
static int parse_options(struct cli *c, int argc, char **argv)
{
    int o;
    while ((o = getopt_long(argc, argv, "+h:p:s:u:a:n:j", long_options, NULL)) != -1) {
        switch (o) {
        case 'h':
            c->host = optarg;
            break;
        case 'p':
            if (!parse_port(optarg, &c->port)) {
                fprintf(stderr, "orbit-cli: '%s' is not a port\n", optarg);
                return CLI_USAGE + 1;
            }
            break;
        case 's':
            c->socket = optarg;
            break;
        case 'u':
            c->user = optarg;
            break;
        case 'a':
            c->pass = optarg;
            break;
        case 'n':
            c->db = optarg;
            break;
        case 'j':
            c->json = true;
            break;
        case 'H':
            usage(stdout);
            return CLI_GOOD + 1;
        case 'V':
            puts("orbit-cli " ORBIT_VERSION);
            return CLI_GOOD + 1;
        default:
            fputs("Try 'orbit-cli --help'.\n", stderr);
            return CLI_USAGE + 1;
        }
    }
    return 0;
}

static bool expect_ok(struct cli *c, const char *what, redisReply *r)
{
    bool ok = r && r->type != REDIS_REPLY_ERROR;
    if (!ok)
        fprintf(stderr, "orbit-cli: %s: %s\n", what, r ? r->str : c->link->errstr);
    freeReplyObject(r);
    return ok;
}

static bool log_in(struct cli *c)
{
    if (!c->pass)
        c->pass = getenv("ORBIT_CLI_PASS");
    if (c->pass && c->user)
        return expect_ok(c, "logging in", redisCommand(c->link, "AUTH %s %s", c->user, c->pass));
    if (c->pass)
        return expect_ok(c, "logging in", redisCommand(c->link, "AUTH %s", c->pass));
    return true;
}

bool cli_connect(struct cli *c)
{
    struct timeval limit = {CONNECT_SECONDS, 0};
    c->link = c->socket ? redisConnectUnixWithTimeout(c->socket, limit)
                        : redisConnectWithTimeout(c->host, c->port, limit);
    if (!c->link || c->link->err) {
        if (c->socket)
            fprintf(stderr, "orbit-cli: cannot connect to %s: %s\n", c->socket,
                    c->link ? c->link->errstr : "out of memory");
        else
            fprintf(stderr, "orbit-cli: cannot connect to %s port %d: %s\n", c->host, c->port,
                    c->link ? c->link->errstr : "out of memory");
        return false;
    }
    return log_in(c) &&
           (!c->db || expect_ok(c, "SELECT", redisCommand(c->link, "SELECT %s", c->db)));
}

static int run(struct cli *c, int argc, char **argv)
{
    const struct command *command = NULL;
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(argv[0], commands[i].name) == 0)
            command = &commands[i];
    }
    if (!(command && command->offline) && !cli_connect(c))
        return CLI_USAGE;
    return command ? command->run(c, argc, argv) : cli_send(c, argc, argv);
}

int main(int argc, char **argv)
{
    struct cli c = {.host = "127.0.0.1", .port = 6379};
    int stop = parse_options(&c, argc, argv);
    if (stop)
        return stop - 1;
    if (optind == argc) {
        usage(stderr);
        return CLI_USAGE;
    }
    int status = run(&c, argc - optind, argv + optind);
    redisFree(c.link);
    return status;
}
