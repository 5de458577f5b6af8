/* Members: adding, removing, asking, walking. A command that changes nothing must not open an edit, because an edit is a change
 * to WATCH: so the members that are no change are looked up first. */
#include "base/arena.h"
#include "commands/partial.h"
#include "commands/scan.h"
#include "commands/set/set_commands.h"
#include "commands/set/set_priv.h"
#include "session/reply.h"

bool set__open(struct call *c, struct slice key, struct kv_rec **rec, struct slice member,
               uint64_t n)
{
    struct error err = {.message = ""};
    enum status st = ST_OK;
    if (!*rec) {
        st = kv_set_make(c->kv, c->db, key, kv_set_choose(member, n), rec, &err);
    } else {
        kv_edit(c->kv, *rec);
        st = kv_set_expect(*rec, n, &err);
        if (st != ST_OK)
            kv_edit_end(c->kv, *rec, 0);
    }
    if (st != ST_OK)
        call_reply_status(c, st, &err);
    return st == ST_OK;
}

void set__close(struct call *c, struct slice key, struct kv_rec *rec, uint64_t n, const char *event)
{
    bool empty = kv_set_count(rec) == 0;
    kv_edit_end(c->kv, rec, n);
    if (n) {
        call_changed(c, n);
        kv_notify(c->kv, NOTIFY_SET, event, c->db, key);
    }
    if (empty) {
        kv_del(c->kv, rec);
        if (n)
            kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, key);
    }
}

/* The first argument from *i on that is (or is not) a member of rec; argc when there is none. False: the error is answered. */
static bool first_member(struct call *c, struct kv_rec *rec, bool is, int *i)
{
    for (; *i < c->argc; ++*i) {
        struct error err = {.message = ""};
        bool found = false;
        enum status st = rec ? kv_set_has(rec, c->argv[*i], &found, &err) : ST_OK;
        if (st != ST_OK) {
            call_reply_status(c, st, &err);
            return false;
        }
        if (found == is)
            break;
    }
    return true;
}

void cmd_sadd(struct call *c)
{
    struct kv_rec *rec;
    struct error err = {.message = ""};
    enum status st = ST_OK;
    uint64_t n = 0;
    int i = 2;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_SET, &rec) ||
        !first_member(c, rec, false, &i))
        return;
    if (i == c->argc) {
        reply_int(c, 0);
        return;
    }
    if (!set__open(c, c->argv[1], &rec, c->argv[2], (uint64_t)c->argc - 2))
        return;
    for (; i < c->argc && st == ST_OK; i++) {
        bool added;
        st = kv_set_add(rec, c->argv[i], &added, &err);
        n += st == ST_OK && added;
    }
    set__close(c, c->argv[1], rec, n, "sadd");
    if (st == ST_OK)
        reply_int(c, (int64_t)n);
    else
        call_reply_status(c, st, &err);
}

void cmd_srem(struct call *c)
{
    struct kv_rec *rec;
    struct error err = {.message = ""};
    enum status st = ST_OK;
    uint64_t n = 0;
    int i = 2;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_SET, &rec) || !first_member(c, rec, true, &i))
        return;
    if (i == c->argc) {
        reply_int(c, 0);
        return;
    }
    kv_edit(c->kv, rec);
    for (; i < c->argc && st == ST_OK && kv_set_count(rec); i++) {
        bool found;
        st = kv_set_remove(rec, c->argv[i], &found, &err);
        n += st == ST_OK && found;
    }
    set__close(c, c->argv[1], rec, n, "srem");
    if (st == ST_OK)
        reply_int(c, (int64_t)n);
    else
        call_reply_status(c, st, &err);
}

/* Adds argv[3] to the set of argv[2], where it is not yet. False: the error is answered. */
static bool move_in(struct call *c, struct kv_rec *to)
{
    struct error err = {.message = ""};
    bool added;
    if (!set__open(c, c->argv[2], &to, c->argv[3], 1))
        return false;
    enum status st = kv_set_add(to, c->argv[3], &added, &err);
    set__close(c, c->argv[2], to, st == ST_OK, "sadd");
    if (st != ST_OK)
        call_reply_status(c, st, &err);
    return st == ST_OK;
}

void cmd_smove(struct call *c)
{
    struct kv_rec *from, *to;
    struct error err = {.message = ""};
    bool found = false, there = false;
    if (!call_lookup(c, c->argv[1], KV_WRITE, &from) || !call_lookup(c, c->argv[2], KV_WRITE, &to))
        return;
    if (!from) {
        reply_int(c, 0);
        return;
    }
    if (kv_rec_type(from) != KV_SET || (to && kv_rec_type(to) != KV_SET)) {
        reply_wrong_type(c);
        return;
    }
    enum status st = kv_set_has(from, c->argv[3], &found, &err);
    if (st == ST_OK && to && to != from)
        st = kv_set_has(to, c->argv[3], &there, &err);
    if (st == ST_OK && found && to != from) {
        kv_edit(c->kv, from);
        st = kv_set_remove(from, c->argv[3], &found, &err);
        set__close(c, c->argv[1], from, st == ST_OK, "srem");
    }
    if (st != ST_OK)
        call_reply_status(c, st, &err);
    else if (!found || to == from || there || move_in(c, to))
        reply_int(c, found);
}

void cmd_sismember(struct call *c)
{
    struct kv_rec *rec;
    struct error err = {.message = ""};
    bool found = false;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_SET, &rec))
        return;
    enum status st = rec ? kv_set_has(rec, c->argv[2], &found, &err) : ST_OK;
    if (st == ST_OK)
        reply_int(c, found);
    else
        call_reply_status(c, st, &err);
}

void cmd_smismember(struct call *c)
{
    struct kv_rec *rec;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_SET, &rec))
        return;
    reply_array(c, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc; i++) {
        struct error err = {.message = ""};
        bool found = false;
        enum status st = rec ? kv_set_has(rec, c->argv[i], &found, &err) : ST_OK;
        if (st != ST_OK) {
            partial_fail(c, st, &err, (uint64_t)(c->argc - i));
            return;
        }
        reply_int(c, found);
    }
}

void cmd_scard(struct call *c)
{
    struct kv_rec *rec;
    if (call_lookup_type(c, c->argv[1], KV_READ, KV_SET, &rec))
        reply_int(c, rec ? (int64_t)kv_set_count(rec) : 0);
}

struct sscan {
    struct scan_found found;
    bool copy; /* the members are texts that go after each call */
};

static void scanned(void *arg, struct slice member)
{
    struct sscan *s = arg;
    if (scan_wants(&s->found, member))
        scan_add(&s->found, s->copy ? arena_dup(s->found.c->arena, member) : member);
}

void cmd_sscan(struct call *c)
{
    struct kv_rec *rec;
    struct sscan s;
    struct error err = {.message = ""};
    uint64_t cursor, next;
    if (!scan_cursor(c, 2, &cursor) || !call_lookup_type(c, c->argv[1], KV_READ, KV_SET, &rec))
        return;
    if (!rec) {
        scan_reply_none(c);
        return;
    }
    if (!scan_begin(c, &s.found))
        return;
    s.copy = kv_set_encoding(rec) == KV_SET_INTSET;
    enum status st = kv_set_scan(rec, cursor, s.found.count, &next, scanned, &s, &err);
    if (st == ST_OK)
        scan_reply(&s.found, next);
    else
        call_reply_status(c, st, &err);
}
