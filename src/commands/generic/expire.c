/* Deadlines of keys. Whatever form a command gives, what is propagated is PEXPIREAT with the absolute time, or the
 * deletion when that has passed already. */
#include "base/clock.h"
#include "base/num.h"
#include "commands/generic/generic_commands.h"
#include "session/reply.h"

enum expire_condition {
    EXPIRE_NX = 1 << 0,
    EXPIRE_XX = 1 << 1,
    EXPIRE_GT = 1 << 2,
    EXPIRE_LT = 1 << 3
};

static bool parse_conditions(struct call *c, unsigned *out)
{
    unsigned flags = 0;
    for (int i = 3; i < c->argc; i++) {
        if (call_arg_is(c, i, "nx")) {
            flags |= EXPIRE_NX;
        } else if (call_arg_is(c, i, "xx")) {
            flags |= EXPIRE_XX;
        } else if (call_arg_is(c, i, "gt")) {
            flags |= EXPIRE_GT;
        } else if (call_arg_is(c, i, "lt")) {
            flags |= EXPIRE_LT;
        } else {
            reply_errorf(c, "ERR Unsupported option %.*s", SLICE_FMT(c->argv[i]));
            return false;
        }
    }
    if ((flags & EXPIRE_NX) && (flags & (EXPIRE_XX | EXPIRE_GT | EXPIRE_LT))) {
        reply_error(c, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((flags & EXPIRE_GT) && (flags & EXPIRE_LT)) {
        reply_error(c, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    *out = flags;
    return true;
}

/* A key without a deadline counts as one that lives for ever. */
static bool condition_holds(unsigned flags, int64_t current, int64_t when)
{
    bool has = current != KV_NO_EXPIRE;
    if ((flags & EXPIRE_NX) && has)
        return false;
    if ((flags & EXPIRE_XX) && !has)
        return false;
    if ((flags & EXPIRE_GT) && (!has || when <= current))
        return false;
    return !((flags & EXPIRE_LT) && has && when >= current);
}

/* scale: milliseconds in one unit of the argument; base: what it counts from. */
static void expire_key(struct call *c, int64_t base, int64_t scale)
{
    struct slice key = c->argv[1];
    struct kv_rec *rec;
    unsigned flags;
    int64_t when;
    if (!parse_conditions(c, &flags) || !call_arg_int(c, 2, &when, NULL))
        return;
    if (__builtin_mul_overflow(when, scale, &when) || __builtin_add_overflow(when, base, &when)) {
        reply_errorf(c, "ERR invalid expire time in '%s' command", c->cmd->fullname);
        return;
    }
    if (!call_lookup(c, key, KV_WRITE, &rec))
        return;
    if (!rec || !condition_holds(flags, kv_rec_expire(rec), when)) {
        reply_int(c, 0);
        return;
    }
    call_changed(c, 1);
    if (when <= clock_cached_ms() && !c->replaying) {
        kv_del(c->kv, rec);
        call_propagate_words(c, c->db, 2, SLICE("DEL"), key);
        kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, key);
    } else {
        char tmp[NUM_BUF];
        /* Only a log that was written elsewhere says this: such a key is over since 1970. */
        kv_set_expire(c->kv, rec, when < 0 ? 0 : when);
        if (base != 0 || scale != 1 || c->argc > 3)
            call_propagate_words(c, c->db, 3, SLICE("PEXPIREAT"), key,
                                 slice_make(tmp, num_format_int(tmp, when)));
        kv_notify(c->kv, NOTIFY_GENERIC, "expire", c->db, key);
    }
    reply_int(c, 1);
}

void cmd_expire(struct call *c)
{
    expire_key(c, clock_cached_ms(), 1000);
}

void cmd_pexpire(struct call *c)
{
    expire_key(c, clock_cached_ms(), 1);
}

void cmd_expireat(struct call *c)
{
    expire_key(c, 0, 1000);
}

void cmd_pexpireat(struct call *c)
{
    expire_key(c, 0, 1);
}

void cmd_persist(struct call *c)
{
    struct kv_rec *rec;
    if (!call_lookup(c, c->argv[1], KV_WRITE, &rec))
        return;
    if (!rec || kv_rec_expire(rec) == KV_NO_EXPIRE) {
        reply_int(c, 0);
        return;
    }
    kv_set_expire(c->kv, rec, KV_NO_EXPIRE);
    kv_notify(c->kv, NOTIFY_GENERIC, "persist", c->db, c->argv[1]);
    call_changed(c, 1);
    reply_int(c, 1);
}

/* Answers the deadline, or what is left of it; -2: no such key, -1: no deadline. */
static void reply_deadline(struct call *c, bool absolute, bool in_ms)
{
    struct kv_rec *rec;
    int64_t ms;
    if (!call_lookup(c, c->argv[1], KV_READ | KV_NOTOUCH, &rec))
        return;
    if (!rec || kv_rec_expire(rec) == KV_NO_EXPIRE) {
        reply_int(c, rec ? -1 : -2);
        return;
    }
    ms = kv_rec_expire(rec);
    if (!absolute) {
        ms -= clock_cached_ms();
        if (ms < 0)
            ms = 0;
    }
    reply_int(c, in_ms ? ms : ms / 1000 + (ms % 1000 >= 500));
}

void cmd_ttl(struct call *c)
{
    reply_deadline(c, false, false);
}

void cmd_pttl(struct call *c)
{
    reply_deadline(c, false, true);
}

void cmd_expiretime(struct call *c)
{
    reply_deadline(c, true, false);
}

void cmd_pexpiretime(struct call *c)
{
    reply_deadline(c, true, true);
}
