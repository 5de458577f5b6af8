/* Parts of orbit-cli. Each command returns the exit status. */
#ifndef ORBIT_TOOLS_CLI_CLI_H
#define ORBIT_TOOLS_CLI_CLI_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

enum cli_exit { CLI_GOOD, CLI_FAULT, CLI_USAGE };

struct cli {
    const char *host, *socket, *user, *pass, *db;
    int port;
    bool json;
    redisContext *link;
};

/* Sends argv to the server and prints the reply. */
int cli_send(struct cli *c, int argc, char **argv);
/* The commands; argv[0] is the command's own name. */
int cli_status(struct cli *c, int argc, char **argv);
int cli_health(struct cli *c, int argc, char **argv);
int cli_stats(struct cli *c, int argc, char **argv);
int cli_storage_stats(struct cli *c, int argc, char **argv);
int cli_rdb(struct cli *c, int argc, char **argv);
int cli_backup(struct cli *c, int argc, char **argv);
int cli_list_backups(struct cli *c, int argc, char **argv);
int cli_verify(struct cli *c, int argc, char **argv);
int cli_restore(struct cli *c, int argc, char **argv);
int cli_find_in_log(struct cli *c, int argc, char **argv);

/* Connects and logs in; false: it said why not. */
bool cli_connect(struct cli *c);

/* Prints a reply as redis-cli does on a terminal, or as JSON. */
void cli_print(const redisReply *r, bool json);
/* A JSON string with its quotes. */
void cli_print_json_string(const char *p, size_t n);

#endif
