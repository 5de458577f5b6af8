/* The leaf: a slotted page.
 *
 *   header | entry entry entry ...  -> free <-  slot[n-1] ... slot[1] slot[0]
 *                                  data_end                               data_cap
 *
 * Entries stand in the order of their arrival, slots (offsets of entries) in the order of the elements, from the end down: an
 * insertion shifts slots only. What is deleted or replaced stays behind as dead bytes until the room is needed.
 *
 *   short entry   key_n(1: 0..254) value_n(1) key value
 *   long entry    255 key_n(4) value_n(4) key value */
#include "base/reader.h"
#include "keyspace/kv_tree_priv.h"

#define LONG_MARK  0xff
#define SHORT_HEAD 2
#define LONG_HEAD  9
#define SLOT       sizeof(uint32_t)
#define STORED     1 /* first byte of the stored form */
#define ROUND      256
#define SPARE_MAX  (1u << 20)

struct entry {
    char *key; /* the value follows */
    uint32_t key_n, value_n;
};

static inline uint32_t *slots_end(const struct kv_leaf *l)
{
    return (uint32_t *)(void *)((char *)(uintptr_t)l->data + l->data_cap);
}

static inline uint32_t slot(const struct kv_leaf *l, uint32_t i)
{
    return *(slots_end(l) - 1 - i);
}

static inline struct entry entry_of(const char *at)
{
    const unsigned char *p = (const unsigned char *)at;
    struct entry e;
    if (LIKELY(p[0] != LONG_MARK)) {
        e.key_n = p[0];
        e.value_n = p[1];
        e.key = (char *)(uintptr_t)at + SHORT_HEAD;
        return e;
    }
    memcpy(&e.key_n, at + 1, 4);
    memcpy(&e.value_n, at + 5, 4);
    e.key = (char *)(uintptr_t)at + LONG_HEAD;
    return e;
}

static inline struct entry entry_at(const struct kv_leaf *l, uint32_t i)
{
    return entry_of(l->data + slot(l, i));
}

static inline uint64_t entry_bytes(uint64_t key_n, uint64_t value_n)
{
    return (key_n < LONG_MARK && value_n <= 255 ? SHORT_HEAD : LONG_HEAD) + key_n + value_n;
}

/* A value that became shorter in place keeps its long head. */
static inline uint32_t entry_size(struct entry e, const char *at)
{
    return (uint32_t)(e.key - at) + e.key_n + e.value_n;
}

uint64_t kv__leaf_cost(size_t key_n, size_t value_n)
{
    return entry_bytes(key_n, value_n) + SLOT;
}

/* -- Making, sharing, making room ---------------------------------------------------------------------------------------- */

static struct kv_leaf *alloc_leaf(uint64_t size)
{
    size = (size + 7) & ~(uint64_t)7;
    if (size > UINT32_MAX)
        return NULL;
    struct kv_leaf *l = mem_try_alloc(size);
    if (!l)
        return NULL;
    atomic_init(&l->users, 1);
    l->size = (uint32_t)size;
    l->n = l->bytes = l->data_end = 0;
    l->data_cap = (uint32_t)(size - sizeof(*l));
    return l;
}

struct kv_leaf *kv__leaf_new(size_t room)
{
    return alloc_leaf(sizeof(struct kv_leaf) + (uint64_t)room);
}

void kv__leaf_ref(struct kv_leaf *l)
{
    atomic_fetch_add_explicit(&l->users, 1, memory_order_relaxed);
}

void kv__leaf_unref(struct kv_leaf *l)
{
    if (atomic_load_explicit(&l->users, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&l->users, 1, memory_order_acq_rel) == 1)
        mem_free(l);
}

static inline uint32_t free_room(const struct kv_leaf *l)
{
    return l->data_cap - l->data_end - l->n * (uint32_t)SLOT;
}

/* Appends [from, to) of l; there is room. */
static void copy_entries(struct kv_leaf *to, const struct kv_leaf *l, uint32_t from, uint32_t end)
{
    uint32_t *s = slots_end(to) - 1 - to->n;
    if (from == 0 && end == l->n && to->n == 0 && l->data_end + l->n * SLOT == l->bytes) {
        memcpy(to->data, l->data, l->data_end);
        memcpy(slots_end(to) - l->n, slots_end(l) - l->n, l->n * SLOT);
        to->data_end = l->data_end;
        to->bytes = l->bytes;
        to->n = l->n;
        return;
    }
    for (uint32_t i = from; i < end; i++) {
        const char *at = l->data + slot(l, i);
        uint32_t size = entry_size(entry_of(at), at);
        memcpy(to->data + to->data_end, at, size);
        *s-- = to->data_end;
        to->data_end += size;
        to->bytes += size + (uint32_t)SLOT;
    }
    to->n += end - from;
}

static bool replace(struct kv_leaf **l, uint64_t size)
{
    struct kv_leaf *fresh = alloc_leaf(size);
    if (!fresh)
        return false;
    copy_entries(fresh, *l, 0, (*l)->n);
    kv__leaf_unref(*l);
    *l = fresh;
    return true;
}

/* Small leaves double, up to the size of a full one in steps that the allocator has; larger ones are packed, or hold one huge
 * element, which gets what it needs. */
static uint64_t grown(const struct kv_leaf *l, uint64_t needed)
{
    if (needed + needed / 8 <= l->size)
        return l->size; /* the dead bytes are enough */
    if (needed <= KV_LEAF_BYTES) {
        uint64_t size = l->size < 2 * ROUND ? (uint64_t)l->size * 2 : l->size;
        if (size < needed)
            size =
                needed <= 2 * ROUND ? (needed + 15) & ~15ULL : (needed + ROUND - 1) / ROUND * ROUND;
        return size;
    }
    if (l->n == 0)
        return needed;
    return needed + (needed / 8 < SPARE_MAX ? needed / 8 : SPARE_MAX);
}

static COLD bool make_room(struct kv_leaf **l, uint64_t extra)
{
    return replace(l, grown(*l, sizeof(**l) + (*l)->bytes + extra));
}

struct kv_leaf *kv__leaf_copy(const struct kv_leaf *l)
{
    struct kv_leaf *copy = alloc_leaf(l->size);
    if (copy)
        copy_entries(copy, l, 0, l->n);
    return copy;
}

void kv__leaf_shrink(struct kv_leaf **l)
{
    uint64_t live = sizeof(**l) + (*l)->bytes;
    if ((*l)->size > 2 * KV_LEAF_BYTES && live * 4 < (*l)->size)
        (void)!replace(l, live);
}

struct kv_leaf *kv__leaf_part(const struct kv_leaf *l, uint32_t from, uint32_t to, uint64_t more)
{
    uint64_t bytes = more;
    for (uint32_t i = from; i < to; i++) {
        const char *at = l->data + slot(l, i);
        bytes += entry_size(entry_of(at), at) + SLOT;
    }
    uint64_t size = sizeof(*l) + bytes;
    if (size <= KV_LEAF_BYTES)
        size = (size + ROUND - 1) / ROUND * ROUND;
    struct kv_leaf *part = alloc_leaf(size);
    if (part)
        copy_entries(part, l, from, to);
    return part;
}

struct kv_leaf *kv__leaf_join(const struct kv_leaf *a, const struct kv_leaf *b)
{
    struct kv_leaf *both = kv__leaf_part(a, 0, a->n, b->bytes);
    if (both)
        copy_entries(both, b, 0, b->n);
    return both;
}

/* -- Reading ------------------------------------------------------------------------------------------------------------- */

struct slice kv__leaf_key(const struct kv_leaf *l, uint32_t i)
{
    struct entry e = entry_at(l, i);
    return slice_make(e.key, e.key_n);
}

struct slice kv__leaf_value(const struct kv_leaf *l, uint32_t i)
{
    struct entry e = entry_at(l, i);
    return slice_make(e.key + e.key_n, e.value_n);
}

uint64_t kv__leaf_payload(const struct kv_leaf *l, uint32_t i, uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t end = i + n; i < end; i++) {
        struct entry e = entry_at(l, i);
        sum += (uint64_t)e.key_n + e.value_n;
    }
    return sum;
}

static inline int compare(struct entry e, struct slice key, uint64_t head)
{
    if (UNLIKELY(e.key_n < 8 || key.n < 8))
        return slice_cmp(slice_make(e.key, e.key_n), key);
    uint64_t h = kv__be64(e.key);
    if (LIKELY(h != head))
        return h < head ? -1 : 1;
    return slice_cmp(slice_make(e.key + 8, e.key_n - 8), slice_make(key.p + 8, key.n - 8));
}

uint32_t kv__leaf_find(const struct kv_leaf *l, struct slice key, bool *found)
{
    uint64_t head = kv__key_head(key);
    uint32_t lo = 0, hi = l->n;
    *found = false;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int r = compare(entry_at(l, mid), key, head);
        if (r == 0) {
            *found = true;
            return mid;
        }
        if (r < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* -- Changing ------------------------------------------------------------------------------------------------------------ */

static char *write_head(char *at, size_t key_n, size_t value_n)
{
    if (key_n < LONG_MARK && value_n <= 255) {
        at[0] = (char)key_n;
        at[1] = (char)value_n;
        return at + SHORT_HEAD;
    }
    uint32_t k = (uint32_t)key_n, v = (uint32_t)value_n;
    at[0] = (char)LONG_MARK;
    memcpy(at + 1, &k, 4);
    memcpy(at + 5, &v, 4);
    return at + LONG_HEAD;
}

/* Writes an entry behind the others, where there is room. */
static uint32_t add_entry(struct kv_leaf *l, struct slice key, struct slice value)
{
    uint32_t off = l->data_end;
    char *p = write_head(l->data + off, key.n, value.n);
    if (key.n)
        memcpy(p, key.p, key.n);
    if (value.n)
        memcpy(p + key.n, value.p, value.n);
    l->data_end = (uint32_t)(p + key.n + value.n - l->data);
    return off;
}

bool kv__leaf_insert(struct kv_leaf **lp, uint32_t i, struct slice key, struct slice value)
{
    uint64_t cost = kv__leaf_cost(key.n, value.n);
    if (free_room(*lp) < cost && !make_room(lp, cost))
        return false;
    struct kv_leaf *l = *lp;
    uint32_t off = add_entry(l, key, value);
    uint32_t *low = slots_end(l) - l->n;
    if (i < l->n)
        memmove(low - 1, low, (l->n - i) * SLOT);
    *(slots_end(l) - 1 - i) = off;
    l->n++;
    l->bytes += (uint32_t)cost;
    return true;
}

static void set_value_n(char *at, struct entry e, uint32_t n)
{
    if (e.key - at == SHORT_HEAD)
        at[1] = (char)n;
    else
        memcpy(at + 5, &n, 4);
}

bool kv__leaf_set(struct kv_leaf **lp, uint32_t i, struct slice value)
{
    struct kv_leaf *l = *lp;
    char *at = l->data + slot(l, i);
    struct entry e = entry_of(at);
    if (value.n <= e.value_n) {
        if (value.n)
            memcpy(e.key + e.key_n, value.p, value.n);
        set_value_n(at, e, (uint32_t)value.n);
        l->bytes -= e.value_n - (uint32_t)value.n;
        kv__leaf_shrink(lp);
        return true;
    }
    /* The old value need not be copied when the leaf moves. */
    set_value_n(at, e, 0);
    l->bytes -= e.value_n;
    uint64_t size = entry_bytes(e.key_n, value.n);
    if (free_room(l) < size && !make_room(lp, size)) {
        set_value_n(at, e, e.value_n);
        l->bytes += e.value_n;
        return false;
    }
    l = *lp;
    at = l->data + slot(l, i);
    struct entry old = entry_of(at);
    l->bytes += (uint32_t)size - entry_size(old, at);
    *(slots_end(l) - 1 - i) = add_entry(l, slice_make(old.key, old.key_n), value);
    return true;
}

void kv__leaf_delete(struct kv_leaf *l, uint32_t i, uint32_t n)
{
    for (uint32_t j = i + n; j-- > i;) {
        const char *at = l->data + slot(l, j);
        uint32_t size = entry_size(entry_of(at), at);
        l->bytes -= size + (uint32_t)SLOT;
        if (slot(l, j) + size == l->data_end)
            l->data_end -= size;
    }
    uint32_t behind = l->n - i - n;
    if (behind)
        memmove(slots_end(l) - l->n + n, slots_end(l) - l->n, behind * SLOT);
    l->n -= n;
    if (l->n == 0)
        l->data_end = 0;
}

/* -- The stored form ------------------------------------------------------------------------------------------------------- */

static inline char *put_varint(char *p, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (char)(v | 0x80);
    *p++ = (char)v;
    return p;
}

void kv__leaf_encode(const struct kv_leaf *l, struct buf *out)
{
    /* Two lengths take up to 4 bytes of a short entry, up to 10 of a long one: less than its head and slot. */
    buf_reserve(out, 16 + (size_t)l->bytes);
    char *p = out->p + out->n;
    *p++ = STORED;
    p = put_varint(p, l->n);
    for (uint32_t i = 0; i < l->n; i++) {
        struct entry e = entry_at(l, i);
        p = put_varint(put_varint(p, e.key_n), e.value_n);
        memcpy(p, e.key, (size_t)e.key_n + e.value_n);
        p += (size_t)e.key_n + e.value_n;
    }
    out->n = (size_t)(p - out->p);
}

static inline uint64_t read_varint(struct reader *r)
{
    if (LIKELY(r->p < r->end && (unsigned char)*r->p < 0x80))
        return (unsigned char)*r->p++;
    return reader_varint(r);
}

static bool decode_entry(struct reader *r, struct kv_leaf *l, bool ordered, struct slice *before)
{
    uint64_t key_n = read_varint(r), value_n = read_varint(r);
    size_t left = reader_left(r);
    if (r->bad || key_n > left || value_n > left - key_n)
        return false;
    struct slice key = slice_make(r->p, key_n);
    if (ordered && l->n > 0 && slice_cmp(*before, key) >= 0)
        return false;
    *before = key;
    *(slots_end(l) - 1 - l->n) = add_entry(l, key, slice_make(r->p + key_n, value_n));
    l->n++;
    l->bytes += (uint32_t)kv__leaf_cost(key_n, value_n);
    r->p += key_n + value_n;
    return true;
}

struct kv_leaf *kv__leaf_decode(struct slice in, bool ordered)
{
    struct reader r = reader_make(in);
    uint8_t stored = reader_u8(&r);
    uint64_t n = reader_varint(&r);
    size_t left = reader_left(&r);
    if (r.bad || stored != STORED || n == 0 || n > left / 2)
        return NULL;
    /* Two bytes of an entry's head, at most, are not more than in the stored form; only a long entry's are. */
    uint64_t room = left + n * SLOT + (left / 255 + 1) * (LONG_HEAD - SHORT_HEAD);
    struct kv_leaf *l = alloc_leaf(sizeof(*l) + room);
    if (!l)
        return NULL;
    struct slice before = SLICE_NULL;
    for (uint64_t i = 0; i < n; i++) {
        if (!decode_entry(&r, l, ordered, &before))
            goto damaged;
    }
    if (reader_left(&r) == 0)
        return l;
damaged:
    kv__leaf_unref(l);
    return NULL;
}
