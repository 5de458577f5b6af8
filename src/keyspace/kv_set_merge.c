/* Walks over several sets at once.
 *
 *   hashtable          its tree has the order already: a cursor
 *   intset, listpack   an array of its members with their hashes, sorted
 *
 * The sources that have members left stand in a heap, the one with the lowest member on top. */
#include "keyspace/kv_set_merge.h"

#include "base/mem.h"
#include "keyspace/kv_member.h"
#include "keyspace/kv_set.h"

#include <stdlib.h>

struct place {
    uint64_t hash;
    struct slice member;
};

struct source {
    struct place now;     /* the member it stands on */
    bool first;           /* set 0 */
    struct kv_cur cur;    /* hashtable */
    struct place *sorted; /* else */
    char *numbers;        /* texts of an intset's members */
    size_t at, n;
};

struct kv_set_merge {
    struct source *sources;
    struct source **heap;
    size_t n, in_heap;
};

static int compare(const struct place *a, const struct place *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return slice_cmp(a->member, b->member);
}

static int compare_places(const void *a, const void *b)
{
    return compare(a, b);
}

/* -- Sources ----------------------------------------------------------------------------------------------------------------- */

static enum status no_memory(struct error *err)
{
    return error_set(err, ST_NO_MEMORY, "out of memory for a walk over sets");
}

static enum status sort_members(struct source *s, struct kv_rec *r, struct error *err)
{
    struct kv_set_cur cur;
    size_t n = kv_set_count(r), i = 0;
    bool ints = kv_set_encoding(r) == KV_SET_INTSET;
    s->sorted = mem_try_alloc((n ? n : 1) * sizeof *s->sorted);
    s->numbers = ints ? mem_try_alloc((n ? n : 1) * KV_SET_INT_BUF) : NULL;
    if (!s->sorted || (ints && !s->numbers))
        return no_memory(err);
    enum status st = kv_set_first(r, &cur, err);
    for (; st == ST_OK && i < n && !kv_set_end(&cur); i++) {
        struct slice member = kv_set_member(&cur);
        if (ints) {
            char *text = s->numbers + i * KV_SET_INT_BUF;
            memcpy(text, member.p, member.n);
            member.p = text;
        }
        s->sorted[i] = (struct place){.hash = kv__hash64(kv__coll(r), member), .member = member};
        st = kv_set_next(&cur, err);
    }
    s->n = i;
    qsort(s->sorted, s->n, sizeof *s->sorted, compare_places);
    return st;
}

static enum status source_open(struct source *s, struct kv_rec *r, struct error *err)
{
    if (kv_set_encoding(r) == KV_SET_HASHTABLE)
        return kv__tree_first(&kv__coll(r)->tree[0], &s->cur, err);
    return sort_members(s, r, err);
}

/* Reads the member that the source stands on. False: there is none. */
static bool source_read(struct source *s)
{
    if (s->sorted) {
        if (s->at == s->n)
            return false;
        s->now = s->sorted[s->at];
        return true;
    }
    if (kv__cur_end(&s->cur))
        return false;
    struct slice key = kv__cur_key(&s->cur);
    uint64_t be;
    memcpy(&be, key.p, sizeof be);
    s->now = (struct place){.hash = __builtin_bswap64(be), .member = kv__hashed_member(key)};
    return true;
}

static enum status source_step(struct source *s, struct error *err)
{
    if (!s->sorted)
        return kv__cur_next(&s->cur, err);
    s->at++;
    return ST_OK;
}

/* -- Heap -------------------------------------------------------------------------------------------------------------------- */

static void sink(struct kv_set_merge *m, size_t i)
{
    struct source *s = m->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= m->in_heap)
            break;
        if (child + 1 < m->in_heap && compare(&m->heap[child + 1]->now, &m->heap[child]->now) < 0)
            child++;
        if (compare(&s->now, &m->heap[child]->now) <= 0)
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = s;
}

/* The source on top goes to its next member. */
static enum status step_top(struct kv_set_merge *m, struct error *err)
{
    struct source *top = m->heap[0];
    enum status st = source_step(top, err);
    if (st != ST_OK)
        return st;
    if (!source_read(top)) {
        m->heap[0] = m->heap[--m->in_heap];
        if (m->in_heap == 0)
            return ST_OK;
    }
    sink(m, 0);
    return ST_OK;
}

enum status kv_set_merge_open(struct kv_rec *const *sets, size_t n, struct kv_set_merge **out,
                              struct error *err)
{
    struct kv_set_merge *m = mem_calloc(1, sizeof *m);
    m->sources = mem_calloc(n ? n : 1, sizeof *m->sources);
    m->heap = mem_calloc(n ? n : 1, sizeof(struct source *));
    *out = NULL;
    for (size_t i = 0; i < n; i++) {
        struct source *s = &m->sources[m->n];
        if (!sets[i])
            continue;
        m->n++;
        s->first = i == 0;
        enum status st = source_open(s, sets[i], err);
        if (st != ST_OK) {
            kv_set_merge_close(m);
            return st;
        }
        if (source_read(s))
            m->heap[m->in_heap++] = s;
    }
    for (size_t i = m->in_heap / 2; i-- > 0;)
        sink(m, i);
    *out = m;
    return ST_OK;
}

enum status kv_set_merge_next(struct kv_set_merge *m, struct kv_set_merged *out, bool *end,
                              struct error *err)
{
    *end = m->in_heap == 0;
    if (*end)
        return ST_OK;
    struct place now = m->heap[0]->now;
    *out = (struct kv_set_merged){.member = now.member};
    while (m->in_heap && compare(&m->heap[0]->now, &now) == 0) {
        out->in_first |= m->heap[0]->first;
        out->in_others |= !m->heap[0]->first;
        enum status st = step_top(m, err);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

void kv_set_merge_close(struct kv_set_merge *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++) {
        mem_free(m->sources[i].sorted);
        mem_free(m->sources[i].numbers);
    }
    mem_free(m->sources);
    mem_free(m->heap);
    mem_free(m);
}
