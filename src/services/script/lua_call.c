/* redis.call and redis.pcall: a command from inside a script. Its words are Lua's own strings, its answer is gathered by
 * lua_sink.c, and the checks are those that a script's commands have, in Redis's order. */
#include "base/arena.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/num.h"
#include "services/script/debugger_priv.h"
#include "services/script/script_priv.h"
#include "session/acl.h"
#include "session/dispatch.h"
#include "session/stats.h"

#include <lauxlib.h>

struct words {
    struct slice *v;
    int n;
};

/* Kept between calls. A command that a script calls never runs another script, so one of each is enough. */
static struct words cached;
static struct buf numbers;
static struct arena *arena;

/* -- Arguments ----------------------------------------------------------------------------------------------------------- */

static size_t number_text(lua_Number v, char *text)
{
    if (v >= -9223372036854775808.0 && v < 9223372036854775808.0 && (lua_Number)(int64_t)v == v)
        return num_format_int(text, (int64_t)v);
    return num_format_double(text, v);
}

/* The stack's values as words; pointers are Lua's, valid while they stay on the stack. NULL: the reason. */
static const char *take_words(lua_State *lua, struct slice **argv, int *argc)
{
    int n = lua_gettop(lua);
    if (n == 0)
        return "Please specify at least one argument for this redis lib call";
    if (n > cached.n) {
        cached.v = mem_realloc(cached.v, (size_t)n * sizeof *cached.v);
        cached.n = n;
    }
    size_t from = 0;
    buf_clear(&numbers);
    for (int i = 0; i < n; i++) {
        struct slice *w = &cached.v[i];
        switch (lua_type(lua, i + 1)) {
        case LUA_TSTRING:
            w->p = lua_tolstring(lua, i + 1, &w->n);
            break;
        case LUA_TNUMBER: {
            char text[NUM_BUF];
            w->n = number_text(lua_tonumber(lua, i + 1), text);
            w->p = NULL;
            buf_put(&numbers, text, w->n);
            break;
        }
        default:
            return "Lua redis lib command arguments must be strings or integers";
        }
    }
    for (int i = 0; i < n && numbers.n > 0; i++) { /* the buffer moves no more */
        if (cached.v[i].p)
            continue;
        cached.v[i].p = numbers.p + from;
        from += cached.v[i].n;
    }
    *argv = cached.v;
    *argc = n;
    return NULL;
}

/* -- Checks -------------------------------------------------------------------------------------------------------------- */

static struct slice code_of(struct slice text)
{
    const char *space = memchr(text.p, ' ', text.n);
    return slice_make(text.p, space ? (size_t)(space - text.p) : text.n);
}

/* Pushes the error of a command that was not run, which counts for it. */
static void refuse(lua_State *lua, struct command *cmd, struct slice text)
{
    (void)sess_stats_error(code_of(text));
    if (cmd)
        cmd->rejected++;
    script__push_error(lua, text);
}

/* True: refused, the error is on the stack. */
static bool check_writes(lua_State *lua, struct script_run *r, struct call *c)
{
    struct command *cmd = c->cmd;
    if (r->read_only && (cmd->flags & (CMD_WRITE | CMD_MAY_REPLICATE))) {
        refuse(lua, cmd, SLICE("ERR Write commands are not allowed from read-only scripts."));
        return true;
    }
    /* Halfway through its changes a script is not stopped by what it cannot foresee. */
    if (r->wrote)
        return false;
    if ((cmd->flags & CMD_WRITE) && kv_write_refused(c->kv, NULL)) {
        struct error why = {.message = ""};
        (void)kv_write_refused(c->kv, &why);
        struct buf b = BUF_INIT;
        if (strncmp(why.message, "MISCONF ", 8) != 0)
            buf_put_str(&b, "MISCONF Errors writing to the AOF file: ");
        buf_put_str(&b, why.message);
        refuse(lua, cmd, buf_slice(&b));
        buf_free(&b);
        return true;
    }
    if ((cmd->flags & CMD_WRITE) && dispatch_read_only(c->s)) {
        refuse(lua, cmd, slice_str(dispatch_read_only(c->s)));
        return true;
    }
    if ((cmd->flags & CMD_WRITE) && dispatch_no_replicas()) {
        refuse(lua, cmd, slice_str(dispatch_no_replicas()));
        return true;
    }
    if (!r->allow_oom && (cmd->flags & CMD_DENYOOM) && dispatch_over_memory()) {
        refuse(lua, cmd, SLICE("OOM command not allowed when used memory > 'maxmemory'."));
        return true;
    }
    return false;
}

static bool check_acl(lua_State *lua, struct call *c)
{
    if (acl_unlimited(c->s->user) || acl_check_call(c))
        return false;
    /* It has logged the refusal, counted it, and answered "NOPERM why". */
    struct slice why = script__sink_error();
    size_t code = code_of(why).n + 1;
    struct buf b = BUF_INIT;
    buf_printf(&b, "ERR ACL failure in script: %.*s", (int)(why.n - code), why.p + code);
    c->cmd->rejected++;
    script__push_error(lua, buf_slice(&b));
    buf_free(&b);
    return true;
}

static bool check(lua_State *lua, struct script_run *r, struct call *c)
{
    struct command *cmd = c->cmd;
    if (UNLIKELY(!cmd)) {
        refuse(lua, NULL, SLICE("ERR Unknown Redis command called from script"));
        return true;
    }
    if (UNLIKELY(!command_arity_ok(cmd, c->argc))) {
        refuse(lua, cmd, SLICE("ERR Wrong number of args calling Redis command from script"));
        return true;
    }
    if (UNLIKELY((cmd->flags & CMD_NOSCRIPT) && !dispatch_scripts_may_all())) {
        refuse(lua, cmd, SLICE("ERR This Redis command is not allowed from script"));
        return true;
    }
    if (!(cmd->flags & CMD_STALE) && dispatch_stale(c->s)) {
        refuse(lua, cmd, SLICE("ERR Can not execute the command on a stale replica"));
        return true;
    }
    return check_acl(lua, c) || check_writes(lua, r, c);
}

/* -- Running ------------------------------------------------------------------------------------------------------------- */

static void execute(struct script_run *r, struct call *c)
{
    struct session *s = c->s;
    struct arena *former = s->arena;
    int resp = s->resp;
    bool silent = r->repl == 0;
    s->arena = arena;
    s->resp = r->resp;
    if (UNLIKELY(silent))
        kv_effects_mute(c->kv);
    call_execute(c);
    if (UNLIKELY(silent))
        kv_effects_unmute(c->kv);
    s->resp = resp;
    s->arena = former;
    if (arena_bytes(arena))
        arena_reset(arena);
}

/* Runs a command, leaves the result on the stack. True: it is an error. */
static bool run(lua_State *lua, struct script_run *r, struct slice *argv, int argc)
{
    struct session *s = r->call->s;
    if (UNLIKELY(!arena))
        arena = arena_new(1024);
    struct call c = {.s = s,
                     .cmd = dispatch_find(argv, argc),
                     .argv = argv,
                     .argc = argc,
                     .out = script__sink(r->resp),
                     .kv = s->kv,
                     .db = s->db,
                     .arena = arena,
                     .in_script = true};
    /* The words may fill the stack up to the few places that every C function has left. */
    if (UNLIKELY(check(lua, r, &c)))
        goto refused;
    if (c.cmd->flags & CMD_WRITE)
        r->wrote = true;
    execute(r, &c);
    lua_settop(lua, 0); /* the words are not needed any more */
    struct slice error = script__sink_error();
    if (LIKELY(!error.p)) {
        script__sink_push(lua);
        return false;
    }
    script__push_error(lua, error);
refused:
    /* It is in the statistics already. */
    lua_pushboolean(lua, 1);
    lua_setfield(lua, -2, "ignore_error_stats_update");
    return true;
}

static int call(lua_State *lua, bool raise)
{
    struct script_run *r = script__running;
    if (!r)
        return script__raise(lua, "redis.call/pcall can only be called inside a script invocation");
    struct slice *argv;
    int argc;
    bool error = true;
    const char *why = take_words(lua, &argv, &argc);
    if (UNLIKELY(why != NULL)) {
        lua_settop(lua, 0);
        lua_createtable(lua, 0, 4);
        lua_pushfstring(lua, "ERR %s", why);
        lua_setfield(lua, -2, "err");
    } else {
        bool debug = script__debug_active();
        if (UNLIKELY(debug))
            script__debug_call(argv, argc);
        void *filtered = dispatch_filter_begin(r->call->s, &argc, &argv);
        error = run(lua, r, argv, argc);
        dispatch_filter_end(filtered);
        if (UNLIKELY(debug))
            script__debug_answer(lua, error);
    }
    return error && raise ? lua_error(lua) : 1;
}

int script__redis_call(lua_State *lua)
{
    return call(lua, true);
}

int script__redis_pcall(lua_State *lua)
{
    return call(lua, false);
}

int script__redis_acl_check(lua_State *lua)
{
    struct script_run *r = script__running;
    if (!r)
        return script__raise(lua,
                             "redis.acl_check_cmd can only be called inside a script invocation");
    struct slice *argv;
    int argc;
    const char *why = take_words(lua, &argv, &argc);
    if (why)
        return script__raise(lua, why);
    const struct command *cmd = dispatch_find(argv, argc);
    if (!cmd)
        return script__raise(lua, "Invalid command passed to redis.acl_check_cmd()");
    lua_pushboolean(lua, acl_check(r->call->s->user, cmd, argv, argc, NULL) == ACL_OK);
    return 1;
}
