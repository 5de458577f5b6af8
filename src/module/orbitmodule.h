/* Orbit's own API for modules, beside redismodule.h: stores, query engines, procedures, worker jobs, listeners, metrics, options. A module
 * includes both headers; in its RedisModule_OnLoad it calls RedisModule_Init, then OrbitModule_Init, and finds every function as
 * OrbitModule_NAME from then on (NULL outside of Orbit).
 *
 * Structs of base/, value/, engine/ and storage/ cross the boundary as they are; ORBITMODULE_ABI grows whenever one of them
 * changes, and a server takes only modules of its own number. libbase and libvalue are linked into each module
 * (`make modules/NAME`): the functions of src/base and src/value may be called as usual, those of src/engine and
 * src/storage only through this header.
 *
 * Each function:
 *
 *   OpenStore(ctx, config, &store, err)   OnLoad. Opens or makes DATA/<name>/<provider>; closed by the server when the module goes.
 *                                         ST_INVALID: the name; else as stor_open (storage/storage.h).
 *   Store...                              Any thread. What the function of storage/storage.h with that name does: StoreGet is
 *                                         stor_get, StoreTxnBegin is stor_txn_begin, and so on (module/api/store.def).
 *   SubmitJob(ctx, run, done, arg)        Loop thread. run(arg) on a worker, then done(arg) (may be NULL) on the loop thread. The
 *                                         module cannot be unloaded until then.
 *   RegisterEngine(ctx, ops, arg, err)    OnLoad. A query engine (engine/engine.h); ops and arg live as long as the module.
 *                                         ST_EXISTS: the name; ST_INVALID: a function is missing.
 *   RegisterProcedure(ctx, p, arg, err)   OnLoad. A procedure (engine/engine.h), for every engine to call. Likewise.
 *   FindProcedure(name, &p, &arg)         Any thread. NULL: there is none. Call its functions with arg; ReleaseProcedure (the
 *                                         result) afterwards.
 *   RegisterQueryCommand(ctx, command, engine, err)
 *                                         OnLoad. A command `NAME text [TIMEOUT ms] [PARAMS value...]` that runs text in the engine:
 *                                         the client waits, the rows come as an array of column names, an array of rows, and
 *                                         what the engine has to say at the end; cancelled when the client goes. The limits
 *                                         query-timeout and query-memory hold.
 *   RegisterProcedureCommand(ctx, command, procedure, err)
 *                                         OnLoad. The same for a procedure: `NAME argument...`, as many as it has; given as text,
 *                                         turned into what its parameters are.
 *   RegisterMetric(ctx, name, help, kind, &m, err)
 *                                         OnLoad. A figure in INFO and /metrics. ST_EXISTS, ST_INVALID: the name.
 *   MetricAdd(m, n), MetricSet(m, v)      Any thread.
 *   RegisterOption(ctx, option, err)      OnLoad, before RedisModule_LoadConfigs. An option MODULE.name in CONFIG GET, SET and
 *                                         REWRITE, kept in the module's own variable.
 *   Log(ctx, level, fmt, ...)             Any thread; ctx may be NULL. One line of the server's log.
 *
 * Listeners: the server owns sockets, TLS, limits and the way out; the module speaks. All Conn functions: loop thread, inside of
 * callbacks of listeners, queries and jobs, from accepted until closed returns.
 *
 *   RegisterListener(ctx, l, arg, err)    OnLoad, before RedisModule_LoadConfigs. l and arg live as long as the module. Options
 *                                         MODULE.NAME-port, -bind, -tls (if allowed), -max-connections, -idle-timeout. Opened when
 *                                         OnLoad has succeeded; an address that cannot be opened fails the load. ST_EXISTS: the
 *                                         name; ST_INVALID: the name, or a function is missing.
 *   ConnSetData(conn, p), ConnData(conn)  What the module keeps for the connection; the listener's arg at first.
 *   ConnWrite(conn, bytes)                Copies. The bytes leave after the log has what the callback changed. False: much waits
 *                                         to be sent, write no more until drained. Who goes on regardless is closed at 64 MB.
 *   ConnClose(conn)                       When what was written has left. bytes is not called any more.
 *   ConnBusy(conn)                        A login, command or query runs.
 *   ConnPeer(conn, out, n)                "1.2.3.4:5"; cut to n bytes.
 *   ConnUser(conn)                        Of the ACL; empty: not logged in. Copy it to keep it.
 *   ConnLogin(conn, user, password, done, err)
 *                                         As AUTH does: other modules are asked, failures stand in ACL LOG. done: ST_OK, or
 *                                         ST_DENIED with the answer in err. ST_BUSY: something runs.
 *   ConnCommand(conn, argc, argv, done, err)
 *                                         Copies. Runs it for this client as RESP would, with all checks, and gives the reply (RESP3
 *                                         kinds; errors too), which is freed afterwards. Commands that speak to a connection by
 *                                         themselves (SUBSCRIBE, MONITOR...) are answered with an error. ST_BUSY: something runs.
 *   ConnQuery(conn, query, events, err)   Copies query; events live until done. Rows come at the pace of the client: none while
 *                                         much waits to be sent. Cancelled when the client goes; done is not called then.
 *                                         ST_BUSY; ST_DENIED: the user is not one of all commands and keys, whom queries need;
 *                                         ST_NOT_FOUND: the engine or procedure.
 *   ConnCancel(conn)                      The query ends soon, with ST_CANCELLED. None runs: nothing. */
#ifndef ORBIT_MODULE_ORBITMODULE_H
#define ORBIT_MODULE_ORBITMODULE_H

#include "base/buf.h"
#include "base/status.h"
#include "engine/engine.h"
#include "module/redismodule.h"
#include "storage/storage.h"
#include "value/row.h"
#include "value/value.h"

#define ORBITMODULE_ABI 1

struct metric;
struct engine_procedure_entry;

struct OrbitStoreConfig {
    const char *name;          /* of the protocol or product: letters, digits, - and _ */
    const char *provider;      /* NULL: the one of the option storage-provider */
    const char *const *spaces; /* named by their index afterwards; add only at the end */
    size_t nspaces;
    const struct stor_option *options; /* of the provider */
    size_t noptions;
    unsigned need_caps; /* STOR_CAP_* */
};

typedef void (*OrbitJobFunc)(void *arg);

enum OrbitMetricKind { ORBIT_METRIC_COUNTER, ORBIT_METRIC_GAUGE };
enum OrbitLogLevel { ORBIT_LOG_DEBUG, ORBIT_LOG_VERBOSE, ORBIT_LOG_NOTICE, ORBIT_LOG_WARNING };

/* Exactly one of number and truth is set. Written by the loop thread; a worker may read it at any time. */
struct OrbitOption {
    const char *name;
    _Atomic int64_t *number;
    _Atomic bool *truth;
    int64_t initial, min, max;
    unsigned flags; /* REDISMODULE_CONFIG_*, of numbers also REDISMODULE_CONFIG_MEMORY */
};

struct orbit_conn;

/* All but bytes may be NULL. No callback runs in the midst of a command, and each may change the keyspace. */
struct OrbitListener {
    const char *name; /* of the protocol: lower case letters, digits and _ */
    int port;         /* the options' initial values; 0: off */
    const char *bind; /* addresses parted by spaces; NULL: "127.0.0.1" */
    bool
        tls; /* the option NAME-tls is there (off at first); certificates are those of the tls-* options */
    int max_connections; /* 0: 1000. Beyond it, and beyond maxclients, new ones are closed at once */
    int idle_timeout;    /* seconds without a byte in or out; 0: never */
    size_t max_input;    /* bytes that may wait for the module; 0: 1 MB */
    void (*accepted)(RedisModuleCtx *ctx, struct orbit_conn *conn);
    /* Returns how many it has consumed. It is called again for the rest: at once if it consumed any, else when more has come, or
     * what ran has ended. max_input bytes of which it consumes none, while nothing runs, end the connection. */
    size_t (*bytes)(RedisModuleCtx *ctx, struct orbit_conn *conn, struct slice bytes);
    void (*drained)(RedisModuleCtx *ctx, struct orbit_conn *conn); /* after ConnWrite said false */
    void (*closed)(RedisModuleCtx *ctx, struct orbit_conn *conn); /* conn is gone when it returns */
};

typedef void (*OrbitLoginFunc)(RedisModuleCtx *ctx, struct orbit_conn *conn, enum status st,
                               const struct error *err);
typedef void (*OrbitReplyFunc)(RedisModuleCtx *ctx, struct orbit_conn *conn,
                               RedisModuleCallReply *reply);

struct OrbitQuery {
    struct slice engine;    /* or procedure */
    struct slice procedure; /* empty: the engine runs text */
    struct slice text, database;
    const struct value *params; /* positional; or one object, named */
    size_t nparams;
    int64_t timeout_ms; /* 0: query-timeout, which is the upper bound too */
};

/* May come in the midst of another client's command: only Conn functions. columns and rows may be NULL. */
struct OrbitQueryEvents {
    void (*columns)(struct orbit_conn *conn, const struct column *v, size_t n);
    void (*rows)(struct orbit_conn *conn, const struct row_batch *batch); /* borrowed */
    /* summary: the engine's own words; NULL: none. */
    void (*done)(struct orbit_conn *conn, enum status st, const struct error *err,
                 const struct value *summary);
};

#ifndef ORBIT_MODULE_SERVER

#define OM_API(type, name, parameters)                                                             \
    REDISMODULE_API type(*OrbitModule_##name) parameters REDISMODULE_ATTR;
#define OM_STORE(type, name, function, parameters) OM_API(type, name, parameters)
#include "module/api/orbit.def"

#include "module/api/store.def"
#undef OM_API
#undef OM_STORE

/* Behind RedisModule_Init. REDISMODULE_ERR: this is no Orbit, or one of another ABI; the module may go on without these
 * functions, or refuse to load. */
static inline int OrbitModule_Init(RedisModuleCtx *ctx, int abi)
{
#define OM_API(type, name, parameters)                                                             \
    if (RedisModule_GetApi("OrbitModule_" #name, (void *)&OrbitModule_##name) != REDISMODULE_OK)   \
        return REDISMODULE_ERR;
#define OM_STORE(type, name, function, parameters) OM_API(type, name, parameters)
#include "module/api/orbit.def"

#include "module/api/store.def"
#undef OM_API
#undef OM_STORE
    return OrbitModule_SetAbi(ctx, abi);
}

#endif
#endif
