/* A Lua state: its memory, its libraries, what scripts see of them, and what happens to errors. */
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "services/script/lua_libs.h"
#include "services/script/script_priv.h"

#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdlib.h>

/* In the registry of a state for functions: the metatable of what scripts see as globals, and the globals of a library
 * while it loads. Their addresses are the keys. */
static char view_metatable, loading_globals;

static void *allocate(void *arg, void *p, size_t old, size_t n)
{
    struct script_env *e = arg;
    if (n == 0) {
        e->bytes -= old;
        mem_free(p);
        return NULL;
    }
    void *fresh = mem_try_realloc(p, n);
    if (fresh)
        e->bytes = e->bytes - old + n;
    return fresh;
}

/* An error outside of any protected call: only memory can do that. */
static int panic(lua_State *lua)
{
    log_warning(LOG_SESSION, "Lua cannot go on: %s",
                lua_isstring(lua, -1) ? lua_tostring(lua, -1) : "unknown error");
    abort();
}

/* -- Errors -------------------------------------------------------------------------------------------------------------- */

/* Pushes what tostring() gives for what is no table. */
static void push_text(lua_State *lua, int i)
{
    if (lua_isstring(lua, i))
        lua_pushvalue(lua, i);
    else if (lua_isnil(lua, i))
        lua_pushliteral(lua, "nil");
    else if (lua_isboolean(lua, i))
        lua_pushstring(lua, lua_toboolean(lua, i) ? "true" : "false");
    else
        lua_pushfstring(lua, "%s: %p", luaL_typename(lua, i), lua_topointer(lua, i));
}

/* Makes a table of whatever was raised, and adds where: of the function that raised it, or of its caller when that is C. */
static int on_error(lua_State *lua)
{
    lua_Debug ar;
    lua_settop(lua, 1);
    if (!lua_istable(lua, 1)) {
        lua_newtable(lua);
        lua_pushliteral(lua, "ERR ");
        push_text(lua, 1);
        lua_concat(lua, 2);
        lua_setfield(lua, 2, "err");
        lua_replace(lua, 1);
    }
    bool found = lua_getstack(lua, 1, &ar) && lua_getinfo(lua, "Sl", &ar);
    if (found && strcmp(ar.what, "C") == 0)
        found = lua_getstack(lua, 2, &ar) && lua_getinfo(lua, "Sl", &ar);
    if (!found || script__guarded(lua, 1))
        return 1;
    lua_pushliteral(lua, "source");
    lua_pushstring(lua, ar.source);
    lua_rawset(lua, 1);
    lua_pushliteral(lua, "line");
    lua_pushinteger(lua, ar.currentline);
    lua_rawset(lua, 1);
    return 1;
}

static int no_such_global(lua_State *lua)
{
    if (lua_gettop(lua) != 2 || !lua_isstring(lua, 2))
        return luaL_error(lua, "Script attempted to access a nonexistent global variable");
    return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'",
                      lua_tostring(lua, 2));
}

/* Reading what the table on top does not have is an error from now on. */
static void strict(lua_State *lua)
{
    lua_newtable(lua);
    lua_pushcfunction(lua, no_such_global);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
}

/* -- Random numbers: the 48-bit generator of POSIX, the same everywhere ---------------------------------------------------- */

static unsigned short random_state[3];

static int math_random(lua_State *lua)
{
    lua_Number r = (lua_Number)(nrand48(random_state) % INT32_MAX) / INT32_MAX;
    switch (lua_gettop(lua)) {
    case 0:
        lua_pushnumber(lua, r);
        return 1;
    case 1: {
        int to = luaL_checkint(lua, 1);
        luaL_argcheck(lua, to >= 1, 1, "interval is empty");
        lua_pushnumber(lua, floor(r * to) + 1);
        return 1;
    }
    case 2: {
        int from = luaL_checkint(lua, 1), to = luaL_checkint(lua, 2);
        luaL_argcheck(lua, from <= to, 2, "interval is empty");
        lua_pushnumber(lua, floor(r * ((lua_Number)to - from + 1)) + from);
        return 1;
    }
    default:
        return luaL_error(lua, "wrong number of arguments");
    }
}

static int math_randomseed(lua_State *lua)
{
    uint32_t seed = (uint32_t)luaL_checkint(lua, 1);
    random_state[0] = 0x330e;
    random_state[1] = (unsigned short)(seed & 0xffff);
    random_state[2] = (unsigned short)(seed >> 16);
    return 0;
}

/* -- Opening ------------------------------------------------------------------------------------------------------------- */

static void open_library(lua_State *lua, const char *name, lua_CFunction open)
{
    lua_pushcfunction(lua, open);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 0);
}

static void open_global(lua_State *lua, const char *name, int (*open)(lua_State *))
{
    open(lua);
    lua_setglobal(lua, name);
}

static void open_libraries(lua_State *lua)
{
    static const char *const files[] = {"dofile", "loadfile", "print"};
    open_library(lua, "", luaopen_base);
    open_library(lua, LUA_TABLIBNAME, luaopen_table);
    open_library(lua, LUA_STRLIBNAME, luaopen_string);
    script__bound_patterns(lua);
    open_library(lua, LUA_MATHLIBNAME, luaopen_math);
    open_global(lua, "bit", script_open_bit);
    open_global(lua, "struct", script_open_struct);
    open_global(lua, "cmsgpack", script_open_cmsgpack);
    open_global(lua, "cjson", script_open_cjson);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        lua_pushnil(lua);
        lua_setglobal(lua, files[i]);
    }
    lua_getglobal(lua, LUA_MATHLIBNAME);
    lua_pushcfunction(lua, math_random);
    lua_setfield(lua, -2, "random");
    lua_pushcfunction(lua, math_randomseed);
    lua_setfield(lua, -2, "randomseed");
    lua_pop(lua, 1);
}

/* Each table among the globals is replaced by a view of it. */
static void guard_libraries(lua_State *lua)
{
    static const char *const names[] = {"table",  "string",   "math",  "coroutine", "bit",
                                        "struct", "cmsgpack", "cjson", "redis"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        lua_getglobal(lua, names[i]);
        script__guard(lua);
        lua_setglobal(lua, names[i]);
    }
}

static void prepare_loading(lua_State *lua)
{
    lua_pushlightuserdata(lua, &loading_globals);
    lua_newtable(lua);
    script__open_redis_loading(lua);
    strict(lua);
    script__guard(lua);
    lua_setfield(lua, -2, "redis");
    strict(lua);
    lua_rawset(lua, LUA_REGISTRYINDEX);
    lua_pushlightuserdata(lua, &view_metatable);
    lua_getmetatable(lua, SCRIPT_AT_VIEW);
    lua_rawset(lua, LUA_REGISTRYINDEX);
}

void script__env_open(struct script_env *e, bool functions)
{
    e->bytes = 0;
    lua_State *lua = e->lua = lua_newstate(allocate, e);
    orbit_assert(lua != NULL);
    (void)lua_atpanic(lua, panic);
    hash_random(random_state, sizeof random_state);

    open_libraries(lua);
    script__guard_functions(lua);
    script__open_redis(lua);
    lua_setglobal(lua, "redis");
    guard_libraries(lua);

    lua_pushcfunction(lua, on_error);
    lua_pushvalue(lua, LUA_GLOBALSINDEX);
    strict(lua);
    lua_pushvalue(lua, -1);
    script__guard(lua);
    lua_pushvalue(lua, SCRIPT_AT_VIEW);
    lua_setglobal(lua, "_G");
    lua_pushliteral(lua, "KEYS");
    lua_pushliteral(lua, "ARGV");
    if (functions)
        prepare_loading(lua);
    /* From here on whatever is compiled has the view as its globals. */
    lua_pushvalue(lua, SCRIPT_AT_VIEW);
    lua_replace(lua, LUA_GLOBALSINDEX);
    orbit_assert(lua_gettop(lua) == SCRIPT_AT_ARGV);
    lua_gc(lua, LUA_GCCOLLECT, 0);
}

void script__env_close(struct script_env *e)
{
    lua_close(e->lua);
    e->lua = NULL;
}

void script__env_loading(struct script_env *e, bool loading)
{
    lua_State *lua = e->lua;
    lua_pushlightuserdata(lua, &view_metatable);
    lua_rawget(lua, LUA_REGISTRYINDEX);
    if (loading) {
        lua_pushlightuserdata(lua, &loading_globals);
        lua_rawget(lua, LUA_REGISTRYINDEX);
    } else {
        lua_pushvalue(lua, SCRIPT_AT_GLOBALS);
    }
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 1);
}

bool script__env_compile(struct script_env *e, struct slice code, const char *chunk_name)
{
    if (code.n > 0 && code.p[0] == LUA_SIGNATURE[0]) {
        lua_pushfstring(e->lua, "%s:1: unexpected symbol near 'char(27)'", chunk_name + 1);
        return false;
    }
    return luaL_loadbuffer(e->lua, code.p, code.n, chunk_name) == 0;
}
