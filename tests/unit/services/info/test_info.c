/* INFO: which words select which sections, and fields of other layers. */
#include "services/info/info.h"

#include "event/event_options.h"
#include "keyspace/keyspace_options.h"
#include "services/info/info_commands.h"
#include "session/info.h"
#include "session/stats.h"
#include "unit/services/fake_session.h"

static void extra_field(struct buf *out)
{
    buf_put_str(out, "extra_field:1\r\n");
}

static void own_field(struct buf *out)
{
    buf_put_str(out, "own_field:2\r\n");
}

static int setup(void **state)
{
    event_options_register();
    keyspace_options_register();
    info_commands_register();
    info_register("stats", extra_field);
    info_register("gadgets", own_field);
    return 0;
}

static struct buf text;

static void info(size_t n, const char *a, const char *b)
{
    struct slice names[] = {slice_str(a), slice_str(b)};
    buf_clear(&text);
    info_text(&text, names, n);
    buf_cstr(&text);
}

static size_t count(const char *word)
{
    size_t n = 0;
    for (const char *p = text.n ? text.p : ""; (p = strstr(p, word)) != NULL; p++)
        n++;
    return n;
}

static void test_info_default_sections(void **state)
{
    info(0, "", "");
    assert_int_equal(count("redis_version:7.2.5\r\n"), 1);
    assert_int_equal(count("# Keyspace\r\n"), 1);
    assert_int_equal(count("# Storage\r\n"), 1);
    assert_int_equal(count("# Tick\r\n"), 1);
    assert_int_equal(count("# Commandstats"), 0);
    assert_int_equal(count("eventloop_duration_aof_sum"), 0);
    assert_int_equal(count("extra_field:1\r\n"), 1);
    assert_int_equal(count("# gadgets\r\nown_field:2\r\n"), 1);
}

static void test_info_words(void **state)
{
    info(1, "CPU", "");
    assert_int_equal(count("# "), 1);
    assert_int_equal(count("used_cpu_user:"), 1);
    info(2, "cpu", "all");
    assert_int_equal(count("# CPU"), 1);
    assert_int_equal(count("# Commandstats"), 1);
    info(2, "cpu", "default");
    assert_int_equal(count("# CPU"), 1);
    assert_int_equal(count("# Commandstats"), 0);
    info(1, "everything", "");
    assert_int_equal(count("# Latencystats"), 1);
    assert_int_equal(count("# Debug"), 0);
    info(1, "debug", "");
    assert_int_equal(count("# Debug"), 1);
    info(2, "sentinel", "gadgets");
    assert_string_equal(text.p, "# gadgets\r\nown_field:2\r\n");
    info(1, "nothing", "");
    assert_int_equal(text.n, 0);
}

static void test_info_commands_and_errors(void **state)
{
    struct command *cmd = command_find(SLICE("info"));
    cmd->calls = 4;
    cmd->usec = 10;
    command_latency_add(cmd, 5);
    sess_stats_error(SLICE("ERR"));
    sess_stats_error(SLICE("A:B"));
    info(2, "commandstats", "errorstats");
    assert_int_equal(
        count(
            "cmdstat_info:calls=4,usec=10,usec_per_call=2.50,rejected_calls=0,failed_calls=0\r\n"),
        1);
    assert_int_equal(count("errorstat_ERR:count=1\r\n"), 1);
    assert_int_equal(count("errorstat_A_B:count=1\r\n"), 1);
    info(1, "latencystats", "");
    assert_int_equal(count("latency_percentiles_usec_info:p50=5."), 1);
    assert_int_equal(count(",p99.9=5."), 1);
    sess_stats_reset();
    info(1, "latencystats", "");
    assert_int_equal(count("latency_percentiles"), 0);
}

static void set_percentiles(const char *value, enum status want)
{
    struct error err = {.message = ""};
    struct slice word = slice_str(value);
    assert_int_equal(config_set(SLICE("latency-tracking-info-percentiles"), &word, 1, true, &err),
                     want);
}

static void test_info_percentiles_option(void **state)
{
    struct buf out = BUF_INIT;
    set_percentiles("0 50.5 100", ST_OK);
    assert_int_equal(config_get(SLICE("latency-tracking-info-percentiles"), &out), ST_OK);
    assert_string_equal(buf_cstr(&out), "0 50.5 100");
    set_percentiles("101", ST_RANGE);
    set_percentiles("x", ST_INVALID);
    set_percentiles("", ST_OK);
    buf_clear(&out);
    assert_int_equal(config_get(SLICE("latency-tracking-info-percentiles"), &out), ST_OK);
    assert_string_equal(buf_cstr(&out), "");
    buf_free(&out);
    set_percentiles("50 99 99.9", ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info_default_sections),
        cmocka_unit_test(test_info_words),
        cmocka_unit_test(test_info_commands_and_errors),
        cmocka_unit_test(test_info_percentiles_option),
    };
    int failed = cmocka_run_group_tests(tests, setup, NULL);
    buf_free(&text);
    return failed;
}
