/* Which keys there are: DEL, EXISTS, TYPE, and the ways to walk through them. */
#include "base/arena.h"
#include "base/glob.h"
#include "commands/generic/generic_commands.h"
#include "commands/scan.h"
#include "keyspace/kv_object.h"
#include "session/reply.h"

/* DEL and UNLINK are the same here: giving back the memory or the subkeys of a large value is deferred in any case. */
static void delete_keys(struct call *c)
{
    int64_t n = 0;
    for (int i = 1; i < c->argc; i++) {
        struct kv_rec *rec;
        if (!call_lookup(c, c->argv[i], KV_WRITE, &rec))
            return;
        if (!rec)
            continue;
        kv_del(c->kv, rec);
        kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, c->argv[i]);
        call_changed(c, 1);
        n++;
    }
    reply_int(c, n);
}

void cmd_del(struct call *c)
{
    delete_keys(c);
}

void cmd_unlink(struct call *c)
{
    delete_keys(c);
}

static void count_keys(struct call *c, unsigned flags)
{
    int64_t n = 0;
    for (int i = 1; i < c->argc; i++) {
        struct kv_rec *rec;
        if (!call_lookup(c, c->argv[i], flags, &rec))
            return;
        n += rec != NULL;
    }
    reply_int(c, n);
}

void cmd_exists(struct call *c)
{
    count_keys(c, KV_READ | KV_NOTOUCH);
}

void cmd_touch(struct call *c)
{
    count_keys(c, KV_READ);
}

void cmd_type(struct call *c)
{
    struct kv_rec *rec;
    char name[KV_OBJECT_NAME + 1];
    if (call_lookup(c, c->argv[1], KV_READ | KV_NOTOUCH, &rec))
        reply_status(c, rec ? kv_rec_type_name(rec, name) : kv_type_name(KV_NONE));
}

void cmd_randomkey(struct call *c)
{
    struct buf key = BUF_INIT;
    struct error err;
    enum status st = kv_random(c->kv, c->db, &key, &err);
    if (st == ST_OK)
        reply_bulk(c, buf_slice(&key));
    else if (st == ST_NOT_FOUND)
        reply_null(c);
    else
        call_reply_status(c, st, &err);
    buf_free(&key);
}

/* One walk through the keys: KEYS answers each hit at once, SCAN keeps them until the next cursor is known. */
struct walk {
    struct call *c;
    struct slice pattern;
    bool all;          /* the pattern matches everything */
    struct slice type; /* wanted type's name; p NULL: any */
    struct buf *found; /* NULL: answer at once */
    size_t hits;
};

static bool of_type(const struct kv_scan_entry *e, struct slice type)
{
    char name[KV_OBJECT_NAME + 1];
    if (e->type != KV_MODULE)
        return slice_is(type, kv_type_name(e->type));
    kv_object_name(e->module, name);
    return slice_is(type, name);
}

static void visit(void *arg, const struct kv_scan_entry *e)
{
    struct walk *w = arg;
    if (w->type.p && !of_type(e, w->type))
        return;
    if (!w->all && !glob_match(w->pattern, e->key, false))
        return;
    w->hits++;
    if (!w->found) {
        reply_bulk(w->c, e->key);
    } else {
        buf_put_varint(w->found, e->key.n);
        buf_put_slice(w->found, e->key);
    }
}

static void walk_pattern(struct walk *w, struct slice pattern)
{
    w->pattern = pattern;
    w->all = slice_eq(pattern, SLICE("*"));
}

/* Records that one step of KEYS visits: many, since it answers in one go anyway. */
#define KEYS_STEP 1000

void cmd_keys(struct call *c)
{
    struct walk w = {.c = c};
    uint64_t cursor = 0;
    size_t token;
    if (glob_is_literal(c->argv[1])) {
        struct kv_rec *rec;
        if (!call_lookup(c, c->argv[1], KV_READ | KV_NOTOUCH | KV_NOSTATS, &rec))
            return;
        reply_array(c, rec != NULL);
        if (rec)
            reply_bulk(c, c->argv[1]);
        return;
    }
    walk_pattern(&w, c->argv[1]);
    token = reply_begin(c);
    do {
        struct error err;
        enum status st = kv_scan(c->kv, c->db, cursor, KEYS_STEP, &cursor, visit, &w, &err);
        if (st != ST_OK) {
            /* The array has begun: the failure becomes its last element. */
            call_reply_status(c, st, &err);
            w.hits++;
            break;
        }
    } while (cursor != 0);
    reply_end(c, token, SINK_ARRAY, w.hits);
}

static bool parse_scan(struct call *c, struct walk *w, int64_t *count)
{
    for (int i = 2; i < c->argc; i += 2) {
        bool more = i + 1 < c->argc;
        if (more && call_arg_is(c, i, "count")) {
            if (!call_arg_int(c, i + 1, count, NULL))
                return false;
            if (*count < 1)
                goto syntax;
        } else if (more && call_arg_is(c, i, "match")) {
            walk_pattern(w, c->argv[i + 1]);
        } else if (more && call_arg_is(c, i, "type")) {
            w->type = c->argv[i + 1];
        } else {
            goto syntax;
        }
    }
    return true;
syntax:
    reply_syntax_error(c);
    return false;
}

void cmd_scan(struct call *c)
{
    struct buf found = BUF_INIT;
    struct walk w = {.c = c, .all = true, .found = &found};
    struct error err;
    enum status st;
    uint64_t cursor;
    int64_t count = 10;
    size_t at = 0;
    if (!scan_cursor(c, 1, &cursor) || !parse_scan(c, &w, &count))
        return;
    st = kv_scan(c->kv, c->db, cursor, (uint64_t)count, &cursor, visit, &w, &err);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        goto out;
    }
    reply_array(c, 2);
    reply_bulkf(c, "%llu", (unsigned long long)cursor);
    reply_array(c, w.hits);
    for (size_t k = 0; k < w.hits; k++) {
        size_t n = 0;
        for (unsigned shift = 0;; shift += 7) {
            unsigned char b = (unsigned char)found.p[at++];
            n |= (size_t)(b & 0x7f) << shift;
            if (b < 0x80)
                break;
        }
        reply_bulk(c, slice_make(found.p + at, n));
        at += n;
    }
out:
    buf_free(&found);
}
