/* GET /api/v1/openapi.json: the paths are made of the table of routes, the schemas stand here. */
#include "base/version.h"
#include "wire/http/http_priv.h"

static const char schemas[] =
    "\"Word\":{\"description\":\"a word of a command: text, a number, or bytes\",\"oneOf\":["
    "{\"type\":\"string\"},{\"type\":\"number\"},{\"$ref\":\"#/components/schemas/Bytes\"}]},"
    "\"Bytes\":{\"type\":\"object\",\"required\":[\"base64\"],\"additionalProperties\":false,"
    "\"properties\":{\"base64\":{\"type\":\"string\",\"format\":\"byte\"}}},"
    "\"Command\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/components/schemas/"
    "Word\"},"
    "\"example\":[\"SET\",\"greeting\",\"hello\"]},"
    "\"CommandRequest\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"command\":{\"$ref\":\"#/components/schemas/Command\"},"
    "\"commands\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/components/schemas/"
    "Command\"}},"
    "\"transaction\":{\"type\":\"boolean\",\"default\":false},"
    "\"db\":{\"type\":\"integer\",\"minimum\":0,\"default\":0}}},"
    "\"Value\":{\"description\":\"any JSON: replies have the shapes of RESP3\"},"
    "\"ErrorText\":{\"type\":\"object\",\"required\":[\"code\",\"message\"],\"properties\":{"
    "\"code\":{\"type\":\"string\",\"example\":\"WRONGTYPE\"},\"message\":{\"type\":\"string\"}}},"
    "\"Error\":{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{"
    "\"error\":{\"$ref\":\"#/components/schemas/ErrorText\"}}},"
    "\"Result\":{\"type\":\"object\",\"required\":[\"result\"],\"properties\":{"
    "\"result\":{\"$ref\":\"#/components/schemas/Value\"}}},"
    "\"Results\":{\"type\":\"object\",\"required\":[\"results\"],\"properties\":{\"results\":{"
    "\"type\":\"array\",\"items\":{\"oneOf\":[{\"$ref\":\"#/components/schemas/Result\"},"
    "{\"$ref\":\"#/components/schemas/Error\"}]}}}},"
    "\"CommandAnswer\":{\"oneOf\":[{\"$ref\":\"#/components/schemas/Result\"},"
    "{\"$ref\":\"#/components/schemas/Results\"}]},"
    "\"KeyValue\":{\"type\":\"object\",\"required\":[\"value\"],\"additionalProperties\":false,"
    "\"properties\":{\"value\":{\"$ref\":\"#/components/schemas/Word\"},"
    "\"ttl_ms\":{\"type\":\"integer\",\"minimum\":1}}},"
    "\"Key\":{\"type\":\"object\",\"required\":[\"key\",\"type\",\"ttl_ms\",\"value\"],"
    "\"properties\":{"
    "\"key\":{\"$ref\":\"#/components/schemas/Value\"},\"type\":{\"type\":\"string\"},"
    "\"ttl_ms\":{\"type\":\"integer\",\"nullable\":true},"
    "\"value\":{\"$ref\":\"#/components/schemas/Value\"}}},"
    "\"Query\":{\"type\":\"object\",\"required\":[\"query\"],\"additionalProperties\":false,"
    "\"properties\":{\"query\":{\"type\":\"string\"},\"params\":{\"oneOf\":["
    "{\"type\":\"array\",\"items\":{}},{\"type\":\"object\"}]},"
    "\"timeout_ms\":{\"type\":\"integer\",\"minimum\":1},\"database\":{\"type\":\"string\"}}},"
    "\"QueryAnswer\":{\"type\":\"object\",\"required\":[\"columns\",\"rows\"],\"properties\":{"
    "\"columns\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},"
    "\"rows\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{}}},"
    "\"error\":{\"$ref\":\"#/components/schemas/ErrorText\"}}},"
    "\"Health\":{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{"
    "\"status\":{\"type\":\"string\"},\"reason\":{\"type\":\"string\"}}},"
    "\"Description\":{\"type\":\"object\"}";

static void put_content(struct buf *out, const char *type, const char *schema)
{
    buf_printf(out, "\"%s\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}", type, schema);
}

static void put_response(struct buf *out, const char *status, const char *what, const char *schema)
{
    buf_printf(out, "\"%s\":{\"description\":\"%s\",\"content\":{", status, what);
    put_content(out, "application/json", schema);
    buf_put_str(out, "}}");
}

static void put_parameters(struct buf *out, const struct http_route *r)
{
    buf_put_str(out, ",\"parameters\":[");
    if (r->param)
        buf_printf(out,
                   "{\"name\":\"%s\",\"in\":\"path\",\"required\":true,"
                   "\"schema\":{\"type\":\"string\"}},",
                   r->param);
    buf_put_str(out, "{\"name\":\"db\",\"in\":\"query\",\"description\":\"number of the database\","
                     "\"schema\":{\"type\":\"integer\",\"minimum\":0,\"default\":0}}]");
}

static void put_operation(struct buf *out, const struct http_route *r)
{
    static const char *const names[] = {"get", "head", "post", "put", "delete", "options", "patch"};
    buf_printf(out, "\"%s\":{\"operationId\":\"%s\",\"summary\":\"%s\"", names[r->method],
               r->operation, r->summary);
    if (r->open)
        buf_put_str(out, ",\"security\":[{}]");
    else
        put_parameters(out, r);
    if (r->body) {
        buf_put_str(out, ",\"requestBody\":{\"required\":true,\"content\":{");
        put_content(out, "application/json", r->body);
        if (r->method == HTTP_PUT)
            buf_put_str(out, ",\"application/octet-stream\":{\"schema\":{\"type\":\"string\","
                             "\"format\":\"binary\"}}");
        buf_put_str(out, "}}");
    }
    buf_put_str(out, ",\"responses\":{");
    put_response(out, "200", "The answer", r->answer);
    buf_put_byte(out, ',');
    if (r->open)
        put_response(out, "503", "Not now", "Health");
    else
        put_response(out, "default", "What went wrong", "Error");
    buf_put_str(out, "}}");
}

static void put_paths(struct buf *out)
{
    const char *open = NULL;
    for (size_t i = 0; i < http__nroutes; i++) {
        const struct http_route *r = &http__routes[i];
        if (open && strcmp(open, r->path) == 0) {
            buf_put_byte(out, ',');
        } else {
            buf_printf(out, "%s\"%s", open ? "}," : "", r->path);
            if (r->param)
                buf_printf(out, "{%s}", r->param);
            buf_put_str(out, "\":{");
        }
        put_operation(out, r);
        open = r->path;
    }
    buf_put_byte(out, '}');
}

void http__openapi(struct http_request *r)
{
    struct buf out = BUF_INIT;
    buf_printf(&out,
               "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"Orbit\",\"version\":\"%s\","
               "\"description\":\"Commands, keys and queries over HTTP.\"},"
               "\"security\":[{},{\"basic\":[]},{\"bearer\":[]}],\"paths\":{",
               ORBIT_VERSION);
    put_paths(&out);
    buf_put_str(&out, "},\"components\":{\"securitySchemes\":{"
                      "\"basic\":{\"type\":\"http\",\"scheme\":\"basic\"},"
                      "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":"
                      "\"base64 of user:password, or the password of the default user\"}},"
                      "\"schemas\":{");
    buf_put_str(&out, schemas);
    buf_put_str(&out, "}}}");
    http__answer_json(r, 200, buf_slice(&out));
    buf_free(&out);
}
