#include "rdb/aof_manifest.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "unit/cmocka_all.h"

#define BASE "file a.1.base.rdb seq 1 type b\n"
#define INCR "file a.1.incr.aof seq 1 type i\n"

static void check(const char *text, const char *const *names, size_t n)
{
    struct aof_manifest m;
    struct error err = {.message = ""};
    assert_int_equal(aof_manifest_parse(slice_str(text), &m, &err), ST_OK);
    assert_int_equal(m.n, n);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(m.names[i], names[i]);
    aof_manifest_free(&m);
    assert_int_equal(m.n, 0);
}

static void test_parse_orders_the_files(void **state)
{
    static const char *const both[] = {"a.1.base.rdb", "a.1.incr.aof"};
    static const char *const more[] = {"a.1.base.rdb", "a.1.incr.aof", "a.3.incr.aof"};
    static const char *const quoted[] = {" file seq \n.aof .2.base.rdb"};
    check(BASE INCR, both, 2);
    check(INCR BASE, both, 2);
    check("# a comment\n" BASE "file a.0.incr.aof seq 9 type h\n" INCR
          "file a.3.incr.aof seq 3 type i newkey newvalue\n",
          more, 3);
    check("file \" file seq \\n.aof .2.base.rdb\" seq 2 type b\n", quoted, 1);
    check("file a.9.incr.aof seq 9 type h\n", NULL, 0);
}

static void test_parse_refuses(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "empty AOF manifest"},
        {"\n", "Invalid AOF manifest"},
        {INCR "\n" BASE, "Invalid AOF manifest"},
        {"filx a.1.base.rdb seq 1 type b\n", "Invalid AOF manifest"},
        {"file a.1.base.rdb type b\n", "Invalid AOF manifest"},
        {"file a.1.base.rdb seq 1 type b odd\n", "Invalid AOF manifest"},
        {"file a.1.base.rdb seq x type b\n", "Invalid AOF manifest"},
        {"file a.1.base.rdb seq 0 type b\n", "Invalid AOF manifest"},
        {"file \"a.1.base.rdb seq 1 type b\n", "Invalid AOF manifest"},
        {"file ../a seq 1 type b\n", "no plain name"},
        {"file \"\" seq 1 type b\n", "no plain name"},
        {"file \"a\\x00b\" seq 1 type b\n", "no plain name"},
        {BASE "file a.2.base.rdb seq 2 type b\n", "duplicate base file"},
        {"file a.2.incr.aof seq 2 type i\n" INCR, "non-monotonic sequence"},
        {INCR INCR, "non-monotonic sequence"},
        {"file a.1.base.rdb seq 1 type x\n", "Unknown AOF file type"},
        {"file a.1.base.rdb seq 1 type b", "too long line"},
    };
    struct aof_manifest m;
    struct error err;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(aof_manifest_parse(slice_str(cases[i].text), &m, &err), ST_CORRUPT);
        assert_non_null(strstr(err.message, cases[i].why));
        assert_null(m.names);
    }
}

static void test_parse_refuses_a_long_line(void **state)
{
    struct aof_manifest m;
    struct error err;
    struct buf b = BUF_INIT;
    while (b.n < 1024)
        buf_put_str(&b, "file a.1.base.rdb seq 1 type b ");
    b.p[b.n - 1] = '\n';
    assert_int_equal(aof_manifest_parse(buf_slice(&b), &m, &err), ST_CORRUPT);
    assert_non_null(strstr(err.message, "line 1: "));
    assert_non_null(strstr(err.message, "too long line"));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_orders_the_files),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_parse_refuses_a_long_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
