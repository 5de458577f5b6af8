/* Keys, records, expire entries and the info record of the store from hostile bytes: what is accepted must be exactly what
 * would be written. The first byte chooses the decoder. */
#include "keyspace/kv_coll.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const struct buf *out, struct slice in)
{
    if (!slice_eq(buf_slice(out), in))
        abort();
}

static void fuzz_info(struct slice in, struct buf *out)
{
    static struct kv_info info;
    int ndbs;
    if (!kv__info_decode(in, &info, &ndbs))
        return;
    kv__info_encode(&info, ndbs, out);
    if (out->p[0] == in.p[0]) /* an older version is written as the present one */
        expect_same(out, in);
}

static void fuzz_expire(struct slice in, struct buf *out)
{
    struct kv_expire_key e;
    if (!kv__decode_expire_key(in, &e))
        return;
    kv__encode_expire_key(out, e.when, e.phys, e.pos, e.key);
    expect_same(out, in);
}

/* A collection of a view, whose pages nobody has: only what stands in the record is read. */
static void fuzz_collection(const struct kv_meta *m)
{
    static const struct kv_source source;
    struct kv_coll *c = kv__coll_decode(NULL, &source, 0, m->type, m->bytes), *again;
    struct buf out = BUF_INIT;
    struct kv_leaf *share;
    if (!c)
        return;
    kv__coll_encode(c, &out, &share);
    if (share) {
        kv__leaf_encode(share, &out);
        kv__leaf_unref(share);
    }
    again = kv__coll_decode(NULL, &source, 0, m->type, buf_slice(&out));
    if (!again || again->tree[0].count != c->tree[0].count || again->ext_n != c->ext_n)
        abort();
    kv__coll_free(c);
    kv__coll_free(again);
    buf_free(&out);
}

static void fuzz_meta(struct slice in, struct buf *out)
{
    struct kv_meta m;
    if (!kv__decode_meta(in, &m))
        return;
    kv__encode_meta(out, &m);
    struct kv_meta again;
    if (!kv__decode_meta(buf_slice(out), &again) || again.expire != m.expire ||
        !slice_eq(again.bytes, m.bytes))
        abort();
    if (m.type != KV_STRING && m.type != KV_MODULE)
        fuzz_collection(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct slice in = slice_make(data + 1, size - 1);
    struct buf out = BUF_INIT;
    uint8_t phys;
    uint64_t pos;
    struct slice key;
    struct kv_expire_value value;
    switch (data[0] % 5) {
    case 0:
        fuzz_meta(in, &out);
        break;
    case 1:
        fuzz_expire(in, &out);
        break;
    case 2:
        fuzz_info(in, &out);
        break;
    case 3:
        if (kv__decode_key(in, &phys, &pos, &key)) {
            kv__encode_key(&out, phys, pos, key);
            expect_same(&out, in);
        }
        break;
    default:
        if (kv__decode_expire_value(in, &value))
            kv__encode_expire_value(&out, &value);
        break;
    }
    buf_free(&out);
    return 0;
}
