/* Shared by the hash commands. Thread: loop. */
#ifndef ORBIT_COMMANDS_HASH_HASH_PRIV_H
#define ORBIT_COMMANDS_HASH_HASH_PRIV_H

#include "session/call.h"

/* Reads a field of argv[1]; *rec NULL: no such key. False: the error is answered. */
MUST_USE bool hash__read(struct call *c, unsigned flags, struct slice field, struct kv_rec **rec,
                         bool *found, struct slice *value);
/* Sets argv[2] to value, in rec or (NULL) in a new hash, notifies and counts. False: the error is answered. */
MUST_USE bool hash__write(struct call *c, struct kv_rec *rec, struct slice value,
                          const char *event);

#endif
