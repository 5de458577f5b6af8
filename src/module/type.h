/* Data types of modules: their values as objects of the keyspace, and the streams that they are saved to and loaded from. */
#ifndef ORBIT_MODULE_TYPE_H
#define ORBIT_MODULE_TYPE_H

#include "base/reader.h"
#include "keyspace/kv_object.h"
#include "module/module_priv.h"
#include "rdb/rdb_modules.h"
#include "session/digest.h"

struct RedisModuleType {
    struct kv_object_type kv; /* arg: this */
    struct list_node link;    /* all types, in order of making */
    struct module *module;
    char name[KV_OBJECT_NAME + 1];
    RedisModuleTypeMethods methods; /* what its version lacks is zero */
    struct buf aux[2];              /* what a fold got last, before and after */
};

/* Where a value is saved to or loaded from; lives on the stack of who calls the module. */
struct RedisModuleIO {
    struct RedisModuleType *type;
    struct buf *out;  /* saving; NULL: loading */
    struct reader in; /* loading */
    struct buf scratch;
    bool error;
    int db;           /* -1: in no key */
    struct slice key; /* p NULL: in no key */
    RedisModuleString *name;
    RedisModuleCtx *ctx; /* NULL until asked for */
};
void module__io_save(RedisModuleIO *io, RedisModuleType *t, const struct kv_object_place *at,
                     struct buf *out);
void module__io_load(RedisModuleIO *io, RedisModuleType *t, const struct kv_object_place *at,
                     struct slice parts);
/* Ends it. False: an error was met. */
bool module__io_end(RedisModuleIO *io);

struct RedisModuleKeyOptCtx {
    RedisModuleString *from_key, *to_key; /* NULL: none */
    int from_db, to_db;                   /* -1: none */
};

struct RedisModuleDigest {
    unsigned char ordered[DIGEST_BYTES], sum[DIGEST_BYTES];
    RedisModuleString *key;
    int db;
};

/* What the store has for m, which comes after the start (module_load). */
MUST_USE enum status module__types_join(const struct module *m, struct error *err);
/* True: no object is in memory any more, the modules may go. False: one could not be saved (logged). */
bool module__types_stop(void);
const char *module__types_refuses(struct module *m);
void module__types_drop(struct module *m);

#endif
