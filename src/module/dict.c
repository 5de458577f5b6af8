/* Dictionaries of modules: byte strings in order, with a pointer each. An iterator keeps the key it stands on, so it stays valid
 * whatever is added or deleted. Thread: any one at a time; they belong to the module. */
#include "base/mem.h"
#include "base/radix.h"
#include "module/module_priv.h"

struct RedisModuleDict {
    struct radix *keys;
};

struct RedisModuleDictIter {
    RedisModuleDict *d;
    struct buf key; /* what comes next in both directions, or where it stands */
    void *value;
    bool fresh; /* key was not given out yet: the next step in either direction gives it */
    bool end;
};

static void free_dict(void *p)
{
    rm_FreeDict(NULL, p);
}

RedisModuleDict *rm_CreateDict(RedisModuleCtx *ctx)
{
    RedisModuleDict *d = mem_alloc(sizeof *d);
    d->keys = radix_new();
    module__auto_add(ctx, d, free_dict);
    return d;
}

void rm_FreeDict(RedisModuleCtx *ctx, RedisModuleDict *d)
{
    (void)module__auto_forget(ctx, d);
    radix_free(d->keys, NULL);
    mem_free(d);
}

uint64_t rm_DictSize(RedisModuleDict *d)
{
    return radix_count(d->keys);
}

size_t rm_MallocSizeDict(RedisModuleDict *d)
{
    return mem_usable(d) + radix_bytes(d->keys);
}

/* -- Keys ----------------------------------------------------------------------------------------------------------------- */

int rm_DictSetC(RedisModuleDict *d, void *key, size_t n, void *value)
{
    if (radix_get(d->keys, slice_make(key, n), NULL))
        return REDISMODULE_ERR;
    radix_set(d->keys, slice_make(key, n), value, NULL);
    return REDISMODULE_OK;
}

int rm_DictReplaceC(RedisModuleDict *d, void *key, size_t n, void *value)
{
    return radix_set(d->keys, slice_make(key, n), value, NULL) ? REDISMODULE_OK : REDISMODULE_ERR;
}

void *rm_DictGetC(RedisModuleDict *d, void *key, size_t n, int *nokey)
{
    void *value = NULL;
    bool found = radix_get(d->keys, slice_make(key, n), &value);
    if (nokey)
        *nokey = !found;
    return value;
}

int rm_DictDelC(RedisModuleDict *d, void *key, size_t n, void *oldval)
{
    void *old = NULL;
    if (!radix_del(d->keys, slice_make(key, n), &old))
        return REDISMODULE_ERR;
    if (oldval)
        *(void **)oldval = old;
    return REDISMODULE_OK;
}

int rm_DictSet(RedisModuleDict *d, RedisModuleString *key, void *value)
{
    return rm_DictSetC(d, key->p, key->n, value);
}

int rm_DictReplace(RedisModuleDict *d, RedisModuleString *key, void *value)
{
    return rm_DictReplaceC(d, key->p, key->n, value);
}

void *rm_DictGet(RedisModuleDict *d, RedisModuleString *key, int *nokey)
{
    return rm_DictGetC(d, key->p, key->n, nokey);
}

int rm_DictDel(RedisModuleDict *d, RedisModuleString *key, void *oldval)
{
    return rm_DictDelC(d, key->p, key->n, oldval);
}

/* -- Iterators ------------------------------------------------------------------------------------------------------------ */

enum seek { SEEK_FIRST, SEEK_LAST, SEEK_AT, SEEK_ABOVE, SEEK_FROM, SEEK_BELOW, SEEK_UP_TO };

static bool parse_op(const char *op, enum seek *out)
{
    static const struct {
        const char *op;
        enum seek seek;
    } ops[] = {{"^", SEEK_FIRST}, {"$", SEEK_LAST},  {"=", SEEK_AT},    {"==", SEEK_AT},
               {">", SEEK_ABOVE}, {">=", SEEK_FROM}, {"<", SEEK_BELOW}, {"<=", SEEK_UP_TO}};
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        if (strcmp(ops[i].op, op) == 0) {
            *out = ops[i].seek;
            return true;
        }
    return false;
}

static bool find(const struct radix *r, enum seek seek, struct slice key, struct buf *out,
                 void **value)
{
    switch (seek) {
    case SEEK_FIRST:
        return radix_ceil(r, SLICE_NULL, false, out, value);
    case SEEK_LAST:
        return radix_last(r, out, value);
    case SEEK_AT:
        buf_clear(out);
        buf_put_slice(out, key);
        return radix_get(r, key, value);
    case SEEK_ABOVE:
    case SEEK_FROM:
        return radix_ceil(r, key, seek == SEEK_ABOVE, out, value);
    case SEEK_BELOW:
    case SEEK_UP_TO:
        return radix_floor(r, key, seek == SEEK_BELOW, out, value);
    }
    return false;
}

int rm_DictIteratorReseekC(RedisModuleDictIter *it, const char *op, void *key, size_t n)
{
    enum seek seek;
    struct buf out = BUF_INIT;
    if (!parse_op(op, &seek))
        return REDISMODULE_ERR;
    bool found = find(it->d->keys, seek, slice_make(key, n), &out, &it->value);
    buf_free(&it->key);
    it->key = out;
    it->fresh = found;
    it->end = !found;
    return found ? REDISMODULE_OK : REDISMODULE_ERR;
}

RedisModuleDictIter *rm_DictIteratorStartC(RedisModuleDict *d, const char *op, void *key, size_t n)
{
    RedisModuleDictIter *it = mem_calloc(1, sizeof *it);
    it->d = d;
    it->end = true;
    (void)rm_DictIteratorReseekC(it, op, key, n);
    return it;
}

RedisModuleDictIter *rm_DictIteratorStart(RedisModuleDict *d, const char *op,
                                          RedisModuleString *key)
{
    return rm_DictIteratorStartC(d, op, key ? key->p : NULL, key ? key->n : 0);
}

int rm_DictIteratorReseek(RedisModuleDictIter *it, const char *op, RedisModuleString *key)
{
    return rm_DictIteratorReseekC(it, op, key ? key->p : NULL, key ? key->n : 0);
}

void rm_DictIteratorStop(RedisModuleDictIter *it)
{
    buf_free(&it->key);
    mem_free(it);
}

/* A step: the entry found by a seek, else its neighbour. */
static void *step(RedisModuleDictIter *it, bool up, size_t *n, void **value)
{
    if (it->end)
        return NULL;
    if (!it->fresh) {
        struct buf out = BUF_INIT;
        bool found =
            find(it->d->keys, up ? SEEK_ABOVE : SEEK_BELOW, buf_slice(&it->key), &out, &it->value);
        if (!found) {
            buf_free(&out);
            it->end = true;
            return NULL;
        }
        buf_free(&it->key);
        it->key = out;
    }
    it->fresh = false;
    if (n)
        *n = it->key.n;
    if (value)
        *value = it->value;
    (void)buf_cstr(&it->key);
    return it->key.p;
}

void *rm_DictNextC(RedisModuleDictIter *it, size_t *n, void **value)
{
    return step(it, true, n, value);
}

void *rm_DictPrevC(RedisModuleDictIter *it, size_t *n, void **value)
{
    return step(it, false, n, value);
}

RedisModuleString *rm_DictNext(RedisModuleCtx *ctx, RedisModuleDictIter *it, void **value)
{
    size_t n;
    void *key = step(it, true, &n, value);
    return key ? rm_CreateString(ctx, key, n) : NULL;
}

RedisModuleString *rm_DictPrev(RedisModuleCtx *ctx, RedisModuleDictIter *it, void **value)
{
    size_t n;
    void *key = step(it, false, &n, value);
    return key ? rm_CreateString(ctx, key, n) : NULL;
}

int rm_DictCompareC(RedisModuleDictIter *it, const char *op, void *key, size_t n)
{
    enum seek seek;
    if (it->end)
        return REDISMODULE_ERR;
    if (!parse_op(op, &seek) || seek == SEEK_FIRST || seek == SEEK_LAST)
        return REDISMODULE_ERR;
    int cmp = slice_cmp(buf_slice(&it->key), slice_make(key, n));
    bool holds = (seek == SEEK_AT && cmp == 0) || (seek == SEEK_ABOVE && cmp > 0) ||
                 (seek == SEEK_FROM && cmp >= 0) || (seek == SEEK_BELOW && cmp < 0) ||
                 (seek == SEEK_UP_TO && cmp <= 0);
    return holds ? REDISMODULE_OK : REDISMODULE_ERR;
}

int rm_DictCompare(RedisModuleDictIter *it, const char *op, RedisModuleString *key)
{
    return rm_DictCompareC(it, op, key->p, key->n);
}
