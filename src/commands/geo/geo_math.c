/* A search looks at the cell of the centre and its eight neighbours, on the finest grid whose cells are large enough for the
 * shape to reach no farther:
 *
 *     NW  N  NE         neighbours that the shape's bounding box does not reach are left out;
 *     W   C  E          at the date line and the poles the grid goes on at the other side
 *     SW  S  SE
 */
#include "commands/geo/geo_math.h"

#include <math.h>

#define STEPS         26
#define EARTH_RADIUS  6372797.560856 /* metres */
#define HALF_MERCATOR 20037726.37    /* metres from the middle of the map to its border */

/* What a grid spans. */
struct extent {
    double lon_min, lon_max, lat_min, lat_max;
};
static const struct extent mercator = {-GEO_LON_MAX, GEO_LON_MAX, -GEO_LAT_MAX, GEO_LAT_MAX};
static const struct extent world = {-180, 180, -90, 90};

struct cell {
    uint32_t lon, lat;
    unsigned step;
};

static double radians(double degrees)
{
    return degrees * (M_PI / 180.0);
}

static double degrees(double rad)
{
    return rad / (M_PI / 180.0);
}

/* -- Cells ----------------------------------------------------------------------------------------------------------- */

/* Puts a zero before each bit. */
static uint64_t spread(uint32_t v)
{
    uint64_t x = v;
    for (unsigned shift = 16; shift > 0; shift /= 2)
        x = (x | x << shift) & (~(uint64_t)0 / ((1ull << shift) + 1));
    return x;
}

/* Takes every other bit, the lowest first. */
static uint32_t gather(uint64_t x)
{
    x &= 0x5555555555555555u;
    for (unsigned shift = 1; shift < 32; shift *= 2)
        x = (x | x >> shift) & (~(uint64_t)0 / ((1ull << 2 * shift) + 1));
    return (uint32_t)x;
}

static uint64_t cell_bits(struct cell c)
{
    return spread(c.lat) | spread(c.lon) << 1;
}

static struct cell cell_at(const struct extent *e, struct geo_point p, unsigned step)
{
    double lat = (p.lat - e->lat_min) / (e->lat_max - e->lat_min);
    double lon = (p.lon - e->lon_min) / (e->lon_max - e->lon_min);
    lat *= (double)(1ull << step);
    lon *= (double)(1ull << step);
    return (struct cell){.lon = (uint32_t)lon, .lat = (uint32_t)lat, .step = step};
}

static struct extent cell_extent(struct cell c)
{
    double n = (double)(1ull << c.step);
    double lon = mercator.lon_max - mercator.lon_min, lat = mercator.lat_max - mercator.lat_min;
    return (struct extent){
        .lon_min = mercator.lon_min + (c.lon * 1.0 / n) * lon,
        .lon_max = mercator.lon_min + ((c.lon + 1u) * 1.0 / n) * lon,
        .lat_min = mercator.lat_min + (c.lat * 1.0 / n) * lat,
        .lat_max = mercator.lat_min + ((c.lat + 1u) * 1.0 / n) * lat,
    };
}

bool geo_valid(struct geo_point p)
{
    return p.lon >= -GEO_LON_MAX && p.lon <= GEO_LON_MAX && p.lat >= -GEO_LAT_MAX &&
           p.lat <= GEO_LAT_MAX;
}

uint64_t geo_encode(struct geo_point p)
{
    return cell_bits(cell_at(&mercator, p, STEPS));
}

/* As the usual processors convert, where the language leaves it open. */
static uint64_t to_bits(double score)
{
    if (score >= 18446744073709551616.0)
        return 0;
    if (score >= 0)
        return (uint64_t)score;
    return score > -9223372036854775808.0 ? (uint64_t)(int64_t)score : (uint64_t)INT64_MIN;
}

static double clamp(double v, double limit)
{
    if (v > limit)
        return limit;
    return v < -limit ? -limit : v;
}

struct geo_point geo_decode(double score)
{
    uint64_t bits = to_bits(score);
    struct extent e =
        cell_extent((struct cell){.lon = gather(bits >> 1), .lat = gather(bits), .step = STEPS});
    return (struct geo_point){.lon = clamp((e.lon_min + e.lon_max) / 2, GEO_LON_MAX),
                              .lat = clamp((e.lat_min + e.lat_max) / 2, GEO_LAT_MAX)};
}

void geo_hash_text(struct geo_point p, char out[GEO_HASH_TEXT])
{
    static const char digits[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    uint64_t bits = cell_bits(cell_at(&world, p, STEPS));
    for (unsigned i = 0; i < GEO_HASH_TEXT - 1; i++)
        out[i] = digits[bits >> (2 * STEPS - 5 * (i + 1)) & 0x1f];
    /* 52 bits are ten characters and two bits; Redis has always answered a zero for these. */
    out[GEO_HASH_TEXT - 1] = '0';
}

/* -- Distances ------------------------------------------------------------------------------------------------------- */

static double lat_distance(double a, double b)
{
    return EARTH_RADIUS * fabs(radians(b) - radians(a));
}

double geo_distance(struct geo_point a, struct geo_point b)
{
    double v = sin((radians(b.lon) - radians(a.lon)) / 2);
    if (v == 0.0)
        return lat_distance(a.lat, b.lat);
    double lat_a = radians(a.lat), lat_b = radians(b.lat);
    double u = sin((lat_b - lat_a) / 2);
    double h = u * u + cos(lat_a) * cos(lat_b) * v * v;
    return 2.0 * EARTH_RADIUS * asin(sqrt(h));
}

bool geo_inside(const struct geo_shape *s, struct geo_point p, double *distance)
{
    if (s->box) {
        struct geo_point beside = {.lon = s->centre.lon, .lat = p.lat};
        if (lat_distance(p.lat, s->centre.lat) > s->height * s->unit / 2 ||
            geo_distance(p, beside) > s->width * s->unit / 2)
            return false;
    }
    *distance = geo_distance(s->centre, p);
    return s->box || *distance <= s->radius * s->unit;
}

/* -- Areas ----------------------------------------------------------------------------------------------------------- */

/* The steps of a grid whose cells are at least as large as the reach; meridians come together towards the poles. */
static unsigned steps_for(double reach_m, double lat)
{
    int step = 1;
    if (reach_m == 0)
        return STEPS;
    while (reach_m < HALF_MERCATOR) {
        reach_m *= 2;
        step++;
    }
    step -= 2;
    if (lat > 66 || lat < -66)
        step--;
    if (lat > 80 || lat < -80)
        step--;
    if (step < 1)
        return 1;
    return step > STEPS ? STEPS : (unsigned)step;
}

static struct extent bounding_box(const struct geo_shape *s)
{
    double lon = s->centre.lon, lat = s->centre.lat;
    double height = s->unit * (s->box ? s->height / 2 : s->radius);
    double width = s->unit * (s->box ? s->width / 2 : s->radius);
    double dlat = degrees(height / EARTH_RADIUS);
    /* The side nearer to the pole spans more degrees. */
    double edge = lat < 0 ? lat - dlat : lat + dlat;
    double dlon = degrees(width / EARTH_RADIUS / cos(radians(edge)));
    return (struct extent){
        .lon_min = lon - dlon, .lon_max = lon + dlon, .lat_min = lat - dlat, .lat_max = lat + dlat};
}

static struct cell neighbour(struct cell c, int dlon, int dlat)
{
    uint32_t mask = (uint32_t)((1ull << c.step) - 1);
    if (dlon != 0)
        c.lon = (c.lon + (uint32_t)dlon) & mask;
    if (dlat != 0)
        c.lat = (c.lat + (uint32_t)dlat) & mask;
    return c;
}

/* The centre and its neighbours reach as far as the box. */
static bool covers(struct cell c, const struct extent *box)
{
    return cell_extent(neighbour(c, 0, 1)).lat_max >= box->lat_max &&
           cell_extent(neighbour(c, 0, -1)).lat_min <= box->lat_min &&
           cell_extent(neighbour(c, 1, 0)).lon_max >= box->lon_max &&
           cell_extent(neighbour(c, -1, 0)).lon_min <= box->lon_min;
}

static struct geo_cells cells_of(struct cell c)
{
    uint64_t bits = cell_bits(c);
    unsigned shift = 2 * (STEPS - c.step);
    return (struct geo_cells){.min = bits << shift, .max = (bits + 1) << shift};
}

/* On the coarsest grids two neighbours can be the same cell. */
static size_t add_once(struct geo_cells *out, size_t n, struct geo_cells c)
{
    for (size_t i = 0; i < n; i++)
        if (out[i].min == c.min)
            return n;
    out[n] = c;
    return n + 1;
}

size_t geo_area(const struct geo_shape *s, struct geo_cells out[GEO_AREA_MAX])
{
    static const struct {
        int lon, lat;
    } around[] = {{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
    struct extent box = bounding_box(s);
    double reach = s->box
                       ? sqrt((s->width / 2) * (s->width / 2) + (s->height / 2) * (s->height / 2))
                       : s->radius;
    unsigned step = steps_for(reach * s->unit, s->centre.lat);
    struct cell c = cell_at(&mercator, s->centre, step);
    size_t n = 0;
    if (step > 1 && !covers(c, &box))
        c = cell_at(&mercator, s->centre, --step);
    struct extent e = cell_extent(c);
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        bool beyond = (around[i].lat < 0 && e.lat_min < box.lat_min) ||
                      (around[i].lat > 0 && e.lat_max > box.lat_max) ||
                      (around[i].lon < 0 && e.lon_min < box.lon_min) ||
                      (around[i].lon > 0 && e.lon_max > box.lon_max);
        if (step < 2 || !beyond)
            n = add_once(out, n, cells_of(neighbour(c, around[i].lon, around[i].lat)));
    }
    return n;
}
