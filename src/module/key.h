/* An open key of a module. Thread: as module_priv.h says. */
#ifndef ORBIT_MODULE_KEY_H
#define ORBIT_MODULE_KEY_H

#include "keyspace/kv_stream.h"
#include "keyspace/kv_zset.h"
#include "module/module_priv.h"

/* A walk over a part of a sorted set, by rank. */
struct module_zset_walk {
    bool active, end;
    uint64_t first, n, at; /* ranks [first, first + n); at: the present one */
};

/* A walk over entries: what is left of it lies between start and end. */
struct module_stream_walk {
    bool active, rev, done;
    struct kv_stream_id start, end;
    struct kv_stream_id id; /* the present entry's; 0-0: none */
    struct kv_stream_entry entry;
};

/* The record is looked up again whenever the keyspace may have moved it. */
struct RedisModuleKey {
    RedisModuleCtx *ctx;
    struct kv *kv;
    int db;
    int mode; /* REDISMODULE_READ, REDISMODULE_WRITE, REDISMODULE_OPEN_KEY_* */
    RedisModuleString *name;
    struct kv_rec *rec; /* good as long as kv_drops is drops */
    uint64_t drops;
    struct module_zset_walk zset;
    struct module_stream_walk stream;
    struct buf scratch; /* what StringDMA of an integer points to */
};

/* The record as it is now; NULL: there is none. */
struct kv_rec *module__key_rec(RedisModuleKey *key);
/* Opens an edit of a value of this type, which is made when the key is empty. NULL: not open for writing, or another type. */
struct kv_rec *module__key_edit(RedisModuleKey *key, enum kv_type type);
/* Ends it. A value without elements is deleted, but a stream. */
void module__key_edit_end(RedisModuleKey *key, struct kv_rec *rec, uint64_t left);
/* Logs a failure of the store. True: it is one. */
bool module__key_failed(enum status st, const struct error *err);
/* A handle for what a callback gets: not for auto memory, closed with module__key_deinit. */
void module__key_init(RedisModuleKey *key, RedisModuleCtx *ctx, RedisModuleString *name, int mode);
void module__key_deinit(RedisModuleKey *key);

#endif
