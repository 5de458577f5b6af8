/* SET and its relatives, GETEX, GETDEL: whole values in and out, with their expiry. Relative times are propagated as
 * absolute ones, so that a replay or a replica comes to the same deadline. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/num.h"
#include "commands/string/string_commands.h"
#include "commands/string/string_priv.h"
#include "session/reply.h"

enum set_option {
    SET_NX = 1 << 0,
    SET_XX = 1 << 1,
    SET_GET = 1 << 2,
    SET_KEEPTTL = 1 << 3,
    SET_PERSIST = 1 << 4,
    SET_EX = 1 << 5,
    SET_PX = 1 << 6,
    SET_EXAT = 1 << 7,
    SET_PXAT = 1 << 8,
    SET_TIMED = SET_EX | SET_PX | SET_EXAT | SET_PXAT,
};

static const struct set_word {
    const char *word;
    unsigned flag, excludes;
    enum string_unit unit;
} set_words[] = {
    {"nx", SET_NX, SET_XX, STRING_EX},
    {"xx", SET_XX, SET_NX, STRING_EX},
    {"get", SET_GET, 0, STRING_EX},
    {"keepttl", SET_KEEPTTL, SET_PERSIST | SET_TIMED, STRING_EX},
    {"persist", SET_PERSIST, SET_KEEPTTL | SET_TIMED, STRING_EX},
    {"ex", SET_EX, SET_KEEPTTL | SET_PERSIST | (SET_TIMED & ~SET_EX), STRING_EX},
    {"px", SET_PX, SET_KEEPTTL | SET_PERSIST | (SET_TIMED & ~SET_PX), STRING_PX},
    {"exat", SET_EXAT, SET_KEEPTTL | SET_PERSIST | (SET_TIMED & ~SET_EXAT), STRING_EXAT},
    {"pxat", SET_PXAT, SET_KEEPTTL | SET_PERSIST | (SET_TIMED & ~SET_PXAT), STRING_PXAT},
};

struct set_options {
    unsigned flags;
    int time_arg; /* argv index of the time when one of SET_TIMED is set */
    enum string_unit unit;
};

/* Parses argv[from...]; allowed are the options that the command takes. False: the error is answered. */
static bool parse_options(struct call *c, int from, unsigned allowed, struct set_options *o)
{
    *o = (struct set_options){0};
    for (int i = from; i < c->argc; i++) {
        const struct set_word *w = NULL;
        for (size_t k = 0; k < COUNT_OF(set_words) && !w; k++) {
            if (slice_is(c->argv[i], set_words[k].word))
                w = &set_words[k];
        }
        if (!w || !(w->flag & allowed) || (o->flags & w->excludes) ||
            ((w->flag & SET_TIMED) && i + 1 == c->argc)) {
            reply_syntax_error(c);
            return false;
        }
        o->flags |= w->flag;
        if (w->flag & SET_TIMED) {
            o->time_arg = ++i;
            o->unit = w->unit;
        }
    }
    return true;
}

static struct slice format_ms(char *tmp, int64_t ms)
{
    return slice_make(tmp, num_format_int(tmp, ms));
}

/* SET key value PXAT ms, after a write with an expiry. */
static void propagate_timed(struct call *c, struct slice key, struct slice value, int64_t when)
{
    char tmp[NUM_BUF];
    call_propagate_words(c, c->db, 5, SLICE("SET"), key, value, SLICE("PXAT"),
                         format_ms(tmp, when));
}

/* SET ... GET without an expiry goes on without the GET: nobody reads the answer there. */
static void propagate_without_get(struct call *c)
{
    struct slice *argv = arena_alloc(c->arena, (size_t)c->argc * sizeof *argv);
    size_t n = 0;
    for (int i = 0; i < c->argc; i++) {
        if (i < 3 || !call_arg_is(c, i, "get"))
            argv[n++] = c->argv[i];
    }
    call_propagate(c, c->db, n, argv);
}

/* The former value for SET GET, kept aside because the write replaces it. False: the error is answered. */
static bool keep_old_value(struct call *c, struct kv_rec *rec, struct slice *old)
{
    char tmp[NUM_BUF];
    struct slice v;
    char *copy;
    *old = SLICE_NULL;
    if (!rec)
        return true;
    v = kv_str(rec, tmp);
    copy = arena_try_alloc(c->arena, v.n + 1);
    if (!copy) {
        struct error err;
        (void)error_set(&err, ST_NO_MEMORY, "out of memory for the former value");
        call_reply_status(c, ST_NO_MEMORY, &err);
        return false;
    }
    memcpy(copy, v.p, v.n);
    *old = slice_make(copy, v.n);
    return true;
}

static void reply_old(struct call *c, struct slice old)
{
    if (old.p)
        reply_bulk(c, old);
    else
        reply_null(c);
}

static void set_with_options(struct call *c)
{
    struct set_options o;
    struct kv_rec *rec = NULL;
    struct slice key = c->argv[1], value = c->argv[2], old = SLICE_NULL;
    int64_t when = KV_NO_EXPIRE;
    bool timed;
    if (!parse_options(c, 3, SET_NX | SET_XX | SET_GET | SET_KEEPTTL | SET_TIMED, &o))
        return;
    timed = (o.flags & SET_TIMED) != 0;
    if (timed && !string__expire_arg(c, o.time_arg, o.unit, &when))
        return;
    if (o.flags & SET_GET) {
        if (!call_lookup_type(c, key, KV_READ, KV_STRING, &rec) || !keep_old_value(c, rec, &old))
            return;
    } else if (o.flags & (SET_NX | SET_XX)) {
        if (!call_lookup(c, key, KV_WRITE, &rec))
            return;
    }
    if ((rec && (o.flags & SET_NX)) || (!rec && (o.flags & SET_XX))) {
        reply_old(c, old);
        return;
    }
    if (!string__store(c, key, value, when, o.flags & SET_KEEPTTL ? KV_SET_KEEP_TTL : 0))
        return;
    if (timed) {
        kv_notify(c->kv, NOTIFY_GENERIC, "expire", c->db, key);
        if (o.unit != STRING_PXAT)
            propagate_timed(c, key, value, when);
    } else if (o.flags & SET_GET) {
        propagate_without_get(c);
    }
    if (o.flags & SET_GET)
        reply_old(c, old);
    else
        reply_ok(c);
}

void cmd_set(struct call *c)
{
    if (UNLIKELY(c->argc != 3)) {
        set_with_options(c);
        return;
    }
    if (string__store(c, c->argv[1], c->argv[2], KV_NO_EXPIRE, 0))
        reply_ok(c);
}

void cmd_setnx(struct call *c)
{
    struct kv_rec *rec;
    if (!call_lookup(c, c->argv[1], KV_WRITE, &rec))
        return;
    if (rec)
        reply_int(c, 0);
    else if (string__store(c, c->argv[1], c->argv[2], KV_NO_EXPIRE, 0))
        reply_int(c, 1);
}

static void set_for(struct call *c, enum string_unit unit)
{
    int64_t when;
    if (!string__expire_arg(c, 2, unit, &when) ||
        !string__store(c, c->argv[1], c->argv[3], when, 0))
        return;
    kv_notify(c->kv, NOTIFY_GENERIC, "expire", c->db, c->argv[1]);
    propagate_timed(c, c->argv[1], c->argv[3], when);
    reply_ok(c);
}

void cmd_setex(struct call *c)
{
    set_for(c, STRING_EX);
}

void cmd_psetex(struct call *c)
{
    set_for(c, STRING_PX);
}

void cmd_getset(struct call *c)
{
    struct kv_rec *rec;
    struct slice old;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec) ||
        !keep_old_value(c, rec, &old) || !string__store(c, c->argv[1], c->argv[2], KV_NO_EXPIRE, 0))
        return;
    call_propagate_words(c, c->db, 3, SLICE("SET"), c->argv[1], c->argv[2]);
    reply_old(c, old);
}

/* Deletes rec, whose key is argv[1], and propagates just that. */
static void delete_key(struct call *c, struct kv_rec *rec)
{
    kv_del(c->kv, rec);
    call_propagate_words(c, c->db, 2, SLICE("DEL"), c->argv[1]);
    kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, c->argv[1]);
    call_changed(c, 1);
}

void cmd_getdel(struct call *c)
{
    struct kv_rec *rec;
    char tmp[NUM_BUF];
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec))
        return;
    if (!rec) {
        reply_null(c);
        return;
    }
    reply_bulk(c, kv_str(rec, tmp));
    delete_key(c, rec);
}

void cmd_getex(struct call *c)
{
    struct set_options o;
    struct kv_rec *rec;
    int64_t when = KV_NO_EXPIRE;
    char tmp[NUM_BUF];
    if (!parse_options(c, 2, SET_PERSIST | SET_TIMED, &o) ||
        !call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec))
        return;
    if (!rec) {
        reply_null(c);
        return;
    }
    if ((o.flags & SET_TIMED) && !string__expire_arg(c, o.time_arg, o.unit, &when))
        return;
    reply_bulk(c, kv_str(rec, tmp));
    if ((o.flags & SET_TIMED) && when <= clock_cached_ms() && !c->replaying) {
        delete_key(c, rec);
    } else if (o.flags & SET_TIMED) {
        kv_set_expire(c->kv, rec, when);
        kv_notify(c->kv, NOTIFY_GENERIC, "expire", c->db, c->argv[1]);
        call_propagate_words(c, c->db, 3, SLICE("PEXPIREAT"), c->argv[1], format_ms(tmp, when));
        call_changed(c, 1);
    } else if ((o.flags & SET_PERSIST) && kv_rec_expire(rec) != KV_NO_EXPIRE) {
        kv_set_expire(c->kv, rec, KV_NO_EXPIRE);
        call_propagate_words(c, c->db, 2, SLICE("PERSIST"), c->argv[1]);
        kv_notify(c->kv, NOTIFY_GENERIC, "persist", c->db, c->argv[1]);
        call_changed(c, 1);
    }
}
