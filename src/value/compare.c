/* The total order, and a hash that agrees with it. */
#include "base/hash.h"
#include "base/mem.h"
#include "value/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SIGN(a, b) (((a) > (b)) - ((a) < (b)))

/* -- Numbers -------------------------------------------------------------------------------------------------------------- */

/* Enough for every double: 309 digits, the point, 1074 digits. */
#define EXACT_DOUBLE 1500
/* 2^63, the first double that no int64 reaches. */
#define INT64_END 9223372036854775808.0

struct digits { /* of a canonical decimal, without sign */
    const char *whole;
    size_t nwhole;
    const char *fraction; /* without zeros at the end */
    size_t nfraction;
};

static struct digits split(struct slice s)
{
    const char *point = memchr(s.p, '.', s.n);
    struct digits d = {.whole = s.p, .nwhole = point ? (size_t)(point - s.p) : s.n};
    if (point) {
        d.fraction = point + 1;
        d.nfraction = s.n - d.nwhole - 1;
        while (d.nfraction && d.fraction[d.nfraction - 1] == '0')
            d.nfraction--;
    }
    return d;
}

static int cmp_magnitude(struct slice a, struct slice b)
{
    struct digits x = split(a), y = split(b);
    if (x.nwhole != y.nwhole)
        return SIGN(x.nwhole, y.nwhole);
    int r = memcmp(x.whole, y.whole, x.nwhole);
    if (r)
        return SIGN(r, 0);
    return SIGN(slice_cmp(slice_make(x.fraction, x.nfraction), slice_make(y.fraction, y.nfraction)),
                0);
}

static int cmp_decimal(struct slice a, struct slice b)
{
    bool minus_a = a.p[0] == '-', minus_b = b.p[0] == '-';
    if (minus_a != minus_b)
        return minus_a ? -1 : 1;
    return minus_a ? cmp_magnitude(slice_make(b.p + 1, b.n - 1), slice_make(a.p + 1, a.n - 1))
                   : cmp_magnitude(a, b);
}

static int cmp_int_float(int64_t i, double f)
{
    if (isnan(f) || f >= INT64_END)
        return -1;
    if (f < -INT64_END)
        return 1;
    int64_t whole = (int64_t)f;
    return i != whole ? SIGN(i, whole) : SIGN(0.0, f - (double)whole);
}

static int cmp_float(double a, double b)
{
    if (isnan(a) || isnan(b))
        return SIGN(isnan(a) != 0, isnan(b) != 0);
    return SIGN(a, b);
}

static int cmp_decimal_int(const struct value *d, int64_t i)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)i);
    return cmp_decimal(value_slice(d), slice_make(text, (size_t)n));
}

/* Rounding keeps the order, so only when it makes them equal all digits are needed. */
static int cmp_decimal_float(const struct value *d, double f)
{
    double near = value_to_double(d);
    if (isnan(f) || isinf(f) || near != f)
        return cmp_float(near == f ? 0 : near, f);
    char text[EXACT_DOUBLE];
    int n = snprintf(text, sizeof text, "%.1074f", f == 0 ? 0.0 : f);
    return cmp_decimal(value_slice(d), slice_make(text, (size_t)n));
}

static int cmp_numbers(const struct value *a, const struct value *b)
{
    if (a->kind > b->kind)
        return -cmp_numbers(b, a);
    if (a->kind == VALUE_INT) {
        if (b->kind == VALUE_INT)
            return SIGN(a->u.i, b->u.i);
        return b->kind == VALUE_FLOAT ? cmp_int_float(a->u.i, b->u.f) : -cmp_decimal_int(b, a->u.i);
    }
    if (a->kind == VALUE_FLOAT)
        return b->kind == VALUE_FLOAT ? cmp_float(a->u.f, b->u.f) : -cmp_decimal_float(b, a->u.f);
    return cmp_decimal(value_slice(a), value_slice(b));
}

/* -- Times ---------------------------------------------------------------------------------------------------------------- */

static int cmp_time(const struct value *a, const struct value *b)
{
    int64_t east_a = (int32_t)a->n, east_b = (int32_t)b->n;
    int64_t utc_a = a->u.i - east_a * 1000000000, utc_b = b->u.i - east_b * 1000000000;
    return utc_a != utc_b ? SIGN(utc_a, utc_b) : SIGN(east_a, east_b);
}

static int cmp_instant(const struct value_instant *a, const struct value_instant *b)
{
    if (a->seconds != b->seconds)
        return SIGN(a->seconds, b->seconds);
    if (a->nanos != b->nanos)
        return SIGN(a->nanos, b->nanos);
    if (a->offset != b->offset)
        return SIGN(a->offset, b->offset);
    return slice_cmp(a->zone, b->zone);
}

#define MONTH_SECONDS 2629746 /* a 4800th of 400 years */
#define DAY_SECONDS   86400

/* In two halves, as the products do not fit into 64 bits. */
static void length(const struct value_duration *d, int64_t *days, int64_t *seconds)
{
    int64_t month_days = MONTH_SECONDS / DAY_SECONDS, month_rest = MONTH_SECONDS % DAY_SECONDS;
    int64_t q = d->months / DAY_SECONDS, r = d->months % DAY_SECONDS;
    int64_t rest = r * month_rest + d->seconds % DAY_SECONDS;
    int64_t carry = rest / DAY_SECONDS - (rest % DAY_SECONDS < 0);
    *seconds = rest - carry * DAY_SECONDS;
    uint64_t sum = (uint64_t)d->months * (uint64_t)month_days + (uint64_t)(q * month_rest) +
                   (uint64_t)d->days + (uint64_t)(d->seconds / DAY_SECONDS) + (uint64_t)carry;
    *days = (int64_t)sum;
}

static int cmp_duration(const struct value_duration *a, const struct value_duration *b)
{
    int64_t days_a, days_b, seconds_a, seconds_b;
    length(a, &days_a, &seconds_a);
    length(b, &days_b, &seconds_b);
    if (days_a != days_b)
        return SIGN(days_a, days_b);
    if (seconds_a != seconds_b)
        return SIGN(seconds_a, seconds_b);
    if (a->nanos != b->nanos)
        return SIGN(a->nanos, b->nanos);
    if (a->months != b->months)
        return SIGN(a->months, b->months);
    return a->days != b->days ? SIGN(a->days, b->days) : SIGN(a->seconds, b->seconds);
}

/* -- What holds others ---------------------------------------------------------------------------------------------------- */

static int cmp_items(const struct value *a, size_t na, const struct value *b, size_t nb)
{
    for (size_t i = 0; i < na && i < nb; i++) {
        int r = value_cmp(&a[i], &b[i]);
        if (r)
            return r;
    }
    return SIGN(na, nb);
}

static int by_name(const void *a, const void *b)
{
    const struct value_member *const *x = a, *const *y = b;
    return slice_cmp((*x)->name, (*y)->name);
}

static const struct value_member **sorted(const struct value *v)
{
    const struct value_member **at = mem_alloc((v->n + 1) * sizeof *at);
    for (uint32_t i = 0; i < v->n; i++)
        at[i] = &v->u.members[i];
    qsort(at, v->n, sizeof *at, by_name);
    return at;
}

static int cmp_objects(const struct value *a, const struct value *b)
{
    const struct value_member **x = sorted(a), **y = sorted(b);
    int r = 0;
    for (uint32_t i = 0; i < a->n && i < b->n && r == 0; i++) {
        r = slice_cmp(x[i]->name, y[i]->name);
        if (r == 0)
            r = value_cmp(&x[i]->value, &y[i]->value);
    }
    mem_free(x);
    mem_free(y);
    return r ? r : SIGN(a->n, b->n);
}

static int cmp_vectors(const struct value *a, const struct value *b)
{
    for (uint32_t i = 0; i < a->n && i < b->n; i++) {
        int r = cmp_float((double)a->u.vector[i], (double)b->u.vector[i]);
        if (r)
            return r;
    }
    return SIGN(a->n, b->n);
}

/* Numbers are one kind, null stands at the end. */
static unsigned rank(const struct value *v)
{
    if (value_is_number(v))
        return VALUE_INT;
    return v->kind == VALUE_NULL ? VALUE_KINDS : v->kind;
}

int value_cmp(const struct value *a, const struct value *b)
{
    unsigned rank_a = rank(a), rank_b = rank(b);
    if (rank_a != rank_b)
        return SIGN(rank_a, rank_b);
    switch ((enum value_kind)a->kind) {
    case VALUE_BOOL:
        return SIGN(a->u.b, b->u.b);
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_DECIMAL:
        return cmp_numbers(a, b);
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_UUID:
        return slice_cmp(value_slice(a), value_slice(b));
    case VALUE_DATE:
    case VALUE_LOCAL_TIME:
        return SIGN(a->u.i, b->u.i);
    case VALUE_LOCAL_DATETIME:
        return a->u.i != b->u.i ? SIGN(a->u.i, b->u.i) : SIGN(a->n, b->n);
    case VALUE_TIME:
        return cmp_time(a, b);
    case VALUE_DATETIME:
        return cmp_instant(a->u.instant, b->u.instant);
    case VALUE_DURATION:
        return cmp_duration(a->u.duration, b->u.duration);
    case VALUE_ARRAY:
    case VALUE_PATH:
        return cmp_items(a->u.items, a->n, b->u.items, b->n);
    case VALUE_OBJECT:
        return cmp_objects(a, b);
    case VALUE_NODE:
        return SIGN(a->u.node->id, b->u.node->id);
    case VALUE_REL:
        return SIGN(a->u.rel->id, b->u.rel->id);
    case VALUE_VECTOR:
        return cmp_vectors(a, b);
    case VALUE_NULL:
    case VALUE_KINDS:
        break;
    }
    return 0;
}

/* -- Hash ----------------------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t x)
{
    h ^= x + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    h ^= h >> 32;
    return h;
}

static uint64_t hash_bytes(struct slice s, uint64_t seed)
{
    return hash_sip13((struct hash_seed){seed, 0x6f72626974u}, s.p, s.n);
}

static uint64_t hash_double(double f, uint64_t seed)
{
    uint64_t bits;
    float nan = NAN;
    double canonical = isnan(f) ? (double)nan : f == 0 ? 0.0 : f;
    memcpy(&bits, &canonical, sizeof bits);
    return mix(seed, bits);
}

/* As an integer when it is one, else by the nearest double. */
static uint64_t hash_number(const struct value *v, uint64_t seed)
{
    if (v->kind == VALUE_INT)
        return mix(seed, (uint64_t)v->u.i);
    double f = value_to_double(v);
    if (v->kind == VALUE_DECIMAL && f >= -INT64_END && f <= INT64_END) {
        struct slice s = value_slice(v);
        struct digits d = split(s);
        char text[24];
        if (d.nfraction == 0 && d.nwhole < sizeof text) {
            memcpy(text, d.whole, d.nwhole);
            text[d.nwhole] = 0;
            int64_t i = strtoll(text, NULL, 10);
            if (cmp_decimal_int(v, i) == 0)
                return mix(seed, (uint64_t)i);
        }
    } else if (f >= -INT64_END && f < INT64_END && (double)(int64_t)f == f) {
        return mix(seed, (uint64_t)(int64_t)f);
    }
    return hash_double(f, seed);
}

static uint64_t hash_members(const struct value *v, uint64_t seed)
{
    uint64_t sum = v->n;
    for (uint32_t i = 0; i < v->n; i++)
        sum += value_hash(&v->u.members[i].value, hash_bytes(v->u.members[i].name, seed));
    return mix(seed, sum);
}

uint64_t value_hash(const struct value *v, uint64_t seed)
{
    uint64_t h = mix(seed, rank(v));
    switch ((enum value_kind)v->kind) {
    case VALUE_BOOL:
        return mix(h, v->u.b);
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_DECIMAL:
        return hash_number(v, h);
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_UUID:
        return hash_bytes(value_slice(v), h);
    case VALUE_DATE:
    case VALUE_LOCAL_TIME:
        return mix(h, (uint64_t)v->u.i);
    case VALUE_TIME:
    case VALUE_LOCAL_DATETIME:
        return mix(mix(h, (uint64_t)v->u.i), v->n);
    case VALUE_DATETIME:
        return mix(mix(h, (uint64_t)v->u.instant->seconds), (uint64_t)v->u.instant->nanos);
    case VALUE_DURATION:
        h = mix(mix(h, (uint64_t)v->u.duration->months), (uint64_t)v->u.duration->days);
        return mix(mix(h, (uint64_t)v->u.duration->seconds), (uint64_t)v->u.duration->nanos);
    case VALUE_ARRAY:
    case VALUE_PATH:
        for (uint32_t i = 0; i < v->n; i++)
            h = value_hash(&v->u.items[i], h);
        return h;
    case VALUE_OBJECT:
        return hash_members(v, h);
    case VALUE_NODE:
        return mix(h, v->u.node->id);
    case VALUE_REL:
        return mix(h, v->u.rel->id);
    case VALUE_VECTOR:
        for (uint32_t i = 0; i < v->n; i++)
            h = hash_double((double)v->u.vector[i], h);
        return h;
    case VALUE_NULL:
    case VALUE_KINDS:
        break;
    }
    return h;
}
