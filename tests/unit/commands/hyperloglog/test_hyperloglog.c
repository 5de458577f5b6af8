/* The HyperLogLog commands: answers, effects, events. hll.h has a test of its own. */
#include "commands/hyperloglog/hyperloglog_commands.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

static void test_add_count(void **state)
{
    static const struct fixture_step steps[] = {
        {"PFADD h", ":1"},        {"PFADD h", ":0"},       {"PFCOUNT h", ":0"},
        {"PFADD h a b c", ":1"},  {"PFADD h a b c", ":0"}, {"PFCOUNT h", ":3"},
        {"PFCOUNT none", ":0"},   {"PFADD g c d", ":1"},   {"PFCOUNT h g none", ":4"},
        {"PFMERGE m h g", "+OK"}, {"PFCOUNT m", ":4"},     {"PFMERGE n", "+OK"},
        {"PFCOUNT n", ":0"},
    };
    FIXTURE_STEPS(steps);
}

static void test_not_one(void **state)
{
    static const struct fixture_step steps[] = {
        {"SET k value", "+OK"},
        {"PFADD k a", "-WRONGTYPE Key is not a valid HyperLogLog string value."},
        {"PFCOUNT k", "-WRONGTYPE Key is not a valid HyperLogLog string value."},
        {"PFMERGE m k", "-WRONGTYPE Key is not a valid HyperLogLog string value."},
        {"SET k 12", "+OK"},
        {"PFCOUNT k", "-WRONGTYPE Key is not a valid HyperLogLog string value."},
        {"PFDEBUG encoding none", "-ERR The specified key does not exist"},
        {"PFADD h a", ":1"},
        {"APPEND h x", ":22"},
        {"PFCOUNT h", "-INVALIDOBJ Corrupted HLL object detected"},
        {"PFMERGE m h", "-INVALIDOBJ Corrupted HLL object detected"},
        {"PFDEBUG todense h", "-INVALIDOBJ Corrupted HLL object detected"},
        {"PFDEBUG rest h", "-ERR Unknown PFDEBUG subcommand 'rest'"},
    };
    FIXTURE_STEPS(steps);
}

static void test_debug(void **state)
{
    static const struct fixture_step steps[] = {
        {"PFADD h a b", ":1"},
        {"PFDEBUG ENCODING h", "+sparse"},
        {"PFDEBUG TODENSE h", ":1"},
        {"PFDEBUG TODENSE h", ":0"},
        {"PFDEBUG ENCODING h", "+dense"},
        {"STRLEN h", ":12304"},
        {"PFCOUNT h", ":2"},
        {"PFDEBUG DECODE h", "-ERR HLL encoding is not sparse"},
        {"PFADD h a", ":0"},
        {"PFADD h z", ":1"},
        {"PFCOUNT h", ":3"},
        {"PFMERGE g h", "+OK"},
        {"PFDEBUG ENCODING g", "+dense"},
    };
    FIXTURE_STEPS(steps);
}

/* A count that is in the cache changes nothing; one that has to be made changes the bytes, so it is propagated. */
static void test_effects(void **state)
{
    fixture_propagates("PFADD h a b", "PFADD h a b");
    assert_string_equal(fixture_events(), "new h; pfadd h");
    fixture_propagates("PFADD h a", "");
    assert_string_equal(fixture_events(), "");
    fixture_propagates("PFCOUNT h", "PFCOUNT h");
    fixture_propagates("PFCOUNT h", "");
    fixture_propagates("PFADD g", "PFADD g");
    fixture_propagates("PFMERGE m h g", "PFMERGE m h g");
    fixture_propagates("PFDEBUG TODENSE m", "PFDEBUG TODENSE m");
    fixture_propagates("PFDEBUG ENCODING m", "");
}

static int setup(void **state)
{
    hyperloglog_commands_register();
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_add_count, fixture_reset),
        cmocka_unit_test_setup(test_not_one, fixture_reset),
        cmocka_unit_test_setup(test_debug, fixture_reset),
        cmocka_unit_test_setup(test_effects, fixture_reset),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
