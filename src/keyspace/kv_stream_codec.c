/* Bytes of streams: keys and values of their two trees (FORMAT.md), and how long Redis's listpacks would be. Pure. */
#include "base/mem.h"
#include "base/num.h"
#include "base/reader.h"
#include "keyspace/kv_stream_priv.h"

static void put_be(char *out, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (char)(uint8_t)(v >> 8 * (bytes - 1 - i));
}

static uint64_t get_be(const char *in, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | (uint8_t)in[i];
    return v;
}

void kv__stream_put_id(char out[KV_STREAM_ID_BYTES], struct kv_stream_id id)
{
    put_be(out, id.ms, 8);
    put_be(out + 8, id.seq, 8);
}

struct kv_stream_id kv__stream_get_id(const char in[KV_STREAM_ID_BYTES])
{
    return (struct kv_stream_id){get_be(in, 8), get_be(in + 8, 8)};
}

bool kv__sbytes_open(struct kv_sbytes *b, size_t n)
{
    b->n = 0;
    b->p = n <= sizeof b->in ? b->in : mem_try_alloc(n);
    return b->p != NULL;
}

void kv__sbytes_short(struct kv_sbytes *b)
{
    b->n = 0;
    b->p = b->in;
}

void kv__sbytes_close(struct kv_sbytes *b)
{
    if (b->p != b->in)
        mem_free(b->p);
}

void kv__sbytes_byte(struct kv_sbytes *b, char c)
{
    b->p[b->n++] = c;
}

void kv__sbytes_no(struct kv_sbytes *b, uint64_t no)
{
    put_be(b->p + b->n, no, KV_STREAM_NO_BYTES);
    b->n += KV_STREAM_NO_BYTES;
}

void kv__sbytes_id(struct kv_sbytes *b, struct kv_stream_id id)
{
    kv__stream_put_id(b->p + b->n, id);
    b->n += KV_STREAM_ID_BYTES;
}

void kv__sbytes_slice(struct kv_sbytes *b, struct slice s)
{
    if (s.n)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
}

static size_t put_varint(char *out, uint64_t v)
{
    size_t n = 0;
    for (; v > 127; v >>= 7)
        out[n++] = (char)(uint8_t)(v | 128);
    out[n++] = (char)(uint8_t)v;
    return n;
}

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    while (v >>= 7)
        n++;
    return n;
}

/* -- Entries --------------------------------------------------------------------------------------------------------------- */

bool kv__sentry_encode(struct kv_sbytes *b, const struct slice *argv, size_t pairs)
{
    size_t n = varint_size(pairs);
    for (size_t i = 0; i < 2 * pairs; i++)
        n += varint_size(argv[i].n) + argv[i].n;
    if (!kv__sbytes_open(b, n))
        return false;
    b->n = put_varint(b->p, pairs);
    for (size_t i = 0; i < 2 * pairs; i++) {
        b->n += put_varint(b->p + b->n, argv[i].n);
        kv__sbytes_slice(b, argv[i]);
    }
    return true;
}

bool kv__sentry_decode(struct slice in, struct kv_stream_entry *e)
{
    struct reader r = reader_make(in);
    e->pairs = reader_varint(&r);
    e->packed = reader_rest(&r);
    return !r.bad && e->pairs <= e->packed.n / 2;
}

bool kv_stream_pair(struct kv_stream_entry *e, struct slice *field, struct slice *value)
{
    struct reader r = reader_make(e->packed);
    if (e->pairs == 0)
        return false;
    *field = reader_bytes(&r, reader_varint(&r));
    *value = reader_bytes(&r, reader_varint(&r));
    e->pairs--;
    e->packed = reader_rest(&r);
    return true;
}

/* -- Records --------------------------------------------------------------------------------------------------------------- */

size_t kv__sgroup_encode(const struct kv_stream_group *g, char *out)
{
    size_t n = put_varint(out, g->no);
    kv__stream_put_id(out + n, g->last);
    n += KV_STREAM_ID_BYTES;
    put_be(out + n, (uint64_t)g->entries_read, 8);
    return n + 8;
}

static struct kv_stream_id read_id(struct reader *r)
{
    uint64_t ms = reader_u64be(r);
    return (struct kv_stream_id){ms, reader_u64be(r)};
}

bool kv__sgroup_decode(struct slice in, struct kv_stream_group *g)
{
    struct reader r = reader_make(in);
    g->no = reader_varint(&r);
    g->last = read_id(&r);
    g->entries_read = (int64_t)reader_u64be(&r);
    return !r.bad;
}

size_t kv__sconsumer_encode(const struct kv_stream_consumer *c, char *out)
{
    size_t n = put_varint(out, c->no);
    put_be(out + n, (uint64_t)c->seen_ms, 8);
    put_be(out + n + 8, (uint64_t)c->active_ms, 8);
    return n + 16;
}

bool kv__sconsumer_decode(struct slice in, struct kv_stream_consumer *c)
{
    struct reader r = reader_make(in);
    c->no = reader_varint(&r);
    c->seen_ms = (int64_t)reader_u64be(&r);
    c->active_ms = (int64_t)reader_u64be(&r);
    return !r.bad;
}

size_t kv__spending_encode(const struct kv_stream_pending *p, char *out)
{
    size_t n = put_varint(out, p->consumer);
    n += put_varint(out + n, p->deliveries);
    put_be(out + n, (uint64_t)p->delivered_ms, 8);
    return n + 8;
}

bool kv__spending_decode(struct slice in, struct kv_stream_pending *p)
{
    struct reader r = reader_make(in);
    p->consumer = reader_varint(&r);
    p->deliveries = reader_varint(&r);
    p->delivered_ms = (int64_t)reader_u64be(&r);
    return !r.bad;
}

size_t kv__snode_encode(const struct kv_snode *n, char *out)
{
    size_t at = put_varint(out, n->n.live);
    at += put_varint(out + at, n->n.gone);
    at += put_varint(out + at, n->bytes);
    kv__stream_put_id(out + at, n->n.last);
    at += KV_STREAM_ID_BYTES;
    put_be(out + at, n->fields, 8);
    return at + 8;
}

bool kv__snode_decode(struct slice in, struct kv_snode *n)
{
    struct reader r = reader_make(in);
    n->n.live = reader_varint(&r);
    n->n.gone = reader_varint(&r);
    n->bytes = reader_varint(&r);
    n->n.last = read_id(&r);
    n->fields = reader_u64be(&r);
    return !r.bad;
}

/* -- Listpacks ------------------------------------------------------------------------------------------------------------- */

/* An element of n bytes and what stands behind it: its length, 7 bits a byte. */
static uint64_t with_length(uint64_t n)
{
    if (n <= 127)
        return n + 1;
    if (n < 16383)
        return n + 2;
    if (n < 2097151)
        return n + 3;
    return n + (n < 268435455 ? 4 : 5);
}

uint64_t kv__listpack_int(int64_t v)
{
    if (v >= 0 && v <= 127)
        return with_length(1);
    if (v >= -4096 && v <= 4095)
        return with_length(2);
    if (v >= INT16_MIN && v <= INT16_MAX)
        return with_length(3);
    if (v >= -(1 << 23) && v < 1 << 23)
        return with_length(4);
    return with_length(v >= INT32_MIN && v <= INT32_MAX ? 5 : 9);
}

uint64_t kv__listpack_str(struct slice s)
{
    int64_t v;
    if (s.n <= 20 && num_parse_int(s, &v))
        return kv__listpack_int(v);
    if (s.n < 64)
        return with_length(s.n + 1);
    return with_length(s.n + (s.n < 4096 ? 2 : 5));
}
