/* The stream commands: answers, effects, events. */
#include "base/mem.h"
#include "commands/stream/stream_commands.h"
#include "commands/stream/stream_priv.h"
#include "keyspace/keyspace_options.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>
#include <string.h>

/* -- IDs and lags ---------------------------------------------------------------------------------------------------------- */

static void test_id_parse_forms(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t ms, seq;
    } forms[] = {
        {"1-2", true, 1, 2},
        {"7", true, 7, 9},
        {"18446744073709551615-18446744073709551615", true, UINT64_MAX, UINT64_MAX},
        {"18446744073709551616", false, 0, 0},
        {"01-+2", true, 1, 2},
        {"", false, 0, 0},
        {"-", false, 0, 0},
        {"+", false, 0, 0},
        {"1-", false, 0, 0},
        {"-1", false, 0, 0},
        {"1-2-3", false, 0, 0},
        {"1-*", false, 0, 0},
        {"1 ", false, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct kv_stream_id id;
        assert_int_equal(stream__id_parse(slice_str(forms[i].text), 9, false, &id, NULL),
                         forms[i].ok);
        if (forms[i].ok) {
            assert_int_equal(id.ms, forms[i].ms);
            assert_int_equal(id.seq, forms[i].seq);
        }
    }
}

static void test_id_neighbours(void **state)
{
    struct kv_stream_id id = {4, UINT64_MAX};
    assert_true(stream__id_next(&id));
    assert_int_equal(id.ms, 5);
    assert_int_equal(id.seq, 0);
    assert_true(stream__id_prev(&id));
    assert_int_equal(id.seq, UINT64_MAX);
    id = KV_STREAM_ID_MAX;
    assert_false(stream__id_next(&id));
    id = KV_STREAM_ID_MIN;
    assert_false(stream__id_prev(&id));
}

static void test_lag(void **state)
{
    struct kv_stream_info s = {.length = 3, .added = 5, .first = {3, 0}, .last = {5, 0}};
    struct kv_stream_group g = {.last = {3, 0}, .entries_read = KV_STREAM_UNKNOWN};
    int64_t lag;
    assert_true(stream__lag(&s, &g, &lag)); /* at the first entry */
    assert_int_equal(lag, 2);
    g.last = (struct kv_stream_id){1, 0};
    assert_true(stream__lag(&s, &g, &lag)); /* before it */
    assert_int_equal(lag, 3);
    g.last = (struct kv_stream_id){4, 0};
    assert_false(stream__lag(&s, &g, &lag)); /* somewhere behind */
    stream__advance(&s, &g, (struct kv_stream_id){5, 0});
    assert_int_equal(g.entries_read, 5);
    s.max_gone = (struct kv_stream_id){4, 0};
    g = (struct kv_stream_group){.last = {3, 0}, .entries_read = 3};
    assert_false(stream__lag(&s, &g, &lag)); /* a deleted entry lies ahead */
    g.last = (struct kv_stream_id){4, 1};
    assert_true(stream__lag(&s, &g, &lag));
    assert_int_equal(lag, 2);
}

/* -- Entries --------------------------------------------------------------------------------------------------------------- */

static void test_xadd(void **state)
{
    static const struct fixture_step steps[] = {
        {"XADD s 1-1 f v", "\"1-1\""},
        {"XADD s 1-* f v g w", "\"1-2\""},
        {"XADD s 1-2 f v",
         "-ERR The ID specified in XADD is equal or smaller than the target stream top item"},
        {"XADD s 0-0 f v", "-ERR The ID specified in XADD must be greater than 0-0"},
        {"XADD s * f v", "\"1700000000000-0\""},
        {"XADD s * f v", "\"1700000000000-1\""},
        {"XADD s 2-18446744073709551615 f v",
         "-ERR The ID specified in XADD is equal or smaller than the target stream top item"},
        {"XADD s * f", "-ERR wrong number of arguments for 'xadd' command"},
        {"XADD s * f v g", "-ERR wrong number of arguments for 'xadd' command"},
        {"XADD s x f v", "-ERR Invalid stream ID specified as stream command argument"},
        {"XADD none NOMKSTREAM * f v", "nil"},
        {"EXISTS none", ":0"},
        {"XADD s MAXLEN 1 LIMIT 5 * f v",
         "-ERR syntax error, LIMIT cannot be used without the special ~ option"},
        {"XADD s LIMIT 5 * f v",
         "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"},
        {"XADD s MAXLEN -1 * f v", "-ERR The MAXLEN argument must be >= 0."},
        {"XRANGE s - 1", "[[\"1-1\", [\"f\", \"v\"]], [\"1-2\", [\"f\", \"v\", \"g\", \"w\"]]]"},
        {"XREVRANGE s + (1-2 COUNT 1", "[[\"1700000000000-1\", [\"f\", \"v\"]]]"},
        {"XADD s MAXLEN 0 * f v", "\"1700000000000-2\""},
        {"XLEN s", ":0"},
        {"TYPE s", "+stream"},
        {"XADD m 18446744073709551615-18446744073709551615 f v",
         "\"18446744073709551615-18446744073709551615\""},
        {"XADD m * f v",
         "-ERR The stream has exhausted the last possible ID, unable to add more items"},
        {"SET k v", "+OK"},
        {"XADD k * f v", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
    };
    FIXTURE_STEPS(steps);
}

static void test_effects_of_entries(void **state)
{
    keyspace_opts.stream_node_max_entries = 2;
    fixture_propagates("XADD s * f v", "XADD s 1700000000000-0 f v");
    fixture_propagates("XADD s 1700000000000-* f v", "XADD s 1700000000000-1 f v");
    fixture_propagates("XADD s NOMKSTREAM MAXLEN ~ 1 LIMIT 9 1700000000001-0 f v",
                       "XADD s NOMKSTREAM MAXLEN = 1 LIMIT 9 1700000000001-0 f v");
    fixture_propagates("XADD s 1700000000002-0 f v", "XADD s 1700000000002-0 f v");
    fixture_propagates("XADD s 1700000000003-0 f v", "XADD s 1700000000003-0 f v");
    fixture_propagates("XTRIM s MINID ~ 1700000000002-0", "");
    fixture_propagates("XTRIM s MINID ~ 1700000000003-0", "XTRIM s MINID = 1700000000003-0");
    fixture_propagates("XTRIM s MAXLEN = 5", "");
    fixture_propagates("XADD s MAXLEN 1 1700000000004-0 f v",
                       "XADD s MAXLEN 1 1700000000004-0 f v");
    fixture_propagates("XDEL s 5-5", "");
    fixture_propagates("XDEL s 1700000000004-0", "XDEL s 1700000000004-0");
    fixture_propagates("XSETID s 1700000000009-0", "XSETID s 1700000000009-0");
    keyspace_opts.stream_node_max_entries = 100;
}

static void test_events(void **state)
{
    fixture_run("XADD s 1-1 f v");
    fixture_run("XADD s MAXLEN 1 2-1 f v");
    fixture_run("XTRIM s MAXLEN 1");
    fixture_run("XDEL s 2-1");
    fixture_run("XSETID s 9-9");
    fixture_run("XGROUP CREATE s g $");
    fixture_run("XGROUP SETID s g 0");
    fixture_run("XGROUP CREATECONSUMER s g c");
    fixture_run("XGROUP DELCONSUMER s g c");
    fixture_run("XGROUP DESTROY s g");
    assert_string_equal(fixture_events(),
                        "new s; xadd s; xadd s; xtrim s; xdel s; xsetid s; xgroup-create s; "
                        "xgroup-setid s; xgroup-createconsumer s; xgroup-delconsumer s; "
                        "xgroup-destroy s");
}

static void test_xsetid(void **state)
{
    static const struct fixture_step steps[] = {
        {"XSETID s 1-1", "-ERR no such key"},
        {"XADD s 5-5 f v", "\"5-5\""},
        {"XSETID s 5-4",
         "-ERR The ID specified in XSETID is smaller than the target stream top item"},
        {"XSETID s 6-0 ENTRIESADDED 0",
         "-ERR The entries_added specified in XSETID is smaller than the target stream length"},
        {"XSETID s 6-0 ENTRIESADDED -1", "-ERR entries_added must be positive"},
        {"XSETID s 6-0 MAXDELETEDID 7-0",
         "-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"},
        {"XSETID s 6-0 MAXDELETEDID 4-0 ENTRIESADDED 9", "+OK"},
        {"XDEL s 5-5", ":1"},
        {"XSETID s 5-0",
         "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"},
        {"XSETID s 6-0 WHAT", "-ERR syntax error"},
    };
    FIXTURE_STEPS(steps);
}

/* -- Groups ---------------------------------------------------------------------------------------------------------------- */

static void test_effects_of_groups(void **state)
{
    fixture_run("XADD s 1-1 f v");
    fixture_run("XADD s 2-1 f v");
    fixture_run("XADD s 3-1 f v");
    fixture_run("XGROUP CREATE s g 0");
    fixture_effects();
    fixture_propagates(
        "XREADGROUP GROUP g a COUNT 1 STREAMS s >",
        "XCLAIM s g a 0 1-1 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1");
    fixture_propagates("XREADGROUP GROUP g a STREAMS s 0", "");
    fixture_propagates(
        "XREADGROUP GROUP g b NOACK COUNT 1 STREAMS s >",
        "MULTI; XGROUP CREATECONSUMER s g b; XGROUP SETID s g 2-1 ENTRIESREAD 2; EXEC");
    fixture_propagates("XREADGROUP GROUP g c STREAMS s 0", "");
    fixture_propagates(
        "XCLAIM s g b 0 1-1 9-9 IDLE 5 LASTID 2-1",
        "XCLAIM s g b 0 1-1 TIME 1699999999995 RETRYCOUNT 3 FORCE JUSTID LASTID 2-1");
    fixture_propagates("XCLAIM s g b 0 9-9 LASTID 3-0", "XGROUP SETID s g 3-0 ENTRIESREAD 2");
    fixture_run("XDEL s 1-1");
    fixture_effects();
    fixture_propagates(
        "XAUTOCLAIM s g a 0 -",
        "XCLAIM s g b 0 1-1 TIME 1699999999995 RETRYCOUNT 3 FORCE JUSTID LASTID 3-0");
    fixture_propagates("XACK s g 1-1", "");
    fixture_run("XREADGROUP GROUP g a STREAMS s >");
    fixture_effects();
    fixture_propagates("XACK s g 1-1 3-1", "XACK s g 1-1 3-1");
    fixture_propagates("XGROUP DESTROY s none", "");
}

static void test_pending(void **state)
{
    static const struct fixture_step steps[] = {
        {"XGROUP CREATE s g $",
         "-ERR The XGROUP subcommand requires the key to exist. Note that for "
         "CREATE you may want to use the MKSTREAM option to create an empty "
         "stream automatically."},
        {"XGROUP CREATE s g $ MKSTREAM", "+OK"},
        {"XGROUP CREATE s g $", "-BUSYGROUP Consumer Group name already exists"},
        {"XADD s 1-1 f v", "\"1-1\""},
        {"XADD s 1-2 f v", "\"1-2\""},
        {"XREADGROUP GROUP g a COUNT 1 STREAMS s >", "[\"s\", [[\"1-1\", [\"f\", \"v\"]]]]"},
        {"XREADGROUP GROUP g b STREAMS s >", "[\"s\", [[\"1-2\", [\"f\", \"v\"]]]]"},
        {"XREADGROUP GROUP g b STREAMS s >", "nil"},
        {"XPENDING s g", "[:2, \"1-1\", \"1-2\", [[\"a\", \"1\"], [\"b\", \"1\"]]]"},
        {"XPENDING s g - + 9 b", "[[\"1-2\", \"b\", :0, :1]]"},
        {"XPENDING s g IDLE 1 - + 9", "[]"},
        {"XPENDING s g - +", "-ERR syntax error"},
        {"XPENDING s none", "-NOGROUP No such key 's' or consumer group 'none'"},
        {"XDEL s 1-1", ":1"},
        {"XREADGROUP GROUP g a STREAMS s 0", "[\"s\", [[\"1-1\", nil]]]"},
        {"XAUTOCLAIM s g c 0 - COUNT 1", "[\"1-2\", [], [\"1-1\"]]"},
        {"XAUTOCLAIM s g c 0 - COUNT 1 JUSTID", "[\"0-0\", [\"1-2\"], []]"},
        {"XAUTOCLAIM s g c 0 - COUNT 0", "-ERR COUNT must be > 0"},
        {"XCLAIM s g a 99 1-2", "[]"},
        {"XCLAIM s g a 0 1-2", "[[\"1-2\", [\"f\", \"v\"]]]"},
        {"XCLAIM s g a 0 1-2 WHAT", "-ERR Unrecognized XCLAIM option 'WHAT'"},
        {"XGROUP DELCONSUMER s g a", ":1"},
        {"XPENDING s g", "[:0, nil, nil, nil]"},
    };
    FIXTURE_STEPS(steps);
}

/* The log alone brings back what groups know, their counters too. */
static void test_replay_of_groups(void **state)
{
    fixture_run("XADD s 1-1 f v");
    fixture_run("XADD s 2-1 f v");
    fixture_run("XADD s 3-1 f v");
    fixture_run("XGROUP CREATE s g 0");
    fixture_run("XREADGROUP GROUP g a COUNT 2 STREAMS s >");
    fixture_run("XACK s g 1-1");
    char *before = mem_strdup(fixture_run("XINFO GROUPS s"));
    char *pending = mem_strdup(fixture_run("XPENDING s g"));
    assert_non_null(strstr(before, "\"entries-read\": :2"));
    fixture_crash();
    assert_string_equal(fixture_run("XINFO GROUPS s"), before);
    assert_string_equal(fixture_run("XPENDING s g"), pending);
    mem_free(before);
    mem_free(pending);
}

static void test_read_errors(void **state)
{
    static const struct fixture_step steps[] = {
        {"XREAD STREAMS s", "-ERR wrong number of arguments for 'xread' command"},
        {"XREAD STREAMS a b 0", "-ERR Unbalanced 'xread' list of streams: for each stream key an "
                                "ID or '$' must be specified."},
        {"XREAD COUNT 1 STREAMS s >", "-ERR The > ID can be specified only when calling XREADGROUP "
                                      "using the GROUP <group> <consumer> option."},
        {"XREAD NOACK STREAMS s 0",
         "-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."},
        {"XREAD BLOCK -1 STREAMS s 0", "-ERR timeout is negative"},
        {"XREAD BLOCK x STREAMS s 0", "-ERR timeout is not an integer or out of range"},
        {"XREADGROUP GROUP g c STREAMS s >",
         "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"},
        {"XREADGROUP COUNT 1 NOACK NOACK STREAMS s >", "-ERR Missing GROUP option for XREADGROUP"},
        {"XREAD STREAMS s 0", "nil"},
        {"XADD s 1-1 f v", "\"1-1\""},
        {"XREAD STREAMS s none 0 0", "[\"s\", [[\"1-1\", [\"f\", \"v\"]]]]"},
        {"XREAD STREAMS s 1-1", "nil"},
    };
    FIXTURE_STEPS(steps);
}

static int setup(void **state)
{
    stream_commands_register();
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id_parse_forms),
        cmocka_unit_test(test_id_neighbours),
        cmocka_unit_test(test_lag),
        cmocka_unit_test_setup(test_xadd, fixture_reset),
        cmocka_unit_test_setup(test_effects_of_entries, fixture_reset),
        cmocka_unit_test_setup(test_events, fixture_reset),
        cmocka_unit_test_setup(test_xsetid, fixture_reset),
        cmocka_unit_test_setup(test_effects_of_groups, fixture_reset),
        cmocka_unit_test_setup(test_pending, fixture_reset),
        cmocka_unit_test_setup(test_replay_of_groups, fixture_reset),
        cmocka_unit_test_setup(test_read_errors, fixture_reset),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
