/* Lists of modules. Failures: errno says why, as the API lays down. */
#include "keyspace/kv_list.h"
#include "module/key.h"

#include <errno.h>

/* True, with errno set: this key cannot be used as a list in this mode. */
static bool unfit(RedisModuleKey *key, int mode)
{
    if (!key) {
        errno = EINVAL;
        return true;
    }
    struct kv_rec *rec = module__key_rec(key);
    if (rec && kv_rec_type(rec) != KV_LIST) {
        errno = ENOTSUP;
        return true;
    }
    if (!(key->mode & mode)) {
        errno = EBADF;
        return true;
    }
    errno = 0;
    return false;
}

/* The list that is there; NULL, with errno set: none is. */
static struct kv_rec *present(RedisModuleKey *key)
{
    struct kv_rec *rec = module__key_rec(key);
    if (!rec)
        errno = ENOTSUP;
    return rec;
}

/* Negative indexes count from the end. False, with errno set: there is no such place among n. */
static bool place(long index, uint64_t n, uint64_t *at)
{
    int64_t i = index < 0 ? (int64_t)n + index : index;
    if (i < 0 || (uint64_t)i >= n) {
        errno = EDOM;
        return false;
    }
    *at = (uint64_t)i;
    return true;
}

static enum kv_list_side side_of(int where)
{
    return where == REDISMODULE_LIST_HEAD ? KV_LIST_HEAD : KV_LIST_TAIL;
}

static int end_edit(RedisModuleKey *key, struct kv_rec *rec, enum status st, struct error *err)
{
    if (st == ST_OK)
        st = kv_list_shrunk(rec, err);
    module__key_edit_end(key, rec, kv_list_count(rec));
    return module__key_failed(st, err) ? REDISMODULE_ERR : REDISMODULE_OK;
}

int rm_ListPush(RedisModuleKey *key, int where, RedisModuleString *ele)
{
    struct error err = {.message = ""};
    if (!ele)
        key = NULL;
    if (unfit(key, REDISMODULE_WRITE))
        return REDISMODULE_ERR;
    struct kv_rec *rec = module__key_edit(key, KV_LIST);
    if (!rec)
        return REDISMODULE_ERR;
    struct slice value = module__slice(ele);
    enum status st = kv_list_expect(rec, &value, 1, &err);
    if (st == ST_OK)
        st = kv_list_push(rec, side_of(where), value, &err);
    module__key_edit_end(key, rec, kv_list_count(rec));
    return module__key_failed(st, &err) ? REDISMODULE_ERR : REDISMODULE_OK;
}

static RedisModuleString *element(RedisModuleKey *key, struct kv_rec *rec, uint64_t at)
{
    struct error err = {.message = ""};
    struct kv_list_cur cur;
    if (module__key_failed(kv_list_at(rec, at, &cur, &err), &err))
        return NULL;
    struct slice value = kv_list_value(&cur);
    return rm_CreateString(key->ctx, value.p, value.n);
}

RedisModuleString *rm_ListPop(RedisModuleKey *key, int where)
{
    struct error err = {.message = ""};
    if (unfit(key, REDISMODULE_WRITE))
        return NULL;
    struct kv_rec *rec = present(key);
    if (!rec)
        return NULL;
    uint64_t at = where == REDISMODULE_LIST_HEAD ? 0 : kv_list_count(rec) - 1;
    RedisModuleString *s = element(key, rec, at);
    if (!s)
        return NULL;
    kv_edit(key->kv, rec);
    enum status st = kv_list_remove(rec, at, 1, &err);
    if (end_edit(key, rec, st, &err) == REDISMODULE_OK)
        return s;
    rm_FreeString(key->ctx, s);
    return NULL;
}

RedisModuleString *rm_ListGet(RedisModuleKey *key, long index)
{
    uint64_t at;
    if (unfit(key, REDISMODULE_READ))
        return NULL;
    struct kv_rec *rec = present(key);
    if (!rec)
        return NULL;
    return place(index, kv_list_count(rec), &at) ? element(key, rec, at) : NULL;
}

enum change { SET, INSERT, DELETE };

/* The change at this place of a list that is there. */
static int change(RedisModuleKey *key, enum change what, uint64_t at, struct slice value)
{
    struct error err = {.message = ""};
    struct kv_list_cur cur;
    struct kv_rec *rec = module__key_edit(key, KV_LIST);
    if (!rec)
        return REDISMODULE_ERR;
    enum status st = what == DELETE ? ST_OK : kv_list_expect(rec, &value, 1, &err);
    if (st == ST_OK)
        st = kv_list_at(rec, at, &cur, &err);
    if (st == ST_OK && what == SET)
        st = kv_list_cur_set(&cur, value, &err);
    else if (st == ST_OK && what == INSERT)
        st = kv_list_cur_insert(&cur, value, &err);
    else if (st == ST_OK)
        st = kv_list_cur_delete(&cur, &err);
    return end_edit(key, rec, st, &err);
}

int rm_ListSet(RedisModuleKey *key, long index, RedisModuleString *value)
{
    uint64_t at;
    if (!value)
        key = NULL;
    if (unfit(key, REDISMODULE_WRITE))
        return REDISMODULE_ERR;
    struct kv_rec *rec = present(key);
    if (!rec)
        return REDISMODULE_ERR;
    if (!place(index, kv_list_count(rec), &at))
        return REDISMODULE_ERR;
    return change(key, SET, at, module__slice(value));
}

int rm_ListInsert(RedisModuleKey *key, long index, RedisModuleString *value)
{
    uint64_t at;
    if (!value)
        key = NULL;
    if (unfit(key, REDISMODULE_WRITE))
        return REDISMODULE_ERR;
    struct kv_rec *rec = module__key_rec(key);
    uint64_t n = rec ? kv_list_count(rec) : 0;
    /* The place that the element will have, among one more. */
    if (!place(index, n + 1, &at)) {
        errno = rec ? EDOM : ENOTSUP;
        return REDISMODULE_ERR;
    }
    if (at == n)
        return rm_ListPush(key, REDISMODULE_LIST_TAIL, value);
    return change(key, INSERT, at, module__slice(value));
}

int rm_ListDelete(RedisModuleKey *key, long index)
{
    uint64_t at;
    if (unfit(key, REDISMODULE_WRITE))
        return REDISMODULE_ERR;
    struct kv_rec *rec = present(key);
    if (!rec)
        return REDISMODULE_ERR;
    if (!place(index, kv_list_count(rec), &at))
        return REDISMODULE_ERR;
    return change(key, DELETE, at, SLICE_NULL);
}
