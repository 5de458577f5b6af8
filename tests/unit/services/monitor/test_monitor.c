/* MONITOR: the line, who gets it, and when. */
#include "services/monitor/monitor.h"

#include "services/monitor/monitor_commands.h"
#include "session/hooks.h"
#include "unit/services/fake_session.h"

static struct fake *watcher, *client;

static int setup(void **state)
{
    monitor_commands_register();
    watcher = fake_new(2);
    client = fake_new(2);
    return 0;
}

static int teardown(void **state)
{
    fake_free(client);
    return 0;
}

static void test_monitor_line_quotes_and_hides(void **state)
{
    struct slice set[] = {SLICE("set"), SLICE("a b"), SLICE("\n\x01\"")};
    struct slice hello[] = {SLICE("hello"), SLICE("3"), SLICE("AUTH"), SLICE("u"), SLICE("p")};
    struct buf out = BUF_INIT;
    monitor_line(&out, 1700000000000042, 9, "1.2.3.4:5", set, 3);
    assert_string_equal(buf_cstr(&out),
                        "1700000000.000042 [9 1.2.3.4:5] \"set\" \"a b\" \"\\n\\x01\\\"\"");
    buf_clear(&out);
    monitor_line(&out, 0, 0, "x", hello, 5);
    assert_string_equal(buf_cstr(&out),
                        "0.000000 [0 x] \"hello\" \"3\" \"AUTH\" \"(redacted)\" \"(redacted)\"");
    buf_free(&out);
}

static void run(unsigned flags)
{
    struct slice argv[] = {SLICE("ping")};
    struct command cmd = {.name = "ping", .fullname = "ping", .flags = flags};
    struct call c = {.s = client->s, .cmd = &cmd, .argv = argv, .argc = 1};
    hook_run(HOOK_BEFORE_COMMAND, &c);
    buf_put_byte(&watcher->out, '|');
    hook_run(HOOK_AFTER_COMMAND, &c);
}

static void assert_seen(const char *before, const char *after)
{
    char *bar = memchr(watcher->out.p, '|', watcher->out.n);
    assert_non_null(bar);
    *bar = '\0';
    const char *got[] = {watcher->out.p, bar + 1}, *want[] = {before, after};
    buf_put_byte(&watcher->out, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(strstr(got[i], "\"ping\"") != NULL, want[i] != NULL);
    buf_clear(&watcher->out);
}

static void test_monitor_shows_commands(void **state)
{
    run(0);
    assert_seen(NULL, NULL);
    fake_run(watcher, cmd_monitor, "monitor");
    assert_told(watcher, "OK");
    run(0);
    assert_seen(NULL, "ping");
    run(CMD_BLOCKING);
    assert_seen("ping", NULL);
    run(CMD_ADMIN);
    assert_seen(NULL, NULL);
    run(CMD_SKIP_MONITOR);
    assert_seen(NULL, NULL);
    assert_string_equal(buf_cstr(&client->out), "");
    fake_free(watcher);
    watcher = fake_new(2);
    run(0); /* nobody watches any more */
    assert_seen(NULL, NULL);
    fake_free(watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monitor_line_quotes_and_hides),
        cmocka_unit_test(test_monitor_shows_commands),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
