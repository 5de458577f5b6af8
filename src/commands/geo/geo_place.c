/* GEOADD, GEODIST, GEOHASH, GEOPOS: single places. */
#include "base/arena.h"
#include "base/num.h"
#include "commands/geo/geo_commands.h"
#include "commands/geo/geo_priv.h"
#include "commands/zset/zset_commands.h"
#include "keyspace/kv_zset.h"
#include "session/reply.h"

#include <math.h>
#include <stdlib.h>

bool geo__point_arg(struct call *c, int i, struct geo_point *p)
{
    if (!call_arg_double(c, i, &p->lon, NULL) || !call_arg_double(c, i + 1, &p->lat, NULL))
        return false;
    if (geo_valid(*p))
        return true;
    reply_errorf(c, "ERR invalid longitude,latitude pair %f,%f", p->lon, p->lat);
    return false;
}

bool geo__unit_arg(struct call *c, int i, double *metres)
{
    static const struct {
        const char *name;
        double metres;
    } units[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};
    for (size_t u = 0; u < COUNT_OF(units); u++) {
        if (call_arg_is(c, i, units[u].name)) {
            *metres = units[u].metres;
            return true;
        }
    }
    reply_error(c, "ERR unsupported unit provided. please use M, KM, FT, MI");
    return false;
}

bool geo__place(struct call *c, struct kv_rec *rec, struct slice member, bool *found,
                struct geo_point *p)
{
    struct error err;
    double score = 0;
    *found = false;
    enum status st = rec ? kv_zset_score(rec, member, found, &score, &err) : ST_OK;
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return false;
    }
    if (*found)
        *p = geo_decode(score);
    return true;
}

void geo__reply_distance(struct call *c, double d)
{
    long long v = llrint(d * 10000);
    reply_bulkf(c, "%s%lld.%04lld", v < 0 ? "-" : "", llabs(v / 10000), llabs(v % 10000));
}

void geo__reply_point(struct call *c, struct geo_point p)
{
    reply_array(c, 2);
    c->out->ops->human_real(c->out, p.lon);
    c->out->ops->human_real(c->out, p.lat);
}

/* GEOADD is ZADD with places for scores, and propagated as such. */
void cmd_geoadd(struct call *c)
{
    bool nx = false, xx = false;
    int first = 2, n = 0;
    for (; first < c->argc; first++) {
        if (call_arg_is(c, first, "nx"))
            nx = true;
        else if (call_arg_is(c, first, "xx"))
            xx = true;
        else if (!call_arg_is(c, first, "ch"))
            break;
    }
    if ((c->argc - first) % 3 != 0 || (nx && xx)) {
        reply_syntax_error(c);
        return;
    }
    struct slice *zadd = arena_alloc(c->arena, (size_t)c->argc * sizeof *zadd);
    zadd[n++] = SLICE("ZADD");
    while (n < first) {
        zadd[n] = c->argv[n];
        n++;
    }
    for (int i = first; i < c->argc; i += 3) {
        struct geo_point p;
        char *text = arena_alloc(c->arena, NUM_BUF);
        if (!geo__point_arg(c, i, &p))
            return;
        zadd[n++] = slice_make(text, num_format_int(text, (int64_t)geo_encode(p)));
        zadd[n++] = c->argv[i + 2];
    }
    struct slice *argv = c->argv;
    int argc = c->argc;
    c->argv = zadd;
    c->argc = n;
    cmd_zadd(c);
    c->argv = argv;
    c->argc = argc;
    if (c->changes > 0)
        call_propagate(c, c->db, (size_t)n, zadd);
}

void cmd_geodist(struct call *c)
{
    struct kv_rec *rec;
    struct geo_point a, b;
    bool found;
    double unit = 1;
    if (c->argc > 5) {
        reply_syntax_error(c);
        return;
    }
    if ((c->argc == 5 && !geo__unit_arg(c, 4, &unit)) ||
        !call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec) ||
        !geo__place(c, rec, c->argv[2], &found, &a))
        return;
    if (found && !geo__place(c, rec, c->argv[3], &found, &b))
        return;
    if (found)
        geo__reply_distance(c, geo_distance(a, b) / unit);
    else
        reply_null(c);
}

void cmd_geohash(struct call *c)
{
    struct kv_rec *rec;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec))
        return;
    reply_array(c, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc; i++) {
        struct geo_point p;
        char text[GEO_HASH_TEXT];
        bool found;
        if (!geo__place(c, rec, c->argv[i], &found, &p))
            continue;
        if (found) {
            geo_hash_text(p, text);
            reply_bulk(c, slice_make(text, sizeof text));
        } else {
            reply_null(c);
        }
    }
}

void cmd_geopos(struct call *c)
{
    struct kv_rec *rec;
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec))
        return;
    reply_array(c, (size_t)c->argc - 2);
    for (int i = 2; i < c->argc; i++) {
        struct geo_point p;
        bool found;
        if (!geo__place(c, rec, c->argv[i], &found, &p))
            continue;
        if (found)
            geo__reply_point(c, p);
        else
            reply_null_array(c);
    }
}
