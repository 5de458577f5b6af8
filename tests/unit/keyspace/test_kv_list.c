/* Lists: how many bytes their listpack would take, when they change their encoding, and every kind of change. */
#include "keyspace/kv_list.h"

#include "../cmocka_all.h"
#include "base/num.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_coll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY SLICE("l")

static char dir[64];
static struct kv *kv;
static struct kv_rec *rec;
static struct error err;

static int setup_list(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/orbit_kv_list_XXXXXX");
    assert_non_null(mkdtemp(dir));
    keyspace_opts.list_max_listpack_size = -2;
    assert_int_equal(kv_open(dir, NULL, &kv, &err), ST_OK);
    assert_int_equal(kv_list_make(kv, 0, KEY, &rec, &err), ST_OK);
    return 0;
}

static int teardown_list(void **state)
{
    char cmd[96];
    kv_edit_end(kv, rec, 1);
    keyspace_opts.list_max_listpack_size = -2;
    assert_int_equal(kv_close(kv, &err), ST_OK);
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    return system(cmd);
}

static void push(struct slice value)
{
    assert_int_equal(kv_list_expect(rec, &value, 1, &err), ST_OK);
    assert_int_equal(kv_list_push(rec, KV_LIST_TAIL, value, &err), ST_OK);
}

static void push_number(int64_t v)
{
    char num[NUM_BUF];
    push(slice_make(num, num_format_int(num, v)));
}

static uint64_t bytes(void)
{
    uint64_t n;
    assert_int_equal(kv_list_listpack_bytes(rec, &n, &err), ST_OK);
    return n;
}

static void test_listpack_bytes(void **state)
{
    static const struct {
        int64_t v;
        uint64_t bytes;
    } numbers[] = {
        {0, 2},          {127, 2},        {128, 3},        {-1, 3},          {4095, 3},
        {-4096, 3},      {4096, 4},       {-32768, 4},     {32768, 5},       {8388607, 5},
        {-8388608, 5},   {8388608, 6},    {2147483647, 6}, {-2147483648, 6}, {2147483648, 10},
        {INT64_MAX, 10}, {INT64_MIN, 10},
    };
    static const struct {
        size_t n;
        uint64_t bytes;
    } texts[] = {
        {0, 2},     {1, 3},       {63, 65},     {64, 67},       {125, 128},
        {126, 130}, {4095, 4099}, {4096, 4103}, {16377, 16384}, {16378, 16386},
    };
    uint64_t want = 7;
    assert_int_equal(bytes(), want);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        push_number(numbers[i].v);
        want += numbers[i].bytes;
        assert_int_equal(bytes(), want);
    }
    char *text = malloc(20000);
    assert_non_null(text);
    memset(text, 'x', 20000);
    keyspace_opts.list_max_listpack_size = -5;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        push(slice_make(text, texts[i].n));
        want += texts[i].bytes;
        assert_int_equal(bytes(), want);
    }
    push(SLICE("007")); /* no number: it would not come back the same */
    assert_int_equal(bytes(), want + 5);
    free(text);
}

/* The count that is kept is the one that counting gives, whatever was done. */
static void test_bytes_follow_changes(void **state)
{
    struct kv_list_cur c;
    for (int i = 0; i < 3000; i++)
        push_number(i * 7919);
    assert_false(kv_list_packed(rec));
    assert_int_equal(kv_list_at(rec, 1500, &c, &err), ST_OK);
    assert_int_equal(kv_list_cur_set(&c, SLICE("a longer text than it was"), &err), ST_OK);
    assert_int_equal(kv_list_cur_insert(&c, SLICE("new"), &err), ST_OK);
    assert_int_equal(kv_list_cur_delete(&c, &err), ST_OK);
    assert_true(slice_eq(kv_list_value(&c), SLICE("a longer text than it was")));
    assert_int_equal(kv_list_push(rec, KV_LIST_HEAD, SLICE("first"), &err), ST_OK);
    assert_int_equal(kv_list_remove(rec, 10, 20, &err), ST_OK);
    uint64_t kept = bytes();
    kv__coll(rec)->ext[0] = UINT64_MAX;
    assert_int_equal(bytes(), kept);
    kv__coll(rec)->ext[0] = kept;
    assert_int_equal(kv_list_remove(rec, 100, 2000, &err), ST_OK);
    assert_int_equal(kv_list_count(rec), 3001 - 20 - 2000);
}

/* A list around the size where it could be packed is not counted again and again; a smaller one is packed. */
static void test_packs_at_half(void **state)
{
    for (int i = 0; i < 10000; i++)
        push(SLICE("x"));
    assert_false(kv_list_packed(rec));
    assert_int_equal(kv_list_remove(rec, 1364, 10000 - 1364, &err), ST_OK);
    assert_int_equal(kv_list_shrunk(rec, &err), ST_OK);
    assert_false(kv_list_packed(rec)); /* 7 + 3 * 1364 = 4099 */
    assert_int_equal(kv_list_remove(rec, 0, 1, &err), ST_OK);
    assert_int_equal(kv_list_shrunk(rec, &err), ST_OK);
    assert_true(kv_list_packed(rec));
    assert_int_equal(bytes(), 4096);
    assert_int_equal(kv_list_count(rec), 1363);
}

static void test_counted_limit(void **state)
{
    char *text = calloc(1, 9000);
    assert_non_null(text);
    keyspace_opts.list_max_listpack_size = 4;
    for (int i = 0; i < 4; i++)
        push_number(i);
    assert_true(kv_list_packed(rec));
    push_number(4);
    assert_false(kv_list_packed(rec));
    assert_int_equal(kv_list_remove(rec, 0, 2, &err), ST_OK);
    assert_int_equal(kv_list_shrunk(rec, &err), ST_OK);
    assert_false(kv_list_packed(rec));
    assert_int_equal(kv_list_settle(rec, &err), ST_OK);
    assert_true(kv_list_packed(rec));
    /* a few long ones are too many, too */
    push(slice_make(text, 9000));
    assert_false(kv_list_packed(rec));
    assert_int_equal(kv_list_remove(rec, 0, 2, &err), ST_OK);
    assert_int_equal(kv_list_shrunk(rec, &err), ST_OK);
    assert_false(kv_list_packed(rec));
    assert_int_equal(kv_list_remove(rec, 0, 1, &err), ST_OK);
    assert_int_equal(kv_list_shrunk(rec, &err), ST_OK);
    assert_true(kv_list_packed(rec));
    free(text);
}

static void test_read_back(void **state)
{
    keyspace_opts.list_max_listpack_size = 4;
    for (int i = 0; i < 5; i++)
        push_number(i);
    assert_int_equal(kv_list_remove(rec, 4, 1, &err), ST_OK);
    assert_false(kv_list_packed(rec));
    kv_edit_end(kv, rec, 1);
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    assert_int_equal(kv_lookup(kv, 0, KEY, KV_WRITE, &rec, &err), ST_OK);
    assert_true(kv_list_packed(rec));
    assert_int_equal(kv_list_count(rec), 4);
    kv_edit(kv, rec);
    push_number(5);
    assert_false(kv_list_packed(rec));
    struct kv_list_cur c;
    assert_int_equal(kv_list_last(rec, &c, &err), ST_OK);
    assert_true(slice_eq(kv_list_value(&c), SLICE("5")));
    assert_int_equal(kv_list_prev(&c, &err), ST_OK);
    assert_true(slice_eq(kv_list_value(&c), SLICE("3")));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_list, teardown_list)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_listpack_bytes), T(test_bytes_follow_changes),
        T(test_packs_at_half),  T(test_counted_limit),
        T(test_read_back),
    };
    keyspace_options_register();
    keyspace_opts.appendonly = false;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
