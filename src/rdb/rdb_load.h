/* Dump files, loaded into the keyspace: at once, or in steps while the file still grows. Thread: loop. */
#ifndef ORBIT_RDB_RDB_LOAD_H
#define ORBIT_RDB_RDB_LOAD_H

#include "base/status.h"
#include "keyspace/kv.h"

struct rdb_load {
    const char *path;
    bool
        merge; /* keys and libraries of the file replace those that are there; else they must not be there */
    bool keep_expired; /* a replica's master says when keys go */
    int first_db;      /* number of the keyspace's database that the file's database 0 becomes */
    /* Gets the code of each library, after its length (4); NULL: libraries are loaded. */
    struct buf *functions;
    /* rdb_load: called every few ms; may be NULL. */
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
    /* All or nothing, past the cache: records go to a bulk load (keyspace/kv_load.h). rdb_load sets it when the keyspace is
     * empty, and begins and ends that; in steps it is the caller's. */
    bool bulk;
    /* Filled in. */
    uint64_t keys, expired, empty, libraries;
    uint64_t end; /* where the dump ends in the file */
    /* Where in a replication stream the dump is; "": not told. Keys whose time is over stay then, for who follows that stream
     * has to be told that they go. */
    char stream_id[41];
    uint64_t stream_offset;
    int64_t stream_db; /* that the stream of commands behind the dump begins in; -1: not told */
};

/* Loads the file and folds everything into the store; records no effect. Keys whose time is over are left out. On failure a part
 * of the file may be loaded, unless it was loaded in bulk. The caller sees to what was there before. */
MUST_USE enum status rdb_load(struct kv *kv, struct rdb_load *l, struct error *err);
/* Reads the whole file and checks it, without loading anything. Any thread. */
MUST_USE enum status rdb_check(const char *path, struct error *err);

/* The same in steps. */
struct rdb_loading;
enum rdb_progress {
    RDB_LOAD_MORE,    /* time is up, or the store cannot keep up */
    RDB_LOAD_STARVED, /* what has come of the file ends in the midst of an item */
    RDB_LOAD_DONE,    /* everything is in the keyspace; nothing is folded yet */
};
/* l is kept by the caller, for as long. fd: the file, open for reading; NULL and err: it cannot be. */
struct rdb_loading *rdb_loading_new(struct kv *kv, struct rdb_load *l, struct error *err);
void rdb_loading_free(struct rdb_loading *g);
/* Goes on until the steady clock says until_us. size: bytes of the file that are there; whole: no more will come. After an error
 * or RDB_LOAD_DONE: only rdb_loading_free. */
MUST_USE enum status rdb_loading_step(struct rdb_loading *g, uint64_t size, bool whole,
                                      int64_t until_us, enum rdb_progress *out, struct error *err);
/* Bytes that are loaded. */
uint64_t rdb_loading_at(const struct rdb_loading *g);
/* From here on the file is still looked at; less than what is loaded. */
uint64_t rdb_loading_needs(const struct rdb_loading *g);

#endif
