/* Commands that run queries: the RESP front of engines and procedures.
 *
 *   client --SAMPLE.QUERY text--> blocked --rows, batch by batch--> kept as replies --done--> answered
 *                                    |--client goes--> the query is dropped
 *
 * The answer is [names of columns, rows, what the engine says at the end (if anything)]. Its length stands in front in RESP, so it
 * is kept until the last row has come, within query-memory. */
#include "base/mem.h"
#include "base/num.h"
#include "engine/engine_options.h"
#include "engine/query.h"
#include "engine/registry.h"
#include "event/worker.h"
#include "module/capture.h"
#include "module/orbit_priv.h"
#include "session/acl.h"
#include "session/block.h"
#include "session/lifecycle.h"
#include "session/reply.h"
#include "value/text.h"

struct front {
    struct list_node link;
    struct module *module;
    RedisModuleCommand *command;
    char *target; /* the engine, or the procedure */
    bool procedure;
};

static struct list_node fronts = {&fronts, &fronts};

/* Rows are kept in pieces: one that grew without end would be copied again and again. */
#define PIECE (64 << 10)
struct piece {
    struct list_node link;
    struct capture rows;
    struct buf
        resp; /* instead of rows, for who takes it: what stands ready costs little at the end */
};

struct running {
    struct module *module;
    struct session *s;
    struct query *q; /* NULL: over */
    struct capture columns, summary;
    struct list_node pieces;
    struct capture scratch;
    bool takes_resp;
    size_t nrows, bytes; /* of full pieces */
    bool too_large;
    enum status st;
    struct error err;
};

/* -- Values as replies ------------------------------------------------------------------------------------------------------ */

static void emit(struct sink *out, const struct value *v);

static void emit_members(struct sink *out, const struct value_member *m, size_t n)
{
    out->ops->begin(out, SINK_MAP, n);
    for (size_t i = 0; i < n; i++) {
        out->ops->bulk(out, m[i].name);
        emit(out, &m[i].value);
    }
}

static void emit_items(struct sink *out, const struct value *items, size_t n)
{
    out->ops->begin(out, SINK_ARRAY, n);
    for (size_t i = 0; i < n; i++)
        emit(out, &items[i]);
}

static void emit_node(struct sink *out, const struct value_node *node)
{
    out->ops->begin(out, SINK_MAP, 3);
    out->ops->bulk(out, SLICE("id"));
    out->ops->integer(out, (int64_t)node->id);
    out->ops->bulk(out, SLICE("labels"));
    out->ops->begin(out, SINK_ARRAY, node->nlabels);
    for (size_t i = 0; i < node->nlabels; i++)
        out->ops->bulk(out, node->labels[i]);
    out->ops->bulk(out, SLICE("properties"));
    emit_members(out, node->properties, node->nproperties);
}

static void emit_rel(struct sink *out, const struct value_rel *rel)
{
    out->ops->begin(out, SINK_MAP, 5);
    out->ops->bulk(out, SLICE("id"));
    out->ops->integer(out, (int64_t)rel->id);
    out->ops->bulk(out, SLICE("type"));
    out->ops->bulk(out, rel->type);
    out->ops->bulk(out, SLICE("start"));
    out->ops->integer(out, (int64_t)rel->start);
    out->ops->bulk(out, SLICE("end"));
    out->ops->integer(out, (int64_t)rel->end);
    out->ops->bulk(out, SLICE("properties"));
    emit_members(out, rel->properties, rel->nproperties);
}

static void emit_vector(struct sink *out, const struct value *v)
{
    out->ops->begin(out, SINK_ARRAY, v->n);
    for (uint32_t i = 0; i < v->n; i++)
        out->ops->real(out, (double)v->u.vector[i]);
}

static void emit_text(struct sink *out, const struct value *v)
{
    struct buf b = BUF_INIT;
    (void)value_text(v, &b);
    out->ops->bulk(out, buf_slice(&b));
    buf_free(&b);
}

static void emit(struct sink *out, const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL:
    case VALUE_KINDS:
        out->ops->null(out);
        return;
    case VALUE_BOOL:
        out->ops->boolean(out, v->u.b);
        return;
    case VALUE_INT:
        out->ops->integer(out, v->u.i);
        return;
    case VALUE_FLOAT:
        out->ops->real(out, v->u.f);
        return;
    case VALUE_DECIMAL:
    case VALUE_STRING:
    case VALUE_BYTES:
        out->ops->bulk(out, value_slice(v));
        return;
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_LOCAL_TIME:
    case VALUE_LOCAL_DATETIME:
    case VALUE_DATETIME:
    case VALUE_DURATION:
    case VALUE_UUID:
        emit_text(out, v);
        return;
    case VALUE_ARRAY:
    case VALUE_PATH:
        emit_items(out, v->u.items, v->n);
        return;
    case VALUE_OBJECT:
        emit_members(out, v->u.members, v->n);
        return;
    case VALUE_NODE:
        emit_node(out, v->u.node);
        return;
    case VALUE_REL:
        emit_rel(out, v->u.rel);
        return;
    case VALUE_VECTOR:
        emit_vector(out, v);
        return;
    }
}

/* -- The consumer --------------------------------------------------------------------------------------------------------- */

static void on_columns(void *arg, const struct column *v, size_t n)
{
    struct running *r = arg;
    struct sink *out = &r->columns.sink;
    out->ops->begin(out, SINK_ARRAY, n);
    for (size_t i = 0; i < n; i++)
        out->ops->bulk(out, v[i].name);
}

/* The piece to go on with. */
static struct piece *piece_of(struct running *r)
{
    struct piece *p =
        list_empty(&r->pieces) ? NULL : LIST_ENTRY(r->pieces.prev, struct piece, link);
    size_t used = p ? p->rows.items.n + p->resp.n : PIECE;
    if (used < PIECE)
        return p;
    r->bytes += p ? used : 0;
    p = mem_calloc(1, sizeof *p);
    capture_init(&p->rows, r->s->resp);
    buf_reserve(r->takes_resp ? &p->resp : &p->rows.items, PIECE);
    list_push(&r->pieces, &p->link);
    return p;
}

static void keep_row(struct running *r, const struct value *row, size_t n)
{
    struct piece *p = piece_of(r);
    if (!r->takes_resp) {
        emit_items(&p->rows.sink, row, n);
        return;
    }
    emit_items(&r->scratch.sink, row, n);
    capture_put_resp(&p->resp, r->scratch.items.p, r->scratch.items.p + r->scratch.items.n);
    capture_clear(&r->scratch);
}

static bool on_rows(void *arg, const struct row_batch *b)
{
    struct running *r = arg;
    for (size_t i = 0; i < row_batch_rows(b); i++)
        keep_row(r, row_batch_row(b, i), row_batch_cols(b));
    r->nrows += row_batch_rows(b);
    if (r->bytes <= (size_t)engine_opts.query_memory)
        return true;
    r->too_large = true;
    query_cancel(r->q);
    return false;
}

/* Not by call_reply_status, whose WRONGTYPE speaks of keys. */
static void reply_failure(struct call *c, enum status st, const struct error *err)
{
    const char *code = st == ST_NO_MEMORY ? "OOM"
                       : st == ST_DENIED  ? "NOPERM"
                       : st == ST_BUSY    ? "BUSY"
                                          : "ERR";
    reply_errorf(c, "%s %s", code, err->message);
}

static void answer(struct call *c, void *state, void *arg)
{
    struct running *r = state;
    c->no_propagate = true;
    if (r->st != ST_OK) {
        reply_failure(c, r->st, &r->err);
        return;
    }
    bool summary = !capture_empty(&r->summary);
    reply_array(c, summary ? 3 : 2);
    capture_replay(&r->columns, c->out);
    reply_array(c, r->nrows);
    LIST_EACH(n, &r->pieces)
    {
        const struct piece *p = LIST_ENTRY(n, struct piece, link);
        if (r->takes_resp)
            c->out->ops->raw(c->out, buf_slice(&p->resp));
        else
            capture_replay(&p->rows, c->out);
    }
    if (summary)
        capture_replay(&r->summary, c->out);
}

static void on_done(void *arg, enum status st, const struct error *err,
                    const struct query_summary *sum)
{
    struct running *r = arg;
    r->q = NULL;
    r->st = st;
    if (st != ST_OK)
        r->err = *err;
    else if (sum->value)
        emit(&r->summary.sink, sum->value);
    if (r->too_large)
        r->st = error_set(&r->err, ST_NO_MEMORY, "the answer is larger than query-memory allows");
    block_add_duration(r->s, sum->duration_us);
    block_wake(r->s, answer, NULL);
}

static const struct query_consumer consumer = {
    .columns = on_columns, .rows = on_rows, .done = on_done};

/* On a worker: there may be many pieces. */
static void free_pieces(void *state)
{
    struct running *r = state;
    LIST_EACH_SAFE(n, tmp, &r->pieces)
    {
        struct piece *p = LIST_ENTRY(n, struct piece, link);
        capture_deinit(&p->rows);
        buf_free(&p->resp);
        mem_free(p);
    }
    capture_deinit(&r->columns);
    capture_deinit(&r->scratch);
    capture_deinit(&r->summary);
    mem_free(r);
}

static void free_running(void *state)
{
    struct running *r = state;
    if (r->q)
        query_drop(r->q);
    r->module->blocked--;
    if (r->nrows)
        worker_submit(lifecycle.pool, WORKER_FREE, free_pieces, NULL, r);
    else
        free_pieces(r);
}

static const struct block_ops block_ops = {.kind = "query", .free_state = free_running};

/* -- The command ---------------------------------------------------------------------------------------------------------- */

static struct front *front_of(const struct command *cmd)
{
    LIST_EACH(n, &fronts)
    {
        struct front *f = LIST_ENTRY(n, struct front, link);
        if (&f->command->cmd == cmd)
            return f;
    }
    return NULL;
}

/* text [TIMEOUT ms] [PARAMS value...]. False: answered. */
static bool parse_query(struct call *c, struct query_request *req)
{
    int i = 2;
    req->text = c->argv[1];
    if (i < c->argc && call_arg_is(c, i, "TIMEOUT")) {
        if (i + 1 >= c->argc) {
            reply_syntax_error(c);
            return false;
        }
        if (!call_arg_range(c, i + 1, 0, INT64_MAX / 1000000, &req->timeout_ms,
                            "ERR timeout is not an integer or out of range"))
            return false;
        i += 2;
    }
    if (i == c->argc)
        return true;
    if (!call_arg_is(c, i, "PARAMS")) {
        reply_syntax_error(c);
        return false;
    }
    req->nparams = (size_t)(c->argc - i - 1);
    struct value *params = arena_alloc(c->arena, req->nparams * sizeof *params);
    for (size_t k = 0; k < req->nparams; k++)
        params[k] = value_string(c->argv[i + 1 + (int)k]);
    req->params = params;
    return true;
}

/* False: the text is none of this kind. */
static bool from_text(struct slice text, enum value_kind kind, struct value *out)
{
    int64_t i;
    double f;
    switch (kind) {
    case VALUE_INT:
        if (!num_parse_int(text, &i))
            return false;
        *out = value_int(i);
        return true;
    case VALUE_FLOAT:
        if (!num_parse_double(text, &f))
            return false;
        *out = value_float(f);
        return true;
    case VALUE_BOOL:
        *out = value_bool(slice_is(text, "true"));
        return out->u.b || slice_is(text, "false");
    case VALUE_DECIMAL:
        return value_decimal(text, out);
    case VALUE_BYTES:
        *out = value_bytes(text);
        return true;
    case VALUE_NULL:
    case VALUE_STRING:
        *out = value_string(text);
        return true;
    default: /* has no form of its own here */
        return false;
    }
}

static bool parse_arguments(struct call *c, const struct engine_procedure *p,
                            struct query_request *req)
{
    req->nparams = (size_t)c->argc - 1;
    if (req->nparams < p->nrequired || req->nparams > p->nparams) {
        reply_arity_error(c);
        return false;
    }
    struct value *params = arena_alloc(c->arena, req->nparams * sizeof *params);
    for (size_t i = 0; i < req->nparams; i++)
        if (!from_text(c->argv[i + 1], p->params[i].kind, &params[i])) {
            reply_errorf(c, "ERR argument '%.*s' is not of type %s", SLICE_FMT(p->params[i].name),
                         value_kind_name(p->params[i].kind));
            return false;
        }
    req->params = params;
    return true;
}

static bool parse(struct call *c, const struct front *f, struct query_request *req)
{
    if (c->s->flags & (SESS_DENY_BLOCKING | SESS_INTERNAL)) {
        reply_error(c, "ERR queries cannot run in a transaction or script");
        return false;
    }
    if (!f->procedure) {
        req->engine = slice_str(f->target);
        if (c->argc < 2)
            reply_arity_error(c);
        return c->argc >= 2 && parse_query(c, req);
    }
    req->procedure = slice_str(f->target);
    struct engine_procedure_entry *p = engine_procedure_find(req->procedure);
    bool ok = p && parse_arguments(c, p->proc, req);
    if (!p)
        reply_errorf(c, "ERR there is no procedure '%s'", f->target);
    engine_procedure_release(p);
    return ok;
}

static int run_front(RedisModuleCtx *ctx, RedisModuleString **argv, int argc)
{
    struct call *c = ctx->call;
    const struct front *f = c ? front_of(c->cmd) : NULL;
    struct query_request req = {.who = {.protocol = SLICE("resp")}};
    struct error err;
    if (!f || !parse(c, f, &req))
        return REDISMODULE_OK;
    req.who.user = acl_name(c->s->user);
    struct running *r = mem_calloc(1, sizeof *r);
    r->module = ctx->module;
    r->s = c->s;
    capture_init(&r->columns, c->s->resp);
    list_init(&r->pieces);
    capture_init(&r->summary, c->s->resp);
    capture_init(&r->scratch, c->s->resp);
    r->takes_resp = c->out->takes_resp;
    r->module->blocked++;
    enum status st = query_start(&req, &consumer, r, &r->q, &err);
    if (st == ST_OK) {
        block_session(c, &block_ops, r, 0);
    } else {
        reply_failure(c, st, &err);
        r->q = NULL;
        free_running(r);
    }
    return REDISMODULE_OK;
}

/* -- Registering ---------------------------------------------------------------------------------------------------------- */

static enum status add(RedisModuleCtx *ctx, const char *name, const char *target, bool procedure,
                       struct error *err)
{
    if (rm_CreateCommand(ctx, name, run_front, "deny-script blocking", 0, 0, 0) != REDISMODULE_OK)
        return error_set(err, ST_EXISTS,
                         "the command '%s' cannot be made: it is there already, or "
                         "no good name",
                         name);
    struct front *f = mem_alloc(sizeof *f);
    *f = (struct front){.module = ctx->module,
                        .command = module__command_of(command_find(slice_str(name))),
                        .target = mem_strdup(target),
                        .procedure = procedure};
    list_push(&fronts, &f->link);
    return ST_OK;
}

enum status om_RegisterQueryCommand(RedisModuleCtx *ctx, const char *command, const char *engine,
                                    struct error *err)
{
    if (!engine_find(slice_str(engine)))
        return error_set(err, ST_NOT_FOUND, "the query engine '%s' is not loaded", engine);
    return add(ctx, command, engine, false, err);
}

enum status om_RegisterProcedureCommand(RedisModuleCtx *ctx, const char *command,
                                        const char *procedure, struct error *err)
{
    struct engine_procedure_entry *p = engine_procedure_find(slice_str(procedure));
    engine_procedure_release(p);
    if (!p)
        return error_set(err, ST_NOT_FOUND, "there is no procedure '%s'", procedure);
    return add(ctx, command, procedure, true, err);
}

void module__fronts_drop(struct module *m)
{
    LIST_EACH_SAFE(n, tmp, &fronts)
    {
        struct front *f = LIST_ENTRY(n, struct front, link);
        if (f->module != m)
            continue;
        list_remove(n);
        mem_free(f->target);
        mem_free(f);
    }
}
