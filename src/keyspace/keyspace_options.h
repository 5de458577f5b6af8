/* Values of the keyspace's options (options.def). */
#ifndef ORBIT_KEYSPACE_KEYSPACE_OPTIONS_H
#define ORBIT_KEYSPACE_KEYSPACE_OPTIONS_H

#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

enum kv_fsync { KV_FSYNC_NO, KV_FSYNC_EVERYSEC, KV_FSYNC_ALWAYS };

enum kv_evict_policy {
    KV_EVICT_NONE,
    KV_EVICT_ALL_LRU,
    KV_EVICT_ALL_LFU,
    KV_EVICT_ALL_RANDOM,
    KV_EVICT_VOLATILE_LRU,
    KV_EVICT_VOLATILE_LFU,
    KV_EVICT_VOLATILE_RANDOM,
    KV_EVICT_VOLATILE_TTL,
};

struct keyspace_options {
#include "config/declare_fields.h"

#include "keyspace/options.def"

#include "config/declare_end.h"
    unsigned notify_classes; /* enum notify_class bits of notify-keyspace-events */
};

extern struct keyspace_options keyspace_opts;

void keyspace_options_register(void);

/* True when the policy keeps access frequencies instead of times. */
static inline bool keyspace_policy_is_lfu(int policy)
{
    return policy == KV_EVICT_ALL_LFU || policy == KV_EVICT_VOLATILE_LFU;
}

#endif
