/* The commands of sorted sets: answers, effects, events, encodings. */
#include "commands/zset/zset_commands.h"
#include "keyspace/keyspace_options.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_zadd(void **state)
{
    static const struct fixture_step steps[] = {
        {"ZADD z 1 a 2 b", ":2"},
        {"ZADD z 3 a 2 b 4 c", ":1"},
        {"ZADD z CH 5 a 2 b 6 d", ":2"},
        {"ZADD z NX 9 a 9 e", ":1"},
        {"ZADD z XX 10 a 10 f", ":0"},
        {"ZRANGE z 0 -1 WITHSCORES",
         "[[\"b\", 2], [\"c\", 4], [\"d\", 6], [\"e\", 9], [\"a\", 10]]"},
        {"ZADD z GT CH 5 a 11 b", ":1"},
        {"ZADD z LT CH 5 a 11 b", ":1"},
        {"ZADD z INCR 1.5 a", "6.5"},
        {"ZADD z NX INCR 1 a", "nil"},
        {"ZADD z XX INCR 1 none", "nil"},
        {"ZADD none XX 1 a", ":0"},
        {"ZADD none XX INCR 1 a", "nil"},
        {"EXISTS none", ":0"},
        {"ZADD z inf i", ":1"},
        {"ZADD z INCR -inf i", "-ERR resulting score is not a number (NaN)"},
        {"ZINCRBY z 2 new", "2"},
        {"ZADD z -0 zero", ":1"},
        {"ZSCORE z zero", "0"},
        {"ZADD z nan a", "-ERR value is not a valid float"},
        {"ZADD z 1 a x b", "-ERR value is not a valid float"},
        {"ZADD z NX 1", "-ERR syntax error"},
        {"ZADD z 1 a 2", "-ERR syntax error"},
        {"ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible"},
        {"ZADD z GT NX 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible"},
        {"ZADD z GT LT 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible"},
        {"ZADD z INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair"},
        {"SET s v", "+OK"},
        {"ZADD s 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
    };
    FIXTURE_STEPS(steps);
    fixture_events();
    fixture_propagates("ZADD z GT 1 a", "");
    fixture_propagates("ZADD z CH 1 a 1 b", "ZADD z CH 1 a 1 b");
    fixture_propagates("ZINCRBY z 0 a", "");
    fixture_propagates("ZINCRBY z 1 a", "ZINCRBY z 1 a");
    assert_string_equal(fixture_events(), "zadd z; zincr z");
}

static void test_zrem(void **state)
{
    static const struct fixture_step steps[] = {
        {"ZADD z 1 a 2 b 3 c 4 d 5 e 6 f", ":6"},
        {"ZREM z none", ":0"},
        {"ZREM z a none b", ":2"},
        {"ZREMRANGEBYRANK z -1 -1", ":1"},
        {"ZREMRANGEBYSCORE z (3 4", ":1"},
        {"ZREMRANGEBYSCORE z x 4", "-ERR min or max is not a float"},
        {"ZREMRANGEBYLEX z a [c", "-ERR min or max not valid string range item"},
        {"ZRANGE z 0 -1", "[\"c\", \"e\"]"},
        {"ZREMRANGEBYRANK z 0 -1", ":2"},
        {"EXISTS z", ":0"},
        {"ZREM z a", ":0"},
        {"ZADD l 0 a 0 b 0 c 0 d", ":4"},
        {"ZREMRANGEBYLEX l [b (d", ":2"},
        {"ZRANGE l 0 -1", "[\"a\", \"d\"]"},
    };
    FIXTURE_STEPS(steps);
    fixture_events();
    fixture_propagates("ZREM l none", "");
    fixture_propagates("ZREM l a d x", "ZREM l a d x");
    assert_string_equal(fixture_events(), "zrem l; del l");
}

static void test_zrange(void **state)
{
    static const struct fixture_step steps[] = {
        {"ZADD z 1 a 2 b 3 c 4 d", ":4"},
        {"ZRANGE z 1 2", "[\"b\", \"c\"]"},
        {"ZRANGE z -2 100", "[\"c\", \"d\"]"},
        {"ZRANGE z -100 0", "[\"a\"]"},
        {"ZRANGE z 3 1", "[]"},
        {"ZRANGE z 0 1 REV WITHSCORES", "[[\"d\", 4], [\"c\", 3]]"},
        {"ZREVRANGE z 1 1", "[\"c\"]"},
        {"ZRANGE z (1 3 BYSCORE", "[\"b\", \"c\"]"},
        {"ZRANGE z 3 (1 BYSCORE REV", "[\"c\", \"b\"]"},
        {"ZRANGE z -inf +inf BYSCORE LIMIT 1 2", "[\"b\", \"c\"]"},
        {"ZRANGE z +inf -inf BYSCORE REV LIMIT 1 2", "[\"c\", \"b\"]"},
        {"ZRANGEBYSCORE z 2 4 LIMIT 0 0", "[]"},
        {"ZRANGEBYSCORE z 2 4 LIMIT 1 -5", "[\"c\", \"d\"]"},
        {"ZRANGEBYSCORE z 2 4 LIMIT -1 5", "[]"},
        {"ZREVRANGEBYSCORE z 4 2 WITHSCORES LIMIT 2 9", "[[\"b\", 2]]"},
        {"ZRANGE z 0 1 LIMIT 1 2",
         "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"},
        {"ZRANGE z - + BYLEX WITHSCORES",
         "-ERR syntax error, WITHSCORES not supported in combination with BYLEX"},
        {"ZRANGE z a b", "-ERR value is not an integer or out of range"},
        {"ZRANGEBYSCORE z 1 2 REV", "-ERR syntax error"},
        {"ZADD l 0 a 0 b 0 bb 0 c", ":4"},
        {"ZRANGEBYLEX l - +", "[\"a\", \"b\", \"bb\", \"c\"]"},
        {"ZRANGEBYLEX l [b (c", "[\"b\", \"bb\"]"},
        {"ZRANGEBYLEX l (b +", "[\"bb\", \"c\"]"},
        {"ZREVRANGEBYLEX l (c [b LIMIT 1 1", "[\"b\"]"},
        {"ZRANGEBYLEX l + -", "[]"},
        {"ZLEXCOUNT l (a [bb", ":2"},
        {"ZCOUNT z (1 +inf", ":3"},
        {"ZCOUNT z 5 1", ":0"},
        {"ZRANGESTORE d z 1 2", ":2"},
        {"ZRANGE d 0 -1 WITHSCORES", "[[\"b\", 2], [\"c\", 3]]"},
        {"ZRANGESTORE z z (1 +inf BYSCORE LIMIT 1 1", ":1"},
        {"ZRANGE z 0 -1", "[\"c\"]"},
        {"ZRANGESTORE d none 0 -1", ":0"},
        {"EXISTS d", ":0"},
        {"ZRANGESTORE d l 0 -1 WITHSCORES", "-ERR syntax error"},
    };
    FIXTURE_STEPS(steps);
}

static void test_ranks(void **state)
{
    static const struct fixture_step steps[] = {
        {"ZADD z 1 a 2 b 3 c", ":3"},
        {"ZRANK z b", ":1"},
        {"ZREVRANK z c WITHSCORE", "[:0, 3]"},
        {"ZRANK z none", "nil"},
        {"ZRANK z a SCORE", "-ERR syntax error"},
        {"ZMSCORE z a none c", "[1, nil, 3]"},
        {"ZMSCORE none a", "[nil]"},
        {"ZCARD z", ":3"},
        {"ZCARD none", ":0"},
    };
    FIXTURE_STEPS(steps);
}

static void test_pop(void **state)
{
    static const struct fixture_step steps[] = {
        {"ZADD z 1 a 2 b 3 c 4 d 5 e", ":5"},
        {"ZPOPMIN z", "[\"a\", 1]"},
        {"ZPOPMAX z 2", "[[\"e\", 5], [\"d\", 4]]"},
        {"ZPOPMIN z 0", "[]"},
        {"ZPOPMIN z -1", "-ERR value is out of range, must be positive"},
        {"ZPOPMIN z 007", "-ERR value is out of range, must be positive"},
        {"ZPOPMIN none", "[]"},
        {"ZMPOP 2 none z MAX", "[\"z\", [[\"c\", 3]]]"},
        {"ZMPOP 1 none MIN", "nil"},
        {"ZMPOP 0 z MIN", "-ERR numkeys should be greater than 0"},
        {"ZMPOP 1 z MIN COUNT 0", "-ERR count should be greater than 0"},
        {"ZMPOP 3 z MIN", "-ERR syntax error"},
        {"ZMPOP 1 z MIN COUNT 1 COUNT 2", "-ERR syntax error"},
        {"BZPOPMIN none z 0", "[\"z\", \"b\", 2]"},
        {"EXISTS z", ":0"},
    };
    FIXTURE_STEPS(steps);
    fixture_run("ZADD z 1 a 2 b 3 c 4 d");
    fixture_effects();
    fixture_events();
    fixture_propagates("ZPOPMIN z", "ZPOPMIN z");
    fixture_propagates("BZPOPMAX z 0", "ZPOPMAX z");
    fixture_propagates("ZMPOP 1 z MIN COUNT 1", "ZPOPMIN z 1");
    fixture_propagates("BZMPOP 0 1 z MIN COUNT 9", "ZPOPMIN z 1");
    assert_string_equal(fixture_events(), "zpopmin z; zpopmax z; zpopmin z; zpopmin z; del z");
}

static void test_combine(void **state)
{
    static const struct fixture_step steps[] = {
        {"ZADD x 1 a 2 b 3 c", ":3"},
        {"ZADD y 10 b 20 c 30 d", ":3"},
        {"ZUNION 2 x y WITHSCORES", "[[\"a\", 1], [\"b\", 12], [\"c\", 23], [\"d\", 30]]"},
        {"ZINTER 2 x y WITHSCORES", "[[\"b\", 12], [\"c\", 23]]"},
        {"ZDIFF 2 x y WITHSCORES", "[[\"a\", 1]]"},
        {"ZDIFF 2 x x", "[]"},
        {"ZDIFF 3 x y none", "[\"a\"]"},
        {"ZUNION 2 x y WEIGHTS 2 1 AGGREGATE MAX WITHSCORES",
         "[[\"a\", 2], [\"b\", 10], [\"c\", 20], [\"d\", 30]]"},
        {"ZINTER 2 x x WEIGHTS 1 2 WITHSCORES", "[[\"a\", 3], [\"b\", 6], [\"c\", 9]]"},
        {"ZINTERCARD 2 x y", ":2"},
        {"ZINTERCARD 2 x y LIMIT 1", ":1"},
        {"ZINTERCARD 2 x y LIMIT -1", "-ERR LIMIT can't be negative"},
        {"ZUNION 0 x", "-ERR at least 1 input key is needed for 'zunion' command"},
        {"ZUNION 3 x y", "-ERR syntax error"},
        {"ZDIFF 2 x y WEIGHTS 1 1", "-ERR syntax error"},
        {"ZUNION 2 x y WEIGHTS 1 f", "-ERR weight value is not a float"},
        {"ZUNIONSTORE x 2 x y", ":4"},
        {"ZRANGE x 0 -1 WITHSCORES", "[[\"a\", 1], [\"b\", 12], [\"c\", 23], [\"d\", 30]]"},
        {"ZDIFFSTORE x 2 x x", ":0"},
        {"EXISTS x", ":0"},
        {"ZADD i inf a", ":1"},
        {"ZADD j -inf a", ":1"},
        {"ZUNION 2 i j WITHSCORES", "[[\"a\", 0]]"},
        {"ZUNION 1 i WEIGHTS 0 WITHSCORES", "[[\"a\", 0]]"},
    };
    FIXTURE_STEPS(steps);
    fixture_events();
    fixture_propagates("ZINTERSTORE d 2 i j AGGREGATE MIN", "ZINTERSTORE d 2 i j AGGREGATE MIN");
    fixture_propagates("ZINTERSTORE d 2 i none", "ZINTERSTORE d 2 i none");
    fixture_propagates("ZINTERSTORE d 2 i none", "");
    assert_string_equal(fixture_events(), "new d; zinterstore d; del d");
}

static void test_encoding(void **state)
{
    keyspace_opts.zset_max_listpack_entries = 3;
    keyspace_opts.zset_max_listpack_value = 4;
    static const struct fixture_step steps[] = {
        {"ZADD z 1 a 2 b 3 c", ":3"},
        {"OBJECT ENCODING z", "\"listpack\""},
        {"ZADD z 4 a", ":0"},
        {"OBJECT ENCODING z", "\"listpack\""},
        {"ZADD z 4 d", ":1"},
        {"OBJECT ENCODING z", "\"skiplist\""},
        {"ZRANGE z 0 -1 WITHSCORES", "[[\"b\", 2], [\"c\", 3], [\"a\", 4], [\"d\", 4]]"},
        {"ZRANGESTORE y z 0 2", ":3"},
        {"OBJECT ENCODING y", "\"listpack\""},
        {"ZADD y 1 long5", ":1"},
        {"OBJECT ENCODING y", "\"skiplist\""},
        {"ZADD w 1 a 1 b 1 c 1 a", ":3"},
        {"OBJECT ENCODING w", "\"skiplist\""},
        {"ZREM w a b", ":2"},
        {"OBJECT ENCODING w", "\"skiplist\""},
    };
    FIXTURE_STEPS(steps);
    keyspace_opts.zset_max_listpack_entries = 128;
    keyspace_opts.zset_max_listpack_value = 64;
}

/* A large one under random changes, compared with what a plain array says, over crashes. */
#define MODEL 3000
static void check_model(const double *score, const bool *there)
{
    char line[64], want[64];
    int n = 0;
    for (int i = 0; i < MODEL; i++)
        n += there[i];
    snprintf(want, sizeof want, ":%d", n);
    assert_string_equal(fixture_run("ZCARD z"), want);
    for (int i = 0; i < MODEL; i += 37) {
        int rank = 0;
        for (int k = 0; k < MODEL; k++)
            rank += there[k] && (score[k] < score[i] || (score[k] == score[i] && k < i));
        snprintf(line, sizeof line, "ZRANK z m%05d", i);
        snprintf(want, sizeof want, there[i] ? ":%d" : "nil", rank);
        assert_string_equal(fixture_run(line), want);
    }
}

static void test_against_model(void **state)
{
    static double score[MODEL];
    static bool there[MODEL];
    char line[64];
    unsigned seed = 7;
    for (int round = 0; round < 20000; round++) {
        int i = rand_r(&seed) % MODEL;
        if (rand_r(&seed) % 4 == 0) {
            snprintf(line, sizeof line, "ZREM z m%05d", i);
            assert_string_equal(fixture_run(line), there[i] ? ":1" : ":0");
            there[i] = false;
        } else {
            score[i] = rand_r(&seed) % 500 - 250;
            snprintf(line, sizeof line, "ZADD z %d m%05d", (int)score[i], i);
            assert_string_equal(fixture_run(line), there[i] ? ":0" : ":1");
            there[i] = true;
        }
        if (round % 5000 == 4999) {
            check_model(score, there);
            fixture_crash();
            check_model(score, there);
        }
    }
    int gone = 0;
    for (int i = 0; i < MODEL; i++) {
        gone += there[i] && score[i] >= -10 && score[i] < 10;
        there[i] = there[i] && (score[i] < -10 || score[i] >= 10);
    }
    char want[16];
    snprintf(want, sizeof want, ":%d", gone);
    assert_string_equal(fixture_run("ZREMRANGEBYSCORE z -10 (10"), want);
    check_model(score, there);
}

static int setup(void **state)
{
    zset_commands_register();
    return fixture_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_zadd, fixture_reset),
        cmocka_unit_test_setup(test_zrem, fixture_reset),
        cmocka_unit_test_setup(test_zrange, fixture_reset),
        cmocka_unit_test_setup(test_ranks, fixture_reset),
        cmocka_unit_test_setup(test_pop, fixture_reset),
        cmocka_unit_test_setup(test_combine, fixture_reset),
        cmocka_unit_test_setup(test_encoding, fixture_reset),
        cmocka_unit_test_setup(test_against_model, fixture_reset),
    };
    return cmocka_run_group_tests_name("zset", tests, setup, fixture_teardown);
}
