/* Shared by the HyperLogLog commands. Thread: loop. */
#ifndef ORBIT_COMMANDS_HYPERLOGLOG_HLL_PRIV_H
#define ORBIT_COMMANDS_HYPERLOGLOG_HLL_PRIV_H

#include "session/call.h"

/* Looks up a string whose header is that of a HyperLogLog. *rec NULL: no such key. False: the error is answered. */
MUST_USE bool hll__lookup(struct call *c, struct slice key, unsigned flags, struct kv_rec **rec,
                          struct slice *bytes);
/* Writes the bytes into rec, or into a new key when rec is NULL; the TTL stays. False: the error is answered. */
MUST_USE bool hll__store(struct call *c, struct slice key, struct kv_rec *rec, struct slice bytes);
void hll__reply_broken(struct call *c);

#endif
