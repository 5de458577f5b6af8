/* Commands that wait for keys: who wakes, when, in which order, and what the log gets. */
#include "base/clock.h"
#include "session/acl.h"
#include "unit/session/session_fixture.h"

static struct client *a, *b, *w;

static int setup(void **state)
{
    fx_setup(state);
    a = fx_client();
    b = fx_client();
    w = fx_client();
    return 0;
}

static int teardown(void **state)
{
    pause_end(PAUSE_BY_CLIENT);
    fx_client_free(a);
    fx_client_free(b);
    fx_client_free(w);
    assert_int_equal(block_count(), 0);
    assert_int_equal(block_keys_total(), 0);
    assert_int_equal(block_keys_on_nokey(), 0);
    keyspace_opts.maxmemory = 0;
    return fx_teardown(state);
}

static void pass_ms(int64_t ms)
{
    clock_freeze_ms(clock_wall_ms() + ms);
    clock_refresh();
    block_tick();
}

static void test_keys_wake_in_order_of_blocking(void **state)
{
    assert_string_equal(fx_run(a, "btake k 0"), "");
    assert_string_equal(fx_run(b, "btake other k k 0"), "");
    assert_int_equal(a->last, DISPATCH_BLOCKED);
    assert_int_equal(block_keys_total(), 2);
    assert_string_equal(fx_run(w, "set k 1"), "+OK");
    assert_string_equal(fx_answer(a), "*2 $k $1");
    assert_string_equal(fx_answer(b), "");
    assert_string_equal(fx_run(w, "set k 2"), "+OK");
    assert_string_equal(fx_answer(b), "*2 $k $2");
    assert_int_equal(block_keys_total(), 0);
    assert_string_equal(fx_effects(), "SELECT 0; set k 1; DEL k; set k 2; DEL k");
    assert_int_equal(a->answered, 1);
    assert_int_equal(a->wrote, 1);
    assert_int_equal(a->resumed, 0);
    block_tick();
    assert_int_equal(a->resumed + b->resumed, 2);
}

static void test_keys_count_as_one_call(void **state)
{
    fx_run(a, "btake k 0");
    assert_int_equal(fx_command("btake")->calls, 0);
    uint64_t before = sess_stats.commands;
    fx_run(w, "set k 1");
    assert_int_equal(fx_command("btake")->calls, 1);
    assert_int_equal(sess_stats.commands - before, 2);
}

static void test_keys_time_out(void **state)
{
    fx_run(a, "btake k 100");
    fx_run(w, "select 1");
    fx_run(w, "set k 1"); /* of another database */
    pass_ms(101);
    assert_string_equal(fx_answer(a), "*-1");
    assert_int_equal(a->wrote, 0);
    assert_int_equal(block_keys_total(), 0);
}

static void test_keys_keep_their_deadline(void **state)
{
    fx_run(w, "set k no");
    fx_run(a, "bhas k");
    fx_run(b, "btake x 100");
    pass_ms(60);
    fx_run(w, "set k nono");
    assert_string_equal(fx_answer(a), "");
    pass_ms(50);
    assert_string_equal(fx_answer(b), "*-1");
    fx_run(w, "set k go");
    assert_string_equal(fx_answer(a), "+OK");
}

static void test_keys_wake_after_the_transaction(void **state)
{
    fx_run(a, "btake k 0");
    fx_run(b, "btake k 0");
    fx_run(w, "multi");
    fx_run(w, "set k 1");
    fx_run(w, "get k");
    fx_run(w, "set k 2");
    assert_string_equal(fx_run(w, "exec"), "*3 +OK $1 +OK");
    assert_string_equal(fx_answer(a), "*2 $k $2");
    assert_string_equal(fx_answer(b), "");
    assert_string_equal(fx_effects(), "MULTI; SELECT 0; set k 1; set k 2; EXEC; DEL k");
    fx_run(w, "multi");
    fx_run(w, "set k 1");
    fx_run(w, "del k");
    fx_run(w, "exec");
    assert_string_equal(fx_answer(b), "");
}

static void test_keys_never_block_in_a_transaction(void **state)
{
    fx_run(w, "multi");
    fx_run(w, "btake k 0");
    assert_string_equal(fx_run(w, "exec"), "*1 *-1");
}

static void test_keys_chain(void **state)
{
    fx_run(a, "bmove k1 k2");
    fx_run(b, "btake k2 0");
    struct client *c = fx_client();
    fx_run(c, "bmove k2 k1");
    assert_string_equal(fx_run(w, "set k1 v"), "+OK");
    assert_string_equal(fx_answer(a), "+OK");
    assert_string_equal(fx_answer(b), "*2 $k2 $v");
    assert_string_equal(fx_effects(), "SELECT 0; set k1 v; bmove k1 k2; DEL k2");
    block_tick();
    fx_run(a, "bmove k1 k2");
    fx_run(w, "set k1 v"); /* there and back again */
    assert_string_equal(fx_answer(c), "+OK");
    assert_string_equal(fx_run(w, "get k1"), "$v");
    fx_client_free(c);
}

static void test_keys_gone_wake_who_wants_it(void **state)
{
    struct client *c = fx_client();
    fx_run(w, "set k no");
    fx_run(a, "bhas k");
    fx_run(
        c,
        "bhas k"); /* both change the key and find nothing: they do not wake each other for ever */
    fx_run(b, "btake x 0");
    assert_int_equal(block_keys_total(), 2);
    assert_int_equal(block_keys_on_nokey(), 1);
    fx_run(w, "del k");
    assert_string_equal(fx_answer(a), "-NOGROUP it is gone");
    assert_string_equal(fx_answer(c), "-NOGROUP it is gone");
    block_tick();
    fx_run(w, "set k no");
    fx_run(a, "bhas k");
    fx_run(w, "flushdb");
    assert_string_equal(fx_answer(a), "-NOGROUP it is gone");
    block_tick();
    fx_run(w, "set k no");
    fx_run(a, "bhas k");
    fx_run(w, "swapdb");
    assert_string_equal(fx_answer(a), "-NOGROUP it is gone");
    assert_string_equal(fx_answer(b), "");
    fx_client_free(c);
}

static void test_keys_swapped_in(void **state)
{
    fx_run(w, "select 1");
    fx_run(w, "set k 1");
    fx_run(a, "btake k 0");
    fx_run(w, "swapdb");
    assert_string_equal(fx_answer(a), "*2 $k $1");
}

static void default_user(const char *rule)
{
    struct slice r = slice_str(rule);
    struct buf report = BUF_INIT;
    assert_int_equal(acl_set_user(SLICE("default"), &r, 1, &report), ST_OK);
    buf_free(&report);
}

static void test_keys_refused_when_woken(void **state)
{
    fx_run(a, "btake k 0");
    default_user("-btake");
    fx_run(w, "set k 1");
    default_user("+@all");
    assert_non_null(strstr(fx_answer(a), "-NOPERM"));
    assert_int_equal(fx_command("btake")->calls, 0);
    assert_int_equal(fx_command("btake")->rejected, 1);
    assert_int_equal(block_count(), 0);
    assert_string_equal(fx_run(w, "get k"), "$1");
}

static void test_keys_skip_who_is_closing(void **state)
{
    fx_run(a, "btake k 0");
    fx_run(b, "btake k 0");
    session_close(a->s, SESS_CLOSE_NOW);
    fx_run(w, "set k 1");
    assert_string_equal(fx_answer(a), "");
    assert_string_equal(fx_answer(b), "*2 $k $1");
}

static void test_keys_wait_for_the_end_of_a_pause(void **state)
{
    fx_run(a, "btake k 0");
    fx_run(b, "btake k 0");
    pause_set(PAUSE_BY_CLIENT, PAUSE_WRITE, clock_wall_ms() + 100);
    struct error err;
    assert_int_equal(kv_set(fx_kv, 0, SLICE("k"), SLICE("2"), KV_NO_EXPIRE, 0, NULL, &err), ST_OK);
    block_tick();
    block_tick();
    assert_string_equal(fx_answer(a), "");
    pass_ms(101);
    assert_string_equal(fx_answer(a), "*2 $k $2");
    assert_string_equal(fx_answer(b), "");
}

static void test_keys_silenced_answer(void **state)
{
    fx_run(a, "skip");
    fx_run(a, "btake k 0");
    fx_run(w, "set k 1");
    assert_int_equal(a->answered, 1);
    assert_string_equal(fx_answer(a), "");
    block_tick();
    assert_string_equal(fx_run(a, "get k"), "_");
}

static void test_keys_unblock_and_leave(void **state)
{
    fx_run(a, "btake k 0");
    fx_run(b, "btake k k2 0");
    assert_true(block_unblock(a->s, true));
    assert_string_equal(fx_answer(a), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    assert_true(block_unblock(b->s, false));
    assert_string_equal(fx_answer(b), "*-1");
    struct client *c = fx_client();
    fx_run(c, "btake k 0");
    fx_client_free(c);
    assert_string_equal(fx_run(w, "set k 1"), "+OK");
    assert_string_equal(fx_run(w, "get k"), "$1");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_keys_wake_in_order_of_blocking),
        T(test_keys_count_as_one_call),
        T(test_keys_time_out),
        T(test_keys_keep_their_deadline),
        T(test_keys_wake_after_the_transaction),
        T(test_keys_never_block_in_a_transaction),
        T(test_keys_chain),
        T(test_keys_gone_wake_who_wants_it),
        T(test_keys_swapped_in),
        T(test_keys_refused_when_woken),
        T(test_keys_skip_who_is_closing),
        T(test_keys_wait_for_the_end_of_a_pause),
        T(test_keys_silenced_answer),
        T(test_keys_unblock_and_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
