/* SPOP. What chance took is propagated as SREM, or as DEL when a count took all.
 *
 *   all of them                 answered, and the key is deleted
 *   many, or of a listpack      those that chance takes on a walk over all
 *   else                        one after the other, each at a random place */
#include "commands/partial.h"
#include "commands/pick.h"
#include "commands/set/set_commands.h"
#include "commands/set/set_priv.h"
#include "config/compat_options.h"
#include "keyspace/keyspace_options.h"
#include "session/reply.h"

#define WALK_FACTOR 3 /* a walk over all is taken when the set is less than so many times larger */
#define STAY_FACTOR                                                                                \
    5 /* when so many times more are taken than stay, the set may become a listpack again */
#define BATCH 1024 /* members in one SREM */

struct pop {
    struct call *c;
    struct kv_rec *rec;
    uint64_t left;    /* to be taken */
    struct buf bytes; /* of members that are taken and not propagated yet, one after the other */
    size_t n, length[BATCH];
};

static void propagate(struct pop *p)
{
    struct slice argv[BATCH + 2] = {SLICE("SREM"), p->c->argv[1]};
    size_t at = 0;
    for (size_t i = 0; i < p->n; i++) {
        argv[2 + i] = slice_make(buf_cstr(&p->bytes) + at, p->length[i]);
        at += p->length[i];
    }
    if (p->n)
        call_propagate(p->c, p->c->db, p->n + 2, argv);
    buf_clear(&p->bytes);
    p->n = 0;
}

/* Takes the cursor's member out and answers it; the cursor then stands on the one that followed. */
static enum status take(struct pop *p, struct kv_set_cur *cur, struct error *err)
{
    struct slice member = kv_set_member(cur);
    size_t at = p->bytes.n, n = member.n;
    buf_put_slice(&p->bytes, member);
    enum status st = kv_set_remove_at(cur, err);
    if (st != ST_OK) {
        p->bytes.n = at;
        return st;
    }
    reply_bulk(p->c, slice_make(buf_cstr(&p->bytes) + at, n));
    p->left--;
    p->length[p->n++] = n;
    if (p->n == BATCH)
        propagate(p);
    return ST_OK;
}

static enum status take_any(struct pop *p, struct error *err)
{
    struct kv_set_cur cur;
    enum status st = ST_OK;
    while (st == ST_OK && p->left) {
        st = kv_set_at(p->rec, pick_one(kv_set_count(p->rec)), &cur, err);
        if (st == ST_OK)
            st = take(p, &cur, err);
    }
    return st;
}

static enum status take_walk(struct pop *p, struct error *err)
{
    struct pick_walk walk = {.left = kv_set_count(p->rec), .wanted = p->left};
    struct kv_set_cur cur;
    enum status st = kv_set_first(p->rec, &cur, err);
    while (st == ST_OK && p->left && !kv_set_end(&cur))
        st = pick_next(&walk) ? take(p, &cur, err) : kv_set_next(&cur, err);
    return st;
}

/* The few that stayed of many become a listpack, if they suit one. */
static enum status pack(struct kv_rec *rec, struct error *err)
{
    struct kv_set_cur cur;
    if (kv_set_encoding(rec) != KV_SET_HASHTABLE ||
        kv_set_count(rec) > (uint64_t)keyspace_opts.set_max_listpack_entries)
        return ST_OK;
    enum status st = kv_set_first(rec, &cur, err);
    while (st == ST_OK && !kv_set_end(&cur)) {
        if (kv_set_member(&cur).n > (uint64_t)keyspace_opts.set_max_listpack_value)
            return ST_OK;
        st = kv_set_next(&cur, err);
    }
    return st == ST_OK ? kv_set_convert(rec, KV_SET_LISTPACK, err) : st;
}

/* Takes p->left of p->rec. What has been taken before a failure is answered, counted and propagated; when all is taken, a
 * failure means nothing to the caller. */
static enum status take_all(struct pop *p, struct error *err)
{
    uint64_t size = kv_set_count(p->rec), count = p->left, taken;
    bool walk = kv_set_encoding(p->rec) == KV_SET_LISTPACK || count * WALK_FACTOR > size;
    kv_edit(p->c->kv, p->rec);
    enum status st = walk ? take_walk(p, err) : take_any(p, err);
    if (st == ST_OK && (size - count) * STAY_FACTOR <= count)
        st = pack(p->rec, err);
    taken = count - p->left;
    propagate(p);
    buf_free(&p->bytes);
    set__close(p->c, p->c->argv[1], p->rec, taken, "spop");
    return st;
}

static void answer_whole(struct call *c, struct kv_rec *rec)
{
    struct kv_set_cur cur;
    struct error err = {.message = ""};
    uint64_t size = kv_set_count(rec), left = size;
    reply_set(c, size);
    enum status st = kv_set_first(rec, &cur, &err);
    while (st == ST_OK && !kv_set_end(&cur)) {
        reply_bulk(c, kv_set_member(&cur));
        left--;
        st = kv_set_next(&cur, &err);
    }
    if (st != ST_OK) {
        partial_fail(c, st, &err, left ? left : 1);
        return;
    }
    kv_notify(c->kv, NOTIFY_SET, "spop", c->db, c->argv[1]);
    kv_del(c->kv, rec);
    kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, c->argv[1]);
    call_changed(c, size);
    call_propagate_words(c, c->db, 2,
                         compat_opts.lazyfree_lazy_server_del ? SLICE("UNLINK") : SLICE("DEL"),
                         c->argv[1]);
}

static void pop_count(struct call *c)
{
    struct pop p = {.c = c};
    struct error err = {.message = ""};
    int64_t count;
    if (!call_arg_range(c, 2, 0, INT64_MAX, &count,
                        "ERR value is out of range, must be positive") ||
        !call_lookup_type(c, c->argv[1], KV_WRITE, KV_SET, &p.rec))
        return;
    if (!p.rec || count == 0) {
        reply_set(c, 0);
        return;
    }
    if ((uint64_t)count >= kv_set_count(p.rec)) {
        answer_whole(c, p.rec);
        return;
    }
    p.left = (uint64_t)count;
    reply_set(c, (size_t)count);
    enum status st = take_all(&p, &err);
    if (st != ST_OK && p.left)
        partial_fail(c, st, &err, p.left);
}

void cmd_spop(struct call *c)
{
    struct pop p = {.c = c, .left = 1};
    struct error err = {.message = ""};
    if (c->argc > 3) {
        reply_syntax_error(c);
        return;
    }
    if (c->argc == 3) {
        pop_count(c);
        return;
    }
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_SET, &p.rec))
        return;
    if (!p.rec) {
        reply_null(c);
        return;
    }
    enum status st = take_all(&p, &err);
    if (st != ST_OK && p.left)
        call_reply_status(c, st, &err);
}
