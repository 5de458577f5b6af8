/* Data types: made by modules when they are loaded, known to the keyspace as types of objects (keyspace/kv_object.h) and to dumps
 * (rdb/rdb_modules.h). */
#include "module/type.h"

#include "base/log.h"
#include "base/mem.h"
#include "module/key.h"
#include "module/module.h"
#include "session/lifecycle.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define AUX_ID_BYTES 8

static struct list_node types = {&types, &types};

static struct kv *the_kv(void)
{
    return lifecycle.kv;
}

/* -- What the keyspace asks ------------------------------------------------------------------------------------------------ */

static RedisModuleType *type_of(const struct kv_object_type *t)
{
    return t->arg;
}

static int own_db(int db)
{
    return db % kv_databases(the_kv()); /* it may be loaded beside the data set */
}

static void opt_begin(RedisModuleKeyOptCtx *o, const struct kv_object_place *from,
                      const struct kv_object_place *to)
{
    *o = (RedisModuleKeyOptCtx){.from_key = module__string(from->key),
                                .to_key = to ? module__string(to->key) : NULL,
                                .from_db = own_db(from->db),
                                .to_db = to ? own_db(to->db) : -1};
}

static void opt_end(RedisModuleKeyOptCtx *o)
{
    module__string_unref(o->from_key);
    module__string_unref(o->to_key);
}

static void on_free(const struct kv_object_type *t, void *value)
{
    if (type_of(t)->methods.free)
        type_of(t)->methods.free(value);
}

static size_t on_effort(const struct kv_object_type *t, const struct kv_object_place *at,
                        void *value)
{
    const RedisModuleTypeMethods *m = &type_of(t)->methods;
    RedisModuleKeyOptCtx o;
    if (!m->free_effort2 && !m->free_effort)
        return 1;
    opt_begin(&o, at, NULL);
    size_t n = m->free_effort2 ? m->free_effort2(&o, value) : m->free_effort(o.from_key, value);
    opt_end(&o);
    return n;
}

static void on_unlink(const struct kv_object_type *t, const struct kv_object_place *at, void *value)
{
    const RedisModuleTypeMethods *m = &type_of(t)->methods;
    RedisModuleKeyOptCtx o;
    if (!m->unlink2 && !m->unlink)
        return;
    opt_begin(&o, at, NULL);
    if (m->unlink2)
        m->unlink2(&o, value);
    else
        m->unlink(o.from_key, value);
    opt_end(&o);
}

static enum status on_copy(const struct kv_object_type *t, const struct kv_object_place *from,
                           const struct kv_object_place *to, void *value, void **copy,
                           struct error *err)
{
    const RedisModuleTypeMethods *m = &type_of(t)->methods;
    RedisModuleKeyOptCtx o;
    if (!m->copy2 && !m->copy)
        return error_set(err, ST_UNSUPPORTED, "not supported for this module key");
    opt_begin(&o, from, to);
    *copy = m->copy2 ? m->copy2(&o, value) : m->copy(o.from_key, o.to_key, value);
    opt_end(&o);
    return *copy ? ST_OK : error_set(err, ST_INVALID, "module key failed to copy");
}

static enum status on_encode(const struct kv_object_type *t, const struct kv_object_place *at,
                             void *value, struct buf *out, struct error *err)
{
    RedisModuleType *type = type_of(t);
    RedisModuleIO io;
    if (!type->methods.rdb_save)
        return error_set(err, ST_UNSUPPORTED, "the module type '%s' cannot be saved", type->name);
    module__io_save(&io, type, at, out);
    type->methods.rdb_save(&io, value);
    bool good = module__io_end(&io);
    buf_put_byte(out, 0); /* the end of the parts */
    return good ? ST_OK
                : error_set(err, ST_INVALID, "the module type '%s' failed to save", type->name);
}

static enum status on_decode(const struct kv_object_type *t, const struct kv_object_place *at,
                             unsigned version, struct slice parts, void **value, struct error *err)
{
    RedisModuleType *type = type_of(t);
    RedisModuleIO io;
    struct reader check = reader_make(parts);
    struct slice all;
    if (!rdb_skip_module_parts(&check, &all) || reader_left(&check) > 0)
        return error_set(err, ST_CORRUPT, "a value of the module type '%s' is damaged", type->name);
    if (!type->methods.rdb_load)
        return error_set(err, ST_UNSUPPORTED, "the module type '%s' cannot be loaded", type->name);
    module__io_load(&io, type, at, parts);
    *value = type->methods.rdb_load(&io, (int)version);
    bool whole = !io.error && reader_left(&io.in) == 1; /* but the end */
    (void)module__io_end(&io);
    if (*value && whole)
        return ST_OK;
    if (*value)
        on_free(t, *value);
    return error_set(err, ST_CORRUPT,
                     "The RDB file contains module data for the module type '%s', that the "
                     "responsible module is not able to load",
                     type->name);
}

static size_t on_memory(const struct kv_object_type *t, const struct kv_object_place *at,
                        void *value, size_t samples)
{
    const RedisModuleTypeMethods *m = &type_of(t)->methods;
    RedisModuleKeyOptCtx o;
    if (!m->mem_usage2)
        return m->mem_usage ? m->mem_usage(value) : 0;
    opt_begin(&o, at, NULL);
    size_t n = m->mem_usage2(&o, value, samples);
    opt_end(&o);
    return n;
}

static void on_digest(const struct kv_object_type *t, const struct kv_object_place *at, void *value,
                      unsigned char digest[DIGEST_BYTES])
{
    const RedisModuleTypeMethods *m = &type_of(t)->methods;
    RedisModuleDigest d = {.db = own_db(at->db)};
    if (!m->digest)
        return;
    d.key = module__string(at->key);
    m->digest(&d, value);
    digest_xor(digest, slice_make(d.sum, DIGEST_BYTES));
    module__string_unref(d.key);
}

static const struct kv_object_ops object_ops = {.free = on_free,
                                                .effort = on_effort,
                                                .unlink = on_unlink,
                                                .copy = on_copy,
                                                .encode = on_encode,
                                                .decode = on_decode,
                                                .memory = on_memory,
                                                .digest = on_digest};

/* -- Making ---------------------------------------------------------------------------------------------------------------- */

/* Nine characters of 64, and a version of 10 bits; 0: not so. */
static uint64_t make_id(const char *name, int version)
{
    uint64_t id = 0;
    if (strlen(name) != KV_OBJECT_NAME || version < 0 || version > 1023)
        return 0;
    for (const char *c = name; *c; c++) {
        unsigned v;
        if (*c >= 'A' && *c <= 'Z')
            v = (unsigned)(*c - 'A');
        else if (*c >= 'a' && *c <= 'z')
            v = (unsigned)(*c - 'a') + 26;
        else if (*c >= '0' && *c <= '9')
            v = (unsigned)(*c - '0') + 52;
        else if (*c == '-' || *c == '_')
            v = *c == '-' ? 62 : 63;
        else
            return 0;
        id = id << 6 | v;
    }
    return id << 10 | (unsigned)version;
}

/* Bytes of RedisModuleTypeMethods that a module of this version of it has. */
static size_t methods_size(uint64_t version)
{
    static const size_t sizes[] = {
        offsetof(RedisModuleTypeMethods, aux_load), offsetof(RedisModuleTypeMethods, free_effort),
        offsetof(RedisModuleTypeMethods, mem_usage2), offsetof(RedisModuleTypeMethods, aux_save2),
        sizeof(RedisModuleTypeMethods)};
    return version > COUNT_OF(sizes) ? sizeof(RedisModuleTypeMethods) : sizes[version - 1];
}

RedisModuleType *rm_CreateDataType(RedisModuleCtx *ctx, const char *name, int version,
                                   RedisModuleTypeMethods *methods)
{
    uint64_t id = make_id(name, version);
    if (!ctx->module->loading || !id || methods->version == 0 || kv_object_type_find(the_kv(), id))
        return NULL;
    RedisModuleType *t = mem_calloc(1, sizeof *t);
    t->kv = (struct kv_object_type){.id = id, .ops = &object_ops, .arg = t};
    t->module = ctx->module;
    memcpy(t->name, name, KV_OBJECT_NAME);
    memcpy(&t->methods, methods, methods_size(methods->version));
    list_push(&types, &t->link);
    kv_object_type_add(the_kv(), &t->kv);
    return t;
}

int rm_GetTypeMethodVersion(void)
{
    return REDISMODULE_TYPE_METHOD_VERSION;
}

/* -- Values of keys ---------------------------------------------------------------------------------------------------------- */

/* The object of the key; NULL: it holds none, or one that cannot be had. */
static void *object_of(RedisModuleKey *key, RedisModuleType **t)
{
    const struct kv_object_type *type;
    void *value;
    struct error err = {.message = ""};
    struct kv_rec *rec = key ? module__key_rec(key) : NULL;
    if (!rec || kv_rec_type(rec) != KV_MODULE ||
        module__key_failed(kv_object_get(key->kv, rec, &type, &value, &err), &err))
        return NULL;
    *t = type_of(type);
    return value;
}

RedisModuleType *rm_ModuleTypeGetType(RedisModuleKey *key)
{
    struct kv_rec *rec = key ? module__key_rec(key) : NULL;
    if (!rec || kv_rec_type(rec) != KV_MODULE)
        return NULL;
    const struct kv_object_type *t = kv_object_type_find(key->kv, kv_object_id(rec));
    return t ? type_of(t) : NULL;
}

void *rm_ModuleTypeGetValue(RedisModuleKey *key)
{
    RedisModuleType *t;
    return object_of(key, &t);
}

int rm_ModuleTypeSetValue(RedisModuleKey *key, RedisModuleType *t, void *value)
{
    struct error err = {.message = ""};
    if (!(key->mode & REDISMODULE_WRITE))
        return REDISMODULE_ERR;
    enum status st =
        kv_object_set(key->kv, key->db, module__slice(key->name), &t->kv, value, NULL, &err);
    return module__key_failed(st, &err) ? REDISMODULE_ERR : REDISMODULE_OK;
}

int rm_ModuleTypeReplaceValue(RedisModuleKey *key, RedisModuleType *t, void *value, void **former)
{
    RedisModuleType *present;
    if (!(key->mode & REDISMODULE_WRITE) || !object_of(key, &present) || present != t)
        return REDISMODULE_ERR;
    void *was = kv_object_exchange(key->kv, module__key_rec(key), value);
    if (former)
        *former = was;
    return REDISMODULE_OK;
}

/* -- Contexts of methods ------------------------------------------------------------------------------------------------------- */

const RedisModuleString *rm_GetKeyNameFromOptCtx(RedisModuleKeyOptCtx *o)
{
    return o->from_key;
}

const RedisModuleString *rm_GetToKeyNameFromOptCtx(RedisModuleKeyOptCtx *o)
{
    return o->to_key;
}

int rm_GetDbIdFromOptCtx(RedisModuleKeyOptCtx *o)
{
    return o->from_db;
}

int rm_GetToDbIdFromOptCtx(RedisModuleKeyOptCtx *o)
{
    return o->to_db;
}

void rm_DigestAddStringBuffer(RedisModuleDigest *d, const char *p, size_t n)
{
    digest_mix(d->ordered, slice_make(p, n));
}

void rm_DigestAddLongLong(RedisModuleDigest *d, long long v)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%lld", v);
    digest_mix(d->ordered, slice_make(text, (size_t)n));
}

void rm_DigestEndSequence(RedisModuleDigest *d)
{
    digest_xor(d->sum, slice_make(d->ordered, DIGEST_BYTES));
    memset(d->ordered, 0, DIGEST_BYTES);
}

const RedisModuleString *rm_GetKeyNameFromDigest(RedisModuleDigest *d)
{
    return d->key;
}

int rm_GetDbIdFromDigest(RedisModuleDigest *d)
{
    return d->db;
}

/* -- Aux: what a module keeps beside its keys ------------------------------------------------------------------------------------ */

/* True when there is something to be saved. */
static bool aux_save(RedisModuleType *t, enum rdb_aux_when when, struct buf *out)
{
    const RedisModuleTypeMethods *m = &t->methods;
    RedisModuleIO io;
    if ((!m->aux_save && !m->aux_save2) || !(m->aux_save_triggers & (int)when))
        return false;
    size_t from = out->n;
    module__io_save(&io, t, NULL, out);
    if (m->aux_save2)
        m->aux_save2(&io, (int)when);
    else
        m->aux_save(&io, (int)when);
    if (!module__io_end(&io)) {
        log_warning(LOG_SERVER, "The module type '%s' failed to save its aux data", t->name);
        return false;
    }
    if (m->aux_save2 && out->n == from)
        return false;
    buf_put_byte(out, 0); /* the end of the parts */
    return true;
}

static enum status aux_load(RedisModuleType *t, uint64_t id, enum rdb_aux_when when,
                            struct slice parts, struct error *err)
{
    RedisModuleIO io;
    module__io_load(&io, t, NULL, parts);
    bool good = t->methods.aux_load(&io, (int)(id & 1023), (int)when) == REDISMODULE_OK;
    if (module__io_end(&io) && good)
        return ST_OK;
    return error_set(err, ST_CORRUPT,
                     "The RDB file contains module AUX data for the module type '%s', that the "
                     "responsible module is not able to load",
                     t->name);
}

static void aux_name(const RedisModuleType *t, enum rdb_aux_when when, char out[32])
{
    snprintf(out, 32, "module-aux:%s:%d", t->name, (int)when);
}

/* A client that waits for a module means that a thread of it works. */
static bool resting(void *arg)
{
    LIST_EACH(it, &types)
    if (LIST_ENTRY(it, struct RedisModuleType, link)->module->working > 0)
        return false;
    return true;
}

/* Before each fold: what has changed goes with it. */
static void on_fold(void *arg)
{
    LIST_EACH(it, &types)
    {
        RedisModuleType *t = LIST_ENTRY(it, struct RedisModuleType, link);
        for (int i = 0; i < 2; i++) {
            enum rdb_aux_when when = i ? RDB_AUX_AFTER : RDB_AUX_BEFORE;
            struct buf now = BUF_INIT;
            char name[32];
            buf_put_u64be(&now, t->kv.id);
            if (!aux_save(t, when, &now))
                buf_clear(&now);
            if (!slice_eq(buf_slice(&now), buf_slice(&t->aux[i]))) {
                aux_name(t, when, name);
                kv_aux_set(the_kv(), name, buf_slice(&now));
                buf_free(&t->aux[i]);
                t->aux[i] = now;
            } else {
                buf_free(&now);
            }
        }
    }
}

/* What the store has of m's types (NULL: all). */
static enum status load_all_aux(const struct module *m, enum rdb_aux_when when, struct error *err)
{
    LIST_EACH(it, &types)
    {
        RedisModuleType *t = LIST_ENTRY(it, struct RedisModuleType, link);
        struct buf *b = &t->aux[when == RDB_AUX_AFTER];
        char name[32];
        if (!t->methods.aux_load || (m && t->module != m))
            continue;
        aux_name(t, when, name);
        enum status st = kv_aux_get(the_kv(), name, b, err);
        if (st == ST_NOT_FOUND || (st == ST_OK && b->n <= AUX_ID_BYTES))
            continue;
        struct reader in = reader_make(buf_slice(b));
        uint64_t id = reader_u64be(&in);
        if (st == ST_OK)
            st = aux_load(t, id, when, reader_rest(&in), err);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

/* -- Dumps ---------------------------------------------------------------------------------------------------------------------- */

static bool knows(uint64_t id)
{
    return kv_object_type_find(the_kv(), id) != NULL;
}

static bool knows_aux(uint64_t id)
{
    const struct kv_object_type *t = kv_object_type_find(the_kv(), id);
    return t && type_of(t)->methods.aux_load;
}

static void each_aux(enum rdb_aux_when when, void (*fn)(void *arg, uint64_t id, struct slice parts),
                     void *arg)
{
    LIST_EACH(it, &types)
    {
        RedisModuleType *t = LIST_ENTRY(it, struct RedisModuleType, link);
        struct buf b = BUF_INIT;
        if (aux_save(t, when, &b))
            fn(arg, t->kv.id, buf_slice(&b));
        buf_free(&b);
    }
}

static enum status load_dump_aux(uint64_t id, enum rdb_aux_when when, struct slice parts,
                                 struct error *err)
{
    return aux_load(type_of(kv_object_type_find(the_kv(), id)), id, when, parts, err);
}

static bool load_beside(bool same)
{
    LIST_EACH(it, &types)
    {
        const RedisModuleType *t = LIST_ENTRY(it, struct RedisModuleType, link);
        if (!same || !(t->module->options & REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD))
            return false;
    }
    return true;
}

static const struct rdb_modules dumps = {.knows = knows,
                                         .knows_aux = knows_aux,
                                         .each_aux = each_aux,
                                         .load_aux = load_dump_aux,
                                         .load_beside = load_beside};

/* -- Start and end ----------------------------------------------------------------------------------------------------------------- */

static void on_progress(uint64_t done)
{
    lifecycle_progress(0, 0);
}

/* In the order of a dump: aux, keys, aux. */
static enum status load_stored(const struct module *m, struct error *err)
{
    uint64_t loaded = 0, strangers = 0, stranger = 0;
    char name[KV_OBJECT_NAME + 1];
    enum status st = load_all_aux(m, RDB_AUX_BEFORE, err);
    if (st == ST_OK)
        st = kv_objects_load(the_kv(), NULL, on_progress, &loaded, &strangers, &stranger, err);
    if (st == ST_OK)
        st = load_all_aux(m, RDB_AUX_AFTER, err);
    if (loaded)
        log_notice(LOG_SERVER, "%" PRIu64 " keys of modules' data types loaded", loaded);
    kv_object_name(stranger, name);
    if (strangers && !m)
        log_warning(LOG_SERVER,
                    "%" PRIu64 " keys hold values of data types whose modules are not loaded (%s): "
                    "they are kept, but cannot be used",
                    strangers, name);
    return st;
}

enum status module_load(struct error *err)
{
    rdb_set_modules(&dumps);
    kv_on_fold(the_kv(), resting, on_fold, NULL);
    return load_stored(NULL, err);
}

enum status module__types_join(const struct module *m, struct error *err)
{
    LIST_EACH(it, &types)
    {
        if (LIST_ENTRY(it, struct RedisModuleType, link)->module == m)
            return load_stored(m, err);
    }
    return ST_OK;
}

bool module__types_stop(void)
{
    struct error err = {.message = ""};
    if (list_empty(&types))
        return true;
    on_fold(NULL);
    kv_on_fold(the_kv(), NULL, NULL, NULL);
    if (kv_objects_freeze(the_kv(), &err) == ST_OK)
        return true;
    log_warning(LOG_SERVER, "An object of a module cannot be saved, the log still holds it: %s",
                err.message);
    return false;
}

const char *module__types_refuses(struct module *m)
{
    LIST_EACH(it, &types)
    {
        if (LIST_ENTRY(it, struct RedisModuleType, link)->module == m)
            return "the module exports one or more module-side data types, can't unload";
    }
    return NULL;
}

void module__types_drop(struct module *m)
{
    LIST_EACH_SAFE(it, tmp, &types)
    {
        RedisModuleType *t = LIST_ENTRY(it, struct RedisModuleType, link);
        if (t->module != m)
            continue;
        kv_object_type_remove(the_kv(), &t->kv);
        list_remove(&t->link);
        buf_free(&t->aux[0]);
        buf_free(&t->aux[1]);
        mem_free(t);
    }
}
