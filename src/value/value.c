#include "value/value.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const kind_names[VALUE_KINDS] = {
    [VALUE_NULL] = "null",
    [VALUE_BOOL] = "boolean",
    [VALUE_INT] = "integer",
    [VALUE_FLOAT] = "float",
    [VALUE_DECIMAL] = "decimal",
    [VALUE_STRING] = "string",
    [VALUE_BYTES] = "bytes",
    [VALUE_DATE] = "date",
    [VALUE_TIME] = "time",
    [VALUE_LOCAL_TIME] = "local time",
    [VALUE_LOCAL_DATETIME] = "local datetime",
    [VALUE_DATETIME] = "datetime",
    [VALUE_DURATION] = "duration",
    [VALUE_UUID] = "uuid",
    [VALUE_ARRAY] = "array",
    [VALUE_OBJECT] = "object",
    [VALUE_NODE] = "node",
    [VALUE_REL] = "relationship",
    [VALUE_PATH] = "path",
    [VALUE_VECTOR] = "vector",
};

const char *value_kind_name(enum value_kind kind)
{
    return (unsigned)kind < VALUE_KINDS ? kind_names[kind] : "unknown";
}

static size_t digits(const char *p, const char *end)
{
    const char *at = p;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return (size_t)(at - p);
}

bool value_decimal(struct slice text, struct value *out)
{
    if (text.n == 0 || text.n > VALUE_BYTES_MAX)
        return false;
    const char *end = text.p + text.n;
    const char *whole = text.p + (*text.p == '-');
    size_t nwhole = digits(whole, end), nfraction = 0;
    if (nwhole == 0 || (nwhole > 1 && *whole == '0'))
        return false;
    const char *at = whole + nwhole;
    if (at < end && *at == '.') {
        nfraction = digits(at + 1, end);
        at += 1 + nfraction;
        if (nfraction == 0)
            return false;
    }
    if (at != end)
        return false;
    /* There is one zero only. */
    bool zero = true;
    for (const char *p = whole; p < end && zero; p++)
        zero = *p == '0' || *p == '.';
    const char *from = zero ? whole : text.p;
    *out = (struct value){.kind = VALUE_DECIMAL, .n = (uint32_t)(end - from), .u.p = from};
    return true;
}

const struct value *value_get(const struct value *object, struct slice name)
{
    if (object->kind == VALUE_OBJECT)
        for (uint32_t i = 0; i < object->n; i++)
            if (slice_eq(object->u.members[i].name, name))
                return &object->u.members[i].value;
    return NULL;
}

/* strtod needs a NUL; 800 digits decide about every double. */
static double decimal_to_double(struct slice s)
{
    char text[1024];
    if (s.n < sizeof text) {
        memcpy(text, s.p, s.n);
        text[s.n] = 0;
        return strtod(text, NULL);
    }
    struct slice whole = slice_make(s.p, 0);
    while (whole.n < s.n && s.p[whole.n] != '.')
        whole.n++;
    size_t kept = sizeof text - 32;
    memcpy(text, s.p, kept);
    size_t dropped = whole.n > kept ? whole.n - kept : 0;
    snprintf(text + kept, 32, "e%zu", dropped);
    return strtod(text, NULL);
}

double value_to_double(const struct value *v)
{
    switch ((enum value_kind)v->kind) {
    case VALUE_INT:
        return (double)v->u.i;
    case VALUE_FLOAT:
        return v->u.f;
    case VALUE_DECIMAL:
        return decimal_to_double(value_slice(v));
    default: /* no number */
        return 0;
    }
}

/* -- Copies --------------------------------------------------------------------------------------------------------------- */

static bool copy_bytes(struct arena *a, const void *p, size_t n, const void **out)
{
    void *to = arena_try_alloc(a, n);
    if (to && n)
        memcpy(to, p, n);
    *out = to;
    return to != NULL;
}

static bool copy_slice(struct arena *a, struct slice s, struct slice *out)
{
    const void *p;
    bool ok = copy_bytes(a, s.p, s.n, &p);
    *out = slice_make(p, s.n);
    return ok;
}

static bool copy_items(struct arena *a, const struct value *from, size_t n,
                       const struct value **out)
{
    struct value *to = arena_try_alloc(a, n * sizeof *to);
    if (!to)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!value_copy(a, &from[i], &to[i]))
            return false;
    *out = to;
    return true;
}

static bool copy_members(struct arena *a, const struct value_member *from, size_t n,
                         const struct value_member **out)
{
    struct value_member *to = arena_try_alloc(a, n * sizeof *to);
    if (!to)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!copy_slice(a, from[i].name, &to[i].name) ||
            !value_copy(a, &from[i].value, &to[i].value))
            return false;
    *out = to;
    return true;
}

static bool copy_node(struct arena *a, const struct value_node *from, const struct value_node **out)
{
    struct value_node *to = arena_try_alloc(a, sizeof *to);
    struct slice *labels = arena_try_alloc(a, from->nlabels * sizeof *labels);
    if (!to || !labels)
        return false;
    *to = *from;
    to->labels = labels;
    for (size_t i = 0; i < from->nlabels; i++)
        if (!copy_slice(a, from->labels[i], &labels[i]))
            return false;
    *out = to;
    return copy_members(a, from->properties, from->nproperties, &to->properties);
}

static bool copy_rel(struct arena *a, const struct value_rel *from, const struct value_rel **out)
{
    struct value_rel *to = arena_try_alloc(a, sizeof *to);
    if (!to)
        return false;
    *to = *from;
    *out = to;
    return copy_slice(a, from->type, &to->type) &&
           copy_members(a, from->properties, from->nproperties, &to->properties);
}

static bool copy_instant(struct arena *a, const struct value_instant *from,
                         const struct value_instant **out)
{
    struct value_instant *to = arena_try_alloc(a, sizeof *to);
    if (!to)
        return false;
    *to = *from;
    *out = to;
    return copy_slice(a, from->zone, &to->zone);
}

static bool copy_into(struct arena *a, struct value *v)
{
    const void *p;
    switch ((enum value_kind)v->kind) {
    case VALUE_DECIMAL:
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_UUID:
        if (!copy_bytes(a, v->u.p, v->n, &p))
            return false;
        v->u.p = p;
        return true;
    case VALUE_DATETIME:
        return copy_instant(a, v->u.instant, &v->u.instant);
    case VALUE_DURATION:
        if (!copy_bytes(a, v->u.duration, sizeof *v->u.duration, &p))
            return false;
        v->u.duration = p;
        return true;
    case VALUE_ARRAY:
    case VALUE_PATH:
        return copy_items(a, v->u.items, v->n, &v->u.items);
    case VALUE_OBJECT:
        return copy_members(a, v->u.members, v->n, &v->u.members);
    case VALUE_NODE:
        return copy_node(a, v->u.node, &v->u.node);
    case VALUE_REL:
        return copy_rel(a, v->u.rel, &v->u.rel);
    case VALUE_VECTOR:
        if (!copy_bytes(a, v->u.vector, v->n * sizeof(float), &p))
            return false;
        v->u.vector = p;
        return true;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_LOCAL_TIME:
    case VALUE_LOCAL_DATETIME:
    case VALUE_KINDS:
        break;
    }
    return true;
}

bool value_copy(struct arena *a, const struct value *v, struct value *out)
{
    struct value copy = *v;
    if (!copy_into(a, &copy))
        return false;
    *out = copy;
    return true;
}

static size_t members_size(const struct value_member *m, size_t n)
{
    size_t size = n * sizeof *m;
    for (size_t i = 0; i < n; i++)
        size += m[i].name.n + value_size(&m[i].value) - sizeof m[i].value;
    return size;
}

size_t value_size(const struct value *v)
{
    size_t size = sizeof *v;
    switch ((enum value_kind)v->kind) {
    case VALUE_DECIMAL:
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_UUID:
        return size + v->n;
    case VALUE_DATETIME:
        return size + sizeof *v->u.instant + v->u.instant->zone.n;
    case VALUE_DURATION:
        return size + sizeof *v->u.duration;
    case VALUE_ARRAY:
    case VALUE_PATH:
        for (uint32_t i = 0; i < v->n; i++)
            size += value_size(&v->u.items[i]);
        return size;
    case VALUE_OBJECT:
        return size + members_size(v->u.members, v->n);
    case VALUE_NODE:
        size += sizeof *v->u.node + v->u.node->nlabels * sizeof(struct slice);
        for (size_t i = 0; i < v->u.node->nlabels; i++)
            size += v->u.node->labels[i].n;
        return size + members_size(v->u.node->properties, v->u.node->nproperties);
    case VALUE_REL:
        return size + sizeof *v->u.rel + v->u.rel->type.n +
               members_size(v->u.rel->properties, v->u.rel->nproperties);
    case VALUE_VECTOR:
        return size + v->n * sizeof(float);
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_FLOAT:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_LOCAL_TIME:
    case VALUE_LOCAL_DATETIME:
    case VALUE_KINDS:
        break;
    }
    return size;
}
