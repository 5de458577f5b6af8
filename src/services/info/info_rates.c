/* Rates: differences between looks at counters, averaged over the last 16 of them. */
#include "base/clock.h"
#include "event/loop.h"
#include "services/info/info.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "session/stats.h"

#define SAMPLES     16
#define INTERVAL_US 100000

enum gauge { GAUGE_COMMANDS, GAUGE_INPUT, GAUGE_OUTPUT, GAUGE_CYCLES, GAUGE_CYCLE_US, GAUGES };

static struct {
    uint64_t last;
    double samples[SAMPLES];
} gauges[GAUGES];
static unsigned next_sample;
static int64_t last_us;

/* per: what the difference is divided by. */
static void look(enum gauge g, uint64_t now, double per)
{
    uint64_t grown = now >= gauges[g].last ? now - gauges[g].last : 0; /* less after RESETSTAT */
    gauges[g].samples[next_sample] = per > 0 ? (double)grown / per : 0;
    gauges[g].last = now;
}

static void on_cron(void *arg)
{
    int64_t now = clock_mono_us();
    if (now - last_us < INTERVAL_US || !lifecycle.loop)
        return;
    double seconds = (double)(now - last_us) / 1e6;
    last_us = now;
    struct loop_stats loop;
    loop_stats(lifecycle.loop, &loop);
    double cycles = loop.cycles > gauges[GAUGE_CYCLES].last
                        ? (double)(loop.cycles - gauges[GAUGE_CYCLES].last)
                        : 0;
    look(GAUGE_COMMANDS, sess_stats.commands, seconds);
    look(GAUGE_INPUT, traffic.input_bytes, seconds);
    look(GAUGE_OUTPUT, traffic.output_bytes, seconds);
    look(GAUGE_CYCLES, loop.cycles, seconds);
    look(GAUGE_CYCLE_US, loop.busy_us, cycles);
    next_sample = (next_sample + 1) % SAMPLES;
}

static double average(enum gauge g)
{
    double sum = 0;
    for (size_t i = 0; i < SAMPLES; i++)
        sum += gauges[g].samples[i];
    return sum / SAMPLES;
}

double info_rate_commands(void)
{
    return average(GAUGE_COMMANDS);
}

double info_rate_input(void)
{
    return average(GAUGE_INPUT);
}

double info_rate_output(void)
{
    return average(GAUGE_OUTPUT);
}

double info_rate_cycles(void)
{
    return average(GAUGE_CYCLES);
}

double info_cycle_us(void)
{
    return average(GAUGE_CYCLE_US);
}

/* Commands of one tick, seen when it ends. */
static uint64_t tick_last, tick_max;

static void on_tick(void *arg)
{
    uint64_t now = sess_stats.commands, grown = now > tick_last ? now - tick_last : 0;
    if (grown > tick_max)
        tick_max = grown;
    tick_last = now;
}

uint64_t info_commands_per_tick_max(void)
{
    return tick_max;
}

void info_rates_reset(void)
{
    tick_max = 0;
    tick_last = sess_stats.commands;
}

void info_rates_start(void)
{
    hook_add(HOOK_TICK, on_tick);
    last_us = clock_mono_us();
    hook_add(HOOK_CRON, on_cron);
}
