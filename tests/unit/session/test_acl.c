#include "session/acl.h"

#include "base/mem.h"
#include "session/call.h"
#include "session/session.h"
#include "session/session_options.h"
#include "session/sink_null.h"
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void run_nothing(struct call *c)
{
}

static const struct key_spec read_key[] = {{.flags = KEY_RO | KEY_ACCESS,
                                            .begin = KEY_BEGIN_INDEX,
                                            .index = 1,
                                            .find = KEY_FIND_RANGE,
                                            .last_key = -1,
                                            .step = 1}};
static const struct key_spec write_key[] = {{.flags = KEY_OW | KEY_UPDATE,
                                             .begin = KEY_BEGIN_INDEX,
                                             .index = 1,
                                             .find = KEY_FIND_RANGE,
                                             .step = 1}};
static const struct key_spec any_key[] = {
    {.flags = KEY_RO, .begin = KEY_BEGIN_INDEX, .index = 1, .find = KEY_FIND_RANGE, .step = 1}};

#define COMMAND(word, cats, ...)                                                                   \
    {                                                                                              \
        .name = word, .fullname = word, .fn = run_nothing, .arity = -1, .acl = (cats), __VA_ARGS__ \
    }
#define SUB(parent_, word, cats)                                                                   \
    {                                                                                              \
        .name = word, .fullname = parent_ "|" word, .container = parent_, .fn = run_nothing,       \
        .arity = -2, .acl = (cats)                                                                 \
    }

static struct command table[] = {
    COMMAND("get", ACL_CAT_READ | ACL_CAT_STRING | ACL_CAT_FAST, .keys = read_key, .nkeys = 1),
    COMMAND("mget", ACL_CAT_READ | ACL_CAT_STRING | ACL_CAT_FAST, .keys = read_key, .nkeys = 1),
    COMMAND("set", ACL_CAT_WRITE | ACL_CAT_STRING | ACL_CAT_SLOW, .keys = write_key, .nkeys = 1),
    COMMAND("exists", ACL_CAT_READ | ACL_CAT_KEYSPACE | ACL_CAT_FAST, .keys = any_key, .nkeys = 1),
    COMMAND("ping", ACL_CAT_FAST | ACL_CAT_CONNECTION),
    COMMAND("select", ACL_CAT_FAST | ACL_CAT_CONNECTION),
    COMMAND("auth", ACL_CAT_FAST | ACL_CAT_CONNECTION, .flags = CMD_NO_AUTH),
    COMMAND("publish", ACL_CAT_PUBSUB | ACL_CAT_FAST, .channels = CHANNELS_FIRST),
    COMMAND("subscribe", ACL_CAT_PUBSUB | ACL_CAT_SLOW, .channels = CHANNELS_ALL),
    COMMAND("psubscribe", ACL_CAT_PUBSUB | ACL_CAT_SLOW, .channels = CHANNELS_PATTERNS),
    {.name = "config", .fullname = "config", .arity = -2, .acl = ACL_CAT_SLOW},
    SUB("config", "get", ACL_CAT_ADMIN | ACL_CAT_SLOW | ACL_CAT_DANGEROUS),
    SUB("config", "set", ACL_CAT_ADMIN | ACL_CAT_SLOW | ACL_CAT_DANGEROUS),
    {.name = "client", .fullname = "client", .arity = -2, .acl = ACL_CAT_SLOW},
    SUB("client", "id", ACL_CAT_SLOW | ACL_CAT_CONNECTION),
    SUB("client", "kill", ACL_CAT_ADMIN | ACL_CAT_SLOW | ACL_CAT_DANGEROUS | ACL_CAT_CONNECTION),
};

static int setup(void **state)
{
    static bool registered;
    if (!registered) {
        command_register(table, COUNT_OF(table));
        session_options_register();
    }
    registered = true;
    session_opts.acl_pubsub_default = SESSION_PUBSUB_RESET;
    session_opts.acllog_max_len = 128;
    acl_stats = (struct acl_stats){0};
    return 0;
}

static int teardown(void **state)
{
    acl_stop();
    return 0;
}

/* Splits at spaces in place. */
static size_t split(char *line, struct slice *argv)
{
    size_t n = 0;
    for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
        argv[n++] = slice_str(w);
    return n;
}

static enum status set_user(const char *name, const char *rules, struct buf *report)
{
    char line[512];
    struct slice argv[64];
    strcpy(line, rules);
    size_t n = split(line, argv);
    return acl_set_user(slice_str(name), argv, n, report);
}

static void must_set(const char *name, const char *rules)
{
    struct buf report = BUF_INIT;
    if (set_user(name, rules, &report) != ST_OK)
        fail_msg("%s: %s", rules, buf_cstr(&report));
    buf_free(&report);
}

static void assert_described(const char *name, const char *want, const char *what)
{
    struct buf text = BUF_INIT;
    acl_describe(acl_find(slice_str(name)), &text);
    if (strcmp(buf_cstr(&text), want) != 0)
        fail_msg("%s:\n got  %s\n want %s", what, buf_cstr(&text), want);
    buf_free(&text);
}

#define FOO "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" /* SHA-256 of foo */

static void test_rules_and_their_description(void **state)
{
    static const struct {
        const char *rules, *want;
    } cases[] = {
        {"", "off sanitize-payload resetchannels -@all"},
        {"on nopass", "on nopass sanitize-payload resetchannels -@all"},
        {"ON >foo", "on sanitize-payload #" FOO " resetchannels -@all"},
        {"on >foo >foo #" FOO, "on sanitize-payload #" FOO " resetchannels -@all"},
        {"nopass >foo", "off sanitize-payload #" FOO " resetchannels -@all"},
        {">foo nopass", "off nopass sanitize-payload resetchannels -@all"},
        {">foo <foo", "off sanitize-payload resetchannels -@all"},
        {">foo !" FOO, "off sanitize-payload resetchannels -@all"},
        {">foo resetpass", "off sanitize-payload resetchannels -@all"},
        {"skip-sanitize-payload", "off skip-sanitize-payload resetchannels -@all"},
        {"~* &* +@all", "off sanitize-payload ~* &* +@all"},
        {"allkeys allchannels allcommands", "off sanitize-payload ~* &* +@all"},
        {"~a ~b* ~a %R~c %w~d %RW~e",
         "off sanitize-payload ~a ~b* %R~c %W~d ~e resetchannels -@all"},
        {"%R~a %W~a", "off sanitize-payload ~a resetchannels -@all"},
        {"~a resetkeys", "off sanitize-payload resetchannels -@all"},
        {"~a allkeys resetkeys ~b", "off sanitize-payload ~b resetchannels -@all"},
        {"&a &b* &a", "off sanitize-payload resetchannels &a &b* -@all"},
        {"+get +SET -ping", "off sanitize-payload resetchannels -@all +get +set -ping"},
        {"+get -get +get", "off sanitize-payload resetchannels -@all +get"},
        {"+@all -@string +get", "off sanitize-payload resetchannels +@all -@string +get"},
        {"+@String +@sTRING", "off sanitize-payload resetchannels -@all +@string"},
        {"-@all -@dangerous", "off sanitize-payload resetchannels -@all -@dangerous"},
        {"+get +@all", "off sanitize-payload resetchannels +@all"},
        {"+config|get +config|set +config", "off sanitize-payload resetchannels -@all +config"},
        {"+config +config|get -config|set +config",
         "off sanitize-payload resetchannels -@all +config"},
        {"+@all -config|get", "off sanitize-payload resetchannels +@all -config|get"},
        {"+select|0 +SELECT|1 +select|0",
         "off sanitize-payload resetchannels -@all +select|1 +select|0"},
        {"(+get ~a) ()", "off sanitize-payload resetchannels -@all (~a resetchannels -@all +get) "
                         "(resetchannels -@all)"},
        {"( ~a +get ) on", "on sanitize-payload resetchannels -@all (~a resetchannels -@all +get)"},
        {"(+get) clearselectors", "off sanitize-payload resetchannels -@all"},
        {"on nopass ~* &* +@all (+get) reset", "off sanitize-payload resetchannels -@all"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        must_set("u", cases[i].rules);
        assert_described("u", cases[i].want, cases[i].rules);
        /* What is described describes itself. */
        must_set("again", cases[i].want);
        assert_described("again", cases[i].want, cases[i].want);
        acl_stop();
    }
}

static void test_rules_that_are_refused(void **state)
{
#define MODIFIER(rule, why) "Error in ACL SETUSER modifier '" rule "': " why
    static const struct {
        const char *rules, *why; /* the beginning of the report */
    } cases[] = {
        {"foo", MODIFIER("foo", "Syntax error")},
        {"+nosuch", MODIFIER("+nosuch", "Unknown command or category name in ACL")},
        {"-nosuch", MODIFIER("-nosuch", "Unknown command or category name in ACL")},
        {"+@nosuch", MODIFIER("+@nosuch", "Unknown command or category name in ACL")},
        {"+", MODIFIER("+", "Unknown command or category name in ACL")},
        {"+@", MODIFIER("+@", "Unknown command or category name in ACL")},
        {"+config|nosuch", MODIFIER("+config|nosuch", "Unknown command")},
        {"-get|x", MODIFIER("-get|x", "Unknown command")},
        {"+get|", MODIFIER("+get|", "Syntax error")},
        {"+config|get|x", MODIFIER("+config|get|x", "Allowing first-arg of a subcommand")},
        {"~* ~a", MODIFIER("~a", "Adding a pattern after the * pattern (or the 'allkeys' flag)")},
        {"&* &a",
         MODIFIER("&a", "Adding a pattern after the * pattern (or the 'allchannels' flag)")},
        {"%X~a", MODIFIER("%X~a", "Syntax error")},
        {"%~a", MODIFIER("%~a", "Syntax error")},
        {"%RR~a", MODIFIER("%RR~a", "Syntax error")},
        {"%", MODIFIER("%", "Syntax error")},
        {"<foo", MODIFIER("<foo", "The password you are trying to remove")},
        {"#abc", MODIFIER("#abc", "The password hash must be exactly 64 characters")},
        {"#" FOO "0", MODIFIER("#" FOO "0", "The password hash must be")},
        {"(+get", "Unmatched parenthesis in acl selector starting at '(+get'."},
        {"(", "Unmatched parenthesis in acl selector starting at '('."},
        {")", MODIFIER(")", "Syntax error")},
        {"(on)", MODIFIER("(on)", "Syntax error")},
        {"(+get (+set)", MODIFIER("(+get (+set)", "Syntax error")},
        {"(~a) +get)", MODIFIER("+get)", "Unknown command")},
        {"( ~* ~a )", MODIFIER("( ~* ~a )", "Adding a pattern")},
    };
    must_set("u", "on ~x +get");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf report = BUF_INIT;
        char rules[200];
        snprintf(rules, sizeof(rules), "nopass %s", cases[i].rules);
        if (set_user("u", rules, &report) == ST_OK)
            fail_msg("%s was taken", rules);
        if (strncmp(buf_cstr(&report), cases[i].why, strlen(cases[i].why)) != 0)
            fail_msg("%s:\n got  %s\n want %s", rules, buf_cstr(&report), cases[i].why);
        buf_free(&report);
        assert_described("u", "on sanitize-payload ~x resetchannels -@all +get", rules);
    }
    /* What could not be read back from a description. */
    static const char *const words[] = {"~a b", "~a\nb", "+get|a b", "(~a) +get)", "(&x) ~a)"};
    struct buf report = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct slice rule = slice_str(words[i]);
        assert_int_not_equal(acl_set_user(SLICE("u"), &rule, 1, &report), ST_OK);
    }
    assert_int_not_equal(set_user("fresh", "+nosuch", &report), ST_OK);
    assert_null(acl_find(SLICE("fresh")));
    buf_free(&report);
}

static void test_checks(void **state)
{
    static const struct {
        const char *rules, *call;
        enum acl_verdict want;
        int pos;
    } cases[] = {
        {"", "get a", ACL_DENIED_CMD, 0},
        {"", "auth x", ACL_OK, 0},
        {"+get", "get a", ACL_DENIED_KEY, 1},
        {"+get ~a*", "get ab", ACL_OK, 0},
        {"+get ~a*", "GET b", ACL_DENIED_KEY, 1},
        {"+mget ~a*", "mget a1 a2 b a3", ACL_DENIED_KEY, 3},
        {"+@all %R~a %W~b", "get a", ACL_OK, 0},
        {"+@all %R~a %W~b", "get b", ACL_DENIED_KEY, 1},
        {"+@all %R~a %W~b", "set b 1", ACL_OK, 0},
        {"+@all %R~a %W~b", "set a 1", ACL_DENIED_KEY, 1},
        {"+@all %R~a %W~b", "exists a", ACL_OK, 0},
        {"+@all %R~a %W~b", "exists b", ACL_OK, 0},
        {"+@all %R~a %W~b", "exists c", ACL_DENIED_KEY, 1},
        {"+@all ~* &*", "set a 1", ACL_OK, 0},
        {"~* +@all -@string", "get a", ACL_DENIED_CMD, 0},
        {"~* +@all -@string", "ping", ACL_OK, 0},
        {"~* +@all -@string +get", "get a", ACL_OK, 0},
        {"+config", "config get x", ACL_OK, 0},
        {"+config -config|set", "config set x", ACL_DENIED_CMD, 0},
        {"+config -config|set", "config get x", ACL_OK, 0},
        {"+config|get", "config get x", ACL_OK, 0},
        {"+config|get", "config set x", ACL_DENIED_CMD, 0},
        {"+@all -client +client|id", "client id", ACL_OK, 0},
        {"+@all -client +client|id", "client kill", ACL_DENIED_CMD, 0},
        {"+@connection -@dangerous", "client id", ACL_OK, 0},
        {"+@connection -@dangerous", "client kill", ACL_DENIED_CMD, 0},
        {"+select|0", "select 0", ACL_OK, 0},
        {"+select|0", "select 1", ACL_DENIED_CMD, 0},
        {"+select|0", "select", ACL_DENIED_CMD, 0},
        {"+select|0 -select", "select 0", ACL_DENIED_CMD, 0},
        {"+publish &a*", "publish ab x", ACL_OK, 0},
        {"+publish &a*", "publish b a", ACL_DENIED_CHANNEL, 1},
        {"+subscribe &a*", "subscribe ab b", ACL_DENIED_CHANNEL, 2},
        {"+psubscribe &a*", "psubscribe a*", ACL_OK, 0},
        {"+psubscribe &a*", "psubscribe ab*", ACL_DENIED_CHANNEL, 1},
        {"(+get ~a) (+set ~b)", "get a", ACL_OK, 0},
        {"(+get ~a) (+set ~b)", "set b 1", ACL_OK, 0},
        {"(+get ~a) (+set ~b)", "get b", ACL_DENIED_KEY, 1},
        {"+mget ~k (+mget ~k ~o)", "mget k o s", ACL_DENIED_KEY, 3},
        {"+@all ~* &* -get (+get)", "get a", ACL_DENIED_KEY, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        must_set("u", "reset on nopass");
        must_set("u", cases[i].rules);
        char line[100];
        struct slice argv[20];
        strcpy(line, cases[i].call);
        int argc = (int)split(line, argv), pos = 0;
        const struct command *cmd = command_resolve(argv, argc, NULL);
        assert_non_null(cmd);
        enum acl_verdict v = acl_check(acl_find(SLICE("u")), cmd, argv, argc, &pos);
        if (v != cases[i].want || pos != cases[i].pos)
            fail_msg("%s: %s: got %d at %d", cases[i].rules, cases[i].call, v, pos);
    }
}

static void test_unlimited_follows_the_rules(void **state)
{
    assert_true(acl_unlimited(acl_default()));
    must_set("u", "on +@all ~*");
    assert_false(acl_unlimited(acl_find(SLICE("u"))));
    must_set("u", "&*");
    assert_true(acl_unlimited(acl_find(SLICE("u"))));
    must_set("u", "-get");
    assert_false(acl_unlimited(acl_find(SLICE("u"))));
}

static void test_reads_all_keys(void **state)
{
    const struct command *get = command_find(SLICE("get"));
    must_set("u", "(+get ~a*) (+set ~*)");
    assert_false(acl_reads_all_keys(acl_find(SLICE("u")), get));
    must_set("u", "(+get %W~*)");
    assert_false(acl_reads_all_keys(acl_find(SLICE("u")), get));
    must_set("u", "(+get %R~*)");
    assert_true(acl_reads_all_keys(acl_find(SLICE("u")), get));
}

static bool may_log_in(const char *name, const char *password)
{
    struct acl_user *u = NULL;
    bool ok = acl_authenticate(slice_str(name), slice_str(password), &u);
    if (ok)
        assert_ptr_equal(u, acl_find(slice_str(name)));
    return ok;
}

static void test_authenticate(void **state)
{
    must_set("u", ">one >two");
    assert_false(may_log_in("u", "one"));
    must_set("u", "on");
    assert_true(may_log_in("u", "one"));
    assert_true(may_log_in("u", "two"));
    assert_false(may_log_in("u", ""));
    assert_false(may_log_in("u", FOO));
    must_set("u", "<one");
    assert_false(may_log_in("u", "one"));
    must_set("u", "nopass");
    assert_true(may_log_in("u", "anything"));
    assert_false(may_log_in("nobody", "x"));
    assert_true(may_log_in("default", ""));
}

static void test_default_user_stays(void **state)
{
    struct acl_user *u = acl_default();
    assert_described("default", "on nopass sanitize-payload ~* &* +@all", "default");
    assert_int_equal(acl_delete_user(SLICE("default")), ST_DENIED);
    assert_int_equal(acl_delete_user(SLICE("nobody")), ST_NOT_FOUND);
    must_set("u", "on");
    assert_int_equal(acl_delete_user(SLICE("u")), ST_OK);
    assert_null(acl_find(SLICE("u")));
    assert_ptr_equal(acl_default(), u);
}

static void test_new_users_follow_acl_pubsub_default(void **state)
{
    session_opts.acl_pubsub_default = SESSION_PUBSUB_ALL;
    must_set("u", "(+get)");
    assert_described("u", "off sanitize-payload &* -@all (&* -@all +get)", "allchannels");
    session_opts.acl_pubsub_default = SESSION_PUBSUB_RESET;
    must_set("u", "reset");
    assert_described("u", "off sanitize-payload resetchannels -@all", "resetchannels");
}

/* Runs the check of one call by user u. */
static bool deny(struct session *s, const char *text)
{
    char line[100];
    struct slice argv[20];
    strcpy(line, text);
    struct call c = {.s = s, .argv = argv, .out = s->ops->sink(s)};
    c.argc = (int)split(line, argv);
    c.cmd = command_resolve(argv, c.argc, NULL);
    return !acl_check_call(&c) && c.failed;
}

static void test_log_joins_alike_refusals(void **state)
{
    struct session *s = session_new_internal(NULL);
    must_set("u", "on nopass +get ~a");
    s->user = acl_find(SLICE("u"));
    assert_true(deny(s, "set a 1"));
    assert_true(deny(s, "get b"));
    assert_true(deny(s, "set a 2"));
    const struct acl_log_entry *e = acl_log_entry(0);
    assert_int_equal(e->count, 2);
    assert_int_equal(e->reason, ACL_DENIED_CMD);
    assert_true(slice_eq(buf_slice(&e->object), SLICE("set")));
    assert_true(slice_eq(buf_slice(&e->username), SLICE("u")));
    e = acl_log_entry(1);
    assert_int_equal(e->reason, ACL_DENIED_KEY);
    assert_true(slice_eq(buf_slice(&e->object), SLICE("b")));
    assert_null(acl_log_entry(2));
    assert_int_equal(acl_stats.denied_cmd, 2);
    assert_int_equal(acl_stats.denied_key, 1);
    s->flags |= SESS_MULTI;
    assert_true(deny(s, "set a 2"));
    assert_int_equal(acl_log_entry(0)->context, ACL_CONTEXT_MULTI);
    assert_int_equal(acl_log_entry(0)->count, 1);
    s->flags &= ~(uint32_t)SESS_MULTI;
    session_opts.acllog_max_len = 2;
    assert_true(deny(s, "get c"));
    assert_null(acl_log_entry(2));
    acl_log_clear();
    assert_null(acl_log_entry(0));
    session_free(s);
}

/* -- The file ------------------------------------------------------------------------------------------------------------ */

static char acl_file[] = "/tmp/orbit-test-acl-XXXXXX";

static void write_file(const char *text)
{
    FILE *f = fopen(acl_file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_file_is_loaded_whole_or_not(void **state)
{
    int fd = mkstemp(acl_file);
    assert_true(fd >= 0);
    close(fd);
    char *former = session_opts.aclfile;
    session_opts.aclfile = acl_file;
    struct buf report = BUF_INIT;
    struct error err;
    write_file("user alice on nopass ~a* +get\r\n\n  user bob  off  (+set ~b)\nuser default on "
               ">foo +@all\n");
    assert_int_equal(acl_load(&report), ST_OK);
    assert_described("alice", "on nopass sanitize-payload ~a* resetchannels -@all +get", "alice");
    assert_described("default", "on sanitize-payload #" FOO " resetchannels +@all", "default");
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"usr x\n",
         ":1 should start with user keyword followed by the username. WARNING: ACL errors"},
        {"# comment\n", ":1 should start with user keyword"},
        {"\nuser\n", ":2 should start with user keyword"},
        {"user a +nosuch\n",
         ":1: Error in applying operation '+nosuch': Unknown command or category name in ACL. W"},
        {"user a ~* ~a\n", ":1: Adding a pattern after the * pattern"},
        {"user a (+get\n", ":1: Unmatched parenthesis in selector definition.WARNING"},
        {"user a\nuser a\n", "WARNING: Duplicate user 'a' found on line 2. WARNING"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        buf_clear(&report);
        write_file(bad[i].text);
        assert_int_not_equal(acl_load(&report), ST_OK);
        if (!strstr(buf_cstr(&report), bad[i].why))
            fail_msg("%s: %s", bad[i].text, buf_cstr(&report));
        assert_non_null(acl_find(SLICE("alice")));
        assert_null(acl_find(SLICE("a")));
    }
    assert_int_equal(acl_save(&err), ST_OK);
    buf_clear(&report);
    assert_int_equal(acl_load(&report), ST_OK);
    assert_described(
        "bob", "off sanitize-payload resetchannels -@all (~b resetchannels -@all +set)", "bob");
    write_file("");
    assert_int_equal(acl_load(&report), ST_OK);
    assert_null(acl_find(SLICE("alice")));
    assert_described("default", "on nopass sanitize-payload ~* &* +@all", "default");
    session_opts.aclfile = former;
    unlink(acl_file);
    buf_free(&report);
}

/* A user with n rules; freed with the registry. */
static const struct acl_user *user_with(const char *name, const struct slice *rules, size_t n)
{
    struct buf report = BUF_INIT;
    assert_int_equal(acl_set_user(slice_str(name), rules, n, &report), ST_OK);
    buf_free(&report);
    return acl_find(slice_str(name));
}

static bool may_run(const struct acl_user *u, const struct command *cmd)
{
    struct slice argv[] = {slice_str(cmd->name)};
    return acl_check(u, cmd, argv, 1, NULL) == ACL_OK;
}

static void test_commands_that_come_and_go(void **state)
{
    static struct command late =
        COMMAND("mod.late", ACL_CAT_WRITE, .flags = CMD_MODULE, .module = "mod");
    const struct acl_user *all =
        user_with("all", (struct slice[]){SLICE("+@all"), SLICE("-get")}, 2);
    const struct acl_user *none = user_with("none", (struct slice[]){SLICE("+get")}, 1);
    const struct acl_user *writer =
        user_with("writer", (struct slice[]){SLICE("+@write"), SLICE("+get")}, 2);
    int id = -1;
    for (int i = 0; i < 2; i++) {
        command_register(&late, 1);
        acl_commands_changed();
        assert_true(id < 0 || late.id == id); /* the name's own */
        id = late.id;
        assert_true(may_run(all, &late));
        assert_false(may_run(none, &late));
        assert_true(may_run(writer, &late));
        assert_false(may_run(all, command_find(SLICE("get"))));
        assert_true(may_run(none, command_find(SLICE("get"))));
        command_unregister(&late);
        acl_commands_changed();
        assert_null(command_find(SLICE("mod.late")));
    }
    struct buf text = BUF_INIT;
    acl_describe_commands(writer, 0, &text);
    assert_string_equal(buf_cstr(&text), "-@all +@write +get");
    buf_free(&text);
}

static void test_many_late_commands_have_bits(void **state)
{
    enum { MANY = 3000 };
    static struct command many[MANY];
    static char names[MANY][16];
    const struct acl_user *all = user_with("all", (struct slice[]){SLICE("+@all")}, 1);
    const struct acl_user *one = user_with("one", (struct slice[]){SLICE("+get")}, 1);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "many.%d", i);
        many[i] = (struct command)COMMAND(names[i], 0, .flags = CMD_MODULE, .module = "many");
    }
    command_register(many, MANY);
    acl_commands_changed();
    struct buf report = BUF_INIT;
    struct slice last = SLICE("+many.2999"), minus = SLICE("-many.7");
    assert_int_equal(acl_set_user(SLICE("one"), &last, 1, &report), ST_OK);
    assert_int_equal(acl_set_user(SLICE("all"), &minus, 1, &report), ST_OK);
    assert_true(may_run(one, &many[MANY - 1]));
    assert_false(may_run(one, &many[MANY - 2]));
    assert_true(may_run(all, &many[MANY - 1]));
    assert_false(may_run(all, &many[7]));
    for (int i = MANY; i-- > 0;)
        command_unregister(&many[i]);
    buf_free(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rules_and_their_description, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rules_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_checks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unlimited_follows_the_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_all_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_authenticate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_default_user_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_users_follow_acl_pubsub_default, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_joins_alike_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_is_loaded_whole_or_not, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commands_that_come_and_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_late_commands_have_bits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
