/* BITFIELD: integers of any width at any bit of a string. All operations are parsed before the first one is done. */
#include "commands/bitmap/bitmap_commands.h"

#include "base/arena.h"
#include "base/num.h"
#include "commands/bitmap/bitmap_priv.h"
#include "commands/bitmap/bits.h"
#include "session/reply.h"

enum field_kind { FIELD_GET, FIELD_SET, FIELD_INCRBY };

struct field_op {
    enum field_kind kind;
    bool is_signed;
    unsigned width;
    enum bits_overflow overflow;
    uint64_t offset;
    int64_t value;
};

struct field_plan {
    struct field_op *ops;
    size_t n;
    bool writes;
    uint64_t last_bit; /* highest bit of a writing operation */
};

static bool parse_type(struct call *c, int i, struct field_op *op)
{
    struct slice s = c->argv[i];
    int64_t width;
    if (s.n > 1 && (s.p[0] == 'i' || s.p[0] == 'u') &&
        num_parse_int(slice_make(s.p + 1, s.n - 1), &width) && width >= 1 &&
        width <= (s.p[0] == 'i' ? 64 : 63)) {
        op->is_signed = s.p[0] == 'i';
        op->width = (unsigned)width;
        return true;
    }
    reply_error(c, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not "
                   "supported but i64 is.");
    return false;
}

static bool parse_overflow(struct call *c, int i, enum bits_overflow *how)
{
    if (call_arg_is(c, i, "wrap")) {
        *how = BITS_WRAP;
    } else if (call_arg_is(c, i, "sat")) {
        *how = BITS_SAT;
    } else if (call_arg_is(c, i, "fail")) {
        *how = BITS_FAIL;
    } else {
        reply_error(c, "ERR Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

/* Parses one operation at argv[*i] and moves *i behind it. False: the error is answered. */
static bool parse_op(struct call *c, int *i, struct field_op *op)
{
    int left = c->argc - *i - 1;
    if (call_arg_is(c, *i, "get") && left >= 2) {
        op->kind = FIELD_GET;
    } else if (call_arg_is(c, *i, "set") && left >= 3) {
        op->kind = FIELD_SET;
    } else if (call_arg_is(c, *i, "incrby") && left >= 3) {
        op->kind = FIELD_INCRBY;
    } else {
        reply_syntax_error(c);
        return false;
    }
    if (!parse_type(c, *i + 1, op) || !bitmap__offset_arg(c, *i + 2, true, op->width, &op->offset))
        return false;
    if (op->kind != FIELD_GET && !call_arg_int(c, *i + 3, &op->value, NULL))
        return false;
    *i += op->kind == FIELD_GET ? 3 : 4;
    return true;
}

static bool parse_plan(struct call *c, struct field_plan *plan)
{
    enum bits_overflow overflow = BITS_WRAP;
    *plan = (struct field_plan){.ops = arena_alloc(c->arena, (size_t)c->argc * sizeof *plan->ops)};
    for (int i = 2; i < c->argc;) {
        struct field_op op = {.overflow = overflow};
        if (call_arg_is(c, i, "overflow") && i + 1 < c->argc) {
            if (!parse_overflow(c, i + 1, &overflow))
                return false;
            i += 2;
            continue;
        }
        if (!parse_op(c, &i, &op))
            return false;
        if (op.kind != FIELD_GET) {
            uint64_t last = op.offset + op.width - 1;
            plan->writes = true;
            if (last > plan->last_bit)
                plan->last_bit = last;
        }
        plan->ops[plan->n++] = op;
    }
    return true;
}

static int64_t present(const struct field_op *op, uint64_t v)
{
    return op->is_signed ? bits_sign_extend(v, op->width) : (int64_t)v;
}

/* Does one operation and answers it. True when a bit has changed. */
static bool run_op(struct call *c, const struct field_op *op, unsigned char *p, size_t n)
{
    uint64_t old = bits_get(p, n, op->offset, op->width), v = old;
    bool done = true;
    if (op->kind == FIELD_SET)
        done = bits_fit(op->is_signed, op->width, op->value, op->overflow, &v);
    else if (op->kind == FIELD_INCRBY)
        done = bits_add(op->is_signed, op->width, old, op->value, op->overflow, &v);
    if (!done) {
        reply_null(c);
        return false;
    }
    reply_int(c, present(op, op->kind == FIELD_INCRBY ? v : old));
    if (v == old)
        return false;
    bits_set(p, op->offset, op->width, v);
    return true;
}

static void read_only(struct call *c, const struct field_plan *plan)
{
    struct kv_rec *rec;
    char tmp[NUM_BUF];
    struct slice v;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec))
        return;
    v = rec ? kv_str(rec, tmp) : SLICE("");
    reply_array(c, plan->n);
    for (size_t i = 0; i < plan->n; i++) {
        const struct field_op *op = &plan->ops[i];
        reply_int(c, present(op, bits_get((const unsigned char *)v.p, v.n, op->offset, op->width)));
    }
}

void cmd_bitfield(struct call *c)
{
    struct field_plan plan;
    struct kv_rec *rec;
    unsigned char *p;
    bool grown;
    size_t n;
    uint64_t changes = 0;
    if (!parse_plan(c, &plan))
        return;
    if (!plan.writes) {
        read_only(c, &plan);
        return;
    }
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_STRING, &rec))
        return;
    p = bitmap__edit(c, c->argv[1], rec, plan.last_bit, &grown, &n);
    if (!p)
        return;
    reply_array(c, plan.n);
    for (size_t i = 0; i < plan.n; i++)
        changes += run_op(c, &plan.ops[i], p, n);
    if (changes == 0 && grown)
        changes = 1;
    if (changes == 0) {
        call_no_propagate(c);
        return;
    }
    kv_notify(c->kv, NOTIFY_STRING, "setbit", c->db, c->argv[1]);
    call_changed(c, changes);
}

void cmd_bitfield_ro(struct call *c)
{
    struct field_plan plan;
    if (!parse_plan(c, &plan))
        return;
    if (plan.writes)
        reply_error(c, "ERR BITFIELD_RO only supports the GET subcommand");
    else
        read_only(c, &plan);
}
