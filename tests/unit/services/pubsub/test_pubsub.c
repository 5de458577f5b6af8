/* Subscriptions, delivery, and what the commands answer. */
#include "services/pubsub/pubsub.h"

#include "keyspace/keyspace_options.h"
#include "keyspace/notify.h"
#include "services/pubsub/pubsub_commands.h"
#include "session/hooks.h"
#include "unit/services/fake_session.h"

static struct fake *a, *b;

static int setup_clients(void **state)
{
    a = fake_new(3);
    b = fake_new(2);
    return 0;
}

static int teardown_clients(void **state)
{
    fake_free(a);
    fake_free(b);
    for (int k = 0; k < PUBSUB_KINDS; k++)
        if (pubsub_topics((enum pubsub_kind)k) != 0)
            return -1;
    return 0;
}

static void test_subscribe_counts(void **state)
{
    fake_run(a, cmd_subscribe, "SUBSCRIBE x y x");
    assert_told(a, "push(subscribe x 1) push(subscribe y 2) push(subscribe x 2)");
    fake_run(a, cmd_psubscribe, "PSUBSCRIBE x*");
    assert_told(a, "push(psubscribe x* 3)");
    fake_run(a, cmd_ssubscribe, "SSUBSCRIBE x");
    assert_told(a, "push(ssubscribe x 1)");
    assert_true(a->s->flags & SESS_PUBSUB);
    assert_int_equal(a->s->subs, 2);
    fake_run(a, cmd_unsubscribe, "UNSUBSCRIBE nothing");
    assert_told(a, "push(unsubscribe nothing 3)");
    fake_run(a, cmd_unsubscribe, "UNSUBSCRIBE");
    assert_told(a, "push(unsubscribe x 2) push(unsubscribe y 1)");
    fake_run(a, cmd_unsubscribe, "UNSUBSCRIBE");
    assert_told(a, "push(unsubscribe null 1)");
    fake_run(a, cmd_punsubscribe, "PUNSUBSCRIBE x*");
    assert_true(a->s->flags & SESS_PUBSUB);
    fake_run(a, cmd_sunsubscribe, "SUNSUBSCRIBE");
    assert_false(a->s->flags & SESS_PUBSUB);
}

static void test_publish_delivers(void **state)
{
    fake_run(a, cmd_subscribe, "SUBSCRIBE news");
    fake_run(b, cmd_subscribe, "SUBSCRIBE news");
    fake_run(b, cmd_psubscribe, "PSUBSCRIBE n?ws other*");
    fake_run(b, cmd_ssubscribe, "SSUBSCRIBE news");
    buf_clear(&a->out);
    buf_clear(&b->out);
    assert_int_equal(pubsub_publish(SLICE("news"), SLICE("hello")), 3);
    assert_told(a, "push(message news hello)");
    assert_told(b, "push(message news hello) push(pmessage n?ws news hello)");
    assert_int_equal(pubsub_publish_shard(SLICE("news"), SLICE("shard")), 1);
    assert_told(a, "");
    assert_told(b, "push(smessage news shard)");
    assert_int_equal(pubsub_publish(SLICE("nobody"), SLICE("hello")), 0);
}

static void test_pubsub_lists(void **state)
{
    fake_run(a, cmd_subscribe, "SUBSCRIBE one");
    fake_run(b, cmd_subscribe, "SUBSCRIBE one");
    fake_run(b, cmd_psubscribe, "PSUBSCRIBE o*");
    buf_clear(&a->out);
    fake_run(a, cmd_pubsub_channels, "PUBSUB CHANNELS");
    assert_told(a, "(one)");
    fake_run(a, cmd_pubsub_channels, "PUBSUB CHANNELS t*");
    assert_told(a, "()");
    fake_run(a, cmd_pubsub_numsub, "PUBSUB NUMSUB one two");
    assert_told(a, "array(one 2 two 0)");
    fake_run(a, cmd_pubsub_numpat, "PUBSUB NUMPAT");
    assert_told(a, "1");
    fake_run(a, cmd_pubsub_shardnumsub, "PUBSUB SHARDNUMSUB");
    assert_told(a, "empty");
}

static void test_notify(void **state)
{
    struct hook_notify n = {NOTIFY_STRING, "set", 9, SLICE("k")};
    fake_run(a, cmd_psubscribe, "PSUBSCRIBE __key*");
    buf_clear(&a->out);
    keyspace_opts.notify_classes = NOTIFY_KEYSPACE | NOTIFY_STRING;
    hook_run(HOOK_NOTIFY, &n);
    assert_told(a, "push(pmessage __key* __keyspace@9__:k set)");
    keyspace_opts.notify_classes = NOTIFY_KEYEVENT | NOTIFY_STRING;
    hook_run(HOOK_NOTIFY, &n);
    assert_told(a, "push(pmessage __key* __keyevent@9__:set k)");
    keyspace_opts.notify_classes = 0;
}

static void test_reset_and_close_unsubscribe(void **state)
{
    struct fake *gone = fake_new(3);
    fake_run(gone, cmd_subscribe, "SUBSCRIBE x");
    fake_run(gone, cmd_psubscribe, "PSUBSCRIBE y");
    fake_run(a, cmd_subscribe, "SUBSCRIBE x");
    fake_free(gone);
    assert_int_equal(pubsub_subscribers(PUBSUB_CHANNEL, SLICE("x")), 1);
    assert_int_equal(pubsub_topics(PUBSUB_PATTERN), 0);
    hook_run(HOOK_SESSION_RESET, a->s);
    assert_int_equal(pubsub_topics(PUBSUB_CHANNEL), 0);
    assert_false(a->s->flags & SESS_PUBSUB);
}

static void test_subscribe_refused_to_scripts(void **state)
{
    a->s->flags |= SESS_DENY_BLOCKING;
    fake_run(a, cmd_subscribe, "SUBSCRIBE x");
    assert_told(a, "ERR SUBSCRIBE isn't allowed for a DENY BLOCKING client");
    assert_int_equal(pubsub_topics(PUBSUB_CHANNEL), 0);
}

int main(void)
{
    pubsub_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_subscribe_counts, setup_clients, teardown_clients),
        cmocka_unit_test_setup_teardown(test_publish_delivers, setup_clients, teardown_clients),
        cmocka_unit_test_setup_teardown(test_pubsub_lists, setup_clients, teardown_clients),
        cmocka_unit_test_setup_teardown(test_notify, setup_clients, teardown_clients),
        cmocka_unit_test_setup_teardown(test_reset_and_close_unsubscribe, setup_clients,
                                        teardown_clients),
        cmocka_unit_test_setup_teardown(test_subscribe_refused_to_scripts, setup_clients,
                                        teardown_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
