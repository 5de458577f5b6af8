/* The commands about the server as a whole, over a keyspace in memory. */
#include "commands/server/server_commands.h"
#include "keyspace/kv.h"
#include "rdb/rdb_options.h"
#include "session/hooks.h"
#include "session/info.h"
#include "session/lifecycle.h"
#include "session/session_options.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int setup(void **state)
{
    server_commands_register();
    rdb_options_register();
    int r = fixture_setup(state);
    assert_int_equal(chdir(fixture_dir()), 0); /* dumps are written here */
    session_opts.enable_debug_command = SESSION_PROTECTED_YES;
    lifecycle.kv = fixture_kv();
    return r;
}

static void test_dbsize_flush_swapdb(void **state)
{
    static const struct fixture_step steps[] = {
        {"SET a 1", "+OK"},
        {"SELECT 1", "-ERR unknown command 'SELECT', with args beginning with: '1' "},
        {"DBSIZE", ":1"},
        {"SWAPDB 0 1", "+OK"},
        {"DBSIZE", ":0"},
        {"SWAPDB 1 0", "+OK"},
        {"DBSIZE", ":1"},
        {"SWAPDB x 0", "-ERR invalid first DB index"},
        {"SWAPDB 0 x", "-ERR invalid second DB index"},
        {"SWAPDB 0 99", "-ERR DB index is out of range"},
        {"FLUSHDB now", "-ERR syntax error"},
        {"FLUSHDB ASYNC SYNC", "-ERR syntax error"},
        {"FLUSHDB ASYNC", "+OK"},
        {"DBSIZE", ":0"},
        {"FLUSHALL sync", "+OK"},
    };
    FIXTURE_STEPS(steps);
}

static void test_flush_is_propagated_even_when_empty(void **state)
{
    fixture_propagates("FLUSHALL", "FLUSHALL");
    fixture_propagates("FLUSHDB", "FLUSHDB");
    fixture_propagates("SWAPDB 0 1", "SWAPDB 0 1");
    fixture_propagates("DEBUG SET-ACTIVE-EXPIRE 1", "");
}

static void test_save_forms(void **state)
{
    static const struct fixture_step steps[] = {
        {"SAVE", "+OK"},
        {"BGSAVE now", "-ERR syntax error"},
        {"BGSAVE SCHEDULE", "+Background saving started"},
        {"BGSAVE", "-ERR Background save already in progress"},
        {"SAVE", "-ERR Background save already in progress"},
        {"BGSAVE SCHEDULE", "-ERR Background save already in progress"},
        {"BGREWRITEAOF", "+Background append only file rewriting started"},
        {"SHUTDOWN x", "-ERR syntax error"},
        {"SHUTDOWN SAVE NOSAVE", "-ERR syntax error"},
        {"SHUTDOWN NOW ABORT", "-ERR syntax error"},
        {"SHUTDOWN ABORT", "-ERR No shutdown in progress."},
    };
    FIXTURE_STEPS(steps);
    /* Nothing is dirty after SAVE, so the next cron sees the end. */
    hook_run(HOOK_CRON, NULL);
    assert_string_equal(fixture_run("SAVE"), "+OK");
}

static void test_debug_refusals(void **state)
{
    static const struct fixture_step steps[] = {
        {"DEBUG nothing",
         "-ERR unknown subcommand or wrong number of arguments for 'nothing'. Try DEBUG HELP."},
        {"DEBUG SLEEP",
         "-ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP."},
        {"DEBUG OBJECT none", "-ERR no such key"},
        {"DEBUG SLEEP 0", "+OK"},
        {"DEBUG LOG hello", "+OK"},
        {"DEBUG ERROR \"MY own error\"", "-MY own error"},
        {"DEBUG PROTOCOL integer", ":12345"},
        {"DEBUG PROTOCOL array", "[:0, :1, :2]"},
        {"DEBUG PAUSE-CRON 1", "+OK"},
        {"DEBUG PAUSE-CRON 0", "+OK"},
        {"DEBUG REPLYBUFFER RESIZING 0", "+OK"},
        {"DEBUG REPLYBUFFER RESIZING 1", "+OK"},
        {"DEBUG REPLYBUFFER PEAK-RESET-TIME never", "+OK"},
        {"DEBUG REPLYBUFFER PEAK-RESET-TIME reset", "+OK"},
    };
    FIXTURE_STEPS(steps);
}

static void digest(char out[64])
{
    strncpy(out, fixture_run("DEBUG DIGEST"), 63);
    out[63] = '\0';
}

static void test_debug_digest_tells_data_apart(void **state)
{
    char empty[64], one[64], two[64], again[64];
    digest(empty);
    assert_string_equal(empty, "+0000000000000000000000000000000000000000");
    fixture_run("SET a 1");
    digest(one);
    fixture_run("SET b 2");
    digest(two);
    assert_string_not_equal(one, two);
    /* another order, another representation of the same value */
    fixture_run("FLUSHALL");
    fixture_run("SET b 2");
    fixture_run("SET a 10");
    fixture_run("SETRANGE a 1 x");
    fixture_run("SET a 1");
    digest(again);
    assert_string_equal(two, again);
    fixture_run("EXPIRE a 100");
    digest(again);
    assert_string_not_equal(two, again);
}

static void test_debug_digest_survives_reload(void **state)
{
    char before[64], after[64];
    assert_string_equal(fixture_run("DEBUG POPULATE 1000 key 20"), "+OK");
    assert_string_equal(fixture_run("DBSIZE"), ":1000");
    digest(before);
    assert_string_equal(fixture_run("DEBUG RELOAD"), "+OK");
    digest(after);
    assert_string_equal(before, after);
    assert_string_equal(fixture_run("DEBUG LOADAOF"), "+OK");
    digest(after);
    assert_string_equal(before, after);
}

/* A reload commits the tick; the unit under way must come out whole all the same. */
static void test_reload_keeps_units_whole(void **state)
{
    struct kv *kv = fixture_kv();
    struct error err = {.message = ""};
    struct slice set[] = {SLICE("SET"), SLICE("k"), SLICE("v")};
    fixture_effects();
    kv_effect(kv, 0, 3, set); /* another unit of the same tick */
    kv_unit_begin(kv);
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    kv_effect(kv, 0, 3, set);
    assert_int_equal(kv_reload(kv, &err), ST_BUSY);
    kv_effect(kv, 0, 3, set);
    kv_unit_end(kv);
    assert_string_equal(fixture_effects(), "SET k v; MULTI; SET k v; SET k v; EXEC");
}

static void test_debug_digest_value(void **state)
{
    static char one[128];
    fixture_run("SET a same");
    fixture_run("SET b same");
    strncpy(one, fixture_run("DEBUG DIGEST-VALUE a"), sizeof(one) - 1);
    assert_string_equal(fixture_run("DEBUG DIGEST-VALUE b"), one);
    assert_string_equal(fixture_run("DEBUG DIGEST-VALUE none"),
                        "[+0000000000000000000000000000000000000000]");
}

static void test_debug_populate(void **state)
{
    static const struct fixture_step steps[] = {
        {"SET k:1 mine", "+OK"},
        {"DEBUG POPULATE 3 k", "+OK"},
        {"DBSIZE", ":3"},
        {"GET k:0", "\"value:0\""},
        {"GET k:1", "\"mine\""},
        {"DEBUG POPULATE 1 s 10", "+OK"},
        {"STRLEN s:0", ":10"},
        {"DEBUG POPULATE 1 t 3", "+OK"},
        {"GET t:0", "\"val\""},
        {"DEBUG POPULATE -1", "-ERR value is out of range, must be positive"},
    };
    FIXTURE_STEPS(steps);
}

static void test_debug_object(void **state)
{
    fixture_run("SET k 123");
    const char *text = fixture_run("DEBUG OBJECT k");
    assert_non_null(strstr(text, "refcount:1 encoding:int serializedlength:4 lru:"));
    assert_non_null(strstr(text, " lru_seconds_idle:0"));
}

static void test_memory(void **state)
{
    fixture_run("SET k 0123456789012345678901234567890123456789012345678901234567890123456789");
    const char *text = fixture_run("MEMORY USAGE k");
    assert_int_equal(text[0], ':');
    assert_true(atoi(text + 1) > 70);
    static const struct fixture_step steps[] = {
        {"MEMORY USAGE none", "nil"},
        {"MEMORY USAGE k SAMPLES", "-ERR syntax error"},
        {"MEMORY USAGE k SAMPLES -1", "-ERR syntax error"},
        {"MEMORY USAGE k SAMPLES x", "-ERR value is not an integer or out of range"},
        {"MEMORY PURGE", "+OK"},
    };
    FIXTURE_STEPS(steps);
    assert_non_null(strstr(fixture_run("MEMORY STATS"), "\"keys.count\", :1"));
}

static void test_time(void **state)
{
    assert_string_equal(fixture_run("TIME"), "[\"1700000000\", \"0\"]");
    assert_non_null(strstr(fixture_run("LOLWUT VERSION 5"), "Redis ver. 7.2.5"));
    assert_string_equal(fixture_run("LOLWUT VERSION x"),
                        "-ERR value is not an integer or out of range");
}

static void test_info_persistence_counts_changes(void **state)
{
    struct buf out = BUF_INIT;
    info_fields("persistence", &out);
    const char *field = strstr(buf_cstr(&out), "rdb_changes_since_last_save:");
    assert_non_null(field);
    int before = atoi(strchr(field, ':') + 1);
    fixture_run("SET a 1");
    fixture_run("SET b 1");
    buf_clear(&out);
    info_fields("persistence", &out);
    field = strstr(buf_cstr(&out), "rdb_changes_since_last_save:");
    assert_int_equal(atoi(strchr(field, ':') + 1), before + 2);
    buf_free(&out);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, fixture_reset)
    const struct CMUnitTest tests[] = {
        CASE(test_dbsize_flush_swapdb),
        CASE(test_flush_is_propagated_even_when_empty),
        CASE(test_debug_refusals),
        CASE(test_debug_digest_tells_data_apart),
        CASE(test_debug_digest_survives_reload),
        CASE(test_reload_keeps_units_whole),
        CASE(test_debug_digest_value),
        CASE(test_debug_populate),
        CASE(test_debug_object),
        CASE(test_memory),
        CASE(test_time),
        CASE(test_info_persistence_counts_changes),
        CASE(test_save_forms),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
