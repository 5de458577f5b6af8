/* DUMP, RESTORE, RESTORE-ASKING. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "commands/dump/dump_commands.h"
#include "config/compat_options.h"
#include "keyspace/keyspace_options.h"
#include "rdb/rdb_build.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_decode.h"
#include "rdb/rdb_encode.h"
#include "rdb/rdb_format.h"
#include "rdb/rdb_options.h"
#include "session/reply.h"

void cmd_dump(struct call *c)
{
    struct kv_rec *rec;
    struct buf b = BUF_INIT;
    struct error err = {.message = ""};
    if (!call_lookup(c, c->argv[1], KV_READ, &rec))
        return;
    if (!rec) {
        reply_null(c);
        return;
    }
    enum status st = rdb_encode_payload(rec, rdb_opts.rdbcompression, &b, &err);
    if (st == ST_OK)
        reply_bulk(c, buf_slice(&b));
    else
        call_reply_status(c, st, &err);
    buf_free(&b);
}

struct restore {
    bool replace, absttl;
    int64_t ttl, idle_s, freq; /* -1: not given */
};

static bool parse_options(struct call *c, struct restore *o)
{
    for (int i = 4; i < c->argc; i++) {
        bool more = i + 1 < c->argc;
        if (call_arg_is(c, i, "replace")) {
            o->replace = true;
        } else if (call_arg_is(c, i, "absttl")) {
            o->absttl = true;
        } else if (call_arg_is(c, i, "idletime") && more && o->freq == -1) {
            if (!call_arg_int(c, ++i, &o->idle_s, NULL))
                return false;
            if (o->idle_s < 0) {
                reply_error(c, "ERR Invalid IDLETIME value, must be >= 0");
                return false;
            }
        } else if (call_arg_is(c, i, "freq") && more && o->idle_s == -1) {
            if (!call_arg_int(c, ++i, &o->freq, NULL))
                return false;
            if (o->freq < 0 || o->freq > 255) {
                reply_error(c, "ERR Invalid FREQ value, must be >= 0 and <= 255");
                return false;
            }
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    return true;
}

static void refuse(struct call *c, const struct error *why)
{
    log_warning(LOG_KEYSPACE, "A payload of RESTORE was refused: %s", why->message);
    reply_error(c, "ERR Bad data format");
}

/* Opens and checks the payload; *value then stands before the value. */
static bool open_payload(struct call *c, struct reader *value, unsigned *type)
{
    struct slice body;
    struct error err = {.message = ""};
    if (!rdb_payload_open(c->argv[3], rdb_opts.skip_checksum, &body)) {
        reply_error(c, "ERR DUMP payload version or checksum are wrong");
        return false;
    }
    *value = reader_make(body);
    *type = reader_u8(value);
    struct reader check = *value;
    enum status st = value->bad ? error_set(&err, ST_CORRUPT, "the payload is empty")
                                : rdb_decode(&check, *type, true, NULL, &err);
    if (st == ST_NO_MEMORY) {
        call_reply_status(c, st, &err);
    } else if (st != ST_OK) {
        refuse(c, &err);
    }
    return st == ST_OK;
}

static void propagate(struct call *c, int64_t expire)
{
    char text[NUM_BUF];
    struct slice *argv = arena_alloc(c->arena, ((size_t)c->argc + 1) * sizeof(*argv));
    for (int i = 0; i < c->argc; i++)
        argv[i] = c->argv[i];
    argv[2] = slice_make(text, num_format_int(text, expire));
    argv[c->argc] = SLICE("ABSTTL");
    call_propagate(c, c->db, (size_t)c->argc + 1, argv);
}

static void set_access(struct call *c, struct kv_rec *rec, const struct restore *o)
{
    bool lfu = keyspace_policy_is_lfu(keyspace_opts.maxmemory_policy);
    if (lfu && o->freq >= 0)
        kv_rec_set_freq(c->kv, rec, (unsigned)o->freq);
    else if (!lfu && o->idle_s >= 0)
        kv_rec_set_idle(c->kv, rec, o->idle_s);
}

static void put_value(struct call *c, struct reader *value, unsigned type, struct restore *o)
{
    struct slice key = c->argv[1];
    struct kv_rec *rec;
    struct error err = {.message = ""};
    int64_t now = clock_cached_ms(), expire = o->ttl ? o->ttl : KV_NO_EXPIRE;
    bool deleted = false;
    if (o->ttl && !o->absttl && __builtin_add_overflow(expire, now, &expire))
        expire = INT64_MAX;
    if (o->replace) {
        if (!call_lookup(c, key, KV_WRITE, &rec))
            return;
        /* A module may still refuse the value: then what was there stays. */
        bool keep = type == RDB_MODULE_2 && (!o->ttl || expire > now || c->replaying);
        deleted = rec != NULL && !keep;
        if (deleted)
            kv_del(c->kv, rec);
    }
    if (o->ttl && expire <= now && !c->replaying) {
        if (deleted) {
            call_propagate_words(
                c, c->db, 2, compat_opts.lazyfree_lazy_server_del ? SLICE("UNLINK") : SLICE("DEL"),
                key);
            kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, key);
            call_changed(c, 1);
        }
        reply_ok(c);
        return;
    }
    enum status st = rdb_build(c->kv, c->db, key, value, type, expire, &rec, &err);
    if (st != ST_OK) {
        if (deleted) {
            call_propagate_words(c, c->db, 2, SLICE("DEL"), key);
            call_changed(c, 1);
        }
        if (type == RDB_MODULE_2)
            refuse(c, &err);
        else
            call_reply_status(c, st, &err);
        return;
    }
    if (o->ttl && !o->absttl)
        propagate(c, expire);
    set_access(c, rec, o);
    kv_notify(c->kv, NOTIFY_GENERIC, "restore", c->db, key);
    call_changed(c, 1);
    reply_ok(c);
}

void cmd_restore(struct call *c)
{
    struct restore o = {.idle_s = -1, .freq = -1};
    struct kv_rec *rec;
    struct reader value;
    unsigned type;
    if (!parse_options(c, &o))
        return;
    if (!o.replace) {
        if (!call_lookup(c, c->argv[1], KV_WRITE, &rec))
            return;
        if (rec) {
            reply_error(c, "BUSYKEY Target key name already exists.");
            return;
        }
    }
    if (!call_arg_int(c, 2, &o.ttl, NULL))
        return;
    if (o.ttl < 0) {
        reply_error(c, "ERR Invalid TTL value, must be >= 0");
        return;
    }
    if (open_payload(c, &value, &type))
        put_value(c, &value, type, &o);
}
