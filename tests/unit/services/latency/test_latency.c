/* LATENCY: samples, and the commands over them. */
#include "services/latency/latency.h"

#include "config/admin.h"
#include "services/latency/latency_commands.h"
#include "session/hooks.h"
#include "session/stats.h"
#include "unit/services/fake_session.h"

static struct fake *client;

static int setup(void **state)
{
    latency_commands_register();
    latency_start();
    client = fake_new(2);
    return 0;
}

static int teardown(void **state)
{
    fake_free(client);
    return 0;
}

static int reset(void **state)
{
    fake_run(client, cmd_latency_reset, "latency reset");
    buf_clear(&client->out);
    return 0;
}

static void test_latency_one_sample_a_second(void **state)
{
    latency_add("command", 100, 5);
    latency_add("command", 100, 9);
    latency_add("command", 100, 7);
    latency_add("command", 101, 3);
    const struct latency_event *e = latency_find(SLICE("command"));
    assert_int_equal(e->n, 2);
    assert_int_equal(latency_sample(e, 0)->ms, 9);
    assert_int_equal(latency_sample(e, 1)->ms, 3);
    assert_int_equal(e->max_ms, 9);
}

static void test_latency_ring_keeps_the_newest(void **state)
{
    for (int i = 0; i < LATENCY_SAMPLES + 10; i++)
        latency_add("fold", i, i);
    const struct latency_event *e = latency_find(SLICE("fold"));
    assert_int_equal(e->n, LATENCY_SAMPLES);
    assert_int_equal(latency_sample(e, 0)->time_s, 10);
    assert_int_equal(latency_sample(e, LATENCY_SAMPLES - 1)->time_s, LATENCY_SAMPLES + 9);
}

static void test_latency_commands(void **state)
{
    latency_add("fold", 100, 5);
    latency_add("aof-write", 101, 7);
    latency_add("fold", 102, 4);
    fake_run(client, cmd_latency_latest, "latency latest");
    assert_told(client, "array(array(aof-write 101 7 7) array(fold 102 4 5))");
    fake_run(client, cmd_latency_history, "latency history fold");
    assert_told(client, "array(array(100 5) array(102 4))");
    fake_run(client, cmd_latency_history, "latency history none");
    assert_told(client, "empty");
    fake_run(client, cmd_latency_graph, "latency graph none");
    assert_told(client, "ERR No samples available for event 'none'");
    fake_run(client, cmd_latency_reset, "latency reset none fold");
    assert_told(client, "1");
    fake_run(client, cmd_latency_reset, "latency reset");
    assert_told(client, "1");
    fake_run(client, cmd_latency_latest, "latency latest");
    assert_told(client, "empty");
}

static void test_latency_watches_commands(void **state)
{
    struct slice argv[] = {SLICE("get")};
    struct command cmd = {.name = "get", .fullname = "get", .flags = CMD_FAST};
    struct call c = {.s = client->s, .cmd = &cmd, .argv = argv, .argc = 1, .duration_us = 20000};
    latency_opts.threshold_ms = 0;
    hook_run(HOOK_AFTER_COMMAND, &c);
    assert_null(latency_find(SLICE("fast-command")));
    struct config_pair pair = {SLICE("latency-monitor-threshold"), SLICE("20")};
    struct error err = {.message = ""};
    assert_int_equal(config_set_all(&pair, 1, 0, &err), ST_OK);
    hook_run(HOOK_AFTER_COMMAND, &c);
    assert_int_equal(latency_find(SLICE("fast-command"))->max_ms, 20);
    cmd.flags = 0;
    c.duration_us = 19999;
    hook_run(HOOK_AFTER_COMMAND, &c);
    assert_null(latency_find(SLICE("command")));
}

static void test_latency_histogram(void **state)
{
    struct command *cmd = command_find_full(SLICE("latency|latest"));
    assert_non_null(cmd);
    fake_run(client, cmd_latency_histogram, "latency histogram latency|latest nope");
    assert_told(client, "()");
    command_latency_add(cmd, 3);
    command_latency_add(cmd, 100);
    fake_run(client, cmd_latency_histogram, "latency histogram latency");
    assert_told(client, "(latency|latest map(calls 2 histogram_usec (4 1 131 2))");
    command_latency_reset(cmd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_latency_one_sample_a_second, reset),
        cmocka_unit_test_setup(test_latency_ring_keeps_the_newest, reset),
        cmocka_unit_test_setup(test_latency_commands, reset),
        cmocka_unit_test_setup(test_latency_watches_commands, reset),
        cmocka_unit_test_setup(test_latency_histogram, reset),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
