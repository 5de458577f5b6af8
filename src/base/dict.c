#include "base/dict.h"

#include "base/hash.h"
#include "base/mem.h"

#include <pthread.h>

/* Two bucket tables with chains. Normally only table 0 exists. Growing allocates table 1 of twice the size; from then on
 * each insertion moves a few buckets over, lookups ask both, and when table 0 is empty table 1 takes its place.
 *
 *   table[0]: [ moved | moved | entry -> entry | NULL | ... ]     moved: buckets below d->moved
 *   table[1]: [ entry | NULL | ... ]
 *
 * Only insertions move entries, so deleting never disturbs an iterator. */

#define DICT_MIN_SIZE     8
#define DICT_MOVE_BUCKETS 4  /* per insertion */
#define DICT_MOVE_EMPTY   32 /* empty buckets looked at per insertion at most */
#define DICT_SHRINK_RATIO 16 /* fewer entries than size / this: shrink */

struct dict_entry {
    struct dict_entry *next;
    void *value;
    uint64_t hash;
    size_t n;
    char key[];
};

struct dict_table {
    struct dict_entry **buckets;
    size_t size; /* a power of two, or 0 */
};

struct dict {
    struct dict_table table[2];
    size_t count;
    size_t moved;
    size_t key_bytes;
    void (*free_value)(void *);
    unsigned flags;
};

static struct hash_seed seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
    hash_random(&seed, sizeof(seed));
}

struct dict *dict_new(unsigned flags, void (*free_value)(void *))
{
    pthread_once(&seed_once, make_seed);
    struct dict *d = mem_calloc(1, sizeof(*d));
    d->flags = flags;
    d->free_value = free_value;
    return d;
}

static inline char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static uint64_t hash_nocase(struct slice key)
{
    char small[128] = "";
    char *folded = key.n <= sizeof(small) ? small : mem_alloc(key.n);
    for (size_t i = 0; i < key.n; i++)
        folded[i] = lower(key.p[i]);
    uint64_t h = hash_sip13(seed, folded, key.n);
    if (folded != small)
        mem_free(folded);
    return h;
}

static inline uint64_t hash_key(const struct dict *d, struct slice key)
{
    return UNLIKELY(d->flags & DICT_NOCASE) ? hash_nocase(key) : hash_sip13(seed, key.p, key.n);
}

static inline bool same_key(const struct dict *d, const struct dict_entry *e, struct slice key)
{
    struct slice mine = slice_make(e->key, e->n);
    return UNLIKELY(d->flags & DICT_NOCASE) ? slice_ieq(mine, key) : slice_eq(mine, key);
}

/* The place that points to the entry of key; NULL when there is none. */
static struct dict_entry **find(const struct dict *d, struct slice key, uint64_t h)
{
    for (int t = 0; t < 2; t++) {
        const struct dict_table *table = &d->table[t];
        if (table->size == 0)
            break;
        struct dict_entry **at = &table->buckets[h & (table->size - 1)];
        for (; *at; at = &(*at)->next) {
            if ((*at)->hash == h && same_key(d, *at, key))
                return at;
        }
    }
    return NULL;
}

static struct dict_table make_table(size_t size)
{
    return (struct dict_table){mem_calloc(size, sizeof(struct dict_entry *)), size};
}

static void finish_move(struct dict *d)
{
    mem_free(d->table[0].buckets);
    d->table[0] = d->table[1];
    d->table[1] = (struct dict_table){NULL, 0};
    d->moved = 0;
}

static void move_some(struct dict *d)
{
    struct dict_table *from = &d->table[0], *to = &d->table[1];
    int buckets = DICT_MOVE_BUCKETS, empty = DICT_MOVE_EMPTY;
    while (d->moved < from->size && buckets > 0 && empty > 0) {
        struct dict_entry *e = from->buckets[d->moved];
        if (e)
            buckets--;
        else
            empty--;
        from->buckets[d->moved++] = NULL;
        while (e) {
            struct dict_entry *next = e->next;
            struct dict_entry **at = &to->buckets[e->hash & (to->size - 1)];
            e->next = *at;
            *at = e;
            e = next;
        }
    }
    if (d->moved == from->size)
        finish_move(d);
}

/* Before an insertion: starts or goes on moving. */
static void make_room(struct dict *d)
{
    if (d->table[1].size) {
        move_some(d);
        return;
    }
    size_t size = d->table[0].size;
    if (UNLIKELY(size == 0)) {
        d->table[0] = make_table(DICT_MIN_SIZE);
    } else if (UNLIKELY(d->count >= size)) {
        d->table[1] = make_table(size * 2);
    } else if (UNLIKELY(size > DICT_MIN_SIZE && d->count < size / DICT_SHRINK_RATIO)) {
        size_t smaller = DICT_MIN_SIZE;
        while (smaller < d->count * 2)
            smaller *= 2;
        d->table[1] = make_table(smaller);
    }
}

static void insert(struct dict *d, struct slice key, uint64_t h, void *value)
{
    make_room(d);
    struct dict_entry *e = mem_alloc(sizeof(*e) + key.n);
    e->value = value;
    e->hash = h;
    e->n = key.n;
    if (key.n)
        memcpy(e->key, key.p, key.n);
    struct dict_table *table = &d->table[d->table[1].size ? 1 : 0];
    struct dict_entry **at = &table->buckets[h & (table->size - 1)];
    e->next = *at;
    *at = e;
    d->count++;
    d->key_bytes += key.n;
}

void *dict_get(const struct dict *d, struct slice key)
{
    if (d->count == 0)
        return NULL;
    struct dict_entry **at = find(d, key, hash_key(d, key));
    return at ? (*at)->value : NULL;
}

bool dict_has(const struct dict *d, struct slice key)
{
    return d->count != 0 && find(d, key, hash_key(d, key)) != NULL;
}

void *dict_set(struct dict *d, struct slice key, void *value)
{
    uint64_t h = hash_key(d, key);
    struct dict_entry **at = find(d, key, h);
    if (at) {
        void *old = (*at)->value;
        (*at)->value = value;
        return old;
    }
    insert(d, key, h, value);
    return NULL;
}

bool dict_add(struct dict *d, struct slice key, void *value)
{
    uint64_t h = hash_key(d, key);
    if (find(d, key, h))
        return false;
    insert(d, key, h, value);
    return true;
}

static void free_tables(struct dict *d)
{
    for (int t = 0; t < 2; t++) {
        mem_free(d->table[t].buckets);
        d->table[t] = (struct dict_table){NULL, 0};
    }
    d->moved = 0;
}

/* Unlinks and frees the entry of key, and says what it held. */
static bool remove_entry(struct dict *d, struct slice key, void **value)
{
    if (d->count == 0)
        return false;
    struct dict_entry **at = find(d, key, hash_key(d, key));
    if (!at)
        return false;
    struct dict_entry *e = *at;
    *at = e->next;
    *value = e->value;
    d->count--;
    d->key_bytes -= e->n;
    mem_free(e);
    if (d->count == 0 && d->table[0].size > DICT_MIN_SIZE)
        free_tables(d);
    return true;
}

void *dict_take(struct dict *d, struct slice key)
{
    void *value = NULL;
    return remove_entry(d, key, &value) ? value : NULL;
}

bool dict_del(struct dict *d, struct slice key)
{
    void *value;
    if (!remove_entry(d, key, &value))
        return false;
    if (d->free_value)
        d->free_value(value);
    return true;
}

void dict_clear(struct dict *d)
{
    for (int t = 0; t < 2; t++) {
        for (size_t i = 0; i < d->table[t].size; i++) {
            struct dict_entry *e = d->table[t].buckets[i];
            while (e) {
                struct dict_entry *next = e->next;
                if (d->free_value)
                    d->free_value(e->value);
                mem_free(e);
                e = next;
            }
        }
    }
    free_tables(d);
    d->count = d->key_bytes = 0;
}

void dict_free(struct dict *d)
{
    if (!d)
        return;
    dict_clear(d);
    mem_free(d);
}

size_t dict_count(const struct dict *d)
{
    return d->count;
}

size_t dict_bytes(const struct dict *d)
{
    size_t buckets = d->table[0].size + d->table[1].size;
    return sizeof(*d) + buckets * sizeof(struct dict_entry *) +
           d->count * sizeof(struct dict_entry) + d->key_bytes;
}

/* it->entry is the entry that comes next, so the current one may go. */
static void seek_entry(struct dict_iter *it)
{
    while (!it->entry && it->table < 2) {
        const struct dict_table *table = &it->d->table[it->table];
        if (it->bucket >= table->size) {
            it->table++;
            it->bucket = 0;
        } else {
            it->entry = table->buckets[it->bucket++];
        }
    }
}

struct dict_iter dict_iter(const struct dict *d)
{
    return (struct dict_iter){.d = d};
}

bool dict_next(struct dict_iter *it)
{
    seek_entry(it);
    struct dict_entry *e = it->entry;
    if (!e)
        return false;
    it->key = slice_make(e->key, e->n);
    it->value = e->value;
    it->entry = e->next;
    return true;
}
