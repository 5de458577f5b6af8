/* The library "bit": operations on 32-bit integers, whose results are signed. */
#include "base/compiler.h"
#include "services/script/lua_libs.h"

#include <lauxlib.h>
#include <math.h>
#include <stdint.h>

/* A number modulo 2^32, rounded to the nearest. */
static uint32_t arg(lua_State *lua, int i)
{
    lua_Number v = luaL_checknumber(lua, i);
    if (!(fabs(v) < 9e18))
        return 0;
    return (uint32_t)llrint(v);
}

static int result(lua_State *lua, uint32_t v)
{
    lua_pushnumber(lua, (lua_Number)(int32_t)v);
    return 1;
}

static int bit_tobit(lua_State *lua)
{
    return result(lua, arg(lua, 1));
}

static int bit_bnot(lua_State *lua)
{
    return result(lua, ~arg(lua, 1));
}

static int bit_band(lua_State *lua)
{
    uint32_t v = arg(lua, 1);
    for (int i = lua_gettop(lua); i > 1; i--)
        v &= arg(lua, i);
    return result(lua, v);
}

static int bit_bor(lua_State *lua)
{
    uint32_t v = arg(lua, 1);
    for (int i = lua_gettop(lua); i > 1; i--)
        v |= arg(lua, i);
    return result(lua, v);
}

static int bit_bxor(lua_State *lua)
{
    uint32_t v = arg(lua, 1);
    for (int i = lua_gettop(lua); i > 1; i--)
        v ^= arg(lua, i);
    return result(lua, v);
}

static int bit_lshift(lua_State *lua)
{
    uint32_t v = arg(lua, 1), n = arg(lua, 2) & 31;
    return result(lua, v << n);
}

static int bit_rshift(lua_State *lua)
{
    uint32_t v = arg(lua, 1), n = arg(lua, 2) & 31;
    return result(lua, v >> n);
}

static int bit_arshift(lua_State *lua)
{
    int32_t v = (int32_t)arg(lua, 1);
    uint32_t n = arg(lua, 2) & 31;
    return result(lua, (uint32_t)(v >> n));
}

static int bit_rol(lua_State *lua)
{
    uint32_t v = arg(lua, 1), n = arg(lua, 2) & 31;
    return result(lua, v << n | v >> ((32 - n) & 31));
}

static int bit_ror(lua_State *lua)
{
    uint32_t v = arg(lua, 1), n = arg(lua, 2) & 31;
    return result(lua, v >> n | v << ((32 - n) & 31));
}

static int bit_bswap(lua_State *lua)
{
    return result(lua, __builtin_bswap32(arg(lua, 1)));
}

/* tohex(x [, digits]): less than eight from the right, upper case when negative. */
static int bit_tohex(lua_State *lua)
{
    const char *digits = "0123456789abcdef";
    uint32_t v = arg(lua, 1);
    int32_t n = lua_isnone(lua, 2) ? 8 : (int32_t)arg(lua, 2);
    if (n < 0) {
        digits = "0123456789ABCDEF";
        n = n == INT32_MIN ? 8 : -n;
    }
    if (n > 8)
        n = 8;
    char text[8];
    for (int i = n - 1; i >= 0; i--, v >>= 4)
        text[i] = digits[v & 15];
    lua_pushlstring(lua, text, (size_t)n);
    return 1;
}

int script_open_bit(lua_State *lua)
{
    static const struct luaL_Reg functions[] = {
        {"tobit", bit_tobit},   {"bnot", bit_bnot},
        {"band", bit_band},     {"bor", bit_bor},
        {"bxor", bit_bxor},     {"lshift", bit_lshift},
        {"rol", bit_rol},       {"ror", bit_ror},
        {"rshift", bit_rshift}, {"arshift", bit_arshift},
        {"tohex", bit_tohex},   {"bswap", bit_bswap},
        {NULL, NULL},
    };
    lua_createtable(lua, 0, (int)COUNT_OF(functions));
    luaL_register(lua, NULL, functions);
    return 1;
}
