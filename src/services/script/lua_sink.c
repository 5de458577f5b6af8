/* The answer of a command that a script calls, gathered as items and then made Lua values.
 *
 *   item = kind(1) value(8) [bytes]      strings: value is their length, behind them their bytes
 *                                        arrays, maps, sets: value is the count; their elements follow as items
 *
 * What the version of RESP makes different is decided here: in RESP2 a map is an array, a double is a string, and so on. */
#include "base/compiler.h"
#include "base/num.h"
#include "services/script/script_priv.h"

#include <lauxlib.h>

enum kind {
    ITEM_INT,
    ITEM_STRING,
    ITEM_STATUS,
    ITEM_ERROR,
    ITEM_FALSE,
    ITEM_NIL,
    ITEM_BOOL,
    ITEM_DOUBLE,
    ITEM_BIGNUM,
    ITEM_VERBATIM, /* bytes: three of its format first */
    ITEM_ARRAY,
    ITEM_MAP,
    ITEM_SET,
    ITEM_ATTRIBUTE,
};

#define HEAD       9
#define KEEP_BYTES (256 * 1024)

static struct buf items;

static void put_head(char *at, enum kind kind, uint64_t value)
{
    at[0] = (char)kind;
    memcpy(at + 1, &value, sizeof value);
}

static void put(enum kind kind, uint64_t value)
{
    put_head(buf_grow(&items, HEAD), kind, value);
}

static void put_bytes(enum kind kind, struct slice s)
{
    put(kind, s.n);
    buf_put_slice(&items, s);
}

/* -- The sink ------------------------------------------------------------------------------------------------------------ */

static void sink_status(struct sink *s, struct slice text)
{
    put_bytes(ITEM_STATUS, text);
}

static void sink_error(struct sink *s, struct slice text)
{
    put_bytes(ITEM_ERROR, text);
}

static void sink_integer(struct sink *s, int64_t v)
{
    put(ITEM_INT, (uint64_t)v);
}

static void sink_bulk(struct sink *s, struct slice bytes)
{
    put_bytes(ITEM_STRING, bytes);
}

static void sink_null_item(struct sink *s)
{
    put(s->resp == 2 ? ITEM_FALSE : ITEM_NIL, 0);
}

static void sink_real(struct sink *s, double v)
{
    if (s->resp == 2) {
        char text[NUM_BUF];
        put_bytes(ITEM_STRING, slice_make(text, num_format_double(text, v)));
        return;
    }
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put(ITEM_DOUBLE, bits);
}

static void sink_human_real(struct sink *s, long double v)
{
    if (s->resp == 2) {
        char text[NUM_LDOUBLE_BUF];
        put_bytes(ITEM_STRING, slice_make(text, num_format_ldouble(text, v)));
        return;
    }
    sink_real(s, (double)v);
}

static void sink_boolean(struct sink *s, bool v)
{
    put(s->resp == 2 ? ITEM_INT : ITEM_BOOL, v);
}

static void sink_bignum(struct sink *s, struct slice digits)
{
    put_bytes(s->resp == 2 ? ITEM_STRING : ITEM_BIGNUM, digits);
}

static void sink_verbatim(struct sink *s, const char ext[4], struct slice text)
{
    if (s->resp == 2) {
        put_bytes(ITEM_STRING, text);
        return;
    }
    put(ITEM_VERBATIM, text.n + 3);
    buf_put(&items, ext, 3);
    buf_put_slice(&items, text);
}

static enum kind kind_of(const struct sink *s, enum sink_kind kind, size_t *n)
{
    switch (kind) {
    case SINK_ARRAY:
    case SINK_PUSH:
        break;
    case SINK_SET:
        return s->resp == 2 ? ITEM_ARRAY : ITEM_SET;
    case SINK_MAP:
    case SINK_ATTRIBUTE:
        if (s->resp != 2)
            return kind == SINK_MAP ? ITEM_MAP : ITEM_ATTRIBUTE;
        *n *= 2;
        break;
    }
    return ITEM_ARRAY;
}

static void sink_begin(struct sink *s, enum sink_kind kind, size_t n)
{
    enum kind k = kind_of(s, kind, &n);
    put(k, n);
}

static size_t sink_begin_deferred(struct sink *s)
{
    put(ITEM_ARRAY, 0);
    return items.n - HEAD;
}

static void sink_end_deferred(struct sink *s, size_t token, enum sink_kind kind, size_t n)
{
    enum kind k = kind_of(s, kind, &n);
    put_head(items.p + token, k, n);
}

struct sink *script__sink(int resp)
{
    static const struct sink_ops ops = {
        .status = sink_status,
        .error = sink_error,
        .integer = sink_integer,
        .bulk = sink_bulk,
        .null = sink_null_item,
        .null_array = sink_null_item,
        .real = sink_real,
        .human_real = sink_human_real,
        .boolean = sink_boolean,
        .bignum = sink_bignum,
        .verbatim = sink_verbatim,
        .begin = sink_begin,
        .begin_deferred = sink_begin_deferred,
        .end_deferred = sink_end_deferred,
        .raw = sink_bulk,
    };
    static struct sink sink = {.ops = &ops};
    sink.resp = resp;
    if (UNLIKELY(items.cap > KEEP_BYTES))
        buf_free(&items);
    buf_clear(&items);
    return &sink;
}

/* -- To Lua -------------------------------------------------------------------------------------------------------------- */

struct item {
    enum kind kind;
    uint64_t value;
    struct slice bytes;
};

static const char *get(const char *at, struct item *it)
{
    it->kind = (enum kind)at[0];
    memcpy(&it->value, at + 1, sizeof it->value);
    at += HEAD;
    switch (it->kind) {
    case ITEM_STRING:
    case ITEM_STATUS:
    case ITEM_ERROR:
    case ITEM_BIGNUM:
    case ITEM_VERBATIM:
        it->bytes = slice_make(at, (size_t)it->value);
        return at + it->value;
    case ITEM_INT:
    case ITEM_FALSE:
    case ITEM_NIL:
    case ITEM_BOOL:
    case ITEM_DOUBLE:
    case ITEM_ARRAY:
    case ITEM_MAP:
    case ITEM_SET:
    case ITEM_ATTRIBUTE:
        break;
    }
    return at;
}

struct slice script__sink_error(void)
{
    struct item it;
    if (items.n == 0 || items.p[0] != ITEM_ERROR)
        return SLICE_NULL;
    (void)get(items.p, &it);
    return it.bytes;
}

static void push_field(lua_State *lua, const char *name, struct slice s)
{
    lua_createtable(lua, 0, 1);
    lua_pushlstring(lua, s.p, s.n);
    lua_setfield(lua, -2, name);
}

static void push_verbatim(lua_State *lua, struct slice s)
{
    lua_createtable(lua, 0, 1);
    push_field(lua, "format", slice_make(s.p, 3));
    lua_pushlstring(lua, s.p + 3, s.n - 3);
    lua_setfield(lua, -2, "string");
    lua_setfield(lua, -2, "verbatim_string");
}

static void push_double(lua_State *lua, uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    lua_createtable(lua, 0, 1);
    lua_pushnumber(lua, v);
    lua_setfield(lua, -2, "double");
}

static const char *skip(const char *at);

static const char *skip_many(const char *at, uint64_t n)
{
    while (n-- > 0)
        at = skip(at);
    return at;
}

static const char *skip(const char *at)
{
    struct item it;
    at = get(at, &it);
    if (it.kind == ITEM_ARRAY || it.kind == ITEM_SET)
        return skip_many(at, it.value);
    if (it.kind == ITEM_MAP)
        return skip_many(at, it.value * 2);
    if (it.kind == ITEM_ATTRIBUTE)
        return skip_many(at, it.value * 2 + 1);
    return at;
}

static const char *push(lua_State *lua, const char *at);

static const char *push_array(lua_State *lua, const char *at, uint64_t n)
{
    lua_createtable(lua, n < 1u << 20 ? (int)n : 0, 0);
    for (uint64_t i = 1; i <= n; i++) {
        at = push(lua, at);
        lua_rawseti(lua, -2, (int)i);
    }
    return at;
}

/* {map = {key = value}} or {set = {member = true}} */
static const char *push_keyed(lua_State *lua, const char *at, uint64_t n, bool map)
{
    lua_createtable(lua, 0, 1);
    lua_newtable(lua);
    for (uint64_t i = 0; i < n; i++) {
        at = push(lua, at);
        if (map)
            at = push(lua, at);
        else
            lua_pushboolean(lua, 1);
        lua_settable(lua, -3);
    }
    lua_setfield(lua, -2, map ? "map" : "set");
    return at;
}

static const char *push(lua_State *lua, const char *at)
{
    struct item it;
    luaL_checkstack(lua, 6, "too deep an answer");
    at = get(at, &it);
    switch (it.kind) {
    case ITEM_INT:
        lua_pushnumber(lua, (lua_Number)(int64_t)it.value);
        break;
    case ITEM_STRING:
        lua_pushlstring(lua, it.bytes.p, it.bytes.n);
        break;
    case ITEM_STATUS:
        push_field(lua, "ok", it.bytes);
        break;
    case ITEM_ERROR:
        script__push_error(lua, it.bytes);
        lua_pushboolean(lua, 1);
        lua_setfield(lua, -2, "ignore_error_stats_update");
        break;
    case ITEM_FALSE:
        lua_pushboolean(lua, 0);
        break;
    case ITEM_NIL:
        lua_pushnil(lua);
        break;
    case ITEM_BOOL:
        lua_pushboolean(lua, it.value != 0);
        break;
    case ITEM_DOUBLE:
        push_double(lua, it.value);
        break;
    case ITEM_BIGNUM:
        push_field(lua, "big_number", it.bytes);
        break;
    case ITEM_VERBATIM:
        push_verbatim(lua, it.bytes);
        break;
    case ITEM_ARRAY:
        return push_array(lua, at, it.value);
    case ITEM_MAP:
        return push_keyed(lua, at, it.value, true);
    case ITEM_SET:
        return push_keyed(lua, at, it.value, false);
    case ITEM_ATTRIBUTE: /* scripts do not get them */
        return push(lua, skip_many(at, it.value * 2));
    }
    return at;
}

void script__sink_push(lua_State *lua)
{
    if (items.n > 0)
        (void)push(lua, items.p);
    else
        lua_pushnil(lua);
}
