/* DEBUG PROTOCOL: one sample of each kind of reply. */
#include "commands/server/debug_priv.h"
#include "session/call.h"
#include "session/reply.h"

static void sample_string(struct call *c)
{
    reply_str(c, "Hello World");
}

static void sample_integer(struct call *c)
{
    reply_int(c, 12345);
}

static void sample_double(struct call *c)
{
    reply_double(c, 3.141);
}

static void sample_bignum(struct call *c)
{
    c->out->ops->bignum(c->out, SLICE("1234567999999999999999999999999999999"));
}

static void sample_null(struct call *c)
{
    reply_null(c);
}

static void put_members(struct call *c)
{
    for (int i = 0; i < 3; i++)
        reply_int(c, i);
}

static void sample_array(struct call *c)
{
    reply_array(c, 3);
    put_members(c);
}

static void sample_set(struct call *c)
{
    reply_set(c, 3);
    put_members(c);
}

static void sample_map(struct call *c)
{
    reply_map(c, 3);
    for (int i = 0; i < 3; i++) {
        reply_int(c, i);
        reply_bool(c, i == 1);
    }
}

static void sample_attribute(struct call *c)
{
    if (c->out->resp >= 3) {
        c->out->ops->begin(c->out, SINK_ATTRIBUTE, 1);
        reply_str(c, "key-popularity");
        reply_array(c, 2);
        reply_str(c, "key:123");
        reply_int(c, 90);
    }
    reply_str(c, "Some real reply following the attribute");
}

static void sample_push(struct call *c)
{
    if (c->out->resp < 3) {
        reply_error(c, "ERR RESP2 is not supported by this command");
        return;
    }
    reply_str(c, "Some real reply following the push reply");
    c->out->ops->begin(c->out, SINK_PUSH, 2);
    reply_str(c, "server-cpu-usage");
    reply_int(c, 42);
}

static void sample_verbatim(struct call *c)
{
    reply_verbatim(c, "txt", SLICE("This is a verbatim\nstring"));
}

static void sample_true(struct call *c)
{
    reply_bool(c, true);
}

static void sample_false(struct call *c)
{
    reply_bool(c, false);
}

void debug__protocol(struct call *c)
{
    static const struct {
        const char *name;
        command_fn fn;
    } samples[] = {
        {"string", sample_string}, {"integer", sample_integer},   {"double", sample_double},
        {"bignum", sample_bignum}, {"null", sample_null},         {"array", sample_array},
        {"set", sample_set},       {"map", sample_map},           {"attrib", sample_attribute},
        {"push", sample_push},     {"verbatim", sample_verbatim}, {"true", sample_true},
        {"false", sample_false},
    };
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        if (call_arg_is(c, 2, samples[i].name)) {
            samples[i].fn(c);
            return;
        }
    }
    reply_error(c,
                "ERR Wrong protocol type name. Please use one of the following: "
                "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}
