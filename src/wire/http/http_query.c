/* POST /api/v1/query/{engine}. */
#include "wire/http/http_priv.h"

static bool query_next(struct http_call *c)
{
    struct buf name = BUF_INIT;
    if (!tape_put_json_string(c->param, &name))
        buf_put_str(&name, "\"?\"");
    http__failf(c, 404, "NOTFOUND the query engine %.*s is not loaded",
                SLICE_FMT(buf_slice(&name)));
    buf_free(&name);
    return false;
}

void http__query_drop(struct http_call *c)
{
}

const struct http_handler http__query_handler = {.next = query_next};
