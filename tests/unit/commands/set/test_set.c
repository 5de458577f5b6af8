/* The set commands: answers, effects, events, encodings, and random commands against a model. */
#include "commands/set/set_commands.h"
#include "config/compat_options.h"
#include "keyspace/keyspace_options.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *run(const char *fmt, ...)
{
    static char line[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    return fixture_run(line);
}

static void encoding_is(const char *key, const char *want)
{
    char answer[32];
    snprintf(answer, sizeof answer, "\"%s\"", want);
    assert_string_equal(run("OBJECT ENCODING %s", key), answer);
}

/* Adds prefix<from> ... prefix<to - 1>. */
static void fill(const char *key, const char *prefix, int from, int to)
{
    for (int i = from; i < to; i++)
        run("SADD %s %s%d", key, prefix, i);
}

static void test_members(void **state)
{
    static const struct fixture_step steps[] = {
        {"SADD s a b a", ":2"},
        {"SADD s a b", ":0"},
        {"SADD s \"\"", ":1"},
        {"SMEMBERS s", "[\"a\", \"b\", \"\"]"},
        {"SMEMBERS none", "[]"},
        {"SCARD s", ":3"},
        {"SCARD none", ":0"},
        {"SISMEMBER s a", ":1"},
        {"SISMEMBER s x", ":0"},
        {"SISMEMBER none x", ":0"},
        {"SMISMEMBER s a x b", "[:1, :0, :1]"},
        {"SMISMEMBER none a b", "[:0, :0]"},
        {"SREM s x", ":0"},
        {"SREM s x a a", ":1"},
        {"SREM none a", ":0"},
        {"SREM s b \"\" y", ":2"},
        {"EXISTS s", ":0"},
        {"SADD i 3 -1 2 1", ":4"},
        {"SMEMBERS i", "[\"-1\", \"1\", \"2\", \"3\"]"},
        {"SISMEMBER i 2", ":1"},
        {"SISMEMBER i 02", ":0"},
        {"SREM i 02 2", ":1"},
    };
    FIXTURE_STEPS(steps);
}

static void test_wrong_type(void **state)
{
    static const char *const commands[] = {
        "SADD k a",        "SREM k a",         "SMOVE k t a",     "SMOVE t k a",
        "SISMEMBER k a",   "SMISMEMBER k a",   "SCARD k",         "SPOP k",
        "SPOP k 1",        "SRANDMEMBER k",    "SRANDMEMBER k 2", "SINTER t k",
        "SINTER none k",   "SINTERCARD 2 t k", "SINTERSTORE d k", "SUNION t k",
        "SUNIONSTORE d k", "SDIFF t k",        "SDIFFSTORE d k",  "SMEMBERS k",
        "SSCAN k 0",
    };
    fixture_run("SET k x");
    fixture_run("SADD t a");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        assert_string_equal(fixture_run(commands[i]),
                            "-WRONGTYPE Operation against a key holding the wrong kind of value");
}

static void test_move(void **state)
{
    static const struct fixture_step steps[] = {
        {"SADD a x 1 y", ":3"},
        {"SMOVE a b x", ":1"},
        {"SMOVE a b x", ":0"},
        {"SMOVE a b 1", ":1"},
        {"SMEMBERS b", "[\"x\", \"1\"]"},
        {"SMOVE b b x", ":1"},
        {"SMOVE b b z", ":0"},
        {"SMOVE none a x", ":0"},
        {"SMOVE a c y", ":1"},
        {"EXISTS a", ":0"},
        {"SADD d y", ":1"},
        {"SMOVE c d y", ":1"},
        {"EXISTS c", ":0"},
        {"SMEMBERS d", "[\"y\"]"},
    };
    FIXTURE_STEPS(steps);
}

static void test_algebra(void **state)
{
    static const struct fixture_step steps[] = {
        {"SADD a 1 2 3 x", ":4"},
        {"SADD b 2 3 4", ":3"},
        {"SADD c 3 x", ":2"},
        {"SINTER a b", "[\"2\", \"3\"]"},
        {"SINTER a b none", "[]"},
        {"SINTERCARD 2 a b", ":2"},
        {"SINTERCARD 2 a b LIMIT 1", ":1"},
        {"SINTERCARD 3 a b none", ":0"},
        {"SINTERCARD 0 a", "-ERR numkeys should be greater than 0"},
        {"SINTERCARD a a", "-ERR numkeys should be greater than 0"},
        {"SINTERCARD 3 a b", "-ERR Number of keys can't be greater than number of args"},
        {"SINTERCARD 1 a LIMIT", "-ERR syntax error"},
        {"SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative"},
        {"SINTERCARD 1 a b", "-ERR syntax error"},
        {"SDIFF a b", "[\"1\", \"x\"]"},
        {"SDIFF a b a", "[]"},
        {"SDIFF none a", "[]"},
        {"SDIFF a none", "[\"1\", \"2\", \"3\", \"x\"]"},
        {"SUNIONSTORE u a b c none", ":5"},
        {"SCARD u", ":5"},
        {"SINTERSTORE i a b", ":2"},
        {"SMEMBERS i", "[\"2\", \"3\"]"},
        {"SDIFFSTORE d a b", ":2"},
        {"SMEMBERS d", "[\"1\", \"x\"]"},
        {"SINTERSTORE d a none", ":0"},
        {"EXISTS d", ":0"},
        {"SET str x", "+OK"},
        {"SUNIONSTORE str a", ":4"},
        {"TYPE str", "+set"},
        {"EXPIRE a 100", ":1"},
        {"SDIFFSTORE a a b", ":2"},
        {"TTL a", ":-1"},
        {"SMEMBERS a", "[\"1\", \"x\"]"},
        {"SINTERSTORE a a b", ":0"},
        {"EXISTS a", ":0"},
        {"SUNION none none2", "[]"},
    };
    FIXTURE_STEPS(steps);
}

static void test_encoding(void **state)
{
    keyspace_opts.set_max_intset_entries = 6;
    keyspace_opts.set_max_listpack_entries = 4;
    keyspace_opts.set_max_listpack_value = 10;
    fill("i", "", 0, 6);
    encoding_is("i", "intset");
    run("SADD i 6");
    encoding_is("i", "hashtable");
    fill("m", "", 0, 3);
    run("SADD m x");
    encoding_is("m", "listpack");
    assert_string_equal(run("SMEMBERS m"), "[\"0\", \"1\", \"2\", \"x\"]");
    run("SADD m y");
    encoding_is("m", "hashtable");
    fill("n", "", 0, 5);
    run("SADD n x");
    encoding_is("n", "hashtable");
    run("SADD l 12345678901");
    encoding_is("l", "intset");
    run("SADD l x");
    encoding_is("l", "hashtable");
    run("SADD v x 12345678901");
    encoding_is("v", "hashtable");
    run("SADD many 1 2 3 4 5 6 7");
    encoding_is("many", "hashtable");
    run("SADD same 1 1 1 1 1 1 1");
    encoding_is("same", "hashtable");
    run("SADD p a b c");
    encoding_is("p", "listpack");
    run("SADD p a b c d e");
    encoding_is("p", "hashtable");
    assert_string_equal(run("SCARD p"), ":5");
}

/* What the stored results are held as. */
static void test_encoding_stored(void **state)
{
    keyspace_opts.set_max_intset_entries = 6;
    keyspace_opts.set_max_listpack_entries = 4;
    fill("a", "", 0, 9);
    run("SADD a x");
    fill("b", "", 0, 3);
    run("SADD b y");
    run("SINTERSTORE d a b");
    encoding_is("d", "intset");
    assert_string_equal(run("SMEMBERS d"), "[\"0\", \"1\", \"2\"]");
    run("SADD b x");
    run("SINTERSTORE d a b");
    encoding_is("d", "listpack");
    run("SUNIONSTORE d a b");
    encoding_is("d", "hashtable");
    run("SADD c y x");
    run("SUNIONSTORE d c");
    encoding_is("d", "listpack");
    run("SDIFFSTORE d a none");
    encoding_is("d", "hashtable");
    /* Many small sets to subtract: Redis copies the first one whole then, and keeps its encoding. */
    run("SADD z 0 1 2 3 4 5 6 7 x");
    run("SDIFFSTORE d a z");
    encoding_is("d", "intset");
    for (int i = 0; i < 9; i++)
        run("SADD z%d %d", i, i);
    run("SDIFFSTORE d a z0 z1 z2 z3 z4 z5 z6 z7");
    assert_string_equal(run("SCARD d"), ":2");
    encoding_is("d", "hashtable");
    run("SDIFFSTORE c c z0 z1 z2 z3 z4 z5 z6 z7");
    encoding_is("c", "listpack");
}

/* Effects and events of what is not random. */
static void test_effects(void **state)
{
    fixture_propagates("SADD s a b", "SADD s a b");
    assert_string_equal(fixture_events(), "new s; sadd s");
    fixture_propagates("SADD s a", "");
    assert_string_equal(fixture_events(), "");
    fixture_propagates("SREM s x", "");
    fixture_propagates("SREM s a", "SREM s a");
    assert_string_equal(fixture_events(), "srem s");
    fixture_propagates("SMOVE s t x", "");
    fixture_propagates("SMOVE s t b", "SMOVE s t b");
    assert_string_equal(fixture_events(), "srem s; del s; new t; sadd t");
    fixture_propagates("SUNIONSTORE u t", "SUNIONSTORE u t");
    assert_string_equal(fixture_events(), "new u; sunionstore u");
    fixture_propagates("SINTERSTORE u t none", "SINTERSTORE u t none");
    assert_string_equal(fixture_events(), "del u");
    fixture_propagates("SINTERSTORE u t none", "");
    assert_string_equal(fixture_events(), "");
    fixture_propagates("SREM t b c", "SREM t b c");
    assert_string_equal(fixture_events(), "srem t; del t");
}

static void test_pop(void **state)
{
    static const struct fixture_step steps[] = {
        {"SPOP none", "nil"},
        {"SPOP none 3", "[]"},
        {"SADD s a", ":1"},
        {"SPOP s 0", "[]"},
        {"SPOP s -1", "-ERR value is out of range, must be positive"},
        {"SPOP s x", "-ERR value is out of range, must be positive"},
        {"SPOP s 1 2", "-ERR syntax error"},
        {"SPOP s", "\"a\""},
        {"EXISTS s", ":0"},
    };
    FIXTURE_STEPS(steps);
    fixture_run("SADD s a");
    fixture_events();
    fixture_propagates("SPOP s", "SREM s a");
    assert_string_equal(fixture_events(), "spop s; del s");
    fixture_run("SADD s a b");
    fixture_events();
    fixture_propagates("SPOP s 2", "DEL s");
    assert_string_equal(fixture_events(), "spop s; del s");
    compat_opts.lazyfree_lazy_server_del = true;
    fixture_run("SADD s a b");
    fixture_propagates("SPOP s 3", "UNLINK s");
    compat_opts.lazyfree_lazy_server_del = false;
    fixture_run("SADD s 1 2 3");
    fixture_effects();
    assert_int_equal(strncmp(fixture_run("SPOP s 2"), "[\"", 2), 0);
    assert_int_equal(strncmp(fixture_effects(), "SREM s ", 7), 0);
    assert_string_equal(fixture_run("SCARD s"), ":1");
}

/* Of many that are taken the few that stay are packed again. */
static void test_pop_most(void **state)
{
    fill("s", "m", 0, 200);
    encoding_is("s", "hashtable");
    run("SPOP s 20");
    encoding_is("s", "hashtable");
    assert_string_equal(run("SCARD s"), ":180");
    run("SPOP s 170");
    encoding_is("s", "listpack");
    assert_string_equal(run("SCARD s"), ":10");
    fixture_crash();
    assert_string_equal(run("SCARD s"), ":10");
}

/* -- Against a model ----------------------------------------------------------------------------------------------------------- */

#define SETS     5
#define UNIVERSE 60

static bool model[SETS][UNIVERSE];
static uint64_t rng = 88172645463325252ULL;

static unsigned rnd(unsigned n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned)(rng % n);
}

/* Half of the universe are integers. */
static const char *name_of(unsigned i, char out[16])
{
    snprintf(out, 16, i % 2 ? "%u" : "m%u", i);
    return out;
}

/* Reads the members out of an answer into out; none may come twice. */
static unsigned parse(const char *p, bool out[UNIVERSE])
{
    unsigned n = 0;
    memset(out, 0, UNIVERSE * sizeof *out);
    while ((p = strchr(p, '"'))) {
        unsigned i = (unsigned)strtoul(p[1] == 'm' ? p + 2 : p + 1, NULL, 10);
        assert_true(i < UNIVERSE && !out[i]);
        out[i] = true;
        n++;
        p = strchr(p + 1, '"') + 1;
    }
    return n;
}

static void check(unsigned s)
{
    bool got[UNIVERSE];
    unsigned n = parse(run("SMEMBERS s%u", s), got);
    char want[16];
    assert_memory_equal(got, model[s], sizeof got);
    snprintf(want, sizeof want, ":%u", n);
    assert_string_equal(run("SCARD s%u", s), want);
}

static void combine(const char *op, unsigned a, unsigned b, unsigned c, bool out[UNIVERSE])
{
    for (unsigned i = 0; i < UNIVERSE; i++) {
        bool x = model[a][i], y = model[b][i], z = model[c][i];
        out[i] = op[1] == 'I' ? x && y && z : op[1] == 'U' ? x || y || z : x && !y && !z;
    }
}

static void step_algebra(void)
{
    static const char *const ops[] = {"SINTER", "SUNION", "SDIFF"};
    const char *op = ops[rnd(3)];
    unsigned a = rnd(SETS), b = rnd(SETS), c = rnd(SETS), d = rnd(SETS), n = 0;
    bool want[UNIVERSE], got[UNIVERSE];
    char answer[16];
    combine(op, a, b, c, want);
    for (unsigned i = 0; i < UNIVERSE; i++)
        n += want[i];
    if (rnd(2)) {
        assert_int_equal(parse(run("%s s%u s%u s%u", op, a, b, c), got), n);
        assert_memory_equal(got, want, sizeof got);
        return;
    }
    snprintf(answer, sizeof answer, ":%u", n);
    assert_string_equal(run("%sSTORE s%u s%u s%u s%u", op, d, a, b, c), answer);
    memcpy(model[d], want, sizeof want);
    check(d);
}

static void step_pop(void)
{
    unsigned s = rnd(SETS), count = rnd(UNIVERSE + 5), n = 0, size = 0;
    bool got[UNIVERSE];
    n = parse(run("SPOP s%u %u", s, count), got);
    for (unsigned i = 0; i < UNIVERSE; i++) {
        size += model[s][i];
        assert_true(!got[i] || model[s][i]);
        model[s][i] &= !got[i];
    }
    assert_int_equal(n, count < size ? count : size);
    check(s);
}

static void step_random(void)
{
    unsigned s = rnd(SETS), count = 1 + rnd(UNIVERSE), n, size = 0;
    bool got[UNIVERSE];
    n = parse(run("SRANDMEMBER s%u %u", s, count), got);
    for (unsigned i = 0; i < UNIVERSE; i++) {
        size += model[s][i];
        assert_true(!got[i] || model[s][i]);
    }
    assert_int_equal(n, count < size ? count : size);
}

static void step_member(void)
{
    unsigned s = rnd(SETS), d = rnd(SETS), i = rnd(UNIVERSE);
    char name[16];
    bool was = model[s][i];
    name_of(i, name);
    switch (rnd(4)) {
    case 0:
    case 1:
        assert_string_equal(run("SADD s%u %s", s, name), was ? ":0" : ":1");
        model[s][i] = true;
        break;
    case 2:
        assert_string_equal(run("SREM s%u %s", s, name), was ? ":1" : ":0");
        model[s][i] = false;
        break;
    default:
        assert_string_equal(run("SMOVE s%u s%u %s", s, d, name), was ? ":1" : ":0");
        if (was) {
            model[s][i] = false;
            model[d][i] = true;
        }
        break;
    }
}

static void test_model(void **state)
{
    for (int i = 0; i < 30000; i++) {
        unsigned what = rnd(100);
        if (what < 75)
            step_member();
        else if (what < 92)
            step_algebra();
        else if (what < 94)
            step_pop();
        else
            step_random();
        if (i % 5000 == 2500)
            fixture_crash();
        if (i % 3000 == 0) {
            keyspace_opts.set_max_intset_entries = rnd(20);
            keyspace_opts.set_max_listpack_entries = rnd(30);
        }
    }
    for (unsigned s = 0; s < SETS; s++)
        check(s);
}

/* -- Walks and chance ------------------------------------------------------------------------------------------------------------ */

static void test_scan(void **state)
{
    static int seen[500];
    char cursor[32] = "0";
    int calls = 0;
    static const struct fixture_step steps[] = {
        {"SSCAN s x", "-ERR invalid cursor"},
        {"SSCAN none 0 NONSENSE", "[\"0\", []]"},
        {"SSCAN s 0 COUNT 0", "-ERR syntax error"},
        {"SADD i 3 1 22", ":3"},
        {"SSCAN i 5 COUNT 1", "[\"0\", [\"1\", \"3\", \"22\"]]"},
        {"SSCAN i 0 MATCH 2*", "[\"0\", [\"22\"]]"},
    };
    fill("s", "m", 0, 500);
    FIXTURE_STEPS(steps);
    do {
        const char *p = run("SSCAN s %s COUNT 20", cursor);
        assert_int_equal(sscanf(p, "[\"%31[0-9]", cursor), 1);
        while ((p = strstr(p, "\"m"))) {
            seen[atoi(p + 2)]++;
            p += 2;
        }
        calls++;
    } while (strcmp(cursor, "0") != 0);
    assert_in_range(calls, 20, 27);
    for (int i = 0; i < 500; i++)
        assert_int_equal(seen[i], 1);
}

/* Every member comes about equally often. 99 degrees of freedom: above 180 once in a million. */
static void check_fair(const char *line, int per_call)
{
    int seen[100] = {0}, rounds = 40000 / per_call;
    double chi = 0, expected = (double)rounds * per_call / 100;
    for (int i = 0; i < rounds; i++)
        for (const char *p = fixture_run(line); (p = strstr(p, "\"m")); p += 2)
            seen[atoi(p + 2)]++;
    for (int i = 0; i < 100; i++)
        chi += (seen[i] - expected) * (seen[i] - expected) / expected;
    assert_true(chi < 180);
    assert_true(seen[0] > 0);
}

static void test_random(void **state)
{
    static const struct fixture_step steps[] = {
        {"SRANDMEMBER none", "nil"},
        {"SRANDMEMBER none 2", "[]"},
        {"SRANDMEMBER s 0", "[]"},
        {"SRANDMEMBER s 1 2", "-ERR syntax error"},
        {"SRANDMEMBER s -9223372036854775808",
         "-ERR value is out of range, value must between -9223372036854775807 and "
         "9223372036854775807"},
        {"SADD one x", ":1"},
        {"SRANDMEMBER one -3", "[\"x\", \"x\", \"x\"]"},
        {"SRANDMEMBER one 3", "[\"x\"]"},
    };
    fill("s", "m", 0, 100);
    FIXTURE_STEPS(steps);
    check_fair("SRANDMEMBER s 10", 10);
    run("SADD s %070d", 7);
    run("SREM s %070d", 7);
    encoding_is("s", "hashtable");
    check_fair("SRANDMEMBER s", 1);
    check_fair("SRANDMEMBER s -20", 20);
    check_fair("SRANDMEMBER s 20", 20);
    check_fair("SRANDMEMBER s 80", 80);
}

static int reset(void **state)
{
    keyspace_opts.set_max_intset_entries = 512;
    keyspace_opts.set_max_listpack_entries = 128;
    keyspace_opts.set_max_listpack_value = 64;
    return fixture_reset(state);
}

static int setup(void **state)
{
    set_commands_register();
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_members, reset),
        cmocka_unit_test_setup(test_wrong_type, reset),
        cmocka_unit_test_setup(test_move, reset),
        cmocka_unit_test_setup(test_algebra, reset),
        cmocka_unit_test_setup(test_encoding, reset),
        cmocka_unit_test_setup(test_encoding_stored, reset),
        cmocka_unit_test_setup(test_effects, reset),
        cmocka_unit_test_setup(test_pop, reset),
        cmocka_unit_test_setup(test_pop_most, reset),
        cmocka_unit_test_setup(test_model, reset),
        cmocka_unit_test_setup(test_scan, reset),
        cmocka_unit_test_setup(test_random, reset),
    };
    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
