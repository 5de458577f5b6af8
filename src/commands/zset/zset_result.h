/* A sorted set as the result of a command: ZUNIONSTORE, ZRANGESTORE, GEOSEARCHSTORE. Thread: loop. */
#ifndef ORBIT_COMMANDS_ZSET_RESULT_H
#define ORBIT_COMMANDS_ZSET_RESULT_H

#include "keyspace/kv_zset.h"
#include "session/call.h"

/* Makes the items (sorted in place; slices must not point into the present value of key) the value of key and answers their
 * number; none deletes the key. Notifies event, or "del". */
void zset_result_store(struct call *c, struct slice key, struct kv_zset_item *items, size_t n,
                       const char *event);

#endif
