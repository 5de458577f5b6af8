/* HINCRBY and HINCRBYFLOAT. */
#include "base/num.h"
#include "commands/hash/hash_commands.h"
#include "commands/hash/hash_priv.h"
#include "session/reply.h"

#include <math.h>

void cmd_hincrby(struct call *c)
{
    struct kv_rec *rec;
    struct slice value;
    char text[NUM_BUF];
    int64_t v = 0, by;
    bool found;
    if (!call_arg_int(c, 3, &by, NULL) ||
        !hash__read(c, KV_WRITE, c->argv[2], &rec, &found, &value))
        return;
    if (found && !num_parse_int(value, &v)) {
        reply_error(c, "ERR hash value is not an integer");
        return;
    }
    if (__builtin_add_overflow(v, by, &v)) {
        reply_error(c, "ERR increment or decrement would overflow");
        return;
    }
    if (hash__write(c, rec, slice_make(text, num_format_int(text, v)), "hincrby"))
        reply_int(c, v);
}

/* The result depends on this machine's arithmetic, so it is the result that is propagated. */
void cmd_hincrbyfloat(struct call *c)
{
    struct kv_rec *rec;
    struct slice value, text;
    char out[NUM_LDOUBLE_BUF];
    long double v = 0, by;
    bool found;
    if (!call_arg_ldouble(c, 3, &by, NULL))
        return;
    if (isnan(by) || isinf(by)) {
        reply_error(c, "ERR value is NaN or Infinity");
        return;
    }
    if (!hash__read(c, KV_WRITE, c->argv[2], &rec, &found, &value))
        return;
    if (found && !num_parse_ldouble(value, &v)) {
        reply_error(c, "ERR hash value is not a float");
        return;
    }
    v += by;
    if (isnan(v) || isinf(v)) {
        reply_error(c, "ERR increment would produce NaN or Infinity");
        return;
    }
    text = slice_make(out, num_format_ldouble(out, v));
    if (!hash__write(c, rec, text, "hincrbyfloat"))
        return;
    call_propagate_words(c, c->db, 4, SLICE("HSET"), c->argv[1], c->argv[2], text);
    reply_bulk(c, text);
}
