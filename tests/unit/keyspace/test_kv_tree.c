/* The page tree against an array of strings, over pages that are made here: they can be stored, given up and read again at any
 * moment, can be shared with a fold, and can fail. Defined here, the functions of kv_page.c are not taken from the library. */
#include "keyspace/kv_tree_priv.h"
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGES_MAX 200000
#define MODEL_MAX 20000
#define SHARE_MAX 8

/* -- The pages ----------------------------------------------------------------------------------------------------------- */

static struct buf store[PAGES_MAX];
static struct kv_page *loaded[PAGES_MAX]; /* by number */
static uint32_t next_id = 1, loads;
static int64_t accounted; /* memory of the contents of numbered pages */
static int fail_in;       /* the n-th call that may fail does; 0: none */
static struct {
    struct kv_leaf *leaf;
    struct buf was;
} shares[SHARE_MAX];
static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % n;
}

static bool fails(void)
{
    return fail_in > 0 && --fail_in == 0;
}

static size_t content_bytes(const struct kv_page *p)
{
    if (p->is_leaf)
        return p->u.leaf ? p->u.leaf->size : 0;
    return p->u.inner ? kv__inner_size(p->u.inner) : 0;
}

static void encode(const struct kv_page *p, struct buf *out)
{
    if (p->is_leaf)
        kv__leaf_encode(p->u.leaf, out);
    else
        kv__inner_encode(p, out);
}

static void number(struct kv_page *p)
{
    assert_true(next_id < PAGES_MAX);
    p->id = next_id++;
    loaded[p->id] = p;
    p->dirty = true;
    accounted += (int64_t)content_bytes(p);
}

struct kv_page *kv__page_new(struct kv_tree *t, struct kv_page *parent, bool is_leaf)
{
    if (fails())
        return NULL;
    struct kv_page *p = mem_alloc(sizeof(*p));
    *p = (struct kv_page){.tree = t, .parent = parent, .is_leaf = is_leaf};
    if (parent || !is_leaf)
        number(p);
    return p;
}

enum status kv__page_load(struct kv_tree *t, struct kv_page *parent, uint32_t id, bool is_leaf,
                          struct kv_page **out, struct error *err)
{
    if (fails())
        return error_set(err, ST_IO, "as wanted");
    assert_null(loaded[id]);
    struct kv_page *p = mem_alloc(sizeof(*p));
    *p = (struct kv_page){.tree = t, .parent = parent, .id = id, .is_leaf = is_leaf};
    if (is_leaf)
        p->u.leaf = kv__leaf_decode(buf_slice(&store[id]), !t->positional);
    else
        p->u.inner = kv__inner_decode(buf_slice(&store[id]));
    if (is_leaf ? !p->u.leaf : !p->u.inner) {
        mem_free(p);
        return error_set(err, ST_CORRUPT, "damaged");
    }
    loaded[id] = p;
    loads++;
    accounted += (int64_t)content_bytes(p);
    *out = p;
    return ST_OK;
}

bool kv__page_change(struct kv_page *p)
{
    if (fails())
        return false;
    if (p->is_leaf && p->u.leaf && kv__leaf_shared(p->u.leaf)) {
        struct kv_leaf *copy = kv__leaf_copy(p->u.leaf);
        kv__page_resized(p, (int64_t)copy->size - (int64_t)p->u.leaf->size);
        kv__leaf_unref(p->u.leaf);
        p->u.leaf = copy;
    }
    p->dirty = true;
    return true;
}

static void free_page(struct kv_page *p)
{
    if (p->id != 0) {
        loaded[p->id] = NULL;
        accounted -= (int64_t)content_bytes(p);
    }
    if (p->is_leaf && p->u.leaf)
        kv__leaf_unref(p->u.leaf);
    else if (!p->is_leaf && p->u.inner)
        kv__inner_free(p->u.inner);
    mem_free(p);
}

void kv__page_drop(struct kv_page *p)
{
    if (p->id != 0)
        buf_free(&store[p->id]);
    free_page(p);
}

void kv__page_forget(struct kv_page *p)
{
    assert_int_equal(p->is_leaf ? 0 : p->loaded, 0);
    if (p->parent)
        kv__inner_forget(p->parent, p);
    else
        p->tree->root = NULL;
    free_page(p);
}

void kv__page_number(struct kv_page *p)
{
    if (p->id == 0)
        number(p);
}

void kv__page_unnumber(struct kv_page *p)
{
    if (p->id == 0)
        return;
    accounted -= (int64_t)content_bytes(p);
    loaded[p->id] = NULL;
    buf_free(&store[p->id]);
    p->id = 0;
}

void kv__page_resized(struct kv_page *p, int64_t delta)
{
    if (p->id != 0)
        accounted += delta;
}

/* Stores what is dirty; what is clean must be as it is stored. */
static void store_all(void)
{
    struct buf now = BUF_INIT;
    for (uint32_t id = 1; id < next_id; id++) {
        struct kv_page *p = loaded[id];
        if (!p)
            continue;
        buf_clear(&now);
        encode(p, &now);
        if (p->dirty) {
            buf_clear(&store[id]);
            buf_put_slice(&store[id], buf_slice(&now));
            p->dirty = false;
        } else if (!slice_eq(buf_slice(&now), buf_slice(&store[id]))) {
            fail_msg("page %u was changed without a word", id);
        }
    }
    buf_free(&now);
}

/* Gives up one of n clean pages. */
static void evict(uint32_t n)
{
    for (int pass = 0; pass < KV_DEPTH_MAX && n != 0; pass++) {
        bool any = false;
        for (uint32_t id = 1; id < next_id; id++) {
            struct kv_page *p = loaded[id];
            if (!p || p->dirty || (!p->is_leaf && p->loaded > 0) || rnd(n) != 0)
                continue;
            kv__page_forget(p);
            any = true;
        }
        if (!any && n == 1)
            break;
    }
}

/* A fold takes a leaf, and finds it as it was when it is done with it. */
static void share(void)
{
    uint32_t s = rnd(SHARE_MAX), id = 1 + rnd(next_id);
    if (shares[s].leaf) {
        struct buf now = BUF_INIT;
        kv__leaf_encode(shares[s].leaf, &now);
        assert_true(slice_eq(buf_slice(&now), buf_slice(&shares[s].was)));
        buf_free(&now);
        buf_free(&shares[s].was);
        kv__leaf_unref(shares[s].leaf);
        shares[s].leaf = NULL;
    }
    if (id < next_id && loaded[id] && loaded[id]->is_leaf) {
        shares[s].leaf = loaded[id]->u.leaf;
        kv__leaf_ref(shares[s].leaf);
        kv__leaf_encode(shares[s].leaf, &shares[s].was);
    }
}

/* -- The model ----------------------------------------------------------------------------------------------------------- */

struct item {
    struct buf key, value;
};

static struct item model[MODEL_MAX + 1];
static uint32_t model_n;

static void model_insert(uint32_t i, struct slice key, struct slice value)
{
    assert_true(model_n < MODEL_MAX);
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

static uint32_t model_find(struct slice key, bool *found)
{
    uint32_t lo = 0, hi = model_n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (slice_cmp(buf_slice(&model[mid].key), key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *found = lo < model_n && slice_eq(buf_slice(&model[lo].key), key);
    return lo;
}

/* -- What must hold ------------------------------------------------------------------------------------------------------ */

static struct kv_tree tree;
static uint32_t leaves, children;
static uint64_t leaf_bytes;

static void count_child(void *arg, struct kv_page *child)
{
    assert_ptr_equal(child->parent, arg);
    children++;
}

/* The elements below p; every page is loaded by going to it. */
static uint64_t expect_page(struct kv_page *p, struct kv_page *parent, unsigned level)
{
    assert_ptr_equal(p->parent, parent);
    assert_ptr_equal(p->tree, &tree);
    assert_int_equal(p->level, level);
    assert_int_equal(p->is_leaf, level == 0);
    if (p->is_leaf) {
        struct kv_leaf *l = p->u.leaf;
        assert_true(l->n > 0);
        assert_true(tree.packed || l->n == 1 || l->bytes <= KV_LEAF_MAX);
        leaves++;
        leaf_bytes += l->bytes;
        return l->n;
    }
    struct kv_inner *in = p->u.inner;
    uint64_t sum = 0;
    assert_in_range(in->n, 1, KV_INNER_FANOUT);
    for (uint32_t i = 0; i < in->n; i++) {
        struct kv_page *child;
        assert_int_equal(kv__tree_child(p, i, &child, NULL), ST_OK);
        assert_int_equal(child->id, in->id[i]);
        uint64_t n = expect_page(child, p, level - 1);
        assert_int_equal(in->count[i], n);
        sum += n;
    }
    children = 0;
    kv__inner_children(p, count_child, p);
    assert_int_equal(p->loaded, children);
    return sum;
}

static void expect_tree(void)
{
    leaves = 0;
    leaf_bytes = 0;
    uint64_t bytes = 0;
    struct kv_page *root;
    assert_int_equal(kv__tree_root(&tree, &root, NULL), ST_OK);
    assert_int_equal(tree.count, model_n);
    if (root) {
        assert_int_equal(root->id, tree.root_id);
        assert_int_equal(expect_page(root, NULL, tree.height), model_n);
    } else {
        assert_int_equal(model_n, 0);
        assert_int_equal(tree.root_id, 0);
    }
    struct kv_cur c;
    assert_int_equal(kv__tree_first(&tree, &c, NULL), ST_OK);
    for (uint32_t i = 0; i < model_n; i++) {
        assert_false(kv__cur_end(&c));
        if (!slice_eq(kv__cur_key(&c), buf_slice(&model[i].key)) ||
            !slice_eq(kv__cur_value(&c), buf_slice(&model[i].value)))
            fail_msg("element %u is another one", i);
        bytes += model[i].key.n + model[i].value.n;
        assert_int_equal(kv__cur_next(&c, NULL), ST_OK);
    }
    assert_true(kv__cur_end(&c));
    assert_int_equal(tree.bytes, bytes);
    int64_t sum = 0;
    for (uint32_t id = 1; id < next_id; id++)
        sum += loaded[id] ? (int64_t)content_bytes(loaded[id]) : 0;
    assert_int_equal(accounted, sum);
    store_all();
}

static void begin(uint64_t with_seed, bool positional, bool packed)
{
    seed = with_seed;
    kv__tree_init(&tree, NULL, positional, packed);
}

static void end(void)
{
    for (int i = 0; i < 100; i++)
        share();
    for (uint32_t s = 0; s < SHARE_MAX; s++) {
        if (shares[s].leaf)
            kv__leaf_unref(shares[s].leaf);
        shares[s].leaf = NULL;
        buf_free(&shares[s].was);
    }
    assert_int_equal(kv__tree_clear(&tree, NULL), ST_OK);
    model_delete(0, model_n);
    expect_tree();
    for (uint32_t id = 1; id < next_id; id++) {
        assert_null(loaded[id]);
        assert_int_equal(store[id].n, 0);
    }
    assert_int_equal(accounted, 0);
    next_id = 1;
}

/* -- Random changes ------------------------------------------------------------------------------------------------------ */

static struct slice random_value(void)
{
    static char value[12000];
    uint32_t kind = rnd(200);
    uint32_t n = kind == 0 ? 12000 : kind < 4 ? 2100 : kind < 12 ? 500 : 30;
    n = rnd(n);
    memset(value, 'a' + (int)rnd(26), n);
    return slice_make(value, n);
}

static struct slice random_key(void)
{
    static char key[64];
    uint32_t kind = rnd(4);
    uint32_t n = kind == 0 ? rnd(8) : kind == 1 ? 8 : 8 + rnd(20);
    for (uint32_t i = 0; i < n; i++)
        key[i] = (char)(i < 7 && kind > 1 ? 0 : rnd(kind == 3 ? 3 : 256));
    return slice_make(key, n);
}

/* A change that may fail; then nothing has changed. */
static bool done(enum status st)
{
    bool was = fail_in > 0;
    fail_in = 0;
    if (st == ST_OK)
        return true;
    (void)was;
    assert_true(st == ST_IO || st == ST_NO_MEMORY);
    return false;
}

static void expect_at(struct kv_cur *c, uint32_t i)
{
    assert_int_equal(kv__cur_end(c), i >= model_n);
    if (i >= model_n)
        return;
    assert_int_equal(kv__cur_rank(c), i);
    assert_true(slice_eq(kv__cur_key(c), buf_slice(&model[i].key)));
    assert_true(slice_eq(kv__cur_value(c), buf_slice(&model[i].value)));
}

static void insert_one(void)
{
    struct kv_cur c;
    struct slice key = SLICE_NULL, value = random_value();
    uint32_t i;
    bool there = false;
    if (tree.positional) {
        i = rnd(4) == 0 ? model_n : rnd(4) == 0 ? 0 : rnd(model_n + 1);
        if (rnd(2))
            key = random_key();
        if (!done(kv__tree_at(&tree, i, &c, NULL)))
            return;
    } else {
        bool found;
        key = random_key();
        i = model_find(key, &there);
        if (!done(kv__tree_find(&tree, key, &c, &found, NULL)))
            return;
        assert_int_equal(found, there);
    }
    expect_at(&c, i);
    fail_in = rnd(4) ? 0 : 1 + (int)rnd(10);
    if (there) {
        if (done(kv__cur_set(&c, value, NULL))) {
            buf_clear(&model[i].value);
            buf_put_slice(&model[i].value, value);
            expect_at(&c, i);
        }
        return;
    }
    if (done(kv__cur_insert(&c, key, value, NULL))) {
        model_insert(i, key, value);
        expect_at(&c, i);
    }
}

static void delete_some(void)
{
    uint32_t i = rnd(model_n), n = 1;
    if (rnd(8) == 0)
        n = 1 + rnd(model_n - i < 400 ? model_n - i : 400);
    if (rnd(200) == 0)
        n = 1 + rnd(model_n - i);
    struct kv_cur c;
    assert_int_equal(kv__tree_at(&tree, i, &c, NULL), ST_OK);
    fail_in = rnd(4) ? 0 : 1 + (int)rnd(10);
    if (!done(kv__cur_delete(&c, n, NULL)))
        return;
    model_delete(i, n);
    expect_at(&c, i);
}

static void set_one(void)
{
    uint32_t i = rnd(model_n);
    struct slice value = random_value();
    struct kv_cur c;
    assert_int_equal(kv__tree_at(&tree, i, &c, NULL), ST_OK);
    fail_in = rnd(4) ? 0 : 1 + (int)rnd(10);
    if (!done(kv__cur_set(&c, value, NULL)))
        return;
    buf_clear(&model[i].value);
    buf_put_slice(&model[i].value, value);
    expect_at(&c, i);
}

static void walk(void)
{
    uint32_t i = rnd(model_n), n = rnd(200);
    bool back = rnd(2);
    struct kv_cur c;
    assert_int_equal(kv__tree_at(&tree, i, &c, NULL), ST_OK);
    for (; n > 0; n--) {
        expect_at(&c, i);
        assert_int_equal(back ? kv__cur_prev(&c, NULL) : kv__cur_next(&c, NULL), ST_OK);
        if (back ? i == 0 : i + 1 == model_n) {
            assert_true(kv__cur_end(&c));
            return;
        }
        i += back ? -1u : 1;
    }
}

static void random_changes(int rounds, uint32_t aim)
{
    for (int round = 0; round < rounds; round++) {
        uint32_t what = rnd(20);
        bool grow = rnd(aim) > model_n / 2;
        if (model_n == 0 || (what < 14 && grow && model_n < MODEL_MAX))
            insert_one();
        else if (what < 14)
            delete_some();
        else if (what < 16)
            set_one();
        else if (what < 17)
            walk();
        else if (what < 19)
            share();
        if (round % 64 == 0) {
            store_all();
            evict(1 + rnd(4));
        }
        if (round % (rounds / 50) == 0)
            expect_tree();
    }
    expect_tree();
    end();
}

static void test_tree_random_ordered(void **state)
{
    begin(11, false, false);
    random_changes(40000, 6000);
}

static void test_tree_random_positional(void **state)
{
    begin(12, true, false);
    random_changes(40000, 6000);
}

static void test_tree_random_packed(void **state)
{
    begin(13, true, true);
    random_changes(10000, 400);
    begin(14, false, true);
    random_changes(10000, 400);
}

static void test_tree_random_small(void **state)
{
    for (uint64_t s = 100; s < 140; s++) {
        begin(s, s & 1, false);
        random_changes(1000, 200);
    }
}

/* -- Filling in order ------------------------------------------------------------------------------------------------------- */

enum order { APPEND, PREPEND, ASCENDING, DESCENDING };

static void fill(enum order order, uint32_t count)
{
    begin(20, order == APPEND || order == PREPEND, false);
    for (uint32_t n = 0; n < count; n++) {
        char bytes[40];
        uint32_t number = order == DESCENDING ? count - n : n;
        struct slice s =
            slice_make(bytes, (size_t)snprintf(bytes, sizeof(bytes), "a member %010u", number));
        struct kv_cur c;
        uint32_t i = order == PREPEND || order == DESCENDING ? 0 : n;
        if (order == APPEND && n & 1) {
            assert_int_equal(kv__tree_append(&tree, s, s, NULL), ST_OK);
        } else {
            if (order == ASCENDING || order == DESCENDING)
                assert_int_equal(kv__tree_find(&tree, s, &c, NULL, NULL), ST_OK);
            else
                assert_int_equal(kv__tree_at(&tree, i, &c, NULL), ST_OK);
            assert_int_equal(kv__cur_insert(&c, s, s, NULL), ST_OK);
        }
        model_insert(i, s, s);
    }
    expect_tree();
    if (leaf_bytes * 100 / leaves < (uint64_t)KV_LEAF_MAX * 90)
        fail_msg("order %d: leaves are filled to %u %%", (int)order,
                 (unsigned)(leaf_bytes * 100 / leaves / KV_LEAF_MAX));
    end();
}

static void test_tree_filled_in_order(void **state)
{
    for (int order = APPEND; order <= DESCENDING; order++)
        fill((enum order)order, 15000);
}

/* From both ends, as a queue: pages go as they come. */
static void test_tree_queue(void **state)
{
    begin(30, true, false);
    for (uint32_t n = 0; n < 30000; n++) {
        struct slice v = random_value();
        struct kv_cur c;
        assert_int_equal(kv__tree_append(&tree, SLICE_NULL, v, NULL), ST_OK);
        model_insert(model_n, SLICE_NULL, v);
        if (n > 500) {
            assert_int_equal(kv__tree_first(&tree, &c, NULL), ST_OK);
            assert_int_equal(kv__cur_delete(&c, 1, NULL), ST_OK);
            model_delete(0, 1);
            expect_at(&c, 0);
        }
        if (n % 1000 == 0)
            expect_tree();
    }
    assert_true(leaves < 500);
    end();
}

/* Every other element goes, again and again: pages merge, and the last leaf goes back into the record. */
static void test_tree_shrinks(void **state)
{
    begin(35, true, false);
    for (uint32_t n = 0; n < 16000; n++) {
        assert_int_equal(kv__tree_append(&tree, SLICE("k"), SLICE("0123456789"), NULL), ST_OK);
        model_insert(model_n, SLICE("k"), SLICE("0123456789"));
    }
    while (model_n > 20) {
        for (uint32_t i = 0; i < model_n; i++) {
            struct kv_cur c;
            assert_int_equal(kv__tree_at(&tree, i, &c, NULL), ST_OK);
            assert_int_equal(kv__cur_delete(&c, 1, NULL), ST_OK);
            model_delete(i, 1);
        }
        expect_tree();
        assert_in_range(leaf_bytes / leaves, model_n < 100 ? 1 : KV_LEAF_MIN, KV_LEAF_MAX);
        evict(2);
    }
    assert_int_equal(tree.height, 0);
    assert_int_equal(tree.root_id, 0);
    end();
}

/* What one change needs of a large tree that is not in memory: the pages on the way, not more. */
static void test_tree_loads_the_way_only(void **state)
{
    begin(40, false, false);
    char bytes[40];
    for (uint32_t n = 0; n < 19000; n++) {
        struct slice s =
            slice_make(bytes, (size_t)snprintf(bytes, sizeof(bytes), "a member %010u", n));
        assert_int_equal(kv__tree_append(&tree, s, s, NULL), ST_OK);
        model_insert(model_n, s, s);
    }
    expect_tree();
    assert_int_equal(tree.height, 2);
    struct kv_cur c;
    bool found;
    evict(1);
    assert_null(tree.root);
    loads = 0;
    assert_int_equal(kv__tree_find(&tree, SLICE("a member 0000009003"), &c, &found, NULL), ST_OK);
    assert_true(found);
    assert_int_equal(kv__cur_rank(&c), 9003);
    assert_int_equal(loads, 3);
    evict(1);
    loads = 0;
    assert_int_equal(kv__tree_at(&tree, 4711, &c, NULL), ST_OK);
    assert_true(slice_eq(kv__cur_key(&c), SLICE("a member 0000004711")));
    assert_int_equal(loads, 3);
    evict(1);
    loads = 0;
    assert_int_equal(kv__tree_at(&tree, 4000, &c, NULL), ST_OK);
    assert_int_equal(kv__cur_delete(&c, 1, NULL), ST_OK);
    model_delete(4000, 1);
    assert_int_equal(loads, 3);
    expect_tree();
    end();
}

/* The store lost or mixed up a page: an error, no wrong element. */
static void test_tree_foreign_page(void **state)
{
    begin(50, true, false);
    for (uint32_t n = 0; n < 300; n++) {
        assert_int_equal(kv__tree_append(&tree, SLICE_NULL, SLICE("0123456789012345"), NULL),
                         ST_OK);
        model_insert(model_n, SLICE_NULL, SLICE("0123456789012345"));
    }
    expect_tree();
    evict(1);
    struct buf kept = BUF_INIT, cut = BUF_INIT;
    struct kv_cur c;
    assert_int_equal(kv__tree_last(&tree, &c, NULL), ST_OK);
    uint32_t last = c.leaf->id;
    buf_put_slice(&kept, buf_slice(&store[last]));
    kv__leaf_delete(c.leaf->u.leaf, 0, 1);
    kv__leaf_encode(c.leaf->u.leaf, &cut);
    kv__page_forget(c.leaf);
    buf_clear(&store[last]);
    buf_put_slice(&store[last], buf_slice(&cut));
    struct error err;
    assert_int_equal(kv__tree_last(&tree, &c, &err), ST_CORRUPT);
    assert_int_equal(kv__tree_at(&tree, model_n - 1, &c, &err), ST_CORRUPT);
    buf_clear(&store[last]);
    buf_put_slice(&store[last], buf_slice(&kept));
    expect_tree();
    buf_free(&kept);
    buf_free(&cut);
    end();
}

static void test_inner_decode_refuses(void **state)
{
    static const struct slice bad[] = {
        SLICE(""),
        SLICE("\x02"),
        SLICE("\x02\x00"),                                       /* no children */
        SLICE("\x01\x01\x01\x01\x00"),                           /* another kind */
        SLICE("\x02\x01\x00\x01\x00"),                           /* number 0 */
        SLICE("\x02\x01\x01\x00\x00"),                           /* an empty child */
        SLICE("\x02\x01\x01\x01\x01k"),                          /* a separator before the first */
        SLICE("\x02\x03\x01\x01\x00\x02\x01\x01k\x03\x01\x01k"), /* twice the same */
        SLICE("\x02\x03\x01\x01\x00\x02\x01\x01k\x03\x01\x00"),  /* one is missing */
        SLICE("\x02\x01\x01\x01\x00 "),                          /* more behind it */
        SLICE("\x02\x02\x01\x01\x00\x02\x01\x7fk"),              /* a length beyond the end */
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_null(kv__inner_decode(bad[i]));
    struct kv_inner *in = kv__inner_decode(SLICE("\x02\x02\x01\x01\x00\x02\x01\x01k"));
    assert_non_null(in);
    kv__inner_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_filled_in_order), cmocka_unit_test(test_tree_random_small),
        cmocka_unit_test(test_tree_random_ordered),  cmocka_unit_test(test_tree_random_positional),
        cmocka_unit_test(test_tree_random_packed),   cmocka_unit_test(test_tree_queue),
        cmocka_unit_test(test_tree_shrinks),         cmocka_unit_test(test_tree_loads_the_way_only),
        cmocka_unit_test(test_tree_foreign_page),    cmocka_unit_test(test_inner_decode_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
