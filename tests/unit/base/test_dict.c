#include "base/dict.h"

#include "base/mem.h"
#include "unit/cmocka_all.h"

#include <stdio.h>

static uint64_t random_state = 1;

static uint64_t next_random(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return random_state >> 33;
}

static struct slice key_of(unsigned i)
{
    static char text[2][32];
    static int turn;
    turn ^= 1;
    int n = snprintf(text[turn], sizeof(text[turn]), "key:%u", i);
    return slice_make(text[turn], (size_t)n);
}

static void *value_of(uintptr_t v)
{
    return (void *)v;
}

static void test_dict_against_a_model(void **state)
{
    enum { KEYS = 5000 };
    uintptr_t *model = mem_calloc(KEYS, sizeof(*model));
    size_t count = 0;
    struct dict *d = dict_new(0, NULL);
    for (unsigned i = 0; i < 200000; i++) {
        /* The bias turns over, so the table grows and shrinks. */
        bool grow = (i / 40000) % 2 == 0;
        unsigned k = (unsigned)(next_random() % KEYS);
        struct slice key = key_of(k);
        bool there = model[k] != 0;
        switch (next_random() % (grow ? 4 : 6)) {
        case 0:
        case 1:
            assert_ptr_equal(dict_set(d, key, value_of(i + 1)), value_of(model[k]));
            count += !there;
            model[k] = i + 1;
            break;
        case 2:
            assert_int_equal(dict_add(d, key, value_of(i + 1)), !there);
            if (!there) {
                model[k] = i + 1;
                count++;
            }
            break;
        case 3:
        case 4:
            assert_ptr_equal(dict_take(d, key), value_of(model[k]));
            count -= there;
            model[k] = 0;
            break;
        default:
            assert_int_equal(dict_del(d, key), there);
            count -= there;
            model[k] = 0;
        }
        assert_int_equal(dict_count(d), count);
        k = (unsigned)(next_random() % KEYS);
        assert_ptr_equal(dict_get(d, key_of(k)), value_of(model[k]));
        assert_int_equal(dict_has(d, key_of(k)), model[k] != 0);
    }
    dict_free(d);
    mem_free(model);
}

static void test_dict_iteration_sees_each_entry_once_during_rehash(void **state)
{
    /* Every count around a doubling, so that entries stand in both tables. */
    for (unsigned n = 0; n < 600; n++) {
        struct dict *d = dict_new(0, NULL);
        for (unsigned i = 0; i < n; i++)
            dict_set(d, key_of(i), value_of(i + 1));
        unsigned char seen[600] = {0};
        struct dict_iter it = dict_iter(d);
        unsigned total = 0;
        while (dict_next(&it)) {
            uintptr_t v = (uintptr_t)it.value;
            assert_true(v >= 1 && v <= n);
            assert_int_equal(seen[v - 1]++, 0);
            assert_true(slice_eq(it.key, key_of((unsigned)v - 1)));
            total++;
        }
        assert_int_equal(total, n);
        assert_false(dict_next(&it));
        dict_free(d);
    }
}

static void test_dict_delete_while_iterating(void **state)
{
    for (unsigned n = 1; n < 300; n += 7) {
        struct dict *d = dict_new(0, NULL);
        for (unsigned i = 0; i < n; i++)
            dict_set(d, key_of(i), value_of(i + 1));
        struct dict_iter it = dict_iter(d);
        unsigned seen = 0;
        while (dict_next(&it)) {
            seen++;
            if ((uintptr_t)it.value % 3 != 0)
                assert_true(dict_del(d, key_of((unsigned)(uintptr_t)it.value - 1)));
        }
        assert_int_equal(seen, n);
        assert_int_equal(dict_count(d), n / 3);
        it = dict_iter(d);
        while (dict_next(&it))
            dict_take(d, key_of((unsigned)(uintptr_t)it.value - 1));
        assert_int_equal(dict_count(d), 0);
        dict_free(d);
    }
}

static void test_dict_nocase(void **state)
{
    struct dict *d = dict_new(DICT_NOCASE, NULL);
    assert_true(dict_add(d, SLICE("GET"), value_of(1)));
    assert_false(dict_add(d, SLICE("get"), value_of(2)));
    assert_ptr_equal(dict_get(d, SLICE("gEt")), value_of(1));
    assert_null(dict_get(d, SLICE("ge")));
    char longer[500];
    memset(longer, 'A', sizeof(longer));
    dict_set(d, slice_make(longer, sizeof(longer)), value_of(3));
    memset(longer, 'a', sizeof(longer));
    assert_ptr_equal(dict_get(d, slice_make(longer, sizeof(longer))), value_of(3));
    dict_free(d);
    d = dict_new(0, NULL);
    assert_true(dict_add(d, SLICE("GET"), value_of(1)));
    assert_true(dict_add(d, SLICE("get"), value_of(2)));
    dict_free(d);
}

static void test_dict_binary_and_empty_keys(void **state)
{
    struct dict *d = dict_new(0, NULL);
    assert_null(dict_get(d, SLICE("")));
    assert_false(dict_del(d, SLICE("")));
    dict_set(d, SLICE(""), value_of(1));
    dict_set(d, SLICE("\0"), value_of(2));
    dict_set(d, SLICE("\0\0"), value_of(3));
    assert_ptr_equal(dict_get(d, SLICE_NULL), value_of(1));
    assert_ptr_equal(dict_get(d, SLICE("\0")), value_of(2));
    assert_ptr_equal(dict_get(d, SLICE("\0\0")), value_of(3));
    dict_free(d);
}

static int freed;

static void count_free(void *p)
{
    freed++;
    mem_free(p);
}

static void test_dict_frees_values_when_told(void **state)
{
    freed = 0;
    struct dict *d = dict_new(0, count_free);
    for (unsigned i = 0; i < 100; i++)
        dict_set(d, key_of(i), mem_alloc(8));
    assert_true(dict_del(d, key_of(1)));
    assert_int_equal(freed, 1);
    mem_free(dict_take(d, key_of(2)));
    assert_int_equal(freed, 1);
    mem_free(dict_set(d, key_of(3), mem_alloc(8)));
    assert_int_equal(freed, 1);
    dict_clear(d);
    assert_int_equal(freed, 99);
    assert_int_equal(dict_count(d), 0);
    dict_set(d, key_of(1), mem_alloc(8));
    dict_free(d);
    assert_int_equal(freed, 100);
    dict_free(NULL);
}

static void test_dict_bytes_follow_the_content(void **state)
{
    struct dict *d = dict_new(0, NULL);
    size_t empty = dict_bytes(d);
    for (unsigned i = 0; i < 10000; i++)
        dict_set(d, key_of(i), value_of(1));
    assert_true(dict_bytes(d) > 10000 * 16);
    for (unsigned i = 0; i < 10000; i++)
        dict_del(d, key_of(i));
    assert_int_equal(dict_bytes(d), empty);
    dict_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dict_against_a_model),
        cmocka_unit_test(test_dict_iteration_sees_each_entry_once_during_rehash),
        cmocka_unit_test(test_dict_delete_while_iterating),
        cmocka_unit_test(test_dict_nocase),
        cmocka_unit_test(test_dict_binary_and_empty_keys),
        cmocka_unit_test(test_dict_frees_values_when_told),
        cmocka_unit_test(test_dict_bytes_follow_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
