/* Sections about commands: commandstats, errorstats, latencystats. */
#include "services/info/info_priv.h"
#include "session/command.h"
#include "session/stats.h"

#include <inttypes.h>

/* Names come from modules, codes from whoever answered: ':' and line ends would break the line. */
static void put_safe(struct buf *out, struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        buf_put_byte(out, strchr("#:\n\r", name.p[i]) ? '_' : (uint8_t)name.p[i]);
}

static bool put_calls(void *arg, struct command *cmd)
{
    struct buf *out = arg;
    if (cmd->calls || cmd->rejected || cmd->failed) {
        double average = cmd->calls ? (double)cmd->usec / (double)cmd->calls : 0;
        buf_put_str(out, "cmdstat_");
        put_safe(out, slice_str(cmd->fullname));
        buf_printf(out,
                   ":calls=%" PRIu64 ",usec=%" PRIu64 ",usec_per_call=%.2f,rejected_calls=%" PRIu64
                   ",failed_calls=%" PRIu64 "\r\n",
                   cmd->calls, cmd->usec, average, cmd->rejected, cmd->failed);
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
    put_safe(out, code);
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
        buf_put_str(out, "latency_percentiles_usec_");
        put_safe(out, slice_str(cmd->fullname));
        buf_put_byte(out, ':');
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
