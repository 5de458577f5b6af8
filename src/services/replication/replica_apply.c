/* What a replica does with what its master sends: loads the dump, runs the stream.
 *
 * The stream's commands run as those of the log do, without any check, and are effects of this server in turn. A transaction is run
 * once it is there as a whole. Replicas of this one get the master's bytes as they came. */
#include "base/log.h"
#include "keyspace/kv.h"
#include "rdb/rdb_functions.h"
#include "rdb/rdb_load.h"
#include "services/replication/replica_priv.h"
#include "services/replication/replication_priv.h"
#include "session/call.h"
#include "session/lifecycle.h"
#include "session/session.h"
#include "session/stats.h"
#include "wire/resp/resp_codec.h"

static struct session *applier;
static struct resp_request request;

static struct session *session(void)
{
    if (!applier) {
        applier = session_new_internal(lifecycle.kv);
        applier->flags |= SESS_LOADING_LOG;
    }
    return applier;
}

void repl__apply_reset(void)
{
    session()->db = 0;
}

enum status repl__apply_dump(const char *path, struct error *err)
{
    struct kv *kv = lifecycle.kv;
    struct rdb_load l = {.path = path, .merge = true};
    enum status st = rdb_check(path, err);
    if (st != ST_OK)
        return st;
    kv_effects_off(kv);
    (void)kv_flush(kv, -1);
    kv_effects_on(kv);
    rdb_clear_functions();
    return rdb_load(kv, &l, err);
}

static enum resp_parse parse(const char *p, size_t n, struct error *err)
{
    static const struct resp_limits limits = {.max_bulk = INT64_MAX};
    const char *why = "";
    resp_request_reset(&request);
    enum resp_parse got = resp_parse(&request, p, n, &limits, &why);
    if (got == RESP_BAD)
        (void)error_set(err, ST_CORRUPT, "the master's stream is broken: %s", why);
    return got;
}

/* Length of the unit at p: one command, or all from MULTI to EXEC. 0: not complete, or broken (bad). */
static size_t unit_length(const char *p, size_t n, bool *bad, struct error *err)
{
    size_t at = 0;
    bool multi = false;
    *bad = false;
    do {
        enum resp_parse got = at < n ? parse(p + at, n - at, err) : RESP_MORE;
        *bad = got == RESP_BAD;
        if (got == RESP_BAD || got == RESP_MORE)
            return 0;
        at += request.size;
        if (got == RESP_COMMAND && slice_is(request.argv[0], "multi"))
            multi = true;
        else if (got == RESP_COMMAND && slice_is(request.argv[0], "exec"))
            multi = false;
    } while (multi);
    return at;
}

static bool is_getack(void)
{
    return request.argc == 3 && slice_is(request.argv[0], "replconf") &&
           slice_is(request.argv[1], "getack");
}

static void run_one(struct slice bytes)
{
    struct kv *kv = lifecycle.kv;
    uint64_t errors = sess_stats.unexpected_errors;
    if (slice_is(request.argv[0], "ping"))
        return;
    if (slice_is(request.argv[0], "replconf"))
        return;
    kv_obey(kv, true);
    (void)dispatch(session(), request.argc, request.argv, request.canonical ? bytes : SLICE_NULL);
    kv_obey(kv, false);
    if (sess_stats.unexpected_errors != errors)
        log_warning(LOG_SERVER,
                    "== CRITICAL == This replica is sending an error to its master: a command "
                    "'%.*s' of the stream failed. The data sets may differ.",
                    SLICE_FMT(request.argv[0]));
}

/* p[0..n) is one unit. */
static void run_unit(const char *p, size_t n)
{
    struct error err;
    kv_unit_begin(lifecycle.kv);
    for (size_t at = 0; at < n; at += request.size)
        if (parse(p + at, n - at, &err) == RESP_COMMAND)
            run_one(slice_make(p + at, request.size));
    kv_unit_end(lifecycle.kv);
}

enum status repl__apply(struct buf *in, struct error *err)
{
    size_t at = 0;
    bool bad = false;
    while (at < in->n && !bad) {
        size_t n = unit_length(in->p + at, in->n - at, &bad, err);
        if (n == 0)
            break;
        run_unit(in->p + at, n);
        repl__relay(slice_make(in->p + at, n));
        if (is_getack())
            repl__send_ack();
        at += n;
    }
    buf_consume(in, at);
    return bad ? ST_CORRUPT : ST_OK;
}
