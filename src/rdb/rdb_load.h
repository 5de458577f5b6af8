/* Dump files, loaded into the keyspace. Thread: loop. */
#ifndef ORBIT_RDB_RDB_LOAD_H
#define ORBIT_RDB_RDB_LOAD_H

#include "base/status.h"
#include "keyspace/kv.h"

struct rdb_load {
    const char *path;
    bool
        merge; /* keys and libraries of the file replace those that are there; else they must not be there */
    bool keep_expired; /* a replica's master says when keys go */
    /* Called every few ms; may be NULL. */
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
    /* Filled in. */
    uint64_t keys, expired, empty;
    int64_t stream_db; /* that the stream of commands behind the dump begins in; -1: not told */
};

/* Loads the file and folds everything into the store; records no effect. Keys whose time is over are left out. On failure a part
 * of the file may be loaded. The caller sees to what was there before. */
MUST_USE enum status rdb_load(struct kv *kv, struct rdb_load *l, struct error *err);
/* Reads the whole file and checks it, without loading anything. Any thread. */
MUST_USE enum status rdb_check(const char *path, struct error *err);

#endif
