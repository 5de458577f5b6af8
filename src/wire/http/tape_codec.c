#include "wire/http/tape_codec.h"

#include "base/status.h"
#include "wire/http/text_codec.h"

#include <inttypes.h>

#define HEAD 9

/* -- the tape ------------------------------------------------------------------------------------ */

static bool carries_text(enum tape_kind kind)
{
    return kind <= TAPE_BIGNUM;
}

static void put_head(char *p, enum tape_kind kind, uint64_t n)
{
    p[0] = (char)kind;
    memcpy(p + 1, &n, sizeof n);
}

void tape_put(struct buf *tape, enum tape_kind kind, uint64_t n)
{
    put_head(buf_grow(tape, HEAD), kind, n);
}

void tape_put_text(struct buf *tape, enum tape_kind kind, struct slice text)
{
    tape_put(tape, kind, text.n);
    buf_put_slice(tape, text);
}

void tape_patch(struct buf *tape, size_t at, enum tape_kind kind, uint64_t n)
{
    put_head(tape->p + at, kind, n);
}

enum tape_kind tape_get(struct slice tape, size_t *at, uint64_t *n, struct slice *text)
{
    orbit_assert(tape.n - *at >= HEAD);
    enum tape_kind kind = (enum tape_kind)tape.p[*at];
    memcpy(n, tape.p + *at + 1, sizeof *n);
    *at += HEAD;
    *text = SLICE_NULL;
    if (carries_text(kind)) {
        orbit_assert(tape.n - *at >= *n);
        *text = slice_make(tape.p + *at, *n);
        *at += *n;
    }
    return kind;
}

/* How many items stand in a container. */
static uint64_t children(enum tape_kind kind, uint64_t n)
{
    switch (kind) {
    case TAPE_STRING:
    case TAPE_ERROR:
    case TAPE_REAL:
    case TAPE_BIGNUM:
    case TAPE_INT:
    case TAPE_BOOL:
    case TAPE_NULL:
        return 0;
    case TAPE_ARRAY:
    case TAPE_REPLIES:
        return n;
    case TAPE_MAP:
        return 2 * n;
    case TAPE_REPLY:
        return 1;
    }
    return 0;
}

/* Goes past so many items with everything in them. */
static void skip(struct tape_writer *w, uint64_t items)
{
    while (items > 0) {
        uint64_t n;
        struct slice text;
        enum tape_kind kind = tape_get(w->tape, &w->at, &n, &text);
        items += children(kind, n) - 1;
    }
}

/* -- JSON ---------------------------------------------------------------------------------------- */

bool tape_put_json_string(struct slice s, struct buf *out)
{
    static const char hex[] = "0123456789abcdef";
    if (!text_is_utf8(s))
        return false;
    buf_put_byte(out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
            continue;
        buf_put(out, s.p + plain, i - plain);
        plain = i + 1;
        const char *at = strchr("\"\"\\\\\nn\rr\tt\bb\ff", c);
        if (c && at) {
            buf_put_byte(out, '\\');
            buf_put_byte(out, (uint8_t)(c == '"' || c == '\\' ? c : (unsigned char)at[1]));
        } else {
            buf_put_str(out, "\\u00");
            buf_put_byte(out, (uint8_t)hex[c >> 4]);
            buf_put_byte(out, (uint8_t)hex[c & 15]);
        }
    }
    buf_put(out, s.p + plain, s.n - plain);
    buf_put_byte(out, '"');
    return true;
}

static void put_string(struct slice s, struct buf *out)
{
    if (tape_put_json_string(s, out))
        return;
    buf_put_str(out, "{\"base64\":\"");
    text_put_base64(s, out);
    buf_put_str(out, "\"}");
}

static void put_name(struct tape_writer *w, struct buf *out)
{
    uint64_t n;
    struct slice text;
    enum tape_kind kind = tape_get(w->tape, &w->at, &n, &text);
    if (carries_text(kind)) {
        if (tape_put_json_string(text, out))
            return;
        buf_put_str(out, "\"base64:");
        text_put_base64(text, out);
        buf_put_byte(out, '"');
    } else if (kind == TAPE_INT) {
        buf_printf(out, "\"%" PRId64 "\"", (int64_t)n);
    } else if (kind == TAPE_BOOL) {
        buf_put_str(out, n ? "\"true\"" : "\"false\"");
    } else {
        /* No command answers with such a name; a module may. */
        buf_put_str(out, kind == TAPE_NULL ? "\"null\"" : "\"(aggregate)\"");
        skip(w, children(kind, n));
    }
}

static void put_error(struct slice text, struct buf *out)
{
    struct slice code, message;
    text_split_error(text, &code, &message);
    buf_put_str(out, "{\"code\":");
    put_string(code, out);
    buf_put_str(out, ",\"message\":");
    put_string(message, out);
    buf_put_byte(out, '}');
}

/* JSON numbers have digits on both sides and no names. */
static void put_real(struct slice text, struct buf *out)
{
    bool number = text.n > 0;
    for (size_t i = 0; i < text.n; i++)
        number &= strchr("0123456789+-.eE", text.p[i]) != NULL;
    if (number)
        buf_put_slice(out, text);
    else
        put_string(text, out);
}

static void open_level(struct tape_writer *w, enum tape_kind kind, uint64_t n, struct buf *out)
{
    if (w->depth == TAPE_DEPTH_MAX) {
        skip(w, children(kind, n));
        buf_put_str(out, "null");
        return;
    }
    if (kind != TAPE_REPLY)
        buf_put_byte(out, kind == TAPE_MAP ? '{' : '[');
    w->levels[w->depth++] = (struct tape_level){.left = children(kind, n), .kind = (uint8_t)kind};
}

static void put_value(struct tape_writer *w, struct buf *out)
{
    uint64_t n;
    struct slice text;
    enum tape_kind kind = tape_get(w->tape, &w->at, &n, &text);
    switch (kind) {
    case TAPE_STRING:
    case TAPE_BIGNUM:
        put_string(text, out);
        break;
    case TAPE_ERROR:
        put_error(text, out);
        break;
    case TAPE_REAL:
        put_real(text, out);
        break;
    case TAPE_INT:
        buf_put_int(out, (int64_t)n);
        break;
    case TAPE_BOOL:
        buf_put_str(out, n ? "true" : "false");
        break;
    case TAPE_NULL:
        buf_put_str(out, "null");
        break;
    case TAPE_ARRAY:
    case TAPE_REPLIES:
    case TAPE_MAP:
    case TAPE_REPLY:
        open_level(w, kind, n, out);
        break;
    }
}

void tape_writer_init(struct tape_writer *w, struct slice tape, size_t at)
{
    w->tape = tape;
    w->at = at;
    w->depth = 0;
    w->levels[w->depth++] = (struct tape_level){.left = 1, .kind = UINT8_MAX};
}

static void close_level(struct tape_writer *w, struct buf *out)
{
    enum tape_kind kind = (enum tape_kind)w->levels[--w->depth].kind;
    if (w->depth > 0)
        buf_put_byte(out, kind == TAPE_MAP || kind == TAPE_REPLY ? '}' : ']');
}

static void put_next(struct tape_writer *w, struct buf *out)
{
    struct tape_level *l = &w->levels[w->depth - 1];
    bool wraps = l->kind == TAPE_REPLIES;
    bool failed = w->tape.p[w->at] == TAPE_ERROR;
    if (l->begun)
        buf_put_byte(out, l->kind == TAPE_MAP && l->left % 2 ? ':' : ',');
    l->begun = true;
    l->left--;
    if (l->kind == TAPE_MAP && l->left % 2) {
        put_name(w, out);
    } else if (wraps) {
        open_level(w, TAPE_REPLY, 1, out);
    } else {
        if (l->kind == TAPE_REPLY)
            buf_put_str(out, failed ? "{\"error\":" : "{\"result\":");
        put_value(w, out);
    }
}

bool tape_write(struct tape_writer *w, struct buf *out, size_t enough)
{
    while (w->depth > 0) {
        if (w->levels[w->depth - 1].left == 0)
            close_level(w, out);
        else if (out->n < enough)
            put_next(w, out);
        else
            return false;
    }
    return true;
}
