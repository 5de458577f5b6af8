/* A bulk load: very many new keys into an empty keyspace, past the cache and the fold. Each record is made in the ordinary way,
 * given up to the load, which sorts them outside of memory and, at the end, adds them to the store as one: all or none.
 * Thread: the loop thread. Until the end the keys count in every sum but cannot be found, no fold and no expiry happens, and the
 * caller lets nobody else change anything. */
#ifndef ORBIT_KEYSPACE_KV_LOAD_H
#define ORBIT_KEYSPACE_KV_LOAD_H

#include "keyspace/kv.h"

/* True when a load would be possible and worth it: no keys are there, no types of modules
 * are known, and the store takes in sorted files. */
bool kv_load_suits(const struct kv *kv);
/* Folds what is left (a flush), then begins. */
MUST_USE enum status kv_load_begin(struct kv *kv, struct error *err);
/* Takes a record that was just made, and frees it. */
MUST_USE enum status kv_load_take(struct kv *kv, struct kv_rec *rec, struct error *err);
/* Adds everything to the store; wait (may be NULL) is called every few ms meanwhile. Ends the load also when it fails, and then
 * the keyspace is as empty as before. ST_EXISTS: a key came twice, err names it. */
MUST_USE enum status kv_load_end(struct kv *kv, void (*wait)(void *arg), void *arg,
                                 struct error *err);
/* Gives it up: the keyspace is as empty as before. */
void kv_load_abort(struct kv *kv);

#endif
