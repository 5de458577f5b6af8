/* Digests of data, equal to Redis's: they do not depend on how a value is held, nor on an order that means nothing. */
#ifndef ORBIT_COMMANDS_SERVER_DIGEST_H
#define ORBIT_COMMANDS_SERVER_DIGEST_H

#include "keyspace/kv.h"

#define DIGEST_BYTES 20

/* d ^= SHA-1(bytes): for what has no order. */
void digest_xor(unsigned char d[DIGEST_BYTES], struct slice bytes);
/* d = SHA-1(d ^ SHA-1(bytes)): for what has one. */
void digest_mix(unsigned char d[DIGEST_BYTES], struct slice bytes);

/* Mixes type, value and whether there is a TTL into d. */
MUST_USE enum status digest_value(struct kv *kv, struct kv_rec *rec, unsigned char d[DIGEST_BYTES],
                                  struct error *err);

#endif
