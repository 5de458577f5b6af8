/* RENAME, RENAMENX, MOVE and COPY: a record goes to, or is doubled at, another key or database. */
#include "base/num.h"
#include "commands/generic/generic_commands.h"
#include "session/reply.h"

/* As call_lookup, in any database. */
static bool lookup_in(struct call *c, int db, struct slice key, struct kv_rec **rec)
{
    struct error err;
    enum status st = kv_lookup(c->kv, db, key, KV_WRITE, rec, &err);
    if (st == ST_OK)
        return true;
    call_reply_status(c, st, &err);
    return false;
}

static bool db_arg(struct call *c, int i, int *db)
{
    int64_t v;
    if (!call_arg_int(c, i, &v, NULL))
        return false;
    if (v < INT32_MIN || v > INT32_MAX) {
        reply_error(c, "ERR value is out of range, value must between -2147483648 and 2147483647");
        return false;
    }
    if (v < 0 || v >= kv_databases(c->kv)) {
        reply_error(c, "ERR DB index is out of range");
        return false;
    }
    *db = (int)v;
    return true;
}

static void rename_key(struct call *c, bool only_new)
{
    struct slice from = c->argv[1], to = c->argv[2];
    struct kv_rec *rec, *there;
    struct error err;
    enum status st;
    if (!call_lookup(c, from, KV_WRITE, &rec))
        return;
    if (!rec) {
        reply_error(c, "ERR no such key");
        return;
    }
    if (slice_eq(from, to)) {
        if (only_new)
            reply_int(c, 0);
        else
            reply_ok(c);
        return;
    }
    /* The target goes first, so the source is looked up again: a lookup may drop other records. */
    if (!call_lookup(c, to, KV_WRITE, &there))
        return;
    if (there && only_new) {
        reply_int(c, 0);
        return;
    }
    if (!call_lookup(c, from, KV_WRITE, &rec))
        return;
    st = kv_rename(c->kv, rec, c->db, to, &err);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    kv_notify(c->kv, NOTIFY_GENERIC, "rename_from", c->db, from);
    kv_notify(c->kv, NOTIFY_GENERIC, "rename_to", c->db, to);
    call_changed(c, 1);
    if (only_new)
        reply_int(c, 1);
    else
        reply_ok(c);
}

void cmd_rename(struct call *c)
{
    rename_key(c, false);
}

void cmd_renamenx(struct call *c)
{
    rename_key(c, true);
}

void cmd_move(struct call *c)
{
    struct slice key = c->argv[1];
    struct kv_rec *rec, *there;
    struct error err;
    enum status st;
    int db;
    if (!db_arg(c, 2, &db))
        return;
    if (db == c->db) {
        reply_error(c, "ERR source and destination objects are the same");
        return;
    }
    if (!lookup_in(c, db, key, &there) || !call_lookup(c, key, KV_WRITE, &rec))
        return;
    if (!rec || there) {
        reply_int(c, 0);
        return;
    }
    st = kv_rename(c->kv, rec, db, key, &err);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    kv_notify(c->kv, NOTIFY_GENERIC, "move_from", c->db, key);
    kv_notify(c->kv, NOTIFY_GENERIC, "move_to", db, key);
    call_changed(c, 1);
    reply_int(c, 1);
}

void cmd_copy(struct call *c)
{
    struct slice from = c->argv[1], to = c->argv[2];
    struct kv_rec *rec, *there;
    struct error err;
    enum status st;
    bool replace = false;
    int db = c->db;
    for (int i = 3; i < c->argc; i++) {
        if (call_arg_is(c, i, "replace")) {
            replace = true;
        } else if (call_arg_is(c, i, "db") && i + 1 < c->argc) {
            if (!db_arg(c, ++i, &db))
                return;
        } else {
            reply_syntax_error(c);
            return;
        }
    }
    if (db == c->db && slice_eq(from, to)) {
        reply_error(c, "ERR source and destination objects are the same");
        return;
    }
    if (!lookup_in(c, db, to, &there) || !call_lookup(c, from, KV_READ, &rec))
        return;
    if (!rec || (there && !replace)) {
        reply_int(c, 0);
        return;
    }
    st = kv_copy(c->kv, rec, db, to, &err);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    kv_notify(c->kv, NOTIFY_GENERIC, "copy_to", db, to);
    call_changed(c, 1);
    reply_int(c, 1);
}
