/* GET, MGET, MSET, MSETNX: the plain reads, and several keys at once. */
#include "base/num.h"
#include "commands/string/string_commands.h"
#include "commands/string/string_priv.h"
#include "session/reply.h"

void cmd_get(struct call *c)
{
    struct kv_rec *rec;
    char tmp[NUM_BUF];
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec))
        return;
    if (rec)
        reply_bulk(c, kv_str(rec, tmp));
    else
        reply_null(c);
}

void cmd_mget(struct call *c)
{
    char tmp[NUM_BUF];
    reply_array(c, (size_t)c->argc - 1);
    for (int i = 1; i < c->argc; i++) {
        struct kv_rec *rec;
        if (!call_lookup(c, c->argv[i], KV_READ, &rec))
            continue; /* the error stands as this element */
        if (rec && kv_rec_type(rec) == KV_STRING)
            reply_bulk(c, kv_str(rec, tmp));
        else
            reply_null(c);
    }
}

static bool mset_all(struct call *c)
{
    for (int i = 1; i < c->argc; i += 2) {
        if (!string__store(c, c->argv[i], c->argv[i + 1], KV_NO_EXPIRE, 0))
            return false;
    }
    return true;
}

void cmd_mset(struct call *c)
{
    if (c->argc % 2 == 0)
        reply_arity_error(c);
    else if (mset_all(c))
        reply_ok(c);
}

void cmd_msetnx(struct call *c)
{
    if (c->argc % 2 == 0) {
        reply_arity_error(c);
        return;
    }
    for (int i = 1; i < c->argc; i += 2) {
        struct kv_rec *rec;
        if (!call_lookup(c, c->argv[i], KV_WRITE, &rec))
            return;
        if (rec) {
            reply_int(c, 0);
            return;
        }
    }
    if (mset_all(c))
        reply_int(c, 1);
}
