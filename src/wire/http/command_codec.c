#include "wire/http/command_codec.h"

#include "base/num.h"
#include "value/json_codec.h"
#include "wire/http/text_codec.h"

bool http_word(const struct value *v, struct arena *a, struct slice *out)
{
    char text[NUM_BUF];
    if (v->kind == VALUE_STRING) {
        *out = value_slice(v);
        return true;
    }
    if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT) {
        size_t n =
            v->kind == VALUE_INT ? num_format_int(text, v->u.i) : num_format_double(text, v->u.f);
        *out = arena_dup(a, slice_make(text, n));
        return true;
    }
    if (v->kind != VALUE_OBJECT || v->n != 1)
        return false;
    const struct value *coded = value_get(v, SLICE("base64"));
    if (!coded || coded->kind != VALUE_STRING)
        return false;
    struct buf bytes = BUF_INIT;
    bool ok = text_get_base64(value_slice(coded), &bytes);
    if (ok)
        *out = arena_dup(a, slice_make(bytes.n ? bytes.p : "", bytes.n));
    buf_free(&bytes);
    return ok;
}

static enum status unknown_member(struct slice name, struct error *err)
{
    return error_set(err, ST_INVALID, "member \"%.*s\" is unknown or of the wrong type",
                     (int)(name.n > 64 ? 64 : name.n), name.p);
}

static enum status take_command(const struct value *v, struct arena *a, struct http_command *out,
                                struct error *err)
{
    if (v->kind != VALUE_ARRAY || v->n == 0 || v->n > INT32_MAX)
        return error_set(err, ST_INVALID, "a command is an array of at least one word");
    out->argv = arena_alloc(a, v->n * sizeof *out->argv);
    out->argc = (int)v->n;
    for (uint32_t i = 0; i < v->n; i++)
        if (!http_word(&v->u.items[i], a, &out->argv[i]))
            return error_set(err, ST_INVALID,
                             "word %u of a command is not a string, a number or {\"base64\": ...}",
                             i);
    return ST_OK;
}

static enum status take_list(const struct value *v, struct arena *a, struct http_commands *out,
                             struct error *err)
{
    if (v->kind != VALUE_ARRAY || v->n == 0)
        return error_set(err, ST_INVALID, "\"commands\" is an array of at least one command");
    out->v = arena_alloc(a, v->n * sizeof *out->v);
    out->many = true;
    for (uint32_t i = 0; i < v->n; i++, out->n++) {
        enum status st = take_command(&v->u.items[i], a, &out->v[i], err);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum status take_member(const struct value_member *m, struct arena *a,
                               struct http_commands *out, struct error *err)
{
    const struct value *v = &m->value;
    if ((slice_is(m->name, "command") || slice_is(m->name, "commands")) && out->n > 0)
        return error_set(err, ST_INVALID, "either \"command\" or \"commands\"");
    if (slice_is(m->name, "command")) {
        out->v = arena_alloc(a, sizeof *out->v);
        out->n = 1;
        return take_command(v, a, out->v, err);
    }
    if (slice_is(m->name, "commands"))
        return take_list(v, a, out, err);
    if (slice_is(m->name, "transaction") && v->kind == VALUE_BOOL)
        out->transaction = v->u.b;
    else if (slice_is(m->name, "db") && v->kind == VALUE_INT && v->u.i >= 0)
        out->db = v->u.i;
    else
        return unknown_member(m->name, err);
    return ST_OK;
}

static enum status read_object(struct slice body, struct arena *a, struct value *v,
                               struct error *err)
{
    enum status st = value_json_read(body, a, v, err);
    if (st == ST_OK && v->kind != VALUE_OBJECT)
        st = error_set(err, ST_INVALID, "the body is not a JSON object");
    return st;
}

enum status http_commands_decode(struct slice body, struct arena *a, struct http_commands *out,
                                 struct error *err)
{
    struct value v;
    *out = (struct http_commands){.db = -1};
    enum status st = read_object(body, a, &v, err);
    for (uint32_t i = 0; st == ST_OK && i < v.n; i++)
        st = take_member(&v.u.members[i], a, out, err);
    if (st == ST_OK && out->n == 0)
        st = error_set(err, ST_INVALID, "neither \"command\" nor \"commands\"");
    return st;
}

enum status http_put_decode(struct slice body, struct arena *a, struct http_put *out,
                            struct error *err)
{
    struct value v;
    bool has_value = false;
    *out = (struct http_put){.ttl_ms = 0};
    enum status st = read_object(body, a, &v, err);
    for (uint32_t i = 0; st == ST_OK && i < v.n; i++) {
        const struct value_member *m = &v.u.members[i];
        if (slice_is(m->name, "value") && http_word(&m->value, a, &out->value))
            has_value = true;
        else if (slice_is(m->name, "ttl_ms") && m->value.kind == VALUE_INT && m->value.u.i > 0)
            out->ttl_ms = m->value.u.i;
        else
            st = unknown_member(m->name, err);
    }
    if (st == ST_OK && !has_value)
        st = error_set(err, ST_INVALID, "no member \"value\"");
    return st;
}

static bool take_query_member(const struct value_member *m, struct http_query *out)
{
    const struct value *v = &m->value;
    if (slice_is(m->name, "query") && v->kind == VALUE_STRING)
        out->text = value_slice(v);
    else if (slice_is(m->name, "database") && v->kind == VALUE_STRING)
        out->database = value_slice(v);
    else if (slice_is(m->name, "timeout_ms") && v->kind == VALUE_INT && v->u.i > 0)
        out->timeout_ms = v->u.i;
    else if (slice_is(m->name, "params") && v->kind == VALUE_ARRAY)
        *out = (struct http_query){out->text, out->database, v->u.items, v->n, out->timeout_ms};
    else if (slice_is(m->name, "params") && v->kind == VALUE_OBJECT)
        *out = (struct http_query){out->text, out->database, v, 1, out->timeout_ms};
    else
        return false;
    return true;
}

enum status http_query_decode(struct slice body, struct arena *a, struct http_query *out,
                              struct error *err)
{
    struct value *v = arena_alloc(a, sizeof *v);
    *out = (struct http_query){.text = SLICE_NULL};
    enum status st = read_object(body, a, v, err);
    for (uint32_t i = 0; st == ST_OK && i < v->n; i++)
        if (!take_query_member(&v->u.members[i], out))
            st = unknown_member(v->u.members[i].name, err);
    if (st == ST_OK && !out->text.p)
        st = error_set(err, ST_INVALID, "no member \"query\"");
    return st;
}
