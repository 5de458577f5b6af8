/* A script's result as an answer to its client. */
#include "base/compiler.h"
#include "services/script/script_priv.h"
#include "session/reply.h"
#include "session/stats.h"

/* An answer is one line: bytes that would end it become spaces. */
static void put_line(struct buf *b, struct slice s)
{
    buf_put_slice(b, s);
    for (size_t i = b->n - s.n; i < b->n; i++)
        if (b->p[i] == '\r' || b->p[i] == '\n')
            b->p[i] = ' ';
}

/* Statuses and errors end at a NUL, as C strings do. */
static struct slice before_nul(struct slice s)
{
    const char *nul = s.n ? memchr(s.p, 0, s.n) : NULL;
    return nul ? slice_make(s.p, (size_t)(nul - s.p)) : s;
}

void script__reply_error(struct call *c, struct slice text, bool counted)
{
    struct buf b = BUF_INIT;
    text = before_nul(text);
    while (text.n > 0 && (text.p[text.n - 1] == '\r' || text.p[text.n - 1] == '\n'))
        text.n--;
    put_line(&b, text);
    if (!counted) {
        reply_errorf(c, "%s", buf_cstr(&b));
    } else {
        c->failed = true;
        c->out->ops->error(c->out, buf_slice(&b));
    }
    buf_free(&b);
}

static struct slice slice_at(lua_State *lua, int i)
{
    struct slice s;
    s.p = lua_tolstring(lua, i, &s.n);
    return s;
}

/* Pushes table[name] when it has that type. */
static bool field(lua_State *lua, const char *name, int type)
{
    lua_pushstring(lua, name);
    lua_rawget(lua, -2);
    if (lua_type(lua, -1) == type)
        return true;
    lua_pop(lua, 1);
    return false;
}

static void reply_value(struct call *c, lua_State *lua, int resp);

static void reply_error_table(struct call *c, lua_State *lua)
{
    lua_pushliteral(lua, "ignore_error_stats_update");
    lua_rawget(lua, -3);
    bool counted = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    script__reply_error(c, slice_at(lua, -1), counted);
}

static void reply_line(struct call *c, struct slice s, void (*op)(struct sink *, struct slice))
{
    struct buf b = BUF_INIT;
    put_line(&b, s);
    op(c->out, buf_slice(&b));
    buf_free(&b);
}

/* On top: the table of verbatim_string. */
static bool reply_verbatim_table(struct call *c, lua_State *lua)
{
    char ext[4] = "txt";
    if (!field(lua, "format", LUA_TSTRING))
        return false;
    struct slice format = before_nul(slice_at(lua, -1));
    for (size_t i = 0; i < 3; i++)
        ext[i] = i < format.n ? format.p[i] : ' ';
    lua_pop(lua, 1);
    if (!field(lua, "string", LUA_TSTRING))
        return false;
    reply_verbatim(c, ext, slice_at(lua, -1));
    lua_pop(lua, 1);
    return true;
}

/* On top: the table whose keys (and values) are answered. */
static void reply_keyed(struct call *c, lua_State *lua, int resp, bool map)
{
    size_t n = 0;
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        lua_pop(lua, 1);
        n++;
    }
    if (map)
        reply_map(c, n);
    else
        reply_set(c, n);
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        if (!map)
            lua_pop(lua, 1);
        lua_pushvalue(lua, map ? -2 : -1);
        reply_value(c, lua, resp);
        if (map)
            reply_value(c, lua, resp);
    }
}

static void reply_sequence(struct call *c, lua_State *lua, int resp)
{
    int n = 0;
    for (;; n++) {
        lua_rawgeti(lua, -1, n + 1);
        bool end = lua_isnil(lua, -1);
        lua_pop(lua, 1);
        if (end)
            break;
    }
    reply_array(c, (size_t)n);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(lua, -1, i);
        reply_value(c, lua, resp);
    }
}

/* The fields that make a table something else than an array; in this order. */
static void reply_table(struct call *c, lua_State *lua, int resp)
{
    if (field(lua, "err", LUA_TSTRING)) {
        reply_error_table(c, lua);
    } else if (field(lua, "ok", LUA_TSTRING)) {
        reply_line(c, before_nul(slice_at(lua, -1)), c->out->ops->status);
    } else if (field(lua, "double", LUA_TNUMBER)) {
        reply_double(c, lua_tonumber(lua, -1));
    } else if (field(lua, "big_number", LUA_TSTRING)) {
        reply_line(c, slice_at(lua, -1), c->out->ops->bignum);
    } else {
        if (field(lua, "verbatim_string", LUA_TTABLE)) {
            bool done = reply_verbatim_table(c, lua);
            lua_pop(lua, 1);
            if (done)
                return;
        }
        if (field(lua, "map", LUA_TTABLE)) {
            reply_keyed(c, lua, resp, true);
        } else if (field(lua, "set", LUA_TTABLE)) {
            reply_keyed(c, lua, resp, false);
        } else {
            reply_sequence(c, lua, resp);
            return;
        }
    }
    lua_pop(lua, 1);
}

/* As the cast of a processor does it, for what does not fit. */
static int64_t integer_of(lua_Number v)
{
    if (v >= -9223372036854775808.0 && v < 9223372036854775808.0)
        return (int64_t)v;
    return INT64_MIN;
}

/* Answers with the value on top and pops it. */
static void reply_value(struct call *c, lua_State *lua, int resp)
{
    if (!lua_checkstack(lua, 6)) {
        reply_error(c, "ERR reached lua stack limit");
        lua_pop(lua, 1);
        return;
    }
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        reply_bulk(c, slice_at(lua, -1));
        break;
    case LUA_TBOOLEAN:
        if (resp != 2)
            reply_bool(c, lua_toboolean(lua, -1));
        else if (lua_toboolean(lua, -1))
            reply_int(c, 1);
        else
            reply_null(c);
        break;
    case LUA_TNUMBER:
        reply_int(c, integer_of(lua_tonumber(lua, -1)));
        break;
    case LUA_TTABLE:
        reply_table(c, lua, resp);
        break;
    default:
        reply_null(c);
    }
    lua_pop(lua, 1);
}

void script__reply(struct call *c, lua_State *lua, int resp)
{
    reply_value(c, lua, resp);
}
