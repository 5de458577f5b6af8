/* CLIENT KILL, with an address or with filters. */
#include "commands/connection/client_priv.h"
#include "commands/connection/connection_commands.h"
#include "session/acl.h"
#include "session/reply.h"

struct kill_filter {
    struct slice addr, laddr; /* p NULL: not asked for */
    struct acl_user *user;
    bool by_type, skip_me;
    enum client_type type;
    int64_t id; /* 0: not asked for */
};

static bool parse_one(struct call *c, int i, struct kill_filter *f)
{
    struct slice value = c->argv[i + 1];
    if (call_arg_is(c, i, "id")) {
        return call_arg_range(c, i + 1, 1, INT64_MAX, &f->id, "client-id should be greater than 0");
    } else if (call_arg_is(c, i, "type")) {
        f->by_type = true;
        if (!client__type_parse(value, &f->type)) {
            reply_errorf(c, "ERR Unknown client type '%.*s'", SLICE_FMT(value));
            return false;
        }
    } else if (call_arg_is(c, i, "addr")) {
        f->addr = value;
    } else if (call_arg_is(c, i, "laddr")) {
        f->laddr = value;
    } else if (call_arg_is(c, i, "user")) {
        f->user = acl_find(value);
        if (!f->user) {
            reply_errorf(c, "ERR No such user '%.*s'", SLICE_FMT(value));
            return false;
        }
    } else if (call_arg_is(c, i, "skipme") && (slice_is(value, "yes") || slice_is(value, "no"))) {
        f->skip_me = slice_is(value, "yes");
    } else {
        reply_syntax_error(c);
        return false;
    }
    return true;
}

static bool parse(struct call *c, struct kill_filter *f)
{
    *f = (struct kill_filter){.skip_me = true};
    if (c->argc == 3) {
        f->addr = c->argv[2];
        f->skip_me = false;
        return true;
    }
    if (c->argc % 2 != 0) {
        reply_syntax_error(c);
        return false;
    }
    for (int i = 2; i < c->argc; i += 2)
        if (!parse_one(c, i, f))
            return false;
    return true;
}

static bool fits(struct session *s, const struct kill_filter *f)
{
    if (f->by_type && client__type(s) != f->type)
        return false;
    if (f->id && s->id != (uint64_t)f->id)
        return false;
    if (f->user && s->user != f->user)
        return false;
    if (f->addr.p || f->laddr.p) {
        struct sess_peer peer = {.fd = -1};
        s->ops->peer(s, &peer);
        if (f->addr.p && !slice_eq(f->addr, slice_str(peer.addr)))
            return false;
        if (f->laddr.p && !slice_eq(f->laddr, slice_str(peer.laddr)))
            return false;
    }
    return !(s->flags & SESS_CLOSING);
}

void cmd_client_kill(struct call *c)
{
    struct kill_filter f;
    if (!parse(c, &f))
        return;
    int64_t killed = 0;
    bool me = false;
    LIST_EACH_SAFE(it, tmp, session_list())
    {
        struct session *s = LIST_ENTRY(it, struct session, link);
        if (!fits(s, &f) || (s == c->s && f.skip_me))
            continue;
        killed++;
        if (s == c->s)
            me = true; /* after its reply */
        else
            session_close(s, SESS_CLOSE_NOW);
    }
    if (c->argc != 3)
        reply_int(c, killed);
    else if (killed)
        reply_ok(c);
    else
        reply_error(c, "ERR No such client");
    if (me)
        session_close(c->s, SESS_CLOSE_AFTER_REPLY);
}
