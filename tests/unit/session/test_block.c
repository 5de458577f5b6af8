/* Blocked and paused sessions. */
#include "base/clock.h"
#include "unit/session/session_fixture.h"

static struct client *a, *b;

static int setup(void **state)
{
    fx_setup(state);
    a = fx_client();
    b = fx_client();
    return 0;
}

static int teardown(void **state)
{
    pause_end(PAUSE_BY_CLIENT);
    fx_client_free(a);
    fx_client_free(b);
    assert_int_equal(block_count(), 0);
    return fx_teardown(state);
}

static void pass_ms(int64_t ms)
{
    clock_freeze_ms(clock_wall_ms() + ms);
    clock_refresh();
    block_tick();
}

static void wake_answer(struct call *c, void *state, void *arg)
{
    assert_string_equal(c->cmd->fullname, "bpark");
    assert_true(slice_eq(c->argv[1], SLICE("key")));
    reply_str(c, arg);
}

static void test_block_times_out(void **state)
{
    assert_string_equal(fx_run(a, "bpark key 100"), "");
    assert_int_equal(a->last, DISPATCH_BLOCKED);
    assert_true(a->s->flags & SESS_BLOCKED);
    assert_int_equal(block_count(), 1);
    assert_int_equal(fx_command("bpark")->calls, 0);
    pass_ms(50);
    assert_int_equal(a->resumed, 0);
    pass_ms(60);
    assert_string_equal(fx_answer(a), "_");
    assert_int_equal(a->resumed, 1);
    assert_int_equal(fx_parked_freed, 1);
    assert_int_equal(fx_command("bpark")->calls, 1);
    assert_false(a->s->flags & SESS_BLOCKED);
}

static void test_block_times_out_in_order(void **state)
{
    struct client *c[64];
    for (size_t i = 0; i < 64; i++) {
        char words[32];
        c[i] = fx_client();
        (void)snprintf(words, sizeof words, "bpark key %zu", (i * 37) % 64 + 10);
        fx_run(c[i], words);
    }
    assert_int_equal(block_deadlines(), 64);
    fx_client_free(c[5]);
    assert_int_equal(block_deadlines(), 63);
    for (size_t ms = 1; ms < 80; ms++) {
        pass_ms(1);
        for (size_t i = 0; i < 64; i++)
            if (i != 5)
                assert_int_equal(c[i]->resumed, (i * 37) % 64 + 10 <= ms);
    }
    for (size_t i = 0; i < 64; i++)
        if (i != 5)
            fx_client_free(c[i]);
}

static void test_block_wake(void **state)
{
    char word[] = "hello";
    fx_run(a, "bpark key 0");
    pass_ms(1000000);
    assert_int_equal(a->resumed, 0);
    block_wake(a->s, wake_answer, word);
    assert_string_equal(fx_answer(a), "$hello");
    assert_int_equal(a->resumed, 0);
    assert_int_equal(block_count(), 0);
    block_wake(a->s, wake_answer, word); /* no more */
    assert_string_equal(fx_answer(a), "");
    block_tick();
    assert_int_equal(a->resumed, 1);
    assert_int_equal(fx_parked_freed, 1);
}

static void test_block_unblock(void **state)
{
    assert_false(block_unblock(a->s, false));
    fx_run(a, "bpark key 0");
    fx_run(b, "bpark key 0");
    assert_true(block_unblock(a->s, false));
    assert_true(block_unblock(b->s, true));
    assert_false(block_unblock(b->s, true));
    assert_string_equal(fx_answer(a), "_");
    assert_string_equal(fx_answer(b), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    assert_int_equal(fx_parked_freed, 2);
    block_tick();
    assert_int_equal(a->resumed + b->resumed, 2);
}

static void test_block_client_leaves(void **state)
{
    struct client *c = fx_client();
    fx_run(c, "bpark key 100");
    fx_client_free(c);
    assert_int_equal(fx_parked_freed, 1);
    pass_ms(200);
    c = fx_client();
    fx_run(c, "bpark key 0");
    block_wake(c->s, NULL, NULL);
    fx_client_free(c); /* answered, not resumed yet */
    assert_int_equal(fx_parked_freed, 2);
    block_tick();
}

static void test_pause_all(void **state)
{
    pause_set(PAUSE_BY_CLIENT, PAUSE_ALL, clock_wall_ms() + 100);
    assert_string_equal(fx_run(a, "get x"), "");
    assert_int_equal(a->last, DISPATCH_POSTPONED);
    assert_false(block_unblock(a->s, false));
    pass_ms(50);
    assert_int_equal(a->resumed, 0);
    pass_ms(51);
    assert_int_equal(a->resumed, 1);
    assert_string_equal(fx_run(a, "get x"), "_");
    assert_false(a->s->flags & SESS_POSTPONED);
}

static void test_pause_write(void **state)
{
    pause_set(PAUSE_BY_CLIENT, PAUSE_WRITE, clock_wall_ms() + 100);
    assert_string_equal(fx_run(a, "get x"), "_");
    fx_run(a, "multi");
    assert_string_equal(fx_run(a, "get x"), "+QUEUED");
    assert_string_equal(fx_run(a, "exec"), "*1 _");
    fx_run(b, "set x 1");
    assert_int_equal(b->last, DISPATCH_POSTPONED);
    pause_end(PAUSE_BY_CLIENT);
    block_tick();
    assert_int_equal(b->resumed, 1);
}

static void test_pause_write_holds_exec_with_writes(void **state)
{
    fx_run(a, "multi");
    fx_run(a, "set x 1");
    pause_set(PAUSE_BY_CLIENT, PAUSE_WRITE, clock_wall_ms() + 100);
    assert_string_equal(fx_run(a, "exec"), "");
    assert_int_equal(a->last, DISPATCH_POSTPONED);
    pass_ms(101);
    assert_string_equal(fx_run(a, "exec"), "*1 +OK");
}

static void test_pause_set_keeps_the_stricter(void **state)
{
    int64_t now = clock_wall_ms();
    pause_set(PAUSE_BY_CLIENT, PAUSE_ALL, now + 1000);
    pause_set(PAUSE_BY_CLIENT, PAUSE_WRITE, now + 10);
    pass_ms(100);
    assert_int_equal(pause_mode(), PAUSE_ALL);
    pass_ms(1000);
    assert_int_equal(pause_mode(), PAUSE_OFF);
    pause_set(PAUSE_BY_CLIENT, PAUSE_WRITE, now + 5000);
    assert_int_equal(pause_mode(), PAUSE_WRITE);
}

static void test_pause_each_has_its_own(void **state)
{
    int64_t now = clock_wall_ms();
    pause_set(PAUSE_BY_FAILOVER, PAUSE_WRITE, INT64_MAX);
    pause_set(PAUSE_BY_CLIENT, PAUSE_ALL, now + 100);
    assert_int_equal(pause_mode(), PAUSE_ALL);
    pass_ms(101);
    assert_int_equal(pause_mode(), PAUSE_WRITE);
    pause_end(PAUSE_BY_CLIENT);
    assert_int_equal(pause_mode(), PAUSE_WRITE);
    pause_end(PAUSE_BY_FAILOVER);
    assert_int_equal(pause_mode(), PAUSE_OFF);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_block_times_out),
        T(test_block_times_out_in_order),
        T(test_block_wake),
        T(test_block_unblock),
        T(test_block_client_leaves),
        T(test_pause_all),
        T(test_pause_write),
        T(test_pause_write_holds_exec_with_writes),
        T(test_pause_set_keeps_the_stricter),
        T(test_pause_each_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
