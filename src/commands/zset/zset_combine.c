/* ZUNION, ZINTER, ZDIFF, the same with STORE, and ZINTERCARD. */
#include "base/arena.h"
#include "commands/zset/zset_commands.h"
#include "commands/zset/zset_gather.h"
#include "commands/zset/zset_priv.h"
#include "commands/zset/zset_result.h"
#include "commands/zset/zset_source.h"
#include "session/reply.h"

#include <math.h>
#include <stdlib.h>

enum combine_op { OP_UNION, OP_INTER, OP_DIFF };
enum aggregate { AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX };

struct combine {
    struct call *c;
    enum combine_op op;
    bool store, count_only;
    int first_key; /* argument */
    struct zset_source *src;
    size_t nsrc;
    enum aggregate aggregate;
    bool scores;
    int64_t limit;                 /* 0: none */
    const struct zset_source *now; /* whose members are being visited */
    struct zset_gather found;
    struct zset_gather others; /* OP_DIFF: members of all but the first; or */
    bool probe;                /* they are looked up there */
    uint64_t hits;
};

static enum status no_memory(struct error *err)
{
    return error_set(err, ST_NO_MEMORY, "out of memory for a result");
}

/* -- Arguments ------------------------------------------------------------------------------------------------------- */

static bool parse_keys(struct combine *m, int numkeys)
{
    struct call *c = m->c;
    int64_t n;
    if (!call_arg_int(c, numkeys, &n, NULL))
        return false;
    if (n < 1) {
        reply_errorf(c, "ERR at least 1 input key is needed for '%s' command", c->cmd->fullname);
        return false;
    }
    if (n > c->argc - numkeys - 1) {
        reply_syntax_error(c);
        return false;
    }
    m->first_key = numkeys + 1;
    m->nsrc = (size_t)n;
    m->src = arena_alloc(c->arena, m->nsrc * sizeof *m->src);
    return true;
}

static bool look_up(struct combine *m)
{
    for (size_t i = 0; i < m->nsrc; i++) {
        struct zset_source *s = &m->src[i];
        *s = (struct zset_source){.weight = 1};
        if (!call_lookup(m->c, m->c->argv[m->first_key + (int)i], KV_READ, &s->rec))
            return false;
        if (!s->rec)
            continue;
        s->is_set = kv_rec_type(s->rec) == KV_SET;
        if (!s->is_set && kv_rec_type(s->rec) != KV_ZSET) {
            reply_wrong_type(m->c);
            return false;
        }
    }
    return true;
}

static bool parse_aggregate(struct combine *m, int i)
{
    static const char *const words[] = {"sum", "min", "max"};
    for (size_t w = 0; w < COUNT_OF(words); w++) {
        if (call_arg_is(m->c, i, words[w])) {
            m->aggregate = (enum aggregate)w;
            return true;
        }
    }
    reply_syntax_error(m->c);
    return false;
}

static bool parse_options(struct combine *m)
{
    struct call *c = m->c;
    bool weighted = m->op != OP_DIFF && !m->count_only;
    int i = m->first_key + (int)m->nsrc;
    while (i < c->argc) {
        size_t left = (size_t)(c->argc - i);
        if (weighted && left > m->nsrc && call_arg_is(c, i, "weights")) {
            i++;
            for (size_t k = 0; k < m->nsrc; k++, i++)
                if (!call_arg_double(c, i, &m->src[k].weight, "weight value is not a float"))
                    return false;
        } else if (weighted && left > 1 && call_arg_is(c, i, "aggregate")) {
            if (!parse_aggregate(m, i + 1))
                return false;
            i += 2;
        } else if (!m->store && !m->count_only && call_arg_is(c, i, "withscores")) {
            m->scores = true;
            i++;
        } else if (m->count_only && left > 1 && call_arg_is(c, i, "limit")) {
            if (!call_arg_range(c, i + 1, 0, INT64_MAX, &m->limit, "LIMIT can't be negative"))
                return false;
            i += 2;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    return true;
}

/* -- Scores ---------------------------------------------------------------------------------------------------------- */

/* 0 times infinity, and the sum of both infinities, count as 0. */
static double weigh(const struct zset_source *s, double score)
{
    double v = s->weight * score;
    return isnan(v) ? 0 : v;
}

static double join(const struct combine *m, double a, double b)
{
    switch (m->aggregate) {
    case AGGREGATE_SUM:
        a += b;
        return isnan(a) ? 0 : a;
    case AGGREGATE_MIN:
        return b < a ? b : a;
    case AGGREGATE_MAX:
        return b > a ? b : a;
    }
    return a;
}

/* Small ones first: sums of floats depend on the order, and an intersection is cheapest so. */
static int by_count(const void *a, const void *b)
{
    uint64_t x = zset_source_count(a), y = zset_source_count(b);
    return (x > y) - (x < y);
}

/* -- Union ----------------------------------------------------------------------------------------------------------- */

static enum status union_item(void *arg, const struct kv_zset_item *item, struct error *err)
{
    struct combine *m = arg;
    bool added;
    struct kv_zset_item *at = zset_gather_add(&m->found, item->member, &added);
    double score = weigh(m->now, item->score);
    at->score = added ? score : join(m, at->score, score);
    return ST_OK;
}

static enum status run_union(struct combine *m, struct error *err)
{
    uint64_t max = 0;
    for (size_t i = 0; i < m->nsrc; i++)
        max += zset_source_count(&m->src[i]);
    if (!zset_gather_init(&m->found, m->c->arena, (size_t)max))
        return no_memory(err);
    enum status st = ST_OK;
    for (size_t i = 0; i < m->nsrc && st == ST_OK; i++) {
        m->now = &m->src[i];
        st = zset_source_each(m->now, m->c->arena, union_item, m, err);
    }
    return st;
}

/* -- Intersection ---------------------------------------------------------------------------------------------------- */

/* ST_END: the limit is reached. */
static enum status inter_item(void *arg, const struct kv_zset_item *item, struct error *err)
{
    struct combine *m = arg;
    double score = weigh(&m->src[0], item->score);
    for (size_t i = 1; i < m->nsrc; i++) {
        const struct zset_source *s = &m->src[i];
        double other = item->score;
        bool found = true;
        enum status st = s->rec == m->src[0].rec
                             ? ST_OK
                             : zset_source_find(s, item->member, &found, &other, err);
        if (st != ST_OK || !found)
            return st;
        score = join(m, score, other * s->weight);
    }
    m->hits++;
    if (m->count_only)
        return m->limit > 0 && m->hits >= (uint64_t)m->limit ? ST_END : ST_OK;
    m->found.items[m->found.n++] = (struct kv_zset_item){.member = item->member, .score = score};
    return ST_OK;
}

static enum status run_inter(struct combine *m, struct error *err)
{
    uint64_t max = zset_source_count(&m->src[0]);
    if (max == 0)
        return ST_OK;
    if (!m->count_only) {
        m->found.items = arena_try_alloc(m->c->arena, (size_t)max * sizeof *m->found.items);
        if (!m->found.items)
            return no_memory(err);
    }
    enum status st = zset_source_each(&m->src[0], m->c->arena, inter_item, m, err);
    return st == ST_END ? ST_OK : st;
}

/* -- Difference ------------------------------------------------------------------------------------------------------ */

static enum status others_item(void *arg, const struct kv_zset_item *item, struct error *err)
{
    struct combine *m = arg;
    bool added;
    zset_gather_add(&m->others, item->member, &added);
    return ST_OK;
}

static enum status in_others(struct combine *m, struct slice member, bool *found, struct error *err)
{
    enum status st = ST_OK;
    double unused;
    if (!m->probe) {
        *found = zset_gather_has(&m->others, member);
        return ST_OK;
    }
    *found = false;
    for (size_t i = 1; i < m->nsrc && st == ST_OK && !*found; i++)
        st = zset_source_find(&m->src[i], member, found, &unused, err);
    return st;
}

static enum status diff_item(void *arg, const struct kv_zset_item *item, struct error *err)
{
    struct combine *m = arg;
    bool found;
    enum status st = in_others(m, item->member, &found, err);
    if (st == ST_OK && !found)
        m->found.items[m->found.n++] = *item;
    return st;
}

/* The others' members are gathered when they are few, else each member of the first is looked up in them. */
static enum status run_diff(struct combine *m, struct error *err)
{
    uint64_t count = zset_source_count(&m->src[0]), others = 0;
    enum status st = ST_OK;
    for (size_t i = 1; i < m->nsrc; i++) {
        if (m->src[i].rec == m->src[0].rec)
            return ST_OK;
        others += zset_source_count(&m->src[i]);
    }
    if (count == 0)
        return ST_OK;
    m->found.items = arena_try_alloc(m->c->arena, (size_t)count * sizeof *m->found.items);
    if (!m->found.items)
        return no_memory(err);
    m->probe = others > count;
    if (!m->probe && !zset_gather_init(&m->others, m->c->arena, (size_t)others))
        return no_memory(err);
    for (size_t i = 1; i < m->nsrc && !m->probe && st == ST_OK; i++)
        st = zset_source_each(&m->src[i], m->c->arena, others_item, m, err);
    return st == ST_OK ? zset_source_each(&m->src[0], m->c->arena, diff_item, m, err) : st;
}

/* -- Answers --------------------------------------------------------------------------------------------------------- */

static enum status combine(struct combine *m, struct error *err)
{
    if (m->op == OP_DIFF)
        return run_diff(m, err);
    qsort(m->src, m->nsrc, sizeof *m->src, by_count);
    return m->op == OP_UNION ? run_union(m, err) : run_inter(m, err);
}

static void store(struct combine *m)
{
    static const char *const events[] = {"zunionstore", "zinterstore", "zdiffstore"};
    struct call *c = m->c;
    struct slice to = c->argv[1];
    bool replaces_source = false;
    for (size_t i = 0; i < m->nsrc; i++)
        replaces_source |= slice_eq(to, c->argv[m->first_key + (int)i]);
    for (size_t i = 0; replaces_source && i < m->found.n; i++)
        m->found.items[i].member = arena_dup(c->arena, m->found.items[i].member);
    zset_result_store(c, to, m->found.items, m->found.n, events[m->op]);
}

static void reply(struct combine *m)
{
    struct zset_gather *g = &m->found;
    if (g->n > 0)
        kv_zset_sort(g->items, g->n);
    zset__reply_begin(m->c, g->n, m->scores);
    for (size_t i = 0; i < g->n; i++)
        zset__reply_item(m->c, &g->items[i], m->scores);
}

static void run(struct call *c, enum combine_op op, bool store_it, bool count_only)
{
    struct combine m = {.c = c, .op = op, .store = store_it, .count_only = count_only};
    struct error err;
    if (!parse_keys(&m, store_it ? 2 : 1) || !look_up(&m) || !parse_options(&m))
        return;
    enum status st = combine(&m, &err);
    if (st != ST_OK)
        call_reply_status(c, st, &err);
    else if (store_it)
        store(&m);
    else if (count_only)
        reply_int(c, (int64_t)m.hits);
    else
        reply(&m);
}

void cmd_zunion(struct call *c)
{
    run(c, OP_UNION, false, false);
}

void cmd_zinter(struct call *c)
{
    run(c, OP_INTER, false, false);
}

void cmd_zdiff(struct call *c)
{
    run(c, OP_DIFF, false, false);
}

void cmd_zintercard(struct call *c)
{
    run(c, OP_INTER, false, true);
}

void cmd_zunionstore(struct call *c)
{
    run(c, OP_UNION, true, false);
}

void cmd_zinterstore(struct call *c)
{
    run(c, OP_INTER, true, false);
}

void cmd_zdiffstore(struct call *c)
{
    run(c, OP_DIFF, true, false);
}
