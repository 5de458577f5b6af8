/* Members with scores being put together, found by member: a hash table in an arena, of a size known beforehand. */
#ifndef ORBIT_COMMANDS_ZSET_GATHER_H
#define ORBIT_COMMANDS_ZSET_GATHER_H

#include "base/compiler.h"
#include "keyspace/kv_zset.h"

struct arena;

struct zset_gather {
    struct kv_zset_item *items; /* in the order in which they came */
    size_t n;
    uint32_t *slots; /* index of an item + 1; 0: free */
    size_t mask;
};

/* Room for max members. False: out of memory. */
MUST_USE bool zset_gather_init(struct zset_gather *g, struct arena *arena, size_t max);
/* The member's place; *added: it is new, its score is not set. member is borrowed. */
struct kv_zset_item *zset_gather_add(struct zset_gather *g, struct slice member, bool *added);
bool zset_gather_has(const struct zset_gather *g, struct slice member);

#endif
