/* Health for load balancers and supervisors, who have no credentials: nothing is told but how the server is. */
#include "session/lifecycle.h"
#include "wire/http/http_priv.h"

static void answer(struct http_request *r, bool good, const char *status, const char *why)
{
    struct buf json = BUF_INIT;
    buf_printf(&json, "{\"status\":\"%s\"", status);
    if (why)
        buf_printf(&json, ",\"reason\":\"%s\"", why);
    buf_put_byte(&json, '}');
    http__answer_json(r, good ? 200 : 503, buf_slice(&json));
    buf_free(&json);
}

/* NULL: everything works. */
static const char *trouble(void)
{
    if (lifecycle.loading)
        return "data is being loaded";
    if (lifecycle.shutdown_ms)
        return "the server is stopping";
    if (http__env.writes_refused(NULL))
        return "writes are refused";
    if (lifecycle.following && !lifecycle.master_up)
        return "the link to the master is down";
    return NULL;
}

void http__health(struct http_request *r)
{
    const char *why = trouble();
    /* Reads go on in all of these cases but one. */
    answer(r, !lifecycle.loading,
           !why                ? "healthy"
           : lifecycle.loading ? "unhealthy"
                               : "degraded",
           why);
}

void http__live(struct http_request *r)
{
    answer(r, true, "live", NULL);
}

void http__ready(struct http_request *r)
{
    const char *why = trouble();
    answer(r, !why, why ? "not ready" : "ready", why);
}
