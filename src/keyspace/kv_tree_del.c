/* Deletion in the page tree: of a range of ranks.
 *
 *   [ a b X | X X X | X X d ]     pages wholly inside the range go as they are; the two at its ends lose elements
 *
 * Everything that has to be loaded or copied is, before anything is changed. Merging afterwards is housekeeping: when it
 * cannot be done, the tree is right without it. */
#include "keyspace/kv_tree_priv.h"

/* -- Merging ------------------------------------------------------------------------------------------------------------- */

static bool underfull(const struct kv_page *p)
{
    return p->is_leaf ? p->u.leaf->bytes < KV_LEAF_MIN : p->u.inner->n < KV_INNER_MIN;
}

/* Whether it is worth loading the neighbour at place i of p to merge it with a page of count elements. */
static bool may_fit(const struct kv_page *page, const struct kv_page *p, uint32_t i)
{
    if (p->u.inner->child[i] || !page->is_leaf)
        return true;
    const struct kv_leaf *l = page->u.leaf;
    return l->n > 0 && (uint64_t)l->bytes / l->n * (p->u.inner->count[i] + l->n) <= KV_LEAF_MAX;
}

static bool merge_leaves(struct kv_page *left, struct kv_page *right, struct kv_cur *c)
{
    struct kv_leaf *a = left->u.leaf;
    struct kv_leaf *both = kv__leaf_join(a, right->u.leaf);
    if (!both)
        return false;
    if (c->leaf == right) {
        c->leaf = left;
        c->i += a->n;
    }
    left->u.leaf = both;
    kv__page_resized(left, (int64_t)both->size - (int64_t)a->size);
    kv__leaf_unref(a);
    return true;
}

static bool merge_inners(struct kv_page *left, struct kv_page *right)
{
    if (!kv__page_change(right))
        return false;
    struct kv_sep sep = kv__inner_take_sep(right->parent, kv__inner_index(right));
    struct kv_sep none = kv__inner_move(right, 0, left, sep);
    kv__sep_free(&none);
    return true;
}

static bool both_fit(const struct kv_page *a, const struct kv_page *b)
{
    return a->is_leaf ? a->u.leaf->bytes + b->u.leaf->bytes <= KV_LEAF_MAX
                      : a->u.inner->n + b->u.inner->n <= KV_INNER_FANOUT;
}

/* Merges children i and i + 1 of p, if both fit into one page. */
static bool merge(struct kv_page *p, uint32_t i, struct kv_cur *c)
{
    struct kv_page *left, *right;
    if (kv__tree_child(p, i, &left, NULL) != ST_OK ||
        kv__tree_child(p, i + 1, &right, NULL) != ST_OK || !both_fit(left, right) ||
        !kv__tree_change(left))
        return false;
    if (left->is_leaf ? !merge_leaves(left, right, c) : !merge_inners(left, right))
        return false;
    struct kv_inner *in = p->u.inner;
    in->count[i] += in->count[i + 1];
    kv__inner_remove(p, i + 1, 1);
    kv__page_drop(right);
    return true;
}

/* A root with one child gives way to it. */
static void collapse(struct kv_tree *t)
{
    while (t->root && !t->root->is_leaf && t->root->u.inner->n == 1) {
        struct kv_page *old = t->root, *child;
        if (kv__tree_child(old, 0, &child, NULL) != ST_OK || !kv__page_change(child) ||
            !kv__page_change(old))
            return;
        kv__inner_remove(old, 0, 1);
        kv__page_drop(old);
        child->parent = NULL;
        if (child->is_leaf)
            kv__page_unnumber(child);
        t->root = child;
        t->root_id = child->id;
        t->height--;
    }
}

/* Merges page, and the pages above it, with neighbours as far as they are too small. c is kept right. */
static void tidy(struct kv_page *page, struct kv_cur *c)
{
    struct kv_tree *t = page->tree;
    while (page->parent) {
        struct kv_page *p = page->parent;
        uint32_t i = kv__inner_index(page);
        if (underfull(page)) {
            if (i + 1 < p->u.inner->n && may_fit(page, p, i + 1) && merge(p, i, c))
                ;
            else if (i > 0 && may_fit(page, p, i - 1))
                (void)!merge(p, i - 1, c);
        }
        page = p;
    }
    collapse(t);
}

/* -- Deleting ------------------------------------------------------------------------------------------------------------ */

static void shrink(struct kv_page *p)
{
    uint32_t size = p->u.leaf->size;
    kv__leaf_shrink(&p->u.leaf);
    if (p->u.leaf->size != size)
        kv__page_resized(p, (int64_t)p->u.leaf->size - (int64_t)size);
}

/* Loads what has to be, and makes ready for a change what stays: of page p, which loses elements [from, to). */
static enum status prepare(struct kv_page *p, uint64_t from, uint64_t to, bool whole,
                           struct error *err)
{
    if (!whole && !kv__page_change(p))
        return kv__tree_no_memory(err);
    if (p->is_leaf)
        return ST_OK;
    uint64_t at = 0;
    for (uint32_t i = 0; i < p->u.inner->n && at < to; i++) {
        uint64_t n = p->u.inner->count[i], end = at + n;
        if (end > from) {
            struct kv_page *child;
            enum status st = kv__tree_child(p, i, &child, err);
            if (st == ST_OK)
                st = prepare(child, from > at ? from - at : 0, to < end ? to - at : n,
                             whole || (from <= at && to >= end), err);
            if (st != ST_OK)
                return st;
        }
        at = end;
    }
    return ST_OK;
}

/* The whole page goes, with all below it, which is loaded. */
static void drop(struct kv_page *p)
{
    if (p->is_leaf) {
        p->tree->bytes -= kv__leaf_payload(p->u.leaf, 0, p->u.leaf->n);
    } else {
        uint32_t n = p->u.inner->n;
        for (uint32_t i = 0; i < n; i++)
            drop(p->u.inner->child[i]);
        p->loaded = 0;
    }
    kv__page_drop(p);
}

static void delete_range(struct kv_page *p, uint64_t from, uint64_t to)
{
    if (p->is_leaf) {
        uint32_t i = (uint32_t)from, n = (uint32_t)(to - from);
        p->tree->bytes -= kv__leaf_payload(p->u.leaf, i, n);
        kv__leaf_delete(p->u.leaf, i, n);
        shrink(p);
        return;
    }
    struct kv_inner *in = p->u.inner;
    uint32_t first = 0, gone = 0;
    uint64_t at = 0;
    for (uint32_t i = 0; i < in->n && at < to; i++) {
        uint64_t n = in->count[i], end = at + n;
        uint64_t cut_from = from > at ? from - at : 0, cut_to = to < end ? to - at : n;
        if (end > from) {
            if (cut_to - cut_from == n) {
                if (gone++ == 0)
                    first = i;
                drop(in->child[i]);
            } else {
                delete_range(in->child[i], cut_from, cut_to);
                in->count[i] -= cut_to - cut_from;
            }
        }
        at = end;
    }
    if (gone)
        kv__inner_remove(p, first, gone);
}

enum status kv__tree_clear(struct kv_tree *t, struct error *err)
{
    struct kv_page *root;
    enum status st = kv__tree_root(t, &root, err);
    if (st == ST_OK && root)
        st = prepare(root, 0, t->count, true, err);
    if (st != ST_OK)
        return st;
    if (root)
        drop(root);
    t->root = NULL;
    t->root_id = 0;
    t->height = 0;
    t->count = t->bytes = 0;
    return ST_OK;
}

/* Some elements of the cursor's leaf, not all. */
static enum status delete_in_leaf(struct kv_cur *c, uint32_t n, struct error *err)
{
    struct kv_page *leaf = c->leaf;
    struct kv_cur after = {c->t, leaf, c->i};
    if (c->i + n == leaf->u.leaf->n) {
        after.i += n - 1;
        enum status st = kv__cur_next(&after, err);
        if (st != ST_OK)
            return st;
    }
    if (!kv__tree_change(leaf))
        return kv__tree_no_memory(err);
    c->t->bytes -= kv__leaf_payload(leaf->u.leaf, c->i, n);
    kv__leaf_delete(leaf->u.leaf, c->i, n);
    shrink(leaf);
    for (struct kv_page *p = leaf; p->parent; p = p->parent)
        p->parent->u.inner->count[kv__inner_index(p)] -= n;
    c->t->count -= n;
    *c = after;
    if (leaf->parent && leaf->u.leaf->bytes < KV_LEAF_MIN)
        tidy(leaf, c);
    return ST_OK;
}

enum status kv__cur_delete(struct kv_cur *c, uint64_t n, struct error *err)
{
    struct kv_tree *t = c->t;
    struct kv_page *leaf = c->leaf;
    if (n < leaf->u.leaf->n && c->i + n <= leaf->u.leaf->n)
        return delete_in_leaf(c, (uint32_t)n, err);
    struct kv_cur after = {.t = t};
    enum status st;
    if (n == t->count) {
        st = kv__tree_clear(t, err);
        if (st == ST_OK)
            *c = after;
        return st;
    }
    uint64_t from = kv__cur_rank(c);
    st = kv__tree_at(t, from + n, &after, err);
    if (st == ST_OK)
        st = prepare(t->root, from, from + n, false, err);
    if (st != ST_OK)
        return st;
    struct kv_page *before = c->i > 0 ? leaf : NULL;
    delete_range(t->root, from, from + n);
    t->count -= n;
    after.i = 0;
    *c = after;
    if (before)
        tidy(before, c);
    if (c->leaf)
        tidy(c->leaf, c);
    else
        collapse(t);
    return ST_OK;
}
