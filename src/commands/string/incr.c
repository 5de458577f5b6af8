/* Counters. A counter is a string that is a canonical integer, or for INCRBYFLOAT any decimal number. */
#include "base/num.h"
#include "commands/string/string_commands.h"
#include "commands/string/string_priv.h"
#include "session/reply.h"

#include <math.h>

static void add(struct call *c, int64_t by)
{
    struct slice key = c->argv[1];
    struct kv_rec *rec;
    int64_t v = 0;
    if (!call_lookup_type(c, key, KV_WRITE, KV_STRING, &rec))
        return;
    if (rec && !kv_str_int(rec, &v)) {
        reply_error(c, "ERR value is not an integer or out of range");
        return;
    }
    if (__builtin_add_overflow(v, by, &v)) {
        reply_error(c, "ERR increment or decrement would overflow");
        return;
    }
    if (LIKELY(rec != NULL)) {
        kv_str_set_int(c->kv, rec, v);
    } else {
        struct error err;
        enum status st = kv_set_int(c->kv, c->db, key, v, NULL, &err);
        if (UNLIKELY(st != ST_OK)) {
            call_reply_status(c, st, &err);
            return;
        }
    }
    kv_notify(c->kv, NOTIFY_STRING, "incrby", c->db, key);
    call_changed(c, 1);
    reply_int(c, v);
}

void cmd_incr(struct call *c)
{
    add(c, 1);
}

void cmd_decr(struct call *c)
{
    add(c, -1);
}

void cmd_incrby(struct call *c)
{
    int64_t by;
    if (call_arg_int(c, 2, &by, NULL))
        add(c, by);
}

void cmd_decrby(struct call *c)
{
    int64_t by;
    if (!call_arg_int(c, 2, &by, NULL))
        return;
    if (by == INT64_MIN)
        reply_error(c, "ERR decrement would overflow");
    else
        add(c, -by);
}

/* The result depends on this machine's arithmetic, so it is the result that is propagated. */
void cmd_incrbyfloat(struct call *c)
{
    struct slice key = c->argv[1], text;
    struct kv_rec *rec;
    long double v = 0, by;
    char old[NUM_BUF], out[NUM_LDOUBLE_BUF];
    if (!call_lookup_type(c, key, KV_WRITE, KV_STRING, &rec))
        return;
    if (rec && !num_parse_ldouble(kv_str(rec, old), &v)) {
        reply_error(c, "ERR value is not a valid float");
        return;
    }
    if (!call_arg_ldouble(c, 2, &by, NULL))
        return;
    v += by;
    if (isnan(v) || isinf(v)) {
        reply_error(c, "ERR increment would produce NaN or Infinity");
        return;
    }
    text = slice_make(out, num_format_ldouble(out, v));
    {
        struct error err;
        enum status st = kv_set(c->kv, c->db, key, text, KV_NO_EXPIRE, KV_SET_KEEP_TTL, NULL, &err);
        if (st != ST_OK) {
            call_reply_status(c, st, &err);
            return;
        }
    }
    kv_notify(c->kv, NOTIFY_STRING, "incrbyfloat", c->db, key);
    call_changed(c, 1);
    call_propagate_words(c, c->db, 4, SLICE("SET"), key, text, SLICE("KEEPTTL"));
    reply_bulk(c, text);
}
