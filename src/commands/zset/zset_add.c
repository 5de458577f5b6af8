/* ZADD and ZINCRBY. */
#include "base/arena.h"
#include "commands/zset/zset_commands.h"
#include "commands/zset/zset_priv.h"
#include "keyspace/keyspace_options.h"
#include "session/reply.h"

#include <math.h>

struct add_options {
    bool nx, xx, gt, lt, ch, incr;
    int first; /* argument of the first score */
    int pairs;
};

static void parse_flags(struct call *c, struct add_options *o)
{
    static const char *const words[] = {"nx", "xx", "ch", "incr", "gt", "lt"};
    bool *const flags[] = {&o->nx, &o->xx, &o->ch, &o->incr, &o->gt, &o->lt};
    for (o->first = 2; o->first < c->argc; o->first++) {
        size_t w = 0;
        while (w < COUNT_OF(words) && !call_arg_is(c, o->first, words[w]))
            w++;
        if (w == COUNT_OF(words))
            return;
        *flags[w] = true;
    }
}

static bool parse_options(struct call *c, struct add_options *o)
{
    parse_flags(c, o);
    int rest = c->argc - o->first;
    o->pairs = rest / 2;
    if (rest == 0 || rest % 2 != 0) {
        reply_syntax_error(c);
        return false;
    }
    if (o->nx && o->xx) {
        reply_error(c, "ERR XX and NX options at the same time are not compatible");
        return false;
    }
    if ((o->nx && (o->gt || o->lt)) || (o->gt && o->lt)) {
        reply_error(c, "ERR GT, LT, and/or NX options at the same time are not compatible");
        return false;
    }
    if (o->incr && o->pairs > 1) {
        reply_error(c, "ERR INCR option supports a single increment-element pair");
        return false;
    }
    return true;
}

/* The sorted set, and whether it is being edited. */
struct add_work {
    struct kv_rec *rec;
    bool editing;
    int64_t added, updated;
    bool skipped; /* the last pair was left alone by an option */
    double score; /* of the last pair, then */
};

/* Finds or makes the sorted set; rec is NULL when there is nothing to do. */
static enum status open_set(struct call *c, const struct add_options *o, struct add_work *w,
                            struct error *err)
{
    enum status st = ST_OK;
    if (!w->rec && !o->xx) {
        st = kv_zset_make(c->kv, c->db, c->argv[1], (uint64_t)o->pairs, c->argv[o->first + 1].n,
                          &w->rec, err);
        w->editing = st == ST_OK;
    } else if (w->rec && o->pairs > keyspace_opts.zset_max_listpack_entries &&
               kv_zset_packed(w->rec)) {
        kv_edit(c->kv, w->rec);
        w->editing = true;
        st = kv_zset_expect(w->rec, (uint64_t)o->pairs, err);
    }
    return st;
}

/* ST_RANGE: the sum is not a number. */
static enum status add_pair(struct call *c, const struct add_options *o, struct add_work *w,
                            double score, struct slice member, struct error *err)
{
    struct kv_zset_place p;
    enum status st = kv_zset_find(w->rec, member, &p, err);
    if (st != ST_OK)
        return st;
    w->skipped = p.found ? o->nx : o->xx;
    if (w->skipped)
        return ST_OK;
    if (p.found) {
        if (o->incr)
            score += p.score;
        if (isnan(score))
            return ST_RANGE;
        w->skipped = (o->lt && score >= p.score) || (o->gt && score <= p.score);
        if (w->skipped)
            return ST_OK;
    }
    w->score = score;
    if (p.found && score == p.score)
        return ST_OK;
    if (!w->editing) {
        kv_edit(c->kv, w->rec);
        w->editing = true;
    }
    st = kv_zset_place_set(&p, score, err);
    if (st == ST_OK) {
        w->added += !p.found;
        w->updated += p.found;
    }
    return st;
}

static void finish(struct call *c, const struct add_options *o, struct add_work *w)
{
    uint64_t changes = (uint64_t)(w->added + w->updated);
    if (w->editing)
        kv_edit_end(c->kv, w->rec, changes);
    if (changes > 0) {
        kv_notify(c->kv, NOTIFY_ZSET, o->incr ? "zincr" : "zadd", c->db, c->argv[1]);
        call_changed(c, changes);
    } else if (w->editing && kv_zset_count(w->rec) == 0) {
        kv_del(c->kv, w->rec);
    }
}

static void reply(struct call *c, const struct add_options *o, const struct add_work *w)
{
    if (!o->incr)
        reply_int(c, o->ch ? w->added + w->updated : w->added);
    else if (w->rec && !w->skipped)
        reply_double(c, w->score);
    else
        reply_null(c);
}

static void add(struct call *c, const struct add_options *o)
{
    struct add_work w = {0};
    struct error err;
    double *scores = arena_alloc(c->arena, (size_t)o->pairs * sizeof *scores);
    for (int i = 0; i < o->pairs; i++)
        if (!call_arg_double(c, o->first + 2 * i, &scores[i], NULL))
            return;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_ZSET, &w.rec))
        return;
    enum status st = open_set(c, o, &w, &err);
    for (int i = 0; i < o->pairs && st == ST_OK && w.rec; i++)
        st = add_pair(c, o, &w, scores[i], c->argv[o->first + 2 * i + 1], &err);
    finish(c, o, &w);
    if (st == ST_OK)
        reply(c, o, &w);
    else if (st == ST_RANGE)
        reply_error(c, "ERR resulting score is not a number (NaN)");
    else
        call_reply_status(c, st, &err);
}

void cmd_zadd(struct call *c)
{
    struct add_options o = {0};
    if (parse_options(c, &o))
        add(c, &o);
}

void cmd_zincrby(struct call *c)
{
    struct add_options o = {.incr = true, .first = 2, .pairs = 1};
    add(c, &o);
}
