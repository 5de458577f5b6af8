/* Tracked keys, broadcast, redirection, limits, and what the commands refuse. */
#include "services/tracking/tracking.h"

#include "services/tracking/tracking_commands.h"
#include "services/tracking/tracking_priv.h"
#include "session/hooks.h"
#include "unit/services/fake_session.h"

static struct fake *a, *b;

static int setup_clients(void **state)
{
    tracking_opts.table_max_keys = 1000;
    a = fake_new(3);
    b = fake_new(2);
    return 0;
}

static int teardown_clients(void **state)
{
    fake_free(a);
    fake_free(b);
    return 0;
}

static void track(struct fake *f, const char *words, const char *answer)
{
    char text[256];
    (void)snprintf(text, sizeof text, "CLIENT TRACKING %s", words);
    fake_run(f, cmd_client_tracking, text);
    assert_told(f, answer);
}

static void read_key(struct fake *f, const char *key)
{
    static const struct key_spec spec = {
        .begin = KEY_BEGIN_INDEX, .index = 1, .find = KEY_FIND_RANGE, .last_key = 0, .step = 1};
    struct command get = {.name = "get",
                          .fullname = "get",
                          .flags = CMD_READONLY,
                          .keys = &spec,
                          .nkeys = 1,
                          .keys_simple = true,
                          .first_key = 1,
                          .last_key = 1,
                          .key_step = 1};
    struct slice argv[2] = {SLICE("get"), slice_str(key)};
    struct call c = {.s = f->s, .cmd = &get, .argv = argv, .argc = 2, .out = &f->sink};
    hook_run(HOOK_AFTER_COMMAND, &c);
}

static void change(const char *key)
{
    struct hook_key k = {0, slice_str(key)};
    hook_run(HOOK_KEY_MODIFIED, &k);
}

static void test_read_keys_are_invalidated_once(void **state)
{
    track(a, "on", "OK");
    read_key(a, "k");
    read_key(a, "k");
    change("other");
    change("k");
    change("k");
    assert_told(a, "push(invalidate array(k))");
    read_key(a, "k");
    track(a, "off", "OK");
    change("k");
    assert_told(a, "");
}

static void test_flush_invalidates_everything(void **state)
{
    struct hook_key all = {-1, SLICE_NULL};
    track(a, "on", "OK");
    read_key(a, "k");
    hook_run(HOOK_FLUSHED, &all);
    assert_told(a, "push(invalidate null)");
    change("k");
    assert_told(a, "");
}

static void test_redirect(void **state)
{
    char words[64];
    (void)snprintf(words, sizeof words, "on REDIRECT %" PRIu64, b->s->id);
    track(a, words, "OK");
    read_key(a, "k");
    change("k");
    assert_told(b, ""); /* RESP2 and no subscriber */
    b->s->flags |= SESS_PUBSUB;
    read_key(a, "k");
    change("k");
    assert_told(b, "push(message __redis__:invalidate array(k))");
    assert_told(a, "");
    struct fake *gone = fake_new(3);
    (void)snprintf(words, sizeof words, "on REDIRECT %" PRIu64, gone->s->id);
    track(a, words, "OK");
    read_key(a, "k");
    fake_free(gone);
    change("k");
    (void)snprintf(words, sizeof words, "push(tracking-redir-broken %" PRIu64 ")", a->s->redirect);
    assert_told(a, words);
    assert_true(a->s->flags & SESS_TRACKING_BROKEN);
}

static void test_broadcast(void **state)
{
    track(a, "on BCAST PREFIX user: PREFIX item:", "OK");
    change("user:1");
    change("user:1");
    change("else");
    assert_told(a, "");
    hook_run(HOOK_TICK, NULL);
    assert_told(a, "push(invalidate array(user:1))");
    hook_run(HOOK_TICK, NULL);
    assert_told(a, "");
    fake_run(a, cmd_client_trackinginfo, "CLIENT TRACKINGINFO");
    assert_told(a, "map(flags set(on bcast) redirect 0 prefixes array(user: item:))");
    track(a, "on BCAST PREFIX user:1",
          "ERR Prefix 'user:1' overlaps with an existing prefix 'user:'. Prefixes for a single "
          "client must not overlap.");
    track(a, "off", "OK");
    change("user:1");
    hook_run(HOOK_TICK, NULL);
    assert_told(a, "");
    track(a, "on BCAST", "OK");
    change("x");
    hook_run(HOOK_TICK, NULL);
    assert_told(a, "push(invalidate array(x))");
}

static void test_optin_and_optout(void **state)
{
    track(a, "on OPTIN", "OK");
    read_key(a, "k");
    change("k");
    assert_told(a, "");
    fake_run(a, cmd_client_caching, "CLIENT CACHING yes");
    read_key(a, "k"); /* CACHING is spent by it */
    read_key(a, "l");
    change("l");
    change("k");
    assert_told(a, "OK push(invalidate array(k))");
    fake_run(a, cmd_client_caching, "CLIENT CACHING no");
    assert_told(a, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    track(a, "off", "OK");
    track(a, "on OPTOUT", "OK");
    fake_run(a, cmd_client_caching, "CLIENT CACHING no");
    read_key(a, "k");
    read_key(a, "l");
    change("k");
    change("l");
    assert_told(a, "OK push(invalidate array(l))");
}

static void test_table_limit_drops_the_oldest(void **state)
{
    track(a, "on", "OK");
    read_key(a, "one");
    read_key(a, "two");
    read_key(a, "three");
    tracking_opts.table_max_keys = 1;
    hook_run(HOOK_CRON, NULL);
    assert_told(a, "push(invalidate array(one)) push(invalidate array(two))");
    change("three");
    assert_told(a, "push(invalidate array(three))");
}

static void test_tracking_refuses(void **state)
{
    track(a, "maybe", "ERR syntax error");
    track(a, "on REDIRECT", "ERR syntax error");
    track(a, "on REDIRECT 123456", "ERR The client ID you want redirect to does not exist");
    track(a, "on PREFIX x", "ERR PREFIX option requires BCAST mode to be enabled");
    track(a, "on BCAST OPTIN", "ERR OPTIN and OPTOUT are not compatible with BCAST");
    track(a, "on OPTIN OPTOUT", "ERR You can't specify both OPTIN mode and OPTOUT mode");
    track(a, "on BCAST PREFIX ab PREFIX a",
          "ERR Prefix 'ab' overlaps with another provided prefix 'a'. Prefixes for a single client "
          "must not overlap.");
    assert_null(tracking__of(a->s));
    fake_run(a, cmd_client_getredir, "CLIENT GETREDIR");
    assert_told(a, "-1");
}

static void test_ids(void **state)
{
    struct tracking_ids ids = {NULL, 0, 0};
    for (uint64_t i = 1; i <= 1000; i++)
        assert_true(tracking__ids_add(&ids, i * 7));
    for (uint64_t i = 1; i <= 1000; i++)
        assert_false(tracking__ids_add(&ids, i * 7));
    assert_int_equal(ids.n, 1000);
    tracking__ids_free(&ids);
}

int main(void)
{
    tracking_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read_keys_are_invalidated_once, setup_clients,
                                        teardown_clients),
        cmocka_unit_test_setup_teardown(test_flush_invalidates_everything, setup_clients,
                                        teardown_clients),
        cmocka_unit_test_setup_teardown(test_redirect, setup_clients, teardown_clients),
        cmocka_unit_test_setup_teardown(test_broadcast, setup_clients, teardown_clients),
        cmocka_unit_test_setup_teardown(test_optin_and_optout, setup_clients, teardown_clients),
        cmocka_unit_test_setup_teardown(test_table_limit_drops_the_oldest, setup_clients,
                                        teardown_clients),
        cmocka_unit_test_setup_teardown(test_tracking_refuses, setup_clients, teardown_clients),
        cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
