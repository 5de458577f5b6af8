/* A sorted set or a set that is combined with others; a set's members count as having score 1. A key that is not there is an
 * empty one. Thread: loop. */
#ifndef ORBIT_COMMANDS_ZSET_SOURCE_H
#define ORBIT_COMMANDS_ZSET_SOURCE_H

#include "keyspace/kv_set.h"
#include "keyspace/kv_zset.h"

struct arena;

struct zset_source {
    struct kv_rec *rec; /* NULL: no such key */
    bool is_set;
    double weight;
};

uint64_t zset_source_count(const struct zset_source *s);
MUST_USE enum status zset_source_find(const struct zset_source *s, struct slice member, bool *found,
                                      double *score, struct error *err);
/* Calls fn for each member until it returns something else than ST_OK, which is returned. Members stay valid until the end of
 * the command: those that do not stand in the set as they are go to the arena. */
MUST_USE enum status zset_source_each(const struct zset_source *s, struct arena *arena,
                                      enum status (*fn)(void *arg, const struct kv_zset_item *item,
                                                        struct error *err),
                                      void *arg, struct error *err);

#endif
