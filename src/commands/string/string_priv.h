/* Shared by the string commands: writing a value, expiry times, and the length limit. Thread: loop. */
#ifndef ORBIT_COMMANDS_STRING_PRIV_H
#define ORBIT_COMMANDS_STRING_PRIV_H

#include "session/call.h"

/* How a command gives an expiry. */
enum string_unit {
    STRING_EX,   /* seconds from now */
    STRING_PX,   /* milliseconds from now */
    STRING_EXAT, /* unix seconds */
    STRING_PXAT, /* unix milliseconds */
};

/* Turns argument i into unix milliseconds. False: the error is answered. */
MUST_USE bool string__expire_arg(struct call *c, int i, enum string_unit unit, int64_t *when);

/* Writes the value, notifies "set" and counts the change. when: unix ms or KV_NO_EXPIRE. False: the error is answered. */
MUST_USE bool string__store(struct call *c, struct slice key, struct slice value, int64_t when,
                            unsigned kv_flags);

/* Makes the string of key n bytes long (growth is zero-filled), and the key itself when *rec is NULL. The result is for
 * writing before the next kv call. NULL: the error is answered and nothing has changed. */
MUST_USE char *string__edit(struct call *c, struct slice key, struct kv_rec **rec, size_t n);

/* Tests old + extra against proto-max-bulk-len. False: the error is answered. */
MUST_USE bool string__check_length(struct call *c, size_t old, size_t extra);

#endif
