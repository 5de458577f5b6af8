/* Entries in answers, XRANGE, XREVRANGE, XLEN. */
#include "commands/stream/stream_commands.h"
#include "commands/stream/stream_priv.h"
#include "session/reply.h"

void stream__reply_id(struct call *c, struct kv_stream_id id)
{
    char text[STREAM_ID_TEXT];
    reply_bulk(c, slice_make(text, stream__id_format(id, text)));
}

void stream__reply_entry(struct call *c, struct kv_stream_entry e)
{
    struct slice field, value;
    reply_array(c, 2);
    stream__reply_id(c, e.id);
    reply_array(c, e.pairs * 2);
    while (kv_stream_pair(&e, &field, &value)) {
        reply_bulk(c, field);
        reply_bulk(c, value);
    }
}

bool stream__failed(struct call *c, enum status st, const struct error *err)
{
    call_reply_status(c, st, err);
    return false;
}

uint64_t stream__reply_entries(struct call *c, struct kv_rec *rec, struct kv_stream_id start,
                               struct kv_stream_id end, bool rev, uint64_t count)
{
    struct kv_stream_entry e;
    struct kv_stream_cur cur;
    struct error err;
    uint64_t n = 0;
    bool found = true;
    enum status st = kv_stream_seek(rec, start, end, rev, &cur, &err);
    while (st == ST_OK) {
        st = kv_stream_next(&cur, &found, &e, &err);
        if (st != ST_OK || !found)
            break;
        stream__reply_entry(c, e);
        if (++n == count)
            return n;
    }
    if (st == ST_OK)
        return n;
    stream__failed(c, st, &err);
    return n + 1;
}

void stream__reply_range(struct call *c, struct kv_rec *rec, struct kv_stream_id start,
                         struct kv_stream_id end, bool rev, uint64_t count)
{
    size_t token = reply_begin(c);
    reply_end(c, token, SINK_ARRAY, stream__reply_entries(c, rec, start, end, rev, count));
}

static void range(struct call *c, bool rev)
{
    struct kv_stream_id start, end;
    struct kv_rec *rec;
    int64_t count = -1;
    if (!stream__start_arg(c, rev ? 3 : 2, &start) || !stream__end_arg(c, rev ? 2 : 3, &end))
        return;
    for (int i = 4; i < c->argc; i += 2) {
        if (!call_arg_is(c, i, "count") || i + 1 == c->argc) {
            reply_syntax_error(c);
            return;
        }
        if (!call_arg_int(c, i + 1, &count, NULL))
            return;
        if (count < 0)
            count = 0;
    }
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_STREAM, &rec))
        return;
    if (!rec)
        reply_array(c, 0);
    else if (count == 0)
        reply_null_array(c);
    else
        stream__reply_range(c, rec, start, end, rev, count < 0 ? 0 : (uint64_t)count);
}

void cmd_xrange(struct call *c)
{
    range(c, false);
}

void cmd_xrevrange(struct call *c)
{
    range(c, true);
}

void cmd_xlen(struct call *c)
{
    struct kv_stream_info s = {0};
    struct kv_rec *rec;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_STREAM, &rec))
        return;
    if (rec)
        kv_stream_info(rec, &s);
    reply_int(c, (int64_t)s.length);
}
