/* MULTI, EXEC and WATCH. */
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
    fx_client_free(a);
    fx_client_free(b);
    return fx_teardown(state);
}

#define answers(client, words, answer) assert_string_equal(fx_run(client, words), answer)

static void test_multi_exec_runs_the_queue(void **state)
{
    answers(a, "multi", "+OK");
    answers(a, "set x 1", "+QUEUED");
    assert_string_equal(fx_run_raw(a, "SET y 2"), "+QUEUED");
    answers(a, "fail", "+QUEUED");
    answers(a, "get x", "+QUEUED");
    assert_int_equal(multi_count(a->s), 4);
    answers(b, "get x", "_");
    answers(a, "exec", "*4 +OK +OK -BAD luck  here $1");
    answers(b, "get y", "$2");
    assert_int_equal(a->s->flags, SESS_AUTHENTICATED);
    assert_string_equal(fx_effects(), "MULTI; SELECT 0; set x 1; SET y 2; EXEC");
}

static void test_multi_exec_empty(void **state)
{
    answers(a, "multi", "+OK");
    answers(a, "exec", "*0");
    assert_string_equal(fx_effects(), "");
}

static void test_multi_exec_of_one_write_is_not_wrapped(void **state)
{
    fx_run(a, "multi");
    fx_run(a, "set x 1");
    fx_run(a, "exec");
    assert_string_equal(fx_effects(), "SELECT 0; set x 1");
}

static void test_multi_queue_grows(void **state)
{
    fx_run(a, "multi");
    for (int i = 0; i < 1000; i++) {
        char words[64];
        (void)snprintf(words, sizeof words, "SET key:%d value:%d", i, i);
        assert_string_equal(i % 2 ? fx_run(a, words) : fx_run_raw(a, words), "+QUEUED");
    }
    assert_true(multi_bytes(a->s) > 10000);
    (void)fx_run(a, "exec");
    answers(b, "get key:0", "$value:0");
    answers(b, "get key:999", "$value:999");
}

static void test_multi_select_holds_for_what_follows(void **state)
{
    fx_run(a, "multi");
    fx_run(a, "set x 1");
    fx_run(a, "select 2");
    fx_run(a, "set x 2");
    answers(a, "exec", "*3 +OK +OK +OK");
    answers(a, "get x", "$2");
    answers(b, "get x", "$1");
}

static void test_multi_refused_command_aborts(void **state)
{
    fx_run(a, "multi");
    answers(a, "get", "-ERR wrong number of arguments for 'get' command");
    answers(a, "set x 1", "+QUEUED");
    answers(a, "exec", "-EXECABORT Transaction discarded because of previous errors.");
    answers(b, "get x", "_");
    fx_run(a, "multi");
    answers(a, "nope", "-ERR unknown command 'nope', with args beginning with: ");
    answers(a, "exec", "-EXECABORT Transaction discarded because of previous errors.");
}

static void test_multi_wrong_exec_aborts(void **state)
{
    fx_run(a, "multi");
    fx_run(a, "set x 1");
    answers(a, "exec now",
            "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
            "command");
    answers(a, "get x", "_");
}

static void test_multi_nested_and_discard(void **state)
{
    fx_run(a, "multi");
    answers(a, "multi", "-ERR MULTI calls can not be nested");
    answers(a, "exec", "*0");
    fx_run(a, "multi");
    answers(a, "skip", "-ERR Command not allowed inside a transaction");
    answers(a, "discard", "+OK");
    answers(a, "exec", "-ERR EXEC without MULTI");
}

static void test_multi_blocking_command_does_not_block(void **state)
{
    fx_run(a, "multi");
    fx_run(a, "bpark k 0");
    answers(a, "exec", "*1 _");
    assert_int_equal(block_count(), 0);
    assert_false(a->s->flags & SESS_DENY_BLOCKING);
}

static void test_watch_unchanged(void **state)
{
    fx_run(b, "set x 1");
    fx_run(a, "watch x y x");
    assert_int_equal(multi_watched(a->s), 2);
    assert_true(session_bytes(a->s) > session_bytes(b->s));
    fx_run(b, "get x");
    fx_run(a, "multi");
    fx_run(a, "get x");
    answers(a, "exec", "*1 $1");
    assert_int_equal(multi_watched(a->s), 0);
    assert_int_equal(session_bytes(a->s), session_bytes(b->s));
}

static void test_watch_changed(void **state)
{
    fx_run(a, "watch x y");
    fx_run(b, "set y 1");
    assert_int_equal(multi_watched(a->s), 0);
    fx_run(a, "multi");
    fx_run(a, "get x");
    answers(a, "exec", "*-1");
    fx_run(a, "multi");
    fx_run(a, "get y");
    answers(a, "exec", "*1 $1");
}

static void test_watch_changed_by_itself_and_in_another_database(void **state)
{
    fx_run(b, "select 1");
    fx_run(a, "watch x");
    fx_run(b, "set x 1");
    fx_run(a, "multi");
    answers(a, "exec", "*0");
    fx_run(a, "watch x");
    fx_run(a, "set x 1");
    fx_run(a, "multi");
    answers(a, "exec", "*-1");
}

static void test_watch_two_clients_one_key(void **state)
{
    fx_run(a, "watch x y");
    fx_run(b, "watch x");
    fx_run(b, "set x 1");
    fx_run(a, "multi");
    fx_run(b, "multi");
    answers(a, "exec", "*-1");
    answers(b, "exec", "*-1");
}

static void test_watch_unwatch(void **state)
{
    fx_run(a, "watch x");
    fx_run(a, "unwatch");
    fx_run(b, "set x 1");
    fx_run(a, "multi");
    answers(a, "exec", "*0");
    fx_run(a, "watch x");
    fx_run(a, "multi");
    fx_run(a, "discard");
    assert_int_equal(multi_watched(a->s), 0);
}

static void test_watch_gone_with_its_client(void **state)
{
    struct client *c = fx_client();
    fx_run(c, "watch x");
    fx_client_free(c);
    fx_run(b, "set x 1");
}

static void test_watch_expires(void **state)
{
    fx_run(a, "set x 1 100");
    fx_run(a, "watch x");
    fx_run(a, "multi");
    answers(a, "exec", "*0");
    fx_run(a, "watch x");
    clock_freeze_ms(clock_wall_ms() + 200);
    clock_refresh();
    fx_run(a, "multi");
    answers(a, "exec", "*-1");
}

static void test_watch_expired_before(void **state)
{
    fx_run(a, "set x 1 100");
    kv_set_active_expire(fx_kv, false);
    clock_freeze_ms(clock_wall_ms() + 200);
    clock_refresh();
    fx_run(a, "watch x");
    fx_run(b, "flushdb");
    fx_run(a, "multi");
    answers(a, "exec", "*0");
}

static void test_watch_flush(void **state)
{
    fx_run(a, "watch x");
    fx_run(b, "flushdb");
    fx_run(a, "multi");
    answers(a, "exec", "*0");
    fx_run(a, "set x 1");
    fx_run(a, "watch y x");
    fx_run(b, "flushdb");
    fx_run(a, "multi");
    answers(a, "exec", "*-1");
}

static void test_watch_swapdb(void **state)
{
    fx_run(a, "watch x");
    fx_run(b, "swapdb");
    fx_run(a, "multi");
    answers(a, "exec", "*0");
    fx_run(b, "select 1");
    fx_run(b, "set x 1");
    fx_run(a, "watch x");
    fx_run(b, "swapdb");
    fx_run(a, "multi");
    answers(a, "exec", "*-1");
}

static void test_watch_swapdb_of_expired_keys(void **state)
{
    kv_set_active_expire(fx_kv, false);
    fx_run(a, "set x 1 100");
    fx_run(b, "select 1");
    fx_run(b, "set x 1 100");
    clock_freeze_ms(clock_wall_ms() + 200);
    clock_refresh();
    fx_run(a, "watch x");
    fx_run(b, "swapdb");
    fx_run(a, "multi");
    answers(a, "exec", "*0");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_multi_exec_runs_the_queue),
        T(test_multi_exec_empty),
        T(test_multi_exec_of_one_write_is_not_wrapped),
        T(test_multi_queue_grows),
        T(test_multi_select_holds_for_what_follows),
        T(test_multi_refused_command_aborts),
        T(test_multi_wrong_exec_aborts),
        T(test_multi_nested_and_discard),
        T(test_multi_blocking_command_does_not_block),
        T(test_watch_unchanged),
        T(test_watch_changed),
        T(test_watch_changed_by_itself_and_in_another_database),
        T(test_watch_two_clients_one_key),
        T(test_watch_unwatch),
        T(test_watch_gone_with_its_client),
        T(test_watch_expires),
        T(test_watch_expired_before),
        T(test_watch_flush),
        T(test_watch_swapdb),
        T(test_watch_swapdb_of_expired_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
