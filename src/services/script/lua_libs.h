/* The libraries that scripts have beside Lua's own: bit, struct, cmsgpack, cjson. Each function leaves the library's table on
 * the stack. Pure: no server, no files. */
#ifndef ORBIT_SERVICES_SCRIPT_LUA_LIBS_H
#define ORBIT_SERVICES_SCRIPT_LUA_LIBS_H

#include <lua.h>

int script_open_bit(lua_State *lua);
int script_open_struct(lua_State *lua);
int script_open_cmsgpack(lua_State *lua);
int script_open_cjson(lua_State *lua);

#endif
