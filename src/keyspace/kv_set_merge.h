/* Walks over several sets at once, in one order that they all have (that of hash64 and member), without a copy of any: unions
 * and differences of any size cost no memory but that of packed sets' places, which are sorted first.
 * Thread: the loop thread. The sets must not change meanwhile. */
#ifndef ORBIT_KEYSPACE_KV_SET_MERGE_H
#define ORBIT_KEYSPACE_KV_SET_MERGE_H

#include "keyspace/kv.h"

struct kv_set_merge;

/* Begins with the first member of each of the n sets; NULL ones are empty. */
MUST_USE enum status kv_set_merge_open(struct kv_rec *const *sets, size_t n,
                                       struct kv_set_merge **out, struct error *err);
/* The next member that any of them has, and whether set 0 and whether any other has it. Each comes once. *end: no more.
 * member is valid until the next call. */
struct kv_set_merged {
    struct slice member;
    bool in_first, in_others;
};
MUST_USE enum status kv_set_merge_next(struct kv_set_merge *m, struct kv_set_merged *out, bool *end,
                                       struct error *err);
/* Accepts NULL. */
void kv_set_merge_close(struct kv_set_merge *m);

#endif
