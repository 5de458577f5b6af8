/* The sample module of docs/writing-modules.md: both APIs in one file.
 *
 *   SAMPLE.COUNT key [by]           a command on the keyspace (RedisModule_*)
 *   SAMPLE.NOTE name [text]        a store of the module's own, written and read by jobs on workers (OrbitModule_*)
 *   SAMPLE.QUERY text               a query engine: RANGE from to [SLEEP ms]
 *   SAMPLE.DIGITS number            a procedure, which every engine can call as sample.digits
 *   sample.line-port                a listener with a protocol of its own (line.c)
 *   sample.max-rows                 an option, and sample_rows_total a metric */
#include "modules/sample/sample.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "module/orbitmodule.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

EXPORTED int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc);

enum { SPACE_NOTES };

static struct stor *store;
static struct metric *rows_total;
static _Atomic int64_t max_rows;

/* -- A command on the keyspace: what it changes is replicated as what it did ---------------------------------------------- */

static int count_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    long long by = 1;
    if (argc < 2 || argc > 3)
        return RedisModule_WrongArity(ctx);
    if (argc == 3 && RedisModule_StringToLongLong(argv[2], &by) != REDISMODULE_OK)
        return RedisModule_ReplyWithError(ctx, "ERR the step is not an integer");
    RedisModule_AutoMemory(ctx);
    RedisModuleCallReply *reply = RedisModule_Call(ctx, "INCRBY", "!sl", argv[1], by);
    return RedisModule_ReplyWithCallReply(ctx, reply);
}

/* -- Notes: the client is blocked while a worker waits for the disk ------------------------------------------------------ */

struct note {
    RedisModuleBlockedClient *client;
    bool write;
    struct buf name, text;
    enum status st;
    struct error err;
};

/* Worker. */
static void note_run(void *arg)
{
    struct note *n = arg;
    if (!n->write) {
        n->st =
            OrbitModule_StoreGet(store, NULL, SPACE_NOTES, buf_slice(&n->name), &n->text, &n->err);
        return;
    }
    struct stor_batch *batch = OrbitModule_StoreBatchNew(store);
    OrbitModule_StoreBatchPut(batch, SPACE_NOTES, buf_slice(&n->name), buf_slice(&n->text));
    n->st = OrbitModule_StoreWrite(store, batch, STOR_SYNC, &n->err);
    OrbitModule_StoreBatchFree(batch);
}

/* Loop. */
static void note_done(void *arg)
{
    struct note *n = arg;
    RedisModule_UnblockClient(n->client, n);
}

static int note_reply(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    const struct note *n = RedisModule_GetBlockedClientPrivateData(ctx);
    if (n->st == ST_NOT_FOUND)
        return RedisModule_ReplyWithNull(ctx);
    if (n->st != ST_OK) {
        OrbitModule_Log(ctx, ORBIT_LOG_WARNING, "a note was lost: %s", n->err.message);
        return RedisModule_ReplyWithError(ctx, "ERR the store of notes fails, see the log");
    }
    if (n->write)
        return RedisModule_ReplyWithSimpleString(ctx, "OK");
    return RedisModule_ReplyWithStringBuffer(ctx, n->text.p, n->text.n);
}

static void note_free(RedisModuleCtx *ctx, void *arg)
{
    struct note *n = arg;
    buf_free(&n->name);
    buf_free(&n->text);
    mem_free(n);
}

static void put_string(struct buf *b, RedisModuleString *s)
{
    size_t n;
    const char *p = RedisModule_StringPtrLen(s, &n);
    buf_put(b, p, n);
}

static int note_command(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    if (argc < 2 || argc > 3)
        return RedisModule_WrongArity(ctx);
    struct note *n = mem_calloc(1, sizeof *n);
    n->write = argc == 3;
    put_string(&n->name, argv[1]);
    if (n->write)
        put_string(&n->text, argv[2]);
    n->client = RedisModule_BlockClient(ctx, note_reply, NULL, note_free, 0);
    OrbitModule_SubmitJob(ctx, note_run, note_done, n);
    return REDISMODULE_OK;
}

/* -- The query engine: everything below runs on workers ------------------------------------------------------------------- */

struct range {
    int64_t at, end, sleep_ms, left;
};

static enum status engine_open(void *engine, const struct engine_who *who, void **session,
                               struct error *err)
{
    *session = NULL; /* nothing to keep for a client */
    return ST_OK;
}

static void engine_close(void *session)
{
}

/* A language deserves a grammar; this is none. */
static bool parse(struct slice text, struct range *r)
{
    char line[128];
    int end = -1, sleeps_end = -1;
    snprintf(line, sizeof line, "%.*s", SLICE_FMT(text));
    sscanf(line, "RANGE %18" SCNd64 " %18" SCNd64 "%n SLEEP %9" SCNd64 "%n", &r->at, &r->end, &end,
           &r->sleep_ms, &sleeps_end);
    size_t used = (size_t)(sleeps_end > 0 ? sleeps_end : end);
    return end > 0 && used == text.n && r->sleep_ms >= 0;
}

static enum status engine_prepare(void *session, struct query_ctl *q, struct slice text,
                                  void **statement, struct error *err)
{
    struct range r = {.left = max_rows ? max_rows : INT64_MAX};
    if (!parse(text, &r))
        return error_set(err, ST_SYNTAX, "expected: RANGE from to [SLEEP ms]");
    *statement = memcpy(mem_alloc(sizeof r), &r, sizeof r);
    return ST_OK;
}

static enum status engine_describe(void *statement, struct engine_columns *params,
                                   struct engine_columns *columns, struct error *err)
{
    static const struct column v[] = {{.name = {"n", 1}, .kind = VALUE_INT},
                                      {.name = {"square", 6}, .kind = VALUE_FLOAT}};
    *params = (struct engine_columns){NULL, 0};
    *columns = (struct engine_columns){v, COUNT_OF(v)};
    return ST_OK;
}

static enum status engine_execute(void *statement, struct query_ctl *q, const struct value *params,
                                  size_t nparams, void **cursor, struct error *err)
{
    *cursor = statement;
    return ST_OK;
}

/* In pieces, so that who cancels does not wait. */
static enum status sleep_for(struct query_ctl *q, int64_t ms, struct error *err)
{
    enum status st = engine_check(q, err);
    for (int64_t i = 0; i < ms && st == ST_OK; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        st = engine_check(q, err);
    }
    return st;
}

static enum status engine_fetch(void *cursor, struct query_ctl *q, struct row_batch *b,
                                struct error *err)
{
    struct range *r = cursor;
    int64_t slice_end = clock_mono_us() + 50000;
    while (r->at < r->end && r->left > 0) {
        enum status st = sleep_for(q, r->sleep_ms, err);
        struct value *row = st == ST_OK ? row_batch_add(b) : NULL;
        if (!row)
            return st; /* full, or it has to end */
        row[0] = value_int(r->at);
        row[1] = value_float((double)r->at * (double)r->at);
        r->at++;
        r->left--;
        OrbitModule_MetricAdd(rows_total, 1);
        if (clock_mono_us() > slice_end)
            return ST_OK;
    }
    return ST_END;
}

static void cursor_close(void *cursor)
{
}

static const struct engine_ops engine = {.name = "sample",
                                         .summary = "Counts: RANGE from to [SLEEP ms]",
                                         .open = engine_open,
                                         .close = engine_close,
                                         .prepare = engine_prepare,
                                         .describe = engine_describe,
                                         .execute = engine_execute,
                                         .fetch = engine_fetch,
                                         .cursor_close = cursor_close,
                                         .statement_close = mem_free};

/* -- The procedure -------------------------------------------------------------------------------------------------------- */

static enum status digits_open(void *arg, struct query_ctl *q, const struct value *args,
                               void **cursor, struct error *err)
{
    if (args[0].kind != VALUE_INT || args[0].u.i < 0)
        return error_set(err, ST_RANGE, "sample.digits wants a number that is not negative");
    *cursor = memcpy(mem_alloc(sizeof *args), args, sizeof *args);
    return ST_OK;
}

static enum status digits_fetch(void *cursor, struct query_ctl *q, struct row_batch *b,
                                struct error *err)
{
    struct value *left = cursor;
    for (;;) {
        struct value *row = row_batch_add(b);
        if (!row)
            return ST_OK;
        row[0] = value_int(left->u.i % 10);
        left->u.i /= 10;
        if (left->u.i == 0)
            return ST_END;
    }
}

static const struct column number[] = {{.name = {"number", 6}, .kind = VALUE_INT}};
static const struct column digit[] = {{.name = {"digit", 5}, .kind = VALUE_INT}};
static const struct engine_procedure digits = {.name = "sample.digits",
                                               .summary = "The digits of a number, last one first",
                                               .params = number,
                                               .nparams = 1,
                                               .nrequired = 1,
                                               .columns = digit,
                                               .ncolumns = 1,
                                               .open = digits_open,
                                               .fetch = digits_fetch,
                                               .close = mem_free};

/* -- Loading -------------------------------------------------------------------------------------------------------------- */

static const struct OrbitOption option = {
    .name = "max-rows", .number = &max_rows, .initial = 0, .min = 0, .max = INT64_MAX};

static enum status add_orbit_parts(RedisModuleCtx *ctx, struct error *err)
{
    static const char *const spaces[] = {[SPACE_NOTES] = "notes"};
    struct OrbitStoreConfig config = {
        .name = "sample", .spaces = spaces, .nspaces = COUNT_OF(spaces)};
    enum status st = OrbitModule_OpenStore(ctx, &config, &store, err);
    if (st == ST_OK)
        st = OrbitModule_RegisterMetric(ctx, "sample_rows_total", "Rows of RANGE.",
                                        ORBIT_METRIC_COUNTER, &rows_total, err);
    if (st == ST_OK)
        st = OrbitModule_RegisterOption(ctx, &option, err);
    if (st == ST_OK)
        st = OrbitModule_RegisterListener(ctx, &sample_line, NULL, err);
    if (st == ST_OK)
        st = OrbitModule_RegisterEngine(ctx, &engine, NULL, err);
    if (st == ST_OK)
        st = OrbitModule_RegisterProcedure(ctx, &digits, NULL, err);
    if (st == ST_OK)
        st = OrbitModule_RegisterQueryCommand(ctx, "sample.query", "sample", err);
    if (st == ST_OK)
        st = OrbitModule_RegisterProcedureCommand(ctx, "sample.digits", "sample.digits", err);
    return st;
}

int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    struct error err = {.message = ""};
    if (RedisModule_Init(ctx, "sample", 1, REDISMODULE_APIVER_1) != REDISMODULE_OK ||
        OrbitModule_Init(ctx, ORBITMODULE_ABI) != REDISMODULE_OK)
        return REDISMODULE_ERR;
    if (RedisModule_CreateCommand(ctx, "sample.count", count_command, "write deny-oom", 1, 1, 1) !=
            REDISMODULE_OK ||
        RedisModule_CreateCommand(ctx, "sample.note", note_command, "deny-script", 0, 0, 0) !=
            REDISMODULE_OK)
        return REDISMODULE_ERR;
    if (add_orbit_parts(ctx, &err) != ST_OK) {
        OrbitModule_Log(ctx, ORBIT_LOG_WARNING, "cannot be loaded: %s", err.message);
        return REDISMODULE_ERR;
    }
    return RedisModule_LoadConfigs(ctx);
}
