#include "rdb/rdb_functions.h"

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
