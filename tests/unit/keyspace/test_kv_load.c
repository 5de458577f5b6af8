/* Bulk loads: everything that was taken is there afterwards and after a restart, or nothing is; and the sort behind them. */
#include "keyspace/kv_load.h"

#include "../cmocka_all.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/num.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_hash.h"
#include "keyspace/kv_priv.h"
#include "keyspace/kv_sort.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEYS   5000
#define FIELDS 3000
#define LATER  (INT64_C(4000000000000))

static struct kv *kv;
static struct error err;
static char dir[64];

static void open_kv(void)
{
    if (kv_open(dir, NULL, &kv, &err) != ST_OK)
        fail_msg("open: %s", err.message);
    assert_int_equal(kv_replay(kv, NULL, NULL, NULL, &err), ST_OK);
}

static void close_kv(void)
{
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

/* Strings of all forms, every third with a time. */
static struct slice value_of(int i, struct buf *out)
{
    buf_clear(out);
    if (i % 4 == 0)
        buf_put_int(out, (int64_t)i * 1000003);
    else
        for (int n = 0; n < (i % 500 == 1 ? 10000 : i % 40); n++)
            buf_printf(out, "%d,", i);
    return buf_slice(out);
}

static int64_t expire_of(int i)
{
    return i % 3 == 0 ? LATER + i : KV_NO_EXPIRE;
}

static enum status take_string(int i)
{
    char key[32];
    struct buf value = BUF_INIT;
    struct kv_rec *rec;
    snprintf(key, sizeof(key), "key:%d", i);
    assert_int_equal(
        kv_set(kv, i % 2 ? 0 : 3, slice_str(key), value_of(i, &value), expire_of(i), 0, &rec, &err),
        ST_OK);
    buf_free(&value);
    return kv_load_take(kv, rec, &err);
}

static void take_hash(void)
{
    struct kv_rec *rec;
    char field[32];
    assert_int_equal(kv_hash_make(kv, 0, SLICE("hash"), &rec, &err), ST_OK);
    for (int i = 0; i < FIELDS; i++) {
        snprintf(field, sizeof(field), "field:%d", i);
        assert_int_equal(kv_hash_put(rec, slice_str(field), slice_str(field), NULL, &err), ST_OK);
    }
    kv_edit_end(kv, rec, 1);
    assert_int_equal(kv_load_take(kv, rec, &err), ST_OK);
}

static void take_all(void)
{
    assert_true(kv_load_suits(kv));
    assert_int_equal(kv_load_begin(kv, &err), ST_OK);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(take_string(i), ST_OK);
    take_hash();
}

static struct kv_rec *lookup(int db, const char *key)
{
    struct kv_rec *rec;
    assert_int_equal(kv_lookup(kv, db, slice_str(key), KV_READ, &rec, &err), ST_OK);
    return rec;
}

static void check_all(void)
{
    struct buf value = BUF_INIT;
    char key[32], tmp[NUM_BUF];
    assert_int_equal(kv_dbsize(kv, 0), KEYS / 2 + 1);
    assert_int_equal(kv_dbsize(kv, 3), KEYS / 2);
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "key:%d", i);
        struct kv_rec *rec = lookup(i % 2 ? 0 : 3, key);
        assert_non_null(rec);
        assert_true(slice_eq(kv_str(rec, tmp), value_of(i, &value)));
        assert_int_equal(kv_rec_expire(rec), expire_of(i));
    }
    struct kv_rec *hash = lookup(0, "hash");
    assert_int_equal(kv_hash_count(hash), FIELDS);
    for (int i = 0; i < FIELDS; i++) {
        struct slice got;
        bool found;
        snprintf(key, sizeof(key), "field:%d", i);
        assert_int_equal(kv_hash_get(hash, slice_str(key), &found, &got, &err), ST_OK);
        assert_true(found && slice_eq(got, slice_str(key)));
    }
    buf_free(&value);
}

static void check_empty(void)
{
    struct kv_stats st;
    kv_stats(kv, &st);
    assert_int_equal(kv_dbsize(kv, 0), 0);
    assert_int_equal(kv_dbsize(kv, 3), 0);
    assert_int_equal(st.data_bytes, 0);
    assert_int_equal(st.dirty_records, 0);
    assert_int_equal(st.dirty_bytes, 0);
    assert_null(lookup(0, "key:1"));
}

static enum status end_load(void)
{
    assert_int_equal(kv_load_merge(kv, &err), ST_OK);
    assert_true(kv_load_merged(kv));
    return kv_load_end(kv, &err);
}

static void test_load_is_there(void **state)
{
    struct kv_stats before, st;
    open_kv();
    take_all();
    assert_int_equal(kv_fold_now(kv, &err), ST_BUSY);
    kv_stats(kv, &before);
    assert_int_equal(before.dirty_records, 0);
    assert_int_equal(before.dirty_bytes, 0);
    assert_int_equal(end_load(), ST_OK);
    assert_false(kv_load_suits(kv));
    check_all();
    close_kv();
    open_kv();
    check_all();
    kv_stats(kv, &st);
    assert_int_equal(st.data_bytes, before.data_bytes);
    close_kv();
}

/* What is changed afterwards is folded in the ordinary way. */
static void test_load_goes_on(void **state)
{
    struct kv_rec *rec;
    open_kv();
    take_all();
    assert_int_equal(end_load(), ST_OK);
    assert_int_equal(kv_set(kv, 0, SLICE("key:1"), SLICE("new"), KV_NO_EXPIRE, 0, &rec, &err),
                     ST_OK);
    kv_del(kv, lookup(0, "hash"));
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    char tmp[NUM_BUF];
    assert_true(slice_eq(kv_str(lookup(0, "key:1"), tmp), SLICE("new")));
    assert_null(lookup(0, "hash"));
    assert_int_equal(kv_flush(kv, -1), KEYS);
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    take_all(); /* again, over what was flushed */
    assert_int_equal(end_load(), ST_OK);
    check_all();
    close_kv();
}

static void test_load_refuses_duplicates(void **state)
{
    open_kv();
    take_all();
    assert_int_equal(take_string(7), ST_OK);
    assert_int_equal(end_load(), ST_EXISTS);
    assert_non_null(strstr(err.message, "'key:7' in DB 0"));
    check_empty();
    take_all();
    assert_int_equal(end_load(), ST_OK);
    check_all();
    close_kv();
}

static void test_load_abort(void **state)
{
    struct kv_rec *rec;
    open_kv();
    take_all();
    assert_int_equal(kv_hash_make(kv, 0, SLICE("half"), &rec, &err), ST_OK);
    assert_int_equal(kv_hash_put(rec, SLICE("f"), SLICE("v"), NULL, &err), ST_OK);
    kv_edit_end(kv, rec, 1);
    kv_load_abort(kv);
    check_empty();
    close_kv();
    open_kv();
    check_empty();
    take_all();
    close_kv(); /* gives it up */
    open_kv();
    check_empty();
    close_kv();
}

static void test_load_crash(void **state)
{
#ifdef __SANITIZE_THREAD__
    skip(); /* it cannot follow threads that begin in a forked child */
#endif
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        open_kv();
        take_all();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    open_kv();
    check_empty();
    assert_true(kv_load_suits(kv));
    close_kv();
}

/* -- The sort ------------------------------------------------------------------------------------------------------------ */

static void submit_now(void *arg, enum kv_lane lane, void (*run)(void *), void (*done)(void *),
                       void *job)
{
    run(job);
}

static void drain_none(void *arg, enum kv_lane lane)
{
}

static void test_sort(void **state)
{
    static const struct kv_jobs jobs = {.submit = submit_now, .drain = drain_none};
    struct kv_sort *s;
    struct slice key, value, last = SLICE_NULL;
    size_t n = 0, bytes = 0;
    uint64_t rng = 12345;
    assert_int_equal(kv__sort_new(dir, &jobs, 4096, &s, &err), ST_OK);
    for (int i = 0; i < 20000; i++) {
        struct buf *b = kv__sort_begin(s);
        rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
        size_t key_n = (rng >> 40) % 24, value_n = i % 5000 ? (size_t)i % 50 : 3000000;
        for (size_t k = 0; k < key_n; k++)
            buf_put_byte(b, (uint8_t)("aab\xff"[(rng >> (k % 31 + 8)) & 3]));
        kv__sort_value(s);
        memset(buf_grow(b, value_n), (int)key_n, value_n);
        bytes += value_n;
        assert_int_equal(kv__sort_end(s, &err), ST_OK);
    }
    assert_int_equal(kv__sort_open(s, &err), ST_OK);
    for (; kv__sort_next(s, &key, &value); n++) {
        assert_true(!last.p || slice_cmp(last, key) <= 0);
        assert_true(value.n == 0 || (size_t)value.p[value.n - 1] == key.n);
        bytes -= value.n;
        last = key;
    }
    assert_int_equal(n, 20000);
    assert_int_equal(bytes, 0);
    kv__sort_free(s);
}

static int setup(void **state)
{
    keyspace_options_register();
    keyspace_opts.block_cache_memory = 4 << 20;
    snprintf(dir, sizeof(dir), "/tmp/orbit-kvload-XXXXXX");
    clock_refresh();
    return mkdtemp(dir) ? 0 : -1;
}

static int setup_dir(void **state)
{
    char cmd[128];
    snprintf(cmd, sizeof(cmd), "rm -rf %s/*", dir);
    return system(cmd);
}

static int teardown(void **state)
{
    char cmd[128];
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    return system(cmd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_load_is_there, setup_dir),
        cmocka_unit_test_setup(test_load_goes_on, setup_dir),
        cmocka_unit_test_setup(test_load_refuses_duplicates, setup_dir),
        cmocka_unit_test_setup(test_load_abort, setup_dir),
        cmocka_unit_test_setup(test_load_crash, setup_dir),
        cmocka_unit_test_setup(test_sort, setup_dir),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
