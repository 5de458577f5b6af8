/* WAIT and WAITAOF without replicas. */
#include "base/clock.h"
#include "keyspace/keyspace_options.h"
#include "services/replication/replication_commands.h"
#include "session/block.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "unit/session/session_fixture.h"

static struct client *a, *b;

static int setup(void **state)
{
    static bool registered;
    if (!registered)
        replication_commands_register();
    registered = true;
    fx_setup(state);
    lifecycle.kv = fx_kv;
    a = fx_client();
    b = fx_client();
    return 0;
}

static int teardown(void **state)
{
    pause_end(PAUSE_BY_CLIENT);
    fx_client_free(a);
    fx_client_free(b);
    return fx_teardown(state);
}

#define answers(client, words, answer) assert_string_equal(fx_run(client, words), answer)

static void test_wait(void **state)
{
    answers(a, "wait 0 0", ":0");
    answers(a, "wait x 0", "-ERR value is not an integer or out of range");
    answers(a, "wait 1 -1", "-ERR timeout is negative");
    answers(a, "wait 1 100", "");
    clock_freeze_ms(clock_wall_ms() + 101);
    clock_refresh();
    block_tick();
    assert_string_equal(fx_answer(a), ":0");
}

static void test_waitaof(void **state)
{
    struct error err;
    answers(a, "waitaof 2 0 0", "-ERR value is out of range, value must between 0 and 1");
    answers(a, "waitaof 0 -1 0", "-ERR value is out of range, must be positive");
    answers(a, "waitaof 0 x 0", "-ERR value is out of range, must be positive");
    answers(a, "waitaof 1 0 -1", "-ERR timeout is negative");
    answers(a, "waitaof 1 0 0", "*2 :1 :0");
    struct slice set[] = {SLICE("SET"), SLICE("k"), SLICE("v")};
    kv_effect(fx_kv, 0, 3, set);
    answers(a, "waitaof 1 0 0", "");
    hook_run(HOOK_TICK, NULL);
    assert_string_equal(fx_answer(a), "");
    assert_int_equal(kv_commit(fx_kv, &err), ST_OK);
    hook_run(HOOK_TICK, NULL);
    assert_string_equal(fx_answer(a), ""); /* written, not synced */
    kv_sync_log(fx_kv);
    hook_run(HOOK_TICK, NULL);
    assert_string_equal(fx_answer(a), "*2 :1 :0");
    answers(b, "waitaof 1 1 50", "");
    clock_freeze_ms(clock_wall_ms() + 51);
    clock_refresh();
    block_tick();
    assert_string_equal(fx_answer(b), "*2 :1 :0");
}

static void test_waitaof_without_log(void **state)
{
    keyspace_opts.appendonly = false;
    answers(a, "waitaof 1 0 0",
            "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
    answers(a, "waitaof 0 0 0", "*2 :0 :0");
    keyspace_opts.appendonly = true;
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_wait),
        T(test_waitaof),
        T(test_waitaof_without_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
