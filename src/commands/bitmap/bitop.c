/* BITOP: several strings into one. Shorter ones count as filled with zeros. */
#include "base/buf.h"
#include "base/num.h"
#include "commands/bitmap/bitmap_commands.h"
#include "commands/bitmap/bits.h"
#include "session/reply.h"

static bool parse_op(struct call *c, enum bits_op *op)
{
    static const struct {
        const char *word;
        enum bits_op op;
    } words[] = {{"and", BITS_AND}, {"or", BITS_OR}, {"xor", BITS_XOR}, {"not", BITS_NOT}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (call_arg_is(c, 1, words[i].word)) {
            *op = words[i].op;
            if (*op != BITS_NOT || c->argc == 4)
                return true;
            reply_error(c, "ERR BITOP NOT must be called with a single source key.");
            return false;
        }
    }
    reply_syntax_error(c);
    return false;
}

/* Combines one more source into acc. False: out of memory. */
static bool add_source(struct buf *acc, enum bits_op op, bool first, struct slice v)
{
    size_t old = acc->n, common;
    if (v.n > old) {
        if (!buf_try_reserve(acc, v.n - old))
            return false;
        memset(buf_grow(acc, v.n - old), 0, v.n - old);
    }
    if (first && op != BITS_NOT)
        op = BITS_OR;
    /* What lies beyond a source was combined with zeros. */
    common = v.n < acc->n ? v.n : acc->n;
    if (op == BITS_AND && common < acc->n)
        memset(acc->p + common, 0, acc->n - common);
    if (common)
        bits_combine(op, (unsigned char *)acc->p, (const unsigned char *)v.p, common);
    return true;
}

static bool combine_sources(struct call *c, enum bits_op op, struct buf *acc)
{
    for (int i = 3; i < c->argc; i++) {
        struct kv_rec *rec;
        char tmp[NUM_BUF];
        if (!call_lookup_type(c, c->argv[i], KV_READ, KV_STRING, &rec))
            return false;
        if (!add_source(acc, op, i == 3, rec ? kv_str(rec, tmp) : SLICE(""))) {
            struct error err;
            (void)error_set(&err, ST_NO_MEMORY, "out of memory for the result");
            call_reply_status(c, ST_NO_MEMORY, &err);
            return false;
        }
    }
    return true;
}

void cmd_bitop(struct call *c)
{
    struct slice target = c->argv[2];
    struct buf acc = BUF_INIT;
    struct kv_rec *rec;
    struct error err;
    enum status st;
    enum bits_op op;
    if (!parse_op(c, &op))
        return;
    if (!combine_sources(c, op, &acc))
        goto out;
    if (acc.n > 0) {
        st = kv_set(c->kv, c->db, target, buf_slice(&acc), KV_NO_EXPIRE, 0, NULL, &err);
        if (st != ST_OK) {
            call_reply_status(c, st, &err);
            goto out;
        }
        kv_notify(c->kv, NOTIFY_STRING, "set", c->db, target);
        call_changed(c, 1);
    } else {
        if (!call_lookup(c, target, KV_WRITE, &rec))
            goto out;
        if (rec) {
            kv_del(c->kv, rec);
            kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, target);
            call_changed(c, 1);
        }
    }
    reply_int(c, (int64_t)acc.n);
out:
    buf_free(&acc);
}
