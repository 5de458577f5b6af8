/* PING, SELECT, HELLO and CLIENT, down to their error texts. */
#include "base/clock.h"
#include "base/mem.h"
#include "commands/connection/connection_commands.h"
#include "session/block.h"
#include "session/reply.h"
#include "unit/session/session_fixture.h"

static struct client *a, *b;

/* -- A command that waits for ever --------------------------------------------------------------------------------------- */

static void block_timeout(struct call *c, void *state)
{
    reply_int(c, 0);
}

static void block_free(void *state)
{
}

static void cmd_block(struct call *c)
{
    static const struct block_ops ops = {
        .kind = "block", .timeout = block_timeout, .free_state = block_free};
    block_session(c, &ops, NULL, 0);
}

static struct command block_table[] = {
    {.name = "block", .fullname = "block", .fn = cmd_block, .arity = 1}};

static int setup(void **state)
{
    static bool registered;
    if (!registered) {
        connection_commands_register();
        command_register(block_table, COUNT_OF(block_table));
    }
    registered = true;
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
    return fx_teardown(state);
}

#define answers(client, words, answer) assert_string_equal(fx_run(client, words), answer)

static void test_ping(void **state)
{
    answers(a, "ping", "+PONG");
    answers(a, "ping x", "$x");
    answers(a, "ping x y", "-ERR wrong number of arguments for 'ping' command");
    a->s->flags |= SESS_PUBSUB;
    answers(a, "ping", "*2 $pong $");
    answers(a, "ping x", "*2 $pong $x");
    a->s->resp = 3;
    answers(a, "ping", "+PONG");
}

static void test_select(void **state)
{
    answers(a, "select 15", "+OK");
    assert_int_equal(a->s->db, 15);
    answers(a, "select 16", "-ERR DB index is out of range");
    answers(a, "select -1", "-ERR DB index is out of range");
    answers(a, "select x", "-ERR value is not an integer or out of range");
    answers(a, "select 9999999999",
            "-ERR value is out of range, value must between -2147483648 and 2147483647");
    assert_int_equal(a->s->db, 15);
}

static void test_hello(void **state)
{
    char want[256];
    (void)snprintf(want, sizeof want,
                   "%%7 $server $redis $version $7.2.5 $proto :3 $id :%d $mode $standalone $role "
                   "$master $modules *0",
                   (int)a->s->id);
    answers(a, "hello 3 setname me", want);
    assert_int_equal(a->sink.resp, 3);
    answers(a, "client getname", "$me");
    answers(a, "hello 4", "-NOPROTO unsupported protocol version");
    answers(a, "hello x", "-ERR Protocol version is not an integer or out of range");
    answers(a, "hello 3 foo", "-ERR Syntax error in HELLO option 'foo'");
    answers(a, "hello 3 auth a", "-ERR Syntax error in HELLO option 'auth'");
    answers(a, "hello 2 auth nobody x",
            "-WRONGPASS invalid username-password pair or user is disabled.");
    assert_int_equal(a->s->resp, 3);
}

static void test_auth(void **state)
{
    answers(a, "auth x",
            "-ERR AUTH <password> called without any password configured for the default user. Are "
            "you sure your "
            "configuration is correct?");
    answers(a, "auth default x", "+OK");
    answers(a, "auth nobody x", "-WRONGPASS invalid username-password pair or user is disabled.");
    answers(a, "auth a b c", "-ERR syntax error");
}

static void test_quit_closes_after_the_reply(void **state)
{
    answers(a, "quit", "+OK");
    assert_true(a->closing_after);
    assert_false(a->closing);
}

static void test_client_names(void **state)
{
    answers(a, "client getname", "_");
    answers(a, "client setname a\nb",
            "-ERR Client names cannot contain spaces, newlines or special characters.");
    answers(a, "client setname name", "+OK");
    answers(a, "client getname", "$name");
    answers(a, "client setname ", "-ERR wrong number of arguments for 'client|setname' command");
    answers(a, "client setinfo lib-name lib", "+OK");
    answers(a, "client setinfo lib-ver 1.2", "+OK");
    answers(a, "client setinfo LIB-VER \x01",
            "-ERR LIB-VER cannot contain spaces, newlines or special characters.");
    answers(a, "client setinfo foo bar", "-ERR Unrecognized option 'foo'");
    assert_non_null(strstr(fx_run(a, "client info"), " lib-name=lib lib-ver=1.2\n"));
}

static void test_client_info(void **state)
{
    char want[512];
    (void)fx_run(a, "select 3");
    clock_freeze_ms(clock_wall_ms() + 5000);
    clock_refresh();
    (void)snprintf(want, sizeof want,
                   "=id=%d addr=10.0.0.1:5 laddr=10.0.0.2:6379 fd=9 name= age=5 idle=0 flags=N "
                   "db=3 sub=0 psub=0 ssub=0 "
                   "multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 "
                   "omem=0 tot-mem=0 events= "
                   "cmd=client|info user=default redir=-1 resp=2 lib-name= lib-ver=\n",
                   (int)a->s->id);
    answers(a, "client info", want);
    a->s->flags |= SESS_MONITOR | SESS_NO_EVICT | SESS_DIRTY_CAS;
    assert_non_null(strstr(fx_run(a, "client info"), " flags=Ode "));
}

static int lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void test_client_list(void **state)
{
    char words[64];
    assert_int_equal(lines(fx_run(a, "client list")), 2);
    assert_int_equal(lines(fx_run(a, "client list type normal")), 2);
    b->s->flags |= SESS_PUBSUB;
    assert_int_equal(lines(fx_run(a, "client list type pubsub")), 1);
    assert_int_equal(lines(fx_run(a, "client list type replica")), 0);
    (void)snprintf(words, sizeof words, "client list id %d %d 99999", (int)b->s->id, (int)a->s->id);
    assert_int_equal(lines(fx_run(a, words)), 2);
    answers(a, "client list type foo", "-ERR Unknown client type 'foo'");
    answers(a, "client list id x", "-ERR Invalid client ID");
    answers(a, "client list id", "-ERR syntax error");
    answers(a, "client list foo bar", "-ERR syntax error");
}

static void test_client_kill(void **state)
{
    char words[64];
    answers(a, "client kill 1.2.3.4:5", "-ERR No such client");
    answers(a, "client kill id 0", "-ERR client-id should be greater than 0");
    answers(a, "client kill user nobody", "-ERR No such user 'nobody'");
    answers(a, "client kill type foo", "-ERR Unknown client type 'foo'");
    answers(a, "client kill skipme maybe", "-ERR syntax error");
    answers(a, "client kill id 1 type", "-ERR syntax error");
    (void)snprintf(words, sizeof words,
                   "client kill id %d laddr 10.0.0.2:6379 user default type normal", (int)b->s->id);
    answers(a, words, ":1");
    assert_true(b->closing);
    answers(a, words, ":0");
    assert_false(a->closing_after);
    answers(a, "client kill addr 10.0.0.1:5", ":0");
    answers(a, "client kill skipme no addr 10.0.0.1:5", ":1");
    assert_true(a->closing_after);
    assert_false(a->closing);
}

static void test_client_reply(void **state)
{
    answers(a, "client reply off", "");
    answers(a, "ping", "");
    answers(a, "client reply on", "+OK");
    answers(a, "client reply skip", "");
    answers(a, "ping", "");
    answers(a, "ping", "+PONG");
    answers(a, "client reply foo", "-ERR syntax error");
}

static void test_client_pause(void **state)
{
    answers(a, "client pause x", "-ERR timeout is not an integer or out of range");
    answers(a, "client pause -1", "-ERR timeout is negative");
    answers(a, "client pause 1 foo", "-ERR CLIENT PAUSE mode must be WRITE or ALL");
    answers(a, "client pause 1 write foo",
            "-ERR unknown subcommand or wrong number of arguments for 'pause'. Try CLIENT HELP.");
    answers(a, "client pause 1000 write", "+OK");
    assert_int_equal(pause_mode(), PAUSE_WRITE);
    answers(a, "client unpause", "+OK");
    assert_int_equal(pause_mode(), PAUSE_OFF);
}

static void test_client_unblock(void **state)
{
    char words[64];
    answers(a, "client unblock 1 timeout foo",
            "-ERR unknown subcommand or wrong number of arguments for 'unblock'. Try CLIENT HELP.");
    (void)snprintf(words, sizeof words, "client unblock %d", (int)b->s->id);
    answers(a, words, ":0");
    answers(b, "block", "");
    assert_int_equal(b->last, DISPATCH_BLOCKED);
    answers(a, words, ":1");
    assert_string_equal(fx_answer(b), ":0");
    block_tick();
    answers(b, "block", "");
    strcat(words, " error");
    answers(a, words, ":1");
    assert_string_equal(fx_answer(b), "-UNBLOCKED client unblocked via CLIENT UNBLOCK");
    answers(a, "client unblock x", "-ERR value is not an integer or out of range");
    answers(a, "client unblock 1 foo", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
}

static void test_reset(void **state)
{
    (void)fx_run(a, "hello 3 setname me");
    (void)fx_run(a, "select 2");
    answers(a, "reset", "+RESET");
    assert_int_equal(a->sink.resp, 2);
    assert_int_equal(a->s->db, 0);
    answers(a, "client getname", "_");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ping),
        T(test_select),
        T(test_hello),
        T(test_auth),
        T(test_quit_closes_after_the_reply),
        T(test_client_names),
        T(test_client_info),
        T(test_client_list),
        T(test_client_kill),
        T(test_client_reply),
        T(test_client_pause),
        T(test_client_unblock),
        T(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
