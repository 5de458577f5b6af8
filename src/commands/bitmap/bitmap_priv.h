/* Shared by the bitmap commands. Thread: loop. */
#ifndef ORBIT_COMMANDS_BITMAP_BITMAP_PRIV_H
#define ORBIT_COMMANDS_BITMAP_BITMAP_PRIV_H

#include "session/call.h"

/* Parses a bit offset; with hash "#n" means n * width. False: the error is answered. */
MUST_USE bool bitmap__offset_arg(struct call *c, int i, bool hash, unsigned width,
                                 uint64_t *offset);

/* The string of key, grown (or made, when *rec is NULL) so that last_bit lies inside, for writing before the next kv call.
 * *n is its length then. NULL: the error is answered. */
MUST_USE unsigned char *bitmap__edit(struct call *c, struct slice key, struct kv_rec *rec,
                                     uint64_t last_bit, size_t *n);

#endif
