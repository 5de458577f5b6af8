/* Publish/subscribe: topics (channels, patterns, shard channels), who subscribed to them, and delivery.
 *
 * A message for the session whose command is running is held back until that command is over, so that it never stands inside
 * a reply. Thread: loop. */
#ifndef ORBIT_SERVICES_PUBSUB_PUBSUB_H
#define ORBIT_SERVICES_PUBSUB_PUBSUB_H

#include "base/slice.h"

struct session;

enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD, PUBSUB_KINDS };

/* Attaches to sessions, keyspace notifications and INFO. Once, before the start. */
void pubsub_start(void);

/* Delivers to the subscribers of a channel and of the patterns that match it. Returns how many copies went out. */
size_t pubsub_publish(struct slice channel, struct slice message);
/* The same for shard channels, which no pattern matches. */
size_t pubsub_publish_shard(struct slice channel, struct slice message);

bool pubsub_subscribed(const struct session *s, enum pubsub_kind kind, struct slice name);
/* Calls fn for each subscription of s until it returns false. fn must not change subscriptions. */
void pubsub_each(const struct session *s,
                 bool (*fn)(void *arg, enum pubsub_kind kind, struct slice name), void *arg);

size_t pubsub_topics(enum pubsub_kind kind);
size_t pubsub_subscribers(enum pubsub_kind kind, struct slice name);

#endif
