/* DEBUG RELOAD and SET-SKIP-CHECKSUM-VALIDATION. */
#include "base/log.h"
#include "commands/server/debug_priv.h"
#include "commands/server/save.h"
#include "rdb/rdb_functions.h"
#include "rdb/rdb_load.h"
#include "rdb/rdb_options.h"
#include "session/lifecycle.h"
#include "session/reply.h"

struct reload {
    bool keep, no_save, merge;
};

static bool parse(struct call *c, struct reload *o)
{
    for (int i = 2; i < c->argc; i++) {
        if (call_arg_is(c, i, "merge"))
            o->merge = true;
        else if (call_arg_is(c, i, "noflush"))
            o->keep = true;
        else if (call_arg_is(c, i, "nosave"))
            o->no_save = true;
        else {
            reply_error(c, "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
            return false;
        }
    }
    return true;
}

/* What the file holds takes the place of what is there. The log hears nothing of it: everything is in the store at the end. */
static enum status load(struct kv *kv, const struct reload *o, struct error *err)
{
    char path[PATH_MAX];
    struct rdb_load l = {.path = save_path(path), .merge = o->merge};
    enum status st = rdb_check(l.path, err);
    if (st != ST_OK)
        return st;
    if (!o->keep) {
        kv_effects_off(kv);
        (void)kv_flush(kv, -1);
        kv_effects_on(kv);
        rdb_clear_functions();
    }
    kv_obey(kv, lifecycle.following); /* deadlines stay the master's */
    st = rdb_load(kv, &l, err);
    kv_obey(kv, false);
    /* From now on everything is read back from the store. */
    return st == ST_OK ? kv_reload(kv, err) : st;
}

void debug__reload(struct call *c)
{
    struct reload o = {.keep = false};
    struct error err = {.message = ""};
    if (!parse(c, &o))
        return;
    if (!o.no_save && save_now(c->kv, &err) != ST_OK) {
        reply_errorf(c, "ERR %s", err.message);
        return;
    }
    if (load(c->kv, &o, &err) != ST_OK) {
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
