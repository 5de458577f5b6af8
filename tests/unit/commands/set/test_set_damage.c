/* Sets and hashes whose pages in the store are partly lost: whatever a command meets, its answer is whole, what it says it did
 * is done, and the server goes on. */
#include "commands/hash/hash_commands.h"
#include "commands/set/set_commands.h"
#include "keyspace/kv.h"
#include "storage/storage.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS   4000
#define META      0 /* the store's space of records and pages */
#define LOST_EACH 3 /* one leaf of so many is lost */

/* FORMAT.md: a leaf of a collection's tree. */
static bool is_leaf(struct slice key, struct slice value)
{
    return key.n == 13 && key.p[1] == '\xff' && key.p[2] == '\xff' && value.n && value.p[0] == 1;
}

static void fill(void)
{
    char line[128];
    for (int i = 0; i < MEMBERS; i++) {
        snprintf(line, sizeof line, "SADD s member:%d", i);
        fixture_run(line);
        snprintf(line, sizeof line, "SADD t member:%d", i + MEMBERS / 2);
        fixture_run(line);
        snprintf(line, sizeof line, "HSET h field:%d value:%d", i, i);
        fixture_run(line);
    }
}

/* Everything goes to the store and out of memory, and some of it is lost there. */
static void damage(void)
{
    struct error err;
    struct stor *store = kv_store(fixture_kv());
    struct stor_batch *b = stor_batch_new(store);
    const struct stor_iter_opts all = {.snap = NULL};
    assert_int_equal(kv_reload(fixture_kv(), &err), ST_OK);
    struct stor_iter *it = stor_iter_new(store, META, &all);
    int n = 0;
    for (stor_iter_first(it); stor_iter_valid(it); stor_iter_next(it))
        if (is_leaf(stor_iter_key(it), stor_iter_value(it)) && n++ % LOST_EACH == 1)
            stor_batch_del(b, META, stor_iter_key(it));
    stor_iter_free(it);
    assert_in_range(n, 100, 1000);
    assert_int_equal(stor_write(store, b, 0, &err), ST_OK);
    stor_batch_free(b);
}

static long number(const char *answer)
{
    assert_int_equal(answer[0], ':');
    return strtol(answer + 1, NULL, 10);
}

/* An array is closed when all elements that were announced have come. */
static void assert_whole(const char *command)
{
    const char *answer = fixture_run(command);
    size_t n = strlen(answer);
    bool failed = strstr(answer, "-ERR") != NULL;
    if (answer[0] == '[' || answer[0] == '{')
        assert_true(answer[n - 1] == ']' || answer[n - 1] == '}');
    if (!failed)
        fail_msg("%s did not notice: %.200s", command, answer);
}

static void test_reading(void **state)
{
    static const char *const commands[] = {
        "SMEMBERS s",
        "SUNION s t",
        "SDIFF s t",
        "SINTER s t",
        "SINTERCARD 2 s t",
        "SRANDMEMBER s 3900",
        "SRANDMEMBER s -500",
        "SRANDMEMBER s 900",
        "HGETALL h",
        "HKEYS h",
        "HVALS h",
        "HRANDFIELD h 3900",
        "HRANDFIELD h -500 WITHVALUES",
        "HRANDFIELD h 900",
        "SSCAN s 0 COUNT 4000",
        "HSCAN h 0 COUNT 4000",
    };
    fill();
    damage();
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        assert_whole(commands[i]);
    assert_string_equal(fixture_run("SCARD s"), ":4000");
    assert_string_equal(fixture_run("HLEN h"), ":4000");
}

/* Counts move by what was answered, also when the command failed in the midst. */
static void test_writing(void **state)
{
    char line[128];
    long card = MEMBERS, len = MEMBERS;
    int failed = 0;
    fill();
    damage();
    for (int i = 0; i < 1500; i++) {
        snprintf(line, sizeof line, i % 2 ? "SADD s new:%d" : "SREM s member:%d", i);
        const char *answer = fixture_run(line);
        if (answer[0] == ':')
            card += i % 2 ? number(answer) : -number(answer);
        else
            failed++;
        snprintf(line, sizeof line, i % 2 ? "HSET h new:%d x" : "HDEL h field:%d", i);
        answer = fixture_run(line);
        if (answer[0] == ':')
            len += i % 2 ? number(answer) : -number(answer);
        else
            failed++;
    }
    assert_true(failed > 100);
    assert_int_equal(number(fixture_run("SCARD s")), card);
    assert_int_equal(number(fixture_run("HLEN h")), len);
}

static int elements(const char *answer)
{
    int n = 0;
    for (const char *p = answer; (p = strstr(p, "\"m")); p++)
        n++;
    return n;
}

static void test_pop(void **state)
{
    long card = MEMBERS;
    fill();
    damage();
    for (int i = 0; i < 20; i++) {
        const char *answer = fixture_run(i % 2 ? "SPOP s 100" : "SPOP s 1900");
        assert_int_equal(answer[strlen(answer) - 1], ']');
        card -= elements(answer);
        assert_int_equal(number(fixture_run("SCARD s")), card);
    }
    assert_true(card > 0);
}

/* Puts a name into out whose place in s can be read, or cannot. */
static void find_name(bool readable, char out[32])
{
    char line[64];
    for (int i = 0; i < 1000; i++) {
        snprintf(out, 32, "x%d", i);
        snprintf(line, sizeof line, "SISMEMBER s %s", out);
        if ((fixture_run(line)[0] == ':') == readable)
            return;
    }
    fail_msg("all places are alike");
}

/* A destination that is read itself stays as it is; another one is lost, and that is in the log. */
static void test_store(void **state)
{
    char good[32], bad[32], line[128], want[128];
    fill();
    fixture_run("SADD d kept");
    damage();
    find_name(true, good);
    find_name(false, bad);
    snprintf(line, sizeof line, "SADD few %s %s", good, bad);
    assert_string_equal(fixture_run(line), ":2");
    snprintf(want, sizeof want, "[\"%s\", \"%s\"]", good, bad);
    assert_int_equal(fixture_run("SDIFFSTORE few few s")[0], '-');
    assert_string_equal(fixture_run("SMEMBERS few"), want);
    assert_int_equal(fixture_run("SINTERSTORE s s t")[0], '-');
    assert_string_equal(fixture_run("SCARD s"), ":4000");
    fixture_propagates("SDIFFSTORE d few s", "DEL d");
    assert_string_equal(fixture_run("EXISTS d"), ":0");
    fixture_propagates("SDIFFSTORE none few s", "");
    assert_string_equal(fixture_run("EXISTS none"), ":0");
}

static int setup(void **state)
{
    hash_commands_register();
    set_commands_register();
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_reading, fixture_reset),
        cmocka_unit_test_setup(test_writing, fixture_reset),
        cmocka_unit_test_setup(test_pop, fixture_reset),
        cmocka_unit_test_setup(test_store, fixture_reset),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
