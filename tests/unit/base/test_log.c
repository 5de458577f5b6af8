#include "base/log.h"

#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/orbit_test_log_XXXXXX";
static char content[8192];

static const char *read_log(void)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    content[fread(content, 1, sizeof(content) - 1, f)] = '\0';
    fclose(f);
    return content;
}

static int setup_log(void **state)
{
    int fd = mkstemp(path);
    if (fd >= 0)
        close(fd);
    return fd >= 0 && log_set_file(path) ? 0 : -1;
}

static int teardown_log(void **state)
{
    log_set_file(NULL);
    unlink(path);
    return 0;
}

static int empty_log(void **state)
{
    log_set_level(LOG_NOTICE);
    log_set_role('M');
    return truncate(path, 0);
}

static void test_log_write_has_the_format(void **state)
{
    log_notice(LOG_SERVER, "hello %d", 5);
    int pid, day, year, hour, minute, second, ms;
    char role, month[4], level, text[64];
    int n = sscanf(read_log(), "%d:%c %2d %3s %4d %2d:%2d:%2d.%3d %c %63[^\n]", &pid, &role, &day,
                   month, &year, &hour, &minute, &second, &ms, &level, text);
    assert_int_equal(n, 11);
    assert_int_equal(pid, getpid());
    assert_int_equal(role, 'M');
    assert_int_equal(level, '*');
    assert_string_equal(text, "hello 5");
    assert_int_equal(content[strlen(content) - 1], '\n');
}

static void test_log_levels_filter(void **state)
{
    log_verbose(LOG_SERVER, "not this");
    assert_string_equal(read_log(), "");
    log_warning(LOG_SERVER, "but this");
    assert_non_null(strstr(read_log(), " # but this\n"));
    log_set_level(LOG_DEBUG);
    assert_int_equal(log_get_level(), LOG_DEBUG);
    log_debug(LOG_WAL, "area shown");
    assert_non_null(strstr(read_log(), " . [wal] area shown\n"));
    log_verbose(LOG_WAL, "chatter");
    assert_non_null(strstr(read_log(), " - chatter\n"));
    assert_int_equal(truncate(path, 0), 0);
    log_set_level(LOG_NOTHING);
    log_warning(LOG_SERVER, "silence");
    log_raw(LOG_WARNING, "silence");
    assert_string_equal(read_log(), "");
}

static void test_log_cuts_long_lines(void **state)
{
    log_notice(LOG_SERVER, "%05000d", 1);
    const char *text = read_log();
    size_t n = strlen(text);
    assert_true(n > 1000 && n <= 2048);
    assert_int_equal(text[n - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + n - 1);
}

static void test_log_raw_role_and_signal_safe(void **state)
{
    log_raw(LOG_NOTICE, "banner\n");
    log_signal_safe("crash");
    assert_string_equal(read_log(), "banner\ncrash\n");
    log_set_role('S');
    log_notice(LOG_SERVER, "x");
    assert_non_null(strstr(read_log(), ":S "));
}

static void test_log_file_is_reopened(void **state)
{
    log_notice(LOG_SERVER, "one");
    assert_int_equal(unlink(path), 0);
    log_notice(LOG_SERVER, "two");
    assert_null(strstr(read_log(), "one"));
    assert_non_null(strstr(read_log(), "two"));
}

static void test_log_set_file_refuses(void **state)
{
    assert_false(log_set_file("/nonexistent/folder/file"));
    log_notice(LOG_SERVER, "still here");
    assert_non_null(strstr(read_log(), "still here"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_log_write_has_the_format, empty_log),
        cmocka_unit_test_setup(test_log_levels_filter, empty_log),
        cmocka_unit_test_setup(test_log_cuts_long_lines, empty_log),
        cmocka_unit_test_setup(test_log_raw_role_and_signal_safe, empty_log),
        cmocka_unit_test_setup(test_log_file_is_reopened, empty_log),
        cmocka_unit_test_setup(test_log_set_file_refuses, empty_log),
    };
    return cmocka_run_group_tests(tests, setup_log, teardown_log);
}
