/* Error kinds and latency histograms.
 *
 * A histogram's buckets are exact up to 127 ns; above, each power of two is cut into 64 equal parts, so that a bucket is
 * never wider than 1/64 of its value. Values end at one second. */
#include "session/stats.h"

#include "base/mem.h"
#include "session/command.h"

#include <stdlib.h>

#define LATENCY_SUB   64u
#define LATENCY_MAX   1000000000ull
#define LATENCY_SLOTS ((size_t)LATENCY_SUB * 26)

struct command_latency {
    uint64_t count;
    uint64_t slots[LATENCY_SLOTS];
};

struct error_kind {
    struct slice code;
    uint64_t count;
};

struct sess_stats sess_stats;
static struct error_kind kinds[SESS_ERROR_KINDS];
static size_t nkinds;
static char last_code[32]; /* of an error that found no kind of its own */

struct slice sess_stats_error(struct slice code)
{
    sess_stats.errors++;
    for (size_t i = 0; i < nkinds; i++)
        if (slice_eq(kinds[i].code, code)) {
            kinds[i].count++;
            return kinds[i].code;
        }
    if (nkinds == SESS_ERROR_KINDS || code.n > sizeof last_code) {
        size_t n = code.n < sizeof last_code ? code.n : sizeof last_code;
        memcpy(last_code, code.p, n);
        return slice_make(last_code, n);
    }
    struct error_kind *k = &kinds[nkinds++];
    k->code = slice_make(mem_strndup(code.p, code.n), code.n);
    k->count = 1;
    return k->code;
}

static int kind_cmp(const void *a, const void *b)
{
    const struct error_kind *x = *(const struct error_kind *const *)a,
                            *y = *(const struct error_kind *const *)b;
    return slice_cmp(x->code, y->code);
}

void sess_stats_errors(void (*fn)(void *arg, struct slice code, uint64_t count), void *arg)
{
    const struct error_kind *order[SESS_ERROR_KINDS] = {NULL};
    for (size_t i = 0; i < nkinds; i++)
        order[i] = &kinds[i];
    qsort(order, nkinds, sizeof order[0], kind_cmp);
    for (size_t i = 0; i < nkinds; i++)
        if (order[i]->count)
            fn(arg, order[i]->code, order[i]->count);
}

static void command_reset(struct command *cmd)
{
    cmd->calls = cmd->usec = cmd->rejected = cmd->failed = 0;
    command_latency_reset(cmd);
    for (size_t i = 0; i < cmd->nsubs; i++)
        command_reset(cmd->subs[i]);
}

static bool reset_each(void *arg, struct command *cmd)
{
    command_reset(cmd);
    return true;
}

void sess_stats_reset(void)
{
    sess_stats =
        (struct sess_stats){.sessions = sess_stats.sessions, .changes = sess_stats.changes};
    /* The copies stay: calls hold slices of them. */
    for (size_t i = 0; i < nkinds; i++)
        kinds[i].count = 0;
    command_each(reset_each, NULL);
}

static size_t slot_of(uint64_t ns)
{
    if (ns < 2 * LATENCY_SUB)
        return (size_t)ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - 6u;
    return (size_t)(shift + 1) * LATENCY_SUB + (size_t)((ns >> shift) - LATENCY_SUB);
}

static uint64_t slot_upper(size_t slot)
{
    if (slot < 2 * LATENCY_SUB)
        return slot;
    unsigned shift = (unsigned)(slot / LATENCY_SUB) - 1;
    return ((uint64_t)(slot % LATENCY_SUB + LATENCY_SUB + 1) << shift) - 1;
}

void command_latency_add(struct command *cmd, int64_t us)
{
    struct command_latency *l = cmd->latency;
    if (UNLIKELY(!l))
        l = cmd->latency = mem_calloc(1, sizeof *l);
    uint64_t ns = us < 1 ? 1 : (uint64_t)us * 1000;
    if (ns > LATENCY_MAX)
        ns = LATENCY_MAX;
    l->count++;
    l->slots[slot_of(ns)]++;
}

void command_latency_reset(struct command *cmd)
{
    mem_free(cmd->latency);
    cmd->latency = NULL;
}

uint64_t command_latency_count(const struct command_latency *l)
{
    return l ? l->count : 0;
}

uint64_t command_latency_percentile(const struct command_latency *l, double percent)
{
    if (!l || !l->count)
        return 0;
    if (percent > 100)
        percent = 100;
    uint64_t want = (uint64_t)(percent / 100 * (double)l->count + 0.5), seen = 0;
    if (want < 1)
        want = 1;
    for (size_t i = 0; i < LATENCY_SLOTS; i++) {
        seen += l->slots[i];
        if (seen >= want)
            return slot_upper(i);
    }
    return LATENCY_MAX;
}

uint64_t command_latency_at_most(const struct command_latency *l, uint64_t ns)
{
    if (!l)
        return 0;
    uint64_t seen = 0;
    for (size_t i = 0; i < LATENCY_SLOTS && (slot_upper(i) <= ns || i <= slot_of(ns)); i++)
        seen += l->slots[i];
    return seen;
}
