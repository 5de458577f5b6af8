/*   { * argc CRLF { $ length CRLF bytes CRLF }... | # annotation LF }...        the annotation tells the time */
#include "rdb/aof_file.h"

#include "base/mem.h"
#include "base/num.h"

#define DIGITS_MAX 20

void aof_file_begin(struct aof_file *f, struct slice bytes, size_t at)
{
    *f = (struct aof_file){.bytes = bytes, .at = at};
}

void aof_file_end(struct aof_file *f)
{
    mem_free(f->argv);
    *f = (struct aof_file){.argv = NULL};
}

/* A line of mark and number; *at moves behind it. */
static enum aof_got get_number(struct slice bytes, size_t *at, char mark, int64_t *n)
{
    struct slice rest = slice_make(bytes.p + *at, bytes.n - *at);
    if (rest.n == 0)
        return AOF_CUT;
    if (rest.p[0] != mark)
        return AOF_BAD;
    size_t look = rest.n < DIGITS_MAX + 3 ? rest.n : DIGITS_MAX + 3;
    const char *end = memchr(rest.p, '\n', look);
    if (!end)
        return look == rest.n ? AOF_CUT : AOF_BAD;
    size_t size = (size_t)(end - rest.p) + 1;
    if (size < 4 || end[-1] != '\r' || !num_parse_int(slice_make(rest.p + 1, size - 3), n))
        return AOF_BAD;
    *at += size;
    return AOF_COMMAND;
}

static enum aof_got get_bulk(struct slice bytes, size_t *at, struct slice *out)
{
    int64_t n = 0;
    enum aof_got got = get_number(bytes, at, '$', &n);
    if (got != AOF_COMMAND)
        return got;
    if (n < 0)
        return AOF_BAD;
    size_t left = bytes.n - *at;
    if ((uint64_t)n > left || left - (size_t)n < 2)
        return AOF_CUT;
    *out = slice_make(bytes.p + *at, (size_t)n);
    *at += (size_t)n + 2;
    return memcmp(out->p + n, "\r\n", 2) == 0 ? AOF_COMMAND : AOF_BAD;
}

/* Grows with what is there, not with what argc promises. */
static bool add(struct aof_file *f, struct slice s)
{
    if (f->argc == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 16;
        struct slice *argv = mem_try_realloc(f->argv, cap * sizeof *argv);
        if (!argv)
            return false;
        f->argv = argv;
        f->cap = cap;
    }
    f->argv[f->argc++] = s;
    return true;
}

static enum aof_got get_command(struct aof_file *f, size_t *at)
{
    int64_t argc = 0;
    enum aof_got got = get_number(f->bytes, at, '*', &argc);
    if (got == AOF_COMMAND && (argc < 1 || argc > INT32_MAX))
        got = AOF_BAD;
    f->argc = 0;
    while (got == AOF_COMMAND && f->argc < (size_t)argc) {
        struct slice s = SLICE_NULL;
        got = get_bulk(f->bytes, at, &s);
        if (got == AOF_COMMAND && !add(f, s))
            got = AOF_BAD;
    }
    return got;
}

/* Past annotations. One that is cut short is not missed. */
static size_t skip_annotations(struct slice bytes, size_t at)
{
    while (at < bytes.n && bytes.p[at] == '#') {
        const char *end = memchr(bytes.p + at, '\n', bytes.n - at);
        at = end ? (size_t)(end - bytes.p) + 1 : bytes.n;
    }
    return at;
}

static enum aof_got get_next(struct aof_file *f, size_t *at)
{
    *at = skip_annotations(f->bytes, *at);
    return *at == f->bytes.n ? AOF_END : get_command(f, at);
}

/* Whether EXEC comes behind a MULTI. Something bad on the way shows when its turn comes. */
static bool unit_ends(struct aof_file *f, size_t at)
{
    for (;;) {
        enum aof_got got = get_next(f, &at);
        bool exec = got == AOF_COMMAND && slice_is(f->argv[0], "exec");
        if (exec || got == AOF_BAD) {
            f->whole_unit = at;
            return true;
        }
        if (got != AOF_COMMAND)
            return false;
    }
}

enum aof_got aof_file_next(struct aof_file *f)
{
    size_t at = f->at;
    enum aof_got got = get_next(f, &at);
    if (got != AOF_COMMAND)
        return got;
    if (slice_is(f->argv[0], "multi") && at > f->whole_unit) {
        bool whole = unit_ends(f, at);
        at = f->at;
        got = get_next(f, &at); /* argv anew */
        if (!whole)
            return AOF_CUT;
    }
    f->at = at;
    return got;
}
