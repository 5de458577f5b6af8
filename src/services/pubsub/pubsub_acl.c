/* When a user loses channels: may a subscriber keep what it listens to? */
#include "services/pubsub/pubsub_priv.h"
#include "session/acl.h"

struct asking {
    const struct acl_user *user;
    bool ok;
};

static bool ask(void *arg, enum pubsub_kind kind, struct slice name)
{
    struct asking *a = arg;
    a->ok = acl_check_channel(a->user, name, kind == PUBSUB_PATTERN);
    return a->ok;
}

bool pubsub__subscriptions_ok(struct session *s, const struct acl_user *user)
{
    struct asking a = {user, true};
    pubsub_each(s, ask, &a);
    return a.ok;
}
