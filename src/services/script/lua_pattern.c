/* Patterns within bounds. Lua 5.1 matches with a call for each repetition sign of the pattern, however many there are: a pattern
 * made of enough of them would overflow the stack. */
#include "base/compiler.h"
#include "services/script/script_priv.h"

#include <lauxlib.h>
#include <string.h>

#define REPETITIONS_MAX 2000

static size_t repetitions(const char *p, size_t n)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += p[i] == '*' || p[i] == '+' || p[i] == '-' || p[i] == '?';
    return found;
}

static void check(lua_State *lua)
{
    size_t n = 0;
    const char *p = lua_isstring(lua, 2) ? lua_tolstring(lua, 2, &n) : NULL;
    if (n > REPETITIONS_MAX && repetitions(p, n) > REPETITIONS_MAX)
        luaL_error(lua, "pattern too complex");
}

/* Upvalue 1 is the library's function. */
static int bounded(lua_State *lua)
{
    check(lua);
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

static int bounded_find(lua_State *lua)
{
    bool plain = lua_toboolean(lua, 4);
    if (!plain)
        check(lua);
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

void script__bound_patterns(lua_State *lua)
{
    static const char *const names[] = {"find", "match", "gmatch", "gfind", "gsub"};
    lua_getglobal(lua, "string");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        lua_getfield(lua, -1, names[i]);
        lua_pushcclosure(lua, i == 0 ? bounded_find : bounded, 1);
        lua_setfield(lua, -2, names[i]);
    }
    lua_pop(lua, 1);
}
