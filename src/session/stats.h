/* Counters of everything that sessions do, as INFO and LATENCY HISTOGRAM print them. Loop thread. */
#ifndef ORBIT_SESSION_STATS_H
#define ORBIT_SESSION_STATS_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct command;
struct command_latency;

struct sess_stats {
    uint64_t commands;          /* total_commands_processed */
    uint64_t errors;            /* total_error_replies */
    uint64_t unexpected_errors; /* unexpected_error_replies: errors while the log is replayed */
    uint64_t fatal_errors;      /* of these: unknown commands, and what the store is to blame for */
    uint64_t sessions;          /* ever made, internal ones left out */
    uint64_t changes;    /* call_changed, replay left out: never reset, INFO tells differences */
    uint64_t command_us; /* time spent in commands: eventloop_duration_cmd_sum */
    uint64_t sync_full, sync_partial_ok, sync_partial_err; /* what replicas asked for, and got */
};
extern struct sess_stats sess_stats;

/* Counts one error answered, by its code; returns the code's lasting copy. At most SESS_ERROR_KINDS codes are told apart. */
#define SESS_ERROR_KINDS 128
struct slice sess_stats_error(struct slice code);
/* Calls fn for each code, in order of the codes. */
void sess_stats_errors(void (*fn)(void *arg, struct slice code, uint64_t count), void *arg);
/* CONFIG RESETSTAT: the above, and of every command the calls, errors and latencies. */
void sess_stats_reset(void);

/* -- Latency of one command: a histogram over nanoseconds, two significant digits ---------------------------------------- */

void command_latency_add(struct command *cmd, int64_t us);
void command_latency_reset(struct command *cmd);
uint64_t command_latency_count(const struct command_latency *l);
/* Nanoseconds below which percent of the calls stayed; the upper edge of the bucket. */
uint64_t command_latency_percentile(const struct command_latency *l, double percent);
/* How many calls took at most ns nanoseconds. */
uint64_t command_latency_at_most(const struct command_latency *l, uint64_t ns);

#endif
