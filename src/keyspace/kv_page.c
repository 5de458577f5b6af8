/* Pages of collections: where they come from, who knows that they are dirty, and how they go.
 *
 *   store --load--> clean --change--> dirty, in the list of its generation --fold takes it--> taken --fold done--> clean
 *                     ^                                                                                              |
 *                     +----------------- the cache's hand drops clean pages that were not used ----------------------+
 *
 * A taken leaf is shared with the fold, not copied; whoever changes it meanwhile copies it. A root leaf that is stored inside
 * its record has no number and none of this: the record is encoded with it. */
#include "base/mem.h"
#include "keyspace/kv_coll.h"

#define VIEW_PAGES_MAX 4096 /* loaded pages of one collection of a view */

static struct kv_db *db_of(const struct kv_coll *c)
{
    return &c->kv->dbs[c->phys];
}

static size_t page_bytes(const struct kv_page *p)
{
    size_t n = sizeof(*p);
    if (p->is_leaf)
        return n + (p->u.leaf ? p->u.leaf->size : 0);
    return n + (p->u.inner ? kv__inner_size(p->u.inner) : 0);
}

static void add_mem(struct kv_coll *c, int64_t delta)
{
    c->mem += (size_t)delta;
    if (c->kv) {
        c->kv->cache_bytes += (size_t)delta;
        db_of(c)->cache_bytes += (size_t)delta;
    }
}

static void add_dirty(struct kv_coll *c, int64_t delta)
{
    c->dirty += (size_t)delta;
    if (!c->dead) {
        c->kv->dirty_bytes += (size_t)delta;
        db_of(c)->dirty_bytes += (size_t)delta;
    }
}

/* -- The ring ---------------------------------------------------------------------------------------------------------- */

static void ring_add(struct kv_coll *c, struct kv_page *p)
{
    c->pages++;
    if (!c->ring) {
        c->ring = p->rnext = p->rprev = p;
        return;
    }
    p->rnext = c->ring;
    p->rprev = c->ring->rprev;
    p->rprev->rnext = p;
    c->ring->rprev = p;
}

static void ring_remove(struct kv_coll *c, struct kv_page *p)
{
    c->pages--;
    if (c->ring == p)
        c->ring = p->rnext == p ? NULL : p->rnext;
    p->rnext->rprev = p->rprev;
    p->rprev->rnext = p->rnext;
    p->rnext = p->rprev = NULL;
}

/* -- Dirty lists ------------------------------------------------------------------------------------------------------- */

static void link_coll(struct kv_coll *c, unsigned gen)
{
    struct kv_db *d = db_of(c);
    c->gprev[gen] = NULL;
    c->gnext[gen] = d->colls[gen];
    if (c->gnext[gen])
        c->gnext[gen]->gprev[gen] = c;
    d->colls[gen] = c;
}

static void unlink_coll(struct kv_coll *c, unsigned gen)
{
    struct kv_db *d = db_of(c);
    if (c->gnext[gen])
        c->gnext[gen]->gprev[gen] = c->gprev[gen];
    if (c->gprev[gen])
        c->gprev[gen]->gnext[gen] = c->gnext[gen];
    else
        d->colls[gen] = c->gnext[gen];
    c->gnext[gen] = c->gprev[gen] = NULL;
}

static void mark_dirty(struct kv_page *p)
{
    struct kv_coll *c = p->tree->coll;
    unsigned gen = c->kv->gen;
    if (!c->dirty_pages[gen])
        link_coll(c, gen);
    p->gen = (uint8_t)gen;
    p->dirty = true;
    p->dprev = NULL;
    p->dnext = c->dirty_pages[gen];
    if (p->dnext)
        p->dnext->dprev = p;
    c->dirty_pages[gen] = p;
    add_dirty(c, (int64_t)page_bytes(p));
}

/* Out of its dirty list; the sums of dirty bytes are the caller's. */
static void unmark_dirty(struct kv_page *p)
{
    struct kv_coll *c = p->tree->coll;
    if (p->dnext)
        p->dnext->dprev = p->dprev;
    if (p->dprev)
        p->dprev->dnext = p->dnext;
    else
        c->dirty_pages[p->gen] = p->dnext;
    p->dnext = p->dprev = NULL;
    p->dirty = false;
    if (!c->dirty_pages[p->gen])
        unlink_coll(c, p->gen);
}

/* The fold under way gets its share of a page of its cut. Its bytes stay in the sums until the fold is through. */
static void take(struct kv_page *p)
{
    struct kv_coll *c = p->tree->coll;
    size_t bytes = page_bytes(p);
    p->fold = kv__fold_take_page(c->kv, p, c->dead ? 0 : bytes);
    c->dirty -= bytes;
    p->stored = c->stored = true;
    unmark_dirty(p);
}

static bool pending(const struct kv_page *p)
{
    return p->dirty && p->gen != p->tree->coll->kv->gen;
}

/* -- Provided for the trees ---------------------------------------------------------------------------------------------- */

static void drop_content(struct kv_page *p)
{
    if (p->is_leaf && p->u.leaf)
        kv__leaf_unref(p->u.leaf);
    else if (!p->is_leaf && p->u.inner)
        kv__inner_free(p->u.inner);
}

static bool give_number(struct kv_coll *c, struct kv_page *p)
{
    if (c->next_page == UINT32_MAX)
        return false;
    if (c->id == 0)
        c->id = db_of(c)->next_id++;
    p->id = c->next_page++;
    ring_add(c, p);
    add_mem(c, (int64_t)page_bytes(p));
    mark_dirty(p);
    return true;
}

struct kv_page *kv__page_new(struct kv_tree *t, struct kv_page *parent, bool is_leaf)
{
    struct kv_page *p = mem_try_alloc(sizeof(*p));
    if (!p)
        return NULL;
    *p = (struct kv_page){.tree = t, .parent = parent, .is_leaf = is_leaf, .used = true};
    if ((parent || !is_leaf) && !give_number(t->coll, p)) {
        mem_free(p);
        return NULL;
    }
    return p;
}

bool kv__page_change(struct kv_page *p)
{
    if (p->id != 0 && pending(p))
        take(p);
    if (p->is_leaf && p->u.leaf && kv__leaf_shared(p->u.leaf)) {
        struct kv_leaf *copy = kv__leaf_copy(p->u.leaf);
        if (!copy)
            return false;
        int64_t delta = (int64_t)copy->size - (int64_t)p->u.leaf->size;
        kv__leaf_unref(p->u.leaf);
        p->u.leaf = copy;
        kv__page_resized(p, delta);
    }
    if (p->id != 0 && !p->dirty)
        mark_dirty(p);
    return true;
}

/* A numbered page leaves lists, sums and, with the next fold, the store. */
static void give_up(struct kv_page *p)
{
    struct kv_coll *c = p->tree->coll;
    if (pending(p))
        take(p);
    if (p->dirty) {
        add_dirty(c, -(int64_t)page_bytes(p));
        unmark_dirty(p);
    }
    ring_remove(c, p);
    add_mem(c, -(int64_t)page_bytes(p));
    if (p->stored)
        kv__fold_drop_page(c->kv, c->phys, c->id, p->id);
}

void kv__page_drop(struct kv_page *p)
{
    if (p->id != 0)
        give_up(p);
    drop_content(p);
    mem_free(p);
}

void kv__page_number(struct kv_page *p)
{
    if (p->id == 0)
        orbit_assert(give_number(p->tree->coll, p));
}

void kv__page_unnumber(struct kv_page *p)
{
    if (p->id == 0)
        return;
    give_up(p);
    p->id = 0;
    p->stored = false;
}

void kv__page_resized(struct kv_page *p, int64_t delta)
{
    if (p->id == 0)
        return;
    add_mem(p->tree->coll, delta);
    if (p->dirty)
        add_dirty(p->tree->coll, delta);
}

/* A view goes through a collection from one end to the other: what it left behind goes. */
static void view_trim(struct kv_coll *c)
{
    for (uint32_t n = c->pages; n > VIEW_PAGES_MAX / 2; n--) {
        struct kv_page *p = c->ring;
        c->ring = p->rnext;
        if (p->is_leaf || p->loaded == 0)
            kv__page_forget(p);
    }
}

static enum status read_page(struct kv_coll *c, uint32_t id, struct buf *out, struct error *err)
{
    char key[KV_KEY_PREFIX + 4];
    kv__page_key(c->phys, c->id, id, key);
    enum status st = stor_get(c->src->store, c->src->snap, KV_SPACE_META,
                              slice_make(key, sizeof(key)), out, err);
    if (st == ST_NOT_FOUND)
        return error_set(err, ST_CORRUPT, "a page of a collection is missing in the store");
    return st;
}

enum status kv__page_load(struct kv_tree *t, struct kv_page *parent, uint32_t id, bool is_leaf,
                          struct kv_page **out, struct error *err)
{
    struct kv_coll *c = t->coll;
    struct buf bytes = BUF_INIT;
    enum status st = read_page(c, id, &bytes, err);
    if (st != ST_OK)
        goto done;
    if (c->kv)
        c->kv->st.cold_reads++;
    else if (c->pages > VIEW_PAGES_MAX)
        view_trim(c);
    struct kv_page *p = mem_try_alloc(sizeof(*p));
    if (!p) {
        st = error_set(err, ST_NO_MEMORY, "out of memory");
        goto done;
    }
    *p = (struct kv_page){.tree = t, .parent = parent, .id = id, .is_leaf = is_leaf};
    p->stored = p->used = true;
    if (is_leaf)
        p->u.leaf = kv__leaf_decode(buf_slice(&bytes), !t->positional);
    else
        p->u.inner = kv__inner_decode(buf_slice(&bytes));
    if (is_leaf ? !p->u.leaf : !p->u.inner) {
        mem_free(p);
        st = error_set(err, ST_CORRUPT, "a page of a collection in the store is damaged");
        goto done;
    }
    ring_add(c, p);
    add_mem(c, (int64_t)page_bytes(p));
    *out = p;
done:
    buf_free(&bytes);
    return st;
}

/* -- Forgetting and freeing ---------------------------------------------------------------------------------------------- */

void kv__page_forget(struct kv_page *p)
{
    struct kv_coll *c = p->tree->coll;
    ring_remove(c, p);
    add_mem(c, -(int64_t)page_bytes(p));
    if (p->parent)
        kv__inner_forget(p->parent, p);
    else
        p->tree->root = NULL;
    drop_content(p);
    mem_free(p);
}

bool kv__coll_shrink(struct kv_coll *c, unsigned visits)
{
    bool any = false;
    for (unsigned i = 0; i < visits && c->ring; i++) {
        struct kv_page *p = c->ring;
        c->ring = p->rnext;
        if (p->dirty || p->fold > c->kv->fold_done || p->loaded > 0)
            continue;
        any = true;
        if (p->used)
            p->used = false;
        else
            kv__page_forget(p);
    }
    return any;
}

void kv__coll_free(struct kv_coll *c)
{
    for (size_t i = 0; i < COUNT_OF(c->tree); i++) {
        struct kv_page *root = c->tree[i].root;
        if (root && root->id == 0) {
            drop_content(root);
            mem_free(root);
        }
    }
    struct kv_page *p = c->ring;
    for (uint32_t n = c->pages; n > 0; n--) {
        struct kv_page *next = p->rnext;
        drop_content(p);
        mem_free(p);
        p = next;
    }
    mem_free(c->ext);
    mem_free(c);
}

static void free_run(void *arg)
{
    kv__coll_free(arg);
}

#define FREE_INLINE_MAX 64 /* pages that are freed at once */
#define LAZY_MIN        64 /* elements from which INFO counts a collection as freed later */

static void free_soon(struct kv *kv, struct kv_coll *c)
{
    if (c->pages <= FREE_INLINE_MAX)
        kv__coll_free(c);
    else
        kv__submit(kv, KV_LANE_FREE, free_run, NULL, c);
}

bool kv__pages_take(struct kv *kv, struct kv_db *d, unsigned *n)
{
    struct kv_coll *c = d->colls[kv->gen ^ 1];
    if (!c)
        return false;
    take(c->dirty_pages[kv->gen ^ 1]);
    *n += 1;
    if (c->dead && !c->dirty_pages[kv->gen ^ 1])
        free_soon(kv, c);
    return true;
}

enum status kv__pages_give(struct kv_coll *c,
                           enum status (*put)(void *arg, const struct kv_page *p,
                                              struct error *err),
                           void *arg, struct error *err)
{
    struct kv_page *p;
    enum status st = ST_OK;
    while (st == ST_OK && (p = c->dirty_pages[c->kv->gen]) != NULL) {
        st = put(arg, p, err);
        add_dirty(c, -(int64_t)page_bytes(p));
        unmark_dirty(p);
    }
    return st;
}

/* Out of the sums of its database, and out of the list of the pages that no fold has seen. */
static void leave(struct kv_coll *c)
{
    struct kv *kv = c->kv;
    struct kv_db *d = db_of(c);
    if (c->dirty_pages[kv->gen]) {
        unlink_coll(c, kv->gen);
        c->dirty_pages[kv->gen] = NULL;
    }
    kv->cache_bytes -= c->mem;
    d->cache_bytes -= c->mem;
    kv->dirty_bytes -= c->dirty;
    d->dirty_bytes -= c->dirty;
}

void kv__coll_release(struct kv_coll *c)
{
    struct kv *kv = c->kv;
    if (!kv) {
        kv__coll_free(c);
        return;
    }
    unsigned cut = kv->gen ^ 1u;
    leave(c);
    kv->st.lazy_freed += c->tree[0].count > LAZY_MIN;
    if (c->stored || c->dirty_pages[cut])
        kv__fold_drop_coll(kv, c->phys, c->id, c->next_page);
    if (c->dirty_pages[cut])
        c->dead =
            true; /* the fold under way still wants these pages; it frees the rest with them */
    else
        free_soon(kv, c);
}

void kv__coll_forget(struct kv_coll *c)
{
    orbit_assert(c->dirty == 0);
    leave(c);
    free_soon(c->kv, c);
}
