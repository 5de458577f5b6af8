/* Dump files, reading.
 *
 *   "REDIS" version(4 digits)
 *   { aux: key, value | function: code | select: db | resize: keys, keys with a TTL
 *     | [expire: time] [idle: seconds | freq: counter] type, key, value }...
 *   end [checksum(8)]         the checksum came with version 5; 0: none was taken */
#include "rdb/rdb_file.h"

#include "base/hash.h"
#include "base/num.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_decode.h"
#include "rdb/rdb_format.h"
#include "rdb/rdb_modules.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUM_STEP (1 << 20)

enum status rdb_file_begin(struct rdb_file *f, struct slice bytes, bool check, struct error *err)
{
    int64_t version = 0;
    *f = (struct rdb_file){
        .r = reader_make(bytes), .begin = bytes.p, .summed = bytes.p, .check = check};
    struct slice magic = reader_bytes(&f->r, 5);
    struct slice digits = reader_bytes(&f->r, RDB_MAGIC_BYTES - 5);
    if (f->r.bad || !slice_eq(magic, SLICE("REDIS")))
        return error_set(err, ST_CORRUPT, "Wrong signature trying to load DB from file");
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            version = INT32_MAX;
        else if (version < 10000)
            version = version * 10 + digits.p[i] - '0';
    }
    if (version < 1 || version > RDB_VERSION)
        return error_set(err, ST_TOO_NEW, "Can't handle RDB format version %.*s",
                         SLICE_FMT(digits));
    f->version = (int)version;
    return ST_OK;
}

void rdb_file_end(struct rdb_file *f)
{
    buf_free(&f->a);
    buf_free(&f->b);
}

static void sum_up(struct rdb_file *f)
{
    if (f->check)
        f->sum = hash_crc64(f->sum, f->summed, (size_t)(f->r.p - f->summed));
    f->summed = f->r.p;
}

void rdb_file_move(struct rdb_file *f, struct slice bytes, uint64_t at)
{
    uint64_t stands = rdb_file_at(f);
    sum_up(f);
    f->r = reader_make(bytes);
    f->begin = bytes.p;
    f->before = at;
    (void)reader_bytes(&f->r, (size_t)(stands - at));
    f->summed = f->r.p;
}

void rdb_file_back(struct rdb_file *f, const struct rdb_file *before)
{
    f->r = before->r;
    f->db = before->db;
}

static enum status cut(struct rdb_file *f, struct error *err)
{
    return error_set(err, ST_CORRUPT, "Unexpected EOF reading RDB file, at byte %llu",
                     (unsigned long long)rdb_file_at(f));
}

static enum status at_end(struct rdb_file *f, struct rdb_file_item *item, struct error *err)
{
    item->kind = RDB_ITEM_END;
    if (f->version < 5)
        return ST_OK;
    if (reader_left(&f->r) < sizeof(uint64_t)) {
        f->r.bad = true;
        return cut(f, err);
    }
    sum_up(f);
    uint64_t stored = reader_u64le(&f->r);
    if (f->check && stored != 0 && stored != f->sum)
        return error_set(err, ST_CORRUPT,
                         "Wrong RDB checksum expected: (%llx) but got (%llx). RDB CRC error",
                         (unsigned long long)f->sum, (unsigned long long)stored);
    return ST_OK;
}

static enum status module_aux(struct rdb_file *f, struct rdb_file_item *item, struct error *err)
{
    struct reader *r = &f->r;
    item->kind = RDB_ITEM_MODULE_AUX;
    item->module = rdb_get_len(r);
    bool ok = rdb_get_len(r) == RDB_MODULE_UINT;
    item->when = rdb_get_len(r);
    ok = ok && rdb_skip_module_parts(r, &item->text);
    return ok || r->bad
               ? ST_OK
               : error_set(err, ST_CORRUPT, "the AUX data of a module is broken, at byte %llu",
                           (unsigned long long)rdb_file_at(f));
}

/* One opcode. *done: item is one to be given. */
static enum status opcode(struct rdb_file *f, unsigned op, struct rdb_file_item *item, bool *done,
                          struct error *err)
{
    struct reader *r = &f->r;
    *done = false;
    switch (op) {
    case RDB_OP_EXPIRETIME:
        item->expire = (int64_t)(int32_t)reader_u32le(r) * 1000;
        break;
    case RDB_OP_EXPIRETIME_MS:
        item->expire = (int64_t)reader_u64le(r);
        break;
    case RDB_OP_FREQ:
        item->freq = reader_u8(r);
        break;
    case RDB_OP_IDLE:
        item->idle_s = (int64_t)(rdb_get_len(r) & INT64_MAX);
        break;
    case RDB_OP_SELECTDB:
        f->db = rdb_get_len(r);
        break;
    case RDB_OP_RESIZEDB:
        (void)rdb_get_len(r);
        (void)rdb_get_len(r);
        break;
    case RDB_OP_AUX:
        *done = true;
        item->kind = RDB_ITEM_AUX;
        item->key = rdb_get_string(r, &f->a);
        item->text = rdb_get_string(r, &f->b);
        break;
    case RDB_OP_FUNCTION2:
        *done = true;
        item->kind = RDB_ITEM_FUNCTION;
        item->text = rdb_get_string(r, &f->b);
        break;
    case RDB_OP_FUNCTION_PRE_GA:
        return error_set(err, ST_UNSUPPORTED, "Pre-release function format not supported.");
    case RDB_OP_MODULE_AUX:
        *done = true;
        return module_aux(f, item, err);
    case RDB_OP_EOF:
        *done = true;
        return at_end(f, item, err);
    default:
        if (!rdb_is_type(op))
            return error_set(err, ST_CORRUPT, "Unknown RDB encoding type %u", op);
        *done = true;
        item->kind = RDB_ITEM_KEY;
        item->type = op;
        item->db = f->db;
        item->key = rdb_get_string(r, &f->a);
    }
    return ST_OK;
}

enum status rdb_file_next(struct rdb_file *f, struct rdb_file_item *item, struct error *err)
{
    bool done = false;
    enum status st = ST_OK;
    *item = (struct rdb_file_item){.expire = -1, .idle_s = -1, .freq = -1};
    if (f->r.p - f->summed > SUM_STEP)
        sum_up(f);
    while (!done && st == ST_OK) {
        unsigned op = reader_u8(&f->r);
        st = f->r.bad ? cut(f, err) : opcode(f, op, item, &done, err);
        if (st == ST_OK && f->r.bad)
            st = cut(f, err);
    }
    return st;
}

enum status rdb_map(const char *path, struct slice *bytes, struct error *err)
{
    struct stat st;
    void *p = MAP_FAILED;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot open %s", path);
    if (fstat(fd, &st) == 0 && st.st_size > 0)
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int errnum = st.st_size > 0 ? errno : EINVAL;
    close(fd);
    if (p == MAP_FAILED)
        return error_set_errno(err, errnum, "cannot read %s", path);
    (void)madvise(p, (size_t)st.st_size, MADV_SEQUENTIAL);
    *bytes = slice_make(p, (size_t)st.st_size);
    return ST_OK;
}

void rdb_unmap(struct slice bytes)
{
    union {
        const char *in;
        void *out;
    } p = {.in = bytes.p};
    if (bytes.p)
        munmap(p.out, bytes.n);
}
