/* The leaf against an array of strings. */
#include "keyspace/kv_tree_priv.h"
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#define MODEL_MAX 400

struct item {
    struct buf key, value;
};

static struct item model[MODEL_MAX];
static uint32_t model_n;
static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % n;
}

static struct slice random_bytes(char *at, uint32_t max)
{
    uint32_t n = rnd(max);
    for (uint32_t i = 0; i < n; i++)
        at[i] = (char)rnd(256);
    return slice_make(at, n);
}

static void model_insert(uint32_t i, struct slice key, struct slice value)
{
    memmove(model + i + 1, model + i, (model_n - i) * sizeof(*model));
    model[i] = (struct item){BUF_INIT, BUF_INIT};
    buf_put_slice(&model[i].key, key);
    buf_put_slice(&model[i].value, value);
    model_n++;
}

static void model_delete(uint32_t i, uint32_t n)
{
    for (uint32_t j = i; j < i + n; j++) {
        buf_free(&model[j].key);
        buf_free(&model[j].value);
    }
    memmove(model + i, model + i + n, (model_n - i - n) * sizeof(*model));
    model_n -= n;
}

static void expect_slice(struct slice a, struct slice b)
{
    assert_int_equal(a.n, b.n);
    if (a.n)
        assert_memory_equal(a.p, b.p, a.n);
}

static void expect_model(const struct kv_leaf *l)
{
    uint64_t payload = 0;
    assert_int_equal(l->n, model_n);
    for (uint32_t i = 0; i < model_n; i++) {
        expect_slice(kv__leaf_key(l, i), buf_slice(&model[i].key));
        expect_slice(kv__leaf_value(l, i), buf_slice(&model[i].value));
        payload += model[i].key.n + model[i].value.n;
    }
    assert_int_equal(kv__leaf_payload(l, 0, l->n), payload);
    assert_true(l->bytes >= payload + 6 * model_n && l->bytes <= payload + 13 * model_n);
    assert_true(l->size >= sizeof(*l) + l->bytes);
}

/* Encodes, decodes, compares, and tries every shorter and a longer input. */
static void expect_stored(const struct kv_leaf *l, bool ordered)
{
    struct buf out = BUF_INIT;
    kv__leaf_encode(l, &out);
    struct kv_leaf *back = kv__leaf_decode(buf_slice(&out), ordered);
    assert_non_null(back);
    expect_model(back);
    kv__leaf_unref(back);
    for (size_t n = 0; n < out.n; n += 1 + out.n / 50)
        assert_null(kv__leaf_decode(slice_make(out.p, n), ordered));
    buf_put_byte(&out, 0);
    assert_null(kv__leaf_decode(buf_slice(&out), ordered));
    buf_free(&out);
}

static void random_positional(uint32_t value_max)
{
    static char key[300], value[70000];
    struct kv_leaf *l = kv__leaf_new(0);
    for (int round = 0; round < 4000; round++) {
        uint32_t what = rnd(10);
        if ((what < 4 && model_n < MODEL_MAX - 1) || model_n == 0) {
            uint32_t i = rnd(model_n + 1);
            struct slice k = random_bytes(key, rnd(20) == 0 ? 300 : 12);
            struct slice v = random_bytes(value, rnd(10) == 0 ? value_max : 20);
            assert_true(kv__leaf_insert(&l, i, k, v));
            model_insert(i, k, v);
        } else if (what < 7) {
            uint32_t i = rnd(model_n);
            struct slice v = random_bytes(value, rnd(10) == 0 ? value_max : 20);
            assert_true(kv__leaf_set(&l, i, v));
            buf_clear(&model[i].value);
            buf_put_slice(&model[i].value, v);
        } else {
            uint32_t i = rnd(model_n), n = 1 + rnd(rnd(50) == 0 ? model_n - i : 1);
            kv__leaf_delete(l, i, n);
            model_delete(i, n);
        }
        if (round % 100 == 0 && model_n > 0) {
            expect_model(l);
            expect_stored(l, false);
            struct kv_leaf *copy = kv__leaf_copy(l);
            kv__leaf_unref(l);
            l = copy;
        }
    }
    expect_model(l);
    model_delete(0, model_n);
    kv__leaf_unref(l);
}

static void test_leaf_random_small(void **state)
{
    seed = 1;
    random_positional(60);
}

static void test_leaf_random_large(void **state)
{
    seed = 2;
    random_positional(sizeof(char[70000]));
}

static void test_leaf_find(void **state)
{
    seed = 3;
    struct kv_leaf *l = kv__leaf_new(100);
    for (int round = 0; round < 3000; round++) {
        char key[16];
        struct slice k = random_bytes(key, sizeof(key));
        for (size_t j = 0; j < k.n; j++)
            key[j] = (char)(rnd(3) == 0 ? 0 : key[j] & 1 ? 0xff : 1);
        uint32_t at = 0;
        while (at < model_n && slice_cmp(buf_slice(&model[at].key), k) < 0)
            at++;
        bool there = at < model_n && slice_eq(buf_slice(&model[at].key), k), found;
        assert_int_equal(kv__leaf_find(l, k, &found), at);
        assert_int_equal(found, there);
        if (!there && model_n < MODEL_MAX - 1) {
            assert_true(kv__leaf_insert(&l, at, k, SLICE("v")));
            model_insert(at, k, SLICE("v"));
        }
    }
    expect_model(l);
    expect_stored(l, true);
    model_delete(0, model_n);
    kv__leaf_unref(l);
}

static void test_leaf_parts(void **state)
{
    seed = 4;
    struct kv_leaf *l = kv__leaf_new(0);
    for (int i = 0; i < 50; i++) {
        char key[32];
        struct slice k = slice_make(key, (size_t)snprintf(key, sizeof(key), "key %03d", i));
        assert_true(kv__leaf_insert(&l, l->n, k, k));
        model_insert(model_n, k, k);
    }
    struct kv_leaf *a = kv__leaf_part(l, 0, 20, 0), *b = kv__leaf_part(l, 20, 50, 500);
    assert_int_equal(a->n, 20);
    assert_int_equal(b->n, 30);
    struct kv_leaf *both = kv__leaf_join(a, b);
    expect_model(both);
    assert_int_equal(both->bytes, l->bytes);
    kv__leaf_unref(a);
    kv__leaf_unref(b);
    kv__leaf_unref(both);
    kv__leaf_unref(l);
    model_delete(0, model_n);
}

static void test_leaf_gives_back(void **state)
{
    static char huge[100000];
    struct kv_leaf *l = kv__leaf_new(0);
    assert_true(kv__leaf_insert(&l, 0, SLICE("k"), slice_make(huge, sizeof(huge))));
    assert_true(l->size < sizeof(huge) + 200);
    assert_true(kv__leaf_set(&l, 0, slice_make(huge, sizeof(huge) - 1)));
    assert_true(l->size < sizeof(huge) + 200);
    assert_true(kv__leaf_set(&l, 0, SLICE("small")));
    assert_true(l->size < 200);
    kv__leaf_unref(l);
}

static void test_leaf_decode_refuses(void **state)
{
    static const struct slice bad[] = {
        SLICE(""),
        SLICE("\x01"),
        SLICE("\x01\x00"),                                      /* no elements */
        SLICE("\x02\x01\x01\x00k"),                             /* another kind */
        SLICE("\x01\x02\x01\x00z\x01\x00y"),                    /* not in order */
        SLICE("\x01\x02\x01\x00z\x01\x00z"),                    /* twice */
        SLICE("\x01\xff\xff\xff\xff\xff\x7f\x01\x00k"),         /* more than there are bytes */
        SLICE("\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\x01k"), /* a length out of this world */
        SLICE("\x01\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01k"),
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_null(kv__leaf_decode(bad[i], true));
    struct kv_leaf *l = kv__leaf_decode(SLICE("\x01\x02\x01\x00z\x01\x00y"), false);
    assert_non_null(l);
    kv__leaf_unref(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaf_random_small), cmocka_unit_test(test_leaf_random_large),
        cmocka_unit_test(test_leaf_find),         cmocka_unit_test(test_leaf_parts),
        cmocka_unit_test(test_leaf_gives_back),   cmocka_unit_test(test_leaf_decode_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
