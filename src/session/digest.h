/* Digests of data (DEBUG DIGEST), equal to Redis's: they do not depend on how a value is held, nor on an order that means
 * nothing. Pure; thread: any. */
#ifndef ORBIT_SESSION_DIGEST_H
#define ORBIT_SESSION_DIGEST_H

#include "base/slice.h"

#define DIGEST_BYTES 20

/* d ^= SHA-1(bytes): for what has no order. */
void digest_xor(unsigned char d[DIGEST_BYTES], struct slice bytes);
/* d = SHA-1(d ^ SHA-1(bytes)): for what has one. */
void digest_mix(unsigned char d[DIGEST_BYTES], struct slice bytes);

#endif
