/* The page tree: ways down, cursors, insertion. Deletion is kv_tree_del.c's.
 *
 *   inner    count 4100 | 3000          height 2
 *              /             \
 *   inner   70 | 64 | ...    ...        height 1
 *           /    |
 *   leaf  a b c  d e f                  height 0
 *
 * A full leaf splits so that it keeps its left part, and a new page right of it gets the rest; so does an inner page. Where the
 * new element comes behind a full leaf, or before the first one, it gets a leaf of its own and the full one stays full. */
#include "keyspace/kv_tree_priv.h"

enum status kv__tree_no_memory(struct error *err)
{
    return error_set(err, ST_NO_MEMORY, "out of memory");
}

void kv__tree_init(struct kv_tree *t, struct kv_coll *coll, bool positional, bool packed)
{
    *t = (struct kv_tree){.coll = coll, .positional = positional, .packed = packed};
}

/* -- Loading ------------------------------------------------------------------------------------------------------------- */

static uint64_t elements(const struct kv_page *p)
{
    return p->is_leaf ? p->u.leaf->n : kv__inner_sum(p->u.inner, p->u.inner->n);
}

/* What was loaded must hold as many elements as it is said to. */
static enum status check_loaded(struct kv_page *p, uint64_t count, struct error *err)
{
    if (LIKELY(elements(p) == count))
        return ST_OK;
    kv__page_forget(p);
    return error_set(err, ST_CORRUPT, "a page of a collection does not belong to it");
}

enum status kv__tree_child(struct kv_page *p, uint32_t i, struct kv_page **out, struct error *err)
{
    struct kv_inner *in = p->u.inner;
    struct kv_page *child = in->child[i];
    if (LIKELY(child != NULL)) {
        if (!child->used)
            child->used = true;
        *out = child;
        return ST_OK;
    }
    uint32_t level = p->level;
    p->loaded++; /* whoever makes room for the child must not take p */
    enum status st = kv__page_load(p->tree, p, in->id[i], level == 1, &child, err);
    if (st != ST_OK) {
        p->loaded--;
        return st;
    }
    child->level = (uint8_t)(level - 1);
    child->place = (uint8_t)i;
    in->child[i] = *out = child;
    child->used = true;
    return check_loaded(child, in->count[i], err);
}

enum status kv__tree_root(struct kv_tree *t, struct kv_page **out, struct error *err)
{
    if (LIKELY(t->root != NULL || t->root_id == 0)) {
        if (t->root && !t->root->used)
            t->root->used = true;
        *out = t->root;
        return ST_OK;
    }
    enum status st = kv__page_load(t, NULL, t->root_id, t->height == 0, out, err);
    if (st != ST_OK)
        return st;
    t->root = *out;
    t->root->level = t->height;
    t->root->used = true;
    return check_loaded(t->root, t->count, err);
}

/* -- Ways down ----------------------------------------------------------------------------------------------------------- */

static enum status edge(struct kv_page *p, bool last, struct kv_page **leaf, struct error *err)
{
    while (!p->is_leaf) {
        enum status st = kv__tree_child(p, last ? p->u.inner->n - 1 : 0, &p, err);
        if (st != ST_OK)
            return st;
    }
    *leaf = p;
    return ST_OK;
}

static enum status to_edge(struct kv_tree *t, bool last, struct kv_cur *c, struct error *err)
{
    *c = (struct kv_cur){.t = t};
    struct kv_page *p = NULL;
    enum status st = kv__tree_root(t, &p, err);
    if (st != ST_OK || !p)
        return st;
    st = edge(p, last, &c->leaf, err);
    if (st == ST_OK && last)
        c->i = c->leaf->u.leaf->n - 1;
    return st;
}

enum status kv__tree_first(struct kv_tree *t, struct kv_cur *c, struct error *err)
{
    return to_edge(t, false, c, err);
}

enum status kv__tree_last(struct kv_tree *t, struct kv_cur *c, struct error *err)
{
    return to_edge(t, true, c, err);
}

enum status kv__tree_at(struct kv_tree *t, uint64_t rank, struct kv_cur *c, struct error *err)
{
    *c = (struct kv_cur){.t = t};
    if (rank >= t->count)
        return ST_OK;
    struct kv_page *p;
    enum status st = kv__tree_root(t, &p, err);
    while (st == ST_OK && !p->is_leaf)
        st = kv__tree_child(p, kv__inner_at(p->u.inner, &rank), &p, err);
    if (st != ST_OK)
        return st;
    c->leaf = p;
    c->i = (uint32_t)rank;
    return ST_OK;
}

/* To the first element of the next leaf, or the last of the one before; leaf NULL: there is none. */
static enum status step(struct kv_cur *c, bool back, struct error *err)
{
    struct kv_page *p = c->leaf;
    for (; p->parent; p = p->parent) {
        struct kv_inner *in = p->parent->u.inner;
        uint32_t i = kv__inner_index(p);
        if (back ? i == 0 : i + 1 == in->n)
            continue;
        enum status st = kv__tree_child(p->parent, back ? i - 1 : i + 1, &p, err);
        if (st == ST_OK)
            st = edge(p, back, &p, err);
        if (st != ST_OK)
            return st;
        c->leaf = p;
        c->i = back ? p->u.leaf->n - 1 : 0;
        return ST_OK;
    }
    c->leaf = NULL;
    c->i = 0;
    return ST_OK;
}

/* A search in a leaf jumps between lines of the processor's cache, and would wait for each in turn: all of them at once come
 * faster. */
static inline void prefetch_leaf(const struct kv_leaf *l)
{
    for (size_t i = 0; i < KV_LEAF_BYTES; i += 64)
        PREFETCH((const char *)l + i);
}

enum status kv__tree_find(struct kv_tree *t, struct slice key, struct kv_cur *c, bool *found,
                          struct error *err)
{
    bool same = false;
    *c = (struct kv_cur){.t = t};
    struct kv_page *p;
    enum status st = kv__tree_root(t, &p, err);
    while (st == ST_OK && p && !p->is_leaf)
        st = kv__tree_child(p, kv__inner_find(p->u.inner, key), &p, err);
    if (st == ST_OK && p) {
        if (p->parent)
            prefetch_leaf(p->u.leaf);
        c->leaf = p;
        c->i = kv__leaf_find(p->u.leaf, key, &same);
        if (UNLIKELY(c->i == p->u.leaf->n))
            st = step(c, false, err);
    }
    if (found)
        *found = same;
    return st;
}

enum status kv__cur_next(struct kv_cur *c, struct error *err)
{
    if (LIKELY(c->i + 1 < c->leaf->u.leaf->n)) {
        c->i++;
        return ST_OK;
    }
    return step(c, false, err);
}

enum status kv__cur_prev(struct kv_cur *c, struct error *err)
{
    if (LIKELY(c->i > 0)) {
        c->i--;
        return ST_OK;
    }
    return step(c, true, err);
}

uint64_t kv__cur_rank(const struct kv_cur *c)
{
    if (!c->leaf)
        return c->t->count;
    uint64_t rank = c->i;
    for (struct kv_page *p = c->leaf; p->parent; p = p->parent)
        rank += kv__inner_sum(p->parent->u.inner, kv__inner_index(p));
    return rank;
}

/* -- Insertion ----------------------------------------------------------------------------------------------------------- */

bool kv__tree_change(struct kv_page *p)
{
    for (; p; p = p->parent) {
        if (!kv__page_change(p))
            return false;
    }
    return true;
}

static void set_leaf(struct kv_page *p, struct kv_leaf *l)
{
    int64_t delta = (int64_t)l->size - (p->u.leaf ? (int64_t)p->u.leaf->size : 0);
    p->u.leaf = l;
    if (delta)
        kv__page_resized(p, delta);
}

static enum status make_root(struct kv_cur *c, struct slice key, struct slice value,
                             struct error *err)
{
    struct kv_tree *t = c->t;
    struct kv_leaf *l = kv__leaf_new(kv__leaf_cost(key.n, value.n));
    if (!l || !kv__leaf_insert(&l, 0, key, value))
        goto no_memory;
    struct kv_page *p = kv__page_new(t, NULL, true);
    if (!p)
        goto no_memory;
    set_leaf(p, l);
    t->root = p;
    t->root_id = p->id;
    t->height = 0;
    c->leaf = p;
    c->i = 0;
    return ST_OK;
no_memory:
    if (l)
        kv__leaf_unref(l);
    return kv__tree_no_memory(err);
}

/* What a split needs, gathered before anything is changed: new pages from the leaf up, and the separator. */
struct split {
    struct kv_page *page[KV_DEPTH_MAX];
    uint32_t pages, used;
    struct kv_leaf *left, *right; /* left NULL: the leaf as it is */
    struct slice
        below; /* the highest key that the separator must be above; NULL: the left one's last */
    struct kv_sep sep;
    int side; /* +1: the new element comes behind a full page, -1: before it, 0: within */
};

static void split_abort(struct split *s)
{
    while (s->pages > 0)
        kv__page_drop(s->page[--s->pages]);
    if (s->left)
        kv__leaf_unref(s->left);
    if (s->right)
        kv__leaf_unref(s->right);
    kv__sep_free(&s->sep);
}

static bool split_pages(struct split *s, struct kv_page *leaf)
{
    uint32_t inners = 0;
    struct kv_page *p = leaf->parent;
    for (; p && p->u.inner->n == KV_INNER_FANOUT; p = p->parent)
        inners++;
    if (!p)
        inners++; /* a new root */
    orbit_assert(inners < KV_DEPTH_MAX);
    for (uint32_t i = 0; i <= inners; i++) {
        struct kv_page *fresh = kv__page_new(leaf->tree, leaf, i == 0);
        if (!fresh)
            return false;
        s->page[s->pages++] = fresh;
    }
    return true;
}

static struct kv_page *take_inner(struct split *s, uint8_t level, uint32_t cap)
{
    struct kv_page *p = s->page[s->used++];
    p->level = level;
    p->u.inner = kv__inner_new(cap);
    kv__page_resized(p, (int64_t)kv__inner_size(p->u.inner));
    return p;
}

/* Puts right behind its neighbour at place i - 1 of the full page p, which gives its upper part to a new page. */
static struct kv_page *split_inner(struct split *s, struct kv_page *p, uint32_t i,
                                   struct kv_page *right, uint64_t count)
{
    const uint32_t n = p->u.inner->n;
    uint32_t m = n / 2 + 1; /* children that p keeps, the new one counted */
    if (s->side > 0 && i == n)
        m = n;
    else if (s->side < 0 && i == 1)
        m = 1;
    struct kv_page *upper = take_inner(s, p->level, KV_INNER_FANOUT);
    struct kv_sep up = s->sep;
    if (i < m) {
        up = kv__inner_move(p, m - 1, upper, (struct kv_sep){0});
        kv__inner_put(p, i, right, count, s->sep);
    } else if (i == m) {
        kv__inner_put(upper, 0, right, count, (struct kv_sep){0});
        if (m < n) {
            struct kv_sep next = kv__inner_take_sep(p, m);
            struct kv_sep none = kv__inner_move(p, m, upper, next);
            kv__sep_free(&none);
        }
    } else {
        up = kv__inner_move(p, m, upper, (struct kv_sep){0});
        kv__inner_put(upper, i - m, right, count, s->sep);
    }
    s->sep = up;
    return upper;
}

static void new_root(struct split *s, struct kv_page *left, struct kv_page *right)
{
    struct kv_tree *t = left->tree;
    struct kv_page *root = take_inner(s, (uint8_t)(left->level + 1), 2);
    root->parent = NULL;
    kv__page_number(left);
    kv__inner_put(root, 0, left, elements(left), (struct kv_sep){0});
    kv__inner_put(root, 1, right, elements(right), s->sep);
    t->root = root;
    t->root_id = root->id;
    t->height++;
}

static void add_count(struct kv_page *p, int64_t delta)
{
    for (; p->parent; p = p->parent)
        p->parent->u.inner->count[kv__inner_index(p)] += (uint64_t)delta;
}

/* Everything is there: nothing fails from here on. The page right of leaf gets s->right; added elements are new. */
static struct kv_page *split_apply(struct split *s, struct kv_page *leaf, int64_t added)
{
    struct kv_page *fresh = s->page[s->used++];
    if (s->left) {
        struct kv_leaf *old = leaf->u.leaf;
        set_leaf(leaf, s->left);
        if (old != s->right)
            kv__leaf_unref(old);
    }
    set_leaf(fresh, s->right);
    struct kv_page *left = leaf, *right = fresh;
    for (;;) {
        struct kv_page *p = left->parent;
        if (!p) {
            new_root(s, left, right);
            break;
        }
        uint32_t i = kv__inner_index(left);
        uint64_t count = elements(right);
        p->u.inner->count[i] = elements(left);
        if (p->u.inner->n < KV_INNER_FANOUT) {
            kv__inner_put(p, i + 1, right, count, s->sep);
            add_count(p, added);
            break;
        }
        right = split_inner(s, p, i + 1, right, count);
        left = p;
    }
    return fresh;
}

static bool split_sep(struct split *s, const struct kv_page *leaf)
{
    if (leaf->tree->positional)
        return true;
    const struct kv_leaf *left = s->left ? s->left : leaf->u.leaf;
    struct slice below = s->below.p ? s->below : kv__leaf_key(left, left->n - 1);
    return kv__sep_make(below, kv__leaf_key(s->right, 0), &s->sep);
}

/* How many of the elements of l, the new one counted as number i, go to the left half. */
static uint32_t middle(const struct kv_leaf *l, uint32_t i, uint64_t cost, bool *fits)
{
    uint64_t total = l->bytes + cost, left = 0;
    uint32_t n = 0;
    while (n < l->n) {
        uint32_t old = n < i ? n : n - 1;
        uint64_t c =
            n == i ? cost : kv__leaf_cost(kv__leaf_key(l, old).n, kv__leaf_value(l, old).n);
        if (n > 0 && left + c / 2 > total / 2)
            break;
        left += c;
        n++;
    }
    *fits = (left <= KV_LEAF_MAX || n == 1) && (total - left <= KV_LEAF_MAX || n == l->n);
    return n;
}

static struct kv_leaf *leaf_of_one(struct slice key, struct slice value)
{
    uint64_t cost = kv__leaf_cost(key.n, value.n);
    /* The next one will probably come behind it, if there is room for two. */
    struct kv_leaf *l = kv__leaf_new(cost <= KV_LEAF_MAX / 2 ? KV_LEAF_MAX : cost);
    if (l && !kv__leaf_insert(&l, 0, key, value)) {
        kv__leaf_unref(l);
        return NULL;
    }
    return l;
}

/* The contents of the halves of a leaf with the new element as number i of it; the left one gets keep elements. */
static bool split_leaves(struct split *s, struct kv_leaf *l, uint32_t i, struct slice key,
                         struct slice value, uint32_t keep)
{
    uint64_t cost = kv__leaf_cost(key.n, value.n);
    bool in_left = i < keep;
    uint32_t at = in_left ? keep - 1 : keep;
    s->left = kv__leaf_part(l, 0, at, in_left ? cost : 0);
    s->right = kv__leaf_part(l, at, l->n, in_left ? 0 : cost);
    if (!s->left || !s->right)
        return false;
    return in_left ? kv__leaf_insert(&s->left, i, key, value)
                   : kv__leaf_insert(&s->right, i - at, key, value);
}

/* Carries the split out, if what else it needs can be had; else gives up what is there. */
static struct kv_page *split_commit(struct split *s, struct kv_page *leaf, bool ready,
                                    int64_t added)
{
    if (ready && split_sep(s, leaf) && split_pages(s, leaf))
        return split_apply(s, leaf, added);
    split_abort(s);
    return NULL;
}

/* Splits before element i and inserts nothing; keys up to below (NULL: the last one) will be the left page's. NULL: out of
 * memory. The page must be ready for a change. */
static struct kv_page *split_at(struct kv_page *leaf, uint32_t i, struct slice below)
{
    struct split s = {.below = below};
    s.left = kv__leaf_part(leaf->u.leaf, 0, i, 0);
    s.right = kv__leaf_part(leaf->u.leaf, i, leaf->u.leaf->n, 0);
    return split_commit(&s, leaf, s.left && s.right, 0);
}

/* The new element gets a leaf of its own, behind the cursor's full one or before it. */
static bool insert_alone(struct kv_cur *c, bool behind, struct slice key, struct slice value)
{
    struct kv_leaf *l = c->leaf->u.leaf, *one = leaf_of_one(key, value);
    struct split s = {.side = behind ? 1 : -1, .right = one};
    if (!behind) { /* the page keeps the new one, its content goes to the new page */
        s.left = one;
        s.right = l;
        kv__leaf_ref(l);
    }
    struct kv_page *right = split_commit(&s, c->leaf, one != NULL, 1);
    if (!right)
        return false;
    if (!behind)
        kv__leaf_unref(l);
    else
        c->leaf = right;
    c->i = 0;
    return true;
}

/* Inserts at the cursor's place in a full leaf. False: out of memory. */
static bool insert_split(struct kv_cur *c, struct slice key, struct slice value)
{
    struct kv_leaf *l = c->leaf->u.leaf;
    if (c->i == 0 || c->i == l->n)
        return insert_alone(c, c->i > 0, key, value);
    bool fits;
    uint32_t keep = middle(l, c->i, kv__leaf_cost(key.n, value.n), &fits);
    if (!fits) { /* neither half has room for it: one between them */
        if (!split_at(c->leaf, c->i, key))
            return false;
        return insert_alone(c, true, key, value);
    }
    struct split s = {0};
    bool ready = split_leaves(&s, l, c->i, key, value, keep);
    struct kv_page *right = split_commit(&s, c->leaf, ready, 1);
    if (right && c->i >= keep) {
        c->i -= c->leaf->u.leaf->n;
        c->leaf = right;
    }
    return right != NULL;
}

/* Before a leaf is behind the one before, unless the separator says otherwise; a cursor at the end has no leaf. */
static enum status insert_place(struct kv_cur *c, struct slice key, struct error *err)
{
    if (c->leaf && (c->i > 0 || (!c->t->positional && !kv__inner_before(c->leaf, key))))
        return ST_OK;
    struct kv_cur before = *c;
    enum status st = c->leaf ? step(&before, true, err) : kv__tree_last(c->t, &before, err);
    if (st == ST_OK && before.leaf) {
        *c = before;
        c->i++;
    }
    return st;
}

enum status kv__cur_insert(struct kv_cur *c, struct slice key, struct slice value,
                           struct error *err)
{
    struct kv_tree *t = c->t;
    struct kv_cur at = *c;
    enum status st = insert_place(&at, key, err);
    if (st != ST_OK)
        return st;
    if (!at.leaf) {
        st = make_root(&at, key, value, err);
    } else if (!kv__tree_change(at.leaf)) {
        st = kv__tree_no_memory(err);
    } else {
        struct kv_leaf *l = at.leaf->u.leaf;
        if (t->packed || l->bytes + kv__leaf_cost(key.n, value.n) <= KV_LEAF_MAX) {
            uint32_t size = l->size;
            if (!kv__leaf_insert(&at.leaf->u.leaf, at.i, key, value))
                return kv__tree_no_memory(err);
            if (at.leaf->u.leaf->size != size)
                kv__page_resized(at.leaf, (int64_t)at.leaf->u.leaf->size - (int64_t)size);
            add_count(at.leaf, 1);
        } else {
            st = insert_split(&at, key, value) ? ST_OK : kv__tree_no_memory(err);
        }
    }
    if (st != ST_OK)
        return st;
    t->count++;
    t->bytes += key.n + value.n;
    *c = at;
    return ST_OK;
}

enum status kv__tree_append(struct kv_tree *t, struct slice key, struct slice value,
                            struct error *err)
{
    struct kv_cur c = {.t = t};
    return kv__cur_insert(&c, key, value, err);
}

/* Splits the cursor's leaf until a cost of so many bytes more is no reason to split it. */
static bool set_split(struct kv_cur *c, uint64_t more)
{
    for (;;) {
        struct kv_leaf *l = c->leaf->u.leaf;
        if (c->t->packed || l->n == 1 || l->bytes + more <= KV_LEAF_MAX)
            return true;
        bool huge = more > KV_LEAF_MAX / 4;
        uint32_t at = !huge ? l->n / 2 : c->i > 0 ? c->i : 1;
        struct kv_page *right = split_at(c->leaf, at, SLICE_NULL);
        if (!right)
            return false;
        if (c->i >= at) {
            c->leaf = right;
            c->i -= at;
        }
    }
}

enum status kv__cur_set(struct kv_cur *c, struct slice value, struct error *err)
{
    size_t old = kv__cur_value(c).n;
    uint64_t more = value.n > old ? value.n - old + 9 : 0;
    struct kv_leaf *l = c->leaf->u.leaf;
    if (UNLIKELY(l->bytes + more > KV_LEAF_MAX && l->n > 1)) {
        if (!kv__tree_change(c->leaf) || !set_split(c, more))
            return kv__tree_no_memory(err);
    }
    struct kv_page *p = c->leaf;
    if (!kv__page_change(p))
        return kv__tree_no_memory(err);
    uint32_t size = p->u.leaf->size;
    if (!kv__leaf_set(&p->u.leaf, c->i, value))
        return kv__tree_no_memory(err);
    if (p->u.leaf->size != size)
        kv__page_resized(p, (int64_t)p->u.leaf->size - (int64_t)size);
    c->t->bytes += value.n - old;
    return ST_OK;
}
