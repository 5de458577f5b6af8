/* Who is turned away before anything of the request is looked at: strangers in protected mode, and web pages.
 *
 * A browser sends requests to this machine for any page that asks it to, and without credentials those would be as good as the
 * user's own. It says so, though: in Origin, in the Host of a name that was made to point here, and by its care with content
 * types. CORS is never granted. */
#include "event/net.h"
#include "session/session.h"
#include "wire/http/http_priv.h"

#include <arpa/inet.h>

static bool is_this_machine(struct slice host)
{
    char text[64];
    unsigned char address[16];
    if (host.n == 0 || host.n >= sizeof text)
        return false;
    const char *colon = memrchr(host.p, ':', host.n);
    if (host.p[0] == '[') {
        const char *end = memchr(host.p, ']', host.n);
        host = slice_make(host.p + 1, end ? (size_t)(end - host.p) - 1 : 0);
    } else if (colon) {
        host.n = (size_t)(colon - host.p);
    }
    memcpy(text, host.p, host.n);
    text[host.n] = 0;
    return slice_is(host, "localhost") || inet_pton(AF_INET, text, address) == 1 ||
           inet_pton(AF_INET6, text, address) == 1;
}

static bool is_json(struct http_call *c)
{
    struct slice type = http_header(c->req, "Content-Type");
    size_t n = 0;
    while (n < type.n && type.p[n] != ';' && type.p[n] != ' ')
        n++;
    return slice_is(slice_make(type.p, n), "application/json");
}

bool http__guard(struct http_call *c)
{
    bool anonymous = !http_header(c->req, "Authorization").p && (c->s->flags & SESS_AUTHENTICATED);
    bool protected = http__env.protected_mode();
    if (protected && (c->s->flags & SESS_AUTHENTICATED) && !net_peer_is_local(http_fd(c->req))) {
        http__fail(
            c, 403,
            SLICE("DENIED protected mode: the default user has no password, so only clients on "
                  "this machine are let in"));
    } else if (anonymous && http_header(c->req, "Origin").p) {
        http__fail(c, 403, SLICE("DENIED web pages need credentials"));
    } else if (anonymous && protected && !is_this_machine(http_header(c->req, "Host"))) {
        http__fail(c, 403,
                   SLICE("DENIED protected mode: the Host is neither localhost nor an address"));
    } else if (http_method(c->req) == HTTP_POST && !is_json(c)) {
        http__fail(c, 415, SLICE("ERR the Content-Type is not application/json"));
    }
    return !c->done;
}
