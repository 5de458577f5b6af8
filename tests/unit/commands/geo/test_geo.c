/* The geo commands: answers and effects. geo_math.h has a test of its own. */
#include "commands/geo/geo_commands.h"
#include "commands/zset/zset_commands.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#define SICILY                                                                                     \
    {                                                                                              \
        "GEOADD s 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2"                   \
    }

static void test_places(void **state)
{
    static const struct fixture_step steps[] = {
        SICILY,
        {"GEOADD s CH 13.361389 38.115556 Palermo 1 1 x", ":1"},
        {"GEOADD s NX 2 2 x", ":0"},
        {"GEOADD s XX CH 2 2 x 3 3 y", ":1"},
        {"GEOADD s NX XX 1 1 x", "-ERR syntax error"},
        {"GEOADD s 1 1", "-ERR wrong number of arguments for 'geoadd' command"},
        {"GEOADD s 1 1 x 2", "-ERR syntax error"},
        {"GEOADD s 200 1 x", "-ERR invalid longitude,latitude pair 200.000000,1.000000"},
        {"GEOADD s 1 86 x", "-ERR invalid longitude,latitude pair 1.000000,86.000000"},
        {"ZSCORE s Palermo", "3479099956230698"},
        {"GEODIST s Palermo Catania", "\"166274.1516\""},
        {"GEODIST s Palermo Catania km", "\"166.2742\""},
        {"GEODIST s Palermo Palermo", "\"0.0000\""},
        {"GEODIST s Palermo none", "nil"},
        {"GEODIST none a b", "nil"},
        {"GEODIST s Palermo Catania yd",
         "-ERR unsupported unit provided. please use M, KM, FT, MI"},
        {"GEOHASH s Palermo none", "[\"sqc8b49rny0\", nil]"},
        {"GEOHASH s", "[]"},
        {"GEOPOS s Palermo none", "[[13.361389338970184, 38.115556395496299], nil]"},
        {"GEOPOS none a", "[nil]"},
    };
    FIXTURE_STEPS(steps);
    fixture_effects();
    fixture_propagates("GEOADD s CH 13.361389 38.115556 new", "ZADD s CH 3479099956230698 new");
    fixture_propagates("GEOADD s 13.361389 38.115556 new", "");
}

static void test_search(void **state)
{
    static const struct fixture_step steps[] = {
        SICILY,
        {"GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km ASC", "[\"Catania\", \"Palermo\"]"},
        {"GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 KM DESC", "[\"Palermo\", \"Catania\"]"},
        {"GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1", "[\"Catania\"]"},
        {"GEOSEARCH s FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHDIST WITHHASH WITHCOORD",
         "[[\"Catania\", \"56.4413\", :3479447370796909, [15.087267458438873, "
         "37.50266842333162]], [\"Palermo\", \"190.4424\", :3479099956230698, "
         "[13.361389338970184, 38.115556395496299]]]"},
        {"GEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 m", "[\"Palermo\"]"},
        {"GEOSEARCH s FROMMEMBER none BYRADIUS 1 m", "-ERR could not decode requested zset member"},
        {"GEOSEARCH none FROMMEMBER none BYRADIUS 1 m", "[]"},
        {"GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 1 m", "[]"},
        {"GEOSEARCH s FROMMEMBER Palermo FROMLONLAT 1 1 BYRADIUS 1 m", "-ERR syntax error"},
        {"geosearch s BYRADIUS 1 m ASC WITHDIST",
         "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for geosearch"},
        {"GEOSEARCH s FROMLONLAT 1 1 ASC WITHDIST",
         "-ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH"},
        {"GEOSEARCH s FROMLONLAT 1 1 BYRADIUS -1 m", "-ERR radius cannot be negative"},
        {"GEOSEARCH s FROMLONLAT 1 1 BYBOX -1 1 m", "-ERR height or width cannot be negative"},
        {"GEOSEARCH s FROMLONLAT 1 1 BYRADIUS x m", "-ERR need numeric radius"},
        {"GEOSEARCH s FROMLONLAT 1 1 BYRADIUS 1 m ANY",
         "-ERR the ANY argument requires COUNT argument"},
        {"GEOSEARCH s FROMLONLAT 1 1 BYRADIUS 1 m COUNT 0", "-ERR COUNT must be > 0"},
        {"GEORADIUS s 15 37 200 km WITHDIST ASC",
         "[[\"Catania\", \"56.4413\"], [\"Palermo\", \"190.4424\"]]"},
        {"GEORADIUS_RO s 15 37 200 km STORE d", "-ERR syntax error"},
        {"GEORADIUSBYMEMBER s Palermo 200 km COUNT 1 ANY", "[\"Palermo\"]"},
        {"GEORADIUSBYMEMBER none Palermo 200 km", "[]"},
        {"GEORADIUS s 15 37 200 km STORE d WITHDIST",
         "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and "
         "WITHCOORD options"},
        {"GEORADIUS s 15 37 200 km STORE d", ":2"},
        {"ZSCORE d Catania", "3479447370796909"},
        {"GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 100 km STOREDIST", ":1"},
        {"ZRANGE d 0 -1 WITHSCORES", "[[\"Catania\", 56.441257870158204]]"},
        {"GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 1 m", ":0"},
        {"EXISTS d", ":0"},
        {"GEOSEARCHSTORE s s FROMLONLAT 15 37 BYRADIUS 100 km", ":1"},
        {"ZCARD s", ":1"},
    };
    FIXTURE_STEPS(steps);
}

static int setup(void **state)
{
    geo_commands_register();
    zset_commands_register();
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_places, fixture_reset),
        cmocka_unit_test_setup(test_search, fixture_reset),
    };
    return cmocka_run_group_tests_name("geo", tests, setup, fixture_teardown);
}
