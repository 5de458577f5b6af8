/* CONFIG over the options of the keyspace and of sessions. */
#include "commands/config/config_commands.h"
#include "keyspace/keyspace_options.h"
#include "session/session_options.h"
#include "session/stats.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <string.h>

static int setup(void **state)
{
    config_commands_register();
    return fixture_setup(state);
}

static void test_config_get_forms(void **state)
{
    static const struct fixture_step steps[] = {
        {"CONFIG GET maxmemory", "[\"maxmemory\", \"0\"]"},
        {"CONFIG GET MAXMEMORY maxmemory maxm?mory", "[\"maxmemory\", \"0\"]"},
        {"CONFIG GET hash-max-*-value",
         "[\"hash-max-listpack-value\", \"64\", \"hash-max-ziplist-value\", \"64\"]"},
        {"CONFIG GET hash-max-ziplist-value", "[\"hash-max-ziplist-value\", \"64\"]"},
        {"CONFIG GET nothing no*thing", "[]"},
        {"CONFIG GET rename-command", "[]"},
    };
    FIXTURE_STEPS(steps);
}

static void test_config_set_forms(void **state)
{
    static const struct fixture_step steps[] = {
        {"CONFIG SET maxmemory 1mb lfu-log-factor 3", "+OK"},
        {"CONFIG GET maxmemory lfu-log-factor",
         "[\"maxmemory\", \"1048576\", \"lfu-log-factor\", \"3\"]"},
        {"CONFIG SET maxmemory", "-ERR wrong number of arguments for 'config|set' command"},
        {"CONFIG SET maxmemory 0 x", "-ERR syntax error"},
        {"CONFIG SET nope 1", "-ERR Unknown option or number of arguments for CONFIG SET - 'nope'"},
        {"CONFIG SET databases 3",
         "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable "
         "config"},
        {"CONFIG SET maxmemory 1 lfu-log-factor x",
         "-ERR CONFIG SET failed (possibly related to argument 'lfu-log-factor') - argument "
         "couldn't be parsed into an integer"},
        {"CONFIG GET maxmemory", "[\"maxmemory\", \"1048576\"]"},
        {"CONFIG SET maxmemory 0 maxmemory 1",
         "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate "
         "parameter"},
        {"CONFIG SET maxmemory 0", "+OK"},
        {"CONFIG REWRITE", "-ERR The server is running without a config file"},
    };
    FIXTURE_STEPS(steps);
}

static void test_config_resetstat(void **state)
{
    fixture_run("GET nothing");
    fixture_run("NOSUCH");
    assert_true(sess_stats.errors > 0);
    assert_string_equal(fixture_run("CONFIG RESETSTAT"), "+OK");
    assert_int_equal(sess_stats.errors, 0);
    assert_int_equal(sess_stats.commands, 1); /* RESETSTAT itself */
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, fixture_reset)
    const struct CMUnitTest tests[] = {
        CASE(test_config_get_forms),
        CASE(test_config_set_forms),
        CASE(test_config_resetstat),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
