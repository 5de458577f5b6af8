/* Bodies of requests: commands as JSON, and the value of a key. Pure. */
#ifndef ORBIT_WIRE_HTTP_COMMAND_CODEC_H
#define ORBIT_WIRE_HTTP_COMMAND_CODEC_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

struct value;

struct http_command {
    struct slice *argv;
    int argc; /* at least 1 */
};
struct http_commands {
    struct http_command *v;
    size_t n;
    bool many;        /* came as "commands": the answer is a list, too */
    bool transaction; /* all or none */
    int64_t db;       /* -1: not said */
};

/* {"command": ["SET", "k", "v"], "db": 0} or {"commands": [[...], ...], "transaction": true}. Words are strings, numbers, or
 * {"base64": "..."} for bytes that are no UTF-8. out points into a and body. ST_SYNTAX, ST_INVALID, ST_RANGE, ST_TOO_LONG: err
 * says what is wrong. */
MUST_USE enum status http_commands_decode(struct slice body, struct arena *a,
                                          struct http_commands *out, struct error *err);

struct http_put {
    struct slice value;
    int64_t ttl_ms; /* 0: lives for ever */
};
/* {"value": "...", "ttl_ms": 1000}; value as a word of a command. Errors as above. */
MUST_USE enum status http_put_decode(struct slice body, struct arena *a, struct http_put *out,
                                     struct error *err);

struct http_query {
    struct slice text, database;
    const struct value *params; /* positional; or one object, named */
    size_t nparams;
    int64_t timeout_ms; /* 0: the server's */
};
/* {"query": "...", "params": [...] or {...}, "timeout_ms": 1000, "database": "..."}. Errors as above. */
MUST_USE enum status http_query_decode(struct slice body, struct arena *a, struct http_query *out,
                                       struct error *err);

/* A word of a command: a string, a number, or {"base64": "..."}. False: v is something else, or bad base64. */
MUST_USE bool http_word(const struct value *v, struct arena *a, struct slice *out);

#endif
