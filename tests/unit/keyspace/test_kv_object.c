/* Objects of modules as values: their way into the store and back, changes while a fold is under way, types that are not there. */
#include "keyspace/kv_object.h"

#include "../cmocka_all.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/reader.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_priv.h"
#include "keyspace/kv_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TYPE_ID 0x0123456789abcc01ULL /* version 1 of some name */

static struct kv *kv;
static char dir[64];
static struct error err;

/* -- A type: a number that is stored as itself ------------------------------------------------------------------------------ */

struct number {
    uint64_t n;
};
static int live, unlinked;
static unsigned encode_us;

static void toy_free(const struct kv_object_type *t, void *value)
{
    live--;
    mem_free(value);
}

static size_t toy_effort(const struct kv_object_type *t, const struct kv_object_place *at,
                         void *value)
{
    return ((struct number *)value)->n > 1000 ? 1000 : 1;
}

static void toy_unlink(const struct kv_object_type *t, const struct kv_object_place *at,
                       void *value)
{
    unlinked++;
}

static void *number(uint64_t n)
{
    struct number *v = mem_alloc(sizeof *v);
    v->n = n;
    live++;
    return v;
}

static enum status toy_copy(const struct kv_object_type *t, const struct kv_object_place *from,
                            const struct kv_object_place *to, void *value, void **copy,
                            struct error *e)
{
    uint64_t n = ((struct number *)value)->n;
    if (n == 42)
        return error_set(e, ST_INVALID, "it is unique");
    *copy = number(n + to->key.n);
    return ST_OK;
}

static enum status toy_encode(const struct kv_object_type *t, const struct kv_object_place *at,
                              void *value, struct buf *out, struct error *e)
{
    if (encode_us)
        usleep(encode_us);
    buf_put_u64be(out, ((struct number *)value)->n);
    return ST_OK;
}

static enum status toy_decode(const struct kv_object_type *t, const struct kv_object_place *at,
                              unsigned version, struct slice parts, void **value, struct error *e)
{
    struct reader in = reader_make(parts);
    uint64_t n = reader_u64be(&in);
    if (version != 1 || in.bad || reader_left(&in) > 0)
        return error_set(e, ST_CORRUPT, "no number");
    *value = number(n);
    return ST_OK;
}

static size_t toy_memory(const struct kv_object_type *t, const struct kv_object_place *at,
                         void *value, size_t samples)
{
    return 100000;
}

static const struct kv_object_ops ops = {.free = toy_free,
                                         .effort = toy_effort,
                                         .unlink = toy_unlink,
                                         .copy = toy_copy,
                                         .encode = toy_encode,
                                         .decode = toy_decode,
                                         .memory = toy_memory};
static struct kv_object_type type = {.id = TYPE_ID, .ops = &ops};

/* -- Helpers ------------------------------------------------------------------------------------------------------------------ */

static struct {
    void (*run)(void *);
    void (*done)(void *);
    void *job;
} waiting[256];
static size_t nwaiting;

static void submit_later(void *arg, enum kv_lane lane, void (*run)(void *), void (*done)(void *),
                         void *job)
{
    assert_true(nwaiting < COUNT_OF(waiting));
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

static const struct kv_jobs later = {.submit = submit_later, .drain = drain_waiting};

static void open_kv(const struct kv_jobs *jobs)
{
    clock_refresh();
    assert_int_equal(kv_open(dir, jobs, &kv, &err), ST_OK);
}

static struct kv_rec *find(const char *key)
{
    struct kv_rec *r;
    assert_int_equal(kv_lookup(kv, 0, slice_str(key), KV_READ, &r, &err), ST_OK);
    return r;
}

static void set(const char *key, uint64_t n)
{
    assert_int_equal(kv_object_set(kv, 0, slice_str(key), &type, number(n), NULL, &err), ST_OK);
}

static struct number *get(const char *key)
{
    const struct kv_object_type *t;
    void *value;
    assert_int_equal(kv_object_get(kv, find(key), &t, &value, &err), ST_OK);
    assert_ptr_equal(t, &type);
    return value;
}

/* As after a restart; known: the type is registered and everything loaded. */
static void restart(bool known, const struct kv_jobs *jobs)
{
    uint64_t loaded, strangers, stranger;
    if (kv_object_type_find(kv, TYPE_ID)) {
        assert_int_equal(kv_objects_freeze(kv, &err), ST_OK);
        kv_object_type_remove(kv, &type);
    }
    assert_int_equal(live, 0);
    assert_int_equal(kv_close(kv, &err), ST_OK);
    open_kv(jobs);
    if (!known)
        return;
    kv_object_type_add(kv, &type);
    assert_int_equal(kv_objects_load(kv, NULL, NULL, &loaded, &strangers, &stranger, &err), ST_OK);
    assert_int_equal(live, loaded);
    assert_int_equal(strangers, 0);
}

/* The number that the store has for key; 0: none. */
static uint64_t stored(const char *key)
{
    struct buf k = BUF_INIT, v = BUF_INIT;
    struct kv_meta m;
    uint64_t n = 0;
    kv__encode_key(&k, 0, kv__pos(kv, slice_str(key)), slice_str(key));
    if (stor_get(kv->store, NULL, KV_SPACE_META, buf_slice(&k), &v, &err) == ST_OK) {
        assert_true(kv__decode_meta(buf_slice(&v), &m));
        assert_int_equal(m.type, KV_MODULE);
        struct reader in = reader_make(m.bytes);
        assert_int_equal(reader_u64be(&in), TYPE_ID);
        n = reader_u64be(&in);
    }
    buf_free(&k);
    buf_free(&v);
    return n;
}

/* -- Tests --------------------------------------------------------------------------------------------------------------------- */

static void test_set_get_del(void **state)
{
    char name[KV_OBJECT_NAME + 1];
    set("a", 7);
    assert_int_equal(get("a")->n, 7);
    assert_int_equal(kv_rec_type(find("a")), KV_MODULE);
    assert_int_equal(strlen(kv_rec_type_name(find("a"), name)), KV_OBJECT_NAME);
    assert_string_equal(kv_rec_encoding(find("a")), "raw");
    assert_int_equal(kv_object_memory(find("a"), 0), 100000);
    set("a", 8);
    assert_int_equal(unlinked, 1);
    assert_int_equal(live, 1);
    kv_del(kv, find("a"));
    assert_int_equal(unlinked, 2);
    assert_int_equal(live, 0);
    set("big", 5000); /* takes long to free: a worker does */
    kv_del(kv, find("big"));
    struct kv_stats st;
    kv_stats(kv, &st);
    assert_int_equal(st.lazy_freed, 1);
    assert_int_equal(live, 0);
}

static void test_restart_loads_all(void **state)
{
    for (int round = 0; round < 2; round++) {
        char k[16];
        for (int i = 0; i < 200; i++) {
            snprintf(k, sizeof k, "k%d", i);
            set(k, (uint64_t)i + 1);
        }
        for (int i = 0; i < 100; i++) {
            snprintf(k, sizeof k, "k%d", i);
            if (i % 2)
                kv_del(kv, find(k));
            else
                assert_int_equal(
                    kv_set(kv, 0, slice_str(k), SLICE("text"), KV_NO_EXPIRE, 0, NULL, &err), ST_OK);
        }
        assert_int_equal(live, 100);
        restart(true, NULL);
        assert_int_equal(live, 100);
        assert_int_equal(get("k150")->n, 151);
        assert_null(find("k51"));
        assert_int_equal(kv_dbsize(kv, 0), 150);
    }
}

static void test_unknown_type_stays_bytes(void **state)
{
    const struct kv_object_type *t;
    void *value;
    struct buf was = BUF_INIT, is = BUF_INIT;
    uint64_t loaded, strangers, stranger;
    set("a", 7);
    set("b", 8);
    assert_int_equal(kv_object_put(find("a"), &was, &err), ST_OK);
    restart(false, NULL);
    assert_int_equal(kv_objects_load(kv, NULL, NULL, &loaded, &strangers, &stranger, &err), ST_OK);
    assert_int_equal(loaded, 0);
    assert_int_equal(strangers, 2);
    assert_int_equal(stranger, TYPE_ID);
    assert_int_equal(kv_rec_type(find("a")), KV_MODULE);
    assert_int_equal(kv_object_get(kv, find("a"), &t, &value, &err), ST_UNSUPPORTED);
    assert_non_null(strstr(err.message, "module type '"));
    assert_int_equal(kv_copy(kv, find("a"), 0, SLICE("copy"), &err), ST_UNSUPPORTED);
    assert_null(find("copy"));
    assert_int_equal(kv_rename(kv, find("a"), 3, SLICE("c"), &err), ST_OK);
    assert_int_equal(kv_rename(kv, find("b"), 0, SLICE("d"), &err), ST_OK);
    kv_set_expire(kv, find("d"), clock_cached_ms() + 1000000);
    restart(true, NULL);
    assert_null(find("a"));
    assert_null(find("b"));
    assert_int_equal(get("d")->n, 8);
    struct kv_rec *r;
    assert_int_equal(kv_lookup(kv, 3, SLICE("c"), KV_READ, &r, &err), ST_OK);
    assert_int_equal(kv_object_put(r, &is, &err), ST_OK);
    assert_true(slice_eq(buf_slice(&was), buf_slice(&is)));
    buf_free(&was);
    buf_free(&is);
    kv_del(kv, r);
}

static void test_damaged_bytes_are_refused(void **state)
{
    const struct kv_object_type *t;
    void *value;
    set("a", 7);
    assert_int_equal(kv_objects_freeze(kv, &err), ST_OK);
    struct kv_rec *r = find("a");
    kv_edit(kv, r);
    r->vlen--;
    kv_edit_end(kv, r, 1);
    assert_int_equal(kv_object_get(kv, r, &t, &value, &err), ST_CORRUPT);
    assert_int_equal(kv_rec_type(find("a")), KV_MODULE);
    kv_del(kv, find("a"));
}

static void test_rename_and_copy(void **state)
{
    set("a", 7);
    unlinked = 0;
    assert_int_equal(kv_copy(kv, find("a"), 1, SLICE("b"), &err), ST_OK);
    assert_int_equal(live, 2);
    assert_int_equal(kv_rename(kv, find("a"), 0, SLICE("abc"), &err), ST_OK);
    assert_int_equal(unlinked, 1); /* of its former key */
    assert_int_equal(live, 2);
    assert_null(find("a"));
    assert_int_equal(get("abc")->n, 7);
    set("answer", 42);
    assert_int_equal(kv_copy(kv, find("answer"), 0, SLICE("x"), &err), ST_INVALID);
    assert_string_equal(err.message, "it is unique");
    assert_null(find("x"));
    restart(true, NULL);
    assert_int_equal(live, 3);
    struct kv_rec *r;
    assert_int_equal(kv_lookup(kv, 1, SLICE("b"), KV_READ, &r, &err), ST_OK);
    assert_non_null(r);
    kv_flush(kv, -1);
    assert_int_equal(live, 0);
    restart(true, NULL);
    assert_int_equal(live, 0);
}

static void test_change_while_pending(void **state)
{
    restart(true, &later);
    set("a", 1);
    set("b", 1);
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    usleep(20000);
    kv_cron(kv);
    assert_int_equal(kv_commit(kv, &err), ST_OK); /* the cut */
    kv_object_touch(kv, find("a"));
    get("a")->n = 2;
    kv_background(kv, 1000000); /* everything is encoded */
    kv_object_touch(kv, find("b"));
    get("b")->n = 2;
    drain_waiting(NULL, KV_LANE_FOLD);
    assert_int_equal(stored("a"), 1);
    assert_int_equal(stored("b"), 1);
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    assert_int_equal(stored("a"), 2);
    assert_int_equal(stored("b"), 2);
    mem_free(kv_object_exchange(kv, find("a"), number(9)));
    live--;
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    assert_int_equal(stored("a"), 9);
    restart(true, NULL);
    assert_int_equal(get("a")->n, 9);
}

static uint64_t folds(void)
{
    struct kv_stats st;
    kv_stats(kv, &st);
    return st.folds;
}

static void tick(void)
{
    clock_refresh();
    kv_cron(kv);
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    while (kv_background(kv, 1000000))
        ;
}

/* What costs 20 ms of the loop comes every 400 ms at most, however often it changes. */
static void test_folds_of_slow_objects_are_rare(void **state)
{
    set("a", 1);
    encode_us = 20000;
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    uint64_t before = folds();
    int64_t begun = clock_mono_us();
    unsigned changes = 0;
    while (folds() == before) {
        kv_object_touch(kv, find("a"));
        changes++;
        usleep(2000);
        tick();
    }
    assert_true(clock_mono_us() - begun >= 300000);
    assert_true(changes > 20);
    encode_us = 0;
}

static void test_object_cache_drops_what_is_folded(void **state)
{
    set("a", 1);
    set("b", 2);
    set("c", 3);
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    kv_object_touch(kv, find("c"));
    (void)kv_background(kv, 1000000);
    assert_int_equal(live, 3);
    keyspace_opts.module_object_cache = 1;
    (void)kv_background(kv, 1000000);
    assert_int_equal(live, 1); /* c is not in the store yet */
    keyspace_opts.module_object_cache = 0;
    assert_int_equal(get("a")->n, 1);
    assert_int_equal(get("b")->n, 2);
    assert_int_equal(live, 3);
    assert_int_equal(kv_dbsize(kv, 0), 3);
}

/* A dump reads the stored form on its own thread, without the type. */
static void test_view_has_bytes(void **state)
{
    struct kv_view *v;
    struct kv_rec *r;
    struct buf b = BUF_INIT;
    set("a", 7);
    assert_int_equal(kv_view_open(kv, &v, &err), ST_OK);
    assert_int_equal(kv_view_seek(v, 0, &err), ST_OK);
    assert_int_equal(kv_view_next(v, &r, &err), ST_OK);
    assert_int_equal(kv_rec_type(r), KV_MODULE);
    assert_int_equal(kv_object_id(r), TYPE_ID);
    assert_int_equal(kv_object_put(r, &b, &err), ST_OK);
    assert_int_equal(b.n, 16);
    assert_int_equal(kv_view_next(v, &r, &err), ST_OK);
    assert_null(r); /* the index is no key */
    kv_view_close(v);
    buf_free(&b);
}

static void scan_one(void *arg, const struct kv_scan_entry *e)
{
    assert_int_equal(e->type, KV_MODULE);
    assert_int_equal(e->module, TYPE_ID);
    ++*(int *)arg;
}

static void test_scan_tells_the_type(void **state)
{
    uint64_t next;
    int n = 0;
    set("a", 7);
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    set("b", 7);
    assert_int_equal(kv_scan(kv, 0, 0, 10, &next, scan_one, &n, &err), ST_OK);
    assert_int_equal(n, 2);
}

static int set_up(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/orbit-object-XXXXXX");
    assert_non_null(mkdtemp(dir));
    keyspace_options_register();
    keyspace_opts.fold_interval_ms = 10;
    open_kv(NULL);
    kv_object_type_add(kv, &type);
    return 0;
}

static int empty(void **state)
{
    kv_flush(kv, -1);
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    unlinked = 0;
    return live;
}

static int tear_down(void **state)
{
    char command[96];
    assert_int_equal(kv_objects_freeze(kv, &err), ST_OK);
    kv_object_type_remove(kv, &type);
    assert_int_equal(kv_close(kv, &err), ST_OK);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_set_get_del, empty),
        cmocka_unit_test_setup(test_restart_loads_all, empty),
        cmocka_unit_test_setup(test_unknown_type_stays_bytes, empty),
        cmocka_unit_test_setup(test_damaged_bytes_are_refused, empty),
        cmocka_unit_test_setup(test_rename_and_copy, empty),
        cmocka_unit_test_setup(test_change_while_pending, empty),
        cmocka_unit_test_setup(test_folds_of_slow_objects_are_rare, empty),
        cmocka_unit_test_setup(test_object_cache_drops_what_is_folded, empty),
        cmocka_unit_test_setup(test_view_has_bytes, empty),
        cmocka_unit_test_setup(test_scan_tells_the_type, empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
