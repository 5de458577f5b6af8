/* Reading and writing fields. */
#include "commands/hash/hash_commands.h"
#include "commands/hash/hash_priv.h"
#include "commands/partial.h"
#include "commands/scan.h"
#include "keyspace/kv_hash.h"
#include "session/reply.h"

/* Opens an edit of *rec, or of a new hash when that is NULL. False: the error is answered. */
static bool open_edit(struct call *c, struct kv_rec **rec)
{
    struct error err = {.message = ""};
    if (*rec) {
        kv_edit(c->kv, *rec);
        return true;
    }
    enum status st = kv_hash_make(c->kv, c->db, c->argv[1], rec, &err);
    if (st == ST_OK)
        return true;
    call_reply_status(c, st, &err);
    return false;
}

/* Ends it after n changes. A failure is answered, and a hash without fields goes. */
static bool close_edit(struct call *c, struct kv_rec *rec, uint64_t n, const char *event,
                       enum status st, const struct error *err)
{
    bool empty = kv_hash_count(rec) == 0;
    kv_edit_end(c->kv, rec, n);
    if (n) {
        call_changed(c, n);
        kv_notify(c->kv, NOTIFY_HASH, event, c->db, c->argv[1]);
    }
    if (empty) {
        kv_del(c->kv, rec);
        if (n)
            kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, c->argv[1]);
    }
    if (st != ST_OK)
        call_reply_status(c, st, err);
    return st == ST_OK;
}

/* Sets all pairs; *added counts the fields that were not there. False: the error is answered. */
static bool set_pairs(struct call *c, int64_t *added)
{
    struct kv_rec *rec;
    struct error err = {.message = ""};
    uint64_t n = 0;
    *added = 0;
    if (c->argc % 2) {
        reply_arity_error(c);
        return false;
    }
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_HASH, &rec) || !open_edit(c, &rec))
        return false;
    enum status st = kv_hash_expect(rec, (uint64_t)(c->argc - 2) / 2, &err);
    for (int i = 2; i < c->argc && st == ST_OK; i += 2) {
        bool is_new;
        st = kv_hash_put(rec, c->argv[i], c->argv[i + 1], &is_new, &err);
        if (st == ST_OK) {
            *added += is_new;
            n++;
        }
    }
    return close_edit(c, rec, n, "hset", st, &err);
}

void cmd_hset(struct call *c)
{
    int64_t added;
    if (set_pairs(c, &added))
        reply_int(c, added);
}

void cmd_hmset(struct call *c)
{
    int64_t added;
    if (set_pairs(c, &added))
        reply_ok(c);
}

bool hash__read(struct call *c, unsigned flags, struct slice field, struct kv_rec **rec,
                bool *found, struct slice *value)
{
    struct error err = {.message = ""};
    *found = false;
    if (!call_lookup_type(c, c->argv[1], flags, KV_HASH, rec))
        return false;
    if (!*rec)
        return true;
    enum status st = kv_hash_get(*rec, field, found, value, &err);
    if (st == ST_OK)
        return true;
    call_reply_status(c, st, &err);
    return false;
}

bool hash__write(struct call *c, struct kv_rec *rec, struct slice value, const char *event)
{
    struct error err = {.message = ""};
    if (!open_edit(c, &rec))
        return false;
    enum status st = kv_hash_put(rec, c->argv[2], value, NULL, &err);
    return close_edit(c, rec, st == ST_OK, event, st, &err);
}

void cmd_hsetnx(struct call *c)
{
    struct kv_rec *rec;
    struct slice value;
    bool found;
    if (!hash__read(c, KV_WRITE, c->argv[2], &rec, &found, &value))
        return;
    if (found)
        reply_int(c, 0);
    else if (hash__write(c, rec, c->argv[3], "hset"))
        reply_int(c, 1);
}

void cmd_hget(struct call *c)
{
    struct kv_rec *rec;
    struct slice value;
    bool found;
    if (!hash__read(c, KV_READ, c->argv[2], &rec, &found, &value))
        return;
    if (found)
        reply_bulk(c, value);
    else
        reply_null(c);
}

void cmd_hexists(struct call *c)
{
    struct kv_rec *rec;
    struct slice value;
    bool found;
    if (hash__read(c, KV_READ, c->argv[2], &rec, &found, &value))
        reply_int(c, found);
}

void cmd_hstrlen(struct call *c)
{
    struct kv_rec *rec;
    struct slice value;
    bool found;
    if (hash__read(c, KV_READ, c->argv[2], &rec, &found, &value))
        reply_int(c, found ? (int64_t)value.n : 0);
}

void cmd_hmget(struct call *c)
{
    struct kv_rec *rec;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_HASH, &rec))
        return;
    reply_array(c, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc; i++) {
        struct error err = {.message = ""};
        struct slice value;
        bool found = false;
        enum status st = rec ? kv_hash_get(rec, c->argv[i], &found, &value, &err) : ST_OK;
        if (st != ST_OK) {
            partial_fail(c, st, &err, (uint64_t)(c->argc - i));
            return;
        }
        if (found)
            reply_bulk(c, value);
        else
            reply_null(c);
    }
}

void cmd_hlen(struct call *c)
{
    struct kv_rec *rec;
    if (call_lookup_type(c, c->argv[1], KV_READ, KV_HASH, &rec))
        reply_int(c, rec ? (int64_t)kv_hash_count(rec) : 0);
}

/* Fields that are not there are no change, so the edit begins with the first one that is. */
void cmd_hdel(struct call *c)
{
    struct kv_rec *rec;
    struct slice value;
    struct error err = {.message = ""};
    enum status st = ST_OK;
    uint64_t n = 0;
    bool found = false;
    int i = 2;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_HASH, &rec))
        return;
    for (; rec && i < c->argc && st == ST_OK; i++) {
        st = kv_hash_get(rec, c->argv[i], &found, &value, &err);
        if (found)
            break;
    }
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    if (!found) {
        reply_int(c, 0);
        return;
    }
    kv_edit(c->kv, rec);
    for (; i < c->argc && st == ST_OK && kv_hash_count(rec); i++) {
        st = kv_hash_remove(rec, c->argv[i], &found, &err);
        n += st == ST_OK && found;
    }
    if (close_edit(c, rec, n, "hdel", st, &err))
        reply_int(c, (int64_t)n);
}

/* -- Whole hashes -------------------------------------------------------------------------------------------------------------- */

enum parts { FIELDS = 1, VALUES = 2 };

static void reply_all(struct call *c, unsigned parts)
{
    struct kv_rec *rec;
    struct kv_hash_cur cur;
    struct error err = {.message = ""};
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_HASH, &rec))
        return;
    uint64_t left = rec ? kv_hash_count(rec) : 0;
    if (parts == (FIELDS | VALUES))
        reply_map(c, left);
    else
        reply_array(c, left);
    if (!rec)
        return;
    enum status st = kv_hash_first(rec, &cur, &err);
    while (st == ST_OK && !kv_hash_end(&cur)) {
        struct kv_hash_item item = kv_hash_item(&cur);
        if (parts & FIELDS)
            reply_bulk(c, item.field);
        if (parts & VALUES)
            reply_bulk(c, item.value);
        left--;
        st = kv_hash_next(&cur, &err);
    }
    if (st != ST_OK && left)
        partial_fail(c, st, &err, parts == (FIELDS | VALUES) ? left * 2 : left);
}

void cmd_hkeys(struct call *c)
{
    reply_all(c, FIELDS);
}

void cmd_hvals(struct call *c)
{
    reply_all(c, VALUES);
}

void cmd_hgetall(struct call *c)
{
    reply_all(c, FIELDS | VALUES);
}

static void scanned(void *arg, const struct kv_hash_item *item)
{
    struct scan_found *f = arg;
    if (!scan_wants(f, item->field))
        return;
    scan_add(f, item->field);
    scan_add(f, item->value);
}

void cmd_hscan(struct call *c)
{
    struct kv_rec *rec;
    struct scan_found f;
    struct error err = {.message = ""};
    uint64_t cursor, next;
    if (!scan_cursor(c, 2, &cursor) || !call_lookup_type(c, c->argv[1], KV_READ, KV_HASH, &rec))
        return;
    if (!rec) {
        scan_reply_none(c);
        return;
    }
    if (!scan_begin(c, &f))
        return;
    enum status st = kv_hash_scan(rec, cursor, f.count, &next, scanned, &f, &err);
    if (st == ST_OK)
        scan_reply(&f, next);
    else
        call_reply_status(c, st, &err);
}
