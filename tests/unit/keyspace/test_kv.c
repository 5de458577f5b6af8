/* The keyspace against a naive model: random commands with folds, cache drops, restarts and a torn-off process between. */
#include "keyspace/kv.h"

#include "../cmocka_all.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/compat_options.h"
#include "keyspace/keyspace_options.h"
#include "storage/storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEYS      300
#define MODEL_DBS 3

struct model {
    bool there;
    int64_t expire;
    char value[64];
};

static struct model model[MODEL_DBS][KEYS];
static struct kv *kv;
static char dir[64];
static int64_t now_ms = 1700000000000;
static uint64_t rng = 88172645463325252ULL;

static unsigned rnd(unsigned n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned)(rng % n);
}

static void at(int64_t ms)
{
    now_ms = ms;
    clock_freeze_ms(ms);
    clock_refresh();
}

static struct slice key_of(int i, char *out)
{
    return slice_make(out, (size_t)snprintf(out, 32, i % 3 ? "key:%d" : "{tag}key:%d", i));
}

static int run_db; /* database that the replayed log has selected */

/* Runs what the effects say: SELECT, SET k v [PXAT n], DEL k, FLUSHDB, SWAPDB, MULTI, EXEC. */
static enum status run_effects(void *arg, struct slice p, struct error *err)
{
    while (p.n > 0) {
        struct slice argv[8];
        size_t argc = (size_t)strtol(p.p + 1, NULL, 10);
        const char *q = (const char *)memchr(p.p, '\n', p.n) + 1;
        for (size_t i = 0; i < argc; i++) {
            size_t len = (size_t)strtol(q + 1, NULL, 10);
            q = (const char *)memchr(q, '\n', 32) + 1;
            argv[i] = slice_make(q, len);
            q += len + 2;
        }
        p = slice_make(q, (size_t)(p.p + p.n - q));
        struct kv_rec *r;
        if (slice_is(argv[0], "SELECT")) {
            run_db = atoi(argv[1].p);
        } else if (slice_is(argv[0], "SET")) {
            int64_t when = argc > 3 ? strtoll(argv[4].p, NULL, 10) : KV_NO_EXPIRE;
            assert_int_equal(kv_set(kv, run_db, argv[1], argv[2], when, 0, NULL, err), ST_OK);
        } else if (slice_is(argv[0], "DEL")) {
            assert_int_equal(kv_lookup(kv, run_db, argv[1], KV_WRITE, &r, err), ST_OK);
            if (r)
                kv_del(kv, r);
        } else if (slice_is(argv[0], "FLUSHDB")) {
            kv_flush(kv, run_db);
        } else if (slice_is(argv[0], "SWAPDB")) {
            kv_swapdb(kv, atoi(argv[1].p), atoi(argv[2].p));
        }
    }
    kv_replay_selected(kv, run_db);
    return ST_OK;
}

static void open_kv(void)
{
    struct error err;
    run_db = 0;
    if (kv_open(dir, NULL, &kv, &err) != ST_OK)
        fail_msg("open: %s", err.message);
    if (kv_replay(kv, run_effects, NULL, NULL, &err) != ST_OK)
        fail_msg("replay: %s", err.message);
}

static void close_kv(void)
{
    struct error err;
    assert_int_equal(kv_close(kv, &err), ST_OK);
    kv = NULL;
}

static void set_key(int db, int i)
{
    char k[32], num[NUM_BUF];
    struct model *m = &model[db][i];
    struct error err;
    if (rnd(4) == 0)
        snprintf(m->value, sizeof(m->value), "%u", rnd(1000000));
    else
        snprintf(m->value, sizeof(m->value), "%.*s", (int)rnd(50),
                 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz");
    m->there = true;
    m->expire = rnd(3) == 0 ? now_ms + 1 + rnd(3000) : KV_NO_EXPIRE;
    struct slice argv[5] = {SLICE("SET"), key_of(i, k), slice_str(m->value), SLICE("PXAT"),
                            SLICE_NULL};
    argv[4] = slice_make(num, num_format_int(num, m->expire));
    assert_int_equal(kv_set(kv, db, argv[1], argv[2], m->expire, 0, NULL, &err), ST_OK);
    kv_effect(kv, db, m->expire == KV_NO_EXPIRE ? 3 : 5, argv);
}

static void del_key(int db, int i)
{
    char k[32];
    struct kv_rec *r;
    struct error err;
    struct slice argv[2] = {SLICE("DEL"), key_of(i, k)};
    assert_int_equal(kv_lookup(kv, db, argv[1], KV_WRITE, &r, &err), ST_OK);
    assert_int_equal(r != NULL, model[db][i].there);
    if (r) {
        kv_del(kv, r);
        kv_effect(kv, db, 2, argv);
    }
    model[db][i].there = false;
}

static void flush_db(int db)
{
    struct slice argv[1] = {SLICE("FLUSHDB")};
    kv_flush(kv, db);
    kv_effect(kv, db, 1, argv);
    memset(model[db], 0, sizeof(model[db]));
}

static void swap_dbs(int a, int b)
{
    static struct model t[KEYS];
    char x[2] = {(char)('0' + a), 0}, y[2] = {(char)('0' + b), 0};
    struct slice argv[3] = {SLICE("SWAPDB"), slice_str(x), slice_str(y)};
    kv_swapdb(kv, a, b);
    kv_effect(kv, 0, 3, argv);
    memcpy(t, model[a], sizeof(t));
    memcpy(model[a], model[b], sizeof(t));
    memcpy(model[b], t, sizeof(t));
}

static void expire_model(void)
{
    for (int db = 0; db < MODEL_DBS; db++) {
        for (int i = 0; i < KEYS; i++) {
            struct model *m = &model[db][i];
            if (m->there && m->expire != KV_NO_EXPIRE && m->expire <= now_ms)
                m->there = false;
        }
    }
}

struct seen {
    int db;
    int count[KEYS];
};

static void see(void *arg, const struct kv_scan_entry *e)
{
    struct seen *s = arg;
    const char *digits = (const char *)memrchr(e->key.p, ':', e->key.n) + 1;
    int i = 0;
    for (; digits < e->key.p + e->key.n; digits++)
        i = i * 10 + (*digits - '0');
    s->count[i]++;
    assert_true(model[s->db][i].there);
    assert_int_equal(e->expire, model[s->db][i].expire);
}

static void check_scan(int db)
{
    struct seen s = {.db = db};
    uint64_t cursor = 0;
    struct error err;
    do {
        assert_int_equal(kv_scan(kv, db, cursor, 1 + rnd(20), &cursor, see, &s, &err), ST_OK);
    } while (cursor != 0);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(s.count[i], model[db][i].there ? 1 : 0);
}

static void check_all(void)
{
    struct error err;
    expire_model();
    while (kv_background(kv, 1000000))
        assert_int_equal(kv_commit(kv, &err), ST_OK);
    for (int db = 0; db < MODEL_DBS; db++) {
        uint64_t live = 0, volatile_keys = 0;
        for (int i = 0; i < KEYS; i++) {
            char k[32], tmp[NUM_BUF];
            struct kv_rec *r;
            struct model *m = &model[db][i];
            assert_int_equal(kv_lookup(kv, db, key_of(i, k), KV_READ, &r, &err), ST_OK);
            assert_int_equal(r != NULL, m->there);
            if (!r)
                continue;
            assert_true(slice_eq(kv_str(r, tmp), slice_str(m->value)));
            assert_int_equal(kv_rec_expire(r), m->expire);
            live++;
            volatile_keys += m->expire != KV_NO_EXPIRE;
        }
        assert_int_equal(kv_dbsize(kv, db), live);
        assert_int_equal(kv_expires(kv, db), volatile_keys);
        check_scan(db);
    }
}

/* A process that dies: nothing is folded or closed, only what was committed is in the files. */
static void crash_and_reopen(void)
{
    char cmd[512];
    struct error err;
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    snprintf(cmd, sizeof(cmd), "rm -rf %s.copy && cp -r %s %s.copy", dir, dir, dir);
    assert_int_equal(system(cmd), 0);
    close_kv();
    snprintf(cmd, sizeof(cmd), "rm -rf %s && mv %s.copy %s && rm -f %s/redis/rocksdb/LOCK", dir,
             dir, dir, dir);
    assert_int_equal(system(cmd), 0);
    open_kv();
}

static void random_step(void)
{
    struct error err;
    int db = (int)rnd(MODEL_DBS);
    unsigned what = rnd(1000);
    expire_model();
    if (what < 700)
        set_key(db, (int)rnd(KEYS));
    else if (what < 900)
        del_key(db, (int)rnd(KEYS));
    else if (what < 903)
        flush_db(db);
    else if (what < 906)
        swap_dbs(0, 2);
    else if (what < 930)
        at(now_ms + rnd(500));
    else if (what < 960)
        assert_int_equal(kv_commit(kv, &err), ST_OK);
    else if (what < 990)
        kv_background(kv, rnd(30));
    else if (what < 996)
        kv_cron(kv);
    else
        assert_int_equal(kv_reload(kv, &err), ST_OK);
}

static void test_kv_random_against_model(void **state)
{
    open_kv();
    uint64_t folds = 0, replayed = 0, expired = 0;
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 3000; i++)
            random_step();
        check_all();
        struct kv_stats st;
        kv_stats(kv, &st);
        folds += st.folds;
        replayed += st.replayed_bytes;
        expired += st.expired;
        if (round % 3 == 0)
            crash_and_reopen();
        if (round % 3 == 1) {
            close_kv();
            open_kv();
        }
        check_all();
    }
    close_kv();
    /* The test must have gone where it means to go. */
    assert_true(folds > 50);
    assert_true(replayed > 10000);
    assert_true(expired > 1000);
}

/* A fold in the midst of a replay must note the database that the log has selected there. */
static void test_kv_replay_fold_keeps_the_database(void **state)
{
    char value[2000], k[32];
    struct error err;
    struct kv_stats st;
    memset(value, 'x', sizeof(value));
    open_kv();
    for (int db = 0; db < MODEL_DBS; db++)
        flush_db(db);
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    struct slice argv[3] = {SLICE("SET"), SLICE_NULL, slice_make(value, sizeof(value))};
    kv_effect(kv, 0, 2, (struct slice[]){SLICE("DEL"), SLICE("none")});
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    for (int i = 0; i < 2000; i++) {
        argv[1] = key_of(i, k);
        assert_int_equal(kv_set(kv, 1, argv[1], argv[2], KV_NO_EXPIRE, 0, NULL, &err), ST_OK);
        kv_effect(kv, 1, 3, argv);
        assert_int_equal(kv_commit(kv, &err), ST_OK);
    }
    keyspace_opts.dirty_memory = 1 << 20;
    for (int crashes = 0; crashes < 2; crashes++) {
        crash_and_reopen();
        assert_int_equal(kv_dbsize(kv, 0), 0);
        assert_int_equal(kv_dbsize(kv, 1), 2000);
        kv_stats(kv, &st);
        assert_true(st.replayed_bytes > 0);
    }
    keyspace_opts.dirty_memory = 0;
    close_kv();
}

static void set_timed(int db, int from, int to, int64_t when)
{
    char k[32];
    struct error err;
    for (int i = from; i < to; i++)
        assert_int_equal(kv_set(kv, db, key_of(i, k), SLICE("some value"), when, 0, NULL, &err),
                         ST_OK);
}

static size_t expire_entries(void)
{
    size_t n = 0;
    struct stor_iter *it =
        stor_iter_new(kv_store(kv), 3, &(struct stor_iter_opts){.keys_only = true});
    for (stor_iter_first(it); stor_iter_valid(it); stor_iter_next(it))
        n++;
    stor_iter_free(it);
    return n;
}

/* What FLUSHDB leaves in the expire space must not hide keys from eviction, and must go when it is due. */
static void test_kv_flushed_deadlines(void **state)
{
    struct error err;
    struct kv_stats before, st;
    open_kv();
    for (int db = 0; db < MODEL_DBS; db++)
        flush_db(db);
    set_timed(0, 0, 1, KV_NO_EXPIRE); /* not all databases are empty */
    set_timed(1, 0, 50, now_ms + 10000);
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    flush_db(1);
    set_timed(1, 50, 100, now_ms + 20000);
    assert_int_equal(kv_reload(kv, &err), ST_OK);

    kv_stats(kv, &before);
    keyspace_opts.maxmemory = 1000;
    keyspace_opts.maxmemory_policy = KV_EVICT_VOLATILE_LRU;
    assert_int_equal(kv_evict(kv), ST_OK);
    keyspace_opts.maxmemory = 0;
    kv_stats(kv, &st);
    assert_true(st.evicted > before.evicted);

    at(now_ms + 15000);
    while (kv_background(kv, 1000))
        ;
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    assert_int_equal(expire_entries(), kv_dbsize(kv, 1));
    close_kv();
}

/* What changes while there is no log must not become a hole in it. */
static void test_kv_log_begins_anew_after_a_pause(void **state)
{
    struct error err;
    struct kv_stats st;
    open_kv();
    set_key(0, 1);
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    keyspace_opts.appendonly = false;
    assert_int_equal(kv_apply_appendonly(kv, &err), ST_OK);
    set_key(0, 2);
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    keyspace_opts.appendonly = true;
    assert_int_equal(kv_apply_appendonly(kv, &err), ST_OK);
    kv_stats(kv, &st);
    assert_true(st.log_first_seq > 0);
    assert_int_equal(st.log_first_seq, st.log_last_seq);

    /* without a change between, it goes on */
    set_key(0, 3);
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    uint64_t first = st.log_first_seq;
    keyspace_opts.appendonly = false;
    assert_int_equal(kv_apply_appendonly(kv, &err), ST_OK);
    keyspace_opts.appendonly = true;
    assert_int_equal(kv_apply_appendonly(kv, &err), ST_OK);
    kv_stats(kv, &st);
    assert_int_equal(st.log_first_seq, first);

    /* the same across a restart */
    close_kv();
    keyspace_opts.appendonly = false;
    open_kv();
    set_key(0, 4);
    close_kv();
    keyspace_opts.appendonly = true;
    open_kv();
    kv_stats(kv, &st);
    assert_true(st.log_first_seq > first);
    assert_int_equal(st.log_first_seq, st.log_last_seq);
    close_kv();
}

static void set_until(const char *key, int64_t when)
{
    struct error err;
    assert_int_equal(kv_set(kv, 0, slice_str(key), SLICE("v"), when, 0, NULL, &err), ST_OK);
}

/* A replica deletes what its own clients gave a deadline, and leaves its master's keys to the master. */
static void test_kv_replica_expires_its_own_keys(void **state)
{
    struct error err;
    struct kv_rec *r;
    struct kv_stats st;
    open_kv();
    (void)kv_flush(kv, -1);
    kv_follow(kv, true);
    kv_obey(kv, true);
    set_until("theirs", now_ms + 100);
    set_until("flushed", now_ms + 100);
    kv_obey(kv, false);
    set_until("ours", now_ms + 100);
    set_until("kept", now_ms + 100);
    set_until("kept", KV_NO_EXPIRE);
    set_until("later", now_ms + 500);
    set_until("touched", now_ms + 100);
    kv_obey(kv, true); /* the master changes it: it stays ours */
    assert_int_equal(kv_lookup(kv, 0, SLICE("touched"), KV_WRITE, &r, &err), ST_OK);
    kv_str_set_int(kv, r, 7);
    kv_obey(kv, false);
    at(now_ms + 200);
    kv_stats_reset(kv);
    while (kv_background(kv, 1000000))
        continue;
    kv_stats(kv, &st);
    assert_int_equal(st.expired, 2);
    assert_int_equal(kv_dbsize(kv, 0), 4);
    assert_int_equal(kv_lookup(kv, 0, SLICE("theirs"), KV_EXPIRED, &r, &err), ST_OK);
    assert_non_null(r);
    assert_int_equal(kv_lookup(kv, 0, SLICE("ours"), KV_EXPIRED, &r, &err), ST_OK);
    assert_null(r);
    /* out of the store as well */
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    at(now_ms + 400);
    while (kv_background(kv, 1000000))
        continue;
    assert_int_equal(kv_dbsize(kv, 0), 3);
    /* a writer may delete an expired key of the master, where it may write at all */
    assert_int_equal(kv_lookup(kv, 0, SLICE("theirs"), KV_WRITE, &r, &err), ST_OK);
    assert_null(r);
    assert_int_equal(kv_dbsize(kv, 0), 3);
    compat_opts.replica_read_only = false;
    assert_int_equal(kv_lookup(kv, 0, SLICE("theirs"), KV_WRITE, &r, &err), ST_OK);
    assert_null(r);
    compat_opts.replica_read_only = true;
    assert_int_equal(kv_dbsize(kv, 0), 2);
    /* a master again, it deletes them all */
    kv_follow(kv, false);
    while (kv_background(kv, 1000000))
        continue;
    assert_int_equal(kv_dbsize(kv, 0), 1);
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    close_kv();
}

/* -- Beside the data set -------------------------------------------------------------------------------------------------- */

static void put_plain(int db, const char *key, const char *value)
{
    struct error err;
    kv_effects_off(kv);
    assert_int_equal(kv_set(kv, db, slice_str(key), slice_str(value), KV_NO_EXPIRE, 0, NULL, &err),
                     ST_OK);
    kv_effects_on(kv);
}

static void expect_plain(int db, const char *key, const char *value)
{
    struct kv_rec *r;
    struct error err;
    char tmp[NUM_BUF];
    assert_int_equal(kv_lookup(kv, db, slice_str(key), KV_READ, &r, &err), ST_OK);
    if (!value) {
        assert_null(r);
        return;
    }
    assert_non_null(r);
    assert_true(slice_is(kv_str(r, tmp), value));
}

static unsigned told;

static void count_modified(void *arg, int db, struct slice key)
{
    told++;
}

/* A load that was cut short leaves nothing, one that was taken is the data set; both across a restart. */
static void test_kv_side_take(void **state)
{
    struct error err;
    struct kv_hooks hooks = {.modified = count_modified}, none = {.arg = NULL};
    open_kv();
    kv_effects_off(kv);
    (void)kv_flush(kv, -1);
    kv_effects_on(kv);
    int side = kv_side(kv);
    assert_true(side > 0);
    put_plain(0, "a", "former");
    put_plain(3, "gone", "former");
    told = 0;
    kv_set_hooks(kv, &hooks);
    put_plain(side, "a", "half");
    kv_set_hooks(kv, &none);
    assert_int_equal(told, 0);
    expect_plain(0, "a", "former");
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    close_kv();
    open_kv();
    expect_plain(0, "a", "former");
    assert_int_equal(kv_dbsize(kv, side), 0);
    expect_plain(side, "a", NULL);
    put_plain(side, "b", "abandoned");
    kv_side_clear(kv);
    for (int round = 0; round < 3; round++) {
        put_plain(side, "a", round == 1 ? "one" : "other");
        put_plain(side + 1, "new", "x");
        assert_int_equal(kv_fold_now(kv, &err), ST_OK);
        assert_int_equal(kv_dbsize(kv, 1), round > 0);
        kv_side_take(kv);
        assert_int_equal(kv_fold_now(kv, &err), ST_OK);
        for (int again = 0; again < 2; again++) {
            expect_plain(0, "a", round == 1 ? "one" : "other");
            expect_plain(0, "b", NULL);
            expect_plain(1, "new", "x");
            assert_int_equal(kv_dbsize(kv, 0), 1);
            assert_int_equal(kv_dbsize(kv, 3), 0);
            assert_int_equal(kv_dbsize(kv, side), 0);
            close_kv();
            open_kv();
        }
    }
    close_kv();
    /* Fewer databases: those that hold keys may have any place in the store. */
    int64_t databases = keyspace_opts.databases;
    keyspace_opts.databases = 2;
    open_kv();
    expect_plain(0, "a", "other");
    expect_plain(1, "new", "x");
    close_kv();
    keyspace_opts.databases = databases;
}

static int setup(void **state)
{
    struct error err;
    keyspace_options_register();
    (void)err;
    compat_opts.replica_read_only = true;
    keyspace_opts.databases = 4;
    keyspace_opts.fold_interval_ms = 10;
    snprintf(dir, sizeof(dir), "/tmp/orbit-kv-XXXXXX");
    assert_non_null(mkdtemp(dir));
    at(now_ms);
    return 0;
}

static int teardown(void **state)
{
    char cmd[512];
    snprintf(cmd, sizeof(cmd), "rm -rf %s %s.copy", dir, dir);
    return system(cmd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kv_random_against_model),
        cmocka_unit_test(test_kv_replay_fold_keeps_the_database),
        cmocka_unit_test(test_kv_flushed_deadlines),
        cmocka_unit_test(test_kv_log_begins_anew_after_a_pause),
        cmocka_unit_test(test_kv_replica_expires_its_own_keys),
        cmocka_unit_test(test_kv_side_take),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
