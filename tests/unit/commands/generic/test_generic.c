/* Commands on keys of any type: answers, effects, events. */
#include "keyspace/keyspace_options.h"
#include "keyspace/kv.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_keys_basic(void **state)
{
    static const struct fixture_step steps[] = {
        {"MSET a 1 b 2 c 3", "+OK"},
        {"EXISTS a b a none", ":3"},
        {"TOUCH a none", ":1"},
        {"TYPE a", "+string"},
        {"TYPE none", "+none"},
        {"KEYS a", "[\"a\"]"},
        {"KEYS [x]", "[]"},
        {"KEYS ?b", "[]"},
        {"KEYS [b]", "[\"b\"]"},
        {"DEL a a none", ":1"},
        {"UNLINK b c", ":2"},
        {"RANDOMKEY", "nil"},
        {"SET only 1", "+OK"},
        {"RANDOMKEY", "\"only\""},
        {"SCAN 0", "[\"0\", [\"only\"]]"},
        {"SCAN 0 TYPE string MATCH o* COUNT 1", "[\"0\", [\"only\"]]"},
        {"SCAN 0 TYPE hash", "[\"0\", []]"},
        {"SCAN 0 TYPE nonsense", "[\"0\", []]"},
        {"SCAN x", "-ERR invalid cursor"},
        {"SCAN \" 0\"", "-ERR invalid cursor"},
        {"SCAN 18446744073709551616", "-ERR invalid cursor"},
        {"SCAN 18446744073709551615", "[\"0\", []]"},
        {"SCAN 0 COUNT 0", "-ERR syntax error"},
        {"SCAN 0 COUNT x", "-ERR value is not an integer or out of range"},
        {"SCAN 0 MATCH", "-ERR syntax error"},
        {"SCAN 0 FOO 1", "-ERR syntax error"},
    };
    FIXTURE_STEPS(steps);
    fixture_run("MSET a 1 b 2");
    fixture_propagates("DEL a none b", "DEL a none b");
    fixture_propagates("DEL a b", "");
    fixture_propagates("UNLINK only", "UNLINK only");
}

static void test_scan_finds_all(void **state)
{
    enum { KEYS = 700 };
    static bool seen[KEYS];
    char cursor[32] = "0";
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < KEYS; i++) {
        char line[64];
        snprintf(line, sizeof line, "SET key:%d %d", i, i);
        fixture_run(line);
    }
    do {
        char line[64];
        const char *answer;
        snprintf(line, sizeof line, "SCAN %s COUNT 13", cursor);
        answer = fixture_run(line);
        assert_int_equal(sscanf(answer, "[\"%31[0-9]", cursor), 1);
        while ((answer = strstr(answer, "key:"))) {
            int i = atoi(answer += 4);
            assert_false(seen[i]);
            seen[i] = true;
        }
    } while (strcmp(cursor, "0") != 0);
    for (int i = 0; i < KEYS; i++)
        assert_true(seen[i]);
}

static void test_scan_deletes_expired(void **state)
{
    fixture_run("MSET k v stays v");
    fixture_run("PEXPIRE k 10");
    fixture_at_ms(FIXTURE_NOW_MS + 10);
    assert_int_equal(kv_dbsize(fixture_kv(), 0), 2);
    fixture_propagates("SCAN 0", "DEL k");
    assert_int_equal(kv_dbsize(fixture_kv(), 0), 1);
    assert_string_equal(fixture_run("SCAN 0"), "[\"0\", [\"stays\"]]");
}

/* Nothing ties the deletions together, so no MULTI stands around them. */
static void test_expired_are_deleted_one_by_one(void **state)
{
    fixture_run("MSET {t}a v {t}b v");
    fixture_run("PEXPIRE {t}a 10");
    fixture_run("PEXPIRE {t}b 10");
    fixture_effects();
    fixture_at_ms(FIXTURE_NOW_MS + 10);
    fixture_run("RANDOMKEY");
    fixture_run("SCAN 0");
    assert_null(strstr(fixture_effects(), "MULTI"));
    assert_int_equal(kv_dbsize(fixture_kv(), 0), 0);
}

static void test_rename_move_copy(void **state)
{
    static const struct fixture_step steps[] = {
        {"RENAME none x", "-ERR no such key"},
        {"SET a 1 EX 100", "+OK"},
        {"SET b 2 EX 7", "+OK"},
        {"RENAME a a", "+OK"},
        {"RENAMENX a a", ":0"},
        {"RENAMENX a b", ":0"},
        {"RENAME a b", "+OK"},
        {"GET b", "\"1\""},
        {"TTL b", ":100"},
        {"EXISTS a", ":0"},
        {"RENAMENX b c", ":1"},
        {"MOVE c 0", "-ERR source and destination objects are the same"},
        {"MOVE c 99", "-ERR DB index is out of range"},
        {"MOVE c -1", "-ERR DB index is out of range"},
        {"MOVE c x", "-ERR value is not an integer or out of range"},
        {"MOVE none 1", ":0"},
        {"COPY c c", "-ERR source and destination objects are the same"},
        {"COPY c d DB 99", "-ERR DB index is out of range"},
        {"COPY c d FOO", "-ERR syntax error"},
        {"COPY c d DB", "-ERR syntax error"},
        {"COPY none d", ":0"},
        {"COPY c d", ":1"},
        {"COPY c d", ":0"},
        {"SET c 5", "+OK"},
        {"COPY c d REPLACE", ":1"},
        {"GET d", "\"5\""},
        {"TTL d", ":-1"},
        {"COPY c c DB 1", ":1"},
        {"MOVE c 1", ":0"},
        {"MOVE d 1", ":1"},
        {"EXISTS d", ":0"},
    };
    FIXTURE_STEPS(steps);
    fixture_run("MSET a 1 b 2");
    fixture_events();
    fixture_propagates("RENAME a b", "RENAME a b");
    assert_string_equal(fixture_events(), "rename_from a; rename_to b");
    fixture_propagates("COPY b e", "COPY b e");
    assert_string_equal(fixture_events(), "new e; copy_to e");
    fixture_propagates("MOVE e 2", "MOVE e 2");
    assert_string_equal(fixture_events(), "new e; move_from e; move_to e");
    fixture_propagates("RENAMENX none b", "");
}

static void test_expire_forms(void **state)
{
    static const struct fixture_step steps[] = {
        {"SET k v", "+OK"},
        {"TTL none", ":-2"},
        {"PEXPIRETIME none", ":-2"},
        {"EXPIRETIME k", ":-1"},
        {"EXPIRE k 10", ":1"},
        {"PEXPIRETIME k", ":1700000010000"},
        {"EXPIRETIME k", ":1700000010"},
        {"PEXPIRE k 1499", ":1"},
        {"TTL k", ":1"},
        {"PEXPIRE k 1500", ":1"},
        {"TTL k", ":2"},
        {"EXPIREAT k 1700000077", ":1"},
        {"TTL k", ":77"},
        {"PEXPIREAT k 1700000000300", ":1"},
        {"PTTL k", ":300"},
        {"PERSIST k", ":1"},
        {"PERSIST k", ":0"},
        {"EXPIRE none 10", ":0"},
        {"EXPIRE k x", "-ERR value is not an integer or out of range"},
        {"EXPIRE k 9223372036854776", "-ERR invalid expire time in 'expire' command"},
        {"EXPIRE k -9223372036854776", "-ERR invalid expire time in 'expire' command"},
        {"PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"},
        {"EXPIREAT k 9223372036854775807", "-ERR invalid expire time in 'expireat' command"},
        {"PEXPIREAT k 9223372036854775807", ":1"},
        {"EXPIRE k 10 NX XX",
         "-ERR NX and XX, GT or LT options at the same time are not compatible"},
        {"EXPIRE k 10 GT LT", "-ERR GT and LT options at the same time are not compatible"},
        {"EXPIRE k 10 Ab", "-ERR Unsupported option Ab"},
        {"PEXPIREAT k -9223372036854775808", ":1"},
        {"EXISTS k", ":0"},
    };
    FIXTURE_STEPS(steps);
}

static void test_expire_conditions(void **state)
{
    static const struct fixture_step steps[] = {
        {"SET k v", "+OK"},       {"EXPIRE k 10 XX", ":0"}, {"EXPIRE k 10 GT", ":0"},
        {"EXPIRE k 10 LT", ":1"}, {"EXPIRE k 10 NX", ":0"}, {"EXPIRE k 10 LT", ":0"},
        {"EXPIRE k 10 GT", ":0"}, {"EXPIRE k 20 GT", ":1"}, {"EXPIRE k 5 LT XX", ":1"},
        {"EXPIRE k 7 XX", ":1"},  {"TTL k", ":7"},          {"PERSIST k", ":1"},
        {"EXPIRE k 10 NX", ":1"}, {"EXPIRE k -1 GT", ":0"}, {"EXPIRE k -1 LT", ":1"},
        {"EXISTS k", ":0"},
    };
    FIXTURE_STEPS(steps);
}

static void test_expire_effects(void **state)
{
    fixture_run("SET k v");
    fixture_events();
    fixture_propagates("EXPIRE k 5", "PEXPIREAT k 1700000005000");
    fixture_propagates("PEXPIRE k 5 XX", "PEXPIREAT k 1700000000005");
    fixture_propagates("EXPIREAT k 1700000005", "PEXPIREAT k 1700000005000");
    fixture_propagates("PEXPIREAT k 1700000005000", "PEXPIREAT k 1700000005000");
    fixture_propagates("PEXPIREAT k 1700000009000 GT", "PEXPIREAT k 1700000009000");
    fixture_propagates("EXPIRE k 5 GT", "");
    fixture_propagates("PERSIST k", "PERSIST k");
    fixture_propagates("PERSIST k", "");
    assert_string_equal(fixture_events(),
                        "expire k; expire k; expire k; expire k; expire k; persist k");
    fixture_propagates("EXPIRE k 0", "DEL k");
    assert_string_equal(fixture_events(), "del k");
}

static void test_object(void **state)
{
    static const struct fixture_step steps[] = {
        {"OBJECT ENCODING none", "nil"},
        {"SET k v", "+OK"},
        {"OBJECT ENCODING k", "\"embstr\""},
        {"OBJECT REFCOUNT k", ":1"},
        {"OBJECT IDLETIME k", ":0"},
        {"OBJECT FREQ k",
         "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
         "Please note that when switching between policies at runtime LRU and LFU "
         "data will take some time to adjust."},
        {"SET k 9999", "+OK"},
        {"OBJECT REFCOUNT k", ":2147483647"},
        {"INCR k", ":10000"},
        {"OBJECT REFCOUNT k", ":1"},
        {"OBJECT ENCODING", "-ERR wrong number of arguments for 'object|encoding' command"},
        {"OBJECT FOO k", "-ERR unknown subcommand 'FOO'. Try OBJECT HELP."},
    };
    FIXTURE_STEPS(steps);
    keyspace_opts.maxmemory_policy = KV_EVICT_ALL_LFU;
    assert_int_equal(fixture_run("OBJECT FREQ k")[0], ':');
    assert_int_equal(fixture_run("OBJECT IDLETIME k")[0], '-');
    keyspace_opts.maxmemory_policy = KV_EVICT_NONE;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_keys_basic, fixture_reset),
        cmocka_unit_test_setup(test_scan_finds_all, fixture_reset),
        cmocka_unit_test_setup(test_scan_deletes_expired, fixture_reset),
        cmocka_unit_test_setup(test_expired_are_deleted_one_by_one, fixture_reset),
        cmocka_unit_test_setup(test_rename_move_copy, fixture_reset),
        cmocka_unit_test_setup(test_expire_forms, fixture_reset),
        cmocka_unit_test_setup(test_expire_conditions, fixture_reset),
        cmocka_unit_test_setup(test_expire_effects, fixture_reset),
        cmocka_unit_test_setup(test_object, fixture_reset),
    };
    return cmocka_run_group_tests_name("generic", tests, fixture_setup, fixture_teardown);
}
