/* ACL's replies; the rules themselves are tested in tests/unit/session/test_acl.c. */
#include "commands/acl/acl_commands.h"
#include "session/acl.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#define FOO "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" /* SHA-256 of foo */

static int setup(void **state)
{
    acl_commands_register();
    return fixture_setup(state);
}

static int reset(void **state)
{
    enum status st = acl_delete_user(SLICE("u"));
    assert_true(st == ST_OK || st == ST_NOT_FOUND);
    acl_log_clear();
    return fixture_reset(state);
}

static void test_users(void **state)
{
    static const struct fixture_step steps[] = {
        {"acl whoami", "\"default\""},
        {"acl setuser u on >foo ~a %R~b &c +get -@all +set", "+OK"},
        {"acl users", "[\"default\", \"u\"]"},
        {"acl list", "[\"user default on nopass sanitize-payload ~* &* +@all\", \"user u on "
                     "sanitize-payload #" FOO " ~a %R~b resetchannels &c -@all +set\"]"},
        {"acl getuser u",
         "{\"flags\": [\"on\", \"sanitize-payload\"], \"passwords\": [\"" FOO
         "\"], \"commands\": \"-@all +set\", \"keys\": \"~a %R~b\", \"channels\": \"&c\", "
         "\"selectors\": []}"},
        {"acl setuser u reset (+get ~x)", "+OK"},
        {"acl getuser u", "{\"flags\": [\"off\", \"sanitize-payload\"], \"passwords\": [], "
                          "\"commands\": \"-@all\", \"keys\": \"\", "
                          "\"channels\": \"\", \"selectors\": [{\"commands\": \"-@all +get\", "
                          "\"keys\": \"~x\", \"channels\": \"\"}]}"},
        {"acl getuser nobody", "nil"},
        {"acl setuser \"a b\" on", "-ERR Usernames can't contain spaces or null characters"},
        {"acl setuser u +nosuch",
         "-ERR Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL"},
        {"acl setuser u (+get", "-ERR Unmatched parenthesis in acl selector starting at '(+get'."},
        {"acl deluser nobody u", ":1"},
        {"acl deluser default", "-ERR The 'default' user cannot be removed"},
    };
    FIXTURE_STEPS(steps);
}

static void test_dryrun(void **state)
{
    static const struct fixture_step steps[] = {
        {"acl setuser u +@all -del ~a*", "+OK"},
        {"acl dryrun u get a", "+OK"},
        {"acl dryrun u get b", "\"User u has no permissions to access the 'b' key\""},
        {"acl dryrun u del a", "\"User u has no permissions to run the 'del' command\""},
        {"acl dryrun u get", "-ERR wrong number of arguments for 'get' command"},
        {"acl dryrun u nosuch", "-ERR Command 'nosuch' not found"},
        {"acl dryrun nobody get a", "-ERR User 'nobody' not found"},
    };
    FIXTURE_STEPS(steps);
    assert_null(acl_log_entry(0));
}

static void test_cat_and_log(void **state)
{
    static const struct fixture_step steps[] = {
        {"acl cat nosuch", "-ERR Unknown category 'nosuch'"},
        {"acl cat x y",
         "-ERR unknown subcommand or wrong number of arguments for 'cat'. Try ACL HELP."},
        {"acl log", "[]"},
        {"acl log 5", "[]"},
        {"acl log reset", "+OK"},
        {"acl log x", "-ERR value is not an integer or out of range"},
        {"acl save", "-ERR This Redis instance is not configured to use an ACL file. You may want "
                     "to specify users via the "
                     "ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a "
                     "Redis configuration file "
                     "set) in order to store users in the Redis configuration."},
    };
    FIXTURE_STEPS(steps);
    assert_non_null(strstr(fixture_run("acl cat"), "\"keyspace\", \"read\", \"write\""));
    assert_non_null(strstr(fixture_run("acl cat dangerous"), "\"acl|setuser\""));
    assert_null(strstr(fixture_run("acl cat read"), "\"set\""));
}

static void test_genpass(void **state)
{
    const struct {
        const char *command;
        size_t digits;
    } cases[] = {{"acl genpass", 64},
                 {"acl genpass 1", 1},
                 {"acl genpass 5", 2},
                 {"acl genpass 4096", 1024}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(strlen(fixture_run(cases[i].command)),
                         cases[i].digits + 2); /* with quotes */
    static const struct fixture_step steps[] = {
        {"acl genpass 0", "-ERR ACL GENPASS argument must be the number of bits for the output "
                          "password, a positive number "
                          "up to 4096"},
        {"acl genpass 4097",
         "-ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
         "number up to 4096"},
    };
    FIXTURE_STEPS(steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_users, reset),
        cmocka_unit_test_setup(test_dryrun, reset),
        cmocka_unit_test_setup(test_cat_and_log, reset),
        cmocka_unit_test_setup(test_genpass, reset),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
