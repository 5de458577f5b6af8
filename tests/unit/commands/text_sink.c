#include "unit/commands/text_sink.h"

#include "base/buf.h"
#include "unit/cmocka_all.h"

#define DEPTH_MAX 16
#define DEFERRED  SIZE_MAX

static struct buf text;
static struct level {
    size_t left; /* elements still to come */
    size_t done;
    bool pairs;
} levels[DEPTH_MAX];
static size_t depth;

/* In front of each value. */
static void separate(void)
{
    if (depth == 0) {
        if (text.n > 0)
            buf_put_str(&text, " | ");
    } else if (levels[depth - 1].done > 0) {
        bool value = levels[depth - 1].pairs && levels[depth - 1].done % 2;
        buf_put_str(&text, value ? ": " : ", ");
    }
}

/* Behind each value: it may have been the last one of what is open. */
static void count(void)
{
    while (depth > 0) {
        struct level *l = &levels[depth - 1];
        l->done++;
        if (l->left == DEFERRED || --l->left > 0)
            return;
        buf_put_byte(&text, l->pairs ? '}' : ']');
        depth--;
    }
}

static void put_status(struct sink *s, struct slice v)
{
    separate();
    buf_put_byte(&text, '+');
    buf_put_slice(&text, v);
    count();
}

static void put_error(struct sink *s, struct slice v)
{
    separate();
    buf_put_byte(&text, '-');
    buf_put_slice(&text, v);
    count();
}

static void put_integer(struct sink *s, int64_t v)
{
    separate();
    buf_put_byte(&text, ':');
    buf_put_int(&text, v);
    count();
}

static void put_bulk(struct sink *s, struct slice v)
{
    separate();
    buf_put_quoted(&text, v);
    count();
}

static void put_null(struct sink *s)
{
    separate();
    buf_put_str(&text, "nil");
    count();
}

static void put_real(struct sink *s, double v)
{
    separate();
    buf_printf(&text, "%.17g", v);
    count();
}

static void put_human_real(struct sink *s, long double v)
{
    put_real(s, (double)v);
}

static void put_boolean(struct sink *s, bool v)
{
    put_integer(s, v);
}

static void put_verbatim(struct sink *s, const char ext[4], struct slice v)
{
    put_bulk(s, v);
}

static void push(bool pairs, size_t left)
{
    assert_true(depth < DEPTH_MAX);
    levels[depth++] = (struct level){.left = left, .pairs = pairs};
    buf_put_byte(&text, pairs ? '{' : '[');
}

static void begin(struct sink *s, enum sink_kind kind, size_t n)
{
    bool pairs = kind == SINK_MAP || kind == SINK_ATTRIBUTE;
    separate();
    if (n == 0) {
        buf_put_str(&text, pairs ? "{}" : "[]");
        count();
        return;
    }
    push(pairs, pairs ? n * 2 : n);
}

static size_t begin_deferred(struct sink *s)
{
    separate();
    push(false, DEFERRED);
    return depth;
}

static void end_deferred(struct sink *s, size_t token, enum sink_kind kind, size_t n)
{
    assert_int_equal(token, depth);
    assert_int_equal(levels[depth - 1].done, kind == SINK_MAP ? n * 2 : n);
    buf_put_byte(&text, ']');
    depth--;
    count();
}

static const struct sink_ops text_ops = {
    .status = put_status,
    .error = put_error,
    .integer = put_integer,
    .bulk = put_bulk,
    .null = put_null,
    .null_array = put_null,
    .real = put_real,
    .human_real = put_human_real,
    .boolean = put_boolean,
    .bignum = put_bulk,
    .verbatim = put_verbatim,
    .begin = begin,
    .begin_deferred = begin_deferred,
    .end_deferred = end_deferred,
    .raw = put_bulk,
};

struct sink *text_sink(void)
{
    static struct sink sink = {.ops = &text_ops, .resp = 3};
    return &sink;
}

void text_sink_clear(void)
{
    assert_int_equal(depth, 0);
    buf_clear(&text);
}

const char *text_sink_text(void)
{
    assert_int_equal(depth, 0);
    return buf_cstr(&text);
}

void text_sink_free(void)
{
    buf_free(&text);
}
