/* APPEND, STRLEN, SETRANGE, GETRANGE: parts of a value. */
#include "base/num.h"
#include "commands/string/string_commands.h"
#include "commands/string/string_priv.h"
#include "session/reply.h"

void cmd_strlen(struct call *c)
{
    struct kv_rec *rec;
    if (call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec))
        reply_int(c, rec ? (int64_t)kv_str_len(rec) : 0);
}

void cmd_append(struct call *c)
{
    struct slice key = c->argv[1], value = c->argv[2];
    struct kv_rec *rec;
    size_t total = value.n;
    if (!call_lookup_type(c, key, KV_WRITE, KV_STRING, &rec))
        return;
    if (rec) {
        size_t old = kv_str_len(rec);
        char *p;
        if (!string__check_length(c, old, value.n))
            return;
        total = old + value.n;
        p = string__edit(c, key, &rec, total);
        if (!p)
            return;
        memcpy(p + old, value.p, value.n);
    } else {
        struct error err;
        enum status st = kv_set(c->kv, c->db, key, value, KV_NO_EXPIRE, 0, NULL, &err);
        if (st != ST_OK) {
            call_reply_status(c, st, &err);
            return;
        }
    }
    kv_notify(c->kv, NOTIFY_STRING, "append", c->db, key);
    call_changed(c, 1);
    reply_int(c, (int64_t)total);
}

void cmd_setrange(struct call *c)
{
    struct slice key = c->argv[1], value = c->argv[3];
    struct kv_rec *rec;
    int64_t offset;
    size_t n;
    char *p;
    if (!call_arg_int(c, 2, &offset, NULL))
        return;
    if (offset < 0) {
        reply_error(c, "ERR offset is out of range");
        return;
    }
    if (!call_lookup_type(c, key, KV_WRITE, KV_STRING, &rec))
        return;
    n = rec ? kv_str_len(rec) : 0;
    if (value.n == 0) {
        reply_int(c, (int64_t)n);
        return;
    }
    if (!string__check_length(c, (size_t)offset, value.n))
        return;
    if (n < (size_t)offset + value.n)
        n = (size_t)offset + value.n;
    p = string__edit(c, key, &rec, n);
    if (!p)
        return;
    memcpy(p + offset, value.p, value.n);
    kv_notify(c->kv, NOTIFY_STRING, "setrange", c->db, key);
    call_changed(c, 1);
    reply_int(c, (int64_t)n);
}

/* A negative index counts from the end; before the first byte is the first byte. */
static int64_t clamp_index(int64_t i, int64_t n)
{
    if (i >= 0)
        return i;
    return i < -n ? 0 : i + n;
}

void cmd_getrange(struct call *c)
{
    struct kv_rec *rec;
    char tmp[NUM_BUF];
    struct slice v;
    int64_t start, end, n;
    bool backwards;
    if (!call_arg_int(c, 2, &start, NULL) || !call_arg_int(c, 3, &end, NULL) ||
        !call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec))
        return;
    v = rec ? kv_str(rec, tmp) : SLICE("");
    n = (int64_t)v.n;
    backwards = start < 0 && end < 0 && start > end;
    start = clamp_index(start, n);
    end = clamp_index(end, n);
    if (end >= n)
        end = n - 1;
    reply_bulk(c, backwards || start > end ? SLICE("")
                                           : slice_make(v.p + start, (size_t)(end - start + 1)));
}

void cmd_substr(struct call *c)
{
    cmd_getrange(c);
}
