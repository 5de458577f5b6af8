/* ZSCAN: through a sorted set in steps. */
#include "base/glob.h"
#include "base/num.h"
#include "commands/zset/zset_commands.h"
#include "commands/zset/zset_priv.h"
#include "session/reply.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct scan {
    struct slice pattern;
    bool filter;
    struct buf found; /* struct kv_zset_item, one after the other */
    bool no_memory;
};

/* What strtoull takes whole, without a space in front: "" is 0, "-1" the largest. */
static bool parse_cursor(struct call *c, int i, uint64_t *cursor)
{
    struct slice s = c->argv[i];
    char text[32], *end = text;
    errno = 0;
    if (s.n < sizeof text && !(s.n > 0 && isspace((unsigned char)s.p[0]))) {
        memcpy(text, s.p, s.n);
        text[s.n] = 0;
        *cursor = strtoull(text, &end, 10);
        if (errno == 0 && end == text + s.n)
            return true;
    }
    reply_error(c, "ERR invalid cursor");
    return false;
}

static bool parse_options(struct call *c, struct scan *s, int64_t *count)
{
    for (int i = 3; i < c->argc; i += 2) {
        bool more = i + 1 < c->argc;
        if (more && call_arg_is(c, i, "count")) {
            if (!call_arg_int(c, i + 1, count, NULL))
                return false;
            if (*count < 1)
                goto syntax;
        } else if (more && call_arg_is(c, i, "match")) {
            s->pattern = c->argv[i + 1];
            s->filter = !slice_eq(s->pattern, SLICE("*"));
        } else {
            goto syntax;
        }
    }
    return true;
syntax:
    reply_syntax_error(c);
    return false;
}

static void visit(void *arg, const struct kv_zset_item *item)
{
    struct scan *s = arg;
    if (s->filter && !glob_match(s->pattern, item->member, false))
        return;
    if (buf_try_reserve(&s->found, sizeof *item))
        buf_put(&s->found, item, sizeof *item);
    else
        s->no_memory = true;
}

/* Redis prints the scores of packed ones in the shortest way, those of large ones with 17 digits. */
static void reply_item(struct call *c, const struct kv_zset_item *item, bool packed)
{
    char text[NUM_BUF];
    size_t n = packed ? num_format_double(text, item->score)
                      : (size_t)snprintf(text, sizeof text, "%.17g", item->score);
    reply_bulk(c, item->member);
    reply_bulk(c, slice_make(text, n));
}

static void reply_found(struct call *c, const struct scan *s, bool packed, uint64_t next)
{
    size_t n = s->found.n / sizeof(struct kv_zset_item);
    reply_array(c, 2);
    reply_bulkf(c, "%llu", (unsigned long long)next);
    reply_array(c, n * 2);
    for (size_t i = 0; i < n; i++) {
        struct kv_zset_item item;
        memcpy(&item, s->found.p + i * sizeof item, sizeof item);
        reply_item(c, &item, packed);
    }
}

void cmd_zscan(struct call *c)
{
    struct scan s = {.found = BUF_INIT};
    struct kv_rec *rec;
    struct error err;
    uint64_t cursor, next = 0;
    int64_t count = 10;
    if (!parse_cursor(c, 2, &cursor) || !call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec))
        return;
    if (!rec) {
        reply_found(c, &s, true, 0);
        return;
    }
    if (!parse_options(c, &s, &count))
        return;
    enum status st = kv_zset_scan(rec, cursor, (uint64_t)count, &next, visit, &s, &err);
    if (st == ST_OK && s.no_memory)
        st = error_set(&err, ST_NO_MEMORY, "out of memory for a scan");
    if (st == ST_OK)
        reply_found(c, &s, kv_zset_packed(rec), next);
    else
        call_reply_status(c, st, &err);
    buf_free(&s.found);
}
