/* EVAL, EVALSHA and SCRIPT: scripts kept by their text and by the SHA-1 of it. */
#include "base/dict.h"
#include "base/mem.h"
#include "config/option.h"
#include "event/crypto.h"
#include "services/script/debugger_priv.h"
#include "services/script/script.h"
#include "services/script/script_commands.h"
#include "services/script/script_priv.h"
#include "services/script/shebang.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#include <lauxlib.h>

#define SHA 40 /* hex digits */

struct script {
    char sha[SHA + 1];
    unsigned flags;
    int ref;
    size_t bytes; /* of its text */
};

static struct script_env env;
static struct dict *by_text, *by_sha; /* by_sha owns them */
static size_t text_bytes;

static const char no_script[] = "NOSCRIPT No matching script. Please use EVAL.";

static void reset(void)
{
    if (env.lua) {
        script__env_close(&env);
        dict_free(by_text);
        dict_free(by_sha);
    }
    by_text = dict_new(0, NULL);
    by_sha = dict_new(DICT_NOCASE, mem_free);
    text_bytes = 0;
    script__env_open(&env, false);
    script_caches.scripts = script__eval_overhead();
}

size_t script__eval_memory(void)
{
    return env.bytes;
}

size_t script__eval_overhead(void)
{
    return text_bytes + dict_bytes(by_text) + dict_bytes(by_sha) +
           dict_count(by_sha) * sizeof(struct script);
}

size_t script__eval_count(void)
{
    return dict_count(by_sha);
}

static struct script *find(struct slice sha)
{
    return sha.n == SHA ? dict_get(by_sha, sha) : NULL;
}

/* Compiles and keeps a text that is new. NULL: answered. */
static struct script *create(struct call *c, struct slice text)
{
    struct shebang head;
    struct buf why = BUF_INIT;
    if (!shebang_of_script(text, &head, &why)) {
        reply_errorf(c, "ERR %s", buf_cstr(&why));
        buf_free(&why);
        return NULL;
    }
    struct slice code = slice_make(text.p + head.length, text.n - head.length);
    if (!script__env_compile(&env, code, "@user_script")) {
        reply_errorf(c, "ERR Error compiling script (new function): %s", lua_tostring(env.lua, -1));
        lua_settop(env.lua, SCRIPT_AT_ARGV);
        return NULL;
    }
    struct script *s = mem_calloc(1, sizeof *s);
    unsigned char digest[SHA / 2];
    crypto_sha1(text.p, text.n, digest);
    crypto_hex(digest, sizeof digest, s->sha);
    s->flags = head.flags;
    s->bytes = text.n;
    s->ref = luaL_ref(env.lua, LUA_REGISTRYINDEX);
    dict_set(by_sha, slice_make(s->sha, SHA), s);
    dict_set(by_text, text, s);
    text_bytes += text.n;
    script_caches.scripts = script__eval_overhead();
    return s;
}

static void eval(struct call *c, bool by_text_only, bool read_only)
{
    int64_t nkeys;
    struct script_keys keys;
    if (script__refuse_nested(c) || !call_arg_int(c, 2, &nkeys, NULL) ||
        !script__check_keys(c, nkeys, &keys))
        return;
    struct script *s = by_text_only ? dict_get(by_text, c->argv[1]) : find(c->argv[1]);
    if (UNLIKELY(!s)) {
        if (!by_text_only) {
            reply_error(c, no_script);
            return;
        }
        s = create(c, c->argv[1]);
        if (!s)
            return;
    }
    script__run(&env, c, s->sha, s->ref, s->flags, true, read_only, &keys);
}

static void eval_text(struct call *c, bool read_only)
{
    bool debug = UNLIKELY(script__debug_wanted(c->s)) && !script__refuse_nested(c);
    if (debug)
        script__debug_begin(c);
    eval(c, true, read_only);
    if (debug)
        script__debug_end(c);
}

static void eval_sha(struct call *c, bool read_only)
{
    if (UNLIKELY(script__debug_wanted(c->s)))
        reply_error(c, "ERR Please use EVAL instead of EVALSHA for debugging");
    else if (c->argv[1].n != SHA)
        reply_error(c, no_script);
    else
        eval(c, false, read_only);
}

void cmd_eval(struct call *c)
{
    eval_text(c, false);
}

void cmd_eval_ro(struct call *c)
{
    eval_text(c, true);
}

void cmd_evalsha(struct call *c)
{
    eval_sha(c, false);
}

void cmd_evalsha_ro(struct call *c)
{
    eval_sha(c, true);
}

/* -- SCRIPT -------------------------------------------------------------------------------------------------------------- */

void cmd_script_load(struct call *c)
{
    if (script__refuse_nested(c))
        return;
    struct script *s = dict_get(by_text, c->argv[2]);
    if (!s)
        s = create(c, c->argv[2]);
    if (s)
        reply_bulk(c, slice_make(s->sha, SHA));
}

void cmd_script_exists(struct call *c)
{
    reply_array(c, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc; i++)
        reply_int(c, find(c->argv[i]) != NULL);
}

void cmd_script_flush(struct call *c)
{
    if (script__refuse_nested(c))
        return;
    if (c->argc > 3 ||
        (c->argc == 3 && !call_arg_is(c, 2, "sync") && !call_arg_is(c, 2, "async"))) {
        reply_error(c, "ERR SCRIPT FLUSH only support SYNC|ASYNC option");
        return;
    }
    reset();
    reply_ok(c);
}

void cmd_script_kill(struct call *c)
{
    script__kill(c, true);
}

void cmd_script_debug(struct call *c)
{
    bool sync = call_arg_is(c, 2, "sync");
    if (call_arg_is(c, 2, "yes")) {
        reply_error(
            c, "ERR Scripts are debugged in the server itself, where their changes stay: use SYNC");
    } else if (sync || call_arg_is(c, 2, "no")) {
        script__debug_set(c->s, sync);
        reply_ok(c);
    } else {
        reply_error(c, "ERR Use SCRIPT DEBUG YES/SYNC/NO");
    }
}

void cmd_script_help(struct call *c)
{
    static const char *const lines[] = {
        "DEBUG (SYNC|NO)",
        "    Sets whether the scripts to come are debugged; while one is, nobody else is served.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Says for each script whether it is in the cache.",
        "FLUSH [ASYNC|SYNC]",
        "    Empties the cache of scripts.",
        "KILL",
        "    Stops the script that runs, unless it has written.",
        "LOAD <script>",
        "    Puts a script into the cache without running it.",
        NULL,
    };
    reply_help(c, lines);
}

/* -- Start --------------------------------------------------------------------------------------------------------------- */

static unsigned flags_of_eval(const struct call *c)
{
    struct shebang head;
    if (c->argc < 2 || c->argv[1].n < 2 || c->argv[1].p[0] != '#' ||
        !shebang_of_script(c->argv[1], &head, NULL))
        return c->cmd->flags;
    return script__call_flags(c, head.flags);
}

static unsigned flags_of_evalsha(const struct call *c)
{
    const struct script *s = c->argc < 2 ? NULL : find(c->argv[1]);
    return s ? script__call_flags(c, s->flags) : c->cmd->flags;
}

void script__eval_start(void)
{
    command_find_original(SLICE("eval"))->flags_of = flags_of_eval;
    command_find_original(SLICE("eval_ro"))->flags_of = flags_of_eval;
    command_find_original(SLICE("evalsha"))->flags_of = flags_of_evalsha;
    command_find_original(SLICE("evalsha_ro"))->flags_of = flags_of_evalsha;
    reset();
}
