/* The hash commands: answers, effects, events, encodings. */
#include "commands/hash/hash_commands.h"
#include "keyspace/keyspace_options.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_fields(void **state)
{
    static const struct fixture_step steps[] = {
        {"HSET h a 1 b 2", ":2"},
        {"HSET h a 3 c 4", ":1"},
        {"HSET h a", "-ERR wrong number of arguments for 'hset' command"},
        {"HSET h a 1 b", "-ERR wrong number of arguments for 'hset' command"},
        {"HMSET h d 5", "+OK"},
        {"HGETALL h", "{\"a\": \"3\", \"b\": \"2\", \"c\": \"4\", \"d\": \"5\"}"},
        {"HKEYS h", "[\"a\", \"b\", \"c\", \"d\"]"},
        {"HVALS h", "[\"3\", \"2\", \"4\", \"5\"]"},
        {"HGETALL none", "{}"},
        {"HKEYS none", "[]"},
        {"HGET h a", "\"3\""},
        {"HGET h x", "nil"},
        {"HGET none x", "nil"},
        {"HMGET h a x b", "[\"3\", nil, \"2\"]"},
        {"HMGET none a", "[nil]"},
        {"HEXISTS h a", ":1"},
        {"HEXISTS h x", ":0"},
        {"HEXISTS none x", ":0"},
        {"HSTRLEN h a", ":1"},
        {"HSTRLEN h x", ":0"},
        {"HLEN h", ":4"},
        {"HLEN none", ":0"},
        {"HSETNX h a 9", ":0"},
        {"HSETNX h e 6", ":1"},
        {"HSETNX new e 6", ":1"},
        {"HDEL h x", ":0"},
        {"HDEL h x a a b", ":2"},
        {"HDEL none a", ":0"},
        {"HDEL h c d e y", ":3"},
        {"EXISTS h", ":0"},
        {"HSET h \"\" \"\"", ":1"},
        {"HGET h \"\"", "\"\""},
        {"HSTRLEN h \"\"", ":0"},
    };
    FIXTURE_STEPS(steps);
}

static void test_wrong_type(void **state)
{
    static const char *const commands[] = {
        "HSET s a 1",    "HMSET s a 1",        "HSETNX s a 1",
        "HGET s a",      "HMGET s a",          "HDEL s a",
        "HLEN s",        "HSTRLEN s a",        "HKEYS s",
        "HVALS s",       "HGETALL s",          "HEXISTS s a",
        "HINCRBY s a 1", "HINCRBYFLOAT s a 1", "HSCAN s 0",
        "HRANDFIELD s",  "HRANDFIELD s 2",
    };
    fixture_run("SET s x");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        assert_string_equal(fixture_run(commands[i]),
                            "-WRONGTYPE Operation against a key holding the wrong kind of value");
}

static void test_incr(void **state)
{
    static const struct fixture_step steps[] = {
        {"HINCRBY h n 5", ":5"},
        {"HINCRBY h n -7", ":-2"},
        {"HINCRBY h n x", "-ERR value is not an integer or out of range"},
        {"HSET h t abc u \" 1\"", ":2"},
        {"HINCRBY h t 1", "-ERR hash value is not an integer"},
        {"HINCRBY h u 1", "-ERR hash value is not an integer"},
        {"HINCRBYFLOAT h t 1", "-ERR hash value is not a float"},
        {"HSET h max 9223372036854775807", ":1"},
        {"HINCRBY h max 1", "-ERR increment or decrement would overflow"},
        {"HINCRBYFLOAT h f 1.5", "\"1.5\""},
        {"HINCRBYFLOAT h f 1.5", "\"3\""},
        {"HINCRBYFLOAT h f abc", "-ERR value is not a valid float"},
        {"HINCRBYFLOAT h f inf", "-ERR value is NaN or Infinity"},
        {"HINCRBY h f 2", ":5"},
    };
    FIXTURE_STEPS(steps);
}

static void test_effects(void **state)
{
    fixture_propagates("HSET h a 1 b 2", "HSET h a 1 b 2");
    assert_string_equal(fixture_events(), "new h; hset h");
    fixture_propagates("HSETNX h a 1", "");
    fixture_propagates("HSETNX h c 1", "HSETNX h c 1");
    assert_string_equal(fixture_events(), "hset h");
    fixture_propagates("HINCRBY h a 2", "HINCRBY h a 2");
    assert_string_equal(fixture_events(), "hincrby h");
    fixture_propagates("HINCRBYFLOAT h a 0.5", "HSET h a 3.5");
    assert_string_equal(fixture_events(), "hincrbyfloat h");
    fixture_propagates("HDEL h x y", "");
    assert_string_equal(fixture_events(), "");
    fixture_propagates("HDEL h x a", "HDEL h x a");
    assert_string_equal(fixture_events(), "hdel h");
    fixture_propagates("HDEL h b c d", "HDEL h b c d");
    assert_string_equal(fixture_events(), "hdel h; del h");
    fixture_propagates("HINCRBY h x y", "");
    assert_string_equal(fixture_events(), "");
}

static void fill(const char *key, int n)
{
    char line[64];
    for (int i = 0; i < n; i++) {
        snprintf(line, sizeof line, "HSET %s f%d v%d", key, i, i);
        fixture_run(line);
    }
}

static void encoding_is(const char *key, const char *want)
{
    char line[64], answer[32];
    snprintf(line, sizeof line, "OBJECT ENCODING %s", key);
    snprintf(answer, sizeof answer, "\"%s\"", want);
    assert_string_equal(fixture_run(line), answer);
}

static void test_encoding(void **state)
{
    keyspace_opts.hash_max_listpack_entries = 8;
    keyspace_opts.hash_max_listpack_value = 10;
    fill("h", 8);
    encoding_is("h", "listpack");
    fixture_run("HSET h f0 other");
    encoding_is("h", "listpack");
    fixture_run("HSET h f8 v");
    encoding_is("h", "hashtable");
    fixture_run("HSET long f 12345678901");
    encoding_is("long", "hashtable");
    fixture_run("HSET name 12345678901 f");
    encoding_is("name", "hashtable");
    fixture_run("HSET grows f 1");
    encoding_is("grows", "listpack");
    fixture_run("HINCRBYFLOAT grows f 12345678901");
    encoding_is("grows", "hashtable");
    assert_string_equal(fixture_run("HGETALL grows"), "{\"f\": \"12345678902\"}");
    assert_string_equal(fixture_run("HGET h f0"), "\"other\"");
    assert_string_equal(fixture_run("HLEN h"), ":9");
    /* So many at once are expected to be different ones. */
    fixture_run("HSET twins a 1 a 2 a 3 a 4 a 5 a 6 a 7 a 8 a 9");
    encoding_is("twins", "hashtable");
    assert_string_equal(fixture_run("HGETALL twins"), "{\"a\": \"9\"}");
}

/* Goes through HSCAN from one cursor to the next until 0, and counts how often each field f<number> came. */
static int scan_counts(const char *options, int seen[], int n)
{
    char line[128], cursor[32] = "0";
    int calls = 0;
    do {
        snprintf(line, sizeof line, "HSCAN h %s %s", cursor, options);
        const char *p = fixture_run(line);
        assert_int_equal(sscanf(p, "[\"%31[0-9]", cursor), 1);
        while ((p = strstr(p, "\"f"))) {
            int i = atoi(p + 2);
            assert_in_range(i, 0, n - 1);
            seen[i]++;
            p += 2;
        }
        calls++;
    } while (strcmp(cursor, "0") != 0);
    return calls;
}

static void test_scan(void **state)
{
    int seen[500] = {0}, some[500] = {0};
    static const struct fixture_step steps[] = {
        {"HSCAN h x", "-ERR invalid cursor"},
        {"HSCAN none 0", "[\"0\", []]"},
        {"HSCAN none 0 NONSENSE", "[\"0\", []]"},
        {"HSCAN h 0 COUNT 0", "-ERR syntax error"},
        {"HSCAN h 0 COUNT x", "-ERR value is not an integer or out of range"},
        {"HSCAN h 0 MATCH", "-ERR syntax error"},
        {"HSCAN h 0 TYPE x", "-ERR syntax error"},
        {"HSET packed a 1 b 2 ab 3", ":3"},
        {"HSCAN packed 0 COUNT 1", "[\"0\", [\"a\", \"1\", \"b\", \"2\", \"ab\", \"3\"]]"},
        {"HSCAN packed 17 MATCH a*", "[\"0\", [\"a\", \"1\", \"ab\", \"3\"]]"},
    };
    keyspace_opts.hash_max_listpack_entries = 8;
    fill("h", 500);
    FIXTURE_STEPS(steps);
    assert_in_range(scan_counts("COUNT 20", seen, 500), 20, 27);
    scan_counts("MATCH f1* COUNT 100", some, 500);
    for (int i = 0; i < 500; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(seen[i], 1);
        assert_int_equal(some[i], name[0] == '1');
    }
}

/* Fields in an answer, each f<number>; out[number] counts. */
static int random_counts(const char *line, int out[], int n)
{
    const char *p = fixture_run(line);
    int total = 0;
    while ((p = strstr(p, "\"f"))) {
        int i = atoi(p + 2);
        assert_in_range(i, 0, n - 1);
        out[i]++;
        total++;
        p += 2;
    }
    return total;
}

static void check_random(int n)
{
    static const int counts[] = {1, 3, 10, 35, 60, 95, 100, 200};
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        char line[64];
        int seen[100] = {0}, again[100] = {0};
        snprintf(line, sizeof line, "HRANDFIELD h %d", counts[k]);
        assert_int_equal(random_counts(line, seen, n), counts[k] < n ? counts[k] : n);
        for (int i = 0; i < n; i++)
            assert_in_range(seen[i], 0, 1);
        snprintf(line, sizeof line, "HRANDFIELD h -%d WITHVALUES", counts[k]);
        assert_int_equal(random_counts(line, again, n), counts[k]);
    }
}

/* Every field comes about equally often, by each way of picking. */
static void check_fair(const char *line, int per_call)
{
    int seen[100] = {0}, rounds = 40000 / per_call;
    double chi = 0, expected = (double)rounds * per_call / 100;
    for (int i = 0; i < rounds; i++)
        assert_int_equal(random_counts(line, seen, 100), per_call);
    for (int i = 0; i < 100; i++)
        chi += (seen[i] - expected) * (seen[i] - expected) / expected;
    /* 99 degrees of freedom: above 180 once in a million. */
    assert_true(chi < 180);
}

static void test_random(void **state)
{
    static const struct fixture_step steps[] = {
        {"HRANDFIELD none", "nil"},
        {"HRANDFIELD none 5", "[]"},
        {"HRANDFIELD h 0", "[]"},
        {"HRANDFIELD h x", "-ERR value is not an integer or out of range"},
        {"HRANDFIELD h 1 WITHSCORES", "-ERR syntax error"},
        {"HRANDFIELD h 1 WITHVALUES x", "-ERR syntax error"},
        {"HRANDFIELD h -9223372036854775808",
         "-ERR value is out of range, value must between -9223372036854775807 and "
         "9223372036854775807"},
        {"HRANDFIELD h 9223372036854775807 WITHVALUES", "-ERR value is out of range"},
        {"HSET one f v", ":1"},
        {"HRANDFIELD one", "\"f\""},
        {"HRANDFIELD one -2", "[\"f\", \"f\"]"},
    };
    fill("h", 100);
    FIXTURE_STEPS(steps);
    check_random(100);
    check_fair("HRANDFIELD h 10", 10);
    keyspace_opts.hash_max_listpack_entries = 8;
    fixture_run("HSET h f0 v0");
    encoding_is("h", "hashtable");
    check_random(100);
    check_fair("HRANDFIELD h", 1);
    check_fair("HRANDFIELD h -20", 20);
    check_fair("HRANDFIELD h 20", 20);
    check_fair("HRANDFIELD h 80", 80);
}

static void test_crash(void **state)
{
    keyspace_opts.hash_max_listpack_entries = 8;
    fill("h", 300);
    fill("small", 5);
    fixture_run("HDEL h f7 f8");
    fixture_run("HINCRBYFLOAT small f9 1.5");
    fixture_crash();
    assert_string_equal(fixture_run("HLEN h"), ":298");
    assert_string_equal(fixture_run("HMGET h f6 f7 f299"), "[\"v6\", nil, \"v299\"]");
    assert_string_equal(fixture_run("HGET small f9"), "\"1.5\"");
}

static int reset(void **state)
{
    keyspace_opts.hash_max_listpack_entries = 512;
    keyspace_opts.hash_max_listpack_value = 64;
    return fixture_reset(state);
}

static int setup(void **state)
{
    hash_commands_register();
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_fields, reset),
        cmocka_unit_test_setup(test_wrong_type, reset),
        cmocka_unit_test_setup(test_incr, reset),
        cmocka_unit_test_setup(test_effects, reset),
        cmocka_unit_test_setup(test_encoding, reset),
        cmocka_unit_test_setup(test_scan, reset),
        cmocka_unit_test_setup(test_random, reset),
        cmocka_unit_test_setup(test_crash, reset),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
