#include "value/json_codec.h"

#include <jansson.h>

struct reading {
    struct arena *a;
    struct error *err;
};

static enum status no_memory(const struct reading *r)
{
    return error_set(r->err, ST_NO_MEMORY, "the JSON text needs more memory than it may");
}

static enum status convert(const struct reading *r, json_t *j, unsigned depth, struct value *out);

static enum status copy_text(const struct reading *r, const char *p, size_t n, struct slice *out)
{
    char *to = arena_try_alloc(r->a, n);
    if (!to)
        return no_memory(r);
    memcpy(to, p, n);
    *out = slice_make(to, n);
    return ST_OK;
}

static enum status array(const struct reading *r, json_t *j, unsigned depth, struct value *out)
{
    size_t n = json_array_size(j);
    struct value *items = arena_try_alloc(r->a, n * sizeof *items);
    if (!items)
        return no_memory(r);
    enum status st = ST_OK;
    for (size_t i = 0; i < n && st == ST_OK; i++)
        st = convert(r, json_array_get(j, i), depth + 1, &items[i]);
    *out = value_array(items, n);
    return st;
}

static enum status object(const struct reading *r, json_t *j, unsigned depth, struct value *out)
{
    size_t n = json_object_size(j), i = 0;
    struct value_member *m = arena_try_alloc(r->a, n * sizeof *m);
    if (!m)
        return no_memory(r);
    enum status st = ST_OK;
    for (void *at = json_object_iter(j); at && st == ST_OK; at = json_object_iter_next(j, at)) {
        st = copy_text(r, json_object_iter_key(at), json_object_iter_key_len(at), &m[i].name);
        if (st == ST_OK)
            st = convert(r, json_object_iter_value(at), depth + 1, &m[i].value);
        i++;
    }
    *out = value_object(m, n);
    return st;
}

static enum status convert(const struct reading *r, json_t *j, unsigned depth, struct value *out)
{
    struct slice s = SLICE_NULL;
    enum status st = ST_OK;
    if (depth > VALUE_DEPTH_MAX)
        return error_set(r->err, ST_TOO_LONG, "the JSON text is nested deeper than %d",
                         VALUE_DEPTH_MAX);
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return object(r, j, depth, out);
    case JSON_ARRAY:
        return array(r, j, depth, out);
    case JSON_STRING:
        st = copy_text(r, json_string_value(j), json_string_length(j), &s);
        *out = value_string(s);
        return st;
    case JSON_INTEGER:
        *out = value_int(json_integer_value(j));
        return ST_OK;
    case JSON_REAL:
        *out = value_float(json_real_value(j));
        return ST_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = value_bool(json_is_true(j));
        return ST_OK;
    case JSON_NULL:
        break;
    }
    *out = value_null();
    return ST_OK;
}

static enum status failure(const json_error_t *e, struct error *err)
{
    enum status st = ST_SYNTAX;
    if (json_error_code(e) == json_error_numeric_overflow)
        st = ST_RANGE;
    else if (json_error_code(e) == json_error_stack_overflow)
        st = ST_TOO_LONG;
    else if (json_error_code(e) == json_error_out_of_memory)
        st = ST_NO_MEMORY;
    return error_set(err, st, "JSON, line %d, column %d: %s", e->line, e->column, e->text);
}

enum status value_json_read(struct slice text, struct arena *a, struct value *out,
                            struct error *err)
{
    json_error_t e;
    if (text.n > VALUE_BYTES_MAX)
        return error_set(err, ST_TOO_LONG, "the JSON text is too long");
    json_t *j = json_loadb(text.p ? text.p : "", text.n,
                           JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &e);
    if (!j)
        return failure(&e, err);
    struct reading r = {a, err};
    enum status st = convert(&r, j, 0, out);
    json_decref(j);
    return st;
}
