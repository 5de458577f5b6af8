/* COMMAND's replies over the real tables. */
#include "commands/command/command_commands.h"
#include "commands/config/config_commands.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

static int setup(void **state)
{
    command_commands_register();
    return fixture_setup(state);
}

static void test_count_and_list(void **state)
{
    static const struct fixture_step steps[] = {
        {"command list filterby pattern getr*", "[\"getrange\"]"},
        {"command list filterby pattern GETR*", "[\"getrange\"]"},
        {"command list filterby pattern command|c*", "[\"command|count\"]"},
        {"command list filterby aclcat nosuch", "[]"},
        {"command list filterby module nosuch", "[]"},
        {"command list filterby nosuch x", "-ERR syntax error"},
        {"command list filterby pattern", "-ERR syntax error"},
        {"command list x", "-ERR syntax error"},
    };
    FIXTURE_STEPS(steps);
}

static void test_info(void **state)
{
    static const struct fixture_step steps[] = {
        {"command info get",
         "[[\"get\", :2, [+readonly, +fast], :1, :1, :1, [+@read, +@string, +@fast], [], "
         "[{\"flags\": [+RO, +access], \"begin_search\": {\"type\": \"index\", \"spec\": "
         "{\"index\": :1}}, "
         "\"find_keys\": {\"type\": \"range\", \"spec\": {\"lastkey\": :0, \"keystep\": :1, "
         "\"limit\": :0}}}], []]]"},
        {"command info nosuch command|count command|nosuch",
         "[nil, [\"command|count\", :2, [+loading, +stale], :0, :0, :0, [+@slow, +@connection], "
         "[], [], []], nil]"},
    };
    FIXTURE_STEPS(steps);
}

/* The text sink shows maps whose length is known at their end only as arrays. */
static void test_docs(void **state)
{
    static const struct fixture_step steps[] = {
        {"command docs strlen nosuch", "[\"strlen\", [\"summary\", \"Tells the length of a "
                                       "string.\", \"since\", \"2.2.0\", \"group\", \"string\", "
                                       "\"complexity\", \"O(1)\", \"arguments\", [[\"name\", "
                                       "\"key\", \"type\", \"key\", \"display_text\", \"key\", "
                                       "\"key_spec_index\", :0]]]]"},
        {"command docs nosuch", "[]"},
    };
    FIXTURE_STEPS(steps);
}

static void test_getkeys(void **state)
{
    static const struct fixture_step steps[] = {
        {"command getkeys get k", "[\"k\"]"},
        {"command getkeys mset a 1 b 2", "[\"a\", \"b\"]"},
        {"command getkeys lcs a b", "[\"a\", \"b\"]"},
        {"command getkeys object freq k", "[\"k\"]"},
        {"command getkeys bitop and d a b", "[\"d\", \"a\", \"b\"]"},
        {"command getkeys get", "-ERR Invalid number of arguments specified for command"},
        {"command getkeys command count", "-ERR The command has no key arguments"},
        {"command getkeys nosuch k", "-ERR Invalid command specified"},
        {"command getkeys object nosuch k", "-ERR Invalid command specified"},
        {"command getkeysandflags set k v", "[[\"k\", [+OW, +update]]]"},
        {"command getkeysandflags set k v nx get", "[[\"k\", [+RW, +access, +update]]]"},
        {"command getkeysandflags set get v", "[[\"get\", [+OW, +update]]]"},
        {"command getkeysandflags bitfield k get u8 0", "[[\"k\", [+RO, +access]]]"},
        {"command getkeysandflags bitfield k overflow fail get u8 0", "[[\"k\", [+RO, +access]]]"},
        {"command getkeysandflags bitfield k get u8 0 set u8 0 1",
         "[[\"k\", [+RW, +access, +update]]]"},
        {"command getkeysandflags bitfield k get", "[[\"k\", [+RW, +access, +update]]]"},
        {"command getkeysandflags rename a b",
         "[[\"a\", [+RW, +access, +delete]], [\"b\", [+OW, +update]]]"},
    };
    FIXTURE_STEPS(steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_count_and_list, fixture_reset),
        cmocka_unit_test_setup(test_info, fixture_reset),
        cmocka_unit_test_setup(test_docs, fixture_reset),
        cmocka_unit_test_setup(test_getkeys, fixture_reset),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
