/* From a parsed command to its execution: the checks, in Redis's order.
 *
 *   look up -> arity -> protected -> authenticated -> allowed in MULTI -> ACL -> maxmemory -> log writable
 *           -> RESP2 subscriber -> loading -> busy -> paused or back-pressure (postponed) -> queue it, or run it */
#include "session/dispatch.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/compat_options.h"
#include "keyspace/keyspace_options.h"
#include "session/acl.h"
#include "session/block.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "session/multi.h"
#include "session/protect.h"
#include "session/reply.h"
#include "session/session_options.h"
#include "session/session_priv.h"
#include "session/stats.h"

#define ARENA_CHUNK 4096

/* What dispatch has to know of single commands. */
enum role {
    ROLE_NOT_QUEUED = 1 << 0, /* runs at once inside MULTI */
    ROLE_EXEC = 1 << 1,
    ROLE_IN_PUBSUB = 1 << 2, /* allowed to a RESP2 subscriber */
    ROLE_PING = 1 << 3,
};

struct found {
    struct command *cmd;
    unsigned roles;
};

/* Commands by the very bytes that clients send for their names. Only top-level commands without subcommands stand here. */
#define NAME_CACHE_SIZE 256
struct name_entry {
    uint64_t lo, hi; /* up to 16 bytes, zero-padded */
    size_t n;
    struct found found;
};
static struct name_entry names[NAME_CACHE_SIZE];

static struct arena **arenas; /* by depth */
static int narenas;
static const char *busy_error;
static bool over_memory, scripts_may_all;
static bool holding;
static int running;

const struct dispatch_filter *dispatch_filter;
static void (*filter_end)(void *filtered); /* of the last filter there was */

void dispatch_set_filter(const struct dispatch_filter *f)
{
    dispatch_filter = f;
    if (f)
        filter_end = f->end;
}

void dispatch_filter_end(void *filtered)
{
    if (UNLIKELY(filtered != NULL))
        filter_end(filtered);
}

bool dispatch_is_loading(void)
{
    return lifecycle.loading || lifecycle.async_loading;
}

void dispatch_set_busy(const char *error)
{
    busy_error = error;
}

bool dispatch_hold(bool on)
{
    bool former = holding;
    holding = on;
    return former;
}

bool dispatch_running(void)
{
    return running > 0;
}

const char *dispatch_busy(void)
{
    return busy_error;
}

bool dispatch_over_memory(void)
{
    return over_memory;
}

const char *dispatch_no_replicas(void)
{
    if (LIKELY(compat_opts.min_replicas_to_write == 0) || compat_opts.min_replicas_max_lag == 0 ||
        (int64_t)lifecycle.good_replicas >= compat_opts.min_replicas_to_write ||
        lifecycle.loading || lifecycle.following)
        return NULL;
    return "NOREPLICAS Not enough good replicas to write.";
}

const char *dispatch_read_only(const struct session *s)
{
    if (LIKELY(!lifecycle.following) || !compat_opts.replica_read_only || (s->flags & SESS_MASTER))
        return NULL;
    return "READONLY You can't write against a read only replica.";
}

bool dispatch_stale(const struct session *s)
{
    return UNLIKELY(lifecycle.following) && !lifecycle.master_up &&
           !compat_opts.replica_serve_stale_data && !(s->flags & SESS_MASTER);
}

void dispatch_set_scripts_may_all(bool on)
{
    scripts_may_all = on;
}

bool dispatch_scripts_may_all(void)
{
    return scripts_may_all;
}

unsigned dispatch_flags(const struct call *c)
{
    return UNLIKELY(c->cmd->flags_of != NULL) ? c->cmd->flags_of(c) : c->cmd->flags;
}

void dispatch_forget_commands(void)
{
    memset(names, 0, sizeof names);
}

void dispatch_forget(const struct command *cmd)
{
    dispatch_forget_commands();
    LIST_EACH(it, session_list())
    {
        struct session *s = LIST_ENTRY(it, struct session, link);
        if (s->last_cmd == cmd)
            s->last_cmd = NULL;
        if (multi__holds(s, cmd))
            s->flags |= SESS_DIRTY_EXEC;
    }
}

struct arena *dispatch__arena(int depth)
{
    if (UNLIKELY(depth >= narenas)) {
        arenas = mem_realloc(arenas, (size_t)(depth + 1) * sizeof *arenas);
        while (narenas <= depth)
            arenas[narenas++] = arena_new(ARENA_CHUNK);
    }
    return arenas[depth];
}

static unsigned roles_of(const struct command *cmd)
{
    static const struct {
        const char *name;
        unsigned roles;
    } table[] = {
        {"exec", ROLE_NOT_QUEUED | ROLE_EXEC},
        {"discard", ROLE_NOT_QUEUED},
        {"multi", ROLE_NOT_QUEUED},
        {"watch", ROLE_NOT_QUEUED},
        {"quit", ROLE_NOT_QUEUED | ROLE_IN_PUBSUB},
        {"reset", ROLE_NOT_QUEUED | ROLE_IN_PUBSUB},
        {"ping", ROLE_IN_PUBSUB | ROLE_PING},
        {"subscribe", ROLE_IN_PUBSUB},
        {"unsubscribe", ROLE_IN_PUBSUB},
        {"psubscribe", ROLE_IN_PUBSUB},
        {"punsubscribe", ROLE_IN_PUBSUB},
        {"ssubscribe", ROLE_IN_PUBSUB},
        {"sunsubscribe", ROLE_IN_PUBSUB},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(cmd->fullname, table[i].name) == 0)
            return table[i].roles;
    return 0;
}

static struct found find(const struct slice *argv, int argc)
{
    bool parent_only = false;
    struct slice name = argv[0];
    struct name_entry *e = NULL;
    uint64_t lo = 0, hi = 0;
    if (LIKELY(name.n > 0 && name.n <= 16)) {
        if (name.n <= 8) {
            memcpy(&lo, name.p, name.n);
        } else {
            memcpy(&lo, name.p, 8);
            memcpy(&hi, name.p + 8, name.n - 8);
        }
        e = &names[((lo ^ (hi * 31)) * 0x9e3779b97f4a7c15u) >> 56];
        if (LIKELY(e->lo == lo && e->hi == hi && e->n == name.n))
            return e->found;
    }
    struct found f = {command_resolve(argv, argc, &parent_only), 0};
    if (!f.cmd)
        return f;
    f.roles = roles_of(f.cmd);
    if (e && !f.cmd->parent && !f.cmd->nsubs)
        *e = (struct name_entry){lo, hi, name.n, f};
    return f;
}

struct command *dispatch_find(const struct slice *argv, int argc)
{
    return find(argv, argc).cmd;
}

/* -- Refusals ------------------------------------------------------------------------------------------------------------ */

/* A command refused while queueing spoils the transaction; a refused EXEC ends it. text: with its code, may be ours or have
 * the client's bytes in it. */
static enum dispatch_result reject(struct call *c, unsigned roles, const char *text)
{
    struct session *s = c->s;
    if (c->cmd)
        c->cmd->rejected++;
    if (roles & ROLE_EXEC) {
        /* "-ERR reason" without its code, as the reason of the abort */
        const char *reason = strncmp(text, "ERR ", 4) == 0 ? text + 4 : text;
        if (s->flags & SESS_MULTI)
            multi_discard(s);
        reply_errorf(c, "EXECABORT Transaction discarded because of: %s", reason);
        return DISPATCH_DONE;
    }
    if (s->flags & SESS_MULTI)
        s->flags |= SESS_DIRTY_EXEC;
    reply_error(c, text);
    return DISPATCH_DONE;
}

static enum dispatch_result reject_buf(struct call *c, unsigned roles, struct buf *b)
{
    enum dispatch_result r = reject(c, roles, buf_cstr(b));
    buf_free(b);
    return r;
}

static struct slice cut(struct slice s, size_t max)
{
    /* as a C string would end */
    size_t n = s.n < max ? s.n : max;
    const char *nul = n ? memchr(s.p, 0, n) : NULL;
    return slice_make(s.p, nul ? (size_t)(nul - s.p) : n);
}

/* A browser was made to talk to us: what comes next would be somebody else's commands. */
static bool refuse_http(struct call *c)
{
    if (!slice_is(c->argv[0], "host:") && !slice_is(c->argv[0], "post"))
        return false;
    log_warning(LOG_SESSION, "Possible SECURITY ATTACK detected: an HTTP request was sent to this "
                             "port, most likely by a web "
                             "page that a local user opened. Connection closed.");
    session_close(c->s, SESS_CLOSE_NOW);
    return true;
}

void dispatch_put_unknown(struct buf *b, const struct slice *argv, int argc)
{
    bool parent_only = false;
    struct slice name = cut(argv[0], 128);
    if (!command_resolve(argv, argc, &parent_only) && parent_only) {
        buf_put_str(b, "ERR unknown subcommand '");
        buf_put_slice(b, cut(argv[1], 128));
        buf_put_str(b, "'. Try ");
        for (size_t i = 0; i < name.n; i++)
            buf_put_byte(
                b, (uint8_t)(name.p[i] >= 'a' && name.p[i] <= 'z' ? name.p[i] - 32 : name.p[i]));
        buf_put_str(b, " HELP.");
        return;
    }
    buf_put_str(b, "ERR unknown command '");
    buf_put_slice(b, name);
    buf_put_str(b, "', with args beginning with: ");
    size_t start = b->n;
    for (int i = 1; i < argc && b->n - start < 128; i++) {
        size_t left = 128 - (b->n - start);
        buf_put_byte(b, '\'');
        buf_put_slice(b, cut(argv[i], left));
        buf_put_str(b, "' ");
    }
}

static enum dispatch_result reject_unknown(struct call *c)
{
    if (refuse_http(c))
        return DISPATCH_DONE;
    struct buf b = BUF_INIT;
    dispatch_put_unknown(&b, c->argv, c->argc);
    return reject_buf(c, 0, &b);
}

/* True: refused. */
static bool refuse_protected(struct call *c)
{
    bool debug = strcmp(c->cmd->fullname, "debug") == 0;
    if (protect_allowed(c->s, debug ? session_opts.enable_debug_command
                                    : session_opts.enable_module_command))
        return false;
    struct buf b = BUF_INIT;
    buf_printf(&b,
               "ERR %s command not allowed. If the %s option is set to \"local\", you can run it "
               "from a local connection, "
               "otherwise you need to set this option in the configuration file, and then restart "
               "the server.",
               debug ? "DEBUG" : "MODULE",
               debug ? "enable-debug-command" : "enable-module-command");
    reject_buf(c, 0, &b);
    return true;
}

static bool auth_missing(const struct session *s)
{
    if (s->flags & SESS_AUTHENTICATED)
        return false;
    const struct acl_user *user = acl_default();
    return !acl_nopass(user) || !acl_enabled(user);
}

static enum dispatch_result reject_noperm(struct call *c, unsigned roles)
{
    /* acl_check_call has answered and counted. */
    c->cmd->rejected++;
    if (c->s->flags & SESS_MULTI)
        c->s->flags |= SESS_DIRTY_EXEC;
    return DISPATCH_DONE;
}

static enum dispatch_result reject_misconf(struct call *c, unsigned roles, const struct error *why)
{
    struct buf b = BUF_INIT;
    if (strncmp(why->message, "MISCONF ", 8) != 0)
        buf_put_str(&b, "MISCONF Errors writing to the AOF file: ");
    buf_put_str(&b, why->message);
    return reject_buf(c, roles, &b);
}

/* -- Checks -------------------------------------------------------------------------------------------------------------- */

/* Flags of what would run now: EXEC has those of its queue. */
struct effective {
    unsigned any;     /* some of them have it */
    unsigned lacking; /* some of them lack it */
};

static struct effective effective(const struct call *c, unsigned roles)
{
    unsigned flags = dispatch_flags(c);
    struct effective e = {flags, ~flags};
    if (UNLIKELY(roles & ROLE_EXEC) && (c->s->flags & SESS_MULTI)) {
        e.any |= multi_flags(c->s);
        e.lacking |= multi_inverse_flags(c->s);
    }
    return e;
}

/* False: over maxmemory, and nothing may go. */
static bool make_room(struct kv *kv)
{
    /* Nothing is evicted while the data set has to stand still. */
    if (pause_mode() != PAUSE_OFF)
        return true;
    enum status st = kv_evict(kv);
    /* What was evicted is told before the answer to the command that made it go. */
    if (hook_any(HOOK_UNIT_END))
        hook_run(HOOK_UNIT_END, NULL);
    return st == ST_OK;
}

/* Checks that depend on the state of the server. True: *r is the outcome. */
static bool check_state(struct call *c, unsigned roles, struct effective e, enum dispatch_result *r)
{
    struct session *s = c->s;
    /* Nothing is evicted in the midst of a script. */
    if (LIKELY(!busy_error))
        over_memory = UNLIKELY(keyspace_opts.maxmemory > 0) && !make_room(c->kv);
    if (UNLIKELY(over_memory)) {
        bool refuse =
            (e.any & CMD_DENYOOM) || ((s->flags & SESS_MULTI) && !(roles & ROLE_NOT_QUEUED));
        if (refuse) {
            *r = reject(c, roles, "OOM command not allowed when used memory > 'maxmemory'.");
            return true;
        }
    }
    if (UNLIKELY(s->flags & SESS_REPLICA) &&
        (e.any & (CMD_WRITE | CMD_READONLY | CMD_MAY_REPLICATE))) {
        *r = reject(c, roles, "ERR Replica can't interact with the keyspace");
        return true;
    }
    if ((e.any & CMD_WRITE) || (roles & ROLE_PING)) {
        struct error why = {.message = ""};
        if (UNLIKELY(kv_write_refused(c->kv, NULL)) && kv_write_refused(c->kv, &why)) {
            *r = reject_misconf(c, roles, &why);
            return true;
        }
    }
    if ((e.any & CMD_WRITE) && UNLIKELY(dispatch_no_replicas() != NULL)) {
        *r = reject(c, roles, dispatch_no_replicas());
        return true;
    }
    if ((e.any & CMD_WRITE) && UNLIKELY(dispatch_read_only(s) != NULL)) {
        *r = reject(c, roles, dispatch_read_only(s));
        return true;
    }
    if (UNLIKELY(s->flags & SESS_PUBSUB) && s->resp == 2 && !(roles & ROLE_IN_PUBSUB)) {
        struct buf b = BUF_INIT;
        buf_printf(&b,
                   "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                   "RESET are allowed in "
                   "this context",
                   c->cmd->fullname);
        *r = reject_buf(c, roles, &b);
        return true;
    }
    if (UNLIKELY(dispatch_stale(s)) && (e.lacking & CMD_STALE)) {
        *r = reject(c, roles, DISPATCH_STALE_TEXT);
        return true;
    }
    if ((UNLIKELY(lifecycle.loading) && (e.lacking & CMD_LOADING)) ||
        (UNLIKELY(lifecycle.async_loading) && (e.any & CMD_NO_ASYNC_LOADING))) {
        *r = reject(c, roles, "LOADING Redis is loading the dataset in memory");
        return true;
    }
    if (UNLIKELY(busy_error != NULL) && !(c->cmd->flags & CMD_ALLOW_BUSY)) {
        *r = reject(c, roles, busy_error);
        return true;
    }
    return false;
}

/* True: the command has to wait. */
static bool check_postpone(struct call *c, struct effective e)
{
    enum pause_mode mode = pause_mode();
    if (UNLIKELY(mode != PAUSE_OFF) && !(c->s->flags & SESS_REPLICA) &&
        (mode == PAUSE_ALL || (e.any & (CMD_WRITE | CMD_MAY_REPLICATE)) != 0)) {
        block__postpone(c->s, BLOCK_WHY_PAUSE);
        return true;
    }
    if ((e.any & CMD_WRITE) && UNLIKELY(kv_pressure(c->kv))) {
        block__postpone(c->s, BLOCK_WHY_PRESSURE);
        return true;
    }
    return false;
}

/* Everything that is known from the words alone. True: *r is the outcome. */
static bool check_call(struct call *c, unsigned roles, enum dispatch_result *r)
{
    struct session *s = c->s;
    struct command *cmd = c->cmd;
    *r = DISPATCH_DONE;
    if (UNLIKELY(!command_arity_ok(cmd, c->argc))) {
        struct buf b = BUF_INIT;
        buf_printf(&b, "ERR wrong number of arguments for '%s' command", cmd->fullname);
        *r = reject_buf(c, roles, &b);
        return true;
    }
    if (UNLIKELY(cmd->flags & CMD_PROTECTED) && refuse_protected(c))
        return true;
    if (UNLIKELY(auth_missing(s)) && !(cmd->flags & CMD_NO_AUTH)) {
        *r = reject(c, roles, "NOAUTH Authentication required.");
        return true;
    }
    if (UNLIKELY(s->flags & SESS_MULTI) && (cmd->flags & CMD_NO_MULTI)) {
        *r = reject(c, roles, "ERR Command not allowed inside a transaction");
        return true;
    }
    if (!acl_unlimited(s->user) && !acl_check_call(c)) {
        *r = reject_noperm(c, roles);
        return true;
    }
    return false;
}

/* -- Running ------------------------------------------------------------------------------------------------------------- */

static enum dispatch_result run(struct call *c)
{
    struct session *s = c->s;
    s->commands++;
    call_execute(c);
    if (arena_bytes(c->arena))
        arena_reset(c->arena);
    return c->blocked ? DISPATCH_BLOCKED : DISPATCH_DONE;
}

/* CLIENT REPLY SKIP silences the command after it. */
void dispatch__answered(struct session *s)
{
    if (LIKELY(!(s->flags & (SESS_REPLY_SKIP_NEXT | SESS_REPLY_SKIP))))
        return;
    if (s->flags & SESS_REPLY_SKIP_NEXT) {
        s->flags = (s->flags & ~(uint32_t)SESS_REPLY_SKIP_NEXT) | SESS_REPLY_SKIP;
        s->ops->set_reply(s, false);
    } else {
        s->flags &= ~(uint32_t)SESS_REPLY_SKIP;
        if (!(s->flags & SESS_REPLY_OFF))
            s->ops->set_reply(s, true);
    }
}

/* Logs and masters speak the original names. */
static struct found find_original(struct call *c)
{
    struct found f = {NULL, 0};
    if (UNLIKELY(command_renames())) {
        f.cmd = command_resolve_original(c->argv, c->argc);
        f.roles = f.cmd ? roles_of(f.cmd) : 0;
    } else {
        f = find(c->argv, c->argc);
    }
    c->cmd = f.cmd;
    return f;
}

/* The log holds whole units and was checked when it was written; what cannot be run from it is an unexpected error. */
static enum dispatch_result dispatch_replay(struct call *c)
{
    struct found f = find_original(c);
    if (f.roles & ROLE_NOT_QUEUED)
        return DISPATCH_DONE; /* MULTI and EXEC around a unit */
    if (f.cmd && command_arity_ok(f.cmd, c->argc))
        return run(c);
    sess_stats.unexpected_errors++;
    sess_stats.fatal_errors++;
    if (!f.cmd)
        return reject_unknown(c);
    reply_arity_error(c);
    return DISPATCH_DONE;
}

/* What our master sends is not questioned; a transaction is kept whole, and all may have to wait. */
static enum dispatch_result dispatch_master(struct call *c)
{
    struct found f = find_original(c);
    if (UNLIKELY(!f.cmd || !command_arity_ok(f.cmd, c->argc))) {
        sess_stats.unexpected_errors++;
        if (!f.cmd)
            return reject_unknown(c);
        reply_arity_error(c);
        return DISPATCH_DONE;
    }
    c->s->last_cmd = f.cmd;
    if (UNLIKELY(check_postpone(c, effective(c, f.roles))))
        return DISPATCH_POSTPONED;
    if ((c->s->flags & SESS_MULTI) && !(f.roles & ROLE_NOT_QUEUED)) {
        if (!multi_queue(c))
            return reject(c, 0, "OOM not enough memory to queue this command");
        return DISPATCH_DONE;
    }
    return run(c);
}

static enum dispatch_result dispatch_checked(struct call *c)
{
    struct session *s = c->s;
    struct found f = find(c->argv, c->argc);
    if (UNLIKELY(!f.cmd))
        return reject_unknown(c);
    c->cmd = f.cmd;
    s->last_cmd = f.cmd;
    enum dispatch_result r;
    if (UNLIKELY(check_call(c, f.roles, &r)))
        return r;
    struct effective e = effective(c, f.roles);
    if (UNLIKELY(check_state(c, f.roles, e, &r)))
        return r;
    if (UNLIKELY(check_postpone(c, e)))
        return DISPATCH_POSTPONED;
    if (UNLIKELY(s->flags & SESS_MULTI) && !(f.roles & ROLE_NOT_QUEUED)) {
        if (!multi_queue(c))
            return reject(c, 0, "OOM not enough memory to queue this command");
        reply_status(c, "QUEUED");
        return DISPATCH_DONE;
    }
    return run(c);
}

enum dispatch_result dispatch(struct session *s, int argc, struct slice *argv, struct slice raw)
{
    struct call c;
    call__init(&c, s, NULL, argv, argc);
    c.raw = raw;
    if (UNLIKELY(s->flags & SESS_LOADING_LOG))
        return dispatch_replay(&c);
    if (UNLIKELY(s->flags & SESS_CLOSING))
        return DISPATCH_DONE;
    s->active_ms = clock_cached_ms();
    s->flags &= ~(uint32_t)SESS_POSTPONED;
    if (UNLIKELY(holding)) {
        block__postpone(s, BLOCK_WHY_BUSY);
        return DISPATCH_POSTPONED;
    }
    running++;
    void *filtered = dispatch_filter_begin(s, &c.argc, &c.argv);
    if (UNLIKELY(filtered != NULL))
        c.raw = SLICE_NULL;
    enum dispatch_result r =
        UNLIKELY(s->flags & SESS_MASTER) ? dispatch_master(&c) : dispatch_checked(&c);
    dispatch_filter_end(filtered);
    running--;
    if (r == DISPATCH_DONE && LIKELY(!(s->flags & SESS_MASTER)))
        dispatch__answered(s);
    return r;
}

bool dispatch__again(struct call *c)
{
    enum dispatch_result r;
    return !check_call(c, 0, &r) && !check_state(c, 0, effective(c, 0), &r);
}
