/* Sections about commands: commandstats, errorstats, latencystats. */
#include "services/info/info_priv.h"
#include "session/command.h"
#include "session/stats.h"

#include <inttypes.h>

static bool put_calls(void *arg, struct command *cmd)
{
    struct buf *out = arg;
    if (cmd->calls || cmd->rejected || cmd->failed) {
        double average = cmd->calls ? (double)cmd->usec / (double)cmd->calls : 0;
        buf_printf(out,
                   "cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64
                   ",usec_per_call=%.2f,rejected_calls=%" PRIu64 ",failed_calls=%" PRIu64 "\r\n",
                   cmd->fullname, cmd->calls, cmd->usec, average, cmd->rejected, cmd->failed);
    }
    for (size_t i = 0; i < cmd->nsubs; i++)
        put_calls(arg, cmd->subs[i]);
    return true;
}

void info__commandstats(struct buf *out)
{
    command_each(put_calls, out);
}

static void put_error(void *arg, struct slice code, uint64_t count)
{
    struct buf *out = arg;
    buf_put_str(out, "errorstat_");
    /* A code comes from whoever answered: ':' and line ends would break the line. */
    for (size_t i = 0; i < code.n; i++)
        buf_put_byte(out, strchr("#:\n\r", code.p[i]) ? '_' : (uint8_t)code.p[i]);
    buf_printf(out, ":count=%" PRIu64 "\r\n", count);
}

void info__errorstats(struct buf *out)
{
    sess_stats_errors(put_error, out);
}

static bool put_percentiles(void *arg, struct command *cmd)
{
    struct buf *out = arg;
    if (command_latency_count(cmd->latency)) {
        buf_printf(out, "latency_percentiles_usec_%s:", cmd->fullname);
        for (size_t i = 0; i < info__npercentiles; i++) {
            double p = info__percentiles[i];
            buf_put_str(out, i ? ",p" : "p");
            info__put_trimmed(out, p);
            buf_printf(out, "=%.3f", (double)command_latency_percentile(cmd->latency, p) / 1000);
        }
        buf_put_str(out, "\r\n");
    }
    for (size_t i = 0; i < cmd->nsubs; i++)
        put_percentiles(arg, cmd->subs[i]);
    return true;
}

void info__latencystats(struct buf *out)
{
    command_each(put_percentiles, out);
}
