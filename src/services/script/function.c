/* FUNCTION and FCALL. What changes the libraries is an effect like any other, so that the log brings them back; the store
 * has them as of its cut. */
#include "base/clock.h"
#include "base/glob.h"
#include "base/log.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_functions.h"
#include "services/script/library_priv.h"
#include "services/script/script_commands.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#define LOAD_TIMEOUT_MS 500
#define AUX_NAME        "functions" /* what the store calls them */

size_t script__function_memory(void)
{
    return script__function_env.bytes;
}

size_t script__function_count(void)
{
    return dict_count(script__libraries->functions);
}

size_t script__library_count(void)
{
    return dict_count(script__libraries->libraries);
}

size_t script__function_overhead(void)
{
    const struct script_libraries *set = script__libraries;
    size_t n = sizeof *set + dict_bytes(set->libraries) + dict_bytes(set->functions) +
               dict_count(set->functions) * sizeof(struct script_function);
    struct dict_iter it = dict_iter(set->libraries);
    while (dict_next(&it)) {
        const struct script_library *l = it.value;
        n += sizeof *l + l->code.cap + l->name.cap + dict_bytes(l->functions);
    }
    return n;
}

/* The store gets all libraries with its next fold. */
static void keep(struct kv *kv)
{
    struct buf all = BUF_INIT;
    script__libraries_put(script__libraries, &all);
    kv_aux_set(kv, AUX_NAME, buf_slice(&all));
    buf_free(&all);
    script_caches.libraries = script__function_overhead();
}

/* The log has the command. */
static void changed(struct call *c)
{
    call_changed(c, 1);
    keep(c->kv);
}

static void reply_why(struct call *c, struct buf *why)
{
    reply_errorf(c, "ERR %s", buf_cstr(why));
    buf_free(why);
}

/* What is in the log was loaded in time once. */
static int64_t load_timeout(const struct call *c)
{
    return c->replaying ? 0 : LOAD_TIMEOUT_MS;
}

/* -- FUNCTION ------------------------------------------------------------------------------------------------------------ */

void cmd_function_load(struct call *c)
{
    if (script__refuse_nested(c))
        return;
    bool replace = false;
    for (int i = 2; i < c->argc - 1; i++) {
        if (!call_arg_is(c, i, "replace")) {
            reply_errorf(c, "ERR Unknown option given: %.*s", SLICE_FMT(c->argv[i]));
            return;
        }
        replace = true;
    }
    struct buf why = BUF_INIT;
    struct script_library *l = script__library_load(script__libraries, c->argv[c->argc - 1],
                                                    replace, load_timeout(c), &why);
    if (!l) {
        reply_why(c, &why);
        return;
    }
    changed(c);
    reply_bulk(c, buf_slice(&l->name));
}

void cmd_function_delete(struct call *c)
{
    if (script__refuse_nested(c))
        return;
    struct script_library *l = dict_get(script__libraries->libraries, c->argv[2]);
    if (!l) {
        reply_error(c, "ERR Library not found");
        return;
    }
    script__library_drop(script__libraries, l);
    changed(c);
    reply_ok(c);
}

void cmd_function_flush(struct call *c)
{
    if (script__refuse_nested(c))
        return;
    if (c->argc > 3) {
        reply_unknown_sub(c);
        return;
    }
    if (c->argc == 3 && !call_arg_is(c, 2, "sync") && !call_arg_is(c, 2, "async")) {
        reply_error(c, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
        return;
    }
    script__libraries_free(script__libraries);
    script__libraries = script__libraries_new();
    changed(c);
    reply_ok(c);
}

static void reply_function(struct call *c, const struct script_function *f)
{
    reply_map(c, 3);
    reply_str(c, "name");
    reply_str(c, f->name);
    reply_str(c, "description");
    if (f->description.p)
        reply_bulk(c, buf_slice(&f->description));
    else
        reply_null(c);
    reply_str(c, "flags");
    size_t n = 0;
    for (unsigned flag = 1; script__flag_name(flag); flag <<= 1)
        n += (f->flags & flag) != 0;
    reply_set(c, n);
    for (unsigned flag = 1; script__flag_name(flag); flag <<= 1)
        if (f->flags & flag)
            reply_status(c, script__flag_name(flag));
}

static void reply_library(struct call *c, const struct script_library *l, bool with_code)
{
    reply_map(c, with_code ? 4 : 3);
    reply_str(c, "library_name");
    reply_bulk(c, buf_slice(&l->name));
    reply_str(c, "engine");
    reply_str(c, "LUA");
    reply_str(c, "functions");
    reply_array(c, dict_count(l->functions));
    struct dict_iter it = dict_iter(l->functions);
    while (dict_next(&it))
        reply_function(c, it.value);
    if (with_code) {
        reply_str(c, "library_code");
        reply_bulk(c, buf_slice(&l->code));
    }
}

void cmd_function_list(struct call *c)
{
    bool with_code = false;
    struct slice pattern = SLICE_NULL;
    for (int i = 2; i < c->argc; i++) {
        if (!with_code && call_arg_is(c, i, "withcode")) {
            with_code = true;
        } else if (!pattern.p && call_arg_is(c, i, "libraryname")) {
            if (++i == c->argc) {
                reply_error(c, "ERR library name argument was not given");
                return;
            }
            pattern = c->argv[i];
        } else {
            reply_errorf(c, "ERR Unknown argument %.*s", SLICE_FMT(c->argv[i]));
            return;
        }
    }
    size_t n = 0, token = reply_begin(c);
    struct dict_iter it = dict_iter(script__libraries->libraries);
    while (dict_next(&it)) {
        if (pattern.p && !glob_match(pattern, it.key, true))
            continue;
        reply_library(c, it.value, with_code);
        n++;
    }
    reply_end(c, token, SINK_ARRAY, n);
}

void cmd_function_dump(struct call *c)
{
    struct buf out = BUF_INIT;
    script__libraries_put(script__libraries, &out);
    rdb_payload_seal(&out, 0);
    reply_bulk(c, buf_slice(&out));
    buf_free(&out);
}

void cmd_function_restore(struct call *c)
{
    if (script__refuse_nested(c))
        return;
    bool flush = false, replace = false;
    if (c->argc > 4) {
        reply_unknown_sub(c);
        return;
    }
    if (c->argc == 4) {
        flush = call_arg_is(c, 3, "flush");
        replace = call_arg_is(c, 3, "replace");
        if (!flush && !replace && !call_arg_is(c, 3, "append")) {
            reply_error(c, "ERR Wrong restore policy given, value should be either FLUSH, APPEND "
                           "or REPLACE.");
            return;
        }
    }
    struct slice body;
    if (!rdb_payload_open(c->argv[2], false, &body)) {
        reply_error(c, "ERR DUMP payload version or checksum are wrong");
        return;
    }
    struct buf why = BUF_INIT;
    struct script_libraries *set = script__libraries_new();
    bool ok = script__libraries_get(set, body, load_timeout(c), &why);
    if (ok && flush) {
        script__libraries_free(script__libraries);
        script__libraries = set;
    } else if (ok) {
        ok = script__libraries_join(script__libraries, set, replace, &why);
    }
    if (!ok) {
        script__libraries_free(set);
        reply_why(c, &why);
        return;
    }
    changed(c);
    reply_ok(c);
}

void cmd_function_kill(struct call *c)
{
    script__kill(c, false);
}

static void reply_running(struct call *c, const struct script_run *r)
{
    reply_map(c, 3);
    reply_str(c, "name");
    reply_str(c, r->name);
    reply_str(c, "command");
    reply_array(c, (size_t)r->call->argc);
    for (int i = 0; i < r->call->argc; i++)
        reply_bulk(c, r->call->argv[i]);
    reply_str(c, "duration_ms");
    reply_int(c, (clock_mono_us() - r->start_us) / 1000);
}

void cmd_function_stats(struct call *c)
{
    const struct script_run *r = script__running;
    if (r && r->eval) {
        reply_error(c, "BUSY Redis is busy running a script. You can only call SCRIPT KILL or "
                       "SHUTDOWN NOSAVE.");
        return;
    }
    reply_map(c, 2);
    reply_str(c, "running_script");
    if (r)
        reply_running(c, r);
    else
        reply_null(c);
    reply_str(c, "engines");
    reply_map(c, 1);
    reply_str(c, "LUA");
    reply_map(c, 2);
    reply_str(c, "libraries_count");
    reply_int(c, (int64_t)script__library_count());
    reply_str(c, "functions_count");
    reply_int(c, (int64_t)script__function_count());
}

void cmd_function_help(struct call *c)
{
    static const char *const lines[] = {
        "DELETE <library>",
        "    Deletes a library.",
        "DUMP",
        "    All libraries as bytes that FUNCTION RESTORE takes.",
        "FLUSH [ASYNC|SYNC]",
        "    Deletes all libraries.",
        "KILL",
        "    Stops the function that runs, unless it has written.",
        "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
        "    Tells about the libraries, or those whose names match.",
        "LOAD [REPLACE] <code>",
        "    Loads a library.",
        "RESTORE <bytes> [FLUSH|APPEND|REPLACE]",
        "    Loads the libraries of a dump: in place of all that are there, beside them (the",
        "    default), or in place of those with the same names.",
        "STATS",
        "    The function that runs, and how many there are.",
        NULL,
    };
    reply_help(c, lines);
}

/* -- FCALL --------------------------------------------------------------------------------------------------------------- */

static void fcall(struct call *c, bool read_only)
{
    if (script__refuse_nested(c))
        return;
    struct script_function *f = dict_get(script__libraries->functions, c->argv[1]);
    int64_t nkeys;
    struct script_keys keys;
    if (!f) {
        reply_error(c, "ERR Function not found");
        return;
    }
    if (!call_arg_int(c, 2, &nkeys, "Bad number of keys provided") ||
        !script__check_keys(c, nkeys, &keys))
        return;
    script__run(&script__function_env, c, f->name, f->ref, f->flags, false, read_only, &keys);
}

void cmd_fcall(struct call *c)
{
    fcall(c, false);
}

void cmd_fcall_ro(struct call *c)
{
    fcall(c, true);
}

/* -- Dump files ---------------------------------------------------------------------------------------------------------- */

static void rdb_each(void (*fn)(void *arg, struct slice code), void *arg)
{
    struct dict_iter it = dict_iter(script__libraries->libraries);
    while (dict_next(&it))
        fn(arg, buf_slice(&((const struct script_library *)it.value)->code));
}

static enum status rdb_load_one(struct slice code, bool replace, struct error *err)
{
    struct buf why = BUF_INIT;
    bool ok = script__library_load(script__libraries, code, replace, 0, &why) != NULL;
    if (ok)
        keep(lifecycle.kv);
    else
        error_set(err, ST_INVALID, "Failed loading library, %s", buf_cstr(&why));
    buf_free(&why);
    return ok ? ST_OK : ST_INVALID;
}

static void rdb_clear(void)
{
    script__libraries_free(script__libraries);
    script__libraries = script__libraries_new();
    keep(lifecycle.kv);
}

static const struct rdb_functions rdb_functions = {
    .each = rdb_each, .load = rdb_load_one, .clear = rdb_clear};

/* -- Start --------------------------------------------------------------------------------------------------------------- */

static unsigned flags_of_fcall(const struct call *c)
{
    const struct script_function *f =
        c->argc < 2 ? NULL : dict_get(script__libraries->functions, c->argv[1]);
    return f ? script__call_flags(c, f->flags) : c->cmd->flags;
}

/* The libraries as of the store's last fold; the log's tail brings the rest. */
static void load_stored(void)
{
    struct error err = {.message = ""};
    struct buf bytes = BUF_INIT, why = BUF_INIT;
    enum status st = kv_aux_get(lifecycle.kv, AUX_NAME, &bytes, &err);
    if (st != ST_OK && st != ST_NOT_FOUND)
        log_warning(LOG_SESSION, "The libraries of functions could not be read from the store: %s",
                    err.message);
    else if (!script__libraries_get(script__libraries, buf_slice(&bytes), 0, &why))
        log_warning(LOG_SESSION,
                    "The store's libraries of functions cannot be loaded: %s. FUNCTION LOAD or "
                    "RESTORE brings them back.",
                    buf_cstr(&why));
    buf_free(&bytes);
    buf_free(&why);
}

void script__function_start(void)
{
    command_find_original(SLICE("fcall"))->flags_of = flags_of_fcall;
    command_find_original(SLICE("fcall_ro"))->flags_of = flags_of_fcall;
    script__env_open(&script__function_env, true);
    script__libraries = script__libraries_new();
    rdb_set_functions(&rdb_functions);
    if (lifecycle.kv)
        load_stored();
    script_caches.libraries = script__function_overhead();
}
