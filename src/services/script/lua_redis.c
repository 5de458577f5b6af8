/* The table "redis" that scripts have: what of it needs no command. Calling commands: lua_call.c. */
#include "base/compiler.h"
#include "base/log.h"
#include "base/version.h"
#include "event/crypto.h"
#include "services/script/debugger_priv.h"
#include "services/script/script_priv.h"

#include <lauxlib.h>
#include <stdio.h>

static struct slice trimmed(struct slice s)
{
    while (s.n > 0 && (s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n'))
        s.n--;
    return s;
}

void script__push_error(lua_State *lua, struct slice text)
{
    text = trimmed(text);
    lua_createtable(lua, 0, 4);
    lua_pushliteral(lua, "err");
    bool coded = text.n > 0 && memchr(text.p, ' ', text.n);
    if (!coded)
        lua_pushliteral(lua, "ERR ");
    lua_pushlstring(lua, text.p, text.n);
    if (!coded)
        lua_concat(lua, 2);
    lua_rawset(lua, -3);
}

static void push_plain_error(lua_State *lua, const char *text)
{
    lua_createtable(lua, 0, 4);
    lua_pushfstring(lua, "ERR %s", text);
    lua_setfield(lua, -2, "err");
}

int script__raise(lua_State *lua, const char *text)
{
    push_plain_error(lua, text);
    return lua_error(lua);
}

/* -- Functions ----------------------------------------------------------------------------------------------------------- */

static int redis_sha1hex(lua_State *lua)
{
    if (lua_gettop(lua) != 1)
        return script__raise(lua, "wrong number of arguments");
    size_t n = 0;
    const char *s = lua_tolstring(lua, 1, &n);
    unsigned char digest[20];
    char hex[41];
    crypto_sha1(s, n, digest);
    crypto_hex(digest, sizeof digest, hex);
    lua_pushlstring(lua, hex, 40);
    return 1;
}

static bool one_string(lua_State *lua)
{
    if (lua_gettop(lua) == 1 && lua_type(lua, 1) == LUA_TSTRING)
        return true;
    push_plain_error(lua, "wrong number or type of arguments");
    return false;
}

static int redis_error_reply(lua_State *lua)
{
    if (!one_string(lua))
        return 1;
    size_t n;
    const char *s = lua_tolstring(lua, 1, &n);
    bool dash = n > 0 && s[0] == '-';
    script__push_error(lua, slice_make(s + dash, n - dash));
    return 1;
}

static int redis_status_reply(lua_State *lua)
{
    if (!one_string(lua))
        return 1;
    lua_createtable(lua, 0, 1);
    lua_pushvalue(lua, 1);
    lua_setfield(lua, -2, "ok");
    return 1;
}

static int redis_log(lua_State *lua)
{
    int n = lua_gettop(lua);
    if (n < 2)
        return script__raise(lua, "redis.log() requires two arguments or more.");
    if (!lua_isnumber(lua, 1))
        return script__raise(lua, "First argument must be a number (log level).");
    lua_Integer level = lua_tointeger(lua, 1);
    if (level < LOG_DEBUG || level > LOG_WARNING)
        return script__raise(lua, "Invalid debug level.");
    luaL_Buffer b;
    luaL_buffinit(lua, &b);
    for (int i = 2; i <= n; i++) {
        if (!lua_isstring(lua, i))
            continue;
        if (i > 2)
            luaL_addchar(&b, ' ');
        lua_pushvalue(lua, i);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    log_write((enum log_level)level, LOG_SESSION, "%s", lua_tostring(lua, -1));
    return 0;
}

static int not_running(lua_State *lua)
{
    return script__raise(lua, "this function can only be called inside a script invocation");
}

static int redis_setresp(lua_State *lua)
{
    if (!script__running)
        return not_running(lua);
    if (lua_gettop(lua) != 1)
        return script__raise(lua, "redis.setresp() requires one argument.");
    lua_Number resp = lua_tonumber(lua, 1);
    if ((int)resp != 2 && (int)resp != 3)
        return script__raise(lua, "RESP version must be 2 or 3.");
    script__running->resp = (int)resp;
    return 0;
}

static int redis_set_repl(lua_State *lua)
{
    if (!script__running)
        return not_running(lua);
    if (lua_gettop(lua) != 1)
        return script__raise(lua, "redis.set_repl() requires one argument.");
    lua_Integer flags = lua_tointeger(lua, 1);
    if (flags & ~(lua_Integer)(SCRIPT_REPL_AOF | SCRIPT_REPL_REPLICA))
        return script__raise(lua,
                             "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or "
                             "REPL_NONE.");
    script__running->repl = (unsigned)flags;
    return 0;
}

/* Effects are replicated command by command, always. */
static int redis_replicate_commands(lua_State *lua)
{
    lua_pushboolean(lua, 1);
    return 1;
}

static int redis_breakpoint(lua_State *lua)
{
    lua_pushboolean(lua, script__debug_break());
    return 1;
}

static int redis_debug(lua_State *lua)
{
    script__debug_say(lua);
    return 0;
}

/* -- The table ----------------------------------------------------------------------------------------------------------- */

static void set_number(lua_State *lua, const char *name, int v)
{
    lua_pushinteger(lua, v);
    lua_setfield(lua, -2, name);
}

static void add_common(lua_State *lua)
{
    int major = 0, minor = 0, patch = 0;
    lua_pushcfunction(lua, redis_log);
    lua_setfield(lua, -2, "log");
    set_number(lua, "LOG_DEBUG", LOG_DEBUG);
    set_number(lua, "LOG_VERBOSE", LOG_VERBOSE);
    set_number(lua, "LOG_NOTICE", LOG_NOTICE);
    set_number(lua, "LOG_WARNING", LOG_WARNING);
    orbit_assert(sscanf(ORBIT_REDIS_VERSION, "%d.%d.%d", &major, &minor, &patch) == 3);
    set_number(lua, "REDIS_VERSION_NUM", major << 16 | minor << 8 | patch);
    lua_pushliteral(lua, ORBIT_REDIS_VERSION);
    lua_setfield(lua, -2, "REDIS_VERSION");
}

void script__open_redis(lua_State *lua)
{
    static const struct luaL_Reg functions[] = {
        {"call", script__redis_call},
        {"pcall", script__redis_pcall},
        {"acl_check_cmd", script__redis_acl_check},
        {"sha1hex", redis_sha1hex},
        {"error_reply", redis_error_reply},
        {"status_reply", redis_status_reply},
        {"setresp", redis_setresp},
        {"set_repl", redis_set_repl},
        {"replicate_commands", redis_replicate_commands},
        {"breakpoint", redis_breakpoint},
        {"debug", redis_debug},
        {NULL, NULL},
    };
    lua_createtable(lua, 0, 32);
    luaL_register(lua, NULL, functions);
    add_common(lua);
    set_number(lua, "REPL_NONE", 0);
    set_number(lua, "REPL_AOF", SCRIPT_REPL_AOF);
    set_number(lua, "REPL_SLAVE", SCRIPT_REPL_REPLICA);
    set_number(lua, "REPL_REPLICA", SCRIPT_REPL_REPLICA);
    set_number(lua, "REPL_ALL", SCRIPT_REPL_AOF | SCRIPT_REPL_REPLICA);
}

void script__open_redis_loading(lua_State *lua)
{
    lua_createtable(lua, 0, 8);
    lua_pushcfunction(lua, script__register_function);
    lua_setfield(lua, -2, "register_function");
    add_common(lua);
}
