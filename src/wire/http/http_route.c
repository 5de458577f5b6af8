/* Which request goes where. The table is also what the description (http_openapi.c) is made of. */
#include "session/lifecycle.h"
#include "wire/http/http_priv.h"

#include <stdio.h>

const struct http_route http__routes[] = {
    {.method = HTTP_POST,
     .path = "/api/v1/command",
     .handler = &http__command_handler,
     .operation = "runCommand",
     .summary = "Runs one command, or several in order, or several as a transaction",
     .body = "CommandRequest",
     .answer = "CommandAnswer"},
    {.method = HTTP_GET,
     .path = "/api/v1/keys/",
     .param = "key",
     .handler = &http__key_get_handler,
     .operation = "getKey",
     .summary = "Reads a key of any type",
     .answer = "Key"},
    {.method = HTTP_PUT,
     .path = "/api/v1/keys/",
     .param = "key",
     .handler = &http__key_put_handler,
     .operation = "putKey",
     .summary = "Sets a string; a body that is no JSON is the value itself",
     .body = "KeyValue",
     .answer = "Result"},
    {.method = HTTP_DELETE,
     .path = "/api/v1/keys/",
     .param = "key",
     .handler = &http__key_delete_handler,
     .operation = "deleteKey",
     .summary = "Deletes a key of any type",
     .answer = "Result"},
    {.method = HTTP_POST,
     .path = "/api/v1/query/",
     .param = "engine",
     .handler = &http__query_handler,
     .operation = "runQuery",
     .summary = "Runs a query in an engine",
     .body = "Query",
     .answer = "QueryAnswer"},
    {.method = HTTP_GET,
     .path = "/api/v1/openapi.json",
     .open = true,
     .direct = http__openapi,
     .operation = "getDescription",
     .summary = "This description",
     .answer = "Description"},
    {.method = HTTP_GET,
     .path = "/health",
     .open = true,
     .direct = http__health,
     .operation = "getHealth",
     .summary = "How the server is; 503 while it cannot answer",
     .answer = "Health"},
    {.method = HTTP_GET,
     .path = "/health/live",
     .open = true,
     .direct = http__live,
     .operation = "getLiveness",
     .summary = "The process runs",
     .answer = "Health"},
    {.method = HTTP_GET,
     .path = "/health/ready",
     .open = true,
     .direct = http__ready,
     .operation = "getReadiness",
     .summary = "503 while data is loaded, writes are refused or the link to the master is down",
     .answer = "Health"},
};
const size_t http__nroutes = COUNT_OF(http__routes);

int http__status_of(struct slice error)
{
    static const struct {
        const char *code;
        int status;
    } rows[] = {{"NOAUTH", 401},    {"WRONGPASS", 401},  {"NOPERM", 403},   {"DENIED", 403},
                {"READONLY", 403},  {"NOTFOUND", 404},   {"NOSCRIPT", 404}, {"NOGROUP", 404},
                {"BUSYGROUP", 409}, {"BUSYKEY", 409},    {"NOTBUSY", 409},  {"MOVED", 421},
                {"ASK", 421},       {"BUSY", 503},       {"LOADING", 503},  {"MASTERDOWN", 503},
                {"MISCONF", 503},   {"NOREPLICAS", 503}, {"OOM", 503},      {"CLUSTERDOWN", 503},
                {"TRYAGAIN", 503},  {"UNBLOCKED", 503}};
    size_t n = 0;
    while (n < error.n && error.p[n] != ' ')
        n++;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strlen(rows[i].code) == n && memcmp(rows[i].code, error.p, n) == 0)
            return rows[i].status;
    return 400;
}

void http__answer_json(struct http_request *r, int status, struct slice json)
{
    http_set_header(r, "Content-Type", "application/json");
    http_set_header(r, "Cache-Control", "no-store");
    traffic.output_bytes += json.n;
    if (http_method(r) == HTTP_HEAD) {
        char length[24];
        snprintf(length, sizeof length, "%zu", json.n);
        http_set_header(r, "Content-Length", length);
        json = SLICE("");
    }
    http_reply(r, status, json);
}

void http__answer_error(struct http_request *r, int status, struct slice text)
{
    struct buf tape = BUF_INIT, json = BUF_INIT;
    struct tape_writer w;
    tape_put(&tape, TAPE_REPLY, 1);
    tape_put_text(&tape, TAPE_ERROR, text);
    tape_writer_init(&w, buf_slice(&tape), 0);
    (void)tape_write(&w, &json, SIZE_MAX);
    http__answer_json(r, status, buf_slice(&json));
    buf_free(&tape);
    buf_free(&json);
}

static bool path_fits(const struct http_route *route, struct slice path, struct slice *rest)
{
    struct slice mine = slice_str(route->path);
    if (!slice_starts(path, mine) || (!route->param && path.n != mine.n))
        return false;
    *rest = slice_make(path.p + mine.n, path.n - mine.n);
    return true;
}

static void refuse_method(struct http_request *r, struct slice path)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    char allow[64] = "";
    struct slice rest;
    size_t n = 0;
    for (size_t i = 0; i < http__nroutes && n < sizeof allow; i++)
        if (path_fits(&http__routes[i], path, &rest))
            n += (size_t)snprintf(allow + n, sizeof allow - n, "%s%s%s", n ? ", " : "",
                                  names[http__routes[i].method],
                                  http__routes[i].method == HTTP_GET ? ", HEAD" : "");
    if (n == 0) {
        http__answer_error(r, 404, SLICE("NOTFOUND there is nothing at this path"));
        return;
    }
    http_set_header(r, "Allow", allow);
    http__answer_error(r, 405, SLICE("ERR this method is not allowed here"));
}

void http__on_request(void *arg, struct http_request *r)
{
    struct slice path = http_path(r), rest;
    enum http_method method = http_method(r) == HTTP_HEAD ? HTTP_GET : http_method(r);
    for (size_t i = 0; i < http__nroutes; i++) {
        const struct http_route *route = &http__routes[i];
        if (route->method != method || !path_fits(route, path, &rest))
            continue;
        if (route->open)
            route->direct(r);
        else
            http__call_new(r, route, rest);
        return;
    }
    refuse_method(r, path);
}
