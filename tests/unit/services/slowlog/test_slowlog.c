/* SLOWLOG: what is kept, how it is cut, how it is shown. */
#include "services/slowlog/slowlog.h"

#include "base/clock.h"
#include "config/config.h"
#include "services/slowlog/slowlog_commands.h"
#include "session/acl.h"
#include "session/hooks.h"
#include "unit/services/fake_session.h"

static struct fake *client;

static int setup(void **state)
{
    slowlog_commands_register();
    clock_freeze_ms(1700000000000);
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
    slowlog_opts.slower_than_us = 10;
    slowlog_opts.max_len = 128;
    fake_run(client, cmd_slowlog_reset, "slowlog reset");
    buf_clear(&client->out);
    return 0;
}

static void finished(size_t argc, struct slice *argv, int64_t us, unsigned flags)
{
    struct command cmd = {.name = "test", .fullname = "test", .flags = flags};
    struct call c = {
        .s = client->s, .cmd = &cmd, .argv = argv, .argc = (int)argc, .duration_us = us};
    hook_run(HOOK_AFTER_COMMAND, &c);
}

static void assert_len(const char *n)
{
    fake_run(client, cmd_slowlog_len, "slowlog len");
    assert_told(client, n);
}

static void test_slowlog_keeps_what_is_slow(void **state)
{
    struct slice argv[] = {SLICE("get"), SLICE("key")};
    finished(2, argv, 9, 0);
    finished(2, argv, 50, CMD_SKIP_SLOWLOG);
    assert_len("0");
    finished(2, argv, 10, 0);
    assert_len("1");
    slowlog_opts.slower_than_us = -1;
    finished(2, argv, 1000000, 0);
    assert_len("1");
}

static void test_slowlog_get_shows_entries(void **state)
{
    struct slice argv[] = {SLICE("get"), SLICE("key")}, auth[] = {SLICE("auth"), SLICE("secret")};
    finished(2, argv, 10, 0);
    finished(2, auth, 20, 0);
    fake_run(client, cmd_slowlog_get, "slowlog get 1");
    buf_put_byte(&client->out, 0);
    /* ids go on counting; what follows the id is known */
    assert_non_null(strstr(client->out.p, " 1700000000 20 array(auth (redacted)) test:0 "));
    assert_null(strstr(client->out.p, "secret"));
    buf_clear(&client->out);
    fake_run(client, cmd_slowlog_get, "slowlog get 0");
    assert_told(client, "empty");
    slowlog_opts.max_len = 1;
    finished(2, argv, 10, 0);
    assert_len("1");
}

static void test_slowlog_cuts_long_calls(void **state)
{
    struct slice argv[40];
    char big[200];
    memset(big, 'A', sizeof(big));
    argv[0] = SLICE("del");
    for (size_t i = 1; i < COUNT_OF(argv); i++)
        argv[i] = SLICE("k");
    argv[1] = slice_make(big, 129);
    finished(COUNT_OF(argv), argv, 10, 0);
    fake_run(client, cmd_slowlog_get, "slowlog get");
    buf_put_byte(&client->out, 0);
    assert_non_null(strstr(client->out.p, "AAA... (1 more bytes)"));
    assert_non_null(strstr(client->out.p, "... (9 more arguments)"));
    buf_clear(&client->out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_slowlog_keeps_what_is_slow, reset),
        cmocka_unit_test_setup(test_slowlog_get_shows_entries, reset),
        cmocka_unit_test_setup(test_slowlog_cuts_long_calls, reset),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
