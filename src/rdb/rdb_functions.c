#include "rdb/rdb_functions.h"

#include "base/reader.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_format.h"

static const struct rdb_functions *functions;

void rdb_set_functions(const struct rdb_functions *f)
{
    functions = f;
}

struct put {
    struct buf *out;
    bool compress;
};

static void put_one(void *arg, struct slice code)
{
    const struct put *p = arg;
    buf_put_byte(p->out, RDB_OP_FUNCTION2);
    rdb_put_string(p->out, code, p->compress);
}

void rdb_put_functions(struct buf *out, bool compress)
{
    struct put p = {out, compress};
    if (functions)
        functions->each(put_one, &p);
}

enum status rdb_load_function(struct slice code, bool replace, struct error *err)
{
    if (!functions)
        return error_set(err, ST_UNSUPPORTED, "there are no functions here");
    return functions->load(code, replace, err);
}

void rdb_clear_functions(void)
{
    if (functions)
        functions->clear();
}

static void keep_one(void *arg, struct slice code)
{
    struct buf *b = arg;
    buf_put_u32be(b, (uint32_t)code.n);
    buf_put_slice(b, code);
}

static enum status load_all(struct slice codes, struct error *err)
{
    struct reader r = reader_make(codes);
    enum status st = ST_OK;
    while (st == ST_OK && reader_left(&r) > 0) {
        struct slice code = reader_bytes(&r, reader_u32be(&r));
        st = r.bad ? error_set(err, ST_CORRUPT, "a library of functions is cut short")
                   : rdb_load_function(code, false, err);
    }
    return st;
}

enum status rdb_replace_functions(struct slice codes, struct error *err)
{
    struct buf former = BUF_INIT;
    struct error ignored;
    if (functions)
        functions->each(keep_one, &former);
    rdb_clear_functions();
    enum status st = load_all(codes, err);
    if (st != ST_OK) {
        rdb_clear_functions();
        (void)load_all(buf_slice(&former), &ignored);
    }
    buf_free(&former);
    return st;
}
