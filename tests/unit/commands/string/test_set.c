/* SET and its relatives: answers, deadlines, effects, events. */
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>

static void test_set_options(void **state)
{
    static const struct fixture_step steps[] = {
        {"SET k v", "+OK"},
        {"GET k", "\"v\""},
        {"SET k w NX", "nil"},
        {"SET k w XX", "+OK"},
        {"SET new w XX", "nil"},
        {"SET k x GET", "\"w\""},
        {"SET none x GET", "nil"},
        {"GET none", "\"x\""},
        {"SET k y NX GET", "\"x\""},
        {"GET k", "\"x\""},
        {"SET k y XX GET", "\"x\""},
        {"SET k y NX XX", "-ERR syntax error"},
        {"SET k y EX", "-ERR syntax error"},
        {"SET k y EX 1 PX 1", "-ERR syntax error"},
        {"SET k y EX 1 EX 2", "+OK"},
        {"SET k y EX 1 KEEPTTL", "-ERR syntax error"},
        {"SET k y KEEPTTL PXAT 1", "-ERR syntax error"},
        {"SET k y PERSIST", "-ERR syntax error"},
        {"SET k y EX 0", "-ERR invalid expire time in 'set' command"},
        {"SET k y EX 9223372036854775807", "-ERR invalid expire time in 'set' command"},
        {"SET k y PX 9223372036854775807", "-ERR invalid expire time in 'set' command"},
        {"SET k y EX 1x", "-ERR value is not an integer or out of range"},
    };
    FIXTURE_STEPS(steps);
}

static void test_set_deadlines(void **state)
{
    static const struct fixture_step steps[] = {
        {"SET k v EX 10", "+OK"},
        {"PEXPIRETIME k", ":1700000010000"},
        {"SET k v PX 10", "+OK"},
        {"PEXPIRETIME k", ":1700000000010"},
        {"SET k v KEEPTTL", "+OK"},
        {"PTTL k", ":10"},
        {"SET k v EXAT 1700000020", "+OK"},
        {"TTL k", ":20"},
        {"SET k v PXAT 1700000000005", "+OK"},
        {"PTTL k", ":5"},
        {"SET k v", "+OK"},
        {"PTTL k", ":-1"},
        {"SETEX k 7 v", "+OK"},
        {"PTTL k", ":7000"},
        {"PSETEX k 7 v", "+OK"},
        {"PTTL k", ":7"},
        {"GETEX k PERSIST", "\"v\""},
        {"PTTL k", ":-1"},
        {"GETEX k EXAT 1700000003", "\"v\""},
        {"PTTL k", ":3000"},
        {"GETEX k", "\"v\""},
        {"PTTL k", ":3000"},
        {"GETEX k PX 0", "-ERR invalid expire time in 'getex' command"},
        {"GETEX k PXAT 5", "\"v\""},
        {"EXISTS k", ":0"},
    };
    FIXTURE_STEPS(steps);
}

static void test_set_expired_key_is_missing(void **state)
{
    fixture_run("SET k v PX 10");
    fixture_at_ms(FIXTURE_NOW_MS + 10);
    assert_string_equal(fixture_run("SETNX k w"), ":1");
    fixture_run("SET k v PX 10");
    fixture_at_ms(FIXTURE_NOW_MS + 20);
    assert_string_equal(fixture_run("SET k v KEEPTTL"), "+OK");
    assert_string_equal(fixture_run("PTTL k"), ":-1");
}

static void test_set_effects(void **state)
{
    fixture_propagates("SET k v", "SET k v");
    fixture_propagates("SET k v EX 5", "SET k v PXAT 1700000005000");
    fixture_propagates("SET k v PX 5 GET", "SET k v PXAT 1700000000005");
    fixture_propagates("SET k v EXAT 1700000007", "SET k v PXAT 1700000007000");
    fixture_propagates("SET k v PXAT 1700000007000", "SET k v PXAT 1700000007000");
    fixture_propagates("SET k v KEEPTTL", "SET k v KEEPTTL");
    fixture_propagates("SET k v GET", "SET k v");
    fixture_propagates("SET k v XX GET KEEPTTL", "SET k v XX KEEPTTL");
    fixture_propagates("SET k v NX", "");
    fixture_propagates("SETNX k v", "");
    fixture_propagates("SETEX k 5 v", "SET k v PXAT 1700000005000");
    fixture_propagates("PSETEX k 5 v", "SET k v PXAT 1700000000005");
    fixture_propagates("GETSET k w", "SET k w");
    fixture_propagates("GETEX k", "");
    fixture_propagates("GETEX k EX 5", "PEXPIREAT k 1700000005000");
    fixture_propagates("GETEX k PERSIST", "PERSIST k");
    fixture_propagates("GETEX k PERSIST", "");
    fixture_propagates("GETEX k EXAT 5", "DEL k");
    fixture_propagates("GETDEL k", "");
    fixture_run("SET k v");
    fixture_propagates("GETDEL k", "DEL k");
    fixture_propagates("MSET a 1 b 2", "MSET a 1 b 2");
    fixture_propagates("MSETNX a 1 c 2", "");
    fixture_propagates("MSETNX c 1 d 2", "MSETNX c 1 d 2");
}

static void test_set_expired_key_effects(void **state)
{
    fixture_run("SET k v PX 10");
    fixture_at_ms(FIXTURE_NOW_MS + 10);
    fixture_propagates("GET k", "DEL k");
    fixture_run("SET n 5 PX 10");
    fixture_at_ms(FIXTURE_NOW_MS + 20);
    fixture_propagates("INCR n", "MULTI; DEL n; INCR n; EXEC");
}

static void test_set_events(void **state)
{
    static const struct {
        const char *command, *events;
    } cases[] = {
        {"SET k v", "new k; set k"},
        {"SET k v EX 5", "set k; expire k"},
        {"GETSET k v", "set k"},
        {"GETEX k PERSIST", ""},
        {"GETEX k EX 1", "expire k"},
        {"GETEX k PERSIST", "persist k"},
        {"MSET k 1 l 2", "set k; new l; set l"},
        {"GETDEL k", "del k"},
        {"SETEX m 1 x", "new m; set m; expire m"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_run(cases[i].command);
        assert_string_equal(fixture_events(), cases[i].events);
    }
}

static void test_mget_mset(void **state)
{
    static const struct fixture_step steps[] = {
        {"MSET a 1 b 2 a 3", "+OK"},
        {"MGET a b none a", "[\"3\", \"2\", nil, \"3\"]"},
        {"MSET a", "-ERR wrong number of arguments for 'mset' command"},
        {"MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"},
        {"MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command"},
        {"MSETNX c 1 a 2", ":0"},
        {"EXISTS c", ":0"},
        {"MSETNX c 1 c 2", ":1"},
        {"GET c", "\"2\""},
    };
    FIXTURE_STEPS(steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_set_options, fixture_reset),
        cmocka_unit_test_setup(test_set_deadlines, fixture_reset),
        cmocka_unit_test_setup(test_set_expired_key_is_missing, fixture_reset),
        cmocka_unit_test_setup(test_set_effects, fixture_reset),
        cmocka_unit_test_setup(test_set_expired_key_effects, fixture_reset),
        cmocka_unit_test_setup(test_set_events, fixture_reset),
        cmocka_unit_test_setup(test_mget_mset, fixture_reset),
    };
    return cmocka_run_group_tests_name("string set", tests, fixture_setup, fixture_teardown);
}
