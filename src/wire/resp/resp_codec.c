#include "wire/resp/resp_codec.h"

#include "base/mem.h"
#include "base/num.h"

#include <limits.h>
#include <stdio.h>

/* A request:
 *
 *   "*" count CRLF ( "$" length CRLF bytes CRLF ){count}       multibulk
 *   anything else up to LF                                     inline
 *
 * resp_parse is restartable at every header and every argument: size is where to go on, args_left and bulk say what is
 * expected there. A header line is looked at again from its beginning when it was incomplete; it is at most 64 KB. */

#define ARGV_KEEP  1024
#define WORDS_KEEP 4096

enum line { LINE_OK, LINE_MORE, LINE_BAD, LINE_LONG };

/* Reads a number of digits at p[*at], where the line must end with CR and any one byte. */
static enum line read_number(const char *p, size_t n, size_t *at, int64_t *v)
{
    size_t i = *at;
    int64_t x = 0;
    size_t digits = 0;
    while (i < n && digits < 10 && p[i] >= '0' && p[i] <= '9') {
        x = x * 10 + (p[i] - '0');
        i++;
        digits++;
    }
    if (LIKELY(digits > 0 && i + 1 < n && p[i] == '\r' && (digits == 1 || p[*at] != '0'))) {
        *v = x;
        *at = i + 2;
        return LINE_OK;
    }
    const char *end = memchr(p + *at, '\r', n - *at);
    if (!end)
        return n - *at > RESP_INLINE_MAX ? LINE_LONG : LINE_MORE;
    if ((size_t)(end - p) + 1 >= n)
        return LINE_MORE;
    if (!num_parse_int(slice_make(p + *at, (size_t)(end - p) - *at), v))
        return LINE_BAD;
    *at = (size_t)(end - p) + 2;
    return LINE_OK;
}

static bool argv_room(struct resp_request *r, int64_t wanted)
{
    if (r->argc < r->cap)
        return true;
    int64_t cap = r->cap ? (int64_t)r->cap * 2 : 8;
    if (cap < wanted && wanted <= ARGV_KEEP)
        cap = wanted;
    struct slice *bigger = mem_try_realloc(r->argv, (size_t)cap * sizeof *bigger);
    if (!bigger)
        return false;
    r->argv = bigger;
    r->cap = (int)cap;
    return true;
}

static enum resp_parse bad(const char **why, const char *text)
{
    *why = text;
    return RESP_BAD;
}

static enum resp_parse parse_count(struct resp_request *r, const char *p, size_t n,
                                   const struct resp_limits *limits, const char **why)
{
    size_t at = 1;
    int64_t count = 0;
    switch (read_number(p, n, &at, &count)) {
    case LINE_MORE:
        return RESP_MORE;
    case LINE_LONG:
        return bad(why, "too big mbulk count string");
    case LINE_BAD:
        return bad(why, "invalid multibulk length");
    case LINE_OK:
        break;
    }
    if (count > INT_MAX)
        return bad(why, "invalid multibulk length");
    if (count > RESP_UNAUTH_ARGS_MAX && limits->unauthenticated)
        return bad(why, "unauthenticated multibulk length");
    r->size = at;
    if (count <= 0)
        return RESP_NOTHING;
    r->args_left = count;
    r->canonical = p[at - 1] == '\n';
    return RESP_COMMAND;
}

static enum resp_parse parse_length(struct resp_request *r, const char *p, size_t n,
                                    const struct resp_limits *limits, const char **why)
{
    static const char *const expected[2] = {"expected '$', got '", "'"};
    static _Thread_local char text[32];
    size_t at = r->size + 1;
    int64_t length = -1;
    if (n <= r->size)
        return RESP_MORE;
    enum line got;
    if (p[r->size] == '$') {
        got = at < n ? read_number(p, n, &at, &length) : LINE_MORE;
    } else {
        const char *end = memchr(p + r->size, '\r', n - r->size);
        got = end && (size_t)(end - p) + 1 < n        ? LINE_OK
              : !end && n - r->size > RESP_INLINE_MAX ? LINE_LONG
                                                      : LINE_MORE;
    }
    if (got == LINE_MORE)
        return RESP_MORE;
    if (got == LINE_LONG)
        return bad(why, "too big bulk count string");
    if (p[r->size] != '$') {
        snprintf(text, sizeof text, "%s%c%s", expected[0], p[r->size], expected[1]);
        return bad(why, text);
    }
    if (got == LINE_BAD || length < 0 || length > limits->max_bulk)
        return bad(why, "invalid bulk length");
    if (length > RESP_UNAUTH_BULK_MAX && limits->unauthenticated)
        return bad(why, "unauthenticated bulk length");
    r->canonical &= p[at - 1] == '\n';
    r->size = at;
    r->bulk = length;
    r->bulk_known = true;
    return RESP_COMMAND;
}

static enum resp_parse parse_multibulk(struct resp_request *r, const char *p, size_t n,
                                       const struct resp_limits *limits, const char **why)
{
    if (r->args_left == 0) {
        enum resp_parse got = parse_count(r, p, n, limits, why);
        if (got != RESP_COMMAND)
            return got;
    }
    while (r->args_left > 0) {
        if (!r->bulk_known) {
            enum resp_parse got = parse_length(r, p, n, limits, why);
            if (got != RESP_COMMAND)
                return got;
        }
        size_t length = (size_t)r->bulk;
        if (n - r->size < length + 2)
            return RESP_MORE;
        if (!argv_room(r, r->argc + r->args_left))
            return bad(why, "out of memory");
        r->argv[r->argc++] = slice_make(p + r->size, length);
        r->arg_bytes += length;
        r->canonical &= p[r->size + length] == '\r' && p[r->size + length + 1] == '\n';
        r->size += length + 2;
        r->args_left--;
        r->bulk_known = false;
    }
    return RESP_COMMAND;
}

/* -- inline -------------------------------------------------------------------------------------- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Appends the double-quoted word that begins after the quote at p; returns what follows it, NULL: not closed. */
static const char *quoted_word(struct buf *out, const char *p, const char *end)
{
    while (p < end && *p != '"') {
        char c = *p++;
        if (c == '\\' && p < end) {
            c = *p++;
            if (c == 'x' && end - p >= 2 && hex(p[0]) >= 0 && hex(p[1]) >= 0) {
                c = (char)(hex(p[0]) * 16 + hex(p[1]));
                p += 2;
            } else if (c == 'n') {
                c = '\n';
            } else if (c == 'r') {
                c = '\r';
            } else if (c == 't') {
                c = '\t';
            } else if (c == 'b') {
                c = '\b';
            } else if (c == 'a') {
                c = '\a';
            }
        }
        buf_put_byte(out, (uint8_t)c);
    }
    if (p == end || (p + 1 < end && !is_space(p[1])))
        return NULL;
    return p + 1;
}

static const char *single_quoted_word(struct buf *out, const char *p, const char *end)
{
    while (p < end && *p != '\'') {
        if (*p == '\\' && p + 1 < end && p[1] == '\'')
            p++;
        buf_put_byte(out, (uint8_t)*p++);
    }
    if (p == end || (p + 1 < end && !is_space(p[1])))
        return NULL;
    return p + 1;
}

bool resp_split_words(struct resp_request *r, struct slice line)
{
    const char *p = line.p, *end = line.p + line.n;
    buf_clear(&r->words);
    buf_reserve(&r->words, line.n + 1);
    r->argc = 0;
    for (;;) {
        while (p < end && is_space(*p))
            p++;
        if (p == end)
            break;
        size_t begin = r->words.n;
        while (p && p < end && !is_space(*p)) {
            if (*p == '"')
                p = quoted_word(&r->words, p + 1, end);
            else if (*p == '\'')
                p = single_quoted_word(&r->words, p + 1, end);
            else
                buf_put_byte(&r->words, (uint8_t)*p++);
        }
        if (!p || !argv_room(r, r->argc + 1))
            return false;
        /* The reservation above keeps words.p where it is: a word is never longer than its text. */
        r->argv[r->argc++] = slice_make(r->words.p + begin, r->words.n - begin);
    }
    return true;
}

static enum resp_parse parse_inline(struct resp_request *r, const char *p, size_t n,
                                    const char **why)
{
    const char *end = memchr(p, '\n', n);
    if (!end)
        return n > RESP_INLINE_MAX ? bad(why, "too big inline request") : RESP_MORE;
    r->size = (size_t)(end - p) + 1;
    size_t length = r->size - 1;
    if (length > 0 && p[length - 1] == '\r')
        length--;
    if (!resp_split_words(r, slice_make(p, length)))
        return bad(why, "unbalanced quotes in request");
    if (r->argc == 0)
        return RESP_NOTHING;
    for (int i = 0; i < r->argc; i++)
        r->arg_bytes += r->argv[i].n;
    return RESP_COMMAND;
}

/* -- entry points -------------------------------------------------------------------------------- */

enum resp_parse resp_parse(struct resp_request *r, const char *p, size_t n,
                           const struct resp_limits *limits, const char **why)
{
    if (n == 0)
        return RESP_MORE;
    return p[0] == '*' ? parse_multibulk(r, p, n, limits, why) : parse_inline(r, p, n, why);
}

void resp_request_rebase(struct resp_request *r, const char *old, const char *now)
{
    for (int i = 0; i < r->argc; i++)
        r->argv[i].p = now + (r->argv[i].p - old);
}

void resp_request_reset(struct resp_request *r)
{
    if (UNLIKELY(r->cap > ARGV_KEEP)) {
        mem_free(r->argv);
        r->argv = NULL;
        r->cap = 0;
    }
    if (UNLIKELY(r->words.cap > WORDS_KEEP))
        buf_free(&r->words);
    r->argc = 0;
    r->size = 0;
    r->args_left = 0;
    r->bulk = 0;
    r->bulk_known = false;
    r->canonical = false;
    r->arg_bytes = 0;
}

void resp_request_free(struct resp_request *r)
{
    if (!r)
        return;
    mem_free(r->argv);
    buf_free(&r->words);
    *r = (struct resp_request){0};
}

size_t resp_request_missing(const struct resp_request *r, size_t n)
{
    if (!r->bulk_known)
        return 1;
    size_t end = r->size + (size_t)r->bulk + 2;
    return end > n ? end - n : 1;
}

void resp_put_command(struct buf *out, size_t argc, const struct slice *argv)
{
    char head[RESP_HEADER_MAX];
    size_t n = resp_header(head, '*', argc);
    buf_put(out, head, n);
    for (size_t i = 0; i < argc; i++) {
        n = resp_header(head, '$', argv[i].n);
        buf_put(out, head, n);
        buf_put_slice(out, argv[i]);
        buf_put(out, "\r\n", 2);
    }
}
