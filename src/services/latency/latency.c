/* Samples of what took long. A few events, each a ring of fixed size. */
#include "services/latency/latency.h"

#include "base/clock.h"
#include "base/mem.h"
#include "config/option.h"
#include "event/loop.h"
#include "session/call.h"
#include "session/hooks.h"
#include "session/lifecycle.h"

#include <stdlib.h>

#define EVENTS_MAX 32

struct latency_options latency_opts;
static struct latency_event *events[EVENTS_MAX]; /* in order of name */
static size_t count;

static size_t position(struct slice name, bool *found)
{
    size_t i = 0;
    while (i < count && slice_cmp(slice_str(events[i]->name), name) < 0)
        i++;
    *found = i < count && slice_eq(slice_str(events[i]->name), name);
    return i;
}

static struct latency_event *event_of(const char *name)
{
    bool found;
    size_t i = position(slice_str(name), &found);
    if (found)
        return events[i];
    if (count == EVENTS_MAX || strlen(name) >= sizeof(events[0]->name))
        return NULL;
    struct latency_event *e = mem_calloc(1, sizeof(*e));
    memcpy(e->name, name, strlen(name));
    memmove(events + i + 1, events + i, (count - i) * sizeof(events[0]));
    events[i] = e;
    count++;
    return e;
}

void latency_add(const char *event, int64_t time_s, int64_t ms)
{
    struct latency_event *e = event_of(event);
    if (!e)
        return;
    if (ms > e->max_ms)
        e->max_ms = ms;
    struct latency_sample *last = &e->samples[(e->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];
    if (e->n && last->time_s == time_s) {
        if (ms > last->ms)
            last->ms = ms;
        return;
    }
    e->samples[e->next] = (struct latency_sample){time_s, ms};
    e->next = (e->next + 1) % LATENCY_SAMPLES;
    if (e->n < LATENCY_SAMPLES)
        e->n++;
}

const struct latency_event *latency_find(struct slice event)
{
    bool found;
    size_t i = position(event, &found);
    return found ? events[i] : NULL;
}

const struct latency_event *latency_event(size_t i)
{
    return i < count ? events[i] : NULL;
}

const struct latency_sample *latency_sample(const struct latency_event *e, size_t i)
{
    return &e->samples[(e->next + LATENCY_SAMPLES - e->n + i) % LATENCY_SAMPLES];
}

bool latency_reset(struct slice event)
{
    bool found;
    size_t i = position(event, &found);
    if (!found)
        return false;
    mem_free(events[i]);
    memmove(events + i, events + i + 1, (count - i - 1) * sizeof(events[0]));
    count--;
    return true;
}

/* -- What is watched ----------------------------------------------------------------------------------------------------- */

static void note(const char *event, int64_t us)
{
    if (latency_opts.threshold_ms && us / 1000 >= latency_opts.threshold_ms)
        latency_add(event, clock_wall_ms() / 1000, us / 1000);
}

static void on_latency(void *arg)
{
    const struct hook_latency *l = arg;
    note(l->event, l->us);
}

static void after_command(void *arg)
{
    const struct call *c = arg;
    if (latency_opts.threshold_ms && !(c->s->flags & SESS_LOADING_LOG))
        note((c->cmd->flags & CMD_FAST) ? "fast-command" : "command", c->duration_us);
}

/* Not before there is a threshold: until then commands pay nothing for it. */
static void watch_commands(void)
{
    static bool watching;
    if (watching || !latency_opts.threshold_ms)
        return;
    watching = true;
    hook_add(HOOK_AFTER_COMMAND, after_command);
}

static enum status apply_threshold(void *arg, struct error *err)
{
    watch_commands();
    return ST_OK;
}

/* The keyspace and the loop keep their own times; a new one is looked at once a cron. */
static void on_cron(void *arg)
{
    static uint64_t writes, folds, expired;
    if (!latency_opts.threshold_ms || !lifecycle.kv)
        return;
    struct kv_stats st;
    kv_stats(lifecycle.kv, &st);
    if (st.log_writes != writes)
        note("aof-write", (int64_t)st.log_last_write_us);
    if (st.folds != folds)
        note("fold", (int64_t)st.fold_last_us);
    if (st.expired != expired)
        note("expire-cycle", st.expire_lag_ms * 1000);
    writes = st.log_writes;
    folds = st.folds;
    expired = st.expired;
}

#define CONFIG_STRUCT latency_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "services/latency/options.def"

#include "config/declare_end.h"
};

void latency_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
}

void latency_start(void)
{
    config_on_change("latency-monitor-threshold", apply_threshold, NULL);
    hook_add(HOOK_CRON, on_cron);
    hook_add(HOOK_LATENCY, on_latency);
    watch_commands();
}
