/* A module for tests: keys that hold rows of numbers, and a count of all numbers ever added, which is in no key.
 *
 *   JOURNAL.ADD key n      appends n; answers the length
 *   JOURNAL.CUT key n      drops the first n, but never the last one there is
 *   JOURNAL.GET key        all of it
 *   JOURNAL.TOTAL          numbers ever added, by whomever
 *
 * Argument "slow": saving takes a microsecond for each number. */
#include "redismodule.h"

#include <string.h>
#include <unistd.h>

struct journal {
    size_t n, cap;
    long long *v;
};

static RedisModuleType *type;
static unsigned long long total;
static int slow;

static void append(struct journal *j, long long n)
{
    if (j->n == j->cap) {
        j->cap = j->cap ? j->cap * 2 : 16;
        j->v = RedisModule_Realloc(j->v, j->cap * sizeof(*j->v));
    }
    j->v[j->n++] = n;
}

static void release(void *value)
{
    struct journal *j = value;
    RedisModule_Free(j->v);
    RedisModule_Free(j);
}

static void save(RedisModuleIO *io, void *value)
{
    struct journal *j = value;
    RedisModule_SaveUnsigned(io, j->n);
    for (size_t i = 0; i < j->n; i++)
        RedisModule_SaveSigned(io, j->v[i]);
    if (slow)
        usleep((useconds_t)j->n);
}

static void *load(RedisModuleIO *io, int version)
{
    if (version != 3)
        return NULL;
    struct journal *j = RedisModule_Calloc(1, sizeof(*j));
    for (uint64_t n = RedisModule_LoadUnsigned(io); n > 0 && !RedisModule_IsIOError(io); n--)
        append(j, RedisModule_LoadSigned(io));
    if (!RedisModule_IsIOError(io))
        return j;
    release(j);
    return NULL;
}

static void save_total(RedisModuleIO *io, int when)
{
    if (total > 0)
        RedisModule_SaveUnsigned(io, total);
}

static int load_total(RedisModuleIO *io, int version, int when)
{
    total = RedisModule_LoadUnsigned(io);
    return RedisModule_IsIOError(io) ? REDISMODULE_ERR : REDISMODULE_OK;
}

static size_t usage(const void *value)
{
    const struct journal *j = value;
    return sizeof(*j) + j->cap * sizeof(*j->v);
}

static size_t effort(RedisModuleString *key, const void *value)
{
    return ((const struct journal *)value)->n / 16;
}

static void digest(RedisModuleDigest *d, void *value)
{
    const struct journal *j = value;
    for (size_t i = 0; i < j->n; i++)
        RedisModule_DigestAddLongLong(d, j->v[i]);
    RedisModule_DigestEndSequence(d);
}

static void *copy(RedisModuleString *from, RedisModuleString *to, const void *value)
{
    const struct journal *j = value;
    struct journal *other = RedisModule_Calloc(1, sizeof(*other));
    for (size_t i = 0; i < j->n; i++)
        append(other, j->v[i]);
    return other;
}

/* The key's journal; NULL: answered. make: for writing, and a key that is not there gets one. */
static struct journal *open_journal(RedisModuleCtx *ctx, RedisModuleString *name, int make,
                                    RedisModuleKey **key)
{
    int mode = REDISMODULE_READ | (make ? REDISMODULE_WRITE : 0);
    *key = RedisModule_OpenKey(ctx, name, mode);
    int kind = RedisModule_KeyType(*key);
    if (kind == REDISMODULE_KEYTYPE_EMPTY && make) {
        struct journal *j = RedisModule_Calloc(1, sizeof(*j));
        RedisModule_ModuleTypeSetValue(*key, type, j);
        return j;
    }
    if (kind == REDISMODULE_KEYTYPE_EMPTY) {
        RedisModule_ReplyWithEmptyArray(ctx);
        return NULL;
    }
    if (kind != REDISMODULE_KEYTYPE_MODULE || RedisModule_ModuleTypeGetType(*key) != type) {
        RedisModule_ReplyWithError(ctx, REDISMODULE_ERRORMSG_WRONGTYPE);
        return NULL;
    }
    return RedisModule_ModuleTypeGetValue(*key);
}

static int add(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    RedisModuleKey *key;
    long long n;
    if (argc != 3 || RedisModule_StringToLongLong(argv[2], &n) != REDISMODULE_OK)
        return RedisModule_ReplyWithError(ctx, "ERR JOURNAL.ADD key number");
    struct journal *j = open_journal(ctx, argv[1], 1, &key);
    if (j) {
        append(j, n);
        total++;
        RedisModule_ReplyWithLongLong(ctx, (long long)j->n);
        RedisModule_ReplicateVerbatim(ctx);
    }
    RedisModule_CloseKey(key);
    return REDISMODULE_OK;
}

static int cut(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    RedisModuleKey *key;
    long long n;
    if (argc != 3 || RedisModule_StringToLongLong(argv[2], &n) != REDISMODULE_OK || n < 0)
        return RedisModule_ReplyWithError(ctx, "ERR JOURNAL.CUT key number");
    struct journal *j = open_journal(ctx, argv[1], 1, &key);
    if (j) {
        size_t gone = (size_t)n < j->n ? (size_t)n : j->n - (j->n > 0);
        memmove(j->v, j->v + gone, (j->n - gone) * sizeof(*j->v));
        j->n -= gone;
        RedisModule_ReplyWithLongLong(ctx, (long long)j->n);
        RedisModule_ReplicateVerbatim(ctx);
    }
    RedisModule_CloseKey(key);
    return REDISMODULE_OK;
}

static int get(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    RedisModuleKey *key;
    if (argc != 2)
        return RedisModule_WrongArity(ctx);
    struct journal *j = open_journal(ctx, argv[1], 0, &key);
    if (j) {
        RedisModule_ReplyWithArray(ctx, (long)j->n);
        for (size_t i = 0; i < j->n; i++)
            RedisModule_ReplyWithLongLong(ctx, j->v[i]);
    }
    RedisModule_CloseKey(key);
    return REDISMODULE_OK;
}

static int get_total(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    return RedisModule_ReplyWithLongLong(ctx, (long long)total);
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    if (RedisModule_Init(ctx, "journal", 1, REDISMODULE_APIVER_1) == REDISMODULE_ERR)
        return REDISMODULE_ERR;
    slow = argc > 0;
    RedisModule_SetModuleOptions(ctx, REDISMODULE_OPTIONS_HANDLE_IO_ERRORS);
    RedisModuleTypeMethods methods = {.version = REDISMODULE_TYPE_METHOD_VERSION,
                                      .rdb_load = load,
                                      .rdb_save = save,
                                      .free = release,
                                      .mem_usage = usage,
                                      .digest = digest,
                                      .free_effort = effort,
                                      .copy = copy,
                                      .aux_load = load_total,
                                      .aux_save2 = save_total,
                                      .aux_save_triggers = REDISMODULE_AUX_BEFORE_RDB};
    type = RedisModule_CreateDataType(ctx, "journal-t", 3, &methods);
    if (!type)
        return REDISMODULE_ERR;
    if (RedisModule_CreateCommand(ctx, "journal.add", add, "write deny-oom", 1, 1, 1) ||
        RedisModule_CreateCommand(ctx, "journal.cut", cut, "write", 1, 1, 1) ||
        RedisModule_CreateCommand(ctx, "journal.get", get, "readonly", 1, 1, 1) ||
        RedisModule_CreateCommand(ctx, "journal.total", get_total, "readonly", 0, 0, 0))
        return REDISMODULE_ERR;
    return REDISMODULE_OK;
}
