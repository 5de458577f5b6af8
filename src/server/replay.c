/* The log's tail, executed as if a client had sent it. */
#include "base/clock.h"
#include "base/log.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv.h"
#include "module/module.h"
#include "server/server.h"
#include "session/call.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "session/stats.h"
#include "wire/resp/resp_codec.h"

#include <inttypes.h>

struct replay {
    struct session *s;
    struct resp_request req;
    uint64_t commands, refused;
};

#define REFUSED_SHOWN 10 /* commands that answer an error when replayed: as many are named */

/* What was done once may be refused now, under other options. The rest of the log is worth more than a start without it. */
static void refused(struct replay *r)
{
    if (++r->refused <= REFUSED_SHOWN)
        log_warning(LOG_SERVER, "The log's command '%.*s' is refused and left out",
                    SLICE_FMT(r->req.argv[0]));
}

static enum status run_payload(void *arg, struct slice payload, struct error *err)
{
    static const struct resp_limits limits = {.max_bulk = INT64_MAX};
    struct replay *r = arg;
    size_t at = 0;
    while (at < payload.n) {
        const char *why = "torn command";
        enum resp_parse got = resp_parse(&r->req, payload.p + at, payload.n - at, &limits, &why);
        if (got != RESP_COMMAND && got != RESP_NOTHING)
            return error_set(err, ST_CORRUPT, "the log holds a frame that is no command: %s", why);
        at += r->req.size;
        if (got == RESP_COMMAND) {
            uint64_t errors = sess_stats.unexpected_errors, fatal = sess_stats.fatal_errors;
            (void)dispatch(r->s, r->req.argc, r->req.argv, SLICE_NULL);
            r->commands++;
            if (sess_stats.fatal_errors != fatal)
                return error_set(err, ST_CORRUPT, "the log's command '%.*s' failed",
                                 SLICE_FMT(r->req.argv[0]));
            if (sess_stats.unexpected_errors != errors)
                refused(r);
        }
        resp_request_reset(&r->req);
    }
    kv_replay_selected(r->s->kv, r->s->db);
    return ST_OK;
}

/* A log that was made just now. */
static void tell_new_log(struct kv *kv)
{
    struct kv_stats now;
    kv_stats(kv, &now);
    if (!keyspace_opts.appendonly || now.log_last_seq > 0)
        return;
    hook_event(EVENT_PERSISTENCE, PERSISTENCE_LOG_NOW, NULL);
    hook_event(EVENT_PERSISTENCE, PERSISTENCE_ENDED, NULL);
}

enum status replay_log(struct kv *kv, struct error *err)
{
    struct replay r = {.s = session_new_internal(kv)};
    r.s->flags |= SESS_LOADING_LOG;
    int64_t start = clock_mono_us();
    lifecycle.loading = lifecycle.loading_log = true;
    lifecycle.loading_start_ms = clock_wall_ms();
    enum status st = module_load(err);
    hook_event(EVENT_LOADING, LOADING_LOG, NULL);
    if (st == ST_OK)
        st = kv_replay(kv, run_payload, &r, server_progress, err);
    lifecycle.loading = false;
    hook_event(EVENT_LOADING, st == ST_OK ? LOADING_ENDED : LOADING_FAILED, NULL);
    resp_request_free(&r.req);
    session_free(r.s);
    if (r.refused > 0)
        log_warning(LOG_SERVER, "%" PRIu64 " commands of the log were refused", r.refused);
    tell_new_log(kv);
    if (st == ST_OK)
        log_notice(LOG_SERVER,
                   "DB loaded from store and log: %.3f seconds (%" PRIu64 " commands replayed)",
                   (double)(clock_mono_us() - start) / 1e6, r.commands);
    return st;
}
