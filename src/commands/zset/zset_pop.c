/* The commands that take members off either end: ZPOPMIN, ZPOPMAX, ZMPOP, and those that wait for a member. All of them are
 * propagated as ZPOPMIN or ZPOPMAX. */
#include "base/arena.h"
#include "base/num.h"
#include "commands/zset/zset_commands.h"
#include "commands/zset/zset_priv.h"
#include "session/block_keys.h"
#include "session/reply.h"

/* What is taken off. */
struct popped {
    struct kv_zset_item *items; /* in the call's arena */
    uint64_t n;
};

static enum status copy_ends(struct call *c, struct kv_rec *rec, bool max, struct popped *p,
                             struct error *err)
{
    struct kv_zset_cur cur;
    p->items = arena_try_alloc(c->arena, (size_t)p->n * sizeof *p->items);
    if (!p->items)
        return error_set(err, ST_NO_MEMORY, "out of memory for what is popped");
    enum status st = max ? kv_zset_last(rec, &cur, err) : kv_zset_first(rec, &cur, err);
    for (uint64_t i = 0; i < p->n && st == ST_OK; i++) {
        p->items[i] = kv_zset_item(&cur);
        p->items[i].member = arena_dup(c->arena, p->items[i].member);
        if (i + 1 < p->n)
            st = max ? kv_zset_prev(&cur, err) : kv_zset_next(&cur, err);
    }
    return st;
}

/* Takes up to count members off; rec holds at least one. False: the error is answered. */
static bool pop(struct call *c, struct kv_rec *rec, struct slice key, bool max, uint64_t count,
                struct popped *p)
{
    uint64_t len = kv_zset_count(rec);
    struct error err;
    p->n = count < len ? count : len;
    enum status st = copy_ends(c, rec, max, p, &err);
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return false;
    }
    return zset__remove_ranks(c, rec, key, max ? len - p->n : 0, p->n, max ? "zpopmax" : "zpopmin");
}

static void reply_items(struct call *c, const struct popped *p, bool nested)
{
    for (uint64_t i = 0; i < p->n; i++) {
        if (nested)
            reply_array(c, 2);
        reply_bulk(c, p->items[i].member);
        reply_double(c, p->items[i].score);
    }
}

/* ZPOPMIN and ZPOPMAX. A count makes pairs of the answer in RESP3. */
static void pop_command(struct call *c, bool max)
{
    struct kv_rec *rec;
    struct popped p;
    int64_t count = 1;
    bool nested = c->argc == 3 && c->out->resp > 2;
    if (c->argc > 3) {
        reply_syntax_error(c);
        return;
    }
    if (c->argc == 3 &&
        !call_arg_range(c, 2, 0, INT64_MAX, &count, "value is out of range, must be positive"))
        return;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_ZSET, &rec))
        return;
    if (!rec || count == 0) {
        reply_array(c, 0);
        return;
    }
    if (!pop(c, rec, c->argv[1], max, (uint64_t)count, &p))
        return;
    reply_array(c, (size_t)(nested ? p.n : p.n * 2));
    reply_items(c, &p, nested);
}

void cmd_zpopmin(struct call *c)
{
    pop_command(c, false);
}

void cmd_zpopmax(struct call *c)
{
    pop_command(c, true);
}

/* -- From the first of several keys ---------------------------------------------------------------------------------- */

enum pop_form {
    POP_ONE,   /* BZPOPMIN: key, member, score */
    POP_COUNT, /* ZMPOP: key and an array of pairs */
};
struct pop_plan {
    const struct slice *keys;
    size_t nkeys;
    bool max;
    enum pop_form form;
    int64_t count;
};

static void propagate_pop(struct call *c, const struct pop_plan *plan, struct slice key, uint64_t n)
{
    struct slice name = plan->max ? SLICE("ZPOPMAX") : SLICE("ZPOPMIN");
    char text[NUM_BUF];
    if (plan->form == POP_ONE)
        call_propagate_words(c, c->db, 2, name, key);
    else
        call_propagate_words(c, c->db, 3, name, key,
                             slice_make(text, num_format_int(text, (int64_t)n)));
}

/* True when the command is answered: a key had members, or an error. */
static bool pop_first(struct call *c, const struct pop_plan *plan)
{
    struct kv_rec *rec = NULL;
    struct popped p;
    size_t i = 0;
    for (; i < plan->nkeys; i++) {
        if (!call_lookup_type(c, plan->keys[i], KV_WRITE, KV_ZSET, &rec))
            return true;
        if (rec)
            break;
    }
    if (!rec)
        return false;
    struct slice key = plan->keys[i];
    if (!pop(c, rec, key, plan->max, (uint64_t)plan->count, &p))
        return true;
    propagate_pop(c, plan, key, p.n);
    reply_array(c, plan->form == POP_ONE ? 3 : 2);
    reply_bulk(c, key);
    if (plan->form == POP_COUNT)
        reply_array(c, (size_t)p.n);
    reply_items(c, &p, plan->form == POP_COUNT);
    return true;
}

static void pop_or_wait(struct call *c, const struct pop_plan *plan, int timeout)
{
    int64_t deadline_ms;
    if (!call_arg_timeout(c, timeout, &deadline_ms) || pop_first(c, plan))
        return;
    if (block_denied(c))
        reply_null_array(c);
    else
        block_on_keys(c, plan->keys, plan->nkeys, KV_ZSET, deadline_ms, 0);
}

static void blocking_pop(struct call *c, bool max)
{
    struct pop_plan plan = {
        .keys = c->argv + 1, .nkeys = (size_t)c->argc - 2, .max = max, .form = POP_ONE, .count = 1};
    pop_or_wait(c, &plan, c->argc - 1);
}

void cmd_bzpopmin(struct call *c)
{
    blocking_pop(c, false);
}

void cmd_bzpopmax(struct call *c)
{
    blocking_pop(c, true);
}

/* Parses "numkeys key ... MIN|MAX [COUNT n]" from argument i on. */
static bool parse_mpop(struct call *c, int i, struct pop_plan *plan)
{
    int64_t nkeys;
    bool counted = false;
    *plan = (struct pop_plan){.form = POP_COUNT, .count = 1};
    if (!call_arg_range(c, i, 1, INT64_MAX, &nkeys, "numkeys should be greater than 0"))
        return false;
    if (nkeys >= c->argc - i - 1)
        goto syntax;
    plan->keys = c->argv + i + 1;
    plan->nkeys = (size_t)nkeys;
    i += 1 + (int)nkeys;
    plan->max = call_arg_is(c, i, "max");
    if (!plan->max && !call_arg_is(c, i, "min"))
        goto syntax;
    for (i++; i < c->argc; i += 2) {
        if (counted || !call_arg_is(c, i, "count") || i + 1 == c->argc)
            goto syntax;
        counted = true;
        if (!call_arg_range(c, i + 1, 1, INT64_MAX, &plan->count, "count should be greater than 0"))
            return false;
    }
    return true;
syntax:
    reply_syntax_error(c);
    return false;
}

void cmd_zmpop(struct call *c)
{
    struct pop_plan plan;
    if (parse_mpop(c, 1, &plan) && !pop_first(c, &plan))
        reply_null_array(c);
}

void cmd_bzmpop(struct call *c)
{
    struct pop_plan plan;
    if (parse_mpop(c, 2, &plan))
        pop_or_wait(c, &plan, 1);
}
