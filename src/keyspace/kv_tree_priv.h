/* Inside of the page tree: what kv_leaf.c, kv_inner.c, kv_tree.c and kv_tree_del.c share. */
#ifndef ORBIT_KEYSPACE_KV_TREE_PRIV_H
#define ORBIT_KEYSPACE_KV_TREE_PRIV_H

#include "base/mem.h"
#include "keyspace/kv_tree.h"

/* A full leaf fills an allocation of KV_LEAF_BYTES. */
#define KV_LEAF_MAX ((uint32_t)(KV_LEAF_BYTES - sizeof(struct kv_leaf)))
/* Below this a leaf, or an inner page, looks for a neighbour to merge with. */
#define KV_LEAF_MIN  (KV_LEAF_MAX / 4)
#define KV_INNER_MIN (KV_INNER_FANOUT / 4)
#define KV_DEPTH_MAX 32

static inline uint64_t kv__be64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return __builtin_bswap64(v);
}

/* The first 8 bytes as a number that orders as they do; shorter keys are filled up with zeros. */
static inline uint64_t kv__key_head(struct slice key)
{
    if (key.n >= 8)
        return kv__be64(key.p);
    char padded[8] = {0};
    if (key.n)
        memcpy(padded, key.p, key.n);
    return kv__be64(padded);
}

/* -- kv_leaf.c */
/* What an element adds to kv_leaf.bytes. */
uint64_t kv__leaf_cost(size_t key_n, size_t value_n);
/* Lengths of keys and values of n elements. */
uint64_t kv__leaf_payload(const struct kv_leaf *l, uint32_t i, uint32_t n);
/* A leaf with the elements [from, to) of l, and room for more bytes. NULL: out of memory. */
MUST_USE struct kv_leaf *kv__leaf_part(const struct kv_leaf *l, uint32_t from, uint32_t to,
                                       uint64_t more);
/* A leaf with the elements of both. NULL: out of memory. */
MUST_USE struct kv_leaf *kv__leaf_join(const struct kv_leaf *a, const struct kv_leaf *b);
/* Gives memory back when most of it holds nothing. */
void kv__leaf_shrink(struct kv_leaf **l);

/* -- kv_inner.c */

/* A separator: not above any key of its child, above every key of the children before. The first 8 bytes as a number; all of
 * them again in rest when there are more. The first child of a page has none. */
struct kv_sep {
    uint64_t head;
    char *rest; /* bytes 8 .. n - 1; NULL: n <= 8 */
    uint32_t n;
};

struct kv_inner {
    uint32_t n, cap;
    size_t rest_bytes; /* of all separators */
    uint64_t *head, *count;
    struct kv_page **child; /* NULL: not loaded */
    char **rest;
    uint32_t *id, *sep_n;
};

MUST_USE struct kv_inner *kv__inner_new(uint32_t cap);
/* The shortest separator between two neighbours. False: out of memory. */
MUST_USE bool kv__sep_make(struct slice below, struct slice key, struct kv_sep *out);
static inline void kv__sep_free(struct kv_sep *s)
{
    mem_free(s->rest);
    s->rest = NULL;
}
/* The child where key belongs. */
uint32_t kv__inner_find(const struct kv_inner *in, struct slice key);
/* The key belongs to a page before p, by p's separator. */
bool kv__inner_before(struct kv_page *p, struct slice key);
/* The child with the element of this rank, which becomes the rank within the child. */
uint32_t kv__inner_at(const struct kv_inner *in, uint64_t *rank);
/* Elements in the first n children. */
uint64_t kv__inner_sum(const struct kv_inner *in, uint32_t n);
/* Place of a child in its parent. */
uint32_t kv__inner_index(struct kv_page *child);
/* Changes of an inner page, which account for the memory. Children keep their parent pointers, but put sets it. */
void kv__inner_put(struct kv_page *p, uint32_t i, struct kv_page *child, uint64_t count,
                   struct kv_sep sep);
void kv__inner_remove(struct kv_page *p, uint32_t i, uint32_t n);
/* Moves the children from place i on to the end of page to, sep before the first of them (nothing if to is empty); returns
 * the separator that the first of them had. */
struct kv_sep kv__inner_move(struct kv_page *p, uint32_t i, struct kv_page *to, struct kv_sep sep);
/* Takes over the separator of place i. */
struct kv_sep kv__inner_take_sep(struct kv_page *p, uint32_t i);

/* -- kv_tree.c */
/* Child i of p, loaded if need be. */
MUST_USE enum status kv__tree_child(struct kv_page *p, uint32_t i, struct kv_page **out,
                                    struct error *err);
MUST_USE enum status kv__tree_root(struct kv_tree *t, struct kv_page **out, struct error *err);
MUST_USE enum status kv__tree_no_memory(struct error *err);
/* kv__page_change for p and the pages above. */
MUST_USE bool kv__tree_change(struct kv_page *p);

#endif
