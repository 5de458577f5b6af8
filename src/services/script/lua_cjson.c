/* The library "cjson", as lua-cjson 2.1 behaves: its table, its configuration, and encoding. Decoding: lua_cjson_decode.c.
 *
 * A table is an array when its keys are integers from 1 on, unless too many are missing (encode_sparse_array); an empty
 * table is an object. cjson.null is a light userdata of NULL. */
#include "base/buf.h"
#include "base/compiler.h"
#include "base/num.h"
#include "services/script/lua_cjson_priv.h"
#include "services/script/lua_libs.h"

#include <lauxlib.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

#define KEEP_BYTES     (64 * 1024)
#define PRECISION_MAX  14
#define NUMBER_TEXT    40
#define EXACT_INTEGERS 1e14 /* below, %.14g prints an integer as it is */

/* Lua's errors leave a function without its end: so the text under way is kept here. */
static struct buf out;

struct script_cjson *script__cjson(lua_State *lua)
{
    return lua_touserdata(lua, lua_upvalueindex(1));
}

/* -- Configuration ------------------------------------------------------------------------------------------------------- */

static struct script_cjson *options(lua_State *lua, int n)
{
    luaL_argcheck(lua, lua_gettop(lua) <= n, n + 1, "found too many arguments");
    lua_settop(lua, n);
    return script__cjson(lua);
}

static int integer_option(lua_State *lua, int i, int *value, int min, int max)
{
    if (!lua_isnil(lua, i)) {
        lua_Integer v = luaL_checkinteger(lua, i);
        char text[64];
        snprintf(text, sizeof text, "expected integer between %d and %d", min, max);
        luaL_argcheck(lua, v >= min && v <= max, 1, text);
        *value = (int)v;
    }
    lua_pushinteger(lua, *value);
    return 1;
}

/* A boolean, or one of words (of which on stands for true). */
static int word_option(lua_State *lua, int i, int *value, const char *const *words)
{
    if (lua_isboolean(lua, i))
        *value = lua_toboolean(lua, i);
    else if (!lua_isnil(lua, i))
        *value = luaL_checkoption(lua, i, NULL, words);
    if (*value <= 1)
        lua_pushboolean(lua, *value);
    else
        lua_pushstring(lua, words[*value]);
    return 1;
}

static const char *const off_on[] = {"off", "on", NULL};

static int cjson_encode_sparse_array(lua_State *lua)
{
    struct script_cjson *cfg = options(lua, 3);
    word_option(lua, 1, &cfg->sparse_convert, off_on);
    integer_option(lua, 2, &cfg->sparse_ratio, 0, INT_MAX);
    integer_option(lua, 3, &cfg->sparse_safe, 0, INT_MAX);
    return 3;
}

static int cjson_encode_max_depth(lua_State *lua)
{
    return integer_option(lua, 1, &options(lua, 1)->encode_max_depth, 1, INT_MAX);
}

static int cjson_decode_max_depth(lua_State *lua)
{
    return integer_option(lua, 1, &options(lua, 1)->decode_max_depth, 1, INT_MAX);
}

static int cjson_encode_number_precision(lua_State *lua)
{
    return integer_option(lua, 1, &options(lua, 1)->precision, 1, PRECISION_MAX);
}

static int cjson_encode_keep_buffer(lua_State *lua)
{
    return word_option(lua, 1, &options(lua, 1)->keep_buffer, off_on);
}

static int cjson_encode_invalid_numbers(lua_State *lua)
{
    static const char *const words[] = {"off", "on", "null", NULL};
    return word_option(lua, 1, &options(lua, 1)->encode_invalid, words);
}

static int cjson_decode_invalid_numbers(lua_State *lua)
{
    return word_option(lua, 1, &options(lua, 1)->decode_invalid, off_on);
}

/* -- Encoding ------------------------------------------------------------------------------------------------------------ */

static void reserve(lua_State *lua, size_t n)
{
    if (!buf_try_reserve(&out, n))
        luaL_error(lua, "not enough memory");
}

static void put(lua_State *lua, const char *p, size_t n)
{
    reserve(lua, n);
    buf_put(&out, p, n);
}

static void refuse(lua_State *lua, int i, const char *why)
{
    luaL_error(lua, "Cannot serialise %s: %s", luaL_typename(lua, i), why);
}

/* What stands for a byte: 0: itself; 'u': \u00XX; else the letter behind a backslash. */
static char escape_of(unsigned char c)
{
    switch (c) {
    case '\b':
        return 'b';
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case '\f':
        return 'f';
    case '\r':
        return 'r';
    case '"':
    case '\\':
    case '/':
        return (char)c;
    case 0x7f:
        return 'u';
    default:
        return c < ' ' ? 'u' : 0;
    }
}

static void put_escaped(lua_State *lua, unsigned char c, char letter)
{
    static const char hex[] = "0123456789abcdef";
    if (letter != 'u') {
        char two[2] = {'\\', letter};
        put(lua, two, sizeof two);
        return;
    }
    char six[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    put(lua, six, sizeof six);
}

static void put_string(lua_State *lua, int i)
{
    size_t n;
    const char *s = lua_tolstring(lua, i, &n);
    put(lua, "\"", 1);
    size_t from = 0;
    for (size_t at = 0; at < n; at++) {
        char letter = escape_of((unsigned char)s[at]);
        if (LIKELY(!letter))
            continue;
        put(lua, s + from, at - from);
        put_escaped(lua, (unsigned char)s[at], letter);
        from = at + 1;
    }
    put(lua, s + from, n - from);
    put(lua, "\"", 1);
}

static void put_number(lua_State *lua, const struct script_cjson *cfg, int i)
{
    lua_Number v = lua_tonumber(lua, i);
    char text[NUM_BUF];
    if (isinf(v) || isnan(v)) {
        if (cfg->encode_invalid == CJSON_INVALID_OFF)
            refuse(lua, i, "must not be NaN or Inf");
        if (cfg->encode_invalid == CJSON_INVALID_NULL) {
            put(lua, "null", 4);
            return;
        }
        if (isnan(v)) {
            put(lua, "nan", 3);
            return;
        }
    }
    size_t n;
    if (cfg->precision == PRECISION_MAX && fabs(v) < EXACT_INTEGERS && floor(v) == v &&
        !(v == 0 && signbit(v)))
        n = num_format_int(text, (int64_t)v);
    else
        n = (size_t)snprintf(text, sizeof text, "%.*g", cfg->precision, v);
    put(lua, text, n);
}

/* Elements of the table on top when it is an array; -1: an object. */
static int array_length(lua_State *lua, const struct script_cjson *cfg)
{
    double max = 0, items = 0;
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        lua_Number k = lua_type(lua, -2) == LUA_TNUMBER ? lua_tonumber(lua, -2) : 0;
        if (k < 1 || floor(k) != k || k > INT_MAX) {
            lua_pop(lua, 2);
            return -1;
        }
        if (k > max)
            max = k;
        items++;
        lua_pop(lua, 1);
    }
    if (cfg->sparse_ratio > 0 && max > items * cfg->sparse_ratio && max > cfg->sparse_safe) {
        if (!cfg->sparse_convert)
            refuse(lua, -1, "excessively sparse array");
        return -1;
    }
    return (int)max;
}

static void put_value(lua_State *lua, const struct script_cjson *cfg, int depth);

static void put_array(lua_State *lua, const struct script_cjson *cfg, int depth, int n)
{
    put(lua, "[", 1);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            put(lua, ",", 1);
        lua_rawgeti(lua, -1, i);
        put_value(lua, cfg, depth);
        lua_pop(lua, 1);
    }
    put(lua, "]", 1);
}

static void put_object(lua_State *lua, const struct script_cjson *cfg, int depth)
{
    bool first = true;
    put(lua, "{", 1);
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        if (!first)
            put(lua, ",", 1);
        first = false;
        int type = lua_type(lua, -2);
        if (type == LUA_TNUMBER) {
            put(lua, "\"", 1);
            put_number(lua, cfg, -2);
            put(lua, "\"", 1);
        } else if (type == LUA_TSTRING) {
            put_string(lua, -2);
        } else {
            refuse(lua, -2, "table key must be a number or string");
        }
        put(lua, ":", 1);
        put_value(lua, cfg, depth);
        lua_pop(lua, 1);
    }
    put(lua, "}", 1);
}

static void put_table(lua_State *lua, const struct script_cjson *cfg, int depth)
{
    if (depth > cfg->encode_max_depth || !lua_checkstack(lua, 4))
        luaL_error(lua, "Cannot serialise, excessive nesting (%d)", depth);
    int n = array_length(lua, cfg);
    if (n > 0)
        put_array(lua, cfg, depth, n);
    else
        put_object(lua, cfg, depth);
}

/* The value on top, which stays there. */
static void put_value(lua_State *lua, const struct script_cjson *cfg, int depth)
{
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        put_string(lua, -1);
        return;
    case LUA_TNUMBER:
        put_number(lua, cfg, -1);
        return;
    case LUA_TBOOLEAN:
        if (lua_toboolean(lua, -1))
            put(lua, "true", 4);
        else
            put(lua, "false", 5);
        return;
    case LUA_TTABLE:
        put_table(lua, cfg, depth + 1);
        return;
    case LUA_TNIL:
        put(lua, "null", 4);
        return;
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(lua, -1)) {
            put(lua, "null", 4);
            return;
        }
        break;
    default:
        break;
    }
    refuse(lua, -1, "type not supported");
}

static int cjson_encode(lua_State *lua)
{
    luaL_argcheck(lua, lua_gettop(lua) == 1, 1, "expected 1 argument");
    buf_clear(&out);
    put_value(lua, script__cjson(lua), 0);
    lua_pushlstring(lua, out.p, out.n);
    if (out.cap > KEEP_BYTES)
        buf_free(&out);
    return 1;
}

/* -- The table ----------------------------------------------------------------------------------------------------------- */

int script_open_cjson(lua_State *lua)
{
    static const struct luaL_Reg functions[] = {
        {"encode", cjson_encode},
        {"decode", script__cjson_decode},
        {"encode_sparse_array", cjson_encode_sparse_array},
        {"encode_max_depth", cjson_encode_max_depth},
        {"decode_max_depth", cjson_decode_max_depth},
        {"encode_number_precision", cjson_encode_number_precision},
        {"encode_keep_buffer", cjson_encode_keep_buffer},
        {"encode_invalid_numbers", cjson_encode_invalid_numbers},
        {"decode_invalid_numbers", cjson_decode_invalid_numbers},
    };
    lua_createtable(lua, 0, (int)COUNT_OF(functions) + 4);
    struct script_cjson *cfg = lua_newuserdata(lua, sizeof *cfg);
    *cfg = (struct script_cjson){.sparse_ratio = 2,
                                 .sparse_safe = 10,
                                 .encode_max_depth = 1000,
                                 .decode_max_depth = 1000,
                                 .keep_buffer = 1,
                                 .decode_invalid = 1,
                                 .precision = PRECISION_MAX};
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        lua_pushvalue(lua, -1);
        lua_pushcclosure(lua, functions[i].func, 1);
        lua_setfield(lua, -3, functions[i].name);
    }
    lua_pop(lua, 1);
    /* A table of its own, with a configuration of its own. */
    lua_pushcfunction(lua, script_open_cjson);
    lua_setfield(lua, -2, "new");
    lua_pushlightuserdata(lua, NULL);
    lua_setfield(lua, -2, "null");
    lua_pushliteral(lua, "cjson");
    lua_setfield(lua, -2, "_NAME");
    lua_pushliteral(lua, "2.1.0");
    lua_setfield(lua, -2, "_VERSION");
    return 1;
}
