/* Libraries of functions. Loading one runs its code once, which registers its functions and can do nothing else. */
#include "base/clock.h"
#include "base/mem.h"
#include "services/script/library_priv.h"
#include "services/script/shebang.h"

#include <lauxlib.h>
#include <strings.h>

#define HOOK_EVERY 100000 /* instructions of Lua */

static const char bad_name[] = "Library names can only contain letters, numbers, or underscores(_) "
                               "and must be at least one character long";

struct script_env script__function_env;
struct script_libraries *script__libraries;

/* The library that loads now; NULL: none. */
static struct {
    struct script_library *made;
    int64_t until_us; /* 0: no limit */
} loading;

/* -- Life ---------------------------------------------------------------------------------------------------------------- */

static void function_free(void *arg)
{
    struct script_function *f = arg;
    luaL_unref(script__function_env.lua, LUA_REGISTRYINDEX, f->ref);
    mem_free(f->name);
    buf_free(&f->description);
    mem_free(f);
}

static void library_free(void *arg)
{
    struct script_library *l = arg;
    if (!l)
        return;
    dict_free(l->functions);
    buf_free(&l->name);
    buf_free(&l->code);
    mem_free(l);
}

static struct script_library *library_new(struct slice name, struct slice code)
{
    struct script_library *l = mem_calloc(1, sizeof *l);
    buf_put_slice(&l->name, name);
    buf_put_slice(&l->code, code);
    l->functions = dict_new(0, function_free);
    return l;
}

struct script_libraries *script__libraries_new(void)
{
    struct script_libraries *set = mem_calloc(1, sizeof *set);
    set->libraries = dict_new(0, library_free);
    set->functions = dict_new(DICT_NOCASE, NULL);
    return set;
}

void script__libraries_free(struct script_libraries *set)
{
    if (!set)
        return;
    dict_free(set->functions);
    dict_free(set->libraries);
    mem_free(set);
}

/* -- A set --------------------------------------------------------------------------------------------------------------- */

static void add(struct script_libraries *set, struct script_library *l)
{
    struct dict_iter it = dict_iter(l->functions);
    while (dict_next(&it))
        (void)dict_set(set->functions, it.key, it.value);
    (void)dict_set(set->libraries, buf_slice(&l->name), l);
}

static void take_out(struct script_libraries *set, struct script_library *l)
{
    struct dict_iter it = dict_iter(l->functions);
    while (dict_next(&it))
        (void)dict_take(set->functions, it.key);
    (void)dict_take(set->libraries, buf_slice(&l->name));
}

void script__library_drop(struct script_libraries *set, struct script_library *l)
{
    take_out(set, l);
    library_free(l);
}

/* The first of functions that set has already. NULL: none. */
static const struct script_function *collision(const struct script_libraries *set,
                                               const struct dict *functions)
{
    struct dict_iter it = dict_iter(functions);
    while (dict_next(&it))
        if (dict_has(set->functions, it.key))
            return it.value;
    return NULL;
}

bool script__libraries_join(struct script_libraries *set, struct script_libraries *from,
                            bool replace, struct buf *why)
{
    struct script_libraries *former = script__libraries_new();
    const struct script_function *f = NULL;
    struct dict_iter it = dict_iter(from->libraries);
    bool ok = true;
    while (ok && dict_next(&it)) {
        struct script_library *l = dict_get(set->libraries, it.key);
        if (l && replace) {
            take_out(set, l);
            add(former, l);
        } else if (l) {
            buf_printf(why, "Library %.*s already exists", SLICE_FMT(it.key));
            ok = false;
        }
    }
    if (ok && (f = collision(set, from->functions)) != NULL) {
        buf_printf(why, "Function %s already exists", f->name);
        ok = false;
    }
    struct script_libraries *source = ok ? from : former;
    while (dict_count(source->libraries) > 0) {
        it = dict_iter(source->libraries);
        (void)dict_next(&it);
        struct script_library *l = it.value;
        take_out(source, l);
        add(set, l);
    }
    script__libraries_free(former);
    if (ok)
        script__libraries_free(from);
    return ok;
}

/* -- redis.register_function --------------------------------------------------------------------------------------------- */

static bool name_ok(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_'))
            return false;
    }
    return s.n > 0;
}

static struct slice string_at(lua_State *lua, int i)
{
    struct slice s;
    s.p = lua_tolstring(lua, i, &s.n);
    return s;
}

/* What is registered; strings are Lua's, index of the callback is on its stack. */
struct registration {
    struct slice name, description;
    unsigned flags;
    int callback;
};

static bool read_flags(lua_State *lua, int table, unsigned *flags)
{
    for (int i = 1;; i++) {
        lua_rawgeti(lua, table, i);
        if (lua_isnil(lua, -1)) {
            lua_pop(lua, 1);
            return true;
        }
        unsigned flag = lua_isstring(lua, -1) ? script__flag(string_at(lua, -1), true) : 0;
        lua_pop(lua, 1);
        if (!flag)
            return false;
        *flags |= flag;
    }
}

/* One named argument: its name is at -2, its value at -1 and stays on the stack. NULL: taken. */
static const char *read_named(lua_State *lua, struct registration *r)
{
    if (lua_type(lua, -2) != LUA_TSTRING)
        return "named argument key given to redis.register_function is not a string";
    struct slice key = string_at(lua, -2);
    if (slice_is(key, "function_name")) {
        if (!lua_isstring(lua, -1))
            return "function_name argument given to redis.register_function must be a string";
        r->name = string_at(lua, -1);
    } else if (slice_is(key, "description")) {
        if (!lua_isstring(lua, -1))
            return "description argument given to redis.register_function must be a string";
        r->description = string_at(lua, -1);
    } else if (slice_is(key, "callback")) {
        if (!lua_isfunction(lua, -1))
            return "callback argument given to redis.register_function must be a function";
        r->callback = lua_gettop(lua);
    } else if (slice_is(key, "flags")) {
        if (!lua_istable(lua, -1))
            return "flags argument to redis.register_function must be a table representing "
                   "function flags";
        if (!read_flags(lua, lua_gettop(lua), &r->flags))
            return "unknown flag given";
    } else {
        return "unknown argument given to redis.register_function";
    }
    return NULL;
}

static const char *read_table(lua_State *lua, struct registration *r)
{
    if (!lua_istable(lua, 1))
        return "calling redis.register_function with a single argument is only applicable to Lua "
               "table (representing named arguments).";
    lua_pushnil(lua);
    while (lua_next(lua, 1)) {
        luaL_checkstack(lua, 4, "too many named arguments");
        const char *why = read_named(lua, r);
        if (why)
            return why;
        lua_pushvalue(lua, -2); /* the key, for what comes next; values stay below */
    }
    if (!r->name.p)
        return "redis.register_function must get a function name argument";
    if (!r->callback)
        return "redis.register_function must get a callback argument";
    return NULL;
}

static const char *read_arguments(lua_State *lua, struct registration *r)
{
    int n = lua_gettop(lua);
    if (n < 1 || n > 2)
        return "wrong number of arguments to redis.register_function";
    if (n == 1)
        return read_table(lua, r);
    if (!lua_isstring(lua, 1))
        return "first argument to redis.register_function must be a string";
    if (!lua_isfunction(lua, 2))
        return "second argument to redis.register_function must be a function";
    r->name = string_at(lua, 1);
    r->callback = 2;
    return NULL;
}

int script__register_function(lua_State *lua)
{
    struct registration r = {.flags = 0};
    struct script_library *l = loading.made;
    if (!l)
        return script__raise(lua,
                             "redis.register_function can only be called on FUNCTION LOAD command");
    const char *why = read_arguments(lua, &r);
    if (!why && !name_ok(r.name))
        why = bad_name;
    if (!why && dict_has(l->functions, r.name))
        why = "Function already exists in the library";
    if (why)
        return script__raise(lua, why);
    lua_pushvalue(lua, r.callback);
    int ref = luaL_ref(lua, LUA_REGISTRYINDEX);
    struct script_function *f = mem_calloc(1, sizeof *f);
    f->library = l;
    f->name = mem_strndup(r.name.p, r.name.n);
    f->flags = r.flags;
    f->ref = ref;
    if (r.description.p) {
        buf_reserve(&f->description, r.description.n + 1);
        buf_put_slice(&f->description, r.description);
    }
    (void)dict_set(l->functions, r.name, f);
    return 0;
}

/* -- Loading ------------------------------------------------------------------------------------------------------------- */

static void on_count(lua_State *lua, lua_Debug *ar)
{
    if (!loading.until_us || clock_mono_us() <= loading.until_us)
        return;
    /* From now on at every line, so that a pcall around it gets no further. */
    lua_sethook(lua, on_count, LUA_MASKLINE, 0);
    script__raise(lua, "FUNCTION LOAD timeout");
}

/* The error on top, of running a library's code. */
static void explain(lua_State *lua, struct buf *why)
{
    struct slice text = SLICE_NULL;
    buf_put_str(why, "Error registering functions: ");
    if (lua_isstring(lua, -1)) {
        buf_put_str(why, "ERR ");
        text = string_at(lua, -1);
    } else if (lua_istable(lua, -1)) {
        lua_pushliteral(lua, "err");
        lua_rawget(lua, -2);
        if (lua_isstring(lua, -1))
            text = string_at(lua, -1);
    }
    buf_put_slice(why, text.p ? text : SLICE("ERR unknown error"));
}

static bool run_code(struct script_library *l, struct slice code, int64_t timeout_ms,
                     struct buf *why)
{
    struct script_env *e = &script__function_env;
    lua_State *lua = e->lua;
    bool ok = false;
    script__env_loading(e, true);
    if (!script__env_compile(e, code, "@user_function")) {
        buf_printf(why, "Error compiling function: %s", lua_tostring(lua, -1));
    } else {
        loading.made = l;
        loading.until_us = timeout_ms ? clock_mono_us() + timeout_ms * 1000 : 0;
        lua_sethook(lua, on_count, LUA_MASKCOUNT, HOOK_EVERY);
        ok = lua_pcall(lua, 0, 0, 0) == 0;
        lua_sethook(lua, NULL, 0, 0);
        loading.made = NULL;
        if (!ok)
            explain(lua, why);
    }
    lua_settop(lua, SCRIPT_AT_ARGV);
    script__env_loading(e, false);
    return ok;
}

/* Loads into set, from which a library of the same name was taken out. */
static struct script_library *load(const struct script_libraries *set, const struct shebang *head,
                                   struct slice code, int64_t timeout_ms, struct buf *why)
{
    struct script_library *l = library_new(buf_slice(&head->name), code);
    struct slice body = slice_make(code.p + head->length, code.n - head->length);
    const struct script_function *f;
    if (run_code(l, body, timeout_ms, why)) {
        if (dict_count(l->functions) == 0)
            buf_put_str(why, "No functions registered");
        else if ((f = collision(set, l->functions)) != NULL)
            buf_printf(why, "Function %s already exists", f->name);
        else
            return l;
    }
    library_free(l);
    return NULL;
}

struct script_library *script__library_load(struct script_libraries *set, struct slice code,
                                            bool replace, int64_t timeout_ms, struct buf *why)
{
    struct shebang head;
    struct script_library *l = NULL;
    if (!shebang_of_library(code, &head, why))
        return NULL;
    struct script_library *former = dict_get(set->libraries, buf_slice(&head.name));
    if (!name_ok(buf_slice(&head.name))) {
        buf_put_str(why, bad_name);
    } else if (!slice_is(buf_slice(&head.engine), "lua")) {
        buf_printf(why, "Engine '%.*s' not found", SLICE_FMT(buf_slice(&head.engine)));
    } else if (former && !replace) {
        buf_printf(why, "Library '%.*s' already exists", SLICE_FMT(buf_slice(&head.name)));
    } else {
        if (former)
            take_out(set, former);
        l = load(set, &head, code, timeout_ms, why);
        if (l)
            add(set, l);
        if (former && l)
            library_free(former);
        else if (former)
            add(set, former);
    }
    buf_free(&head.name);
    buf_free(&head.engine);
    return l;
}
