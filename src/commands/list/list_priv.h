/* What the list commands share. */
#ifndef ORBIT_COMMANDS_LIST_LIST_PRIV_H
#define ORBIT_COMMANDS_LIST_LIST_PRIV_H

#include "keyspace/kv_list.h"
#include "session/call.h"

/* LEFT or RIGHT as argument i, or answers a syntax error. */
MUST_USE bool list__arg_side(struct call *c, int i, enum kv_list_side *side);
/* Index argument of a list of n elements: negative ones count from the end. *inside: it is one of the list. */
MUST_USE bool list__arg_index(struct call *c, int i, uint64_t n, bool *inside, uint64_t *index);

/* A range of indexes as LRANGE and LTRIM mean it, cut to the list: n elements from first on; n 0: it is empty. */
struct list_range {
    uint64_t first, n;
};
struct list_range list__range(int64_t start, int64_t stop, uint64_t count);

/* After elements were removed or replaced, inside of the edit: the encoding follows. A list that cannot be read just now keeps
 * its own, which is nobody's answer. */
void list__shrunk(struct kv_rec *rec);
/* After elements were removed, inside of the edit: notifies the event, deletes a list that became empty or lets it change its
 * encoding, ends the edit, counts n changes. rec may be gone afterwards. */
void list__removed(struct call *c, struct slice key, struct kv_rec *rec, const char *event,
                   uint64_t n);

/* The element at the end of a list, copied into the arena of c. */
MUST_USE enum status list__peek(struct call *c, struct kv_rec *rec, enum kv_list_side side,
                                struct slice *value, struct error *err);
/* Removes n elements at the end of a list. */
MUST_USE enum status list__cut(struct kv_rec *rec, enum kv_list_side side, uint64_t n,
                               struct error *err);

const char *list__push_event(enum kv_list_side side); /* "lpush" */
const char *list__pop_event(enum kv_list_side side);
struct slice list__pop_word(enum kv_list_side side); /* "LPOP" */

#endif
