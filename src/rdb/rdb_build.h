/* Values of a dump, made keys of the keyspace. Thread: loop. */
#ifndef ORBIT_RDB_RDB_BUILD_H
#define ORBIT_RDB_RDB_BUILD_H

#include "base/reader.h"
#include "base/status.h"
#include "keyspace/kv.h"

/* Decodes the value of this type and makes it the value of key, replacing what was there (its TTL too). Records no effect.
 * expire: unix ms or KV_NO_EXPIRE. Errors of rdb_decode and of the keyspace; what was there may be gone then, so check what comes
 * from outside with rdb_decode first. */
MUST_USE enum status rdb_build(struct kv *kv, int db, struct slice key, struct reader *value,
                               unsigned rdb_type, int64_t expire, struct kv_rec **rec,
                               struct error *err);

#endif
