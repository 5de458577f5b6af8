#include "rdb/aof_file.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "unit/cmocka_all.h"

#define SET   "*3\r\n$3\r\nset\r\n$1\r\na\r\n$2\r\n\r\n\r\n"
#define MULTI "*1\r\n$5\r\nMULTI\r\n"
#define EXEC  "*1\r\n$4\r\nexec\r\n"
#define TIME  "#TS:1628217470\r\n"

/* The first words of the commands, then what ends them, then where. */
static void check(const char *text, const char *expected)
{
    static const char *const ends[] = {
        [AOF_COMMAND] = "", [AOF_END] = "end", [AOF_CUT] = "cut", [AOF_BAD] = "bad"};
    struct aof_file f;
    struct buf got = BUF_INIT;
    enum aof_got g;
    aof_file_begin(&f, slice_str(text), 0);
    while ((g = aof_file_next(&f)) == AOF_COMMAND)
        buf_printf(&got, "%.*s/%zu ", SLICE_FMT(f.argv[0]), f.argc);
    buf_printf(&got, "%s %zu", ends[g], f.at);
    assert_string_equal(buf_cstr(&got), expected);
    aof_file_end(&f);
    buf_free(&got);
}

static void test_next_gives_commands(void **state)
{
    check("", "end 0");
    check(SET SET, "set/3 set/3 end 56");
    check(TIME SET TIME TIME SET TIME, "set/3 set/3 end 104");
    check(SET "#TS:12", "set/3 end 28");
    check(MULTI SET EXEC SET, "MULTI/1 set/3 exec/1 set/3 end 85");
}

static void test_next_stops_at_what_is_incomplete(void **state)
{
    static const char whole[] = SET;
    char text[sizeof whole];
    for (size_t n = 1; n < sizeof whole - 1; n++) {
        memcpy(text, whole, n);
        text[n] = 0;
        check(text, "cut 0");
    }
    check(SET "*1\r\n$3\r\nab", "set/3 cut 28");
    check(SET MULTI SET, "set/3 cut 28");
    check(MULTI SET EXEC MULTI SET "*1\r\n", "MULTI/1 set/3 exec/1 cut 57");
    check("*1\r\n$9223372036854775807\r\nab", "cut 0");
    check("*2147483647\r\n$1\r\na\r\n", "cut 0");
}

static void test_next_refuses(void **state)
{
    static const char *const cases[] = {"!!!",
                                        "PING\r\n",
                                        "*0\r\n",
                                        "*-1\r\n",
                                        "*2147483648\r\n",
                                        "*x\r\n",
                                        "*\r\n",
                                        "*1\n$1\r\na\r\n",
                                        "*1\r\n:1\r\n",
                                        "*1\r\n$-1\r\n",
                                        "*1\r\n$1\r\nab\r\n",
                                        "*1\r\n$123456789012345678901234567890\r\n",
                                        "*111111111111111111111111111"};
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check(cases[i], "bad 0");
        buf_clear(&b);
        buf_printf(&b, SET "%s" SET, cases[i]);
        check(buf_cstr(&b), "set/3 bad 28");
    }
    check(MULTI SET "!!!" EXEC, "MULTI/1 set/3 bad 43");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_gives_commands),
        cmocka_unit_test(test_next_stops_at_what_is_incomplete),
        cmocka_unit_test(test_next_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
