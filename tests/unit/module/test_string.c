/* Strings of modules: users, growing, numbers. */
#include "base/compiler.h"
#include "module/module_priv.h"
#include "unit/cmocka_all.h"

static void test_string_users(void **state)
{
    module__loop_thread_is_this();
    RedisModuleString *s = rm_CreateString(NULL, "hello", 5);
    assert_int_equal(s->refs, 1);
    rm_RetainString(NULL, s);
    assert_int_equal(s->refs, 2);
    assert_int_equal(rm_StringAppendBuffer(NULL, s, "x", 1), REDISMODULE_ERR);
    rm_FreeString(NULL, s);
    assert_int_equal(rm_StringAppendBuffer(NULL, s, " you", 4), REDISMODULE_OK);
    size_t n;
    assert_string_equal(rm_StringPtrLen(s, &n), "hello you");
    assert_int_equal(n, 9);
    rm_FreeString(NULL, s);
    /* What was freed is taken again. */
    RedisModuleString *again = rm_CreateString(NULL, "", 0);
    assert_ptr_equal(again, s);
    rm_FreeString(NULL, again);
    module__string_pool_free();
}

static void test_string_grows_and_shrinks(void **state)
{
    RedisModuleString *s = rm_CreateString(NULL, "", 0);
    struct buf expected = BUF_INIT;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(rm_StringAppendBuffer(NULL, s, "abc", 3), REDISMODULE_OK);
        buf_put_str(&expected, "abc");
    }
    rm_TrimStringAllocation(s);
    assert_int_equal(s->cap, 3000);
    assert_true(slice_eq(module__slice(s), buf_slice(&expected)));
    assert_int_equal(rm_StringPtrLen(s, NULL)[3000], 0);
    RedisModuleString *copy = rm_CreateStringFromString(NULL, s);
    assert_int_equal(rm_StringCompare(s, copy), 0);
    rm_FreeString(NULL, copy);
    rm_FreeString(NULL, s);
    buf_free(&expected);
    module__string_pool_free();
}

static void assert_text(RedisModuleString *s, const char *text)
{
    assert_string_equal(rm_StringPtrLen(s, NULL), text);
    rm_FreeString(NULL, s);
}

static void test_string_numbers(void **state)
{
    assert_text(rm_CreateStringFromLongLong(NULL, -5), "-5");
    assert_text(rm_CreateStringFromULongLong(NULL, UINT64_MAX), "18446744073709551615");
    assert_text(rm_CreateStringFromDouble(NULL, 0.5), "0.5");
    assert_text(rm_CreateStringFromLongDouble(NULL, 0.1L, 1), "0.1");
    assert_text(rm_CreateStringFromLongDouble(NULL, 1e30L, 0), "1e+30");
    assert_text(rm_CreateStringPrintf(NULL, "%d-%s", 7, "x"), "7-x");
    RedisModuleString *s = rm_CreateString(NULL, "12", 2), *bad = rm_CreateString(NULL, "12x", 3);
    long long v;
    unsigned long long u;
    double d;
    long double ld;
    assert_int_equal(rm_StringToLongLong(s, &v), REDISMODULE_OK);
    assert_int_equal(v, 12);
    assert_int_equal(rm_StringToULongLong(s, &u), REDISMODULE_OK);
    assert_int_equal(rm_StringToDouble(s, &d), REDISMODULE_OK);
    assert_int_equal(rm_StringToLongDouble(s, &ld), REDISMODULE_OK);
    assert_int_equal(rm_StringToLongLong(bad, &v), REDISMODULE_ERR);
    assert_int_equal(rm_StringToULongLong(bad, &u), REDISMODULE_ERR);
    assert_int_equal(rm_StringToDouble(bad, &d), REDISMODULE_ERR);
    assert_int_equal(rm_StringToLongDouble(bad, &ld), REDISMODULE_ERR);
    rm_FreeString(NULL, s);
    rm_FreeString(NULL, bad);
    module__string_pool_free();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_string_users),
        cmocka_unit_test(test_string_grows_and_shrinks),
        cmocka_unit_test(test_string_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
