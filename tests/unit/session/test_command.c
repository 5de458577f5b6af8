#include "session/command.h"

#include "base/mem.h"
#include "unit/cmocka_all.h"

#include <stdio.h>

static void run_nothing(struct call *c)
{
}

#define RANGE(at, last, every, lim)                                                                \
    .begin = KEY_BEGIN_INDEX, .index = (at), .find = KEY_FIND_RANGE, .last_key = (last),           \
    .step = (every), .limit = (lim)

static const struct key_spec one_key[] = {{.flags = KEY_RO, RANGE(1, 0, 1, 0)}};
static const struct key_spec all_keys[] = {{.flags = KEY_RW, RANGE(1, -1, 1, 0)}};
static const struct key_spec every_second[] = {{.flags = KEY_OW, RANGE(1, -1, 2, 0)}};
static const struct key_spec two_specs[] = {{.flags = KEY_RW, RANGE(1, 0, 1, 0)},
                                            {.flags = KEY_OW, RANGE(2, 0, 1, 0)}};
static const struct key_spec counted[] = {{.flags = KEY_RW,
                                           .begin = KEY_BEGIN_INDEX,
                                           .index = 2,
                                           .find = KEY_FIND_KEYNUM,
                                           .keynum_index = 0,
                                           .first_key = 1,
                                           .step = 1}};
static const struct key_spec after_word[] = {{.flags = KEY_RO,
                                              .begin = KEY_BEGIN_KEYWORD,
                                              .keyword = "STREAMS",
                                              .start_from = 1,
                                              .find = KEY_FIND_RANGE,
                                              .last_key = -1,
                                              .step = 1,
                                              .limit = 2}};
static const struct key_spec word_from_end[] = {{.flags = KEY_RW, RANGE(3, 0, 1, 0)},
                                                {.flags = KEY_RW,
                                                 .begin = KEY_BEGIN_KEYWORD,
                                                 .keyword = "KEYS",
                                                 .start_from = -2,
                                                 .find = KEY_FIND_RANGE,
                                                 .last_key = -1,
                                                 .step = 1}};
static const struct key_spec no_key[] = {{.flags = KEY_NOT_KEY, RANGE(1, -1, 1, 0)}};

/* The subcommands stand before their container and in another table, as services may do it. */
static struct command early[] = {
    {.name = "late", .fullname = "box|late", .container = "box", .fn = run_nothing, .arity = 2},
};
static struct command table[] = {
    {.name = "one", .fullname = "one", .fn = run_nothing, .arity = 2, .keys = one_key, .nkeys = 1},
    {.name = "all",
     .fullname = "all",
     .fn = run_nothing,
     .arity = -2,
     .keys = all_keys,
     .nkeys = 1},
    {.name = "second",
     .fullname = "second",
     .fn = run_nothing,
     .arity = -3,
     .keys = every_second,
     .nkeys = 1},
    {.name = "two",
     .fullname = "two",
     .fn = run_nothing,
     .arity = 3,
     .keys = two_specs,
     .nkeys = 2},
    {.name = "counted",
     .fullname = "counted",
     .fn = run_nothing,
     .arity = -3,
     .keys = counted,
     .nkeys = 1},
    {.name = "word",
     .fullname = "word",
     .fn = run_nothing,
     .arity = -2,
     .keys = after_word,
     .nkeys = 1},
    {.name = "end",
     .fullname = "end",
     .fn = run_nothing,
     .arity = -4,
     .keys = word_from_end,
     .nkeys = 2},
    {.name = "channels",
     .fullname = "channels",
     .fn = run_nothing,
     .arity = -2,
     .keys = no_key,
     .nkeys = 1},
    {.name = "box", .fullname = "box", .arity = -2},
    {.name = "no-op", .fullname = "box|no-op", .container = "box", .fn = run_nothing, .arity = 2},
    {.name = "old", .fullname = "old", .fn = run_nothing, .arity = 1},
    {.name = "hidden", .fullname = "hidden", .fn = run_nothing, .arity = 1},
};

static int register_all(void **state)
{
    command_register(early, COUNT_OF(early));
    command_register(table, COUNT_OF(table));
    return 0;
}

static const char *name_of(const struct command *cmd)
{
    return cmd ? cmd->fullname : "none";
}

static void test_find_ignores_case_only(void **state)
{
    assert_string_equal(name_of(command_find(SLICE("ONE"))), "one");
    assert_string_equal(name_of(command_find(SLICE("oNe"))), "one");
    assert_null(command_find(SLICE("on")));
    assert_null(command_find(SLICE("onee")));
    assert_null(command_find(SLICE("")));
    assert_null(command_find(SLICE_NULL));
    /* '-' and '\r' differ in the bit that folds letters. */
    assert_null(command_find_full(SLICE("box|no\rop")));
    assert_null(command_find(SLICE("one\0")));
}

static void test_find_full_takes_bars(void **state)
{
    assert_string_equal(name_of(command_find_full(SLICE("Box|No-Op"))), "box|no-op");
    assert_string_equal(name_of(command_find_full(SLICE("box|late"))), "box|late");
    assert_string_equal(name_of(command_find_full(SLICE("box"))), "box");
    assert_null(command_find_full(SLICE("box|")));
    assert_null(command_find_full(SLICE("|late")));
    assert_null(command_find_full(SLICE("box|late|x")));
}

static void test_resolve_subcommands(void **state)
{
    bool parent_only;
    struct slice argv[] = {SLICE("BOX"), SLICE("LATE"), SLICE("x")};
    assert_string_equal(name_of(command_resolve(argv, 2, &parent_only)), "box|late");
    assert_false(parent_only);
    assert_string_equal(name_of(command_resolve(argv, 1, &parent_only)), "box");
    argv[1] = SLICE("nosuch");
    assert_null(command_resolve(argv, 3, &parent_only));
    assert_true(parent_only);
    argv[0] = SLICE("nosuch");
    assert_null(command_resolve(argv, 3, &parent_only));
    assert_false(parent_only);
    assert_ptr_equal(early[0].parent, command_find(SLICE("box")));
}

static void test_rename_moves_only_the_name(void **state)
{
    assert_true(command_rename(SLICE("OLD"), SLICE("New-Name")));
    assert_null(command_find(SLICE("old")));
    assert_string_equal(name_of(command_find(SLICE("new-name"))), "old");
    assert_string_equal(name_of(command_find_original(SLICE("old"))), "old");
    assert_null(command_find_original(SLICE("new-name")));
    assert_false(command_rename(SLICE("old"), SLICE("other")));
    assert_false(command_rename(SLICE("one"), SLICE("ALL")));
    size_t n = command_count();
    assert_true(command_rename(SLICE("hidden"), SLICE("")));
    assert_null(command_find(SLICE("hidden")));
    assert_int_equal(command_count(), n - 1);
    assert_true(command_rename(SLICE("new-name"), SLICE("old")));
}

static void test_arity(void **state)
{
    assert_true(command_arity_ok(&table[0], 2));
    assert_false(command_arity_ok(&table[0], 3));
    assert_true(command_arity_ok(&table[1], 7));
    assert_false(command_arity_ok(&table[1], 1));
}

static void test_legacy_range(void **state)
{
    assert_true(table[0].keys_simple);
    assert_int_equal(table[0].last_key, 1);
    assert_int_equal(table[1].last_key, -1);
    assert_int_equal(table[2].key_step, 2);
    assert_false(table[3].keys_simple);
    assert_int_equal(table[3].first_key, 1);
    assert_int_equal(table[3].last_key, 2);
    assert_int_equal(table[4].first_key, 0);
    assert_int_equal(table[6].first_key, 3);
    assert_false(command_has_keys(&table[7]));
    assert_true(command_has_keys(&table[4]));
}

/* Splits at spaces in place; returns the number of words. */
static int split(char *line, struct slice *argv)
{
    int n = 0;
    for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
        argv[n++] = slice_str(w);
    return n;
}

static void test_keys_of_calls(void **state)
{
    static const struct {
        const char *line, *keys; /* keys NULL: not valid */
    } cases[] = {
        {"one a", "1"},
        {"all a b c", "1 2 3"},
        {"second a 1 b 2", "1 3"},
        {"second a 1 b", "1 3"},
        {"two a b", "1 2"},
        {"counted s 0", NULL},
        {"counted s 2 a b c", "3 4"},
        {"counted s 3 a b", NULL},
        {"counted s -1 a", NULL},
        {"counted s x a", NULL},
        {"counted s 99999999999999999999 a", NULL},
        {"counted s", NULL},
        {"word count 1 streams a b 0 0", "4 5"},
        {"word Streams a 0", "2"},
        {"word count 1", ""},
        {"word count streams", ""},
        {"end h p k", "3"},
        {"end h p k keys a b", "3 5 6"},
        {"end h p k auth keys keys a", "3 7"},
        {"channels a b", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char line[100], got[100] = "";
        struct slice argv[20];
        strcpy(line, cases[i].line);
        int argc = split(line, argv);
        struct key_refs keys;
        key_refs_init(&keys);
        bool ok = command_keys(command_find(argv[0]), argv, argc, &keys);
        if (ok != (cases[i].keys != NULL))
            fail_msg("%s: valid is %d", cases[i].line, ok);
        for (size_t k = 0; k < keys.n; k++)
            sprintf(got + strlen(got), "%s%d", k ? " " : "", keys.v[k].pos);
        if (ok && strcmp(got, cases[i].keys) != 0)
            fail_msg("%s: keys %s, want %s", cases[i].line, got, cases[i].keys);
        key_refs_free(&keys);
    }
}

static void test_key_refs_grow(void **state)
{
    struct slice argv[300];
    for (size_t i = 0; i < COUNT_OF(argv); i++)
        argv[i] = SLICE("k");
    struct key_refs keys;
    key_refs_init(&keys);
    assert_true(command_keys(&table[1], argv, 300, &keys));
    assert_int_equal(keys.n, 299);
    assert_int_equal(keys.v[298].pos, 299);
    key_refs_free(&keys);
    assert_int_equal(keys.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_ignores_case_only),
        cmocka_unit_test(test_find_full_takes_bars),
        cmocka_unit_test(test_resolve_subcommands),
        cmocka_unit_test(test_rename_moves_only_the_name),
        cmocka_unit_test(test_arity),
        cmocka_unit_test(test_legacy_range),
        cmocka_unit_test(test_keys_of_calls),
        cmocka_unit_test(test_key_refs_grow),
    };
    return cmocka_run_group_tests(tests, register_all, NULL);
}
