/* SRANDMEMBER.
 *
 *   no count         one member
 *   negative count   so many, each picked anew: members may come twice, in random order
 *   count            so many different ones: all of them, or those that chance takes on a walk over all, or, when they are few,
 *                    those at random places */
#include "base/mem.h"
#include "commands/partial.h"
#include "commands/pick.h"
#include "commands/set/set_commands.h"
#include "keyspace/kv_set.h"
#include "session/reply.h"

#define WALK_FACTOR                                                                                \
    3 /* a walk over all of them is taken when the set is less than so many times larger */

struct answer {
    struct call *c;
    struct kv_rec *rec;
    uint64_t left; /* members still to be answered */
};

static enum status answer_at(struct answer *a, uint64_t rank, struct error *err)
{
    struct kv_set_cur cur;
    enum status st = kv_set_at(a->rec, rank, &cur, err);
    if (st == ST_OK) {
        reply_bulk(a->c, kv_set_member(&cur));
        a->left--;
    }
    return st;
}

static enum status answer_any(struct answer *a, struct error *err)
{
    enum status st = ST_OK;
    while (st == ST_OK && a->left && !(a->c->s->flags & SESS_CLOSING))
        st = answer_at(a, pick_one(kv_set_count(a->rec)), err);
    return st;
}

static enum status answer_walk(struct answer *a, struct error *err)
{
    struct pick_walk walk = {.left = kv_set_count(a->rec), .wanted = a->left};
    struct kv_set_cur cur;
    enum status st = kv_set_first(a->rec, &cur, err);
    while (st == ST_OK && walk.wanted && !kv_set_end(&cur)) {
        if (pick_next(&walk)) {
            reply_bulk(a->c, kv_set_member(&cur));
            a->left--;
        }
        st = kv_set_next(&cur, err);
    }
    return st;
}

static enum status answer_few(struct answer *a, struct error *err)
{
    uint64_t n = a->left, *ranks = pick_distinct(kv_set_count(a->rec), n);
    enum status st = ST_OK;
    if (!ranks)
        return error_set(err, ST_NO_MEMORY, "out of memory for %llu picks", (unsigned long long)n);
    for (uint64_t i = 0; i < n && st == ST_OK; i++)
        st = answer_at(a, ranks[i], err);
    mem_free(ranks);
    return st;
}

static void answer_count(struct call *c, int64_t count)
{
    struct answer a = {.c = c};
    struct error err = {.message = ""};
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_SET, &a.rec))
        return;
    if (!a.rec || count == 0) {
        reply_array(c, 0);
        return;
    }
    uint64_t size = kv_set_count(a.rec), n = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    enum status st;
    a.left = count > 0 && n > size ? size : n;
    reply_array(c, a.left);
    if (count < 0 || n == 1)
        st = answer_any(&a, &err);
    else if (kv_set_encoding(a.rec) == KV_SET_LISTPACK || n >= size || n * WALK_FACTOR > size)
        st = answer_walk(&a, &err);
    else
        st = answer_few(&a, &err);
    if (st != ST_OK && a.left)
        partial_fail(c, st, &err, a.left);
}

void cmd_srandmember(struct call *c)
{
    struct answer a = {.c = c, .left = 1};
    struct error err = {.message = ""};
    int64_t count;
    if (c->argc > 3) {
        reply_syntax_error(c);
        return;
    }
    if (c->argc == 3) {
        if (call_arg_range(c, 2, -INT64_MAX, INT64_MAX, &count, NULL))
            answer_count(c, count);
        return;
    }
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_SET, &a.rec))
        return;
    if (!a.rec) {
        reply_null(c);
        return;
    }
    enum status st = answer_at(&a, pick_one(kv_set_count(a.rec)), &err);
    if (st != ST_OK)
        call_reply_status(c, st, &err);
}
