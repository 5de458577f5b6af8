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
/* Takes a record that was just made, and frees it. An object of a module stays in memory, where modules look for it, and is folded
 * after the load. */
MUST_USE enum status kv_load_take(struct kv *kv, struct kv_rec *rec, struct error *err);
/* Everything is taken: a worker begins to add it to the store. After a failure: kv_load_abort. */
MUST_USE enum status kv_load_merge(struct kv *kv, struct error *err);
/* The worker is through: kv_load_end will not wait. */
bool kv_load_merged(const struct kv *kv);
/* After kv_load_merge: waits for the worker; everything is in the keyspace then. A failure ends the load, too, and the keyspace
 * is as empty as before. ST_EXISTS: a key came twice, err names it. */
MUST_USE enum status kv_load_end(struct kv *kv, struct error *err);
/* Gives it up: the keyspace is as empty as before. */
void kv_load_abort(struct kv *kv);

#endif
