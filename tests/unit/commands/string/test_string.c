/* Counters, ranges and LCS; and that effects rebuild the same data set after a crash. */
#include "base/mem.h"
#include "keyspace/kv.h"
#include "session/session_options.h"
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>
#include <string.h>

static void test_counters(void **state)
{
    static const struct fixture_step steps[] = {
        {"INCR n", ":1"},
        {"INCRBY n 41", ":42"},
        {"DECR n", ":41"},
        {"DECRBY n 50", ":-9"},
        {"GET n", "\"-9\""},
        {"OBJECT ENCODING n", "\"int\""},
        {"DECRBY n -9223372036854775808", "-ERR decrement would overflow"},
        {"SET n 9223372036854775807", "+OK"},
        {"INCR n", "-ERR increment or decrement would overflow"},
        {"DECRBY n 1", ":9223372036854775806"},
        {"SET n 007", "+OK"},
        {"INCR n", "-ERR value is not an integer or out of range"},
        {"INCRBY n x", "-ERR value is not an integer or out of range"},
        {"SET n 1", "+OK"},
        {"APPEND n 2", ":2"},
        {"OBJECT ENCODING n", "\"raw\""},
        {"INCR n", ":13"},
        {"OBJECT ENCODING n", "\"int\""},
        {"SET n 1 EX 5", "+OK"},
        {"INCR n", ":2"},
        {"TTL n", ":5"},
    };
    FIXTURE_STEPS(steps);
    fixture_propagates("INCR n", "INCR n");
    fixture_propagates("DECRBY n 3", "DECRBY n 3");
    fixture_propagates("INCRBY n x", "");
}

static void test_incrbyfloat(void **state)
{
    static const struct fixture_step steps[] = {
        {"INCRBYFLOAT f 10.5", "\"10.5\""},
        {"INCRBYFLOAT f -10.5", "\"0\""},
        {"INCRBYFLOAT f 3e2", "\"300\""},
        {"INCRBYFLOAT f x", "-ERR value is not a valid float"},
        {"INCRBYFLOAT f +inf", "-ERR increment would produce NaN or Infinity"},
        {"SET f \" 1\"", "+OK"},
        {"INCRBYFLOAT f 1", "-ERR value is not a valid float"},
        {"SET f \"1\\x00\"", "+OK"},
        {"INCRBYFLOAT f 1", "-ERR value is not a valid float"},
    };
    FIXTURE_STEPS(steps);
    fixture_run("SET f 1 EX 5");
    fixture_propagates("INCRBYFLOAT f 0.25", "SET f 1.25 KEEPTTL");
    assert_string_equal(fixture_run("TTL f"), ":5");
}

static void test_ranges(void **state)
{
    static const struct fixture_step steps[] = {
        {"APPEND k ab", ":2"},
        {"APPEND k \"\"", ":2"},
        {"APPEND k cde", ":5"},
        {"STRLEN k", ":5"},
        {"STRLEN none", ":0"},
        {"GETRANGE k 0 -1", "\"abcde\""},
        {"GETRANGE k 1 2", "\"bc\""},
        {"GETRANGE k -2 100", "\"de\""},
        {"GETRANGE k 3 1", "\"\""},
        {"GETRANGE k -1 -3", "\"\""},
        {"GETRANGE k -100 -90", "\"a\""},
        {"GETRANGE k 9223372036854775807 -1", "\"\""},
        {"GETRANGE k -9223372036854775808 9223372036854775807", "\"abcde\""},
        {"SUBSTR k 4 4", "\"e\""},
        {"SETRANGE k 7 x", ":8"},
        {"GET k", "\"abcde\\x00\\x00x\""},
        {"SETRANGE k 0 XY", ":8"},
        {"SETRANGE none 5 \"\"", ":0"},
        {"EXISTS none", ":0"},
        {"SETRANGE k -1 x", "-ERR offset is out of range"},
        {"SETRANGE k 9223372036854775807 x",
         "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
        {"SETRANGE k 536870911 xx",
         "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
        {"SET n 1234", "+OK"},
        {"SETRANGE n 1 x", ":4"},
        {"GET n", "\"1x34\""},
        {"SET n 1234", "+OK"},
        {"SETRANGE n 1 \"\"", ":4"},
        {"OBJECT ENCODING n", "\"int\""},
    };
    FIXTURE_STEPS(steps);
    fixture_propagates("SETRANGE k 1 \"\"", "");
    fixture_propagates("APPEND k z", "APPEND k z");
}

static void test_length_limit(void **state)
{
    int64_t former = session_opts.proto_max_bulk_len;
    session_opts.proto_max_bulk_len = 8;
    static const struct fixture_step steps[] = {
        {"SET k 12345678", "+OK"},
        {"APPEND k 9", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
        {"SETRANGE k 7 ab", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
        {"SETBIT k 64 1", "-ERR bit offset is not an integer or out of range"},
        {"SETBIT k 63 1", ":0"},
        {"SET l abc", "+OK"},
        {"LCS k l",
         "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"},
        {"GET k", "\"12345679\""},
    };
    FIXTURE_STEPS(steps);
    session_opts.proto_max_bulk_len = former;
}

static void test_lcs(void **state)
{
    static const struct fixture_step steps[] = {
        {"MSET a ohmytext b mynewtext", "+OK"},
        {"LCS a b", "\"mytext\""},
        {"LCS a b LEN", ":6"},
        {"LCS a b IDX", "{\"matches\": [[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]], \"len\": :6}"},
        {"LCS a b IDX MINMATCHLEN 3 WITHMATCHLEN",
         "{\"matches\": [[[:4, :7], [:5, :8], :4]], \"len\": :6}"},
        {"LCS a none", "\"\""},
        {"LCS none b IDX", "{\"matches\": [], \"len\": :0}"},
        {"LCS a b LEN IDX", "-ERR If you want both the length and indexes, please just use IDX."},
        {"LCS a b MINMATCHLEN", "-ERR syntax error"},
        {"LCS a a LEN", ":8"},
    };
    FIXTURE_STEPS(steps);
}

static uint64_t seed = 88172645463325252ULL;

static unsigned rnd(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % n);
}

/* Length by trying all: exponential, for short strings. */
static size_t naive_lcs(const char *a, const char *b)
{
    if (!*a || !*b)
        return 0;
    if (*a == *b)
        return 1 + naive_lcs(a + 1, b + 1);
    size_t x = naive_lcs(a + 1, b), y = naive_lcs(a, b + 1);
    return x > y ? x : y;
}

static bool is_subsequence(const char *s, size_t n, const char *of)
{
    for (; n > 0 && *of; of++) {
        if (*s == *of) {
            s++;
            n--;
        }
    }
    return n == 0;
}

static void test_lcs_random(void **state)
{
    for (int round = 0; round < 500; round++) {
        char a[10] = "", b[10] = "", line[64], want[16];
        const char *got;
        for (unsigned i = 0, n = rnd(9); i < n; i++)
            a[i] = (char)('a' + rnd(3));
        for (unsigned i = 0, n = rnd(9); i < n; i++)
            b[i] = (char)('a' + rnd(3));
        snprintf(line, sizeof line, "MSET a \"%s\" b \"%s\"", a, b);
        fixture_run(line);
        size_t n = naive_lcs(a, b);
        snprintf(want, sizeof want, ":%zu", n);
        assert_string_equal(fixture_run("LCS a b LEN"), want);
        got = fixture_run("LCS a b");
        assert_int_equal(strlen(got), n + 2);
        assert_true(is_subsequence(got + 1, n, a));
        assert_true(is_subsequence(got + 1, n, b));
    }
}

/* Writing commands of all groups; %1 and %2 are keys, %n a number. */
static const char *const writes[] = {
    "SET %1 %n",
    "SET %1 word",
    "SET %1 v PX %n",
    "SET %1 v KEEPTTL",
    "SET %1 v GET EX 100",
    "SETNX %1 %n",
    "GETSET %1 x",
    "GETDEL %1",
    "GETEX %1 PX %n",
    "GETEX %1 PERSIST",
    "MSET %1 1 %2 b",
    "MSETNX %1 1 %2 2",
    "APPEND %1 %n",
    "SETRANGE %1 %n xyz",
    "INCR %1",
    "DECRBY %1 %n",
    "INCRBYFLOAT %1 1.5",
    "SETBIT %1 %n 1",
    "BITOP XOR %1 %1 %2",
    "BITOP NOT %1 %2",
    "DEL %1",
    "UNLINK %1 %2",
    "RENAME %1 %2",
    "RENAMENX %1 %2",
    "COPY %1 %2 REPLACE",
    "COPY %1 %2 DB 1",
    "MOVE %1 2",
    "EXPIRE %1 %n",
    "PEXPIRE %1 %n",
    "EXPIREAT %1 1",
    "PERSIST %1",
    "PEXPIRE %1 %n GT",
    "GET %1",
    "BITFIELD %1 INCRBY u5 %n 7 OVERFLOW SAT INCRBY i9 #3 %n",
};

static void random_write(void)
{
    const char *form = writes[rnd(sizeof writes / sizeof writes[0])];
    char line[128];
    size_t n = 0;
    for (; *form; form++) {
        if (*form == '%') {
            form++;
            n += (size_t)snprintf(line + n, sizeof line - n, *form == 'n' ? "%u" : "key:%u",
                                  *form == 'n' ? rnd(200) : rnd(20));
        } else {
            line[n++] = *form;
        }
    }
    line[n] = 0;
    fixture_run(line);
}

static void test_effects_rebuild_the_state(void **state)
{
    int64_t now = FIXTURE_NOW_MS;
    for (int round = 0; round < 20; round++) {
        struct error err;
        char *before, *after;
        for (int i = 0; i < 300; i++) {
            random_write();
            if (rnd(5) == 0)
                fixture_at_ms(now += rnd(50));
            if (rnd(20) == 0)
                assert_int_equal(kv_commit(fixture_kv(), &err), ST_OK);
        }
        /* Time goes on while the server is down: it must not matter to the commands in the log. */
        before = fixture_state();
        fixture_crash();
        after = fixture_state();
        assert_string_equal(after, before);
        mem_free(before);
        mem_free(after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_counters, fixture_reset),
        cmocka_unit_test_setup(test_incrbyfloat, fixture_reset),
        cmocka_unit_test_setup(test_ranges, fixture_reset),
        cmocka_unit_test_setup(test_length_limit, fixture_reset),
        cmocka_unit_test_setup(test_lcs, fixture_reset),
        cmocka_unit_test_setup(test_lcs_random, fixture_reset),
        cmocka_unit_test_setup(test_effects_rebuild_the_state, fixture_reset),
    };
    return cmocka_run_group_tests_name("string", tests, fixture_setup, fixture_teardown);
}
