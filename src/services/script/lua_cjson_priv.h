/* What encoding and decoding of JSON share. */
#ifndef ORBIT_SERVICES_SCRIPT_LUA_CJSON_PRIV_H
#define ORBIT_SERVICES_SCRIPT_LUA_CJSON_PRIV_H

#include <lua.h>

enum { CJSON_INVALID_OFF, CJSON_INVALID_ON, CJSON_INVALID_NULL };

/* Configuration, an upvalue of each function of one cjson table. */
struct script_cjson {
    int sparse_convert, sparse_ratio, sparse_safe;
    int encode_max_depth, decode_max_depth;
    int precision;
    int keep_buffer; /* kept for the answer only: the buffer's life does not depend on it */
    int encode_invalid, decode_invalid;
};
struct script_cjson *script__cjson(lua_State *lua);

int script__cjson_decode(lua_State *lua);

#endif
