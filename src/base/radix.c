#include "base/radix.h"

#include "base/mem.h"
#include "base/status.h"

/* A compressed trie: each node carries the bytes that lead to it from its parent, and its children ordered by their first
 * byte. Only the root may have an empty label; a node without a value has two children or more.
 *
 *   root -- "foo" (value) -+- "bar" (value)
 *                          +- "t" -+- "er" (value)
 *                                  +- "s" (value)
 *
 * Walks keep their path on the heap: the depth is up to whoever chooses the keys. */

struct radix_node {
    struct radix_node **children;
    char *label;
    void *value;
    uint32_t label_n;
    uint16_t count;
    uint16_t cap;
    bool has_value;
};

struct radix {
    struct radix_node root;
    size_t count;
    size_t bytes;
};

struct radix *radix_new(void)
{
    struct radix *r = mem_calloc(1, sizeof(*r));
    r->bytes = sizeof(*r);
    return r;
}

static inline unsigned char first_byte(const struct radix_node *n)
{
    return (unsigned char)n->label[0];
}

/* Index of the first child whose label starts with c or a greater byte. */
static unsigned child_at(const struct radix_node *n, unsigned char c)
{
    unsigned low = 0, high = n->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (first_byte(n->children[middle]) < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct radix_node *child_of(const struct radix_node *n, unsigned char c, unsigned *index)
{
    *index = child_at(n, c);
    if (*index < n->count && first_byte(n->children[*index]) == c)
        return n->children[*index];
    return NULL;
}

static size_t common_prefix(const struct radix_node *n, struct slice key)
{
    size_t most = n->label_n < key.n ? n->label_n : key.n;
    size_t i = 0;
    while (i < most && n->label[i] == key.p[i])
        i++;
    return i;
}

static inline struct slice skip(struct slice s, size_t n)
{
    return slice_make(s.p + n, s.n - n);
}

static struct radix_node *new_node(struct radix *r, const char *label, size_t n)
{
    orbit_assert(n <= UINT32_MAX);
    struct radix_node *node = mem_calloc(1, sizeof(*node));
    node->label = mem_strndup(label, n);
    node->label_n = (uint32_t)n;
    r->bytes += sizeof(*node) + n + 1;
    return node;
}

static void free_node(struct radix *r, struct radix_node *n)
{
    r->bytes -= sizeof(*n) + n->label_n + 1 + n->cap * sizeof(struct radix_node *);
    mem_free(n->label);
    mem_free(n->children);
    mem_free(n);
}

static void set_label(struct radix *r, struct radix_node *n, char *label, size_t size)
{
    r->bytes += size;
    r->bytes -= n->label_n;
    mem_free(n->label);
    n->label = label;
    n->label_n = (uint32_t)size;
}

static void insert_child(struct radix *r, struct radix_node *n, unsigned index,
                         struct radix_node *child)
{
    if (n->count == n->cap) {
        uint16_t cap = n->cap ? (uint16_t)(n->cap * 2) : 2;
        n->children = mem_realloc(n->children, cap * sizeof(struct radix_node *));
        r->bytes += (size_t)(cap - n->cap) * sizeof(struct radix_node *);
        n->cap = cap;
    }
    memmove(&n->children[index + 1], &n->children[index],
            (n->count - index) * sizeof(struct radix_node *));
    n->children[index] = child;
    n->count++;
}

static void remove_child(struct radix_node *n, unsigned index)
{
    n->count--;
    memmove(&n->children[index], &n->children[index + 1],
            (n->count - index) * sizeof(struct radix_node *));
}

/* Puts a node for the first size bytes of child's label between parent and child. */
static struct radix_node *split(struct radix *r, struct radix_node *parent, unsigned index,
                                size_t size)
{
    struct radix_node *child = parent->children[index];
    struct radix_node *upper = new_node(r, child->label, size);
    size_t rest = child->label_n - size;
    set_label(r, child, mem_strndup(child->label + size, rest), rest);
    insert_child(r, upper, 0, child);
    parent->children[index] = upper;
    return upper;
}

bool radix_set(struct radix *r, struct slice key, void *value, void **old)
{
    struct radix_node *n = &r->root;
    while (key.n > 0) {
        unsigned index;
        struct radix_node *child = child_of(n, (unsigned char)key.p[0], &index);
        if (!child) {
            child = new_node(r, key.p, key.n);
            insert_child(r, n, index, child);
            n = child;
            break;
        }
        size_t same = common_prefix(child, key);
        if (same < child->label_n)
            child = split(r, n, index, same);
        key = skip(key, same);
        n = child;
    }
    bool added = !n->has_value;
    if (old)
        *old = added ? NULL : n->value;
    n->has_value = true;
    n->value = value;
    r->count += added;
    return added;
}

bool radix_get(const struct radix *r, struct slice key, void **value)
{
    const struct radix_node *n = &r->root;
    while (key.n > 0) {
        unsigned index;
        n = child_of(n, (unsigned char)key.p[0], &index);
        if (!n || common_prefix(n, key) < n->label_n)
            return false;
        key = skip(key, n->label_n);
    }
    if (!n->has_value)
        return false;
    if (value)
        *value = n->value;
    return true;
}

/* Joins a node that has no value with its only child, which takes its place. */
static void join(struct radix *r, struct radix_node *parent, unsigned index)
{
    struct radix_node *n = parent->children[index];
    struct radix_node *child = n->children[0];
    size_t size = (size_t)n->label_n + child->label_n;
    char *label = mem_alloc(size + 1);
    memcpy(label, n->label, n->label_n);
    memcpy(label + n->label_n, child->label, child->label_n);
    label[size] = '\0';
    set_label(r, child, label, size);
    parent->children[index] = child;
    free_node(r, n);
}

bool radix_del(struct radix *r, struct slice key, void **old)
{
    struct radix_node *grand = NULL, *parent = NULL, *n = &r->root;
    unsigned parent_index = 0, index = 0;
    while (key.n > 0) {
        unsigned next;
        struct radix_node *child = child_of(n, (unsigned char)key.p[0], &next);
        if (!child || common_prefix(child, key) < child->label_n)
            return false;
        key = skip(key, child->label_n);
        grand = parent;
        parent = n;
        parent_index = index;
        n = child;
        index = next;
    }
    if (!n->has_value)
        return false;
    if (old)
        *old = n->value;
    n->has_value = false;
    n->value = NULL;
    r->count--;
    if (!parent)
        return true;
    if (n->count == 1) {
        join(r, parent, index);
    } else if (n->count == 0) {
        remove_child(parent, index);
        free_node(r, n);
        if (grand && !parent->has_value && parent->count == 1)
            join(r, grand, parent_index);
    }
    return true;
}

size_t radix_count(const struct radix *r)
{
    return r->count;
}

size_t radix_bytes(const struct radix *r)
{
    return r->bytes;
}

void radix_free(struct radix *r, void (*free_value)(void *))
{
    if (!r)
        return;
    /* Nodes to free, as a stack of pointers. */
    struct buf stack = BUF_INIT;
    struct radix_node *n = &r->root;
    for (;;) {
        if (n->has_value && free_value)
            free_value(n->value);
        buf_put(&stack, n->children, n->count * sizeof(struct radix_node *));
        if (n == &r->root)
            mem_free(n->children);
        else
            free_node(r, n);
        if (stack.n == 0)
            break;
        stack.n -= sizeof(n);
        memcpy(&n, stack.p + stack.n, sizeof(n));
    }
    buf_free(&stack);
    mem_free(r);
}

/* One step of a walk's path: the node, the child to visit next, and the key's length up to and with the node. */
struct step {
    const struct radix_node *node;
    size_t key_n;
    unsigned next;
};

struct walk {
    struct buf path; /* of struct step */
    struct buf key;
};

static void enter(struct walk *w, const struct radix_node *n, unsigned next)
{
    buf_put(&w->key, n->label, n->label_n);
    struct step s = {n, w->key.n, next};
    buf_put(&w->path, &s, sizeof(s));
}

/* Visits what is left to visit of the path, deepest first. */
static void run(struct walk *w, bool (*fn)(void *arg, struct slice key, void *value), void *arg)
{
    while (w->path.n > 0) {
        struct step *s = (struct step *)(void *)(w->path.p + w->path.n - sizeof(*s));
        w->key.n = s->key_n;
        if (s->next >= s->node->count) {
            w->path.n -= sizeof(*s);
            continue;
        }
        const struct radix_node *child = s->node->children[s->next++];
        enter(w, child, 0);
        if (child->has_value && !fn(arg, buf_slice(&w->key), child->value))
            return;
    }
}

void radix_walk(const struct radix *r, struct slice from,
                bool (*fn)(void *arg, struct slice key, void *value), void *arg)
{
    struct walk w = {BUF_INIT, BUF_INIT};
    const struct radix_node *n = &r->root;
    /* Down along from; every node on the way is smaller than from unless it is its end. */
    for (;;) {
        if (from.n == 0) {
            enter(&w, n, 0);
            if (n->has_value && !fn(arg, buf_slice(&w.key), n->value))
                goto out;
            break;
        }
        unsigned index = child_at(n, (unsigned char)from.p[0]);
        if (index == n->count || first_byte(n->children[index]) != (unsigned char)from.p[0]) {
            enter(&w, n, index);
            break;
        }
        const struct radix_node *child = n->children[index];
        size_t same = common_prefix(child, from);
        if (same < child->label_n) {
            /* from ends inside the label, or goes on with another byte: the subtree lies behind or before it. */
            bool behind =
                same == from.n || (unsigned char)child->label[same] > (unsigned char)from.p[same];
            enter(&w, n, behind ? index : index + 1);
            break;
        }
        enter(&w, n, index + 1);
        from = skip(from, same);
        n = child;
    }
    run(&w, fn, arg);
out:
    buf_free(&w.path);
    buf_free(&w.key);
}

struct ceiling {
    struct slice key;
    bool strict, found;
    struct buf *out;
    void **value;
};

static bool first_above(void *arg, struct slice key, void *value)
{
    struct ceiling *c = arg;
    if (c->strict && slice_eq(key, c->key))
        return true;
    buf_put_slice(c->out, key);
    *c->value = value;
    c->found = true;
    return false;
}

bool radix_ceil(const struct radix *r, struct slice key, bool strict, struct buf *out, void **value)
{
    struct ceiling c = {key, strict, false, out, value};
    buf_clear(out);
    radix_walk(r, key, first_above, &c);
    return c.found;
}

/* The last entry of n's subtree; out holds the key up to n, without its label. */
static void last_of(const struct radix_node *n, struct buf *out, void **value)
{
    for (;;) {
        buf_put(out, n->label, n->label_n);
        if (n->count == 0)
            break;
        n = n->children[n->count - 1];
    }
    *value = n->value;
}

bool radix_last(const struct radix *r, struct buf *out, void **value)
{
    buf_clear(out);
    if (r->count == 0)
        return false;
    last_of(&r->root, out, value);
    return true;
}

bool radix_floor(const struct radix *r, struct slice key, bool strict, struct buf *out,
                 void **value)
{
    const struct radix_node *n = &r->root;
    /* The deepest entry found below key: best itself, or the last of its subtree, with this much of the key before it. */
    const struct radix_node *best = NULL;
    bool whole = false;
    size_t before = 0, used = 0;
    struct slice rest = key;
    for (;;) {
        bool end = rest.n == 0;
        if (n->has_value && !(end && strict)) {
            best = n;
            whole = false;
            before = used;
        }
        if (end)
            break;
        unsigned index = child_at(n, (unsigned char)rest.p[0]);
        if (index > 0) {
            best = n->children[index - 1];
            whole = true;
            before = used;
        }
        if (index == n->count || first_byte(n->children[index]) != (unsigned char)rest.p[0])
            break;
        const struct radix_node *child = n->children[index];
        size_t same = common_prefix(child, rest);
        if (same < child->label_n) {
            if (same < rest.n && (unsigned char)child->label[same] < (unsigned char)rest.p[same]) {
                best = child;
                whole = true;
                before = used;
            }
            break;
        }
        used += same;
        rest = skip(rest, same);
        n = child;
    }
    buf_clear(out);
    if (!best)
        return false;
    buf_put(out, key.p, before);
    if (whole)
        last_of(best, out, value);
    else
        *value = best->value;
    return true;
}

void radix_prefixes_of(const struct radix *r, struct slice text,
                       bool (*fn)(void *arg, struct slice key, void *value), void *arg)
{
    const struct radix_node *n = &r->root;
    size_t used = 0;
    for (;;) {
        if (n->has_value && !fn(arg, slice_make(text.p, used), n->value))
            return;
        if (used == text.n)
            return;
        unsigned index;
        struct slice rest = skip(text, used);
        n = child_of(n, (unsigned char)rest.p[0], &index);
        if (!n || common_prefix(n, rest) < n->label_n)
            return;
        used += n->label_n;
    }
}
