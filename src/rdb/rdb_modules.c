#include "rdb/rdb_modules.h"

#include "keyspace/kv_object.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_format.h"

static const struct rdb_modules *modules;

void rdb_set_modules(const struct rdb_modules *m)
{
    modules = m;
}

bool rdb_knows_module(uint64_t id)
{
    return modules && modules->knows(id);
}

struct put {
    struct buf *out;
    enum rdb_aux_when when;
};

static void put_one(void *arg, uint64_t id, struct slice parts)
{
    const struct put *p = arg;
    buf_put_byte(p->out, RDB_OP_MODULE_AUX);
    rdb_put_len(p->out, id);
    rdb_put_len(p->out, RDB_MODULE_UINT);
    rdb_put_len(p->out, (uint64_t)p->when);
    buf_put_slice(p->out, parts);
}

void rdb_put_module_aux(struct buf *out, enum rdb_aux_when when)
{
    struct put p = {out, when};
    if (modules)
        modules->each_aux(when, put_one, &p);
}

enum status rdb_load_module_aux(uint64_t id, enum rdb_aux_when when, struct slice parts,
                                struct error *err)
{
    char name[KV_OBJECT_NAME + 1];
    if (modules && modules->knows_aux(id))
        return modules->load_aux(id, when, parts, err);
    kv_object_name(id, name);
    return error_set(err, ST_UNSUPPORTED,
                     "The RDB file contains AUX module data I can't load: no matching module '%s'",
                     name);
}

bool rdb_modules_load_beside(bool same)
{
    return !modules || modules->load_beside(same);
}

bool rdb_skip_module_parts(struct reader *r, struct slice *parts)
{
    const char *from = r->p;
    while (!r->bad) {
        switch (rdb_get_len(r)) {
        case RDB_MODULE_EOF:
            *parts = slice_make(from, (size_t)(r->p - from));
            return !r->bad;
        case RDB_MODULE_SINT:
        case RDB_MODULE_UINT:
            (void)rdb_get_len(r);
            break;
        case RDB_MODULE_FLOAT:
            (void)reader_u32le(r);
            break;
        case RDB_MODULE_DOUBLE:
            (void)reader_u64le(r);
            break;
        case RDB_MODULE_STRING:
            rdb_skip_string(r);
            break;
        default:
            return false;
        }
    }
    return false;
}
