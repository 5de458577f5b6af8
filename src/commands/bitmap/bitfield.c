/* BITFIELD: integers of any width at any bit of a string. All operations are parsed before the first one is done. */
#include "base/arena.h"
#include "base/num.h"
#include "commands/bitmap/bitmap_commands.h"
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

/* The string that is worked on: as it lies in the keyspace until something changes, then for writing. */
struct field_bytes {
    const unsigned char *p;
    unsigned char *writable; /* NULL: nothing has changed yet */
    size_t n;
    struct kv_rec *rec;
    char tmp[NUM_BUF];
};

/* Opens the string for writing, with room for all operations. False: the error is answered. */
static bool open_bytes(struct call *c, const struct field_plan *plan, struct field_bytes *b)
{
    if (!b->writable)
        b->p = b->writable = bitmap__edit(c, c->argv[1], b->rec, plan->last_bit, &b->n);
    return b->writable != NULL;
}

/* What the operation leaves in the field; false: it overflows and must not be done. */
static bool new_value(const struct field_op *op, uint64_t old, uint64_t *v)
{
    *v = old;
    switch (op->kind) {
    case FIELD_GET:
        break;
    case FIELD_SET:
        return bits_fit(op->is_signed, op->width, op->value, op->overflow, v);
    case FIELD_INCRBY:
        return bits_add(op->is_signed, op->width, old, op->value, op->overflow, v);
    }
    return true;
}

/* Does one operation and answers it, as one element. True when a bit has changed. */
static bool run_op(struct call *c, const struct field_plan *plan, const struct field_op *op,
                   struct field_bytes *b)
{
    uint64_t old = bits_get(b->p, b->n, op->offset, op->width), v;
    if (!new_value(op, old, &v)) {
        reply_null(c);
        return false;
    }
    if (v != old) {
        if (!open_bytes(c, plan, b))
            return false;
        bits_set(b->writable, op->offset, op->width, v);
    }
    reply_int(c, present(op, op->kind == FIELD_INCRBY ? v : old));
    return v != old;
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
    struct field_bytes b = {0};
    struct slice v;
    uint64_t changes = 0;
    bool grows;
    if (!parse_plan(c, &plan))
        return;
    if (!plan.writes) {
        read_only(c, &plan);
        return;
    }
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_STRING, &b.rec))
        return;
    v = b.rec ? kv_str(b.rec, b.tmp) : SLICE("");
    b.p = (const unsigned char *)v.p;
    b.n = v.n;
    grows = plan.last_bit / 8 >= b.n;
    if (grows && !open_bytes(c, &plan, &b))
        return;
    reply_array(c, plan.n);
    for (size_t i = 0; i < plan.n; i++)
        changes += run_op(c, &plan, &plan.ops[i], &b);
    if (changes == 0 && grows)
        changes = 1;
    if (changes == 0)
        return;
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
