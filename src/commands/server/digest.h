/* The digest of one value. */
#ifndef ORBIT_COMMANDS_SERVER_DIGEST_H
#define ORBIT_COMMANDS_SERVER_DIGEST_H

#include "keyspace/kv.h"
#include "session/digest.h"

/* Mixes type, value and whether there is a TTL into d. */
MUST_USE enum status digest_value(struct kv *kv, struct kv_rec *rec, unsigned char d[DIGEST_BYTES],
                                  struct error *err);

#endif
