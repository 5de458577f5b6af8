/* Lua values as the debugger shows them. */
#include "services/script/debugger_priv.h"

#define DEPTH_MAX 10

static void put_table(struct buf *out, lua_State *lua, int table, int depth)
{
    struct buf plain = BUF_INIT, keyed = BUF_INIT;
    bool array = true;
    lua_Number next = 1;
    if (!lua_checkstack(lua, 4))
        return;
    lua_pushnil(lua);
    while (lua_next(lua, table)) {
        if (lua_type(lua, -2) != LUA_TNUMBER || lua_tonumber(lua, -2) != next++)
            array = false;
        int value = lua_gettop(lua);
        buf_put_str(&plain, plain.n ? "; " : "");
        script__debug_put_value(&plain, lua, value, depth);
        buf_put_str(&keyed, keyed.n ? "; [" : "[");
        script__debug_put_value(&keyed, lua, value - 1, depth);
        buf_put_str(&keyed, "]=");
        script__debug_put_value(&keyed, lua, value, depth);
        lua_pop(lua, 1);
    }
    buf_put_byte(out, '{');
    buf_put_slice(out, array ? buf_slice(&plain) : buf_slice(&keyed));
    buf_put_byte(out, '}');
    buf_free(&plain);
    buf_free(&keyed);
}

/* i: from the bottom of the stack. */
void script__debug_put_value(struct buf *out, lua_State *lua, int i, int depth)
{
    struct slice s;
    if (depth == DEPTH_MAX) {
        buf_put_str(out, "<max recursion level reached! Nested table?>");
        return;
    }
    switch (lua_type(lua, i)) {
    case LUA_TSTRING:
        s.p = lua_tolstring(lua, i, &s.n);
        buf_put_quoted(out, s);
        return;
    case LUA_TBOOLEAN:
        buf_put_str(out, lua_toboolean(lua, i) ? "true" : "false");
        return;
    case LUA_TNUMBER:
        buf_printf(out, "%g", (double)lua_tonumber(lua, i));
        return;
    case LUA_TNIL:
        buf_put_str(out, "nil");
        return;
    case LUA_TTABLE:
        put_table(out, lua, i, depth + 1);
        return;
    case LUA_TLIGHTUSERDATA:
        buf_printf(out, "\"light-userdata@%p\"", lua_topointer(lua, i));
        return;
    default:
        buf_printf(out, "\"%s@%p\"", lua_typename(lua, lua_type(lua, i)), lua_topointer(lua, i));
    }
}
