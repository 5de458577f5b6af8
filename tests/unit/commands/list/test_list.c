/* The list commands: answers, errors, effects, events, encodings. What blocks is tested in tests/unit/session and tcl-tests. */
#include "commands/list/list_commands.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>
#include <string.h>

static void test_push_and_read(void **state)
{
    static const struct fixture_step steps[] = {
        {"LPUSHX l a", ":0"},
        {"RPUSHX l a", ":0"},
        {"EXISTS l", ":0"},
        {"RPUSH l b c", ":2"},
        {"LPUSH l a z", ":4"},
        {"LRANGE l 0 -1", "[\"z\", \"a\", \"b\", \"c\"]"},
        {"LPUSHX l y", ":5"},
        {"RPUSHX l \"\" 17", ":7"},
        {"LRANGE l 0 -1", "[\"y\", \"z\", \"a\", \"b\", \"c\", \"\", \"17\"]"},
        {"LLEN l", ":7"},
        {"LLEN none", ":0"},
        {"LINDEX l 0", "\"y\""},
        {"LINDEX l -1", "\"17\""},
        {"LINDEX l 7", "nil"},
        {"LINDEX l -8", "nil"},
        {"LINDEX none 0", "nil"},
        {"LINDEX none x", "nil"}, /* the key comes first */
        {"LINDEX l x", "-ERR value is not an integer or out of range"},
        {"LRANGE l 2 3", "[\"a\", \"b\"]"},
        {"LRANGE l -100 0", "[\"y\"]"},
        {"LRANGE l -2 100", "[\"\", \"17\"]"},
        {"LRANGE l 5 4", "[]"},
        {"LRANGE l 7 9", "[]"},
        {"LRANGE none 0 -1", "[]"},
        {"LRANGE none 0 x", "-ERR value is not an integer or out of range"},
        {"LRANGE l -9223372036854775808 9223372036854775807",
         "[\"y\", \"z\", \"a\", \"b\", \"c\", \"\", \"17\"]"},
    };
    FIXTURE_STEPS(steps);
}

static void test_insert_and_set(void **state)
{
    static const struct fixture_step steps[] = {
        {"LINSERT none BEFORE a b", ":0"},
        {"LINSERT none HERE a b", "-ERR syntax error"},
        {"RPUSH l a b a", ":3"},
        {"LINSERT l after a 1", ":4"},
        {"LINSERT l Before a 0", ":5"},
        {"LINSERT l AFTER b 2", ":6"},
        {"LINSERT l AFTER c 2", ":-1"},
        {"LRANGE l 0 -1", "[\"0\", \"a\", \"1\", \"b\", \"2\", \"a\"]"},
        {"LSET l 0 x", "+OK"},
        {"LSET l -1 y", "+OK"},
        {"LSET l 6 z", "-ERR index out of range"},
        {"LSET l -7 z", "-ERR index out of range"},
        {"LSET l x z", "-ERR value is not an integer or out of range"},
        {"LSET none 0 z", "-ERR no such key"},
        {"LRANGE l 0 -1", "[\"x\", \"a\", \"1\", \"b\", \"2\", \"y\"]"},
    };
    FIXTURE_STEPS(steps);
}

static void test_remove(void **state)
{
    static const struct fixture_step steps[] = {
        {"RPUSH l a b a c a b a", ":7"},
        {"LREM l 1 a", ":1"},
        {"LREM l -2 a", ":2"},
        {"LRANGE l 0 -1", "[\"b\", \"a\", \"c\", \"b\"]"},
        {"LREM l -1 b", ":1"},
        {"LRANGE l 0 -1", "[\"b\", \"a\", \"c\"]"},
        {"LREM l 0 x", ":0"},
        {"LREM none 0 x", ":0"},
        {"LREM l x a", "-ERR value is not an integer or out of range"},
        {"LREM l -9223372036854775808 b", ":1"},
        {"LTRIM l 1 1", "+OK"},
        {"LRANGE l 0 -1", "[\"c\"]"},
        {"LTRIM l 0 100", "+OK"},
        {"LTRIM l 1 2", "+OK"},
        {"EXISTS l", ":0"},
        {"LTRIM l 1 2", "+OK"},
        {"RPUSH l 1 1 1", ":3"},
        {"LREM l 0 1", ":3"},
        {"EXISTS l", ":0"},
    };
    FIXTURE_STEPS(steps);
}

static void test_lpos(void **state)
{
    static const struct fixture_step steps[] = {
        {"RPUSH l a b c 1 2 3 c c", ":8"},
        {"LPOS l c", ":2"},
        {"LPOS l x", "nil"},
        {"LPOS l c RANK 2", ":6"},
        {"LPOS l c RANK -1", ":7"},
        {"LPOS l c RANK -4", "nil"},
        {"LPOS l c COUNT 0", "[:2, :6, :7]"},
        {"LPOS l c COUNT 2 RANK 2", "[:6, :7]"},
        {"LPOS l c COUNT 2 RANK -1", "[:7, :6]"},
        {"LPOS l c COUNT 5 RANK 3 MAXLEN 0", "[:7]"},
        {"LPOS l c MAXLEN 2", "nil"},
        {"LPOS l c MAXLEN 3", ":2"},
        {"LPOS l c COUNT 1 MAXLEN 2", "[]"},
        {"LPOS l a RANK -1 MAXLEN 7", "nil"},
        {"LPOS none a", "nil"},
        {"LPOS none a COUNT 1", "[]"},
        {"LPOS l a RANK 0", "-ERR RANK can't be zero: use 1 to start from the first match, 2 from "
                            "the second ... or use negative to start from the end of the list"},
        {"LPOS l a RANK -9223372036854775808",
         "-ERR value is out of range, value must between -9223372036854775807 and "
         "9223372036854775807"},
        {"LPOS l a COUNT -1", "-ERR COUNT can't be negative"},
        {"LPOS l a MAXLEN -1", "-ERR MAXLEN can't be negative"},
        {"LPOS l a COUNT", "-ERR syntax error"},
        {"LPOS l a FIRST 1", "-ERR syntax error"},
    };
    FIXTURE_STEPS(steps);
}

static void test_pop(void **state)
{
    static const struct fixture_step steps[] = {
        {"LPOP none", "nil"},
        {"LPOP none 3", "nil"},
        {"RPUSH l a b c d e f g", ":7"},
        {"LPOP l", "\"a\""},
        {"RPOP l", "\"g\""},
        {"LPOP l 2", "[\"b\", \"c\"]"},
        {"RPOP l 2", "[\"f\", \"e\"]"},
        {"RPOP l 0", "[]"},
        {"RPOP l -1", "-ERR value is out of range, must be positive"},
        {"RPOP l x", "-ERR value is out of range, must be positive"},
        {"RPOP l 1 1", "-ERR wrong number of arguments for 'rpop' command"},
        {"LPOP l 100", "[\"d\"]"},
        {"EXISTS l", ":0"},
    };
    FIXTURE_STEPS(steps);
}

static void test_first_of_many(void **state)
{
    static const struct fixture_step steps[] = {
        {"LMPOP 2 k l LEFT", "nil"},
        {"RPUSH l a b c d e", ":5"},
        {"LMPOP 2 k l LEFT", "[\"l\", [\"a\"]]"},
        {"LMPOP 2 k l right count 2", "[\"l\", [\"e\", \"d\"]]"},
        {"BLMPOP 0 2 k l right count 1", "[\"l\", [\"c\"]]"},
        {"BLPOP k l 0", "[\"l\", \"b\"]"},
        {"RPUSH l x y", ":2"},
        {"BRPOP l k 1.5", "[\"l\", \"y\"]"},
        {"LMPOP 1 l LEFT COUNT 9", "[\"l\", [\"x\"]]"},
        {"EXISTS l", ":0"},
        {"LMPOP 0 l LEFT", "-ERR numkeys should be greater than 0"},
        {"LMPOP x l LEFT", "-ERR numkeys should be greater than 0"},
        {"LMPOP 2 l LEFT", "-ERR syntax error"},
        {"LMPOP 9223372036854775807 l LEFT", "-ERR syntax error"},
        {"LMPOP 1 l MIDDLE", "-ERR syntax error"},
        {"LMPOP 1 l LEFT COUNT 0", "-ERR count should be greater than 0"},
        {"LMPOP 1 l LEFT COUNT", "-ERR syntax error"},
        {"LMPOP 1 l LEFT COUNT 1 COUNT 1", "-ERR syntax error"},
        {"BLPOP l -1", "-ERR timeout is negative"},
        {"BLPOP l x", "-ERR timeout is not a float or out of range"},
        {"BLMPOP x 1 l LEFT", "-ERR timeout is not a float or out of range"},
        {"BLMPOP x 0 l LEFT", "-ERR numkeys should be greater than 0"},
        {"BLMOVE a b LEFT RIGHT -1", "-ERR timeout is negative"},
        {"BLMOVE a b LEFT DOWN -1", "-ERR syntax error"},
        {"BRPOPLPUSH a b x", "-ERR timeout is not a float or out of range"},
    };
    FIXTURE_STEPS(steps);
}

static void test_move(void **state)
{
    static const struct fixture_step steps[] = {
        {"LMOVE k l LEFT RIGHT", "nil"},
        {"RPUSH k a b c d", ":4"},
        {"LMOVE k l LEFT RIGHT", "\"a\""},
        {"LMOVE k l right left", "\"d\""},
        {"RPOPLPUSH k l", "\"c\""},
        {"LRANGE l 0 -1", "[\"c\", \"d\", \"a\"]"},
        {"LMOVE l l LEFT RIGHT", "\"c\""},
        {"LMOVE l l RIGHT LEFT", "\"c\""},
        {"LMOVE l l RIGHT RIGHT", "\"a\""},
        {"LMOVE l l LEFT LEFT", "\"c\""},
        {"LRANGE l 0 -1", "[\"c\", \"d\", \"a\"]"},
        {"BLMOVE k l LEFT LEFT 0", "\"b\""},
        {"EXISTS k", ":0"},
        {"BRPOPLPUSH l k 0", "\"a\""},
        {"LMOVE k k LEFT RIGHT", "\"a\""}, /* the only one */
        {"LRANGE k 0 -1", "[\"a\"]"},
        {"LMOVE k l UP RIGHT", "-ERR syntax error"},
    };
    FIXTURE_STEPS(steps);
}

static void test_wrong_type(void **state)
{
    static const char *const commands[] = {
        "LPUSH k a",
        "RPUSHX k a",
        "LPOP k",
        "RPOP k 1",
        "LLEN k",
        "LINDEX k 0",
        "LRANGE k 0 1",
        "LPOS k a",
        "LSET k 0 a",
        "LINSERT k AFTER a b",
        "LREM k 0 a",
        "LTRIM k 0 1",
        "LMOVE k l LEFT LEFT",
        "LMOVE l k LEFT LEFT",
        "RPOPLPUSH l k",
        "LMPOP 2 none k LEFT",
        "BLPOP k 0",
        "BLMOVE k l LEFT LEFT 0",
        "BLMOVE l k LEFT LEFT 0",
        "BLMPOP 0 1 k LEFT",
    };
    fixture_run("SET k x");
    fixture_run("RPUSH l 1");
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        assert_string_equal(fixture_run(commands[i]),
                            "-WRONGTYPE Operation against a key holding the wrong kind of value");
    assert_string_equal(fixture_run("LRANGE l 0 -1"), "[\"1\"]");
}

static void test_effects(void **state)
{
    fixture_run("RPUSH l a b c d e f g h i j");
    (void)fixture_effects();
    fixture_propagates("LPUSHX l x", "LPUSHX l x");
    fixture_propagates("LPUSHX none x", "");
    fixture_propagates("LPOP l", "LPOP l");
    fixture_propagates("LPOP l 0", "");
    fixture_propagates("LPOP none", "");
    fixture_propagates("LPOP l 2", "LPOP l 2");
    fixture_propagates("BLPOP none l 0", "LPOP l");
    fixture_propagates("BRPOP l 0", "RPOP l");
    fixture_propagates("LMPOP 2 none l RIGHT COUNT 1", "RPOP l 1");
    fixture_propagates("BLMPOP 0 1 l LEFT COUNT 2", "LPOP l 2");
    fixture_propagates("BLMOVE l k LEFT RIGHT 0", "LMOVE l k LEFT RIGHT");
    fixture_propagates("BRPOPLPUSH l k 0", "RPOPLPUSH l k");
    fixture_propagates("LMOVE l l LEFT RIGHT", "LMOVE l l LEFT RIGHT");
    fixture_propagates("LTRIM l 0 -1", "");
    fixture_propagates("LINSERT l AFTER none x", "");
    fixture_propagates("LREM l 0 none", "");
    fixture_propagates("LMPOP 1 l LEFT COUNT 100", "LPOP l 1");
}

static void test_events(void **state)
{
    fixture_run("RPUSH l a b c");
    assert_string_equal(fixture_events(), "new l; rpush l");
    fixture_run("LMOVE l k LEFT RIGHT");
    assert_string_equal(fixture_events(), "new k; rpush k; lpop l");
    fixture_run("LMOVE l l LEFT RIGHT");
    assert_string_equal(fixture_events(), "rpush l; lpop l");
    fixture_run("LTRIM l 0 -1");
    assert_string_equal(fixture_events(), "ltrim l");
    fixture_run("LPOP l 2");
    assert_string_equal(fixture_events(), "lpop l; del l");
    fixture_run("BRPOP k 0");
    assert_string_equal(fixture_events(), "rpop k; del k");
    fixture_run("LREM l 0 x");
    assert_string_equal(fixture_events(), "");
}

/* As in Redis, a value that finds no place makes room for itself nevertheless. */
static void test_encoding_of_what_fails(void **state)
{
    char line[9000];
    memset(line, 'x', sizeof line);
    line[8500] = 0;
    fixture_run("RPUSH l a");
    memcpy(line, "LSET l 1 ", 9);
    assert_string_equal(fixture_run(line), "-ERR index out of range");
    assert_string_equal(fixture_run("OBJECT ENCODING l"), "\"quicklist\"");
    fixture_run("RPUSH k a");
    memcpy(line, "LINSERT k AFTER none ", 21);
    assert_string_equal(fixture_run(line), ":-1");
    assert_string_equal(fixture_run("OBJECT ENCODING k"), "\"quicklist\"");
    assert_string_equal(fixture_run("LSET k 0 b"), "+OK");
    assert_string_equal(fixture_run("OBJECT ENCODING k"), "\"listpack\"");
}

static void test_survives_a_crash(void **state)
{
    char line[512];
    for (int i = 0; i < 3000; i++) {
        snprintf(line, sizeof line, "RPUSH l element:%d:%.*s", i, i % 50,
                 "..................................................");
        fixture_run(line);
    }
    fixture_run("LTRIM l 100 -101");
    fixture_run("LREM l 1 element:1500:");
    fixture_crash();
    assert_string_equal(fixture_run("LLEN l"), ":2799");
    assert_string_equal(fixture_run("LINDEX l 0"), "\"element:100:\"");
    assert_string_equal(fixture_run("LINDEX l -1"),
                        "\"element:2899:.................................................\"");
    assert_string_equal(fixture_run("LPOS l element:1450:"), ":1350");
    assert_string_equal(fixture_run("LPOS l element:1550:"), ":1449");
}

static int setup(void **state)
{
    list_commands_register();
    return fixture_setup(state);
}

#define T(name) cmocka_unit_test_setup(name, fixture_reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_push_and_read),
        T(test_insert_and_set),
        T(test_remove),
        T(test_lpos),
        T(test_pop),
        T(test_first_of_many),
        T(test_move),
        T(test_wrong_type),
        T(test_effects),
        T(test_events),
        T(test_survives_a_crash),
        T(test_encoding_of_what_fails),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
