/* POST /api/v1/query/{engine}: rows leave as they come, and the query waits for a slow client.
 *
 *   {"columns":[...],"rows":[   columns() begins the answer: what fails before has a status of its own
 *   [...],[...]                 rows(); the next ones when these have left
 *   ],"summary":{...}}          done(); or ],"error":{...}} */
#include "engine/query.h"
#include "session/acl.h"
#include "session/lifecycle.h"
#include "value/json_codec.h"
#include "wire/error_map.h"
#include "wire/http/http_priv.h"

static void send_out(struct http_call *c)
{
    traffic.output_bytes += c->out.n;
    http_chunk(c->req, buf_slice(&c->out));
    buf_clear(&c->out);
}

static void on_columns(void *arg, const struct column *v, size_t n)
{
    struct http_call *c = arg;
    if (!c->req)
        return;
    c->streams = true;
    http_set_header(c->req, "Content-Type", "application/json");
    http_set_header(c->req, "Cache-Control", "no-store");
    http_start(c->req, 200);
    buf_put_str(&c->out, "{\"columns\":[");
    for (size_t i = 0; i < n; i++) {
        buf_put_str(&c->out, i ? ",{\"name\":" : "{\"name\":");
        value_json_string(v[i].name, &c->out);
        buf_printf(&c->out, ",\"type\":\"%s\"}",
                   v[i].kind == VALUE_NULL ? "any" : value_kind_name(v[i].kind));
    }
    buf_put_str(&c->out, "],\"rows\":[");
    send_out(c);
}

static bool on_rows(void *arg, const struct row_batch *batch)
{
    struct http_call *c = arg;
    size_t cols = row_batch_cols(batch);
    for (size_t i = 0; c->req && i < row_batch_rows(batch); i++) {
        const struct value *row = row_batch_row(batch, i);
        buf_put_str(&c->out, c->rows++ ? ",[" : "[");
        for (size_t k = 0; k < cols; k++) {
            if (k)
                buf_put_byte(&c->out, ',');
            value_json_write(&row[k], &c->out);
        }
        buf_put_byte(&c->out, ']');
    }
    if (!c->req || c->out.n == 0)
        return true;
    send_out(c);
    return false;
}

static void put_end(struct http_call *c, enum status st, const struct error *err,
                    const struct query_summary *summary)
{
    if (st != ST_OK) {
        buf_printf(&c->out, "],\"error\":{\"code\":\"%s\",\"message\":", wire_error(st)->resp);
        value_json_string(slice_str(err->message), &c->out);
        buf_put_byte(&c->out, '}');
    } else {
        buf_put_byte(&c->out, ']');
        if (summary && summary->value) {
            buf_put_str(&c->out, ",\"summary\":");
            value_json_write(summary->value, &c->out);
        }
    }
    buf_put_byte(&c->out, '}');
}

static void on_done(void *arg, enum status st, const struct error *err,
                    const struct query_summary *summary)
{
    struct http_call *c = arg;
    c->query = NULL;
    if (!c->req)
        return;
    if (!c->streams) {
        http__failf(c, st == ST_OK ? 200 : wire_error(st)->http, "%s %s", wire_error(st)->resp,
                    st == ST_OK ? "no columns" : err->message);
        return;
    }
    put_end(c, st, err, summary);
    send_out(c);
    http_end(c->req);
    http__left(c);
}

static const struct query_consumer consumer = {
    .columns = on_columns, .rows = on_rows, .done = on_done};

static bool query_next(struct http_call *c)
{
    struct error err = {.message = ""};
    struct http_query q;
    enum status st = http_query_decode(http_body(c->req), c->arena, &q, &err);
    /* Rules of the ACL speak of commands and keys, which a query's tables are none of. */
    if (st == ST_OK && !acl_unlimited(c->s->user))
        st = error_set(&err, ST_DENIED, "queries need a user with +@all and allkeys");
    struct query_request req = {
        .engine = c->param,
        .who = {.user = acl_name(c->s->user), .database = q.database, .protocol = SLICE("rest")},
        .text = q.text,
        .params = q.params,
        .nparams = q.nparams,
        .timeout_ms = q.timeout_ms};
    if (st == ST_OK)
        st = query_start(&req, &consumer, c, &c->query, &err);
    if (st != ST_OK)
        http__failf(c, wire_error(st)->http, "%s %s",
                    st == ST_NOT_FOUND ? "NOTFOUND" : wire_error(st)->resp, err.message);
    return false;
}

void http__query_drained(struct http_call *c)
{
    if (c->query)
        query_resume(c->query);
}

void http__query_drop(struct http_call *c)
{
    if (c->query)
        query_drop(c->query);
    c->query = NULL;
}

const struct http_handler http__query_handler = {.next = query_next};
