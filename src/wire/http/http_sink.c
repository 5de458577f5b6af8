/* Answers of commands go onto the call's tape. */
#include "base/num.h"
#include "wire/http/http_priv.h"

/* Attributes and messages out of band are left out. Counts one element; NULL: it belongs to one of those. */
static struct buf *tape(struct sink *s, uint64_t children)
{
    struct http_call *c = CONTAINER_OF(s, struct http_call, sink);
    if (LIKELY(c->dropped == 0))
        return &c->tape;
    c->dropped += children;
    c->dropped--;
    return NULL;
}

static void put(struct sink *s, enum tape_kind kind, uint64_t n)
{
    struct buf *t = tape(s, 0);
    if (t)
        tape_put(t, kind, n);
}

static void put_text(struct sink *s, enum tape_kind kind, struct slice text)
{
    struct buf *t = tape(s, 0);
    if (t)
        tape_put_text(t, kind, text);
}

static void sink_text(struct sink *s, struct slice text)
{
    put_text(s, TAPE_STRING, text);
}

static void sink_error(struct sink *s, struct slice text)
{
    put_text(s, TAPE_ERROR, text);
}

static void sink_integer(struct sink *s, int64_t v)
{
    put(s, TAPE_INT, (uint64_t)v);
}

static void sink_null(struct sink *s)
{
    put(s, TAPE_NULL, 0);
}

static void sink_real(struct sink *s, double v)
{
    char text[NUM_BUF];
    put_text(s, TAPE_REAL, slice_make(text, num_format_double(text, v)));
}

static void sink_human_real(struct sink *s, long double v)
{
    char text[NUM_LDOUBLE_BUF];
    put_text(s, TAPE_REAL, slice_make(text, num_format_ldouble(text, v)));
}

static void sink_boolean(struct sink *s, bool v)
{
    put(s, TAPE_BOOL, v);
}

static void sink_bignum(struct sink *s, struct slice digits)
{
    put_text(s, TAPE_BIGNUM, digits);
}

static void sink_verbatim(struct sink *s, const char ext[4], struct slice text)
{
    put_text(s, TAPE_STRING, text);
}

static enum tape_kind container(enum sink_kind kind)
{
    return kind == SINK_MAP ? TAPE_MAP : TAPE_ARRAY;
}

static void sink_begin(struct sink *s, enum sink_kind kind, size_t n)
{
    struct http_call *c = CONTAINER_OF(s, struct http_call, sink);
    bool pairs = kind == SINK_MAP || kind == SINK_ATTRIBUTE;
    struct buf *t = tape(s, pairs ? 2 * n : n);
    if (!t)
        return;
    if (kind == SINK_ATTRIBUTE || kind == SINK_PUSH)
        c->dropped = pairs ? 2 * n : n;
    else
        tape_put(t, container(kind), n);
}

static size_t sink_begin_deferred(struct sink *s)
{
    struct buf *t = tape(s, 0);
    if (!t)
        return SIZE_MAX;
    size_t at = t->n;
    tape_put(t, TAPE_ARRAY, 0);
    return at;
}

static void sink_end_deferred(struct sink *s, size_t token, enum sink_kind kind, size_t n)
{
    struct http_call *c = CONTAINER_OF(s, struct http_call, sink);
    if (token == SIZE_MAX)
        return;
    if (kind == SINK_PUSH || kind == SINK_ATTRIBUTE)
        c->tape.n = token;
    else
        tape_patch(&c->tape, token, container(kind), n);
}

static void sink_raw(struct sink *s, struct slice bytes)
{
    /* RESP for RESP clients only. */
    sink_error(s, SLICE("ERR this answer cannot be given over HTTP"));
}

const struct sink_ops http__sink_ops = {
    .status = sink_text,
    .error = sink_error,
    .integer = sink_integer,
    .bulk = sink_text,
    .null = sink_null,
    .null_array = sink_null,
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
