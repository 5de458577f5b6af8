/* /api/v1/keys/{key}: one key with its type and time to live. */
#include "base/num.h"
#include "wire/http/http_priv.h"

#define ARGV_MAX 5

static bool set_argv(struct http_call *c, int argc, const struct slice *argv)
{
    c->argv = arena_alloc(c->arena, (size_t)argc * sizeof *argv);
    memcpy(c->argv, argv, (size_t)argc * sizeof *argv);
    c->argc = argc;
    return true;
}

static bool key_begin(struct http_call *c)
{
    if (c->param.n > 0)
        return true;
    http__fail(c, 404, SLICE("NOTFOUND the path names no key"));
    return false;
}

static bool not_found(struct http_call *c)
{
    http__fail(c, 404, SLICE("NOTFOUND there is no such key"));
    return false;
}

/* -- GET ----------------------------------------------------------------------------------------- */

/* What reads all of a type; other types are dumped. */
static bool ask_value(struct http_call *c)
{
    static const struct reader {
        const char *type, *command, *words[3];
    } readers[] = {{"string", "GET", {NULL}},   {"list", "LRANGE", {"0", "-1", NULL}},
                   {"set", "SMEMBERS", {NULL}}, {"zset", "ZRANGE", {"0", "-1", "WITHSCORES"}},
                   {"hash", "HGETALL", {NULL}}, {"stream", "XRANGE", {"-", "+", NULL}}};
    struct slice argv[ARGV_MAX] = {SLICE("DUMP"), c->param};
    int argc = 2;
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        if (!slice_is(c->type, readers[i].type))
            continue;
        argv[0] = slice_str(readers[i].command);
        for (size_t k = 0; k < COUNT_OF(readers[i].words) && readers[i].words[k]; k++)
            argv[argc++] = slice_str(readers[i].words[k]);
    }
    return set_argv(c, argc, argv);
}

static void put_member(struct http_call *c, struct slice name)
{
    tape_put_text(&c->tape, TAPE_STRING, name);
}

static bool take_type(struct http_call *c)
{
    uint64_t n;
    struct slice text;
    if (http__reply_failed(c))
        return false;
    (void)http__reply(c, &n, &text);
    if (slice_is(text, "none"))
        return not_found(c);
    c->type = arena_dup(c->arena, text);
    buf_clear(&c->tape);
    return set_argv(c, 2, (struct slice[]){SLICE("PTTL"), c->param});
}

static bool take_ttl(struct http_call *c)
{
    uint64_t n;
    struct slice text;
    if (http__reply_failed(c))
        return false;
    (void)http__reply(c, &n, &text);
    if ((int64_t)n == -2)
        return not_found(c);
    buf_clear(&c->tape);
    tape_put(&c->tape, TAPE_MAP, 4);
    put_member(c, SLICE("key"));
    tape_put_text(&c->tape, TAPE_STRING, c->param);
    put_member(c, SLICE("type"));
    tape_put_text(&c->tape, TAPE_STRING, c->type);
    put_member(c, SLICE("ttl_ms"));
    tape_put(&c->tape, (int64_t)n < 0 ? TAPE_NULL : TAPE_INT, n);
    put_member(c, SLICE("value"));
    return ask_value(c);
}

static bool get_next(struct http_call *c)
{
    switch (c->step++) {
    case 0:
        return set_argv(c, 2, (struct slice[]){SLICE("TYPE"), c->param});
    case 1:
        return take_type(c);
    case 2:
        return take_ttl(c);
    default:
        (void)http__reply_failed(c);
        return false;
    }
}

/* -- PUT and DELETE ------------------------------------------------------------------------------ */

static bool put_begin(struct http_call *c)
{
    struct error err = {.message = ""};
    struct slice type = http_header(c->req, "Content-Type");
    if (!key_begin(c))
        return false;
    if (!slice_starts(type, SLICE("application/json"))) {
        c->put.value = http_body(c->req);
        return true;
    }
    if (http_put_decode(http_body(c->req), c->arena, &c->put, &err) == ST_OK)
        return true;
    http__failf(c, 400, "ERR %s", err.message);
    return false;
}

static bool put_next(struct http_call *c)
{
    char ttl[NUM_BUF];
    if (c->step++ > 0) {
        (void)http__reply_failed(c);
        return false;
    }
    tape_put(&c->tape, TAPE_REPLY, 1);
    struct slice argv[ARGV_MAX] = {SLICE("SET"), c->param, c->put.value, SLICE("PX")};
    size_t n = num_format_int(ttl, c->put.ttl_ms);
    argv[4] = arena_dup(c->arena, slice_make(ttl, n));
    return set_argv(c, c->put.ttl_ms ? 5 : 3, argv);
}

static bool delete_next(struct http_call *c)
{
    uint64_t n;
    struct slice text;
    if (c->step++ > 0) {
        if (http__reply_failed(c))
            return false;
        return http__reply(c, &n, &text) == TAPE_INT && n == 0 && not_found(c);
    }
    tape_put(&c->tape, TAPE_REPLY, 1);
    return set_argv(c, 2, (struct slice[]){SLICE("DEL"), c->param});
}

const struct http_handler http__key_get_handler = {.begin = key_begin, .next = get_next};
const struct http_handler http__key_put_handler = {.begin = put_begin, .next = put_next};
const struct http_handler http__key_delete_handler = {.begin = key_begin, .next = delete_next};
