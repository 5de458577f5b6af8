/* Bodies of requests: what is taken, and what is refused. */
#include "wire/http/command_codec.h"

#include "unit/cmocka_all.h"

#include <string.h>

static struct arena *arena;

static int setup(void **state)
{
    arena = arena_new(1024);
    return 0;
}

static int teardown(void **state)
{
    arena_free(arena);
    return 0;
}

static enum status decode(const char *body, struct http_commands *out)
{
    struct error err = {.message = ""};
    enum status st = http_commands_decode(slice_str(body), arena, out, &err);
    assert_int_equal(st == ST_OK, err.message[0] == 0);
    return st;
}

static void test_http_commands_decode_one(void **state)
{
    struct http_commands c;
    assert_int_equal(
        decode("{\"command\": [\"SET\", \"k\\u0000\", 12, 1.5, {\"base64\": \"/w==\"}], \"db\": 3}",
               &c),
        ST_OK);
    assert_int_equal(c.n, 1);
    assert_false(c.many || c.transaction);
    assert_int_equal(c.db, 3);
    const struct slice want[] = {SLICE("SET"), SLICE("k\0"), SLICE("12"), SLICE("1.5"),
                                 SLICE("\xff")};
    assert_int_equal(c.v[0].argc, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++)
        assert_true(slice_eq(c.v[0].argv[i], want[i]));
}

static void test_http_commands_decode_many(void **state)
{
    struct http_commands c;
    assert_int_equal(decode("{\"commands\":[[\"A\"],[\"B\",\"\"]],\"transaction\":true}", &c),
                     ST_OK);
    assert_int_equal(c.n, 2);
    assert_true(c.many && c.transaction);
    assert_int_equal(c.db, -1);
    assert_int_equal(c.v[1].argv[1].n, 0);
}

static void test_http_commands_decode_bad(void **state)
{
    static const char *const bad[] = {"",
                                      "{}",
                                      "[]",
                                      "{\"command\":[]}",
                                      "{\"command\":\"PING\"}",
                                      "{\"command\":[true]}",
                                      "{\"command\":[[\"x\"]]}",
                                      "{\"command\":[{}]}",
                                      "{\"command\":[{\"base64\":1}]}",
                                      "{\"command\":[{\"base64\":\"=\"}]}",
                                      "{\"command\":[\"A\"],\"commands\":[[\"B\"]]}",
                                      "{\"commands\":[]}",
                                      "{\"commands\":[\"A\"]}",
                                      "{\"commands\":[[\"A\"],[]]}",
                                      "{\"command\":[\"A\"],\"db\":-1}",
                                      "{\"command\":[\"A\"],\"db\":\"0\"}",
                                      "{\"command\":[\"A\"],\"transaction\":1}",
                                      "{\"command\":[\"A\"],\"other\":1}",
                                      "{\"command\":[\"A\"]} x"};
    struct http_commands c;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_not_equal(decode(bad[i], &c), ST_OK);
}

static void test_http_put_decode(void **state)
{
    static const char *const bad[] = {"{}",
                                      "{\"ttl_ms\":1}",
                                      "{\"value\":null}",
                                      "{\"value\":\"x\",\"ttl_ms\":0}",
                                      "{\"value\":\"x\",\"ttl_ms\":1.5}",
                                      "{\"value\":\"x\",\"y\":1}"};
    struct http_put p;
    struct error err = {.message = ""};
    assert_int_equal(http_put_decode(SLICE("{\"value\":\"x\",\"ttl_ms\":9}"), arena, &p, &err),
                     ST_OK);
    assert_true(slice_eq(p.value, SLICE("x")));
    assert_int_equal(p.ttl_ms, 9);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_not_equal(http_put_decode(slice_str(bad[i]), arena, &p, &err), ST_OK);
}

static void test_http_query_decode(void **state)
{
    static const char *const bad[] = {"{}", "{\"query\":1}", "{\"query\":\"x\",\"params\":1}",
                                      "{\"query\":\"x\",\"timeout_ms\":0}",
                                      "{\"query\":\"x\",\"y\":1}"};
    struct http_query q;
    struct error err = {.message = ""};
    assert_int_equal(http_query_decode(SLICE("{\"query\":\"x\",\"params\":[1,2],\"timeout_ms\":5}"),
                                       arena, &q, &err),
                     ST_OK);
    assert_true(slice_eq(q.text, SLICE("x")));
    assert_int_equal(q.nparams, 2);
    assert_int_equal(q.timeout_ms, 5);
    assert_int_equal(
        http_query_decode(SLICE("{\"params\":{\"a\":1},\"query\":\"x\"}"), arena, &q, &err), ST_OK);
    assert_int_equal(q.nparams, 1);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_not_equal(http_query_decode(slice_str(bad[i]), arena, &q, &err), ST_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_commands_decode_one),
        cmocka_unit_test(test_http_commands_decode_many),
        cmocka_unit_test(test_http_commands_decode_bad),
        cmocka_unit_test(test_http_put_decode),
        cmocka_unit_test(test_http_query_decode),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
