/* Pages of collections in a fold: entries like records, at places of their own (FORMAT.md), and collections that go whole. */
#include "base/clock.h"
#include "base/log.h"
#include "keyspace/kv_fold_priv.h"

#include <string.h>

static struct fold_entry page_entry(uint8_t phys, uint64_t id, bool live)
{
    return (struct fold_entry){.pos = KV_POS_PAGE | id,
                               .old_expire = KV_NO_EXPIRE,
                               .new_expire = KV_NO_EXPIRE,
                               .phys = phys,
                               .type = live ? KV_STRING : KV_NONE};
}

static struct slice page_name(uint32_t page, char out[4])
{
    uint32_t be = __builtin_bswap32(page);
    memcpy(out, &be, sizeof(be));
    return slice_make(out, sizeof(be));
}

uint32_t kv__fold_take_page(struct kv *kv, struct kv_page *p, size_t dirty)
{
    struct kv_fold *f = kv->fold;
    const struct kv_coll *c = p->tree->coll;
    struct fold_entry e = page_entry(c->phys, c->id, true);
    struct buf *b = &kv->scratch;
    char name[4];
    buf_clear(b);
    if (p->is_leaf) {
        e.leaf = p->u.leaf;
        kv__leaf_ref(e.leaf);
    } else {
        kv__inner_encode(p, b);
    }
    kv__fold_add(f, &e, page_name(p->id, name), buf_slice(b));
    f->page_dirty[c->phys] += dirty;
    return f->number;
}

void kv__fold_forget_db(struct kv *kv, const struct kv_db *d)
{
    kv->fold->page_dirty[d->phys] = 0;
}

void kv__fold_drop_page(struct kv *kv, uint8_t phys, uint64_t id, uint32_t page)
{
    struct fold_grave g = {.id = id, .page = page, .phys = phys};
    buf_put(&kv->dead_pages, &g, sizeof(g));
}

#define GRAVE_MIN 64 /* pages from which a range delete is better than one for each */

void kv__fold_drop_coll(struct kv *kv, uint8_t phys, uint64_t id, uint32_t next_page)
{
    struct fold_grave g = {.id = id, .page = next_page, .phys = phys};
    if (next_page > GRAVE_MIN) {
        buf_put(&kv->graves, &g, sizeof(g));
        return;
    }
    for (uint32_t page = 1; page < next_page; page++)
        kv__fold_drop_page(kv, phys, id, page);
}

static bool fold_dead_pages(struct kv_fold *f, unsigned *n)
{
    if (f->dead_cursor >= f->dead_pages.n)
        return false;
    struct fold_grave g;
    char name[4];
    memcpy(&g, f->dead_pages.p + f->dead_cursor, sizeof(g));
    f->dead_cursor += sizeof(g);
    struct fold_entry e = page_entry(g.phys, g.id, false);
    kv__fold_add(f, &e, page_name(g.page, name), SLICE_NULL);
    *n += 1;
    return true;
}

bool kv__fold_pages_until(struct kv *kv, int64_t until_us)
{
    struct kv_fold *f = kv->fold;
    unsigned n = 0;
    for (int i = 0; i < kv->nphys; i++) {
        while (kv__pages_take(kv, &kv->dbs[i], &n)) {
            if ((n & 63) == 0 && clock_mono_us() >= until_us)
                return false;
        }
    }
    while (fold_dead_pages(f, &n)) {
        if ((n & 63) == 0 && clock_mono_us() >= until_us)
            return false;
    }
    return true;
}

/* -- Graves ------------------------------------------------------------------------------------------------------------ */

/* Graves: collections of many pages are deleted by range. A bulk knows no ranges, so the fold holds a mark for each, and the
 * ranges go afterwards, the marks with them. */

static struct fold_grave grave_at(const struct buf *graves, size_t i)
{
    struct fold_grave g;
    memcpy(&g, graves->p + i * sizeof(g), sizeof(g));
    return g;
}

static size_t grave_count(const struct buf *graves)
{
    return graves->n / sizeof(struct fold_grave);
}

static void put_grave_range(struct stor_batch *b, uint8_t phys, uint64_t id, struct buf *key)
{
    struct buf end = BUF_INIT;
    buf_clear(key);
    kv__encode_key(key, phys, KV_POS_PAGE | id, SLICE_NULL);
    kv__encode_key(&end, phys, KV_POS_PAGE | id, SLICE("\xff\xff\xff\xff"));
    stor_batch_del_range(b, KV_SPACE_META, buf_slice(key), buf_slice(&end));
    buf_free(&end);
}

void kv__fold_mark_graves(struct kv *kv)
{
    struct kv_fold *f = kv->fold;
    for (size_t i = 0; i < grave_count(&f->graves); i++) {
        struct fold_grave g = grave_at(&f->graves, i);
        kv__fold_put(kv, g.phys, KV_POS_GRAVE | g.id, SLICE_NULL, SLICE_NULL);
    }
}

enum status kv__fold_dig_graves(struct stor *store, const struct buf *graves, struct error *err)
{
    struct stor_batch *b = stor_batch_new(store);
    struct buf key = BUF_INIT;
    for (size_t i = 0; i < grave_count(graves); i++) {
        struct fold_grave g = grave_at(graves, i);
        put_grave_range(b, g.phys, g.id, &key);
        buf_clear(&key);
        kv__encode_key(&key, g.phys, KV_POS_GRAVE | g.id, SLICE_NULL);
        stor_batch_del(b, KV_SPACE_META, buf_slice(&key));
    }
    enum status st = stor_write(store, b, 0, err);
    stor_batch_free(b);
    buf_free(&key);
    return st;
}

enum status kv__fold_bury(struct kv *kv, struct error *err)
{
    struct buf graves = BUF_INIT, lower = BUF_INIT, upper = BUF_INIT;
    enum status st = ST_OK;
    for (int i = 0; i < kv->nphys && st == ST_OK; i++) {
        buf_clear(&lower);
        buf_clear(&upper);
        kv__encode_key(&lower, (uint8_t)i, KV_POS_GRAVE, SLICE_NULL);
        kv__encode_key(&upper, (uint8_t)i, KV_POS_PAGE, SLICE_NULL);
        struct stor_iter_opts opts = {.lower = buf_slice(&lower), .upper = buf_slice(&upper)};
        struct stor_iter *it = stor_iter_new(kv->store, KV_SPACE_META, &opts);
        for (stor_iter_first(it); stor_iter_valid(it); stor_iter_next(it)) {
            uint8_t phys;
            uint64_t pos;
            struct slice rest;
            if (!kv__decode_key(stor_iter_key(it), &phys, &pos, &rest))
                continue;
            struct fold_grave g = {.id = pos & KV_HASH_MASK, .phys = phys};
            buf_put(&graves, &g, sizeof(g));
        }
        st = stor_iter_status(it, err);
        stor_iter_free(it);
    }
    if (st == ST_OK && graves.n > 0)
        st = kv__fold_dig_graves(kv->store, &graves, err);
    buf_free(&graves);
    buf_free(&lower);
    buf_free(&upper);
    return st;
}

/* Gives the space of large ones back at once; the store would do so only when it comes by. */
#define COMPACT_MIN_PAGES 4096

void kv__fold_compact_graves(const struct kv_fold *f)
{
    struct buf key = BUF_INIT, end = BUF_INIT;
    for (size_t i = 0; i < grave_count(&f->graves); i++) {
        struct fold_grave g = grave_at(&f->graves, i);
        struct error err;
        if (g.page < COMPACT_MIN_PAGES)
            continue;
        buf_clear(&key);
        buf_clear(&end);
        kv__encode_key(&key, g.phys, KV_POS_PAGE | g.id, SLICE_NULL);
        kv__encode_key(&end, g.phys, KV_POS_PAGE | (g.id + 1), SLICE_NULL);
        if (stor_compact(f->store, KV_SPACE_META, buf_slice(&key), buf_slice(&end), &err) != ST_OK)
            log_warning(LOG_KEYSPACE, "Compacting the place of a deleted collection failed: %s",
                        err.message);
    }
    buf_free(&key);
    buf_free(&end);
}
