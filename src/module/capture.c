#include "module/capture.h"

#include "base/compiler.h"
#include "base/num.h"
#include "session/call.h"
#include "session/stats.h"

#define HEAD       9
#define KEEP_BYTES 4096

/* -- Gathering -------------------------------------------------------------------------------------------------------------- */

ALWAYS_INLINE struct capture *of(struct sink *s)
{
    return CONTAINER_OF(s, struct capture, sink);
}

static void put_head(char *at, enum capture_kind kind, uint64_t value)
{
    at[0] = (char)kind;
    memcpy(at + 1, &value, sizeof value);
}

static void put(struct sink *s, enum capture_kind kind, uint64_t value)
{
    put_head(buf_grow(&of(s)->items, HEAD), kind, value);
}

static void put_bytes(struct sink *s, enum capture_kind kind, struct slice bytes)
{
    char *at = buf_grow(&of(s)->items, HEAD + bytes.n);
    put_head(at, kind, bytes.n);
    if (bytes.n)
        memcpy(at + HEAD, bytes.p, bytes.n);
}

static void sink_status(struct sink *s, struct slice text)
{
    put_bytes(s, CAPTURE_STATUS, text);
}

static void sink_error(struct sink *s, struct slice text)
{
    of(s)->errors++;
    put_bytes(s, of(s)->counted ? CAPTURE_ERROR_COUNTED : CAPTURE_ERROR, text);
}

static void sink_integer(struct sink *s, int64_t v)
{
    put(s, CAPTURE_INTEGER, (uint64_t)v);
}

static void sink_bulk(struct sink *s, struct slice bytes)
{
    put_bytes(s, CAPTURE_BULK, bytes);
}

static void sink_null(struct sink *s)
{
    put(s, s->resp == 2 ? CAPTURE_NULL_BULK : CAPTURE_NULL, 0);
}

static void sink_null_array(struct sink *s)
{
    put(s, s->resp == 2 ? CAPTURE_NULL_ARRAY : CAPTURE_NULL, 0);
}

static void sink_real(struct sink *s, double v)
{
    if (s->resp == 2) {
        char text[NUM_BUF];
        put_bytes(s, CAPTURE_BULK, slice_make(text, num_format_double(text, v)));
        return;
    }
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put(s, CAPTURE_REAL, bits);
}

static void sink_human_real(struct sink *s, long double v)
{
    char text[NUM_LDOUBLE_BUF];
    put_bytes(s, s->resp == 2 ? CAPTURE_BULK : CAPTURE_HUMAN_REAL,
              slice_make(text, num_format_ldouble(text, v)));
}

static void sink_boolean(struct sink *s, bool v)
{
    put(s, s->resp == 2 ? CAPTURE_INTEGER : CAPTURE_BOOL, v);
}

static void sink_bignum(struct sink *s, struct slice digits)
{
    put_bytes(s, s->resp == 2 ? CAPTURE_BULK : CAPTURE_BIGNUM, digits);
}

static void sink_verbatim(struct sink *s, const char ext[4], struct slice text)
{
    if (s->resp == 2) {
        put_bytes(s, CAPTURE_BULK, text);
        return;
    }
    put(s, CAPTURE_VERBATIM, text.n + 3);
    buf_put(&of(s)->items, ext, 3);
    buf_put_slice(&of(s)->items, text);
}

static enum capture_kind collection(const struct sink *s, enum sink_kind kind, size_t *n)
{
    static const enum capture_kind kinds[] = {
        [SINK_ARRAY] = CAPTURE_ARRAY,         [SINK_MAP] = CAPTURE_MAP,   [SINK_SET] = CAPTURE_SET,
        [SINK_ATTRIBUTE] = CAPTURE_ATTRIBUTE, [SINK_PUSH] = CAPTURE_PUSH,
    };
    if (s->resp != 2)
        return kinds[kind];
    if (kind == SINK_MAP || kind == SINK_ATTRIBUTE)
        *n *= 2;
    return CAPTURE_ARRAY;
}

static void sink_begin(struct sink *s, enum sink_kind kind, size_t n)
{
    enum capture_kind k = collection(s, kind, &n);
    put(s, k, n);
}

static size_t sink_begin_deferred(struct sink *s)
{
    put(s, CAPTURE_ARRAY, 0);
    return of(s)->items.n - HEAD;
}

static void sink_end_deferred(struct sink *s, size_t token, enum sink_kind kind, size_t n)
{
    enum capture_kind k = collection(s, kind, &n);
    put_head(of(s)->items.p + token, k, n);
}

static const struct sink_ops ops = {
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
    .raw = sink_bulk,
};

struct capture *capture_of(struct sink *s)
{
    return s->ops == &ops ? of(s) : NULL;
}

void capture_init(struct capture *c, int resp)
{
    *c = (struct capture){.sink = {.ops = &ops, .resp = resp}};
}

void capture_clear(struct capture *c)
{
    if (c->items.cap > KEEP_BYTES)
        buf_free(&c->items);
    buf_clear(&c->items);
    c->errors = 0;
}

void capture_deinit(struct capture *c)
{
    buf_free(&c->items);
}

/* -- Reading ---------------------------------------------------------------------------------------------------------------- */

const char *capture_item(const char *p, const char *end, struct capture_item *it)
{
    if (!p || (size_t)(end - p) < HEAD)
        return NULL;
    it->kind = (enum capture_kind)p[0];
    memcpy(&it->value, p + 1, sizeof it->value);
    it->bytes = SLICE_NULL;
    p += HEAD;
    switch (it->kind) {
    case CAPTURE_STATUS:
    case CAPTURE_ERROR:
    case CAPTURE_ERROR_COUNTED:
    case CAPTURE_BULK:
    case CAPTURE_BIGNUM:
    case CAPTURE_VERBATIM:
    case CAPTURE_HUMAN_REAL:
        it->bytes = slice_make(p, (size_t)it->value);
        return p + it->value;
    case CAPTURE_INTEGER:
    case CAPTURE_NULL:
    case CAPTURE_NULL_BULK:
    case CAPTURE_NULL_ARRAY:
    case CAPTURE_REAL:
    case CAPTURE_BOOL:
    case CAPTURE_ARRAY:
    case CAPTURE_MAP:
    case CAPTURE_SET:
    case CAPTURE_PUSH:
    case CAPTURE_ATTRIBUTE:
    case CAPTURE_KINDS:
        break;
    }
    return p;
}

uint64_t capture_children(const struct capture_item *it)
{
    switch (it->kind) {
    case CAPTURE_ARRAY:
    case CAPTURE_SET:
    case CAPTURE_PUSH:
        return it->value;
    case CAPTURE_MAP:
    case CAPTURE_ATTRIBUTE:
        return it->value * 2;
    case CAPTURE_STATUS:
    case CAPTURE_ERROR:
    case CAPTURE_ERROR_COUNTED:
    case CAPTURE_BULK:
    case CAPTURE_BIGNUM:
    case CAPTURE_VERBATIM:
    case CAPTURE_HUMAN_REAL:
    case CAPTURE_INTEGER:
    case CAPTURE_NULL:
    case CAPTURE_NULL_BULK:
    case CAPTURE_NULL_ARRAY:
    case CAPTURE_REAL:
    case CAPTURE_BOOL:
    case CAPTURE_KINDS:
        break;
    }
    return 0;
}

const char *capture_skip(const char *p, const char *end)
{
    struct capture_item it;
    /* left: replies that are still to be passed; nesting needs no memory */
    for (uint64_t left = 1; left > 0; left--) {
        const char *next = capture_item(p, end, &it);
        if (!next)
            return end;
        left += capture_children(&it) + (it.kind == CAPTURE_ATTRIBUTE);
        p = next;
    }
    return p;
}

bool capture_is_resp3(const char *p, const char *end)
{
    struct capture_item it;
    while ((p = capture_item(p, end, &it)) != NULL)
        switch (it.kind) {
        case CAPTURE_STATUS:
        case CAPTURE_ERROR:
        case CAPTURE_ERROR_COUNTED:
        case CAPTURE_BULK:
        case CAPTURE_INTEGER:
        case CAPTURE_NULL_BULK:
        case CAPTURE_NULL_ARRAY:
        case CAPTURE_ARRAY:
        case CAPTURE_KINDS:
            break;
        case CAPTURE_NULL:
        case CAPTURE_REAL:
        case CAPTURE_BOOL:
        case CAPTURE_BIGNUM:
        case CAPTURE_VERBATIM:
        case CAPTURE_HUMAN_REAL:
        case CAPTURE_MAP:
        case CAPTURE_SET:
        case CAPTURE_PUSH:
        case CAPTURE_ATTRIBUTE:
            return true;
        }
    return false;
}

/* -- Sending ---------------------------------------------------------------------------------------------------------------- */

static double real_of(const struct capture_item *it)
{
    double v;
    memcpy(&v, &it->value, sizeof v);
    return v;
}

static void send_strings(const struct capture_item *it, struct sink *out)
{
    char ext[4];
    long double v = 0;
    if (it->kind == CAPTURE_STATUS) {
        out->ops->status(out, it->bytes);
    } else if (it->kind == CAPTURE_ERROR || it->kind == CAPTURE_ERROR_COUNTED) {
        out->ops->error(out, it->bytes);
    } else if (it->kind == CAPTURE_BULK) {
        out->ops->bulk(out, it->bytes);
    } else if (it->kind == CAPTURE_BIGNUM) {
        out->ops->bignum(out, it->bytes);
    } else if (it->kind == CAPTURE_HUMAN_REAL) {
        (void)num_parse_ldouble(it->bytes, &v);
        out->ops->human_real(out, v);
    } else {
        memcpy(ext, it->bytes.p, 3);
        ext[3] = 0;
        out->ops->verbatim(out, ext, slice_make(it->bytes.p + 3, it->bytes.n - 3));
    }
}

static void send(const struct capture_item *it, struct sink *out)
{
    switch (it->kind) {
    case CAPTURE_STATUS:
    case CAPTURE_ERROR:
    case CAPTURE_ERROR_COUNTED:
    case CAPTURE_BULK:
    case CAPTURE_BIGNUM:
    case CAPTURE_VERBATIM:
    case CAPTURE_HUMAN_REAL:
        send_strings(it, out);
        return;
    case CAPTURE_INTEGER:
        out->ops->integer(out, (int64_t)it->value);
        return;
    case CAPTURE_NULL:
    case CAPTURE_NULL_BULK:
        out->ops->null(out);
        return;
    case CAPTURE_NULL_ARRAY:
        out->ops->null_array(out);
        return;
    case CAPTURE_REAL:
        out->ops->real(out, real_of(it));
        return;
    case CAPTURE_BOOL:
        out->ops->boolean(out, it->value != 0);
        return;
    case CAPTURE_ARRAY:
        out->ops->begin(out, SINK_ARRAY, (size_t)it->value);
        return;
    case CAPTURE_MAP:
        out->ops->begin(out, SINK_MAP, (size_t)it->value);
        return;
    case CAPTURE_SET:
        out->ops->begin(out, SINK_SET, (size_t)it->value);
        return;
    case CAPTURE_PUSH:
        out->ops->begin(out, SINK_PUSH, (size_t)it->value);
        return;
    case CAPTURE_ATTRIBUTE:
        out->ops->begin(out, SINK_ATTRIBUTE, (size_t)it->value);
        return;
    case CAPTURE_KINDS:
        return;
    }
}

void capture_replay_items(const char *p, const char *end, struct sink *out)
{
    struct capture *to = capture_of(out);
    struct capture_item it;
    /* What is gathered again keeps its errors as they are. */
    if (to && (out->resp == 3 || !capture_is_resp3(p, end))) {
        buf_put(&to->items, p, (size_t)(end - p));
        while ((p = capture_item(p, end, &it)) != NULL)
            to->errors += it.kind == CAPTURE_ERROR || it.kind == CAPTURE_ERROR_COUNTED;
        return;
    }
    while ((p = capture_item(p, end, &it)) != NULL)
        send(&it, out);
}

void capture_replay(const struct capture *c, struct sink *out)
{
    if (c->items.n)
        capture_replay_items(c->items.p, c->items.p + c->items.n, out);
}

void capture_reply_items(const char *p, const char *end, struct call *call)
{
    struct capture_item it;
    for (const char *at = p; (at = capture_item(at, end, &it)) != NULL;) {
        if (it.kind != CAPTURE_ERROR && it.kind != CAPTURE_ERROR_COUNTED)
            continue;
        const char *space = it.bytes.n ? memchr(it.bytes.p, ' ', it.bytes.n) : NULL;
        struct slice code =
            slice_make(it.bytes.p, space ? (size_t)(space - it.bytes.p) : it.bytes.n);
        call->failed = true;
        if (it.kind == CAPTURE_ERROR)
            call->error_code = sess_stats_error(code);
    }
    capture_replay_items(p, end, call->out);
}

void capture_reply(const struct capture *c, struct call *call)
{
    if (c->errors)
        capture_reply_items(c->items.p, c->items.p + c->items.n, call);
    else
        capture_replay(c, call->out);
}

/* -- As RESP ---------------------------------------------------------------------------------------------------------------- */

void capture_put_resp(struct buf *b, const char *p, const char *end)
{
    static const char prefix[CAPTURE_KINDS] = {
        [CAPTURE_STATUS] = '+',    [CAPTURE_ERROR] = '-',      [CAPTURE_ERROR_COUNTED] = '-',
        [CAPTURE_INTEGER] = ':',   [CAPTURE_BULK] = '$',       [CAPTURE_NULL] = '_',
        [CAPTURE_NULL_BULK] = '$', [CAPTURE_NULL_ARRAY] = '*', [CAPTURE_REAL] = ',',
        [CAPTURE_BOOL] = '#',      [CAPTURE_BIGNUM] = '(',     [CAPTURE_VERBATIM] = '=',
        [CAPTURE_ARRAY] = '*',     [CAPTURE_MAP] = '%',        [CAPTURE_SET] = '~',
        [CAPTURE_PUSH] = '>',      [CAPTURE_ATTRIBUTE] = '|',  [CAPTURE_HUMAN_REAL] = ',',
    };
    struct capture_item it = {0};
    while ((p = capture_item(p, end, &it)) != NULL) {
        char text[NUM_BUF];
        /* Every kind has one; the analyzer takes the row for unset. */
        buf_put_byte(b, (uint8_t)prefix[it.kind]); /* NOLINT(clang-analyzer-core.CallAndMessage) */
        if (it.kind == CAPTURE_NULL_BULK || it.kind == CAPTURE_NULL_ARRAY)
            buf_put_str(b, "-1");
        else if (it.kind == CAPTURE_REAL)
            buf_put(b, text, num_format_double(text, real_of(&it)));
        else if (it.kind == CAPTURE_BOOL)
            buf_put_byte(b, it.value ? 't' : 'f');
        else if (it.kind == CAPTURE_BULK || it.kind == CAPTURE_VERBATIM)
            buf_printf(b, "%zu\r\n", it.bytes.n + (it.kind == CAPTURE_VERBATIM));
        else if (it.kind != CAPTURE_NULL && !it.bytes.p)
            buf_put_int(b, (int64_t)it.value);
        if (it.kind == CAPTURE_VERBATIM) {
            buf_put(b, it.bytes.p, 3);
            buf_put_byte(b, ':');
            it.bytes = slice_make(it.bytes.p + 3, it.bytes.n - 3);
        }
        buf_put_slice(b, it.bytes);
        buf_put_str(b, "\r\n");
    }
}
