/* What scripts decode from hostile bytes: JSON, MessagePack, packed structs. The first byte says which. What they
 * give is encoded again; of JSON that can be decoded, and encoded a third time it is as long as before. */
#include "services/script/lua_libs.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static lua_State *open_state(void)
{
    lua_State *lua = luaL_newstate();
    if (!lua)
        abort();
    lua_pushcfunction(lua, luaopen_base);
    lua_call(lua, 0, 0);
    script_open_cjson(lua);
    lua_setglobal(lua, "cjson");
    script_open_cmsgpack(lua);
    lua_setglobal(lua, "cmsgpack");
    script_open_struct(lua);
    lua_setglobal(lua, "struct");
    /* Tables have no order, so lengths are compared. MessagePack packs what is too deep as nil, even keys of maps. */
    static const char code[] =
        "function round(encode, decode, s)\n"
        "  local ok, v = pcall(decode, s)\n"
        "  if not ok or v == nil then return true end\n"
        "  local ok2, again = pcall(encode, v)\n"
        "  if not ok2 then return true end\n"
        "  local ok3, third = pcall(function() return encode(decode(again)) end)\n"
        "  return encode ~= cjson.encode or (ok3 and #third == #again)\n"
        "end\n"
        "function json(s) return round(cjson.encode, cjson.decode, s) end\n"
        "function pack(s) pcall(cmsgpack.unpack, s) pcall(cmsgpack.unpack_one, s, 1)\n"
        "  return round(cmsgpack.pack, cmsgpack.unpack, s) end\n"
        "function bytes(format, s) pcall(struct.unpack, format, s) pcall(struct.size, format)\n"
        "  pcall(struct.pack, format, 1, 2, s, 3, s) return true end\n";
    if (luaL_loadbuffer(lua, code, sizeof code - 1, "=fuzz") || lua_pcall(lua, 0, 0, 0))
        abort();
    return lua;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const functions[] = {"json", "pack", "bytes"};
    static lua_State *lua;
    if (!lua)
        lua = open_state();
    if (size == 0)
        return 0;
    int which = data[0] % 3;
    const char *p = (const char *)data + 1;
    size_t n = size - 1, format = 0;
    lua_getglobal(lua, functions[which]);
    if (which == 2) { /* up to a line's end: the format */
        while (format < n && p[format] != '\n')
            format++;
        lua_pushlstring(lua, p, format);
        p += format;
        n -= format;
    }
    lua_pushlstring(lua, p, n);
    if (lua_pcall(lua, which == 2 ? 2 : 1, 1, 0) || !lua_toboolean(lua, -1))
        abort();
    lua_settop(lua, 0);
    return 0;
}
