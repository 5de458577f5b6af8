/* Files, command-line words, and the report of what is wrong. */
#include "unit/cmocka_all.h"
#include "unit/config/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static int setup(void **state)
{
    strcpy(dir, "/tmp/orbit-config-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return sample_setup(state);
}

static int teardown(void **state)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    return sample_teardown(state);
}

static const char *write_file(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static enum status load_words(size_t n, const char *const *words, struct error *err)
{
    /* main's argv is not const, though nobody writes to it */
    return config_load_args((int)n, (char **)(uintptr_t)words, err);
}

#define WORDS(...)                                                                                 \
    (const char *[])                                                                               \
    {                                                                                              \
        "orbit-server", __VA_ARGS__                                                                \
    }
#define LOAD(...) load_words(COUNT_OF((WORDS(__VA_ARGS__))), WORDS(__VA_ARGS__), &err)

static void test_load_file(void **state)
{
    struct error err = {.message = ""};
    const char *path =
        write_file("a.conf", "# comment\n\n  COUNT 20 \ncolour 'blue'\ncount 30\nnote x y\n");
    assert_int_equal(LOAD(path), ST_OK);
    assert_int_equal(sample.count, 30); /* the last one wins */
    assert_int_equal(sample.colour, 2);
    assert_int_equal(sample_notes, 1);
    assert_string_equal(config_file(), path);
}

static void test_load_words_come_after_the_file(void **state)
{
    struct error err = {.message = ""};
    const char *path = write_file("a.conf", "count 20");
    assert_int_equal(LOAD(path, "--count", "40", "--list", "a", "b c", "--on-signal now force"),
                     ST_OK);
    assert_int_equal(sample.count, 40);
    assert_string_equal(sample_get("list"), "a b c");
    assert_string_equal(sample_get("on-signal"), "now force");
}

static void test_load_first_word_may_lack_dashes(void **state)
{
    struct error err = {.message = ""};
    const char *path = write_file("a.conf", "");
    assert_int_equal(LOAD(path, "count", "7", "--title '700mb'"), ST_OK);
    assert_int_equal(sample.count, 7);
    assert_string_equal(sample.title, "700mb");
}

static void test_load_a_value_may_begin_with_dashes(void **state)
{
    struct error err = {.message = ""};
    assert_int_equal(LOAD("--title", "--my--title", "--count", "5"), ST_OK);
    assert_string_equal(sample.title, "--my--title");
    assert_int_equal(sample.count, 5);
}

static void assert_report(const char *line, const char *reason, struct error *err)
{
    assert_string_equal(err->message, reason);
    assert_non_null(strstr(config_load_report(), "*** FATAL CONFIG FILE ERROR (Redis 7.2.5) ***"));
    assert_non_null(strstr(config_load_report(), line));
    assert_non_null(strstr(config_load_report(), reason));
}

static void test_load_reports(void **state)
{
    struct error err = {.message = ""};
    assert_int_equal(LOAD("--invalid"), ST_INVALID);
    assert_report(">>> 'invalid'", "Bad directive or wrong number of arguments", &err);
    assert_int_equal(LOAD("--count"), ST_INVALID);
    assert_report(">>> 'count'", "wrong number of arguments", &err);
    assert_int_equal(LOAD("--count", "--colour", "red"), ST_INVALID);
    assert_report(">>> 'count \"--colour\" \"red\"'", "wrong number of arguments", &err);
    assert_int_equal(LOAD("--count", "--bla", "--colour", "red"), ST_INVALID);
    assert_report(">>> 'count \"--bla\"'", "argument couldn't be parsed into an integer", &err);
    assert_int_equal(LOAD("--on-signal"), ST_INVALID);
    assert_report(">>> 'on-signal'",
                  "argument(s) must be one of the following: default, save, now, force", &err);
}

static void test_load_reports_the_line(void **state)
{
    struct error err = {.message = ""};
    const char *path = write_file("a.conf", "count 20\n\ntitle \"open\n");
    assert_int_equal(LOAD(path), ST_SYNTAX);
    assert_report("at line 3\n>>> 'title \"open'", "Unbalanced quotes in configuration line", &err);
}

static void test_load_include(void **state)
{
    struct error err = {.message = ""};
    char text[256];
    write_file("x1.inc", "count 50\n");
    write_file("x2.inc", "colour red\n");
    snprintf(text, sizeof(text), "include %s/x*.inc\ninclude %s/none*.inc\n", dir, dir);
    assert_int_equal(LOAD(write_file("a.conf", text)), ST_OK);
    assert_int_equal(sample.count, 50);
    assert_int_equal(sample.colour, 0);
    snprintf(text, sizeof(text), "include %s/missing.inc\n", dir);
    assert_int_equal(LOAD(write_file("a.conf", text)), ST_NOT_FOUND);
    snprintf(text, sizeof(text), "include %s/a.conf\n", dir);
    assert_int_equal(LOAD(write_file("a.conf", text)), ST_INVALID);
    assert_non_null(strstr(err.message, "nested"));
}

static void test_load_keeps_options_of_modules(void **state)
{
    struct error err = {.message = ""};
    struct buf value = BUF_INIT;
    assert_int_equal(LOAD("--mod.flags", "two", "four", "--mod.other", "x", "--MOD.other", "y"),
                     ST_OK);
    assert_int_equal(config_pending_count(), 2);
    assert_true(config_pending_take(SLICE("mod.flags"), &value));
    assert_string_equal(buf_cstr(&value), "two four");
    buf_clear(&value);
    assert_true(config_pending_take(SLICE("mod.other"), &value));
    assert_string_equal(buf_cstr(&value), "y");
    assert_false(config_pending_take(SLICE("mod.other"), &value));
    buf_free(&value);
}

static void test_load_missing_file(void **state)
{
    struct error err = {.message = ""};
    assert_int_equal(LOAD("/nonexistent/orbit.conf"), ST_NOT_FOUND);
    assert_non_null(
        strstr(config_load_report(), "can't open config file '/nonexistent/orbit.conf'"));
}

static void test_load_relative_path_becomes_absolute(void **state)
{
    struct error err = {.message = ""};
    char cwd[256], expect[320];
    write_file("a.conf", "count 3\n");
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(mkdir("sub", 0700), 0);
    assert_int_equal(chdir("sub"), 0);
    assert_int_equal(LOAD("../a.conf"), ST_OK);
    snprintf(expect, sizeof(expect), "%s/a.conf", dir);
    assert_string_equal(config_file(), expect);
    assert_int_equal(chdir(cwd), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_load_file),
        CASE(test_load_words_come_after_the_file),
        CASE(test_load_first_word_may_lack_dashes),
        CASE(test_load_a_value_may_begin_with_dashes),
        CASE(test_load_reports),
        CASE(test_load_reports_the_line),
        CASE(test_load_include),
        CASE(test_load_keeps_options_of_modules),
        CASE(test_load_missing_file),
        CASE(test_load_relative_path_becomes_absolute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
