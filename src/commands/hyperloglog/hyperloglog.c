/* PFADD, PFCOUNT, PFMERGE: a HyperLogLog is a string, so reading and writing it is reading and writing a string. */
#include "commands/hyperloglog/hll.h"
#include "commands/hyperloglog/hll_priv.h"
#include "commands/hyperloglog/hyperloglog_commands.h"
#include "keyspace/keyspace_options.h"
#include "session/reply.h"

bool hll__lookup(struct call *c, struct slice key, unsigned flags, struct kv_rec **rec,
                 struct slice *bytes)
{
    char tmp[64];
    if (!call_lookup_type(c, key, flags, KV_STRING, rec))
        return false;
    if (!*rec)
        return true;
    *bytes = kv_str(*rec, tmp);
    if (!hll_header_ok(*bytes)) {
        reply_error(c, "WRONGTYPE Key is not a valid HyperLogLog string value.");
        return false;
    }
    return true;
}

void hll__reply_broken(struct call *c)
{
    reply_error(c, "INVALIDOBJ Corrupted HLL object detected");
}

bool hll__store(struct call *c, struct slice key, struct kv_rec *rec, struct slice bytes)
{
    struct error err = {.message = ""};
    enum status st = ST_OK;
    char *p;
    if (!rec)
        st = kv_set(c->kv, c->db, key, bytes, KV_NO_EXPIRE, 0, &rec, &err);
    if (st == ST_OK) {
        p = kv_str_edit(c->kv, rec, bytes.n);
        if (!p)
            st = error_set(&err, ST_NO_MEMORY, "out of memory");
        else
            memcpy(p, bytes.p, bytes.n);
    }
    if (st == ST_OK)
        return true;
    call_reply_status(c, st, &err);
    return false;
}

static void added(struct call *c, uint64_t n)
{
    if (n) {
        kv_notify(c->kv, NOTIFY_STRING, "pfadd", c->db, c->argv[1]);
        call_changed(c, n);
    }
    reply_int(c, n != 0);
}

/* The registers are changed where they are: copying 12 kB for each element would be most of the work. */
static void add_dense(struct call *c, struct kv_rec *rec, struct slice bytes)
{
    const unsigned char *registers = (const unsigned char *)bytes.p + HLL_HEADER;
    char *edit = NULL;
    uint64_t n = 0;
    for (int i = 2; i < c->argc; i++) {
        struct hll_spot at = hll_spot(c->argv[i]);
        if (hll_dense_get(registers, at.index) >= at.value)
            continue;
        if (!edit) {
            edit = kv_str_edit(c->kv, rec, HLL_DENSE_BYTES);
            if (!edit) {
                reply_error(c, "OOM out of memory");
                return;
            }
            registers = (const unsigned char *)edit + HLL_HEADER;
            hll_outdate(edit);
        }
        hll_dense_put((unsigned char *)edit + HLL_HEADER, at.index, at.value);
        n++;
    }
    added(c, n);
}

static void add_sparse(struct call *c, struct kv_rec *rec, struct slice bytes)
{
    struct buf b = BUF_INIT;
    uint64_t n = rec == NULL;
    if (rec)
        buf_put_slice(&b, bytes);
    else
        hll_init(&b);
    for (int i = 2; i < c->argc; i++) {
        switch (hll_raise(&b, hll_spot(c->argv[i]), (size_t)keyspace_opts.hll_sparse_max_bytes)) {
        case HLL_SAME:
            break;
        case HLL_CHANGED:
            n++;
            break;
        case HLL_BROKEN:
            hll__reply_broken(c);
            goto out;
        }
    }
    if (n)
        hll_outdate(b.p);
    if (n == 0 || hll__store(c, c->argv[1], rec, buf_slice(&b)))
        added(c, n);
out:
    buf_free(&b);
}

void cmd_pfadd(struct call *c)
{
    struct kv_rec *rec;
    struct slice bytes = SLICE_NULL;
    if (!hll__lookup(c, c->argv[1], KV_WRITE, &rec, &bytes))
        return;
    if (rec && hll_form(bytes) == HLL_DENSE)
        add_dense(c, rec, bytes);
    else
        add_sparse(c, rec, bytes);
}

/* max becomes the union of the keys from argv[1] on. False: the error is answered. */
static bool merge_keys(struct call *c, uint8_t max[HLL_REGISTERS], bool *dense)
{
    memset(max, 0, HLL_REGISTERS);
    for (int i = 1; i < c->argc; i++) {
        struct kv_rec *rec;
        struct slice bytes;
        if (!hll__lookup(c, c->argv[i], KV_READ, &rec, &bytes))
            return false;
        if (!rec)
            continue;
        *dense |= hll_form(bytes) == HLL_DENSE;
        if (!hll_merge(bytes, max)) {
            hll__reply_broken(c);
            return false;
        }
    }
    return true;
}

static void count_one(struct call *c)
{
    struct kv_rec *rec;
    struct slice bytes;
    uint64_t n = 0;
    char *edit;
    if (!hll__lookup(c, c->argv[1], KV_READ, &rec, &bytes))
        return;
    if (!rec || hll_cached(bytes, &n)) {
        reply_int(c, (int64_t)n);
        return;
    }
    if (!hll_count(bytes, &n)) {
        hll__reply_broken(c);
        return;
    }
    edit = kv_str_edit(c->kv, rec, bytes.n);
    if (edit) {
        hll_cache(edit, n);
        call_changed(c, 1);
        /* It counts as a reading command, but the bytes of the string have changed. */
        call_propagate(c, c->db, (size_t)c->argc, c->argv);
    }
    reply_int(c, (int64_t)n);
}

void cmd_pfcount(struct call *c)
{
    uint8_t max[HLL_REGISTERS];
    bool dense = false;
    if (c->argc == 2)
        count_one(c);
    else if (merge_keys(c, max, &dense))
        reply_int(c, (int64_t)hll_count_registers(max));
}

/* False: b's sparse registers are damaged. */
static bool raise_all(struct buf *b, const uint8_t max[HLL_REGISTERS])
{
    for (unsigned i = 0; i < HLL_REGISTERS; i++) {
        struct hll_spot at = {.index = (uint16_t)i, .value = max[i]};
        if (at.value && hll_raise(b, at, (size_t)keyspace_opts.hll_sparse_max_bytes) == HLL_BROKEN)
            return false;
    }
    return true;
}

void cmd_pfmerge(struct call *c)
{
    uint8_t max[HLL_REGISTERS];
    struct buf b = BUF_INIT;
    struct kv_rec *rec;
    struct slice bytes = SLICE_NULL;
    bool dense = false;
    if (!merge_keys(c, max, &dense) || !hll__lookup(c, c->argv[1], KV_WRITE, &rec, &bytes))
        return;
    if (rec)
        buf_put_slice(&b, bytes);
    else
        hll_init(&b);
    if ((dense && !hll_to_dense(&b)) || !raise_all(&b, max)) {
        hll__reply_broken(c);
        goto out;
    }
    hll_outdate(b.p);
    if (!hll__store(c, c->argv[1], rec, buf_slice(&b)))
        goto out;
    kv_notify(c->kv, NOTIFY_STRING, "pfadd", c->db, c->argv[1]);
    call_changed(c, 1);
    reply_ok(c);
out:
    buf_free(&b);
}
