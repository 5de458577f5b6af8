/* The debugger of scripts, in the mode that Redis calls sync: the script runs in this process, its changes stay, and the
 * server serves nobody else until it is over.
 *
 *   EVAL -> before a line: stop, tell where -> the client's requests: step, print, break ... -> go on -> ... -> <endsession>
 *
 * Each answer is an array of lines. */
#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "services/script/debugger_priv.h"
#include "services/script/script.h"
#include "session/session.h"

#include <lauxlib.h>
#include <stdlib.h>

#define SILENT_MS       5000 /* a client that says nothing for so long has gone */
#define BREAKPOINTS_MAX 64
#define CUT_DEFAULT     256
#define CUT_LEAST       60
#define HOOK_EVERY      100000

static struct {
    struct call *call; /* NULL: no session */
    struct buf text;   /* the script, without newlines at its end */
    struct buf lines;  /* size_t: where each begins */
    struct buf said;   /* what is to be sent: each line ends with a newline */
    int breakpoints[BREAKPOINTS_MAX];
    int nbreakpoints;
    int line;
    size_t cut;        /* longest value; 0: no limit */
    bool hinted;       /* the client knows how to change it */
    bool step, called; /* stop at the next line: by a command, by redis.breakpoint() */
    bool logging;      /* calls of commands are shown */
    bool gone;
} dbg;

/* -- What is said -------------------------------------------------------------------------------------------------------- */

static void say_slice(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_put_byte(&dbg.said, s.p[i] == '\n' || s.p[i] == '\r' ? ' ' : (uint8_t)s.p[i]);
    buf_put_byte(&dbg.said, '\n');
}

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void say(const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    say_slice(buf_slice(&b));
    buf_free(&b);
}

/* Values may be long: they are cut. */
static void say_cut(struct buf *b)
{
    bool cut = dbg.cut && b->n > dbg.cut;
    if (cut) {
        b->n = dbg.cut;
        buf_put_str(b, " ...");
    }
    say_slice(buf_slice(b));
    buf_free(b);
    if (cut && !dbg.hinted) {
        dbg.hinted = true;
        say("<hint> The above reply was trimmed. Use 'maxlen 0' to disable trimming.");
    }
}

static void say_value(lua_State *lua, const char *prefix)
{
    struct buf b = BUF_INIT;
    buf_put_str(&b, prefix);
    script__debug_put_value(&b, lua, lua_gettop(lua), 0);
    say_cut(&b);
}

static void send_said(void)
{
    struct sink *out = dbg.call->out;
    size_t n = 0;
    for (size_t i = 0; i < dbg.said.n; i++)
        n += dbg.said.p[i] == '\n';
    out->ops->begin(out, SINK_ARRAY, n);
    for (const char *at = dbg.said.p; n-- > 0;) {
        const char *end = strchr(at, '\n');
        out->ops->status(out, slice_make(at, (size_t)(end - at)));
        at = end + 1;
    }
    buf_clear(&dbg.said);
}

/* -- Source -------------------------------------------------------------------------------------------------------------- */

static int line_count(void)
{
    return (int)(dbg.lines.n / sizeof(size_t));
}

static struct slice source_line(int line)
{
    const size_t *begins = (const size_t *)(const void *)dbg.lines.p;
    if (line < 1 || line > line_count())
        return SLICE("<out of range source code line>");
    size_t from = begins[line - 1], to = line < line_count() ? begins[line] - 1 : dbg.text.n;
    return slice_make(dbg.text.p + from, to - from);
}

static int find_breakpoint(int line)
{
    for (int i = 0; i < dbg.nbreakpoints; i++)
        if (dbg.breakpoints[i] == line)
            return i;
    return -1;
}

static void say_line(int line)
{
    bool current = line == dbg.line, broken = find_breakpoint(line) >= 0;
    struct slice s = source_line(line);
    say("%s%c%-3d %.*s", current ? "->" : "  ", broken ? '#' : ' ', line, SLICE_FMT(s));
}

static void say_lines(int around, int context)
{
    for (int i = 1; i <= line_count(); i++)
        if (abs(around - i) <= context)
            say_line(i);
}

static void split(struct slice text)
{
    while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
        text.n--;
    buf_clear(&dbg.text);
    buf_clear(&dbg.lines);
    buf_put_slice(&dbg.text, text);
    for (size_t i = 0; i <= text.n; i++)
        if (i == 0 || text.p[i - 1] == '\n')
            buf_put(&dbg.lines, &i, sizeof i);
}

/* -- Commands ------------------------------------------------------------------------------------------------------------ */

struct request {
    lua_State *lua;
    const struct slice *argv;
    int argc;
};

static int number_at(const struct request *q, int i, int otherwise)
{
    int64_t v;
    if (i >= q->argc || !num_parse_int(q->argv[i], &v) || v < INT32_MIN || v > INT32_MAX)
        return otherwise;
    return (int)v;
}

static void do_help(const struct request *q)
{
    static const char *const lines[] = {
        "step (s), next (n)        runs this line and stops at the next one",
        "continue (c)              runs to the next breakpoint",
        "list (l) [line [around]]  source code around this line, or another",
        "whole (w)                 all of the source code",
        "print (p) [variable]      all local variables, or one of them, KEYS or ARGV",
        "break (b) [line...]       the breakpoints; line: sets one, -line: ends it, 0: ends all",
        "trace (t)                 how the script got here",
        "eval (e) code             runs other code",
        "redis (r) command         calls a command",
        "maxlen (m) [bytes]        where values are cut; 0: nowhere",
        "abort (a)                 ends the script; its changes stay",
        "In a script: redis.debug(...) shows values, redis.breakpoint() stops at the next line.",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        say("%s", lines[i]);
}

static void do_trace(const struct request *q)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(q->lua, level, &ar); level++) {
        lua_getinfo(q->lua, "Snl", &ar);
        if (!strstr(ar.short_src, "user_script"))
            continue;
        say("%s %s:", level == 0 ? "In" : "From", ar.name ? ar.name : "top level");
        say_line(ar.currentline);
    }
}

static void do_maxlen(const struct request *q)
{
    if (q->argc == 2) {
        int n = number_at(q, 1, 0);
        dbg.hinted = true;
        dbg.cut = n <= 0 ? 0 : n < CUT_LEAST ? CUT_LEAST : (size_t)n;
    }
    if (dbg.cut)
        say("<value> replies are truncated at %zu bytes.", dbg.cut);
    else
        say("<value> replies are unlimited.");
}

static void break_at(int line)
{
    int at = find_breakpoint(abs(line));
    if (line == 0) {
        dbg.nbreakpoints = 0;
        say("All breakpoints removed.");
    } else if (line < 0 && at < 0) {
        say("No breakpoint in the specified line.");
    } else if (line < 0) {
        dbg.breakpoints[at] = dbg.breakpoints[--dbg.nbreakpoints];
        say("Breakpoint removed.");
    } else if (dbg.nbreakpoints == BREAKPOINTS_MAX) {
        say("Too many breakpoints set.");
    } else if (at >= 0 || line > line_count()) {
        say("Wrong line number.");
    } else {
        dbg.breakpoints[dbg.nbreakpoints++] = line;
        say_lines(line, 1);
    }
}

static void do_break(const struct request *q)
{
    int64_t line;
    if (q->argc == 1 && dbg.nbreakpoints == 0)
        say("No breakpoints set. Use 'b <line>' to add one.");
    else if (q->argc == 1)
        say("%d breakpoints set:", dbg.nbreakpoints);
    for (int i = 0; q->argc == 1 && i < dbg.nbreakpoints; i++)
        say_line(dbg.breakpoints[i]);
    for (int i = 1; i < q->argc; i++) {
        if (num_parse_int(q->argv[i], &line) && line > -INT32_MAX && line < INT32_MAX)
            break_at((int)line);
        else
            say("Invalid argument:'%.*s'", SLICE_FMT(q->argv[i]));
    }
}

static void say_error(lua_State *lua)
{
    if (lua_istable(lua, -1))
        lua_getfield(lua, -1, "err");
    say("<error> %s", lua_isstring(lua, -1) ? lua_tostring(lua, -1) : "unknown error");
}

static void do_eval(const struct request *q)
{
    struct buf code = BUF_INIT;
    int top = lua_gettop(q->lua);
    buf_put_str(&code, "return ");
    for (int i = 1; i < q->argc; i++) {
        buf_put_str(&code, i > 1 ? " " : "");
        buf_put_slice(&code, q->argv[i]);
    }
    int status = luaL_loadbuffer(q->lua, code.p, code.n, "@ldb_eval");
    if (status != 0) /* no expression */
        status = luaL_loadbuffer(q->lua, code.p + 7, code.n - 7, "@ldb_eval");
    buf_free(&code);
    if (status == 0)
        status = lua_pcall(q->lua, 0, 1, 0);
    if (status == 0)
        say_value(q->lua, "<retval> ");
    else
        say_error(q->lua);
    lua_settop(q->lua, top);
}

static void do_redis(const struct request *q)
{
    int top = lua_gettop(q->lua);
    if (!lua_checkstack(q->lua, q->argc + 2)) {
        say("<error> too many arguments");
        return;
    }
    lua_pushcfunction(q->lua, script__redis_call);
    for (int i = 1; i < q->argc; i++)
        lua_pushlstring(q->lua, q->argv[i].p, q->argv[i].n);
    dbg.logging = true;
    (void)lua_pcall(q->lua, q->argc - 1, 1, 0); /* what it gives is shown by itself */
    dbg.logging = false;
    lua_settop(q->lua, top);
}

/* The innermost local variable of that name is pushed. */
static bool push_local(lua_State *lua, struct slice name)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(lua, level, &ar); level++) {
        const char *local;
        for (int i = 1; (local = lua_getlocal(lua, &ar, i)) != NULL; i++) {
            if (slice_eq(name, slice_str(local)))
                return true;
            lua_pop(lua, 1);
        }
    }
    return false;
}

static void print_all(lua_State *lua)
{
    lua_Debug ar;
    const char *name;
    bool any = false;
    if (lua_getstack(lua, 0, &ar)) {
        for (int i = 1; (name = lua_getlocal(lua, &ar, i)) != NULL; i++) {
            if (name[0] != '(') {
                struct buf prefix = BUF_INIT;
                buf_printf(&prefix, "<value> %s = ", name);
                say_value(lua, buf_cstr(&prefix));
                buf_free(&prefix);
                any = true;
            }
            lua_pop(lua, 1);
        }
    }
    if (!any)
        say("No local variables in the current context.");
}

static void do_print(const struct request *q)
{
    if (q->argc != 2) {
        print_all(q->lua);
        return;
    }
    int top = lua_gettop(q->lua);
    bool found = push_local(q->lua, q->argv[1]);
    if (!found && (slice_eq(q->argv[1], SLICE("KEYS")) || slice_eq(q->argv[1], SLICE("ARGV")))) {
        lua_pushlstring(q->lua, q->argv[1].p, q->argv[1].n);
        lua_gettable(q->lua, LUA_GLOBALSINDEX);
        found = true;
    }
    if (found)
        say_value(q->lua, "<value> ");
    else
        say("No such variable.");
    lua_settop(q->lua, top);
}

static void do_list(const struct request *q)
{
    int around = number_at(q, 1, 0);
    say_lines(around > 0 ? around : dbg.line, number_at(q, 2, 5));
}

static void do_whole(const struct request *q)
{
    say_lines(1, line_count());
}

static bool is(const struct request *q, const char *word)
{
    char letter[2] = {word[0], 0};
    return slice_is(q->argv[0], word) || slice_is(q->argv[0], letter);
}

static void obey(const struct request *q)
{
    static const struct {
        const char *name;
        int least;
        void (*fn)(const struct request *q);
    } commands[] = {{"help", 1, do_help},   {"trace", 1, do_trace}, {"maxlen", 1, do_maxlen},
                    {"break", 1, do_break}, {"eval", 1, do_eval},   {"redis", 2, do_redis},
                    {"print", 1, do_print}, {"list", 1, do_list},   {"whole", 1, do_whole}};
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (is(q, commands[i].name) && q->argc >= commands[i].least) {
            commands[i].fn(q);
            send_said();
            return;
        }
    say("<error> Unknown Redis Lua debugger command or wrong number of arguments.");
    send_said();
}

/* Serves the client until it lets the script go on. False: it is gone. */
static bool converse(lua_State *lua)
{
    static struct buf bytes, words;
    struct session *s = dbg.call->s;
    for (;;) {
        if (!s->ops->converse || !s->ops->converse(s, SILENT_MS, &bytes, &words))
            return false;
        struct request q = {lua, (const struct slice *)(const void *)words.p,
                            (int)(words.n / sizeof(struct slice))};
        if (is(&q, "abort"))
            script__raise(lua, "script aborted for user request");
        if (is(&q, "step") || is(&q, "next")) {
            dbg.step = true;
            return true;
        }
        if (is(&q, "continue"))
            return true;
        obey(&q);
    }
}

/* -- The script ---------------------------------------------------------------------------------------------------------- */

static const char *reason_to_stop(const struct script_run *r, const lua_Debug *ar)
{
    if (dbg.called)
        return "redis.breakpoint() called";
    if (find_breakpoint(dbg.line) >= 0)
        return ar->event == LUA_HOOKCOUNT ? NULL : "break point";
    if (dbg.step)
        return "step over";
    int64_t limit = script_opts.busy_threshold_ms ? script_opts.busy_threshold_ms : 5000;
    if (ar->event == LUA_HOOKCOUNT && (clock_mono_us() - r->start_us) / 1000 >= limit)
        return "timeout reached, infinite loop?";
    return NULL;
}

void script__debug_hook(lua_State *lua, lua_Debug *ar)
{
    struct script_run *r = script__running;
    lua_getinfo(lua, "Sl", ar);
    if (!strstr(ar->short_src, "user_script"))
        return;
    dbg.line = ar->currentline;
    const char *reason = reason_to_stop(r, ar);
    if (!reason)
        return;
    if (dbg.gone) {
        script__raise(lua, "timeout during Lua debugging with client closing connection");
        return;
    }
    dbg.step = dbg.called = false;
    say("* Stopped at %d, stop reason = %s", dbg.line, reason);
    say_line(dbg.line);
    send_said();
    if (!converse(lua)) {
        /* The script runs on without its client, and not for ever. */
        dbg.gone = true;
        dbg.nbreakpoints = 0;
    }
    r->start_us = clock_mono_us();
}

bool script__debug_active(void)
{
    return dbg.call != NULL;
}

bool script__debug_break(void)
{
    dbg.called = dbg.call && !dbg.gone;
    return dbg.called;
}

void script__debug_say(lua_State *lua)
{
    struct buf b = BUF_INIT;
    if (!dbg.call)
        return;
    buf_printf(&b, "<debug> line %d: ", dbg.line);
    for (int i = 1, n = lua_gettop(lua); i <= n; i++) {
        buf_put_str(&b, i > 1 ? ", " : "");
        script__debug_put_value(&b, lua, i, 0);
    }
    say_slice(buf_slice(&b));
    buf_free(&b);
}

/* Shown while stepping, and for the debugger's own command. */
static bool shows_calls(void)
{
    return dbg.call && (dbg.step || dbg.logging);
}

void script__debug_call(const struct slice *argv, int argc)
{
    struct buf b = BUF_INIT;
    if (!shows_calls())
        return;
    buf_put_str(&b, "<redis>");
    for (int i = 0; i < argc && i < 10; i++) {
        buf_put_byte(&b, ' ');
        buf_put_slice(&b, argv[i]);
    }
    if (argc > 10)
        buf_printf(&b, " ... (%d more)", argc - 10);
    say_slice(buf_slice(&b));
    buf_free(&b);
}

void script__debug_answer(lua_State *lua, bool error)
{
    if (!shows_calls())
        return;
    if (!error) {
        say_value(lua, "<reply> ");
        return;
    }
    int top = lua_gettop(lua);
    say_error(lua);
    lua_settop(lua, top);
}

/* -- Sessions ------------------------------------------------------------------------------------------------------------ */

void script__debug_set(struct session *s, bool on)
{
    s->slot[SESS_SLOT_SCRIPT] = on ? &dbg : NULL;
}

bool script__debug_wanted(const struct session *s)
{
    return s->slot[SESS_SLOT_SCRIPT] != NULL;
}

void script__debug_begin(struct call *c)
{
    log_notice(LOG_SESSION, "Synchronous debugging of a script begins, nobody else is served");
    dbg.call = c;
    dbg.nbreakpoints = 0;
    dbg.cut = CUT_DEFAULT;
    dbg.hinted = dbg.called = dbg.logging = dbg.gone = false;
    dbg.step = true;
    buf_clear(&dbg.said);
    split(c->argv[1]);
}

void script__debug_over(void)
{
    if (dbg.gone)
        return;
    say("<endsession>");
    send_said();
}

void script__debug_end(struct call *c)
{
    log_notice(LOG_SESSION, "Synchronous debugging of a script ended");
    dbg.call = NULL;
    session_close(c->s, SESS_CLOSE_AFTER_REPLY);
}
