/* Tables that scripts may read and never write.
 *
 *   what a script sees        empty table --metatable--> __index    = the table itself
 *                                                        __newindex = an error
 *                                                        [real]     = the table itself, for the functions below
 *                                                        [shown]    = what getmetatable answers (a view, too), or false
 *
 * Lua's functions that go past metatables are replaced by ones that see through a view when they read, and refuse it when
 * they write. The table itself never gets into a script's hands. */
#include "base/compiler.h"
#include "services/script/script_priv.h"

#include <lauxlib.h>
#include <lualib.h>

/* Their addresses are the keys. */
static char real, shown;

static const char read_only[] = "Attempt to modify a readonly table";

/* An assignment of the script's code: the error tells the line. */
static int refuse_assignment(lua_State *lua)
{
    return luaL_error(lua, "%s", read_only);
}

/* A function that would write. */
static int refuse(lua_State *lua)
{
    lua_pushstring(lua, read_only);
    return lua_error(lua);
}

static void raw_get_key(lua_State *lua, int table, char *key)
{
    lua_pushlightuserdata(lua, key);
    lua_rawget(lua, table < 0 ? table - 1 : table);
}

static void raw_set_key(lua_State *lua, int table, char *key)
{
    lua_pushlightuserdata(lua, key);
    lua_insert(lua, -2);
    lua_rawset(lua, table < 0 ? table - 1 : table);
}

void script__guard(lua_State *lua)
{
    luaL_checkstack(lua, 6, "guard");
    int at = lua_gettop(lua);
    lua_newtable(lua); /* the view */
    lua_newtable(lua); /* its metatable */
    lua_pushvalue(lua, at);
    raw_set_key(lua, at + 2, &real);
    lua_pushvalue(lua, at);
    lua_setfield(lua, at + 2, "__index");
    lua_pushcfunction(lua, refuse_assignment);
    lua_setfield(lua, at + 2, "__newindex");
    if (lua_getmetatable(lua, at))
        script__guard(lua);
    else
        lua_pushboolean(lua, 0);
    raw_set_key(lua, at + 2, &shown);
    lua_setmetatable(lua, at + 1);
    lua_replace(lua, at);
}

bool script__guarded(lua_State *lua, int i)
{
    if (LIKELY(!lua_istable(lua, i) || !lua_getmetatable(lua, i)))
        return false;
    raw_get_key(lua, -1, &real);
    lua_remove(lua, -2);
    if (lua_istable(lua, -1))
        return true;
    lua_pop(lua, 1);
    return false;
}

/* -- Functions of Lua that respect the views ----------------------------------------------------------------------------- */

static int guard_setmetatable(lua_State *lua)
{
    int type = lua_type(lua, 2);
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_argcheck(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
    if (script__guarded(lua, 1))
        return refuse(lua);
    if (luaL_getmetafield(lua, 1, "__metatable"))
        return luaL_error(lua, "cannot change a protected metatable");
    lua_settop(lua, 2);
    lua_setmetatable(lua, 1);
    return 1;
}

static int guard_getmetatable(lua_State *lua)
{
    luaL_checkany(lua, 1);
    if (!lua_getmetatable(lua, 1)) {
        lua_pushnil(lua);
        return 1;
    }
    raw_get_key(lua, -1, &shown);
    if (!lua_isnil(lua, -1)) {
        if (!lua_istable(lua, -1))
            lua_pushnil(lua);
        return 1;
    }
    lua_pop(lua, 1);
    luaL_getmetafield(lua, 1, "__metatable"); /* pushed only when it is there */
    return 1;
}

static int guard_rawset(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    luaL_checkany(lua, 3);
    lua_settop(lua, 3);
    if (script__guarded(lua, 1))
        return refuse(lua);
    lua_rawset(lua, 1);
    return 1;
}

static int guard_rawget(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    lua_settop(lua, 2);
    if (script__guarded(lua, 1))
        lua_replace(lua, 1);
    lua_rawget(lua, 1);
    return 1;
}

static int guard_next(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 2);
    if (script__guarded(lua, 1))
        lua_replace(lua, 1);
    if (lua_next(lua, 1))
        return 2;
    lua_pushnil(lua);
    return 1;
}

/* The function to walk with is an upvalue. */
static int guard_pairs(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_pushvalue(lua, 1);
    lua_pushnil(lua);
    return 3;
}

static int guard_insert(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    if (script__guarded(lua, 1))
        return refuse(lua);
    int end = (int)lua_objlen(lua, 1) + 1;
    int at = end;
    if (lua_gettop(lua) == 3) {
        at = luaL_checkint(lua, 2);
        if (at > end)
            end = at;
        for (int i = end; i > at; i--) {
            lua_rawgeti(lua, 1, i - 1);
            lua_rawseti(lua, 1, i);
        }
    } else if (lua_gettop(lua) != 2) {
        return luaL_error(lua, "wrong number of arguments to 'insert'");
    }
    lua_rawseti(lua, 1, at);
    return 0;
}

/* Level 0 would be the globals of every script to come. */
static int guard_setfenv(lua_State *lua)
{
    luaL_checktype(lua, 2, LUA_TTABLE);
    if (lua_type(lua, 1) == LUA_TNUMBER && lua_tointeger(lua, 1) == 0)
        return refuse(lua);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    if (lua_isnumber(lua, 2)) {
        lua_Integer level = lua_tointeger(lua, 2);
        lua_Debug ar;
        luaL_argcheck(lua, level > 0, 1, "level must be non-negative");
        /* The caller's levels, not ours: the function goes in their place. */
        if (!lua_getstack(lua, (int)level, &ar))
            return luaL_argerror(lua, 1, "invalid level");
        lua_getinfo(lua, "f", &ar);
        lua_replace(lua, 2);
    }
    lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
    return lua_gettop(lua);
}

/* -- Loading: text only, because compiled code can break out of the interpreter -------------------------------------------- */

static int load_result(lua_State *lua, int status)
{
    if (status == 0)
        return 1;
    lua_pushnil(lua);
    lua_insert(lua, -2);
    return 2;
}

static int guard_loadstring(lua_State *lua)
{
    size_t n;
    const char *s = luaL_checklstring(lua, 1, &n);
    const char *name = luaL_optstring(lua, 2, s);
    if (n > 0 && s[0] == LUA_SIGNATURE[0]) {
        lua_pushliteral(lua, "compiled code cannot be loaded");
        return load_result(lua, LUA_ERRSYNTAX);
    }
    return load_result(lua, luaL_loadbuffer(lua, s, n, name));
}

static const char *read_piece(lua_State *lua, void *arg, size_t *n)
{
    bool *begun = arg;
    luaL_checkstack(lua, 2, "too many nested functions");
    lua_pushvalue(lua, 1);
    lua_call(lua, 0, 1);
    if (lua_isnil(lua, -1)) {
        *n = 0;
        return NULL;
    }
    if (!lua_isstring(lua, -1))
        luaL_error(lua, "reader function must return a string");
    lua_replace(lua, 3); /* where it is safe until the next piece */
    const char *piece = lua_tolstring(lua, 3, n);
    if (!*begun && *n > 0 && piece[0] == LUA_SIGNATURE[0])
        luaL_error(lua, "compiled code cannot be loaded");
    *begun |= *n > 0;
    return piece;
}

static int guard_load(lua_State *lua)
{
    bool begun = false;
    luaL_checktype(lua, 1, LUA_TFUNCTION);
    const char *name = luaL_optstring(lua, 2, "=(load)");
    lua_settop(lua, 3);
    return load_result(lua, lua_load(lua, read_piece, &begun, name));
}

/* Errors are tables here; scripts that know strings get the text. */
static int guard_pcall(lua_State *lua)
{
    luaL_checkany(lua, 1);
    int status = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0);
    if (status != 0 && lua_istable(lua, -1)) {
        lua_getfield(lua, -1, "err");
        if (lua_isstring(lua, -1))
            lua_replace(lua, -2);
        /* else it is one result more: so it has always been */
    }
    luaL_checkstack(lua, 1, "too many results");
    lua_pushboolean(lua, status == 0);
    lua_insert(lua, 1);
    return lua_gettop(lua);
}

/* The metatable of strings is one for all scripts. */
static void guard_strings(lua_State *lua)
{
    lua_pushliteral(lua, "");
    lua_getmetatable(lua, -1);
    int at = lua_gettop(lua);
    lua_newtable(lua);
    lua_getglobal(lua, LUA_STRLIBNAME);
    script__guard(lua);
    lua_setfield(lua, -2, "__index");
    script__guard(lua);
    raw_set_key(lua, at, &shown);
    lua_pop(lua, 2);
}

void script__guard_functions(lua_State *lua)
{
    static const struct luaL_Reg functions[] = {
        {"setmetatable", guard_setmetatable},
        {"getmetatable", guard_getmetatable},
        {"rawset", guard_rawset},
        {"rawget", guard_rawget},
        {"next", guard_next},
        {"loadstring", guard_loadstring},
        {"load", guard_load},
        {"pcall", guard_pcall},
    };
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        lua_pushcfunction(lua, functions[i].func);
        lua_setglobal(lua, functions[i].name);
    }
    lua_getglobal(lua, "next");
    lua_pushcclosure(lua, guard_pairs, 1);
    lua_setglobal(lua, "pairs");
    lua_getglobal(lua, "setfenv");
    lua_pushcclosure(lua, guard_setfenv, 1);
    lua_setglobal(lua, "setfenv");
    lua_getglobal(lua, LUA_TABLIBNAME);
    lua_pushcfunction(lua, guard_insert);
    lua_setfield(lua, -2, "insert");
    lua_pop(lua, 1);
    guard_strings(lua);
}
