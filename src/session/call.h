/* One command being executed. A command function gets a struct call, reads argv, uses the keyspace, and answers with reply_*.
 *
 * Effects: a command whose cmd has CMD_WRITE and that reported changes with call_changed() is propagated verbatim unless it
 * said otherwise (call_propagate*, call_no_propagate). */
#ifndef ORBIT_SESSION_CALL_H
#define ORBIT_SESSION_CALL_H

#include "base/slice.h"
#include "base/status.h"
#include "keyspace/kv.h"
#include "session/command.h"
#include "session/session.h"
#include "session/sink.h"

struct call {
    struct session *s;
    struct command *cmd;
    struct slice *argv; /* argv[0] is the name; of a subcommand argv[1] */
    int argc;
    struct sink *out;
    struct kv *kv;
    int db;
    struct arena *arena; /* reset after the reply */
    struct slice
        raw; /* the client's own RESP bytes of this command, when contiguous; p NULL: not available */
    uint64_t changes; /* call_changed */
    bool failed;      /* an error was answered */
    bool no_propagate, rewritten;
    bool in_exec, in_script;
    uint64_t
        hidden;     /* arguments that SLOWLOG does not show, by bit; the last bit: all from 63 on */
    bool replaying; /* of the log, or sent by our master: it was right where it was first done */
    bool blocked;   /* the command blocked the client: no reply yet */
    int64_t start_us;        /* monotonic */
    int64_t duration_us;     /* set when HOOK_AFTER_COMMAND runs; blocked time left out */
    struct slice error_code; /* first word of the last error answered */
};

/* What a listener does with one parsed command: everything from look-up, authentication, ACL, MULTI queueing, maxmemory,
 * pause, to execution, statistics, SLOWLOG, MONITOR. argv (and its bytes) must stay valid until it returns. raw: the
 * command's own RESP multibulk bytes or SLICE_NULL. */
enum dispatch_result {
    DISPATCH_DONE,
    DISPATCH_BLOCKED,   /* answer comes later; parse no more until ops->resume */
    DISPATCH_POSTPONED, /* not executed: keep the command, call again after ops->resume */
};
enum dispatch_result dispatch(struct session *s, int argc, struct slice *argv, struct slice raw);

/* Runs a command inside another (EXEC, scripts, modules): no authentication, arity, ACL or MULTI checks. */
void call_execute(struct call *c);

/* Bracket everything that runs for a session and is no command (a module's timer): session_current, the unit of its effects,
 * what follows its end. enter returns what leave gets as former. */
struct session *call_enter(struct session *s);
void call_leave(struct session *s, struct session *former);

void call_changed(struct call *c, uint64_t n); /* n changes to the data set (INFO's dirty) */
void call_no_propagate(struct call *c);
/* Propagate this instead of the command's own argv. May be called several times: all are propagated, in order. argv is copied. */
void call_propagate(struct call *c, int db, size_t argc, const struct slice *argv);
/* Variadic form for short words: call_propagate_words(c, db, "DEL", key, SLICE_NULL end). */
void call_propagate_words(struct call *c, int db, size_t n, ...); /* n struct slice arguments */

/* Looks up; a failing store is answered. False: answered, return at once. *rec may be NULL (no such key). */
MUST_USE bool call_lookup(struct call *c, struct slice key, unsigned kv_flags, struct kv_rec **rec);
/* Also answers WRONGTYPE when the key is there with another type. */
MUST_USE bool call_lookup_type(struct call *c, struct slice key, unsigned kv_flags,
                               enum kv_type type, struct kv_rec **rec);
/* Answers a failed status of the keyspace ("-ERR ..." / "-MISCONF ..." / "-OOM ..."). */
void call_reply_status(struct call *c, enum status st, const struct error *err);

/* Parse an argument or answer the error. msg NULL: Redis's default ("value is not an integer or out of range"). */
MUST_USE bool call_arg_int(struct call *c, int i, int64_t *v, const char *msg);
MUST_USE bool call_arg_range(struct call *c, int i, int64_t min, int64_t max, int64_t *v,
                             const char *msg);
MUST_USE bool call_arg_double(struct call *c, int i, double *v, const char *msg);
MUST_USE bool call_arg_ldouble(struct call *c, int i, long double *v, const char *msg);
/* Seconds; 0 for ever; answers Redis's timeout errors. *deadline_ms is wall time, 0: none. */
MUST_USE bool call_arg_timeout(struct call *c, int i, int64_t *deadline_ms);
static inline bool call_arg_is(const struct call *c, int i, const char *word)
{
    return slice_is(c->argv[i], word);
}

#endif
