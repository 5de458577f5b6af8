/* Random ranks. */
#include "commands/pick.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>

uint64_t pick_one(uint64_t n)
{
    return (uint64_t)((unsigned __int128)hash_rand64() * n >> 64);
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t sort_unique(uint64_t *v, uint64_t n)
{
    uint64_t kept = 0;
    qsort(v, n, sizeof *v, ascending);
    for (uint64_t i = 0; i < n; i++)
        if (kept == 0 || v[kept - 1] != v[i])
            v[kept++] = v[i];
    return kept;
}

uint64_t *pick_distinct(uint64_t n, uint64_t k)
{
    uint64_t *v = mem_try_alloc((k ? k : 1) * sizeof *v), have = 0;
    if (!v)
        return NULL;
    while (have < k) {
        while (have < k)
            v[have++] = pick_one(n);
        have = sort_unique(v, k);
    }
    return v;
}

bool pick_next(struct pick_walk *w)
{
    bool yes = w->wanted > 0 && pick_one(w->left) < w->wanted;
    w->left--;
    w->wanted -= yes;
    return yes;
}
