/* What the files of this folder share: the two Lua states, the script that runs, the cache of EVAL, the libraries of
 * functions.
 *
 * A Lua state has at the bottom of its stack what every call needs: the error handler, the real table of globals, and the
 * names of the two that EVAL sets. Scripts see only guarded views of the globals and of the libraries (lua_guard.c). */
#ifndef ORBIT_SERVICES_SCRIPT_SCRIPT_PRIV_H
#define ORBIT_SERVICES_SCRIPT_SCRIPT_PRIV_H

#include "base/buf.h"
#include "base/slice.h"
#include "services/script/shebang.h"
#include "session/call.h"
#include "session/sink.h"

#include <lua.h>

/* -- A Lua state: lua_env.c, lua_guard.c --------------------------------------------------------------------------------- */

struct script_env {
    lua_State *lua;
    size_t bytes; /* allocated by it */
};
enum { SCRIPT_AT_HANDLER = 1, SCRIPT_AT_GLOBALS, SCRIPT_AT_VIEW, SCRIPT_AT_KEYS, SCRIPT_AT_ARGV };

/* Makes the state; scripts have the globals of EVAL, or those of functions. */
void script__env_open(struct script_env *e, bool functions);
void script__env_close(struct script_env *e);
/* Compiles; the function is left on the stack, or the error's text. chunk_name: "@name". Compiled code is refused. */
bool script__env_compile(struct script_env *e, struct slice code, const char *chunk_name);
/* While a library loads, its code sees other globals: only redis, with register_function. */
void script__env_loading(struct script_env *e, bool loading);

/* Puts a view that cannot be written in place of the table on top. */
void script__guard(lua_State *lua);
/* True: the value at i is such a view; the table itself is pushed. */
bool script__guarded(lua_State *lua, int i);
/* Replaces the functions of Lua that look into tables or load code by ones that respect the views. */
void script__guard_functions(lua_State *lua);
/* lua_pattern.c: string.find and the like refuse patterns that would overflow the stack. */
void script__bound_patterns(lua_State *lua);

/* -- The redis table: lua_redis.c, lua_call.c ---------------------------------------------------------------------------- */

int script__redis_call(lua_State *lua);
int script__redis_pcall(lua_State *lua);
int script__redis_acl_check(lua_State *lua);
int script__register_function(lua_State *lua);
/* Pushes the table redis, of EVAL and functions, or of a library while it loads. */
void script__open_redis(lua_State *lua);
void script__open_redis_loading(lua_State *lua);
/* Pushes {err = "CODE message"}. A text without a space has no code: then it is ERR. */
void script__push_error(lua_State *lua, struct slice text);
/* Raises "ERR text". */
int script__raise(lua_State *lua, const char *text);

/* -- Replies: lua_sink.c, lua_reply.c ------------------------------------------------------------------------------------ */

/* Gathers the answer of a command that a script calls, outside of Lua, because Lua's errors must not leave the command by
 * longjmp. */
struct sink *script__sink(int resp);
/* The answer begins with an error: its text; else SLICE_NULL. */
struct slice script__sink_error(void);
/* Pushes the gathered answer as a Lua value. */
void script__sink_push(lua_State *lua);
/* Answers with the value on top and pops it. resp: what the script has chosen. */
void script__reply(struct call *c, lua_State *lua, int resp);
/* Answers with an error; counted: it is in the statistics already. */
void script__reply_error(struct call *c, struct slice text, bool counted);

/* -- Running: script_run.c ----------------------------------------------------------------------------------------------- */

/* By name; 0: there is none. */
unsigned script__flag(struct slice name, bool nocase);
const char *script__flag_name(unsigned flag); /* NULL: none */

enum { SCRIPT_REPL_AOF = 1, SCRIPT_REPL_REPLICA = 2 };

struct script_run {
    struct call *call; /* EVAL or FCALL */
    const char *name;  /* SHA or function */
    bool eval;
    bool read_only, allow_oom;
    bool wrote;  /* has called a write command: cannot be killed any more */
    bool slow;   /* over busy-reply-threshold: others are served meanwhile */
    bool killed; /* by SCRIPT KILL, FUNCTION KILL */
    int resp;
    unsigned repl;
    int64_t start_us;
};
extern struct script_run *script__running; /* NULL: none */

struct script_keys { /* numkeys key... arg... */
    struct slice *keys, *args;
    int nkeys, nargs;
};
/* Checks what EVAL and FCALL have in common, and runs the function that ref names. */
void script__run(struct script_env *e, struct call *c, const char *name, int ref, unsigned flags,
                 bool eval, bool read_only, const struct script_keys *keys);
/* False: answered. */
bool script__check_keys(struct call *c, int64_t nkeys, struct script_keys *out);
void script__kill(struct call *c, bool eval);
/* Scripts and libraries stay as they are while one runs, even when DEBUG lets scripts call everything. True: answered. */
bool script__refuse_nested(struct call *c);
/* The flags of a call of a script with these flags. */
unsigned script__call_flags(const struct call *c, unsigned flags);

/* -- EVAL: eval.c; functions: function_lib.c, function_dump.c ------------------------------------------------------------- */

void script__eval_start(void);
void script__function_start(void);
size_t script__eval_memory(void);   /* of the Lua state */
size_t script__eval_overhead(void); /* of the cache */
size_t script__eval_count(void);
size_t script__function_memory(void);
size_t script__function_overhead(void);
size_t script__function_count(void);
size_t script__library_count(void);

#endif
