/* Streams of values: what modules save and load, part by part, as Redis's dumps have it: number of the kind, then the value. */
#include "base/log.h"
#include "base/mem.h"
#include "module/type.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_format.h"
#include "rdb/rdb_options.h"
#include "session/lifecycle.h"

#include <stdio.h>
#include <stdlib.h>

#define LONG_DOUBLE_BUF 64

static void init(RedisModuleIO *io, RedisModuleType *t, const struct kv_object_place *at)
{
    /* What is loaded beside the data set has numbers of its own there. */
    int db = at ? at->db % kv_databases(lifecycle.kv) : -1;
    *io = (RedisModuleIO){.type = t, .db = db, .key = at ? at->key : SLICE_NULL};
}

void module__io_save(RedisModuleIO *io, RedisModuleType *t, const struct kv_object_place *at,
                     struct buf *out)
{
    init(io, t, at);
    io->out = out;
}

void module__io_load(RedisModuleIO *io, RedisModuleType *t, const struct kv_object_place *at,
                     struct slice parts)
{
    init(io, t, at);
    io->in = reader_make(parts);
}

bool module__io_end(RedisModuleIO *io)
{
    if (io->ctx) {
        module__ctx_close(io->ctx);
        mem_free(io->ctx);
    }
    module__string_unref(io->name);
    buf_free(&io->scratch);
    return !io->error;
}

/* -- Saving -------------------------------------------------------------------------------------------------------------- */

void rm_SaveUnsigned(RedisModuleIO *io, uint64_t value)
{
    rdb_put_len(io->out, RDB_MODULE_UINT);
    rdb_put_len(io->out, value);
}

void rm_SaveSigned(RedisModuleIO *io, int64_t value)
{
    rm_SaveUnsigned(io, (uint64_t)value);
}

static void save_string(RedisModuleIO *io, struct slice s)
{
    rdb_put_len(io->out, RDB_MODULE_STRING);
    rdb_put_string(io->out, s, rdb_opts.rdbcompression);
}

void rm_SaveString(RedisModuleIO *io, RedisModuleString *s)
{
    save_string(io, module__slice(s));
}

void rm_SaveStringBuffer(RedisModuleIO *io, const char *p, size_t n)
{
    save_string(io, slice_make(p, n));
}

void rm_SaveDouble(RedisModuleIO *io, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    rdb_put_len(io->out, RDB_MODULE_DOUBLE);
    buf_put_u64le(io->out, bits);
}

void rm_SaveFloat(RedisModuleIO *io, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    rdb_put_len(io->out, RDB_MODULE_FLOAT);
    buf_put_u32le(io->out, bits);
}

/* Its size depends on the machine, so it is a text: hexadecimal, and so exact. */
void rm_SaveLongDouble(RedisModuleIO *io, long double value)
{
    char text[LONG_DOUBLE_BUF];
    int n = snprintf(text, sizeof text, "%La", value);
    rm_SaveStringBuffer(io, text, (size_t)n);
}

/* -- Loading ------------------------------------------------------------------------------------------------------------- */

static void failed(RedisModuleIO *io)
{
    if (!io->error)
        log_warning(LOG_SERVER,
                    "A value of the module type '%s' does not hold what its module reads (version "
                    "mismatch, or damaged)",
                    io->type->name);
    io->error = true;
}

/* The module that looks at errors gets none; another one, which does not expect it, something empty. What it makes of that is
 * thrown away. */
static bool handles_errors(const RedisModuleIO *io)
{
    return io->type->module->options & REDISMODULE_OPTIONS_HANDLE_IO_ERRORS;
}

/* True when the next part is of this kind. */
static bool next_is(RedisModuleIO *io, enum rdb_module_part kind)
{
    if (!io->error && (rdb_get_len(&io->in) != (uint64_t)kind || io->in.bad))
        failed(io);
    return !io->error;
}

uint64_t rm_LoadUnsigned(RedisModuleIO *io)
{
    uint64_t v = next_is(io, RDB_MODULE_UINT) ? rdb_get_len(&io->in) : 0;
    if (io->in.bad)
        failed(io);
    return io->error ? 0 : v;
}

int64_t rm_LoadSigned(RedisModuleIO *io)
{
    return (int64_t)rm_LoadUnsigned(io);
}

static bool load_string(RedisModuleIO *io, struct slice *s)
{
    *s = SLICE_NULL;
    if (next_is(io, RDB_MODULE_STRING)) {
        *s = rdb_get_string(&io->in, &io->scratch);
        if (io->in.bad)
            failed(io);
    }
    if (io->error)
        *s = SLICE("");
    return !io->error || !handles_errors(io);
}

RedisModuleString *rm_LoadString(RedisModuleIO *io)
{
    struct slice s;
    return load_string(io, &s) ? module__string(s) : NULL;
}

char *rm_LoadStringBuffer(RedisModuleIO *io, size_t *n)
{
    struct slice s;
    char *p = load_string(io, &s) ? mem_try_alloc(s.n + 1) : NULL;
    if (n)
        *n = p ? s.n : 0;
    if (!p)
        return NULL;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return p;
}

double rm_LoadDouble(RedisModuleIO *io)
{
    uint64_t bits = next_is(io, RDB_MODULE_DOUBLE) ? reader_u64le(&io->in) : 0;
    double v;
    if (io->in.bad)
        failed(io);
    memcpy(&v, &bits, sizeof v);
    return io->error ? 0 : v;
}

float rm_LoadFloat(RedisModuleIO *io)
{
    uint32_t bits = next_is(io, RDB_MODULE_FLOAT) ? reader_u32le(&io->in) : 0;
    float v;
    if (io->in.bad)
        failed(io);
    memcpy(&v, &bits, sizeof v);
    return io->error ? 0 : v;
}

long double rm_LoadLongDouble(RedisModuleIO *io)
{
    struct slice s;
    char text[LONG_DOUBLE_BUF] = "", *end;
    (void)load_string(io, &s);
    if (io->error)
        return 0;
    if (s.n < sizeof text)
        memcpy(text, s.p, s.n);
    long double v = strtold(text, &end);
    if (end == text || *end)
        failed(io);
    return io->error ? 0 : v;
}

int rm_IsIOError(RedisModuleIO *io)
{
    return io->error;
}

/* -- Where it stands ------------------------------------------------------------------------------------------------------ */

RedisModuleCtx *rm_GetContextFromIO(RedisModuleIO *io)
{
    if (!io->ctx) {
        io->ctx = mem_alloc(sizeof *io->ctx);
        module__ctx_open(io->ctx, io->type->module);
        if (io->db >= 0)
            io->ctx->db = io->db;
    }
    return io->ctx;
}

const RedisModuleString *rm_GetKeyNameFromIO(RedisModuleIO *io)
{
    if (!io->name && io->key.p)
        io->name = module__string(io->key);
    return io->name;
}

int rm_GetDbIdFromIO(RedisModuleIO *io)
{
    return io->db;
}

void rm_LogIOError(RedisModuleIO *io, const char *level, const char *fmt, ...)
{
    va_list ap;
    char text[1024];
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rm_Log(rm_GetContextFromIO(io), level, "%s", text);
}

/* The log holds commands as they came, and folds make it shorter: nothing is ever rewritten, so no aof_rewrite is ever called,
 * and an IO that is one for it does not exist. */
void rm_EmitAOF(RedisModuleIO *io, const char *command, const char *fmt, ...)
{
    io->error = true;
}

/* -- To and from strings --------------------------------------------------------------------------------------------------- */

static void unref(void *s)
{
    module__string_unref(s);
}

RedisModuleString *rm_SaveDataTypeToString(RedisModuleCtx *ctx, void *value,
                                           const RedisModuleType *t)
{
    RedisModuleIO io;
    struct buf out = BUF_INIT;
    RedisModuleType *type = t->kv.arg;
    RedisModuleString *s = NULL;
    module__io_save(&io, type, NULL, &out);
    type->methods.rdb_save(&io, value);
    if (module__io_end(&io))
        s = module__string(buf_slice(&out));
    buf_free(&out);
    module__auto_add(ctx, s, unref);
    return s;
}

void *rm_LoadDataTypeFromStringEncver(const RedisModuleString *s, const RedisModuleType *t,
                                      int version)
{
    RedisModuleIO io;
    RedisModuleType *type = t->kv.arg;
    module__io_load(&io, type, NULL, module__slice(s));
    void *value = type->methods.rdb_load(&io, version);
    if (module__io_end(&io) || !value)
        return value;
    if (type->methods.free)
        type->methods.free(value);
    return NULL;
}

void *rm_LoadDataTypeFromString(const RedisModuleString *s, const RedisModuleType *t)
{
    return rm_LoadDataTypeFromStringEncver(s, t, 0);
}
