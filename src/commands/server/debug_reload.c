/* DEBUG RELOAD and SET-SKIP-CHECKSUM-VALIDATION. */
#include "base/clock.h"
#include "base/log.h"
#include "commands/server/debug_priv.h"
#include "commands/server/save.h"
#include "event/loop.h"
#include "rdb/rdb_functions.h"
#include "rdb/rdb_load.h"
#include "rdb/rdb_options.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "session/reply.h"

struct reload {
    unsigned flags; /* enum save_load_flags */
    bool no_save;
};

static bool parse(struct call *c, struct reload *o)
{
    for (int i = 2; i < c->argc; i++) {
        if (call_arg_is(c, i, "merge"))
            o->flags |= SAVE_LOAD_MERGE;
        else if (call_arg_is(c, i, "noflush"))
            o->flags |= SAVE_LOAD_KEEP;
        else if (call_arg_is(c, i, "nosave"))
            o->no_save = true;
        else {
            reply_error(c, "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
            return false;
        }
    }
    return true;
}

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
    lifecycle_loaded(done, total);
    clock_refresh();
    if (lifecycle.loop) /* without one nobody waits */
        loop_poll(lifecycle.loop);
}

enum status save_load(struct kv *kv, const char *path, unsigned flags, struct error *err)
{
    struct rdb_load l = {.path = path, .merge = flags & SAVE_LOAD_MERGE, .progress = on_progress};
    enum status st = rdb_check(l.path, err);
    if (st != ST_OK)
        return st;
    if (!(flags & SAVE_LOAD_KEEP)) {
        kv_log_anew(kv);
        kv_effects_off(kv);
        (void)kv_flush(kv, -1);
        kv_effects_on(kv);
        rdb_clear_functions();
    }
    lifecycle.loading = true;
    lifecycle.loading_log = false;
    lifecycle.loading_start_ms = clock_wall_ms();
    hook_event(EVENT_LOADING, LOADING_DUMP, NULL);
    kv_obey(kv, lifecycle.following); /* deadlines stay the master's */
    st = rdb_load(kv, &l, err);
    kv_obey(kv, false);
    lifecycle.loading = false;
    hook_event(EVENT_LOADING, st == ST_OK ? LOADING_ENDED : LOADING_FAILED, NULL);
    return st;
}

void debug__reload(struct call *c)
{
    struct reload o = {.flags = 0};
    char path[PATH_MAX];
    struct error err = {.message = ""};
    if (!parse(c, &o))
        return;
    if (!o.no_save && save_now(c->kv, &err) != ST_OK) {
        reply_errorf(c, "ERR %s", err.message);
        return;
    }
    /* From then on everything is read back from the store. */
    if (save_load(c->kv, save_path(path), o.flags, &err) != ST_OK ||
        kv_reload(c->kv, &err) != ST_OK) {
        reply_error(c, "ERR Error trying to load the RDB dump, check server logs.");
        return;
    }
    log_warning(LOG_KEYSPACE, "DB reloaded by DEBUG RELOAD");
    reply_ok(c);
}

void debug__skip_checksum(struct call *c)
{
    int64_t on;
    if (!call_arg_int(c, 2, &on, NULL))
        return;
    rdb_opts.skip_checksum = on != 0;
    reply_ok(c);
}
