/* Shared inside pubsub/: subscriptions as the commands change them. */
#ifndef ORBIT_SERVICES_PUBSUB_PUBSUB_PRIV_H
#define ORBIT_SERVICES_PUBSUB_PUBSUB_PRIV_H

#include "services/pubsub/pubsub.h"

/* False: it was subscribed already. */
bool pubsub__add(struct session *s, enum pubsub_kind kind, struct slice name);
/* False: it was not subscribed. */
bool pubsub__remove(struct session *s, enum pubsub_kind kind, struct slice name);
/* The oldest subscription of a kind; false: none. Valid until it is removed. */
bool pubsub__first(const struct session *s, enum pubsub_kind kind, struct slice *name);
/* What the replies of SUBSCRIBE and its relatives count. */
size_t pubsub__count(const struct session *s, enum pubsub_kind kind);
/* Calls fn for each topic of a kind. */
void pubsub__each_topic(enum pubsub_kind kind, void (*fn)(void *arg, struct slice name), void *arg);

struct acl_user;
/* True when user may keep all subscriptions of s. */
bool pubsub__subscriptions_ok(struct session *s, const struct acl_user *user);

#endif
