/* Collections through folds, cache drops, renames, copies, flushes, deletions and crashes, against a naive model. A crash is a
 * child process that ends without closing: what the next one finds must be the state at the cut of the last whole fold. */
#include "keyspace/kv_coll.h"

#include "../cmocka_all.h"
#include "base/clock.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEYS     6
#define ELEMENTS 3000

struct model {
    uint32_t count[KEYS]; /* elements; 0: no key */
    uint16_t version[KEYS][ELEMENTS];
};

struct shared {
    struct model committed;
};

static struct model now, cut;
static struct shared *shared;
static struct kv *kv;
static char dir[64];
static uint64_t rng = 88172645463325252ULL;

static unsigned rnd(unsigned n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned)(rng % n);
}

static struct slice key_of(int k, char out[16])
{
    return slice_make(out, (size_t)snprintf(out, 16, "coll:%d", k));
}

/* Every third key is big-valued, so that leaves hold few elements. */
static struct slice value_of(int k, int e, uint16_t version, char out[400])
{
    size_t n = (size_t)snprintf(out, 400, "%d:%d:%u:", k % 3 == 2, e, version);
    if (k % 3 == 2) {
        memset(out + n, 'x', 200);
        n += 200;
    }
    return slice_make(out, n);
}

static struct slice element_of(const struct kv_coll *c, int e, char out[32])
{
    size_t n = (size_t)snprintf(out + 8, 24, "element:%d", e);
    uint64_t h = __builtin_bswap64(kv__hash64(c, slice_make(out + 8, n)));
    memcpy(out, &h, 8);
    return slice_make(out, n + 8);
}

static void open_kv(void)
{
    struct error err;
    if (kv_open(dir, NULL, &kv, &err) != ST_OK)
        fail_msg("open: %s", err.message);
}

static struct kv_rec *lookup(int k)
{
    char name[16];
    struct kv_rec *r;
    struct error err;
    if (kv_lookup(kv, 0, key_of(k, name), KV_WRITE, &r, &err) != ST_OK)
        fail_msg("lookup: %s", err.message);
    return r;
}

static void set_element(int k, int e)
{
    char name[16], el[32], value[400];
    struct error err;
    struct kv_rec *r = lookup(k);
    if (r)
        kv_edit(kv, r);
    else
        assert_int_equal(
            kv__coll_make(kv, 0, key_of(k, name), KV_HASH, KV_COLL_HASHTABLE, 2, &r, &err), ST_OK);
    struct kv_coll *c = kv__coll(r);
    struct kv_cur cur;
    bool found;
    struct slice key = element_of(c, e, el);
    uint16_t version = (uint16_t)(rnd(60000) + 1);
    assert_int_equal(kv__tree_find(&c->tree[0], key, &cur, &found, &err), ST_OK);
    assert_int_equal(found, now.version[k][e] != 0);
    struct slice v = value_of(k, e, version, value);
    assert_int_equal(found ? kv__cur_set(&cur, v, &err) : kv__cur_insert(&cur, key, v, &err),
                     ST_OK);
    c->ext[0] = c->tree[0].count;
    kv_edit_end(kv, r, 1);
    now.count[k] += !found;
    now.version[k][e] = version;
}

static void del_element(int k, int e)
{
    char el[32];
    struct error err;
    struct kv_rec *r = lookup(k);
    if (!r || !now.version[k][e])
        return;
    struct kv_coll *c = kv__coll(r);
    struct kv_cur cur;
    bool found;
    kv_edit(kv, r);
    assert_int_equal(kv__tree_find(&c->tree[0], element_of(c, e, el), &cur, &found, &err), ST_OK);
    assert_true(found);
    assert_int_equal(kv__cur_delete(&cur, 1, &err), ST_OK);
    c->ext[0] = c->tree[0].count;
    kv_edit_end(kv, r, 1);
    now.version[k][e] = 0;
    if (--now.count[k] == 0)
        kv_del(kv, r);
}

static void del_key(int k)
{
    struct kv_rec *r = lookup(k);
    assert_int_equal(r != NULL, now.count[k] != 0);
    if (r)
        kv_del(kv, r);
    now.count[k] = 0;
    memset(now.version[k], 0, sizeof(now.version[k]));
}

static void move_key(int from, int to, bool copy)
{
    char name[16];
    struct error err;
    struct kv_rec *r = lookup(from);
    /* Values tell the kind of key that they were made for. */
    if (!r || from == to || from % 3 != to % 3)
        return;
    if (copy) {
        assert_int_equal(kv_copy(kv, r, 0, key_of(to, name), &err), ST_OK);
    } else {
        assert_int_equal(kv_rename(kv, r, 0, key_of(to, name), &err), ST_OK);
    }
    now.count[to] = now.count[from];
    memcpy(now.version[to], now.version[from], sizeof(now.version[to]));
    if (!copy) {
        now.count[from] = 0;
        memset(now.version[from], 0, sizeof(now.version[from]));
    }
}

static void check_coll(struct kv_coll *c, int k, const struct model *m)
{
    char el[32], value[400];
    struct error err;
    struct kv_cur cur;
    uint64_t n = 0;
    bool found;
    assert_int_equal(c->tree[0].count, m->count[k]);
    assert_int_equal(c->ext[0], m->count[k]);
    assert_int_equal(kv__tree_first(&c->tree[0], &cur, &err), ST_OK);
    while (!kv__cur_end(&cur)) {
        n++;
        if (kv__cur_next(&cur, &err) != ST_OK)
            fail_msg("next: %s", err.message);
    }
    assert_int_equal(n, m->count[k]);
    for (int e = 0; e < ELEMENTS; e++) {
        if (kv__tree_find(&c->tree[0], element_of(c, e, el), &cur, &found, &err) != ST_OK)
            fail_msg("find: %s", err.message);
        assert_int_equal(found, m->version[k][e] != 0);
        if (found)
            assert_true(slice_eq(kv__cur_value(&cur), value_of(k, e, m->version[k][e], value)));
    }
}

static void check_all(const struct model *m)
{
    for (int k = 0; k < KEYS; k++) {
        struct kv_rec *r = lookup(k);
        assert_int_equal(r != NULL, m->count[k] != 0);
        if (r) {
            assert_int_equal(kv_rec_type(r), KV_HASH);
            check_coll(kv__coll(r), k, m);
        }
    }
}

/* Size of the swing depends on the key: small ones go up and down around one leaf. */
static void step(void)
{
    int k = (int)rnd(KEYS), e = (int)rnd(k == 0 ? 40 : k < 3 ? 300 : ELEMENTS);
    unsigned what = rnd(1000);
    if (what < 600)
        set_element(k, e);
    else if (what < 990)
        del_element(k, e);
    else if (what < 992)
        del_key(k);
    else if (what < 996)
        move_key(k, (int)rnd(KEYS), rnd(2));
    else
        for (int i = 0; i < 100; i++)
            set_element(k, (e + i) % (k == 0 ? 40 : k < 3 ? 300 : ELEMENTS));
}

static void begin_fold(void)
{
    struct error err;
    kv->fold_wanted = true;
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    assert_true(kv__fold_running(kv));
    cut = now;
}

static void shrink(void)
{
    for (int k = 0; k < KEYS; k++) {
        struct kv_rec *r = lookup(k);
        if (r)
            kv__coll_shrink(kv__coll(r), 50);
    }
}

/* Steps, and folds in small steps between them. */
static void work(int steps)
{
    bool was = false;
    for (int i = 0; i < steps; i++) {
        step();
        if (rnd(10) == 0)
            shrink();
        bool running = kv__fold_running(kv);
        uint64_t folds = kv->st.folds;
        if (running)
            (void)kv__fold_step(kv, rnd(2) ? 0 : INT64_MAX);
        else if (rnd(300) == 0)
            begin_fold();
        if (kv->st.folds != folds)
            shared->committed = cut;
        was |= running;
    }
}

static void crash(unsigned seed)
{
    rng = 0x9e3779b97f4a7c15ULL * (seed + 1);
    open_kv();
    now = shared->committed;
    check_all(&now);
    work(3000);
    if (seed % 4 == 3)
        check_all(&now);
    _exit(0);
}

static void test_crashes(void **state)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    for (unsigned round = 0; round < 30; round++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            crash(round);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("round %u ended with status %d", round, status);
    }
    open_kv();
    check_all(&shared->committed);
    struct error err;
    assert_int_equal(kv_close(kv, &err), ST_OK);
    munmap(shared, sizeof(*shared));
}

/* Every sum returns to nothing, and so does the store. */
static void test_sums(void **state)
{
    struct error err;
    struct shared own = {0};
    shared = &own;
    memset(&now, 0, sizeof(now));
    open_kv();
    kv_flush(kv, -1);
    work(20000);
    check_all(&now);
    assert_int_equal(kv_reload(kv, &err), ST_OK);
    assert_int_equal(kv->cache_bytes, 0);
    assert_int_equal(kv->dirty_bytes, 0);
    check_all(&now);
    work(3000);
    for (int k = 0; k < KEYS; k++)
        del_key(k);
    assert_int_equal(kv->dbs[0].data_bytes, 0);
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    assert_int_equal(kv->dirty_bytes, 0);
    assert_int_equal(kv->cache_bytes, 0);
    struct stor_iter_opts opts = {.upper = SLICE("\xff")};
    struct stor_iter *it = stor_iter_new(kv->store, KV_SPACE_META, &opts);
    stor_iter_first(it);
    assert_false(stor_iter_valid(it));
    stor_iter_free(it);
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

/* A view keeps what was; other databases and blobs of their own follow the folds. */
static void test_view_and_databases(void **state)
{
    struct error err;
    struct shared own = {0};
    shared = &own;
    memset(&now, 0, sizeof(now));
    open_kv();
    kv_flush(kv, -1);
    for (int e = 0; e < ELEMENTS; e++)
        set_element(4, e);
    kv_aux_set(kv, "libs", SLICE("first"));
    struct kv_view *v;
    assert_int_equal(kv_view_open(kv, &v, &err), ST_OK);
    cut = now;
    for (int e = 0; e < ELEMENTS; e += 2)
        del_element(4, e);
    assert_int_equal(kv_view_keys(v), 1);
    struct kv_rec *r;
    assert_int_equal(kv_view_seek(v, 0, &err), ST_OK);
    assert_int_equal(kv_view_next(v, &r, &err), ST_OK);
    assert_non_null(r);
    check_coll(kv__coll(r), 4, &cut);
    assert_int_equal(kv_view_next(v, &r, &err), ST_OK);
    assert_null(r);
    kv_view_close(v);

    r = lookup(4);
    assert_int_equal(kv_rename(kv, r, 3, SLICE("elsewhere"), &err), ST_OK);
    kv_flush(kv, 0);
    kv_swapdb(kv, 0, 3);
    assert_int_equal(kv_close(kv, &err), ST_OK);
    open_kv();
    assert_int_equal(kv_lookup(kv, 0, SLICE("elsewhere"), 0, &r, &err), ST_OK);
    assert_non_null(r);
    check_coll(kv__coll(r), 4, &now);
    struct buf libs = BUF_INIT;
    assert_int_equal(kv_aux_get(kv, "libs", &libs, &err), ST_OK);
    assert_true(slice_eq(buf_slice(&libs), SLICE("first")));
    assert_int_equal(kv_aux_get(kv, "none", &libs, &err), ST_NOT_FOUND);
    buf_free(&libs);
    kv_flush(kv, -1);
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

/* A page that goes, and then its collection, which is small enough to go page by page: a large fold takes each page once. */
static void test_page_and_collection_dropped(void **state)
{
    struct error err;
    char name[32];
    memset(&now, 0, sizeof(now));
    open_kv();
    kv_flush(kv, -1);
    for (int e = 0; e < 300; e++)
        set_element(1, e);
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    for (int e = 0; e < 250; e++)
        del_element(1, e);
    assert_true(kv->dead_pages.n > 0);
    del_key(1);
    for (int i = 0; i < 5000; i++) {
        struct slice key = slice_make(name, (size_t)snprintf(name, sizeof(name), "string:%d", i));
        assert_int_equal(kv_set(kv, 0, key, SLICE("v"), KV_NO_EXPIRE, 0, NULL, &err), ST_OK);
    }
    if (kv_fold_now(kv, &err) != ST_OK)
        fail_msg("fold: %s", err.message);
    check_all(&now);
    kv_flush(kv, -1);
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

/* A copy that cannot be made, because a page of the source is lost, leaves the destination alone. */
static void test_copy_fails(void **state)
{
    struct error err;
    struct kv_rec *r;
    char page[KV_KEY_PREFIX + 4], tmp[32];
    memset(&now, 0, sizeof(now));
    open_kv();
    kv_flush(kv, -1);
    for (int e = 0; e < 300; e++)
        set_element(1, e);
    set_element(2, 7);
    assert_int_equal(kv_set(kv, 0, SLICE("text"), SLICE("stays"), KV_NO_EXPIRE, 0, NULL, &err),
                     ST_OK);
    assert_int_equal(kv_fold_now(kv, &err), ST_OK);
    const struct kv_coll *c = kv__coll(lookup(1));
    struct stor_batch *b = stor_batch_new(kv_store(kv));
    kv__page_key(c->phys, c->id, c->next_page - 1, page);
    stor_batch_del(b, KV_SPACE_META, slice_make(page, sizeof(page)));
    assert_int_equal(stor_write(kv_store(kv), b, 0, &err), ST_OK);
    stor_batch_free(b);
    assert_int_equal(kv_close(kv, &err), ST_OK);

    open_kv();
    assert_int_equal(kv_copy(kv, lookup(1), 0, key_of(2, tmp), &err), ST_CORRUPT);
    assert_int_equal(kv_copy(kv, lookup(1), 0, SLICE("text"), &err), ST_CORRUPT);
    assert_int_equal(kv_copy(kv, lookup(1), 0, SLICE("new"), &err), ST_CORRUPT);
    assert_int_equal(kv_dbsize(kv, 0), 3);
    check_coll(kv__coll(lookup(2)), 2, &now);
    assert_int_equal(kv_lookup(kv, 0, SLICE("text"), 0, &r, &err), ST_OK);
    assert_true(r && slice_eq(kv_str(r, tmp), SLICE("stays")));
    kv_flush(kv, -1);
    assert_int_equal(kv->cache_bytes, 0);
    assert_int_equal(kv->dirty_bytes, 0);
    assert_int_equal(kv_close(kv, &err), ST_OK);
}

static int set_up(void **state)
{
    snprintf(dir, sizeof(dir), "/tmp/orbit-coll-XXXXXX");
    assert_non_null(mkdtemp(dir));
    keyspace_options_register();
    keyspace_opts.databases = 4;
    keyspace_opts.appendonly = false;
    clock_refresh();
    return 0;
}

static int tear_down(void **state)
{
    char command[96];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crashes),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_view_and_databases),
        cmocka_unit_test(test_page_and_collection_dropped),
        cmocka_unit_test(test_copy_fails),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
