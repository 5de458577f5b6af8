/* CLIENT: what a client tells and asks about itself, and pausing and unblocking others. */
#include "base/clock.h"
#include "base/num.h"
#include "commands/connection/client_priv.h"
#include "commands/connection/connection_commands.h"
#include "session/block.h"
#include "session/reply.h"

void cmd_client_id(struct call *c)
{
    reply_int(c, (int64_t)c->s->id);
}

void cmd_client_info(struct call *c)
{
    struct buf b = BUF_INIT;
    client__line(&b, c->s);
    buf_put_byte(&b, '\n');
    reply_verbatim(c, "txt", buf_slice(&b));
    buf_free(&b);
}

struct list_filter {
    bool by_type;
    enum client_type type;
    int first_id; /* argument number; 0: none */
};

static bool list_parse(struct call *c, struct list_filter *f)
{
    *f = (struct list_filter){false, CLIENT_TYPE_NORMAL, 0};
    if (c->argc == 2)
        return true;
    if (call_arg_is(c, 2, "type") && c->argc == 4) {
        f->by_type = true;
        if (client__type_parse(c->argv[3], &f->type))
            return true;
        reply_errorf(c, "ERR Unknown client type '%.*s'", SLICE_FMT(c->argv[3]));
        return false;
    }
    if (call_arg_is(c, 2, "id") && c->argc > 3) {
        f->first_id = 3;
        for (int i = 3; i < c->argc; i++) {
            int64_t id;
            if (!call_arg_int(c, i, &id, "Invalid client ID"))
                return false;
        }
        return true;
    }
    reply_syntax_error(c);
    return false;
}

static void put_line(struct buf *b, struct session *s)
{
    client__line(b, s);
    buf_put_byte(b, '\n');
}

void cmd_client_list(struct call *c)
{
    struct list_filter f;
    if (!list_parse(c, &f))
        return;
    struct buf b = BUF_INIT;
    if (f.first_id) {
        for (int i = f.first_id; i < c->argc; i++) {
            int64_t id = 0;
            struct session *s = num_parse_int(c->argv[i], &id) ? session_by_id((uint64_t)id) : NULL;
            if (s && !(s->flags & SESS_CLOSING))
                put_line(&b, s);
        }
    } else {
        LIST_EACH(it, session_list())
        {
            struct session *s = LIST_ENTRY(it, struct session, link);
            if (!(s->flags & SESS_CLOSING) && (!f.by_type || client__type(s) == f.type))
                put_line(&b, s);
        }
    }
    reply_verbatim(c, "txt", buf_slice(&b));
    buf_free(&b);
}

void cmd_client_setname(struct call *c)
{
    if (!client__name_ok(c->argv[2])) {
        reply_error(c, CLIENT_NAME_ERROR);
        return;
    }
    client__set(&c->s->name, c->argv[2]);
    reply_ok(c);
}

void cmd_client_getname(struct call *c)
{
    if (c->s->name.n)
        reply_bulk(c, buf_slice(&c->s->name));
    else
        reply_null(c);
}

void cmd_client_setinfo(struct call *c)
{
    struct buf *to;
    if (call_arg_is(c, 2, "lib-name")) {
        to = &c->s->lib_name;
    } else if (call_arg_is(c, 2, "lib-ver")) {
        to = &c->s->lib_ver;
    } else {
        reply_errorf(c, "ERR Unrecognized option '%.*s'", SLICE_FMT(c->argv[2]));
        return;
    }
    if (!client__name_ok(c->argv[3])) {
        reply_errorf(c, "ERR %.*s cannot contain spaces, newlines or special characters.",
                     SLICE_FMT(c->argv[2]));
        return;
    }
    client__set(to, c->argv[3]);
    reply_ok(c);
}

void cmd_client_reply(struct call *c)
{
    struct session *s = c->s;
    if (call_arg_is(c, 2, "on")) {
        s->flags &= ~(uint32_t)(SESS_REPLY_OFF | SESS_REPLY_SKIP | SESS_REPLY_SKIP_NEXT);
        s->ops->set_reply(s, true);
        reply_ok(c);
    } else if (call_arg_is(c, 2, "off")) {
        s->flags |= SESS_REPLY_OFF;
        s->ops->set_reply(s, false);
    } else if (call_arg_is(c, 2, "skip")) {
        if (!(s->flags & SESS_REPLY_OFF))
            s->flags |= SESS_REPLY_SKIP_NEXT;
    } else {
        reply_syntax_error(c);
    }
}

/* on|off as argument 2. */
static void set_flag(struct call *c, uint32_t flag)
{
    if (call_arg_is(c, 2, "on")) {
        c->s->flags |= flag;
    } else if (call_arg_is(c, 2, "off")) {
        c->s->flags &= ~flag;
    } else {
        reply_syntax_error(c);
        return;
    }
    reply_ok(c);
}

void cmd_client_no_evict(struct call *c)
{
    set_flag(c, SESS_NO_EVICT);
}

void cmd_client_no_touch(struct call *c)
{
    set_flag(c, SESS_NO_TOUCH);
}

void cmd_client_unblock(struct call *c)
{
    bool with_error = false;
    int64_t id;
    if (c->argc > 4) {
        reply_unknown_sub(c);
        return;
    }
    if (c->argc == 4) {
        if (call_arg_is(c, 3, "error")) {
            with_error = true;
        } else if (!call_arg_is(c, 3, "timeout")) {
            reply_error(c, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
            return;
        }
    }
    if (!call_arg_int(c, 2, &id, NULL))
        return;
    struct session *s = session_by_id((uint64_t)id);
    reply_int(c, s && block_unblock(s, with_error));
}

void cmd_client_pause(struct call *c)
{
    enum pause_mode mode = PAUSE_ALL;
    int64_t ms;
    if (c->argc > 4) {
        reply_unknown_sub(c);
        return;
    }
    if (c->argc == 4) {
        if (call_arg_is(c, 3, "write")) {
            mode = PAUSE_WRITE;
        } else if (!call_arg_is(c, 3, "all")) {
            reply_error(c, "ERR CLIENT PAUSE mode must be WRITE or ALL");
            return;
        }
    }
    if (!call_arg_int(c, 2, &ms, "timeout is not an integer or out of range"))
        return;
    int64_t now = clock_wall_ms();
    if (ms < 0) {
        reply_error(c, "ERR timeout is negative");
        return;
    }
    if (ms > INT64_MAX - now) {
        reply_error(c, "ERR timeout is out of range");
        return;
    }
    pause_set(PAUSE_BY_CLIENT, mode, now + ms);
    reply_ok(c);
}

void cmd_client_unpause(struct call *c)
{
    pause_end(PAUSE_BY_CLIENT);
    reply_ok(c);
}

void cmd_client_help(struct call *c)
{
    static const char *const lines[] = {
        "CACHING (YES|NO)",
        "    With tracking in OPTIN or OPTOUT mode: whether the keys of the next command are "
        "tracked.",
        "GETNAME",
        "    Tell the name of this connection.",
        "GETREDIR",
        "    Tell the id of the client that gets this one's invalidation messages.",
        "ID",
        "    Tell the id of this connection.",
        "INFO",
        "    Tell about this connection what LIST tells about all.",
        "KILL <ip:port>",
        "    Close the connection from this address.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close the connections that all options fit:",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      the client's address",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      the server's address",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      the kind of client",
        "    * USER <username>",
        "      who is logged in",
        "    * SKIPME (YES|NO)",
        "      leave this connection out (default: yes)",
        "    * ID <client-id>",
        "      the id",
        "LIST [options ...]",
        "    Tell about all connections, or those of:",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "    * ID <client-id> [<client-id> [...]]",
        "NO-EVICT (ON|OFF)",
        "    Spare this connection when clients use too much memory.",
        "NO-TOUCH (ON|OFF)",
        "    Leave the access times of keys as they are.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Hold all commands, or writing ones, for this many milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Whether this connection gets replies.",
        "SETINFO <option> <value>",
        "    Tell about the client library:",
        "    * LIB-NAME: its name",
        "    * LIB-VER: its version",
        "SETNAME <name>",
        "    Give this connection a name.",
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
        "         [OPTIN] [OPTOUT] [NOLOOP]",
        "    Tell this client when keys that it has read are changed.",
        "TRACKINGINFO",
        "    Tell how this connection's tracking is set.",
        "UNBLOCK <clientid> [TIMEOUT|ERROR]",
        "    Let a blocked client go on.",
        "UNPAUSE",
        "    End CLIENT PAUSE.",
        NULL,
    };
    reply_help(c, lines);
}
