/* The library "cmsgpack": MessagePack. Several values stand one behind the other.
 *
 * A table is an array when its keys are exactly 1..n (an empty one, too), else a map. Tables deeper than DEPTH_MAX are
 * packed as nil, so that a table that contains itself has an end. Numbers that are integers are packed as such. */
#include "base/buf.h"
#include "base/compiler.h"
#include "base/reader.h"
#include "services/script/lua_libs.h"

#include <lauxlib.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>

#define DEPTH_MAX  16
#define KEEP_BYTES (64 * 1024)

/* Lua's errors leave a function without its end: so the bytes under way are kept here. */
static struct buf out;

/* -- Packing ------------------------------------------------------------------------------------------------------------- */

static char *room(lua_State *lua, size_t n)
{
    if (!buf_try_reserve(&out, n))
        luaL_error(lua, "not enough memory");
    return buf_grow(&out, n);
}

static void put_tagged(lua_State *lua, uint8_t tag, uint64_t v, size_t bytes)
{
    char *at = room(lua, bytes + 1);
    *at++ = (char)tag;
    for (size_t i = bytes; i-- > 0; v >>= 8)
        at[i] = (char)(v & 0xff);
}

/* The shortest of: a tag with the length in it (below small), and tags with 1 (0: none), 2 and 4 bytes of length. */
static void put_length(lua_State *lua, size_t n, size_t small, uint8_t fix, uint8_t tag8,
                       uint8_t tag16)
{
    if (n < small)
        put_tagged(lua, (uint8_t)(fix | n), 0, 0);
    else if (tag8 && n <= UINT8_MAX)
        put_tagged(lua, tag8, n, 1);
    else if (n <= UINT16_MAX)
        put_tagged(lua, tag16, n, 2);
    else if (n <= UINT32_MAX)
        put_tagged(lua, (uint8_t)(tag16 + 1), n, 4);
    else
        luaL_error(lua, "too long for MessagePack");
}

static void put_string(lua_State *lua)
{
    size_t n;
    const char *s = lua_tolstring(lua, -1, &n);
    put_length(lua, n, 32, 0xa0, 0xd9, 0xda);
    if (n)
        memcpy(room(lua, n), s, n);
}

static void put_integer(lua_State *lua, int64_t v)
{
    if (v >= 0) {
        if (v <= 127)
            put_tagged(lua, (uint8_t)v, 0, 0);
        else if (v <= UINT8_MAX)
            put_tagged(lua, 0xcc, (uint64_t)v, 1);
        else if (v <= UINT16_MAX)
            put_tagged(lua, 0xcd, (uint64_t)v, 2);
        else if (v <= UINT32_MAX)
            put_tagged(lua, 0xce, (uint64_t)v, 4);
        else
            put_tagged(lua, 0xcf, (uint64_t)v, 8);
    } else if (v >= -32) {
        put_tagged(lua, (uint8_t)v, 0, 0);
    } else if (v >= INT8_MIN) {
        put_tagged(lua, 0xd0, (uint64_t)v, 1);
    } else if (v >= INT16_MIN) {
        put_tagged(lua, 0xd1, (uint64_t)v, 2);
    } else if (v >= INT32_MIN) {
        put_tagged(lua, 0xd2, (uint64_t)v, 4);
    } else {
        put_tagged(lua, 0xd3, (uint64_t)v, 8);
    }
}

static void put_number(lua_State *lua)
{
    lua_Number v = lua_tonumber(lua, -1);
    if (v >= -9223372036854775808.0 && v < 9223372036854775808.0 && (lua_Number)(int64_t)v == v) {
        put_integer(lua, (int64_t)v);
        return;
    }
    float f = (float)v;
    if ((double)f == v) {
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        put_tagged(lua, 0xca, bits, 4);
    } else {
        uint64_t bits;
        memcpy(&bits, &v, sizeof bits);
        put_tagged(lua, 0xcb, bits, 8);
    }
}

/* Counts the entries of the table on top; *array: its keys are 1..n. */
static size_t measure(lua_State *lua, bool *array)
{
    size_t n = 0;
    lua_Number max = 0;
    *array = true;
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        lua_pop(lua, 1);
        n++;
        if (!*array)
            continue;
        lua_Number k = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : 0;
        if (k <= 0 || k > INT_MAX || floor(k) != k)
            *array = false;
        else if (k > max)
            max = k;
    }
    if (max != (lua_Number)n)
        *array = false;
    return n;
}

static void pack_value(lua_State *lua, int depth);

static void put_table(lua_State *lua, int depth)
{
    bool array;
    luaL_checkstack(lua, 4, "in MessagePack");
    size_t n = measure(lua, &array);
    if (array) {
        put_length(lua, n, 16, 0x90, 0, 0xdc);
        for (size_t i = 1; i <= n; i++) {
            lua_rawgeti(lua, -1, (int)i);
            pack_value(lua, depth + 1);
        }
        return;
    }
    put_length(lua, n, 16, 0x80, 0, 0xde);
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        lua_pushvalue(lua, -2);
        pack_value(lua, depth + 1);
        pack_value(lua, depth + 1);
    }
}

/* Packs the value on top and pops it. */
static void pack_value(lua_State *lua, int depth)
{
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        put_string(lua);
        break;
    case LUA_TBOOLEAN:
        put_tagged(lua, lua_toboolean(lua, -1) ? 0xc3 : 0xc2, 0, 0);
        break;
    case LUA_TNUMBER:
        put_number(lua);
        break;
    case LUA_TTABLE:
        if (depth < DEPTH_MAX) {
            put_table(lua, depth);
            break;
        }
        put_tagged(lua, 0xc0, 0, 0);
        break;
    default:
        put_tagged(lua, 0xc0, 0, 0);
    }
    lua_pop(lua, 1);
}

static int msgpack_pack(lua_State *lua)
{
    int n = lua_gettop(lua);
    if (n == 0)
        return luaL_argerror(lua, 0, "MessagePack pack needs input.");
    luaL_checkstack(lua, 2, "in MessagePack");
    buf_clear(&out);
    for (int i = 1; i <= n; i++) {
        lua_pushvalue(lua, i);
        pack_value(lua, 0);
    }
    lua_pushlstring(lua, out.p, out.n);
    if (out.cap > KEEP_BYTES)
        buf_free(&out);
    return 1;
}

/* -- Unpacking ----------------------------------------------------------------------------------------------------------- */

static void need(lua_State *lua, const struct reader *in, size_t n)
{
    if (reader_left(in) < n)
        luaL_error(lua, "Missing bytes in input.");
}

static uint64_t get(lua_State *lua, struct reader *in, size_t bytes)
{
    uint64_t v = 0;
    need(lua, in, bytes);
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | reader_u8(in);
    return v;
}

static void unpack_value(lua_State *lua, struct reader *in);

static void get_string(lua_State *lua, struct reader *in, uint64_t n)
{
    need(lua, in, (size_t)n);
    struct slice s = reader_bytes(in, (size_t)n);
    lua_pushlstring(lua, s.p, s.n);
}

static void get_array(lua_State *lua, struct reader *in, uint64_t n)
{
    lua_newtable(lua);
    for (uint64_t i = 1; i <= n; i++) {
        unpack_value(lua, in);
        lua_rawseti(lua, -2, (int)i);
    }
}

static void get_map(lua_State *lua, struct reader *in, uint64_t n)
{
    lua_newtable(lua);
    for (uint64_t i = 0; i < n; i++) {
        unpack_value(lua, in);
        unpack_value(lua, in);
        lua_settable(lua, -3);
    }
}

static void get_float(lua_State *lua, struct reader *in)
{
    uint32_t bits = (uint32_t)get(lua, in, 4);
    float v;
    memcpy(&v, &bits, sizeof v);
    lua_pushnumber(lua, v);
}

static void get_double(lua_State *lua, struct reader *in)
{
    uint64_t bits = get(lua, in, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    lua_pushnumber(lua, v);
}

/* A value whose first byte says all about its kind. False: not one of those. */
static bool unpack_tagged(lua_State *lua, struct reader *in, uint8_t tag)
{
    switch (tag) {
    case 0xc0:
        lua_pushnil(lua);
        return true;
    case 0xc2:
    case 0xc3:
        lua_pushboolean(lua, tag == 0xc3);
        return true;
    case 0xca:
        get_float(lua, in);
        return true;
    case 0xcb:
        get_double(lua, in);
        return true;
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
        lua_pushnumber(lua, (lua_Number)get(lua, in, (size_t)1 << (tag - 0xcc)));
        return true;
    case 0xd0:
        lua_pushnumber(lua, (int8_t)get(lua, in, 1));
        return true;
    case 0xd1:
        lua_pushnumber(lua, (int16_t)get(lua, in, 2));
        return true;
    case 0xd2:
        lua_pushnumber(lua, (int32_t)get(lua, in, 4));
        return true;
    case 0xd3:
        lua_pushnumber(lua, (lua_Number)(int64_t)get(lua, in, 8));
        return true;
    case 0xd9:
    case 0xda:
    case 0xdb:
        get_string(lua, in, get(lua, in, (size_t)1 << (tag - 0xd9)));
        return true;
    case 0xdc:
    case 0xdd:
        get_array(lua, in, get(lua, in, tag == 0xdc ? 2 : 4));
        return true;
    case 0xde:
    case 0xdf:
        get_map(lua, in, get(lua, in, tag == 0xde ? 2 : 4));
        return true;
    default:
        return false;
    }
}

/* Pushes the next value. */
static void unpack_value(lua_State *lua, struct reader *in)
{
    luaL_checkstack(lua, 3,
                    "too many return values at once; use unpack_one or unpack_limit instead.");
    uint8_t tag = (uint8_t)get(lua, in, 1);
    if (tag < 0x80)
        lua_pushnumber(lua, tag);
    else if (tag >= 0xe0)
        lua_pushnumber(lua, (int8_t)tag);
    else if (tag < 0x90)
        get_map(lua, in, tag & 15);
    else if (tag < 0xa0)
        get_array(lua, in, tag & 15);
    else if (tag < 0xc0)
        get_string(lua, in, tag & 31);
    else if (!unpack_tagged(lua, in, tag))
        luaL_error(lua, "Bad data format in input.");
}

/* limit 0 and offset 0: all; else the first result is where to go on, -1 at the end. */
static int unpack(lua_State *lua, lua_Integer limit, lua_Integer offset)
{
    size_t n;
    const char *s = luaL_checklstring(lua, 1, &n);
    if (offset < 0 || limit < 0)
        return luaL_error(lua, "Invalid request to unpack with offset of %d and limit of %d.",
                          (int)offset, (int)limit);
    if ((size_t)offset > n)
        return luaL_error(lua, "Start offset %d greater than input length %d.", (int)offset,
                          (int)n);
    bool all = limit == 0 && offset == 0;
    struct reader in = reader_make(slice_make(s + offset, n - (size_t)offset));
    int results = 0;
    while (reader_left(&in) > 0 && (all || results < limit)) {
        unpack_value(lua, &in);
        results++;
    }
    if (all)
        return results;
    luaL_checkstack(lua, 1, "in MessagePack");
    size_t left = reader_left(&in);
    lua_pushnumber(lua, left ? (lua_Number)(n - left) : -1);
    lua_insert(lua, 2);
    return results + 1;
}

static int msgpack_unpack(lua_State *lua)
{
    lua_settop(lua, 1);
    return unpack(lua, 0, 0);
}

static int msgpack_unpack_one(lua_State *lua)
{
    lua_Integer offset = luaL_optinteger(lua, 2, 0);
    lua_settop(lua, 1);
    return unpack(lua, 1, offset);
}

static int msgpack_unpack_limit(lua_State *lua)
{
    lua_Integer limit = luaL_checkinteger(lua, 2);
    lua_Integer offset = luaL_optinteger(lua, 3, 0);
    lua_settop(lua, 1);
    return unpack(lua, limit, offset);
}

int script_open_cmsgpack(lua_State *lua)
{
    static const struct luaL_Reg functions[] = {{"pack", msgpack_pack},
                                                {"unpack", msgpack_unpack},
                                                {"unpack_one", msgpack_unpack_one},
                                                {"unpack_limit", msgpack_unpack_limit},
                                                {NULL, NULL}};
    lua_createtable(lua, 0, 8);
    luaL_register(lua, NULL, functions);
    lua_pushliteral(lua, "cmsgpack");
    lua_setfield(lua, -2, "_NAME");
    lua_pushliteral(lua, "lua-cmsgpack 0.4.0");
    lua_setfield(lua, -2, "_VERSION");
    return 1;
}
