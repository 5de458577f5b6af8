/* SCAN cursor, and HSCAN key cursor [MATCH pattern] [COUNT n] and its kin. The cursor is looked at before the key, the options after it.
 * Thread: loop. */
#ifndef ORBIT_COMMANDS_SCAN_H
#define ORBIT_COMMANDS_SCAN_H

#include "session/call.h"

/* Parses argument i. False: the error is answered. */
MUST_USE bool scan_cursor(struct call *c, int i, uint64_t *cursor);
/* The answer for a key that is not there. */
void scan_reply_none(struct call *c);

struct scan_found {
    struct call *c;
    uint64_t count;
    struct slice pattern; /* p NULL: everything */
    struct slice *v;      /* in the call's arena; what they point to is the keyspace's */
    size_t n, cap;
};
/* Parses argv[3] and on into an empty result. False: the error is answered. */
MUST_USE bool scan_begin(struct call *c, struct scan_found *f);
bool scan_wants(const struct scan_found *f, struct slice name);
/* Adds to the answer. */
void scan_add(struct scan_found *f, struct slice s);
void scan_reply(struct scan_found *f, uint64_t next);

#endif
