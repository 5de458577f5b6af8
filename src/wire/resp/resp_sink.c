#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "session/command.h"
#include "wire/resp/resp_codec.h"
#include "wire/resp/resp_priv.h"

static const char *last_command(const struct resp_client *c)
{
    return c->s->last_cmd ? c->s->last_cmd->fullname : "<unknown>";
}

/* What a replica is sent is a stream of bytes: an answer would be part of it. */
static void refuse_replica(struct resp_client *c)
{
    if (c->s->flags & SESS_CLOSING)
        return;
    char *who = resp__client_text(c);
    log_warning(LOG_WIRE, "Replica generated a reply to command '%s', disconnecting it: %s",
                last_command(c), who);
    mem_free(who);
    session_close(c->s, SESS_CLOSE_NOW);
}

/* Counts one element while only push messages pass (CLIENT REPLY OFF); false: drop it. children: what follows it. */
static bool passes_slow(struct resp_client *c, size_t children, bool push)
{
    if (c->out_dropped)
        return false;
    if (c->stream) {
        refuse_replica(c);
        return false;
    }
    if (!c->reply_off)
        return true;
    if (c->push_left == 0) {
        if (!push)
            return false;
        c->push_left = children;
        return true;
    }
    c->push_left += children;
    c->push_left--;
    return true;
}

ALWAYS_INLINE bool passes(struct resp_client *c, size_t children, bool push)
{
    if (!c->queued)
        resp__client_queue(c);
    return LIKELY(!c->reply_off && !c->out_dropped) || passes_slow(c, children, push);
}

ALWAYS_INLINE struct resp_client *client(struct sink *s)
{
    return CONTAINER_OF(s, struct resp_client, sink);
}

static void put(struct resp_client *c, const char *p, size_t n)
{
    memcpy(resp_out_room(&c->out, n), p, n);
}

static void put_bytes(struct resp_client *c, struct slice s)
{
    struct resp_chunk *t = c->out.tail;
    if (LIKELY(t && t->cap - t->n >= s.n)) {
        if (s.n)
            memcpy(t->data + t->n, s.p, s.n);
        t->n += s.n;
        c->out.bytes += s.n;
    } else if (!resp_out_put(&c->out, s)) {
        resp__client_drop(c, "out of memory for its reply");
        return;
    }
    if (UNLIKELY(c->out.extra_mem > resp__limit_lowest))
        resp__client_check_limit(c);
}

static void put_header(struct resp_client *c, char prefix, uint64_t n)
{
    char *at = resp_out_room(&c->out, RESP_HEADER_MAX);
    size_t used = resp_header(at, prefix, n);
    resp_out_unroom(&c->out, RESP_HEADER_MAX - used);
}

static void put_line(struct resp_client *c, char prefix, struct slice text)
{
    *resp_out_room(&c->out, 1) = prefix;
    put_bytes(c, text);
    if (!c->out_dropped)
        put(c, "\r\n", 2);
}

static void sink_status(struct sink *s, struct slice text)
{
    struct resp_client *c = client(s);
    if (passes(c, 0, false))
        put_line(c, '+', text);
}

static void sink_error(struct sink *s, struct slice text)
{
    struct resp_client *c = client(s);
    if (UNLIKELY(c->stream))
        log_warning(LOG_WIRE,
                    "== CRITICAL == This master is sending an error to its replica: '%.*s' after "
                    "processing the command '%s'",
                    SLICE_FMT(text), last_command(c));
    if (passes(c, 0, false))
        put_line(c, '-', text);
}

static void sink_integer(struct sink *s, int64_t v)
{
    struct resp_client *c = client(s);
    if (!passes(c, 0, false))
        return;
    if (LIKELY(v >= 0)) {
        put_header(c, ':', (uint64_t)v);
        return;
    }
    char text[NUM_BUF];
    put_line(c, ':', slice_make(text, num_format_int(text, v)));
}

static void bulk(struct resp_client *c, struct slice bytes)
{
    put_header(c, '$', bytes.n);
    put_bytes(c, bytes);
    if (LIKELY(!c->out_dropped))
        put(c, "\r\n", 2);
}

static void sink_bulk(struct sink *s, struct slice bytes)
{
    struct resp_client *c = client(s);
    if (passes(c, 0, false))
        bulk(c, bytes);
}

static void sink_null(struct sink *s)
{
    struct resp_client *c = client(s);
    if (!passes(c, 0, false))
        return;
    if (s->resp == 2)
        put(c, "$-1\r\n", 5);
    else
        put(c, "_\r\n", 3);
}

static void sink_null_array(struct sink *s)
{
    struct resp_client *c = client(s);
    if (!passes(c, 0, false))
        return;
    if (s->resp == 2)
        put(c, "*-1\r\n", 5);
    else
        put(c, "_\r\n", 3);
}

static void sink_real(struct sink *s, double v)
{
    struct resp_client *c = client(s);
    if (!passes(c, 0, false))
        return;
    char text[NUM_BUF];
    struct slice t = slice_make(text, num_format_double(text, v));
    if (s->resp == 2)
        bulk(c, t);
    else
        put_line(c, ',', t);
}

static void sink_human_real(struct sink *s, long double v)
{
    struct resp_client *c = client(s);
    if (!passes(c, 0, false))
        return;
    char text[NUM_LDOUBLE_BUF];
    struct slice t = slice_make(text, num_format_ldouble(text, v));
    if (s->resp == 2)
        bulk(c, t);
    else
        put_line(c, ',', t);
}

static void sink_boolean(struct sink *s, bool v)
{
    struct resp_client *c = client(s);
    if (!passes(c, 0, false))
        return;
    if (s->resp == 2)
        put(c, v ? ":1\r\n" : ":0\r\n", 4);
    else
        put(c, v ? "#t\r\n" : "#f\r\n", 4);
}

static void sink_bignum(struct sink *s, struct slice digits)
{
    struct resp_client *c = client(s);
    if (!passes(c, 0, false))
        return;
    if (s->resp == 2)
        bulk(c, digits);
    else
        put_line(c, '(', digits);
}

static void sink_verbatim(struct sink *s, const char ext[4], struct slice text)
{
    struct resp_client *c = client(s);
    if (!passes(c, 0, false))
        return;
    if (s->resp == 2) {
        bulk(c, text);
        return;
    }
    put_header(c, '=', text.n + 4);
    put(c, ext, 3);
    put(c, ":", 1);
    put_bytes(c, text);
    if (!c->out_dropped)
        put(c, "\r\n", 2);
}

static size_t header_of(char *out, int resp, enum sink_kind kind, size_t n)
{
    static const char prefix3[] = {'*', '%', '~', '>', '|'};
    if (resp == 2)
        return resp_header(out, '*', kind == SINK_MAP || kind == SINK_ATTRIBUTE ? n * 2 : n);
    return resp_header(out, prefix3[kind], n);
}

static void sink_begin(struct sink *s, enum sink_kind kind, size_t n)
{
    struct resp_client *c = client(s);
    size_t children = kind == SINK_MAP || kind == SINK_ATTRIBUTE ? n * 2 : n;
    if (!passes(c, children, kind == SINK_PUSH))
        return;
    char *at = resp_out_room(&c->out, RESP_HEADER_MAX);
    size_t used = header_of(at, s->resp, kind, n);
    resp_out_unroom(&c->out, RESP_HEADER_MAX - used);
}

static size_t sink_begin_deferred(struct sink *s)
{
    struct resp_client *c = client(s);
    return passes(c, 0, false) ? resp_out_defer(&c->out) : SIZE_MAX;
}

static void sink_end_deferred(struct sink *s, size_t token, enum sink_kind kind, size_t n)
{
    struct resp_client *c = client(s);
    if (token == SIZE_MAX || c->out_dropped)
        return;
    char head[RESP_HEADER_MAX];
    resp_out_fill(&c->out, token, slice_make(head, header_of(head, s->resp, kind, n)));
}

static void sink_raw(struct sink *s, struct slice bytes)
{
    struct resp_client *c = client(s);
    if (UNLIKELY(c->stream)) {
        if (!c->queued)
            resp__client_queue(c);
        if (!c->out_dropped)
            put_bytes(c, bytes);
        return;
    }
    if (passes(c, 0, false))
        put_bytes(c, bytes);
}

const struct sink_ops resp__sink_ops = {
    .status = sink_status,
    .error = sink_error,
    .integer = sink_integer,
    .bulk = sink_bulk,
    .null = sink_null,
    .null_array = sink_null_array,
    .real = sink_real,
    .human_real = sink_human_real,
    .boolean = sink_boolean,
    .bignum = sink_bignum,
    .verbatim = sink_verbatim,
    .begin = sink_begin,
    .begin_deferred = sink_begin_deferred,
    .end_deferred = sink_end_deferred,
    .raw = sink_raw,
};
