/* The checks before a command, its effects and its counters. */
#include "base/clock.h"
#include "config/admin.h"
#include "unit/session/session_fixture.h"

static struct client *cl;

static int setup(void **state)
{
    fx_setup(state);
    cl = fx_client();
    return 0;
}

static int teardown(void **state)
{
    keyspace_opts.maxmemory = 0;
    keyspace_opts.dirty_memory = 0;
    session_opts.enable_debug_command = SESSION_PROTECTED_NO;
    dispatch_set_busy(NULL);
    pause_end(PAUSE_BY_CLIENT);
    fx_client_free(cl);
    return fx_teardown(state);
}

#define answers(words, answer) assert_string_equal(fx_run(cl, words), answer)

static void test_dispatch_finds_names_in_any_case(void **state)
{
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        answers("PiNg", "+OK");
        answers("ping", "+OK");
        answers("SET k v", "+OK");
        answers("get k", "$v");
    }
    assert_int_equal(fx_command("ping")->calls, 4);
}

static void test_dispatch_unknown_command(void **state)
{
    answers("nope", "-ERR unknown command 'nope', with args beginning with: ");
    answers("nope a bc", "-ERR unknown command 'nope', with args beginning with: 'a' 'bc' ");
    char words[512] = "nope ";
    memset(words + 5, 'x', 200);
    words[205] = 0;
    const char *answer = fx_run(cl, words);
    assert_non_null(strstr(answer, "'xxxx"));
    assert_int_equal(strlen(answer),
                     strlen("-ERR unknown command 'nope', with args beginning with: ") + 128 + 3);
}

static void test_dispatch_error_stays_one_line(void **state)
{
    answers("no\r\npe", "-ERR unknown command 'no  pe', with args beginning with: ");
    answers("fail", "-BAD luck  here");
}

static void test_dispatch_unknown_subcommand(void **state)
{
    answers("box out 1", "-ERR unknown subcommand 'out'. Try BOX HELP.");
    answers("box", "-ERR wrong number of arguments for 'box' command");
    answers("box in", "-ERR wrong number of arguments for 'box|in' command");
    answers("box IN 1", "+OK");
}

static void test_dispatch_arity(void **state)
{
    answers("get", "-ERR wrong number of arguments for 'get' command");
    answers("get a b", "-ERR wrong number of arguments for 'get' command");
    answers("set a", "-ERR wrong number of arguments for 'set' command");
    assert_int_equal(fx_command("get")->rejected, 2);
    assert_int_equal(fx_command("get")->calls, 0);
}

static void set_password(const char *text)
{
    struct error err = {.message = ""};
    struct config_pair pair = {SLICE("requirepass"), slice_str(text)};
    if (config_set_all(&pair, 1, 0, &err) != ST_OK)
        fail_msg("%s", err.message);
}

static void test_dispatch_wants_authentication(void **state)
{
    set_password("secret");
    struct client *c = fx_client();
    assert_string_equal(fx_run(c, "get a"), "-NOAUTH Authentication required.");
    assert_string_equal(fx_run(c, "nope"),
                        "-ERR unknown command 'nope', with args beginning with: ");
    assert_string_equal(fx_run(c, "auth x"), "+OK"); /* this test's AUTH logs nobody in */
    answers("get a", "_");                           /* was there before the password */
    set_password("");
    assert_string_equal(fx_run(c, "get a"), "_");
    fx_client_free(c);
}

static void test_dispatch_http_closes(void **state)
{
    answers("POST / HTTP/1.1", "");
    assert_true(cl->closing);
    answers("ping", "");
}

static void test_dispatch_protected(void **state)
{
    assert_non_null(strstr(fx_run(cl, "debug x"),
                           "-ERR DEBUG command not allowed. If the enable-debug-command option"));
    session_opts.enable_debug_command = SESSION_PROTECTED_LOCAL;
    assert_non_null(strstr(fx_run(cl, "debug x"), "-ERR DEBUG command not allowed"));
    session_opts.enable_debug_command = SESSION_PROTECTED_YES;
    answers("debug x", "+OK");
}

static void test_dispatch_subscriber(void **state)
{
    cl->s->flags |= SESS_PUBSUB;
    answers("get a", "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                     "QUIT / RESET are allowed in "
                     "this context");
    answers("ping", "+OK");
    cl->s->resp = 3;
    answers("get a", "_");
}

static void test_dispatch_loading(void **state)
{
    lifecycle.loading = true;
    answers("get a", "-LOADING Redis is loading the dataset in memory");
    answers("select 1", "+OK");
    lifecycle.loading = false;
    answers("get a", "_");
}

static void test_dispatch_busy(void **state)
{
    dispatch_set_busy("BUSY running a script");
    answers("get a", "-BUSY running a script");
    answers("auth x", "+OK");
}

static void test_dispatch_out_of_memory(void **state)
{
    answers("set k v", "+OK");
    keyspace_opts.maxmemory = 1;
    answers("set k v", "-OOM command not allowed when used memory > 'maxmemory'.");
    answers("get k", "$v");
    answers("multi", "+OK");
    answers("get k", "-OOM command not allowed when used memory > 'maxmemory'.");
    answers("exec", "-EXECABORT Transaction discarded because of previous errors.");
}

static void test_dispatch_exec_of_writes_out_of_memory(void **state)
{
    answers("multi", "+OK");
    answers("set k v", "+QUEUED");
    keyspace_opts.maxmemory = 1;
    struct client *other = fx_client();
    keyspace_opts.maxmemory = 0;
    assert_string_equal(fx_run(other, "set big xxxxxxxx"), "+OK");
    keyspace_opts.maxmemory = 1;
    answers("exec", "-EXECABORT Transaction discarded because of: OOM command not allowed when "
                    "used memory > 'maxmemory'.");
    answers("exec", "-ERR EXEC without MULTI");
    fx_client_free(other);
}

static void set_dirty_memory(int64_t bytes)
{
    keyspace_opts.dirty_memory = bytes;
    kv_cron(fx_kv); /* takes the limit over */
}

static void test_dispatch_pressure_postpones_writes(void **state)
{
    answers("set k v", "+OK");
    set_dirty_memory(1);
    answers("set k w", "");
    assert_int_equal(cl->last, DISPATCH_POSTPONED);
    assert_int_equal(block_count(), 1);
    block_tick();
    assert_int_equal(cl->resumed, 0);
    set_dirty_memory(0);
    block_tick();
    assert_int_equal(cl->resumed, 1);
    assert_int_equal(block_count(), 0);
    answers("set k w", "+OK");
    set_dirty_memory(1);
    answers("get k", "$w");
}

static void test_dispatch_effect_is_the_command_itself(void **state)
{
    answers("set k v", "+OK");
    fx_run_raw(cl, "SET k w");
    assert_string_equal(fx_effects(), "SELECT 0; set k v; SET k w");
    answers("noset", "+OK");
    answers("get k", "$w");
    assert_string_equal(fx_effects(), "");
}

static void test_dispatch_effect_rewritten(void **state)
{
    answers("rewrite a", "+OK");
    assert_string_equal(fx_effects(), "MULTI; SELECT 0; ONE a; TWO; EXEC");
}

static void test_dispatch_reply_skip(void **state)
{
    answers("skip", "");
    answers("ping", "");
    answers("ping", "+OK");
}

struct seen {
    char text[256];
};
static struct seen seen;

static void see_error(void *arg, struct slice code, uint64_t count)
{
    char line[64];
    (void)snprintf(line, sizeof line, "%.*s=%d ", SLICE_FMT(code), (int)count);
    strcat(seen.text, line);
}

static void test_dispatch_counts_errors(void **state)
{
    fx_run(cl, "nope");
    fx_run(cl, "get");
    fx_run(cl, "fail");
    fx_run(cl, "ping");
    seen.text[0] = 0;
    sess_stats_errors(see_error, NULL);
    assert_string_equal(seen.text, "BAD=1 ERR=2 ");
    assert_int_equal(sess_stats.errors, 3);
    assert_int_equal(fx_command("fail")->failed, 1);
    assert_int_equal(fx_command("fail")->calls, 1);
    assert_int_equal(sess_stats.commands, 2);
}

static int before, after, units;

static void on_before(void *arg)
{
    before++;
    assert_ptr_equal(session_current(), ((struct call *)arg)->s);
}

static void on_after(void *arg)
{
    const struct call *c = arg;
    after += c->failed ? 100 : 1;
    assert_true(c->duration_us >= 0);
}

static void on_unit(void *arg)
{
    units++;
}

static void test_dispatch_runs_hooks(void **state)
{
    hook_add(HOOK_BEFORE_COMMAND, on_before);
    hook_add(HOOK_AFTER_COMMAND, on_after);
    hook_add(HOOK_UNIT_END, on_unit);
    before = after = units = 0;
    answers("ping", "+OK");
    fx_run(cl, "fail");
    assert_int_equal(before, 2);
    assert_int_equal(after, 101);
    fx_run(cl, "multi");
    fx_run(cl, "ping");
    units = after = 0;
    fx_run(cl, "exec");
    assert_int_equal(after, 2);
    assert_int_equal(units, 1);
    assert_null(session_current());
    assert_int_equal(dispatch_depth(), 0);
}

static void test_dispatch_replay_skips_checks(void **state)
{
    struct session *s = session_new_internal(fx_kv);
    struct slice set[] = {SLICE("SET"), SLICE("k"), SLICE("v")}, multi[] = {SLICE("MULTI")},
                 exec[] = {SLICE("EXEC")};
    s->flags |= SESS_LOADING_LOG;
    lifecycle.loading = true;
    pause_set(PAUSE_BY_CLIENT, PAUSE_ALL, clock_wall_ms() + 1000);
    assert_int_equal(dispatch(s, 1, multi, SLICE_NULL), DISPATCH_DONE);
    assert_int_equal(dispatch(s, 3, set, SLICE_NULL), DISPATCH_DONE);
    assert_int_equal(dispatch(s, 1, exec, SLICE_NULL), DISPATCH_DONE);
    assert_int_equal(sess_stats.unexpected_errors, 0);
    struct slice nope[] = {SLICE("NOPE")};
    (void)dispatch(s, 1, nope, SLICE_NULL);
    (void)dispatch(s, 1, set, SLICE_NULL);
    assert_int_equal(sess_stats.unexpected_errors, 2);
    pause_end(PAUSE_BY_CLIENT);
    lifecycle.loading = false;
    answers("get k", "$v");
    session_free(s);
}

static void test_dispatch_log_has_original_names(void **state)
{
    assert_true(command_rename(SLICE("set"), SLICE("put")));
    dispatch_forget_commands();
    fx_effects();
    fx_run_raw(cl, "put k v");
    assert_string_equal(fx_effects(), "SELECT 0; set k v");
    struct session *s = session_new_internal(fx_kv);
    struct slice set[] = {SLICE("set"), SLICE("k"), SLICE("w")};
    uint64_t errors = sess_stats.unexpected_errors;
    s->flags |= SESS_LOADING_LOG;
    (void)dispatch(s, 3, set, SLICE_NULL);
    assert_int_equal(sess_stats.unexpected_errors, errors);
    answers("get k", "$w");
    session_free(s);
    assert_true(command_rename(SLICE("put"), SLICE("set")));
    dispatch_forget_commands();
}

static void test_session_registry(void **state)
{
    struct client *b = fx_client();
    assert_int_equal(session_count(), 2);
    assert_ptr_equal(session_by_id(b->s->id), b->s);
    assert_true(b->s->id > cl->s->id);
    uint64_t id = b->s->id;
    fx_client_free(b);
    assert_null(session_by_id(id));
    assert_int_equal(session_count(), 1);
}

static void test_session_reset(void **state)
{
    fx_run(cl, "select 3");
    fx_run(cl, "watch k");
    fx_run(cl, "multi");
    cl->s->flags |= SESS_NO_TOUCH | SESS_REPLY_OFF;
    cl->s->resp = cl->sink.resp = 3;
    buf_put_str(&cl->s->name, "me");
    session_reset(cl->s);
    assert_int_equal(cl->s->db, 0);
    assert_int_equal(cl->sink.resp, 2);
    assert_int_equal(cl->s->flags, SESS_AUTHENTICATED);
    assert_int_equal(cl->s->name.n, 0);
    assert_int_equal(multi_watched(cl->s), 0);
    answers("exec", "-ERR EXEC without MULTI");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_dispatch_finds_names_in_any_case),
        T(test_dispatch_unknown_command),
        T(test_dispatch_error_stays_one_line),
        T(test_dispatch_unknown_subcommand),
        T(test_dispatch_arity),
        T(test_dispatch_wants_authentication),
        T(test_dispatch_http_closes),
        T(test_dispatch_protected),
        T(test_dispatch_subscriber),
        T(test_dispatch_loading),
        T(test_dispatch_busy),
        T(test_dispatch_out_of_memory),
        T(test_dispatch_exec_of_writes_out_of_memory),
        T(test_dispatch_pressure_postpones_writes),
        T(test_dispatch_effect_is_the_command_itself),
        T(test_dispatch_effect_rewritten),
        T(test_dispatch_reply_skip),
        T(test_dispatch_counts_errors),
        T(test_dispatch_runs_hooks),
        T(test_dispatch_replay_skips_checks),
        T(test_dispatch_log_has_original_names),
        T(test_session_registry),
        T(test_session_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
