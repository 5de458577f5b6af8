/* Inner pages: arrays side by side in one allocation, so that a search reads only what it compares. Separators live in head
 * (the first 8 bytes, as numbers) and, when they are longer, in rest. */
#include "base/reader.h"
#include "keyspace/kv_tree_priv.h"

#define STORED    2 /* first byte of the stored form */
#define FIRST_CAP 8
#define ROW                                                                                        \
    (sizeof(uint64_t) * 2 + sizeof(struct kv_page *) + sizeof(char *) + sizeof(uint32_t) * 2)

/* -- Separators ---------------------------------------------------------------------------------------------------------- */

static bool sep_set(struct slice key, struct kv_sep *out)
{
    *out = (struct kv_sep){kv__key_head(key), NULL, (uint32_t)key.n};
    if (key.n <= 8)
        return true;
    out->rest = mem_try_alloc(key.n - 8);
    if (!out->rest)
        return false;
    memcpy(out->rest, key.p + 8, key.n - 8);
    return true;
}

bool kv__sep_make(struct slice below, struct slice key, struct kv_sep *out)
{
    size_t same = 0;
    while (same < below.n && same < key.n && below.p[same] == key.p[same])
        same++;
    return sep_set(slice_make(key.p, same < key.n ? same + 1 : key.n), out);
}

static inline size_t rest_bytes(uint32_t n)
{
    return n > 8 ? n - 8 : 0;
}

/* Equal heads: up to 8 bytes the lengths decide, for what is missing was filled up with zeros. */
static int compare_rest(const struct kv_inner *in, uint32_t i, struct slice key)
{
    uint32_t n = in->sep_n[i];
    if (n > 8 && key.n > 8)
        return slice_cmp(slice_make(in->rest[i], n - 8), slice_make(key.p + 8, key.n - 8));
    return (n > key.n) - (n < key.n);
}

/* -- The page ------------------------------------------------------------------------------------------------------------ */

static void lay_out(struct kv_inner *in, uint32_t cap)
{
    char *p = (char *)(in + 1);
    in->cap = cap;
    in->head = (uint64_t *)(void *)p;
    p += cap * sizeof(uint64_t);
    in->count = (uint64_t *)(void *)p;
    p += cap * sizeof(uint64_t);
    in->child = (struct kv_page **)(void *)p;
    p += cap * sizeof(struct kv_page *);
    in->rest = (char **)(void *)p;
    p += cap * sizeof(char *);
    in->id = (uint32_t *)(void *)p;
    p += cap * sizeof(uint32_t);
    in->sep_n = (uint32_t *)(void *)p;
}

struct kv_inner *kv__inner_new(uint32_t cap)
{
    struct kv_inner *in = mem_alloc(sizeof(*in) + cap * ROW);
    in->n = 0;
    in->rest_bytes = 0;
    lay_out(in, cap);
    return in;
}

size_t kv__inner_size(const struct kv_inner *in)
{
    return sizeof(*in) + in->cap * ROW + in->rest_bytes;
}

void kv__inner_free(struct kv_inner *in)
{
    for (uint32_t i = 0; i < in->n; i++)
        mem_free(in->rest[i]);
    mem_free(in);
}

/* Copies n rows. */
static void copy_rows(struct kv_inner *to, uint32_t at, const struct kv_inner *from, uint32_t i,
                      uint32_t n)
{
    memmove(to->head + at, from->head + i, n * sizeof(*to->head));
    memmove(to->count + at, from->count + i, n * sizeof(*to->count));
    memmove(to->child + at, from->child + i, n * sizeof(*to->child));
    memmove(to->rest + at, from->rest + i, n * sizeof(*to->rest));
    memmove(to->id + at, from->id + i, n * sizeof(*to->id));
    memmove(to->sep_n + at, from->sep_n + i, n * sizeof(*to->sep_n));
}

/* Room for n children. */
static void reserve(struct kv_page *p, uint32_t n)
{
    struct kv_inner *in = p->u.inner;
    if (n <= in->cap)
        return;
    uint32_t cap = in->cap < FIRST_CAP ? FIRST_CAP : in->cap;
    while (cap < n)
        cap *= 2;
    struct kv_inner *fresh = kv__inner_new(cap);
    copy_rows(fresh, 0, in, 0, in->n);
    fresh->n = in->n;
    fresh->rest_bytes = in->rest_bytes;
    p->u.inner = fresh;
    kv__page_resized(p, (int64_t)kv__inner_size(fresh) - (int64_t)kv__inner_size(in));
    mem_free(in);
}

static void account(struct kv_page *p, int64_t delta)
{
    if (delta == 0)
        return;
    p->u.inner->rest_bytes += (size_t)delta;
    kv__page_resized(p, delta);
}

static void set_sep(struct kv_page *p, uint32_t i, struct kv_sep sep)
{
    struct kv_inner *in = p->u.inner;
    in->head[i] = sep.head;
    in->rest[i] = sep.rest;
    in->sep_n[i] = sep.n;
    account(p, (int64_t)rest_bytes(sep.n));
}

struct kv_sep kv__inner_take_sep(struct kv_page *p, uint32_t i)
{
    struct kv_inner *in = p->u.inner;
    struct kv_sep sep = {in->head[i], in->rest[i], in->sep_n[i]};
    in->head[i] = 0;
    in->rest[i] = NULL;
    in->sep_n[i] = 0;
    account(p, -(int64_t)rest_bytes(sep.n));
    return sep;
}

void kv__inner_put(struct kv_page *p, uint32_t i, struct kv_page *child, uint64_t count,
                   struct kv_sep sep)
{
    reserve(p, p->u.inner->n + 1);
    struct kv_inner *in = p->u.inner;
    copy_rows(in, i + 1, in, i, in->n - i);
    in->n++;
    in->count[i] = count;
    in->child[i] = child;
    in->id[i] = child->id;
    set_sep(p, i, sep);
    child->parent = p;
    p->loaded++;
}

void kv__inner_remove(struct kv_page *p, uint32_t i, uint32_t n)
{
    struct kv_inner *in = p->u.inner;
    for (uint32_t j = i; j < i + n; j++) {
        struct kv_sep sep = kv__inner_take_sep(p, j);
        kv__sep_free(&sep);
        if (in->child[j])
            p->loaded--;
    }
    copy_rows(in, i, in, i + n, in->n - i - n);
    in->n -= n;
    if (i == 0 && in->n > 0) {
        struct kv_sep sep = kv__inner_take_sep(p, 0);
        kv__sep_free(&sep);
    }
}

struct kv_sep kv__inner_move(struct kv_page *p, uint32_t i, struct kv_page *to, struct kv_sep sep)
{
    uint32_t n = p->u.inner->n - i, at = to->u.inner->n;
    reserve(to, at + n);
    struct kv_inner *in = p->u.inner, *dest = to->u.inner;
    struct kv_sep first = kv__inner_take_sep(p, i);
    int64_t bytes = 0;
    for (uint32_t j = i; j < in->n; j++) {
        bytes += (int64_t)rest_bytes(in->sep_n[j]);
        if (!in->child[j])
            continue;
        in->child[j]->parent = to;
        p->loaded--;
        to->loaded++;
    }
    copy_rows(dest, at, in, i, n);
    in->n = i;
    dest->n += n;
    account(p, -bytes);
    account(to, bytes);
    if (at > 0)
        set_sep(to, at, sep);
    return first;
}

/* -- Searching ----------------------------------------------------------------------------------------------------------- */

static inline bool sep_above(const struct kv_inner *in, uint32_t i, struct slice key, uint64_t head)
{
    uint64_t h = in->head[i];
    return h > head || (h == head && compare_rest(in, i, key) > 0);
}

uint32_t kv__inner_find(const struct kv_inner *in, struct slice key)
{
    uint64_t head = kv__key_head(key);
    uint32_t lo = 1, hi = in->n; /* the first one in [lo, hi] that is above key */
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (sep_above(in, mid, key, head))
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo - 1;
}

bool kv__inner_before(struct kv_page *p, struct slice key)
{
    for (; p->parent; p = p->parent) {
        uint32_t i = kv__inner_index(p);
        if (i > 0)
            return sep_above(p->parent->u.inner, i, key, kv__key_head(key));
    }
    return false;
}

uint32_t kv__inner_at(const struct kv_inner *in, uint64_t *rank)
{
    const uint64_t *c = in->count;
    uint64_t r = *rank;
    uint32_t i = 0;
    for (; i + 8 < in->n; i += 8) {
        uint64_t sum =
            c[i] + c[i + 1] + c[i + 2] + c[i + 3] + c[i + 4] + c[i + 5] + c[i + 6] + c[i + 7];
        if (r < sum)
            break;
        r -= sum;
    }
    for (; i + 1 < in->n && r >= c[i]; i++)
        r -= c[i];
    *rank = r;
    return i;
}

uint64_t kv__inner_sum(const struct kv_inner *in, uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += in->count[i];
    return sum;
}

uint32_t kv__inner_index(struct kv_page *child)
{
    const struct kv_inner *in = child->parent->u.inner;
    uint32_t i = child->place;
    if (LIKELY(i < in->n && in->child[i] == child))
        return i;
    for (i = 0; i < in->n; i++) {
        if (in->child[i] == child)
            break;
    }
    orbit_assert(i < in->n);
    child->place = (uint8_t)i;
    return i;
}

void kv__inner_children(struct kv_page *p, void (*fn)(void *arg, struct kv_page *child), void *arg)
{
    for (uint32_t i = 0; i < p->u.inner->n; i++) {
        if (p->u.inner->child[i])
            fn(arg, p->u.inner->child[i]);
    }
}

void kv__inner_forget(struct kv_page *parent, struct kv_page *child)
{
    parent->u.inner->child[kv__inner_index(child)] = NULL;
    parent->loaded--;
}

/* -- The stored form ------------------------------------------------------------------------------------------------------- */

void kv__inner_encode(const struct kv_page *p, struct buf *out)
{
    const struct kv_inner *in = p->u.inner;
    buf_put_byte(out, STORED);
    buf_put_varint(out, in->n);
    for (uint32_t i = 0; i < in->n; i++) {
        buf_put_varint(out, in->id[i]);
        buf_put_varint(out, in->count[i]);
        buf_put_varint(out, in->sep_n[i]);
        char head[8];
        uint64_t be = __builtin_bswap64(in->head[i]);
        memcpy(head, &be, sizeof(head));
        buf_put(out, head, in->sep_n[i] < 8 ? in->sep_n[i] : 8);
        buf_put(out, in->rest[i], rest_bytes(in->sep_n[i]));
    }
}

struct state {
    uint64_t total;
    struct slice before;
    bool keyed;
};

/* Positional trees have no separators, ordered ones have all but the first. */
static bool sep_allowed(struct state *s, uint32_t i, struct slice sep)
{
    if (i == 0)
        return sep.n == 0;
    if (i == 1)
        s->keyed = sep.n > 0;
    else if (s->keyed ? slice_cmp(s->before, sep) >= 0 : sep.n > 0)
        return false;
    s->before = sep;
    return true;
}

static bool decode_row(struct reader *r, struct kv_inner *in, struct state *s)
{
    uint64_t id = reader_varint(r), count = reader_varint(r), n = reader_varint(r);
    if (r->bad || n > reader_left(r) || n > UINT32_MAX)
        return false;
    struct slice sep = reader_bytes(r, n);
    uint32_t i = in->n;
    if (id == 0 || id > UINT32_MAX || count == 0 || count > UINT64_MAX / 2 - s->total ||
        !sep_allowed(s, i, sep))
        return false;
    struct kv_sep made;
    if (!sep_set(sep, &made))
        return false;
    in->head[i] = made.head;
    in->rest[i] = made.rest;
    in->sep_n[i] = made.n;
    in->rest_bytes += rest_bytes(made.n);
    in->id[i] = (uint32_t)id;
    in->count[i] = count;
    in->child[i] = NULL;
    in->n++;
    s->total += count;
    return true;
}

struct kv_inner *kv__inner_decode(struct slice bytes)
{
    struct reader r = reader_make(bytes);
    uint8_t stored = reader_u8(&r);
    uint64_t n = reader_varint(&r);
    if (r.bad || stored != STORED || n == 0 || n > KV_INNER_FANOUT)
        return NULL;
    struct kv_inner *in = kv__inner_new((uint32_t)n);
    struct state s = {0};
    while (in->n < n) {
        if (!decode_row(&r, in, &s))
            goto damaged;
    }
    if (reader_left(&r) == 0)
        return in;
damaged:
    kv__inner_free(in);
    return NULL;
}
