/* Keys of modules: opening, expiry, access times, databases, and strings in place. */
#include "module/key.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_hash.h"
#include "keyspace/kv_list.h"
#include "keyspace/kv_object.h"
#include "keyspace/kv_set.h"
#include "session/hooks.h"
#include "session/lifecycle.h"

#define MODES                                                                                      \
    (REDISMODULE_READ | REDISMODULE_WRITE | REDISMODULE_OPEN_KEY_NOTOUCH |                         \
     REDISMODULE_OPEN_KEY_NONOTIFY | REDISMODULE_OPEN_KEY_NOSTATS |                                \
     REDISMODULE_OPEN_KEY_NOEXPIRE | REDISMODULE_OPEN_KEY_NOEFFECTS)

bool module__key_failed(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return false;
    log_warning(LOG_SERVER, "A module's access to a key failed: %s", err->message);
    return true;
}

static struct kv_rec *look_up(struct kv *kv, int db, struct slice name, unsigned flags)
{
    struct kv_rec *rec;
    struct error err = {.message = ""};
    return module__key_failed(kv_lookup(kv, db, name, flags, &rec, &err), &err) ? NULL : rec;
}

static void remember(RedisModuleKey *key, struct kv_rec *rec)
{
    key->rec = rec;
    key->drops = kv_drops(key->kv);
}

/* A record that is there and whose time cannot be over. */
static bool remembered(const RedisModuleKey *key)
{
    return key->rec && key->drops == kv_drops(key->kv) && kv_rec_type(key->rec) != KV_NONE &&
           kv_rec_expire(key->rec) == KV_NO_EXPIRE;
}

struct kv_rec *module__key_rec(RedisModuleKey *key)
{
    if (!remembered(key))
        remember(key, look_up(key->kv, key->db, module__slice(key->name),
                              KV_NOTOUCH | KV_NOSTATS | KV_LEAVE));
    return key->rec;
}

/* -- Opening and closing -------------------------------------------------------------------------------------------------- */

static unsigned lookup_flags(int mode)
{
    unsigned flags = mode & REDISMODULE_WRITE ? KV_WRITE : KV_READ;
    if (mode & (REDISMODULE_OPEN_KEY_NOTOUCH | REDISMODULE_OPEN_KEY_NOEFFECTS))
        flags |= KV_NOTOUCH;
    if (mode & (REDISMODULE_OPEN_KEY_NOSTATS | REDISMODULE_OPEN_KEY_NONOTIFY |
                REDISMODULE_OPEN_KEY_NOEFFECTS))
        flags |= KV_NOSTATS;
    if (mode & (REDISMODULE_OPEN_KEY_NOEXPIRE | REDISMODULE_OPEN_KEY_NOEFFECTS))
        flags |= KV_LEAVE;
    return flags;
}

void module__key_init(RedisModuleKey *key, RedisModuleCtx *ctx, RedisModuleString *name, int mode)
{
    *key = (RedisModuleKey){
        .ctx = ctx, .kv = ctx->kv, .db = ctx->db, .mode = mode, .name = module__string_ref(name)};
}

void module__key_deinit(RedisModuleKey *key)
{
    module__string_unref(key->name);
    buf_free(&key->scratch);
}

static void auto_close(void *key)
{
    rm_CloseKey(key);
}

RedisModuleKey *rm_OpenKey(RedisModuleCtx *ctx, RedisModuleString *name, int mode)
{
    struct kv_rec *rec = look_up(ctx->kv, ctx->db, module__slice(name), lookup_flags(mode));
    if (!rec && !(mode & REDISMODULE_WRITE))
        return NULL;
    /* The module may change an object from now on, whatever it has said: so may a command that writes. */
    bool writes = (mode & REDISMODULE_WRITE) || (ctx->call && (ctx->call->cmd->flags & CMD_WRITE));
    if (rec && writes && kv_rec_type(rec) == KV_MODULE)
        kv_object_touch(ctx->kv, rec);
    RedisModuleKey *key = mem_alloc(sizeof *key);
    module__key_init(key, ctx, name, mode);
    remember(key, rec);
    module__auto_add(ctx, key, auto_close);
    return key;
}

static void signal_modified(int db, struct slice name)
{
    hook_run(HOOK_KEY_MODIFIED, &(struct hook_key){db, name});
}

void rm_CloseKey(RedisModuleKey *key)
{
    if (!key)
        return;
    RedisModuleCtx *ctx = key->ctx;
    bool implicit = !(ctx->module->options & REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED);
    if ((key->mode & REDISMODULE_WRITE) && implicit)
        signal_modified(key->db, module__slice(key->name));
    (void)module__auto_forget(ctx, key);
    module__key_deinit(key);
    mem_free(key);
}

int rm_SignalModifiedKey(RedisModuleCtx *ctx, RedisModuleString *name)
{
    signal_modified(ctx->db, module__slice(name));
    return REDISMODULE_OK;
}

int rm_GetOpenKeyModesAll(void)
{
    return MODES;
}

int rm_KeyExists(RedisModuleCtx *ctx, RedisModuleString *name)
{
    return look_up(ctx->kv, ctx->db, module__slice(name), KV_NOTOUCH) != NULL;
}

const RedisModuleString *rm_GetKeyNameFromModuleKey(RedisModuleKey *key)
{
    return key ? key->name : NULL;
}

int rm_GetDbIdFromModuleKey(RedisModuleKey *key)
{
    return key ? key->db : -1;
}

/* -- What it is ----------------------------------------------------------------------------------------------------------- */

int rm_KeyType(RedisModuleKey *key)
{
    struct kv_rec *rec = key ? module__key_rec(key) : NULL;
    switch (rec ? kv_rec_type(rec) : KV_NONE) {
    case KV_NONE:
        return REDISMODULE_KEYTYPE_EMPTY;
    case KV_STRING:
        return REDISMODULE_KEYTYPE_STRING;
    case KV_LIST:
        return REDISMODULE_KEYTYPE_LIST;
    case KV_SET:
        return REDISMODULE_KEYTYPE_SET;
    case KV_ZSET:
        return REDISMODULE_KEYTYPE_ZSET;
    case KV_HASH:
        return REDISMODULE_KEYTYPE_HASH;
    case KV_STREAM:
        return REDISMODULE_KEYTYPE_STREAM;
    case KV_MODULE:
        return REDISMODULE_KEYTYPE_MODULE;
    }
    return REDISMODULE_KEYTYPE_EMPTY;
}

size_t rm_ValueLength(RedisModuleKey *key)
{
    struct kv_rec *rec = key ? module__key_rec(key) : NULL;
    switch (rec ? kv_rec_type(rec) : KV_NONE) {
    case KV_NONE:
    case KV_MODULE:
        return 0;
    case KV_STRING:
        return kv_str_len(rec);
    case KV_LIST:
        return kv_list_count(rec);
    case KV_SET:
        return kv_set_count(rec);
    case KV_ZSET:
        return kv_zset_count(rec);
    case KV_HASH:
        return kv_hash_count(rec);
    case KV_STREAM: {
        struct kv_stream_info info;
        kv_stream_info(rec, &info);
        return info.length;
    }
    }
    return 0;
}

static void end_walks(RedisModuleKey *key)
{
    key->zset.active = false;
    key->stream.active = false;
}

int rm_DeleteKey(RedisModuleKey *key)
{
    if (!(key->mode & REDISMODULE_WRITE))
        return REDISMODULE_ERR;
    struct kv_rec *rec = module__key_rec(key);
    end_walks(key);
    if (rec)
        kv_del(key->kv, rec);
    return REDISMODULE_OK;
}

int rm_UnlinkKey(RedisModuleKey *key)
{
    return rm_DeleteKey(key); /* memory is given back by a worker either way */
}

/* -- Edits ---------------------------------------------------------------------------------------------------------------- */

static enum status make(RedisModuleKey *key, enum kv_type type, struct kv_rec **rec,
                        struct error *err)
{
    struct slice name = module__slice(key->name);
    if (type == KV_LIST)
        return kv_list_make(key->kv, key->db, name, rec, err);
    if (type == KV_HASH)
        return kv_hash_make(key->kv, key->db, name, rec, err);
    if (type == KV_ZSET)
        return kv_zset_make(key->kv, key->db, name, 1, 0, rec, err);
    orbit_assert(type == KV_STREAM);
    return kv_stream_make(key->kv, key->db, name, rec, err);
}

struct kv_rec *module__key_edit(RedisModuleKey *key, enum kv_type type)
{
    if (!(key->mode & REDISMODULE_WRITE))
        return NULL;
    struct kv_rec *rec = module__key_rec(key);
    if (rec && kv_rec_type(rec) != type)
        return NULL;
    if (rec) {
        kv_edit(key->kv, rec);
        return rec;
    }
    struct error err = {.message = ""};
    if (module__key_failed(make(key, type, &rec, &err), &err))
        return NULL;
    remember(key, rec);
    return rec;
}

void module__key_edit_end(RedisModuleKey *key, struct kv_rec *rec, uint64_t left)
{
    bool empty = left == 0 && kv_rec_type(rec) != KV_STREAM;
    kv_edit_end(key->kv, rec, 0);
    if (empty)
        kv_del(key->kv, rec);
}

/* -- Expiry and access times ---------------------------------------------------------------------------------------------- */

mstime_t rm_GetAbsExpire(RedisModuleKey *key)
{
    struct kv_rec *rec = module__key_rec(key);
    return rec ? kv_rec_expire(rec) : REDISMODULE_NO_EXPIRE;
}

mstime_t rm_GetExpire(RedisModuleKey *key)
{
    mstime_t at = rm_GetAbsExpire(key);
    if (at == REDISMODULE_NO_EXPIRE)
        return at;
    at -= clock_cached_ms();
    return at > 0 ? at : 0;
}

int rm_SetAbsExpire(RedisModuleKey *key, mstime_t at)
{
    struct kv_rec *rec = module__key_rec(key);
    if (!(key->mode & REDISMODULE_WRITE) || !rec || (at < 0 && at != REDISMODULE_NO_EXPIRE))
        return REDISMODULE_ERR;
    kv_set_expire(key->kv, rec, at == REDISMODULE_NO_EXPIRE ? KV_NO_EXPIRE : at);
    return REDISMODULE_OK;
}

int rm_SetExpire(RedisModuleKey *key, mstime_t expire)
{
    if (expire < 0 && expire != REDISMODULE_NO_EXPIRE)
        return REDISMODULE_ERR;
    return rm_SetAbsExpire(key,
                           expire == REDISMODULE_NO_EXPIRE ? expire : expire + clock_cached_ms());
}

static bool is_lfu(void)
{
    return keyspace_policy_is_lfu(keyspace_opts.maxmemory_policy);
}

int rm_SetLRU(RedisModuleKey *key, mstime_t idle_ms)
{
    struct kv_rec *rec = module__key_rec(key);
    if (!rec || is_lfu())
        return REDISMODULE_ERR;
    kv_rec_set_idle(key->kv, rec, idle_ms / 1000);
    return REDISMODULE_OK;
}

int rm_GetLRU(RedisModuleKey *key, mstime_t *idle_ms)
{
    struct kv_rec *rec = module__key_rec(key);
    *idle_ms = -1;
    if (!rec)
        return REDISMODULE_ERR;
    if (!is_lfu())
        *idle_ms = kv_rec_idle_s(key->kv, rec) * 1000;
    return REDISMODULE_OK;
}

int rm_SetLFU(RedisModuleKey *key, long long freq)
{
    struct kv_rec *rec = module__key_rec(key);
    if (!rec || !is_lfu())
        return REDISMODULE_ERR;
    kv_rec_set_freq(key->kv, rec, (unsigned)freq & 0xff);
    return REDISMODULE_OK;
}

int rm_GetLFU(RedisModuleKey *key, long long *freq)
{
    struct kv_rec *rec = module__key_rec(key);
    *freq = -1;
    if (!rec)
        return REDISMODULE_ERR;
    if (is_lfu())
        *freq = kv_rec_freq(key->kv, rec);
    return REDISMODULE_OK;
}

/* -- Strings -------------------------------------------------------------------------------------------------------------- */

int rm_StringSet(RedisModuleKey *key, RedisModuleString *value)
{
    struct error err = {.message = ""};
    if (!(key->mode & REDISMODULE_WRITE) || key->zset.active || key->stream.active)
        return REDISMODULE_ERR;
    (void)rm_DeleteKey(key);
    enum status st = kv_set(key->kv, key->db, module__slice(key->name), module__slice(value),
                            KV_NO_EXPIRE, 0, NULL, &err);
    return module__key_failed(st, &err) ? REDISMODULE_ERR : REDISMODULE_OK;
}

char *rm_StringDMA(RedisModuleKey *key, size_t *len, int mode)
{
    static char empty[1];
    char tmp[NUM_BUF];
    struct kv_rec *rec = module__key_rec(key);
    *len = 0;
    if (!rec)
        return empty;
    if (kv_rec_type(rec) != KV_STRING)
        return NULL;
    *len = kv_str_len(rec);
    if ((mode & REDISMODULE_WRITE) && (key->mode & REDISMODULE_WRITE))
        return kv_str_edit(key->kv, rec, *len);
    struct slice s = kv_str(rec, tmp);
    if (s.p != tmp)
        return (char *)(uintptr_t)s.p;
    buf_clear(&key->scratch);
    buf_put_slice(&key->scratch, s);
    (void)buf_cstr(&key->scratch);
    return key->scratch.p;
}

int rm_StringTruncate(RedisModuleKey *key, size_t newlen)
{
    struct error err = {.message = ""};
    if (!(key->mode & REDISMODULE_WRITE) || newlen > (512u << 20))
        return REDISMODULE_ERR;
    struct kv_rec *rec = module__key_rec(key);
    if (rec && kv_rec_type(rec) != KV_STRING)
        return REDISMODULE_ERR;
    if (!rec) {
        if (newlen == 0)
            return REDISMODULE_OK;
        enum status st = kv_set(key->kv, key->db, module__slice(key->name), SLICE_NULL,
                                KV_NO_EXPIRE, 0, &rec, &err);
        if (module__key_failed(st, &err))
            return REDISMODULE_ERR;
    }
    return kv_str_edit(key->kv, rec, newlen) ? REDISMODULE_OK : REDISMODULE_ERR;
}

/* -- Databases ------------------------------------------------------------------------------------------------------------ */

int rm_GetSelectedDb(RedisModuleCtx *ctx)
{
    return ctx->db;
}

int rm_SelectDb(RedisModuleCtx *ctx, int db)
{
    if (db < 0 || db >= kv_databases(ctx->kv))
        return REDISMODULE_ERR;
    ctx->db = db;
    return REDISMODULE_OK;
}

unsigned long long rm_DbSize(RedisModuleCtx *ctx)
{
    return kv_dbsize(ctx->kv, ctx->db);
}

RedisModuleString *rm_RandomKey(RedisModuleCtx *ctx)
{
    struct buf name = BUF_INIT;
    struct error err = {.message = ""};
    enum status st = kv_random(ctx->kv, ctx->db, &name, &err);
    RedisModuleString *s = NULL;
    if (st != ST_NOT_FOUND && !module__key_failed(st, &err))
        s = rm_CreateString(ctx, name.p, name.n);
    buf_free(&name);
    return s;
}

/* Redis leaves this out of its log and writes the log anew when restart_aof says so; here the log says what happened. */
void rm_ResetDataset(int restart_aof, int async)
{
    struct kv *kv = lifecycle.kv;
    struct slice flushall = SLICE("FLUSHALL");
    (void)kv_flush(kv, -1);
    kv_effect(kv, 0, 1, &flushall);
}
