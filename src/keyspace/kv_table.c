/* The record cache of one database: a chained hash table that grows without a pause. While it grows, buckets of the old
 * array below `moved` are empty and new records go to the new array; each insertion and look-up moves a few buckets on.
 *
 *    b[0] (old)  [ moved ... | still here ... ]
 *    b[1] (new)  [ twice the size             ]
 */
#include "base/mem.h"
#include "keyspace/kv_priv.h"

#define TABLE_MIN 16

static size_t bucket_of(uint64_t pos, size_t size)
{
    /* The low bits of the keyed hash; the slot only matters to the order. */
    return (size_t)(pos & KV_HASH_MASK) & (size - 1);
}

static void table_move_bucket(struct kv_table *t)
{
    struct kv_rec *r = t->b[0][t->moved];
    t->b[0][t->moved++] = NULL;
    while (r) {
        struct kv_rec *next = r->next;
        struct kv_rec **at = &t->b[1][bucket_of(r->pos, t->size[1])];
        r->next = *at;
        *at = r;
        r = next;
    }
    if (t->moved < t->size[0])
        return;
    mem_free(t->b[0]);
    t->b[0] = t->b[1];
    t->size[0] = t->size[1];
    t->b[1] = NULL;
    t->size[1] = 0;
    t->moved = 0;
}

static void table_grow(struct kv_table *t)
{
    if (t->size[0] == 0) {
        t->b[0] = mem_calloc(TABLE_MIN, sizeof(*t->b[0]));
        t->size[0] = TABLE_MIN;
    } else if (t->size[1] == 0 && t->count >= t->size[0]) {
        t->size[1] = t->size[0] * 2;
        t->b[1] = mem_calloc(t->size[1], sizeof(*t->b[1]));
        t->moved = 0;
    }
    for (int i = 0; i < 4 && t->size[1] != 0; i++)
        table_move_bucket(t);
}

struct kv_rec *kv__table_find(struct kv_table *t, uint64_t pos, struct slice key)
{
    if (UNLIKELY(t->size[0] == 0))
        return NULL;
    for (int i = 0; i < 2 && t->size[i] != 0; i++) {
        for (struct kv_rec *r = t->b[i][bucket_of(pos, t->size[i])]; r; r = r->next) {
            if (r->pos == pos && r->klen == key.n && memcmp(r->key, key.p, key.n) == 0)
                return r;
        }
    }
    return NULL;
}

void kv__table_prefetch(const struct kv_table *t, uint64_t pos)
{
    for (int i = 0; i < 2 && t->size[i] != 0; i++)
        PREFETCH(&t->b[i][bucket_of(pos, t->size[i])]);
}

void kv__table_prefetch_record(const struct kv_table *t, uint64_t pos)
{
    for (int i = 0; i < 2 && t->size[i] != 0; i++) {
        const struct kv_rec *r = t->b[i][bucket_of(pos, t->size[i])];
        if (r) {
            PREFETCH(r);
            PREFETCH(r->key);
        }
    }
}

void kv__table_add(struct kv_table *t, struct kv_rec *r)
{
    table_grow(t);
    int i = t->size[1] != 0 ? 1 : 0;
    struct kv_rec **at = &t->b[i][bucket_of(r->pos, t->size[i])];
    r->next = *at;
    *at = r;
    t->count++;
}

void kv__table_remove(struct kv_table *t, struct kv_rec *r)
{
    for (int i = 0; i < 2 && t->size[i] != 0; i++) {
        struct kv_rec **at = &t->b[i][bucket_of(r->pos, t->size[i])];
        while (*at && *at != r)
            at = &(*at)->next;
        if (*at) {
            *at = r->next;
            t->count--;
            return;
        }
    }
    orbit_assert(!"record is not in its table");
}

size_t kv__table_buckets(const struct kv_table *t)
{
    return t->size[0] + t->size[1];
}

struct kv_rec **kv__table_bucket(struct kv_table *t, size_t i)
{
    return i < t->size[0] ? &t->b[0][i] : &t->b[1][i - t->size[0]];
}
