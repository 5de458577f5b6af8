/* The set that SINTERSTORE, SUNIONSTORE and SDIFFSTORE put into their destination. It may be one of the sets they read, so it
 * is built beside that one then; otherwise it takes the place of what was there with its first member. Thread: loop. */
#ifndef ORBIT_COMMANDS_SET_SET_STORE_H
#define ORBIT_COMMANDS_SET_SET_STORE_H

#include "keyspace/kv_set.h"
#include "session/call.h"

struct set_store {
    struct call *c;
    struct slice key;
    enum kv_set_enc enc;        /* with which it begins */
    struct kv_rec *source;      /* the destination, when it is read too */
    struct kv_rec *rec;         /* inside of an edit from the first member on; NULL before */
    struct kv_set_build *build; /* when source */
    bool existed;               /* something was there before */
};

/* sets are those that will be read. False: the error is answered. */
MUST_USE bool set_store_begin(struct set_store *s, struct call *c, struct slice key,
                              struct kv_rec *const *sets, size_t n, enum kv_set_enc enc);
/* A member that is not there yet does no harm. */
MUST_USE enum status set_store_add(struct set_store *s, struct slice member, struct error *err);
/* Ends it and answers: st and err of the reading and storing so far. enc: the encoding that the set must have in the end,
 * NULL: whatever it has. */
void set_store_end(struct set_store *s, const enum kv_set_enc *enc, const char *event,
                   enum status st, struct error *err);

#endif
