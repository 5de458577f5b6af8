/* SETBIT, GETBIT, BITCOUNT, BITPOS. */
#include "base/num.h"
#include "commands/bitmap/bitmap_commands.h"
#include "commands/bitmap/bitmap_priv.h"
#include "commands/bitmap/bits.h"
#include "session/reply.h"
#include "session/session_options.h"

#define BAD_OFFSET "ERR bit offset is not an integer or out of range"

bool bitmap__offset_arg(struct call *c, int i, bool hash, unsigned width, uint64_t *offset)
{
    struct slice s = c->argv[i];
    int64_t v;
    bool scaled = hash && s.n > 0 && s.p[0] == '#';
    if (scaled)
        s = slice_make(s.p + 1, s.n - 1);
    if (!num_parse_int(s, &v) || (scaled && __builtin_mul_overflow(v, (int64_t)width, &v)) ||
        v < 0 || (!c->replaying && v / 8 >= session_opts.proto_max_bulk_len)) {
        reply_error(c, BAD_OFFSET);
        return false;
    }
    *offset = (uint64_t)v;
    return true;
}

unsigned char *bitmap__edit(struct call *c, struct slice key, struct kv_rec *rec, uint64_t last_bit,
                            size_t *n)
{
    size_t old = rec ? kv_str_len(rec) : 0;
    struct error err;
    char *p;
    bool made = !rec;
    if (made) {
        enum status st = kv_set(c->kv, c->db, key, SLICE(""), KV_NO_EXPIRE, 0, &rec, &err);
        if (st != ST_OK) {
            call_reply_status(c, st, &err);
            return NULL;
        }
    }
    *n = old > last_bit / 8 ? old : (size_t)(last_bit / 8 + 1);
    p = kv_str_edit(c->kv, rec, *n);
    if (!p) {
        if (made)
            kv_del(c->kv, rec);
        (void)error_set(&err, ST_NO_MEMORY, "out of memory for a string of %zu bytes", *n);
        call_reply_status(c, ST_NO_MEMORY, &err);
    }
    return (unsigned char *)p;
}

void cmd_setbit(struct call *c)
{
    struct kv_rec *rec;
    uint64_t offset;
    int64_t bit;
    bool old;
    unsigned char *p, mask;
    size_t n;
    if (!bitmap__offset_arg(c, 2, false, 0, &offset))
        return;
    if (!num_parse_int(c->argv[3], &bit) || (bit & ~1) != 0) {
        reply_error(c, "ERR bit is not an integer or out of range");
        return;
    }
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_STRING, &rec))
        return;
    mask = (unsigned char)(0x80u >> (offset % 8));
    if (rec && offset / 8 < kv_str_len(rec)) {
        char tmp[NUM_BUF];
        old = (kv_str(rec, tmp).p[offset / 8] & mask) != 0;
        /* Setting what is set already is no change, and nothing to propagate. */
        if (old == (bit != 0)) {
            reply_int(c, old);
            return;
        }
    }
    p = bitmap__edit(c, c->argv[1], rec, offset, &n);
    if (!p)
        return;
    old = (p[offset / 8] & mask) != 0;
    p[offset / 8] = (unsigned char)(bit ? p[offset / 8] | mask : p[offset / 8] & ~mask);
    kv_notify(c->kv, NOTIFY_STRING, "setbit", c->db, c->argv[1]);
    call_changed(c, 1);
    reply_int(c, old);
}

void cmd_getbit(struct call *c)
{
    struct kv_rec *rec;
    uint64_t offset;
    char tmp[NUM_BUF];
    struct slice v;
    if (!bitmap__offset_arg(c, 2, false, 0, &offset) ||
        !call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec))
        return;
    v = rec ? kv_str(rec, tmp) : SLICE("");
    reply_int(c, offset / 8 < v.n ? ((unsigned char)v.p[offset / 8] >> (7 - offset % 8)) & 1 : 0);
}

/* A range of bits as BITCOUNT and BITPOS take it. */
struct bit_range {
    int64_t first, last; /* as given, then absolute bits */
    bool bits;           /* given in bits, not bytes */
    bool has_end;
};

/* Parses "start [end [BYTE|BIT]]" from argv[i...]. False: answered. */
static bool parse_range(struct call *c, int i, struct bit_range *r)
{
    *r = (struct bit_range){.last = -1};
    if (c->argc > i + 3) {
        reply_syntax_error(c);
        return false;
    }
    if (i < c->argc && !call_arg_int(c, i, &r->first, NULL))
        return false;
    if (i + 2 < c->argc) {
        r->bits = call_arg_is(c, i + 2, "bit");
        if (!r->bits && !call_arg_is(c, i + 2, "byte")) {
            reply_syntax_error(c);
            return false;
        }
    }
    r->has_end = i + 1 < c->argc;
    return !r->has_end || call_arg_int(c, i + 1, &r->last, NULL);
}

static int64_t clamp(int64_t v, int64_t n)
{
    if (v < 0)
        v = v < -n ? 0 : v + n;
    return v;
}

/* BITCOUNT takes a range that runs backwards from the end as empty, BITPOS clamps it first. */
static bool runs_backwards(const struct bit_range *r)
{
    return r->first < 0 && r->last < 0 && r->first > r->last;
}

/* Makes the range absolute for a string of n bytes. False: it is empty. */
static bool resolve_range(struct bit_range *r, size_t n)
{
    int64_t total = (int64_t)(r->bits ? n * 8 : n);
    r->first = clamp(r->first, total);
    r->last = clamp(r->last, total);
    if (r->last >= total)
        r->last = total - 1;
    if (r->first > r->last)
        return false;
    if (!r->bits) {
        r->first *= 8;
        r->last = r->last * 8 + 7;
    }
    return true;
}

void cmd_bitcount(struct call *c)
{
    struct kv_rec *rec;
    struct bit_range r = {0};
    char tmp[NUM_BUF];
    struct slice v;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec))
        return;
    /* Redis looks for the key first: whatever the range says, a missing one answers 0. */
    if (!rec) {
        reply_int(c, 0);
        return;
    }
    if (c->argc == 3 || c->argc > 5) {
        reply_syntax_error(c);
        return;
    }
    /* Unlike BITPOS, BITCOUNT looks at both numbers, and their order, before the unit. */
    if ((c->argc == 4 || c->argc == 5) &&
        (!call_arg_int(c, 2, &r.first, NULL) || !call_arg_int(c, 3, &r.last, NULL)))
        return;
    if (runs_backwards(&r)) {
        reply_int(c, 0);
        return;
    }
    if (!parse_range(c, 2, &r))
        return;
    v = kv_str(rec, tmp);
    if (!resolve_range(&r, v.n))
        reply_int(c, 0);
    else
        reply_int(c, (int64_t)bits_count(v.p, (uint64_t)r.first, (uint64_t)r.last));
}

void cmd_bitpos(struct call *c)
{
    struct kv_rec *rec;
    struct bit_range r;
    char tmp[NUM_BUF];
    struct slice v;
    int64_t bit, at;
    if (!call_arg_int(c, 2, &bit, NULL))
        return;
    if ((bit & ~1) != 0) {
        reply_error(c, "ERR The bit argument must be 1 or 0.");
        return;
    }
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec))
        return;
    if (!rec) {
        reply_int(c, bit ? -1 : 0);
        return;
    }
    if (!parse_range(c, 3, &r))
        return;
    v = kv_str(rec, tmp);
    if (!resolve_range(&r, v.n)) {
        reply_int(c, -1);
        return;
    }
    at = bits_find(v.p, (uint64_t)r.first, (uint64_t)r.last, bit != 0);
    /* Without an end the string counts as followed by zeros. */
    if (at < 0 && !bit && !r.has_end)
        at = r.last + 1;
    reply_int(c, at);
}
