/* Visiting keys in (slot, hash48) order: the store's order, merged with what memory knows better. Of each slot the records
 * that the store does not have as they are (dirty, pending, done) are collected and sorted; a key of the store that memory
 * has another version of is left out.
 *
 *   cursor ->  slot s: store keys  a   c   d         merged:  a b c e     (d: deleted in memory)
 *              slot s: memory        b     d' e
 */
#include "base/mem.h"
#include "base/reader.h"
#include "keyspace/kv_object.h"
#include "keyspace/kv_priv.h"

#include <stdlib.h>

struct scan {
    struct kv *kv;
    struct kv_db *d;
    uint64_t cursor, want, seen;
    uint64_t last_pos; /* of the last record visited */
    bool any, stop;
    uint64_t next;
    void (*fn)(void *arg, const struct kv_scan_entry *e);
    void *arg;
    struct stor_iter *it; /* NULL: the store has nothing to say */
    const struct kv_rec **mem;
    size_t nmem, cap;
    struct buf expired; /* keys that are to be deleted afterwards, each with its length in front */
};

/* Bytes of expired keys that one visit takes along. */
#define EXPIRED_MAX 4096

static int by_pos(const void *a, const void *b)
{
    const struct kv_rec *x = *(const struct kv_rec *const *)a,
                        *y = *(const struct kv_rec *const *)b;
    if (x->pos != y->pos)
        return x->pos < y->pos ? -1 : 1;
    return slice_cmp(slice_make(x->key, x->klen), slice_make(y->key, y->klen));
}

static void collect(struct scan *s, const struct kv_slots *slots, size_t slot)
{
    if (!slots)
        return;
    for (const struct kv_rec *r = slots->head[slot]; r; r = r->dnext) {
        if (!kv__live(r) || r->pos < s->cursor)
            continue;
        if (s->nmem == s->cap) {
            s->cap = s->cap ? s->cap * 2 : 64;
            s->mem = mem_realloc(s->mem, s->cap * sizeof(*s->mem));
        }
        s->mem[s->nmem++] = r;
    }
}

static bool slot_in_memory(const struct kv_db *d, size_t slot)
{
    return d->active && (d->active->head[slot] || d->pending->head[slot] || d->done->head[slot]);
}

/* False: the visit is over, the cursor is set. */
static bool visit(struct scan *s, uint64_t pos, const struct kv_scan_entry *e)
{
    if (s->seen >= s->want && s->any && pos != s->last_pos) {
        s->next = pos;
        s->stop = true;
        return false;
    }
    s->any = true;
    s->seen++;
    s->last_pos = pos;
    if (e->expire == KV_NO_EXPIRE || e->expire > kv__now()) {
        s->fn(s->arg, e);
    } else if (s->expired.n + e->key.n < EXPIRED_MAX) {
        buf_put_u32be(&s->expired, (uint32_t)e->key.n);
        buf_put_slice(&s->expired, e->key);
    }
    return true;
}

/* A look-up deletes what has expired. These deletions have nothing to do with each other: each is a unit of its own. */
static void delete_expired(struct scan *s, int db)
{
    struct reader in = reader_make(buf_slice(&s->expired));
    while (reader_left(&in) > 0) {
        struct kv_rec *r;
        struct slice key = reader_bytes(&in, reader_u32be(&in));
        if (kv_lookup(s->kv, db, key, KV_WRITE | KV_NOTOUCH, &r, NULL) != ST_OK)
            break;
        kv__unit_split(s->kv);
    }
    buf_free(&s->expired);
}

static bool visit_record(struct scan *s, const struct kv_rec *r)
{
    struct kv_scan_entry e = {
        .key = slice_make(r->key, r->klen), .type = (enum kv_type)r->type, .expire = r->expire};
    if (r->type == KV_MODULE)
        e.module = kv_object_id(r);
    return visit(s, r->pos, &e);
}

/* The store's key under the iterator; false when memory knows the key better, or it is not to be read. */
static bool store_entry(struct scan *s, uint64_t *pos, struct kv_scan_entry *e)
{
    uint8_t phys;
    struct kv_meta m;
    if (!kv__decode_key(stor_iter_key(s->it), &phys, pos, &e->key))
        return false;
    const struct kv_rec *r = kv__table_find(&s->d->table, *pos, e->key);
    if (r && r->state != KV_CLEAN)
        return false;
    if (!kv__decode_meta(stor_iter_value(s->it), &m))
        return false;
    e->type = m.type;
    e->expire = m.expire;
    if (m.type == KV_MODULE) {
        struct reader in = reader_make(m.bytes);
        e->module = reader_u64be(&in);
    }
    return true;
}

/* Slot of the store's next key; KV_SLOTS at the end. */
static size_t store_slot(const struct scan *s)
{
    uint8_t phys;
    uint64_t pos;
    struct slice key;
    if (!s->it || !stor_iter_valid(s->it) ||
        !kv__decode_key(stor_iter_key(s->it), &phys, &pos, &key))
        return KV_SLOTS;
    return (size_t)(pos >> 48);
}

static void visit_slot(struct scan *s, size_t slot)
{
    size_t i = 0;
    s->nmem = 0;
    if (slot_in_memory(s->d, slot)) {
        collect(s, s->d->active, slot);
        collect(s, s->d->pending, slot);
        collect(s, s->d->done, slot);
        if (s->nmem > 1)
            qsort(s->mem, s->nmem, sizeof(*s->mem), by_pos);
    }
    while (store_slot(s) == slot) {
        uint64_t pos;
        struct kv_scan_entry e;
        if (store_entry(s, &pos, &e)) {
            while (i < s->nmem && s->mem[i]->pos <= pos) {
                if (!visit_record(s, s->mem[i++]))
                    return;
            }
            if (!visit(s, pos, &e))
                return;
        }
        stor_iter_next(s->it);
    }
    while (i < s->nmem) {
        if (!visit_record(s, s->mem[i++]))
            return;
    }
}

static void open_iterator(struct scan *s)
{
    struct buf lower = BUF_INIT, upper = BUF_INIT;
    kv__encode_key(&lower, s->d->phys, s->cursor, SLICE_NULL);
    kv__encode_key(&upper, s->d->phys, (uint64_t)KV_SLOTS << 48, SLICE_NULL);
    struct stor_iter_opts opts = {
        .lower = buf_slice(&lower), .upper = buf_slice(&upper), .fill_cache = s->want <= 1000};
    s->it = stor_iter_new(s->kv->store, KV_SPACE_META, &opts);
    stor_iter_first(s->it);
    buf_free(&lower);
    buf_free(&upper);
}

enum status kv_scan(struct kv *kv, int db, uint64_t cursor, uint64_t count, uint64_t *next,
                    void (*fn)(void *arg, const struct kv_scan_entry *e), void *arg,
                    struct error *err)
{
    struct scan s = {.kv = kv,
                     .d = kv__db(kv, db),
                     .cursor = cursor,
                     .want = count ? count : 1,
                     .fn = fn,
                     .arg = arg};
    enum status st = ST_OK;
    *next = 0;
    if (s.d->count == 0 || cursor >> 48 >= KV_SLOTS)
        return ST_OK;
    if (!s.d->store_dead)
        open_iterator(&s);
    for (size_t slot = (size_t)(cursor >> 48); slot < KV_SLOTS && !s.stop; slot++) {
        size_t stored = store_slot(&s);
        while (slot < stored && slot < KV_SLOTS && !slot_in_memory(s.d, slot))
            slot++;
        if (slot < KV_SLOTS)
            visit_slot(&s, slot);
    }
    if (s.it) {
        st = stor_iter_status(s.it, err);
        stor_iter_free(s.it);
    }
    mem_free(s.mem);
    delete_expired(&s, db);
    *next = s.stop ? s.next : 0;
    return st;
}

/* -- A random key ------------------------------------------------------------------------------------------------------ */

struct pick {
    struct buf *out;
    bool found;
    uint64_t pos;
    const struct kv *kv;
};

static void pick_first(void *arg, const struct kv_scan_entry *e)
{
    struct pick *p = arg;
    if (p->found)
        return;
    p->found = true;
    p->pos = kv__pos(p->kv, e->key);
    buf_clear(p->out);
    buf_put_slice(p->out, e->key);
}

/* First living key at or after pos, from the beginning again at the end. */
static enum status pick_from(struct kv *kv, int db, uint64_t pos, struct pick *p, struct error *err)
{
    enum status st = ST_OK;
    uint64_t next = pos;
    p->found = false;
    for (int round = 0; round < 2 && !p->found && st == ST_OK; round++) {
        do {
            st = kv_scan(kv, db, next, 16, &next, pick_first, p, err);
        } while (st == ST_OK && !p->found && next != 0);
    }
    return st;
}

/* All in memory: any bucket will do. */
static bool pick_cached(struct kv_db *d, struct buf *out)
{
    size_t buckets = kv__table_buckets(&d->table);
    for (int i = 0; i < 100 && buckets > 0; i++) {
        const struct kv_rec *chain = *kv__table_bucket(&d->table, hash_rand64() % buckets),
                            *chosen = NULL;
        unsigned n = 0;
        for (const struct kv_rec *r = chain; r; r = r->next) {
            if (kv__live(r) && (r->expire == KV_NO_EXPIRE || r->expire > kv__now()) &&
                hash_rand64() % ++n == 0)
                chosen = r;
        }
        if (chosen) {
            buf_put(out, chosen->key, chosen->klen);
            return true;
        }
    }
    return false;
}

enum status kv_random(struct kv *kv, int db, struct buf *out, struct error *err)
{
    struct kv_db *d = kv__db(kv, db);
    if (d->count == 0)
        return ST_NOT_FOUND;
    if (d->complete && pick_cached(d, out))
        return ST_OK;
    /* A random place; then a random place within the slot found there, so that one big slot is drawn from evenly. */
    struct buf key = BUF_INIT;
    struct pick p = {.out = &key, .kv = kv};
    enum status st = pick_from(kv, db, (hash_rand64() % KV_SLOTS) << 48, &p, err);
    if (st == ST_OK && p.found)
        st = pick_from(kv, db, (p.pos & ~KV_HASH_MASK) | (hash_rand64() & KV_HASH_MASK), &p, err);
    if (st == ST_OK && p.found)
        buf_put_slice(out, buf_slice(&key));
    else if (st == ST_OK)
        st = ST_NOT_FOUND;
    buf_free(&key);
    return st;
}
