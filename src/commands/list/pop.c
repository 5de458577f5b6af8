/* LPOP, RPOP, LMPOP, BLPOP, BRPOP, BLMPOP: elements go to whoever asks, now or when there are some. */
#include "base/arena.h"
#include "base/num.h"
#include "commands/list/list_commands.h"
#include "commands/list/list_priv.h"
#include "session/block_keys.h"
#include "session/reply.h"

/* Takes n elements off a list (n at most its count) into the arena; false: answered. rec may be gone afterwards. */
static bool take(struct call *c, struct slice key, struct kv_rec *rec, enum kv_list_side side,
                 uint64_t n, struct slice **values)
{
    struct kv_list_cur at;
    struct error err;
    struct slice *v = *values = arena_alloc(c->arena, n * sizeof *v);
    enum status st =
        side == KV_LIST_HEAD ? kv_list_first(rec, &at, &err) : kv_list_last(rec, &at, &err);
    for (uint64_t i = 0; st == ST_OK && i < n; i++) {
        v[i] = arena_dup(c->arena, kv_list_value(&at));
        if (i + 1 < n)
            st = side == KV_LIST_HEAD ? kv_list_next(&at, &err) : kv_list_prev(&at, &err);
    }
    if (st == ST_OK) {
        kv_edit(c->kv, rec);
        st = list__cut(rec, side, n, &err);
        if (st == ST_OK) {
            list__removed(c, key, rec, list__pop_event(side), n);
            return true;
        }
        kv_edit_end(c->kv, rec, 0);
    }
    call_reply_status(c, st, &err);
    return false;
}

static void reply_values(struct call *c, const struct slice *values, uint64_t n)
{
    reply_array(c, n);
    for (uint64_t i = 0; i < n; i++)
        reply_bulk(c, values[i]);
}

/* -- LPOP, RPOP ---------------------------------------------------------------------------------------------------------- */

static void pop(struct call *c, enum kv_list_side side)
{
    struct slice key = c->argv[1], *values;
    struct kv_rec *rec;
    int64_t count = 1;
    bool many = c->argc == 3;
    if (c->argc > 3) {
        reply_arity_error(c);
        return;
    }
    if ((many &&
         !call_arg_range(c, 2, 0, INT64_MAX, &count, "value is out of range, must be positive")) ||
        !call_lookup_type(c, key, KV_WRITE, KV_LIST, &rec))
        return;
    if (!rec) {
        if (many)
            reply_null_array(c);
        else
            reply_null(c);
        return;
    }
    if (count == 0) {
        reply_array(c, 0);
        return;
    }
    uint64_t n = kv_list_count(rec);
    if (n > (uint64_t)count)
        n = (uint64_t)count;
    if (!take(c, key, rec, side, n, &values))
        return;
    if (many)
        reply_values(c, values, n);
    else
        reply_bulk(c, values[0]);
}

void cmd_lpop(struct call *c)
{
    pop(c, KV_LIST_HEAD);
}

void cmd_rpop(struct call *c)
{
    pop(c, KV_LIST_TAIL);
}

/* -- The first of several lists ------------------------------------------------------------------------------------------ */

struct pops {
    const struct slice *keys;
    size_t nkeys;
    enum kv_list_side side;
    int64_t count; /* 0: one element, told without an array of its own */
};

static void pop_from(struct call *c, const struct pops *p, struct slice key, struct kv_rec *rec)
{
    struct slice *values;
    char num[NUM_BUF];
    uint64_t n = kv_list_count(rec), max = p->count ? (uint64_t)p->count : 1;
    if (n > max)
        n = max;
    if (!take(c, key, rec, p->side, n, &values))
        return;
    reply_array(c, 2);
    reply_bulk(c, key);
    if (p->count == 0) {
        reply_bulk(c, values[0]);
        call_propagate_words(c, c->db, 2, list__pop_word(p->side), key);
        return;
    }
    reply_values(c, values, n);
    call_propagate_words(c, c->db, 3, list__pop_word(p->side), key,
                         slice_make(num, num_format_int(num, (int64_t)n)));
}

/* False: none of the keys is there, nothing has been answered. */
static bool pop_first(struct call *c, const struct pops *p)
{
    for (size_t i = 0; i < p->nkeys; i++) {
        struct kv_rec *rec;
        if (!call_lookup_type(c, p->keys[i], KV_WRITE, KV_LIST, &rec))
            return true;
        if (rec) {
            pop_from(c, p, p->keys[i], rec);
            return true;
        }
    }
    return false;
}

static void pop_or_wait(struct call *c, const struct pops *p, int timeout_arg)
{
    int64_t deadline_ms;
    if (!call_arg_timeout(c, timeout_arg, &deadline_ms) || pop_first(c, p))
        return;
    if (block_denied(c))
        reply_null_array(c);
    else
        block_on_keys(c, p->keys, p->nkeys, KV_LIST, deadline_ms, 0);
}

static void blocking_pop(struct call *c, enum kv_list_side side)
{
    struct pops p = {.keys = c->argv + 1, .nkeys = (size_t)c->argc - 2, .side = side};
    pop_or_wait(c, &p, c->argc - 1);
}

void cmd_blpop(struct call *c)
{
    blocking_pop(c, KV_LIST_HEAD);
}

void cmd_brpop(struct call *c)
{
    blocking_pop(c, KV_LIST_TAIL);
}

/* numkeys key [key ...] LEFT|RIGHT [COUNT count], from argument i on. */
static bool pops_parse(struct call *c, int i, struct pops *p)
{
    int64_t numkeys;
    *p = (struct pops){.keys = c->argv + i + 1, .count = 1};
    if (!call_arg_range(c, i, 1, INT64_MAX, &numkeys, "numkeys should be greater than 0"))
        return false;
    if (numkeys >= c->argc - i - 1) {
        reply_syntax_error(c);
        return false;
    }
    p->nkeys = (size_t)numkeys;
    i += (int)numkeys + 1;
    if (!list__arg_side(c, i++, &p->side))
        return false;
    if (i == c->argc)
        return true;
    bool count = call_arg_is(c, i, "count") && i + 1 < c->argc;
    if (count &&
        !call_arg_range(c, i + 1, 1, INT64_MAX, &p->count, "count should be greater than 0"))
        return false;
    if (count && i + 2 == c->argc)
        return true;
    reply_syntax_error(c);
    return false;
}

void cmd_lmpop(struct call *c)
{
    struct pops p;
    if (pops_parse(c, 1, &p) && !pop_first(c, &p))
        reply_null_array(c);
}

void cmd_blmpop(struct call *c)
{
    struct pops p;
    if (pops_parse(c, 2, &p))
        pop_or_wait(c, &p, 1);
}
