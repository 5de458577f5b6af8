/* Versions in skip lists.
 *
 *   space --> node(key a) ----------> node(key b) --> ...        ordered, linked both ways at the lowest level
 *               |                        |
 *             seq 9: value             seq 7: deleted            newest first
 *             seq 4: value             seq 2: value
 *
 * Writers hold the lock alone, readers share it. An iterator keeps pointers to a node and a version between its moves
 * without the lock: that is safe because it belongs to a view, and what a view can see is never freed. A version may go when
 * a newer one is visible to the oldest view too; a node when nothing of it is visible to anyone. Nodes that have something
 * to give back later wait in the garbage list. */
#include "storage/mvcc.h"

#include "base/hash.h"
#include "base/mem.h"
#include "storage/oplog.h"

#include <pthread.h>
#include <stdatomic.h>

#define MAX_HEIGHT 16

struct version {
    struct version *older;
    uint64_t seq;
    size_t n;
    bool deleted;
    char bytes[];
};

struct node {
    struct version *newest;
    struct node *prev;
    struct list_node waiting; /* in garbage or resident, or unlinked */
    unsigned space;
    unsigned height;
    size_t key_n;
    struct node *next[]; /* height pointers, then the key */
};

struct space {
    struct node *head[MAX_HEIGHT];
    struct node *last;
};

struct mvcc {
    pthread_rwlock_t lock;
    struct space *spaces;
    size_t nspaces;
    bool layered;
    _Atomic uint64_t seq;
    uint64_t base; /* everything up to here is in the store below */
    pthread_mutex_t views_lock;
    struct list_node views;    /* oldest first */
    struct list_node garbage;  /* changed, or with something to give back */
    struct list_node resident; /* layered: the other nodes, which go once they are below */
    uint64_t collected_at, collected_base;
    uint64_t entries, key_bytes, value_bytes;
    _Atomic uint64_t memory;
};

struct mvcc_iter {
    struct mvcc *m;
    const struct mvcc_view *view;
    unsigned space;
    bool has_lower, has_upper;
    struct buf lower, upper;
    struct node *at;
    const struct version *version;
};

static struct slice node_key(const struct node *n)
{
    return slice_make((const char *)(n->next + n->height), n->key_n);
}

static struct slice version_value(const struct version *v)
{
    return slice_make(v->bytes, v->n);
}

/* -- Skip list ---------------------------------------------------------------------------------------------------------- */

/* First node with key >= key. before (may be NULL) gets, for each level, the last node below key; NULL is the head. */
static struct node *find(const struct space *sp, struct slice key, struct node **before)
{
    struct node *at = NULL, *next = NULL;

    for (int level = MAX_HEIGHT - 1; level >= 0; level--) {
        next = at ? at->next[level] : sp->head[level];
        while (next && slice_cmp(node_key(next), key) < 0) {
            at = next;
            next = at->next[level];
        }
        if (before)
            before[level] = at;
    }
    return next;
}

static unsigned random_height(void)
{
    uint64_t r = hash_rand64();
    unsigned h = 1;

    while (h < MAX_HEIGHT && (r & 3) == 0) {
        r >>= 2;
        h++;
    }
    return h;
}

static struct node *node_insert(struct mvcc *m, unsigned space, struct slice key,
                                struct node **before)
{
    struct space *sp = &m->spaces[space];
    unsigned height = random_height();
    size_t bytes = sizeof(struct node) + height * sizeof(struct node *) + key.n;
    struct node *n = mem_try_alloc(bytes);

    if (!n)
        return NULL;
    memset(n, 0, sizeof *n);
    n->space = space;
    n->height = height;
    n->key_n = key.n;
    if (key.n)
        memcpy(n->next + height, key.p, key.n);
    for (unsigned level = 0; level < height; level++) {
        struct node **link = before[level] ? &before[level]->next[level] : &sp->head[level];
        n->next[level] = *link;
        *link = n;
    }
    n->prev = before[0];
    if (n->next[0])
        n->next[0]->prev = n;
    else
        sp->last = n;
    m->memory += bytes;
    return n;
}

static void node_remove(struct mvcc *m, struct node *n)
{
    struct space *sp = &m->spaces[n->space];
    struct node *before[MAX_HEIGHT];

    find(sp, node_key(n), before);
    for (unsigned level = 0; level < n->height; level++) {
        struct node **link = before[level] ? &before[level]->next[level] : &sp->head[level];
        *link = n->next[level];
    }
    if (n->next[0])
        n->next[0]->prev = n->prev;
    else
        sp->last = n->prev;
    list_remove(&n->waiting);
    m->memory -= sizeof *n + n->height * sizeof(struct node *) + n->key_n;
    mem_free(n);
}

/* -- Versions ----------------------------------------------------------------------------------------------------------- */

static void version_free(struct mvcc *m, struct version *v)
{
    m->memory -= sizeof *v + v->n;
    mem_free(v);
}

static const struct version *visible(const struct node *n, uint64_t seq, uint64_t base)
{
    const struct version *v = n->newest;

    while (v && v->seq > seq)
        v = v->older;
    return v && v->seq > base ? v : NULL;
}

/* Adds or takes away the newest version's share of the totals. */
static void count(struct mvcc *m, const struct node *n, bool add)
{
    const struct version *v = n->newest;

    if (!v || v->deleted)
        return;
    if (add) {
        m->entries++;
        m->key_bytes += n->key_n;
        m->value_bytes += v->n;
    } else {
        m->entries--;
        m->key_bytes -= n->key_n;
        m->value_bytes -= v->n;
    }
}

/* To be looked at by undo or the next collect. */
static void mark(struct mvcc *m, struct node *n)
{
    list_remove(&n->waiting);
    list_push(&m->garbage, &n->waiting);
}

static enum status add_version(struct mvcc *m, unsigned space, struct slice key, struct slice value,
                               bool deleted, uint64_t seq, struct error *err)
{
    struct node *before[MAX_HEIGHT];
    struct node *n = find(&m->spaces[space], key, before);
    bool there = n && slice_eq(node_key(n), key);

    if (!there && deleted && !m->layered)
        return ST_OK;
    struct version *v = mem_try_alloc(sizeof *v + value.n);
    if (v && !there)
        n = node_insert(m, space, key, before);
    if (!v || !n) {
        mem_free(v);
        return error_set(err, ST_NO_MEMORY, "no memory for a key of %zu and a value of %zu bytes",
                         key.n, value.n);
    }
    v->seq = seq;
    v->n = value.n;
    v->deleted = deleted;
    if (value.n)
        memcpy(v->bytes, value.p, value.n);
    count(m, n, false);
    v->older = n->newest;
    if (v->older && v->older->seq == seq) {
        struct version *same = v->older;
        v->older = same->older;
        version_free(m, same);
    }
    n->newest = v;
    m->memory += sizeof *v + value.n;
    count(m, n, true);
    mark(m, n);
    return ST_OK;
}

static void delete_range(struct mvcc *m, const struct oplog_op *op, uint64_t seq)
{
    struct node *n = find(&m->spaces[op->space], op->key, NULL);

    for (; n && (op->kind == OPLOG_DEL_FROM || slice_cmp(node_key(n), op->second) < 0);
         n = n->next[0]) {
        struct version *v;
        if (n->newest->deleted)
            continue;
        v = mem_alloc(sizeof *v);
        *v = (struct version){.older = n->newest, .seq = seq, .deleted = true};
        count(m, n, false);
        if (v->older->seq == seq) {
            v->older = n->newest->older;
            version_free(m, n->newest);
        }
        n->newest = v;
        m->memory += sizeof *v;
        mark(m, n);
    }
}

/* Takes back what a failed batch has added. */
static void undo(struct mvcc *m, uint64_t seq)
{
    for (struct list_node *l = m->garbage.next, *next; l != &m->garbage; l = next) {
        struct node *n = LIST_ENTRY(l, struct node, waiting);
        next = l->next;
        if (n->newest->seq != seq)
            continue;
        struct version *v = n->newest;
        count(m, n, false);
        n->newest = v->older;
        count(m, n, true);
        version_free(m, v);
        if (!n->newest)
            node_remove(m, n);
    }
}

/* Frees what no view can see of the nodes in a list. */
static void collect_list(struct mvcc *m, struct list_node *list, uint64_t oldest, uint64_t base)
{
    LIST_EACH_SAFE(l, tmp, list)
    {
        struct node *n = LIST_ENTRY(l, struct node, waiting);
        struct version *keep = n->newest;
        while (keep->older && keep->seq > oldest)
            keep = keep->older;
        while (keep->older) {
            struct version *old = keep->older;
            keep->older = old->older;
            version_free(m, old);
        }
        bool gone =
            m->layered ? n->newest->seq <= base : n->newest->deleted && n->newest->seq <= oldest;
        if (gone) {
            count(m, n, false);
            while (n->newest) {
                struct version *v = n->newest;
                n->newest = v->older;
                version_free(m, v);
            }
            node_remove(m, n);
        } else if (list == &m->garbage && !n->newest->older &&
                   (m->layered || !n->newest->deleted)) {
            list_remove(l);
            if (m->layered)
                list_push(&m->resident, l);
        }
    }
}

static void collect(struct mvcc *m)
{
    uint64_t oldest = m->seq, base = m->base;

    pthread_mutex_lock(&m->views_lock);
    if (!list_empty(&m->views)) {
        const struct mvcc_view *v = LIST_ENTRY(m->views.next, struct mvcc_view, link);
        oldest = v->seq;
        base = v->base;
    }
    pthread_mutex_unlock(&m->views_lock);
    if (oldest != m->collected_at || base != m->collected_base)
        collect_list(m, &m->garbage, oldest, base);
    if (base != m->collected_base)
        collect_list(m, &m->resident, oldest, base);
    m->collected_at = oldest;
    m->collected_base = base;
}

/* -- Writing ------------------------------------------------------------------------------------------------------------ */

enum status mvcc_apply(struct mvcc *m, struct slice log, struct error *err)
{
    struct reader r = reader_make(log);
    struct oplog_op op;
    enum status st = ST_OK;

    pthread_rwlock_wrlock(&m->lock);
    uint64_t seq = m->seq + 1;
    while (st == ST_OK && oplog_next(&r, &op)) {
        orbit_assert(op.space < m->nspaces);
        switch (op.kind) {
        case OPLOG_PUT:
            st = add_version(m, op.space, op.key, op.second, false, seq, err);
            break;
        case OPLOG_DEL:
            st = add_version(m, op.space, op.key, op.second, true, seq, err);
            break;
        case OPLOG_DEL_RANGE:
        case OPLOG_DEL_FROM:
            delete_range(m, &op, seq);
            break;
        }
    }
    orbit_assert(!r.bad);
    if (st == ST_OK) {
        m->seq = seq;
        collect(m);
    } else {
        undo(m, seq);
    }
    pthread_rwlock_unlock(&m->lock);
    return st;
}

static enum status apply_one(struct mvcc *m, unsigned space, struct slice key, struct slice value,
                             bool deleted, struct error *err)
{
    pthread_rwlock_wrlock(&m->lock);
    enum status st = add_version(m, space, key, value, deleted, m->seq + 1, err);
    if (st == ST_OK) {
        m->seq++;
        collect(m);
    }
    pthread_rwlock_unlock(&m->lock);
    return st;
}

enum status mvcc_put(struct mvcc *m, unsigned space, struct slice key, struct slice value,
                     struct error *err)
{
    return apply_one(m, space, key, value, false, err);
}

enum status mvcc_del(struct mvcc *m, unsigned space, struct slice key, struct error *err)
{
    return apply_one(m, space, key, slice_make("", 0), true, err);
}

void mvcc_flushed(struct mvcc *m, uint64_t seq)
{
    pthread_rwlock_wrlock(&m->lock);
    m->base = seq;
    collect(m);
    pthread_rwlock_unlock(&m->lock);
}

uint64_t mvcc_seq(const struct mvcc *m)
{
    return m->seq;
}

void mvcc_set_seq(struct mvcc *m, uint64_t seq)
{
    m->seq = seq;
}

/* -- Reading ------------------------------------------------------------------------------------------------------------ */

enum status mvcc_get(struct mvcc *m, const struct mvcc_view *view, unsigned space, struct slice key,
                     enum mvcc_found *found, struct buf *v, struct error *err)
{
    enum status st = ST_OK;

    pthread_rwlock_rdlock(&m->lock);
    const struct node *n = find(&m->spaces[space], key, NULL);
    const struct version *version = NULL;
    if (n && slice_eq(node_key(n), key))
        version = visible(n, view ? view->seq : m->seq, view ? view->base : 0);
    *found = !version ? MVCC_NONE : version->deleted ? MVCC_DELETED : MVCC_VALUE;
    if (*found == MVCC_VALUE && v) {
        buf_clear(v);
        if (buf_try_reserve(v, version->n))
            buf_put_slice(v, version_value(version));
        else
            st = error_set(err, ST_NO_MEMORY, "no memory for a value of %zu bytes", version->n);
    }
    pthread_rwlock_unlock(&m->lock);
    return st;
}

void mvcc_view_open(struct mvcc *m, struct mvcc_view *view)
{
    pthread_rwlock_rdlock(&m->lock);
    pthread_mutex_lock(&m->views_lock);
    view->seq = m->seq;
    view->base = m->base;
    view->link = (struct list_node){NULL, NULL};
    list_push(&m->views, &view->link);
    pthread_mutex_unlock(&m->views_lock);
    pthread_rwlock_unlock(&m->lock);
}

void mvcc_view_close(struct mvcc *m, struct mvcc_view *view)
{
    pthread_mutex_lock(&m->views_lock);
    bool oldest = m->views.next == &view->link;
    list_remove(&view->link);
    pthread_mutex_unlock(&m->views_lock);
    if (!oldest)
        return;
    pthread_rwlock_rdlock(&m->lock);
    bool any =
        !list_empty(&m->garbage) || (m->base != m->collected_base && !list_empty(&m->resident));
    pthread_rwlock_unlock(&m->lock);
    if (!any)
        return;
    pthread_rwlock_wrlock(&m->lock);
    collect(m);
    pthread_rwlock_unlock(&m->lock);
}

uint64_t mvcc_range_bytes(struct mvcc *m, unsigned space, struct slice from, struct slice to)
{
    uint64_t sum = 0;

    pthread_rwlock_rdlock(&m->lock);
    for (const struct node *n = find(&m->spaces[space], from, NULL);
         n && (!to.p || slice_cmp(node_key(n), to) < 0); n = n->next[0])
        if (!n->newest->deleted)
            sum += n->key_n + n->newest->n;
    pthread_rwlock_unlock(&m->lock);
    return sum;
}

uint64_t mvcc_memory(const struct mvcc *m)
{
    return m->memory;
}

void mvcc_stats(struct mvcc *m, struct mvcc_stats *out)
{
    pthread_rwlock_rdlock(&m->lock);
    *out = (struct mvcc_stats){m->entries, m->key_bytes, m->value_bytes, m->memory, 0};
    pthread_mutex_lock(&m->views_lock);
    LIST_EACH(l, &m->views)
    out->views++;
    pthread_mutex_unlock(&m->views_lock);
    pthread_rwlock_unlock(&m->lock);
}

/* -- Life --------------------------------------------------------------------------------------------------------------- */

struct mvcc *mvcc_new(size_t nspaces, bool layered)
{
    struct mvcc *m = mem_calloc(1, sizeof *m);

    pthread_rwlock_init(&m->lock, NULL);
    pthread_mutex_init(&m->views_lock, NULL);
    list_init(&m->views);
    list_init(&m->garbage);
    list_init(&m->resident);
    m->layered = layered;
    m->memory = sizeof *m + nspaces * sizeof *m->spaces;
    m->nspaces = nspaces;
    m->spaces = mem_calloc(nspaces ? nspaces : 1, sizeof *m->spaces);
    return m;
}

unsigned mvcc_add_space(struct mvcc *m)
{
    m->spaces = mem_realloc(m->spaces, (m->nspaces + 1) * sizeof *m->spaces);
    memset(&m->spaces[m->nspaces], 0, sizeof *m->spaces);
    return (unsigned)m->nspaces++;
}

void mvcc_free(struct mvcc *m)
{
    if (!m)
        return;
    orbit_assert(list_empty(&m->views));
    for (size_t i = 0; i < m->nspaces; i++) {
        for (struct node *n = m->spaces[i].head[0], *next; n; n = next) {
            next = n->next[0];
            for (struct version *v = n->newest, *older; v; v = older) {
                older = v->older;
                mem_free(v);
            }
            mem_free(n);
        }
    }
    pthread_rwlock_destroy(&m->lock);
    pthread_mutex_destroy(&m->views_lock);
    mem_free(m->spaces);
    mem_free(m);
}

/* -- Iterators ---------------------------------------------------------------------------------------------------------- */

struct mvcc_iter *mvcc_iter_new(struct mvcc *m, const struct mvcc_view *view, unsigned space,
                                struct slice lower, struct slice upper)
{
    struct mvcc_iter *it = mem_calloc(1, sizeof *it);

    it->m = m;
    it->view = view;
    it->space = space;
    it->has_lower = lower.p != NULL;
    it->has_upper = upper.p != NULL;
    buf_put_slice(&it->lower, lower);
    buf_put_slice(&it->upper, upper);
    return it;
}

void mvcc_iter_free(struct mvcc_iter *it)
{
    if (!it)
        return;
    buf_free(&it->lower);
    buf_free(&it->upper);
    mem_free(it);
}

/* From n on in one direction to the first node that the view sees. */
static void settle(struct mvcc_iter *it, struct node *n, bool forward)
{
    it->at = NULL;
    for (; n; n = forward ? n->next[0] : n->prev) {
        if (it->has_upper && slice_cmp(node_key(n), buf_slice(&it->upper)) >= 0) {
            if (forward)
                return;
            continue;
        }
        if (it->has_lower && slice_cmp(node_key(n), buf_slice(&it->lower)) < 0) {
            if (!forward)
                return;
            continue;
        }
        it->version = visible(n, it->view->seq, it->view->base);
        if (it->version && (it->m->layered || !it->version->deleted)) {
            it->at = n;
            return;
        }
    }
}

/* Last node with key < key, or <= key. */
static struct node *find_before(const struct space *sp, struct slice key, bool or_equal)
{
    struct node *before[MAX_HEIGHT];
    struct node *n = find(sp, key, before);

    return or_equal && n && slice_eq(node_key(n), key) ? n : before[0];
}

void mvcc_iter_first(struct mvcc_iter *it)
{
    const struct space *sp = &it->m->spaces[it->space];

    pthread_rwlock_rdlock(&it->m->lock);
    settle(it, it->has_lower ? find(sp, buf_slice(&it->lower), NULL) : sp->head[0], true);
    pthread_rwlock_unlock(&it->m->lock);
}

void mvcc_iter_last(struct mvcc_iter *it)
{
    const struct space *sp = &it->m->spaces[it->space];

    pthread_rwlock_rdlock(&it->m->lock);
    settle(it, it->has_upper ? find_before(sp, buf_slice(&it->upper), false) : sp->last, false);
    pthread_rwlock_unlock(&it->m->lock);
}

void mvcc_iter_seek(struct mvcc_iter *it, struct slice key)
{
    const struct space *sp = &it->m->spaces[it->space];

    pthread_rwlock_rdlock(&it->m->lock);
    settle(it, find(sp, key, NULL), true);
    pthread_rwlock_unlock(&it->m->lock);
}

void mvcc_iter_seek_prev(struct mvcc_iter *it, struct slice key)
{
    const struct space *sp = &it->m->spaces[it->space];

    pthread_rwlock_rdlock(&it->m->lock);
    settle(it, find_before(sp, key, true), false);
    pthread_rwlock_unlock(&it->m->lock);
}

void mvcc_iter_next(struct mvcc_iter *it)
{
    pthread_rwlock_rdlock(&it->m->lock);
    settle(it, it->at->next[0], true);
    pthread_rwlock_unlock(&it->m->lock);
}

void mvcc_iter_prev(struct mvcc_iter *it)
{
    pthread_rwlock_rdlock(&it->m->lock);
    settle(it, it->at->prev, false);
    pthread_rwlock_unlock(&it->m->lock);
}

bool mvcc_iter_valid(const struct mvcc_iter *it)
{
    return it->at != NULL;
}

bool mvcc_iter_deleted(const struct mvcc_iter *it)
{
    return it->version->deleted;
}

struct slice mvcc_iter_key(const struct mvcc_iter *it)
{
    return node_key(it->at);
}

struct slice mvcc_iter_value(const struct mvcc_iter *it)
{
    return version_value(it->version);
}
