/* The keyspace when something goes wrong, and its corners: a log that cannot be written, a log that is missing, hash tags,
 * flushes while a fold is under way, appendonly switched at run time, the cache's budget. */
#include "../cmocka_all.h"
#include "base/clock.h"
#include "base/num.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv.h"
#include "keyspace/kv_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct kv *kv;
static char dir[64];
static bool device_fails;

/* In the place of libc's, for what is linked into this program. */
int fdatasync(int fd)
{
    if (!device_fails)
        return (int)syscall(SYS_fdatasync, fd);
    errno = EIO;
    return -1;
}

/* Jobs that wait until they are asked for, so that a fold can be caught in the middle. */
static struct {
    void (*run)(void *);
    void (*done)(void *);
    void *job;
} waiting[64];
static size_t nwaiting;

static void submit_later(void *arg, enum kv_lane lane, void (*run)(void *), void (*done)(void *),
                         void *job)
{
    assert_true(nwaiting < 64);
    waiting[nwaiting].run = run;
    waiting[nwaiting].done = done;
    waiting[nwaiting++].job = job;
}

static void drain_waiting(void *arg, enum kv_lane lane)
{
    for (size_t i = 0; i < nwaiting; i++) {
        waiting[i].run(waiting[i].job);
        if (waiting[i].done)
            waiting[i].done(waiting[i].job);
    }
    nwaiting = 0;
}

static const struct kv_jobs jobs_later = {.submit = submit_later, .drain = drain_waiting};

static enum status run_set(void *arg, struct slice p, struct error *err)
{
    /* Only "SELECT 0" and "SET k v" with short words are written by these tests. */
    while (p.n > 0) {
        struct slice argv[3];
        size_t argc = (size_t)(p.p[1] - '0');
        const char *q = p.p + 4;
        for (size_t i = 0; i < argc; i++) {
            size_t len = (size_t)strtol(q + 1, NULL, 10);
            q = (const char *)memchr(q, '\n', 16) + 1;
            argv[i] = slice_make(q, len);
            q += len + 2;
        }
        if (argc == 3)
            assert_int_equal(kv_set(kv, 0, argv[1], argv[2], KV_NO_EXPIRE, 0, NULL, err), ST_OK);
        p = slice_make(q, (size_t)(p.p + p.n - q));
    }
    return ST_OK;
}

static void open_kv(const struct kv_jobs *jobs)
{
    struct error err;
    if (kv_open(dir, jobs, &kv, &err) != ST_OK)
        fail_msg("open: %s", err.message);
    if (kv_replay(kv, run_set, NULL, NULL, &err) != ST_OK)
        fail_msg("replay: %s", err.message);
}

static void set_str(const char *key, const char *value)
{
    struct error err;
    struct slice argv[3] = {SLICE("SET"), slice_str(key), slice_str(value)};
    assert_int_equal(kv_set(kv, 0, argv[1], argv[2], KV_NO_EXPIRE, 0, NULL, &err), ST_OK);
    kv_effect(kv, 0, 3, argv);
}

static bool has(const char *key, const char *value)
{
    struct kv_rec *r;
    struct error err;
    char tmp[NUM_BUF];
    assert_int_equal(kv_lookup(kv, 0, slice_str(key), KV_READ, &r, &err), ST_OK);
    return r ? value && slice_eq(kv_str(r, tmp), slice_str(value)) : value == NULL;
}

static void test_commit_refuses_and_recovers(void **state)
{
    struct error err;
    struct rlimit old, none;
    open_kv(NULL);
    set_str("before", "1");
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    assert_false(kv_write_refused(kv, NULL));

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none = old;
    none.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    set_str("during", "2");
    enum status st = kv_commit(kv, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_not_equal(st, ST_OK);
    assert_true(kv_write_refused(kv, &err));
    assert_true(err.message[0] != 0);
    assert_true(has("before", "1"));

    for (int i = 0; i < 100 && kv_commit(kv, &err) != ST_OK; i++)
        usleep(5000);
    assert_false(kv_write_refused(kv, NULL));
    assert_int_equal(kv_close(kv, &err), ST_OK);
    open_kv(NULL);
    assert_true(has("before", "1"));
    assert_true(has("during", "2"));
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

/* What a failed sync leaves in doubt is made good by a fold; then writes go on, without a restart. */
static void test_sync_failure_heals(void **state)
{
    struct error err;
    open_kv(NULL);
    keyspace_opts.appendfsync = KV_FSYNC_ALWAYS;
    set_str("before", "1");
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    device_fails = true;
    set_str("during", "2");
    assert_int_not_equal(kv_commit(kv, &err), ST_OK);
    device_fails = false;
    assert_true(kv_write_refused(kv, NULL));
    for (int i = 0; i < 200 && kv_write_refused(kv, NULL); i++) {
        kv_cron(kv);
        while (kv_background(kv, 1000))
            ;
        (void)!kv_commit(kv, &err);
        usleep(5000);
    }
    assert_false(kv_write_refused(kv, NULL));
    set_str("after", "3");
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    keyspace_opts.appendfsync = KV_FSYNC_EVERYSEC;
    assert_int_equal(kv_close(kv, &err), ST_OK);
    open_kv(NULL);
    assert_true(has("before", "1") && has("during", "2") && has("after", "3"));
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

static void test_open_gap_between_store_and_log(void **state)
{
    struct error err;
    char path[128], cmd[300];
    open_kv(NULL);
    set_str("k", "v");
    assert_int_equal(kv_close(kv, &err), ST_OK);
    /* The store is thrown away, the log was trimmed: its beginning is gone. */
    snprintf(path, sizeof(path), "%s/redis", dir);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", path);
    assert_int_equal(system(cmd), 0);
    snprintf(cmd, sizeof(cmd),
             "cd %s/wal && for f in *.wal; do mv $f 00000000000000009999.wal; done", dir);
    assert_int_equal(system(cmd), 0);
    enum status st = kv_open(dir, NULL, &kv, &err);
    if (st == ST_OK) {
        st = kv_replay(kv, run_set, NULL, NULL, &err);
        assert_int_not_equal(st, ST_OK);
        kv_close(kv, NULL);
    }
    assert_int_equal(st, ST_CORRUPT);
}

static void test_open_with_another_provider(void **state)
{
    struct error err;
    char *former = keyspace_opts.storage_provider;
    char other[] = "lsm_tree";
    open_kv(NULL);
    set_str("k", "v");
    assert_int_equal(kv_close(kv, &err), ST_OK);
    keyspace_opts.storage_provider = other;
    assert_int_equal(kv_open(dir, NULL, &kv, &err), ST_INVALID);
    assert_non_null(strstr(err.message, "rocksdb"));
    keyspace_opts.storage_provider = former;
    open_kv(NULL);
    assert_true(has("k", "v"));
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

static void test_flush_while_fold_is_under_way(void **state)
{
    struct error err;
    open_kv(&jobs_later);
    for (int i = 0; i < 2000; i++) {
        char k[32];
        snprintf(k, sizeof(k), "k%d", i);
        set_str(k, "old");
    }
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    usleep(20000);
    kv_cron(kv);
    assert_int_equal(kv_commit(kv, &err), ST_OK); /* the cut */
    kv_background(kv, 1);                         /* some of it is encoded */
    assert_int_equal(kv_flush(kv, 0), 2000);
    set_str("k5", "new");
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    assert_true(has("k4", NULL));
    assert_true(has("k5", "new"));
    drain_waiting(NULL, KV_LANE_FOLD);
    assert_true(has("k4", NULL));
    assert_int_equal(kv_dbsize(kv, 0), 1);
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    assert_true(has("k4", NULL));
    assert_true(has("k5", "new"));
    assert_int_equal(kv_close(kv, &err), ST_OK);
    open_kv(NULL);
    assert_true(has("k4", NULL));
    assert_true(has("k5", "new"));
    assert_int_equal(kv_dbsize(kv, 0), 1);
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

static void test_change_while_pending_and_done(void **state)
{
    struct error err;
    open_kv(&jobs_later);
    for (int round = 0; round < 3; round++) {
        set_str("a", "1");
        set_str("b", "1");
        usleep(12000);
        kv_cron(kv);
        assert_int_equal(kv_commit(kv, &err), ST_OK); /* the cut: both pending */
        set_str("a", "2");
        kv_background(kv, 1000000); /* encoded, handed to the worker */
        set_str("b", "2");
        drain_waiting(NULL, KV_LANE_FOLD);
        kv_background(kv, 1000000); /* cleared up: both are dirty again */
        assert_true(has("a", "2"));
        assert_true(has("b", "2"));
        struct kv_stats st;
        kv_stats(kv, &st);
        assert_int_equal(st.dirty_records, 2);
        assert_int_equal(kv_reload(kv, &err), ST_OK);
        assert_true(has("a", "2"));
        assert_true(has("b", "2"));
        kv_stats(kv, &st);
        assert_int_equal(st.dirty_records, 0);
    }
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

/* A long value is shared with the fold: what is written to it meanwhile must not show in the fold. */
static void test_long_value_changes_under_the_fold(void **state)
{
    struct error err;
    struct kv_rec *r;
    enum { LONG = 300000 };
    static char value[LONG + 1];
    memset(value, 'x', LONG);
    open_kv(&jobs_later);
    set_str("long", value);
    set_str("gone", value);
    usleep(12000);
    kv_cron(kv);
    assert_int_equal(kv_commit(kv, &err), ST_OK); /* the cut */
    kv_background(kv, 1000000);                   /* encoded, the worker has not written yet */
    assert_int_equal(kv_lookup(kv, 0, SLICE("long"), KV_WRITE, &r, &err), ST_OK);
    char *p = kv_str_edit(kv, r, LONG + 1);
    p[0] = 'y';
    p[LONG] = 'z';
    assert_int_equal(kv_lookup(kv, 0, SLICE("gone"), KV_WRITE, &r, &err), ST_OK);
    kv_del(kv, r);
    drain_waiting(NULL, KV_LANE_FOLD);
    kv_background(kv, 1000000);
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    assert_int_equal(kv_lookup(kv, 0, SLICE("long"), KV_READ, &r, &err), ST_OK);
    char tmp[NUM_BUF];
    struct slice got = kv_str(r, tmp);
    assert_int_equal(got.n, LONG + 1);
    assert_true(got.p[0] == 'y' && got.p[1] == 'x' && got.p[LONG] == 'z');
    assert_true(has("gone", NULL));
    assert_int_equal(kv_close(kv, &err), ST_OK);
    open_kv(NULL);
    assert_int_equal(kv_lookup(kv, 0, SLICE("long"), KV_READ, &r, &err), ST_OK);
    assert_int_equal(kv_str_len(r), LONG + 1);
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

static void count_key(void *arg, const struct kv_scan_entry *e)
{
    ++*(int *)arg;
}

static void test_scan_one_slot(void **state)
{
    struct error err;
    int seen = 0;
    uint64_t cursor = 0;
    open_kv(NULL);
    for (int i = 0; i < 500; i++) {
        char k[32];
        snprintf(k, sizeof(k), "{one}%d", i);
        set_str(k, "v");
        if (i == 250)
            assert_int_equal(kv_reload(kv, &err), ST_OK); /* half in the store, half in memory */
    }
    do {
        assert_int_equal(kv_scan(kv, 0, cursor, 7, &cursor, count_key, &seen, &err), ST_OK);
    } while (cursor != 0);
    assert_int_equal(seen, 500);
    struct buf first = BUF_INIT;
    int different = 0;
    for (int i = 0; i < 50; i++) {
        struct buf k = BUF_INIT;
        assert_int_equal(kv_random(kv, 0, &k, &err), ST_OK);
        if (i == 0)
            buf_put_slice(&first, buf_slice(&k));
        different += !slice_eq(buf_slice(&first), buf_slice(&k));
        buf_free(&k);
    }
    assert_true(different > 30);
    buf_free(&first);
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

static void test_cache_budget(void **state)
{
    struct error err;
    struct kv_stats st;
    keyspace_opts.record_cache_memory = 1 << 20;
    open_kv(NULL);
    static char value[1001];
    memset(value, 'x', 1000);
    for (int i = 0; i < 5000; i++) {
        char k[32];
        snprintf(k, sizeof(k), "big%d", i);
        set_str(k, value);
        if (i % 500 == 0)
            assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    }
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    while (kv_background(kv, 1000000))
        ;
    kv_stats(kv, &st);
    assert_true(st.cache_bytes <= 1 << 20);
    assert_true(st.cache_evictions > 3000);
    assert_int_equal(kv_dbsize(kv, 0), 5000);
    for (int i = 0; i < 5000; i += 37) {
        char k[32];
        snprintf(k, sizeof(k), "big%d", i);
        assert_true(has(k, value));
    }
    assert_true(has("nothing", NULL));
    assert_int_equal(kv_close(kv, &err), ST_OK);
    keyspace_opts.record_cache_memory = 1 << 30;
}

static void test_appendonly_off_and_on(void **state)
{
    struct error err;
    open_kv(NULL);
    set_str("a", "1");
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    keyspace_opts.appendonly = false;
    assert_int_equal(kv_apply_appendonly(kv, &err), ST_OK);
    set_str("b", "2");
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    keyspace_opts.appendonly = true;
    assert_int_equal(kv_apply_appendonly(kv, &err), ST_OK);
    set_str("c", "3");
    assert_int_equal(kv_close(kv, &err), ST_OK);
    open_kv(NULL);
    assert_true(has("a", "1") && has("b", "2") && has("c", "3"));
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

/* A crash between the two steps of a large fold leaves entries of the expire space that no record has. */
static void test_entry_of_no_record(void **state)
{
    struct error err;
    struct slice key = SLICE("stays"), gone = SLICE("never");
    int64_t later = clock_cached_ms() + 1000000;
    open_kv(NULL);
    assert_int_equal(kv_set(kv, 0, key, SLICE("1"), later, 0, NULL, &err), ST_OK);
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    struct buf k = BUF_INIT, v = BUF_INIT;
    struct stor_batch *b = stor_batch_new(kv_store(kv));
    struct kv_expire_value value = {.epoch = 0, .type = KV_STRING, .logical = 100};
    kv__encode_expire_value(&v, &value);
    kv__encode_expire_key(&k, 1000, 0, kv__pos(kv, key), key);
    stor_batch_put(b, KV_SPACE_EXPIRE, buf_slice(&k), buf_slice(&v));
    buf_clear(&k);
    kv__encode_expire_key(&k, 1001, 0, kv__pos(kv, gone), gone);
    stor_batch_put(b, KV_SPACE_EXPIRE, buf_slice(&k), buf_slice(&v));
    assert_int_equal(stor_write(kv_store(kv), b, 0, &err), ST_OK);
    stor_batch_free(b);
    assert_int_equal(kv_close(kv, &err), ST_OK);

    open_kv(NULL);
    while (kv_background(kv, 1000000))
        ;
    assert_true(has("stays", "1"));
    assert_int_equal(kv_dbsize(kv, 0), 1);
    assert_int_equal(kv_expires(kv, 0), 1);
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    struct stor_iter_opts opts = {0};
    struct stor_iter *it = stor_iter_new(kv_store(kv), KV_SPACE_EXPIRE, &opts);
    stor_iter_first(it);
    assert_true(stor_iter_valid(it));
    struct kv_expire_key first;
    assert_true(kv__decode_expire_key(stor_iter_key(it), &first));
    assert_int_equal(first.when, later);
    stor_iter_free(it);
    buf_free(&k);
    buf_free(&v);
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

/* A command that looks for a key, and then makes it, asks the store once. */
static void test_missing_key_is_asked_for_once(void **state)
{
    struct error err;
    struct kv_stats before, after;
    open_kv(NULL);
    set_str("other", "1");
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    kv_stats(kv, &before);
    assert_true(has("key", NULL));
    assert_true(has("key", NULL));
    set_str("key", "1");
    kv_stats(kv, &after);
    assert_int_equal(after.cold_reads, before.cold_reads + 1);
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    assert_true(has("key", "1"));
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

static int setup(void **state)
{
    keyspace_options_register();
    keyspace_opts.fold_interval_ms = 10;
    keyspace_opts.block_cache_memory = 4 << 20;
    snprintf(dir, sizeof(dir), "/tmp/orbit-kvf-XXXXXX");
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
        cmocka_unit_test_setup(test_commit_refuses_and_recovers, setup_dir),
        cmocka_unit_test_setup(test_sync_failure_heals, setup_dir),
        cmocka_unit_test_setup(test_open_gap_between_store_and_log, setup_dir),
        cmocka_unit_test_setup(test_open_with_another_provider, setup_dir),
        cmocka_unit_test_setup(test_flush_while_fold_is_under_way, setup_dir),
        cmocka_unit_test_setup(test_change_while_pending_and_done, setup_dir),
        cmocka_unit_test_setup(test_long_value_changes_under_the_fold, setup_dir),
        cmocka_unit_test_setup(test_scan_one_slot, setup_dir),
        cmocka_unit_test_setup(test_cache_budget, setup_dir),
        cmocka_unit_test_setup(test_appendonly_off_and_on, setup_dir),
        cmocka_unit_test_setup(test_entry_of_no_record, setup_dir),
        cmocka_unit_test_setup(test_missing_key_is_asked_for_once, setup_dir),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
