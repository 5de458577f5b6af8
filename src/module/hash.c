/* Hashes of modules: variable arguments, a NULL ends them. */
#include "keyspace/kv_hash.h"
#include "module/key.h"

#include <errno.h>
#include <stdarg.h>

/* The next field of ap; SLICE_NULL: no more. */
static struct slice next_field(va_list *ap, int flags)
{
    if (flags & REDISMODULE_HASH_CFIELDS) {
        const char *name = va_arg(*ap, const char *);
        return name ? slice_str(name) : SLICE_NULL;
    }
    const RedisModuleString *name = va_arg(*ap, const RedisModuleString *);
    return name ? module__slice(name) : SLICE_NULL;
}

/* One pair. *count: as HashSet counts it. */
static enum status set_one(struct kv_rec *rec, int flags, struct slice field,
                           const RedisModuleString *value, int *count, struct error *err)
{
    bool found = false;
    struct slice now;
    if (flags & (REDISMODULE_HASH_XX | REDISMODULE_HASH_NX)) {
        enum status st = kv_hash_get(rec, field, &found, &now, err);
        if (st != ST_OK)
            return st;
        if (found ? (flags & REDISMODULE_HASH_NX) : (flags & REDISMODULE_HASH_XX))
            return ST_OK;
    }
    if (value == REDISMODULE_HASH_DELETE) {
        enum status st = kv_hash_remove(rec, field, &found, err);
        *count += st == ST_OK && found;
        return st;
    }
    bool added;
    enum status st = kv_hash_put(rec, field, module__slice(value), &added, err);
    *count += st == ST_OK && (!added || (flags & REDISMODULE_HASH_COUNT_ALL));
    return st;
}

int rm_HashSet(RedisModuleKey *key, int flags, ...)
{
    const int known = REDISMODULE_HASH_NX | REDISMODULE_HASH_XX | REDISMODULE_HASH_CFIELDS |
                      REDISMODULE_HASH_COUNT_ALL;
    errno = 0;
    if (!key || (flags & ~known)) {
        errno = EINVAL;
        return 0;
    }
    struct kv_rec *rec = module__key_rec(key);
    if (rec && kv_rec_type(rec) != KV_HASH) {
        errno = ENOTSUP;
        return 0;
    }
    if (!(key->mode & REDISMODULE_WRITE)) {
        errno = EBADF;
        return 0;
    }
    rec = module__key_edit(key, KV_HASH);
    if (!rec)
        return 0;
    int count = 0;
    struct error err = {.message = ""};
    enum status st = ST_OK;
    va_list ap;
    va_start(ap, flags);
    for (;;) {
        struct slice field = next_field(&ap, flags);
        if (!field.p || st != ST_OK)
            break;
        st = set_one(rec, flags, field, va_arg(ap, const RedisModuleString *), &count, &err);
    }
    va_end(ap);
    module__key_edit_end(key, rec, kv_hash_count(rec));
    (void)module__key_failed(st, &err);
    if (count == 0)
        errno = ENOENT;
    return count;
}

int rm_HashGet(RedisModuleKey *key, int flags, ...)
{
    struct error err = {.message = ""};
    struct kv_rec *rec = module__key_rec(key);
    if (rec && kv_rec_type(rec) != KV_HASH)
        return REDISMODULE_ERR;
    int rc = REDISMODULE_OK;
    va_list ap;
    va_start(ap, flags);
    for (;;) {
        struct slice field = next_field(&ap, flags), value = SLICE_NULL;
        bool found = false;
        if (!field.p)
            break;
        if (rec && module__key_failed(kv_hash_get(rec, field, &found, &value, &err), &err))
            rc = REDISMODULE_ERR;
        if (flags & REDISMODULE_HASH_EXISTS)
            *va_arg(ap, int *) = found;
        else
            *va_arg(ap, RedisModuleString **) =
                found ? rm_CreateString(key->ctx, value.p, value.n) : NULL;
    }
    va_end(ap);
    return rc;
}
