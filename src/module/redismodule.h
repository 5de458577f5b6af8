/* The Redis module API for module authors: version 1, as of Redis 7.2, binary compatible. A module includes this header, calls
 * RedisModule_Init first in its RedisModule_OnLoad, and finds every function as RedisModule_NAME from then on. A function that
 * the server does not have stays NULL (RMAPI_FUNC_SUPPORTED asks).
 *
 * Functions are rows of api/<group>.def, numbers stand in api/constants.h. docs/modules.md says what each function does here.
 * Define REDISMODULE_API as extern in all but one source file where the compiler knows no common symbols. */
#ifndef ORBIT_MODULE_REDISMODULE_H
#define ORBIT_MODULE_REDISMODULE_H

#include "module/api/constants.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

typedef long long mstime_t;
typedef long long ustime_t;

/* -- Opaque --------------------------------------------------------------------------------------------------------------- */

typedef struct RedisModuleString RedisModuleString;
typedef struct RedisModuleKey RedisModuleKey;
typedef struct RedisModuleIO RedisModuleIO;
typedef struct RedisModuleDigest RedisModuleDigest;
typedef struct RedisModuleInfoCtx RedisModuleInfoCtx;
typedef struct RedisModuleDefragCtx RedisModuleDefragCtx;
typedef struct RedisModuleCtx RedisModuleCtx;
typedef struct RedisModuleCommand RedisModuleCommand;
typedef struct RedisModuleCallReply RedisModuleCallReply;
typedef struct RedisModuleType RedisModuleType;
typedef struct RedisModuleBlockedClient RedisModuleBlockedClient;
typedef struct RedisModuleClusterInfo RedisModuleClusterInfo;
typedef struct RedisModuleDict RedisModuleDict;
typedef struct RedisModuleDictIter RedisModuleDictIter;
typedef struct RedisModuleCommandFilterCtx RedisModuleCommandFilterCtx;
typedef struct RedisModuleCommandFilter RedisModuleCommandFilter;
typedef struct RedisModuleServerInfoData RedisModuleServerInfoData;
typedef struct RedisModuleScanCursor RedisModuleScanCursor;
typedef struct RedisModuleUser RedisModuleUser;
typedef struct RedisModuleKeyOptCtx RedisModuleKeyOptCtx;
typedef struct RedisModuleRdbStream RedisModuleRdbStream;
typedef uint64_t RedisModuleTimerID;

#define REDISMODULE_HASH_DELETE ((RedisModuleString *)(long)1) /* a value: delete the field */
#define REDISMODULE_NOT_USED(V) ((void)V)

typedef struct RedisModuleStreamID {
    uint64_t ms;
    uint64_t seq;
} RedisModuleStreamID;

/* -- SetCommandInfo ------------------------------------------------------------------------------------------------------- */

typedef enum {
    REDISMODULE_ARG_TYPE_STRING,
    REDISMODULE_ARG_TYPE_INTEGER,
    REDISMODULE_ARG_TYPE_DOUBLE,
    REDISMODULE_ARG_TYPE_KEY,
    REDISMODULE_ARG_TYPE_PATTERN,
    REDISMODULE_ARG_TYPE_UNIX_TIME,
    REDISMODULE_ARG_TYPE_PURE_TOKEN,
    REDISMODULE_ARG_TYPE_ONEOF,
    REDISMODULE_ARG_TYPE_BLOCK
} RedisModuleCommandArgType;

typedef enum {
    REDISMODULE_KSPEC_BS_INVALID = 0,
    REDISMODULE_KSPEC_BS_UNKNOWN,
    REDISMODULE_KSPEC_BS_INDEX,
    REDISMODULE_KSPEC_BS_KEYWORD
} RedisModuleKeySpecBeginSearchType;

typedef enum {
    REDISMODULE_KSPEC_FK_OMITTED = 0, /* the key that begin_search finds, alone */
    REDISMODULE_KSPEC_FK_UNKNOWN,
    REDISMODULE_KSPEC_FK_RANGE,
    REDISMODULE_KSPEC_FK_KEYNUM
} RedisModuleKeySpecFindKeysType;

typedef struct RedisModuleCommandArg {
    const char *name; /* NULL: end of the array */
    RedisModuleCommandArgType type;
    int key_spec_index; /* of REDISMODULE_ARG_TYPE_KEY; -1: none */
    const char *token;
    const char *summary;
    const char *since;
    int flags; /* REDISMODULE_CMD_ARG_* */
    const char *deprecated_since;
    struct RedisModuleCommandArg *subargs;
    const char *display_text;
} RedisModuleCommandArg;

typedef struct {
    const char *since; /* NULL: end of the array */
    const char *changes;
} RedisModuleCommandHistoryEntry;

typedef struct {
    const char *notes;
    uint64_t flags;                                      /* REDISMODULE_CMD_KEY_* */
    RedisModuleKeySpecBeginSearchType begin_search_type; /* INVALID: end of the array */
    union {
        struct {
            int pos;
        } index;
        struct {
            const char *keyword;
            int startfrom; /* negative: from the end */
        } keyword;
    } bs;
    RedisModuleKeySpecFindKeysType find_keys_type;
    union {
        struct {
            int lastkey; /* from the first key; -1: to the last argument */
            int keystep;
            int limit; /* with lastkey -1: stop after 1/limit of the arguments */
        } range;
        struct {
            int keynumidx;
            int firstkey;
            int keystep;
        } keynum;
    } fk;
} RedisModuleCommandKeySpec;

/* Sizes of what the module was built with, so that later versions may add members. */
typedef struct {
    int version;
    size_t sizeof_historyentry;
    size_t sizeof_keyspec;
    size_t sizeof_arg;
} RedisModuleCommandInfoVersion;

static const RedisModuleCommandInfoVersion RedisModule_CurrentCommandInfoVersion = {
    .version = 1,
    .sizeof_historyentry = sizeof(RedisModuleCommandHistoryEntry),
    .sizeof_keyspec = sizeof(RedisModuleCommandKeySpec),
    .sizeof_arg = sizeof(RedisModuleCommandArg)};
#define REDISMODULE_COMMAND_INFO_VERSION (&RedisModule_CurrentCommandInfoVersion)

typedef struct {
    const RedisModuleCommandInfoVersion *version; /* REDISMODULE_COMMAND_INFO_VERSION */
    const char *summary;
    const char *complexity;
    const char *since;
    RedisModuleCommandHistoryEntry *history;
    const char *tips; /* words */
    int arity;
    RedisModuleCommandKeySpec *key_specs;
    RedisModuleCommandArg *args;
} RedisModuleCommandInfo;

/* -- Server events --------------------------------------------------------------------------------------------------------- */

typedef struct RedisModuleEvent {
    uint64_t id;      /* REDISMODULE_EVENT_* */
    uint64_t dataver; /* version of the data's structure that the module knows */
} RedisModuleEvent;

typedef void (*RedisModuleEventCallback)(struct RedisModuleCtx *ctx, RedisModuleEvent eid,
                                         uint64_t subevent, void *data);

#define RM_EVENT(name, number)                                                                     \
    static const RedisModuleEvent RedisModuleEvent_##name __attribute__((unused)) = {number, 1};
RM_EVENT(ReplicationRoleChanged, REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED)
RM_EVENT(Persistence, REDISMODULE_EVENT_PERSISTENCE)
RM_EVENT(FlushDB, REDISMODULE_EVENT_FLUSHDB)
RM_EVENT(Loading, REDISMODULE_EVENT_LOADING)
RM_EVENT(ClientChange, REDISMODULE_EVENT_CLIENT_CHANGE)
RM_EVENT(Shutdown, REDISMODULE_EVENT_SHUTDOWN)
RM_EVENT(ReplicaChange, REDISMODULE_EVENT_REPLICA_CHANGE)
RM_EVENT(CronLoop, REDISMODULE_EVENT_CRON_LOOP)
RM_EVENT(MasterLinkChange, REDISMODULE_EVENT_MASTER_LINK_CHANGE)
RM_EVENT(ModuleChange, REDISMODULE_EVENT_MODULE_CHANGE)
RM_EVENT(LoadingProgress, REDISMODULE_EVENT_LOADING_PROGRESS)
RM_EVENT(SwapDB, REDISMODULE_EVENT_SWAPDB)
RM_EVENT(ReplBackup, REDISMODULE_EVENT_REPL_BACKUP)
RM_EVENT(ReplAsyncLoad, REDISMODULE_EVENT_REPL_ASYNC_LOAD)
RM_EVENT(ForkChild, REDISMODULE_EVENT_FORK_CHILD)
RM_EVENT(EventLoop, REDISMODULE_EVENT_EVENTLOOP)
RM_EVENT(Config, REDISMODULE_EVENT_CONFIG)
RM_EVENT(Key, REDISMODULE_EVENT_KEY)
#undef RM_EVENT

/* What data points to, by event. */
typedef struct RedisModuleClientInfo {
    uint64_t version;
    uint64_t flags; /* REDISMODULE_CLIENTINFO_FLAG_* */
    uint64_t id;
    char addr[46];
    uint16_t port;
    uint16_t db;
} RedisModuleClientInfoV1;
#define RedisModuleClientInfo RedisModuleClientInfoV1
#define REDISMODULE_CLIENTINFO_INITIALIZER_V1                                                      \
    {                                                                                              \
        .version = 1                                                                               \
    }

typedef struct RedisModuleReplicationInfo {
    uint64_t version;
    int master; /* 1: this server is a master */
    char *masterhost;
    int masterport;
    char *replid1;
    char *replid2;
    uint64_t repl1_offset;
    uint64_t repl2_offset;
} RedisModuleReplicationInfoV1;
#define RedisModuleReplicationInfo RedisModuleReplicationInfoV1

typedef struct RedisModuleFlushInfo {
    uint64_t version;
    int32_t sync;
    int32_t dbnum; /* -1: all */
} RedisModuleFlushInfoV1;
#define RedisModuleFlushInfo RedisModuleFlushInfoV1

typedef struct RedisModuleModuleChange {
    uint64_t version;
    const char *module_name;
    int32_t module_version;
} RedisModuleModuleChangeV1;
#define RedisModuleModuleChange RedisModuleModuleChangeV1

typedef struct RedisModuleConfigChange {
    uint64_t version;
    uint32_t num_changes;
    const char **config_names;
} RedisModuleConfigChangeV1;
#define RedisModuleConfigChange RedisModuleConfigChangeV1

typedef struct RedisModuleCronLoopInfo {
    uint64_t version;
    int32_t hz;
} RedisModuleCronLoopV1;
#define RedisModuleCronLoop RedisModuleCronLoopV1

typedef struct RedisModuleLoadingProgressInfo {
    uint64_t version;
    int32_t hz;
    int32_t progress; /* of 1024; -1: not known */
} RedisModuleLoadingProgressV1;
#define RedisModuleLoadingProgress RedisModuleLoadingProgressV1

typedef struct RedisModuleSwapDbInfo {
    uint64_t version;
    int32_t dbnum_first;
    int32_t dbnum_second;
} RedisModuleSwapDbInfoV1;
#define RedisModuleSwapDbInfo RedisModuleSwapDbInfoV1

typedef struct RedisModuleKeyInfo {
    uint64_t version;
    RedisModuleKey *key; /* opened for reading */
} RedisModuleKeyInfoV1;
#define RedisModuleKeyInfo RedisModuleKeyInfoV1

typedef enum {
    REDISMODULE_ACL_LOG_AUTH = 0,
    REDISMODULE_ACL_LOG_CMD,
    REDISMODULE_ACL_LOG_KEY,
    REDISMODULE_ACL_LOG_CHANNEL
} RedisModuleACLLogEntryReason;

/* -- Functions of the module ---------------------------------------------------------------------------------------------- */

typedef int (*RedisModuleCmdFunc)(RedisModuleCtx *, RedisModuleString **argv, int argc);
typedef void (*RedisModuleDisconnectFunc)(RedisModuleCtx *, RedisModuleBlockedClient *);
typedef int (*RedisModuleNotificationFunc)(RedisModuleCtx *, int type, const char *event,
                                           RedisModuleString *key);
typedef void (*RedisModulePostNotificationJobFunc)(RedisModuleCtx *, void *pd);
typedef void (*RedisModuleEventLoopFunc)(int fd, void *user_data, int mask);
typedef void (*RedisModuleEventLoopOneShotFunc)(void *user_data);
typedef void (*RedisModuleInfoFunc)(RedisModuleInfoCtx *, int for_crash_report);
typedef void (*RedisModuleDefragFunc)(RedisModuleDefragCtx *);
typedef void (*RedisModuleUserChangedFunc)(uint64_t client_id, void *privdata);
typedef void (*RedisModuleClusterMessageReceiver)(RedisModuleCtx *, const char *sender_id,
                                                  uint8_t type, const unsigned char *payload,
                                                  uint32_t len);
typedef void (*RedisModuleTimerProc)(RedisModuleCtx *, void *data);
typedef void (*RedisModuleCommandFilterFunc)(RedisModuleCommandFilterCtx *);
typedef void (*RedisModuleForkDoneHandler)(int exitcode, int bysignal, void *user_data);
typedef void (*RedisModuleScanCB)(RedisModuleCtx *, RedisModuleString *keyname, RedisModuleKey *,
                                  void *privdata);
typedef void (*RedisModuleScanKeyCB)(RedisModuleKey *, RedisModuleString *field,
                                     RedisModuleString *value, void *privdata);
typedef void (*RedisModuleOnUnblocked)(RedisModuleCtx *, RedisModuleCallReply *,
                                       void *private_data);
typedef int (*RedisModuleAuthCallback)(RedisModuleCtx *, RedisModuleString *username,
                                       RedisModuleString *password, RedisModuleString **err);

/* Options of modules: get the value; set it, with a reason in *err when it is refused; apply after all were set. */
typedef RedisModuleString *(*RedisModuleConfigGetStringFunc)(const char *name, void *privdata);
typedef long long (*RedisModuleConfigGetNumericFunc)(const char *name, void *privdata);
typedef int (*RedisModuleConfigGetBoolFunc)(const char *name, void *privdata);
typedef int (*RedisModuleConfigGetEnumFunc)(const char *name, void *privdata);
typedef int (*RedisModuleConfigSetStringFunc)(const char *name, RedisModuleString *val,
                                              void *privdata, RedisModuleString **err);
typedef int (*RedisModuleConfigSetNumericFunc)(const char *name, long long val, void *privdata,
                                               RedisModuleString **err);
typedef int (*RedisModuleConfigSetBoolFunc)(const char *name, int val, void *privdata,
                                            RedisModuleString **err);
typedef int (*RedisModuleConfigSetEnumFunc)(const char *name, int val, void *privdata,
                                            RedisModuleString **err);
typedef int (*RedisModuleConfigApplyFunc)(RedisModuleCtx *, void *privdata,
                                          RedisModuleString **err);

/* Native data types. The second form of a function, where there is one, is preferred. */
typedef void *(*RedisModuleTypeLoadFunc)(RedisModuleIO *rdb, int encver);
typedef void (*RedisModuleTypeSaveFunc)(RedisModuleIO *rdb, void *value);
typedef int (*RedisModuleTypeAuxLoadFunc)(RedisModuleIO *rdb, int encver, int when);
typedef void (*RedisModuleTypeAuxSaveFunc)(RedisModuleIO *rdb, int when);
typedef void (*RedisModuleTypeRewriteFunc)(RedisModuleIO *aof, RedisModuleString *key, void *value);
typedef size_t (*RedisModuleTypeMemUsageFunc)(const void *value);
typedef size_t (*RedisModuleTypeMemUsageFunc2)(RedisModuleKeyOptCtx *, const void *value,
                                               size_t sample_size);
typedef void (*RedisModuleTypeDigestFunc)(RedisModuleDigest *digest, void *value);
typedef void (*RedisModuleTypeFreeFunc)(void *value);
typedef size_t (*RedisModuleTypeFreeEffortFunc)(RedisModuleString *key, const void *value);
typedef size_t (*RedisModuleTypeFreeEffortFunc2)(RedisModuleKeyOptCtx *, const void *value);
typedef void (*RedisModuleTypeUnlinkFunc)(RedisModuleString *key, const void *value);
typedef void (*RedisModuleTypeUnlinkFunc2)(RedisModuleKeyOptCtx *, const void *value);
typedef void *(*RedisModuleTypeCopyFunc)(RedisModuleString *fromkey, RedisModuleString *tokey,
                                         const void *value);
typedef void *(*RedisModuleTypeCopyFunc2)(RedisModuleKeyOptCtx *, const void *value);
typedef int (*RedisModuleTypeDefragFunc)(RedisModuleDefragCtx *, RedisModuleString *key,
                                         void **value);

typedef struct RedisModuleTypeMethods {
    uint64_t
        version; /* REDISMODULE_TYPE_METHOD_VERSION; what a version lacks stands behind what it has */
    RedisModuleTypeLoadFunc rdb_load;
    RedisModuleTypeSaveFunc rdb_save;
    RedisModuleTypeRewriteFunc aof_rewrite;
    RedisModuleTypeMemUsageFunc mem_usage;
    RedisModuleTypeDigestFunc digest;
    RedisModuleTypeFreeFunc free;
    RedisModuleTypeAuxLoadFunc aux_load; /* version 2 */
    RedisModuleTypeAuxSaveFunc aux_save;
    int aux_save_triggers;                     /* REDISMODULE_AUX_* */
    RedisModuleTypeFreeEffortFunc free_effort; /* version 3 */
    RedisModuleTypeUnlinkFunc unlink;
    RedisModuleTypeCopyFunc copy;
    RedisModuleTypeDefragFunc defrag;
    RedisModuleTypeMemUsageFunc2 mem_usage2; /* version 4 */
    RedisModuleTypeFreeEffortFunc2 free_effort2;
    RedisModuleTypeUnlinkFunc2 unlink2;
    RedisModuleTypeCopyFunc2 copy2;
    RedisModuleTypeAuxSaveFunc aux_save2; /* version 5: may save nothing */
} RedisModuleTypeMethods;

/* -- Functions of the server ---------------------------------------------------------------------------------------------- */

#ifndef ORBIT_MODULE_SERVER /* the server itself includes this header for the types alone */

#ifndef REDISMODULE_API
#define REDISMODULE_API
#endif
#ifndef REDISMODULE_ATTR
#define REDISMODULE_ATTR __attribute__((__common__))
#endif

REDISMODULE_API int (*RedisModule_GetApi)(const char *, void *) REDISMODULE_ATTR;
#define RM_API(type, name, parameters)                                                             \
    REDISMODULE_API type(*RedisModule_##name) parameters REDISMODULE_ATTR;
#include "module/api/all.def"
#undef RM_API

/* First of all in RedisModule_OnLoad: finds the functions, names the module. REDISMODULE_ERR: the name is taken. */
static inline int RedisModule_Init(RedisModuleCtx *ctx, const char *name, int ver, int apiver)
{
    RedisModule_GetApi = *(int (**)(const char *, void *))(void *)ctx;
#define RM_API(type, name, parameters)                                                             \
    RedisModule_GetApi("RedisModule_" #name, (void *)&RedisModule_##name);
#include "module/api/all.def"
#undef RM_API
    if (RedisModule_IsModuleNameBusy && RedisModule_IsModuleNameBusy(name))
        return REDISMODULE_ERR;
    RedisModule_SetModuleAttribs(ctx, name, ver, apiver);
    return REDISMODULE_OK;
}

#define RedisModule_Assert(e)                                                                      \
    ((e) ? (void)0 : (RedisModule__Assert(#e, __FILE__, __LINE__), exit(1)))
#define RedisModule_IsAOFClient(id) ((id) == UINT64_MAX)
#define RMAPI_FUNC_SUPPORTED(func)  (func != NULL)

#endif
#endif
