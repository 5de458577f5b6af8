/* DEBUG: tools for tests. Each subcommand is a row of a table: name, how many arguments, function. */
#include "base/log.h"
#include "base/num.h"
#include "commands/server/debug_priv.h"
#include "commands/server/server_commands.h"
#include "config/admin.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#include <sys/mman.h>
#include <time.h>

static void debug_sleep(struct call *c)
{
    double seconds;
    if (!call_arg_double(c, 2, &seconds, NULL))
        return;
    if (seconds > 0 && seconds < 1e6) {
        time_t whole = (time_t)seconds;
        struct timespec t = {whole, (long)((seconds - (double)whole) * 1e9)};
        (void)nanosleep(&t, NULL);
    }
    reply_ok(c);
}

static void debug_loadaof(struct call *c)
{
    struct error err = {.message = ""};
    hook_event(EVENT_LOADING, LOADING_LOG, NULL);
    enum status st = kv_reload(c->kv, &err);
    hook_event(EVENT_LOADING, st == ST_OK ? LOADING_ENDED : LOADING_FAILED, NULL);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    log_warning(LOG_KEYSPACE, "Append Only File loaded by DEBUG LOADAOF");
    reply_ok(c);
}

static void debug_aof_flush_sleep(struct call *c)
{
    int64_t us;
    if (!call_arg_range(c, 2, 0, 1000 * 1000 * 1000, &us, NULL))
        return;
    kv_set_log_delay(c->kv, us);
    reply_ok(c);
}

static void debug_set_active_expire(struct call *c)
{
    int64_t on;
    if (!call_arg_int(c, 2, &on, NULL))
        return;
    kv_set_active_expire(c->kv, on != 0);
    reply_ok(c);
}

static void debug_object(struct call *c)
{
    struct kv_rec *rec;
    if (!call_lookup(c, c->argv[2], KV_NOTOUCH | KV_NOSTATS | KV_EXPIRED, &rec))
        return;
    if (!rec) {
        reply_error(c, "ERR no such key");
        return;
    }
    bool string = kv_rec_type(rec) == KV_STRING;
    size_t length = string ? kv_str_len(rec) + 1 : kv_rec_memory(rec);
    int64_t idle = kv_rec_idle_s(c->kv, rec);
    struct buf b = BUF_INIT;
    buf_printf(
        &b,
        "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%lld lru_seconds_idle:%lld",
        (const void *)rec, kv_rec_encoding(rec), length,
        (long long)((time(NULL) - idle) & 0xffffff), (long long)idle);
    reply_status(c, buf_cstr(&b));
    buf_free(&b);
}

/* Keys are made without effects and folded at the end: durable when it is answered, and no log full of them. */
static void debug_populate(struct call *c)
{
    int64_t count, size = 0;
    struct slice prefix = c->argc > 3 ? c->argv[3] : SLICE("key");
    if (!call_arg_range(c, 2, 0, INT64_MAX, &count, NULL))
        return;
    if (c->argc > 4 && !call_arg_range(c, 4, 0, 512 << 20, &size, NULL))
        return;
    struct error err = {.message = ""};
    enum status st = ST_OK;
    struct buf key = BUF_INIT, value = BUF_INIT;
    kv_effects_off(c->kv);
    for (int64_t i = 0; i < count && st == ST_OK; i++) {
        struct kv_rec *rec;
        buf_clear(&key);
        buf_put_slice(&key, prefix);
        buf_put_byte(&key, ':');
        buf_put_int(&key, i);
        st = kv_lookup(c->kv, c->db, buf_slice(&key), KV_WRITE | KV_NOSTATS, &rec, &err);
        if (st != ST_OK || rec)
            continue;
        buf_clear(&value);
        buf_put_str(&value, "value:");
        buf_put_int(&value, i);
        if (size && value.n < (size_t)size) {
            size_t pad = (size_t)size - value.n;
            memset(buf_grow(&value, pad), 0, pad);
        }
        struct slice bytes = slice_make(value.p, size ? (size_t)size : value.n);
        st = kv_set(c->kv, c->db, buf_slice(&key), bytes, KV_NO_EXPIRE, 0, NULL, &err);
        if (st == ST_OK && kv_pressure(c->kv))
            st = kv_fold_now(c->kv, &err);
    }
    kv_effects_on(c->kv);
    buf_free(&key);
    buf_free(&value);
    if (st == ST_OK)
        st = kv_fold_now(c->kv, &err);
    if (st == ST_OK)
        reply_ok(c);
    else
        call_reply_status(c, st, &err);
}

static void debug_log(struct call *c)
{
    log_warning(LOG_SERVER, "DEBUG LOG: %.*s", SLICE_FMT(c->argv[2]));
    reply_ok(c);
}

static void debug_error(struct call *c)
{
    struct buf b = BUF_INIT;
    buf_put_slice(&b, c->argv[2]);
    reply_error(c, buf_cstr(&b));
    buf_free(&b);
}

static void debug_segfault(struct call *c)
{
    volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = 'x';
}

static void debug_assert(struct call *c)
{
    orbit_assert(!"DEBUG ASSERT was called");
}

static void debug_config_rewrite(struct call *c)
{
    struct error err = {.message = ""};
    if (config_rewrite(true, &err) == ST_OK)
        reply_ok(c);
    else
        reply_errorf(c, "ERR CONFIG-REWRITE-FORCE-ALL failed: %s", err.message);
}

static void debug_pause_cron(struct call *c)
{
    int64_t on;
    if (!call_arg_int(c, 2, &on, NULL))
        return;
    lifecycle.cron_paused = on != 0;
    reply_ok(c);
}

static void debug_replicate(struct call *c)
{
    struct hook_words words = {(size_t)c->argc - 2, c->argv + 2};
    hook_run(HOOK_REPLICATE, &words);
    reply_ok(c);
}

static void debug_set_disable_deny_scripts(struct call *c)
{
    int64_t on;
    if (!call_arg_int(c, 2, &on, NULL))
        return;
    dispatch_set_scripts_may_all(on != 0);
    reply_ok(c);
}

static void debug_replybuffer(struct call *c)
{
    int64_t v;
    if (call_arg_is(c, 2, "peak-reset-time")) {
        if (call_arg_is(c, 3, "never"))
            reply_buffer_tuning.peak_reset_ms = -1;
        else if (call_arg_is(c, 3, "reset"))
            reply_buffer_tuning.peak_reset_ms = 0;
        else if (call_arg_int(c, 3, &v, NULL))
            reply_buffer_tuning.peak_reset_ms = v;
        else
            return;
    } else if (call_arg_is(c, 2, "resizing")) {
        if (!call_arg_int(c, 3, &v, NULL))
            return;
        reply_buffer_tuning.fixed = v == 0;
    } else {
        reply_unknown_sub(c);
        return;
    }
    reply_ok(c);
}

/* Lists have pages of one kind here, whatever their elements: nothing depends on it. */
static void debug_quicklist_threshold(struct call *c)
{
    uint64_t size;
    if (num_parse_memory(c->argv[2], &size) && size <= 1ull << 32)
        reply_ok(c);
    else
        reply_error(c, "ERR argument must be a memory value bigger than 1 and smaller than 4gb");
}

static void debug_help(struct call *c)
{
    static const char *const lines[] = {
        "AOF-FLUSH-SLEEP <microseconds>",
        "    Sleeps for so long before each write of the log; 0: no more.",
        "ASSERT",
        "    Crashes the server by a failed assertion.",
        "CONFIG-REWRITE-FORCE-ALL",
        "    As CONFIG REWRITE, and writes every option, also those with their default.",
        "DIGEST",
        "    A checksum of all data, independent of order.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    A checksum of each key's value.",
        "ERROR <string>",
        "    Answers an error with this text.",
        "HTSTATS <db> [FULL]",
        "    The hash table of the records that are in memory; FULL: also its chains.",
        "HTSTATS-KEY <key> [FULL]",
        "LISTPACK <key>",
        "    Always an error: values are neither hash tables nor listpacks in memory.",
        "LOADAOF",
        "    Drops all cached records, so that they are read back from the store.",
        "LOG <message>",
        "    Writes a line to the server's log.",
        "MALLCTL <name> [<value>]",
        "    A number of the allocator's; with a value it is set, and what it was is told.",
        "OBJECT <key>",
        "    How a key is held in memory.",
        "PAUSE-CRON <0|1>",
        "    Stops the periodic job, or lets it go on.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Makes keys prefix:0, prefix:1, ... (default: key).",
        "PROTOCOL <type>",
        "    A sample of a reply: string, integer, double, bignum, null, array, set, map, attrib, "
        "push, verbatim, true, "
        "false.",
        "QUICKLIST-PACKED-THRESHOLD <size>",
        "    Accepted, without effect.",
        "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
        "    Writes the dump file (not with NOSAVE), deletes everything (not with NOFLUSH), loads "
        "the dump",
        "    file (with MERGE also over keys that are there), drops all cached records.",
        "REPLICATE <arg> [<arg> ...]",
        "    Sends these words to the replicas as a command, as they are, and to nobody else.",
        "REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|milliseconds>",
        "    After which time the peak of a client's reply buffer is forgotten.",
        "REPLYBUFFER RESIZING <0|1>",
        "    Whether reply buffers are resized.",
        "SEGFAULT",
        "    Crashes the server by a bad memory access.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Whether expired keys are deleted in the background.",
        "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
        "    Whether RESTORE and loading take payloads and dump files with a wrong checksum.",
        "SET-DISABLE-DENY-SCRIPTS <0|1>",
        "    Lets scripts call every command.",
        "SLEEP <seconds>",
        "    Stops the server for so long; fractions are allowed.",
        NULL};
    reply_help(c, lines);
}

void cmd_debug(struct call *c)
{
    static const struct {
        const char *name;
        int min, max; /* of argc */
        command_fn fn;
    } subs[] = {
        {"aof-flush-sleep", 3, 3, debug_aof_flush_sleep},
        {"assert", 2, 2, debug_assert},
        {"config-rewrite-force-all", 2, 2, debug_config_rewrite},
        {"digest", 2, 2, debug__digest},
        {"digest-value", 2, INT32_MAX, debug__digest_value},
        {"error", 3, 3, debug_error},
        {"help", 2, 2, debug_help},
        {"htstats", 3, 4, debug__htstats},
        {"htstats-key", 3, 4, debug__htstats_key},
        {"listpack", 3, 3, debug__listpack},
        {"loadaof", 2, 2, debug_loadaof},
        {"log", 3, 3, debug_log},
        {"mallctl", 3, 4, debug__mallctl},
        {"object", 3, 3, debug_object},
        {"pause-cron", 3, 3, debug_pause_cron},
        {"populate", 3, 5, debug_populate},
        {"protocol", 3, 3, debug__protocol},
        {"quicklist-packed-threshold", 3, 3, debug_quicklist_threshold},
        {"reload", 2, INT32_MAX, debug__reload},
        {"replicate", 3, INT32_MAX, debug_replicate},
        {"replybuffer", 4, 4, debug_replybuffer},
        {"segfault", 2, 2, debug_segfault},
        {"set-active-expire", 3, 3, debug_set_active_expire},
        {"set-skip-checksum-validation", 3, 3, debug__skip_checksum},
        {"set-disable-deny-scripts", 3, 3, debug_set_disable_deny_scripts},
        {"sleep", 3, 3, debug_sleep},
    };
    for (size_t i = 0; i < COUNT_OF(subs); i++) {
        if (!call_arg_is(c, 1, subs[i].name))
            continue;
        if (c->argc < subs[i].min || c->argc > subs[i].max)
            break;
        subs[i].fn(c);
        return;
    }
    reply_unknown_sub(c);
}
