/* What the writing string commands share. */
#include "base/clock.h"
#include "commands/string/string_priv.h"
#include "session/reply.h"
#include "session/session_options.h"

bool string__expire_arg(struct call *c, int i, enum string_unit unit, int64_t *when)
{
    int64_t v;
    bool ok;
    if (!call_arg_int(c, i, &v, NULL))
        return false;
    ok = v > 0;
    if (ok && (unit == STRING_EX || unit == STRING_EXAT))
        ok = !__builtin_mul_overflow(v, (int64_t)1000, &v);
    if (ok && (unit == STRING_EX || unit == STRING_PX))
        ok = !__builtin_add_overflow(v, clock_cached_ms(), &v);
    if (!ok) {
        reply_errorf(c, "ERR invalid expire time in '%s' command", c->cmd->fullname);
        return false;
    }
    *when = v;
    return true;
}

bool string__store(struct call *c, struct slice key, struct slice value, int64_t when,
                   unsigned kv_flags)
{
    struct error err;
    enum status st = kv_set(c->kv, c->db, key, value, when, kv_flags, NULL, &err);
    if (UNLIKELY(st != ST_OK)) {
        call_reply_status(c, st, &err);
        return false;
    }
    kv_notify(c->kv, NOTIFY_STRING, "set", c->db, key);
    call_changed(c, 1);
    return true;
}

char *string__edit(struct call *c, struct slice key, struct kv_rec **rec, size_t n)
{
    struct error err;
    bool made = *rec == NULL;
    char *p;
    if (made) {
        enum status st = kv_set(c->kv, c->db, key, SLICE(""), KV_NO_EXPIRE, 0, rec, &err);
        if (st != ST_OK) {
            call_reply_status(c, st, &err);
            return NULL;
        }
    }
    p = kv_str_edit(c->kv, *rec, n);
    if (!p) {
        if (made)
            kv_del(c->kv, *rec);
        (void)error_set(&err, ST_NO_MEMORY, "out of memory for a string of %zu bytes", n);
        call_reply_status(c, ST_NO_MEMORY, &err);
    }
    return p;
}

bool string__check_length(struct call *c, size_t old, size_t extra)
{
    size_t total;
    if (c->replaying)
        return true;
    if (__builtin_add_overflow(old, extra, &total) ||
        total > (size_t)session_opts.proto_max_bulk_len) {
        reply_error(c, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        return false;
    }
    return true;
}
