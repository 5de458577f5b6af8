/* Hook tables: a fixed small array for each point, because services attach at the start and stay. */
#include "session/hooks.h"

#include "base/status.h"

#define HOOKS_PER_POINT 16

static hook_fn hooks[HOOK_POINTS][HOOKS_PER_POINT];
static int counts[HOOK_POINTS];

void hook_add(enum hook_point point, hook_fn fn)
{
    for (int i = 0; i < counts[point]; i++)
        if (hooks[point][i] == fn)
            return;
    orbit_assert(counts[point] < HOOKS_PER_POINT);
    hooks[point][counts[point]++] = fn;
}

void hook_run(enum hook_point point, void *arg)
{
    for (int i = 0; i < counts[point]; i++)
        hooks[point][i](arg);
}

void hook_event(enum server_event event, unsigned sub, void *data)
{
    if (counts[HOOK_EVENT])
        hook_run(HOOK_EVENT, &(struct hook_event){event, sub, data});
}

int hook_any(enum hook_point point)
{
    return counts[point];
}
