/* Places as numbers, pure. A place is a longitude and a latitude in degrees; its cell on a grid of 2^step by 2^step cells has a
 * number in which the bits of the two alternate, latitude lowest. With 26 steps that is the 52-bit score of a member, Redis's
 * own. The arithmetic is Redis's to the last bit, so that both find the same places at the edge of a search. Thread: any. */
#ifndef ORBIT_COMMANDS_GEO_MATH_H
#define ORBIT_COMMANDS_GEO_MATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEO_LON_MAX 180.0
#define GEO_LAT_MAX 85.05112878 /* Mercator's map is a square up to here */

struct geo_point {
    double lon, lat;
};

/* Both in the range of the grid. */
bool geo_valid(struct geo_point p);
uint64_t geo_encode(struct geo_point p);
/* The middle of the cell. Any score gives a place; those that are no cell one at the border. */
struct geo_point geo_decode(double score);
/* The usual geohash text, which has a grid of its own with latitudes up to 90: 11 characters, not terminated. */
#define GEO_HASH_TEXT 11
void geo_hash_text(struct geo_point p, char out[GEO_HASH_TEXT]);

/* Metres on a sphere. */
double geo_distance(struct geo_point a, struct geo_point b);

/* A circle or a rectangle around a place. */
struct geo_shape {
    struct geo_point centre;
    bool box;
    double radius, width, height; /* in units */
    double unit;                  /* metres in a unit */
};
/* True when p lies inside; *distance from the centre in metres then. */
bool geo_inside(const struct geo_shape *s, struct geo_point p, double *distance);

/* Scores from min to below max. */
struct geo_cells {
    uint64_t min, max;
};
#define GEO_AREA_MAX 9
/* The ranges of scores that hold all places inside of the shape: returns how many, the centre's first. */
size_t geo_area(const struct geo_shape *s, struct geo_cells out[GEO_AREA_MAX]);

#endif
