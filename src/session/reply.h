/* Answering: thin wrappers over the call's sink. Error texts begin with their code ("ERR ...", "WRONGTYPE ..."). */
#ifndef ORBIT_SESSION_REPLY_H
#define ORBIT_SESSION_REPLY_H

#include "base/compiler.h"
#include "session/call.h"

static inline void reply_int(struct call *c, int64_t v)
{
    c->out->ops->integer(c->out, v);
}
static inline void reply_bulk(struct call *c, struct slice s)
{
    c->out->ops->bulk(c->out, s);
}
static inline void reply_null(struct call *c)
{
    c->out->ops->null(c->out);
}
static inline void reply_null_array(struct call *c)
{
    c->out->ops->null_array(c->out);
}
static inline void reply_double(struct call *c, double v)
{
    c->out->ops->real(c->out, v);
}
static inline void reply_bool(struct call *c, bool v)
{
    c->out->ops->boolean(c->out, v);
}
static inline void reply_array(struct call *c, size_t n)
{
    c->out->ops->begin(c->out, SINK_ARRAY, n);
}
static inline void reply_map(struct call *c, size_t pairs)
{
    c->out->ops->begin(c->out, SINK_MAP, pairs);
}
static inline void reply_set(struct call *c, size_t n)
{
    c->out->ops->begin(c->out, SINK_SET, n);
}
static inline size_t reply_begin(struct call *c)
{
    return c->out->ops->begin_deferred(c->out);
}
static inline void reply_end(struct call *c, size_t token, enum sink_kind kind, size_t n)
{
    c->out->ops->end_deferred(c->out, token, kind, n);
}
void reply_ok(struct call *c);
void reply_status(struct call *c, const char *text);
void reply_str(struct call *c, const char *text); /* bulk */
void reply_bulkf(struct call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void reply_verbatim(struct call *c, const char ext[4], struct slice text);
/* Counts the error (errorstat, total_error_replies), marks the call failed. CR and LF become spaces. */
void reply_error(struct call *c, const char *text);
void reply_errorf(struct call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void reply_wrong_type(struct call *c);
void reply_syntax_error(struct call *c); /* "ERR syntax error" */
void reply_arity_error(struct call *c);  /* "ERR wrong number of arguments for 'x' command" */
void reply_unknown_sub(
    struct call
        *c); /* "ERR unknown subcommand or wrong number of arguments for 'x'. Try Y HELP." */
/* The HELP subcommand's answer; lines end with NULL; Redis's heading and the HELP lines are added. */
void reply_help(struct call *c, const char *const *lines);

#endif
