/* RESP as bytes: an incremental parser of requests (multibulk and inline) and encoders of reply headers. Pure: no server, no
 * sockets; the CLI, the tests and the fuzzer use it as it is. Thread: any. */
#ifndef ORBIT_WIRE_RESP_CODEC_H
#define ORBIT_WIRE_RESP_CODEC_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"

#define RESP_INLINE_MAX      (64 * 1024) /* longest inline request, longest header line */
#define RESP_BIG_ARG         (32 * 1024) /* from here on an argument deserves a buffer of its size */
#define RESP_UNAUTH_ARGS_MAX 10          /* before authentication */
#define RESP_UNAUTH_BULK_MAX (16 * 1024)

enum resp_parse {
    RESP_MORE,    /* not complete; call again with more bytes */
    RESP_COMMAND, /* argv holds a command, size is its length in bytes */
    RESP_NOTHING, /* an empty line or an empty multibulk: skip size bytes */
    RESP_BAD,     /* protocol error: close after telling */
};

struct resp_limits {
    int64_t max_bulk;
    bool unauthenticated;
};

/* State of one request. Zero-initialised is ready to begin. argv points into the bytes given to resp_parse, except for
 * inline requests, whose words live in words. */
struct resp_request {
    struct slice *argv;
    int argc, cap;
    size_t size;       /* bytes looked at so far; the length of the request when it is complete */
    int64_t args_left; /* 0: header not read yet */
    int64_t bulk;      /* length of the argument to come */
    bool bulk_known;
    bool canonical; /* multibulk with every CRLF in place */
    size_t arg_bytes;
    struct buf words;
};

/* Goes on with a request whose bytes so far are p[0..n). Between calls for one request p may move: then call
 * resp_request_rebase first. RESP_BAD: *why gets the text after "Protocol error: ", valid until the next call. */
enum resp_parse resp_parse(struct resp_request *r, const char *p, size_t n,
                           const struct resp_limits *limits, const char **why);
/* The bytes moved from old to now. */
void resp_request_rebase(struct resp_request *r, const char *old, const char *now);
/* Ready for the next request; keeps memory of ordinary size. */
void resp_request_reset(struct resp_request *r);
void resp_request_free(struct resp_request *r);
/* Bytes that are still missing for the argument under way, at least 1 while incomplete. */
size_t resp_request_missing(const struct resp_request *r, size_t n);

/* Splits a line into words as redis-cli and inline requests do: spaces, "..." with escapes, '...'. Appends the words'
 * bytes to bytes and their lengths to argv (offsets are made pointers at the end). False: unbalanced quotes. */
bool resp_split_words(struct resp_request *r, struct slice line);

/* prefix, decimal, CRLF: returns the length. out has RESP_HEADER_MAX bytes. */
#define RESP_HEADER_MAX 32
static inline size_t resp_header(char *out, char prefix, uint64_t n);

/* Appends a command as multibulk. */
void resp_put_command(struct buf *out, size_t argc, const struct slice *argv);

static inline size_t resp_header(char *out, char prefix, uint64_t n)
{
    char *p = out;
    *p++ = prefix;
    if (n < 10) {
        *p++ = (char)('0' + n);
    } else {
        char digits[20];
        size_t i = sizeof digits;
        while (n) {
            digits[--i] = (char)('0' + n % 10);
            n /= 10;
        }
        memcpy(p, digits + i, sizeof digits - i);
        p += sizeof digits - i;
    }
    *p++ = '\r';
    *p++ = '\n';
    return (size_t)(p - out);
}

#endif
