/* Commands that wait for keys: BLPOP, BZPOPMIN, XREAD and their like.
 *
 * Such a command looks for what it wants; when it finds nothing it calls block_on_keys and returns without a reply. Whenever
 * one of its keys has been changed and holds the type it waits for, the command is executed again, from the beginning, with
 * the same arguments: it answers, or calls block_on_keys again and keeps its deadline and its place among those that wait.
 * This happens when the command, transaction or script that changed the key is over, in the order in which clients blocked,
 * and again for what the woken commands themselves change. Permissions, maxmemory and the like are checked anew each time.
 *
 * A command whose arguments mean something else later (XREAD's $) puts the lasting value into c->argv (bytes in c->arena)
 * before it blocks for the first time: the arguments are copied then.
 * Thread: loop. */
#ifndef ORBIT_SESSION_BLOCK_KEYS_H
#define ORBIT_SESSION_BLOCK_KEYS_H

#include "session/call.h"

enum block_keys_flags {
    /* Also wakes when the key is deleted or gets another type: the command answers an error then (XREADGROUP). */
    BLOCK_KEYS_NOKEY = 1 << 0,
    /* What wakes is the making of the key, of any type, or of a value of another type in its place, and block_keys_signal;
     * no further change of it (modules). */
    BLOCK_KEYS_ANY = 1 << 1,
};

/* True inside MULTI and scripts, and in a replay: the command answers null at once instead of blocking. */
static inline bool block_denied(const struct call *c)
{
    return (c->s->flags & SESS_DENY_BLOCKING) != 0;
}

/* Parks the session of c until one of keys (in c->db; repeated ones count once) holds a value of this type. Not when
 * block_denied. deadline_ms: wall clock, 0: none; then the answer is a null array. */
void block_on_keys(struct call *c, const struct slice *keys, size_t n, enum kv_type type,
                   int64_t deadline_ms, unsigned flags);

/* The same with other answers to a timeout, and to CLIENT UNBLOCK; their state stays with the caller, free_state gets it. The
 * operations' timeout may be NULL: then the command waits without a deadline, and CLIENT UNBLOCK leaves it alone. */
struct block_ops;
void block_on_keys_with(struct call *c, const struct slice *keys, size_t n, enum kv_type type,
                        int64_t deadline_ms, unsigned flags, const struct block_ops *ops,
                        void *state);
/* While a command runs again: the key that woke it; SLICE_NULL otherwise. */
struct slice block_keys_woken_by(void);
/* Serves those who wait for key although nothing of it has changed that the keyspace knows of. */
void block_keys_signal(int db, struct slice key);

/* For INFO: keys that somebody waits for; those of them with BLOCK_KEYS_NOKEY. */
size_t block_keys_total(void);
size_t block_keys_on_nokey(void);

#endif
