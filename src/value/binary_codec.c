#include "value/binary_codec.h"

/* -- Writing -------------------------------------------------------------------------------------------------------------- */

static void put_int(int64_t i, struct buf *out)
{
    buf_put_varint(out, (uint64_t)i << 1 ^ (i < 0 ? UINT64_MAX : 0));
}

static void put_slice(struct slice s, struct buf *out)
{
    buf_put_varint(out, s.n);
    buf_put_slice(out, s);
}

static void put_members(const struct value_member *m, size_t n, struct buf *out)
{
    buf_put_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        put_slice(m[i].name, out);
        value_binary_write(&m[i].value, out);
    }
}

static void put_node(const struct value_node *node, struct buf *out)
{
    buf_put_varint(out, node->id);
    buf_put_varint(out, node->nlabels);
    for (size_t i = 0; i < node->nlabels; i++)
        put_slice(node->labels[i], out);
    put_members(node->properties, node->nproperties, out);
}

static void put_rel(const struct value_rel *rel, struct buf *out)
{
    buf_put_varint(out, rel->id);
    buf_put_varint(out, rel->start);
    buf_put_varint(out, rel->end);
    put_slice(rel->type, out);
    put_members(rel->properties, rel->nproperties, out);
}

static void put_double(double f, struct buf *out)
{
    uint64_t bits;
    memcpy(&bits, &f, sizeof bits);
    buf_put_u64le(out, bits);
}

static void put_vector(const struct value *v, struct buf *out)
{
    buf_put_varint(out, v->n);
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t bits;
        memcpy(&bits, &v->u.vector[i], sizeof bits);
        buf_put_u32le(out, bits);
    }
}

static void put_instant(const struct value_instant *t, struct buf *out)
{
    put_int(t->seconds, out);
    put_int(t->nanos, out);
    put_int(t->offset, out);
    put_slice(t->zone, out);
}

static void put_duration(const struct value_duration *d, struct buf *out)
{
    put_int(d->months, out);
    put_int(d->days, out);
    put_int(d->seconds, out);
    put_int(d->nanos, out);
}

void value_binary_write(const struct value *v, struct buf *out)
{
    buf_put_byte(out, v->kind);
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL:
    case VALUE_KINDS:
        return;
    case VALUE_BOOL:
        buf_put_byte(out, v->u.b);
        return;
    case VALUE_FLOAT:
        put_double(v->u.f, out);
        return;
    case VALUE_DECIMAL:
    case VALUE_STRING:
    case VALUE_BYTES:
        put_slice(value_slice(v), out);
        return;
    case VALUE_INT:
    case VALUE_DATE:
    case VALUE_LOCAL_TIME:
        put_int(v->u.i, out);
        return;
    case VALUE_TIME:
    case VALUE_LOCAL_DATETIME:
        put_int(v->u.i, out);
        put_int((int32_t)v->n, out);
        return;
    case VALUE_DATETIME:
        put_instant(v->u.instant, out);
        return;
    case VALUE_DURATION:
        put_duration(v->u.duration, out);
        return;
    case VALUE_UUID:
        buf_put(out, v->u.p, 16);
        return;
    case VALUE_ARRAY:
    case VALUE_PATH:
        buf_put_varint(out, v->n);
        for (uint32_t i = 0; i < v->n; i++)
            value_binary_write(&v->u.items[i], out);
        return;
    case VALUE_OBJECT:
        put_members(v->u.members, v->n, out);
        return;
    case VALUE_NODE:
        put_node(v->u.node, out);
        return;
    case VALUE_REL:
        put_rel(v->u.rel, out);
        return;
    case VALUE_VECTOR:
        put_vector(v, out);
        return;
    }
}

/* -- Reading -------------------------------------------------------------------------------------------------------------- */

/* full: a has no room. Either ends the reading. */
struct decoder {
    struct reader *r;
    struct arena *a;
    bool full;
};

static void decode(struct decoder *d, unsigned depth, struct value *out);

static bool failed(const struct decoder *d)
{
    return d->r->bad || d->full;
}

static void *take(struct decoder *d, size_t n)
{
    void *p = arena_try_alloc(d->a, n);
    d->full |= !p;
    return p;
}

static int64_t get_int(struct decoder *d)
{
    uint64_t u = reader_varint(d->r);
    return (int64_t)(u >> 1 ^ (u & 1 ? UINT64_MAX : 0));
}

/* Out of min..max: bad. */
static int64_t get_range(struct decoder *d, int64_t min, int64_t max)
{
    int64_t i = get_int(d);
    d->r->bad |= i < min || i > max;
    return i;
}

/* Every item takes a byte or more, so that no count promises more than is there. */
static size_t get_count(struct decoder *d, size_t least)
{
    uint64_t n = reader_varint(d->r);
    if (n > reader_left(d->r) / least || n > UINT32_MAX)
        d->r->bad = true;
    return failed(d) ? 0 : (size_t)n;
}

static struct slice get_slice(struct decoder *d)
{
    struct slice s = reader_bytes(d->r, get_count(d, 1));
    char *p = take(d, s.n);
    if (!p)
        return SLICE_NULL;
    if (s.n)
        memcpy(p, s.p, s.n);
    return slice_make(p, s.n);
}

static const struct value *get_items(struct decoder *d, unsigned depth, size_t n)
{
    struct value *items = take(d, n * sizeof *items);
    for (size_t i = 0; i < n && !failed(d); i++)
        decode(d, depth + 1, &items[i]);
    return items;
}

static const struct value_member *get_members(struct decoder *d, unsigned depth, size_t *count)
{
    size_t n = get_count(d, 2);
    struct value_member *m = take(d, n * sizeof *m);
    for (size_t i = 0; i < n && !failed(d); i++) {
        m[i].name = get_slice(d);
        decode(d, depth + 1, &m[i].value);
    }
    *count = n;
    return m;
}

static void get_node(struct decoder *d, unsigned depth, struct value *out)
{
    struct value_node *node = take(d, sizeof *node);
    if (!node)
        return;
    node->id = reader_varint(d->r);
    node->nlabels = get_count(d, 1);
    struct slice *labels = take(d, node->nlabels * sizeof *labels);
    for (size_t i = 0; i < node->nlabels && !failed(d); i++)
        labels[i] = get_slice(d);
    node->labels = labels;
    node->properties = get_members(d, depth, &node->nproperties);
    out->u.node = node;
}

static void get_rel(struct decoder *d, unsigned depth, struct value *out)
{
    struct value_rel *rel = take(d, sizeof *rel);
    if (!rel)
        return;
    rel->id = reader_varint(d->r);
    rel->start = reader_varint(d->r);
    rel->end = reader_varint(d->r);
    rel->type = get_slice(d);
    rel->properties = get_members(d, depth, &rel->nproperties);
    out->u.rel = rel;
}

#define NANOS     1000000000
#define DAY_NANOS (86400 * (int64_t)NANOS)
#define OFFSET    (24 * 3600)

static void get_instant(struct decoder *d, struct value *out)
{
    struct value_instant *t = take(d, sizeof *t);
    if (!t)
        return;
    t->seconds = get_int(d);
    t->nanos = (int32_t)get_range(d, 0, NANOS - 1);
    t->offset = (int32_t)get_range(d, -OFFSET, OFFSET);
    t->zone = get_slice(d);
    out->u.instant = t;
}

static void get_duration(struct decoder *d, struct value *out)
{
    struct value_duration *t = take(d, sizeof *t);
    if (!t)
        return;
    t->months = get_int(d);
    t->days = get_int(d);
    t->seconds = get_int(d);
    t->nanos = (int32_t)get_range(d, 0, NANOS - 1);
    out->u.duration = t;
}

static void get_vector(struct decoder *d, struct value *out)
{
    size_t n = get_count(d, sizeof(float));
    float *v = take(d, n * sizeof *v);
    for (size_t i = 0; i < n && v; i++) {
        uint32_t bits = reader_u32le(d->r);
        memcpy(&v[i], &bits, sizeof bits);
    }
    out->n = (uint32_t)n;
    out->u.vector = v;
}

static void get_path(struct decoder *d, unsigned depth, struct value *out)
{
    size_t n = get_count(d, 1);
    d->r->bad |= n % 2 == 0;
    const struct value *items = get_items(d, depth, n);
    for (size_t i = 0; i < n && !failed(d); i++)
        d->r->bad |= items[i].kind != (i % 2 ? VALUE_REL : VALUE_NODE);
    *out = value_path(items, n);
}

static void get_double(struct decoder *d, struct value *out)
{
    uint64_t bits = reader_u64le(d->r);
    memcpy(&out->u.f, &bits, sizeof bits);
}

static void get_text(struct decoder *d, struct value *out)
{
    struct slice s = get_slice(d);
    out->n = (uint32_t)s.n;
    out->u.p = s.p;
    struct value decimal;
    if (out->kind == VALUE_DECIMAL && !failed(d))
        d->r->bad |= !value_decimal(s, &decimal) || decimal.n != s.n;
}

static void get_uuid(struct decoder *d, struct value *out)
{
    struct slice s = reader_bytes(d->r, 16);
    char *p = take(d, 16);
    if (p && s.n == 16)
        memcpy(p, s.p, 16);
    *out = value_uuid(p);
}

static void get_payload(struct decoder *d, unsigned depth, struct value *out)
{
    size_t n;
    switch ((enum value_kind)out->kind) {
    case VALUE_NULL:
        return;
    case VALUE_BOOL:
        out->u.b = reader_u8(d->r) != 0;
        return;
    case VALUE_FLOAT:
        get_double(d, out);
        return;
    case VALUE_DECIMAL:
    case VALUE_STRING:
    case VALUE_BYTES:
        get_text(d, out);
        return;
    case VALUE_INT:
    case VALUE_DATE:
        out->u.i = get_int(d);
        return;
    case VALUE_LOCAL_TIME:
        out->u.i = get_range(d, 0, DAY_NANOS - 1);
        return;
    case VALUE_TIME:
        out->u.i = get_range(d, 0, DAY_NANOS - 1);
        out->n = (uint32_t)get_range(d, -OFFSET, OFFSET);
        return;
    case VALUE_LOCAL_DATETIME:
        out->u.i = get_int(d);
        out->n = (uint32_t)get_range(d, 0, NANOS - 1);
        return;
    case VALUE_DATETIME:
        get_instant(d, out);
        return;
    case VALUE_DURATION:
        get_duration(d, out);
        return;
    case VALUE_UUID:
        get_uuid(d, out);
        return;
    case VALUE_ARRAY:
        n = get_count(d, 1);
        *out = value_array(get_items(d, depth, n), n);
        return;
    case VALUE_OBJECT:
        out->u.members = get_members(d, depth, &n);
        out->n = (uint32_t)n;
        return;
    case VALUE_NODE:
        get_node(d, depth, out);
        return;
    case VALUE_REL:
        get_rel(d, depth, out);
        return;
    case VALUE_PATH:
        get_path(d, depth, out);
        return;
    case VALUE_VECTOR:
        get_vector(d, out);
        return;
    case VALUE_KINDS:
        break;
    }
    d->r->bad = true;
}

static void decode(struct decoder *d, unsigned depth, struct value *out)
{
    *out = (struct value){.kind = reader_u8(d->r)};
    if (depth > VALUE_DEPTH_MAX)
        d->r->bad = true;
    if (!failed(d))
        get_payload(d, depth, out);
}

enum status value_binary_read(struct reader *r, struct arena *a, struct value *out,
                              struct error *err)
{
    struct decoder d = {r, a, false};
    struct value v;
    decode(&d, 0, &v);
    if (r->bad)
        return error_set(err, ST_CORRUPT, "these bytes are no value");
    if (d.full)
        return error_set(err, ST_NO_MEMORY, "the value needs more memory than it may");
    *out = v;
    return ST_OK;
}
