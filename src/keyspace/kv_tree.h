/* The counted page tree: what every collection is made of, inside the keyspace.
 *
 * A B+tree whose pages are the unit of loading, caching, dirtiness and folding. Leaves hold elements (key, value) in order,
 * inner pages hold for each child its page number, the number of elements below it and the lowest key below it. So a place is
 * found by key or by rank in logarithmic time, and only the pages on the way are needed in memory.
 *
 *   ordered tree      keys are unique and stand in memcmp order (a shorter key before a longer one that begins with it):
 *                     hashes and sets by hash64(8) field, sorted sets by score(8) member, streams by ms(8) seq(8)
 *   positional tree   elements stand where they were put; keys may be empty or repeat: lists, packed hashes and sets
 *   packed tree       never splits: one leaf, whatever its size (Redis's listpack and intset)
 *
 * A tree of one leaf is stored inside the record, otherwise each page under a key of its own (FORMAT.md). A leaf is split when
 * it holds more than KV_LEAF_BYTES and more than one element; an element of any length fits. A page that would be filled in
 * order (appending, prepending) is left full instead of being halved. A leaf below a quarter is merged with a neighbour when both fit.
 *
 * Slices given out are valid until the next change of the tree or the end of the command. Slices passed in must not point into
 * the tree's own pages. Every function that may read the store returns a status: ST_IO, ST_CORRUPT (a page is missing or
 * damaged), ST_NO_MEMORY; a failed change has changed nothing.
 * Thread: the loop thread; trees of a view (kv_view.h) the thread that uses the view. */
#ifndef ORBIT_KEYSPACE_KV_TREE_H
#define ORBIT_KEYSPACE_KV_TREE_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdatomic.h>
#include <stdint.h>

#define KV_LEAF_BYTES   2048 /* keys, values and their overhead in a leaf that may be split */
#define KV_INNER_FANOUT 128

struct kv_coll;
struct kv_tree;
struct kv_inner; /* kv_inner.c */

/* -- kv_leaf.c: the elements of one leaf in one allocation. A fold shares a leaf by counting itself as a user; whoever wants
 * to change a leaf with more than one user copies it first. Reading and counting users: any thread. */
struct kv_leaf {
    _Atomic uint32_t users;
    uint32_t n;     /* elements */
    uint32_t size;  /* bytes of the whole allocation */
    uint32_t bytes; /* of live elements, with their overhead: what KV_LEAF_BYTES bounds */
    /* the rest is kv_leaf.c's own */
    uint32_t data_end, data_cap;
    char data[];
};
MUST_USE struct kv_leaf *kv__leaf_new(size_t room); /* NULL: out of memory; one user */
void kv__leaf_ref(struct kv_leaf *l);
void kv__leaf_unref(struct kv_leaf *l);
static inline bool kv__leaf_shared(const struct kv_leaf *l)
{
    return atomic_load_explicit(&l->users, memory_order_acquire) > 1;
}
struct slice kv__leaf_key(const struct kv_leaf *l, uint32_t i);
struct slice kv__leaf_value(const struct kv_leaf *l, uint32_t i);
/* First element that is not below key; *found when it equals. Ordered leaves only. */
uint32_t kv__leaf_find(const struct kv_leaf *l, struct slice key, bool *found);
/* Changes; *l must not be shared and may move. False: out of memory, nothing changed. */
MUST_USE bool kv__leaf_insert(struct kv_leaf **l, uint32_t i, struct slice key, struct slice value);
MUST_USE bool kv__leaf_set(struct kv_leaf **l, uint32_t i, struct slice value);
void kv__leaf_delete(struct kv_leaf *l, uint32_t i, uint32_t n);
MUST_USE struct kv_leaf *kv__leaf_copy(const struct kv_leaf *l);
/* Stored form (FORMAT.md): appended to out; any thread. decode trusts nothing: NULL when damaged or out of memory. ordered:
 * keys must ascend. */
void kv__leaf_encode(const struct kv_leaf *l, struct buf *out);
MUST_USE struct kv_leaf *kv__leaf_decode(struct slice in, bool ordered);

/* -- Pages: their life is kv_page.c's, their content kv_tree.c's */
struct kv_page {
    /* what every way down reads comes first, in one line of the processor's cache */
    union {
        struct kv_leaf *leaf;
        struct kv_inner *inner;
    } u;
    struct kv_page *parent; /* NULL: the root */
    uint32_t id; /* page number within the collection; 0: a root that is stored inside the record */
    uint32_t loaded; /* inner: children in memory */
    bool is_leaf;
    bool used;   /* since the cache's hand passed: kv_tree.c sets it on every page on its way */
    bool dirty;  /* in a dirty list */
    bool stored; /* the store has it, or will: a fold took it once */
    uint8_t gen; /* when dirty: generation */
    /* kv_tree.c's own: */
    uint8_t place; /* where it stood in its parent at the last look */
    uint8_t level; /* above the leaves */
    struct kv_tree *tree;
    uint32_t fold;                 /* number of the last fold that took it */
    struct kv_page *dnext, *dprev; /* dirty list of its generation */
    struct kv_page *rnext, *rprev; /* ring of the collection's loaded pages, for the cache's hand */
};

struct kv_tree {
    struct kv_coll *coll;
    struct kv_page *root; /* NULL: empty, or (root_id != 0) not loaded */
    uint64_t count;       /* elements */
    uint64_t bytes;       /* of all keys and values: the logical size */
    uint32_t root_id;     /* page number of the root; 0: the root is a leaf inside the record */
    uint8_t height;       /* 0: the root is a leaf */
    bool positional, packed;
};

/* Provided by kv_page.c, called by kv_tree.c. */

/* Reads a page from where the collection's pages come from, and makes it a child of parent (NULL: the root), which the caller
 * puts into its place. is_leaf is what the height says; a page of the other kind is ST_CORRUPT. */
MUST_USE enum status kv__page_load(struct kv_tree *t, struct kv_page *parent, uint32_t id,
                                   bool is_leaf, struct kv_page **out, struct error *err);
/* A new, empty, dirty page without content (u is NULL); NULL: out of memory. It has a number of its own, unless it is a leaf
 * and the root. kv_tree.c keeps tree->root and tree->root_id (that page's id), and parents' loaded. */
MUST_USE struct kv_page *kv__page_new(struct kv_tree *t, struct kv_page *parent, bool is_leaf);
/* Before every change of a page's content or of what its stored form holds: gives the fold under way its share, unshares a
 * leaf, marks it dirty. False: out of memory, nothing has happened. */
MUST_USE bool kv__page_change(struct kv_page *p);
/* The page is no part of the tree any more: its stored form will be deleted, its memory goes at once with its content. */
void kv__page_drop(struct kv_page *p);
/* A clean page without loaded children leaves memory; it is loaded again when needed. */
void kv__page_forget(struct kv_page *p);
/* A root without number gets one, because it is about to get a parent; or loses it, because it is the only leaf again. */
void kv__page_number(struct kv_page *p);
void kv__page_unnumber(struct kv_page *p);
/* The content of p takes delta bytes of memory more. */
void kv__page_resized(struct kv_page *p, int64_t delta);

/* Provided by kv_tree.c for kv_page.c: inner pages in memory and in the store. */
void kv__inner_encode(const struct kv_page *p, struct buf *out);
MUST_USE struct kv_inner *kv__inner_decode(struct slice in);
size_t kv__inner_size(const struct kv_inner *in); /* bytes of memory */
void kv__inner_free(struct kv_inner *in);         /* not its children */
/* Calls fn for each child in memory. */
void kv__inner_children(struct kv_page *p, void (*fn)(void *arg, struct kv_page *child), void *arg);
/* Forgets the child, a clean page that the cache gives up; it is loaded again when needed. */
void kv__inner_forget(struct kv_page *parent, struct kv_page *child);

/* -- The tree ------------------------------------------------------------------------------------------------------------ */

/* A place. leaf NULL: behind the last element (or before the first, after prev). Any change of the tree but the one made
 * through this cursor makes it invalid. */
struct kv_cur {
    struct kv_tree *t;
    struct kv_page *leaf;
    uint32_t i;
};

void kv__tree_init(struct kv_tree *t, struct kv_coll *coll, bool positional, bool packed);

static inline bool kv__cur_end(const struct kv_cur *c)
{
    return c->leaf == NULL;
}
static inline struct slice kv__cur_key(const struct kv_cur *c)
{
    return kv__leaf_key(c->leaf->u.leaf, c->i);
}
static inline struct slice kv__cur_value(const struct kv_cur *c)
{
    return kv__leaf_value(c->leaf->u.leaf, c->i);
}
MUST_USE enum status kv__tree_first(struct kv_tree *t, struct kv_cur *c, struct error *err);
MUST_USE enum status kv__tree_last(struct kv_tree *t, struct kv_cur *c, struct error *err);
/* The element of this rank (0: the first); rank >= count: behind the last. */
MUST_USE enum status kv__tree_at(struct kv_tree *t, uint64_t rank, struct kv_cur *c,
                                 struct error *err);
/* The first element whose key is not below key; *found (may be NULL): it equals. Ordered trees. */
MUST_USE enum status kv__tree_find(struct kv_tree *t, struct slice key, struct kv_cur *c,
                                   bool *found, struct error *err);
MUST_USE enum status kv__cur_next(struct kv_cur *c, struct error *err);
MUST_USE enum status kv__cur_prev(struct kv_cur *c, struct error *err);
/* Rank of the cursor's element; count at the end. No I/O: the pages above a loaded leaf are loaded. */
uint64_t kv__cur_rank(const struct kv_cur *c);

/* Inserts before the cursor's element (behind the last: appends); the cursor then stands on the new one. In an ordered tree
 * the place must be the one that find gave for this key. */
MUST_USE enum status kv__cur_insert(struct kv_cur *c, struct slice key, struct slice value,
                                    struct error *err);
/* Replaces the value. */
MUST_USE enum status kv__cur_set(struct kv_cur *c, struct slice value, struct error *err);
/* Deletes n elements from the cursor's on (n: at least 1, at most what there is); the cursor then stands on the one that
 * followed. Pages that go as a whole cost one step. */
MUST_USE enum status kv__cur_delete(struct kv_cur *c, uint64_t n, struct error *err);
/* Behind the last: what loading and converting use. In an ordered tree the key must be above all others. */
MUST_USE enum status kv__tree_append(struct kv_tree *t, struct slice key, struct slice value,
                                     struct error *err);
/* Deletes all elements. */
MUST_USE enum status kv__tree_clear(struct kv_tree *t, struct error *err);

#endif
