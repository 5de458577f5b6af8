/* DUMP, RESTORE and the arguments of MIGRATE. The payloads are what redis-server 7.2 answers to DUMP. */
#include "commands/dump/dump_commands.h"
#include "commands/hash/hash_commands.h"
#include "commands/list/list_commands.h"
#include "commands/server/server_commands.h"
#include "commands/set/set_commands.h"
#include "commands/stream/stream_commands.h"
#include "commands/zset/zset_commands.h"
#include "rdb/rdb_options.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>
#include <string.h>

#define STRING                                                                                     \
    "\"\\x00\\x05\\x68\\x65\\x6c\\x6c\\x6f\\x0b\\x00\\x0a\\xad\\x62\\x05\\x98\\xab\\xc9\\x83\""
#define LIST                                                                                       \
    "\"\\x12\\x01\\x02\\x0e\\x0e\\x00\\x00\\x00\\x03\\x00\\x81\\x61\\x02\\x01\\x01\\x02\\x01"      \
    "\\xff\\x0b\\x00\\xd9\\x3c\\x6e\\xa2\\x18\\x45\\x8e\\x65\""
#define INTSET                                                                                     \
    "\"\\x0b\\x0e\\x02\\x00\\x00\\x00\\x03\\x00\\x00\\x00\\x01\\x00\\x02\\x00\\x03\\x00\\x0b"      \
    "\\x00\\xcc\\xdd\\xe1\\x91\\x90\\xf1\\xa4\\x92\""
#define PACKED                                                                                     \
    "\"\\x14\\x0a\\x0a\\x00\\x00\\x00\\x01\\x00\\x81\\x61\\x02\\xff\\x0b\\x00\\xf7\\xdf\\x7f"      \
    "\\xdb\\x99\\xef\\x7b\\x74\""
#define ZSET                                                                                       \
    "\"\\x11\\x14\\x14\\x00\\x00\\x00\\x04\\x00\\x81\\x61\\x02\\x01\\x01\\x81\\x62\\x02\\x83"      \
    "\\x32\\x2e\\x35\\x04\\xff\\x0b\\x00\\xbd\\x93\\xd3\\xd7\\x0b\\xdb\\x30\\x5e\""
#define HASH                                                                                       \
    "\"\\x10\\x0d\\x0d\\x00\\x00\\x00\\x02\\x00\\x81\\x66\\x02\\x81\\x76\\x02\\xff\\x0b\\x00"      \
    "\\x49\\x2e\\x80\\x37\\xde\\xcb\\xe1\\x14\""
#define STREAM                                                                                     \
    "\"\\x15\\x01\\x10\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00"      \
    "\\x00\\x01\\x28\\x28\\x00\\x00\\x00\\x0f\\x00\\x02\\x01\\x00\\x01\\x01\\x01\\x81\\x66"        \
    "\\x02\\x00\\x01\\x02\\x01\\x00\\x01\\x00\\x01\\x81\\x76\\x02\\x04\\x01\\x02\\x01\\x01"        \
    "\\x01\\x00\\x01\\x81\\x77\\x02\\x04\\x01\\xff\\x02\\x02\\x01\\x01\\x01\\x00\\x00\\x02"        \
    "\\x01\\x01\\x67\\x00\\x00\\x81\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\x00\\x0b"        \
    "\\x00\\x86\\x06\\x55\\x3e\\x2f\\xd6\\x05\\x2e\""

static void test_restore_each_type(void **state)
{
    static const struct fixture_step steps[] = {
        {"RESTORE s 0 " STRING, "+OK"},
        {"GET s", "\"hello\""},
        {"RESTORE l 0 " LIST, "+OK"},
        {"LRANGE l 0 -1", "[\"a\", \"1\", \"2\"]"},
        {"RESTORE i 0 " INTSET, "+OK"},
        {"SCARD i", ":3"},
        {"OBJECT ENCODING i", "\"intset\""},
        {"RESTORE p 0 " PACKED, "+OK"},
        {"OBJECT ENCODING p", "\"listpack\""},
        {"RESTORE z 0 " ZSET, "+OK"},
        {"ZRANGE z 0 -1 WITHSCORES", "[[\"a\", 1], [\"b\", 2.5]]"},
        {"RESTORE h 0 " HASH, "+OK"},
        {"HGET h f", "\"v\""},
        {"RESTORE x 0 " STREAM, "+OK"},
        {"XLEN x", ":2"},
        {"XPENDING x g", "[:0, nil, nil, nil]"},
    };
    FIXTURE_STEPS(steps);
}

/* What is dumped is, for these values, byte by byte what redis-server makes of them. */
static void test_dump_as_redis_does(void **state)
{
    static const char *const restores[] = {
        "RESTORE k 0 " STRING " REPLACE", "RESTORE k 0 " LIST " REPLACE",
        "RESTORE k 0 " INTSET " REPLACE", "RESTORE k 0 " PACKED " REPLACE",
        "RESTORE k 0 " ZSET " REPLACE",   "RESTORE k 0 " HASH " REPLACE",
        "RESTORE k 0 " STREAM " REPLACE"};
    char dump[2048];
    for (size_t i = 0; i < sizeof restores / sizeof *restores; i++) {
        assert_string_equal(fixture_run(restores[i]), "+OK");
        fixture_effects();
        snprintf(dump, sizeof dump, "%s", fixture_run("DUMP k"));
        assert_string_equal(fixture_run("DEL k"), ":1");
        char again[4096];
        snprintf(again, sizeof again, "RESTORE k 0 %s REPLACE", dump);
        assert_string_equal(fixture_run(again), "+OK");
        assert_string_equal(fixture_run("DUMP k"), dump);
        /* The same words as the payload that was given first. */
        fixture_effects();
        assert_string_equal(fixture_run(restores[i]), "+OK");
        char first[4096];
        snprintf(first, sizeof first, "%s", fixture_effects());
        assert_string_equal(fixture_run(again), "+OK");
        assert_string_equal(fixture_effects(), first);
    }
}

static void test_restore_errors(void **state)
{
    static const struct fixture_step steps[] = {
        {"DUMP none", "nil"},
        {"RESTORE k 0 x", "-ERR DUMP payload version or checksum are wrong"},
        {"RESTORE k -1 " STRING, "-ERR Invalid TTL value, must be >= 0"},
        {"RESTORE k x " STRING, "-ERR value is not an integer or out of range"},
        {"RESTORE k 0 " STRING " BAD", "-ERR syntax error"},
        {"RESTORE k 0 " STRING " IDLETIME", "-ERR syntax error"},
        {"RESTORE k 0 " STRING " IDLETIME x", "-ERR value is not an integer or out of range"},
        {"RESTORE k 0 " STRING " IDLETIME -1", "-ERR Invalid IDLETIME value, must be >= 0"},
        {"RESTORE k 0 " STRING " FREQ 256", "-ERR Invalid FREQ value, must be >= 0 and <= 255"},
        {"RESTORE k 0 " STRING " IDLETIME 1 FREQ 1", "-ERR syntax error"},
        {"RESTORE k 0 " STRING, "+OK"},
        {"RESTORE k 0 " STRING, "-BUSYKEY Target key name already exists."},
        {"RESTORE k 0 x", "-BUSYKEY Target key name already exists."},
    };
    FIXTURE_STEPS(steps);
}

static void test_restore_refuses_bad_values(void **state)
{
    static const struct fixture_step steps[] = {
        {"RESTORE k 0 " STRING, "+OK"},
        {"RESTORE k 0 \"\\x02\\x02\\x01a\\x01a\\x0b\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\" "
         "REPLACE",
         "-ERR Bad data format"},
        {"RESTORE k 0 \"\\x02\\x00\\x0b\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\" REPLACE",
         "-ERR Bad data format"},
        {"RESTORE k 0 \"\\x0b\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\" REPLACE",
         "-ERR Bad data format"},
        {"GET k", "\"hello\""}, /* a refused payload leaves the old value */
    };
    rdb_opts.skip_checksum = true;
    FIXTURE_STEPS(steps);
    rdb_opts.skip_checksum = false;
}

static void test_restore_expiry_and_effects(void **state)
{
    char want[512];
    fixture_run("RESTORE k 0 " STRING);
    snprintf(want, sizeof want, "%s", fixture_effects());
    assert_memory_equal(want, "RESTORE k 0 ", 12);
    assert_null(strstr(want, "ABSTTL"));
    fixture_run("RESTORE k 5000 " STRING " REPLACE");
    snprintf(want, sizeof want, "%s", fixture_effects());
    assert_memory_equal(want, "RESTORE k 1700000005000 ", 24);
    assert_non_null(strstr(want, "REPLACE ABSTTL"));
    assert_string_equal(fixture_run("PEXPIRETIME k"), ":1700000005000");
    fixture_effects();
    fixture_propagates("RESTORE k 1000 " STRING " REPLACE ABSTTL", "DEL k");
    fixture_propagates("RESTORE k 1000 " STRING " REPLACE ABSTTL", "");
    assert_string_equal(fixture_run("EXISTS k"), ":0");
    assert_string_equal(fixture_run("RESTORE k 1700000000001 " STRING " ABSTTL"), "+OK");
    assert_string_equal(fixture_run("PTTL k"), ":1");
}

static void test_restore_events(void **state)
{
    fixture_events();
    fixture_run("RESTORE k 0 " HASH);
    assert_string_equal(fixture_events(), "new k; restore k");
    fixture_run("RESTORE k 1000 " STRING " REPLACE ABSTTL");
    assert_string_equal(fixture_events(), "del k");
}

static void test_restore_survives_a_crash(void **state)
{
    fixture_run("RESTORE x 0 " STREAM);
    fixture_run("RESTORE z 100000 " ZSET);
    fixture_crash();
    assert_string_equal(fixture_run("XLEN x"), ":2");
    assert_string_equal(fixture_run("ZSCORE z b"), "2.5");
    assert_string_equal(fixture_run("PTTL z"), ":100000");
}

static void test_migrate_arguments(void **state)
{
    static const struct fixture_step steps[] = {
        {"MIGRATE 127.0.0.1 1 none 0 10", "+NOKEY"},
        {"MIGRATE 127.0.0.1 1 \"\" 0 10 KEYS none none", "+NOKEY"},
        {"MIGRATE 127.0.0.1 1 k 0 10 KEYS none",
         "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"},
        {"MIGRATE 127.0.0.1 1 k 0 10 AUTH", "-ERR syntax error"},
        {"MIGRATE 127.0.0.1 1 k 0 10 AUTH2 u", "-ERR syntax error"},
        {"MIGRATE 127.0.0.1 1 k 0 10 SOON", "-ERR syntax error"},
        {"MIGRATE 127.0.0.1 1 k 0 x", "-ERR value is not an integer or out of range"},
        {"MIGRATE 127.0.0.1 1 k x 10", "-ERR value is not an integer or out of range"},
        {"SET k v", "+OK"},
        {"MIGRATE 127.0.0.1 1 k 0 10", "-IOERR error or timeout connecting to the client"},
        {"GET k", "\"v\""},
    };
    FIXTURE_STEPS(steps);
}

static int setup(void **state)
{
    dump_commands_register();
    hash_commands_register();
    list_commands_register();
    server_commands_register();
    set_commands_register();
    stream_commands_register();
    zset_commands_register();
    return fixture_setup(state);
}

#define CASE(fn) cmocka_unit_test_setup(fn, fixture_reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_restore_each_type),
        CASE(test_dump_as_redis_does),
        CASE(test_restore_errors),
        CASE(test_restore_refuses_bad_values),
        CASE(test_restore_expiry_and_effects),
        CASE(test_restore_events),
        CASE(test_restore_survives_a_crash),
        CASE(test_migrate_arguments),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
