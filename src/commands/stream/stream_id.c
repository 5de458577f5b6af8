/* Stream IDs as text: milliseconds-sequence. */
#include "base/arena.h"
#include "commands/stream/stream_priv.h"
#include "session/reply.h"

#define ID_TEXT_MAX 127 /* a longer argument is no ID */

static size_t format_number(uint64_t v, char *out)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
    } while (v /= 10);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

size_t stream__id_format(struct kv_stream_id id, char out[STREAM_ID_TEXT])
{
    size_t n = format_number(id.ms, out);
    out[n++] = '-';
    return n + format_number(id.seq, out + n);
}

struct slice stream__id_text(struct call *c, struct kv_stream_id id)
{
    char *text = arena_alloc(c->arena, STREAM_ID_TEXT);
    return slice_make(text, stream__id_format(id, text));
}

/* As lenient as Redis: white space and a plus sign before, and leading zeros, are no error. */
static bool parse_number(struct slice s, uint64_t *v)
{
    size_t i = 0, first;
    *v = 0;
    while (i < s.n && (s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r')))
        i++;
    if (i < s.n && s.p[i] == '+')
        i++;
    for (first = i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
        if (__builtin_mul_overflow(*v, (uint64_t)10, v) ||
            __builtin_add_overflow(*v, (uint64_t)(s.p[i] - '0'), v))
            return false;
    }
    return i == s.n && i > first;
}

bool stream__id_parse(struct slice s, uint64_t missing_seq, bool edges, struct kv_stream_id *id,
                      bool *auto_seq)
{
    const char *dash = s.n ? memchr(s.p, '-', s.n) : NULL;
    struct slice ms = s, seq;
    if (s.n > ID_TEXT_MAX)
        return false;
    if (auto_seq)
        *auto_seq = false;
    if (s.n == 1 && (s.p[0] == '-' || s.p[0] == '+')) {
        *id = s.p[0] == '-' ? KV_STREAM_ID_MIN : KV_STREAM_ID_MAX;
        return edges;
    }
    id->seq = missing_seq;
    if (!dash)
        return parse_number(ms, &id->ms);
    ms.n = (size_t)(dash - s.p);
    seq = slice_make(dash + 1, s.n - ms.n - 1);
    if (auto_seq && seq.n == 1 && seq.p[0] == '*') {
        *auto_seq = true;
        id->seq = 0;
        return parse_number(ms, &id->ms);
    }
    return parse_number(ms, &id->ms) && parse_number(seq, &id->seq);
}

void stream__bad_id(struct call *c)
{
    reply_error(c, "ERR Invalid stream ID specified as stream command argument");
}

bool stream__id_arg(struct call *c, int i, struct kv_stream_id *id)
{
    if (stream__id_parse(c->argv[i], 0, false, id, NULL))
        return true;
    stream__bad_id(c);
    return false;
}

bool stream__id_next(struct kv_stream_id *id)
{
    if (++id->seq != 0)
        return true;
    return ++id->ms != 0;
}

bool stream__id_prev(struct kv_stream_id *id)
{
    if (id->seq-- != 0)
        return true;
    return id->ms-- != 0;
}

/* Parses one end of a range; *exclusive: it began with "(". */
static bool bound_arg(struct call *c, int i, uint64_t missing_seq, struct kv_stream_id *id,
                      bool *exclusive)
{
    struct slice s = c->argv[i];
    *exclusive = s.n > 1 && s.p[0] == '(';
    if (*exclusive)
        s = slice_make(s.p + 1, s.n - 1);
    if (stream__id_parse(s, missing_seq, !*exclusive, id, NULL))
        return true;
    stream__bad_id(c);
    return false;
}

bool stream__start_arg(struct call *c, int i, struct kv_stream_id *id)
{
    bool exclusive;
    if (!bound_arg(c, i, 0, id, &exclusive))
        return false;
    if (!exclusive || stream__id_next(id))
        return true;
    reply_error(c, "ERR invalid start ID for the interval");
    return false;
}

bool stream__end_arg(struct call *c, int i, struct kv_stream_id *id)
{
    bool exclusive;
    if (!bound_arg(c, i, UINT64_MAX, id, &exclusive))
        return false;
    if (!exclusive || stream__id_prev(id))
        return true;
    reply_error(c, "ERR invalid end ID for the interval");
    return false;
}

struct kv_stream_id *stream__id_args(struct call *c, int first, int end)
{
    struct kv_stream_id *ids = arena_alloc(c->arena, (size_t)(end - first) * sizeof *ids);
    for (int i = first; i < end; i++) {
        if (!stream__id_arg(c, i, &ids[i - first]))
            return NULL;
    }
    return ids;
}
