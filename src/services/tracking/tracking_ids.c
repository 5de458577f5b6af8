/* A set of session ids: open addressing with linear probing, at most three quarters full. */
#include "base/mem.h"
#include "services/tracking/tracking_priv.h"

enum { IDS_MIN = 4 };

static uint32_t place(const struct tracking_ids *ids, uint64_t id)
{
    uint32_t mask = ids->cap - 1;
    uint32_t i = (uint32_t)((id * 0x9e3779b97f4a7c15u) >> 32) & mask;
    while (ids->v[i] && ids->v[i] != id)
        i = (i + 1) & mask;
    return i;
}

static void grow(struct tracking_ids *ids)
{
    struct tracking_ids was = *ids;
    ids->cap = was.cap ? was.cap * 2 : IDS_MIN;
    ids->v = mem_calloc(ids->cap, sizeof *ids->v);
    for (uint32_t i = 0; i < was.cap; i++)
        if (was.v[i])
            ids->v[place(ids, was.v[i])] = was.v[i];
    mem_free(was.v);
}

bool tracking__ids_add(struct tracking_ids *ids, uint64_t id)
{
    if (ids->cap && ids->v[place(ids, id)] == id)
        return false;
    if (ids->n + 1 > ids->cap / 4 * 3)
        grow(ids);
    ids->v[place(ids, id)] = id;
    ids->n++;
    return true;
}

void tracking__ids_free(struct tracking_ids *ids)
{
    mem_free(ids->v);
    *ids = (struct tracking_ids){NULL, 0, 0};
}
