/* Cells and distances, against known places, and searches against looking at every place. */
#include "commands/geo/geo_math.h"

#include "unit/cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_geo_encode_known(void **state)
{
    struct geo_point palermo = {13.361389, 38.115556}, catania = {15.087269, 37.502669};
    assert_int_equal(geo_encode(palermo), 3479099956230698);
    assert_int_equal(geo_encode(catania), 3479447370796909);
    assert_int_equal(geo_encode((struct geo_point){-180, -GEO_LAT_MAX}), 0);
}

static void test_geo_decode_is_near(void **state)
{
    for (int lon = -179; lon < 180; lon += 7) {
        for (int lat = -85; lat <= 85; lat += 5) {
            struct geo_point p = {lon + 0.123456, lat * 0.999},
                             q = geo_decode((double)geo_encode(p));
            assert_true(geo_distance(p, q) < 0.6);
            assert_int_equal(geo_encode(q), geo_encode(p));
        }
    }
}

static void test_geo_decode_any_score(void **state)
{
    static const double scores[] = {-1, -1e300, 1e300, INFINITY, -INFINITY, 9007199254740993.0,
                                    1.5};
    for (size_t i = 0; i < sizeof scores / sizeof *scores; i++)
        assert_true(geo_valid(geo_decode(scores[i])));
}

static void test_geo_hash_text(void **state)
{
    char text[GEO_HASH_TEXT];
    geo_hash_text(geo_decode(3479099956230698.0), text);
    assert_memory_equal(text, "sqc8b49rny0", sizeof text);
}

static void test_geo_distance_known(void **state)
{
    double d = geo_distance(geo_decode(3479099956230698.0), geo_decode(3479447370796909.0));
    assert_true(fabs(d - 166274.1516) < 0.0001);
    assert_true(geo_distance((struct geo_point){1, 2}, (struct geo_point){1, 2}) == 0);
}

static bool in_area(const struct geo_cells *cells, size_t n, uint64_t score)
{
    for (size_t i = 0; i < n; i++)
        if (score >= cells[i].min && score < cells[i].max)
            return true;
    return false;
}

/* Not near the date line, where Redis does not look across either. */
static void test_geo_area_holds_all_inside(void **state)
{
    unsigned seed = 1;
    uint64_t inside = 0;
    for (int round = 0; round < 2000; round++) {
        struct geo_shape s = {.unit = 1000, .box = round % 2};
        struct geo_cells cells[GEO_AREA_MAX];
        s.centre = (struct geo_point){(rand_r(&seed) % 2000) / 10.0 - 100,
                                      (rand_r(&seed) % 1400) / 10.0 - 70};
        s.radius = 1 + rand_r(&seed) % 1500;
        s.width = 1 + rand_r(&seed) % 2500;
        s.height = 1 + rand_r(&seed) % 2500;
        size_t n = geo_area(&s, cells);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++)
                assert_true(cells[i].max <= cells[j].min || cells[j].max <= cells[i].min);
        for (int k = 0; k < 100; k++) {
            double away, spread = s.radius / 60;
            struct geo_point p = {s.centre.lon + spread * ((rand_r(&seed) % 2001) / 1000.0 - 1),
                                  s.centre.lat + spread * ((rand_r(&seed) % 2001) / 1000.0 - 1)};
            if (!geo_valid(p) || !geo_inside(&s, geo_decode((double)geo_encode(p)), &away))
                continue;
            assert_true(in_area(cells, n, geo_encode(p)));
            inside++;
        }
    }
    assert_true(inside > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_geo_encode_known),
        cmocka_unit_test(test_geo_decode_is_near),
        cmocka_unit_test(test_geo_decode_any_score),
        cmocka_unit_test(test_geo_hash_text),
        cmocka_unit_test(test_geo_distance_known),
        cmocka_unit_test(test_geo_area_holds_all_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
