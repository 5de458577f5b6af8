/* GEOSEARCH, GEOSEARCHSTORE, and the older GEORADIUS and GEORADIUSBYMEMBER. */
#include "base/arena.h"
#include "base/buf.h"
#include "commands/geo/geo_commands.h"
#include "commands/geo/geo_priv.h"
#include "commands/zset/zset_result.h"
#include "keyspace/kv_zset.h"
#include "session/reply.h"

#include <stdlib.h>

enum search_order { ORDER_NONE, ORDER_ASC, ORDER_DESC };

struct search {
    struct call *c;
    bool modern;    /* GEOSEARCH: centre and shape are options */
    bool read_only; /* GEORADIUS_RO: no STORE */
    int key;        /* argument of the source */
    struct kv_rec *rec;
    struct geo_shape shape;
    bool from_member, from_point, by_radius, by_box;
    bool with_dist, with_hash, with_coord, any;
    enum search_order order;
    int64_t count; /* 0: all */
    const struct slice *to;
    bool to_dist;
};

struct hit {
    struct kv_zset_item item;
    struct geo_point at;
    double distance; /* metres */
};

/* -- Arguments ------------------------------------------------------------------------------------------------------- */

static bool negative(struct call *c, double a, double b, const char *error)
{
    if (a >= 0 && b >= 0)
        return false;
    reply_error(c, error);
    return true;
}

static bool parse_radius(struct search *s, int i)
{
    struct call *c = s->c;
    return call_arg_double(c, i, &s->shape.radius, "need numeric radius") &&
           !negative(c, s->shape.radius, 0, "ERR radius cannot be negative") &&
           geo__unit_arg(c, i + 1, &s->shape.unit);
}

static bool parse_box(struct search *s, int i)
{
    struct call *c = s->c;
    s->shape.box = true;
    return call_arg_double(c, i, &s->shape.width, "need numeric width") &&
           call_arg_double(c, i + 1, &s->shape.height, "need numeric height") &&
           !negative(c, s->shape.width, s->shape.height,
                     "ERR height or width cannot be negative") &&
           geo__unit_arg(c, i + 2, &s->shape.unit);
}

/* The member's place is the centre. A key that is not there is found out later. */
static bool parse_member(struct search *s, int i)
{
    bool found;
    if (!s->rec)
        return true;
    if (!geo__place(s->c, s->rec, s->c->argv[i], &found, &s->shape.centre))
        return false;
    if (!found)
        reply_error(s->c, "ERR could not decode requested zset member");
    return found;
}

static bool parse_count(struct search *s, int i)
{
    if (!call_arg_int(s->c, i, &s->count, NULL))
        return false;
    if (s->count <= 0)
        reply_error(s->c, "ERR COUNT must be > 0");
    return s->count > 0;
}

/* A word alone. */
static bool parse_flag(struct search *s, int i)
{
    struct call *c = s->c;
    if (call_arg_is(c, i, "withdist"))
        s->with_dist = true;
    else if (call_arg_is(c, i, "withhash"))
        s->with_hash = true;
    else if (call_arg_is(c, i, "withcoord"))
        s->with_coord = true;
    else if (call_arg_is(c, i, "any"))
        s->any = true;
    else if (call_arg_is(c, i, "asc"))
        s->order = ORDER_ASC;
    else if (call_arg_is(c, i, "desc"))
        s->order = ORDER_DESC;
    else if (call_arg_is(c, i, "storedist") && s->modern && s->to)
        s->to_dist = true;
    else
        return false;
    return true;
}

/* An option of GEOSEARCH with values: how many it has, 0 when it is none, -1 when the error is answered. */
static int parse_modern(struct search *s, int i)
{
    struct call *c = s->c;
    int left = c->argc - i - 1;
    if (left > 0 && !s->from_point && call_arg_is(c, i, "frommember")) {
        s->from_member = true;
        return parse_member(s, i + 1) ? 1 : -1;
    }
    if (left > 1 && !s->from_member && call_arg_is(c, i, "fromlonlat")) {
        s->from_point = true;
        return geo__point_arg(c, i + 1, &s->shape.centre) ? 2 : -1;
    }
    if (left > 1 && !s->by_box && call_arg_is(c, i, "byradius")) {
        s->by_radius = true;
        return parse_radius(s, i + 1) ? 2 : -1;
    }
    if (left > 2 && !s->by_radius && call_arg_is(c, i, "bybox")) {
        s->by_box = true;
        return parse_box(s, i + 1) ? 3 : -1;
    }
    return 0;
}

/* The same for GEORADIUS. */
static int parse_old(struct search *s, int i)
{
    struct call *c = s->c;
    bool dist = call_arg_is(c, i, "storedist");
    if (s->read_only || c->argc - i < 2 || (!dist && !call_arg_is(c, i, "store")))
        return 0;
    s->to = &c->argv[i + 1];
    s->to_dist = dist;
    return 1;
}

static bool parse_options(struct search *s, int i)
{
    struct call *c = s->c;
    for (; i < c->argc; i++) {
        if (parse_flag(s, i))
            continue;
        if (call_arg_is(c, i, "count") && i + 1 < c->argc) {
            if (!parse_count(s, ++i))
                return false;
            continue;
        }
        int values = s->modern ? parse_modern(s, i) : parse_old(s, i);
        if (values == 0)
            reply_syntax_error(c);
        if (values <= 0)
            return false;
        i += values;
    }
    return true;
}

static bool check(struct search *s)
{
    struct call *c = s->c;
    if (s->to && (s->with_dist || s->with_hash || s->with_coord)) {
        reply_errorf(c, "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                     s->modern ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
        return false;
    }
    if (s->modern && !s->from_member && !s->from_point) {
        reply_errorf(c, "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %.*s",
                     SLICE_FMT(c->argv[0]));
        return false;
    }
    if (s->modern && !s->by_radius && !s->by_box) {
        reply_errorf(c, "ERR exactly one of BYRADIUS and BYBOX can be specified for %.*s",
                     SLICE_FMT(c->argv[0]));
        return false;
    }
    if (s->any && s->count == 0) {
        reply_error(c, "ERR the ANY argument requires COUNT argument");
        return false;
    }
    /* Which ones are the nearest takes sorting. */
    if (s->count > 0 && s->order == ORDER_NONE && !s->any)
        s->order = ORDER_ASC;
    return true;
}

/* -- Searching ------------------------------------------------------------------------------------------------------- */

static enum status search_cells(struct search *s, const struct geo_cells *cells, struct buf *hits,
                                struct error *err)
{
    struct kv_zset_range range = {
        .min = {.edge = KV_ZSET_AT, .score = (double)cells->min},
        .max = {.edge = KV_ZSET_AT, .score = (double)cells->max, .exclusive = true}};
    struct kv_zset_cur cur;
    uint64_t first, n;
    enum status st = kv_zset_span(s->rec, &range, &first, &n, err);
    if (st != ST_OK || n == 0)
        return st;
    st = kv_zset_at(s->rec, first, &cur, err);
    while (st == ST_OK) {
        struct hit hit = {.item = kv_zset_item(&cur)};
        hit.at = geo_decode(hit.item.score);
        if (geo_inside(&s->shape, hit.at, &hit.distance)) {
            if (!buf_try_reserve(hits, sizeof hit))
                return error_set(err, ST_NO_MEMORY, "out of memory for a search");
            buf_put(hits, &hit, sizeof hit);
        }
        if (--n == 0 || (s->any && hits->n / sizeof hit >= (uint64_t)s->count))
            break;
        st = kv_zset_next(&cur, err);
    }
    return st;
}

static enum status search(struct search *s, struct buf *hits, struct error *err)
{
    struct geo_cells cells[GEO_AREA_MAX];
    size_t n = geo_area(&s->shape, cells);
    enum status st = ST_OK;
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        if (s->any && hits->n / sizeof(struct hit) >= (uint64_t)s->count)
            break;
        st = search_cells(s, &cells[i], hits, err);
    }
    return st;
}

static int nearest(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    return (x->distance > y->distance) - (x->distance < y->distance);
}

static int farthest(const void *a, const void *b)
{
    return nearest(b, a);
}

/* -- Answers --------------------------------------------------------------------------------------------------------- */

static void reply_hits(struct search *s, const struct hit *hits, size_t n)
{
    struct call *c = s->c;
    size_t extras = (size_t)s->with_dist + s->with_hash + s->with_coord;
    reply_array(c, n);
    for (size_t i = 0; i < n; i++) {
        if (extras > 0)
            reply_array(c, extras + 1);
        reply_bulk(c, hits[i].item.member);
        if (s->with_dist)
            geo__reply_distance(c, hits[i].distance / s->shape.unit);
        if (s->with_hash)
            reply_int(c, (int64_t)hits[i].item.score);
        if (s->with_coord)
            geo__reply_point(c, hits[i].at);
    }
}

static void store_hits(struct search *s, const struct hit *hits, size_t n)
{
    struct call *c = s->c;
    struct kv_zset_item *items = arena_alloc(c->arena, (n + 1) * sizeof *items);
    bool copy = slice_eq(*s->to, c->argv[s->key]);
    for (size_t i = 0; i < n; i++) {
        items[i] = hits[i].item;
        if (copy)
            items[i].member = arena_dup(c->arena, items[i].member);
        if (s->to_dist)
            items[i].score = hits[i].distance / s->shape.unit;
    }
    zset_result_store(c, *s->to, items, n, s->modern ? "geosearchstore" : "georadiusstore");
}

static void answer(struct search *s)
{
    struct buf hits = BUF_INIT;
    struct error err;
    enum status st = s->rec ? search(s, &hits, &err) : ST_OK;
    if (st != ST_OK) {
        call_reply_status(s->c, st, &err);
        buf_free(&hits);
        return;
    }
    struct hit *h = (void *)hits.p;
    size_t n = hits.n / sizeof *h;
    if (s->order != ORDER_NONE && n > 1)
        qsort(h, n, sizeof *h, s->order == ORDER_ASC ? nearest : farthest);
    if (s->count > 0 && n > (uint64_t)s->count)
        n = (size_t)s->count;
    if (s->to)
        store_hits(s, h, n);
    else
        reply_hits(s, h, n);
    buf_free(&hits);
}

static void run_modern(struct call *c, bool store)
{
    struct search s = {.c = c, .modern = true, .key = store ? 2 : 1};
    s.to = store ? &c->argv[1] : NULL;
    if (call_lookup_type(c, c->argv[s.key], KV_READ, KV_ZSET, &s.rec) &&
        parse_options(&s, s.key + 1) && check(&s))
        answer(&s);
}

void cmd_geosearch(struct call *c)
{
    run_modern(c, false);
}

void cmd_geosearchstore(struct call *c)
{
    run_modern(c, true);
}

static void run_point(struct call *c, bool read_only)
{
    struct search s = {.c = c, .read_only = read_only, .key = 1};
    if (call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &s.rec) &&
        geo__point_arg(c, 2, &s.shape.centre) && parse_radius(&s, 4) && parse_options(&s, 6) &&
        check(&s))
        answer(&s);
}

/* Without the key the radius is not looked at, as in Redis. */
static void run_member(struct call *c, bool read_only)
{
    struct search s = {.c = c, .read_only = read_only, .key = 1};
    if (call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &s.rec) && parse_member(&s, 2) &&
        (!s.rec || parse_radius(&s, 3)) && parse_options(&s, 5) && check(&s))
        answer(&s);
}

void cmd_georadius(struct call *c)
{
    run_point(c, false);
}

void cmd_georadius_ro(struct call *c)
{
    run_point(c, true);
}

void cmd_georadiusbymember(struct call *c)
{
    run_member(c, false);
}

void cmd_georadiusbymember_ro(struct call *c)
{
    run_member(c, true);
}
