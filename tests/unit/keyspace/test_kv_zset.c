/* A sorted set's two trees against an array, with pages that can fail at any moment: a change that failed has changed nothing.
 * Defined here, the functions of kv_page.c and kv_coll.c are not taken from the library. */
#include "keyspace/kv_zset.h"

#include "keyspace/kv_coll.h"
#include "keyspace/kv_tree_priv.h"
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

/* -- What stands in for the keyspace ---------------------------------------------------------------------------------------- */

static uint32_t next_id = 1;
static int fail_in; /* the n-th call that may fail does; 0: none */
static long pages;
static unsigned seed;

static unsigned rnd(unsigned n)
{
    return (unsigned)rand_r(&seed) % n;
}

static bool fails(void)
{
    return fail_in > 0 && --fail_in == 0;
}

struct kv_page *kv__page_new(struct kv_tree *t, struct kv_page *parent, bool is_leaf)
{
    if (fails())
        return NULL;
    struct kv_page *p = mem_alloc(sizeof *p);
    *p = (struct kv_page){.tree = t, .parent = parent, .is_leaf = is_leaf};
    if (parent || !is_leaf)
        p->id = next_id++;
    pages++;
    return p;
}

enum status kv__page_load(struct kv_tree *t, struct kv_page *parent, uint32_t id, bool is_leaf,
                          struct kv_page **out, struct error *err)
{
    fail_msg("page %u is not in memory", id);
    return ST_INTERNAL;
}

bool kv__page_change(struct kv_page *p)
{
    return !fails();
}

void kv__page_drop(struct kv_page *p)
{
    if (p->is_leaf && p->u.leaf)
        kv__leaf_unref(p->u.leaf);
    else if (!p->is_leaf && p->u.inner)
        kv__inner_free(p->u.inner);
    mem_free(p);
    pages--;
}

void kv__page_forget(struct kv_page *p)
{
    fail_msg("page %u was not loaded", p->id);
}

void kv__page_number(struct kv_page *p)
{
    if (p->id == 0)
        p->id = next_id++;
}

void kv__page_unnumber(struct kv_page *p)
{
    p->id = 0;
}

void kv__page_resized(struct kv_page *p, int64_t delta)
{
}

/* Scores here are whole numbers. */
void kv__score_key(double score, char out[8])
{
    uint64_t v = __builtin_bswap64((uint64_t)(int64_t)score ^ 1ull << 63);
    memcpy(out, &v, 8);
}

double kv__score_of(const char in[8])
{
    return (double)(int64_t)(kv__be64(in) ^ 1ull << 63);
}

uint64_t kv__hash64(const struct kv_coll *c, struct slice member)
{
    uint64_t h = 14695981039346656037ull;
    for (size_t i = 0; i < member.n; i++)
        h = (h ^ (unsigned char)member.p[i]) * 1099511628211ull;
    return h % 1000 + 1; /* some have the same one */
}

void kv__coll_convert(struct kv_coll *c, enum kv_type type, enum kv_coll_enc enc,
                      struct kv_conversion *out)
{
    out->coll = c;
    out->enc = enc;
    kv__tree_init(&out->fresh[0], c, false, false);
    kv__tree_init(&out->fresh[1], c, false, false);
}

static void own_pages(struct kv_tree *t, struct kv_page *p);

static void own_child(void *arg, struct kv_page *child)
{
    own_pages(arg, child);
}

static void own_pages(struct kv_tree *t, struct kv_page *p)
{
    p->tree = t;
    if (!p->is_leaf)
        kv__inner_children(p, own_child, t);
}

enum status kv__coll_convert_commit(struct kv_conversion *v, struct error *err)
{
    enum status st = kv__tree_clear(&v->coll->tree[0], err);
    if (st != ST_OK)
        return st;
    for (int i = 0; i < 2; i++) {
        v->coll->tree[i] = v->fresh[i];
        if (v->fresh[i].root)
            own_pages(&v->coll->tree[i], v->fresh[i].root);
    }
    v->coll->enc = (uint8_t)v->enc;
    return ST_OK;
}

void kv__coll_convert_abort(struct kv_conversion *v)
{
    int was = fail_in;
    fail_in = 0;
    assert_int_equal(kv__tree_clear(&v->fresh[0], NULL), ST_OK);
    assert_int_equal(kv__tree_clear(&v->fresh[1], NULL), ST_OK);
    fail_in = was;
}

static struct kv_coll coll;
static struct kv_rec *rec;

enum status kv__coll_make(struct kv *kv, int db, struct slice key, enum kv_type type,
                          enum kv_coll_enc enc, uint8_t ext_n, struct kv_rec **out,
                          struct error *err)
{
    coll = (struct kv_coll){.enc = (uint8_t)enc};
    kv__tree_init(&coll.tree[0], &coll, false, enc == KV_COLL_LISTPACK);
    kv__tree_init(&coll.tree[1], &coll, false, false);
    *out = rec;
    return ST_OK;
}

void kv_edit_end(struct kv *kv, struct kv_rec *r, uint64_t changes)
{
}

static void clear(void)
{
    fail_in = 0;
    assert_int_equal(kv__tree_clear(&coll.tree[0], NULL), ST_OK);
    assert_int_equal(kv__tree_clear(&coll.tree[1], NULL), ST_OK);
    assert_int_equal(pages, 0);
}

static bool deleted;

void kv_del(struct kv *kv, struct kv_rec *r)
{
    deleted = true;
    clear();
}

/* -- The model ---------------------------------------------------------------------------------------------------------------- */

#define MEMBERS 2000

static struct {
    bool there;
    int score;
} model[MEMBERS];

static struct slice member(int i, char text[16])
{
    return slice_make(text, (size_t)sprintf(text, "m%05d", i));
}

static int compare_items(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    if (model[x].score != model[y].score)
        return model[x].score < model[y].score ? -1 : 1;
    return x - y;
}

static int in_order(int order[MEMBERS])
{
    int n = 0;
    for (int i = 0; i < MEMBERS; i++)
        if (model[i].there)
            order[n++] = i;
    qsort(order, (size_t)n, sizeof *order, compare_items);
    return n;
}

static void count_visit(void *arg, const struct kv_zset_item *item)
{
    ++*(int *)arg;
}

/* Both trees say what the model says. */
static void check(void)
{
    static int order[MEMBERS];
    struct kv_zset_cur cur;
    struct error err;
    char text[16];
    int n = in_order(order), seen = 0, was = fail_in;
    uint64_t next;
    fail_in = 0;
    assert_int_equal(kv_zset_count(rec), n);
    assert_int_equal(kv_zset_first(rec, &cur, &err), ST_OK);
    for (int i = 0; i < n; i++) {
        struct kv_zset_item item = kv_zset_item(&cur);
        assert_true(slice_eq(item.member, member(order[i], text)));
        assert_true(item.score == model[order[i]].score);
        assert_int_equal(kv_zset_next(&cur, &err), ST_OK);
    }
    assert_true(kv_zset_end(&cur));
    for (int i = 0; i < n; i++) {
        bool found;
        uint64_t rank;
        double score;
        assert_int_equal(kv_zset_rank(rec, member(order[i], text), &found, &rank, &score, &err),
                         ST_OK);
        assert_true(found && rank == (uint64_t)i && score == model[order[i]].score);
    }
    assert_int_equal(kv_zset_scan(rec, 0, MEMBERS, &next, count_visit, &seen, &err), ST_OK);
    assert_int_equal(seen, n);
    assert_int_equal(next, 0);
    fail_in = was;
}

static enum status put(int i, int score)
{
    struct error err;
    char text[16];
    enum status st = kv_zset_put(rec, member(i, text), score, NULL, &err);
    if (st == ST_OK) {
        model[i].there = true;
        model[i].score = score;
    }
    return st;
}

static enum status take(int i)
{
    struct error err;
    struct kv_zset_place p;
    char text[16];
    enum status st = kv_zset_find(rec, member(i, text), &p, &err);
    if (st == ST_OK && p.found)
        st = kv_zset_place_remove(&p, &err);
    if (st == ST_OK)
        model[i].there = false;
    return st;
}

static enum status take_range(void)
{
    static int order[MEMBERS];
    struct error err;
    int n = in_order(order), first = n ? (int)rnd((unsigned)n) : 0;
    int len = n ? 1 + (int)rnd((unsigned)(n - first)) : 0;
    if (len > 50)
        len = 50;
    enum status st = kv_zset_remove_ranks(rec, (uint64_t)first, (uint64_t)len, &err);
    for (int i = first; st == ST_OK && i < first + len; i++)
        model[order[i]].there = false;
    return st;
}

static void start(int limit)
{
    struct error err;
    seed = 99;
    memset(model, 0, sizeof model);
    keyspace_opts.zset_max_listpack_entries = limit;
    keyspace_opts.zset_max_listpack_value = 64;
    rec = calloc(1, sizeof *rec);
    rec->v.p = (char *)&coll;
    assert_int_equal(kv_zset_make(NULL, 0, SLICE("k"), 0, 0, &rec, &err), ST_OK);
}

static void end(void)
{
    clear();
    free(rec);
}

/* -- Tests ---------------------------------------------------------------------------------------------------------------------- */

/* Now and then one of the next calls fails, once: what was begun is taken back. */
static void random_changes(int limit, int rounds, unsigned calls)
{
    int failed = 0;
    start(limit);
    for (int round = 0; round < rounds; round++) {
        fail_in = rnd(3) == 0 ? 1 + (int)rnd(calls) : 0;
        unsigned what = rnd(40);
        enum status st;
        if (what == 0)
            st = take_range();
        else if (what <= 12)
            st = take((int)rnd(MEMBERS));
        else
            st = put((int)rnd(MEMBERS), (int)rnd(100) - 50);
        failed += st != ST_OK;
        if (st != ST_OK || round % 100 == 0)
            check();
    }
    fail_in = 0;
    check();
    assert_true(failed > rounds / 20);
    end();
}

static void test_skiplist_changes_whole_or_not(void **state)
{
    random_changes(0, 6000, 6);
}

static void test_packed_changes_whole_or_not(void **state)
{
    random_changes(MEMBERS, 1500, 2);
}

/* Every call on the way to the other encoding fails once. */
static void test_conversion_fails_anywhere(void **state)
{
    int failures = 0;
    start(100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(put(i, i % 7), ST_OK);
    for (int n = 1;; n++) {
        fail_in = n;
        enum status st = put(100, 5);
        if (st == ST_OK && fail_in > 0)
            break;
        failures += st != ST_OK;
        check();
    }
    assert_true(failures > 3);
    fail_in = 0;
    assert_false(kv_zset_packed(rec));
    check();
    end();
}

static void test_build(void **state)
{
    static struct kv_zset_item items[MEMBERS];
    static char text[MEMBERS][16];
    struct error err;
    for (int limit = 0; limit <= MEMBERS; limit += MEMBERS) {
        start(limit);
        for (int i = 0; i < MEMBERS; i++) {
            model[i].there = true;
            model[i].score = (int)rnd(300);
            items[i].member = member(i, text[i]);
            items[i].score = model[i].score;
        }
        assert_int_equal(kv_zset_build(NULL, 0, SLICE("k"), items, MEMBERS, &rec, &err), ST_OK);
        assert_int_equal(kv_zset_packed(rec), limit > 0);
        check();
        clear();
        deleted = false;
        struct kv_rec *none = rec;
        fail_in = 3;
        assert_int_equal(kv_zset_build(NULL, 0, SLICE("k"), items, MEMBERS, &none, &err),
                         ST_NO_MEMORY);
        assert_true(deleted && !none);
        end();
    }
}

/* Every member of a hash that several share comes in one step of a scan. */
static void test_scan_in_steps(void **state)
{
    start(0);
    for (int i = 0; i < MEMBERS; i++)
        assert_int_equal(put(i, 1), ST_OK);
    uint64_t cursor = 0;
    int seen = 0, steps = 0;
    do {
        struct error err;
        assert_int_equal(kv_zset_scan(rec, cursor, 1, &cursor, count_visit, &seen, &err), ST_OK);
        steps++;
    } while (cursor != 0);
    assert_int_equal(seen, MEMBERS);
    assert_true(steps < MEMBERS && steps > MEMBERS / 4);
    end();
}

static void check_span(const struct kv_zset_range *range, uint64_t first, uint64_t n)
{
    struct error err;
    uint64_t got_first, got_n;
    assert_int_equal(kv_zset_span(rec, range, &got_first, &got_n, &err), ST_OK);
    assert_int_equal(got_n, n);
    if (n > 0)
        assert_int_equal(got_first, first);
}

static void test_spans(void **state)
{
    for (int limit = 0; limit <= 100; limit += 100) {
        start(limit);
        for (int i = 0; i < 100; i++)
            assert_int_equal(put(i, i / 10), ST_OK);
        struct kv_zset_range r = {.min = {.edge = KV_ZSET_AT, .score = 2},
                                  .max = {.edge = KV_ZSET_AT, .score = 4}};
        check_span(&r, 20, 30);
        r.min.exclusive = true;
        check_span(&r, 30, 20);
        r.max.exclusive = true;
        check_span(&r, 30, 10);
        r.max.score = 2;
        check_span(&r, 0, 0);
        /* The members stand in their own order too. */
        struct kv_zset_range m = {.by_member = true,
                                  .min = {.edge = KV_ZSET_AT, .member = SLICE("m00010")},
                                  .max = {.edge = KV_ZSET_AT, .member = SLICE("m00020")}};
        for (int back = 0; back < 2; back++) {
            m.from_end = back;
            m.min.exclusive = m.max.exclusive = false;
            m.min.edge = m.max.edge = KV_ZSET_AT;
            check_span(&m, 10, 11);
            m.min.exclusive = m.max.exclusive = true;
            check_span(&m, 11, 9);
            m.max.edge = KV_ZSET_HIGHEST;
            check_span(&m, 11, 89);
            m.min.edge = KV_ZSET_LOWEST;
            check_span(&m, 0, 100);
            m.min.edge = KV_ZSET_HIGHEST;
            check_span(&m, 0, 0);
        }
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skiplist_changes_whole_or_not),
        cmocka_unit_test(test_packed_changes_whole_or_not),
        cmocka_unit_test(test_conversion_fails_anywhere),
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_scan_in_steps),
        cmocka_unit_test(test_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
