/* Shared inside tracking/: the state of a session that tracks, and how the commands change it. */
#ifndef ORBIT_SERVICES_TRACKING_TRACKING_PRIV_H
#define ORBIT_SERVICES_TRACKING_TRACKING_PRIV_H

#include "base/list.h"
#include "base/slice.h"
#include "session/session.h"

enum tracking_mode {
    TRACKING_OPTIN = 1 << 0,
    TRACKING_OPTOUT = 1 << 1,
    TRACKING_NOLOOP = 1 << 2,
    TRACKING_CACHING = 1 << 3, /* CLIENT CACHING was given for the next command */
};

struct tracker {
    struct list_node link; /* all of them */
    struct session *s;
    unsigned mode;
    struct list_node prefixes; /* memberships, in the order given */
};

/* NULL: tracking is off. */
static inline struct tracker *tracking__of(const struct session *s)
{
    return s->slot[SESS_SLOT_TRACKING];
}

/* Switches on, or changes mode and redirection of one that is on. */
struct tracker *tracking__on(struct session *s, unsigned mode, bool bcast, uint64_t redirect);
void tracking__off(struct session *s);
/* The session hears of every change below prefix. */
void tracking__add_prefix(struct tracker *t, struct slice prefix);
/* Calls fn for each prefix until it returns false. */
void tracking__each_prefix(const struct tracker *t, bool (*fn)(void *arg, struct slice prefix),
                           void *arg);

/* A set of session ids. Zero-initialised is empty. */
struct tracking_ids {
    uint64_t *v; /* open addressing; 0: free */
    uint32_t n, cap;
};
/* False: it was there. */
bool tracking__ids_add(struct tracking_ids *ids, uint64_t id);
void tracking__ids_free(struct tracking_ids *ids);

#endif
