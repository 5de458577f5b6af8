/* The debugger of scripts, as redis-cli --ldb-sync-mode talks to it. */
#ifndef ORBIT_SERVICES_SCRIPT_DEBUGGER_PRIV_H
#define ORBIT_SERVICES_SCRIPT_DEBUGGER_PRIV_H

#include "services/script/script_priv.h"

/* SCRIPT DEBUG: the session's scripts to come are debugged or not. */
void script__debug_set(struct session *s, bool on);
bool script__debug_wanted(const struct session *s);

/* Around the EVAL of such a session. The connection is closed behind the last answer. */
void script__debug_begin(struct call *c);
void script__debug_end(struct call *c);
bool script__debug_active(void);
/* The script is over, its result comes next. */
void script__debug_over(void);
/* Before each line, and now and then. */
void script__debug_hook(lua_State *lua, lua_Debug *ar);

/* redis.breakpoint() and redis.debug(). False: no debugger. */
bool script__debug_break(void);
void script__debug_say(lua_State *lua);
/* A command that the script calls, and what it answered (or the error on top of the stack). */
void script__debug_call(const struct slice *argv, int argc);
void script__debug_answer(lua_State *lua, bool error);

/* debugger_print.c */
void script__debug_put_value(struct buf *out, lua_State *lua, int i, int depth);

#endif
