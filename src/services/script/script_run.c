/* One script from its checks to its answer.
 *
 *   check -> running -> (over busy-reply-threshold: slow) -> answer
 *                            |  the loop is run from inside the script, so that others get -BUSY and may kill it
 *                            +-> killed: an error that no pcall holds back
 */
#include "base/clock.h"
#include "base/log.h"
#include "event/loop.h"
#include "services/script/debugger_priv.h"
#include "services/script/script.h"
#include "services/script/script_priv.h"
#include "session/dispatch.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#include <inttypes.h>
#include <lauxlib.h>

#define HOOK_EVERY 100000 /* instructions of Lua */

static const char busy_eval[] =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
static const char busy_function[] =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";

struct script_run *script__running;

bool script_running(void)
{
    return script__running != NULL;
}

/* -- Flags --------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned flag;
} flags_by_name[] = {
    {"no-writes", SCRIPT_NO_WRITES},
    {"allow-oom", SCRIPT_ALLOW_OOM},
    {"allow-stale", SCRIPT_ALLOW_STALE},
    {"no-cluster", SCRIPT_NO_CLUSTER},
    {"allow-cross-slot-keys", SCRIPT_ALLOW_CROSS_SLOT},
};

unsigned script__flag(struct slice name, bool nocase)
{
    for (size_t i = 0; i < COUNT_OF(flags_by_name); i++)
        if (nocase ? slice_is(name, flags_by_name[i].name)
                   : slice_eq(name, slice_str(flags_by_name[i].name)))
            return flags_by_name[i].flag;
    return 0;
}

const char *script__flag_name(unsigned flag)
{
    for (size_t i = 0; i < COUNT_OF(flags_by_name); i++)
        if (flags_by_name[i].flag == flag)
            return flags_by_name[i].name;
    return NULL;
}

unsigned script__call_flags(const struct call *c, unsigned flags)
{
    unsigned f = c->cmd->flags;
    if (flags & SCRIPT_UNDECLARED)
        return f;
    f &= ~(unsigned)(CMD_STALE | CMD_DENYOOM | CMD_WRITE | CMD_MAY_REPLICATE);
    if (!(flags & (SCRIPT_ALLOW_OOM | SCRIPT_NO_WRITES)))
        f |= CMD_DENYOOM;
    if (!(flags & SCRIPT_NO_WRITES))
        f |= CMD_WRITE;
    if (flags & SCRIPT_ALLOW_STALE)
        f |= CMD_STALE;
    return f;
}

/* -- A script that takes long -------------------------------------------------------------------------------------------- */

static void become_slow(struct script_run *r, int64_t ms)
{
    log_warning(LOG_SESSION,
                "Slow script detected: still in execution after %" PRId64
                " milliseconds. You can try killing the script using the %s command. Script name "
                "is: %s.",
                ms, r->eval ? "SCRIPT KILL" : "FUNCTION KILL", r->name);
    r->slow = true;
    dispatch_set_busy(r->eval ? busy_eval : busy_function);
}

static void on_count(lua_State *lua, lua_Debug *ar)
{
    struct script_run *r = script__running;
    if (!r)
        return; /* a coroutine that a library has kept from a former run */
    if (!r->slow) {
        int64_t ms = (clock_mono_us() - r->start_us) / 1000;
        if (ms < script_opts.busy_threshold_ms)
            return;
        become_slow(r, ms);
    }
    loop_poll(lifecycle.loop);
    if (!r->killed)
        return;
    log_notice(LOG_SESSION, "Lua script killed by user with SCRIPT KILL.");
    /* From now on at every line, so that a pcall around it gets no further. */
    lua_sethook(lua, on_count, LUA_MASKLINE, 0);
    script__raise(lua, "Script killed by user with SCRIPT KILL...");
}

void script__kill(struct call *c, bool eval)
{
    struct script_run *r = script__running;
    if (!r)
        reply_error(c, "NOTBUSY No scripts in execution right now.");
    else if (r->wrote)
        reply_error(c, "UNKILLABLE Sorry the script already executed write commands against the "
                       "dataset. You can either wait the script termination or kill the server in "
                       "a hard way using the SHUTDOWN NOSAVE command.");
    else if (eval != r->eval)
        reply_error(c, r->eval ? busy_eval : busy_function);
    else {
        r->killed = true;
        reply_ok(c);
    }
}

bool script__refuse_nested(struct call *c)
{
    if (LIKELY(!script__running))
        return false;
    reply_error(c, "ERR This Redis command is not allowed from script");
    return true;
}

/* -- Checks -------------------------------------------------------------------------------------------------------------- */

bool script__check_keys(struct call *c, int64_t nkeys, struct script_keys *out)
{
    int most = c->argc - 3;
    if (nkeys > most) {
        reply_error(c, "ERR Number of keys can't be greater than number of args");
        return false;
    }
    if (nkeys < 0) {
        reply_error(c, "ERR Number of keys can't be negative");
        return false;
    }
    *out = (struct script_keys){.keys = c->argv + 3,
                                .args = c->argv + 3 + nkeys,
                                .nkeys = (int)nkeys,
                                .nargs = most - (int)nkeys};
    return true;
}

/* What a script must not do now; one that does not declare its flags is stopped by what it calls. True: answered. */
static bool refuse(struct call *c, unsigned flags, bool read_only)
{
    struct error why = {.message = ""};
    if (flags & SCRIPT_UNDECLARED) {
        if (!dispatch_stale(c->s))
            return false;
        reply_error(c, DISPATCH_STALE_TEXT);
        return true;
    }
    if (!(flags & SCRIPT_ALLOW_STALE) && dispatch_stale(c->s)) {
        reply_error(c,
                    "MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' "
                    "and 'allow-stale' flag is not set on the script.");
        return true;
    }
    if (!(flags & SCRIPT_NO_WRITES)) {
        if (kv_write_refused(c->kv, &why)) {
            reply_errorf(c,
                         "MISCONF Redis is configured to persist data to AOF, but it's currently "
                         "unable to persist to disk. Writable scripts are blocked. Use 'no-writes' "
                         "flag for read only scripts. AOF error: %s",
                         why.message);
            return true;
        }
        if (read_only) {
            reply_error(c, "ERR Can not execute a script with write flag using *_ro command.");
            return true;
        }
        if (dispatch_read_only(c->s)) {
            reply_error(c, "READONLY Can not run script with write flag on readonly replica");
            return true;
        }
        if (dispatch_no_replicas()) {
            reply_error(c, dispatch_no_replicas());
            return true;
        }
    }
    if (dispatch_over_memory() && !(flags & (SCRIPT_ALLOW_OOM | SCRIPT_NO_WRITES)) &&
        !(c->s->flags & SESS_ALLOW_OOM)) {
        reply_error(c, "OOM allow-oom flag is not set on the script, can not run it when used "
                       "memory > 'maxmemory'");
        return true;
    }
    return false;
}

/* -- Running ------------------------------------------------------------------------------------------------------------- */

static void push_words(lua_State *lua, const struct slice *words, int n)
{
    lua_createtable(lua, n, 0);
    for (int i = 0; i < n; i++) {
        lua_pushlstring(lua, words[i].p, words[i].n);
        lua_rawseti(lua, -2, i + 1);
    }
}

static struct slice error_field(lua_State *lua, const char *name)
{
    struct slice s = SLICE_NULL;
    lua_pushstring(lua, name);
    lua_rawget(lua, -2);
    if (lua_isstring(lua, -1))
        s.p = lua_tolstring(lua, -1, &s.n);
    lua_pop(lua, 1); /* the table still holds it */
    if (s.p)
        s.n = strlen(s.p); /* up to a NUL, as Redis has it */
    return s;
}

/* The error on top, as "CODE message script: name, on @user_script:line." */
static void answer_error(struct call *c, lua_State *lua, const struct script_run *r)
{
    struct buf b = BUF_INIT;
    if (!lua_istable(lua, -1)) {
        buf_printf(&b, "ERR Error running script %s, %.100s", r->name,
                   lua_isstring(lua, -1) ? lua_tostring(lua, -1) : "execution failure");
        script__reply_error(c, buf_slice(&b), false);
        buf_free(&b);
        return;
    }
    struct slice text = error_field(lua, "err"), source = error_field(lua, "source");
    lua_pushliteral(lua, "line");
    lua_rawget(lua, -2);
    int line = lua_isnumber(lua, -1) ? (int)lua_tointeger(lua, -1) : 0;
    bool located = source.p && lua_isnumber(lua, -1);
    lua_pop(lua, 1);
    lua_pushliteral(lua, "ignore_error_stats_update");
    lua_rawget(lua, -2);
    bool counted = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    buf_put_slice(&b, text.p ? text : SLICE("ERR unknown error"));
    if (located)
        buf_printf(&b, " script: %s, on %.*s:%d.", r->name, SLICE_FMT(source), line);
    script__reply_error(c, buf_slice(&b), counted);
    buf_free(&b);
}

/* On the stack: the function, for functions its two arguments. */
static void run(struct script_env *e, struct script_run *r)
{
    lua_State *lua = e->lua;
    struct session *s = r->call->s;
    int db = s->db;
    bool denied_before = (s->flags & SESS_DENY_BLOCKING) != 0;
    s->flags |= SESS_DENY_BLOCKING;
    script__running = r;
    bool debug = script__debug_active();
    bool hooked = script_opts.busy_threshold_ms > 0 || debug;
    if (debug)
        lua_sethook(lua, script__debug_hook, LUA_MASKLINE | LUA_MASKCOUNT, HOOK_EVERY);
    else if (hooked)
        lua_sethook(lua, on_count, LUA_MASKCOUNT, HOOK_EVERY);
    int status = lua_pcall(lua, r->eval ? 0 : 2, 1, SCRIPT_AT_HANDLER);
    if (hooked)
        lua_sethook(lua, NULL, 0, 0);
    script__running = NULL;
    if (r->slow)
        dispatch_set_busy(NULL);
    if (!denied_before)
        s->flags &= ~(uint32_t)SESS_DENY_BLOCKING;
    s->db = db;
    if (UNLIKELY(debug))
        script__debug_over();
    if (status == 0)
        script__reply(r->call, lua, r->resp);
    else
        answer_error(r->call, lua, r);
    lua_settop(lua, SCRIPT_AT_ARGV);
}

void script__run(struct script_env *e, struct call *c, const char *name, int ref, unsigned flags,
                 bool eval, bool read_only, const struct script_keys *keys)
{
    call_no_propagate(c);
    if (refuse(c, flags, read_only))
        return;
    bool declared = !(flags & SCRIPT_UNDECLARED);
    struct script_run r = {.call = c,
                           .name = name,
                           .eval = eval,
                           .read_only = read_only || (declared && (flags & SCRIPT_NO_WRITES)),
                           .allow_oom = (declared && (flags & SCRIPT_ALLOW_OOM)) ||
                                        (c->s->flags & SESS_ALLOW_OOM),
                           .resp = 2,
                           .repl = SCRIPT_REPL_AOF | SCRIPT_REPL_REPLICA,
                           .start_us = clock_mono_us()};
    lua_State *lua = e->lua;
    if (eval) {
        lua_pushvalue(lua, SCRIPT_AT_KEYS);
        push_words(lua, keys->keys, keys->nkeys);
        lua_rawset(lua, SCRIPT_AT_GLOBALS);
        lua_pushvalue(lua, SCRIPT_AT_ARGV);
        push_words(lua, keys->args, keys->nargs);
        lua_rawset(lua, SCRIPT_AT_GLOBALS);
        lua_rawgeti(lua, LUA_REGISTRYINDEX, ref);
        /* A former call may have given the function other globals. */
        lua_pushvalue(lua, SCRIPT_AT_VIEW);
        lua_setfenv(lua, -2);
    } else {
        lua_rawgeti(lua, LUA_REGISTRYINDEX, ref);
        push_words(lua, keys->keys, keys->nkeys);
        push_words(lua, keys->args, keys->nargs);
    }
    run(e, &r);
}
