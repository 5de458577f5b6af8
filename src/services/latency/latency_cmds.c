/* LATENCY LATEST, HISTORY, RESET, GRAPH, DOCTOR, HISTOGRAM, HELP. */
#include "base/clock.h"
#include "services/latency/latency.h"
#include "services/latency/latency_commands.h"
#include "session/call.h"
#include "session/reply.h"
#include "session/stats.h"

#include <inttypes.h>

void cmd_latency_latest(struct call *c)
{
    size_t n = 0;
    while (latency_event(n))
        n++;
    reply_array(c, n);
    for (size_t i = 0; i < n; i++) {
        const struct latency_event *e = latency_event(i);
        const struct latency_sample *last = latency_sample(e, e->n - 1);
        reply_array(c, 4);
        reply_str(c, e->name);
        reply_int(c, last->time_s);
        reply_int(c, last->ms);
        reply_int(c, e->max_ms);
    }
}

void cmd_latency_history(struct call *c)
{
    const struct latency_event *e = latency_find(c->argv[2]);
    size_t n = e ? e->n : 0;
    reply_array(c, n);
    for (size_t i = 0; i < n; i++) {
        reply_array(c, 2);
        reply_int(c, latency_sample(e, i)->time_s);
        reply_int(c, latency_sample(e, i)->ms);
    }
}

void cmd_latency_reset(struct call *c)
{
    int64_t n = 0;
    if (c->argc == 2) {
        while (latency_event(0))
            n += latency_reset(slice_str(latency_event(0)->name));
    } else {
        for (int i = 2; i < c->argc; i++)
            n += latency_reset(c->argv[i]);
    }
    reply_int(c, n);
}

/* -- GRAPH --------------------------------------------------------------------------------------------------------------- */

#define GRAPH_ROWS    4
#define GRAPH_COLUMNS 80
#define LABEL_MAX     8

static void put_age(char label[LABEL_MAX], int64_t age_s)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;
    while (i + 1 < COUNT_OF(units) && age_s < units[i].seconds)
        i++;
    int64_t v = age_s / units[i].seconds;
    struct buf b = BUF_INIT;
    buf_printf(&b, "%" PRId64 "%c", v > 99999 ? 99999 : v, units[i].unit);
    memset(label, 0, LABEL_MAX);
    memcpy(label, b.p, b.n < LABEL_MAX ? b.n : LABEL_MAX - 1);
    buf_free(&b);
}

/* Columns are samples, oldest on the left; each row is a quarter of the range; under each column stands its age. */
static void draw(struct buf *out, const struct latency_event *e, int64_t now_s)
{
    size_t n = e->n < GRAPH_COLUMNS ? e->n : GRAPH_COLUMNS, first = e->n - n;
    int64_t high = 0, low = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        int64_t ms = latency_sample(e, first + i)->ms;
        high = ms > high ? ms : high;
        low = ms < low ? ms : low;
    }
    buf_printf(out, "%s - high %" PRId64 " ms, low %" PRId64 " ms (all time high %" PRId64 " ms)\n",
               e->name, high, low, e->max_ms);
    for (size_t i = 0; i < GRAPH_COLUMNS; i++)
        buf_put_byte(out, '-');
    buf_put_byte(out, '\n');
    int64_t range = high > low ? high - low : 1;
    for (int row = GRAPH_ROWS - 1; row >= 0; row--) {
        for (size_t i = 0; i < n; i++) {
            int64_t level = (latency_sample(e, first + i)->ms - low) * (GRAPH_ROWS - 1) / range;
            buf_put_byte(out, level == row ? '#' : level > row ? '|' : ' ');
        }
        buf_put_byte(out, '\n');
    }
    buf_put_byte(out, '\n');
    for (size_t line = 0; line < LABEL_MAX - 1; line++) {
        bool any = false;
        for (size_t i = 0; i < n; i++) {
            char label[LABEL_MAX];
            put_age(label, now_s - latency_sample(e, first + i)->time_s);
            any |= line < strlen(label);
            buf_put_byte(out, line < strlen(label) ? (uint8_t)label[line] : ' ');
        }
        buf_put_byte(out, '\n');
        if (!any)
            break;
    }
}

void cmd_latency_graph(struct call *c)
{
    const struct latency_event *e = latency_find(c->argv[2]);
    if (!e) {
        reply_errorf(c, "ERR No samples available for event '%.*s'", SLICE_FMT(c->argv[2]));
        return;
    }
    struct buf out = BUF_INIT;
    draw(&out, e, clock_wall_ms() / 1000);
    reply_verbatim(c, "txt", buf_slice(&out));
    buf_free(&out);
}

/* -- DOCTOR -------------------------------------------------------------------------------------------------------------- */

static const char *advice(const char *event)
{
    static const struct {
        const char *event, *text;
    } table[] = {
        {"command", "SLOWLOG GET shows which commands these were. Long scans and large replies "
                    "belong into smaller steps."},
        {"fast-command", "These commands take constant time: look for a busy machine, swapping, or "
                         "very large values."},
        {"aof-write",
         "Writing the log took long: the disk is busy or slow. Keep wal on a disk of its own."},
        {"expire-cycle", "Keys expired late: very many were due at once. Spread their times."},
        {"fold", "Folding into the store took long. It runs on a worker, but log and memory grow "
                 "until it is done."},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].event, event) == 0)
            return table[i].text;
    return "";
}

static void describe(struct buf *out, const struct latency_event *e)
{
    int64_t sum = 0, low = INT64_MAX, high = 0;
    if (e->n == 0)
        return;
    for (size_t i = 0; i < e->n; i++) {
        int64_t ms = latency_sample(e, i)->ms;
        sum += ms;
        low = ms < low ? ms : low;
        high = ms > high ? ms : high;
    }
    int64_t first = latency_sample(e, 0)->time_s, last = latency_sample(e, e->n - 1)->time_s;
    buf_printf(out,
               "%s: %zu spikes in %" PRId64 " seconds, average %" PRId64 " ms, from %" PRId64
               " to %" PRId64 " ms, worst ever %" PRId64 " ms.\n  %s\n",
               e->name, e->n, last - first + 1, sum / (int64_t)e->n, low, high, e->max_ms,
               advice(e->name));
}

void cmd_latency_doctor(struct call *c)
{
    struct buf out = BUF_INIT;
    if (latency_opts.threshold_ms == 0)
        buf_put_str(&out, "Latency monitoring is off. CONFIG SET latency-monitor-threshold "
                          "<milliseconds> switches it on.");
    else if (!latency_event(0))
        buf_put_str(&out, "No latency spike has been seen so far.");
    for (size_t i = 0; latency_event(i); i++)
        describe(&out, latency_event(i));
    reply_verbatim(c, "txt", buf_slice(&out));
    buf_free(&out);
}

/* -- HISTOGRAM ----------------------------------------------------------------------------------------------------------- */

#define FIRST_EDGE_NS 1024u
#define EDGES         21 /* up to about one second */

static void reply_histogram(struct call *c, const struct command *cmd)
{
    reply_str(c, cmd->fullname);
    reply_map(c, 2);
    reply_str(c, "calls");
    reply_int(c, (int64_t)command_latency_count(cmd->latency));
    reply_str(c, "histogram_usec");
    size_t n = 0, token = reply_begin(c);
    uint64_t before = 0, total = command_latency_count(cmd->latency);
    for (unsigned i = 0; i < EDGES && before < total; i++) {
        uint64_t edge = (uint64_t)FIRST_EDGE_NS << i;
        uint64_t below = i + 1 == EDGES ? total : command_latency_at_most(cmd->latency, edge - 1);
        if (below == before)
            continue;
        reply_int(c, (int64_t)((edge - 1) / 1000));
        reply_int(c, (int64_t)below);
        before = below;
        n++;
    }
    reply_end(c, token, SINK_MAP, n);
}

struct answering {
    struct call *c;
    size_t n;
};

static bool answer(void *arg, struct command *cmd)
{
    struct answering *a = arg;
    if (command_latency_count(cmd->latency)) {
        reply_histogram(a->c, cmd);
        a->n++;
    }
    for (size_t i = 0; i < cmd->nsubs; i++)
        answer(arg, cmd->subs[i]);
    return true;
}

void cmd_latency_histogram(struct call *c)
{
    struct answering a = {.c = c};
    size_t token = reply_begin(c);
    if (c->argc == 2)
        command_each(answer, &a);
    for (int i = 2; i < c->argc; i++) {
        struct command *cmd = command_find_full(c->argv[i]);
        if (cmd)
            answer(&a, cmd);
    }
    reply_end(c, token, SINK_MAP, a.n);
}

void cmd_latency_help(struct call *c)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    What was slow, and what may help.",
        "GRAPH <event>",
        "    Draws the samples of an event.",
        "HISTORY <event>",
        "    The samples of an event: time and milliseconds.",
        "LATEST",
        "    The latest and the worst sample of each event.",
        "RESET [<event> ...]",
        "    Forgets the samples of these events, or all.",
        "HISTOGRAM [<command> ...]",
        "    How many calls took at most how many microseconds, by command.",
        NULL};
    reply_help(c, lines);
}
