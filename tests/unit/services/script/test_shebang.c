/* The first line of scripts and libraries. */
#include "services/script/shebang.h"

#include "base/compiler.h"
#include "unit/cmocka_all.h"

#include <string.h>

static void test_shebang_of_script(void **state)
{
    static const struct {
        const char *text, *why; /* why NULL: it is good */
        size_t length;
        unsigned flags;
    } rows[] = {
        {"return 1", NULL, 0, SCRIPT_UNDECLARED},
        {"", NULL, 0, SCRIPT_UNDECLARED},
        {"#", NULL, 0, SCRIPT_UNDECLARED},
        {" #!lua\nreturn 1", NULL, 0, SCRIPT_UNDECLARED},
        {"#!lua\nreturn 1", NULL, 5, 0},
        {"#!lua flags=no-writes\n", NULL, 21, SCRIPT_NO_WRITES},
        {"#!lua flags=allow-oom,allow-stale flags=no-cluster\n", NULL, 50,
         SCRIPT_ALLOW_OOM | SCRIPT_ALLOW_STALE | SCRIPT_NO_CLUSTER},
        {"#!lua \"flags=allow-cross-slot-keys\"\n", NULL, 35, SCRIPT_ALLOW_CROSS_SLOT},
        {"#!lua flags=\n", NULL, 12, 0},
        {"#!lua", "Invalid script shebang", 0, 0},
        {"#!lua 'flags\n", "Invalid engine in script shebang", 0, 0},
        {"#!python\n", "Unexpected engine in script shebang: #!python", 0, 0},
        {"#!LUA\n", "Unexpected engine in script shebang: #!LUA", 0, 0},
        {"#!lua flags=no-writes,what\n", "Unexpected flag in script shebang: what", 0, 0},
        {"#!lua flags=NO-WRITES\n", "Unexpected flag in script shebang: NO-WRITES", 0, 0},
        {"#!lua flags=no-writes,\n", "Unexpected flag in script shebang: ", 0, 0},
        {"#!lua name=x\n", "Unknown lua shebang option: name=x", 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct shebang head;
        struct buf why = BUF_INIT;
        bool ok = shebang_of_script(slice_str(rows[i].text), &head, &why);
        if (rows[i].why) {
            assert_false(ok);
            assert_string_equal(buf_cstr(&why), rows[i].why);
        } else {
            assert_true(ok);
            assert_int_equal(head.length, rows[i].length);
            assert_int_equal(head.flags, rows[i].flags);
        }
        buf_free(&why);
        assert_int_equal(shebang_of_script(slice_str(rows[i].text), &head, NULL), ok);
    }
}

static void test_shebang_of_library(void **state)
{
    static const struct {
        const char *text, *name, *engine, *why;
    } rows[] = {
        {"#!lua name=lib\ncode", "lib", "lua", NULL},
        {"#!LUA NAME=\"a lib\"\n", "a lib", "LUA", NULL},
        {"#! name=lib\n", "lib", "", NULL},
        {"#!lua name=\n", "", "lua", NULL},
        {"return 1", NULL, NULL, "Missing library metadata"},
        {"#!lua name=lib", NULL, NULL, "Invalid library metadata"},
        {"#!lua name='lib\n", NULL, NULL, "Invalid library metadata"},
        {"#!lua\n", NULL, NULL, "Library name was not given"},
        {"#!lua name=a name=b\n", NULL, NULL,
         "Invalid metadata value, name argument was given multiple times"},
        {"#!lua name=a flags=no-writes\n", NULL, NULL,
         "Invalid metadata value given: flags=no-writes"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct shebang head;
        struct buf why = BUF_INIT;
        bool ok = shebang_of_library(slice_str(rows[i].text), &head, &why);
        assert_int_equal(ok, rows[i].why == NULL);
        if (ok) {
            assert_string_equal(buf_cstr(&head.name), rows[i].name);
            assert_string_equal(buf_cstr(&head.engine), rows[i].engine);
            buf_free(&head.name);
            buf_free(&head.engine);
        } else {
            assert_string_equal(buf_cstr(&why), rows[i].why);
        }
        buf_free(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shebang_of_script),
        cmocka_unit_test(test_shebang_of_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
