#include "base/num.h"
#include "value/json_codec.h"
#include "value/text.h"

#include <math.h>

/* Length of the UTF-8 sequence at p (end: behind the last byte); 0: it is none. No surrogates, nothing overlong. */
static size_t sequence(const unsigned char *p, const unsigned char *end)
{
    unsigned char c = *p;
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (n < 2)
        return n;
    if ((size_t)(end - p) < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool bad = (c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ||
               (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f);
    return bad ? 0 : n;
}

static void put_escaped(unsigned char c, struct buf *out)
{
    static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *p = names; *p; p += 2)
        if ((unsigned char)*p == c) {
            buf_put_byte(out, '\\');
            buf_put_byte(out, (uint8_t)p[1]);
            return;
        }
    buf_printf(out, "\\u%04x", c);
}

void value_json_string(struct slice s, struct buf *out)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
    buf_put_byte(out, '"');
    while (p < end) {
        const unsigned char *from = p;
        size_t n = 0;
        while (p < end && *p >= 0x20 && *p != '"' && *p != '\\' && (n = sequence(p, end)) > 0)
            p += n;
        buf_put(out, from, (size_t)(p - from));
        if (p == end)
            break;
        if (*p >= 0x80)
            buf_put_str(out, "\xef\xbf\xbd");
        else
            put_escaped(*p, out);
        p++;
    }
    buf_put_byte(out, '"');
}

static void put_float(double f, struct buf *out)
{
    char text[NUM_BUF];
    if (isnan(f) || isinf(f)) {
        buf_put_str(out, "null");
        return;
    }
    size_t n = num_format_double(text, f);
    buf_put(out, text, n);
    /* It stays a float when it is read again. */
    if (!memchr(text, '.', n) && !memchr(text, 'e', n))
        buf_put_str(out, ".0");
}

static void put_base64(struct slice s, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n; i += 3) {
        size_t left = s.n - i;
        unsigned bits = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                        (left > 2 ? p[i + 2] : 0);
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        left > 1 ? digits[bits >> 6 & 63] : '=',
                        left > 2 ? digits[bits & 63] : '='};
        buf_put(out, four, sizeof four);
    }
}

static void put_items(const struct value *items, size_t n, struct buf *out)
{
    buf_put_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_put_byte(out, ',');
        value_json_write(&items[i], out);
    }
    buf_put_byte(out, ']');
}

static void put_members(const struct value_member *m, size_t n, struct buf *out)
{
    buf_put_byte(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_put_byte(out, ',');
        value_json_string(m[i].name, out);
        buf_put_byte(out, ':');
        value_json_write(&m[i].value, out);
    }
    buf_put_byte(out, '}');
}

static void put_node(const struct value_node *node, struct buf *out)
{
    buf_printf(out, "{\"id\":%llu,\"labels\":[", (unsigned long long)node->id);
    for (size_t i = 0; i < node->nlabels; i++) {
        if (i)
            buf_put_byte(out, ',');
        value_json_string(node->labels[i], out);
    }
    buf_put_str(out, "],\"properties\":");
    put_members(node->properties, node->nproperties, out);
    buf_put_byte(out, '}');
}

static void put_rel(const struct value_rel *rel, struct buf *out)
{
    buf_printf(out, "{\"id\":%llu,\"type\":", (unsigned long long)rel->id);
    value_json_string(rel->type, out);
    buf_printf(out, ",\"start\":%llu,\"end\":%llu,\"properties\":", (unsigned long long)rel->start,
               (unsigned long long)rel->end);
    put_members(rel->properties, rel->nproperties, out);
    buf_put_byte(out, '}');
}

static void put_vector(const struct value *v, struct buf *out)
{
    buf_put_byte(out, '[');
    for (uint32_t i = 0; i < v->n; i++) {
        if (i)
            buf_put_byte(out, ',');
        if (isnan(v->u.vector[i]) || isinf(v->u.vector[i]))
            buf_put_str(out, "null");
        else
            buf_printf(out, "%.9g", (double)v->u.vector[i]);
    }
    buf_put_byte(out, ']');
}

void value_json_write(const struct value *v, struct buf *out)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL:
    case VALUE_KINDS:
        buf_put_str(out, "null");
        return;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_DECIMAL:
        (void)value_text(v, out);
        return;
    case VALUE_FLOAT:
        put_float(v->u.f, out);
        return;
    case VALUE_STRING:
        value_json_string(value_slice(v), out);
        return;
    case VALUE_BYTES:
        buf_put_byte(out, '"');
        put_base64(value_slice(v), out);
        buf_put_byte(out, '"');
        return;
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_LOCAL_TIME:
    case VALUE_LOCAL_DATETIME:
    case VALUE_DATETIME:
    case VALUE_DURATION:
    case VALUE_UUID:
        buf_put_byte(out, '"');
        (void)value_text(v, out);
        buf_put_byte(out, '"');
        return;
    case VALUE_ARRAY:
    case VALUE_PATH:
        put_items(v->u.items, v->n, out);
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
