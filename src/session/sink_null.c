/* The sinks of sessions that nobody listens to. */
#include "session/sink_null.h"

static void null_slice(struct sink *s, struct slice text)
{
}

static void null_int(struct sink *s, int64_t v)
{
}

static void null_nothing(struct sink *s)
{
}

static void null_real(struct sink *s, double v)
{
}

static void null_human_real(struct sink *s, long double v)
{
}

static void null_bool(struct sink *s, bool v)
{
}

static void null_verbatim(struct sink *s, const char ext[4], struct slice text)
{
}

static void null_begin(struct sink *s, enum sink_kind kind, size_t n)
{
}

static size_t null_begin_deferred(struct sink *s)
{
    return 0;
}

static void null_end_deferred(struct sink *s, size_t token, enum sink_kind kind, size_t n)
{
}

static void (*on_error)(struct slice text);

static void tell_error(struct sink *s, struct slice text)
{
    on_error(text);
}

#define OPS(error_fn)                                                                              \
    {                                                                                              \
        .status = null_slice, .error = error_fn, .integer = null_int, .bulk = null_slice,          \
        .null = null_nothing, .null_array = null_nothing, .real = null_real,                       \
        .human_real = null_human_real, .boolean = null_bool, .bignum = null_slice,                 \
        .verbatim = null_verbatim, .begin = null_begin, .begin_deferred = null_begin_deferred,     \
        .end_deferred = null_end_deferred, .raw = null_slice,                                      \
    }

static const struct sink_ops null_ops = OPS(null_slice);
static const struct sink_ops error_ops = OPS(tell_error);

static struct sink the_sink = {.ops = &null_ops, .resp = 3};
static struct sink error_sink = {.ops = &error_ops, .resp = 3};

struct sink *sink_null(void)
{
    return &the_sink;
}

struct sink *sink_errors(void (*fn)(struct slice text))
{
    on_error = fn;
    return &error_sink;
}
