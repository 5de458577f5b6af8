/* HRANDFIELD.
 *
 *   no count         one field
 *   negative count   so many, each picked anew: fields may come twice, in random order
 *   count            so many different ones: all of them, or those that chance takes on a walk over all, or, when they are few,
 *                    those at random places */
#include "base/mem.h"
#include "commands/hash/hash_commands.h"
#include "commands/partial.h"
#include "commands/pick.h"
#include "keyspace/kv_hash.h"
#include "session/reply.h"

#define WALK_FACTOR                                                                                \
    3 /* a walk over all of them is taken when the hash is less than so many times larger */

struct answer {
    struct call *c;
    struct kv_rec *rec;
    bool values;
    uint64_t left; /* fields still to be answered */
};

static void begin(struct answer *a, uint64_t n)
{
    a->left = n;
    reply_array(a->c, a->values && a->c->out->resp < 3 ? n * 2 : n);
}

static void answer(struct answer *a, const struct kv_hash_cur *cur)
{
    struct kv_hash_item item = kv_hash_item(cur);
    if (a->values && a->c->out->resp >= 3)
        reply_array(a->c, 2);
    reply_bulk(a->c, item.field);
    if (a->values)
        reply_bulk(a->c, item.value);
    a->left--;
}

static enum status answer_at(struct answer *a, uint64_t rank, struct error *err)
{
    struct kv_hash_cur cur;
    enum status st = kv_hash_at(a->rec, rank, &cur, err);
    if (st == ST_OK)
        answer(a, &cur);
    return st;
}

static enum status answer_any(struct answer *a, struct error *err)
{
    enum status st = ST_OK;
    while (st == ST_OK && a->left && !(a->c->s->flags & SESS_CLOSING))
        st = answer_at(a, pick_one(kv_hash_count(a->rec)), err);
    return st;
}

static enum status answer_walk(struct answer *a, struct error *err)
{
    struct pick_walk walk = {.left = kv_hash_count(a->rec), .wanted = a->left};
    struct kv_hash_cur cur;
    enum status st = kv_hash_first(a->rec, &cur, err);
    while (st == ST_OK && walk.wanted && !kv_hash_end(&cur)) {
        if (pick_next(&walk))
            answer(a, &cur);
        st = kv_hash_next(&cur, err);
    }
    return st;
}

static enum status answer_few(struct answer *a, struct error *err)
{
    uint64_t n = a->left, *ranks = pick_distinct(kv_hash_count(a->rec), n);
    enum status st = ST_OK;
    if (!ranks)
        return error_set(err, ST_NO_MEMORY, "out of memory for %llu picks", (unsigned long long)n);
    for (uint64_t i = 0; i < n && st == ST_OK; i++)
        st = answer_at(a, ranks[i], err);
    mem_free(ranks);
    return st;
}

static void answer_count(struct call *c, int64_t count, bool values)
{
    struct answer a = {.c = c, .values = values};
    struct error err = {.message = ""};
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_HASH, &a.rec))
        return;
    if (!a.rec || count == 0) {
        reply_array(c, 0);
        return;
    }
    uint64_t size = kv_hash_count(a.rec), n = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    enum status st;
    begin(&a, count > 0 && n > size ? size : n);
    if (count < 0 || n == 1)
        st = answer_any(&a, &err);
    else if (kv_hash_packed(a.rec) || n >= size || n * WALK_FACTOR > size)
        st = answer_walk(&a, &err);
    else
        st = answer_few(&a, &err);
    if (st != ST_OK && a.left)
        partial_fail(c, st, &err, values && c->out->resp < 3 ? a.left * 2 : a.left);
}

static void answer_one(struct call *c)
{
    struct answer a = {.c = c, .left = 1};
    struct error err = {.message = ""};
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_HASH, &a.rec))
        return;
    if (!a.rec) {
        reply_null(c);
        return;
    }
    enum status st = answer_at(&a, pick_one(kv_hash_count(a.rec)), &err);
    if (st != ST_OK)
        call_reply_status(c, st, &err);
}

void cmd_hrandfield(struct call *c)
{
    int64_t count;
    bool values = c->argc == 4;
    if (c->argc == 2) {
        answer_one(c);
        return;
    }
    if (!call_arg_range(c, 2, -INT64_MAX, INT64_MAX, &count, NULL))
        return;
    if (c->argc > 4 || (values && !call_arg_is(c, 3, "withvalues")))
        reply_syntax_error(c);
    else if (values && (count < -INT64_MAX / 2 || count > INT64_MAX / 2))
        reply_error(c, "ERR value is out of range");
    else
        answer_count(c, count, values);
}
