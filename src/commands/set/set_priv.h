/* Shared by the set commands. Thread: loop. */
#ifndef ORBIT_COMMANDS_SET_SET_PRIV_H
#define ORBIT_COMMANDS_SET_SET_PRIV_H

#include "keyspace/kv_set.h"
#include "session/call.h"

/* Opens an edit of *rec, or of a new set at key when that is NULL; n members are about to come, member the first of them.
 * False: the error is answered. */
MUST_USE bool set__open(struct call *c, struct slice key, struct kv_rec **rec, struct slice member,
                        uint64_t n);
/* Ends the edit of the set at key after n changes, notifies event when there were any, and deletes a set without members. */
void set__close(struct call *c, struct slice key, struct kv_rec *rec, uint64_t n,
                const char *event);

#endif
