/* Commands sent without waiting for their answers, which are read along the way. */
#ifndef ORBIT_TOOLS_CLI_CLI_PIPE_H
#define ORBIT_TOOLS_CLI_CLI_PIPE_H

#include "base/buf.h"
#include "tools/cli/cli.h"

#include <stdint.h>

struct cli_pipe {
    redisContext *link;
    struct buf out;
    uint64_t sent, answered;
    /* Called for each answer in order; r is freed afterwards. */
    void (*on_reply)(void *arg, const redisReply *r);
    void *arg;
};

/* The beginning of a command of n arguments, and its arguments. cli_pipe_counted after the last one. */
void cli_pipe_command(struct cli_pipe *p, size_t n);
void cli_pipe_arg(struct cli_pipe *p, struct slice s);
void cli_pipe_arg_int(struct cli_pipe *p, int64_t v);
/* Sends what is waiting and reads what has come, once there is enough of it; all: waits for every answer. False: the
 * connection is broken, which was said on stderr. */
bool cli_pipe_flush(struct cli_pipe *p, bool all);
void cli_pipe_free(struct cli_pipe *p);

/* A line on stderr that shows how far it is; only on a terminal. what: "keys" ... total 0: unknown. */
struct cli_progress {
    bool on;
    int64_t start_us, shown_us;
};
void cli_progress_begin(struct cli_progress *p);
void cli_progress_show(struct cli_progress *p, uint64_t done, uint64_t total, uint64_t bytes,
                       uint64_t keys, bool last);
/* The same of bytes only. */
void cli_progress_bytes(struct cli_progress *p, uint64_t done, uint64_t total, bool last);
double cli_progress_seconds(const struct cli_progress *p);

#endif
