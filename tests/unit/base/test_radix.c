#include "base/radix.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "unit/cmocka_all.h"

#include <stdlib.h>

static uint64_t random_state = 7;

static uint64_t next_random(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return random_state >> 33;
}

/* A sorted array of keys of at most six letters out of three: many shared prefixes. */
struct entry {
    char key[8];
    size_t n;
    void *value;
};

struct model {
    struct entry e[2000];
    size_t n;
};

static struct slice entry_key(const struct entry *e)
{
    return slice_make(e->key, e->n);
}

static size_t model_at(const struct model *m, struct slice key)
{
    size_t i = 0;
    while (i < m->n && slice_cmp(entry_key(&m->e[i]), key) < 0)
        i++;
    return i;
}

static bool model_has(const struct model *m, size_t i, struct slice key)
{
    return i < m->n && slice_eq(entry_key(&m->e[i]), key);
}

static struct slice random_key(char *out)
{
    size_t n = next_random() % 7;
    for (size_t i = 0; i < n; i++)
        out[i] = "a\0\xff"[next_random() % 3];
    return slice_make(out, n);
}

struct expect {
    const struct model *m;
    size_t at;
    size_t stop;
    struct slice text; /* prefixes_of: only prefixes of this */
};

static bool expect_next(void *arg, struct slice key, void *value)
{
    struct expect *x = arg;
    assert_true(x->at < x->m->n);
    assert_true(slice_eq(key, entry_key(&x->m->e[x->at])));
    assert_ptr_equal(value, x->m->e[x->at].value);
    x->at++;
    return x->at != x->stop;
}

static bool expect_prefix(void *arg, struct slice key, void *value)
{
    struct expect *x = arg;
    while (!slice_starts(x->text, entry_key(&x->m->e[x->at])))
        x->at++;
    return expect_next(arg, key, value);
}

static void compare_walks(const struct radix *r, const struct model *m)
{
    struct expect x = {.m = m, .stop = SIZE_MAX};
    radix_walk(r, SLICE_NULL, expect_next, &x);
    assert_int_equal(x.at, m->n);
    char text[8];
    struct slice from = random_key(text);
    x = (struct expect){.m = m, .at = model_at(m, from), .stop = SIZE_MAX};
    radix_walk(r, from, expect_next, &x);
    assert_int_equal(x.at, m->n);
    if (m->n > 5) {
        x = (struct expect){.m = m, .stop = 5};
        radix_walk(r, SLICE_NULL, expect_next, &x);
        assert_int_equal(x.at, 5);
    }
    x = (struct expect){.m = m, .stop = SIZE_MAX, .text = from};
    radix_prefixes_of(r, from, expect_prefix, &x);
    for (; x.at < m->n; x.at++)
        assert_false(slice_starts(from, entry_key(&m->e[x.at])));
}

/* at: index of the entry that must be found; m->n or SIZE_MAX (below 0): none. */
static void expect_found(const struct model *m, size_t at, bool found, const struct buf *key,
                         void *const *value)
{
    assert_int_equal(found, at < m->n);
    if (!found)
        return;
    assert_true(slice_eq(buf_slice(key), entry_key(&m->e[at])));
    assert_ptr_equal(*value, m->e[at].value);
}

static void compare_neighbours(const struct radix *r, const struct model *m)
{
    char text[8];
    struct slice from = random_key(text);
    size_t at = model_at(m, from);
    bool has = model_has(m, at, from);
    struct buf key = BUF_INIT;
    void *value = NULL;
    expect_found(m, at, radix_ceil(r, from, false, &key, &value), &key, &value);
    expect_found(m, at + has, radix_ceil(r, from, true, &key, &value), &key, &value);
    expect_found(m, has ? at : at - 1, radix_floor(r, from, false, &key, &value), &key, &value);
    expect_found(m, at - 1, radix_floor(r, from, true, &key, &value), &key, &value);
    expect_found(m, m->n - 1, radix_last(r, &key, &value), &key, &value);
    buf_free(&key);
}

static void model_set(struct model *m, size_t at, struct slice key, void *value)
{
    if (!model_has(m, at, key)) {
        memmove(&m->e[at + 1], &m->e[at], (m->n - at) * sizeof(m->e[0]));
        m->n++;
        memcpy(m->e[at].key, key.p, key.n);
        m->e[at].n = key.n;
    }
    m->e[at].value = value;
}

static void test_radix_against_a_model(void **state)
{
    struct model *m = mem_calloc(1, sizeof(*m));
    struct radix *r = radix_new();
    size_t empty = radix_bytes(r);
    for (uintptr_t i = 1; i < 30000; i++) {
        char text[8];
        struct slice key = random_key(text);
        size_t at = model_at(m, key);
        bool there = model_has(m, at, key);
        void *was = there ? m->e[at].value : NULL, *old = NULL;
        /* Fills in one half of the time and empties in the other. */
        bool set = next_random() % 4 < ((i / 3000) % 2 ? 1 : 3);
        if (set) {
            assert_int_equal(radix_set(r, key, (void *)i, &old), !there);
            model_set(m, at, key, (void *)i);
        } else {
            assert_int_equal(radix_del(r, key, &old), there);
            if (there) {
                m->n--;
                memmove(&m->e[at], &m->e[at + 1], (m->n - at) * sizeof(m->e[0]));
            }
        }
        assert_ptr_equal(old, was);
        assert_int_equal(radix_count(r), m->n);
        key = random_key(text);
        at = model_at(m, key);
        void *got = NULL;
        assert_int_equal(radix_get(r, key, &got), model_has(m, at, key));
        if (model_has(m, at, key))
            assert_ptr_equal(got, m->e[at].value);
        if (i % 50 == 0)
            compare_walks(r, m);
        compare_neighbours(r, m);
    }
    while (m->n > 0)
        assert_true(radix_del(r, entry_key(&m->e[--m->n]), NULL));
    /* The root keeps its room for children. */
    assert_true(radix_bytes(r) <= empty + 256 * sizeof(void *));
    radix_free(r, NULL);
    mem_free(m);
}

static void test_radix_values_may_be_null(void **state)
{
    struct radix *r = radix_new();
    assert_true(radix_set(r, SLICE("a"), NULL, NULL));
    void *value = r;
    assert_true(radix_get(r, SLICE("a"), &value));
    assert_null(value);
    assert_false(radix_get(r, SLICE(""), NULL));
    assert_false(radix_get(r, SLICE("ab"), NULL));
    assert_false(radix_set(r, SLICE("a"), r, NULL));
    radix_free(r, NULL);
    radix_free(NULL, NULL);
}

static void test_radix_deep_keys(void **state)
{
    enum { DEPTH = 6000 };
    char *text = mem_alloc(DEPTH);
    memset(text, 'x', DEPTH);
    struct radix *r = radix_new();
    for (size_t n = 0; n < DEPTH; n++)
        radix_set(r, slice_make(text, n), text, NULL);
    assert_int_equal(radix_count(r), DEPTH);
    assert_true(radix_del(r, slice_make(text, DEPTH / 2), NULL));
    radix_free(r, NULL);
    mem_free(text);
}

static void test_radix_free_frees_each_value(void **state)
{
    struct radix *r = radix_new();
    for (int i = 0; i < 256; i++) {
        char c = (char)i;
        radix_set(r, slice_make(&c, 1), mem_alloc(1), NULL);
    }
    radix_set(r, SLICE_NULL, mem_alloc(1), NULL);
    radix_free(r, mem_free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_radix_against_a_model),
        cmocka_unit_test(test_radix_values_may_be_null),
        cmocka_unit_test(test_radix_deep_keys),
        cmocka_unit_test(test_radix_free_frees_each_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
