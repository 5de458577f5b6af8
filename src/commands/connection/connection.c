/* PING, ECHO, SELECT, QUIT, RESET, AUTH, HELLO. */
#include "base/version.h"
#include "commands/connection/client_priv.h"
#include "commands/connection/connection_commands.h"
#include "session/acl.h"
#include "session/lifecycle.h"
#include "session/reply.h"

void cmd_ping(struct call *c)
{
    if (c->argc > 2) {
        reply_arity_error(c);
        return;
    }
    /* What a RESP2 subscriber reads looks like a message. */
    if ((c->s->flags & SESS_PUBSUB) && c->s->resp == 2) {
        reply_array(c, 2);
        reply_bulk(c, SLICE("pong"));
        reply_bulk(c, c->argc == 2 ? c->argv[1] : SLICE(""));
    } else if (c->argc == 1) {
        reply_status(c, "PONG");
    } else {
        reply_bulk(c, c->argv[1]);
    }
}

void cmd_echo(struct call *c)
{
    reply_bulk(c, c->argv[1]);
}

void cmd_select(struct call *c)
{
    int64_t db;
    if (!call_arg_range(c, 1, INT32_MIN, INT32_MAX, &db, NULL))
        return;
    if (db < 0 || db >= kv_databases(c->kv)) {
        reply_error(c, "ERR DB index is out of range");
        return;
    }
    c->s->db = (int)db;
    reply_ok(c);
}

void cmd_quit(struct call *c)
{
    reply_ok(c);
    session_close(c->s, SESS_CLOSE_AFTER_REPLY);
}

void cmd_reset(struct call *c)
{
    if (c->s->flags & (SESS_REPLICA | SESS_INTERNAL)) {
        reply_error(c, "ERR can only reset normal client connections");
        return;
    }
    session_reset(c->s);
    reply_status(c, "RESET");
}

void cmd_auth(struct call *c)
{
    if (c->argc > 3) {
        reply_syntax_error(c);
        return;
    }
    struct slice name = SLICE("default"), password = c->argv[c->argc - 1];
    if (c->argc == 3) {
        name = c->argv[1];
    } else if (acl_nopass(acl_default())) {
        reply_error(c, "ERR AUTH <password> called without any password configured for the default "
                       "user. Are you sure your "
                       "configuration is correct?");
        return;
    }
    if (acl_login(c, name, password) == ACL_LOGIN_OK)
        reply_ok(c);
}

struct hello {
    int64_t version; /* 0: not given */
    int auth, name;  /* argument numbers, 0: not given */
};

static bool hello_parse(struct call *c, struct hello *h)
{
    *h = (struct hello){0, 0, 0};
    if (c->argc > 1) {
        if (!call_arg_int(c, 1, &h->version, "Protocol version is not an integer or out of range"))
            return false;
        if (h->version < 2 || h->version > 3) {
            reply_error(c, "NOPROTO unsupported protocol version");
            return false;
        }
    }
    for (int i = 2; i < c->argc;) {
        int left = c->argc - i - 1;
        if (call_arg_is(c, i, "AUTH") && left >= 2) {
            h->auth = i + 1;
            i += 3;
        } else if (call_arg_is(c, i, "SETNAME") && left >= 1) {
            h->name = i + 1;
            i += 2;
        } else {
            reply_errorf(c, "ERR Syntax error in HELLO option '%.*s'", SLICE_FMT(c->argv[i]));
            return false;
        }
    }
    if (h->name && !client__name_ok(c->argv[h->name])) {
        reply_error(c, CLIENT_NAME_ERROR);
        return false;
    }
    return true;
}

static bool hello_login(struct call *c, const struct hello *h)
{
    if (h->auth && acl_login(c, c->argv[h->auth], c->argv[h->auth + 1]) != ACL_LOGIN_OK)
        return false;
    const struct acl_user *user = acl_default();
    if (!(c->s->flags & SESS_AUTHENTICATED) && (!acl_nopass(user) || !acl_enabled(user))) {
        reply_error(c, "NOAUTH HELLO must be called with the client already authenticated, "
                       "otherwise the HELLO <proto> AUTH "
                       "<user> <pass> option can be used to authenticate the client and select the "
                       "RESP protocol version at "
                       "the same time");
        return false;
    }
    return true;
}

void cmd_hello(struct call *c)
{
    struct hello h;
    if (!hello_parse(c, &h) || !hello_login(c, &h))
        return;
    struct session *s = c->s;
    if (h.name)
        client__set(&s->name, c->argv[h.name]);
    if (h.version) {
        s->resp = (int)h.version;
        s->ops->set_resp(s, s->resp);
    }
    reply_map(c, 7);
    reply_str(c, "server");
    reply_str(c, "redis");
    reply_str(c, "version");
    reply_str(c, ORBIT_REDIS_VERSION);
    reply_str(c, "proto");
    reply_int(c, s->resp);
    reply_str(c, "id");
    reply_int(c, (int64_t)s->id);
    reply_str(c, "mode");
    reply_str(c, "standalone");
    reply_str(c, "role");
    reply_str(c, lifecycle.following ? "replica" : "master");
    reply_str(c, "modules");
    reply_array(c, 0);
}
