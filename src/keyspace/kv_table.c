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

/* -- For DEBUG -------------------------------------------------------------------------------------------------------------- */

#define CHAIN_MAX 50 /* longer ones are counted together */

static size_t chain_length(const struct kv_rec *r)
{
    size_t n = 0;
    for (; r; r = r->next)
        n++;
    return n;
}

static void report_chains(const struct kv_table *t, int i, struct buf *out)
{
    size_t with[CHAIN_MAX] = {0}, used = 0, longest = 0, records = 0;
    for (size_t b = 0; b < t->size[i]; b++) {
        size_t n = chain_length(t->b[i][b]);
        with[n < CHAIN_MAX ? n : CHAIN_MAX - 1]++;
        used += n > 0;
        records += n;
        longest = n > longest ? n : longest;
    }
    buf_printf(out,
               " elements in it: %zu\n different slots: %zu\n max chain length: %zu\n"
               " avg chain length: %.2f\n Chain length distribution:\n",
               records, used, longest, used ? (double)records / (double)used : 0);
    for (size_t n = 0; n < CHAIN_MAX; n++)
        if (with[n])
            buf_printf(out, "   %s%zu: %zu (%.2f%%)\n", n == CHAIN_MAX - 1 ? ">= " : "", n, with[n],
                       (double)with[n] / (double)t->size[i] * 100);
}

void kv_table_report(struct kv *kv, int db, bool chains, struct buf *out)
{
    static const char *const names[] = {"main hash table", "rehashing target"};
    const struct kv_table *t = &kv__db(kv, db)->table;
    buf_printf(out, "[Dictionary HT]\nrecords in the cache: %zu\n", t->count);
    for (int i = 0; i < 2 && t->size[i] != 0; i++) {
        buf_printf(out, "Hash table %d (%s):\n table size: %zu\n", i, names[i], t->size[i]);
        if (chains)
            report_chains(t, i, out);
    }
    buf_printf(out, "[Expires HT]\ndeadlines are kept in order, not in a hash table\n");
}
