/* Streams from hostile bytes: IDs as clients write them, and the values of the two trees. What is accepted is written in a form
 * that reads back the same. The first byte chooses what the rest is. */
#include "commands/stream/stream_priv.h"
#include "keyspace/kv_stream_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool what)
{
    if (!what)
        abort();
}

static void fuzz_id(struct slice in, bool edges)
{
    struct kv_stream_id id, again;
    char text[STREAM_ID_TEXT];
    bool auto_seq;
    if (!stream__id_parse(in, 7, edges, &id, &auto_seq))
        return;
    struct slice written = slice_make(text, stream__id_format(id, text));
    expect(stream__id_parse(written, 0, false, &again, NULL));
    expect(kv_stream_id_cmp(id, again) == 0);
}

static void fuzz_entry(struct slice in)
{
    struct kv_stream_entry e;
    struct slice field, value;
    uint64_t n = 0, pairs;
    if (!kv__sentry_decode(in, &e))
        return;
    for (pairs = e.pairs; kv_stream_pair(&e, &field, &value); n++)
        expect(field.n <= in.n && value.n <= in.n);
    expect(n == pairs);
}

/* Each record: decoded, encoded, decoded again. */
static void fuzz_records(struct slice in)
{
    char out[KV_SRECORD_MAX];
    struct kv_stream_group g, g2;
    struct kv_stream_consumer c, c2;
    struct kv_stream_pending p, p2;
    struct kv_snode n, n2;
    if (kv__sgroup_decode(in, &g)) {
        expect(kv__sgroup_decode(slice_make(out, kv__sgroup_encode(&g, out)), &g2));
        expect(g.no == g2.no && kv_stream_id_cmp(g.last, g2.last) == 0);
    }
    if (kv__sconsumer_decode(in, &c)) {
        expect(kv__sconsumer_decode(slice_make(out, kv__sconsumer_encode(&c, out)), &c2));
        expect(c.no == c2.no && c.seen_ms == c2.seen_ms && c.active_ms == c2.active_ms);
    }
    if (kv__spending_decode(in, &p)) {
        expect(kv__spending_decode(slice_make(out, kv__spending_encode(&p, out)), &p2));
        expect(p.consumer == p2.consumer && p.deliveries == p2.deliveries &&
               p.delivered_ms == p2.delivered_ms);
    }
    if (kv__snode_decode(in, &n)) {
        expect(kv__snode_decode(slice_make(out, kv__snode_encode(&n, out)), &n2));
        expect(n.n.live == n2.n.live && n.n.gone == n2.n.gone && n.bytes == n2.bytes &&
               n.fields == n2.fields && kv_stream_id_cmp(n.n.last, n2.n.last) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct slice in = slice_make(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
    case 1:
        fuzz_id(in, data[0] % 4 == 1);
        break;
    case 2:
        fuzz_entry(in);
        break;
    case 3:
        fuzz_records(in);
        break;
    }
    return 0;
}
