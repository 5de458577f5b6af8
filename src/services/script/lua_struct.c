/* The library "struct": packs values into bytes and back, by a format:
 *
 *   > < !n       big endian, little endian, align to at most n (a power of two)
 *   x            a byte of padding
 *   b h l  T     char, short, long (upper case: unsigned), size_t
 *   i[n] I[n]    integer of n bytes (default: int)
 *   f d          float, double
 *   c[n]         n bytes of a string; 0: all of it, or as many as the number before says
 *   s            a string up to its NUL
 */
#include "base/compiler.h"
#include "services/script/lua_libs.h"

#include <ctype.h>
#include <lauxlib.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define INTEGER_MAX 32 /* bytes */

struct format {
    const char *at;
    bool big;
    size_t align;
};

/* The option that comes next and its bytes; alignment before it is told apart. */
struct option {
    int name;
    size_t size, padding;
};

static size_t number(lua_State *lua, struct format *f, size_t otherwise)
{
    if (!isdigit((unsigned char)*f->at))
        return otherwise;
    size_t n = 0;
    while (isdigit((unsigned char)*f->at)) {
        n = n * 10 + (size_t)(*f->at++ - '0');
        if (n > INT_MAX)
            luaL_error(lua, "integral size overflow");
    }
    return n;
}

static size_t size_of(lua_State *lua, struct format *f, int name)
{
    switch (name) {
    case 'b':
    case 'B':
    case 'x':
        return 1;
    case 'h':
    case 'H':
        return sizeof(short);
    case 'l':
    case 'L':
        return sizeof(long);
    case 'T':
        return sizeof(size_t);
    case 'f':
        return sizeof(float);
    case 'd':
        return sizeof(double);
    case 'c':
        return number(lua, f, 1);
    case 'i':
    case 'I': {
        size_t n = number(lua, f, sizeof(int));
        if (n > INTEGER_MAX)
            luaL_error(lua, "integral size %d is larger than limit of %d", (int)n, INTEGER_MAX);
        return n;
    }
    default:
        return 0;
    }
}

static void control(lua_State *lua, struct format *f, int name)
{
    switch (name) {
    case ' ':
        return;
    case '>':
        f->big = true;
        return;
    case '<':
        f->big = false;
        return;
    case '!': {
        size_t n = number(lua, f, sizeof(double));
        if (n == 0 || (n & (n - 1)) != 0)
            luaL_error(lua, "alignment %d is not a power of 2", (int)n);
        f->align = n;
        return;
    }
    default:
        luaL_argerror(lua, 1, lua_pushfstring(lua, "invalid format option '%c'", name));
    }
}

static struct format format_begin(lua_State *lua)
{
    return (struct format){.at = luaL_checkstring(lua, 1), .align = 1};
}

/* False: the end. at: where in the bytes. */
static bool next_option(lua_State *lua, struct format *f, size_t at, struct option *o)
{
    if (!*f->at)
        return false;
    o->name = (unsigned char)*f->at++;
    o->size = size_of(lua, f, o->name);
    o->padding = 0;
    if (o->size > 0 && o->name != 'c') {
        size_t to = o->size > f->align ? f->align : o->size;
        o->padding = (to - (at & (to - 1))) & (to - 1);
    }
    return true;
}

static bool is_integer(int name)
{
    return strchr("bBhHlLTiI", name) != NULL;
}

static void reverse(char *p, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        char c = p[i];
        p[i] = p[n - 1 - i];
        p[n - 1 - i] = c;
    }
}

/* Values beyond 64 bits have no meaning in C; they saturate. */
static uint64_t to_bits(lua_Number v)
{
    if (v != v)
        return 0;
    if (v < 0)
        return v <= -9223372036854775808.0 ? (uint64_t)INT64_MIN : (uint64_t)(int64_t)v;
    return v >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)v;
}

static void put_integer(lua_State *lua, luaL_Buffer *b, int arg, size_t size, bool big)
{
    uint64_t v = to_bits(luaL_checknumber(lua, arg));
    char bytes[INTEGER_MAX];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(v & 0xff);
        v >>= 8;
    }
    if (big)
        reverse(bytes, size);
    luaL_addlstring(b, bytes, size);
}

static void put_real(luaL_Buffer *b, void *bytes, size_t size, bool big)
{
    if (big)
        reverse(bytes, size);
    luaL_addlstring(b, bytes, size);
}

static size_t put_string(lua_State *lua, luaL_Buffer *b, int arg, const struct option *o)
{
    size_t n;
    const char *s = luaL_checklstring(lua, arg, &n);
    size_t size = o->size ? o->size : n;
    luaL_argcheck(lua, n >= size, arg + 1, "string too short");
    luaL_addlstring(b, s, size);
    if (o->name != 's')
        return size;
    luaL_addchar(b, '\0');
    return size + 1;
}

static int struct_pack(lua_State *lua)
{
    struct format f = format_begin(lua);
    struct option o;
    size_t total = 0;
    int arg = 2;
    luaL_Buffer b;
    lua_pushnil(lua); /* keeps the arguments apart from what the buffer pushes */
    luaL_buffinit(lua, &b);
    while (next_option(lua, &f, total, &o)) {
        size_t size = o.size;
        for (size_t i = 0; i < o.padding; i++)
            luaL_addchar(&b, '\0');
        if (is_integer(o.name)) {
            put_integer(lua, &b, arg++, size, f.big);
        } else if (o.name == 'x') {
            luaL_addchar(&b, '\0');
        } else if (o.name == 'f') {
            float v = (float)luaL_checknumber(lua, arg++);
            put_real(&b, &v, size, f.big);
        } else if (o.name == 'd') {
            double v = luaL_checknumber(lua, arg++);
            put_real(&b, &v, size, f.big);
        } else if (o.name == 'c' || o.name == 's') {
            size = put_string(lua, &b, arg++, &o);
        } else {
            control(lua, &f, o.name);
        }
        total += o.padding + size;
    }
    luaL_pushresult(&b);
    return 1;
}

static lua_Number get_integer(const char *p, size_t size, bool big, bool is_signed)
{
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++)
        v = v << 8 | (unsigned char)p[big ? i : size - 1 - i];
    if (!is_signed)
        return (lua_Number)v;
    if (size > 0 && size < 8 && (v >> (size * 8 - 1) & 1))
        v |= UINT64_MAX << (size * 8);
    return (lua_Number)(int64_t)v;
}

static lua_Number get_real(const char *p, int name, size_t size, bool big)
{
    char bytes[sizeof(double)];
    memcpy(bytes, p, size);
    if (big)
        reverse(bytes, size);
    if (name == 'f') {
        float v;
        memcpy(&v, bytes, sizeof v);
        return v;
    }
    double v;
    memcpy(&v, bytes, sizeof v);
    return v;
}

/* "c0": the number before is the length. */
static size_t length_before(lua_State *lua, int *results, size_t left)
{
    if (*results == 0 || !lua_isnumber(lua, -1))
        luaL_error(lua, "format 'c0' needs a previous size");
    lua_Number n = lua_tonumber(lua, -1);
    lua_pop(lua, 1);
    (*results)--;
    luaL_argcheck(lua, n >= 0 && n <= (lua_Number)left, 2, "data string too short");
    return (size_t)n;
}

static int struct_unpack(lua_State *lua)
{
    struct format f = format_begin(lua);
    struct option o;
    size_t n;
    const char *data = luaL_checklstring(lua, 2, &n);
    lua_Integer from = luaL_optinteger(lua, 3, 1);
    luaL_argcheck(lua, from > 0, 3, "offset must be 1 or greater");
    size_t at = (size_t)from - 1;
    int results = 0;
    while (next_option(lua, &f, at, &o)) {
        at += o.padding;
        luaL_argcheck(lua, o.size <= n && at <= n - o.size, 2, "data string too short");
        luaL_checkstack(lua, 2, "too many results");
        size_t size = o.size;
        results++;
        if (is_integer(o.name)) {
            bool is_signed = islower(o.name) != 0;
            lua_pushnumber(lua, get_integer(data + at, size, f.big, is_signed));
        } else if (o.name == 'f' || o.name == 'd') {
            lua_pushnumber(lua, get_real(data + at, o.name, size, f.big));
        } else if (o.name == 'c') {
            results--;
            if (size == 0)
                size = length_before(lua, &results, n - at);
            lua_pushlstring(lua, data + at, size);
            results++;
        } else if (o.name == 's') {
            const char *nul = memchr(data + at, 0, n - at);
            if (!nul)
                return luaL_error(lua, "unfinished string in data");
            size = (size_t)(nul - (data + at)) + 1;
            lua_pushlstring(lua, data + at, size - 1);
        } else {
            results--;
            if (o.name != 'x')
                control(lua, &f, o.name);
        }
        at += size;
    }
    lua_pushnumber(lua, (lua_Number)(at + 1));
    return results + 1;
}

static int struct_size(lua_State *lua)
{
    struct format f = format_begin(lua);
    struct option o;
    size_t total = 0;
    while (next_option(lua, &f, total, &o)) {
        if (o.name == 's')
            return luaL_argerror(lua, 1, "option 's' has no fixed size");
        if (o.name == 'c' && o.size == 0)
            return luaL_argerror(lua, 1, "option 'c0' has no fixed size");
        if (!isalnum(o.name))
            control(lua, &f, o.name);
        total += o.padding + o.size;
    }
    lua_pushnumber(lua, (lua_Number)total);
    return 1;
}

int script_open_struct(lua_State *lua)
{
    static const struct luaL_Reg functions[] = {
        {"pack", struct_pack}, {"unpack", struct_unpack}, {"size", struct_size}, {NULL, NULL}};
    lua_createtable(lua, 0, (int)COUNT_OF(functions));
    luaL_register(lua, NULL, functions);
    return 1;
}
