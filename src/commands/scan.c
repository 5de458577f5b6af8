/* Arguments and answers of HSCAN and its kin. */
#include "commands/scan.h"

#include "base/arena.h"
#include "base/glob.h"
#include "base/num.h"
#include "session/reply.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define COUNT_DEFAULT 10
#define FOUND_FIRST   64

/* What strtoull takes whole, without a space in front: "" is 0, "-1" the largest. */
static bool parse_cursor(struct slice s, uint64_t *cursor)
{
    char text[32], *end;
    if (s.n >= sizeof text || (s.n > 0 && isspace((unsigned char)s.p[0])))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    errno = 0;
    *cursor = strtoull(text, &end, 10);
    return errno == 0 && end == text + s.n;
}

bool scan_cursor(struct call *c, int i, uint64_t *cursor)
{
    if (parse_cursor(c->argv[i], cursor))
        return true;
    reply_error(c, "ERR invalid cursor");
    return false;
}

void scan_reply_none(struct call *c)
{
    reply_array(c, 2);
    reply_str(c, "0");
    reply_array(c, 0);
}

bool scan_begin(struct call *c, struct scan_found *f)
{
    int64_t count = COUNT_DEFAULT;
    *f = (struct scan_found){.c = c};
    for (int i = 3; i < c->argc; i += 2) {
        bool more = i + 1 < c->argc;
        if (more && call_arg_is(c, i, "count")) {
            if (!call_arg_int(c, i + 1, &count, NULL))
                return false;
            if (count < 1)
                goto syntax;
        } else if (more && call_arg_is(c, i, "match")) {
            f->pattern = slice_eq(c->argv[i + 1], SLICE("*")) ? SLICE_NULL : c->argv[i + 1];
        } else {
            goto syntax;
        }
    }
    f->count = (uint64_t)count;
    return true;
syntax:
    reply_syntax_error(c);
    return false;
}

bool scan_wants(const struct scan_found *f, struct slice name)
{
    return !f->pattern.p || glob_match(f->pattern, name, false);
}

void scan_add(struct scan_found *f, struct slice s)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : FOUND_FIRST;
        struct slice *v = arena_alloc(f->c->arena, cap * sizeof *v);
        if (f->n)
            memcpy(v, f->v, f->n * sizeof *v);
        f->v = v;
        f->cap = cap;
    }
    f->v[f->n++] = s;
}

void scan_reply(struct scan_found *f, uint64_t next)
{
    reply_array(f->c, 2);
    reply_bulkf(f->c, "%" PRIu64, next);
    reply_array(f->c, f->n);
    for (size_t i = 0; i < f->n; i++)
        reply_bulk(f->c, f->v[i]);
}
