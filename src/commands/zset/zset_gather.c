#include "commands/zset/zset_gather.h"

#include "base/arena.h"
#include "base/hash.h"

bool zset_gather_init(struct zset_gather *g, struct arena *arena, size_t max)
{
    *g = (struct zset_gather){.mask = 15};
    if (max > UINT32_MAX / 4)
        return false;
    while (g->mask < max * 2)
        g->mask = g->mask * 2 + 1;
    g->items = arena_try_alloc(arena, (max + 1) * sizeof *g->items);
    g->slots = arena_try_alloc(arena, (g->mask + 1) * sizeof *g->slots);
    if (!g->items || !g->slots)
        return false;
    memset(g->slots, 0, (g->mask + 1) * sizeof *g->slots);
    return true;
}

/* The slot that holds the member, or would. */
static size_t find(const struct zset_gather *g, struct slice member)
{
    static struct hash_seed seed;
    if (seed.k0 == 0 && seed.k1 == 0)
        hash_random(&seed, sizeof seed);
    size_t i = (size_t)hash_sip13(seed, member.p, member.n) & g->mask;
    while (g->slots[i] != 0 && !slice_eq(g->items[g->slots[i] - 1].member, member))
        i = (i + 1) & g->mask;
    return i;
}

struct kv_zset_item *zset_gather_add(struct zset_gather *g, struct slice member, bool *added)
{
    size_t i = find(g, member);
    *added = g->slots[i] == 0;
    if (*added) {
        g->items[g->n] = (struct kv_zset_item){.member = member};
        g->slots[i] = (uint32_t)++g->n;
    }
    return &g->items[g->slots[i] - 1];
}

bool zset_gather_has(const struct zset_gather *g, struct slice member)
{
    return g->slots[find(g, member)] != 0;
}
