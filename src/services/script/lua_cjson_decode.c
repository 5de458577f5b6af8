/* cjson.decode: JSON to Lua values, token by token. A NUL byte ends the text. */
#include "base/buf.h"
#include "base/compiler.h"
#include "services/script/lua_cjson_priv.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <strings.h>

#define KEEP_BYTES (64 * 1024)

enum token {
    T_OBJ_BEGIN,
    T_OBJ_END,
    T_ARR_BEGIN,
    T_ARR_END,
    T_STRING,
    T_NUMBER,
    T_BOOLEAN,
    T_NULL,
    T_COLON,
    T_COMMA,
    T_END,
    T_ERROR,
};

struct parse {
    const struct script_cjson *cfg;
    const char *begin, *at; /* a Lua string: a NUL stands behind it */
    int depth;
    enum token token;
    const char *where; /* the token, or what is wrong */
    const char *error; /* T_ERROR */
    struct slice string;
    lua_Number number;
    bool boolean;
};

/* A string with escapes; kept between calls because Lua's errors leave a function without its end. */
static struct buf unescaped;

static enum token fail(struct parse *p, const char *error)
{
    p->where = p->at;
    p->error = error;
    return T_ERROR;
}

/* -- Strings ------------------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits; -1: not that. Stops at the NUL. */
static int hex4(const char *s)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(s[i]);
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

static void put_utf8(struct buf *b, unsigned code)
{
    if (code < 0x80) {
        buf_put_byte(b, (uint8_t)code);
        return;
    }
    if (code < 0x800) {
        buf_put_byte(b, (uint8_t)(0xc0 | code >> 6));
    } else {
        if (code < 0x10000) {
            buf_put_byte(b, (uint8_t)(0xe0 | code >> 12));
        } else {
            buf_put_byte(b, (uint8_t)(0xf0 | code >> 18));
            buf_put_byte(b, (uint8_t)(0x80 | (code >> 12 & 63)));
        }
        buf_put_byte(b, (uint8_t)(0x80 | (code >> 6 & 63)));
    }
    buf_put_byte(b, (uint8_t)(0x80 | (code & 63)));
}

/* at: the backslash of \uXXXX. */
static bool unicode_escape(struct parse *p)
{
    int code = hex4(p->at + 2);
    if (code < 0)
        return false;
    p->at += 6;
    if ((code & 0xf800) == 0xd800) {
        const char *first = p->at - 6;
        int low = (code & 0x400) == 0 && p->at[0] == '\\' && p->at[1] == 'u' ? hex4(p->at + 2) : -1;
        if (low < 0 || (low & 0xfc00) != 0xdc00) {
            p->at = first;
            return false;
        }
        p->at += 6;
        code = ((code & 0x3ff) << 10 | (low & 0x3ff)) + 0x10000;
    }
    put_utf8(&unescaped, (unsigned)code);
    return true;
}

static char simple_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'f':
        return '\f';
    case 'r':
        return '\r';
    default:
        return 0;
    }
}

/* A string that begins at start and has escapes. */
static enum token escaped_string(struct parse *p, const char *start)
{
    buf_clear(&unescaped);
    p->at = start;
    for (;;) {
        size_t run = strcspn(p->at, "\"\\");
        if (!buf_try_reserve(&unescaped, run + 4))
            return fail(p, "string that does not fit into memory");
        buf_put(&unescaped, p->at, run);
        p->at += run;
        if (*p->at == '"')
            break;
        if (!*p->at)
            return fail(p, "unexpected end of string");
        if (p->at[1] == 'u') {
            if (!unicode_escape(p))
                return fail(p, "invalid unicode escape code");
            continue;
        }
        char c = simple_escape(p->at[1]);
        if (!c)
            return fail(p, "invalid escape code");
        buf_put_byte(&unescaped, (uint8_t)c);
        p->at += 2;
    }
    p->at++;
    p->string = buf_slice(&unescaped);
    return T_STRING;
}

static enum token string(struct parse *p)
{
    const char *start = ++p->at;
    p->at += strcspn(p->at, "\"\\");
    if (*p->at == '\\')
        return escaped_string(p, start);
    if (!*p->at)
        return fail(p, "unexpected end of string");
    p->string = slice_make(start, (size_t)(p->at - start));
    p->at++;
    return T_STRING;
}

/* -- Other tokens -------------------------------------------------------------------------------------------------------- */

/* What strtod takes but JSON does not: a plus sign, leading zeros, hexadecimal, infinities, not a number. */
static bool is_invalid_number(const char *s)
{
    if (*s == '+')
        return true;
    if (*s == '-')
        s++;
    if (*s == '0')
        return (s[1] | 0x20) == 'x' || (s[1] >= '0' && s[1] <= '9');
    if (*s <= '9')
        return false;
    return strncasecmp(s, "inf", 3) == 0 || strncasecmp(s, "nan", 3) == 0;
}

static enum token number(struct parse *p)
{
    char *end;
    p->number = strtod(p->at, &end);
    if (end == p->at)
        return fail(p, "invalid number");
    p->at = end;
    return T_NUMBER;
}

static bool word(struct parse *p, const char *w, size_t n)
{
    if (strncmp(p->at, w, n) != 0)
        return false;
    p->at += n;
    return true;
}

static enum token punctuation(char c)
{
    switch (c) {
    case '{':
        return T_OBJ_BEGIN;
    case '}':
        return T_OBJ_END;
    case '[':
        return T_ARR_BEGIN;
    case ']':
        return T_ARR_END;
    case ',':
        return T_COMMA;
    case ':':
        return T_COLON;
    default:
        return T_ERROR;
    }
}

static enum token scan(struct parse *p)
{
    p->at += strspn(p->at, " \t\n\r");
    p->where = p->at;
    char c = *p->at;
    if (!c)
        return T_END;
    enum token t = punctuation(c);
    if (t != T_ERROR) {
        p->at++;
        return t;
    }
    if (c == '"')
        return string(p);
    if (c == '-' || (c >= '0' && c <= '9')) {
        if (!p->cfg->decode_invalid && is_invalid_number(p->at))
            return fail(p, "invalid number");
        return number(p);
    }
    if (word(p, "true", 4) || word(p, "false", 5)) {
        p->boolean = c == 't';
        return T_BOOLEAN;
    }
    if (word(p, "null", 4))
        return T_NULL;
    if (strchr("iInN+", c) && p->cfg->decode_invalid && is_invalid_number(p->at))
        return number(p);
    return fail(p, "invalid token");
}

static void next(struct parse *p)
{
    p->token = scan(p);
}

/* -- Grammar ------------------------------------------------------------------------------------------------------------- */

static void expected(lua_State *lua, const struct parse *p, const char *what)
{
    static const char *const names[] = {
        [T_OBJ_BEGIN] = "T_OBJ_BEGIN", [T_OBJ_END] = "T_OBJ_END", [T_ARR_BEGIN] = "T_ARR_BEGIN",
        [T_ARR_END] = "T_ARR_END",     [T_STRING] = "T_STRING",   [T_NUMBER] = "T_NUMBER",
        [T_BOOLEAN] = "T_BOOLEAN",     [T_NULL] = "T_NULL",       [T_COLON] = "T_COLON",
        [T_COMMA] = "T_COMMA",         [T_END] = "T_END",
    };
    luaL_error(lua, "Expected %s but found %s at character %d", what,
               p->token == T_ERROR ? p->error : names[p->token], (int)(p->where - p->begin) + 1);
}

static void descend(lua_State *lua, struct parse *p)
{
    p->depth++;
    if (p->depth > p->cfg->decode_max_depth || !lua_checkstack(lua, 4))
        luaL_error(lua, "Found too many nested data structures (%d) at character %d", p->depth,
                   (int)(p->at - p->begin));
}

static void value(lua_State *lua, struct parse *p);

/* Behind the opening brace. */
static void object(lua_State *lua, struct parse *p)
{
    descend(lua, p);
    lua_newtable(lua);
    next(p);
    while (p->token != T_OBJ_END) {
        if (p->token != T_STRING)
            expected(lua, p, "object key string");
        lua_pushlstring(lua, p->string.p, p->string.n);
        next(p);
        if (p->token != T_COLON)
            expected(lua, p, "colon");
        next(p);
        value(lua, p);
        lua_rawset(lua, -3);
        next(p);
        if (p->token == T_OBJ_END)
            break;
        if (p->token != T_COMMA)
            expected(lua, p, "comma or object end");
        next(p);
        if (p->token == T_OBJ_END)
            expected(lua, p, "object key string");
    }
    p->depth--;
}

static void array(lua_State *lua, struct parse *p)
{
    descend(lua, p);
    lua_newtable(lua);
    next(p);
    for (int i = 1; p->token != T_ARR_END; i++) {
        value(lua, p);
        lua_rawseti(lua, -2, i);
        next(p);
        if (p->token == T_ARR_END)
            break;
        if (p->token != T_COMMA)
            expected(lua, p, "comma or array end");
        next(p);
        if (p->token == T_ARR_END)
            expected(lua, p, "value");
    }
    p->depth--;
}

/* Pushes the value that begins with the token that is there. */
static void value(lua_State *lua, struct parse *p)
{
    switch (p->token) {
    case T_STRING:
        lua_pushlstring(lua, p->string.p, p->string.n);
        return;
    case T_NUMBER:
        lua_pushnumber(lua, p->number);
        return;
    case T_BOOLEAN:
        lua_pushboolean(lua, p->boolean);
        return;
    case T_NULL:
        lua_pushlightuserdata(lua, NULL);
        return;
    case T_OBJ_BEGIN:
        object(lua, p);
        return;
    case T_ARR_BEGIN:
        array(lua, p);
        return;
    case T_OBJ_END:
    case T_ARR_END:
    case T_COLON:
    case T_COMMA:
    case T_END:
    case T_ERROR:
        expected(lua, p, "value");
    }
}

int script__cjson_decode(lua_State *lua)
{
    luaL_argcheck(lua, lua_gettop(lua) == 1, 1, "expected 1 argument");
    size_t n;
    struct parse p = {.cfg = script__cjson(lua), .begin = luaL_checklstring(lua, 1, &n)};
    p.at = p.begin;
    /* Whatever it is, the first two characters of JSON in UTF-8 are no NUL. */
    if (n >= 2 && (!p.begin[0] || !p.begin[1]))
        return luaL_error(lua, "JSON parser does not support UTF-16 or UTF-32");
    next(&p);
    value(lua, &p);
    next(&p);
    if (p.token != T_END)
        expected(lua, &p, "the end");
    if (unescaped.cap > KEEP_BYTES)
        buf_free(&unescaped);
    return 1;
}
